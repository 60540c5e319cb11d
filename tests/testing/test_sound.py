"""Sound devices that do what the test says."""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.background import PATIENCE, Background

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.audio.microphone import Microphone
from inworld_rt.audio.speaker import Speaker
from inworld_rt.errors import AudioError, ConfigError, DeviceError, WaitTimeout
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.testing import FakeClock, FakeSound
from inworld_rt.testing import sound as module

FORMAT = AudioFormat()


def noise(frames: int, first: int = 1) -> bytes:
    """No two frames are alike, and none is silent."""
    return b"".join((first + n).to_bytes(2, "little") for n in range(frames))


class Ears:
    """What a microphone gives; ``with`` opens and closes it."""

    def __init__(self, sound: FakeSound, rate: int = 24000) -> None:
        self.pcm = bytearray()
        self.times: list[float] = []
        self._microphone = Microphone(sound, rate=rate)

    def __enter__(self) -> Microphone:
        self._microphone.start()
        self._microphone.listen(self._hear)
        return self._microphone

    def _hear(self, sound: bytes, at: float) -> None:
        self.pcm += sound
        self.times.append(at)

    def __exit__(self, *_: object) -> None:
        self._microphone.close()


# --- the microphone -------------------------------------------------------------------------------


def test_it_hears_what_is_said_and_then_silence() -> None:
    sound = FakeSound()
    ears = Ears(sound)
    with ears:
        sound.advance(0.1)
        assert sound.say(noise(1000)) == pytest.approx(1000 / 24000)
        sound.say(noise(500, 5000))
        sound.advance(0.2)
    assert bytes(ears.pcm) == bytes(4800) + noise(1000) + noise(500, 5000) + bytes(9600 - 3000)


