"""A notation for the protocol's sequence tables, and what a single event must look like.

A table is a list of steps, a line for each line of the protocol (there: sequences)::

    C("input_audio_buffer.commit"),
    S("input_audio_buffer.committed", item_id="@u1"),
    maybe(S("output_audio_buffer.started")),

``C`` is sent by the client and ``S`` by the server. The fields given are what the table is about:
``"@u1"`` is the same value wherever it stands, ``...`` is any value. All other fields that an event
needs are in :data:`EVENTS`. Who plays a table against what: ``tests.sequences.players``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

__all__ = [
    "EVENTS",
    "HEARD",
    "HERE",
    "TEXT",
    "WORDS",
    "AnyOrder",
    "C",
    "FromClient",
    "FromServer",
    "Here",
    "Json",
    "Later",
    "Mixed",
    "One",
    "S",
    "Speak",
    "any_order",
    "fits",
    "later",
    "many",
    "maybe",
    "misshapen",
    "mixed",
]

Json = dict[str, Any]

WORDS = ["One ", "two."]
TEXT = "".join(WORDS)
"""What the agent says."""
HEARD = "What time is it?"
"""What the user says."""
BEEP = b64encode(b"\x01\x02" * 1200).decode()


@frozen
class _Event:
    kind: str
    fields: Json
    least: int = 1
    most: float = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.fields}"


class FromClient(_Event):
    """The client sends it, with these fields and no others."""


class FromServer(_Event):
    """The server sends it, with these fields at least."""


@frozen
class Mixed:
    """Each at least once, any number of times, in any order."""

    steps: tuple[FromServer, ...]


@frozen
class AnyOrder:
    """Each once, in an order that must not be relied on."""

    steps: tuple[_Event, ...]


@frozen
class Later:
    """Anywhere from here on."""

    steps: tuple[FromServer, ...]


@frozen
class Speak:
    """The client sends ``input_audio_buffer.append``, many times."""

    ms: int = 1000
    silence_ms: int = 0
    goes_on: bool = True
    """Whether the microphone stays open from here on."""


@frozen
class Here:
    """The scripted server waits for the test, which does something at this point."""


@frozen
class One:
    """Any one of these values."""

    values: tuple[Any, ...]


HERE = Here()


def C(kind: str, **fields: Any) -> FromClient:
    """The client sends an event."""
    return FromClient(kind, fields)


def S(kind: str, **fields: Any) -> FromServer:
    """The server sends an event."""
    return FromServer(kind, fields)


def maybe(step: FromServer) -> FromServer:
    """In parentheses in the protocol: it may not come."""
    return evolve(step, least=0)


def many(step: FromServer) -> FromServer:
    """It may come again."""
    return evolve(step, most=float("inf"))


def mixed(*steps: FromServer) -> Mixed:
    """See :class:`Mixed`."""
    return Mixed(tuple(many(step) for step in steps))


def any_order(*steps: _Event) -> AnyOrder:
    """See :class:`AnyOrder`."""
    return AnyOrder(steps)


def later(*steps: FromServer) -> Later:
    """See :class:`Later`."""
    return Later(steps)


def fits(wanted: Any, got: Any, names: Json, *, exact: bool = False) -> bool:
    """Whether a value is the one wanted.

    Args:
        wanted: as tables have it.
        got: from the wire.
        names: what the names in the table stand for; new ones are added.
        exact: objects may have no other fields.
    """
    if wanted is ...:
        return True
    if isinstance(wanted, One):
        return got in wanted.values
    if isinstance(wanted, str) and wanted.startswith("@"):
        return bool(names.setdefault(wanted[1:], got) == got)
    if isinstance(wanted, Mapping):
        if not isinstance(got, Mapping) or (exact and wanted.keys() != got.keys()):
            return False
        return all(k in got and fits(v, got[k], names, exact=exact) for k, v in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(got, list)
            and len(got) == len(wanted)
            and all(fits(a, b, names, exact=exact) for a, b in zip(wanted, got, strict=True))
        )
    return type(wanted) is type(got) and bool(wanted == got)


def misshapen(example: Json, got: Json, path: str = "") -> str:
    """What an event lacks that its example has; ``None`` there is what need not be there."""
    for name, value in example.items():
        if value is None:
            continue
        if name not in got:
            return f"{path}{name} is missing"
        kinds = (int, float) if isinstance(value, float) else (type(value),)
        if type(got[name]) not in kinds:
            return f"{path}{name} is {got[name]!r:.40}"
        if isinstance(value, dict) and (wrong := misshapen(value, got[name], f"{path}{name}.")):
            return wrong
    return ""


# --- every server event of the protocol's tables, with the fields that it has there ---------------

_SESSION: Json = {
    "session": {
        "id": "sess",
        "object": "realtime.session",
        "type": "realtime",
        "model": "a/model",
        "output_modalities": ["audio", "text"],
        "audio": {"input": {}, "output": {"voice": "Dennis"}},
        "tools": [],
    }
}
_ITEM: Json = {"previous_item_id": None, "item": {"id": "item", "type": "message"}}
_PART: Json = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
_OUTPUT: Json = {"response_id": "r", "output_index": 0, "item": {"id": "a", "type": "message"}}
_CALL: Json = {"response_id": "r", "item_id": "f", "output_index": 0, "call_id": "k"}
_RESPONSE: Json = {
    "response": {"id": "r", "object": "realtime.response", "status": "in_progress", "output": []}
}
_TRANSCRIPTION = "conversation.item.input_audio_transcription."

EVENTS: dict[str, Json] = {
    # session and conversation
    "session.created": _SESSION,
    "session.updated": _SESSION,
    "conversation.created": {"conversation": {"id": "conv", "object": "realtime.conversation"}},
    "conversation.item.added": _ITEM,
    "conversation.item.done": _ITEM,
    "conversation.item.retrieved": {"item": _ITEM["item"]},
    "conversation.item.deleted": {"item_id": "a"},
    "conversation.item.truncated": {"item_id": "a", "content_index": 0, "audio_end_ms": 0},
    # input audio buffer and VAD
    "input_audio_buffer.speech_started": {"audio_start_ms": 0, "item_id": "u"},
    "input_audio_buffer.speech_stopped": {"audio_end_ms": 1000, "item_id": "u"},
    "input_audio_buffer.committed": {"previous_item_id": None, "item_id": "u"},
    "input_audio_buffer.cleared": {},
    "input_audio_buffer.timeout_triggered": {
        "audio_start_ms": 0,
        "audio_end_ms": 1000,
        "item_id": "u",
    },
    "input_audio_buffer.turn_suggestion": {
        "item_id": "u",
        "utterance_index": 0,
        "probability": 0.9,
    },
    "input_audio_buffer.turn_suggestion_revoked": {"item_id": "u", "utterance_index": 0},
    # user transcription
    f"{_TRANSCRIPTION}delta": {"item_id": "u", "content_index": 0, "delta": "What time"},
    f"{_TRANSCRIPTION}completed": {"item_id": "u", "content_index": 0, "transcript": HEARD},
    # response lifecycle
    "response.created": _RESPONSE,
    "response.output_item.added": _OUTPUT,
    "response.output_item.done": _OUTPUT,
    "response.content_part.added": {**_PART, "part": {"type": "audio"}},
    "response.content_part.done": {**_PART, "part": {"type": "audio"}},
    "response.done": _RESPONSE,
    "rate_limits.updated": {"rate_limits": []},
    # assistant text and audio
    "response.output_text.delta": {**_PART, "delta": ""},
    "response.output_text.done": {**_PART, "text": TEXT},
    "response.output_audio_transcript.delta": {**_PART, "delta": ""},
    "response.output_audio_transcript.done": {**_PART, "transcript": TEXT},
    "response.output_audio.delta": {**_PART, "delta": BEEP},
    "response.output_audio.done": _PART,
    # function calls
    "response.function_call_arguments.delta": {**_CALL, "delta": "{}"},
    "response.function_call_arguments.done": {**_CALL, "name": None, "arguments": "{}"},
    # back-channel
    "response.backchannel.audio.delta": {"backchannel_id": "b", "delta": BEEP},
    "response.backchannel.audio.done": {"backchannel_id": "b", "phrase": "mm-hm"},
    "response.backchannel.skipped": {"reason": "no_phrase"},
    # output buffer, errors
    "output_audio_buffer.started": {},
    "output_audio_buffer.stopped": {},
    "output_audio_buffer.cleared": {},
    "error": {
        "error": {
            "type": "invalid_request_error",
            "message": "no",
            "code": None,
            "param": None,
            "event_id": None,
        }
    },
}
