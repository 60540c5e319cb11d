"""What both sides agreed on: events in, orders out."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt import wire
from inworld_rt.answer import Answer
from inworld_rt.config import SessionConfig, TurnDetection
from inworld_rt.events import (
    Event,
    InputAudioCommit,
    InputAudioCommitted,
    ItemCreate,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
    SessionUpdated,
)
from inworld_rt.items import AudioPart, InputText, Message
from inworld_rt.outcome import ErrorDetails
from inworld_rt.pcm import AudioFormat
from inworld_rt.request import Expectation, Order, Orders, Request, server_error
from inworld_rt.session import Session
from inworld_rt.workers import Inbox

BUSY = "conversation_already_has_active_response"
numbers = iter(range(10**9))


class Table:
    """A session, and what was ordered so far."""

    def __init__(self) -> None:
        self.session = Session()
        self.orders: list[Order] = []

    def take(self, orders: Orders) -> list[str]:
        self.orders += orders
        return [order.do for order in orders]

    def server(self, kind: str, **fields: Any) -> list[str]:
        return self.take(self.session.receive(wire.decode(json.dumps({"type": kind, **fields}))))

    def created(self, name: str | None = "r", **fields: Any) -> list[str]:
        state = {"id": name, "status": "in_progress", **fields}
        return self.server("response.created", response=state)

    def words(self, name: str | None, text: str, item: str | None = "i") -> list[str]:
        where = {"response_id": name, "item_id": item}
        return self.server("response.output_audio_transcript.delta", delta=text, **where)

    def sound(self, name: str | None, data: bytes = b"abcd", item: str = "i") -> list[str]:
        where = {"response_id": name, "item_id": item, "delta": b64encode(data).decode()}
        return self.server("response.output_audio.delta", **where)

    def done(self, name: str | None = "r", status: str = "completed", **fields: Any) -> list[str]:
        return self.server("response.done", response={"id": name, "status": status, **fields})

    def cut(self, name: str = "r") -> list[str]:
        reason = {"type": "cancelled", "reason": "turn_detected"}
        return self.done(name, "cancelled", status_details=reason)

    def error(self, event: Event | None = None, **fields: Any) -> list[str]:
        details = {"type": "invalid_request_error", "message": "no", **fields}
        return self.server("error", error={**details, "event_id": event and event.event_id})

    def ask(self, *, item: bool = True) -> Request:
        events: list[Event] = []
        if item:
            message = Message(role="user", content=[InputText(text="x")])
            events.append(ItemCreate(item=message, event_id=f"i{next(numbers)}"))
        events.append(ResponseCreate(event_id=f"c{next(numbers)}"))
        request = Request(Answer(owner=object()), tuple(events))
        self.take(self.session.ask(request))
        return request

    def speak(self, end_ms: float = 1000) -> Request:
        request = Request(Answer(owner=object()), owner=Inbox[Any](), speech_end_ms=end_ms)
        self.take(self.session.ask(request))
        return request

    def of(self, answer: Answer) -> list[str]:
        return [order.do for order in self.orders if order.subject is answer]

    @property
    def sent(self) -> list[Event]:
        return [order.subject for order in self.orders if order.do == "send"]


@pytest.fixture
def table() -> Table:
    return Table()


class TestTurns:
    def test_a_request_is_sent_and_its_answer_goes_by(self, table: Table) -> None:
        request = table.ask()
        assert table.sent == list(request.events)
        assert table.created() == ["began"]
        assert table.words("r", "Hello") == ["text"]
        assert table.sound("r") == ["audio"]
        assert table.done() == ["ended"]
        assert table.of(request.answer) == ["began", "text", "audio", "ended"]
        assert request.answer.status == "completed"
        assert table.session.live is None and table.session.current is None

    def test_a_second_request_waits_for_the_first_answer(self, table: Table) -> None:
        first, second = table.ask(), table.ask()
        assert table.sent == list(first.events)
        table.created("one")
        assert table.done("one") == ["ended", "send", "send", "granted"]
        assert table.sent == [*first.events, *second.events]
        table.created("two")
        table.words("two", "Hi")
        assert (first.answer.text, second.answer.text) == ("", "Hi")

    def test_requests_wait_for_an_answer_that_the_server_began(self, table: Table) -> None:
        table.created("server's")
        request = table.ask()
        assert table.sent == []
        assert request.answer.status == "waiting"
        table.done("server's")
        assert table.sent == list(request.events)

    def test_a_failed_answer_lets_the_next_go(self, table: Table) -> None:
        first, second = table.ask(), table.ask()
        table.created()
        table.done(status="failed", status_details={"reason": "server_error"})
        assert first.answer.status == "failed"
        assert table.sent[-2:] == list(second.events)

    def test_deltas_are_fenced_by_the_answers_id(self, table: Table) -> None:
        first, second = table.ask(), table.ask()
        table.created("one")
        table.done("one", "cancelled")
        table.created("two")
        assert table.words("one", "late") == table.sound("one") == []
        table.words("two", "new")
        assert (first.answer.text, second.answer.text) == ("", "new")

    def test_late_deltas_between_two_answers_begin_nothing(self, table: Table) -> None:
        table.ask()
        second = table.ask()
        table.created("one")
        table.done("one", "cancelled")
        assert table.words("one", "late") == table.sound("one") == table.words(None, "late") == []
        assert second.answer.status == "waiting"

    def test_a_second_done_is_ignored(self, table: Table) -> None:
        request, other = table.ask(), table.ask()
        table.created()
        table.done()
        assert table.done() == table.done(status="failed") == []
        assert (request.answer.status, other.answer.status) == ("completed", "waiting")

    def test_done_of_a_stranger_is_ignored(self, table: Table) -> None:
        assert table.done("unheard of") == []
        table.created("r")
        assert table.done("unheard of") == []
        assert table.session.live is not None

    def test_an_answer_beside_another_goes_its_own_way(self, table: Table) -> None:
        request = table.ask()
        table.created("mine")
        table.created("server's")
        table.words("mine", "a")
        table.words("server's", "b")
        assert table.done("mine") == ["ended"]
        assert request.answer.text == "a"
        live = table.session.live
        assert live is not None and live.text == "b"
        following = table.ask()
        assert table.done("server's") == ["ended", "send", "send", "granted"]
        assert following.answer.status == "waiting"

    def test_a_response_id_that_comes_again(self, table: Table) -> None:
        for _ in range(2):
            request = table.ask()
            table.created("same")
            table.words("same", "x")
            table.done("same")
            assert (request.answer.status, request.answer.text) == ("completed", "x")

    def test_the_answers_own_format_counts(self, table: Table) -> None:
        request = table.ask()
        table.created(audio={"output": {"format": {"type": "audio/pcmu"}}})
        assert request.answer.format == AudioFormat("audio/pcmu")

    def test_words_that_only_the_end_has(self, table: Table) -> None:
        request = table.ask()
        table.created()
        content = [{"type": "output_text", "text": "All"}]
        item = {"type": "message", "id": "i", "role": "assistant", "content": content}
        assert table.done(output=[item]) == ["text", "ended"]
        assert request.answer.text == "All"
        assert str(table.session.conversation) == "assistant: All"


class TestSloppyServers:
    def test_without_response_created(self, table: Table) -> None:
        request = table.ask()
        assert table.words("r", "Hello") == ["began", "text"]
        assert table.done() == ["ended"]
        assert request.answer.text == "Hello"

    def test_without_response_created_unasked(self, table: Table) -> None:
        assert table.sound("r") == ["began", "audio"]
        assert table.done() == ["ended"]

    @pytest.mark.parametrize(
        "kind", ["output_item.added", "content_part.added", "function_call_arguments.done"]
    )
    def test_whose_answer_begins_with_a_part(self, table: Table, kind: str) -> None:
        table.ask()
        assert table.server(f"response.{kind}", response_id="r") == ["began"]
        assert table.done() == ["ended"]

    def test_with_nothing_but_an_end(self, table: Table) -> None:
        request = table.ask()
        assert table.done(status="failed") == ["began", "ended"]
        assert request.answer.status == "failed"

    def test_without_ids(self, table: Table) -> None:
        for _ in range(2):
            request = table.ask()
            table.created(None)
            table.created(None)
            table.words(None, "Hel", None)
            table.sound(None)
            assert table.done(None) == ["ended"]
            assert (request.answer.text, request.answer.received) == ("Hel", 4)

    def test_without_ids_and_response_created(self, table: Table) -> None:
        request = table.ask()
        assert table.words(None, "Hello", None) == ["began", "text"]
        assert table.done(None) == ["ended"]
        assert request.answer.text == "Hello"
        assert table.words(None, "late") == []

    def test_without_any_response_object(self, table: Table) -> None:
        request = table.ask()
        table.server("response.created")
        table.server("response.done")
        assert request.answer.status == "completed"

    def test_that_name_the_answer_late(self, table: Table) -> None:
        request = table.ask()
        table.created(None)
        table.words("r", "Hello")
        assert request.answer.id == "r"
        assert table.done("r") == ["ended"]

    def test_that_name_it_at_times(self, table: Table) -> None:
        request = table.ask()
        table.created("r")
        table.words(None, "Hello")
        table.sound(None)
        assert (request.answer.text, request.answer.received) == ("Hello", 4)

    def test_that_use_item_ids_again(self, table: Table) -> None:
        for name in ("one", "two"):
            table.ask()
            table.created(name)
            table.sound(name, b"ab" * 24, item="same")
            table.words(name, "one two three", item="same")
            table.done(name)
        content = [{"type": "output_audio", "transcript": "one two three"}]
        item = {"type": "message", "id": "same", "role": "assistant", "content": content}
        table.server("conversation.item.done", item=item)
        # Counted from the second answer's beginning: it lasts a millisecond in all.
        table.server("conversation.item.truncated", item_id="same", audio_end_ms=1)
        assert str(table.session.conversation) == "assistant: one two three"


class TestBusy:
    """The server answered speech by itself and refuses our ``response.create``."""

    def test_before_anything_began(self, table: Table) -> None:
        request = table.ask()
        create = request.events[-1]
        assert table.error(create, code=BUSY) == ["send", "granted"]
        assert table.sent[-1] == create
        table.created()
        assert table.done() == ["ended"]
        assert request.answer.status == "completed"

    @pytest.mark.parametrize("named", [True, False])
    def test_after_what_seemed_to_be_the_answer(self, table: Table, named: bool) -> None:
        request = table.ask()
        create = request.events[-1]
        table.created("server's")
        table.words("server's", "Not yours")
        assert table.error(create if named else None, code=BUSY) == ["began", "restarted"]
        assert (request.answer.status, request.answer.text) == ("waiting", "")
        other = table.session.live
        assert other is not None and other is not request.answer and other.id == "server's"
        assert other.text == "Not yours"
        assert table.words("server's", "!") == ["text"]
        assert table.done("server's") == ["ended", "send", "granted"]
        assert table.sent[-1] == create  # the item has arrived; only the answer is asked for
        table.created("mine")
        table.words("mine", "Yours")
        table.done("mine")
        assert (request.answer.status, request.answer.text) == ("completed", "Yours")
        assert other.status == "completed"
        assert table.of(request.answer) == ["began", "text", "restarted", "began", "text", "ended"]

    def test_keeps_its_place_in_the_queue(self, table: Table) -> None:
        first, second = table.ask(), table.ask()
        table.created("server's")
        table.error(first.events[-1], code=BUSY)
        table.done("server's")
        assert table.sent[-1] is first.events[-1]
        assert second.answer.status == "waiting"

    def test_is_tried_a_few_times_only(self, table: Table) -> None:
        request, other = table.ask(), table.ask()
        orders: list[str] = []
        for _ in range(20):
            orders = table.error(request.events[-1], code=BUSY)
            if "ended" in orders:
                break
        assert orders == ["ended", "send", "send", "granted"]
        creates = [event for event in table.sent if event is request.events[-1]]
        assert 1 < len(creates) < 10
        assert request.answer.status == "failed"
        assert table.session.current is other.answer

    def test_ends_one_that_was_cancelled_meanwhile(self, table: Table) -> None:
        request = table.ask()
        table.take(table.session.cancel(request.answer))
        assert table.error(request.events[-1], code=BUSY) == ["ended"]
        assert request.answer.status == "cancelled"
        assert table.session.current is None

    def test_of_somebody_else_is_ignored(self, table: Table) -> None:
        assert table.error(code=BUSY) == []
        request = table.ask()
        assert table.error(ResponseCreate(event_id="another"), code=BUSY) == []
        assert request.answer.status == "waiting"


class TestErrors:
    def test_are_matched_by_event_id(self, table: Table) -> None:
        request = table.ask()
        assert table.error(ResponseCreate(event_id="another")) == []
        assert table.error(request.events[-1], code="invalid_value") == ["ended"]
        assert request.answer.status == "failed"
        assert table.orders[-1].detail.code == "invalid_value"

    def test_without_an_id_end_who_waits(self, table: Table) -> None:
        request, other = table.ask(), table.ask()
        assert table.error() == ["ended", "send", "send", "granted"]
        assert (request.answer.status, other.answer.status) == ("failed", "waiting")

    @pytest.mark.parametrize(
        "about",
        [
            {"param": "session.audio.output.voice"},
            {"code": "input_audio_buffer_commit_empty"},
            {"code": "item_truncate_invalid_item_id"},
            {"param": "audio_end_ms"},
        ],
    )
    def test_without_an_id_about_other_things_end_nobody(
        self, table: Table, about: dict[str, Any]
    ) -> None:
        request = table.ask()
        assert table.error(**about) == []
        assert request.answer.status == "waiting"

    def test_about_speech_without_an_id_end_a_spoken_request(self, table: Table) -> None:
        request = table.speak()
        request.events = (InputAudioCommit(event_id="a"), ResponseCreate(event_id="b"))
        assert table.error(code="input_audio_buffer_commit_empty") == ["ended"]

    def test_without_an_id_leave_a_running_answer_alone(self, table: Table) -> None:
        request = table.ask()
        table.created()
        assert table.error(type="server_error") == []
        table.done(status="failed")
        assert request.answer.status == "failed"

    def test_with_an_empty_id_have_none(self, table: Table) -> None:
        request = table.ask()
        table.error(ResponseCreate(event_id=""))
        assert request.answer.status == "failed"

    def test_a_refused_item_ends_the_request_and_its_answer_is_unwanted(self, table: Table) -> None:
        request, following = table.ask(), table.ask()
        answer = request.answer
        assert table.error(request.events[0]) == ["ended"]
        assert answer.status == "failed"
        assert table.created("unwanted") == ["send"]
        assert table.sent[-1] == ResponseCancel(response_id="unwanted")
        table.done("unwanted", "cancelled")
        assert table.sent[-2:] == list(following.events)
        assert table.of(answer) == ["ended"]

    @pytest.mark.parametrize("code", ["", BUSY])
    def test_a_refused_item_whose_answer_is_refused_too(self, table: Table, code: str) -> None:
        request, following = table.ask(), table.ask()
        answer = request.answer
        table.error(request.events[0])
        table.error(request.events[1], code=code)
        assert table.sent[-2:] == list(following.events)
        assert table.of(answer) == ["ended"]

    def test_in_the_midst_of_the_answer_end_it(self, table: Table) -> None:
        request, following = table.ask(), table.ask()
        table.created()
        assert table.error(request.events[-1], type="server_error") == ["ended"]
        assert table.words("r", "late") == ["text"]  # of what is nobody's now
        assert table.of(request.answer) == ["began", "ended"]
        assert table.sent[-1] is request.events[-1]
        table.done()
        assert table.sent[-2:] == list(following.events)

    def test_cancel_that_came_too_late_is_harmless(self, table: Table) -> None:
        request = table.ask()
        assert table.error(code="response_cancel_not_active") == []
        assert request.answer.status == "waiting"

    def test_without_details(self, table: Table) -> None:
        assert table.server("error") == []
        assert table.server("error", error="plain words") == []

    def test_make_fresh_exceptions(self) -> None:
        details = ErrorDetails(type="t", message="no\n such   voice", code="c", param="p")
        one, other = server_error(details), server_error(details)
        assert one is not other
        assert (str(one), one.type, one.code, one.param) == (
            "no such voice (about p)",
            "t",
            "c",
            "p",
        )
        assert len(str(server_error(ErrorDetails(message="x" * 10**6)))) < 1000
        assert str(server_error(ErrorDetails()))


class TestSpeech:
    """A recording that the server's turn detection hears."""

    def test_is_granted_the_floor_and_answered(self, table: Table) -> None:
        request = table.speak()
        assert table.orders == [Order("granted", request)]
        table.created()
        assert table.done() == ["ended"]
        assert table.of(request.answer) == ["began", "ended"]

    def test_waits_for_its_turn(self, table: Table) -> None:
        table.ask()
        request = table.speak()
        assert "granted" not in [o.do for o in table.orders if o.subject is request]
        table.created()
        assert table.done() == ["ended", "granted"]

    @pytest.mark.parametrize("fields", [{"audio_start_ms": 500}, {}])
    def test_with_a_pause_in_it_is_answered_as_a_whole(
        self, table: Table, fields: dict[str, int]
    ) -> None:
        request = table.speak(1000)
        table.server("input_audio_buffer.speech_started", audio_start_ms=0)
        table.created("one")
        table.words("one", "Too early")
        table.server("input_audio_buffer.speech_started", **fields)
        assert table.cut("one") == ["restarted"]
        assert (request.answer.status, request.answer.text) == ("waiting", "")
        table.created("two")
        table.words("two", "Now")
        assert table.done("two") == ["ended"]
        assert (request.answer.status, request.answer.text) == ("completed", "Now")

    def test_a_real_interruption_ends_the_answer(self, table: Table) -> None:
        request = table.speak(1000)
        table.created("one")
        table.server("input_audio_buffer.speech_started", audio_start_ms=5000)
        assert table.cut("one") == ["ended"]
        assert request.answer.status == "cancelled"

    def test_an_answer_to_words_is_never_restarted(self, table: Table) -> None:
        request = table.ask()
        table.created("one")
        table.server("input_audio_buffer.speech_started")
        assert table.cut("one") == ["ended"]
        assert request.answer.status == "cancelled"

    def test_given_up_frees_the_floor(self, table: Table) -> None:
        request, following = table.speak(), table.ask()
        assert table.take(table.session.withdraw(request)) == ["ended", "send", "send", "granted"]
        assert table.take(table.session.withdraw(request)) == []
        assert table.session.current is following.answer

    def test_its_state_is_followed(self, table: Table) -> None:
        session = table.session
        assert session.phase == "idle"
        table.server("input_audio_buffer.speech_started")
        assert (session.phase, session.unfinished) == ("listening", True)
        table.server("input_audio_buffer.speech_stopped")
        assert (session.phase, session.unfinished) == ("thinking", True)
        table.server("input_audio_buffer.committed")
        assert (session.turns, session.unfinished) == (1, False)
        table.created()
        assert session.phase == "thinking"
        table.sound("r")
        assert session.phase == "speaking"
        table.done()
        table.server("input_audio_buffer.speech_started")
        table.server("input_audio_buffer.cleared")
        assert (session.phase, session.unfinished, session.speeches) == ("idle", False, 2)


