"""A recording as one page of HTML that needs nothing but a browser, and asks no network."""

from __future__ import annotations

import base64
import datetime
import functools
import importlib.resources
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inworld_rt import extras
from inworld_rt.outcome import Usage
from inworld_rt.recording.folder import SOUND
from inworld_rt.report.cards import cards
from inworld_rt.report.figures import latencies, overview
from inworld_rt.report.files import open_recording, save
from inworld_rt.report.look import AGENT, KNOWN, SPEECH, STEPS, USER, Look, lanes, steps
from inworld_rt.report.model import STAGES, Timeline
from inworld_rt.report.signs import PLAY, sign, swatch, text
from inworld_rt.report.sound import Sound
from inworld_rt.report.summary import Spread, findings, spreads, time

__all__ = ["draw", "write"]

NAME = "report.html"

# The page itself forbids what it must not do: no request leaves it, whatever is in it.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; form-action 'none'; base-uri 'none'"
)


def write(folder: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Path:
    """Make a page of a recording.

    The page is one file that holds all it needs, the sound too; it may be sent and kept. It has the
    words of both sides, so it is as private as they are.

    Args:
        folder: the recording; or a folder of recordings, for the newest in it.
        path: where the page goes; default: ``report.html`` in the recording.

    Returns:
        Where it is.

    Raises:
        ConfigError: there is no recording that can be read, or the page cannot be written.
        BackendMissing: the packages of the extra ``report`` are missing; says what to type.
    """
    place, timeline, sound = open_recording(folder)
    target = place / NAME if path is None else Path(path)
    save(target, draw(timeline, sound).encode("utf-8", "replace"))
    return target


def draw(timeline: Timeline, sound: Sound | None) -> str:
    """The page.

    Args:
        timeline: what is on it.
        sound: what can be heard on it; ``None`` for nothing.

    Raises:
        BackendMissing: plotly is missing.
    """
    plotly = extras.load("plotly.offline", extra="report", purpose="draw diagrams")
    timed = any(turn.wait is not None for turn in timeline.turns)
    figures = {"overview": overview(timeline, sound), "seconds": max(timeline.seconds, 0.5)}
    if timed:
        figures["latencies"] = latencies(timeline)
    title = f"A conversation with {timeline.voice}" if timeline.voice else "A conversation"
    playable = sound is not None and sound.copy is not None
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n',
            f'<title>{text(title)}</title>\n<link rel="icon" href="data:,">\n',
            f"<style>\n{_file('page.css')}</style>\n</head>\n",
            '<body class="able">\n' if playable else "<body>\n",
            f"<header>\n<h1>{text(title)}</h1>\n{_facts(timeline)}</header>\n<main>\n",
            _start(timeline),
            _overview(timeline, sound),
            _latencies(timeline) if timed else "",
            _turns(timeline, sound),
            _usage(timeline),
            f"</main>\n{_footer(timeline, sound)}",
            _player(sound),
            f'<script type="application/json" id="data">{_json(figures)}</script>\n',
            f"<script>{plotly.get_plotlyjs()}</script>\n",
            f"<script>\n{_file('page.js')}</script>\n</body>\n</html>\n",
        ]
    )


# --- the parts of the page ------------------------------------------------------------------------


def _facts(timeline: Timeline) -> str:
    count = len(timeline.turns)
    facts = [
        _day(timeline.began),
        time(timeline.seconds),
        f"{count} turn{'' if count == 1 else 's'}",
        timeline.host,
        timeline.version and f"inworld_rt {timeline.version}",
    ]
    spans = "".join(f"<span>{text(fact)}</span>" for fact in facts if fact)
    return f'<p class="facts">{spans}</p>\n'


