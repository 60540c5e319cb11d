"""The turns on a page: the words, the tools, and how long it took. Pure."""

from __future__ import annotations

from inworld_rt.latency import Latency
from inworld_rt.report.look import INK, STEPS, steps
from inworld_rt.report.model import STAGES, Timeline, Tool, Turn, answered
from inworld_rt.report.signs import PLAY, sign, text
from inworld_rt.report.summary import time

__all__ = ["cards"]

_LONG = 300  # characters of what a tool was given, or gave


def cards(timeline: Timeline, playable: float) -> str:
    """All turns, as items of a list.

    Args:
        timeline: where they are.
        playable: seconds of sound that the page has.
    """
    ends = [
        value
        for turn in timeline.turns
        for value in (turn.stages.transcript, *_moments(turn.stages))
        if value is not None
    ]
    scale = max(ends, default=0.0) * 1.1 or 1.0
    return "".join(_turn(timeline, turn, scale, turn.start < playable) for turn in timeline.turns)


def _turn(timeline: Timeline, turn: Turn, scale: float, playable: bool) -> str:
    number, start = turn.number, _clock(turn.start)
    hear = (
        f'<button type="button" class="hear" aria-label="Play turn {number}">{PLAY}Play</button>'
        if playable
        else ""
    )
    zoom = (
        f'<button type="button" class="zoom" aria-label="Show turn {number} on the time line">'
        "Show</button>"
    )
    return (
        f'<li class="turn card" id="turn-{number}" data-turn="{number}" '
        f'data-start="{turn.start:.3f}" data-end="{turn.end:.3f}">\n'
        f'<div class="when"><h3>Turn {number}</h3><time>{start}</time>'
        f'<div class="do">{hear}{zoom}</div></div>\n'
        f'<div class="said">{_said(timeline, turn)}</div>\n{_waterfall(turn, scale)}</li>\n'
    )


def _said(timeline: Timeline, turn: Turn) -> str:
    """The words of a turn."""
    lines = []
    if turn.user:
        lines.append(f'<p class="user"><b class="who">You</b><span dir="auto">{text(turn.user)}')
        lines.append("</span></p>")
    elif turn.asked:
        how = "spoke; the words are not known" if turn.asked == "spoken" else "wrote nothing"
        lines.append(f'<p class="user aside">You {how}</p>')
    lines += [_tool(tool) for tool in turn.tools]
    if turn.answer:
        name = text(timeline.voice or "Answer")
        lines.append(f'<p class="agent"><b class="who">{name}</b><span dir="auto">')
        if turn.heard is None:
            lines.append(text(turn.answer))
        else:
            lines.append(f"{text(turn.heard)}<del>{text(turn.unheard)}</del>")
        lines.append("</span>")
        if turn.cut:
            lines.append(f' <span class="aside">{_cut(turn)}</span>')
        lines.append("</p>")
    if turn.problem:
        lines.append(f'<p class="trouble">{sign(True)} {text(turn.problem.capitalize())}.</p>')
    return "".join(lines)


def _cut(turn: Turn) -> str:
    if turn.heard is None:
        return "(cut off)"
    if not turn.heard:
        return "(cut off; nothing of it was heard)"
    return "(cut off; what is struck out was not heard)" if turn.unheard else "(cut off at the end)"


def _tool(tool: Tool) -> str:
    given = _short(tool.output) or "nothing"
    came = '<span class="aside">no result</span>'
    if tool.seconds is not None:
        came = f'<code>{given}</code> <span class="took">{time(tool.seconds)}</span>'
    return (
        f'<p class="tool"><b class="who">Tool</b><code>{text(tool.name)}'
        f"({_short(tool.arguments)})</code> → {came}</p>"
    )


def _waterfall(turn: Turn, scale: float) -> str:
    """The stages of a turn: each bar begins where the stage before it ended."""
    stages = turn.stages
    if stages == Latency():
        return ""
    parts = steps(stages)
    rows, at = "", 0.0
    for name, label in STAGES.items():
        value = getattr(stages, name)
        if value is None:
            continue
        begin = answered(stages) or 0.0 if name == "total" else at if name in parts else 0.0
        main = ' class="main"' if value == answered(stages) and name in parts else ""
        rows += (
            f'<tr{main}><th scope="row">{label}</th><td>{_bar(begin, value, scale, name)}</td>'
            f"<td>{time(value)}</td></tr>\n"
        )
        if name in parts:
            at = max(at, value)
    after = "after the end of speech" if turn.asked == "spoken" else "after the request"
    return f'<table class="stages"><caption>{after}</caption><tbody>\n{rows}</tbody></table>\n'


_COLORS = {"transcript": INK, "total": "#cfcec9"} | {n: look.color for n, look in STEPS.items()}


def _bar(begin: float, end: float, scale: float, name: str) -> str:
    left, right = (min(100.0, 100 * value / scale) for value in (min(begin, end), end))
    width = max(right - left, 1.0)
    left = min(left, 100 - width)
    beyond = ""
    if end > scale:
        beyond = '<path d="M97 0 100 5 97 10" fill="none" stroke="#6a6a70" stroke-width="1"/>'
    return (
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<path d="M0 10H100" stroke="#e4e3df" stroke-width="1"/>'
        f'<rect x="{left:.1f}" width="{width:.1f}" height="10" fill="{_COLORS[name]}"/>'
        f"{beyond}</svg>"
    )


def _short(words: str) -> str:
    return text(words if len(words) <= _LONG else f"{words[:_LONG]}…")


def _moments(stages: Latency) -> tuple[float | None, ...]:
    return stages.first_text, stages.first_audio, stages.first_heard


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"