SECOND = b"ab" * 24_000  # of sound


class TestBargeIn:
    """What was being played is over; the server is told how much of it was heard."""

    def speaking(self, table: Table, *, done: bool = False, sound: bytes = SECOND) -> Answer:
        request = table.ask()
        table.created()
        table.words("r", "one two three four")
        table.sound("r", sound)
        if done:
            table.done()
        table.orders.clear()
        return request.answer

    def interrupt(self, table: Table, *heard: Any, cancel: bool = False) -> list[Event]:
        before = len(table.sent)
        table.take(table.session.interrupt(heard, cancel=cancel))
        return table.sent[before:]

    def test_truncates_where_playback_stopped(self, table: Table) -> None:
        answer = self.speaking(table)
        sent = self.interrupt(table, (answer, "i", 500.9))
        assert sent == [ItemTruncate(item_id="i", audio_end_ms=500, event_id="cut-1")]
        assert answer.cut_ms == 500.9

    def test_asks_the_server_to_stop_where_it_does_not_by_itself(self, table: Table) -> None:
        answer = self.speaking(table)
        cancel, truncate = self.interrupt(table, (answer, "i", 500), cancel=True)
        assert isinstance(cancel, ResponseCancel) and cancel.response_id == "r"
        assert isinstance(truncate, ItemTruncate)

    def test_what_is_complete_is_only_cut(self, table: Table) -> None:
        answer = self.speaking(table, done=True)
        (cut,) = self.interrupt(table, (answer, "i", 500), cancel=True)
        assert isinstance(cut, ItemTruncate)

    def test_not_more_than_came_was_heard(self, table: Table) -> None:
        """A device may count a little more, by its resampling."""
        (cut,) = self.interrupt(table, (self.speaking(table), "i", 1003.0))
        assert isinstance(cut, ItemTruncate) and cut.audio_end_ms == 1000

    @pytest.mark.parametrize("heard", [0.0, 1000.0, 2000.0])
    def test_what_was_heard_not_at_all_or_to_its_end_is_not_cut(
        self, table: Table, heard: float
    ) -> None:
        answer = self.speaking(table, done=True)
        assert self.interrupt(table, (answer, "i", heard)) == []
        assert answer.cut_ms == min(heard, 1000)

    def test_once(self, table: Table) -> None:
        answer = self.speaking(table)
        assert self.interrupt(table, (answer, "i", 500))
        assert not self.interrupt(table, (answer, "i", 500))

    def test_what_still_comes_of_it_is_dropped(self, table: Table) -> None:
        answer = self.speaking(table)
        self.interrupt(table, (answer, "i", 500))
        assert table.sound("r") == [] and table.words("r", " five") == []
        table.cut()
        assert table.sound("r") == []
        assert (answer.text, answer.received) == ("one two three four", 48_000)
        assert answer.status == "cancelled"

    def test_the_next_answer_sounds(self, table: Table) -> None:
        self.interrupt(table, (self.speaking(table), "i", 500))
        table.cut()
        table.created("s")
        assert table.sound("s", item="j") == ["audio"]

    def test_an_answer_that_had_not_begun_to_sound_was_not_heard(self, table: Table) -> None:
        request = table.ask()
        table.created()
        table.words("r", "one")
        assert self.interrupt(table) == []
        assert request.answer.cut_ms == 0
        assert table.sound("r") == []

    def test_text_only_is_not_heard_but_read(self, table: Table) -> None:
        table.session.config = SessionConfig.of(output_modalities=["text"])
        request = table.ask()
        table.created()
        self.interrupt(table)
        assert request.answer.cut_ms is None

    def test_several_items_count_one_after_the_other(self, table: Table) -> None:
        answer = self.speaking(table)
        table.sound("r", SECOND, item="j")
        table.sound("r", SECOND, item="k")
        heard = ((answer, "i", 1000.0), (answer, "j", 250.0), (answer, "k", 0.0))
        sent = self.interrupt(table, *heard)
        assert answer.cut_ms == 1250
        assert [(e.item_id, e.audio_end_ms) for e in sent] == [("i", 1000), ("j", 250)]  # type: ignore[attr-defined]

    def test_the_conversation_keeps_what_was_heard(self, table: Table) -> None:
        """Whatever copies of the item still come, and whether or not the server cuts as well."""
        answer = self.speaking(table)
        content = [{"type": "output_audio", "transcript": "one two three four"}]
        item = {"type": "message", "id": "i", "role": "assistant", "content": content}
        table.server("conversation.item.added", item=item)
        self.interrupt(table, (answer, "i", 500))
        expected = "assistant: one two"
        assert str(table.session.conversation) == expected
        table.server("response.output_item.done", response_id="r", item=item)
        assert str(table.session.conversation) == expected
        table.server("conversation.item.truncated", item_id="i", audio_end_ms=500)
        assert str(table.session.conversation) == expected

    def test_it_learns_the_measure_of_the_server_from_a_refusal(self, table: Table) -> None:
        """mu-law: the server counts a third of the milliseconds (protocol: truncation)."""
        table.session.config = SessionConfig.of(output_format="g711_ulaw")
        answer = self.speaking(table, sound=bytes(8000 * 3))
        (cut,) = self.interrupt(table, (answer, "i", 2400))
        assert isinstance(cut, ItemTruncate) and cut.audio_end_ms == 2400
        table.orders.clear()
        table.error(cut, message="Audio content of 1000ms is already shorter than 2400ms")
        (again,) = table.sent
        assert again == ItemTruncate(item_id="i", audio_end_ms=800, event_id="cut-2")
        assert answer.cut_ms == 2400
        # And from then on it is right at once.
        table.cut()
        table.created("s")
        table.sound("s", bytes(8000 * 3), item="j")
        other = table.session.live
        (cut,) = self.interrupt(table, (other, "j", 1500))
        assert isinstance(cut, ItemTruncate) and cut.audio_end_ms == 500

    def test_a_refusal_without_an_id_is_understood(self, table: Table) -> None:
        self.interrupt(table, (self.speaking(table), "i", 500))
        table.orders.clear()
        table.error(message="Audio content of 400.0 ms is already shorter than 500 ms")
        assert [e.audio_end_ms for e in table.sent] == [200]  # type: ignore[attr-defined]

    def test_it_asks_again_only_once(self, table: Table) -> None:
        (cut,) = self.interrupt(table, (self.speaking(table), "i", 500))
        table.error(cut, message="Audio content of 100ms is already shorter than 500ms")
        table.orders.clear()
        table.error(cut, message="Audio content of 100ms is already shorter than 500ms")
        table.error(message="Audio content of 10ms is already shorter than 50ms")
        assert table.orders == []

    @pytest.mark.parametrize(
        "complaint",
        [{"code": "item_truncate_invalid_item_id"}, {"message": "Audio content of ms"}],
    )
    def test_other_refusals_are_put_up_with(self, table: Table, complaint: Any) -> None:
        """What was heard is known here all the same; no other request fails for it."""
        answer = self.speaking(table)
        waiting = table.ask()
        (cut,) = self.interrupt(table, (answer, "i", 500))
        table.orders.clear()
        table.error(cut, **complaint)
        assert table.orders == []
        assert waiting.answer.status != "failed"

    @given(st.floats(0, 5000), st.floats(0.1, 4))
    def test_law(self, heard: float, base: float) -> None:
        """However the server counts, it is never told of more than it has."""
        table = Table()
        answer = self.speaking(table)
        sent = self.interrupt(table, (answer, "i", heard))
        assert [True for e in sent if e.audio_end_ms > 1000] == []  # type: ignore[attr-defined]
        if sent:
            bound = int(1000 * base)
            table.orders.clear()
            table.error(sent[0], message=f"Audio content of {bound}ms is already shorter than 9ms")
            (again,) = table.sent
            assert again.audio_end_ms <= bound  # type: ignore[attr-defined]


