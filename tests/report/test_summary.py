"""The numbers, and in plain sentences what was slow."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from inworld_rt.latency import Latency
from inworld_rt.report.model import Timeline, Turn
from inworld_rt.report.summary import Spread, findings, percentile, spreads, time
from inworld_rt.report.timeline import read


def words(timeline: Timeline) -> list[str]:
    return [finding.words for finding in findings(timeline)]


def waiting(*waits: float) -> Timeline:
    """A conversation whose answers began after so long."""
    turns = [
        Turn(n + 1, n, n, base=float(n), stages=Latency(first_text=wait / 2, first_heard=wait))
        for n, wait in enumerate(waits)
    ]
    return Timeline(turns=tuple(turns))


def test_a_spread():
    assert Spread.of([0.3, None, 0.1, 0.2]) == Spread(3, 0.2, 0.3, 0.3)
    assert Spread.of([None]) is None
    assert Spread.of([n / 100 for n in range(1, 101)]).p95 == 0.95


@given(st.lists(st.floats(0, 100), min_size=1).map(sorted), st.integers(1, 100))
def test_so_many_percent_stay_within(known: list[float], percent: int) -> None:
    limit = percentile(known, percent)
    assert sum(value <= limit for value in known) * 100 >= percent * len(known)
    assert sum(value < limit for value in known) * 100 < percent * len(known)


def test_stages_that_never_came_have_no_row(eventful):
    assert list(spreads(read(eventful.header, eventful.entries))) == [
        "transcript",
        "first_text",
        "first_audio",
        "first_heard",
        "total",
    ]
    assert list(spreads(waiting(0.5))) == ["first_text", "first_heard"]


def test_all_is_well():
    assert words(waiting(0.5, 0.6, 0.7)) == [
        "Answers were heard after 600 ms (median), 700 ms (95 of 100).",
        "Nothing went wrong.",
    ]
    assert not any(finding.bad for finding in findings(waiting(0.5)))


def test_slow_answers_are_something_to_look_after():
    assert findings(waiting(1.6, 1.7, 1.8))[0].bad


def test_an_outlier_is_named():
    found = findings(waiting(0.5, 0.6, 0.7, 2.5, 0.6))
    assert (found[1].words, found[1].turn) == ("The slowest was turn 4, 2.50 s.", 4)


def test_two_turns_have_no_outlier():
    assert len(findings(waiting(0.5, 2.5))) == 1


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        (Latency(first_text=1.0, first_audio=1.1, first_heard=1.2), "the first word"),
        (Latency(first_text=0.2, first_audio=1.1, first_heard=1.2), "the voice to begin"),
        (Latency(first_text=0.1, first_audio=0.2, first_heard=1.2), "the loudspeaker to begin"),
    ],
)
def test_where_the_time_went(stages, reason):
    sentence = words(Timeline(turns=(Turn(1, 0.0, 2.0, base=0.0, stages=stages),)))[0]
    assert sentence.endswith(f"% of that was waiting for {reason}.")


def test_tools_are_blamed_for_their_share(story):
    s = story()
    s.begin()
    result = s.call(s.typed(1.0, "Weather?"), "weather", "{}", 3.0, "rain")
    s.answer(result, "It rains.")
    told = words(read(s.header, s.entries))
    assert told[0].endswith("; most of that was waiting for tools.")
    assert "The tool weather took 3.00 s (turn 1)." in told


def test_everything_that_went_wrong_has_a_sentence(eventful):
    told = read(eventful.header, sorted(eventful.entries, key=lambda e: e.t), complete=False)
    assert words(told) == [
        "Answers were heard after 649 ms (median), 3.50 s (95 of 100); 61 % of that was waiting "
        "for the first word.",
        "The slowest was turn 5, 3.50 s; 89 % of that was waiting for the first word.",
        "Turn 6: the answer failed: rate_limit.",
        "The tool look_up_weather took 1.80 s (turn 3).",
        "The sound of answers came late once, for 478 ms: the network or the service could not "
        "keep up.",
        "The server was quiet in the midst of an answer once, for 3.04 s.",
        "The connection was lost once, for 2.50 s.",
        "The server complained once.",
        "The loudspeaker had nothing to play twice, for 240 ms in all.",
        "A sound device went away once.",
        "The recording breaks off: its program died, or is still running.",
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 ms"),
        (0.9996, "1.00 s"),
        (0.4996, "500 ms"),
        (9.996, "10.00 s"),
        (59.99, "1 min 0 s"),
        (3725, "1 h 2 min"),
        (192.4, "3 min 12 s"),
    ],
)
def test_times_for_people(seconds, shown):
    assert time(seconds) == shown
