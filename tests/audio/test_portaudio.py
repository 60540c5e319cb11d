"""Playing aloud: a real PortAudio, real sound servers, and what comes out of them."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.background import Background
from support.soundcard import Ear, FixedRate, Soundcard

from inworld_rt import pcm
from inworld_rt.audio import portaudio
from inworld_rt.errors import BackendMissing, ConfigError, DeviceError
from inworld_rt.pcm import AudioFormat

FORMAT = AudioFormat()


def speech(ms: int, format: AudioFormat = FORMAT) -> bytes:
    """No two places are alike, and the last sample is loud: any gap, click, repetition or cut
    makes it another sound."""
    return random.Random(ms).randbytes(format.bytes(ms) - 2) + b"\x00\x40"


def slices(sound: bytes, size: int = 4801) -> list[bytes]:
    """As the network may cut it: inside samples, too."""
    return [sound[n : n + size] for n in range(0, len(sound), size)]


def sounding(heard: bytes) -> bytes:
    """Without the silence around."""
    start = len(heard) - len(heard.lstrip(b"\0"))
    end = len(heard.rstrip(b"\0"))
    return heard[start // 2 * 2 : (end + 1) // 2 * 2]


def milliseconds(sound: bytes, rate: int = 24000) -> float:
    return len(sound) / 2 / rate * 1000


# --- what is heard --------------------------------------------------------------------------------


@pytest.mark.parametrize(("device", "rate"), [(None, 24000), ("fine", 48000)])
def test_what_is_played_is_heard_bit_by_bit(
    soundcard: Soundcard, device: str | None, rate: int
) -> None:
    format = AudioFormat(rate=rate)
    sound = speech(1000, format)
    with soundcard.listen(device or "speaker") as ear:
        portaudio.play(slices(sound), format, device=device)
        heard = ear.hear_out()
    assert sounding(heard) == sounding(sound)


def test_it_returns_when_the_last_sample_was_heard(soundcard: Soundcard) -> None:
    sound = speech(400)
    with soundcard.listen() as ear:
        portaudio.play(slices(sound), FORMAT)
        returned = time.monotonic()
        heard = ear.hear_out()
        end = heard.find(sound) + len(sound)
        last_heard = ear.when(end - 1)
    assert 0 < returned - last_heard < 0.5


@pytest.mark.parametrize("ms", [1, 15, 119])
def test_a_short_sound_is_heard_as_well(soundcard: Soundcard, ms: int) -> None:
    """Shorter than a period, and than what is collected before speech begins."""
    sound = speech(ms)
    with soundcard.listen() as ear:
        portaudio.play([sound], FORMAT)
        assert sounding(ear.hear_out(100)) == sounding(sound)


def test_it_begins_before_the_answer_is_complete(soundcard: Soundcard) -> None:
    sound = speech(600)

    def chunks(ear: Ear) -> Iterator[bytes]:
        yield sound[: FORMAT.bytes(300)]
        ear.wait(lambda heard: bool(heard.strip(b"\0")))
        yield sound[FORMAT.bytes(300) :]

    with soundcard.listen() as ear:
        portaudio.play(chunks(ear), FORMAT)
        assert sounding(ear.hear_out(100)) == sounding(sound)


def test_a_gap_in_the_supply_is_silence_and_nothing_is_lost(soundcard: Soundcard) -> None:
    first, second = speech(150), speech(160)

    def chunks(ear: Ear) -> Iterator[bytes]:
        yield first
        ear.wait(lambda heard: first in heard and heard.endswith(bytes(960)))
        yield second

    with soundcard.listen() as ear:
        portaudio.play(chunks(ear), FORMAT)
        heard = sounding(ear.hear_out(100))
    assert heard.startswith(sounding(first))
    assert heard.endswith(sounding(second))
    assert not heard[len(sounding(first)) : -len(sounding(second))].strip(b"\0")


def test_chunks_are_taken_two_seconds_ahead_and_no_further(soundcard: Soundcard) -> None:
    """An answer that is made faster than it is spoken stays with its maker."""
    chunk, taken, enough = FORMAT.silence(100), 0, threading.Event()

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        while not enough.is_set():
            taken += 1
            yield chunk
        raise InterruptedError

    with soundcard.listen() as ear:
        player = Background(lambda: portaudio.play(chunks(), FORMAT))
        ear.hear_out(500)
        enough.set()
        assert isinstance(player.error(), InterruptedError)
    assert 20 <= taken <= 20 + 10


@pytest.mark.parametrize("name", ["g711_ulaw", "g711_alaw", "float32"])
def test_other_codings(soundcard: Soundcard, name: str) -> None:
    format = AudioFormat.of(name)
    sound = pcm.tone(400, 300, format)
    with soundcard.listen() as ear:
        portaudio.play(slices(sound, 1001), format)
        heard = sounding(ear.hear_out(100))
    assert milliseconds(heard) == pytest.approx(300, abs=8)
    assert pcm.level(heard[2400:-2400]) == pytest.approx(-9, abs=0.3)


def test_nothing_to_play(soundcard: Soundcard) -> None:
    portaudio.play([], FORMAT)
    portaudio.play([b"", b""], FORMAT)


def test_two_at_once_and_again(soundcard: Soundcard) -> None:
    """One PortAudio serves them all."""
    for _ in range(3):
        other = Background(lambda: portaudio.play([speech(100)], FORMAT, device="fine"))
        portaudio.play([speech(120)], FORMAT)
        other.result()


def test_a_device_of_another_rate(fixed_rate: FixedRate) -> None:
    """It takes 48000 Hz only; pitch, length and loudness stay. JACK's loopback itself now and then
    swaps, loses or repeats a period, which is four whole waves here."""
    pytest.importorskip("soxr", reason="soxr is not installed (extra: audio)")
    with fixed_rate.listen() as ear:
        portaudio.play(slices(pcm.tone(400, 500, FORMAT)), FORMAT)
        heard = ear.hear_out()
    samples = array("h", heard)
    loud = [n for n, sample in enumerate(samples) if abs(sample) > 1000]
    tone = samples[loud[0] : loud[-1] + 1]
    assert milliseconds(tone.tobytes(), 48000) == pytest.approx(500, abs=45)
    crossings = sum(a < 0 <= b for a, b in itertools.pairwise(tone))
    assert crossings / (len(tone) / 48000) == pytest.approx(400, rel=0.1)
    assert pcm.level(tone.tobytes()) == pytest.approx(-9, abs=1)


# --- stopping -------------------------------------------------------------------------------------


def test_an_exception_from_the_chunks_stops_it_at_once(soundcard: Soundcard) -> None:
    def chunks(ear: Ear) -> Iterator[bytes]:
        yield speech(1900)
        ear.wait(lambda heard: bool(heard.strip(b"\0")))
        raise ZeroDivisionError

    with soundcard.listen() as ear:
        with pytest.raises(ZeroDivisionError):
            portaudio.play(chunks(ear), FORMAT)
        stopped = time.monotonic()
        heard = ear.hear_out()
        last = len(heard.rstrip(b"\0")) - 1
        assert ear.when(last) - stopped < 0.2
    assert 0 < milliseconds(sounding(heard)) < 500


def test_ctrl_c_stops_it_at_once(soundcard: Soundcard) -> None:
    """While all was handed over and only the end is waited for."""

    def press(ear: Ear) -> None:
        ear.wait(lambda heard: bool(heard.strip(b"\0")))
        os.kill(os.getpid(), signal.SIGINT)

    with soundcard.listen() as ear:
        finger = Background(lambda: press(ear))
        with pytest.raises(KeyboardInterrupt):
            portaudio.play([speech(1900)], FORMAT)
        heard = ear.hear_out()
        finger.result()
    assert 0 < milliseconds(sounding(heard)) < 500


@pytest.mark.parametrize("late", [True, False], ids=["while draining", "while feeding"])
def test_a_device_that_stops_taking_sound_is_lost(soundcard: Soundcard, late: bool) -> None:
    """A stalled device says nothing: PulseAudio's suspended sink is one."""

    def chunks() -> Iterator[bytes]:
        yield speech(500)
        soundcard.control("suspend-sink", "speaker", "1")
        yield speech(1400 if late else 9000)

    started = time.monotonic()
    try:
        with pytest.raises(DeviceError, match="'default' has taken no sound for more than 1 s"):
            portaudio.play(chunks(), FORMAT)
    finally:
        soundcard.control("suspend-sink", "speaker", "0")
    assert time.monotonic() - started < 3
    portaudio.play([speech(50)], FORMAT)  # the next one finds it again


