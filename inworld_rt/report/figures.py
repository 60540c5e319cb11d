"""The diagrams of the page, as plotly takes them: plain data. Pure.

Time is in milliseconds on an axis of dates, which gives marks such as 1:30. No words of the
conversation are in them, and names only as text without markup, since plotly reads some markup.
"""

from __future__ import annotations

import html
from typing import Any

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
from inworld_rt.report.model import Timeline
from inworld_rt.report.sound import Envelope, Sound
from inworld_rt.report.summary import Spread, time

__all__ = ["latencies", "overview"]

Figure = dict[str, Any]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_LANE = 0.62  # units of a lane's height; a waveform is two units high
_FAINT = "#e4e3df"
_FEW = 25  # turns of which each has its number at the axis
_FULL = 0.05  # what is quieter than this is not drawn larger than it is


def overview(timeline: Timeline, sound: Sound | None) -> Figure:
    """The whole conversation: both sides, what happened, and the turns."""
    rows = lanes(timeline)
    bottom = _LANE * len(rows) + 0.35
    agent, user = bottom + 1.0, bottom + 3.9
    top = user + 2.0
    traces: list[Figure] = []
    if sound is not None:
        traces += _waveform(sound.user, user, USER) + _waveform(sound.answers, agent, AGENT)
    speech = timeline.spans_of("speech")
    if speech:
        traces.append(
            _bars([(s.start, s.end, SPEECH.name) for s in speech], user - 1.18, SPEECH, 0.16)
        )
    for number, lane in enumerate(rows):
        traces += _lane(timeline, lane, bottom - 0.3 - _LANE * (number + 0.5))
    traces.append(_numbers(timeline, top - 0.25))
    names = [("You", user + 1.02), (timeline.voice or "Answers", agent + 1.02)]
    names += [(row.name, bottom - 0.3 - _LANE * (n + 0.5)) for n, row in enumerate(rows)]
    notes = [_label(name, y, "middle" if y < bottom else "bottom") for name, y in names]
    lines = [_line(user), _line(agent)]
    layout = _layout(round(44 * top) + 44)
    layout["annotations"] = notes
    layout["shapes"] = lines
    layout["barmode"] = "overlay"
    seconds = max(timeline.seconds, 0.5)
    layout["xaxis"] |= {
        "type": "date",
        "range": [0, seconds * 1000],
        "tickformatstops": [
            {"dtickrange": [None, 999], "value": "%-M:%S.%2f"},
            {"dtickrange": [1000, None], "value": "%-M:%S" if seconds < 3600 else "%-H:%M:%S"},
        ],
        "minallowed": -seconds * 20,
        "maxallowed": seconds * 1020,
    }
    layout["yaxis"] = {"visible": False, "range": [0, top], "fixedrange": True}
    return {"data": traces, "layout": layout}


def latencies(timeline: Timeline) -> Figure:
    """How long each answer took to begin, in the steps that it consists of."""
    turns = [turn for turn in timeline.turns if turn.wait is not None]
    parts = {turn.number: steps(turn.stages) for turn in turns}
    traces: list[Figure] = []
    for name, look in STEPS.items():
        there = {number: part[name] for number, part in parts.items() if name in part}
        if there:
            traces.append(
                {
                    "type": "bar",
                    "name": look.name,
                    "x": list(there),
                    "y": [round(value, 3) for value in there.values()],
                    "hovertext": [f"turn {n}: {time(v)} {look.name}" for n, v in there.items()],
                    "hoverinfo": "text",
                    "marker": _fill(look),
                }
            )
    known = {t.number: t.stages.transcript for t in turns if t.stages.transcript is not None}
    if known:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": KNOWN.name,
                "x": list(known),
                "y": [round(value, 3) for value in known.values()],
                "hovertext": [f"turn {n}: words known after {time(v)}" for n, v in known.items()],
                "hoverinfo": "text",
                "marker": {
                    "symbol": KNOWN.symbol,
                    "size": 8,
                    "color": KNOWN.color,
                    "line": {"color": INK, "width": 1.5},
                },
            }
        )
    layout = _layout(240)
    layout["barmode"] = "stack"
    layout["bargap"] = 0.35
    layout["margin"] |= {"l": 44}
    last = timeline.turns[-1].number if timeline.turns else 1
    layout["xaxis"] |= {
        "title": {"text": "turn", "standoff": 8},
        "range": [0.4, max(last, 8) + 0.6],
        "fixedrange": True,
    }
    if last <= _FEW:
        layout["xaxis"]["tickvals"] = list(range(1, last + 1))
    layout["yaxis"] = {
        "title": {"text": "seconds", "standoff": 8},
        "gridcolor": _FAINT,
        "zeroline": False,
        "rangemode": "tozero",
        "fixedrange": True,
    }
    spread = Spread.of(turn.wait for turn in turns)
    if spread is not None:
        layout["shapes"] = [_median(spread.median)]
        highest = max(spread.most, *known.values()) if known else spread.most
        layout["yaxis"]["range"] = [0, highest * 1.2]  # with room for the median's words
    return {"data": traces, "layout": layout}


