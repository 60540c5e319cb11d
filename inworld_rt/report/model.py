"""What a report shows, as plain data. Pure.

All times are seconds from the beginning of the recording, all durations are seconds.
"""

from __future__ import annotations

from attrs import field, frozen

from inworld_rt.latency import Latency
from inworld_rt.outcome import Usage

__all__ = ["STAGES", "Mark", "Span", "Timeline", "Tool", "Turn", "answered"]

STAGES = {
    "transcript": "words known",
    "first_text": "first word",
    "first_audio": "first sound",
    "first_heard": "first heard",
    "total": "complete",
}
"""The stages of an answer, in the order in which they usually come, and what they are called."""


@frozen
class Span:
    """Something that lasted.

    Attributes:
        kind: ``speech``, ``late``, ``quiet`` or ``lost``; see :mod:`inworld_rt.report.marks`.
        start: when it began.
        end: when it ended.
        words: what it was, for people.
    """

    kind: str
    start: float
    end: float
    words: str = ""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start


@frozen
class Mark:
    """Something that happened at a moment.

    Attributes:
        kind: ``cut``, ``underrun``, ``device``, ``error`` or ``aside``; see
            :mod:`inworld_rt.report.marks`.
        at: when.
        words: what it was, for people.
        seconds: of an underrun, how long there was no sound.
    """

    kind: str
    at: float
    words: str = ""
    seconds: float = 0.0


@frozen
class Tool:
    """A call of a tool.

    Attributes:
        name: the tool.
        arguments: as the model wrote them.
        output: what it gave, or why it failed; empty where nothing came of it.
        start: when the call was complete.
        end: when its result was sent; ``None`` if it never was.
        turn: the number of the turn it belongs to.
    """

    name: str
    arguments: str
    output: str
    start: float
    end: float | None
    turn: int

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.end is None else self.end - self.start


def answered(stages: Latency) -> float | None:
    """Seconds until the user had something of an answer: heard it; or could have, or read it, where
    there was no loudspeaker, or no sound."""
    for value in (stages.first_heard, stages.first_audio, stages.first_text):
        if value is not None:
            return value
    return None


@frozen
class Turn:
    """What the user said, and the answer.

    Attributes:
        number: 1, 2, …
        start: where to listen from.
        end: where it is over.
        asked: ``spoken``, ``typed``, or empty where nobody asked: a greeting, say.
        user: the user's words.
        answer: all words of the answer.
        heard: the words that were heard, where it was cut off and that is known.
        cut: whether it was cut off.
        problem: why there is no whole answer, where it was not cut off; else empty.
        base: the moment that :attr:`stages` count from; ``None`` where there was no answer.
        stages: how long things took.
        tools: what was called for it.
    """

    number: int
    start: float
    end: float
    asked: str = ""
    user: str = ""
    answer: str = ""
    heard: str | None = None
    cut: bool = False
    problem: str = ""
    base: float | None = None
    stages: Latency = Latency()
    tools: tuple[Tool, ...] = ()

    @property
    def wait(self) -> float | None:
        """Seconds until the user had something of the answer."""
        return answered(self.stages)

    @property
    def unheard(self) -> str:
        """The words that were cut off."""
        if self.heard is None:
            return ""
        return self.answer[len(self.heard) :] if self.answer.startswith(self.heard) else self.answer


@frozen
class Timeline:
    """A conversation, as it is drawn.

    Attributes:
        began: when, as ISO 8601 in UTC; empty where the recording does not say.
        host: the server; empty where the recording does not say.
        version: of this package, which made it.
        voice: the name of who answers.
        played: whether the sound of the answers is what a loudspeaker played, rather than what
            came.
        complete: whether the recording goes to the end of its session.
        seconds: how long it is.
        turns: who said what.
        spans: what lasted.
        marks: what happened at a moment.
        spoken: seconds of the user's speech.
        answered: seconds of sound that came for the answers.
        responses: how many answers there were; with tools, more than one may be in a turn.
        usage: what they cost, in all.
    """

    began: str = ""
    host: str = ""
    version: str = ""
    voice: str = ""
    played: bool = False
    complete: bool = True
    seconds: float = 0.0
    turns: tuple[Turn, ...] = ()
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    spoken: float = 0.0
    answered: float = 0.0
    responses: int = 0
    usage: Usage | None = field(default=None)

    @property
    def tools(self) -> list[Tool]:
        """All calls of tools."""
        return [tool for turn in self.turns for tool in turn.tools]

    def spans_of(self, *kinds: str) -> list[Span]:
        """The spans of some kinds."""
        return [span for span in self.spans if span.kind in kinds]

    def marks_of(self, *kinds: str) -> list[Mark]:
        """The marks of some kinds."""
        return [mark for mark in self.marks if mark.kind in kinds]
