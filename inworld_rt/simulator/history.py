"""The server's conversation: order, truncation, deletion, and the audio that retrieve gives back
(protocol: conversation items).

Items are kept without their audio; that stays beside them, as the bytes that went over the wire.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from attrs import define, field

from inworld_rt.codec import replace
from inworld_rt.items import (
    AudioPart,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpCall,
    Message,
    TextPart,
)
from inworld_rt.pcm import AudioFormat
from inworld_rt.simulator.conversation import Turn
from inworld_rt.simulator.media import picture_kind
from inworld_rt.simulator.refusals import Refusal

__all__ = ["Entry", "History", "Sound"]


@define
class Sound:
    """The audio of one content part, as it crossed the wire."""

    format: AudioFormat
    data: bytearray = field(factory=bytearray)
    words: list[tuple[int, str]] = field(factory=list)
    """What is said in it: milliseconds at which a word begins, and the word with its spaces."""
    opus_seconds: float | None = None
    """How long it is where it is Opus, which nobody here can read; ``None`` for samples."""

    def known_ms(self, *, div24: bool = False) -> int:
        """How long the server believes it to be, in milliseconds.

        Args:
            div24: count mu-law as the service was seen to, 24 bytes to the millisecond.
        """
        if self.opus_seconds is not None:
            return round(self.opus_seconds * 1000)
        if div24 and self.format.type == "audio/pcmu":
            return len(self.data) // 24
        return self.format.ms(len(self.data))

    def cut(self, ms: int, known_ms: int) -> str:
        """Keep the first ``ms`` of ``known_ms`` milliseconds; gives the words that remain."""
        share = ms / known_ms if known_ms else 0.0
        real_ms = self.format.ms(len(self.data)) * share
        del self.data[self.format.bytes(real_ms) :]
        self.words = [(at, word) for at, word in self.words if at < real_ms]
        return "".join(word for _, word in self.words).rstrip()


@define
class Entry:
    """One item with what belongs to it."""

    item: Item
    sounds: dict[int, Sound] = field(factory=dict)
    """By content index."""
    heard: str | None = None
    """What the user was understood to say; for the model, also where no transcript was asked."""
    trimmed: bool = False
    """Whether the model sees it no more, as a summary stands for it."""

    @property
    def id(self) -> str:
        """The item's id."""
        return self.item.id or ""

    def with_audio(self) -> Item:
        """The item as retrieve shows it."""
        if not isinstance(self.item, Message):
            return self.item
        parts: list[ContentPart] = []
        for index, part in enumerate(self.item.content):
            sound = self.sounds.get(index)
            if sound is not None and isinstance(part, (InputAudio, AudioPart)):
                part = replace(part, audio=bytes(sound.data))
            parts.append(part)
        return replace(self.item, content=parts)

    def turn(self, names: dict[str, str]) -> Turn | None:
        """How the model sees it; ``None`` for what it does not see.

        Args:
            names: call id to tool, of the calls so far.
        """
        item = self.item
        if isinstance(item, Message):
            text = item.text if self.heard is None else self.heard
            seen = [p.image_url for p in item.content if isinstance(p, InputImage)]
            return Turn(item.role, text, pictures=tuple(map(picture_kind, seen)))
        if isinstance(item, FunctionCallOutput):
            return Turn("tool", item.output, names.get(item.call_id or ""))
        if isinstance(item, McpCall) and (item.output is not None or item.error is not None):
            told = item.output
            if told is None and item.error is not None:
                told = json.dumps({"error": item.error.message})
            return Turn("tool", told or "", item.name)
        return None


