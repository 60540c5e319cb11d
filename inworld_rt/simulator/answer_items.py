"""The items of an answer while they are being made: a spoken or written message, a function call.

Each opens, grows and closes with the events that the protocol lists (protocol: text turn; function
call), wherever it is cut short.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field

from inworld_rt.codec import read, replace
from inworld_rt.events.server import (
    AudioDelta,
    AudioDone,
    CallArgumentsDelta,
    CallArgumentsDone,
    ContentPartAdded,
    ContentPartDone,
    ItemAdded,
    ItemDone,
    OutputItemAdded,
    OutputItemDone,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
)
from inworld_rt.items import AudioPart, ContentPart, FunctionCall, Item, Message, TextPart
from inworld_rt.outcome import TimestampInfo
from inworld_rt.pcm import AudioFormat
from inworld_rt.simulator.answer_oddities import Steering
from inworld_rt.simulator.answer_timing import Timing
from inworld_rt.simulator.conversation import ToolCall
from inworld_rt.simulator.history import Entry, History, Sound
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.wire import Event

__all__ = ["CallMaker", "House", "Maker", "MessageMaker"]

ARGUMENTS_STEP = 16
"""Characters of a call's arguments in one delta."""


@define
class House:
    """What everything in one session shares."""

    quirks: Quirks
    history: History
    new_id: Callable[[], str]
    conversation_id: str
    constant_id: str
    """The message id of every answer, for the quirk ``reuse_item_ids``."""


@define
class Maker:
    """An item of an answer, being made."""

    house: House
    response_id: str
    output_index: int
    in_conversation: bool
    item_id: str = ""
    final: Item | None = None
    """The finished item."""
    _entry: Entry | None = None
    _previous: str | None = None

    def _open(self, item: Item, sounds: dict[int, Sound] | None = None) -> Iterator[Event]:
        yield OutputItemAdded(
            response_id=self.response_id, output_index=self.output_index, item=item
        )
        if self.in_conversation:
            self._entry = Entry(item, sounds or {})
            self._previous = self.house.history.add(self._entry)
            if isinstance(item, FunctionCall) and self.house.quirks.null_previous_for_calls:
                self._previous = None
            yield ItemAdded(item=item, previous_item_id=self._previous)

    def _close(self, item: Item) -> Iterator[Event]:
        self.final = item
        yield OutputItemDone(
            response_id=self.response_id, output_index=self.output_index, item=item
        )
        if self._entry is not None:
            # Where it was deleted meanwhile, this changes an entry that nobody sees any more.
            self._entry.item = item
            yield ItemDone(item=item, previous_item_id=self._previous)

    def close(self, status: str) -> Iterator[Event]:
        """Finish the item, whole or not."""
        raise NotImplementedError


@define
class MessageMaker(Maker):
    """A message: written, or spoken with its transcript."""

    format: AudioFormat = AudioFormat()
    spoken: bool = True
    dual: bool = False
    """Whether a spoken message's words also come as text."""
    timing: Timing = field(factory=lambda: Timing(None, 1))
    steering: Steering = field(factory=Steering)
    sound: Sound = field(init=False)
    texts: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.sound = Sound(self.format)

    @property
    def _place(self) -> dict[str, Any]:
        return {
            "response_id": self.response_id,
            "item_id": self.item_id,
            "output_index": self.output_index,
            "content_index": 0,
        }

    def open(self) -> Iterator[Event]:
        """Announce the item and its only part."""
        item = Message(
            id=self.item_id, object="realtime.item", status="in_progress", role="assistant"
        )
        yield from self._open(item, {0: self.sound} if self.spoken else {})
        part: ContentPart = (
            AudioPart(type="audio", transcript="") if self.spoken else TextPart(type="text")
        )
        yield ContentPartAdded(**self._place, part=part)

    def word(self, text: str) -> Iterator[Event]:
        """Add a word, with the space that belongs to it, and the tag that goes before it."""
        for piece in (*self.steering.before(text), text):
            yield from self._piece(piece)

    def _piece(self, text: str) -> Iterator[Event]:
        self.texts.append(text)
        if self.spoken:
            self.sound.words.append((self.format.ms(len(self.sound.data)), text))
            yield TranscriptDelta(**self._place, delta=text)
        if self.dual or not self.spoken:
            yield TextDelta(**self._place, delta=text)

    def slice(self, data: bytes, timing: dict[str, Any] | None = None) -> AudioDelta:
        """Add sound, in the wire's format, with its timing or without."""
        self.sound.data += data
        info = read(TimestampInfo, timing) if timing else None
        return AudioDelta(**self._place, audio=data, timestamp_info=info)

    def late(self) -> list[Event]:
        """What a careless server still sends after the end."""
        if not self.spoken:
            return [TextDelta(**self._place, delta="late ")]
        return [
            TranscriptDelta(**self._place, delta="late "),
            AudioDelta(**self._place, audio=self.format.silence(20)),
        ]

    def close(self, status: str) -> Iterator[Event]:
        """Finish the item, whole or not."""
        text = "".join(self.texts)
        if self.spoken:
            yield AudioDone(**self._place)
            yield TranscriptDone(**self._place, transcript=text)
        if self.dual or not self.spoken:
            yield TextDone(**self._place, text=text)
        part: ContentPart = (
            AudioPart(type="audio", transcript=text)
            if self.spoken
            else TextPart(type="text", text=text)
        )
        yield ContentPartDone(**self._place, part=part)
        if not self.house.quirks.short_content_types:
            kind: Any = "output_audio" if self.spoken else "output_text"
            part = replace(part, type=kind)
        yield from self._close(
            Message(
                id=self.item_id,
                object="realtime.item",
                status=status,
                role="assistant",
                content=[part],
            )
        )


@define
class CallMaker(Maker):
    """A function call."""

    call: ToolCall = field(kw_only=True)
    call_id: str = field(kw_only=True)
    tool: Mapping[str, Any] | None = None
    """The declaration, if there is one."""

    @property
    def arguments(self) -> str:
        """The arguments as the wire has them."""
        parameters = (self.tool or {}).get("parameters") or {}
        if (
            self.house.quirks.empty_arguments
            and not self.call.arguments
            and not parameters.get("properties")
        ):
            return ""
        return json.dumps(self.call.arguments, ensure_ascii=False)

    def _item(self, status: str, arguments: str) -> FunctionCall:
        return FunctionCall(
            id=self.item_id,
            object="realtime.item",
            status=status,
            call_id=self.call_id,
            name=self.call.name,
            arguments=arguments,
        )

    def open(self) -> Iterator[Event]:
        """Announce the call."""
        yield from self._open(self._item("in_progress", ""))

    def deltas(self) -> Iterator[Event]:
        """The arguments, piece by piece."""
        text = self.arguments
        for start in range(0, len(text), ARGUMENTS_STEP):
            yield CallArgumentsDelta(
                response_id=self.response_id,
                item_id=self.item_id,
                output_index=self.output_index,
                call_id=self.call_id,
                delta=text[start : start + ARGUMENTS_STEP],
            )

    def close(self, status: str) -> Iterator[Event]:
        """Finish the call, whole or not."""
        yield CallArgumentsDone(
            response_id=self.response_id,
            item_id=self.item_id,
            output_index=self.output_index,
            call_id=self.call_id,
            name=None if self.house.quirks.omit_call_name else self.call.name,
            arguments=self.arguments,
        )
        yield from self._close(self._item(status, self.arguments))
