"""Every message of the protocol, both ways; and whatever else may arrive."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt import codec, rules, wire
from inworld_rt.config import AudioConfig, AudioOutput, ReplyConfig, SessionConfig
from inworld_rt.errors import ConfigError, RemoteProtocolError
from inworld_rt.events import (
    AudioDelta,
    AudioDone,
    BackchannelDelta,
    BackchannelDone,
    BackchannelSkipped,
    CallArgumentsDelta,
    CallArgumentsDone,
    ContentPartAdded,
    ContentPartDone,
    ConversationCreated,
    ConversationInfo,
    DtmfReceived,
    ErrorEvent,
    Event,
    InputAudioAppend,
    InputAudioClear,
    InputAudioCleared,
    InputAudioCommit,
    InputAudioCommitted,
    InputTimeout,
    ItemAdded,
    ItemCreate,
    ItemDelete,
    ItemDeleted,
    ItemDone,
    ItemRetrieve,
    ItemRetrieved,
    ItemTruncate,
    ItemTruncated,
    McpArgumentsDelta,
    McpArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListCompleted,
    McpListFailed,
    McpListInProgress,
    OutputAudioClear,
    OutputAudioCleared,
    OutputAudioStarted,
    OutputAudioStopped,
    OutputItemAdded,
    OutputItemDone,
    Ping,
    RateLimitsUpdated,
    ResponseCancel,
    ResponseCancelled,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
    TurnSuggestion,
    TurnSuggestionRevoked,
    UnknownEvent,
    UserTranscript,
    UserTranscriptDelta,
    UserTranscriptFailed,
    UserTranscriptSegment,
    UserTranscriptUpdated,
)
from inworld_rt.items import (
    AudioPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Message,
    TextPart,
    UnknownPart,
)
from inworld_rt.outcome import (
    ErrorDetails,
    InputTokens,
    Logprob,
    Phone,
    PhoneticDetails,
    RateLimit,
    ResponseError,
    ResponseState,
    StatusDetails,
    TimestampInfo,
    TranscriptionUsage,
    Usage,
    WordAlignment,
)
from inworld_rt.provider import ProviderData
from inworld_rt.wire import append_message, decode, decode_client, encode
from tests.support import declared

USER = "conversation.item.input_audio_transcription"
PLACE = {"response_id": "r1", "item_id": "a1", "output_index": 0, "content_index": 0}
VOICE = SessionConfig(audio=AudioConfig(output=AudioOutput(voice="Clive")))
VOICE_WIRE = {"type": "realtime", "audio": {"output": {"voice": "Clive"}}}
CALL = FunctionCall(id="f1", status="in_progress", name="clock", call_id="k1")
CALL_WIRE = {
    "type": "function_call",
    "id": "f1",
    "status": "in_progress",
    "name": "clock",
    "call_id": "k1",
    "arguments": "",
}
HELLO = Message(content=[InputText(text="Hi")])
HELLO_WIRE = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Hi"}],
}
SEED = ProviderData(auto_tool_response=False)

# What we build, and what travels (besides `type`). At least one row for every class.
CLIENT_ROWS: list[tuple[Event, dict[str, Any]]] = [
    (SessionUpdate(session=VOICE, event_id="c-1"), {"session": VOICE_WIRE, "event_id": "c-1"}),
    (
        SessionUpdate(session=SessionConfig(provider_data=SEED)),
        {"session": {"type": "realtime", "providerData": {"auto_tool_response": False}}},
    ),
    (InputAudioAppend(audio=b"\0\1\2"), {"audio": "AAEC"}),
    (InputAudioCommit(), {}),
    (InputAudioClear(), {}),
    (ItemCreate(item=HELLO), {"item": HELLO_WIRE}),
    (
        ItemCreate(item=HELLO, previous_item_id="root"),
        {"item": HELLO_WIRE, "previous_item_id": "root"},
    ),
    (
        ItemCreate(item=Message(id="u1", content=[InputAudio(audio=b"\0\0\0")])),
        {
            "item": {
                "type": "message",
                "id": "u1",
                "role": "user",
                "content": [{"type": "input_audio", "audio": "AAAA"}],
            }
        },
    ),
    (
        ItemCreate(item=FunctionCallOutput(call_id="k1", output='{"ok":true}')),
        {"item": {"type": "function_call_output", "call_id": "k1", "output": '{"ok":true}'}},
    ),
    (
        ItemTruncate(item_id="a1", audio_end_ms=40),
        {"item_id": "a1", "audio_end_ms": 40, "content_index": 0},
    ),
    (ItemDelete(item_id="a1"), {"item_id": "a1"}),
    (ItemRetrieve(item_id="a1"), {"item_id": "a1"}),
    (ResponseCreate(), {}),
    (ResponseCreate(response=ReplyConfig()), {"response": {}}),
    (
        ResponseCreate(response=ReplyConfig(voice="Sarah", max_output_tokens="inf", input=[])),
        {"response": {"voice": "Sarah", "max_output_tokens": "inf", "input": []}},
    ),
    (ResponseCancel(), {}),
    (ResponseCancel(response_id="r1"), {"response_id": "r1"}),
    (OutputAudioClear(), {}),
]
SERVER_ROWS: list[tuple[Event, dict[str, Any]]] = [
    (SessionCreated(session=VOICE, event_id="e1"), {"session": VOICE_WIRE, "event_id": "e1"}),
    (SessionUpdated(session=VOICE), {"session": VOICE_WIRE}),
    (
        ConversationCreated(conversation=ConversationInfo(id="c", object="realtime.conversation")),
        {"conversation": {"id": "c", "object": "realtime.conversation"}},
    ),
    (ItemAdded(item=CALL), {"item": CALL_WIRE, "previous_item_id": None}),
    (ItemDone(item=CALL, previous_item_id="u1"), {"item": CALL_WIRE, "previous_item_id": "u1"}),
    (
        ItemRetrieved(
            item=Message(role="assistant", content=[AudioPart(audio=b"\0", transcript="x")])
        ),
        {
            "item": {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "audio": "AA==", "transcript": "x"}],
            }
        },
    ),
    (ItemDeleted(item_id="a1"), {"item_id": "a1"}),
    (
        ItemTruncated(item_id="a1", content_index=0, audio_end_ms=40),
        {"item_id": "a1", "content_index": 0, "audio_end_ms": 40},
    ),
    (SpeechStarted(item_id="u1", audio_start_ms=1240), {"item_id": "u1", "audio_start_ms": 1240}),
    (SpeechStopped(item_id="u1", audio_end_ms=2310), {"item_id": "u1", "audio_end_ms": 2310}),
    (InputAudioCommitted(item_id="u1"), {"item_id": "u1", "previous_item_id": None}),
    (InputAudioCleared(), {}),
    (
        InputTimeout(item_id="u1", audio_start_ms=1, audio_end_ms=2),
        {"item_id": "u1", "audio_start_ms": 1, "audio_end_ms": 2},
    ),
    (
        TurnSuggestion(
            item_id="u1",
            utterance_index=0,
            probability=0.9,
            trailing_silence_ms=200,
            audio_duration_ms=900,
            inference_ms=4.5,
        ),
        {
            "item_id": "u1",
            "utterance_index": 0,
            "probability": 0.9,
            "trailing_silence_ms": 200,
            "audio_duration_ms": 900,
            "inference_ms": 4.5,
        },
    ),
    (
        TurnSuggestionRevoked(item_id="u1", utterance_index=1),
        {"item_id": "u1", "utterance_index": 1},
    ),
    (DtmfReceived(event="9", received_at=1763), {"event": "9", "received_at": 1763}),
    (
        UserTranscriptDelta(item_id="u1", delta="Wh", content_index=0),
        {"item_id": "u1", "delta": "Wh", "content_index": 0},
    ),
    (
        UserTranscriptUpdated(item_id="u1", transcript="What"),
        {"item_id": "u1", "transcript": "What"},
    ),
    (
        UserTranscript(
            item_id="u1",
            content_index=0,
            transcript="What?",
            usage=TranscriptionUsage(
                type="tokens", total_tokens=3, input_token_details=InputTokens(audio_tokens=2)
            ),
            logprobs=[Logprob(token="W", bytes=[87], logprob=-0.5)],
            languages=["en"],
            provider_data={"voiceProfile": {"emotion": [{"label": "calm", "confidence": 0.8}]}},
            voice_profile={"pitch": "low"},
        ),
        {
            "item_id": "u1",
            "content_index": 0,
            "transcript": "What?",
            "usage": {
                "type": "tokens",
                "total_tokens": 3,
                "input_token_details": {"audio_tokens": 2},
            },
            "logprobs": [{"token": "W", "bytes": [87], "logprob": -0.5}],
            "languages": ["en"],
            "providerData": {"voiceProfile": {"emotion": [{"label": "calm", "confidence": 0.8}]}},
            "voiceProfile": {"pitch": "low"},
        },
    ),
    (
        UserTranscript(item_id="u", usage=TranscriptionUsage(type="duration", seconds=1.5)),
        {"item_id": "u", "transcript": "", "usage": {"type": "duration", "seconds": 1.5}},
    ),
    (
        UserTranscriptFailed(
            item_id="u1", content_index=0, error=ErrorDetails(type="t", code="c", message="m")
        ),
        {
            "item_id": "u1",
            "content_index": 0,
            "error": {"type": "t", "code": "c", "message": "m", "param": None, "event_id": None},
        },
    ),
    (
        UserTranscriptSegment(
            item_id="u1", content_index=0, id="s", speaker="A", start=0.5, end=1.5, text="Hi"
        ),
        {
            "item_id": "u1",
            "content_index": 0,
            "id": "s",
            "speaker": "A",
            "start": 0.5,
            "end": 1.5,
            "text": "Hi",
        },
    ),
    (
        ResponseCreated(
            response=ResponseState(id="r1", object="realtime.response", status="in_progress")
        ),
        {
            "response": {
                "id": "r1",
                "object": "realtime.response",
                "status": "in_progress",
                "status_details": None,
                "output": [],
                "conversation_id": None,
                "metadata": None,
                "usage": None,
            }
        },
    ),
    (
        ResponseDone(
            response=ResponseState(
                id="r1",
                status="failed",
                status_details=StatusDetails(
                    type="failed",
                    reason="server_error",
                    error=ResponseError(type="server_error", code="x"),
                ),
                output=[CALL],
                max_output_tokens="inf",
                metadata={"a": "b"},
                usage=Usage(total_tokens=42),
            ),
            usage=Usage(input_tokens=30),
        ),
        {
            "response": {
                "id": "r1",
                "status": "failed",
                "status_details": {
                    "type": "failed",
                    "reason": "server_error",
                    "error": {"type": "server_error", "code": "x"},
                },
                "output": [CALL_WIRE],
                "conversation_id": None,
                "max_output_tokens": "inf",
                "metadata": {"a": "b"},
                "usage": {"total_tokens": 42},
            },
            "usage": {"input_tokens": 30},
        },
    ),
    (ResponseCancelled(response_id="r1"), {"response_id": "r1"}),
    (
        OutputItemAdded(response_id="r1", output_index=0, item=CALL),
        {"response_id": "r1", "output_index": 0, "item": CALL_WIRE},
    ),
    (
        OutputItemDone(response_id="r1", output_index=0, item=CALL),
        {"response_id": "r1", "output_index": 0, "item": CALL_WIRE},
    ),
    (
        ContentPartAdded(**PLACE, part=AudioPart(type="audio", transcript="")),
        {**PLACE, "part": {"type": "audio", "transcript": ""}},
    ),
    (
        ContentPartDone(**PLACE, part=TextPart(type="text", text="Hi")),
        {**PLACE, "part": {"type": "text", "text": "Hi"}},
    ),
    (
        RateLimitsUpdated(
            rate_limits=[RateLimit(name="tokens", limit=9, remaining=8, reset_seconds=0.5)]
        ),
        {"rate_limits": [{"name": "tokens", "limit": 9, "remaining": 8, "reset_seconds": 0.5}]},
    ),
    (TextDelta(**PLACE, delta="It"), {**PLACE, "delta": "It"}),
    (TextDone(**PLACE, text="It is"), {**PLACE, "text": "It is"}),
    (TranscriptDelta(**PLACE, delta="It"), {**PLACE, "delta": "It"}),
    (TranscriptDone(**PLACE, transcript="It is"), {**PLACE, "transcript": "It is"}),
    (AudioDelta(**PLACE, audio=b"\0\0\0"), {**PLACE, "delta": "AAAA"}),
    (AudioDelta(**PLACE), {**PLACE, "delta": ""}),
    (
        AudioDelta(
            timestamp_info=TimestampInfo(
                word_alignment=WordAlignment(
                    words=["Hi"],
                    word_start_time_seconds=[0],
                    word_end_time_seconds=[0.25],
                    phonetic_details=[
                        PhoneticDetails(
                            word_index=0,
                            is_partial=False,
                            phones=[
                                Phone(
                                    phone_symbol="h",
                                    viseme_symbol="aei",
                                    start_time_seconds=0,
                                    duration_seconds=0.1,
                                )
                            ],
                        )
                    ],
                )
            )
        ),
        {
            "delta": "",
            "timestamp_info": {
                "word_alignment": {
                    "words": ["Hi"],
                    "word_start_time_seconds": [0],
                    "word_end_time_seconds": [0.25],
                    "phonetic_details": [
                        {
                            "word_index": 0,
                            "is_partial": False,
                            "phones": [
                                {
                                    "phone_symbol": "h",
                                    "viseme_symbol": "aei",
                                    "start_time_seconds": 0,
                                    "duration_seconds": 0.1,
                                }
                            ],
                        }
                    ],
                }
            },
        },
    ),
    (AudioDone(**PLACE), PLACE),
    (
        CallArgumentsDelta(response_id="r1", call_id="k1", delta="{"),
        {"response_id": "r1", "call_id": "k1", "delta": "{"},
    ),
    (
        CallArgumentsDone(call_id="k1", name="clock", arguments="{}"),
        {"call_id": "k1", "name": "clock", "arguments": "{}"},
    ),
    (McpListInProgress(item_id="m"), {"item_id": "m"}),
    (McpListCompleted(item_id="m"), {"item_id": "m"}),
    (McpListFailed(item_id="m"), {"item_id": "m"}),
    (
        McpArgumentsDelta(
            response_id="r1", item_id="m", output_index=0, delta="{", obfuscation="x"
        ),
        {"response_id": "r1", "item_id": "m", "output_index": 0, "delta": "{", "obfuscation": "x"},
    ),
    (McpArgumentsDone(item_id="m", arguments="{}"), {"item_id": "m", "arguments": "{}"}),
    (McpCallInProgress(item_id="m", output_index=0), {"item_id": "m", "output_index": 0}),
    (McpCallCompleted(item_id="m", output_index=0), {"item_id": "m", "output_index": 0}),
    (McpCallFailed(item_id="m", output_index=0), {"item_id": "m", "output_index": 0}),
    (
        BackchannelDelta(backchannel_id="b1", audio=b"\0\0"),
        {"backchannel_id": "b1", "delta": "AAA="},
    ),
    (
        BackchannelDone(backchannel_id="b1", phrase="mm-hm"),
        {"backchannel_id": "b1", "phrase": "mm-hm"},
    ),
    (BackchannelSkipped(reason="no_phrase"), {"reason": "no_phrase"}),
    (OutputAudioStarted(), {}),
    (OutputAudioStopped(response_id="r1"), {"response_id": "r1"}),
    (OutputAudioCleared(), {}),
    (Ping(timestamp=1763), {"timestamp": 1763}),
    (
        ErrorEvent(error=ErrorDetails(type="invalid_request_error", code="x", message="no")),
        {
            "error": {
                "type": "invalid_request_error",
                "code": "x",
                "message": "no",
                "param": None,
                "event_id": None,
            }
        },
    ),
]
ROWS = [(event, data, decode_client) for event, data in CLIENT_ROWS]
ROWS += [(event, data, decode) for event, data in SERVER_ROWS]

OLDER_NAMES = {
    "conversation.item.created": ItemAdded,
    "input_audio_transcription.delta": UserTranscriptDelta,
    "input_audio_buffer.transcription.delta": UserTranscriptDelta,
    "response.text.delta": TextDelta,
    "response.text.done": TextDone,
    "response.audio_transcript.delta": TranscriptDelta,
    "response.audio_transcript.done": TranscriptDone,
    "response.audio.delta": AudioDelta,
    "response.audio.done": AudioDone,
    "response.function_calls_arguments.delta": CallArgumentsDelta,
    "response.function_calls_arguments.done": CallArgumentsDone,
}
SERVER_CLASSES = sorted(set(wire.SERVER.values()), key=lambda c: c.__name__)
CLIENT_CLASSES = sorted(set(wire.CLIENT.values()), key=lambda c: c.__name__)


@contextlib.contextmanager
def libraries(fast: bool) -> Iterator[None]:
    """Use the fast parsers, or those of the standard library."""
    with pytest.MonkeyPatch.context() as patch:
        if not fast:
            patch.setattr(wire, "orjson", None)
            patch.setattr(wire, "encode64", base64.b64encode)
            patch.setattr(rules, "encode64", base64.b64encode)
            decoder = functools.partial(base64.b64decode, validate=True)
            patch.setattr(rules, "_decode64", decoder)
        yield


@pytest.fixture(params=["fast", "standard"])
def either_libraries(request):
    if request.param == "fast":
        pytest.importorskip("orjson")
        pytest.importorskip("pybase64")
    with libraries(request.param == "fast"):
        yield


def frame(tag: str | None, **fields: Any) -> bytes:
    return json.dumps({"type": tag, **fields} if tag is not None else fields).encode()


# --- both ways ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("either_libraries")
@pytest.mark.parametrize(("event", "data", "reader"), ROWS, ids=lambda v: getattr(v, "type", None))
def test_each_event_travels_both_ways(event, data, reader):
    assert json.loads(encode(event)) == {"type": event.type, **data}
    for form in (encode(event), encode(event).decode(), bytearray(encode(event))):
        again = reader(form)
        assert type(again) is type(event)
        assert again == event
        assert again.type == event.type
        assert again.raw == ({"type": event.type, **data} if event.keeps_raw else None)


def test_there_is_a_row_for_every_event():
    assert {type(e) for e, _ in CLIENT_ROWS} == set(wire.CLIENT.values())
    assert {type(e) for e, _ in SERVER_ROWS} == set(wire.SERVER.values())


def test_only_events_that_may_hold_sound_go_without_their_raw_form():
    bare = {c.__name__ for c in (*SERVER_CLASSES, *CLIENT_CLASSES) if not c.keeps_raw}
    assert bare == {"AudioDelta", "BackchannelDelta", "InputAudioAppend", "ItemRetrieved"}


@pytest.mark.parametrize(("name", "cls"), OLDER_NAMES.items())
def test_older_names_are_read_and_the_modern_one_is_written(name, cls):
    event = decode(frame(name, item_id="i"))
    assert type(event) is cls
    assert event.type == cls.wire_name != name
    assert event.raw is None or event.raw["type"] == name


def test_the_older_names_are_all_listed():
    older = {n for n, c in (wire.SERVER | wire.CLIENT).items() if n != c.wire_name}
    assert older == set(OLDER_NAMES)


def test_an_unknown_event_can_be_sent_and_comes_back():
    event = UnknownEvent(raw={"type": "new.thing", "x": [1]})
    assert event.type == "new.thing"
    assert decode(encode(event)) == event
    assert repr(event) == "UnknownEvent(type='new.thing')"
    assert event != UnknownEvent(raw={"type": "other"})
    assert event != Ping()
    with pytest.raises(TypeError, match="unhashable"):
        hash(event)


@pytest.mark.parametrize("cls", SERVER_CLASSES, ids=lambda c: c.__name__)
@settings(max_examples=6)
@given(data=st.data())
def test_what_a_server_writes_we_read_the_same(cls, data):
    event = data.draw(declared.shapes(cls))
    assert decode(encode(event)) == event


@pytest.mark.parametrize("cls", CLIENT_CLASSES, ids=lambda c: c.__name__)
@settings(max_examples=8)
@given(data=st.data())
def test_what_we_write_a_server_reads_the_same(cls, data):
    event = data.draw(declared.shapes(cls))
    assert decode_client(encode(event)) == event


@given(audio=st.binary(max_size=300))
def test_the_short_cut_for_speech_says_the_same(audio):
    for fast in (True, False):
        with libraries(fast):
            assert append_message(audio) == encode(InputAudioAppend(audio=audio))
            assert append_message(memoryview(audio)) == append_message(audio)
            assert decode_client(append_message(audio)) == InputAudioAppend(audio=audio)


def test_text_is_sent_as_utf_8_and_without_padding():
    event = ItemCreate(item=Message(content=[InputText(text="žluťoučký 🐎 \0 \"'\\")]))
    sent = encode(event)
    assert "žluťoučký 🐎 \\u0000".encode() in sent
    assert b'{"type":"conversation.item.create","item":{' in sent
    assert decode_client(sent) == event


# --- strict out -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (ItemDelete(item_id=None), "item_id: expected text, got None"),
        (ItemTruncate(item_id="a", audio_end_ms=-1), "audio_end_ms: expected a whole number of at"),
        (ItemTruncate(item_id="a", audio_end_ms=1.5), "audio_end_ms: expected a whole number"),
        (InputAudioAppend(audio="AAAA"), "audio: expected bytes, got 'AAAA'"),
        (SessionUpdate(session=None), "session: expected a SessionConfig, got None"),
        (
            SessionUpdate(session={"voise": "x"}),
            "session.voise: unknown field; did you mean 'voice",
        ),
        (ItemCreate(item=Message(role="boss")), "item.role: expected one of 'user', 'assistant'"),
        (ItemCreate(item=HELLO, event_id=5), "event_id: expected text or None, got 5"),
        (UnknownEvent(), "raw: expected the message to send, got NoneType"),
        (UnknownEvent(raw=["x"]), "raw: expected the message to send, got list"),
        (UnknownEvent(raw={"type": "x", "y": {1}}), "x: not plain JSON data"),
        (UnknownEvent(raw={"type": "x", "y": float("nan")}), "x: not plain JSON data"),
        (SessionUpdate(session={"providerData": {"memory": {"max_facts": 10**5000}}}), "JSON"),
        (ItemCreate(item=Message(content=[InputText(text="\ud83d")])), "a lone surrogate"),
    ],
)
def test_what_is_wrong_is_refused_before_it_is_sent(event, words):
    with pytest.raises(ConfigError) as caught:
        encode(event)
    assert words in str(caught.value)


# --- liberal in -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("either_libraries")
@pytest.mark.parametrize("cls", SERVER_CLASSES, ids=lambda c: c.__name__)
def test_a_servers_event_may_lack_everything_or_hold_anything(cls):
    plain = cls()
    fields = [f.wire for f in codec._plan(cls).fields]
    assert decode(frame(cls.wire_name)) == plain
    assert decode(frame(cls.wire_name, **dict.fromkeys(fields))) == plain
    assert decode(frame(cls.wire_name, novelty={"x": 1})) == plain
    for value in (True, -1.5, "", "text", [], [None], {}, {"type": 5, "x": []}):
        assert type(decode(frame(cls.wire_name, **dict.fromkeys(fields, value)))) is cls


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        ({"type": "session.update"}, "session"),
        ({"type": "session.update", "session": 5}, "session"),
        ({"type": "input_audio_buffer.append"}, "audio"),
        ({"type": "input_audio_buffer.append", "audio": "????"}, "audio"),
        ({"type": "conversation.item.create", "item": None}, "item"),
        ({"type": "conversation.item.delete"}, "item_id"),
        ({"type": "conversation.item.truncate", "item_id": "a"}, "audio_end_ms"),
    ],
)
def test_a_clients_event_cannot_lack_what_it_needs(data, missing):
    with pytest.raises(RemoteProtocolError, match=f"^{data['type']}: {missing} is missing"):
        decode_client(json.dumps(data))


@pytest.mark.usefixtures("either_libraries")
@pytest.mark.parametrize(
    "data",
    [
        {"errorType": "SESSION_RESOURCES_EXHAUSTED", "event_id": "e"},
        {"type": None, "event_id": "e"},
        {"type": 5, "event_id": "e"},
        {"type": ["error"], "event_id": "e"},
        {"type": "", "event_id": "e"},
        {"type": "response.start", "event_id": "e"},
        {"type": "session.update", "event_id": "e"},  # a client's
    ],
)
def test_what_we_do_not_know_arrives_raw(data):
    event = decode(json.dumps(data))
    assert type(event) is UnknownEvent
    assert event.raw == data
    assert event.event_id == "e"
    assert event.type == (data.get("type") if isinstance(data.get("type"), str) else "")


def test_an_event_id_that_is_no_text_is_left_out():
    assert decode(b'{"type":"x","event_id":5}').event_id is None
    assert decode(b'{"type":"ping","event_id":5}').event_id is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, None),
        ({"error": None}, None),
        ({"error": "boom"}, ErrorDetails(message="boom")),
        ({"error": {}}, None),
        ({"error": {"code": "x"}}, ErrorDetails(code="x")),
        ({"error": {"message": "m"}, "message": "top"}, ErrorDetails(message="m")),
        ({"error": {"code": "x"}, "message": "top"}, ErrorDetails(code="x", message="top")),
        ({"error": {"message": None}, "message": "top"}, ErrorDetails(message="top")),
        ({"message": "top", "code": "c", "param": "p"},
         ErrorDetails(message="top", code="c", param="p")),
        ({"error": "boom", "message": "top"}, ErrorDetails(message="boom")),
        ({"error": ["boom"], "message": "top"}, ErrorDetails(message="top")),
        ({"error": 5}, None),
        ({"error": {"type": 5, "message": ["m"], "code": "c"}}, ErrorDetails(code="c")),
    ],
)  # fmt: skip
def test_an_error_is_understood_in_every_shape_that_was_seen(fields, error):
    found = decode(frame("error", **fields)).error
    assert found == error or (error is None and found == ErrorDetails())


def test_fractions_of_milliseconds_are_whole_numbers_to_us():
    assert (
        decode(frame("input_audio_buffer.speech_started", audio_start_ms=9.75)).audio_start_ms == 9
    )
    assert decode(frame("ping", timestamp=0.5)).timestamp == 0.5


def test_audio_comes_under_either_name_and_broken_audio_is_no_audio():
    name = "response.output_audio.delta"
    assert decode(frame(name, delta="AAAA")).audio == b"\0\0\0"
    assert decode(frame(name, data="AAAA")).audio == b"\0\0\0"
    assert decode(frame(name, delta=None, data="AAAA")).audio == b"\0\0\0"
    for broken in ("AAA", "AA\nAA", "?", 5, None):
        assert decode(frame(name, delta=broken, item_id="i")) == AudioDelta(item_id="i")


def test_timing_is_read_in_either_spelling():
    camel = {
        "wordAlignment": {
            "words": ["Hi"],
            "wordStartTimeSeconds": [0.0],
            "wordEndTimeSeconds": [0.25],
            "phoneticDetails": [
                {"wordIndex": 0, "isPartial": True, "phones": [{"phoneSymbol": "h"}]}
            ],
        },
        "characterAlignment": {
            "characters": ["H"],
            "characterStartTimeSeconds": [0.0],
            "characterEndTimeSeconds": [0.1],
        },
    }
    info = decode(frame("response.output_audio.delta", timestampInfo=camel)).timestamp_info
    assert info.word_alignment.words == ["Hi"]
    assert info.word_alignment.word_end_time_seconds == [0.25]
    assert info.word_alignment.phonetic_details[0].phones[0].phone_symbol == "h"
    assert info.character_alignment.character_end_time_seconds == [0.1]


def test_parts_and_items_of_tomorrow_do_not_hide_their_neighbours():
    output = [
        {"type": "hologram", "id": "h", "x": 1},
        5,
        {"type": "message", "content": [{"type": "smell"}, {}, {"type": "text", "text": "Hi"}]},
    ]
    response = decode(frame("response.done", response={"output": output})).response
    assert [i.type for i in response.output] == ["hologram", "message"]
    assert response.output[1].content[:2] == [UnknownPart(type="smell"), UnknownPart()]
    assert response.output[1].text == "Hi"


@pytest.mark.usefixtures("either_libraries")
@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0",
        b"null",
        b"5",
        b'"error"',
        b"[]",
        b"{",
        b"{}{}",
        b"\xef\xbb\xbf{}",  # a byte order mark
        b'{"type":"\xff"}',
        b'{"type":"\xed\xa0\x80"}',  # half a character
        b'{"type":"ping","timestamp":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        "{'type': 'ping'}",
    ],
    ids=lambda m: repr(m[:20]),
)
def test_what_is_no_message_is_the_servers_mistake(message):
    with pytest.raises(RemoteProtocolError, match=rf"^a message of {len(message)} bytes"):
        decode(message)


@pytest.mark.usefixtures("either_libraries")
@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"ping","timestamp":NaN}',
        b'{"type":"ping","timestamp":-Infinity}',
        b'{"type":"ping","timestamp":1e999}',
        b'{"type":"ping","timestamp":"\\ud83d"}',
        b'{"type":"ping","event_id":null,"x":"\\u0000"}',
        b' {"type":"x","type":"ping"}\n',
    ],
)
def test_odd_json_is_read_by_both_parsers(message):
    assert decode(message) == Ping()


@pytest.mark.usefixtures("either_libraries")
@pytest.mark.parametrize("digits", [17, 30, 300])
def test_huge_numbers_are_numbers(digits):
    event = decode(b'{"type":"ping","timestamp":' + b"9" * digits + b"}")
    assert event.timestamp == pytest.approx(float("9" * digits))
    event = decode(
        b'{"type":"input_audio_buffer.speech_stopped","audio_end_ms":' + b"9" * digits + b"}"
    )
    assert event.audio_end_ms == pytest.approx(10**digits)


def test_half_a_character_survives_reading():
    event = decode(b'{"type":"response.output_text.delta","delta":"\\ud83d"}')
    assert event.delta == "\ud83d"


def test_an_unreadable_message_is_not_quoted():
    secret = "very-private " * 3
    for message in (secret, f'{{"type": "{secret}', f'["{secret}"]'):
        with pytest.raises(RemoteProtocolError) as caught:
            decode(message)
        assert "private" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(message=st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_give_an_event_or_a_protocol_error(message):
    for fast in (True, False):
        for reader in (decode, decode_client):
            with libraries(fast), contextlib.suppress(RemoteProtocolError):
                assert isinstance(reader(message), Event)


_any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["AAAA", "text", "message", "inf", "auto", "audio/pcm", 10**400, -1]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "rate", "id", "output", "content", "audio", "input", "error",
                         "session", "tools", "message", "providerData", "voice", "modalities"])
        | st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(data=st.data())
def test_any_fields_of_any_event_give_an_event_or_a_protocol_error(data):
    registry, reader = data.draw(
        st.sampled_from([(wire.SERVER, decode), (wire.CLIENT, decode_client)])
    )
    tag = data.draw(st.sampled_from(sorted(registry)))
    names = sorted(codec._plan(registry[tag]).known)
    fields = data.draw(st.dictionaries(st.sampled_from(names), _any_json, max_size=5))
    message = json.dumps({**fields, "type": tag})
    for fast in (True, False):
        with libraries(fast):
            if reader is decode:
                assert type(decode(message)) is registry[tag]
            else:
                with contextlib.suppress(RemoteProtocolError):
                    assert type(decode_client(message)) is registry[tag]


@pytest.mark.parametrize("depth", [10, 500, 3000])
def test_deep_nesting_gives_an_event_or_a_protocol_error(depth):
    nested = '{"session":' * depth + "1" + "}" * depth
    for fast in (True, False):
        with libraries(fast), contextlib.suppress(RemoteProtocolError):
            assert isinstance(
                decode(f'{{"type":"session.updated","session":{nested}}}'), SessionUpdated
            )


# --- without the fast libraries -------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules.update(orjson=None, pybase64=None)  # importing them fails
from inworld_rt import rules, wire
from inworld_rt.events import AudioDelta, InputAudioAppend
import base64
assert wire.orjson is None and rules.encode64 is base64.b64encode
event = AudioDelta(response_id="r", audio=bytes(range(256)))
assert wire.decode(wire.encode(event)) == event
assert wire.append_message(b"abc") == wire.encode(InputAudioAppend(audio=b"abc"))
"""


def test_the_fast_libraries_are_not_needed():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
