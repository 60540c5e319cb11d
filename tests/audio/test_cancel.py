"""Echo cancellation: how much is left of the echo, how much of a voice; no sample gets lost."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt.audio import cancel
from inworld_rt.audio.cancel import Canceller
from inworld_rt.errors import AudioError, BackendMissing, ConfigError
from inworld_rt.simulator.voice import find_voice

RATES = {"webrtc": (8000, 16000, 24000, 32000, 44100, 48000), "speex": (16000, 24000, 48000)}
FRAME_MS = {"webrtc": 10, "speex": 20}
ENOUGH = {"webrtc": 20.0, "speex": 12.0}  # decibels that have to be taken off an echo
LEARNT = 3  # seconds
CASES = [(name, rate) for name, rates in RATES.items() for rate in rates]
FAR = (
    "The harbour was quiet that morning, and a single boat was coming in. "
    "Nobody had expected the weather to change so quickly."
)
NEAR = "Excuse me, may I ask you something?"

each_engine = pytest.mark.parametrize("name", RATES)
each_rate = pytest.mark.parametrize(("name", "rate"), CASES)


def make(name: str, rate: int) -> Canceller:
    """The engine, or else a skipped test."""
    pytest.importorskip("numpy", reason="numpy is not installed (extra: echo)")
    try:
        return cancel.ENGINES[name](rate)
    except BackendMissing as exc:
        pytest.skip(str(exc))


@functools.cache
def speech(text: str, voice: str, rate: int) -> Any:
    import numpy

    pcm = b"".join(find_voice().speak(text, voice=voice, rate=rate))
    return numpy.frombuffer(pcm, "<i2").astype(float)


def loud(samples: Any) -> float:
    """Average level in decibels, of full scale."""
    import numpy

    return float(10 * numpy.log10((samples**2).mean() / 32768**2 + 1e-12))


def echo_of(far: Any, rate: int, delay_ms: int) -> Any:
    """What a microphone hears of it: late, from many sides, 12 dB quieter."""
    import numpy

    count = rate * 80 // 1000
    walls = numpy.random.default_rng(7).standard_normal(count) / 3
    walls *= numpy.exp(-5 * numpy.arange(count) / count)
    walls[0] = 1
    size = 1 << (len(far) + count).bit_length()
    echo = numpy.fft.irfft(numpy.fft.rfft(far, size) * numpy.fft.rfft(walls, size), size)
    echo = numpy.append(numpy.zeros(rate * delay_ms // 1000), echo)[: len(far)]
    return echo * 10 ** ((loud(far) - 12 - loud(echo)) / 20)


def through(canceller: Canceller, near: Any, far: Any, rate: int) -> Any:
    """What comes out, 20 ms by 20 ms."""
    import numpy

    def pcm(samples: Any) -> bytes:
        return bytes(samples.clip(-32768, 32767).astype("<i2").tobytes())

    heard, played, size = pcm(near), pcm(far), rate // 50 * 2
    out = [
        canceller.process(heard[n : n + size], played[n : n + size])
        for n in range(0, len(heard), size)
    ]
    canceller.close()
    return numpy.frombuffer(b"".join(out), "<i2").astype(float)


@each_rate
def test_the_echo_is_gone_after_some_seconds(name: str, rate: int) -> None:
    canceller = make(name, rate)
    far = speech(FAR, "Clive", rate)
    echo = echo_of(far, rate, 80)
    left = through(canceller, echo, far, rate)
    late = slice(LEARNT * rate, None)
    assert loud(left[late]) < loud(echo[late]) - ENOUGH[name]


@pytest.mark.parametrize("delay_ms", [20, 80, 200])
@each_engine
def test_it_may_come_soon_or_late(name: str, delay_ms: int) -> None:
    canceller = make(name, 24000)
    far = speech(FAR, "Clive", 24000)
    echo = echo_of(far, 24000, delay_ms)
    left = through(canceller, echo, far, 24000)
    late = slice(LEARNT * 24000, None)
    assert loud(left[late]) < loud(echo[late]) - ENOUGH[name]


@each_rate
def test_a_voice_alone_stays_as_it_is(name: str, rate: int) -> None:
    canceller = make(name, rate)
    near = speech(NEAR, "Sarah", rate)
    left = through(canceller, near, near * 0, rate)
    assert loud(left) == pytest.approx(loud(near), abs=3)


@each_engine
def test_a_voice_is_heard_over_the_echo(name: str) -> None:
    canceller = make(name, 24000)
    far, near = speech(FAR, "Clive", 24000), speech(NEAR, "Sarah", 24000)
    begin = LEARNT * 24000
    both = echo_of(far, 24000, 80)
    during = slice(begin, begin + len(near))
    both[during] += near[: len(both[during])]
    left = through(canceller, both, far, 24000)
    assert loud(left[during]) == pytest.approx(loud(near), abs=6)


# --- no sample too many, none too few -------------------------------------------------------------


@each_engine
@given(sizes=st.lists(st.integers(0, 1500), max_size=30))
@settings(max_examples=20)
def test_as_much_comes_out_as_went_in(name: str, sizes: list[int]) -> None:
    canceller = make(name, 24000)
    for size in sizes:
        assert len(canceller.process(bytes(2 * size), bytes(2 * size))) == 2 * size
    canceller.close()


@given(st.lists(st.integers(0, 40), max_size=40), st.integers(1, 20))
def test_all_comes_out_in_order(sizes: list[int], frame: int) -> None:
    """And what is played stays beside what is heard. At most once there is a frame of silence."""
    pairs = []

    def note(near: bytes, far: bytes) -> bytes:
        pairs.append((near, far))
        return near

    framed = cancel._Framed(frame, note, list)
    heard = b"".join(n.to_bytes(2, "little") for n in range(1, sum(sizes) + 1))
    played = heard[::-1]
    out, at = b"", 0
    for size in sizes:
        there = slice(at, at + 2 * size)
        out += framed.process(heard[there], played[there])
        at += 2 * size
    assert b"".join(near for near, _ in pairs) == heard[: 2 * frame * len(pairs)]
    assert b"".join(far for _, far in pairs) == played[: 2 * frame * len(pairs)]
    samples = [out[n : n + 2] for n in range(0, len(out), 2)]
    regular = all(size % frame == 0 for size in sizes)
    assert samples.count(b"\0\0") <= (0 if regular else frame)
    assert heard.startswith(b"".join(sample for sample in samples if sample != b"\0\0"))


@each_engine
def test_whole_frames_wait_for_nothing(name: str) -> None:
    canceller = make(name, 16000)
    frame = 16 * FRAME_MS[name]
    sound = speech(NEAR, "Sarah", 16000)[: 40 * frame].astype("<i2").tobytes()
    at_once = canceller.process(sound, bytes(len(sound)))
    canceller.close()
    again = make(name, 16000)
    slowly = b"".join(
        again.process(sound[n : n + 2 * frame], bytes(2 * frame))
        for n in range(0, len(sound), 2 * frame)
    )
    again.close()
    assert slowly == at_once


# --- use and misuse -------------------------------------------------------------------------------


@each_engine
def test_closing_is_for_good(name: str) -> None:
    canceller = make(name, 16000)
    assert canceller.name == name
    canceller.close()
    canceller.close()
    with pytest.raises(AudioError, match="closed"):
        canceller.process(bytes(640), bytes(640))


@pytest.mark.parametrize(("near", "far"), [(640, 320), (0, 2), (321, 321)])
def test_both_sounds_have_one_length(near: int, far: int) -> None:
    with pytest.raises(ConfigError, match=f"{near} and {far}"):
        cancel._Framed(160, max, list).process(bytes(near), bytes(far))


@pytest.mark.parametrize("rate", [0, 4000, 11025, 16000.0, True, None, "16000"])
@pytest.mark.parametrize("create", [cancel.WebRtc, cancel.Speex, cancel.find])
def test_impossible_rates(create: Callable[[Any], Canceller], rate: Any) -> None:
    with pytest.raises(ConfigError, match="multiples of 100"):
        create(rate)


def test_the_best_one_there_is_found() -> None:
    make("webrtc", 16000).close()
    for wanted, name in ((None, "webrtc"), ("webrtc", "webrtc")):
        found = cancel.find(16000, wanted)
        found.close()
        assert found.name == name


def test_one_may_be_chosen() -> None:
    make("speex", 16000).close()
    found = cancel.find(16000, "speex")
    found.close()
    assert found.name == "speex"
    with pytest.raises(ConfigError, match="webrtc, speex"):
        cancel.find(16000, "magic")


WITHOUT = """
import ctypes, ctypes.util, platform, sys

def nothing(*name):
    raise OSError("no such library")

sys.modules["livekit"] = None   # as if not installed
ctypes.CDLL, ctypes.util.find_library = nothing, lambda name: None
from inworld_rt.audio import cancel
from inworld_rt.errors import BackendMissing
for machine in ("aarch64", "armv7l"):
    platform.machine = lambda: machine
    try:
        cancel.find(16000)
    except BackendMissing as exc:
        print(exc)
"""


def test_where_there_is_none_one_command_is_told() -> None:
    """The one that works on this processor."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    common, other = done.stdout.splitlines()
    assert "inworld_rt[echo]" in common
    assert ("brew" if sys.platform == "darwin" else "sudo apt install libspeexdsp1") in other


FORGETFUL = """
import sys, threading
from inworld_rt.audio import cancel

canceller = cancel.find(24000, sys.argv[1])
canceller.process(bytes(960), bytes(960))
assert threading.active_count() == 1
"""


@each_engine
def test_a_forgotten_one_ends_quietly_with_the_program(name: str) -> None:
    make(name, 24000).close()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORGETFUL, name],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
