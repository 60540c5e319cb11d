"""The simulated agent's ears: speech in, text out.

    listening = ears.listen(rate=24000)
    for chunk in microphone:
        partial = listening.hear(chunk)         # the text so far when it changed, else None
    text = listening.finish()                   # "What time is it?"

The recogniser is pocketsphinx with the English model that its wheel carries. Without it, or in
another language, `finish` tells at least that and how long somebody spoke: ``(speech, 1.8 s)``.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from typing import Protocol

from attrs import define, field

from inworld_rt import extras
from inworld_rt.errors import BackendMissing

__all__ = [
    "DeafEars",
    "Ears",
    "Listening",
    "ScriptedEars",
    "find_ears",
    "sentence",
    "unread",
]

log = logging.getLogger("inworld_rt")


class Listening(Protocol):
    """One utterance being heard. For one thread at a time."""

    def hear(self, pcm: bytes) -> str | None:
        """Take the next piece.

        Args:
            pcm: 16-bit little-endian mono samples at the rate agreed on, of any length.

        Returns:
            The whole text so far, if it has changed; it may still be rewritten. Else None.
        """

    def finish(self) -> str:
        """No more is coming.

        Returns:
            The final text as a sentence; what `unread` says if nothing could be read.
        """

    def close(self) -> None:
        """Forget the utterance. Needed only when it is dropped without `finish`."""


class Ears(Protocol):
    """Anything that can listen. Any thread may use it, many at once."""

    def listen(
        self, rate: int, language: str | None = None, prompt: str | None = None
    ) -> Listening:
        """Begin to hear an utterance.

        Args:
            rate: sample rate in Hz of what will come.
            language: a tag such as ``"en"``; None is English.
            prompt: words to expect; a hint that may be ignored.
        """

    def warm_up(self) -> None:
        """Do now what would make the first words late."""


def unread(seconds: float) -> str:
    """What stands for speech that nobody could read, for example ``(speech, 1.8 s)``."""
    return f"(speech, {seconds:.1f} s)"


# -- text -------------------------------------------------------------------------------------

_QUESTION = re.compile(
    r"(?:(?:who|whose|what|when|where|why|how|which|is|are|am|was|were|do|does|did|can|could|will|"
    r"would|shall|should|may|might|have|has)\b|(?:what|who|where|how|when)'s\b)"
)
_LEAD = re.compile(
    r"(?:(?:good morning|good evening|well|so|and|but|okay|hello|hi|hey|please|oh)\s+)+"
)
_CAPITALS = (
    "monday tuesday wednesday thursday friday saturday sunday january february april june july "
    "august september october november december english french german spanish italian america "
    "england france germany italy spain london paris berlin rome madrid york europe bob alice"
).split()
_CAPITAL = re.compile(rf"\b(?:i(?=\b|')|{'|'.join(_CAPITALS)})\b")
_NOISE_WORD = re.compile(r"\(\d+\)|<[^>]*>|\[[^\]]*\]|\+\+[^+]*\+\+")


def sentence(words: str, *, final: bool = True) -> str:
    """Make a recogniser's words readable.

    Args:
        words: lower-case words without punctuation; variant marks such as ``to(2)`` are dropped.
        final: end it with a question mark or a full stop, too.

    Returns:
        For example ``"What time is it?"``; ``""`` for no words.
    """
    bare = " ".join(_NOISE_WORD.sub(" ", words).split())
    if not bare:
        return ""
    lead = _LEAD.match(bare)
    asked = _QUESTION.match(bare, lead.end() if lead else 0)
    text = _CAPITAL.sub(lambda match: match.group().capitalize(), bare)
    text = text[0].upper() + text[1:]
    return text + ("?" if asked else ".") if final else text


# -- others -----------------------------------------------------------------------------------


class DeafEars:
    """Hears that somebody speaks, and how long, and no words. Needs nothing installed."""

    def listen(
        self, rate: int, language: str | None = None, prompt: str | None = None
    ) -> Listening:
        """Begin to hear an utterance; see `Ears.listen`."""
        return _DeafListening(rate)

    def warm_up(self) -> None:
        """Nothing to do."""


@define
class _DeafListening:
    _rate: int
    _bytes: int = 0

    def hear(self, pcm: bytes) -> str | None:
        self._bytes += len(pcm)
        return None

    def finish(self) -> str:
        return unread(self._bytes / 2 / self._rate)

    def close(self) -> None:
        pass


class ScriptedEars:
    """For tests: every utterance is the next of the texts given, whatever was said.

    Args:
        texts: what is heard, in order; after the last one it is deaf.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = iter(texts)
        self._lock = threading.Lock()

    def listen(
        self, rate: int, language: str | None = None, prompt: str | None = None
    ) -> Listening:
        """Begin to hear an utterance; see `Ears.listen`. A word comes with every 200 ms."""
        with self._lock:
            text = next(self._texts, None)
        return _DeafListening(rate) if text is None else _ScriptedListening(rate, text)

    def warm_up(self) -> None:
        """Nothing to do."""


@define
class _ScriptedListening:
    _rate: int
    _text: str
    _bytes: int = 0
    _partial: str = field(default="", init=False)

    def hear(self, pcm: bytes) -> str | None:
        self._bytes += len(pcm)
        words = self._bytes * 5 // (2 * self._rate)
        partial = " ".join(self._text.split()[:words])
        if partial in ("", self._partial):
            return None
        self._partial = partial
        return partial

    def finish(self) -> str:
        return self._text

    def close(self) -> None:
        pass


_lock = threading.Lock()
_found: Ears | None = None


def find_ears() -> Ears:
    """The best ears that this machine has, shared by all who ask.

    Without pocketsphinx (or the package that converts sample rates for it) they are deaf, which
    is said once, in the log.
    """
    global _found
    with _lock:
        if _found is None:
            # Imported here because that module builds on the classes above.
            from inworld_rt.simulator.sphinx import SphinxEars

            try:
                extras.load("soxr", extra="simulator", purpose="understand speech")
                _found = SphinxEars()
            except BackendMissing as exc:
                log.warning("the simulator hears no words: %s", exc)
                _found = DeafEars()
        return _found
