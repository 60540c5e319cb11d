"""The microphone: whoever listens hears all of it, whatever the others and the device do."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.background import PATIENCE, Background

from inworld_rt import pcm
from inworld_rt.audio.microphone import PREROLL, Microphone
from inworld_rt.errors import DeviceError
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.testing import FakeSound

PERIOD = 960  # bytes of 20 ms


def noise(periods: int, first: int = 1) -> bytes:
    """No two frames are alike, and none is silent."""
    return b"".join((first + n).to_bytes(2, "little") for n in range(periods * PERIOD // 2))


class Listener:
    """What it heard, and when."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.times: list[float] = []
        self.news = threading.Condition()

    def __call__(self, sound: bytes, at: float) -> None:
        with self.news:
            self.pcm += sound
            self.times.append(at)
            self.news.notify_all()

    def wait(self, periods: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: len(self.times) >= periods, PATIENCE)


@pytest.fixture
def sound() -> FakeSound:
    return FakeSound()


@pytest.fixture
def microphone(sound: FakeSound) -> Iterator[Microphone]:
    with Microphone(sound) as microphone:
        microphone.start()
        yield microphone


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What exceptions of threads were shown: as pairs of exception and thread."""
    found: list[Any] = []
    monkeypatch.setattr(
        threading, "excepthook", lambda args: found.append((args.exc_value, args.thread.name))
    )
    return found


# --- listening ------------------------------------------------------------------------------------


def test_all_listeners_hear_all_of_it(sound: FakeSound, microphone: Microphone) -> None:
    early, late = Listener(), Listener()
    microphone.listen(early)
    sound.say(noise(10))
    sound.advance(0.1)
    microphone.listen(late)
    sound.advance(0.2)
    assert bytes(early.pcm) == noise(10) + bytes(5 * PERIOD)
    assert bytes(late.pcm) == noise(10)[5 * PERIOD :] + bytes(5 * PERIOD)
    assert late.times == early.times[5:]


def test_who_has_closed_hears_no_more(sound: FakeSound, microphone: Microphone) -> None:
    listener, other = Listener(), Listener()
    listening = microphone.listen(listener)
    microphone.listen(other)
    sound.advance(0.1)
    listening.close()
    listening.close()
    sound.advance(0.1)
    assert (len(listener.times), len(other.times)) == (5, 10)


def test_a_listener_may_close_itself_and_begin_another(
    sound: FakeSound, microphone: Microphone
) -> None:
    second = Listener()

    def first(pcm: bytes, at: float) -> None:
        listening.close()
        microphone.listen(second)

    listening = microphone.listen(first)
    sound.advance(0.1)
    assert len(second.times) == 4


@settings(max_examples=15)  # closing takes a tenth of a second
@given(heard=st.integers(0, 150), preroll=st.integers(0, 150))
def test_who_comes_late_may_hear_what_was(heard: int, preroll: int) -> None:
    """At most two seconds of it; no period is missing and none comes twice."""
    sound, early, late = FakeSound(), Listener(), Listener()
    with Microphone(sound) as microphone:
        microphone.start()
        microphone.listen(early)
        sound.say(noise(heard % 60))
        sound.advance(heard * 0.02)
        microphone.listen(late, preroll * 0.02 - 1e-9)  # 7 * 0.02 is more than 0.14
        sound.advance(0.1)
    known = min(heard, preroll, int(PREROLL * 50))
    assert late.times == early.times[heard - known :]
    assert late.pcm == early.pcm[(heard - known) * PERIOD :]


def test_what_was_heard_just_now(sound: FakeSound, microphone: Microphone) -> None:
    sound.say(noise(5))
    sound.advance(0.1)
    now = sound.clock.now()
    assert [part for part, _ in microphone.recent(0.06)] == [
        noise(5)[n * PERIOD :][:PERIOD] for n in (2, 3, 4)
    ]
    assert [at for _, at in microphone.recent(9)] == pytest.approx(
        [now - 0.08, now - 0.06, now - 0.04, now - 0.02, now]
    )
    assert microphone.recent(0) == []


def test_who_raises_is_dismissed_and_shown(
    sound: FakeSound, microphone: Microphone, shown: list[Any]
) -> None:
    """Once; the others hear on."""

    def fail(pcm: bytes, at: float) -> None:
        raise ZeroDivisionError

    listener = Listener()
    microphone.listen(fail)
    microphone.listen(listener)
    sound.advance(0.1)
    assert [(type(exc), name) for exc, name in shown] == [(ZeroDivisionError, "inworld-rt-mic")]
    assert len(listener.times) == 5
    microphone.check()


def test_who_raises_at_once_is_dismissed_as_well(
    sound: FakeSound, microphone: Microphone, shown: list[Any]
) -> None:
    def fail(pcm: bytes, at: float) -> None:
        raise ZeroDivisionError

    sound.advance(0.1)
    microphone.listen(fail, 0.1)
    sound.advance(0.1)
    assert len(shown) == 1


# --- levels ---------------------------------------------------------------------------------------


def test_how_loud_it_is(sound: FakeSound, microphone: Microphone) -> None:
    assert microphone.level == 0
    sound.say(tone(400, 100, AudioFormat()))
    sound.advance(0.1)
    assert microphone.level == pytest.approx(1 - 9 / 60, abs=0.01)
    sound.advance(0.1)
    assert microphone.level == 0


def test_levels_come_as_they_pass_and_end_with_silence(sound: FakeSound) -> None:
    with Microphone(sound) as microphone:
        microphone.start()
        sound.say(tone(400, 100, AudioFormat()))
        sound.advance(0.1)
        levels = microphone.levels()
        assert next(levels) == pytest.approx(1 - 9 / 60, abs=0.01)
    assert [*levels][-1] == 0


# --- rates ----------------------------------------------------------------------------------------


def test_the_rate_that_the_device_has() -> None:
    with Microphone(FakeSound(rates=[48000]), rate=24000) as microphone:
        assert microphone.rate == 48000


@pytest.mark.parametrize(("device", "rate"), [(48000, 24000), (16000, 24000), (44100, 16000)])
def test_another_rate_for_listeners(device: int, rate: int) -> None:
    """In time, without a gap, and as loud."""
    pytest.importorskip("soxr", reason="soxr is not installed (extra: resample)")
    sound, listener = FakeSound(rates=[device]), Listener()
    with Microphone(sound) as microphone:
        microphone.start(rate)
        assert microphone.rate == rate
        microphone.listen(listener)
        sound.say(tone(400, 2000, AudioFormat(rate=rate)), rate)
        sound.advance(2)
    assert len(listener.pcm) / 2 / rate == pytest.approx(2, abs=0.06)
    middle = bytes(listener.pcm[rate : 3 * rate])
    assert pcm.level(middle) == pytest.approx(-9.03, abs=0.1)


def test_it_is_cleaned_before_anybody_hears_it(sound: FakeSound) -> None:
    listener, cleaned = Listener(), list[float]()

    def clean(sound: bytes, at: float) -> bytes:
        cleaned.append(at)
        return bytes(len(sound))

    with Microphone(sound) as microphone:
        microphone.start(clean=clean)
        microphone.listen(listener)
        sound.say(noise(5))
        sound.advance(0.1)
        assert microphone.level == 0
    assert not listener.pcm.strip(b"\0")
    assert cleaned == listener.times


# --- trouble --------------------------------------------------------------------------------------


def test_a_period_that_comes_too_late_is_dropped(sound: FakeSound, microphone: Microphone) -> None:
    """As after a stall, after which some systems deliver all that they had kept."""
    listener = Listener()
    microphone.listen(listener)
    now = sound.clock.now()
    for age in (0.6, 0.51, 0.4, 0.0):
        microphone._deliver(noise(1), now - age)
    sound.advance(0.02)
    assert listener.times == pytest.approx([now - 0.4, now, now + 0.02])
    assert microphone.dropped_ms == pytest.approx(40)


def test_of_ten_seconds_that_nobody_took_the_oldest_are_dropped(
    sound: FakeSound, microphone: Microphone
) -> None:
    blocked, go, listener = threading.Event(), threading.Event(), Listener()

    def block(pcm: bytes, at: float) -> None:
        blocked.set()
        assert go.wait(PATIENCE)

    blocking = microphone.listen(block)
    microphone._deliver(noise(1), sound.clock.now())
    assert blocked.wait(PATIENCE)
    for n in range(530):
        microphone._deliver(noise(1, n + 1), sound.clock.now())
    assert microphone.dropped_ms == pytest.approx(30 * 20)
    closer = Background(blocking.close)
    go.set()
    closer.result()
    microphone.listen(listener)
    sound.advance(0.02)
    assert bytes(listener.pcm[-2 * PERIOD :]) == noise(1, 530) + bytes(PERIOD)


def test_a_system_that_loses_sound_is_told_once(
    sound: FakeSound, microphone: Microphone, caplog: pytest.LogCaptureFixture
) -> None:
    sound.advance(0.1)
    assert microphone.overflows == 0
    stream: Any = microphone._hold.stream
    for _ in range(3):
        stream.complaints += 1
        sound.advance(0.1)
    assert microphone.overflows == 3
    told = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(told) == 1
    assert "'fake microphone' lost sound" in told[0].getMessage()


def test_pure_silence_is_noticed(
    sound: FakeSound, microphone: Microphone, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once; a sound takes it back."""
    caplog.set_level(logging.INFO)
    sound.advance(3)
    assert not microphone.zeros
    sound.advance(0.1)
    assert microphone.zeros
    sound.say(noise(1))
    sound.advance(0.1)
    assert not microphone.zeros
    sound.advance(4)
    assert microphone.zeros
    told = [r for r in caplog.records if "pure silence" in r.getMessage()]
    assert len(told) == 1


