"""The loudspeaker on real PortAudio and real sound servers: what comes out of them."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from array import array
from collections.abc import Iterator
from typing import Any

import pytest
from support.background import Background
from support.soundcard import Ear, FixedRate, Soundcard

from inworld_rt import pcm
from inworld_rt.audio import portaudio
from inworld_rt.audio.play import play
from inworld_rt.errors import ConfigError, DeviceError
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
        play(slices(sound), format, device=device)
        heard = ear.hear_out()
    assert sounding(heard) == sounding(sound)


def test_it_returns_when_the_last_sample_was_heard(soundcard: Soundcard) -> None:
    sound = speech(400)
    with soundcard.listen() as ear:
        play(slices(sound), FORMAT)
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
        play([sound], FORMAT)
        assert sounding(ear.hear_out(100)) == sounding(sound)


def test_it_begins_before_the_answer_is_complete(soundcard: Soundcard) -> None:
    sound = speech(600)

    def chunks(ear: Ear) -> Iterator[bytes]:
        yield sound[: FORMAT.bytes(300)]
        ear.wait(lambda heard: bool(heard.strip(b"\0")))
        yield sound[FORMAT.bytes(300) :]

    with soundcard.listen() as ear:
        play(chunks(ear), FORMAT)
        assert sounding(ear.hear_out(100)) == sounding(sound)


def test_a_gap_in_the_supply_is_silence_and_nothing_is_lost(soundcard: Soundcard) -> None:
    first, second = speech(150), speech(160)

    def chunks(ear: Ear) -> Iterator[bytes]:
        yield first
        ear.wait(lambda heard: first in heard and heard.endswith(bytes(960)))
        yield second

    with soundcard.listen() as ear:
        play(chunks(ear), FORMAT)
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
        player = Background(lambda: play(chunks(), FORMAT))
        ear.hear_out(500)
        enough.set()
        assert isinstance(player.error(), InterruptedError)
    assert 20 <= taken <= 20 + 10


@pytest.mark.parametrize("name", ["g711_ulaw", "g711_alaw", "float32"])
def test_other_codings(soundcard: Soundcard, name: str) -> None:
    format = AudioFormat.of(name)
    sound = pcm.tone(400, 300, format)
    with soundcard.listen() as ear:
        play(slices(sound, 1001), format)
        heard = sounding(ear.hear_out(100))
    assert milliseconds(heard) == pytest.approx(300, abs=8)
    assert pcm.level(heard[2400:-2400]) == pytest.approx(-9, abs=0.3)


def test_nothing_to_play(soundcard: Soundcard) -> None:
    play([], FORMAT)
    play([b"", b""], FORMAT)


def test_two_at_once_and_again(soundcard: Soundcard) -> None:
    """One PortAudio serves them all."""
    for _ in range(3):
        other = Background(lambda: play([speech(100)], FORMAT, device="fine"))
        play([speech(120)], FORMAT)
        other.result()


def test_a_device_of_another_rate(fixed_rate: FixedRate) -> None:
    """It takes 48000 Hz only; pitch, length and loudness stay. JACK's loopback itself now and then
    swaps, loses or repeats a period, which is four whole waves here."""
    pytest.importorskip("soxr", reason="soxr is not installed (extra: audio)")
    with fixed_rate.listen() as ear:
        play(slices(pcm.tone(400, 500, FORMAT)), FORMAT)
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
            play(chunks(ear), FORMAT)
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
            play([speech(1900)], FORMAT)
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
        with pytest.raises(DeviceError, match="'default' has not answered for more than 1 s"):
            play(chunks(), FORMAT)
    finally:
        soundcard.control("suspend-sink", "speaker", "0")
    assert time.monotonic() - started < 3
    play([speech(50)], FORMAT)  # the next one finds it again


def test_close_ends_what_is_playing(soundcard: Soundcard) -> None:
    """As at the exit of a program, when a forgotten thread still plays."""
    with soundcard.listen() as ear:
        player = Background(lambda: play([speech(1900)], FORMAT))
        ear.wait(lambda heard: bool(heard.strip(b"\0")))
        portaudio.close()
        assert isinstance(player.error(), DeviceError)
    assert portaudio.has_output()


@pytest.mark.parametrize("chunks", [["abc"], b"abc", [None]])
def test_what_is_no_sound_is_refused(soundcard: Soundcard, chunks: Any) -> None:
    with pytest.raises(ConfigError, match="chunks of bytes"):
        play(chunks, FORMAT)
