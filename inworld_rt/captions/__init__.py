"""Which word of an answer is heard when, and subtitles made of it (protocol: assistant audio).
Pure."""

from __future__ import annotations

from inworld_rt.captions.files import Cue, cues, srt, webvtt
from inworld_rt.captions.timeline import Timeline
from inworld_rt.captions.words import Caption, Viseme, heard

__all__ = ["Caption", "Cue", "Timeline", "Viseme", "cues", "heard", "srt", "webvtt"]
