"""The system's sound devices: finding, opening, probing them."""

from __future__ import annotations

import os
from typing import Any

import pytest
from support.soundcard import Soundcard

from inworld_rt.audio import portaudio
from inworld_rt.audio.backend import Device
from inworld_rt.audio.play import play
from inworld_rt.errors import DeviceError
from inworld_rt.pcm import AudioFormat, tone

FORMAT = AudioFormat()
SOUND = tone(400, 50, FORMAT)


def test_has_output(soundcard: Soundcard, capfd: pytest.CaptureFixture[str]) -> None:
    assert portaudio.has_output()
    assert portaudio.has_output()
    assert capfd.readouterr() == ("", "")


def test_no_device(bare_sound: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither a hang nor noise; and no chunk is taken, so the answer can still be saved."""
    chunks = iter([SOUND])
    assert not portaudio.has_output()
    with pytest.raises(DeviceError, match="no device to play sound on"):
        play(chunks, FORMAT)
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
        play([SOUND], FORMAT, device=device)
        assert ear.hear_out(100).strip(b"\0")


@pytest.mark.parametrize("device", ["loudspeaker", 99, -1, ""])
def test_an_unknown_device_is_refused_with_the_list(
    soundcard: Soundcard, device: int | str
) -> None:
    with pytest.raises(DeviceError, match=r"0 \(speaker\), 1 \(fine\), 2 \(mic\), 3 \(default\)"):
        play([], FORMAT, device=device)


def test_a_device_that_cannot_be_opened(
    soundcard: Soundcard, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is in PortAudio's list, but the server has gone by now."""
    assert portaudio.has_output()
    os.environ["PULSE_SERVER"] = "unix:/nonexistent"
    with pytest.raises(DeviceError) as caught:
        play([], FORMAT)
    message = str(caught.value)
    assert "'default' cannot be opened: PortAudio error -99" in message
    assert "tried: 24000 Hz mono;" in message
    assert "The sound system said:\n" in message
    assert capfd.readouterr() == ("", "")


class Picky:
    """Stands for PyAudio over a device that takes only some rates and channels."""

    def __init__(self, *takes: tuple[int, int]) -> None:
        self.takes = takes
        self.asked: list[tuple[int, int]] = []

    def open(self, *, rate: int, channels: int, **_: Any) -> str:
        self.asked.append((rate, channels))
        if channels not in {c for _, c in self.takes}:
            raise OSError(-9998, "Invalid number of channels")
        if (rate, channels) not in self.takes:
            raise OSError(-9997, "Invalid sample rate")
        return f"{rate}/{channels}"


INFO = Device(0, "Picky", inputs=2, outputs=2, rate=44100)


def attempt(picky: Picky, rates: tuple[int, ...] = (24000,)) -> tuple[int, int]:
    """The rate and the channels at which a device is opened."""
    stream: Any = object.__new__(portaudio._Opened)
    stream._kind, stream._callback = "output", None
    stream._take(picky, INFO, portaudio._attempts(INFO, "output", rates))
    return stream.rate, stream.channels


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
    """The rate asked for, the device's, then the usual ones; stereo where mono is refused."""
    picky = Picky(takes)
    assert attempt(picky) == takes
    assert picky.asked == asked


@pytest.mark.parametrize("takes", [(96000, 2), (11025, 1), (8000, 2)])
def test_a_device_that_can_do_anything_at_all_is_opened(takes: tuple[int, int]) -> None:
    assert attempt(Picky(takes)) == takes


def test_a_device_that_takes_nothing_is_refused_with_all_that_was_tried() -> None:
    with pytest.raises(DeviceError) as caught:
        attempt(Picky((5512, 2)))
    message = str(caught.value)
    assert "'Picky' cannot be opened: PortAudio error -9997, Invalid sample rate" in message
    assert "tried: 24000 Hz mono, 24000 Hz stereo, 44100 Hz stereo, 48000 Hz stereo" in message
