"""What the doctor finds out of the sound devices: fakes in no time, and a virtual sound card."""

from __future__ import annotations

import math
import random
import sys
import threading
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import pytest

pytest.importorskip("click", reason="the command line needs click")

from support.background import Background
from support.room import Room
from support.soundcard import Soundcard

from inworld_rt import pcm
from inworld_rt.audio import cancel, portaudio, system_echo
from inworld_rt.audio.backend import Deliver, Stream, find_backend
from inworld_rt.audio.mixing import mix, scale
from inworld_rt.audio.paced import Null, Paced, RealClock
from inworld_rt.cli.checks import hearing, machine
from inworld_rt.cli.checks.sound import judge_heard, judge_returned
from inworld_rt.cli.checks.system import System
from inworld_rt.errors import BackendMissing, DeviceError
from inworld_rt.testing import FakeSound

RATE = 24000
SYSTEM = System(tools=frozenset({"pactl"}))


def noise(db: float, seconds: float = 1.5, seed: int = 1) -> bytes:
    """So loud, in 16-bit samples."""
    draw, height = random.Random(seed), 32768 * 10 ** (db / 20) * math.sqrt(3)
    clipped = (min(32767, max(-32768, round(draw.uniform(-height, height))))
               for _ in range(int(seconds * RATE)))  # fmt: skip
    return array("h", clipped).tobytes()


class Echoing(FakeSound):
    """A fake whose loudspeaker can be heard in its microphone; its time passes by itself."""

    def __init__(self, gain: float = 0.0, floor: float | None = -70.0) -> None:
        super().__init__()
        self._gain, self._floor = gain, floor
        self._passed = 0

    def pass_time(self, call: Callable[[], Any]) -> Any:
        """Let time pass until a call returns."""
        done = threading.Event()

        def run() -> Any:
            try:
                return call()
            finally:
                done.set()

        background = Background(run)
        while not done.is_set():
            self.advance(0.02)
            done.wait(0.0005)  # let the others have their turn
            if self._floor is None:
                continue
            echo = scale(self.heard[self._passed :], self._gain)
            self._passed += len(echo)
            hiss = noise(self._floor, 0.02, self._passed)
            self.say(mix(hiss, echo) if len(echo) == len(hiss) else hiss)
        return background.result()


def listen(sound: FakeSound, said: bytes) -> Any:
    sound.say(said)
    background = Background(lambda: hearing.listen(sound, None, None, threading.Event()))
    while background._thread.is_alive():
        sound.advance(0.02)
    return background.result()


# --- the microphone ------------------------------------------------------------------------------


@pytest.mark.parametrize("db", [-20.0, -50.0])
def test_its_level(db: float) -> None:
    found = listen(FakeSound(), noise(db))
    assert (found.failure, found.rate, found.clipped) == (None, RATE, 0.0)
    assert found.db == pytest.approx(db, abs=1)
    assert found.loudest >= found.db


def test_nothing_but_zeros() -> None:
    found = listen(FakeSound(), b"")
    assert found.loudest == -math.inf
    assert judge_heard(found, SYSTEM).mark == "bad"


def test_what_is_too_loud() -> None:
    found = listen(FakeSound(), noise(0.0))
    assert found.clipped > 0.3
    assert "clipping" in judge_heard(found, SYSTEM).found


def test_a_click_at_the_beginning_does_not_count() -> None:
    found = listen(FakeSound(), noise(-3.0, 0.08) + noise(-60.0))
    assert found.loudest < -55


def test_a_microphone_that_is_not_there() -> None:
    sound = FakeSound()
    sound.unplug("microphone")
    found = hearing.listen(sound, None, None, threading.Event())
    assert found.failure is not None and "no device to record with" in found.failure.words


def test_a_microphone_that_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stalled(Null):
        def open_source(
            self, device: int | str | None, rates: Sequence[int], deliver: Deliver
        ) -> Stream:
            return Paced("stalled", rates[0], lambda n, at: None, RealClock())

    monkeypatch.setattr(hearing, "_PATIENCE", 0.2)
    found = hearing.listen(Stalled(), None, None, threading.Event())
    assert found.failure is not None and "gives nothing" in found.failure.words


def test_it_is_left_alone_when_nobody_waits_any_more() -> None:
    stopping = threading.Event()
    stopping.set()
    assert hearing.listen(FakeSound(), None, None, stopping).failure is None