class TestCancel:
    def test_while_it_waits_for_the_floor(self, table: Table) -> None:
        first, second, third = table.ask(), table.ask(), table.ask()
        assert table.take(table.session.cancel(second.answer)) == ["ended"]
        assert second.answer.status == "cancelled"
        table.created()
        table.done()
        assert table.session.current is third.answer
        assert first.answer.status == "completed"

    def test_on_its_way(self, table: Table) -> None:
        request = table.ask()
        assert table.take(table.session.cancel(request.answer)) == []
        assert table.created("r") == ["send"]
        assert table.sent[-1] == ResponseCancel(response_id="r")
        assert table.done(status="cancelled") == ["ended"]
        assert request.answer.status == "cancelled"

    def test_while_it_is_made(self, table: Table) -> None:
        request = table.ask()
        table.created("r")
        assert table.take(table.session.cancel(request.answer)) == ["send"]
        assert table.sent[-1] == ResponseCancel(response_id="r")

    def test_when_it_is_over(self, table: Table) -> None:
        request = table.ask()
        table.created()
        table.done()
        assert table.take(table.session.cancel(request.answer)) == []

    def test_while_its_speech_is_sent(self, table: Table) -> None:
        request, following = table.speak(), table.ask()
        orders = table.take(table.session.cancel(request.answer))
        assert orders == ["ended", "send", "send", "granted"]
        assert table.session.current is following.answer

    def test_of_an_answer_beside_another(self, table: Table) -> None:
        request = table.ask()
        table.created("mine")
        table.created("server's")
        table.take(table.session.cancel(request.answer))
        assert table.sent[-1] == ResponseCancel(response_id="mine")