@settings(max_examples=15)  # closing a microphone takes a tenth of a second
@given(st.lists(st.integers(0, 300), max_size=8))
def test_when_advance_returns_all_listeners_have_heard_it(moves: list[int]) -> None:
    """Fifty periods for each second, to the last one."""
    sound = FakeSound(FakeClock())
    ears = Ears(sound)
    with ears:
        for move in moves:
            sound.advance(move / 1000)
            assert len(ears.times) == int(round(sound.clock.now() * 1000) // 20)
        assert ears.times == [n * 20 / 1000 for n in range(1, len(ears.times) + 1)]  # in order


def test_hours_pass_and_nobody_is_late() -> None:
    sound = FakeSound()
    ears = Ears(sound)
    with ears as microphone:
        sound.advance(100)
        assert microphone.dropped_ms == 0
    assert len(ears.times) == 5000


def test_a_wav_file_of_any_kind(tmp_path: Path) -> None:
    """Mixed to mono, and brought to the microphone's rate."""
    pytest.importorskip("soxr", reason="soxr is not installed (extra: resample)")
    left = pcm._array("h", tone(400, 500, AudioFormat(rate=8000)))
    stereo = pcm._to_bytes("h", [sample for one in left for sample in (one, one)])
    wav.write(tmp_path / "question.wav", stereo, 8000, 2)
    sound = FakeSound()
    ears = Ears(sound)
    with ears:
        assert sound.say(tmp_path / "question.wav") == 0.5
        sound.advance(0.5)
    heard = bytes(ears.pcm)
    assert pcm.level(heard[2400:-2400]) == pytest.approx(-9, abs=0.2)
    assert len(heard) == 24000


def test_what_was_said_before_it_is_opened_waits() -> None:
    sound = FakeSound()
    sound.say(noise(480))
    sound.advance(1)
    ears = Ears(sound)
    with ears:
        sound.advance(0.02)
    assert bytes(ears.pcm) == noise(480)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    sound = FakeSound()
    with pytest.raises(ConfigError):
        sound.say(b"abc")
    with pytest.raises(FileNotFoundError):
        sound.say(tmp_path / "missing.wav")
    (tmp_path / "text.wav").write_text("text", encoding="utf-8")
    with pytest.raises(AudioError):
        sound.say(tmp_path / "text.wav")


def test_a_listener_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    go = threading.Event()
    sound = FakeSound()
    with Microphone(sound) as microphone:
        microphone.start()
        microphone.listen(lambda pcm, at: go.wait(PATIENCE) and None)
        with pytest.raises(WaitTimeout, match="listeners hang"):
            sound.advance(0.02)
        go.set()


def test_a_microphone_that_is_closed_meanwhile_is_not_waited_for() -> None:
    hanging, go = threading.Event(), threading.Event()
    sound = FakeSound()
    microphone = Microphone(sound)
    microphone.start()

    def hang(pcm: bytes, at: float) -> None:
        hanging.set()
        go.wait(PATIENCE)

    microphone.listen(hang)
    mover = Background(lambda: sound.advance(1))
    assert hanging.wait(PATIENCE)
    closer = Background(microphone.close)
    mover.result()
    go.set()
    closer.result()


def test_nobody_listens_and_time_passes() -> None:
    sound = FakeSound()
    with Microphone(sound):  # never started
        sound.advance(20)


# --- the loudspeaker ------------------------------------------------------------------------------


def test_it_keeps_what_is_played() -> None:
    sound = FakeSound()
    assert (sound.heard, sound.speaker_rate) == (b"", 0)
    with Speaker(sound) as speaker:
        assert sound.speaker_rate == 24000
        sound.advance(0.1)
        assert sound.heard == bytes(4800)
        speaker.say("answer", noise(4000), FORMAT)
        speaker.finish()
        assert speaker.sounding
        sound.advance(0.3)
        assert not speaker.sounding
    assert sound.heard.strip(b"\0") == noise(4000).strip(b"\0")
    assert len(sound.heard) == 2 * 24000 * 4 // 10


def test_what_is_cut_is_not_heard() -> None:
    sound = FakeSound()
    with Speaker(sound) as speaker:
        speaker.say("answer", noise(24000), FORMAT)
        sound.advance(0.4)
        assert speaker.cut() == [("answer", 400)]
        sound.advance(1)
    assert sound.heard == noise(9600) + bytes(48000)


def test_a_test_that_takes_its_time_does_not_make_the_device_late() -> None:
    sound = FakeSound()
    with Speaker(sound) as speaker:
        speaker.say("answer", noise(24000), FORMAT)
        sound.advance(0.4)
        speaker.wait(lambda: speaker._sounding, PATIENCE)
        threading.Event().wait(0.1)
        sound.advance(0.4)
        assert speaker.late == 0


# --- both -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rates", [(48000,), (44100, 48000), (16000,)])
def test_devices_that_do_not_take_every_rate(rates: tuple[int, ...]) -> None:
    sound = FakeSound(rates=rates)
    with Speaker(sound) as speaker, Microphone(sound) as microphone:
        assert speaker.rate == microphone.rate == sound.speaker_rate == rates[0]
    with Speaker(sound, rate=rates[-1]) as speaker:
        assert speaker.rate == rates[-1]
    listed = sound.devices(probe=True)
    assert {listed[0].input_rates, listed[1].output_rates} == {tuple(sorted(rates))}


def test_a_device_of_48000_hz_is_heard_at_the_rate_asked_for() -> None:
    pytest.importorskip("soxr", reason="soxr is not installed (extra: resample)")
    sound = FakeSound(rates=[48000])
    heard = bytearray()
    with Microphone(sound) as microphone:
        microphone.start(24000)
        microphone.listen(lambda pcm, at: heard.extend(pcm))
        sound.say(tone(400, 500, FORMAT))
        sound.advance(1)
    assert len(heard) / 2 == pytest.approx(24000, abs=24000 * 0.03)
    assert pcm.level(bytes(heard[4800:19200])) == pytest.approx(-9, abs=0.2)


@pytest.mark.parametrize("rate", [11025, 22050, 44100])
def test_rates_that_do_not_fit_into_periods(rate: int) -> None:
    sound = FakeSound()
    ears = Ears(sound, rate)
    with ears:
        sound.advance(2)
    assert len(ears.pcm) == 2 * 2 * rate


def test_they_are_kept_for_as_long_as_the_test_takes() -> None:
    """The time stands still, and the devices are not taken for lost."""
    sound = FakeSound()
    news: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with (
        Speaker(sound, changed=lambda: news.put("speaker")),
        Microphone(sound, changed=lambda: news.put("microphone")) as microphone,
    ):
        microphone.start()
        sound.advance(1)
        with pytest.raises(queue.Empty):
            news.get(timeout=1.6)
        assert len(sound.heard) == 48000


def test_what_keeps_them_is_no_sound() -> None:
    sound = FakeSound()
    taps: list[tuple[bytes, float]] = []
    lived = threading.Event()

    def tap(pcm: bytes, at: float) -> None:
        taps.append((pcm, at))
        if not pcm:
            lived.set()

    with Speaker(sound) as speaker:
        speaker.tap(tap)
        sound.advance(0.1)
        assert lived.wait(PATIENCE)
        sound.advance(0.1)
    sounds = [at for pcm, at in taps if pcm]
    assert len(sounds) == 10
    nothings = [at for pcm, at in taps if not pcm]
    assert nothings == pytest.approx([sounds[4] + 0.02] * len(nothings))


def both(sound: FakeSound, news: queue.SimpleQueue[Any]) -> tuple[Speaker, Microphone]:
    speaker = Speaker(sound, changed=lambda: news.put(("speaker", speaker.lost)))
    microphone = Microphone(sound, changed=lambda: news.put(("microphone", microphone.lost)))
    return speaker, microphone


@pytest.mark.parametrize("kind", ["microphone", "speaker"])
def test_one_is_unplugged_and_comes_back(kind: str) -> None:
    sound = FakeSound()
    news: queue.SimpleQueue[Any] = queue.SimpleQueue()
    speaker, microphone = both(sound, news)
    with speaker, microphone:
        microphone.start()
        sound.advance(0.1)
        sound.unplug(kind)
        assert [kind in device.name for device in sound.devices()] == [False]
        started = time.monotonic()
        assert news.get(timeout=PATIENCE) == (kind, True)
        assert time.monotonic() - started < 5
        sound.plug(kind)
        assert news.get(timeout=PATIENCE) == (kind, False)
        sound.say(noise(480))
        before = len(sound.heard)
        heard: list[bytes] = []
        microphone.listen(lambda pcm, at: heard.append(pcm))
        sound.advance(0.1)
        assert len(sound.heard) - before == 4800
        assert b"".join(heard).strip(b"\0") == noise(480).strip(b"\0")


def test_both_are_unplugged() -> None:
    sound = FakeSound()
    sound.unplug()
    assert sound.devices() == []
    with pytest.raises(DeviceError, match="no device to record with"):
        Microphone(sound)
    with pytest.raises(DeviceError, match="no device to play sound on"):
        Speaker(sound)
    sound.plug("speaker")
    with Speaker(sound):
        sound.advance(1)
    sound.plug()
    assert len(sound.devices()) == 2


def test_there_is_no_third_device() -> None:
    with pytest.raises(ConfigError, match="microphone or speaker"):
        FakeSound().unplug("keyboard")
    with pytest.raises(ConfigError, match="microphone or speaker"):
        FakeSound().plug("keyboard")