# --- the loudspeaker, and the one in the other ---------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 24000, 44100])
def test_the_melody_is_loud_enough_to_tell_and_not_too_loud(rate: int) -> None:
    sound = hearing.melody(rate)
    assert 1.9 < len(sound) / 2 / rate < 2.5
    assert -22 < pcm.level(sound) < -12
    assert max(map(abs, array("h", sound))) < 20000
    period = 2 * (rate // 50)
    loud = sum(pcm.level(sound[n : n + period]) > -45 for n in range(0, len(sound), period))
    assert loud / 50 > 1.4  # more than the measurement needs


def play(room: Echoing, **options: Any) -> tuple[Any, Any]:
    never = threading.Event()
    with pytest.MonkeyPatch.context() as change:
        change.setattr(hearing, "_ECHO_AFTER", 0.1)  # in which a second of this room passes
        found: tuple[Any, Any] = room.pass_time(
            lambda: hearing.play(room, None, None, None, never, **options)
        )
    return found


def test_it_is_played_to_its_end() -> None:
    room = Echoing()
    played, returned = play(room, deaf=True)
    assert (played.failure, played.rate, returned.leak) == (None, RATE, None)
    assert room.heard.strip(b"\0") == hearing.melody(RATE).strip(b"\0")


@pytest.mark.parametrize("db", [-6.0, -20.0])
def test_how_much_of_it_comes_back(db: float, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        name = "plain"

        def __init__(self, rate: int) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr(cancel, "ENGINES", {"plain": Plain})
    _, returned = play(Echoing(10 ** (db / 20)))
    assert returned.leak.echo
    assert returned.leak.db == pytest.approx(db, abs=2)
    assert 0 < returned.leak.ms < 200
    assert (returned.engine, returned.failure, returned.system) == ("plain", None, False)


def test_a_headset() -> None:
    _, returned = play(Echoing())
    assert not returned.leak.echo
    assert judge_returned(returned, SYSTEM).mark == "ok"


def test_nothing_to_cancel_with(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(rate: int) -> cancel.Canceller:
        raise BackendMissing("no engine; install it with: pip install engine")

    monkeypatch.setattr(cancel, "ENGINES", {"none": missing})
    _, returned = play(Echoing(0.3))
    verdict = judge_returned(returned, SYSTEM)
    assert (verdict.mark, verdict.command) == ("warn", "pip install engine")


def test_two_rates_and_nothing_to_convert_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is played all the same; a conversation would need the package, and so does the echo."""

    class TwoRates(Echoing):
        def open_source(
            self, device: int | str | None, rates: Sequence[int], deliver: Deliver
        ) -> Stream:
            return super().open_source(device, (16000,), deliver)

    monkeypatch.setitem(sys.modules, "soxr", None)
    room = TwoRates(floor=None)
    played, returned = play(room)
    assert played.failure is None
    assert room.heard.strip(b"\0") == hearing.melody(RATE).strip(b"\0")
    verdict = judge_returned(returned, SYSTEM)
    assert verdict.mark == "bad" and "pip install" in verdict.command


def test_a_loudspeaker_that_is_not_there() -> None:
    sound = FakeSound()
    sound.unplug("speaker")
    played, _ = hearing.play(sound, None, None, None, threading.Event())
    assert played.failure is not None and "play sound on" in played.failure.words


# --- which devices -------------------------------------------------------------------------------


def test_the_default_ones() -> None:
    found = hearing.cards(FakeSound(), None, None)
    assert found.microphone is not None and found.microphone.name == "fake microphone"
    assert found.speaker is not None and found.speaker.name == "fake speaker"
    assert found.failure is None


def test_one_that_there_is_not() -> None:
    found = hearing.cards(FakeSound(), "usb", None)
    assert found.microphone is None and found.speaker is not None
    assert found.failure is not None and "no sound input 'usb'" in found.failure.words


def test_none_at_all() -> None:
    sound = FakeSound()
    sound.unplug()
    assert hearing.cards(sound, None, None).found == ()


def test_a_sound_system_that_does_not_start() -> None:
    class Broken(Null):
        def refresh(self) -> None:
            raise DeviceError("PortAudio does not start: x")

    found = hearing.cards(Broken(), None, None)
    assert found.failure is not None and "does not start" in found.failure.words


# --- PyAudio -------------------------------------------------------------------------------------


def test_versions_of_what_brings_sound(bare_sound: pytest.MonkeyPatch) -> None:
    found = machine.engine()
    assert found.failure is None
    assert found.pyaudio[0].isdigit() and found.portaudio[0].isdigit()


def test_without_pyaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio.close()
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    found = machine.engine()
    assert found.failure is not None
    assert "install" in found.failure.command
    assert "install it with" not in found.failure.words


@pytest.mark.parametrize("name", ["wav", "null"])
def test_other_back_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INWORLD_RT_AUDIO", name)
    assert (machine.engine().backend, machine.engine().failure) == (name, None)


def test_a_back_end_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INWORLD_RT_AUDIO", "jukebox")
    found = machine.engine()
    assert (found.backend, found.variable) == ("", "INWORLD_RT_AUDIO")
    assert found.failure is not None


# --- on a sound card -----------------------------------------------------------------------------


def test_a_muted_microphone(soundcard: Soundcard) -> None:
    soundcard.control("set-default-source", "mic.monitor")
    assert machine.muted("microphone") is False
    soundcard.control("set-source-mute", "mic.monitor", "1")
    try:
        assert machine.muted("microphone") is True
        found = hearing.listen(find_backend(), None, None, threading.Event())
    finally:
        soundcard.control("set-source-mute", "mic.monitor", "0")
    verdict = judge_heard(found, SYSTEM)
    assert verdict.command == "pactl set-source-mute @DEFAULT_SOURCE@ 0"


def test_without_a_sound_server(bare_sound: pytest.MonkeyPatch) -> None:
    assert machine.muted("microphone") is None
    assert machine.muted("speaker") is None


@pytest.mark.slow
def test_a_room_with_an_echo(soundcard: Soundcard) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed (the room is made with it)")
    with Room(level_db=-12.0):
        played, returned = hearing.play(find_backend(), None, None, None, threading.Event())
    assert played.failure is None
    assert returned.leak is not None and returned.leak.echo
    assert returned.leak.db == pytest.approx(-12, abs=6)
    assert 40 < returned.leak.ms < 450


@pytest.mark.slow
def test_a_system_that_cancels_echo_itself(echo_module: Soundcard) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed (the room is made with it)")
    pair = system_echo.find()
    assert pair is not None
    with Room(level_db=-12.0):
        _, returned = hearing.play(find_backend(), None, None, pair, threading.Event())
    assert returned.system
    assert judge_returned(returned, SYSTEM).mark == "ok"
