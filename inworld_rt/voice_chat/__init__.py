"""Live voice: microphone in, loudspeaker out, and who may speak when.

============  ====================================================================
``chat``      :class:`VoiceChat`: client, microphone and loudspeaker together
``uplink``    the user's speech on its way to the server
``stats``     how well the sound went, in numbers and in one sentence
``recorder``  a conversation kept as WAV files
============  ====================================================================
"""

from __future__ import annotations

from inworld_rt.voice_chat.chat import VoiceChat
from inworld_rt.voice_chat.stats import AudioStats

__all__ = ["AudioStats", "VoiceChat"]
