"""Recordings, lived through again: a bug report becomes a test.

A recording has two sides, and each can be played to the other one of today::

    service    `Replay`: answers a client as the service did; for tests
    user       `play`: does with a client what was done, whatever service that has
    names      ids of then and of now
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.replay.service import Replay as Replay
    from inworld_rt.replay.user import first_settings as first_settings
    from inworld_rt.replay.user import play as play

_HOMES: dict[str, tuple[str, ...]] = {
    "service": ("Replay",),
    "user": ("first_settings", "play"),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