# --- pieces ---------------------------------------------------------------------------------------


def _waveform(envelope: Envelope, y: float, color: str) -> list[Figure]:
    """Two lines with what is between them filled."""
    peak = max(_FULL, max(map(abs, (*envelope.low, *envelope.high)), default=1.0))
    common = {
        "type": "scatter",
        "mode": "lines",
        "x0": round(envelope.step * 500, 3),
        "dx": round(envelope.step * 1000, 4),
        "hoverinfo": "skip",
        "line": {"color": color, "width": 0.7},
        "showlegend": False,
    }
    return [
        {**common, "y": [round(y + value / peak, 3) for value in envelope.low]},
        {
            **common,
            "y": [round(y + value / peak, 3) for value in envelope.high],
            "fill": "tonexty",
            "fillcolor": color,
        },
    ]


def _lane(timeline: Timeline, lane: Lane, y: float) -> list[Figure]:
    traces = []
    for kind, look in lane.kinds.items():
        if kind == "tool":
            bars = [
                (t.start, timeline.seconds if t.end is None else t.end, _tool(t.name, t.seconds))
                for t in timeline.tools
            ]
            traces.append(_bars(bars, y, look, 0.4))
        elif look.symbol:
            marks = timeline.marks_of(kind)
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [_ms(mark.at) for mark in marks],
                    "y": [y] * len(marks),
                    "hovertext": [html.escape(mark.words) for mark in marks],
                    "hoverinfo": "text",
                    "marker": {
                        "symbol": look.symbol,
                        "size": 11,
                        "color": look.color,
                        "line": {"color": "#ffffff", "width": 1},
                    },
                    "showlegend": False,
                }
            )
        else:
            spans = timeline.spans_of(kind)
            bars = [(s.start, s.end, f"{s.words}, {time(s.seconds)}") for s in spans]
            traces.append(_bars(bars, y, look, 0.4))
    return traces


def _tool(name: str, seconds: float | None) -> str:
    return f"{name}, {'no result' if seconds is None else time(seconds)}"


def _bars(bars: list[tuple[float, float, str]], y: float, look: Look, height: float) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "base": [_ms(start) for start, _, _ in bars],
        "x": [_ms(end - start) for start, end, _ in bars],
        "y": [y] * len(bars),
        "width": height,
        "hovertext": [html.escape(words) for _, _, words in bars],
        "hoverinfo": "text",
        "marker": _fill(look),
        "showlegend": False,
    }


def _fill(look: Look) -> Figure:
    marker: Figure = {"color": look.color, "line": {"color": look.color, "width": 1}}
    if look.pattern:
        marker["pattern"] = {
            "shape": look.pattern,
            "fillmode": "replace",
            "fgcolor": look.color,
            "bgcolor": "#ffffff",
            "size": 6,
            "solidity": 0.45,
        }
    return marker


def _numbers(timeline: Timeline, y: float) -> Figure:
    """The numbers of the turns, where they begin."""
    return {
        "type": "scatter",
        "mode": "text",
        "name": "turns",
        "x": [_ms(turn.start) for turn in timeline.turns],
        "y": [y] * len(timeline.turns),
        "text": [str(turn.number) for turn in timeline.turns],
        "textposition": "middle right",
        "textfont": {"color": MUTED, "size": 12},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _label(name: str, y: float, anchor: str) -> Figure:
    return {
        "text": html.escape(name),
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "xshift": 2,
        "y": y,
        "yanchor": anchor,
        "showarrow": False,
        "font": {"size": 12, "color": INK},
        "bgcolor": "rgba(255,255,255,0.8)",
        "borderpad": 1,
    }


def _line(y: float) -> Figure:
    return {
        "type": "line",
        "layer": "below",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": _FAINT, "width": 1},
    }


def _median(value: float) -> Figure:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": INK, "width": 1, "dash": "dot"},
        "label": {
            "text": f"median {time(value)}",
            "textposition": "end",
            "yanchor": "bottom",
            "font": {"size": 12, "color": INK},
        },
    }


def _layout(height: int) -> Figure:
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 36},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "font": {"family": _FONT, "size": 12, "color": INK},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": MUTED, "font": {"color": INK}},
        "showlegend": False,
        "xaxis": {"showgrid": False, "zeroline": False, "ticks": "outside", "tickcolor": MUTED},
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
