"""Sample rates: length, pitch, chunking, and what happens without the optional packages."""

from __future__ import annotations

import subprocess
import sys
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt import pcm
from inworld_rt.audio.convert import recording_to
from inworld_rt.audio.resample import QUALITIES, Resampler, resample
from inworld_rt.audio.wav import Recording
from inworld_rt.errors import ConfigError
from inworld_rt.pcm import AudioFormat

RATES = [8000, 11025, 16000, 22050, 24000, 44100, 48000]
PAIRS = [(a, b) for a in RATES for b in RATES if a != b]
DITHER = 2  # steps of 16 bits by which two runs over the same sound may differ


def need_soxr() -> None:
    pytest.importorskip("soxr", reason="soxr is not installed (extra: resample)")


def sine(hz: float, rate: int, ms: int = 200, volume: float = 0.5) -> bytes:
    return pcm.tone(hz, ms, AudioFormat(rate=rate), volume)


def worst(a: bytes, b: bytes, margin: int = 0) -> int:
    """The largest difference between two sounds of one length, but for both margins."""
    assert len(a) == len(b)
    pairs = list(zip(array("h", a), array("h", b), strict=True))
    return max((abs(x - y) for x, y in pairs[margin : len(pairs) - margin]), default=0)


def streamed(resampler: Resampler, sound: bytes, sizes: list[int]) -> bytes:
    out, at = [], 0
    for size in sizes:
        out.append(resampler.push(sound[at : at + size]))
        at += size
    out.append(resampler.push(sound[at:]))
    out.append(resampler.flush())
    return b"".join(out)


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_a_sine_stays_the_same_sine(from_rate: int, to_rate: int) -> None:
    """Pitch, level and position in time at once: compare with the tone made at the new rate."""
    need_soxr()
    expected = sine(1000, to_rate)
    margin = to_rate // 20  # a tone that starts from nothing rings at its ends
    for quality, converted in (
        ("HQ", resample(sine(1000, from_rate), from_rate, to_rate)),
        ("LQ", streamed(Resampler(from_rate, to_rate), sine(1000, from_rate), [960] * 8)),
    ):
        assert worst(converted, expected, margin) <= 8, quality  # of 16384: better than -66 dB


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48000, 24000), (44100, 16000), (24000, 8000)])
def test_what_the_lower_rate_cannot_hold_is_removed(from_rate: int, to_rate: int) -> None:
    need_soxr()
    too_high = sine(to_rate * 0.6, from_rate)
    for converted in (
        resample(too_high, from_rate, to_rate),
        streamed(Resampler(from_rate, to_rate), too_high, []),
    ):
        middle = converted[len(converted) // 8 * 2 : -len(converted) // 8 * 2]
        assert pcm.level(middle) < -70


@given(st.sampled_from(PAIRS), st.integers(0, 700))
@settings(max_examples=60)
def test_the_length_is_exact(rates: tuple[int, int], samples: int) -> None:
    need_soxr()
    from_rate, to_rate = rates
    exact = samples * to_rate / from_rate
    whole = resample(bytes(2 * samples), from_rate, to_rate)
    stream = Resampler(from_rate, to_rate)
    for sound in (whole, stream.push(bytes(2 * samples)) + stream.flush()):
        assert abs(len(sound) / 2 - exact) <= 0.5


@given(
    st.sampled_from([(24000, 48000), (48000, 24000), (44100, 24000), (24000, 44100)]),
    st.lists(st.integers(0, 700), max_size=20),
    st.sampled_from(["LQ", "HQ"]),
)
@settings(max_examples=60)
def test_chunking_does_not_matter(rates: tuple[int, int], sizes: list[int], quality: str) -> None:
    """No click where chunks meet, wherever the cuts are, inside samples included."""
    need_soxr()
    sound = sine(440, rates[0], 60)
    at_once = streamed(Resampler(*rates, quality), sound, [])
    assert worst(streamed(Resampler(*rates, quality), sound, sizes), at_once) <= DITHER


def test_one_shot_equals_the_stream_of_its_quality() -> None:
    need_soxr()
    sound = sine(440, 24000)
    stream = streamed(Resampler(24000, 48000, "HQ"), sound, [960] * 5)
    assert worst(stream, resample(sound, 24000, 48000)) <= DITHER


def test_the_stream_never_holds_back_much() -> None:
    need_soxr()
    for rates in ((24000, 48000), (48000, 24000), (44100, 24000), (48000, 16000)):
        stream, out, got = Resampler(*rates), AudioFormat(rate=rates[1]), 0
        for heard_ms in range(20, 1000, 20):
            got += len(stream.push(AudioFormat(rate=rates[0]).silence(20)))
            assert heard_ms - out.ms(got) <= 25, rates


def test_a_flushed_or_cleared_resampler_starts_afresh() -> None:
    need_soxr()
    sound = sine(440, 24000, 60)
    stream = Resampler(24000, 16000)
    first = streamed(stream, sound, [101])
    assert worst(streamed(stream, sound, [101]), first) <= DITHER
    stream.push(sine(880, 24000, 33) + b"x")
    stream.clear()
    assert worst(streamed(stream, sound, [101]), first) <= DITHER


def test_full_scale_does_not_wrap_around() -> None:
    need_soxr()
    square = (b"\xff\x7f" * 24 + b"\x00\x80" * 24) * 50
    converted = array("h", resample(square, 24000, 48000))
    assert max(converted) == 32767
    assert min(converted) == -32768
    middles = [converted[n + 48] for n in range(960, 3840, 192)]
    assert {value > 20000 or value < -20000 for value in middles} == {True}


@given(st.binary(max_size=99), st.sampled_from(RATES), st.lists(st.integers(0, 9), max_size=9))
def test_equal_rates_change_nothing(data: bytes, rate: int, sizes: list[int]) -> None:
    whole = data[: len(data) // 2 * 2]
    assert resample(data, rate, rate) == whole
    assert streamed(Resampler(rate, rate), data, sizes) == whole


@pytest.mark.parametrize("rate", [0, -1, 24000.0, True, None, "24000"])
def test_impossible_rates(rate: Any) -> None:
    for rates in ((rate, 24000), (24000, rate)):
        with pytest.raises(ConfigError):
            resample(b"", *rates)


def test_an_unknown_quality_is_refused_with_the_list() -> None:
    with pytest.raises(ConfigError, match=", ".join(QUALITIES)):
        Resampler(24000, 48000, "best")


@pytest.mark.parametrize("quality", QUALITIES)
def test_every_quality_works(quality: str) -> None:
    need_soxr()
    assert len(streamed(Resampler(24000, 48000, quality), bytes(960), [])) == 1920


WITHOUT = """
import sys
sys.modules["soxr"] = sys.modules["numpy"] = None   # as if not installed
from inworld_rt.audio import convert, resample, wav
from inworld_rt.errors import BackendMissing
from inworld_rt.pcm import AudioFormat
assert resample.resample(b"abcd", 24000, 24000) == b"abcd"
assert convert.recording_to(AudioFormat(), wav.Recording(24000, 1, b"abcd")) == b"abcd"
try:
    convert.recording_to(AudioFormat(), wav.Recording(44100, 1, b"abcd"))
except BackendMissing as exc:
    print(exc)
"""


def test_without_the_optional_packages_equal_rates_still_work() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    assert "44100 to 24000 Hz" in done.stdout
    assert "inworld_rt[resample]" in done.stdout


# --- recordings to the wire -------------------------------------------------------------------


def test_a_stereo_recording_goes_to_every_format() -> None:
    need_soxr()
    mono = sine(440, 44100, 100)
    stereo = b"".join(mono[n : n + 2] * 2 for n in range(0, len(mono), 2))
    for name in ("pcm16", "g711_ulaw", "g711_alaw", "float32"):
        fmt = AudioFormat.of(name)
        coded = recording_to(fmt, Recording(44100, 2, stereo))
        assert len(coded) == fmt.bytes(100)
        assert pcm.level(pcm.decode(coded, fmt)) == pytest.approx(-9.0, abs=0.2)


def test_a_recording_in_the_right_form_is_not_touched() -> None:
    sound = sine(440, 24000)
    assert recording_to(AudioFormat(), Recording(24000, 1, sound)) is sound