def test_what_breaks_down_is_kept(sound: FakeSound) -> None:
    """Here, what takes the echo out."""
    news: queue.SimpleQueue[None] = queue.SimpleQueue()

    def clean(sound: bytes, at: float) -> bytes:
        raise ZeroDivisionError

    with Microphone(sound, changed=lambda: news.put(None)) as microphone:
        microphone.start(clean=clean)
        sound.advance(0.02)
        news.get(timeout=PATIENCE)
        with pytest.raises(ZeroDivisionError):
            microphone.check()


# --- the device -----------------------------------------------------------------------------------


def test_no_device(sound: FakeSound) -> None:
    sound.unplug("microphone")
    with pytest.raises(DeviceError, match="there is no device to record with"):
        Microphone(sound)
    with pytest.raises(DeviceError, match="there is no sound input 'USB'"):
        Microphone(FakeSound(), "USB")


def test_while_it_is_away_there_is_silence(sound: FakeSound) -> None:
    """In real time; then it goes on."""
    news: queue.SimpleQueue[bool] = queue.SimpleQueue()
    with Microphone(sound, changed=lambda: news.put(microphone.lost)) as microphone:
        microphone.start()
        listener = Listener()
        microphone.listen(listener)
        sound.say(noise(100))
        sound.advance(0.1)
        sound.unplug("microphone")
        assert news.get(timeout=PATIENCE) is True
        assert microphone.losses == 1
        listener.wait(15)
        assert microphone.level == 0
        sound.plug("microphone")
        assert news.get(timeout=PATIENCE) is False
        silent = len(listener.pcm) - 5 * PERIOD
        sound.advance(0.1)
        heard = bytes(listener.pcm)
    assert heard[: 5 * PERIOD] == noise(100)[: 5 * PERIOD]
    assert heard[5 * PERIOD : -5 * PERIOD] == bytes(silent)
    assert heard[-5 * PERIOD :] == noise(100)[5 * PERIOD : 10 * PERIOD]


