"""The vocabulary: every client event and every server event, one class each.

A class's ``wire_name`` is its ``type`` on the wire; older spellings are read as well.
"""

from inworld_rt.events import client, server
from inworld_rt.events.client import *  # noqa: F403
from inworld_rt.events.server import *  # noqa: F403
from inworld_rt.wire import Event, UnknownEvent

__all__ = ["Event", "UnknownEvent", *client.__all__, *server.__all__]