def test_close_ends_what_is_playing(soundcard: Soundcard) -> None:
    """As at the exit of a program, when a forgotten thread still plays."""
    with soundcard.listen() as ear:
        player = Background(lambda: portaudio.play([speech(1900)], FORMAT))
        ear.wait(lambda heard: bool(heard.strip(b"\0")))
        portaudio.close()
        assert isinstance(player.error(), DeviceError)
    assert portaudio.has_output()


# --- devices --------------------------------------------------------------------------------------


def test_has_output(soundcard: Soundcard, capfd: pytest.CaptureFixture[str]) -> None:
    assert portaudio.has_output()
    assert portaudio.has_output()
    assert capfd.readouterr() == ("", "")


def test_no_device(bare_sound: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither a hang nor noise; and no chunk is taken, so the answer can still be saved."""
    chunks = iter([speech(20)])
    assert not portaudio.has_output()
    with pytest.raises(DeviceError, match="no device to play sound on"):
        portaudio.play(chunks, FORMAT)
    assert next(chunks)
    assert capfd.readouterr() == ("", "")


def test_a_device_that_came_later_is_found(
    bare_sound: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert not portaudio.has_output()
    request.getfixturevalue("soundcard")
    assert portaudio.has_output()


@pytest.mark.parametrize("device", ["fine", "FIN", 1])
def test_a_device_by_name_or_number(soundcard: Soundcard, device: int | str) -> None:
    with soundcard.listen("fine") as ear:
        portaudio.play([speech(50)], FORMAT, device=device)
        assert ear.hear_out(100).strip(b"\0")


@pytest.mark.parametrize("device", ["loudspeaker", 99, -1, ""])
def test_an_unknown_device_is_refused_with_the_list(
    soundcard: Soundcard, device: int | str
) -> None:
    with pytest.raises(DeviceError, match=r"0 \(speaker\), 1 \(fine\), 2 \(default\)"):
        portaudio.play([], FORMAT, device=device)


def test_a_device_that_cannot_be_opened(
    soundcard: Soundcard, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is in PortAudio's list, but the server has gone by now."""
    assert portaudio.has_output()
    os.environ["PULSE_SERVER"] = "unix:/nonexistent"
    with pytest.raises(DeviceError) as caught:
        portaudio.play([], FORMAT)
    message = str(caught.value)
    assert "'default' cannot be opened: PortAudio error -99" in message
    assert "tried: 24000 Hz mono;" in message
    assert "The sound system said:\n" in message
    assert capfd.readouterr() == ("", "")


class Picky:
    """Stands for PyAudio over a device that takes only some rates and channels."""

    def __init__(self, *takes: tuple[int, int], channels_first: bool = True) -> None:
        self.takes = takes
        self.asked: list[tuple[int, int]] = []

    def open(self, *, rate: int, channels: int, **_: Any) -> str:
        self.asked.append((rate, channels))
        if channels not in {c for _, c in self.takes}:
            raise OSError(-9998, "Invalid number of channels")
        if (rate, channels) not in self.takes:
            raise OSError(-9997, "Invalid sample rate")
        return f"{rate}/{channels}"


INFO = {"index": 0, "name": "Picky", "defaultSampleRate": 44100.0}


def prepare(rate: int, channels: int) -> Callable[..., Any]:
    return lambda: None


@pytest.mark.parametrize(
    ("takes", "asked"),
    [
        ((24000, 1), [(24000, 1)]),
        ((24000, 2), [(24000, 1), (24000, 2)]),
        ((44100, 1), [(24000, 1), (44100, 1)]),
        ((48000, 2), [(24000, 1), (24000, 2), (44100, 2), (48000, 2)]),
        ((16000, 1), [(24000, 1), (44100, 1), (48000, 1), (32000, 1), (16000, 1)]),
    ],
)
def test_the_order_of_attempts(takes: tuple[int, int], asked: list[tuple[int, int]]) -> None:
    """The sound's own rate, the device's, then the usual ones; stereo where mono is refused."""
    picky = Picky(takes)
    assert portaudio._open_output(picky, INFO, 24000, prepare) == f"{takes[0]}/{takes[1]}"
    assert picky.asked == asked


def test_a_device_that_takes_nothing_is_refused_with_all_that_was_tried() -> None:
    with pytest.raises(DeviceError) as caught:
        portaudio._open_output(Picky((8000, 2)), INFO, 24000, prepare)
    message = str(caught.value)
    assert "'Picky' cannot be opened: PortAudio error -9997, Invalid sample rate" in message
    assert "tried: 24000 Hz mono, 24000 Hz stereo, 44100 Hz stereo, 48000 Hz stereo" in message


def test_stereo_is_the_same_on_both_sides() -> None:
    shape = portaudio._Shape(FORMAT, 24000, 2)
    assert shape.push(b"\x01\x02\x03") == b"\x01\x02\x01\x02"
    assert shape.push(b"\x04") == b"\x03\x04\x03\x04"
    assert shape.flush() == b""


@pytest.mark.parametrize("chunks", [["abc"], b"abc", [None]])
def test_what_is_no_sound_is_refused(soundcard: Soundcard, chunks: Any) -> None:
    with pytest.raises(ConfigError, match="chunks of bytes"):
        portaudio.play(chunks, FORMAT)


# --- without PyAudio, and the end of the program --------------------------------------------------

WITHOUT = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyaudio":
            {how}
sys.meta_path.insert(0, Block())
from inworld_rt.audio import portaudio
from inworld_rt.errors import BackendMissing
from inworld_rt.pcm import AudioFormat
assert not portaudio.has_output()
try:
    portaudio.play([], AudioFormat())
except BackendMissing as exc:
    sys.stderr.write(str(exc))
"""


@pytest.mark.parametrize(
    "how",
    [
        "raise ModuleNotFoundError(name)",
        "print('Could not import the C module'); raise ImportError('libportaudio.so.2')",
    ],
    ids=["not installed", "its library is missing"],
)
def test_without_pyaudio(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(how=how)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert done.stderr.startswith("the package 'pyaudio' is needed to play sound; install it with:")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("system", "apt", "python", "command"),
    [
        ("linux", True, "/home/me/.venv/bin/python", "sudo apt install portaudio19-dev"),
        ("linux", False, "/home/me/.venv/bin/python", "/home/me/.venv/bin/python -m pip"),
        ("linux", True, "/usr/bin/python3", "sudo apt install python3-pyaudio"),
        ("darwin", False, "/usr/local/bin/python3", "brew install portaudio &&"),
        ("win32", False, "python.exe", "python.exe -m pip install"),
    ],
)
def test_the_command_for_each_system(
    monkeypatch: pytest.MonkeyPatch, system: str, apt: bool, python: str, command: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix if "venv" not in python else "/home/me")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/apt-get" if apt else None)
    assert portaudio._command().startswith(command)


def test_missing_is_an_import_error_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(BackendMissing) as caught:
        portaudio._load()
    assert isinstance(caught.value.__cause__, ImportError)


FORGOTTEN = """
from inworld_rt.audio import portaudio
output = portaudio.Output(None, 24000)
output.feed(bytes(48000))
"""


def test_a_program_may_forget_to_close(soundcard: Soundcard) -> None:
    """PortAudio may crash a program that ends with a stream open."""
    done = subprocess.run([sys.executable, "-c", FORGOTTEN], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_callback_never_raises(soundcard: Soundcard) -> None:
    """What goes wrong in there is raised in the thread that plays."""
    with portaudio.Output(None, 24000) as output:
        data, go_on = output._callback(None, 480, {}, 0)
        assert (data, go_on) == (bytes(960), 0)
        with pytest.raises(KeyError):
            output.feed(speech(3000))
