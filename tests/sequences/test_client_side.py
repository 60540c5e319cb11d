"""Our client plays the client's column of every table, to a server that plays its own exactly.

And to servers that differ from it in what real ones do: without the events in parentheses, with
old names, without ids, in another order. The user gets the same from all of them, and the client
sends what is in the table and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import field, frozen

from inworld_rt import Client
from inworld_rt.errors import ServerError
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.testing import FakeSound
from tests.sequences import tables
from tests.sequences.parts import WEATHER, Steps
from tests.sequences.players import Script, Variant
from tests.support.background import PATIENCE, Background
from tests.support.scripted import SCRIPT_OVER, SLICE, Scripted
from tests.support.sequences import HEARD, TEXT, Json

SPEECH = tone(440, 1000, AudioFormat())
SECOND = tone(440, 1000, AudioFormat())
TELEPHONE_SECOND = b"\x80" * 8000


class On:
    """A client on its stage."""

    def __init__(self, server: Scripted, client: Client, names: Json) -> None:
        self.server, self.client, self.names = server, client, names

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


@frozen
class Case:
    """A table, and what a user of the client does in it."""

    steps: Steps
    act: Act
    session: Json = field(factory=dict)
    """Settings besides the usual ones."""
    names: Json = field(factory=dict)
    slice: bytes = SLICE
    tools: bool = False
    telephone: bool = False


# --- what users do --------------------------------------------------------------------------------


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


# --- the cases ------------------------------------------------------------------------------------

PUSH: Json = {"audio": {"input": {"turn_detection": None}}}
AUTO: Json = {"providerData": {"auto_tool_response": True}}
SEMANTIC: Json = {"type": "semantic_vad", "eagerness": "high"}
SERVER: Json = {"type": "server_vad", "silence_duration_ms": 300}
IDLE: Json = {**SERVER, "idle_timeout_ms": 5000}
ASKED: Json = {"type": "server_vad", "create_response": False}


def turns(rule: Json) -> Json:
    return {"audio": {"input": {"turn_detection": rule}}}


CUT: Json = {"names": {"ms": 1000}, "slice": SECOND}
SHORT = "Audio content of 666ms is already shorter than 1000ms"
CASES = {
    "11.1 connect": Case((), only_connect),
    "11.1 greeting": Case(tables.GREETING, greet),
    "11.2 text turn": Case(tables.TEXT_TURN, ask),
    "11.2 text turn, both": Case(tables.turn_as(("audio", "text")), ask_as("audio", "text")),
    "11.2 text turn, audio": Case(tables.turn_as(("audio",)), ask_as("audio")),
    "11.2 text turn, text": Case(tables.turn_as(("text",)), ask_as("text")),
    "11.3 voice turn, semantic_vad": Case(tables.VOICE_TURN, speak, turns(SEMANTIC)),
    "11.3 voice turn, server_vad": Case(tables.VOICE_TURN, speak, turns(SERVER)),
    "11.3 voice turn, create_response false": Case(tables.VOICE_TURN_ASKED, speak, turns(ASKED)),
    "11.4 push-to-talk": Case(tables.PUSH_TO_TALK, push_to_talk, PUSH),
    "11.4 push-to-talk into an answer": Case(tables.PUSH_INTO_AN_ANSWER, push, PUSH, **CUT),
    "11.5 barge-in": Case(tables.BARGE_IN, barge_in, **CUT),
    "11.5 barge-in, truncated too late": Case(
        tables.LEARNED,
        barge_in,
        names={"ms": 1000, "short": SHORT, "less": 333},
        slice=TELEPHONE_SECOND,
        telephone=True,
    ),
    "11.6 one call, manual": Case(tables.ONE_CALL, use_tool(1), tools=True),
    "11.6 several calls, manual": Case(tables.SEVERAL_CALLS, use_tool(2), tools=True),
    "11.6 one call, automatic": Case(tables.AUTO_CALL, use_tool(1), AUTO, tools=True),
    "11.6 several calls, automatic": Case(tables.AUTO_CALLS, use_tool(2), AUTO, tools=True),
    "11.6 a call that is cut off": Case(tables.CALL_CUT_OFF, lose_a_call, tools=True),
    "11.7 cancel": Case(tables.CANCEL, cancel, names={"ms": 50}),
    "11.8 items": Case(tables.ITEMS, items, names={"ms": 50, "parts": []}),
    "11.8 no such item": Case(tables.NO_SUCH_ITEM, ask_for_nobody),
    "11.8 beyond the audio": Case(
        tables.BEYOND_THE_AUDIO, truncate_too_late, names={"short": SHORT}
    ),
    "11.9 update while the agent speaks": Case(
        tables.UPDATE_MEANWHILE, update_meanwhile, names={"said": "One two. One two."}
    ),
    "11.10 a telephone call": Case(
        tables.VOICE_TURN, speak, slice=TELEPHONE_SECOND, telephone=True
    ),
    "11.11 back-channel": Case(tables.BACKCHANNEL, hear_mm_hm),
    "11.11 back-channel, skipped": Case(tables.SKIPPED, hear_mm_hm),
    "11.11 filler": Case(tables.FILLER, hear_filler),
    "11.12 out-of-band": Case(tables.OUT_OF_BAND, ask_aside),
    "11.13 idle timeout": Case(tables.IDLE, fall_silent, turns(IDLE)),
}

IDS = frozenset({"event_id", "previous_item_id", "response_id", "output_index", "content_index"})
AGAIN = frozenset(
    {
        "response.done",
        "conversation.item.added",
        "response.output_item.done",
        "response.function_call_arguments.done",
        "conversation.item.input_audio_transcription.completed",
        "input_audio_buffer.speech_stopped",
    }
)
VARIANTS = [
    Variant("exact"),
    Variant("bare", optional=False),
    Variant("legacy", legacy=True),
    Variant("without ids", without=IDS),
    Variant("nameless", without=IDS, nameless=True),
    Variant("backwards", backwards=True),
    Variant("short types", last=True),
    Variant("twice", twice=AGAIN),
    Variant("odd", odd=True),
    Variant("all", False, True, IDS, True, True),
]


def weather(city: str) -> dict[str, str]:
    """Tell the weather."""
    return {"sky": f"Sunny in {city}"}


def merged(below: Json, above: Json) -> Json:
    """One object over another."""
    out = dict(below)
    for name, value in above.items():
        both = name != "format" and isinstance(value, dict) and isinstance(out.get(name), dict)
        out[name] = merged(out[name], value) if both else value
    return out


def play(case: Case, variant: Variant) -> None:
    session = merged(tables.TELEPHONE if case.telephone else {}, case.session)
    expected = merged(tables.SETTINGS, session)
    if case.tools:
        expected["tools"] = [WEATHER]
    steps = (*tables.connect_with(expected), *case.steps)
    script = Script(steps, variant, {"said": TEXT, **case.names}, case.slice)
    with Scripted(script, start=False) as server:
        try:
            with server.client(config=session, tools=[weather] if case.tools else []) as client:
                case.act(On(server, client, script.names))
        except BaseException:
            if script.error is not None:
                raise script.error from None
            raise
    assert script.played
    assert script.more(server) == []


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_the_client_keeps_to_the_table(name: str, variant: Variant) -> None:
    play(CASES[name], variant)
