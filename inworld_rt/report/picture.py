"""A recording as one picture: what is on the page, but for the words and the sound."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

from inworld_rt import extras
from inworld_rt.report.files import open_recording, save
from inworld_rt.report.look import (
    AGENT,
    INK,
    KNOWN,
    MUTED,
    SPEECH,
    STEPS,
    USER,
    Lane,
    Look,
    lanes,
    steps,
)
from inworld_rt.report.model import Timeline, Turn
from inworld_rt.report.sound import Envelope, Sound
from inworld_rt.report.summary import Spread, findings, time

__all__ = ["draw", "write_png"]

NAME = "report.png"

_WIDTH = 11.0  # inches
_LANE = 0.62
_MOST = 30  # turns whose bars can be read; of more, the slowest
_SENTENCES = 8
_LINE = 0.26  # inches
_COLUMNS = 5  # of the legend
_PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
_HATCHES = {"/": "////", "x": "xxxx", ".": "....", "": ""}
_SETTINGS = {
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.family": "sans-serif",
    "font.size": 9,
    "hatch.linewidth": 0.8,
    "axes.edgecolor": MUTED,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def write_png(folder: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Path:
    """Make a picture of a recording. No browser is needed.

    Args:
        folder: the recording; or a folder of recordings, for the newest in it.
        path: where the picture goes; default: ``report.png`` in the recording.

    Returns:
        Where it is.

    Raises:
        ConfigError: there is no recording that can be read, or the picture cannot be written.
        BackendMissing: the packages of the extra ``report`` are missing; says what to type.
    """
    place, timeline, sound = open_recording(folder, copy=False)
    target = place / NAME if path is None else Path(path)
    save(target, draw(timeline, sound))
    return target


def draw(timeline: Timeline, sound: Sound | None) -> bytes:
    """The picture, as a PNG file.

    Args:
        timeline: what is in it.
        sound: whose waveforms are in it; ``None`` for none.

    Raises:
        BackendMissing: matplotlib is missing.
    """
    matplotlib = extras.load("matplotlib", extra="report", purpose="draw a picture")
    figures = extras.load("matplotlib.figure", extra="report", purpose="draw a picture")
    turns = _slowest(timeline)
    told = findings(timeline)[:_SENTENCES]
    rows = lanes(timeline)
    kinds = sum(len(row.kinds) for row in rows) + bool(timeline.spans_of("speech"))
    # Inches, from the top to the bottom.
    head = 0.95 + _LINE * max(1, len(told))
    line, legend = 2.6 + 0.28 * len(rows), 0.5 + 0.2 * -(-kinds // _COLUMNS)
    bars = 0.22 * len(turns) if turns else 0.0
    below = legend + (bars + 1.15 if turns else 0.0)
    height = head + line + below
    out = io.BytesIO()
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # shown as a box
        figure = figures.Figure(figsize=(_WIDTH, height), dpi=110, facecolor="white")
        _head(figure, timeline, [finding.words for finding in told], height)
        place = [0.045, below / height, 0.925, line / height]
        _overview(figure.add_axes(place), timeline, sound)
        if turns:
            place = [0.085, 0.4 / height, 0.885, bars / height]
            _latencies(figure.add_axes(place), timeline, turns)
        figure.savefig(out, format="png")
    return out.getvalue()


def _head(figure: Any, timeline: Timeline, sentences: list[str], height: float) -> None:
    title = f"A conversation with {timeline.voice}" if timeline.voice else "A conversation"
    figure.text(0.045, 1 - 0.38 / height, title, fontsize=16, fontweight="bold")
    facts = [timeline.began[:16].replace("T", " "), time(timeline.seconds)]
    facts += [f"{len(timeline.turns)} turn{'s' * (len(timeline.turns) != 1)}", timeline.host]
    words = " · ".join(filter(None, facts))
    figure.text(0.045, 1 - 0.62 / height, words, color=MUTED)
    for number, sentence in enumerate(sentences or ["Nobody said anything in this recording."]):
        y = 1 - (0.98 + _LINE * number) / height
        figure.text(0.045, y, f"–  {sentence:.150}", fontsize=9.5)


def _overview(axes: Any, timeline: Timeline, sound: Sound | None) -> None:
    rows = lanes(timeline)
    bottom = _LANE * len(rows) + 0.35
    agent, user = bottom + 1.0, bottom + 3.9
    seconds = max(timeline.seconds, 0.5)
    for y, color, name in ((user, USER, "You"), (agent, AGENT, timeline.voice or "Answers")):
        axes.axhline(y, color="#e4e3df", linewidth=0.8, zorder=0)
        if sound is not None:
            _waveform(axes, sound.user if y == user else sound.answers, y, color)
        axes.text(0, y + 1.02, f" {name}", va="bottom", fontweight="bold")
    for span in timeline.spans_of("speech"):
        _bar(axes, span.start, span.end, user - 1.14, 0.14, SPEECH)
    for number, lane in enumerate(rows):
        y = bottom - 0.3 - _LANE * (number + 0.5)
        axes.text(
            0, y, f" {lane.name}", va="center", fontsize=8, color=MUTED, zorder=9, bbox=_PLAIN
        )
        _lane(axes, timeline, lane, y, seconds)
    latest = -seconds
    for turn in timeline.turns:
        if turn.start - latest >= seconds / 32:
            latest = turn.start
            axes.text(turn.start, user + 1.5, str(turn.number), color=MUTED, ha="left")
    kinds = [look for row in rows for look in row.kinds.values()]
    kinds += [SPEECH] if timeline.spans_of("speech") else []
    if kinds:
        _legend(axes, kinds, loc="upper left", bbox_to_anchor=(0, -0.08), ncols=_COLUMNS)
    axes.set(xlim=(0, seconds), ylim=(0, user + 1.9), yticks=[])
    axes.xaxis.set_major_formatter(lambda at, _: f"{int(at) // 60}:{at % 60:02.0f}")
    _only_bottom(axes)


def _waveform(axes: Any, envelope: Envelope, y: float, color: str) -> None:
    peak = max(0.05, max(map(abs, (*envelope.low, *envelope.high)), default=1.0))
    times = [(n + 0.5) * envelope.step for n in range(len(envelope.low))]
    low, high = ([y + value / peak for value in side] for side in (envelope.low, envelope.high))
    axes.fill_between(times, low, high, color=color, linewidth=0.3)


def _lane(axes: Any, timeline: Timeline, lane: Lane, y: float, seconds: float) -> None:
    for kind, look in lane.kinds.items():
        if kind == "tool":
            for tool in timeline.tools:
                end = seconds if tool.end is None else tool.end
                _bar(axes, tool.start, end, y, 0.36, look)
        elif look.marker:
            times = [mark.at for mark in timeline.marks_of(kind)]
            _marks(axes, times, [y] * len(times), look)
        else:
            for span in timeline.spans_of(kind):
                _bar(axes, span.start, span.end, y, 0.36, look)


def _bar(axes: Any, start: float, end: float, y: float, height: float, look: Look) -> None:
    axes.barh(y, end - start, left=start, height=height, label="_", **_fill(look))


def _fill(look: Look) -> dict[str, Any]:
    color = "white" if look.pattern else look.color
    hatch = _HATCHES[look.pattern]
    return {"facecolor": color, "edgecolor": look.color, "hatch": hatch, "linewidth": 0.8}


def _marks(axes: Any, x: list[float], y: list[float], look: Look) -> None:
    edge = INK if look is KNOWN else "white"
    axes.scatter(
        x, y, marker=look.marker, s=40, c=look.color, edgecolors=edge, linewidths=0.8, zorder=5
    )


def _legend(axes: Any, looks: list[Look], **place: Any) -> None:
    """What is what."""
    lines = extras.load("matplotlib.lines", extra="report", purpose="draw a picture")
    patches = extras.load("matplotlib.patches", extra="report", purpose="draw a picture")
    handles = []
    for look in looks:
        if look.marker:
            edge = INK if look is KNOWN else "white"
            how = {"marker": look.marker, "color": look.color, "markeredgecolor": edge}
            handles.append(lines.Line2D([], [], linestyle="", markersize=7, label=look.name, **how))
        else:
            handles.append(patches.Patch(label=look.name, **_fill(look)))
    axes.legend(handles=handles, frameon=False, fontsize=8, handlelength=1.8, **place)


def _latencies(axes: Any, timeline: Timeline, turns: list[Turn]) -> None:
    there: list[Look] = []
    rows = range(len(turns))
    for name, look in STEPS.items():
        parts = [steps(turn.stages) for turn in turns]
        if not any(name in part for part in parts):
            continue
        there.append(look)
        before = list(STEPS)[: list(STEPS).index(name)]
        left = [sum(part.get(one, 0.0) for one in before) for part in parts]
        axes.barh(rows, [part.get(name, 0.0) for part in parts], 0.62, left, **_fill(look))
    for row, turn in zip(rows, turns, strict=True):
        wait = turn.wait or 0.0
        axes.text(wait, row, f"  {time(wait)}", va="center", fontsize=8, bbox=_PLAIN)
    known = {n: t.stages.transcript for n, t in enumerate(turns)}
    moments = {float(row): moment for row, moment in known.items() if moment is not None}
    if moments:
        _marks(axes, [*moments.values()], [*moments], KNOWN)
        there.append(KNOWN)
    spread = Spread.of(turn.wait for turn in timeline.turns)
    if spread is not None:
        axes.axvline(spread.median, color=INK, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_yticks(rows, [f"turn {turn.number}" for turn in turns])
    axes.set_ylim(len(turns) - 0.4, -0.6)
    whole = sum(turn.wait is not None for turn in timeline.turns)
    title = "Seconds until an answer began"
    if len(turns) < whole:
        title += f": the {len(turns)} slowest of {whole} turns"
    axes.set_title(title, loc="left", fontweight="bold", fontsize=10, pad=24)
    axes.margins(x=0.09)
    _legend(axes, there, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(there))
    _only_bottom(axes)


def _slowest(timeline: Timeline) -> list[Turn]:
    """The turns whose latency is drawn, in order."""
    turns = [turn for turn in timeline.turns if turn.wait is not None]
    slow = sorted(turns, key=lambda turn: -(turn.wait or 0.0))[:_MOST]
    return sorted(slow, key=lambda turn: turn.number)


def _only_bottom(axes: Any) -> None:
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
