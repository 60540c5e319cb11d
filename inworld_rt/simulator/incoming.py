"""A client's frame, read as strictly as a server does (protocol: envelope and general rules)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from inworld_rt.codec import write
from inworld_rt.errors import RemoteProtocolError
from inworld_rt.simulator.refusals import Fault, Refusal, missing, wrong_type, wrong_value
from inworld_rt.wire import Event, UnknownEvent, decode_client

__all__ = ["BINARY_FRAME", "Malformed", "check", "member", "read"]

BINARY_FRAME = Fault("Binary frames are not accepted; send JSON in text frames.")


class Malformed(NamedTuple):
    """A frame that is no client event; to be answered with an ``error``."""

    fault: Fault
    event_id: str | None = None


class _Field(NamedTuple):
    type: type | tuple[type, ...]
    says: str
    required: bool = False


_TEXT = _Field(str, "a string", True)
_MAYBE_TEXT = _Field(str, "a string")
_NUMBER = _Field((int, float), "an integer", True)

_FIELDS: dict[str, dict[str, _Field]] = {
    "session.update": {"session": _Field(dict, "an object", True)},
    "input_audio_buffer.append": {"audio": _TEXT},
    "conversation.item.create": {
        "item": _Field(dict, "an object", True),
        "previous_item_id": _MAYBE_TEXT,
    },
    "conversation.item.truncate": {
        "item_id": _TEXT,
        "audio_end_ms": _NUMBER,
        "content_index": _Field((int, float), "an integer"),
    },
    "conversation.item.delete": {"item_id": _TEXT},
    "conversation.item.retrieve": {"item_id": _TEXT},
    "response.create": {"response": _Field(dict, "an object")},
    "response.cancel": {"response_id": _MAYBE_TEXT},
}


def read(frame: bytes | str) -> Event | Malformed:
    """Read a text frame.

    Returns:
        The client event, its fields checked; or why it is none.
    """
    try:
        event = decode_client(frame)
    except RemoteProtocolError:
        return _diagnosed(frame)
    if isinstance(frame, str) and "\\ud" in frame.lower() and not _whole(event):
        return Malformed(Fault("The message holds half a character.", "invalid_json"))
    # Audio was validated while it was read; no other event lacks its raw form.
    if event.raw is None:
        return event
    try:
        check(event)
    except Refusal as refusal:
        # Of an unknown type the service does not even read the id.
        return Malformed(refusal.fault, None if isinstance(event, UnknownEvent) else event.event_id)
    return event


def _whole(event: Event) -> bool:
    """Whether no text in it holds a lone surrogate, which could not be sent back."""
    try:
        json.dumps(event.raw, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def check(event: Event) -> None:
    """Compare an event's raw form with what its type needs.

    Raises:
        Refusal: the type is missing or unknown, or a field is missing or of a wrong type.
    """
    data: Any = event.raw or {}
    tag = data.get("type")
    if isinstance(event, UnknownEvent):
        if tag is None:
            raise missing("type")
        if not isinstance(tag, str):
            raise wrong_type("type", "a string")
        raise Refusal(f"Unknown event type '{tag[:80]}'.", "unknown_event_type")
    for name, wanted in _FIELDS.get(event.type, {}).items():
        value = data.get(name)
        if value is None:
            if wanted.required:
                raise missing(name)
        elif isinstance(value, bool) or not isinstance(value, wanted.type):
            raise wrong_type(name, wanted.says)
        elif isinstance(value, float) and not value.is_integer():
            raise wrong_type(name, wanted.says)


def member(event: Event, name: str, typed: Any) -> Mapping[str, Any]:
    """A member of an event as it was sent; from the typed form where that is all there is."""
    if event.raw is not None:
        return event.raw.get(name) or {}
    part: Mapping[str, Any] = write(typed, name) if typed else {}
    return part


def _diagnosed(frame: bytes | str) -> Malformed:
    """Find out why a frame could not be read; off the usual road, so it may read it again."""
    try:
        data = json.loads(frame)
    except (ValueError, RecursionError):
        return Malformed(Fault("The message is not valid JSON.", "invalid_json"))
    if not isinstance(data, dict):
        return Malformed(Fault("The message is not a JSON object.", "invalid_json"))
    event_id = data.get("event_id")
    event_id = event_id if isinstance(event_id, str) else None
    for name, wanted in _FIELDS.get(str(data.get("type")), {}).items():
        value = data.get(name)
        if value is None and wanted.required:
            return Malformed(missing(name).fault, event_id)
        if value is not None and not isinstance(value, wanted.type):
            return Malformed(wrong_type(name, wanted.says).fault, event_id)
        if name == "audio":
            return Malformed(wrong_value("audio", "base64 text").fault, event_id)
    return Malformed(Fault("The message cannot be read.", "invalid_value"), event_id)
