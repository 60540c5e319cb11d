"""What every back end of sound promises: sound cards, WAV files, nothing, and the fake one."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.background import PATIENCE

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.audio.backend import BACKENDS, PERIODS_PER_SECOND, Backend, find_backend
from inworld_rt.errors import DeviceError
from inworld_rt.pcm import RATES, AudioFormat, tone
from inworld_rt.testing import FakeSound

RATE = 24000
ENOUGH = 25  # periods


class Rig:
    """A back end, and how to use it.

    Attributes:
        backend: the back end.
        microphone, speaker: names by which its devices can be opened.
        choosy: whether it knows all of its devices.
        slack: seconds that its times may be off: a busy computer learns late that sound is there.
    """

    choosy = True
    slack = 0.0

    def __init__(self, backend: Backend, microphone: str, speaker: str) -> None:
        self.backend, self.microphone, self.speaker = backend, microphone, speaker

    def until(self, done: Callable[[], bool], news: threading.Condition) -> None:
        """Let time pass until it is so."""
        with news:
            assert news.wait_for(done, PATIENCE)

    @property
    def now(self) -> float:
        return time.monotonic()


class FakeRig(Rig):
    def until(self, done: Callable[[], bool], news: threading.Condition) -> None:
        assert isinstance(self.backend, FakeSound)
        for _ in range(int(PATIENCE * PERIODS_PER_SECOND)):
            if done():
                return
            self.backend.advance(0.02)
        pytest.fail("it never came to that")

    @property
    def now(self) -> float:
        assert isinstance(self.backend, FakeSound)
        return self.backend.clock.now()


class Undemanding(Rig):
    choosy = False


class RealRig(Rig):
    slack = 0.1


@pytest.fixture(params=["pyaudio", "wav", "null", "fake"])
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    if request.param == "fake":
        yield FakeRig(FakeSound(), "fake microphone", "fake speaker")
        return
    if request.param == "pyaudio":
        request.getfixturevalue("soundcard")
        yield RealRig(find_backend("pyaudio"), "mic", "speaker")
        return
    monkeypatch.chdir(tmp_path)
    microphone, speaker = "asked.wav", "answered.wav"
    for name in ("microphone.wav", microphone):
        wav.write(name, tone(400, 3000, AudioFormat(rate=RATE)), RATE)
    yield Undemanding(find_backend(request.param), microphone, speaker)


class Ears:
    """Takes what a source delivers."""

    def __init__(self, rig: Rig) -> None:
        self.heard: list[tuple[bytes, float]] = []
        self.came: list[float] = []
        self._rig = rig
        self._news = threading.Condition()

    def deliver(self, sound: bytes, at: float) -> None:
        with self._news:
            self.heard.append((sound, at))
            self.came.append(self._rig.now)
            self._news.notify_all()

    def wait(self, periods: int = ENOUGH) -> None:
        """Until there are so many more."""
        enough = len(self.heard) + periods
        self._rig.until(lambda: len(self.heard) >= enough, self._news)


class Mouth:
    """Gives what a sink pulls."""

    def __init__(self, rig: Rig) -> None:
        self.asked: list[tuple[int, float]] = []
        self._rig = rig
        self._news = threading.Condition()

    def pull(self, frames: int, at: float) -> bytes:
        with self._news:
            self.asked.append((frames, at))
            self._news.notify_all()
        return bytes(2 * frames)

    def wait(self, periods: int = ENOUGH) -> None:
        enough = len(self.asked) + periods
        self._rig.until(lambda: len(self.asked) >= enough, self._news)


def assert_regular(times: Sequence[float], slack: float) -> None:
    """Each 20 ms after the one before."""
    assert all(one < other + slack for one, other in itertools.pairwise(times))
    lasted = times[-1] - times[0]
    assert lasted == pytest.approx((len(times) - 1) / PERIODS_PER_SECOND, abs=slack + 0.03)


# --- choosing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BACKENDS)
def test_each_is_found_by_its_name(name: str) -> None:
    assert find_backend(name).name == name


def test_there_is_one_default_of_each_kind(rig: Rig) -> None:
    found = rig.backend.devices()
    assert [d.inputs > 0 for d in found if d.default_input] == [True]
    assert [d.outputs > 0 for d in found if d.default_output] == [True]
    assert len({d.index for d in found}) == len(found)
    assert all(not d.input_rates and not d.output_rates for d in found)


@pytest.mark.parametrize("kind", ["microphone", "speaker"])
def test_an_unknown_device_is_refused_with_the_choices(rig: Rig, kind: str) -> None:
    if rig.backend.name == "null":
        pytest.skip("null takes any name: a program runs with it unchanged")
    there = {"microphone": rig.backend.open_source, "speaker": rig.backend.open_sink}[kind]
    with pytest.raises(DeviceError) as caught:
        there("folder/of nobody.wav", [RATE], lambda *_: b"")
    told = str(caught.value)
    if rig.choosy:
        assert told.startswith("there is no sound ")
        assert f"{rig.microphone if kind == 'microphone' else rig.speaker})" in told
    else:
        assert "folder/of nobody.wav" in told and "No such file" in told


def test_what_a_probe_finds_is_true(rig: Rig) -> None:
    if not rig.choosy:
        pytest.skip("its rates are those of the files")
    for device in rig.backend.devices(probe=True):
        assert set(device.input_rates) | set(device.output_rates) <= set(RATES)
        assert not device.input_rates or device.inputs
        assert not device.output_rates or device.outputs
        for rate in device.input_rates:
            stream = rig.backend.open_source(device.index, [rate], lambda *_: None)
            stream.close()
            assert stream.rate == rate


# --- microphones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [False, True], ids=["default", "by name"])
def test_a_microphone_delivers_periods_of_20_ms(rig: Rig, named: bool) -> None:
    ears = Ears(rig)
    stream = rig.backend.open_source(rig.microphone if named else None, [RATE], ears.deliver)
    try:
        ears.wait()
    finally:
        stream.close()
    assert stream.rate == RATE and stream.channels == 1
    if named:
        assert rig.microphone in stream.name or rig.backend.name == "null"
    sizes, times = zip(*((len(sound), at) for sound, at in ears.heard), strict=True)
    assert set(sizes) == {2 * RATE // PERIODS_PER_SECOND}
    assert_regular(times, rig.slack)
    ages = [came - at for came, (_, at) in zip(ears.came, ears.heard, strict=True)]
    assert all(-1e-6 <= age < 1 for age in ages)
    assert stream.failure is None


def test_a_microphone_hears(rig: Rig, request: pytest.FixtureRequest) -> None:
    sound = tone(400, 3000, AudioFormat(rate=RATE))
    if isinstance(rig.backend, FakeSound):
        rig.backend.say(sound)
    ears = Ears(rig)
    stream = rig.backend.open_source(rig.microphone, [RATE], ears.deliver)
    try:
        if rig.backend.name == "pyaudio":
            request.getfixturevalue("soundcard").speak(sound[: RATE // 2])
        ears.wait()
    finally:
        stream.close()
    levels = [pcm.level(part) for part, _ in ears.heard]
    assert max(levels) == pytest.approx(-math.inf if rig.backend.name == "null" else -9, abs=0.1)


# --- loudspeakers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [False, True], ids=["default", "by name"])
def test_a_loudspeaker_pulls_periods_of_20_ms(rig: Rig, named: bool) -> None:
    mouth = Mouth(rig)
    before = rig.now
    stream = rig.backend.open_sink(rig.speaker if named else None, [RATE], mouth.pull)
    try:
        mouth.wait()
    finally:
        stream.close()
    assert stream.rate == RATE
    if named:
        assert rig.speaker in stream.name or rig.backend.name == "null"
    sizes, times = zip(*mouth.asked, strict=True)
    assert set(sizes) == {RATE // PERIODS_PER_SECOND}
    assert_regular(times, rig.slack)
    assert times[0] >= before
    assert 0 <= stream.latency < 1
    assert stream.failure is None


def test_both_at_once(rig: Rig) -> None:
    ears, mouth = Ears(rig), Mouth(rig)
    source = rig.backend.open_source(None, [RATE], ears.deliver)
    sink = rig.backend.open_sink(None, [RATE], mouth.pull)
    try:
        ears.wait()
        mouth.wait()
        assert abs(source.now() - sink.now()) < 1
    finally:
        source.close()
        sink.close()


# --- rates and channels ---------------------------------------------------------------------------


def test_another_rate(rig: Rig) -> None:
    """Not one that everybody has; but each says which one it is."""
    mouth, ears = Mouth(rig), Ears(rig)
    sink = rig.backend.open_sink(None, [16000, RATE], mouth.pull)
    source = rig.backend.open_source(None, [16000, RATE], ears.deliver)
    try:
        mouth.wait()
        ears.wait()
    finally:
        sink.close()
        source.close()
    assert {frames for frames, _ in mouth.asked} == {sink.rate // PERIODS_PER_SECOND}
    size = 2 * source.channels * source.rate // PERIODS_PER_SECOND
    assert {len(sound) for sound, _ in ears.heard} == {size}


def test_a_stereo_recording(tmp_path: Path) -> None:
    path = str(tmp_path / "stereo.wav")
    both = b"".join(n.to_bytes(2, "little") for n in range(2 * RATE))
    wav.write(path, both, RATE, 2)
    rig = Undemanding(find_backend("wav"), path, "")
    ears = Ears(rig)
    stream = rig.backend.open_source(path, [RATE], ears.deliver)
    try:
        ears.wait(2)
    finally:
        stream.close()
    assert stream.channels == 2
    assert ears.heard[0][0] + ears.heard[1][0] == both[: 2 * 4 * RATE // PERIODS_PER_SECOND]


def test_a_sound_card_with_its_own_rate(fixed_rate: Any) -> None:
    """It takes 48000 Hz and nothing else."""
    rig = Rig(find_backend("pyaudio"), "", "")
    ears, mouth = Ears(rig), Mouth(rig)
    source = rig.backend.open_source(None, [RATE], ears.deliver)
    sink = rig.backend.open_sink(None, [RATE], mouth.pull)
    try:
        ears.wait()
        mouth.wait()
    finally:
        sink.close()
        source.close()
    assert source.rate == sink.rate == 48000
    assert {len(sound) for sound, _ in ears.heard} == {2 * source.channels * 960}
    assert {frames for frames, _ in mouth.asked} == {960}


# --- the end, and trouble -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["microphone", "speaker"])
def test_close_is_quick_and_may_come_twice(rig: Rig, kind: str) -> None:
    """Nothing comes behind it, and the device can be opened again."""
    for _ in range(2):
        calls: Any = Ears(rig) if kind == "microphone" else Mouth(rig)
        if kind == "microphone":
            stream = rig.backend.open_source(rig.microphone, [RATE], calls.deliver)
        else:
            stream = rig.backend.open_sink(rig.speaker, [RATE], calls.pull)
        calls.wait(3)
        started = time.monotonic()
        stream.close()
        assert time.monotonic() - started < 1
        count = len(calls.heard if kind == "microphone" else calls.asked)
        stream.close()
        mouth = Mouth(rig)
        other = rig.backend.open_sink(None, [RATE], mouth.pull)
        mouth.wait(3)
        other.close()
        assert len(calls.heard if kind == "microphone" else calls.asked) == count


@pytest.mark.parametrize("kind", ["microphone", "speaker"])
def test_a_failing_function_does_not_end_the_stream(rig: Rig, kind: str) -> None:
    """The failure is kept for whoever watches."""
    mouth = Mouth(rig)

    def fail(*_: object) -> bytes:
        mouth.pull(0, 0.0)
        if len(mouth.asked) < 5:
            raise ZeroDivisionError(len(mouth.asked))
        return bytes(2 * RATE // PERIODS_PER_SECOND)

    opened = rig.backend.open_source if kind == "microphone" else rig.backend.open_sink
    stream = opened(None, [RATE], fail)
    try:
        mouth.wait(10)
    finally:
        stream.close()
    assert isinstance(stream.failure, ZeroDivisionError)


def test_refresh_lets_what_is_open_go_on(rig: Rig) -> None:
    ears, mouth = Ears(rig), Mouth(rig)
    source = rig.backend.open_source(rig.microphone, [RATE], ears.deliver)
    sink = rig.backend.open_sink(rig.speaker, [RATE], mouth.pull)
    try:
        ears.wait(3)
        mouth.wait(3)
        rig.backend.refresh()
        ears.wait()
        mouth.wait()
    finally:
        source.close()
        sink.close()
    rig.backend.refresh()
    assert len(rig.backend.devices()) >= 1
