"""Speech to text without an answer: what is said in a recording, and when (protocol: voice turn,
user transcription).

==============  ==================================================================
``task``        the whole of it: settings before and after, and what lies between
``delivery``    a recording on its way, until all of it was heard and read
``heard``       the utterances, as the server tells of them
``transcript``  what comes of it: a text that knows its utterances
==============  ==================================================================
"""

from __future__ import annotations

from inworld_rt.transcription.task import transcribe
from inworld_rt.transcription.transcript import Transcript, Utterance

__all__ = ["Transcript", "Utterance", "transcribe"]