def test_it_comes_back_with_another_rate() -> None:
    """Listeners do not notice."""
    pytest.importorskip("soxr", reason="soxr is not installed (extra: resample)")
    sound = FakeSound()
    news: queue.SimpleQueue[bool] = queue.SimpleQueue()
    with Microphone(sound, changed=lambda: news.put(microphone.lost)) as microphone:
        microphone.start()
        sound.unplug("microphone")
        assert news.get(timeout=PATIENCE) is True
        sound._rates = (48000,)
        sound.plug("microphone")
        assert news.get(timeout=PATIENCE) is False
        listener = Listener()
        microphone.listen(listener)
        sound.say(tone(400, 1000, AudioFormat()))
        sound.advance(1)
        assert microphone.rate == 24000
    assert len(listener.pcm) == pytest.approx(48000, rel=0.05)


def test_it_is_closed_while_it_is_away(sound: FakeSound) -> None:
    news: queue.SimpleQueue[None] = queue.SimpleQueue()
    with Microphone(sound, changed=lambda: news.put(None)) as microphone:
        microphone.start()
        sound.unplug()
        news.get(timeout=PATIENCE)
    microphone.close()


def test_a_listener_may_close_it(sound: FakeSound) -> None:
    microphone = Microphone(sound)
    microphone.start()
    closed = threading.Event()

    def close(pcm: bytes, at: float) -> None:
        microphone.close()
        closed.set()

    microphone.listen(close)
    sound.advance(0.1)
    assert closed.wait(PATIENCE)
    assert [*microphone.levels()] == [0]


def test_one_that_was_never_started_is_closed(sound: FakeSound) -> None:
    microphone = Microphone(sound)
    microphone.close()
    microphone.close()
    assert [*microphone.levels()] == [0]
