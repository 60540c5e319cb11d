"""The words of one response, put together from its events (protocol: assistant text). Pure."""

from __future__ import annotations

from typing import Any

from inworld_rt.events import (
    ContentPartDone,
    Event,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
)
from inworld_rt.steering import shown

__all__ = ["PartKey", "Words", "heard", "join"]

# Which family of events an event belongs to. The same words may arrive in both (protocol:
# assistant text), so the family of the first delta is kept and the other ignored.
_TEXT, _SPOKEN = "text", "transcript"
_IDEOGRAPHS = "\u2e80"  # from here on, scripts that put no spaces between words

PartKey = tuple[str | None, int]
"""A part of an answer: its item, and its number in it."""


class Words:
    """The text so far. One thread adds to it; any thread may read it.

    Attributes:
        before: what was said before, in an earlier response of the same answer.
    """

    def __init__(self, before: str = "") -> None:
        """None came yet.

        Args:
            before: see above.
        """
        self.before = before
        self._family: str | None = None
        self._parts: dict[PartKey, str] = {}
        self._final: set[PartKey] = set()

    def __bool__(self) -> bool:
        return bool(self._parts)

    @property
    def own(self) -> str:
        """The words of this response, without what steers the voice."""
        # A copy of the parts: another thread may be adding one.
        return join([shown(text, whole=k in self._final) for k, text in [*self._parts.items()]])

    @property
    def text(self) -> str:
        """All words: those before, and these."""
        return join([self.before, self.own])

    def handed_over(self) -> Words:
        """The same words, with none before."""
        other = Words()
        other._family, other._parts, other._final = self._family, self._parts, self._final
        return other

    def take(self, event: Event) -> str:
        """Take a piece of text, or the final text that replaces the pieces.

        Returns:
            What is new at the end of the text; empty where nothing is.
        """
        if isinstance(event, TextDelta | TranscriptDelta):
            key = self._key(event, _TEXT if isinstance(event, TextDelta) else _SPOKEN)
            return "" if key is None else self.put(key, self._parts.get(key, "") + event.delta)
        if isinstance(event, TextDone):
            return self._settle(event, _TEXT, event.text)
        if isinstance(event, TranscriptDone):
            return self._settle(event, _SPOKEN, event.transcript)
        if isinstance(event, ContentPartDone):
            text = getattr(event.part, "text", None)
            if text:
                return self._settle(event, _TEXT, text)
            return self._settle(event, _SPOKEN, getattr(event.part, "transcript", None) or "")
        return ""

    def _key(self, event: Any, family: str) -> PartKey | None:
        """Where the event's words belong; ``None`` if its family is not the chosen one."""
        if self._family is None:
            self._family = family
        if family != self._family:
            return None
        item_id, index = event.item_id, event.content_index or 0
        if item_id is None:  # of the part that came last
            return next(reversed(self._parts), (None, index))
        if (None, index) in self._parts:  # now its item is known
            named: dict[PartKey, PartKey] = {(None, index): (item_id, index)}
            self._final = {named.get(key, key) for key in self._final}
            self._parts = {named.get(key, key): words for key, words in self._parts.items()}
        return item_id, index

    def _settle(self, event: Any, family: str, text: str) -> str:
        """Replace the pieces of a part by its final text."""
        key = self._key(event, family) if text else None
        if key is None:
            return ""
        streamed = self._parts.get(key, "")
        # White space at the end, which the final text may lack, has been given out already.
        return self.put(key, streamed if streamed.rstrip() == text.rstrip() else text, final=True)

    def put(self, key: PartKey, text: str, final: bool = False) -> str:
        """Set a part's words; returns what is new, as it continues :attr:`text`."""
        held_back = "" if key in self._parts else self.settle_all()
        before = self._shown(key) if key in self._parts else ""
        earlier = "" if before else self.text
        self._parts[key] = text
        if final:
            self._final.add(key)
        after = self._shown(key)
        gap = "" if before else _gap(earlier, after)
        new = gap + after[len(before) :] if after.startswith(before) else ""
        return held_back + new

    def settle_all(self) -> str:
        """The parts so far are final; returns what was held back of them."""
        whole = self.text
        self._final.update(self._parts)
        return self.text[len(whole) :]

    def _shown(self, key: PartKey) -> str:
        return shown(self._parts[key], whole=key in self._final)


def heard(text: str, heard_ms: float, total_ms: float) -> str:
    """The part of a text that was spoken in the first ``heard_ms`` of ``total_ms``.

    Speech is taken to run evenly over the letters; a word that was not finished is left out
    (scripts without spaces are cut at a letter).

    Args:
        text: all the words.
        heard_ms: milliseconds that were heard.
        total_ms: milliseconds that all of it takes.
    """
    if total_ms <= 0 or heard_ms >= total_ms:
        return text
    end = int(len(text) * max(0.0, heard_ms) / total_ms)
    while 0 < end < len(text) and not text[end].isspace() and text[end] < _IDEOGRAPHS:
        end -= 1
    return text[:end].rstrip()


def join(texts: list[str]) -> str:
    """Parts in order, with a space where neither side has one."""
    out = ""
    for text in texts:
        out += _gap(out, text) + text
    return out


def _gap(before: str, after: str) -> str:
    touch = before and after and not before[-1].isspace() and not after[0].isspace()
    return " " if touch else ""
