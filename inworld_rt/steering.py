"""What steers the voice and is not to be shown: ``[laugh]``, ``[speak slowly, as if tired]``
(protocol: TTS-2 text conventions). Pure.

The voice takes whatever stands in brackets for an instruction, but a text may also hold a link, a
list's index or a footnote. A *tag* is therefore:

* ``[``, words, ``]``: letters of any script, digits, spaces and ``, . ' _ -`` with their
  typographic forms, at most 80 characters and at least three letters. So ``[1]``, ``[x]`` and
  ``[a, b]`` are none;
* not followed by ``(``: that is a link;
* not right after a letter or digit, ``array[index]``, nor after another bracket that is no tag,
  ``grid[1][index]``; but the names of sounds are tags even there: ``word[sigh]``. Scripts without
  spaces between words have tags anywhere.

White space after a tag goes with it where white space, or nothing, is before it:
``Hello [laugh] world`` is shown as ``Hello world``, and ``word[sigh] next`` as ``word next``.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["cuts", "shown"]

# The longest of the service's own examples has 79; what may become a tag is held back that long.
_LONGEST = 80
_LETTERS = 3
_MARKS = frozenset(" ,.'_-’‘–—\u200c\u200d")  # the last two join letters in some scripts
_IDEOGRAPHS = "\u2e80"  # from here on, scripts that put no spaces between words
_SOUND = re.compile(
    r"(?:laugh|chuckl|giggl|sigh|breath|gasp|cough|yawn|sniff|sob|groan|snort)(?:e|s|es|ing|ed|ter)?"
    r"|clear(?:s|ing|ed)?[ _]throat"
)


def shown(text: str, *, whole: bool = False) -> str:
    """A text as it is to be displayed: without its tags.

    What may still become a tag is held back, so that what is shown of a growing text only ever
    grows.

    Args:
        text: all of it so far.
        whole: nothing more will follow.
    """
    if "[" not in text:
        return text
    spans, end = cuts(text, whole=whole)
    parts, at = [], 0
    for start, stop in spans:
        parts.append(text[at:start])
        at = stop
    parts.append(text[at:end])
    return "".join(parts)


def cuts(text: str, *, whole: bool = False) -> tuple[list[tuple[int, int]], int]:
    """Where the tags are.

    Args:
        text: all of it so far.
        whole: nothing more will follow.

    Returns:
        From where to where each tag goes, with the white space that goes with it; and up to where
        this is certain, whatever follows.
    """
    spans: list[tuple[int, int]] = []
    kept = -1  # the place of the latest "]" that ended something else
    eats = True
    at = text.find("[")
    while at >= 0:
        close = _run(text, at + 1)
        if close == len(text) and close - at - 1 <= _LONGEST and not whole:
            return spans, at
        if not _is_tag(text, at, close, after_bracket=kept == at - 1 >= 0):
            if text[close : close + 1] == "]":
                kept = close
        elif close + 1 == len(text) and not whole:
            return spans, at  # a "(" may follow
        elif text[close + 1 : close + 2] == "(":
            kept = close
        else:
            if not spans or spans[-1][1] != at:  # else nothing is shown in between
                eats = at == 0 or text[at - 1].isspace()
            stop = close + 1
            while eats and text[stop : stop + 1].isspace():
                stop += 1
            spans.append((at, stop))
        at = text.find("[", at + 1)
    return spans, len(text)


def _run(text: str, at: int) -> int:
    """Where that what may stand in a tag ends, or gets too long for one."""
    end = min(len(text), at + _LONGEST + 1)
    while at < end:
        char = text[at]
        if not (char.isalnum() or char in _MARKS or unicodedata.category(char)[0] == "M"):
            break
        at += 1
    return at


def _is_tag(text: str, at: int, close: int, *, after_bracket: bool) -> bool:
    words = text[at + 1 : close]
    if text[close : close + 1] != "]" or len(words) > _LONGEST:
        return False
    if sum(map(str.isalpha, words)) < _LETTERS:
        return False
    before = text[at - 1] if at else " "
    in_word = (before.isalnum() or before == "_") and before < _IDEOGRAPHS
    return not (in_word or after_bracket) or _SOUND.fullmatch(words.casefold()) is not None
