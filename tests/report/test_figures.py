"""The diagrams of the page: what plotly takes, with all that happened and no words."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("plotly", reason="the report's page needs plotly")
pytest.importorskip("numpy", reason="the report needs numpy, which matplotlib brings")

from inworld_rt.report import figures
from inworld_rt.report.model import Timeline
from inworld_rt.report.sound import Envelope, Sound
from inworld_rt.report.timeline import read

SOUND = Sound(57.0, Envelope(0.01, (-0.5, 0.0), (0.5, 0.0)), Envelope(0.01, (-1.0, 0.0), (1.0, 0)))


@pytest.fixture(scope="module")
def timeline(eventful):
    return read(eventful.header, eventful.entries)


@pytest.mark.parametrize("sound", [SOUND, None], ids=["sound", "no sound"])
@pytest.mark.parametrize("name", ["overview", "latencies"])
def test_plotly_accepts_every_field(name, sound, timeline):
    """Its own classes know all that the browser's part knows, and refuse the rest."""
    from plotly import graph_objects

    for one in (timeline, Timeline()):
        made = figures.overview(one, sound) if name == "overview" else figures.latencies(one)
        graph_objects.Figure(made)


def test_whatever_happened_is_in_it(timeline):
    traces = figures.overview(timeline, SOUND)["data"]
    told = [text for trace in traces for text in trace.get("hovertext", ())]
    assert told == [
        *["speech the server noticed"] * 3,
        "the user cut in, after 3.7 s of the answer",
        "look_up_weather, 1.80 s",
        "the answer&#x27;s sound came late, 478 ms",
        "no message from the server, 3.04 s",
        "no connection: the network is unreachable, 2.50 s",
        "the server complained: rate_limit",
        "nothing to play for 180 ms",
        "nothing to play for 60 ms",
        "a sound device went away",
        "a sound device is back",
    ]
    (numbers,) = [trace for trace in traces if trace.get("name") == "turns"]
    assert numbers["text"] == list("1234567")
    assert numbers["x"][1] == pytest.approx(4800)


def test_nothing_is_told_by_colour_alone(timeline):
    """What shares a lane differs in shape or pattern too."""
    from inworld_rt.report.look import LANES, STEPS

    for group in (*(lane.kinds for lane in LANES), STEPS):
        looks = [(look.pattern, look.symbol) for look in group.values()]
        assert len(set(looks)) == len(looks)


def test_the_steps_add_up_to_the_wait(timeline):
    bars = [t for t in figures.latencies(timeline)["data"] if t["type"] == "bar"]
    whole: dict[int, float] = {}
    for trace in bars:
        for number, value in zip(trace["x"], trace["y"], strict=True):
            whole[number] = whole.get(number, 0.0) + value
    waits = {turn.number: turn.wait for turn in timeline.turns}
    assert whole == {number: pytest.approx(wait, abs=0.003) for number, wait in waits.items()}


def test_no_words_of_the_conversation_are_in_it(timeline):
    text = json.dumps([figures.overview(timeline, SOUND), figures.latencies(timeline)])
    assert "whale" not in text and "alert" not in text


def test_names_are_no_markup(story):
    s = story()
    s.begin(voice="<a href='javascript:alert(1)'>Clive</a>")
    s.call(s.typed(1.0, "x"), "<b>tool</b>", "{}", 0.5, "y")
    text = json.dumps(figures.overview(read(s.header, s.entries), SOUND))
    assert "<" not in text
