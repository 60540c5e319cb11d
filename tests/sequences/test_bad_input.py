"""Bad input on the wire: it is answered or passed over, and the session goes on, on both sides."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from inworld_rt import Client
from inworld_rt.errors import ResponseFailed
from inworld_rt.simulator import Simulator, ToolCall, scripted
from inworld_rt.simulator.ears import ScriptedEars
from tests.sequences import acts, tables
from tests.sequences.parts import WEATHER
from tests.sequences.players import Script, Variant, raw_client
from tests.sequences.test_client_side import Case, play
from tests.support.brains import ToneVoice
from tests.support.scripted import Scripted
from tests.support.sequences import BEEP, HEARD, TEXT, Json

EXACT = Variant("exact")


def simulator(*says: Any, **quirks: Any) -> Simulator:
    ears = ScriptedEars(itertools.repeat(HEARD))
    replies = scripted(says or [TEXT])
    return Simulator(replies=replies, voice=ToneVoice(), ears=ears, quirks=quirks, pace=50)


def client(server: Simulator, **options: Any) -> Client:
    return Client(url=server.url, credentials=server.api_key, **options)


# --- from clients ---------------------------------------------------------------------------------

APPEND = "input_audio_buffer.append"
BAD_REQUESTS: dict[str, tuple[Any, str | None, str | None]] = {
    "an unknown event": ({"type": "x.unknown"}, "unknown_event_type", None),
    "no type": ({"event_id": "e"}, "missing_required_parameter", "type"),
    "no JSON": ("{", "invalid_json", None),
    "no object": ("[]", None, None),
    "bytes": (b"{}", None, None),
    "sound that is not base64": ({"type": APPEND, "audio": "%%%"}, "invalid_value", "audio"),
    "sound that is a number": ({"type": APPEND, "audio": 5}, "invalid_type", "audio"),
    "no sound": ({"type": APPEND}, "missing_required_parameter", "audio"),
    "no item": ({"type": "conversation.item.create"}, "missing_required_parameter", "item"),
    "no settings": ({"type": "session.update"}, "missing_required_parameter", "session"),
    "settings that are a number": (
        {"type": "session.update", "session": 5},
        "invalid_type",
        "session",
    ),
    "no item to retrieve": (
        {"type": "conversation.item.retrieve"},
        "missing_required_parameter",
        "item_id",
    ),
    "a commit of nothing": (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_the_server_answers_with_one_error_and_goes_on(name: str) -> None:
    frame, code, param = BAD_REQUESTS[name]
    with simulator() as server, raw_client(server) as raw:
        raw.play(*tables.GREETED)
        raw.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)
        (event,) = raw.until("error")
        error = event["error"]
        assert error["type"] == "invalid_request_error" and error["message"]
        assert code in (None, error["code"])
        assert param in (None, error["param"])
        raw.play(*tables.TEXT_TURN)
        raw.finish()


def test_an_unknown_event_is_refused_without_its_id() -> None:
    """As the service does (protocol: envelope); all other errors have it."""
    with simulator() as server, raw_client(server) as raw:
        raw.play(*tables.GREETED)
        for kind, named in (("x.unknown", False), ("response.cancel", True)):
            raw.send(kind)
            (event,) = raw.until("error")
            assert event["error"].get("event_id") == (raw.names["asked"] if named else None)


# --- from servers ---------------------------------------------------------------------------------

PLACE: Json = {"response_id": "r1", "item_id": "a1", "output_index": 0, "content_index": 0}
DELTA: Json = {"type": "response.output_audio.delta", **PLACE}
UNEQUAL: Json = {
    "words": ["One", "two."],
    "word_start_time_seconds": [0.0],
    "word_end_time_seconds": [],
}
BAD_EVENTS: dict[str, Json] = {
    "sound that is not base64": {**DELTA, "delta": "this is ~not~ base64!"},
    "sound with half a byte": {**DELTA, "delta": "A"},
    "sound that is a number": {**DELTA, "delta": 5},
    "sound that is null": {**DELTA, "delta": None},
    "no sound": DELTA,
    "empty sound": {**DELTA, "delta": ""},
    "sound of a stranger": {**DELTA, "response_id": "stranger", "delta": BEEP},
    "times of unequal number": {
        **DELTA,
        "delta": "",
        "timestamp_info": {"word_alignment": UNEQUAL},
    },
    "times that are none": {
        **DELTA,
        "delta": "",
        "timestamp_info": {"word_alignment": {"words": 5}},
    },
    "times that are a text": {**DELTA, "delta": "", "timestamp_info": "soon"},
    "words that are a number": {"type": "response.output_text.delta", **PLACE, "delta": 5},
    "no words": {"type": "response.output_audio_transcript.delta", **PLACE},
    "an end of a stranger": {"type": "response.done", "response": {"id": "stranger"}},
    "an item that is null": {"type": "conversation.item.added", "item": None},
    "an item that is empty": {"type": "response.output_item.added", "item": {}},
    "an item of no known type": {
        "type": "response.output_item.done",
        "response_id": "stranger",
        "item": {"type": "x.item", "id": "x"},
    },
    "a part that is empty": {"type": "response.content_part.done", **PLACE, "part": {}},
    "an unknown event": {"type": "x.unknown", "note": [1, {"two": None}]},
    "no type": {"errorType": "SESSION_RESOURCES_EXHAUSTED"},
    "a type that is a number": {"type": 5},
    "an error that is a text": {"type": "error", "error": "something is wrong"},
    "an error with its message on top": {"type": "error", "message": "something is wrong"},
    "an error that is empty": {"type": "error"},
    "a start of speech without a time": {"type": "input_audio_buffer.speech_started"},
    "the end of it": {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": "soon"},
    "words of nobody": {
        "type": "conversation.item.input_audio_transcription.completed",
        "transcript": None,
    },
    "settings that are null": {"type": "session.updated", "session": None},
    "settings that are odd": {"type": "session.updated", "session": {"audio": 5, "tools": {}}},
    "a truncation of nothing": {"type": "conversation.item.truncated"},
    "an interjection without sound": {"type": "response.backchannel.audio.delta"},
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_the_client_passes_over_it_and_the_answer_goes_on(name: str) -> None:
    place = next(n for n, s in enumerate(tables.TEXT_TURN) if type(s).__name__ == "Mixed")
    steps = (*tables.TEXT_TURN[:place], BAD_EVENTS[name], *tables.TEXT_TURN[place:])
    play(Case(steps, acts.ask), EXACT)


def test_the_client_passes_over_all_of_it_at_once() -> None:
    steps: list[Any] = []
    for step in tables.TEXT_TURN:
        steps += [step, *BAD_EVENTS.values()] if len(steps) > 3 else [step]
    script = Script((*tables.CONNECT, *steps), EXACT, {"said": TEXT})
    with Scripted(script, start=False) as server, server.client() as client:
        response = client.say("one two").wait()
        assert (response.text, response.status) == (TEXT, "completed")
        list(response.captions())
        acts.On(server, client).over()
    assert script.played and script.more(server) == []


# --- both -----------------------------------------------------------------------------------------


def test_sound_that_is_not_base64_is_skipped() -> None:
    """The quirk sends one such slice in every answer; all others are there."""
    heard = []
    for bad in (False, True):
        with simulator(bad_base64=bad) as server, client(server) as person:
            response = person.say("one two").wait()
            assert (response.text, response.status) == (TEXT, "completed")
            heard.append(b"".join(response))
            assert person.stats.errors == 0
    assert heard[0] == heard[1] != b""


def test_times_of_unequal_number_lose_words_and_nothing_else() -> None:
    timed = {"providerData": {"tts": {"timestamp_type": "WORD"}}}
    told = []
    for short in (False, True):
        with simulator(short_alignments=short) as server, client(server, config=timed) as person:
            response = person.say("one two").wait()
            assert (response.text, response.status) == (TEXT, "completed")
            told.append([word.text.strip() for word in response.captions()])
    assert told[0] == TEXT.split()
    assert [word for word in told[1] if word not in told[0]] == []


def test_a_plan_without_tools_is_named_as_what_it_may_be() -> None:
    with simulator(tools_plan_denied=True) as server:
        with client(server, config={"tools": [WEATHER]}) as person:
            with pytest.raises(ResponseFailed, match="plan") as caught:
                person.ask("one two")
            assert "tools" in str(caught.value)
            person.update_session(tools=[])
            assert person.ask("one two") == TEXT


@pytest.mark.parametrize("mode", [False, True], ids=["manual", "automatic"])
def test_a_call_that_comes_twice_is_run_once(mode: bool) -> None:
    oslo = ToolCall("weather", {"city": "Oslo"})
    ran = []

    def weather(city: str) -> str:
        """Tell the weather."""
        ran.append(city)
        return "sunny"

    config = {"providerData": {"auto_tool_response": mode}}
    with simulator([oslo], TEXT, repeat_calls=True) as server:
        with client(server, config=config, tools=[weather]) as person:
            assert person.ask("one two") == TEXT
            assert person.stats.errors == 0
    assert ran == ["Oslo"]
