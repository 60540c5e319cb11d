"""Conversations that are kept: every event, the sound of both sides, and who said what.

Read from the top::

    loading      `load` and `find`: a recording, read again
    recorder     one in progress: what it listens to, and its thread
    last_minute  one that is only written when something goes wrong
    writer       what happened, into files, in order of time
    folder       which files, and where

The parts::

    messages     a message without its sound, and with it again
    scrubber     takes secrets out
    sound        both sides in one WAV file, in time
    script       who said what when
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.recording.last_minute import LastMinute as LastMinute
    from inworld_rt.recording.loading import Entry as Entry
    from inworld_rt.recording.loading import Recorded as Recorded
    from inworld_rt.recording.loading import find as find
    from inworld_rt.recording.loading import load as load

_HOMES: dict[str, tuple[str, ...]] = {
    "last_minute": ("LastMinute",),
    "loading": ("Entry", "Recorded", "find", "load"),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