class TestExpectations:
    def expect(self, table: Table, name: str, about: tuple[str, ...] = ("session",)) -> Expectation:
        expectation = Expectation(
            name, lambda event: isinstance(event, SessionUpdated), about, owner=name
        )
        table.session.expect(expectation)
        return expectation

    def test_are_met_once_and_in_order(self, table: Table) -> None:
        first, second = self.expect(table, "a"), self.expect(table, "b")
        for expected in (first, second):
            assert table.server("session.updated", session={}) == ["met"]
            assert table.orders[-1].subject is expected
        assert table.server("session.updated", session={}) == []

    def test_are_met_when_the_state_has_changed(self, table: Table) -> None:
        seen: list[Any] = []

        def accept(event: Event) -> bool:
            seen.append(table.session.config.model)
            return True

        table.session.expect(Expectation("a", accept))
        table.server("session.updated", session={"model": "a/b"})
        assert seen == ["a/b"]

    def test_fail_by_id_not_by_place(self, table: Table) -> None:
        self.expect(table, "a")
        second = self.expect(table, "b")
        table.error(ResponseCreate(event_id="b"))
        assert table.orders[-1].do == "failed" and table.orders[-1].subject is second

    def test_fail_by_what_the_error_is_about(self, table: Table) -> None:
        first = self.expect(table, "a", ("item",))
        assert table.error(param="session.voice") == []
        assert table.error(code="item_delete_invalid_item_id") == ["failed"]
        assert table.orders[-1].subject is first

    def test_forgotten_ones_are_not_met(self, table: Table) -> None:
        expectation = self.expect(table, "a")
        table.session.expect(expectation)  # twice is once
        table.session.forget(expectation)
        table.session.forget(expectation)
        assert table.server("session.updated", session={}) == []

    def test_all_who_wait_are_named_at_the_end(self, table: Table) -> None:
        self.expect(table, "a")
        live, waiting = table.ask(), table.ask()
        spoken = table.speak()
        table.created("one")
        table.created("server's")
        other = table.session.live
        lost, owners = table.session.abandon()
        assert Counter(map(id, lost)) == Counter(
            map(id, [live.answer, other, waiting.answer, spoken.answer])
        )
        assert {answer.status for answer in lost} == {"lost"}
        assert owners == [spoken.owner, "a"]
        assert table.session.abandon() == ([], [])


