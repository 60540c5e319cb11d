"""An answer in the user's hands."""

from __future__ import annotations

import contextlib
import threading
import wave
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inworld_rt import Client, Response, link, response
from inworld_rt.errors import (
    AudioError,
    ConnectionClosedOK,
    ConnectionLost,
    RemoteProtocolError,
    ResponseFailed,
    ServerError,
    WaitTimeout,
)
from inworld_rt.latency import Latency
from inworld_rt.outcome import Usage
from tests.support.background import PATIENCE, Background
from tests.support.scripted import SLICE, Scripted

FAILED = {"type": "failed", "error": {"code": "quota", "message": "no more"}}


def ask(server: Scripted) -> None:
    server.expect("conversation.item.create")
    server.expect("response.create")


def refuse(server: Scripted) -> None:
    server.expect("conversation.item.create")
    server.error(server.expect("response.create"), code="invalid_value")


def fail(server: Scripted) -> None:
    ask(server)
    name = server.begin()
    server.sound(name)
    server.done(name, "failed", status_details=FAILED)


def drop(server: Scripted) -> None:
    ask(server)
    server.sound(server.begin())
    server.abort()


def close_midway(server: Scripted) -> None:
    ask(server)
    server.sound(server.begin())
    server.close(1000)


def babble(server: Scripted) -> None:
    ask(server)
    server.sound(server.begin())
    server.garbage()


def go_silent(server: Scripted) -> None:
    ask(server)
    server.begin()


TURN = "input_audio_buffer."
SAID = "conversation.item.input_audio_transcription.completed"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (link, response):
        monkeypatch.setattr(module, "now", clock)
    return clock


WAYS: dict[str, Callable[[Response], Any]] = {
    "iterate": list,
    "text_stream": lambda r: list(r.text_stream()),
    "wait": lambda r: r.wait(),
    "text": lambda r: r.text,
    "audio": lambda r: r.audio,
    "save": lambda r: r.save("never-written.wav"),
}
FAILURES = {
    "refused": (refuse, ServerError),
    "failed": (fail, ResponseFailed),
    "dropped": (drop, ConnectionLost),
    "closed": (close_midway, ConnectionClosedOK),
    "garbage": (babble, RemoteProtocolError),
}


class TestIteration:
    def test_gives_audio_while_it_is_still_being_made(self) -> None:
        def script(server: Scripted) -> None:
            ask(server)
            name = server.begin()
            server.sound(name, b"first!")
            server.wait_for_go()
            server.sound(name, b"second")
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            assert next(answer) == b"first!"
            assert (answer.done, answer.status) == (False, "in_progress")
            server.go()
            assert list(answer) == [b"second"]
            assert answer.done and answer.audio == b"first!second"
            assert list(answer) == []

    def test_gives_whole_samples(self) -> None:
        def script(server: Scripted) -> None:
            ask(server)
            name = server.begin()
            for piece in (b"abc", b"def", b"g"):
                server.sound(name, piece)
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            assert list(client.say("Go")) == [b"ab", b"cdef"]

    def test_of_a_cancelled_answer_just_ends(self) -> None:
        def script(server: Scripted) -> None:
            ask(server)
            name = server.begin()
            server.sound(name)
            server.skip_to("response.cancel")
            server.done(name, "cancelled")

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            assert next(answer) == SLICE
            answer.cancel()
            assert list(answer) == []
            assert answer.status == "cancelled" and answer.wait() is answer
            answer.cancel()  # nothing to stop is fine
        assert server.types.count("response.cancel") == 1

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("case", FAILURES)
    def test_failures_are_raised_however_one_waits(self, case: str, way: str) -> None:
        script, kind = FAILURES[case]
        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            errors = []
            for _ in range(2):
                with pytest.raises(kind) as caught:
                    WAYS[way](answer)
                errors.append(caught.value)
            assert errors[0] is not errors[1], "a fresh one each time"
            assert answer.done
            # It is old news now: nobody gets it again from here.
            assert answer not in client._backlog._responses

    def test_what_came_before_the_failure_is_given_first(self) -> None:
        with Scripted(fail) as server, server.client() as client:
            answer = client.say("Go")
            assert next(answer) == SLICE
            with pytest.raises(ResponseFailed, match="no more") as caught:
                next(answer)
            assert caught.value.response is answer and caught.value.reason == "quota"

    @pytest.mark.parametrize("way", sorted(set(WAYS) - {"save"}))
    def test_a_silent_server_is_not_waited_for_for_ever(self, way: str) -> None:
        with Scripted(go_silent) as server, server.client(timeout=0.05) as client:
            answer = client.say("Go")
            with pytest.raises(WaitTimeout, match="quiet"):
                WAYS[way](answer)
            assert not answer.done

    def test_a_timeout_leaves_it_usable(self) -> None:
        def script(server: Scripted) -> None:
            ask(server)
            server.wait_for_go()
            server.answer("Late.")

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            for timeout in (0, 0.01, -1):
                with pytest.raises(WaitTimeout):
                    answer.wait(timeout)
            server.go()
            assert answer.text == "Late. "

    def test_in_two_threads_shares_the_slices(self) -> None:
        with Scripted(lambda s: s.answer_say(slices=50)) as server, server.client() as client:
            answer = client.say("Go")
            readers = [Background(lambda: len(list(answer))) for _ in range(2)]
            assert sum(reader.result() for reader in readers) == 50


