"""Arithmetic on samples, and its laws."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt import pcm
from inworld_rt.audio.mixing import loudness, mix, scale, spread
from inworld_rt.pcm import AudioFormat, tone

samples = st.integers(-32768, 32767)
sounds = st.lists(samples, max_size=30)


def packed(numbers: list[int]) -> bytes:
    return pcm._to_bytes("h", numbers)


def unpacked(sound: bytes) -> list[int]:
    return list(pcm._array("h", sound))


def clipped(number: int) -> int:
    return max(-32768, min(32767, number))


@given(st.lists(st.tuples(samples, samples), max_size=30))
def test_both_at_once(pairs: list[tuple[int, int]]) -> None:
    """Their sum, whichever comes first, and no sample turns over."""
    one, other = packed([a for a, _ in pairs]), packed([b for _, b in pairs])
    assert unpacked(mix(one, other)) == [clipped(a + b) for a, b in pairs]
    assert mix(other, one) == mix(one, other)
    assert mix(one, bytes(len(one))) == one


@given(sounds, st.floats(0, 100))
def test_louder_and_softer(sound: list[int], gain: float) -> None:
    assert unpacked(scale(packed(sound), gain)) == [clipped(round(s * gain)) for s in sound]


@given(sounds)
def test_as_it_is_and_silent(sound: list[int]) -> None:
    assert scale(packed(sound), 1) == scale(packed(sound), 1.0) == packed(sound)
    assert scale(packed(sound), 0) == scale(packed(sound), 0.0) == bytes(2 * len(sound))


@given(sounds, st.integers(1, 8))
def test_the_same_on_all_channels(sound: list[int], channels: int) -> None:
    """And back again."""
    frames = spread(packed(sound), channels)
    assert unpacked(frames) == [sample for sample in sound for _ in range(channels)]
    assert pcm.to_mono(frames, channels) == packed(sound)


def test_how_loud() -> None:
    assert loudness(b"") == loudness(bytes(100)) == 0
    assert loudness(packed([32767, -32768] * 10)) == pytest.approx(1, abs=1e-4)
    assert loudness(tone(400, 100, AudioFormat())) == pytest.approx(1 - 9 / 60, abs=0.01)
    assert loudness(packed([32, -32] * 10)) == 0  # -60 dBFS


@given(sounds, st.floats(0, 1))
def test_loudness_is_a_part_and_grows(sound: list[int], gain: float) -> None:
    loud = loudness(packed(sound))
    assert 0 <= loud <= 1
    softer = array("h", [int(sample * gain) for sample in sound])
    assert loudness(softer.tobytes()) <= loud
