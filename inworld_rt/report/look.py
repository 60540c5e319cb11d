"""How things look, the same on the page and in the picture. Pure.

The colours are those of Okabe and Ito, which colour-blind people can tell apart; and wherever there
is a colour there is a shape, a pattern or a word as well.
"""

from __future__ import annotations

from typing import NamedTuple

from inworld_rt.latency import Latency
from inworld_rt.report.model import Timeline

__all__ = [
    "AGENT",
    "INK",
    "KNOWN",
    "LANES",
    "MUTED",
    "SPEECH",
    "STEPS",
    "USER",
    "Lane",
    "Look",
    "lanes",
    "steps",
]

USER = "#0072B2"
AGENT = "#E69F00"
INK = "#1d1d1f"
MUTED = "#6a6a70"
_SKY, _GREEN, _RED, _PURPLE, _BLACK = "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#000000"


class Look(NamedTuple):
    """How one kind of thing is drawn.

    Attributes:
        name: what it is called in a legend.
        color: its colour.
        pattern: of a bar: the pattern, as plotly and matplotlib both call it.
        symbol: of a mark: plotly's name; empty for a bar.
        marker: of a mark: matplotlib's name.
    """

    name: str
    color: str
    pattern: str = ""
    symbol: str = ""
    marker: str = ""


class Lane(NamedTuple):
    """A row below the waveforms.

    Attributes:
        name: at its left.
        kinds: what is in it; ``tool`` stands for the calls of tools.
    """

    name: str
    kinds: dict[str, Look]


SPEECH = Look("speech the server noticed", _SKY)

LANES = (
    Lane("Cut in", {"cut": Look("the user cut in", _RED, "", "diamond", "D")}),
    Lane("Tools", {"tool": Look("a tool at work", _PURPLE, "/")}),
    Lane("Put in", {"aside": Look("a word put in by the server", _GREEN, "", "circle", "o")}),
    Lane(
        "Network",
        {
            "late": Look("sound came late", _RED, "x"),
            "quiet": Look("no message", MUTED, "."),
            "lost": Look("no connection", _BLACK),
            "error": Look("the server complained", _BLACK, "", "x", "X"),
        },
    ),
    Lane(
        "Devices",
        {
            "underrun": Look("nothing to play", _RED, "", "triangle-down", "v"),
            "device": Look("a sound device went or came", _BLACK, "", "square", "s"),
        },
    ),
)
"""From the top to the bottom."""

STEPS = {
    "first_text": Look("to the first word", USER),
    "first_audio": Look("to its first sound", _SKY, "/"),
    "first_heard": Look("until it was heard", _GREEN, "x"),
}
"""What the time until an answer consists of."""

KNOWN = Look("the user's words known", "#ffffff", "", "diamond", "D")
"""Drawn with an outline."""


def lanes(timeline: Timeline) -> list[Lane]:
    """The lanes that have something in them, with only the kinds that are there."""
    there = {span.kind for span in timeline.spans} | {mark.kind for mark in timeline.marks}
    if timeline.tools:
        there.add("tool")
    found = []
    for lane in LANES:
        kinds = {kind: look for kind, look in lane.kinds.items() if kind in there}
        if kinds:
            found.append(Lane(lane.name, kinds))
    return found


def steps(stages: Latency) -> dict[str, float]:
    """The time until an answer, cut into the steps that it consists of."""
    at = 0.0
    found: dict[str, float] = {}
    for name in STEPS:
        moment = getattr(stages, name)
        if moment is not None:
            found[name] = max(0.0, moment - at)
            at = max(at, moment)
    return found