class TestSettings:
    def test_are_laid_over_each_other(self, table: Table) -> None:
        audio = {"output": {"voice": "Clive", "speed": 1.2}, "input": {"turn_detection": None}}
        table.server("session.created", session={"model": "a/b", "audio": audio})
        table.server("session.updated", session={"audio": {"output": {"voice": "Sarah"}}})
        config = table.session.config
        assert (config.model, config.audio.output.voice) == ("a/b", "Sarah")
        assert config.audio.output.speed == 1.2
        assert table.session.turn_detection is None

    def test_untold_ones_have_sensible_values(self, table: Table) -> None:
        session = table.session
        for kind in ("session.created", "session.updated"):
            table.server(kind)
            table.server(kind, session={"audio": None})
        assert session.input_format == session.output_format == AudioFormat()
        assert session.turn_detection == TurnDetection(type="semantic_vad")

    def test_formats_are_read(self, table: Table) -> None:
        audio = {"input": {"format": "g711_ulaw"}, "output": {"format": {"type": "audio/pcma"}}}
        table.server("session.updated", session={"audio": audio})
        assert table.session.input_format == AudioFormat("audio/pcmu")
        assert table.session.output_format == AudioFormat("audio/pcma")


class TestUserTranscript:
    PREFIX = "conversation.item.input_audio_transcription"

    def said(self, table: Table, *deltas: str) -> str:
        for delta in deltas:
            table.server(f"{self.PREFIX}.delta", item_id="u", delta=delta)
        return table.session.conversation.transcript("u")

    def test_of_increments(self, table: Table) -> None:
        assert self.said(table, "what", " is", " up") == "what is up"

    def test_of_whole_readings(self, table: Table) -> None:
        assert self.said(table, "what", "what is", "what is up") == "what is up"

    def test_of_a_recogniser_known_to_rewrite(self, table: Table) -> None:
        transcription = {"model": "inworld/inworld-stt-1"}
        settings = {"audio": {"input": {"transcription": transcription}}}
        table.server("session.updated", session=settings)
        assert self.said(table, "watt", "what is") == "what is"

    def test_the_last_reading_replaces(self, table: Table) -> None:
        self.said(table, "watt")
        for final in ("what", "what is up"):
            table.server(f"{self.PREFIX}.completed", item_id="u", transcript=final)
            assert table.session.conversation.transcript("u") == final
        table.server(f"{self.PREFIX}.updated", item_id="u", transcript="What?")
        assert str(table.session.conversation) == "user: What?"

    def test_without_an_item_is_left_out(self, table: Table) -> None:
        table.server(f"{self.PREFIX}.delta", delta="what")
        assert len(table.session.conversation) == 0


