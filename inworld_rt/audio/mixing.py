"""Arithmetic on 16-bit samples: louder, together, on all channels. Pure."""

from __future__ import annotations

import operator
import sys
from array import array
from collections.abc import Iterable

from inworld_rt import pcm

__all__ = ["loudness", "mix", "scale", "spread"]

_LOUDEST, _LOWEST = 32767, -32768
_QUIETEST = -60.0  # dBFS that is shown as no level at all


def loudness(sound: bytes) -> float:
    """How loud samples are, as a number for lamps and meters.

    Args:
        sound: 16-bit samples.

    Returns:
        0 for -60 dBFS and less, 1 for full scale.
    """
    return min(1.0, max(0.0, 1 - pcm.level(sound) / _QUIETEST))


def mix(one: bytes, other: bytes) -> bytes:
    """Both at once; what would be too loud is clipped.

    Args:
        one: samples.
        other: as many.
    """
    return _packed(map(operator.add, _samples(one), _samples(other)))


def scale(sound: bytes, gain: float) -> bytes:
    """Louder or softer; what would be too loud is clipped.

    Args:
        sound: samples.
        gain: 1 changes nothing, 0 is silence.
    """
    if gain == 1:
        return sound
    if gain == 0:
        return bytes(len(sound))
    return _packed([round(sample * gain) for sample in _samples(sound)])


def spread(mono: bytes, channels: int) -> bytes:
    """The same on all channels.

    Args:
        mono: samples.
        channels: how many.
    """
    if channels == 1:
        return mono
    frames = bytearray(len(mono) * channels)
    for byte in range(2 * channels):
        frames[byte :: 2 * channels] = mono[byte % 2 :: 2]
    return bytes(frames)


def _samples(sound: bytes) -> array[int]:
    samples = array("h")
    samples.frombytes(sound)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _packed(numbers: Iterable[int]) -> bytes:
    samples = array("h", [min(_LOUDEST, max(_LOWEST, number)) for number in numbers])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
