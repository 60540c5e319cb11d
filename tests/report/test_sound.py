"""How loud it is when, and a copy that is small enough."""

from __future__ import annotations

import io
import wave
from array import array
from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="the report needs numpy, which matplotlib brings")

from inworld_rt.audio import wav
from inworld_rt.pcm import AudioFormat, level, tone
from inworld_rt.report import sound
from inworld_rt.report.sound import read


def write(path: Path, left: bytes, right: bytes, rate: int = 24000) -> Path:
    both = array("h", bytes(2 * len(left)))
    both[0::2], both[1::2] = array("h", left), array("h", right)
    wav.write(path, both.tobytes(), rate, 2)
    return path


def hum(hz: float, seconds: float, rate: int = 24000, volume: float = 0.5) -> bytes:
    return tone(hz, seconds * 1000, AudioFormat(rate=rate), volume)


def sides(copy: bytes) -> tuple[int, bytes, bytes]:
    told = wav.read(io.BytesIO(copy))
    samples = array("h", told.pcm)
    return told.rate, samples[0 :: told.channels].tobytes(), samples[-1 :: -told.channels].tobytes()


def test_each_side_has_its_envelope(tmp_path):
    silence = bytes(48000)
    path = write(tmp_path / "a.wav", hum(440, 1) + silence, silence + hum(440, 1, volume=0.25))
    heard = read(path)
    assert heard.seconds == pytest.approx(2.0)
    assert heard.user.step == pytest.approx(0.01)
    first, second = slice(2, 98), slice(102, 198)
    assert min(heard.user.high[first]) == pytest.approx(0.5, abs=0.01)
    assert max(heard.user.low[first]) == pytest.approx(-0.5, abs=0.01)
    assert set(heard.user.high[second]) == {0.0} == set(heard.answers.high[first])
    assert min(heard.answers.high[second]) == pytest.approx(0.25, abs=0.01)


def test_a_short_one_is_copied_as_it_is(tmp_path):
    path = write(tmp_path / "a.wav", hum(440, 1), hum(220, 1))
    copy = read(path).copy
    assert wav.read(io.BytesIO(copy.wav)).pcm == wav.read(path).pcm
    assert (copy.words, copy.seconds) == ("24 kHz, stereo, 16 bit", 1.0)


@pytest.mark.parametrize(
    ("good", "rate", "words"),
    [
        (50_000, 24000, "24 kHz, stereo, 8 bit (µ-law)"),
        (25_000, 12000, "12 kHz, stereo, 8 bit (µ-law)"),
        (16_500, 8000, "8 kHz, stereo, 8 bit (µ-law)"),
    ],
)
def test_a_longer_one_gets_smaller_and_sounds_the_same(good, rate, words, tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "GOOD_BYTES", good)
    path = write(tmp_path / "a.wav", hum(440, 1), hum(2000, 1, volume=0.1))
    copy = read(path).copy
    assert (copy.words, copy.seconds) == (words, 1.0)
    assert len(copy.wav) <= good + 100
    found, left, right = sides(copy.wav)
    assert found == rate
    assert len(left) // 2 == pytest.approx(rate, abs=2)
    assert level(left) == pytest.approx(level(hum(440, 1)), abs=0.3)
    assert level(right) == pytest.approx(level(hum(2000, 1, volume=0.1)), abs=0.3)


def test_what_is_too_high_for_fewer_samples_does_not_come_back_as_a_low_tone(tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "GOOD_BYTES", 16_500)
    path = write(tmp_path / "a.wav", hum(7000, 1), hum(440, 1))
    _, left, _ = sides(read(path).copy.wav)
    assert level(left[400:-400]) < -50


def test_one_too_long_for_two_sides_has_both_in_one(tmp_path):
    path = write(tmp_path / "a.wav", hum(440, 1), hum(220, 1))
    copy = read(path, most=9000).copy
    assert (copy.words, copy.seconds) == ("8 kHz, mono, 8 bit (µ-law)", 1.0)
    assert wav.read(io.BytesIO(copy.wav)).channels == 1


def test_one_too_long_for_that_is_cut_and_says_so(tmp_path):
    path = write(tmp_path / "a.wav", hum(440, 1), hum(220, 1))
    copy = read(path, most=4000).copy
    assert copy.seconds == pytest.approx(0.5)
    assert len(copy.wav) <= 4000 + 100


def test_an_hour_stays_small(tmp_path):
    path = tmp_path / "hour.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        minute = hum(440, 1, rate=8000) * 2 + bytes(8000 * 4 * 59)
        for _ in range(60):
            file.writeframes(minute)
    heard = read(path)
    assert heard.seconds == pytest.approx(3600)
    assert len(heard.user.low) <= sound.POINTS
    assert len(heard.copy.wav) <= sound.MOST_BYTES + 100
    assert 2800 < heard.copy.seconds < 2900
    assert sum(value > 0.1 for value in heard.user.high) >= 60  # a second is not lost


@pytest.mark.parametrize("what", ["missing", "silent", "empty", "mono", "rubbish", "no frames"])
def test_where_there_is_nothing_to_hear(what, tmp_path):
    path = tmp_path / "a.wav"
    if what == "silent":
        write(path, bytes(4800), bytes(4800))
    elif what == "no frames":
        write(path, b"", b"")
    elif what == "mono":
        wav.write(path, hum(440, 1), 24000, 1)
    elif what != "missing":
        path.write_bytes(b"" if what == "empty" else b"RIFFrubbish" * 10)
    assert read(path) is None


def test_a_file_that_ends_early_gives_what_is_there(tmp_path):
    path = write(tmp_path / "a.wav", hum(440, 2), hum(220, 2))
    path.write_bytes(path.read_bytes()[:-96_001])
    assert read(path).seconds == pytest.approx(1.0, abs=0.01)


def test_a_picture_needs_no_copy(tmp_path):
    assert read(write(tmp_path / "a.wav", hum(440, 1), hum(220, 1)), copy=False).copy is None
