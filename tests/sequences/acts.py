"""What users of the client do in the tables, and what they get (protocol: sequences)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from inworld_rt import Client
from inworld_rt.errors import ServerError
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.testing import FakeSound
from tests.sequences import tables
from tests.support.background import PATIENCE, Background
from tests.support.scripted import SCRIPT_OVER, SLICE, Scripted
from tests.support.sequences import HEARD, TEXT

SPEECH = tone(440, 1000, AudioFormat())


class On:
    """A client on its stage."""

    def __init__(self, server: Scripted, client: Client) -> None:
        self.server, self.client = server, client

    def here(self) -> None:
        """Wait until the server is at the place of the table where something happens."""
        self.client.wait_for("x.here", PATIENCE)

    def go(self) -> None:
        """It has happened."""
        self.server.go()

    def over(self) -> None:
        """Wait until the client has all that the server sends."""
        Background(lambda: self.client.wait_for(SCRIPT_OVER, PATIENCE)).result()

    @contextmanager
    def chat(self, **options: Any) -> Iterator[tuple[Any, FakeSound]]:
        """A voice chat, on devices that have the session's own rate."""
        sound = FakeSound(rates=[self.client.session.audio.output.format.rate])
        with self.client.voice_chat(audio=sound, echo="none", **options) as chat:
            yield chat, sound


Act = Callable[[On], object]


def greet(on: On) -> None:
    on.client.send_text("one two")
    response = on.client.create_response()
    assert response.text == TEXT


def ask(on: On) -> None:
    response = on.client.say("one two").wait()
    assert (response.text, response.status) == (TEXT, "completed")
    assert response.audio == 2 * SLICE
    assert b"".join(response) == response.audio
    on.over()
    assert str(on.client.conversation) == f"user: one two\nassistant: {TEXT}"


def ask_as(*modalities: str) -> Act:
    def act(on: On) -> None:
        on.client.send_text("one two")
        response = on.client.create_response(output_modalities=list(modalities))
        assert "".join(response.text_stream()) == response.text == TEXT
        assert response.audio == (2 * SLICE if "audio" in modalities else b"")

    return act


def speak(on: On) -> None:
    response = on.client.send_recording(SPEECH)
    assert response.text == TEXT
    on.over()
    assert str(on.client.conversation) == f"user: {HEARD}\nassistant: {TEXT}"


def push_to_talk(on: On) -> None:
    on.client.clear_audio()
    on.client.send_audio(SPEECH)
    on.client.commit_audio()
    assert on.client.create_response().text == TEXT
    on.over()
    assert str(on.client.conversation) == f"user: {HEARD}\nassistant: {TEXT}"


def push(on: On) -> None:
    with on.chat(push_to_talk=True) as (chat, sound):
        first = on.client.say("one two")
        on.here()
        sound.advance(1)
        chat.press()
        on.go()
        sound.advance(0.5)
        answers: list[Any] = []
        finger = threading.Thread(target=lambda: answers.append(chat.release()))
        finger.start()
        while finger.is_alive():  # it waits until the last word is sent
            sound.advance(0.02)
            finger.join(0.01)
        assert answers[0].text == TEXT
        assert (first.status, first.status_details.reason) == ("cancelled", "client_cancelled")
        assert first.heard_text == "One"
        on.over()


def barge_in(on: On) -> None:
    with on.chat() as (_, sound):
        first = on.client.say("one two")
        on.here()
        sound.advance(1)
        on.go()
        first.wait()
        sound.advance(0.5)
        second = on.client.wait_for_response()
        assert (first.status, first.status_details.reason) == ("cancelled", "turn_detected")
        assert first.heard_text == "One"
        assert (second.text, second.status) == (TEXT, "completed")
        on.over()


def use_tool(count: int) -> Act:
    def act(on: On) -> None:
        response = on.client.say("one two").wait()
        assert (response.text, response.status) == (TEXT, "completed")
        assert [call.name for call in response.tool_calls] == ["weather"] * count
        on.over()

    return act


def use_tool_in_automatic_mode(on: On) -> None:
    response = on.client.say("one two").wait()
    on.over()
    assert (response.text, response.status) == (TEXT, "completed")


def lose_a_call(on: On) -> None:
    response = on.client.say("one two").wait()
    assert response.status == "cancelled"
    on.over()


def cancel(on: On) -> None:
    response = on.client.say("one two")
    on.here()
    response.cancel()
    on.go()
    assert response.wait().status == "cancelled"
    assert response.status_details.reason == "client_cancelled"
    on.client.truncate_item("a1", 50)
    assert response.heard_text == "One"


def cancel_too_late(on: On) -> None:
    response = on.client.say("one two")
    on.here()
    response.cancel()
    on.go()
    assert (response.text, response.status) == (TEXT, "completed")


def items(on: On) -> None:
    on.client.say("one two").wait()
    on.client.truncate_item("a1", 50)
    assert on.client.retrieve_item("a1").id == "a1"
    assert "a1" in on.client.conversation
    on.client.delete_item("a1")
    assert "a1" not in on.client.conversation


def ask_for_nobody(on: On) -> None:
    for request in (
        lambda: on.client.truncate_item("nobody", 1),
        lambda: on.client.retrieve_item("nobody"),
        lambda: on.client.delete_item("nobody"),
    ):
        with pytest.raises(ServerError) as caught:
            request()
        assert caught.value.param == "item_id"


def truncate_too_late(on: On) -> None:
    response = on.client.say("one two").wait()
    with pytest.raises(ServerError, match="already shorter"):
        on.client.truncate_item("a1", 99999)
    assert response.heard_text == TEXT


def update_meanwhile(on: On) -> None:
    response = on.client.say("one two")
    on.here()
    on.go()
    settings = on.client.update_session(voice="Sarah")
    assert settings.audio.output.voice == "Sarah"
    assert response.audio == 4 * SLICE
    assert response.status == "completed"


def hear_mm_hm(on: On) -> None:
    with on.chat() as (_, sound):
        sound.say(SPEECH)
        sound.advance(0.2)
        response = on.client.wait_for_response()
        assert response.text == TEXT
        assert response.audio == 2 * SLICE  # without the interjection
        on.over()
        sound.advance(1)
        assert sum(map(bool, sound.heard))
        assert str(on.client.conversation) == f"user: {HEARD}\nassistant: {TEXT}"


def hear_filler(on: On) -> None:
    response = on.client.send_recording(SPEECH)
    assert response.text == f"Let me see. {TEXT}"


def ask_aside(on: On) -> None:
    response = on.client.create_response(**tables.ASIDE)
    assert response.text == TEXT
    assert list(on.client.conversation) == []


def fall_silent(on: On) -> None:
    first = on.client.say("one two").wait()
    second = on.client.wait_for_response()
    assert (first.text, second.text) == (TEXT, TEXT)
    assert first.id != second.id


def only_connect(on: On) -> None:
    on.over()
