"""The numbers of a conversation, and in plain sentences what was slow. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

from attrs import frozen

from inworld_rt.report.look import steps
from inworld_rt.report.model import STAGES, Span, Timeline, Turn

__all__ = ["Finding", "Spread", "findings", "percentile", "spreads", "time"]

_LONG = 1.5  # seconds to an answer from which people call it slow
_SLOW_TOOL = 1.0  # seconds
_OUTLIER = 2.0  # times the median
_SHORT = 0.1  # seconds of which it does not matter what they went to
_WAITING_FOR = {
    "first_text": "the first word",
    "first_audio": "the voice to begin",
    "first_heard": "the loudspeaker to begin",
}
_FEW = 4  # turns below which nothing can be said of what is usual


@frozen
class Spread:
    """How one number is spread over the turns.

    Attributes:
        count: how many turns have it.
        median: the middle.
        p95: what 95 of 100 stay within: the smallest value of which that is true.
        most: the greatest.
    """

    count: int
    median: float
    p95: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Of some values; ``None`` if there are none."""
        known = sorted(value for value in values if value is not None)
        if not known:
            return None
        return cls(len(known), statistics.median(known), percentile(known, 95), known[-1])


def percentile(known: list[float], percent: float) -> float:
    """The smallest of some sorted values that so many percent stay within."""
    return known[max(0, math.ceil(len(known) * percent / 100) - 1)]


def spreads(timeline: Timeline) -> dict[str, Spread]:
    """The spread of each stage that there was."""
    found = {
        name: Spread.of(getattr(turn.stages, name) for turn in timeline.turns) for name in STAGES
    }
    return {name: spread for name, spread in found.items() if spread is not None}


@frozen
class Finding:
    """Something that a person should know.

    Attributes:
        words: one sentence.
        bad: whether it is something to look after.
        turn: the number of the turn it is about, if it is about one.
    """

    words: str
    bad: bool = True
    turn: int | None = None


def findings(timeline: Timeline) -> list[Finding]:
    """What was slow, and what went wrong; the worst first of each kind."""
    found = [*_answers(timeline), *_tools(timeline), *_line(timeline), *_sound(timeline)]
    if not timeline.complete:
        found.append(Finding("The recording breaks off: its program died, or is still running."))
    if not any(finding.bad for finding in found) and timeline.turns:
        found.append(Finding("Nothing went wrong.", bad=False))
    return found


def _answers(timeline: Timeline) -> list[Finding]:
    turns = [turn for turn in timeline.turns if turn.wait is not None]
    spread = Spread.of(turn.wait for turn in turns)
    if spread is None:
        return []
    found = []
    what = (
        "could be heard" if any(turn.stages.first_audio is not None for turn in turns) else "came"
    )
    if any(turn.stages.first_heard is not None for turn in turns):
        what = "were heard"
    slow = spread.median >= _LONG
    words = f"Answers {what} after {time(spread.median)} (median), "
    words += f"{time(spread.p95)} (95 of 100)"
    reason = _reason(turns)
    found.append(Finding(f"{words}{f'; {reason}' if reason else ''}.", bad=slow))
    worst = max(turns, key=lambda turn: turn.wait or 0.0)
    wait = worst.wait or 0.0
    if len(turns) >= _FEW and wait >= max(_OUTLIER * spread.median, _LONG / 2):
        more = _reason([worst])
        words = f"The slowest was turn {worst.number}, {time(wait)}{f'; {more}' if more else ''}."
        found.append(Finding(words, turn=worst.number))
    for turn in timeline.turns:
        if turn.problem and turn.asked:
            found.append(Finding(f"Turn {turn.number}: {turn.problem}.", turn=turn.number))
    return found


def _reason(turns: list[Turn]) -> str:
    """Where most of the time went."""
    shares = [steps(turn.stages) for turn in turns]
    usual = {
        name: statistics.median(share.get(name, 0.0) for share in shares) for name in _WAITING_FOR
    }
    whole = sum(usual.values())
    if whole < _SHORT:
        return ""
    if statistics.median(map(_in_tools, turns)) > whole / 2:
        return "most of that was waiting for tools"
    name = max(usual, key=lambda name: usual[name])
    percent = round(100 * usual[name] / whole)
    return f"{percent} % of that was waiting for {_WAITING_FOR[name]}" if percent > 50 else ""


def _in_tools(turn: Turn) -> float:
    """Seconds that tools took before the answer began."""
    begun = (turn.base or 0.0) + (turn.wait or 0.0)
    return sum(tool.seconds or 0.0 for tool in turn.tools if tool.start < begun)


def _tools(timeline: Timeline) -> list[Finding]:
    found = []
    for tool in sorted(timeline.tools, key=lambda tool: -(tool.seconds or 0.0)):
        if tool.end is None:
            words = f"The tool {tool.name} (turn {tool.turn}) gave no result."
            found.append(Finding(words, turn=tool.turn))
        elif tool.end - tool.start >= _SLOW_TOOL and len(found) < 3:
            words = f"The tool {tool.name} took {time(tool.end - tool.start)} (turn {tool.turn})."
            found.append(Finding(words, turn=tool.turn))
    return found


def _line(timeline: Timeline) -> list[Finding]:
    found = []
    late, quiet, lost = (timeline.spans_of(kind) for kind in ("late", "quiet", "lost"))
    if late:
        words = f"The sound of answers came late {_times(len(late))}, {_sum(late)}: "
        found.append(Finding(f"{words}the network or the service could not keep up."))
    if quiet:
        words = f"The server was quiet in the midst of an answer {_times(len(quiet))}, "
        found.append(Finding(f"{words}{_sum(quiet)}."))
    if lost:
        found.append(Finding(f"The connection was lost {_times(len(lost))}, {_sum(lost)}."))
    errors = timeline.marks_of("error")
    if errors:
        found.append(Finding(f"The server complained {_times(len(errors))}."))
    return found


def _sum(spans: list[Span]) -> str:
    seconds = time(sum(span.seconds for span in spans))
    return f"for {seconds}" if len(spans) == 1 else f"for {seconds} in all"


def _sound(timeline: Timeline) -> list[Finding]:
    found = []
    dry = timeline.marks_of("underrun")
    if dry:
        gone = time(sum(mark.seconds for mark in dry))
        words = f"The loudspeaker had nothing to play {_times(len(dry))}, for {gone} in all."
        found.append(Finding(words))
    away = [mark for mark in timeline.marks_of("device") if mark.words.endswith("away")]
    if away:
        found.append(Finding(f"A sound device went away {_times(len(away))}."))
    return found


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def time(seconds: float) -> str:
    """A duration for people."""
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
