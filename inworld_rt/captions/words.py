"""Words with their times, and how they are put together to a text. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from attrs import frozen

__all__ = [
    "Caption",
    "Viseme",
    "has_letters",
    "heard",
    "join",
    "neat",
    "opens",
    "spaceless",
]

_NEARLY = 0.02  # seconds; playback is counted in blocks of about that length
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))
# Han, kana and what is written among them; Korean has spaces.
_SPACELESS = re.compile(
    "[\u2e80-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\uf900-\ufaff\ufe30-\ufe4f"
    "\uff00-\uff9f\U00020000-\U0003ffff]"
)


@frozen
class Viseme:
    """The shape of the mouth for one sound of a word."""

    symbol: str
    """The shape, in the service's words."""
    phone: str
    """The sound, in the phonetic alphabet."""
    start: float
    """Seconds from the start of the answer's audio."""
    end: float


@frozen
class Caption:
    """One word of an answer, with the punctuation that touches it. In scripts without spaces, one
    character or what the service takes for a word."""

    text: str
    start: float
    """Seconds from the start of the answer's audio."""
    end: float
    visemes: tuple[Viseme, ...] = ()
    """For moving lips; only where the service tells them."""


def heard(captions: Iterable[Caption], seconds: float) -> str:
    """The words that are over after so many seconds of the answer's audio, as a text."""
    return join(word.text for word in captions if word.end <= seconds + _NEARLY)


def join(texts: Iterable[str]) -> str:
    """Words as one text, with spaces where their script has them."""
    parts: list[str] = []
    for text in texts:
        if parts and text and not (spaceless(parts[-1][-1]) and spaceless(text[0])):
            parts.append(" ")
        if text:
            parts.append(text)
    return "".join(parts)


def neat(text: str) -> str:
    """A text that can be shown in one line and written to a file: white space as single spaces, no
    control characters, no halves of characters."""
    text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(whole.translate(_CONTROLS).split())


def spaceless(char: str) -> bool:
    """Whether it belongs to a script that puts no spaces between words."""
    return _SPACELESS.match(char) is not None


def has_letters(text: str) -> bool:
    """Whether there is more to it than punctuation."""
    return any(map(str.isalnum, text))


def opens(text: str) -> bool:
    """Whether it is an opening bracket or quotation mark, which belongs to what follows."""
    return unicodedata.category(text[0]) in ("Ps", "Pi")
