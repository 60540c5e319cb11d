"""An answer in the user's hands."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inworld_rt import Client, Response, response
from inworld_rt.errors import (
    AudioError,
    ConnectionClosedOK,
    ConnectionLost,
    RemoteProtocolError,
    ResponseFailed,
    ServerError,
    WaitTimeout,
)
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
            assert answer.latency == response.Latency()

    def test_without_audio_there_is_nothing_to_save(self, tmp_path: Path) -> None:
        path = tmp_path / "answer.wav"
        with Scripted(lambda s: s.answer_say(slices=0)) as server, server.client() as client:
            answer = client.say("Go")
            with pytest.raises(AudioError):
                answer.save(path)
        assert not path.exists()


def test_responses_are_made_by_the_client_only(tmp_path: Path) -> None:
    with Scripted(lambda s: s.answer_all()) as server:
        client: Client = server.client()
        try:
            assert isinstance(client.say("x"), Response)
        finally:
            client.close()
