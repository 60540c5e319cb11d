"""One answer as it is made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.answer import Answer, heard
from inworld_rt.events import (
    AudioDelta,
    ContentPartDone,
    Event,
    Ping,
    ResponseDone,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
)
from inworld_rt.items import AudioPart, FunctionCall, Item, Message, TextPart
from inworld_rt.outcome import ResponseState, StatusDetails, Usage
from inworld_rt.pcm import AudioFormat


def spoken(text: str, **where: Any) -> TranscriptDelta:
    return TranscriptDelta(delta=text, item_id="a", content_index=0, **where)


def made(*events: Event) -> Answer:
    answer = Answer()
    answer.begin("r", AudioFormat())
    for event in events:
        answer.words.take(event)
    return answer


class TestWords:
    def test_are_collected(self) -> None:
        assert made(spoken("Hel"), spoken("lo")).text == "Hello"

    def test_of_the_second_family_are_ignored(self) -> None:
        both = made(spoken("Hel"), TextDelta(delta="Hel", item_id="a"), spoken("lo"))
        assert both.text == "Hello"
        other = made(TextDelta(delta="Hi", item_id="a"), spoken("Hello"))
        assert other.text == "Hi"
        other.words.take(TranscriptDone(transcript="Hello", item_id="a"))
        assert other.text == "Hi"

    @pytest.mark.parametrize(
        "final",
        [
            TranscriptDone(transcript="Hullo", item_id="a", content_index=0),
            ContentPartDone(part=AudioPart(transcript="Hullo"), item_id="a", content_index=0),
            TranscriptDone(transcript="Hullo", item_id="a"),
            TranscriptDone(transcript="Hullo"),
        ],
    )
    def test_are_replaced_by_the_final_ones(self, final: Event) -> None:
        answer = made(spoken("Hel"))
        assert answer.words.take(final) == ""
        assert answer.text == "Hullo"

    def test_in_the_text_family_too(self) -> None:
        answer = made(TextDelta(delta="Hel", item_id="a"))
        assert answer.words.take(TextDone(text="Hello", item_id="a", content_index=0)) == "lo"
        assert answer.words.take(ContentPartDone(part=TextPart(text="Hello"), item_id="a")) == ""
        assert answer.text == "Hello"

    def test_belong_together_though_the_item_is_named_late(self) -> None:
        answer = made(TranscriptDelta(delta="Hel"), spoken("lo"))
        answer.words.take(TranscriptDelta(delta="!"))
        assert answer.text == "Hello!"

    def test_an_empty_final_text_replaces_nothing(self) -> None:
        answer = made(spoken("Hello"))
        for event in (TranscriptDone(item_id="a"), ContentPartDone(item_id="a"), Ping()):
            assert answer.words.take(event) == ""
        assert answer.text == "Hello"

    def test_of_several_parts_are_kept_apart(self) -> None:
        answer = made(spoken("One."))
        assert answer.words.take(TranscriptDelta(delta="Two.", item_id="b")) == " Two."
        assert answer.text == "One. Two."

    def test_that_only_the_last_event_has(self) -> None:
        answer = made()
        item = Message(id="a", role="assistant", content=[AudioPart(transcript="All of it")])
        state = ResponseState(status="completed", output=[item])
        assert answer.finish(ResponseDone(response=state)) == "All of it"
        assert answer.text == "All of it"

    @given(
        st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=4)), max_size=12),
        st.booleans(),
    )
    def test_the_pieces_make_the_text(self, deltas: list[tuple[str, str]], finals: bool) -> None:
        deltas.sort(key=lambda delta: delta[0])  # parts follow one another
        answer = made()
        pieces = [
            answer.words.take(TranscriptDelta(delta=words, item_id=item)) for item, words in deltas
        ]
        if finals:
            for item in ("a", "b"):
                whole = "".join(words for where, words in deltas if where == item)
                pieces.append(answer.words.take(TranscriptDone(transcript=whole, item_id=item)))
        assert "".join(pieces) == answer.text


class TestSound:
    def test_of_odd_sizes_is_cut_at_samples(self) -> None:
        answer = made()
        pieces = [answer.sound(AudioDelta(audio=b, item_id="a")) for b in (b"abc", b"", b"d", b"e")]
        assert pieces == [b"ab", b"", b"cd", b""]
        assert answer.received == 4

    def test_of_the_next_item_does_not_start_with_the_rest_of_the_last(self) -> None:
        answer = made()
        answer.sound(AudioDelta(audio=b"abc", item_id="a"))
        assert answer.sound(AudioDelta(audio=b"xy", item_id="b")) == b"xy"

    @given(st.lists(st.binary(max_size=9)), st.sampled_from(["audio/pcm", "audio/pcmu"]))
    def test_loses_nothing(self, slices: list[bytes], kind: str) -> None:
        answer = Answer()
        answer.begin("r", AudioFormat(kind))
        whole = b"".join(answer.sound(AudioDelta(audio=piece)) for piece in slices)
        sent = b"".join(slices)
        assert (
            whole
            == sent[: len(sent) // answer.format.bytes_per_frame * answer.format.bytes_per_frame]
        )


class TestEnd:
    @pytest.mark.parametrize("status", [None, "in_progress", "waiting"])
    def test_done_is_done(self, status: str | None) -> None:
        answer = made()
        answer.finish(ResponseDone(response=ResponseState(status=status)))
        assert answer.status == "completed" and answer.finished

    def test_without_a_response_object(self) -> None:
        answer = made()
        answer.finish(ResponseDone())
        assert answer.status == "completed"

    @pytest.mark.parametrize("inside", [True, False])
    def test_usage_is_found_in_both_places(self, inside: bool) -> None:
        usage = Usage(total_tokens=5)
        state = ResponseState(status="completed", usage=usage if inside else None)
        answer = made()
        answer.finish(ResponseDone(response=state, usage=None if inside else usage))
        assert answer.usage == usage

    def test_items_of_the_end_replace_those_collected(self) -> None:
        answer = made()
        answer.add_item(FunctionCall(id="f", call_id="c", name="old"))
        answer.add_item(FunctionCall(id="f", call_id="c", name="new"))
        answer.add_item(None)
        assert [call.name for call in answer.calls] == ["new"]
        final: list[Item] = [FunctionCall(id="f", call_id="c", name="final")]
        answer.finish(ResponseDone(response=ResponseState(status="completed", output=final)))
        assert [call.name for call in answer.calls] == ["final"]

    def test_reset_forgets_all(self) -> None:
        answer = made(spoken("Hello"))
        answer.sound(AudioDelta(audio=b"abc"))
        details = StatusDetails(reason="turn_detected")
        answer.finish(
            ResponseDone(response=ResponseState(status="cancelled", status_details=details))
        )
        answer.reset()
        assert (answer.text, answer.received, answer.status, answer.details) == (
            "",
            0,
            "waiting",
            None,
        )
        assert answer.sound(AudioDelta(audio=b"xy")) == b"xy"


class TestHeard:
    @pytest.mark.parametrize(
        ("text", "share", "expected"),
        [
            ("one two three", 0.0, ""),
            ("one two three", 0.5, "one"),
            ("one two three", 0.62, "one two"),
            ("one two three", 1.0, "one two three"),
            ("one two three", 7.0, "one two three"),
            ("one\ntwo", 0.6, "one"),
            ("unbroken", 0.5, ""),
            ("今日はいい天気です", 0.5, "今日はい"),
            ("", 0.5, ""),
        ],
    )
    def test_ends_at_a_word(self, text: str, share: float, expected: str) -> None:
        assert heard(text, share * 1000, 1000) == expected

    @given(st.text(), st.floats(0, 2000), st.floats(0, 2000))
    def test_is_a_beginning_that_grows(self, text: str, one: float, other: float) -> None:
        shorter, longer = sorted((one, other))
        first, second = heard(text, shorter, 1000), heard(text, longer, 1000)
        assert text.startswith(first) and second.startswith(first)

    def test_of_no_sound_is_all(self) -> None:
        assert heard("text", 0, 0) == "text"
