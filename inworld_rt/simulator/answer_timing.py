"""Which word is spoken when: the ``timestamp_info`` of an answer's sound, segment by segment
(protocol: assistant audio).

A segment is what is synthesised in one go. Its times begin at 0, which is the first sample of the
message in which its first word begins; a pause before that belongs to the segment before. So a
client that adds up the sound of the earlier segments has every time exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field

from inworld_rt.simulator.phones import phones

__all__ = ["Timing", "ends_sentence"]

_END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*$")
_ABBREVIATION = re.compile(r"^[(\"'“]*(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|[A-Z])\.$")
LONGEST_TAG = 40
_TAG = re.compile(r"\[[^\[\]]*\]")


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with this word; the space after it does not matter."""
    bare = word.strip()
    return bool(_END.search(bare)) and not _ABBREVIATION.match(bare)


@define
class Timing:
    """The timing of one message's speech.

    Times are handled as whole microseconds, rounded down, so that none is beyond its sound.
    """

    kind: str | None
    """``WORD``, ``CHARACTER``, or ``None`` for no timing at all."""
    bytes_per_second: int
    asynchronous: bool = False
    """Whether it comes in messages of its own, each after a segment's sound."""
    whole: bool = False
    """Whether the message is one segment (``full_turn``); else each sentence is one."""
    uneven: bool = False
    """Whether the lists have different lengths, for the quirk ``short_alignments``."""
    _base: int = 0  # bytes of sound before this segment
    _sent: int = 0
    _over: bool = False
    _said: list[str] = field(factory=list)
    _in_tag: int = 0  # characters of a tag so far
    _kept: list[dict[str, Any]] = field(factory=list)

    def before(self, words: Sequence[str]) -> Iterator[dict[str, Any]]:
        """A slice is about to be sent; gives what is to be sent ahead of it.

        Args:
            words: those that begin in it, with their spaces.
        """
        self._said = [bare for word in words if (bare := self._bare(word)).strip()]
        if self._said and self._over:
            yield from self._rest()
            self._base, self._over = self._sent, False

    def slice(self, size: int) -> dict[str, Any] | None:
        """The slice is being sent; gives what is sent with it.

        Args:
            size: its bytes.
        """
        start, end = self._us(self._sent - self._base), self._us(self._sent + size - self._base)
        self._sent += size
        said, self._said = self._said, []
        if said:
            self._over = not self.whole and ends_sentence(said[-1])
        if self.kind is None or not said:
            return None
        info = (_of_words if self.kind == "WORD" else _of_characters)(said, start, end)
        if self.uneven:
            for part in info.values():
                part[next(name for name in part if "_end_" in name)].pop()
        if not self.asynchronous:
            return info
        self._kept.append(info)
        return None

    def end(self) -> Iterator[dict[str, Any]]:
        """The voice has finished; gives what is still to be sent. More speech is a new segment."""
        self._over = True
        yield from self._rest()

    def _rest(self) -> Iterator[dict[str, Any]]:
        yield from self._kept
        self._kept.clear()

    def _us(self, size: int) -> int:
        return size * 1_000_000 // self.bytes_per_second

    def _bare(self, word: str) -> str:
        """A word without steering tags, which may go over several words."""
        if self._in_tag:
            _, closed, rest = word.partition("]")
            self._in_tag = 0 if closed else self._in_tag + len(word)
            if self._in_tag > LONGEST_TAG:
                self._in_tag = 0  # just a bracket that nobody closes
            word = rest
        word, opened, tag = _TAG.sub("", word).partition("[")
        if opened:
            self._in_tag = 1 + len(tag)
        return word


def _marks(count: int, start: int, end: int) -> list[float]:
    """Share a stretch of time evenly: so many parts and one mark more, in seconds."""
    return [(start + (end - start) * n // count) / 1_000_000 for n in range(count + 1)]


def _of_words(said: Sequence[str], start: int, end: int) -> dict[str, Any]:
    marks = _marks(len(said), start, end)
    details = []
    for index, word in enumerate(said):
        begin = round(marks[index] * 1_000_000)
        sounds = phones(word)
        times = _marks(max(1, len(sounds)), begin, round(marks[index + 1] * 1_000_000))
        shapes = [
            {
                "phone_symbol": phone,
                "viseme_symbol": viseme,
                "start_time_seconds": times[n],
                "duration_seconds": round(times[n + 1] - times[n], 6),
            }
            for n, (phone, viseme) in enumerate(sounds)
        ]
        details.append({"word_index": index, "is_partial": False, "phones": shapes})
    return {
        "word_alignment": {
            "words": [word.strip() for word in said],
            "word_start_time_seconds": marks[:-1],
            "word_end_time_seconds": marks[1:],
            "phonetic_details": details,
        }
    }


def _of_characters(said: Sequence[str], start: int, end: int) -> dict[str, Any]:
    """Spaces are characters, too, so that all of them joined are what is said."""
    characters = list("".join(said))
    marks = _marks(len(characters), start, end)
    return {
        "character_alignment": {
            "characters": characters,
            "character_start_time_seconds": marks[:-1],
            "character_end_time_seconds": marks[1:],
        }
    }
