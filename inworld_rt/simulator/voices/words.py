"""Text on its way to a voice: clauses, words, syllables, and what must not be read aloud."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["clauses", "pause_ms", "spoken", "syllables", "word_weights"]

FIRST_CLAUSE = 24
"""A comma ends the first clause from this many characters on: a short one is heard sooner."""
LATER_CLAUSE = 120
LONGEST_CLAUSE = 240

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*\s+|[。！？]+|\n+\s*")
_CLAUSE_END = re.compile(r"[,;:—–]\s+|[、，；：]")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|[A-Z])\.\s+$")
_MARKUP = re.compile(
    r"\[[^\[\]\n]{0,40}\](?:\([^)\n]*\))?|<[^<>\n]{0,80}>|https?://\S+|[*_`#~|<>\\{}\0]"
)
_VOWELS = re.compile(r"[aeiouyàáâäæèéêëìíîïòóôöøœùúûüýÿ]+", re.IGNORECASE)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"\s*\S+\s*")


def clauses(pieces: Iterable[str]) -> Iterator[str]:
    """Cut a stream of text into parts worth speaking one at a time.

    Sentences stay whole, so that a voice can give each its melody; only the very first part and
    very long sentences end at a comma. Nothing is lost: the parts joined are the pieces joined.

    Args:
        pieces: words, sentences or whole texts, as they arrive.

    Yields:
        The clauses, each as soon as it is known to be complete.
    """
    waiting = ""
    least = FIRST_CLAUSE
    for piece in pieces:
        waiting += piece
        while (cut := _cut(waiting, least)) is not None:
            yield waiting[:cut]
            waiting = waiting[cut:]
            least = LATER_CLAUSE
    if waiting:
        yield waiting


def _cut(text: str, least: int) -> int | None:
    """Where the first complete clause ends, or None while it may go on."""
    sentence = _first_end(text)
    limit = len(text) if sentence is None else sentence
    if limit > least:
        for match in _CLAUSE_END.finditer(text, least - 1):
            if match.end() < limit - 8:  # a last word or two would sound lost on their own
                return match.end()
            break
    if limit > LONGEST_CLAUSE:
        space = text.rfind(" ", 0, LONGEST_CLAUSE)
        return space + 1 if space > 0 else LONGEST_CLAUSE
    return sentence


def _first_end(text: str) -> int | None:
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text, 0, match.end()) and text[: match.end()].strip():
            return match.end()
    return None


def spoken(text: str) -> str:
    """The text without what no voice should read: stage directions, tags, emphasis marks, links.

    Args:
        text: for example ``"Well [laugh] *hello*!"``.

    Returns:
        For example ``"Well hello!"``; ``""`` when nothing pronounceable is left.
    """
    bare = " ".join(_MARKUP.sub(" ", text).split())
    bare = re.sub(r"\s+([.,;:!?])", r"\1", bare)
    return bare if any(map(str.isalnum, bare)) else ""


def pause_ms(text: str) -> float:
    """The silence, in ms, that belongs after a clause."""
    tail = text.rstrip().rstrip("\"'”’)]")[-1:]
    return 260.0 if tail in ".!?…。！？" else 110.0


def syllables(word: str) -> list[str]:
    """The vowels of a word, one string per syllable; a word without vowels has one.

    Args:
        word: in any script; characters of syllabic scripts count one each.

    Returns:
        Lower-case vowel groups; empty for punctuation.
    """
    found = [match.group().lower() for match in _VOWELS.finditer(word)]
    if len(found) > 1 and found[-1] == "e" and word.rstrip(".,;:!?\"'").lower().endswith("e"):
        found.pop()  # the silent e of "time"
    found += ["aeiou"[ord(char) % 5] for char in _WIDE.findall(word)]
    for number in re.findall(r"\d", word):
        found.append("aeiou"[int(number) % 5])
    if not found and any(map(str.isalpha, word)):
        found.append("e")
    return found


def word_weights(text: str) -> list[tuple[str, float]]:
    """The words of a text with how long each takes, relative to the others.

    Args:
        text: a clause.

    Returns:
        Pairs of a word with the space around it and its weight. The words joined are the text.
    """
    found = []
    for match in _WORD.finditer(text):
        word = match.group()
        weight = float(len(syllables(word))) + (0.8 if word.rstrip()[-1] in ",;:.!?—" else 0.2)
        found.append((word, weight))
    return found