@define
class History:
    """All items, in order."""

    entries: list[Entry] = field(factory=list)

    def find(self, item_id: str) -> Entry | None:
        """The item of this id; the latest, should an id have been used twice."""
        return next((e for e in reversed(self.entries) if e.id == item_id), None)

    def add(self, entry: Entry, after: str | None = None) -> str | None:
        """Put an item into its place.

        Args:
            entry: the item.
            after: ``None`` for the end, ``root`` for the start, else the id of the one before.

        Returns:
            The id of the item before it, if any.

        Raises:
            Refusal: there is no item of that id.
        """
        if after is None:
            place = len(self.entries)
        elif after == "root":
            place = 0
        else:
            place = self._place(after) + 1
        self.entries.insert(place, entry)
        return self.entries[place - 1].id if place else None

    def _place(self, item_id: str) -> int:
        for index in range(len(self.entries) - 1, -1, -1):
            if self.entries[index].id == item_id:
                return index
        raise Refusal(
            f"Previous item with ID '{item_id[:80]}' not found.",
            "invalid_value",
            "previous_item_id",
        )

    def need(self, item_id: str, verb: str) -> Entry:
        """The item of this id.

        Args:
            item_id: its id.
            verb: what is to be done with it, for the error code.

        Raises:
            Refusal: there is none.
        """
        entry = self.find(item_id)
        if entry is None:
            raise Refusal(
                f"Item with ID '{item_id[:80]}' not found.",
                f"item_{verb}_invalid_item_id",
                "item_id",
            )
        return entry

    def delete(self, item_id: str) -> None:
        """Remove an item.

        Raises:
            Refusal: there is none of this id.
        """
        entry = self.need(item_id, "delete")
        self.entries = [e for e in self.entries if e is not entry]

    def truncate(
        self, item_id: str, content_index: int, end_ms: int, *, div24: bool = False
    ) -> None:
        """Cut an answer where the user stopped hearing it; the words behind that are forgotten.

        Raises:
            Refusal: no such item, not an answer with sound, or a time beyond its sound.
        """
        entry = self.need(item_id, "truncate")
        item = entry.item
        if not isinstance(item, Message) or item.role != "assistant":
            raise Refusal("Only assistant messages can be truncated.", "invalid_value", "item_id")
        sound = entry.sounds.get(content_index)
        if sound is None:
            raise Refusal(
                f"Content part {content_index} of the item has no audio.",
                "invalid_value",
                "content_index",
            )
        if end_ms < 0:
            raise Refusal("The time must not be negative.", "invalid_value", "audio_end_ms")
        known = sound.known_ms(div24=div24)
        if end_ms > known:
            raise Refusal(
                f"Audio content of {known}ms is already shorter than {end_ms}ms",
                "invalid_value",
                "audio_end_ms",
            )
        transcript = sound.cut(end_ms, known)
        content = list(item.content)
        for index, part in enumerate(content):
            if isinstance(part, AudioPart) and index == content_index:
                content[index] = replace(part, transcript=transcript)
        entry.item = replace(item, content=content)

    def turns(self, entries: Sequence[Entry] | None = None) -> tuple[Turn, ...]:
        """The conversation as the model sees it."""
        entries = self.entries if entries is None else entries
        names = {
            e.item.call_id or "": e.item.name or ""
            for e in entries
            if isinstance(e.item, FunctionCall)
        }
        shown = (e for e in entries if not e.trimmed)
        return tuple(turn for e in shown if (turn := e.turn(names)) is not None)


def text_tokens(text: str) -> int:
    """A plausible number of tokens for a text: about four characters each."""
    return (len(text) + 3) // 4


def input_tokens(history: History, instructions: str) -> tuple[int, int]:
    """What the model reads, in tokens: of text, and of audio (10 per second)."""
    text, audio = text_tokens(instructions), 0
    for entry in history.entries:
        item = entry.item
        if entry.trimmed:
            continue
        if isinstance(item, Message):
            text += sum(
                text_tokens(p.text) for p in item.content if isinstance(p, (InputText, TextPart))
            )
            audio += sum(s.known_ms() // 100 for s in entry.sounds.values())
        elif isinstance(item, FunctionCall):
            text += text_tokens(item.arguments) + text_tokens(item.name or "")
        elif isinstance(item, FunctionCallOutput):
            text += text_tokens(item.output)
    return text, audio
