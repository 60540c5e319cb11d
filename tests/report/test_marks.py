"""What else happened."""

from __future__ import annotations

import pytest

from inworld_rt.report.marks import LATE, QUIET, Place
from inworld_rt.report.timeline import read


def look(story):
    return read(story.header, sorted(story.entries, key=lambda entry: entry.t))


def spans(story, *kinds):
    return [(round(s.start, 2), round(s.end, 2)) for s in look(story).spans_of(*kinds)]


@pytest.fixture
def s(story):
    s = story()
    s.begin()
    return s


def test_speech_is_drawn_where_it_is(s):
    s.speech(2.0, 1.5, "Hello.")
    assert spans(s, "speech") == [(2.0, 3.5)]
    assert look(s).spoken == pytest.approx(1.5)


def test_speech_that_never_ends_goes_to_the_end(s):
    s.received(2.0, "input_audio_buffer.speech_started", item_id="u")
    s.note(5.0, "closed", code=1000)
    assert spans(s, "speech") == [(2.0, 5.0)]


def test_sound_in_time_is_not_late(s):
    s.answer(s.typed(1.0, "Hi."), "Good day.", seconds=2.0, slices=10)
    assert spans(s, "late", "quiet") == []
    assert look(s).answered == pytest.approx(2.0)


@pytest.mark.parametrize(("missing", "found"), [(LATE / 2, 0), (LATE * 1.5, 1)])
def test_sound_is_late_when_nothing_is_left_to_play(missing, found, s):
    # 0.5 s of sound, and the rest comes 0.1 s + late after it.
    s.answer(1.0, "Good day.", audio=0.5, seconds=1.0, slices=2, late=0.4 + missing)
    (late,) = spans(s, "late") or [None]
    assert late == ((2.0, round(2.0 + missing, 2)) if found else None)


@pytest.mark.parametrize(("wait", "found"), [(QUIET - 0.1, 0), (QUIET + 0.2, 1)])
def test_the_line_is_quiet_when_an_answer_does_not_come(wait, found, s):
    s.answer(1.0, "Good day.", text=0.06 + wait, audio=0.1 + wait, heard=None)
    assert len(spans(s, "quiet")) == found


def test_a_pause_between_answers_is_no_quiet_line(s):
    s.answer(1.0, "Good day.", seconds=0.5)
    s.answer(60.0, "Good night.", seconds=0.5)
    assert spans(s, "quiet", "late") == []


def test_a_reconnection(s):
    s.note(3.0, "lost", why="no route to host")
    s.note(4.5, "reconnected")
    (lost,) = look(s).spans_of("lost")
    assert (lost.start, lost.end, lost.words) == (3.0, 4.5, "no connection: no route to host")


def test_a_connection_that_stays_lost(s):
    s.note(3.0, "lost", why="")
    s.note(4.0, "closed", code=1006)
    assert spans(s, "lost") == [(3.0, 4.0)]


def test_moments(s):
    s.note(1.0, "underrun", ms=180)
    s.note(2.0, "device_lost", device="USB")
    s.note(3.0, "device_back", device="USB")
    s.note(4.0, "cut", item_id="i", heard_ms=1500)
    s.received(5.0, "error", error={"code": "invalid_value", "message": "no"})
    s.received(6.0, "response.backchannel.audio.delta", backchannel_id="b", delta="")
    s.received(6.1, "response.backchannel.audio.delta", backchannel_id="b", delta="")
    assert [(m.kind, m.at, m.words) for m in look(s).marks] == [
        ("underrun", 1.0, "nothing to play for 180 ms"),
        ("device", 2.0, "a sound device went away"),
        ("device", 3.0, "a sound device is back"),
        ("cut", 4.0, "the user cut in, after 1.5 s of the answer"),
        ("error", 5.0, "the server complained: invalid_value"),
        ("aside", 6.0, "a word put in while the user spoke"),
    ]


def test_the_servers_milliseconds_count_sent_sound_wherever_it_is():
    place = Place()
    place.sent(1.0, 0.5)
    place.sent(1.2, 0.5)  # faster than it is spoken: laid behind it
    place.sent(10.0, 1.0)  # after a pause, in which nothing was sent
    assert place.of(0, 0.0) == pytest.approx(1.0)
    assert place.of(900, 0.0) == pytest.approx(1.9)
    assert place.of(1500, 0.0) == pytest.approx(10.5)
    assert place.of(99999, 7.0) == 7.0  # more than was sent: as told
    assert place.of(None, 7.0) == 7.0


def test_a_new_session_counts_from_zero_again():
    place = Place()
    place.sent(1.0, 0.5)
    place.restart()
    assert place.of(0, 7.0) == 7.0
    place.sent(5.0, 1.0)
    assert place.of(500, 0.0) == pytest.approx(5.5)
