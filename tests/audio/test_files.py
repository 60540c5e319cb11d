"""Recordings as devices."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.audio import wav
from inworld_rt.audio.files import Tape, WavFiles
from inworld_rt.errors import DeviceError
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.testing import FakeClock

RATE = 24000


def noise(frames: int) -> bytes:
    """No two frames are alike, and none is silent."""
    return b"".join((1 + n).to_bytes(2, "little") for n in range(frames))


def heard(path: str | Path | None, seconds: float, rate: int = RATE) -> list[bytes]:
    """What a microphone of that file delivers."""
    clock, parts = FakeClock(), list[bytes]()
    backend = WavFiles(clock)
    device = None if path is None else str(path)
    stream = backend.open_source(device, [rate], lambda sound, at: parts.append(sound))
    clock.advance(seconds)
    stream.close()
    return parts


# --- the microphone -------------------------------------------------------------------------------


@given(frames=st.integers(1, 3000), periods=st.integers(1, 8))
def test_it_is_the_recording_and_then_silence(
    tmp_path_factory: pytest.TempPathFactory, frames: int, periods: int
) -> None:
    path = tmp_path_factory.mktemp("wav") / "question.wav"
    wav.write(path, noise(frames), RATE)
    parts = heard(path, periods * 0.02)
    assert [len(part) for part in parts] == [960] * periods
    whole = noise(frames) + bytes(960 * periods)
    assert b"".join(parts) == whole[: 960 * periods]


def test_it_says_when_it_is_over(tmp_path: Path) -> None:
    wav.write(tmp_path / "a.wav", noise(1000), RATE)
    clock, exhausted = FakeClock(), list[bool]()
    stream = WavFiles(clock).open_source(
        str(tmp_path / "a.wav"), [RATE], lambda sound, at: exhausted.append(stream.exhausted)
    )
    clock.advance(0.1)
    assert exhausted == [False, False, True, True, True]


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_at_its_own_rate_and_speed(tmp_path: Path, rate: int) -> None:
    """Where a period is no whole number of frames, they take turns."""
    sound = tone(400, 1000, AudioFormat(rate=rate))
    wav.write(tmp_path / "a.wav", sound, rate)
    parts = heard(tmp_path / "a.wav", 1)
    assert b"".join(parts) == sound
    assert {len(part) // 2 for part in parts} <= {rate // 50, rate // 50 + 1}


def test_each_channel_and_any_width(tmp_path: Path) -> None:
    both = noise(2 * RATE)
    wav.write(tmp_path / "stereo.wav", both, RATE, 2)
    assert b"".join(heard(tmp_path / "stereo.wav", 1)) == both


def test_the_usual_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wav.write("microphone.wav", noise(480), RATE)
    assert heard(None, 0.02) == [noise(480)]
    clock = FakeClock()
    sink = WavFiles(clock).open_sink(None, [RATE], lambda frames, at: noise(frames))
    clock.advance(0.02)
    sink.close()
    assert wav.read("speaker.wav").pcm == noise(480)


def test_no_recording(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    for name, told in (("missing.wav", "No such file"), ("text.wav", "text.wav"), (".", "folder")):
        with pytest.raises(DeviceError, match="that is to be the microphone") as caught:
            heard(tmp_path / name, 0)
        assert told in str(caught.value)


@pytest.mark.parametrize("kind", ["microphone", "speaker"])
def test_a_number_is_no_file(kind: str) -> None:
    backend = WavFiles(FakeClock())
    with pytest.raises(DeviceError, match=f"the {kind} of the back end 'wav' is a file"):
        if kind == "microphone":
            backend.open_source(0, [RATE], lambda sound, at: None)
        else:
            backend.open_sink(0, [RATE], lambda frames, at: b"")


# --- the loudspeaker ------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 200), max_size=6), st.sampled_from([8000, 11025, 24000]))
def test_what_is_played_is_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, moves: list[int], rate: int
) -> None:
    path = str(tmp_path_factory.mktemp("wav") / "answer.wav")
    clock, played = FakeClock(), bytearray()

    def pull(frames: int, at: float) -> bytes:
        sound = noise(frames)
        played.extend(sound)
        return sound

    sink = WavFiles(clock).open_sink(path, [rate, 48000], pull)
    for move in moves:
        clock.advance(move / 1000)
    sink.close()
    clock.advance(1)
    assert len(played) // 2 == int(sum(moves) // 20 * rate / 50 + 1e-6)
    if not played:
        assert Path(path).stat().st_size == 44  # a header, and no sound
        return
    found = wav.read(path)
    assert (found.pcm, found.rate, found.channels) == (bytes(played), rate, 1)


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "answer.wav"
    path.write_bytes(bytes(10**6))
    with_one_frame = Tape(path, RATE)
    with_one_frame.write(b"ab")
    with_one_frame.close()
    with_one_frame.close()
    assert wav.read(path).pcm == b"ab"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    backend = WavFiles(FakeClock())
    for name in (tmp_path / "missing" / "answer.wav", tmp_path):
        with pytest.raises(DeviceError, match="the file for what is played"):
            backend.open_sink(str(name), [RATE], lambda frames, at: b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is full")
def test_a_full_disk_is_told() -> None:
    """By the stream, while it runs; and its file is closed all the same."""
    clock = FakeClock()
    sink = WavFiles(clock).open_sink("/dev/full", [RATE], lambda frames, at: noise(frames))
    clock.advance(2)
    assert isinstance(sink.failure, OSError)
    assert sink.failure.errno == errno.ENOSPC
    with pytest.raises(OSError):
        sink.close()
    sink.close()