class TestItems:
    def test_are_mirrored(self, table: Table) -> None:
        for name, previous in (("a", None), ("c", "a"), ("b", "a")):
            item = {"type": "message", "id": name, "role": "user", "content": []}
            table.server("conversation.item.created", item=item, previous_item_id=previous)
        assert [item.id for item in table.session.conversation] == ["a", "b", "c"]
        table.server("conversation.item.deleted", item_id="b")
        assert [item.id for item in table.session.conversation] == ["a", "c"]

    def test_are_truncated_with_what_was_heard(self, table: Table) -> None:
        request = table.ask()
        table.created()
        table.sound("r", b"ab" * 24_000)
        table.words("r", "one two three")
        content = [{"type": "output_audio", "transcript": "one two three"}]
        item = {"type": "message", "id": "i", "role": "assistant", "content": content}
        table.server("response.output_item.done", response_id="r", item=item)
        table.done()
        table.server("conversation.item.truncated", item_id="i", audio_end_ms=620)
        table.server("conversation.item.truncated", item_id="unknown", audio_end_ms=620)
        assert str(table.session.conversation) == "assistant: one two"
        assert request.answer.cut_ms == 620
        assert request.answer.items == [
            Message(id="i", role="assistant", content=[AudioPart(transcript="one two three")])
        ]


