"""Who said what, and how long the answers took."""

from __future__ import annotations

import pytest

from inworld_rt.latency import Latency
from inworld_rt.report.model import Timeline, Turn
from inworld_rt.report.timeline import read


def timeline(story, **options) -> Timeline:
    entries = sorted(story.entries, key=lambda entry: entry.t)
    return read(story.header, entries, **options)


def turns(story) -> tuple[Turn, ...]:
    return timeline(story).turns


def is_about(latency: Latency, **wanted: float | None) -> None:
    for name in Latency.__slots__:
        if not name.startswith("__"):
            value = wanted.get(name)
            assert getattr(latency, name) == (value if value is None else pytest.approx(value))


def test_a_spoken_turn_counts_from_the_end_of_speech(story):
    s = story()
    s.begin()
    over = s.speech(1.0, 1.5, "What is a whale?", known=0.15)
    s.answer(over, "A mammal.", text=0.4, audio=0.6, heard=0.65, seconds=1.2, slices=4)
    s.end(6.0)
    (turn,) = turns(s)
    assert (turn.number, turn.asked) == (1, "spoken")
    assert (turn.user, turn.answer) == ("What is a whale?", "A mammal.")
    assert turn.start == pytest.approx(1.0, abs=0.01)  # where the speech is, not its event
    assert turn.base == pytest.approx(over)
    is_about(
        turn.stages, transcript=0.15, first_text=0.4, first_audio=0.6, first_heard=0.65, total=0.95
    )
    assert turn.wait == pytest.approx(0.65)
    assert turn.end == pytest.approx(over + 0.65 + 1.2)
    assert (turn.cut, turn.heard, turn.problem) == (False, None, "")


def test_a_typed_turn_counts_from_the_request(story):
    s = story()
    s.begin()
    over = s.typed(1.0, "Hello.")
    s.answer(over, "Hello!", text=0.3, audio=0.5, heard=None, seconds=0.4, slices=1)
    (turn,) = turns(s)
    assert (turn.asked, turn.user, turn.base) == ("typed", "Hello.", pytest.approx(1.001))
    is_about(turn.stages, first_text=0.299, first_audio=0.499, total=0.549)
    assert turn.wait == pytest.approx(0.499)


def test_without_sound_the_first_word_counts(story):
    s = story()
    s.begin()
    s.answer(s.typed(1.0, "Hello."), "Hello!", text=0.3, heard=None, seconds=0)
    assert turns(s)[0].wait == pytest.approx(0.299)


def test_push_to_talk_counts_from_the_release(story):
    s = story()
    s.begin()
    s._sent_until = 2.0
    s.listen(3.5)
    s.sent(3.52, "input_audio_buffer.commit")
    s.sent(3.521, "response.create")
    s.received(3.55, "input_audio_buffer.committed", item_id="u")
    name = "conversation.item.input_audio_transcription.completed"
    s.received(3.7, name, item_id="u", transcript="Now!")
    s.answer(3.52, "Yes.", seconds=0.3)
    (turn,) = turns(s)
    assert (turn.asked, turn.user) == ("spoken", "Now!")
    assert turn.start == pytest.approx(2.0)  # where its sound begins
    assert turn.base == pytest.approx(3.52)
    assert turn.stages.transcript == pytest.approx(0.18)


