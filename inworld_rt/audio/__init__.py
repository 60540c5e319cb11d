"""The room for sound: WAV files, sample rates and, beside them, sound devices.

The arithmetic of audio formats is next door, in :mod:`inworld_rt.pcm`.
"""

from __future__ import annotations

__all__: list[str] = []