class TestMemory:
    def test_a_long_day_leaves_little_behind(self, table: Table) -> None:
        for n in range(2000):
            table.created(f"r{n}")
            table.sound(f"r{n}", item=f"i{n}")
            table.done(f"r{n}")
            table.orders.clear()
        session = table.session
        assert len(session._finished) <= 256 and len(session._hearing._sounding) <= 256
        assert not session._lives and not session._waiting and not session._expected


# --- anything, in any order --------------------------------------------------------------------

NAMES = st.sampled_from([None, "r1", "r2", "r3"])
ITEMS = st.sampled_from([None, "i1", "i2"])
RESPONSES = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"id": NAMES},
        optional={
            "status": st.sampled_from(["completed", "cancelled", "failed", "in_progress", "odd"]),
            "status_details": st.sampled_from([None, {"reason": "turn_detected"}, {"reason": "x"}]),
            "output": st.sampled_from([[], [{"type": "message", "id": "i1"}], None]),
        },
    ),
)
IN_ANSWER = {"response_id": NAMES, "item_id": ITEMS, "content_index": st.sampled_from([None, 0])}
ITEM = st.sampled_from([None, {}, {"type": "message", "id": "i1", "role": "user"}])


def event(kind: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


EVENTS = st.one_of(
    event("response.created", response=RESPONSES),
    event("response.done", response=RESPONSES),
    event("response.output_audio.delta", delta=st.sampled_from(["", "AAA=", "AAAA"]), **IN_ANSWER),
    event("response.output_audio_transcript.delta", delta=st.text(max_size=3), **IN_ANSWER),
    event("response.output_text.done", text=st.text(max_size=3), **IN_ANSWER),
    event("response.content_part.done", part=st.just({"type": "audio"}), **IN_ANSWER),
    event("response.output_item.done", response_id=NAMES, item=ITEM),
    event("conversation.item.added", item=ITEM, previous_item_id=ITEMS),
    event("conversation.item.deleted", item_id=ITEMS),
    event("conversation.item.truncated", item_id=ITEMS, audio_end_ms=st.integers(0, 9)),
    event("input_audio_buffer.speech_started", audio_start_ms=st.sampled_from([None, 0, 5000])),
    event("input_audio_buffer.committed"),
    event(
        "conversation.item.input_audio_transcription.delta",
        item_id=ITEMS,
        delta=st.text(max_size=2),
    ),
    event("session.updated", session=st.sampled_from([None, {}, {"audio": {"output": None}}])),
    event("x.unknown"),
)
CODES = st.sampled_from([None, BUSY, "response_cancel_not_active", "invalid_value"])
STEPS = st.one_of(
    EVENTS,
    st.tuples(st.just("error"), st.integers(-1, 7), CODES),
    st.tuples(st.sampled_from(["ask", "speak", "cancel", "withdraw"]), st.integers(0, 7)),
)


class TestAnything:
    @settings(max_examples=300)
    @given(st.lists(STEPS, max_size=40))
    def test_leaves_every_request_somewhere(self, steps: list[Any]) -> None:
        table = Table()
        requests: list[Request] = []
        answers: list[Answer] = []
        for step in steps:
            if isinstance(step, dict):
                fields = {k: v for k, v in step.items() if k != "type"}
                table.server(step["type"], **fields)
            else:
                self.act(table, requests, *step)
            answers += [r.answer for r in requests if r.answer not in answers and r.answer.owner]
            self.check(table, answers)
        table.session.abandon()
        assert all(answer.finished for answer in answers)

    def act(self, table: Table, requests: list[Request], what: str, n: int, *more: Any) -> None:
        session = table.session
        if what == "ask":
            requests.append(table.ask(item=n % 2 == 0))
        elif what == "speak":
            requests.append(table.speak())
        elif what == "error":
            sent = table.sent
            table.error(sent[n % len(sent)] if sent and n >= 0 else None, code=more[0])
        elif requests:
            request = requests[n % len(requests)]
            if what == "cancel":
                table.take(session.cancel(request.answer))
            else:
                table.take(session.withdraw(request))

    def check(self, table: Table, answers: list[Answer]) -> None:
        session = table.session
        held = [r.answer for r in (session._turn, *session._waiting) if r]
        for answer in answers:
            orders = table.of(answer)
            ended = orders.count("ended")
            assert ended == answer.finished
            somewhere = answer in held or answer in session._lives.values()
            assert somewhere != answer.finished
            assert "ended" not in orders[:-1], "something came behind the end"
        assert len(held) == len(set(map(id, held)))
        assert (session.live is None) == (not session._lives)
        assert all(name == answer.id for name, answer in session._lives.items())
        if session._waiting:
            assert session._turn or session._lives, "the floor is free and somebody waits"

    @given(st.lists(EVENTS, max_size=30))
    def test_an_answer_ends_exactly_once_when_the_server_ends_it(self, before: list[Any]) -> None:
        table = Table()
        for fields in before:
            table.server(fields["type"], **{k: v for k, v in fields.items() if k != "type"})
        for name in list(table.session._lives):
            table.done(name)
        request = table.ask()
        table.created("fresh")
        table.done("fresh")
        table.done("fresh")
        assert table.of(request.answer) == ["began", "ended"]


class TestSpokenTurns:
    def test_its_answer_knows_the_turn(self, table: Table) -> None:
        assert table.server("input_audio_buffer.speech_stopped", item_id="u") == ["spoken"]
        assert table.server("input_audio_buffer.committed", item_id="u") == []
        said = {"item_id": "u", "transcript": "Hello"}
        completed = "conversation.item.input_audio_transcription.completed"
        assert table.server(completed, **said) == ["known"]
        assert table.created() == ["began"]
        assert table.session.live is not None
        turn = table.session.live.turn
        spoken, known, began = table.orders
        assert turn is spoken.subject is known.subject and began.subject.turn is turn

    def test_a_request_to_answer_it_takes_it(self, table: Table) -> None:
        table.server("session.updated", session={"audio": {"input": {"turn_detection": None}}})
        table.server("input_audio_buffer.committed", item_id="u")
        request = table.ask(item=False)
        table.created()
        assert request.answer.turn is not None and not request.answer.typed

    def test_a_request_with_a_text_does_not(self, table: Table) -> None:
        request = table.ask()
        table.created()
        assert request.answer.typed and request.answer.turn is None

    def test_what_the_server_left_unanswered_is_not_what_a_request_is_to(
        self, table: Table
    ) -> None:
        table.server("input_audio_buffer.speech_stopped", item_id="noise")
        table.server("input_audio_buffer.committed", item_id="noise")
        request = table.ask(item=False)
        table.created()
        assert request.answer.turn is None

    def test_what_was_dropped_is_not_answered(self, table: Table) -> None:
        table.server("input_audio_buffer.speech_stopped", item_id="u")
        table.server("input_audio_buffer.cleared")
        table.created()
        assert table.session.live is not None and table.session.live.turn is None

    def test_an_answer_that_begins_anew_is_to_the_rest_of_it(self, table: Table) -> None:
        request = table.speak(3000)
        table.server("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
        table.server("input_audio_buffer.speech_stopped", item_id="u")
        table.created("r")
        table.server("input_audio_buffer.speech_started", item_id="v", audio_start_ms=2000)
        assert table.cut("r") == ["restarted"]
        assert request.answer.turn is None
        table.server("input_audio_buffer.speech_stopped", item_id="v")
        table.created("s")
        assert request.answer.turn is not None and request.answer.turn.item_id == "v"

    def test_sound_of_another_answer_is_not_the_first_to_be_heard(self, table: Table) -> None:
        """The server was busy with an answer of its own, whose sound waits to be heard."""
        request = table.ask()
        answer = request.answer
        table.created("r")
        table.sound("r", item="i")
        table.error(request.events[-1], code=BUSY)
        table.session.heard_first(answer, "i", 1.0)
        assert answer.heard_at is None
        table.done("r")
        table.created("s")
        table.sound("s", item="j")
        for moment in (2.0, 3.0):
            table.session.heard_first(answer, "j", moment)
        assert answer.heard_at == 2.0


def test_committed_speech_is_no_reason_to_speak() -> None:
    assert [order.do for order in Session().receive(InputAudioCommitted())] == ["spoken"]


def test_settings_are_a_value_not_a_view() -> None:
    session = Session()
    before = session.config
    session.receive(SessionUpdated(session=SessionConfig(model="a/b")))
    assert before.model != session.config.model