def test_a_recording_that_was_sent_at_once_is_over_when_it_was_sent(story):
    s = story()
    s.begin()
    s.sent(1.0, "input_audio_buffer.append", audio=s._sound("sent.raw", 2.0))
    s.received(1.8, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=100)
    s.received(1.9, "input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=1900)
    s.answer(1.9, "Yes.", text=0.4, seconds=0.3)
    (turn,) = turns(s)
    assert turn.start == pytest.approx(1.1)
    assert turn.base == pytest.approx(1.0)
    assert turn.stages.first_text == pytest.approx(1.3)


def test_a_greeting_is_a_turn_that_nobody_asked_for(story):
    s = story()
    s.begin()
    s.answer(1.0, "Good day.", seconds=0.5)
    s.answer(s.typed(5.0, "Hello."), "Hello again.")
    greeting, second = turns(s)
    assert (greeting.asked, greeting.user, greeting.answer) == ("", "", "Good day.")
    assert (second.asked, second.answer) == ("typed", "Hello again.")


def test_what_follows_a_tool_belongs_to_the_same_turn(story):
    s = story()
    s.begin()
    over = s.speech(1.0, 1.0, "Weather?")
    result = s.call(over, "weather", '{"city": "Oslo"}', 1.8, "rain")
    s.answer(result, "It rains.", text=0.4)
    (turn,) = turns(s)
    (tool,) = turn.tools
    assert (tool.name, tool.arguments, tool.output) == ("weather", '{"city": "Oslo"}', "rain")
    assert (tool.seconds, tool.turn) == (pytest.approx(1.8), 1)
    assert turn.answer == "It rains."
    assert turn.stages.first_text == pytest.approx(0.25 + 1.8 + 0.4)


def test_a_tool_without_a_result(story):
    s = story()
    s.begin()
    s.call(s.typed(1.0, "Weather?"), "weather", "", 1.0, "rain")
    s.entries.pop()
    (tool,) = turns(s)[0].tools
    assert (tool.end, tool.seconds, tool.output) == (None, None, "")


def test_a_tool_of_a_server_of_its_own(story):
    """MCP: the service runs it; its end is the server's word."""
    s = story()
    s.begin()
    s.typed(1.0, "Search.")
    s.received(1.1, "response.created", response={"id": "r"})
    item = {"id": "m", "type": "mcp_call", "name": "search", "arguments": "{}"}
    s.received(1.2, "response.output_item.added", response_id="r", item=item)
    s.received(1.3, "response.mcp_call.in_progress", item_id="m", output_index=0)
    s.received(2.0, "response.mcp_call.completed", item_id="m", output_index=0)
    done = {**item, "output": "found"}
    s.received(2.1, "response.output_item.done", response_id="r", item=done)
    (tool,) = turns(s)[0].tools
    assert (tool.name, tool.output) == ("search", "found")
    assert tool.seconds == pytest.approx(0.7)


def test_barge_in_tells_what_was_heard(eventful):
    turn = turns(eventful)[1]
    assert turn.cut
    assert turn.heard == "A whale is a mammal that lives in the sea. It breathes"
    assert turn.unheard.startswith(" air, and the largest")
    assert turn.heard + turn.unheard == turn.answer
    assert turn.end == pytest.approx(7.1 + 0.62 + 3.68)  # then the next turn has begun
    assert turns(eventful)[2].start < turn.end


def test_a_cancelled_answer_is_cut_though_nobody_knows_what_was_heard(story):
    s = story()
    s.begin()
    s.answer(s.typed(1.0, "Hello."), "Good", heard=None, seconds=0.2, status="cancelled")
    (turn,) = turns(s)
    assert (turn.cut, turn.heard, turn.unheard, turn.problem) == (True, None, "", "")


@pytest.mark.parametrize(
    ("status", "details", "problem"),
    [
        ("failed", {"error": {"code": "rate_limit"}}, "the answer failed: rate_limit"),
        ("failed", None, "the answer failed"),
        (
            "incomplete",
            {"reason": "max_output_tokens"},
            "the answer is incomplete: max_output_tokens",
        ),
    ],
)
def test_an_answer_that_is_not_whole(status, details, problem, story):
    s = story()
    s.begin()
    s.answer(s.typed(1.0, "Hello."), "Good", status=status, status_details=details)
    assert turns(s)[0].problem == problem


def test_a_lost_connection_ends_the_answer(story):
    s = story()
    s.begin()
    s.typed(1.0, "Hello.")
    s.received(1.2, "response.created", response={"id": "r"})
    s.note(2.0, "lost", why="gone")
    assert turns(s)[0].problem == "the answer failed: connection lost"


def test_no_answer_at_all(story):
    s = story()
    s.begin()
    s.typed(1.0, "Hello?")
    (turn,) = turns(s)
    assert (turn.problem, turn.base, turn.stages) == ("no answer", None, Latency())


def test_a_recording_cut_in_the_midst(story):
    s = story()
    s.begin()
    s.answer(s.typed(1.0, "Hello."), "A long story that does not end.")
    s.entries = [entry for entry in s.entries if entry.t < 1.6]
    told = timeline(s, complete=False)
    assert told.turns[0].problem == "the recording ends before the answer does"
    assert told.turns[0].answer.startswith("A long")
    assert told.turns[0].stages.total is None


def test_rolling_and_growing_transcripts(story):
    s = story()
    s.begin()
    s.received(1.0, "input_audio_buffer.speech_started", item_id="u")
    name = "conversation.item.input_audio_transcription.delta"
    for delta in ("What", "What is", " a whale?"):
        s.received(1.1, name, item_id="u", delta=delta)
    assert turns(s)[0].user == "What is a whale?"


def test_the_same_words_in_both_families_count_once(story):
    s = story()
    s.begin()
    over = s.typed(1.0, "Hello.")
    s.answer(over, "Good day to you.")
    for entry in list(s.entries):
        if entry.type == "response.output_audio_transcript.delta":
            s.entries.append(
                entry._replace(event={**entry.event, "type": "response.output_text.delta"})
            )
    assert turns(s)[0].answer == "Good day to you."


def test_words_that_steer_the_voice_are_not_shown(story):
    s = story()
    s.begin()
    s.answer(s.typed(1.0, "Hello."), "[laugh] Good day.")
    assert turns(s)[0].answer == "Good day."


def test_late_words_find_their_turn(story):
    """A recogniser may be later than the answer."""
    s = story()
    s.begin()
    over = s.speech(1.0, 1.0, "One.", known=3.0)
    s.answer(over, "First.", seconds=0.5)
    over = s.speech(4.5, 1.0, "Two.")
    s.answer(over, "Second.", seconds=0.5)
    told = turns(s)
    assert [(turn.user, turn.answer) for turn in told] == [("One.", "First."), ("Two.", "Second.")]
    assert told[0].stages.transcript == pytest.approx(3.0)


def test_usage_is_summed_and_late_copies_count_once(story):
    s = story()
    s.begin()
    s.answer(s.typed(1.0, "a"), "One.")
    s.answer(s.typed(9.0, "b"), "Two.")
    s.entries.append(next(e for e in s.entries if e.type == "response.done")._replace(t=20.0))
    told = timeline(s)
    assert told.responses == 2
    assert told.usage is not None and told.usage.total_tokens == 600
    assert told.usage.input_token_details.cached_tokens == 80
