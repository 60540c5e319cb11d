"""The conversation as the server has it, mirrored from its events. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from inworld_rt.codec import replace
from inworld_rt.items import AudioPart, ContentPart, InputAudio, Item, Message
from inworld_rt.steering import shown
from inworld_rt.wording import heard

__all__ = ["KEPT_ITEMS", "ROLLING_MODELS", "Conversation", "merge_transcript"]

KEPT_ITEMS = 10_000
"""Items that are mirrored; of a longer conversation the oldest are forgotten."""

_REMEMBERED = 256  # deleted items whose late transcripts are still recognised

ROLLING_MODELS = ("inworld/", "soniox/")
"""Recognisers that always send the whole text so far (protocol: user transcription)."""


def merge_transcript(so_far: str, delta: str, rolling: bool = False) -> str:
    """Add what a recogniser says to what it said before.

    Some recognisers send increments, others the whole text so far; the rule is safe for both.

    Args:
        so_far: the text until now.
        delta: the new piece.
        rolling: the recogniser is known to send the whole text each time.
    """
    if so_far.startswith(delta):  # the same again, or a stale one
        return so_far
    if rolling or delta.startswith(so_far):
        return delta
    return so_far + delta


class Conversation:
    """The items in order. Iterate it, take its ``len()``, or ask for one item by id.

    The one that ``client.conversation`` gives is a copy: it stays as it is.
    """

    def __init__(self, items: tuple[Item, ...] = ()) -> None:
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._unplaced: set[str] = set()  # at the end, because nobody has said where they belong
        self._removed: deque[str] = deque(maxlen=_REMEMBERED)
        for item in items:
            self.put(item, None)

    def __iter__(self) -> Iterator[Item]:
        return iter([self._items[item_id] for item_id in self._order])

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def __getitem__(self, item_id: str) -> Item:
        """The item with that id; raises ``KeyError`` if there is none."""
        return self._items[item_id]

    def __str__(self) -> str:
        """The spoken and written words, a line each, without what steers the voice."""
        messages = ((m.role, shown(m.text, whole=True)) for m in self if isinstance(m, Message))
        return "\n".join(f"{role}: {text}" for role, text in messages if text)

    def copy(self) -> Conversation:
        """The same items in an object of its own."""
        return Conversation(tuple(self))

    def put(self, item: Item | None, previous_item_id: str | None) -> None:
        """Add an item, or replace the one with its id.

        Args:
            item: one without an id cannot be mirrored and is left out.
            previous_item_id: the item before it, or ``root`` for the first place. ``None``, or one
                that is not known, means the end: servers send null for function calls in mid-talk.
        """
        if item is None or item.id is None:
            return
        known = self._items.get(item.id)
        self._items[item.id] = _with_known_words(_without_sound(item), known)
        if known is None:
            self._order.append(item.id)
            self._unplaced.add(item.id)
            if len(self._order) > KEPT_ITEMS:
                self._drop(self._order[0])
        # Only the first place that is told counts: others may have come in between since then.
        if item.id in self._unplaced:
            self._place(item.id, previous_item_id)

    def _place(self, item_id: str, previous_item_id: str | None) -> None:
        if previous_item_id == "root":
            place = 0
        elif previous_item_id in self._items and previous_item_id != item_id:
            place = self._order.index(previous_item_id) + 1
        else:
            return
        self._unplaced.discard(item_id)
        if self._order[place : place + 1] != [item_id]:
            place -= self._order.index(item_id) < place
            self._order.remove(item_id)
            self._order.insert(place, item_id)

    def remove(self, item_id: str) -> None:
        """Drop an item; an unknown one is fine."""
        if item_id in self._items:
            self._drop(item_id)
            self._removed.append(item_id)

    def _drop(self, item_id: str) -> None:
        del self._items[item_id]
        self._order.remove(item_id)
        self._unplaced.discard(item_id)

    def truncate(self, item_id: str, audio_end_ms: float, total_ms: float) -> None:
        """Cut an answer's words where its sound was cut.

        Args:
            item_id: the answer's item.
            audio_end_ms: milliseconds that remain.
            total_ms: milliseconds that the server sent of it.
        """
        item = self._items.get(item_id)
        if isinstance(item, Message):
            parts = [
                replace(p, transcript=heard(p.transcript, audio_end_ms, total_ms))
                if isinstance(p, AudioPart) and p.transcript
                else p
                for p in item.content
            ]
            self._items[item_id] = replace(item, content=parts, status="incomplete")

    def transcript(self, item_id: str) -> str:
        """What the user is known to have said in an item so far."""
        part = _speech(self._items.get(item_id))
        return (part and part.transcript) or ""

    def hear(self, item_id: str, transcript: str) -> None:
        """Set what the user said; the item may come later than its words."""
        if not item_id or (item_id in self._removed and item_id not in self._items):
            return
        item = self._items.get(item_id)
        if item is None:
            item = Message(id=item_id, role="user", content=[InputAudio()], status="in_progress")
            self.put(item, None)
        if isinstance(item, Message):
            part = _speech(item)
            parts = [p for p in item.content if p is not part]
            fresh = InputAudio(transcript=transcript)
            self._items[item_id] = replace(item, content=[*parts, fresh])


def _speech(item: Item | None) -> InputAudio | None:
    parts: list[ContentPart] = item.content if isinstance(item, Message) else []
    return next((p for p in parts if isinstance(p, InputAudio)), None)


def _without_sound(item: Item) -> Item:
    """A mirror of words; the sound of a long conversation would fill the memory."""
    if not isinstance(item, Message) or not any(getattr(p, "audio", None) for p in item.content):
        return item
    parts = [replace(p, audio=None) if getattr(p, "audio", None) else p for p in item.content]
    return replace(item, content=parts)


def _with_known_words(item: Item, known: Item | None) -> Item:
    """A later copy of an item must not lose the words that came separately."""
    words = _speech(known)
    if words is None or not words.transcript or not isinstance(item, Message):
        return item
    part = _speech(item)
    if not item.content:
        return replace(item, content=[words])
    if part is None or part.transcript:
        return item
    parts = [replace(p, transcript=words.transcript) if p is part else p for p in item.content]
    return replace(item, content=parts)