def _start(timeline: Timeline) -> str:
    """The numbers that matter, and what was slow."""
    spread = Spread.of(turn.wait for turn in timeline.turns)
    tiles: list[tuple[str, str]] = []
    if spread is not None:
        heard = any(turn.stages.first_heard is not None for turn in timeline.turns)
        what = "until an answer was heard" if heard else "until an answer came"
        tiles += [(time(spread.median), f"{what} (median)")]
        tiles += [(time(spread.p95), "95 of 100 came sooner")]
    cuts = sum(turn.cut for turn in timeline.turns)
    if timeline.turns:
        tiles.append((str(cuts), "answer cut off" if cuts == 1 else "answers cut off"))
    tools = len(timeline.tools)
    if tools:
        tiles.append((str(tools), "call of a tool" if tools == 1 else "calls of tools"))
    tokens = timeline.usage and timeline.usage.total_tokens
    if tokens:
        tiles.append((_grouped(tokens), "tokens"))
    shown = "".join(f"<div><dt>{text(n)}</dt><dd>{text(v)}</dd></div>" for v, n in tiles)
    found = "".join(
        f"<li>{sign(one.bad)}<span>{_linked(one.words, one.turn)}</span></li>\n"
        for one in findings(timeline)
    )
    empty = "<p>Nobody said anything in this recording.</p>\n" if not timeline.turns else ""
    return (
        '<section aria-labelledby="slow">\n'
        + (f'<dl class="tiles">{shown}</dl>\n' if shown else "")
        + '<div class="card"><h2 id="slow">What was slow</h2>\n'
        + empty
        + (f'<ul class="findings">\n{found}</ul>\n' if found else "")
        + "</div>\n</section>\n"
    )


def _overview(timeline: Timeline, sound: Sound | None) -> str:
    moves = [
        ("earlier", "Earlier", "‹"),
        ("later", "Later", "›"),
        ("out", "Zoom out", "−"),
        ("in", "Zoom in", "+"),
        ("all", "Show all", "All"),
    ]
    buttons = "".join(
        f'<button type="button" data-move="{name}" aria-label="{label}" title="{label}">{sign}'
        "</button>"
        for name, label, sign in moves
    )
    kinds = [look for lane in lanes(timeline) for look in lane.kinds.values()]
    looks = [Look("you", USER)] if sound else []
    looks += [Look(timeline.voice or "the answers", AGENT)] if sound else []
    looks += [SPEECH] if timeline.spans_of("speech") else []
    legend = "".join(f"<li>{swatch(look)}{text(look.name)}</li>" for look in [*looks, *kinds])
    counts = f"{len(timeline.turns)} turns, {len(timeline.marks_of('cut'))} interruptions, "
    counts += f"{len(timeline.tools)} calls of tools"
    hint = '<span class="mouse">Click to go there, drag to zoom.</span>'
    hint += '<span class="finger">Tap to go there; the buttons zoom.</span>'
    if sound is None:
        hint = "This recording has no sound."
    return (
        '<section class="card" aria-labelledby="whole">\n'
        f'<div class="bar"><h2 id="whole">The whole conversation</h2>'
        f'<div class="tools" role="group" aria-label="Zoom">{buttons}</div></div>\n'
        f'<p class="hint">{hint}</p>\n'
        f'<div class="chart"><div id="overview" role="img" aria-label="Time line of '
        f'{time(timeline.seconds)}: {counts}. All of it is in the list of turns below."></div>'
        f'<div class="cursor" hidden></div></div>\n<ul class="legend">{legend}</ul>\n</section>\n'
    )


def _latencies(timeline: Timeline) -> str:
    there = [name for name in STEPS if any(name in steps(turn.stages) for turn in timeline.turns)]
    looks = [STEPS[name] for name in there]
    if any(turn.stages.transcript is not None for turn in timeline.turns):
        looks.append(KNOWN)
    legend = "".join(f"<li>{swatch(look)}{text(look.name)}</li>" for look in looks)
    rows = ""
    for name, spread in spreads(timeline).items():
        rows += f'<tr><th scope="row">{STAGES[name]}</th>{_numbers(spread)}</tr>\n'
    return (
        '<section class="card" aria-labelledby="long">\n<h2 id="long">How long answers took</h2>\n'
        '<p class="hint">From the end of speech, or from the request where it was typed.</p>\n'
        '<div class="chart"><div id="latencies" role="img" aria-label="Bars: how long each answer '
        'took to begin. The numbers are in the table below, and with each turn."></div></div>\n'
        f'<ul class="legend">{legend}</ul>\n'
        '<table class="numbers"><thead><tr><th scope="col">Until</th><th scope="col">median</th>'
        '<th scope="col">95 of 100</th><th scope="col">slowest</th><th scope="col">turns</th></tr>'
        f"</thead>\n<tbody>{rows}</tbody></table>\n</section>\n"
    )


def _numbers(spread: Spread) -> str:
    values = [time(spread.median), time(spread.p95), time(spread.most), str(spread.count)]
    return "".join(f"<td>{value}</td>" for value in values)


