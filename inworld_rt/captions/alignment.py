"""What a server tells of the times of words, read with suspicion, and put together to words. Pure.

The parts that come are *tokens*: words; or words, punctuation and white space one by one, in the
order of the text; or characters. All that may be wrong with their lists is put right here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs
from attrs import define

from inworld_rt.captions.words import Viseme, has_letters, opens, spaceless
from inworld_rt.outcome import PhoneticDetails, TimestampInfo

__all__ = ["Token", "are_words", "first_start", "is_text", "split", "tokens"]

_FOR_EVER = 1e6  # seconds; no answer is as long as that
_LONGEST = 100  # tokens of one word
_ENDS = ".,;:!?…"
_PART_OF_WORD = re.compile("n?['’].*")


@define
class Token:
    """A part of what is spoken."""

    text: str
    start: float
    """Seconds."""
    end: float | None
    """``None``: not told, and nothing follows from which it could be guessed."""
    visemes: tuple[Viseme, ...] = ()
    partial: bool = False
    """Whether it may come again, then whole."""
    first: bool = False
    """Whether a new segment of speech begins with it."""

    def shifted(self, seconds: float) -> Token:
        """The same, later."""
        moved = (
            attrs.evolve(v, start=v.start + seconds, end=v.end + seconds) for v in self.visemes
        )
        end = None if self.end is None else self.end + seconds
        return attrs.evolve(self, start=self.start + seconds, end=end, visemes=tuple(moved))


def is_text(info: TimestampInfo) -> bool:
    """Whether the tokens are characters, which joined are the very text."""
    return not (info.word_alignment and info.word_alignment.words)


def first_start(info: TimestampInfo) -> float | None:
    """The first time that is told; ``None`` if none is."""
    _, starts, _ = _lists(info)
    return next((t for i in range(len(starts)) if (t := _at(starts, i)) is not None), None)


def tokens(info: TimestampInfo, reached: float) -> list[Token]:
    """The tokens in order, in the times of their segment. Those without any time are left out.

    Args:
        info: what the server sent.
        reached: the end of what came before, in the same times.
    """
    texts, starts, ends = _lists(info)
    count = min(len(texts), max(len(starts), len(ends)))
    told = first_start(info)
    reached = reached if told is None else told
    sounds = {} if is_text(info) else _sounds(info)
    out = []
    for i in range(count):
        start, end, following = _at(starts, i), _at(ends, i), _at(starts, i + 1)
        start = reached if start is None else start
        if end is None:
            end = following if following is not None or i == count - 1 else start
        elif following is not None and following >= start:
            end = min(end, following)  # two words are not spoken at once
        if end is not None:
            end = max(start, end)
        reached = start if end is None else end
        detail = sounds.get(i)
        visemes = _visemes(detail, start) if detail else ()
        partial = detail is not None and detail.is_partial is True
        out.append(Token(texts[i], start, end, visemes, partial))
    return out


def _lists(info: TimestampInfo) -> tuple[list[str], list[float], list[float]]:
    words, letters = info.word_alignment, info.character_alignment
    if words is not None and words.words:
        return words.words, words.word_start_time_seconds, words.word_end_time_seconds
    if letters is not None:
        return (
            letters.characters,
            letters.character_start_time_seconds,
            letters.character_end_time_seconds,
        )
    return [], [], []


def _at(times: Sequence[float], index: int) -> float | None:
    return _time(times[index]) if index < len(times) else None


def _time(value: Any) -> float | None:
    """A time, if it can be one."""
    if not isinstance(value, (int, float)) or not -_FOR_EVER < value < _FOR_EVER:
        return None
    return max(0.0, float(value))


def _sounds(info: TimestampInfo) -> dict[int, PhoneticDetails]:
    """The sounds by the place of their word; what comes later counts."""
    details = (info.word_alignment and info.word_alignment.phonetic_details) or []
    return {
        i if detail.word_index is None else detail.word_index: detail
        for i, detail in enumerate(details)
    }


def _visemes(detail: PhoneticDetails, start: float) -> tuple[Viseme, ...]:
    out = []
    at = start
    for phone in detail.phones:
        told = _time(phone.start_time_seconds)
        at = at if told is None else told
        end = at + (_time(phone.duration_seconds) or 0.0)
        out.append(Viseme(phone.viseme_symbol, phone.phone_symbol, at, end))
        at = end
    return tuple(out)


def split(parts: Sequence[Token], spaced: bool) -> tuple[list[list[Token]], bool]:
    """Put tokens together to words.

    Args:
        parts: the tokens.
        spaced: white space is among them, or else each is a word already.

    Returns:
        The tokens of each word; and whether the last word is over.
    """
    words: list[list[Token]] = []
    over, first, lettered = True, False, False
    for token in parts:
        text = token.text.strip()
        first = first or token.first
        over = over or first or token.text[:1].isspace()
        if not text:
            continue
        token.first, first = first, False  # it may have been a silence with which a segment began
        fresh = over or len(words[-1]) >= _LONGEST
        if fresh or _begins(words[-1][-1].text.strip(), lettered, text, spaced):
            words.append([])
            lettered = False
        words[-1].append(token)
        lettered = lettered or has_letters(text)
        over = token.text[-1].isspace()
    return words, over


def _begins(before: str, lettered: bool, text: str, spaced: bool) -> bool:
    """Whether a token begins a word, where no white space is before it."""
    cjk_before, cjk = spaceless(before[-1]), spaceless(text[0])
    if not (spaced or cjk_before or cjk):
        return True
    if not has_letters(text):
        return cjk_before and opens(text)
    return lettered and (cjk_before or cjk or not spaced)


def are_words(parts: Sequence[Token]) -> bool:
    """Whether tokens without white space are words, and not the first of a text that has some."""
    before = False
    for token in parts:
        text = token.text.casefold()
        lettered = has_letters(text)
        before = before and not token.first
        # Words have their punctuation with them. In a text, "I" and "'m" follow each other.
        if lettered and (text[-1] in _ENDS or (before and not _PART_OF_WORD.fullmatch(text))):
            return True
        before = lettered
    return len(parts) > _LONGEST
