"""Tools in a conversation that goes on meanwhile: who has the floor, what was heard, what is said
when."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from inworld_rt import Client
from inworld_rt.calls import ROUNDS
from inworld_rt.config import FunctionTool
from inworld_rt.errors import ConfigError, LocalProtocolError, ServerError
from tests.support.background import PATIENCE, Background
from tests.support.scripted import SLICE, Scripted

NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
BUFFER = "input_audio_buffer."


def add(client: Client, function: Any, **options: Any) -> None:
    client.add_tool(function, parameters=NOTHING, **options)


class Slow:
    """A tool that tells when it runs, and returns when it may."""

    def __init__(self, result: Any = "ok") -> None:
        self.running, self.go = threading.Event(), threading.Event()
        self._result = result

    def __call__(self) -> Any:
        self.running.set()
        assert self.go.wait(PATIENCE)
        return self._result


class TestOrder:
    def test_nothing_is_asked_for_before_the_last_result_is_told(self) -> None:
        """Though the server ends another answer in the very moment in between."""
        for _ in range(5):
            slow = Slow("x" * 500_000)

            def script(server: Scripted, slow: Slow = slow) -> None:
                server.accept_settings()
                server.asked()
                server.calls(("c1", "slow", ""))
                name = server.begin()  # an answer that nobody asked for
                server.wait_for_go()
                slow.go.set()
                server.done(name)
                assert server.output()[0] == "c1"
                server.expect("response.create")
                server.answer("Done.")

            with Scripted(script) as server, server.client() as client:
                add(client, slow, name="slow")
                response = client.say("Go")
                for _ in range(2):
                    client.wait_for("response.created")
                server.go()
                assert response.text == "Done. "

    def test_results_wait_while_the_user_speaks_and_is_answered(self) -> None:
        slow = Slow()

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            server.send(BUFFER + "speech_started", item_id="u", audio_start_ms=0)
            server.output()
            server.send(BUFFER + "speech_stopped", item_id="u", audio_end_ms=900)
            server.send(BUFFER + "committed", item_id="u")
            server.answer("To what you said.")
            server.expect("response.create")
            server.answer("And the result.")

        with Scripted(script) as server, server.client() as client:
            add(client, slow, name="slow")
            response = client.say("Go")
            client.wait_for(BUFFER + "speech_started")
            slow.go.set()
            assert response.text == "And the result. "
        assert server.types.count("response.create") == 2

    def test_a_turn_that_is_never_answered_does_not_hold_them_for_ever(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("inworld_rt.tools.runner._UNANSWERED", 0.05)

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.send(BUFFER + "committed", item_id="u")
            server.calls(("c1", "f", ""))
            server.send(BUFFER + "committed", item_id="v")  # a cough
            server.output()
            server.expect("response.create")
            server.answer("The result.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            assert client.ask("Go") == "The result. "

    def test_two_answers_with_calls_go_on_when_all_calls_are_answered(self) -> None:
        first, second = Slow("one"), Slow("two")

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.accept_settings()
            server.asked()
            server.calls(("c1", "first", ""))
            server.calls(("c2", "second", ""))  # unasked, to speech
            server.wait_for_go()
            first.go.set()
            assert server.output() == ("c1", "one")
            second.go.set()
            assert server.output() == ("c2", "two")
            for text in ("A.", "B."):
                server.expect("response.create")
                server.answer(text)

        with Scripted(script) as server, server.client() as client:
            add(client, first, name="first")
            add(client, second, name="second")
            response = client.say("Go")
            assert second.running.wait(PATIENCE)
            server.go()
            response.wait()
            client.wait_for("x.script_over")


class TestEveryCallIsAnswered:
    def test_also_when_its_tool_was_taken_away_meanwhile(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.accept_settings()
            server.wait_for_go()
            server.calls(("c1", "f", ""))
            assert "no tool" in server.output()[1]
            server.expect("response.create")
            server.answer("I cannot.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            response = client.say("Go")
            client.remove_tool("f")
            server.go()
            assert response.text == "I cannot. "

    def test_with_item_ids_that_come_again(self) -> None:
        outputs = []

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            for call_id in ("c1", "c2"):
                name = server.begin()
                item = {"id": "same", "type": "function_call", "name": "f", "call_id": call_id}
                server.send("response.output_item.done", response_id=name, item=item)
                server.done(name)
                outputs.append(server.output()[0])
                server.expect("response.create")
            server.answer("Done.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            calls = client.say("Go").wait().tool_calls
        assert outputs == [call.call_id for call in calls] == ["c1", "c2"]

    def test_with_name_and_arguments_in_early_events_only(self) -> None:
        """Protocol: function calls; either may be missing from what comes later."""
        got = []

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            for final in (True, False):
                name = server.begin()
                item = {"id": "i", "type": "function_call", "call_id": f"c{final}"}
                added = {**item, "name": "f", "arguments": ""}
                server.send("response.output_item.added", response_id=name, item=added)
                server.send(
                    "response.function_call_arguments.done",
                    response_id=name,
                    call_id=item["call_id"],
                    arguments='{"x": 1}',
                )
                if final:
                    server.send("response.output_item.done", response_id=name, item=item)
                server.done(name)
                server.output()
                server.expect("response.create")
            server.answer("Done.")

        with Scripted(script) as server, server.client() as client:
            schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
            client.add_tool(lambda x: got.append(x), name="f", parameters=schema)
            client.ask("Go")
        assert got == [1, 1]

    def test_though_the_result_of_another_cannot_be_told(self) -> None:
        """A late result that cannot be sent, then a call like any other."""
        slow = Slow("\ud800")

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            server.output()
            server.expect("response.create")
            server.answer("Wait.")
            server.asked()  # the late result
            server.answer("It failed.")
            server.asked()
            server.calls(("c2", "quick", ""))
            assert server.output() == ("c2", "1")
            server.expect("response.create")
            server.answer("One.")

        with Scripted(script) as server, server.client() as client:
            add(client, slow, name="slow", timeout=0.02)
            add(client, lambda: 1, name="quick")
            client.ask("Go")
            slow.go.set()
            client.wait_for_response()
            assert client.ask("And now?") == "One. "

    def test_of_an_object_that_breaks_while_it_is_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threading, "excepthook", lambda args: None)

        class Broken(dict[str, int]):
            def items(self) -> Any:
                raise KeyError("gone")

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""))
            assert '"error"' in server.output()[1]
            server.expect("response.create")
            server.answer()

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: Broken(a=1), name="f")
            assert client.ask("Go")

    def test_though_there_are_no_more_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""))
            assert "RuntimeError" in server.output()[1]
            server.expect("response.create")
            server.answer("Sorry.")

        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            if thread.name.startswith("inworld-rt-tool-"):
                raise RuntimeError("can't start new thread")
            start(thread)

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            monkeypatch.setattr(threading.Thread, "start", refuse)
            assert client.ask("Go") == "Sorry. "

    def test_that_comes_after_too_many_rounds(self) -> None:
        outputs = []

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            for i in range(ROUNDS + 1):
                server.calls((f"c{i}", "f", ""))
                outputs.append(server.output())
                if i < ROUNDS:
                    server.expect("response.create")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            assert client.say("Go").wait().status == "completed"
            client.wait_for("x.script_over")
        assert len(outputs) == ROUNDS + 1


class TestTheToolbox:
    def test_holds_what_is_declared_and_nothing_else(self) -> None:
        def script(server: Scripted) -> None:
            for _ in range(3):
                server.accept_settings()
            server.error(server.expect("session.update"), param="session.tools")
            server.accept_settings()

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            client.update_session(tools=[])
            add(client, lambda: 2, name="f")  # the name is free again
            with pytest.raises(ServerError):
                client.update_session(tools=[FunctionTool(name="f")])
            assert client._toolbox.functions["f"].function() == 2  # refused: as it was
            client.update_session(tools=[FunctionTool(name="f")])
            assert not client._toolbox.functions

    def test_holds_what_was_accepted_of_a_change_that_raises(self) -> None:
        """A refused recogniser; the rest of the change is made."""
        pytest.importorskip("msgspec", reason="functions' signatures are read with msgspec")

        def script(server: Scripted) -> None:
            model = "session.audio.input.transcription.model"
            server.error(server.expect("session.update"), code="invalid_value", param=model)
            server.accept_settings()
            server.asked()
            server.calls(("c1", "roll", ""))
            assert server.output() == ("c1", "4")
            server.expect("response.create")
            server.answer("Four.")

        def roll() -> int:
            """Roll a die."""
            return 4

        with Scripted(script) as server, server.client() as client:
            with pytest.raises(ServerError, match="the other changes were made"):
                client.update_session(tools=[roll], transcription={"model": "no/such"})
            assert client.ask("Go") == "Four. "

    def test_functions_of_one_answer_are_of_that_answer_only(self) -> None:
        pytest.importorskip("msgspec", reason="functions' signatures are read with msgspec")

        def script(server: Scripted) -> None:
            for result in ("1", "2"):
                tools = server.expect("response.create")["response"]["tools"]
                assert [tool["name"] for tool in tools] == ["roll"]
                server.calls((f"c{result}", "roll", ""))
                assert server.output() == (f"c{result}", result)
                server.expect("response.create")
                server.answer()

        with Scripted(script) as server, server.client() as client:
            for result in (1, 2):

                def roll(result: int = result) -> int:
                    """Roll a die."""
                    return result

                client.create_response(tools=[roll]).wait()
            with pytest.raises(ConfigError, match="outside of the conversation"):
                client.create_response(conversation="none", tools=[roll])


class TestInATool:
    def test_wait_for_response_gives_what_the_tool_asked_for(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""))
            server.expect("response.create")
            server.answer("Inner.")
            assert server.output() == ("c1", "Inner. ")
            server.expect("response.create")
            server.answer("Outer.")

        def f() -> str:
            client.create_response()
            return client.wait_for_response().text

        with Scripted(script) as server, server.client() as client:
            add(client, f)
            assert client.ask("Go") == "Outer. "

    def test_iterating_the_answer_that_waits_raises_at_once(self) -> None:
        seen, go = [], threading.Event()

        def f() -> None:
            assert go.wait(PATIENCE)
            for wait in (list, lambda r: next(r.text_stream()), lambda r: r.wait(1)):
                with pytest.raises(LocalProtocolError):
                    wait(response)
                seen.append(1)

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""))
            server.output()
            server.expect("response.create")
            server.answer()

        with Scripted(script) as server, server.client() as client:
            add(client, f)
            response = client.say("Go")
            go.set()
            response.wait()
        assert len(seen) == 3

    def test_once_it_is_told_of_as_slow_it_may_wait_for_that_answer(self) -> None:
        texts: list[str] = []
        done, go = threading.Event(), threading.Event()

        def f() -> None:
            assert go.wait(PATIENCE)
            texts.append(response.wait().text)
            done.set()

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""))
            server.output()
            server.expect("response.create")
            server.answer("Still at it.")
            server.asked()
            server.answer()

        with Scripted(script) as server, server.client() as client:
            add(client, f, timeout=0.02)
            response = client.say("Go")
            response.wait()
            go.set()
            assert done.wait(PATIENCE)
        assert texts == ["Still at it. "]


def test_the_log_goes_on_behind_an_answer_that_was_cancelled_while_tools_ran() -> None:
    slow = Slow()

    def script(server: Scripted) -> None:
        server.accept_settings()
        server.asked()
        server.calls(("c1", "slow", ""))
        server.reached.set()
        server.asked()
        server.answer("Next.")

    with Scripted(script) as server, server.client() as client:
        add(client, slow, name="slow")
        response = client.say("Go")
        assert slow.running.wait(PATIENCE)
        response.cancel()
        response.wait()
        client.say("Next")
        event: Any = client.wait_for("response.created")
        assert event.response.id == "resp_2"
        slow.go.set()


def test_closing_takes_two_seconds_whatever_hangs() -> None:
    slow, hook = Slow(), threading.Event()

    def script(server: Scripted) -> None:
        server.accept_settings()
        server.asked()
        server.calls(("c1", "slow", ""))
        server.wait_for_go()

    with Scripted(script) as server:
        client = server.client()
        add(client, slow, name="slow", timeout=None)
        client.when_thinking = hook.wait
        client.say("Go")
        assert slow.running.wait(PATIENCE)
        import time

        begin = time.monotonic()
        client.close()
        assert time.monotonic() - begin < 2.3
        hook.set()
        slow.go.set()


def test_text_may_be_read_while_the_answer_is_made() -> None:
    """Another thread reads the words when tools are called and the next round begins."""
    over = threading.Event()

    def script(server: Scripted) -> None:
        server.accept_settings()
        server.asked()
        for i in range(ROUNDS):
            name = server.begin()
            for word in "a b c d e f g".split():
                server.words(name, f"{word} ", item_id=f"{i}{word}")
                server.sound(name, SLICE)
            item = {"id": f"i{i}", "type": "function_call", "name": "f", "call_id": f"c{i}"}
            server.done(name, output=[item])
            server.output()
            server.expect("response.create")
        server.answer("end.")

    with Scripted(script) as server, server.client() as client:
        add(client, lambda: 1, name="f")
        response = client.say("Go")

        def read() -> None:
            while not over.is_set():
                assert response.heard_text.count("a ") <= ROUNDS

        reading = Background(read)
        try:
            text = response.wait().text
        finally:
            over.set()
        reading.result()
        assert text == "a b c d e f g " * ROUNDS + "end. "
        assert "".join(response.text_stream()) == text
