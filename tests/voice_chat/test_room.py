"""A loudspeaker that the microphone hears: it must not interrupt itself, the user must."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.room import Room
from support.soundcard import Soundcard

from inworld_rt import Client
from inworld_rt.audio import cancel, wav
from inworld_rt.cli.demo import QUESTION
from inworld_rt.errors import BackendMissing
from inworld_rt.events import SpeechStarted
from inworld_rt.workers import Inbox

SPEECH = wav.read(QUESTION).pcm
SHORT = ("What is two plus two?", "Tell me a joke.", "What time is it?", "What day is it?")
STORY = "Please tell me a long story."


class Started:
    """Counts how often the server heard somebody begin to speak."""

    def __init__(self) -> None:
        self.count = 0
        self.news: Inbox[int] = Inbox()

    def saw(self, event: Any, orders: Any) -> None:
        if isinstance(event, SpeechStarted):
            self.count += 1
            self.news.put(self.count)

    def over(self) -> None:
        pass


@pytest.fixture
def room(soundcard: Soundcard) -> Iterator[Room]:
    with Room() as room:
        yield room


@pytest.fixture
def started(client: Client) -> Started:
    started = Started()
    client._link.watch(started)
    return started


def test_without_any_means_it_interrupts_itself(
    room: Room, client: Client, started: Started
) -> None:
    """So that the tests below show something."""
    with client.voice_chat(echo="none"):
        client.say(STORY)
        assert started.news.get(10) == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["half", "webrtc", "speex", "auto"])
def test_ten_answers(
    room: Room,
    client: Client,
    started: Started,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """None of them is interrupted; then somebody speaks into the eleventh, and that is."""
    if how in cancel.ENGINES:
        monkeypatch.setattr(cancel, "ENGINES", {how: cancel.ENGINES[how]})
        try:
            cancel.find(24000, how).close()
        except BackendMissing as exc:
            pytest.skip(str(exc))
    with client.voice_chat(echo="cancel" if how in cancel.ENGINES else how) as chat:
        for number in range(10):
            response = client.say(SHORT[number % len(SHORT)])
            response.play()
            assert (response.status, started.count) == ("completed", 0), number
            assert response.heard_text == response.text
        assert how in chat.echo or how == "auto"
        story = client.say(STORY)
        chat.speaker.wait(lambda: chat.speaker.speech.played > 24000 * 30, 3)
        room.speak(SPEECH, 24000)
        assert started.news.get(5) == 1
        story.wait()
        assert story.heard_text != story.text


@pytest.mark.slow
def test_the_canceller_of_the_system_comes_first(
    echo_module: Soundcard,
    bare_sound: pytest.MonkeyPatch,
    tmp_path: Path,
    client: Client,
    started: Started,
) -> None:
    """Where it is switched on, and the devices are the system's."""
    config = tmp_path / "asound.conf"
    config.write_text("pcm.!default { type pulse }\n", encoding="utf-8")
    bare_sound.setenv("ALSA_CONFIG_PATH", str(config))
    with Room(), client.voice_chat() as chat:
        assert chat.echo == "cancel (the system)"
        for question in SHORT[:3]:
            assert client.say(question).play().status == "completed"
        assert started.count == 0
        story = client.say(STORY)
        chat.speaker.wait(lambda: chat.speaker.sounding, 5)
        Room.speak(SPEECH + SPEECH, 24000)
        assert started.news.get(5) == 1
        story.wait()
        assert story.heard_text != story.text
