"""What is said in a recording. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from inworld_rt.events import UserTranscript
from inworld_rt.outcome import ErrorDetails

__all__ = ["Transcript", "Utterance", "joined"]


@frozen
class Utterance:
    """Something that was said in one go.

    Attributes:
        text: the words; empty where they could not be read.
        start: seconds from the recording's begin.
        end: seconds from the recording's begin.
        item_id: the item that it became in the conversation.
        event: the event that the words came with: voice profile, languages and how sure the
            recogniser is, where the server tells them. ``None`` where they could not be read.
        error: why they could not be read, else ``None``.
    """

    text: str = field(repr=False)
    start: float
    end: float
    item_id: str = ""
    event: UserTranscript | None = field(default=None, repr=False)
    error: ErrorDetails | None = field(default=None, repr=False)


class Transcript(str):
    """What is said in a recording: a text, the utterances joined by spaces.

    Attributes:
        utterances: what it is made of, in the order of the recording; also those that could not be
            read, see :attr:`Utterance.error`.
    """

    utterances: list[Utterance]

    def __new__(cls, utterances: Iterable[Utterance] = ()) -> Transcript:
        """Join utterances."""
        said = list(utterances)
        self = super().__new__(cls, joined(one.text for one in said))
        self.utterances = said
        return self

    def __getnewargs__(self) -> Any:  # a copy, too, is made of utterances
        return (self.utterances,)

    @property
    def text(self) -> str:
        """The text as a plain one."""
        return str(self)


def joined(texts: Iterable[str]) -> str:
    """Texts as one; the empty ones are left out."""
    return " ".join(text for text in texts if text)