class TestText:
    def test_streams_begin_at_the_beginning(self) -> None:
        def script(server: Scripted) -> None:
            ask(server)
            name = server.begin()
            server.words(name, "One ")
            server.wait_for_go()
            server.words(name, "two")
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            first = answer.text_stream()
            assert next(first) == "One "
            second = answer.text_stream()
            assert next(second) == "One "
            server.go()
            assert [*first] == [*second] == ["two"]
            assert "".join(answer.text_stream()) == answer.text == "One two"
            assert not client._backlog._responses

    def test_heard_text_follows_truncation(self) -> None:
        def script(server: Scripted) -> None:
            server.answer_say("one two three", slices=20)
            message = server.skip_to("conversation.item.truncate")
            server.send("conversation.item.truncated", item_id=message["item_id"], audio_end_ms=600)

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            assert answer.text == answer.heard_text == "one two three "
            client.truncate_item("item_resp_1", 600)
            assert answer.heard_text == "one two"


class TestRestart:
    def test_forgets_what_came(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            create = server.expect("response.create")
            other = server.begin()
            server.sound(other, b"wrong!")
            server.words(other, "Wrong")
            server.wait_for_go()
            server.error(create, code="conversation_already_has_active_response")
            server.done(other)
            server.expect("response.create")
            name = server.begin()
            server.sound(name, b"right!")
            server.words(name, "Right")
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            stream = answer.text_stream()
            assert next(stream) == "Wrong"
            server.go()
            assert (answer.text, answer.audio) == ("Right", b"right!")
            assert list(answer) == [b"right!"]
            assert list(stream) == ["Right"]
            assert answer.status == "completed"
            assert client.stats.responses == 2


class TestLimits:
    def test_an_endless_answer_is_cancelled_and_fails(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(response, "MAX_SECONDS", 0.1)

        def script(server: Scripted) -> None:
            ask(server)
            name = server.begin()
            for _ in range(10):
                server.sound(name)
            server.skip_to("response.cancel")
            server.sound(name)
            server.done(name, "cancelled")

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            with pytest.raises(ResponseFailed, match=r"longer than 0\.1 s"):
                answer.wait()
            assert b"".join(answer._chunks) == SLICE * 3
        assert server.types.count("response.cancel") == 1


class TestStats:
    def test_usage_is_of_all_answers_however_they_end(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            for status, tokens in (("completed", 1), ("cancelled", 2), ("failed", 4)):
                server.asked()
                usage = {"total_tokens": tokens, "input_token_details": {"text_tokens": tokens}}
                server.done(server.begin(), status, usage=usage)
            server.asked()
            call = {"id": "f", "type": "function_call", "name": "f", "call_id": "c"}
            server.done(server.begin(), output=[call], usage={"total_tokens": 8})
            server.skip_to("response.create")
            name = server.begin()
            server.send(
                "response.done",
                response={"id": name, "status": "completed"},
                usage={"total_tokens": 16, "output_tokens": 5},
            )
            server.done(name, usage={"total_tokens": 1000})  # said twice
            own = server.begin()
            server.done(own, usage={"total_tokens": 32})
            server.done(server.begin())  # it does not always tell

        with Scripted(script) as server, server.client() as client:
            client.add_tool(lambda: "ok", name="f", parameters={"type": "object"})
            assert client.stats.usage == Usage()
            costs = []
            for _ in range(3):
                answer = client.say("Go")
                with contextlib.suppress(ResponseFailed):
                    answer.wait(PATIENCE)
                costs.append(answer.usage)
            costs.append(client.say("Go").wait(PATIENCE).usage)
            costs.append(client.wait_for_response(PATIENCE).usage)
            assert client.wait_for_response(PATIENCE).usage is None
            usage = client.stats.usage
            assert [cost and cost.total_tokens for cost in costs] == [1, 2, 4, 8 + 16, 32]
            assert (usage.total_tokens, usage.input_tokens, usage.output_tokens) == (63, None, 5)
            assert usage.input_token_details is not None
            assert usage.input_token_details.text_tokens == 7

    def test_what_was_spent_before_the_line_broke_is_counted(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            call = {"id": "f", "type": "function_call", "name": "f", "call_id": "c"}
            name = server.begin()
            server.sound(name)
            server.done(name, output=[call], usage={"total_tokens": 8})
            server.skip_to("response.create")
            server.sound(server.begin())
            server.abort()

        with Scripted(script) as server, server.client() as client:
            client.add_tool(lambda: "ok", name="f", parameters={"type": "object"})
            with pytest.raises(ConnectionLost):
                client.say("Go").wait(PATIENCE)
            stats = client.stats
        assert stats.usage.total_tokens == 8
        assert stats.seconds_received == pytest.approx(0.1)

    def test_seconds_of_sound_also_of_what_is_still_being_made(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("input_audio_buffer.append")
            server.asked()
            name = server.begin()
            server.sound(name)
            server.wait_for_go()
            server.sound(name)
            server.done(name, "cancelled")
            server.answer_say(slices=3)

        with Scripted(script) as server, server.client() as client:
            assert (client.stats.seconds_sent, client.stats.seconds_received) == (0, 0)
            client.send_audio(bytes(24000))
            assert client.stats.seconds_sent == 0.5
            first = client.say("Go")
            next(first)
            assert client.stats.seconds_received == pytest.approx(0.05)
            server.go()
            first.wait(PATIENCE)
            assert client.stats.seconds_received == pytest.approx(0.1)
            client.say("Go").wait(PATIENCE)
            assert client.stats.seconds_received == pytest.approx(0.25)

    def test_duration_ends_with_the_session(self, clock: Clock) -> None:
        with Scripted(lambda server: None) as server, server.client() as client:
            clock.time += 5
            before = client.stats
            assert before.duration == 5
            client.close()
            clock.time += 5
            assert client.stats.duration == before.duration == 5


class TestWhatItHolds:
    def test_after_the_end(self, tmp_path: Path) -> None:
        def script(server: Scripted) -> None:
            ask(server)
            name = server.begin()
            server.sound(name)
            server.words(name, "Hi")
            call = {"type": "function_call", "id": "f", "call_id": "c", "name": "look"}
            server.send("response.output_item.done", response_id=name, item=call)
            server.send(
                "response.done",
                response={"id": name, "status": "completed"},
                usage={"total_tokens": 7},
            )

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go").wait(PATIENCE)
            assert answer.id == "resp_1" and answer.status_details is None
            assert answer.usage is not None and answer.usage.total_tokens == 7
            assert [call.name for call in answer.tool_calls] == ["look"]
            assert answer.items == answer.tool_calls
            latency = answer.latency
            assert latency.first_audio is not None and latency.first_text is not None
            assert latency.total is not None and latency.total >= latency.first_text
            path = tmp_path / "answer.wav"
            assert answer.save(path) is answer
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnframes()) == (24000, len(SLICE) // 2)
        assert "Hi" not in repr(answer) and "resp_1" in repr(answer)
        # The answer outlives its client.
        assert (answer.text, answer.audio) == ("Hi", SLICE)

    def test_before_the_beginning(self) -> None:
        with Scripted(ask) as server, server.client() as client:
            answer = client.say("Go")
            assert (answer.id, answer.done, answer.status) == (None, False, "waiting")
            assert answer.usage is None and answer.items == [] and answer.heard_text == ""
            assert answer.latency == Latency()

    def test_without_audio_there_is_nothing_to_save(self, tmp_path: Path) -> None:
        path = tmp_path / "answer.wav"
        with Scripted(lambda s: s.answer_say(slices=0)) as server, server.client() as client:
            answer = client.say("Go")
            with pytest.raises(AudioError):
                answer.save(path)
        assert not path.exists()


class Play:
    """Events of the server, each at its second; the client has taken one in before the next."""

    def __init__(self, server: Scripted, client: Client, clock: Clock) -> None:
        self.server, self.client, self.clock = server, client, clock
        self.begin = clock.time

    def at(self, seconds: float, kind: str, **fields: Any) -> None:
        self.clock.time = self.begin + seconds
        self.server.send(kind, **fields)
        self.server.send("x.mark", place=seconds)
        self.client.wait_for("x.mark", PATIENCE)

    def speech(self, over: float, committed: float, item: str = "u") -> None:
        self.at(0, TURN + "speech_started", item_id=item)
        self.at(over, TURN + "speech_stopped", item_id=item)
        self.at(committed, TURN + "committed", item_id=item)

    def answer(self, begin: float, text: float, audio: float, end: float, name: str = "r") -> None:
        of = {"response_id": name, "item_id": "i"}
        self.at(begin, "response.created", response={"id": name, "status": "in_progress"})
        self.at(text, "response.output_audio_transcript.delta", delta="Hi", **of)
        self.at(audio, "response.output_audio.delta", delta=b64encode(SLICE).decode(), **of)
        self.at(end, "response.done", response={"id": name, "status": "completed"})


class TestLatency:
    @pytest.fixture
    def play(self, clock: Clock) -> Iterator[Play]:
        over = threading.Event()
        with Scripted(lambda server: over.wait(PATIENCE)) as server, server.client() as client:
            yield Play(server, client, clock)
            over.set()

    @pytest.fixture
    def manual(self, clock: Clock) -> Iterator[Play]:
        """The server hears the user's turns, and leaves the answers to us."""
        over = threading.Event()
        turns = {"type": "server_vad", "create_response": False}
        with Scripted(lambda server: over.wait(PATIENCE)) as server:
            with server.client(config={"turn_detection": turns}) as client:
                yield Play(server, client, clock)
                over.set()

    def test_of_an_answer_the_server_begins_is_from_the_end_of_speech(self, play: Play) -> None:
        play.speech(over=2, committed=3)
        play.at(4, SAID, item_id="u", transcript="Hello")
        play.answer(5, 6, 7, 9)
        answer = play.client.wait_for_response(PATIENCE)
        assert answer.latency == Latency(transcript=2, first_text=4, first_audio=5, total=7)

    def test_the_users_words_may_be_known_later_than_the_answer(self, play: Play) -> None:
        play.speech(over=2, committed=3)
        play.answer(5, 6, 7, 9)
        answer = play.client.wait_for_response(PATIENCE)
        assert answer.latency.transcript is None
        play.at(10, SAID, item_id="u", transcript="Hello")
        play.at(11, SAID, item_id="u", transcript="Hello.")
        assert answer.latency.transcript == 8

    def test_of_the_next_answer_is_from_the_next_turn(self, play: Play) -> None:
        play.speech(over=2, committed=3)
        play.answer(5, 6, 7, 9)
        play.client.wait_for_response(PATIENCE)
        play.speech(over=20, committed=20, item="v")
        play.answer(21, 22, 23, 24, name="s")
        answer = play.client.wait_for_response(PATIENCE)
        assert answer.latency == Latency(first_text=2, first_audio=3, total=4)

    def test_of_what_was_typed_is_from_the_request(self, play: Play) -> None:
        """Also behind speech that was not answered, such as a noise."""
        play.speech(over=2, committed=3)
        play.clock.time = play.begin + 10
        answer = play.client.say("Go")
        play.at(11, SAID, item_id="u", transcript="")
        play.answer(12, 13, 14, 15)
        assert answer.latency == Latency(first_text=3, first_audio=4, total=5)

    def test_of_an_answer_without_a_reason_is_from_its_beginning(self, play: Play) -> None:
        play.answer(3, 4, 5, 6)
        answer = play.client.wait_for_response(PATIENCE)
        assert answer.latency == Latency(first_text=1, first_audio=2, total=3)

    def test_of_speech_that_we_have_answered_is_from_its_end(self, manual: Play) -> None:
        manual.speech(over=2, committed=3)
        manual.at(4, SAID, item_id="u", transcript="Hello")
        answer = manual.client.create_response()
        manual.answer(5, 6, 7, 9)
        assert answer.latency == Latency(transcript=2, first_text=4, first_audio=5, total=7)

    def test_of_a_recording_is_from_its_end_or_that_of_the_speech_in_it(self, manual: Play) -> None:
        """Which of them comes first: a recording may have a long silence at its end."""
        manual.speech(over=2, committed=3)
        answer = manual.client.create_response()
        manual.answer(5, 6, 7, 9)
        for sent, total in ((8, 7), (1, 8)):
            answer.asked_at(manual.begin + sent)
            assert answer.latency.total == total

    def test_is_never_below_zero(self, play: Play) -> None:
        """A server may answer what it has heard of a recording before all of it is sent."""
        play.answer(3, 4, 5, 6)
        answer = play.client.wait_for_response(PATIENCE)
        answer.asked_at(play.begin + 4.5)
        assert answer.latency == Latency(first_text=0, first_audio=0.5, total=1.5)

    def test_of_an_answer_outside_of_the_conversation_is_from_the_request(
        self, manual: Play
    ) -> None:
        manual.speech(over=2, committed=3)
        aside = manual.client.create_response(conversation="none")
        manual.answer(5, 6, 7, 9)
        assert aside.latency == Latency(first_text=3, first_audio=4, total=6)
        answer = manual.client.create_response()
        manual.answer(10, 11, 12, 13, name="s")
        assert answer.latency.total == 11, "the speech was still to be answered"

    def test_of_an_answer_that_began_anew_counts_the_new_one(self, play: Play) -> None:
        answer = play.client.say("Go")
        play.at(1, "response.created", response={"id": "r", "status": "in_progress"})
        play.at(2, "response.output_audio_transcript.delta", response_id="r", delta="Wrong")
        busy = {"code": "conversation_already_has_active_response", "message": "no"}
        play.at(3, "error", error=busy)
        play.at(4, "response.done", response={"id": "r", "status": "completed"})
        assert answer.latency == Latency()
        play.answer(5, 6, 7, 9, name="s")
        assert answer.latency == Latency(first_text=6, first_audio=7, total=9)

    def test_of_a_busy_servers_own_answer_is_from_the_speech_that_it_is_to(
        self, play: Play
    ) -> None:
        play.speech(over=2, committed=3)
        said = play.client.say("Go")
        play.at(4, "response.created", response={"id": "r", "status": "in_progress"})
        busy = {"code": "conversation_already_has_active_response", "message": "no"}
        play.at(5, "error", error=busy)
        play.at(6, SAID, item_id="u", transcript="Hello")
        own = next(r for r in play.client._backlog._responses if r is not said)
        play.at(7, "response.done", response={"id": "r", "status": "completed"})
        assert own.latency == Latency(transcript=4, total=5)
        play.answer(8, 9, 10, 11, name="s")
        assert said.latency.transcript is None and said.latency.total == 8

    def test_spans_the_tools_that_ran_meanwhile(self, clock: Clock) -> None:
        over = threading.Event()

        def script(server: Scripted) -> None:
            server.accept_settings()
            over.wait(PATIENCE)

        with Scripted(script) as server, server.client() as client:
            client.add_tool(lambda: "ok", name="f", parameters={"type": "object"})
            play = Play(server, client, clock)
            play.speech(over=2, committed=3)
            call = {"id": "f", "type": "function_call", "name": "f", "call_id": "c"}
            play.at(4, "response.created", response={"id": "q", "status": "in_progress"})
            done = {"id": "q", "status": "completed", "output": [call]}
            play.at(5, "response.done", response=done)
            server.skip_to("response.create")
            play.at(6, SAID, item_id="u", transcript="Hello")
            play.answer(7, 8, 9, 10)
            answer = client.wait_for_response(PATIENCE)
            assert answer.latency == Latency(transcript=4, first_text=6, first_audio=7, total=8)
            over.set()

    def test_first_heard_is_when_it_left_the_loudspeaker(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INWORLD_RT_AUDIO", "null")
        with Scripted(lambda s: s.answer_say(slices=3)) as server, server.client() as client:
            before = link.now()
            answer = client.say("Go").wait(PATIENCE)
            assert answer.latency.first_heard is None
            answer.play()
            heard, after = answer.latency.first_heard, link.now()
            assert answer.latency.total is not None and heard is not None
            assert answer.latency.total < heard < after - before
            answer.play()  # nothing is left of it
            assert answer.latency.first_heard == heard


def test_responses_are_made_by_the_client_only(tmp_path: Path) -> None:
    with Scripted(lambda s: s.answer_all()) as server:
        client: Client = server.client()
        try:
            assert isinstance(client.say("x"), Response)
        finally:
            client.close()
