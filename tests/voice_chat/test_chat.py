"""Spoken conversations on a virtual sound card: real PortAudio, real sockets, and what is heard."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.background import PATIENCE
from support.soundcard import Ear, FixedRate, Soundcard

from inworld_rt import Client, pcm
from inworld_rt.audio import wav
from inworld_rt.cli.demo import QUESTION
from inworld_rt.errors import DeviceError, LocalProtocolError
from inworld_rt.events import InputAudioCommitted, SpeechStarted, UserTranscript

SPEECH = wav.read(QUESTION).pcm
STORY = "Please tell me a long story."


def silent_for(heard: bytes, ms: int, rate: int = 24000) -> bool:
    """Whether it ends with so much silence."""
    size = 2 * rate * ms // 1000
    return len(heard) >= size and not heard[-size:].strip(b"\0")


def sounding(heard: bytes) -> bytes:
    """Without the silence around."""
    start = len(heard) - len(heard.lstrip(b"\0"))
    end = len(heard.rstrip(b"\0"))
    return heard[start // 2 * 2 : (end + 1) // 2 * 2]


# --- the main road --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_hands_free_conversation(soundcard: Soundcard, client: Client) -> None:
    """Spoken into the microphone, heard by the server, answered, and heard on the loudspeaker
    sample by sample as the server sent it: no gap, no click, nothing twice."""
    with soundcard.listen() as ear, client.voice_chat(echo="none") as chat:
        for _ in range(2):
            before = len(ear.hear_out(100))
            soundcard.speak(SPEECH)
            response = client.wait_for_response(PATIENCE)
            response.play()
            heard = ear.hear_out()[before:]
            assert sounding(heard) == sounding(response.audio)
            assert client.wait_for(UserTranscript).transcript == "What time is it?"
            assert response.heard_text == response.text
        assert chat.latency is not None and 0 < chat.latency < 5
        assert str(chat.stats) == "The sound never faltered."


@pytest.mark.slow
def test_push_to_talk(soundcard: Soundcard, client: Client) -> None:
    with soundcard.listen() as ear, client.voice_chat(echo="none", push_to_talk=True) as chat:
        assert client.session.audio.input.turn_detection is None
        chat.press()
        assert client.state == "listening"
        soundcard.speak(SPEECH)
        response = chat.release()
        assert response.play().status == "completed"
        assert sounding(ear.hear_out()) == sounding(response.audio)
        assert client.wait_for(UserTranscript).transcript == "What time is it?"
        with chat.held():
            soundcard.speak(SPEECH)
        assert client.wait_for_response(PATIENCE).status == "completed"


@pytest.mark.slow
def test_typed_words_are_spoken_aloud_and_interrupt(soundcard: Soundcard, client: Client) -> None:
    with soundcard.listen() as ear, client.voice_chat(echo="none"):
        story = client.say(STORY)
        ear.wait(lambda heard: bool(heard.strip(b"\0")))
        other = client.say("What is two plus two?")
        other.play()
        heard = sounding(ear.hear_out())
    assert heard.endswith(sounding(other.audio))
    assert story.status == "cancelled" or story.audio not in heard
    assert story.text.startswith(story.heard_text)
    assert len(story.heard_text) < len(story.text)


# --- barge-in -------------------------------------------------------------------------------------


def interrupted(soundcard: Soundcard, client: Client, ear: Ear, **options: Any) -> dict[str, Any]:
    """A story that somebody talks into; how that went."""
    with client.voice_chat(echo="none", **options) as chat:
        story = client.say(STORY)
        ear.wait(lambda heard: len(heard.strip(b"\0")) > 2 * 24000)
        soundcard.speak(SPEECH)
        event = client.wait_for(SpeechStarted)
        client.wait_for(InputAudioCommitted)
        story.wait()
        answer = client.wait_for_response(PATIENCE)
        answer.play()
        return {
            "story": story,
            "answer": answer,
            "heard": ear.hear_out(),
            "latency": chat.speaker.latency,
            "event": event,
            "item": client.conversation[story.items[0].id or ""],
        }


@pytest.mark.slow
def test_who_talks_over_an_answer_interrupts_it(soundcard: Soundcard, client: Client) -> None:
    """On the wire, on the loudspeaker, in the words that count as heard."""
    started: list[float] = []
    client._link.watch(_Stopwatch(started))
    with soundcard.listen() as ear:
        run = interrupted(soundcard, client, ear)
        heard = run["heard"]
        story, answer = run["story"], run["answer"]
        begin = len(heard) - len(heard.lstrip(b"\0"))
        begin -= begin % 2
        # What was heard of the story is its beginning, to the sample, and then there is silence.
        same = _common(heard[begin:], story.audio[story.audio.index(heard[begin : begin + 960]) :])
        end = begin + same
        assert silent_for(heard[: end + 4800], 100)
        assert sounding(heard[end:]) == sounding(answer.audio)
        tail = ear.when(end) - started[0]
    assert tail < run["latency"] + 0.04 + 0.03  # 30 ms: parec hands out what it has every 10-20 ms
    assert story.text.startswith(story.heard_text) and story.heard_text != story.text
    # What counts as heard is what was played, within a word.
    ms = same / 48
    expected = len(story.text) * ms / (len(story.audio) / 48)
    assert abs(len(story.heard_text) - expected) < 15
    assert run["item"].text == story.heard_text


class _Stopwatch:
    def __init__(self, started: list[float]) -> None:
        self._started = started

    def saw(self, event: Any, orders: Any) -> None:
        if isinstance(event, SpeechStarted):
            self._started.append(time.monotonic())

    def over(self) -> None:
        pass


def _common(one: bytes, other: bytes) -> int:
    """Length of the common beginning."""
    for n in range(0, min(len(one), len(other)), 2):
        if one[n : n + 2] != other[n : n + 2]:
            return n
    return min(len(one), len(other))


@pytest.mark.slow
def test_interruptions_can_be_switched_off(soundcard: Soundcard, client: Client) -> None:
    client.update_session(turn_detection={"type": "semantic_vad", "interrupt_response": False})
    with soundcard.listen() as ear, client.voice_chat(echo="none"):
        story = client.say("Tell me a joke.")
        ear.wait(lambda heard: len(heard.strip(b"\0")) > 24000)
        soundcard.speak(SPEECH)
        story.play()
        heard = sounding(ear.hear_out())
    assert story.status == "completed"
    assert heard.startswith(sounding(story.audio))


# --- devices --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_device_that_only_does_48_khz(fixed_rate: FixedRate, client: Client) -> None:
    """The server is asked for that rate in both directions, so nothing is converted here."""
    with fixed_rate.listen() as ear, client.voice_chat(echo="none") as chat:
        assert client.session.audio.input.format.rate == 48000  # type: ignore[union-attr]
        assert client.session.audio.output.format.rate == 48000  # type: ignore[union-attr]
        assert chat.microphone.rate == chat.speaker.rate == 48000
        response = client.say("What is two plus two?")
        response.play()
        assert response.format.rate == 48000
        heard = sounding(ear.hear_out())
    assert len(heard) == pytest.approx(len(sounding(response.audio)), abs=2 * 48 * 60)
    assert pcm.level(heard) == pytest.approx(pcm.level(sounding(response.audio)), abs=1)


def test_no_device_is_told_at_once(bare_sound: Any, client: Client) -> None:
    with pytest.raises(DeviceError, match="no device to play sound on"):
        client.voice_chat()
    assert client.state == "idle"
    assert client.ask("Hello?")  # the session goes on


def test_one_at_a_time(client: Client) -> None:
    with client.voice_chat(audio="null"):
        with pytest.raises(LocalProtocolError, match="there is a voice chat already"):
            client.voice_chat(audio="null")
    with client.voice_chat(audio="null"):
        pass
