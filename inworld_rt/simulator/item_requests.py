"""The client's requests about single items: create, delete, retrieve, truncate
(protocol: conversation items).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from inworld_rt.codec import replace
from inworld_rt.errors import ConfigError
from inworld_rt.events import client, server
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
from inworld_rt.simulator.ears import Ears, unread
from inworld_rt.simulator.history import Entry, History, Sound
from inworld_rt.simulator.mcp import Mcp
from inworld_rt.simulator.media import is_opus, is_picture, opus_seconds
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.refusals import Refusal, missing, wrong_type, wrong_value
from inworld_rt.simulator.settings import Settings, tellable
from inworld_rt.simulator.transcripts import Transcripts
from inworld_rt.wire import Event

__all__ = ["ItemRequests", "OpenCalls", "entry_of"]


@define
class OpenCalls:
    """Which calls wait for their output."""

    open: set[str] = field(factory=set)
    answered: set[str] = field(factory=set)
    seeded: set[str] = field(factory=set)
    """Calls that the client made up, as history: their outputs ask for nothing."""
    asked: bool = False
    """Whether an output came, so that the agent should go on by itself."""

    @property
    def ready(self) -> bool:
        """Whether it can go on now."""
        return self.asked and not self.open - self.answered

    def output(self, call_id: str, *, auto: bool) -> None:
        """An output came.

        Args:
            call_id: of the call.
            auto: whether the agent is to go on by itself; only after the first output of a call
                of its own.
        """
        if call_id not in self.seeded and call_id not in self.answered:
            self.asked = auto
        self.answered.add(call_id)

    def ended(self, calls: Iterable[str]) -> None:
        """An answer ended with these calls; some may have their output already."""
        self.open = set(calls)
        self.answered &= self.open


@define
class ItemRequests:
    """Creates, deletes, gives back and cuts items."""

    settings: Settings
    history: History
    quirks: Quirks
    calls: OpenCalls
    mcp: Mcp
    transcripts: Transcripts
    ears: Ears
    new_id: Callable[[], str]

    def create(self, event: client.ItemCreate) -> Iterator[Event]:
        """The client adds an item."""
        entry = entry_of(
            event.item,
            event.raw["item"] if event.raw else None,
            self.settings.input_format,
            self.new_id,
            short_types=self.quirks.short_content_types,
        )
        tellable(entry.item, Item, "item")
        if self.history.find(entry.id) is not None:
            raise wrong_value("item.id", "an id that no other item has")
        previous = self.history.add(entry, event.previous_item_id)
        try:
            self._note(entry.item)
        except Refusal:
            self.history.delete(entry.id)
            raise
        self._read_recording(entry)
        yield server.ItemAdded(item=entry.item, previous_item_id=previous)
        yield server.ItemDone(item=entry.item, previous_item_id=previous)

    def _note(self, item: Item) -> None:
        """What an item means for calls, open and seeded, and for what waits for approval."""
        if isinstance(item, FunctionCall):
            self.calls.seeded.add(item.call_id or "")
        elif isinstance(item, FunctionCallOutput):
            self.calls.output(item.call_id or "", auto=self.settings.auto_tool_response)
        elif isinstance(item, McpApprovalResponse):
            self.mcp.decide(item)

    def _read_recording(self, entry: Entry) -> None:
        """Hear the audio in a message, for the model's sake only."""
        item = entry.item
        if not isinstance(item, Message) or not entry.sounds:
            return
        texts = []
        for index, part in enumerate(item.content):
            if isinstance(part, InputAudio) and part.transcript is None:
                sound = entry.sounds[index]
                opus = sound.opus_seconds
                texts.append(
                    self.transcripts.read(sound, self.ears) if opus is None else unread(opus)
                )
            else:
                texts.append(getattr(part, "text", None) or getattr(part, "transcript", "") or "")
        entry.heard = " ".join(filter(None, texts))

    def delete(self, event: client.ItemDelete) -> Iterator[Event]:
        """The client removes an item."""
        self.history.delete(event.item_id)
        yield server.ItemDeleted(item_id=event.item_id)

    def retrieve(self, event: client.ItemRetrieve) -> Iterator[Event]:
        """The client wants an item with its audio."""
        yield server.ItemRetrieved(item=self.history.need(event.item_id, "retrieve").with_audio())

    def truncate(self, event: client.ItemTruncate) -> Iterator[Event]:
        """The client tells how much of an answer was heard."""
        self.history.truncate(
            event.item_id,
            event.content_index,
            event.audio_end_ms,
            div24=self.quirks.truncate_div24,
        )
        yield server.ItemTruncated(
            item_id=event.item_id,
            content_index=event.content_index,
            audio_end_ms=event.audio_end_ms,
        )


# --- what may be created ----------------------------------------

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

_NEEDED = {
    "input_text": "text",
    "text": "text",
    "output_text": "text",
    "input_audio": "audio",
    "input_image": "image_url",
}
"""Type of a part to the field that it cannot do without."""


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
    if isinstance(item, McpApprovalResponse):
        return Entry(replace(item, id=kept["id"]))  # the schema has no more for it
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
    _check_parts(raw.get("content", []))
    parts: list[ContentPart] = []
    sounds: dict[int, Sound] = {}
    for index, part in enumerate(item.content):
        path = f"item.content[{index}]"
        if not isinstance(part, allowed) or isinstance(part, AudioPart):
            raise wrong_value(f"{path}.type", f"a part that fits the role '{item.role}'")
        if isinstance(part, InputImage) and not is_picture(part.image_url):
            raise wrong_value(f"{path}.image_url", "a data URI that holds a PNG or JPEG")
        if isinstance(part, InputAudio):
            sounds[index] = _sound(part, format, f"{path}.audio")
            part = replace(part, audio=None)
        elif isinstance(part, TextPart):
            part = replace(part, type="text" if short_types else "output_text")
        parts.append(part)
    return Entry(replace(item, content=parts), sounds)


def _check_parts(content: Sequence[Any]) -> None:
    for index, part in enumerate(content):
        path = f"item.content[{index}]"
        if not isinstance(part, dict):
            raise wrong_type(path, "an object")
        needed = _NEEDED.get(str(part.get("type")))
        if needed is None:
            continue
        if part.get(needed) is None:
            raise missing(f"{path}.{needed}")
        if not isinstance(part[needed], str):
            raise wrong_type(f"{path}.{needed}", "a string")


def _sound(part: InputAudio, format: AudioFormat, path: str) -> Sound:
    if part.audio is None:
        raise wrong_value(path, "base64 text")
    if is_opus(part.audio):
        return Sound(format, bytearray(part.audio), opus_seconds=opus_seconds(part.audio))
    try:
        decode(part.audio, format)
    except ConfigError:
        raise wrong_value(path, f"whole samples of {format.type}") from None
    return Sound(format, bytearray(part.audio))
