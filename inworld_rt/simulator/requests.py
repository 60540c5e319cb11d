"""A client's ``conversation.item.create``, judged (protocol: conversation items)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inworld_rt.codec import replace
from inworld_rt.errors import ConfigError
from inworld_rt.items import (
    AudioPart,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpApprovalResponse,
    Message,
    TextPart,
)
from inworld_rt.pcm import AudioFormat, decode
from inworld_rt.simulator.faults import missing, wrong_type, wrong_value
from inworld_rt.simulator.history import Entry, Sound

__all__ = ["entry_of"]

_WRITTEN = (Message, FunctionCall, FunctionCallOutput, McpApprovalResponse)
"""What a client may add; the rest is the server's."""

_USERS = (InputText, InputAudio, InputImage)
_ALLOWED: dict[str, tuple[type[ContentPart], ...]] = {
    "user": _USERS,
    "system": (InputText,),
    "tool": (InputText, TextPart),
    "assistant": (TextPart,),
}
"""Role to the parts that a client may write for it. (An assistant's audio cannot be seeded.)"""


def entry_of(
    item: Item,
    raw: Mapping[str, Any] | None,
    format: AudioFormat,
    new_id: Callable[[], str],
    *,
    short_types: bool = True,
) -> Entry:
    """Check an item and make it the server's own.

    Args:
        item: as it was read.
        raw: as it was sent, where that is known.
        format: of the audio in it.
        new_id: makes the id where the client chose none.
        short_types: whether the assistant's texts are called ``text``.

    Raises:
        Refusal: something is missing or wrong.
    """
    data = {} if raw is None else raw
    if raw is not None and "type" not in raw:
        raise missing("item.type")
    if not isinstance(item, _WRITTEN):
        raise wrong_value(
            "item.type",
            "one of 'message', 'function_call', 'function_call_output', 'mcp_approval_response'",
        )
    kept = {"id": item.id or new_id(), "object": "realtime.item", "status": "completed"}
    if isinstance(item, Message):
        return _message(replace(item, **kept), data, format, short_types)
    if isinstance(item, (FunctionCall, FunctionCallOutput)):
        if not item.call_id:
            raise missing("item.call_id")
        for name in ("output", "arguments", "content"):
            if not isinstance(data.get(name, ""), str):
                raise wrong_type(f"item.{name}", "a string")
    if isinstance(item, FunctionCall) and not item.name:
        raise missing("item.name")
    if isinstance(item, FunctionCallOutput):
        kept["type"] = "function_call_output"  # one reference page has another word for it
    return Entry(replace(item, **kept))


def _message(
    item: Message, raw: Mapping[str, Any], format: AudioFormat, short_types: bool
) -> Entry:
    allowed = _ALLOWED.get(item.role)
    if allowed is None:
        raise wrong_value("item.role", "one of 'user', 'assistant', 'system'")
    if raw and not isinstance(raw.get("content"), list):
        raise (
            missing("item.content")
            if raw.get("content") is None
            else wrong_type("item.content", "an array")
        )
    parts: list[ContentPart] = []
    sounds: dict[int, Sound] = {}
    for index, part in enumerate(item.content):
        path = f"item.content[{index}]"
        if not isinstance(part, allowed) or isinstance(part, AudioPart):
            raise wrong_value(f"{path}.type", f"a part that fits the role '{item.role}'")
        if isinstance(part, InputAudio):
            sounds[index] = _sound(part, format, f"{path}.audio")
            part = replace(part, audio=None)
        elif isinstance(part, TextPart):
            part = replace(part, type="text" if short_types else "output_text")
        parts.append(part)
    return Entry(replace(item, content=parts), sounds)


def _sound(part: InputAudio, format: AudioFormat, path: str) -> Sound:
    if part.audio is None:
        raise wrong_value(path, "base64 text")
    try:
        decode(part.audio, format)
    except ConfigError:
        raise wrong_value(path, f"whole samples of {format.type}") from None
    return Sound(format, bytearray(part.audio))
