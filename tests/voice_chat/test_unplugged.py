"""Devices that are pulled out in mid-call, and plugged in again."""

from __future__ import annotations

import pytest
from support.background import PATIENCE
from support.soundcard import Stick

from inworld_rt import Client
from inworld_rt.errors import DeviceError
from inworld_rt.pcm import level
from inworld_rt.voice_chat import VoiceChat
from inworld_rt.workers import Inbox


class Told:
    """What the hooks were told, in order."""

    def __init__(self, chat: VoiceChat) -> None:
        self.news: Inbox[tuple[str, str]] = Inbox()
        chat.when_device_lost = lambda name: self.news.put(("lost", name))
        chat.when_device_back = lambda name: self.news.put(("back", name))

    def next(self) -> tuple[str, str]:
        return self.news.get(PATIENCE)


def sent_ms(client: Client) -> float:
    return client._link.session.audio_sent_ms


@pytest.mark.slow
def test_the_loudspeaker(stick: Stick, client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    """The call goes on, the user is told, and what comes next is heard."""
    with client.voice_chat("mic", "stick", echo="none") as chat:
        told = Told(chat)
        for _ in range(2):
            story = client.say("Please tell me a long story.")
            chat.speaker.wait(lambda: chat.speaker.speech.played > 24000, PATIENCE)
            stick.pull()
            assert told.next() == ("lost", "stick")
            assert client.state == "error"
            with pytest.raises(DeviceError, match="the loudspeaker 'stick' is away"):
                story.play()
            stick.plug()
            assert told.next() == ("back", "stick")
        answer = client.say("What is two plus two?")  # it interrupts what was left of the story
        with stick.listen("stick") as ear:
            answer.play()
            heard = ear.hear_out()
        slices = [heard[n : n + 4800] for n in range(0, len(heard) - 4800, 2400)]
        loudest = sorted(slices, key=level)[-10:]  # a busy machine may tear some of them
        assert any(piece in answer.audio for piece in loudest)
        assert chat.stats.losses == 2
        assert "A sound device was away 2 times" in str(chat.stats)
        assert not story.heard_text == story.text
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_the_microphone(stick: Stick, client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    """Silence is sent meanwhile, so that the server goes on listening."""
    with client.voice_chat("stick_mic", "speaker", echo="none") as chat:
        told = Told(chat)
        stick.pull()
        assert told.next() == ("lost", "stick_mic")
        before = sent_ms(client)
        heard = chat.speaker.speech.pulls
        chat.speaker.wait(lambda: chat.speaker.speech.pulls >= heard + 50, PATIENCE)  # a second
        assert 500 < sent_ms(client) - before < 2000  # a busy machine sends it late
        stick.plug()
        assert told.next() == ("back", "stick_mic")
        assert client.state == "idle"
        assert client.say("Hello?").play().status == "completed"
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_both_at_once(stick: Stick, client: Client) -> None:
    """As a headset of one plug."""
    with client.voice_chat("stick_mic", "stick", echo="half") as chat:
        told = Told(chat)
        stick.pull()
        assert {told.next(), told.next()} == {("lost", "stick"), ("lost", "stick_mic")}
        stick.plug()
        assert {told.next(), told.next()} == {("back", "stick"), ("back", "stick_mic")}
        assert client.say("Hello?").play().status == "completed"


@pytest.mark.slow
def test_closing_while_it_is_away(stick: Stick, client: Client) -> None:
    with client.voice_chat("stick_mic", "stick", echo="none") as chat:
        told = Told(chat)
        stick.pull()
        told.next()
    assert chat.closed
    assert client.ask("Hello?")
