"""The blocking client. :class:`Client` opens and closes a session; what it can do besides is in the
other modules, a part in each.

============  ====================================================================
``answers``   saying something, and getting the answer
``items``     the conversation's items, and speech slice by slice
``settings``  the session's settings, and its memory
``tools``     functions that the model may call
``voice``     microphone and loudspeaker
``watching``  the server's events, one by one
``states``    what is going on, and hooks for its changes
============  ====================================================================
"""

from __future__ import annotations

from inworld_rt.client.client import Client

__all__ = ["Client"]
