"""A conversation kept as two files."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.background import PATIENCE
from support.scripted import Scripted

from inworld_rt.audio import wav
from inworld_rt.audio.files import WavFiles
from inworld_rt.audio.microphone import Microphone
from inworld_rt.audio.speaker import Speaker
from inworld_rt.errors import ConfigError
from inworld_rt.pcm import AudioFormat
from inworld_rt.testing import FakeSound
from inworld_rt.voice_chat.recorder import Recorder

FORMAT = AudioFormat()
PERIOD = 960  # bytes of 20 ms


def noise(frames: int, first: int = 1) -> bytes:
    """No two frames are alike, and none is silent."""
    return b"".join((first + n).to_bytes(2, "little") for n in range(frames))


class Both:
    """Both sides, open."""

    def __init__(self, **rates: Any) -> None:
        self.sound = FakeSound(**rates)
        self.news: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.speaker = Speaker(self.sound, changed=self._changed("speaker"))
        self.microphone = Microphone(self.sound, changed=self._changed("microphone"))
        self.microphone.start()

    def _changed(self, kind: str) -> Callable[[], None]:
        return lambda: self.news.put((kind, getattr(self, kind).lost))

    def wait(self, kind: str, lost: bool) -> None:
        while self.news.get(timeout=PATIENCE) != (kind, lost):
            pass

    def close(self) -> None:
        self.microphone.close()
        self.speaker.close()


@pytest.fixture
def both() -> Iterator[Both]:
    both = Both()
    yield both
    both.close()


def files(folder: Path) -> tuple[wav.Recording, wav.Recording]:
    return wav.read(folder / "microphone.wav"), wav.read(folder / "speaker.wav")


def test_both_sides_begin_together_and_are_complete(both: Both, tmp_path: Path) -> None:
    both.sound.advance(0.5)
    recorder = Recorder(tmp_path / "made" / "for it", both.microphone, both.speaker)
    both.sound.advance(0.1)
    both.sound.say(noise(4800))
    both.sound.advance(0.3)
    both.speaker.say(None, noise(2400), FORMAT)
    both.speaker.finish()
    both.sound.advance(0.6)
    recorder.close()
    recorder.close()
    both.sound.advance(0.5)
    user, answers = files(tmp_path / "made" / "for it")
    assert (user.rate, user.channels, answers.rate, answers.channels) == (24000, 1, 24000, 1)
    # The first period is one that began 20 ms after the beginning.
    assert user.pcm == bytes(6 * PERIOD) + noise(4800) + bytes(35 * PERIOD)
    assert answers.pcm == bytes(21 * PERIOD) + noise(2400) + bytes(25 * PERIOD)


def test_each_in_the_rate_of_its_device(tmp_path: Path) -> None:
    both = Both(rates=[44100])
    recorder = Recorder(tmp_path, both.microphone, both.speaker)
    both.sound.advance(1)
    recorder.close()
    both.close()
    user, answers = files(tmp_path)
    assert (user.rate, answers.rate) == (44100, 44100)
    assert user.seconds == answers.seconds == pytest.approx(1.02, abs=0.001)


def test_an_older_recording_is_replaced(both: Both, tmp_path: Path) -> None:
    for _ in range(2):
        recorder = Recorder(tmp_path, both.microphone, both.speaker)
        both.sound.advance(0.08)
        recorder.close()
    assert [side.seconds for side in files(tmp_path)] == [0.1, 0.1]


def test_a_loudspeaker_that_was_away_leaves_silence(both: Both, tmp_path: Path) -> None:
    """So what comes later is where it belongs."""
    recorder = Recorder(tmp_path, both.microphone, both.speaker)
    both.sound.advance(1)
    both.sound.unplug("speaker")
    both.wait("speaker", True)
    both.sound.advance(1)
    both.sound.plug("speaker")
    both.wait("speaker", False)
    both.speaker.say(None, noise(2400), FORMAT)
    both.speaker.finish()
    both.sound.advance(1)
    recorder.close()
    user, answers = files(tmp_path)
    assert user.seconds == pytest.approx(3.02)
    assert answers.seconds == pytest.approx(3.02, abs=0.021)
    begins = answers.pcm.index(noise(2400)) / 48000
    assert begins == pytest.approx(2.02, abs=0.021)


def test_a_microphone_that_was_away_leaves_silence(both: Both, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, both.microphone, both.speaker)
    both.sound.advance(1)
    both.sound.unplug("microphone")
    both.wait("microphone", True)
    both.sound.plug("microphone")
    both.wait("microphone", False)
    both.sound.say(noise(2400))
    both.sound.advance(1)
    recorder.close()
    user, _ = files(tmp_path)
    assert noise(2400) in user.pcm
    assert user.pcm.strip(b"\0") == noise(2400).strip(b"\0")


@pytest.mark.parametrize("blocked", ["microphone.wav", "speaker.wav", None])
def test_where_nothing_can_be_written(both: Both, tmp_path: Path, blocked: str | None) -> None:
    """It is told at once, and no file is left open."""
    if blocked is None:
        tmp_path = tmp_path / "a file"
        tmp_path.write_bytes(b"")
    else:
        (tmp_path / blocked).mkdir()
    with pytest.raises(OSError):
        Recorder(tmp_path, both.microphone, both.speaker)
    both.sound.advance(0.1)


def test_a_whole_chat(tmp_path: Path) -> None:
    """What was said, and what was really heard of the answer."""
    sound = FakeSound()
    with (
        Scripted(Scripted.answer_all) as server,
        server.client() as client,
        client.voice_chat(audio=sound, echo="none", record=tmp_path) as chat,
    ):
        sound.say(noise(2400))
        client.say("Hello.").wait()
        chat.speaker.wait(lambda: chat.speaker.speech.pushed > 0, PATIENCE)
        sound.advance(1)
    user, answers = files(tmp_path)
    assert noise(2400) in user.pcm
    assert len(answers.pcm.strip(b"\0")) == pytest.approx(4800, abs=2)  # two slices of 50 ms
    assert user.seconds == pytest.approx(answers.seconds, abs=0.021)


def test_it_does_not_write_over_the_recording_that_is_the_microphone(tmp_path: Path) -> None:
    back_end = WavFiles()
    path = str(tmp_path / "microphone.wav")
    wav.write(path, bytes(4800), 24000)
    before = Path(path).read_bytes()
    answers = str(tmp_path / "answers.wav")
    with (
        Microphone(back_end, path) as microphone,
        Speaker(back_end, answers) as speaker,
        pytest.raises(ConfigError, match="choose another folder"),
    ):
        Recorder(tmp_path, microphone, speaker)
    assert Path(path).read_bytes() == before
