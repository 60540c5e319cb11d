"""How much came of each item, and how much of it the user heard (protocol: barge-in). Pure."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence

from attrs import define

from inworld_rt.answer import Answer
from inworld_rt.conversation import Conversation
from inworld_rt.events import ItemTruncate, ItemTruncated
from inworld_rt.items import Item
from inworld_rt.outcome import ErrorDetails
from inworld_rt.pcm import AudioFormat

__all__ = ["Hearing"]

_REMEMBERED = 256  # items, and truncations on their way
_TOO_SHORT = re.compile(r"([\d.]+) *ms is already shorter")  # how long the server takes an item for


@define(eq=False)
class _Sounding:
    """How much audio came for an item, and in which answer."""

    answer: Answer
    response_id: str | None
    nbytes: int = 0
    heard_ms: float | None = None
    """Where the user cut it off."""

    @property
    def ms(self) -> float:
        """How long it is so far."""
        return self.nbytes * 1000 / self.answer.format.bytes_per_second


class Hearing:
    """The sound of the latest items. Whoever owns it brings the lock."""

    def __init__(self, conversation: Conversation) -> None:
        """Nothing came yet.

        Args:
            conversation: where the words of what was cut off are cut as well.
        """
        self._conversation = conversation
        self._sounding: OrderedDict[str | None, _Sounding] = OrderedDict()
        self._cuts: OrderedDict[str, str] = OrderedDict()  # on their way: the event's id, the item
        self._made = 0
        # Milliseconds of the server per millisecond of sound, by format, where it has told them.
        self._base: dict[AudioFormat, float] = {}

    def add(self, answer: Answer, item_id: str | None, nbytes: int) -> None:
        """Sound came."""
        known = self._sounding.get(item_id)
        # An id may come again in a later answer, whose audio counts from zero.
        if known is None or known.answer is not answer or known.response_id != answer.id:
            known = self._sounding[item_id] = _Sounding(answer, answer.id)
            if len(self._sounding) > _REMEMBERED:
                self._sounding.popitem(last=False)
        known.nbytes += nbytes

    def belongs(self, item_id: str | None, answer: Answer) -> bool:
        """Whether an item's sound is that answer's."""
        known = self._sounding.get(item_id)
        return known is not None and known.answer is answer

    def hand_over(self, answer: Answer, other: Answer) -> None:
        """What came in this round is another answer's."""
        for known in self._sounding.values():
            if known.answer is answer and known.response_id == other.id:
                known.answer = other

    def cut(self, heard: Sequence[tuple[Answer, str | None, float]]) -> list[ItemTruncate]:
        """The user cut in.

        Args:
            heard: what was being played: answers, their items, and milliseconds heard of each.

        Returns:
            What to tell the server: nothing of items that were not heard at all, or to their ends.
        """
        events = []
        for answer, item_id, ms in heard:
            known = self._sounding.get(item_id)
            if known is None or known.answer is not answer or known.heard_ms is not None:
                continue
            answer.interrupted = True
            known.heard_ms = min(ms, known.ms)
            of_this_round = known.response_id == answer.id
            if of_this_round:
                answer.cuts[answer.round] = sum(
                    other.ms if other.heard_ms is None else other.heard_ms
                    for other in self._sounding.values()
                    if other.answer is answer and other.response_id == answer.id
                )
            self._shorten(item_id, known)
            complete = answer.status != "in_progress" or not of_this_round
            whole = known.heard_ms >= known.ms and complete
            if item_id is not None and known.heard_ms >= 1 and not whole:
                events.append(self._truncation(item_id, known, known.heard_ms))
        return events

    def _truncation(self, item_id: str, known: _Sounding, heard_ms: float) -> ItemTruncate:
        self._made += 1
        event_id = f"cut-{self._made}"
        self._cuts[event_id] = item_id
        if len(self._cuts) > _REMEMBERED:
            self._cuts.popitem(last=False)
        end = int(heard_ms * self._base.get(known.answer.format, 1.0))
        return ItemTruncate(item_id=item_id, audio_end_ms=end, event_id=event_id)

    def refused(self, error: ErrorDetails) -> list[ItemTruncate] | None:
        """An error came.

        For some formats the server counts in other milliseconds. It then says how long it takes the
        item to be, from which its measure is learned, once (protocol: truncation time base).

        Returns:
            What to tell the server instead; ``None`` if the error is about something else.
        """
        told = _TOO_SHORT.search(error.message)
        event_id = error.event_id or ""
        if not event_id and (told or "audio_end_ms" in (error.param or "")):
            event_id = next(iter(self._cuts), "")  # it does not say which: the oldest
        item_id = self._cuts.pop(event_id, None)
        if item_id is None:
            return None
        known = self._sounding.get(item_id)
        if known is None or known.heard_ms is None or told is None or not known.ms:
            return []  # what was heard is known here all the same
        format = known.answer.format
        if format in self._base:
            return []
        self._base[format] = float(told[1].rstrip(".")) / known.ms
        return [self._truncation(item_id, known, known.heard_ms)]

    def truncated(self, event: ItemTruncated) -> None:
        """The server cut an item."""
        for event_id in [e for e, item_id in self._cuts.items() if item_id == event.item_id]:
            del self._cuts[event_id]
        known = self._sounding.get(event.item_id)
        if known is not None and known.heard_ms is None and event.audio_end_ms is not None:
            if known.response_id == known.answer.id:
                known.answer.cuts[known.answer.round] = event.audio_end_ms
            self._conversation.truncate(event.item_id, event.audio_end_ms, known.ms)

    def mirror(self, item: Item | None, previous_item_id: str | None) -> None:
        """Put an item into the conversation; a later copy of one that was cut has all words
        again."""
        self._conversation.put(item, previous_item_id)
        if item is not None and (known := self._sounding.get(item.id)) is not None:
            self._shorten(item.id, known)

    def _shorten(self, item_id: str | None, known: _Sounding) -> None:
        if item_id is not None and known.heard_ms is not None:
            self._conversation.truncate(item_id, known.heard_ms, known.ms)
