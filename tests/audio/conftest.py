"""The sound cards of :mod:`support.soundcard`, for all tests in this folder."""

from __future__ import annotations

from support.soundcard import bare_sound, fixed_rate, pulse, soundcard

__all__ = ["bare_sound", "fixed_rate", "pulse", "soundcard"]