def _turns(timeline: Timeline, sound: Sound | None) -> str:
    if not timeline.turns:
        return ""
    playable = sound.copy.seconds if sound and sound.copy else 0.0
    return (
        '<section aria-labelledby="turns">\n<h2 id="turns">Turn by turn</h2>\n'
        f'<ol class="turns">\n{cards(timeline, playable)}</ol>\n</section>\n'
    )


def _usage(timeline: Timeline) -> str:
    usage = timeline.usage
    rows = [
        ("you spoke", time(timeline.spoken), False) if timeline.spoken else None,
        ("sound of answers", time(timeline.answered), False) if timeline.answered else None,
        ("answers made", str(timeline.responses), False) if timeline.responses else None,
        *(_tokens(usage) if usage is not None else ()),
    ]
    body = "".join(
        f'<tr{" class=in" if inner else ""}><th scope="row">{name}</th><td>{value}</td></tr>\n'
        for name, value, inner in filter(None, rows)
    )
    if not body:
        return ""
    return (
        '<section class="card" aria-labelledby="cost">\n<h2 id="cost">What it took</h2>\n'
        f'<table class="numbers few"><tbody>\n{body}</tbody></table>\n</section>\n'
    )


def _tokens(usage: Usage) -> Iterable[tuple[str, str, bool]]:
    heads = [
        ("input tokens", usage.input_tokens, usage.input_token_details),
        ("output tokens", usage.output_tokens, usage.output_token_details),
        ("tokens in all", usage.total_tokens, None),
    ]
    for name, count, details in heads:
        if count is not None:
            yield name, _grouped(count), False
        for part in ("text", "audio", "image", "cached"):
            value = getattr(details, f"{part}_tokens", None)
            if value:
                yield part, _grouped(value), True


def _footer(timeline: Timeline, sound: Sound | None) -> str:
    side = "what the loudspeaker played" if timeline.played else "what came, end to end"
    heard = "This recording has no sound."
    if sound is not None and sound.copy is not None:
        copy = sound.copy
        heard = f"You are on the left; on the right is {side}. In this page: {copy.words}, "
        heard += f"{len(copy.wav) / 1e6:.1f} MB."
        if copy.seconds < sound.seconds - 0.5:
            heard += f" Only the first {time(copy.seconds)} of {time(sound.seconds)} fit into a "
            heard += f"page; all of it is in {SOUND}."
    terms = [
        ("Sound", heard),
        ("Times", "Seconds from the beginning of the recording, by a clock that is never set."),
        (
            "Latency",
            "From the moment the server said that the user had stopped (or the button was "
            "released, or the request was sent) until the words were known, the first word, the "
            "first sound, the first sound out of the loudspeaker, and the end of the answer.",
        ),
        ("95 of 100", "The smallest value that 95 of 100 turns stay within."),
        (
            "Sound came late",
            "What had come of an answer would have been played to its end, and for 0.1 s or more "
            "nothing followed.",
        ),
        (
            "No message",
            "An answer was being made, nothing of it could be heard yet, and for 2 s or more the "
            "server sent nothing at all.",
        ),
    ]
    shown = "".join(f"<dt>{name}</dt><dd>{text(words)}</dd>" for name, words in terms)
    return (
        "<footer>\n<details><summary>How to read this page</summary>"
        f"<dl>{shown}</dl></details>\n</footer>\n"
    )


def _player(sound: Sound | None) -> str:
    if sound is None or sound.copy is None:
        return ""
    data = base64.b64encode(sound.copy.wav).decode("ascii")
    return (
        '<div class="player" role="group" aria-label="Player">'
        f'<button type="button" id="play">{PLAY}<span>Play</span></button>'
        f'<input type="range" id="seek" min="0" max="{sound.copy.seconds:.2f}" step="0.05" '
        'value="0" aria-label="Position"><output id="clock"></output></div>\n'
        f'<audio id="sound" preload="auto" src="data:audio/wav;base64,{data}"></audio>\n'
    )


# --- small things ---------------------------------------------------------------------------------


def _linked(words: str, turn: int | None) -> str:
    """A sentence in which the turn it is about can be clicked."""
    shown = text(words)
    for name in (f"Turn {turn}", f"turn {turn}"):
        shown = shown.replace(name, f'<a href="#turn-{turn}">{name}</a>', 1)
    return shown


def _day(began: str) -> str:
    try:
        moment = datetime.datetime.fromisoformat(began)
    except ValueError:
        return ""
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".rstrip()


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def _json(value: Any) -> str:
    """JSON that may stand in HTML, whatever is in it."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@functools.cache
def _file(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
