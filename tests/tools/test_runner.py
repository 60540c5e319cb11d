"""Tools that run: threads, timeouts, and that every call is answered exactly once."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from inworld_rt import Client, ToolError
from inworld_rt.calls import ROUNDS
from inworld_rt.config import FunctionTool, WebSearchTool
from inworld_rt.errors import ConfigError, ConnectionLost, LocalProtocolError, ServerError
from tests.support.background import PATIENCE, Background
from tests.support.scripted import SLICE, Scripted

NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


class Answers:
    """What the scripted server was told: outputs by call id."""

    def __init__(self) -> None:
        self.outputs: dict[str, list[str]] = {}
        self.follow_up: Any = None

    def take(self, server: Scripted, count: int) -> None:
        for _ in range(count):
            call_id, output = server.output()
            self.outputs.setdefault(call_id, []).append(output)

    def one(self, call_id: str) -> Any:
        (output,) = self.outputs[call_id]
        return json.loads(output)


def one_call(name: str, arguments: str, told: Answers, tools: int = 1) -> Any:
    """A script: the model calls one tool, takes its output, answers."""

    def script(server: Scripted) -> None:
        for _ in range(tools):
            server.accept_settings()
        server.asked()
        server.calls(("c1", name, arguments))
        told.take(server, 1)
        told.follow_up = server.expect("response.create")
        server.answer("It is sunny.")

    return script


def add(client: Client, function: Any, **options: Any) -> None:
    client.add_tool(function, parameters=options.pop("parameters", NOTHING), **options)


class TestOneCall:
    def test_is_run_and_answered_and_the_answer_goes_on(self) -> None:
        told = Answers()
        with Scripted(one_call("weather", '{"city": "Oslo"}', told)) as server:
            with server.client() as client:
                add(client, weather, parameters=CITY)
                response = client.say("How is the weather in Oslo?").wait()

                assert response.text == "It is sunny. "
                assert response.status == "completed"
                assert [(c.name, c.arguments) for c in response.tool_calls] == [
                    ("weather", '{"city": "Oslo"}')
                ]
                assert len(response.audio) > 0
        assert told.one("c1") == {"sky": "Sunny in Oslo"}
        assert "response" not in told.follow_up

    def test_leaves_the_reader_free_meanwhile(self) -> None:
        go, told = threading.Event(), Answers()

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            server.skip_to("conversation.item.delete")
            server.send("conversation.item.deleted", item_id="x")
            told.take(server, 1)
            server.expect("response.create")
            server.answer()

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: go.wait(PATIENCE), name="slow")
            response = client.say("Go")
            client.delete_item("x")
            go.set()
            assert response.wait().text == "Hello there. "
        assert told.one("c1") is True

    def test_status_tells_that_tools_run(self) -> None:
        running, go, told = threading.Event(), threading.Event(), Answers()

        def slow() -> None:
            running.set()
            go.wait(PATIENCE)

        with Scripted(one_call("slow", "", told)) as server, server.client() as client:
            add(client, slow)
            response = client.say("Go")
            assert running.wait(PATIENCE)
            assert (response.status, response.done, client.state) == ("calling", False, "thinking")
            go.set()
            response.wait()

    @pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
    def test_falsy_results_are_results(self, value: Any) -> None:
        told = Answers()
        with Scripted(one_call("f", "", told)) as server, server.client() as client:
            add(client, lambda: value, name="f")
            client.ask("Go")
        assert told.one("c1") == value

    def test_words_before_the_call_stay(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""), words="Let me see.")
            server.output()
            server.expect("response.create")
            server.answer("It is five.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 5, name="f")
            response = client.say("Go")
            pieces = "".join(response.text_stream())
            assert pieces == response.text == "Let me see. It is five. "
            assert len(list(response)) == 3
            assert [item.type for item in response.items] == ["function_call"]

    def test_an_unknown_tool_is_answered_with_the_known_ones(self) -> None:
        told = Answers()
        with Scripted(one_call("wether", "", told)) as server, server.client() as client:
            add(client, weather, parameters=CITY)
            client.ask("Go")
        assert "weather" in told.one("c1")["error"]["message"]

    @pytest.mark.parametrize("arguments", ["{", "[]", '"Oslo"', "null", '{"town": "Oslo"}', "{}"])
    def test_bad_arguments_are_answered_and_nothing_runs(self, arguments: str) -> None:
        told, ran = Answers(), []

        def weather(city: str) -> None:
            ran.append(city)

        with Scripted(one_call("weather", arguments, told)) as server, server.client() as client:
            add(client, weather, parameters=CITY)
            assert client.ask("Go") == "It is sunny. "
        assert told.one("c1")["error"]["type"] == "ToolError"
        assert ran == []

    def test_an_exception_is_told_and_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told, shown = Answers(), []
        monkeypatch.setattr(threading, "excepthook", shown.append)

        def broken() -> None:
            raise ValueError("no such city")

        with Scripted(one_call("broken", "", told)) as server, server.client() as client:
            add(client, broken)
            client.ask("Go")
        assert told.one("c1") == {"error": {"type": "ValueError", "message": "no such city"}}
        assert [args.exc_type for args in shown] == [ValueError]

    def test_a_tool_error_is_told_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told, shown = Answers(), []
        monkeypatch.setattr(threading, "excepthook", shown.append)

        def picky() -> None:
            raise ToolError("ask for a city in Norway")

        with Scripted(one_call("picky", "", told)) as server, server.client() as client:
            add(client, picky)
            client.ask("Go")
        assert told.one("c1")["error"]["message"] == "ask for a city in Norway"
        assert shown == []

    def test_a_tool_that_exits_is_answered_all_the_same(self) -> None:
        told = Answers()

        def leave() -> None:
            raise SystemExit(3)

        with Scripted(one_call("leave", "", told)) as server, server.client() as client:
            add(client, leave)
            assert client.ask("Go")
        assert told.one("c1")["error"]["type"] == "SystemExit"

    @pytest.mark.parametrize("result", [object(), b"bytes", float("nan"), "\ud800"])
    def test_what_json_cannot_hold_is_an_error_for_the_model_and_shown(
        self, result: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told, shown = Answers(), []
        monkeypatch.setattr(threading, "excepthook", shown.append)
        with Scripted(one_call("f", "", told)) as server, server.client() as client:
            add(client, lambda: result, name="f")
            client.ask("Go")
        assert told.one("c1")["error"]["type"] == "ToolError"
        assert len(shown) == (not isinstance(result, str))


class TestSeveralCalls:
    def test_run_at_once_and_there_is_one_follow_up(self) -> None:
        told, together = Answers(), threading.Barrier(3, timeout=PATIENCE)

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(*((f"c{i}", "meet", "") for i in range(3)))
            told.take(server, 3)
            server.expect("response.create")
            server.answer("We met.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: together.wait() >= 0, name="meet")
            assert client.ask("Go") == "We met. "
        assert {k: len(v) for k, v in told.outputs.items()} == {"c0": 1, "c1": 1, "c2": 1}

    def test_a_repeated_call_id_is_run_once(self) -> None:
        told, ran = Answers(), []

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""), ("c1", "f", ""))
            told.take(server, 1)
            server.expect("response.create")
            server.calls(("c1", "f", ""))  # and once more, in the next answer

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: ran.append(1), name="f")
            client.say("Go").wait()
        assert ran == [1]
        assert told.outputs == {"c1": ["null"]}

    @pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
    def test_of_an_answer_that_did_not_complete_are_not_run(self, status: str) -> None:
        ran: list[int] = []

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""), status=status)
            server.answer_say("Later.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: ran.append(1), name="f")
            client.say("Go")
            assert client.ask("And?") == "Later. "
        assert ran == []

    def test_calls_of_the_follow_up_are_run_too_but_not_for_ever(self) -> None:
        choices = []

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            for i in range(ROUNDS):
                server.calls((f"c{i}", "again", ""))
                server.output()
                create = server.expect("response.create")
                choices.append(create.get("response", {}).get("tool_choice"))
            server.calls(("c-last", "again", ""))

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="again")
            response = client.say("Go").wait()
            assert len(response.tool_calls) == ROUNDS + 1
        assert choices == [None] * (ROUNDS - 1) + ["none"]

    def test_a_forced_choice_is_free_in_the_follow_up(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.expect("response.create")
            server.calls(("c1", "f", ""))
            server.output()
            create = server.expect("response.create")["response"]
            assert create == {"tool_choice": "auto", "instructions": "Whisper."}
            server.answer()

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            client.create_response(tool_choice="required", instructions="Whisper.").wait()

    def test_costs_are_added_up(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            name = server.begin()
            item = {"id": "i", "type": "function_call", "name": "f", "call_id": "c"}
            server.done(name, output=[item], usage={"total_tokens": 7, "input_tokens": 5})
            server.output()
            server.expect("response.create")
            server.done(server.begin(), usage={"total_tokens": 30})

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            usage = client.say("Go").wait().usage
            assert usage is not None
            assert (usage.total_tokens, usage.input_tokens) == (37, 5)


class TestTime:
    def test_a_slow_tool_is_still_working_and_its_result_comes_late(self) -> None:
        go, told, late = threading.Event(), Answers(), []

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            told.take(server, 1)
            server.expect("response.create")
            server.answer("I am still at it.")
            late.append(server.expect("conversation.item.create")["item"])
            server.expect("response.create")
            server.answer("Now I know.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: (go.wait(PATIENCE), "forty-two")[1], name="slow", timeout=0.02)
            assert client.ask("Go") == "I am still at it. "
            go.set()
            assert client.wait_for_response().text == "Now I know. "
        assert told.one("c1")["status"] == "still working"
        assert (late[0]["role"], "forty-two" in late[0]["content"][0]["text"]) == ("system", True)

    def test_a_late_result_waits_until_nobody_has_the_floor(self) -> None:
        go, released = threading.Event(), threading.Event()

        def slow() -> str:
            go.wait(PATIENCE)
            released.set()
            return "late"

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            server.output()
            server.expect("response.create")
            server.answer("Wait.")
            server.asked()
            name = server.begin()
            server.words(name, "Meanwhile")
            server.wait_for_go()
            server.done(name)
            assert server.expect("conversation.item.create")["item"]["role"] == "system"
            server.expect("response.create")
            server.answer("Done.")

        with Scripted(script) as server, server.client() as client:
            add(client, slow, timeout=0.02)
            client.ask("Go")
            other = client.say("Something else")
            next(other.text_stream())
            go.set()
            assert released.wait(PATIENCE)
            server.go()
            assert other.text == "Meanwhile"
            assert client.wait_for_response().text == "Done. "

    def test_a_waiter_is_patient_while_a_tool_works(self) -> None:
        """Though the server is silent for longer than the client's timeout."""
        go, told = threading.Event(), Answers()
        with Scripted(one_call("slow", "", told)) as server:
            with server.client(timeout=0.05) as client:
                client.timeout = 0.05
                add(client, lambda: go.wait(0.3), name="slow", timeout=None)
                response = client.say("Go")
                assert len(list(response)) == 2
                assert response.text == "It is sunny. "

    def test_closing_does_not_wait_for_a_tool_that_hangs(self) -> None:
        go, running = threading.Event(), threading.Event()

        def hang() -> None:
            running.set()
            go.wait(PATIENCE)

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "hang", ""))
            server.silence()

        with Scripted(script) as server:
            client = server.client()
            add(client, hang, timeout=None)
            client.say("Go")
            assert running.wait(PATIENCE)
            client.close()
            go.set()


class TestTheClientInATool:
    def test_may_ask_something_else(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "expert", ""))
            server.asked()
            server.answer("Forty-two.")
            assert server.output() == ("c1", "Forty-two. ")
            server.expect("response.create")
            server.answer("The expert says forty-two.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: client.ask("What does the expert say?"), name="expert")
            assert client.ask("Go") == "The expert says forty-two. "

    def test_may_change_settings_and_take_part_in_the_conversation(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "shout", ""))
            server.accept_settings()
            server.output()
            server.expect("response.create")
            server.answer()

        def shout() -> str:
            client.update_session(voice="Hades")
            return "done"

        with Scripted(script) as server, server.client() as client:
            add(client, shout)
            assert client.ask("Go")
            assert client.session.audio.output.voice == "Hades"

    def test_may_not_wait_for_the_answer_that_waits_for_it(self) -> None:
        told = Answers()
        with Scripted(one_call("wait", "", told)) as server, server.client() as client:
            waiting: list[Any] = []

            def wait() -> str:
                with pytest.raises(LocalProtocolError, match="tool"):
                    waiting[0].wait()
                return "fine"

            go = threading.Event()
            add(client, lambda: (go.wait(PATIENCE), wait())[1], name="wait")
            waiting.append(client.say("Go"))
            go.set()
            waiting[0].wait()
        assert told.outputs == {"c1": ["fine"]}

    def test_may_close_it(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "hang_up", ""))
            server.silence()

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: client.close(), name="hang_up")
            with pytest.raises(Exception, match="closed"):
                client.say("Goodbye").wait()

    def test_others_wait_meanwhile(self) -> None:
        """What another thread says comes after the answer that the tool belongs to."""
        go, running = threading.Event(), threading.Event()

        def slow() -> str:
            running.set()
            go.wait(PATIENCE)
            return "ok"

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            assert server.output() == ("c1", "ok")
            server.expect("response.create")
            server.answer("First.")
            server.answer_say("Second.")

        with Scripted(script) as server, server.client() as client:
            add(client, slow)
            first = client.say("one")
            assert running.wait(PATIENCE)
            second = client.say("two")
            go.set()
            assert (first.text, second.text) == ("First. ", "Second. ")


class TestTheEnd:
    def test_cancelling_ends_the_answer_but_the_call_is_answered(self) -> None:
        go, running, told = threading.Event(), threading.Event(), Answers()

        def slow() -> str:
            running.set()
            go.wait(PATIENCE)
            return "unwanted"

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            told.take(server, 1)
            server.reached.set()
            server.answer_say("Next.")

        with Scripted(script) as server, server.client() as client:
            add(client, slow)
            response = client.say("Go")
            assert running.wait(PATIENCE)
            response.cancel()
            assert response.wait().status == "cancelled"
            go.set()
            assert server.reached.wait(PATIENCE)
            assert client.ask("Next?") == "Next. "
        assert told.outputs == {"c1": ["unwanted"]}

    def test_a_lost_connection_is_raised_by_the_answer(self) -> None:
        go, running = threading.Event(), threading.Event()

        def slow() -> None:
            running.set()
            go.wait(PATIENCE)

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "slow", ""))
            server.wait_for_go()
            server.abort()

        with Scripted(script) as server:
            client = server.client()
            add(client, slow)
            response = client.say("Go")
            assert running.wait(PATIENCE)
            server.go()
            with pytest.raises(ConnectionLost):
                response.wait()
            go.set()
            client.close()

    def test_a_refused_follow_up_is_raised_by_the_answer(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""))
            server.output()
            server.error(server.expect("response.create"), message="not now", code="x")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            with pytest.raises(ServerError, match="not now"):
                client.ask("Go")

    def test_a_busy_server_is_asked_again(self) -> None:
        """It began an answer of its own, to speech say, between the output and the request."""

        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""), words="Let me see.")
            server.output()
            request = server.expect("response.create")
            name = server.begin()
            server.words(name, "Something")
            server.sound(name, b"other!")
            server.error(request, code="conversation_already_has_active_response")
            server.words(name, " else.")
            server.done(name)
            server.expect("response.create")
            server.answer("Five.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 5, name="f")
            response = client.say("Go").wait()
            assert response.text == "".join(response.text_stream()) == "Let me see. Five. "
            assert response.audio == b"".join(response) == 3 * SLICE
            other = client.wait_for_response()
            assert (other.text, other.audio) == ("Something else.", b"other!")
            assert "".join(other.text_stream()) == other.text


class TestWhoAnswers:
    def test_declared_without_a_function_is_the_users_business(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.accept_settings()
            server.asked()
            server.calls(("c1", "mine", ""), ("c2", "f", ""))
            assert server.output() == ("c2", "1")
            server.reached.set()
            server.expect("conversation.item.create")
            server.expect("response.create")
            server.answer("Well.")

        with Scripted(script) as server, server.client() as client:
            add(client, lambda: 1, name="f")
            client.add_tool(FunctionTool(name="mine"))
            response = client.say("Go").wait()
            assert [call.name for call in response.tool_calls] == ["mine", "f"]
            assert server.reached.wait(PATIENCE)
            client.send_text("The result of mine is 7.", "system")
            assert client.create_response().text == "Well. "

    def test_in_automatic_mode_the_server_goes_on_by_itself(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.asked()
            server.calls(("c1", "f", ""), ("c2", "f", ""))
            server.output()
            server.output()
            server.answer("Automatic.")

        with Scripted(script) as server:
            config = {"providerData": {"auto_tool_response": True}}
            with server.client(config=config) as client:
                add(client, lambda: 1, name="f")
                assert client.ask("Go") == "Automatic. "
        assert server.types.count("response.create") == 1


class TestDeclaring:
    def test_tells_the_server_and_keeps_what_is_there(self) -> None:
        seen = []

        def script(server: Scripted) -> None:
            for _ in range(3):
                tools = server.accept_settings()["session"]["tools"]
                seen.append([tool.get("name", tool["type"]) for tool in tools])

        with Scripted(script) as server, server.client() as client:
            client.add_tool(WebSearchTool())
            add(client, weather, parameters=CITY)
            client.remove_tool("weather")
            with pytest.raises(ConfigError, match="no tool 'weather'"):
                client.remove_tool("weather")
        assert seen == [["web_search"], ["web_search", "weather"], ["web_search"]]

    def test_two_of_one_name_are_refused(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()

        with Scripted(script) as server, server.client() as client:
            add(client, weather, parameters=CITY)
            with pytest.raises(ConfigError, match="another name"):
                add(client, lambda city: city, name="weather")
            with pytest.raises(ConfigError, match="another name"):
                client.add_tool(FunctionTool(name="weather"))

    def test_what_the_server_refuses_is_not_kept(self) -> None:
        def script(server: Scripted) -> None:
            server.error(server.expect("session.update"), param="session.tools")
            server.accept_settings()

        with Scripted(script) as server, server.client() as client:
            with pytest.raises(ServerError):
                add(client, weather, parameters=CITY)
            add(client, lambda city: city, name="weather")

    def test_the_decorator_returns_the_function(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()

        with Scripted(script) as server, server.client() as client:
            assert client.tool(parameters=CITY)(weather) is weather

    def test_the_constructor_takes_functions(self) -> None:
        pytest.importorskip("msgspec", reason="functions' signatures are read with msgspec")

        def script(server: Scripted) -> None:
            server.asked()
            server.calls(("c1", "weather", '{"city": "Rome"}'))
            assert server.output() == ("c1", '{"sky":"Sunny in Rome"}')
            server.expect("response.create")
            server.answer()

        with Scripted(script) as server, server.client(tools=[weather]) as client:
            client.ask("Go")
            (tool,) = client.session.tools
        assert tool.parameters["required"] == ["city"]


def weather(city: str) -> dict[str, str]:
    """Tell what the weather is like."""
    return {"sky": f"Sunny in {city}"}


def test_a_plan_without_tools_is_named_as_the_likely_reason() -> None:
    def script(server: Scripted) -> None:
        server.accept_settings()
        server.asked()
        server.done(server.begin(), "failed", status_details={"reason": "server_error"})

    with Scripted(script) as server, server.client() as client:
        add(client, weather, parameters=CITY)
        failure = Background(lambda: client.ask("Go")).error()
    assert "plan without them" in str(failure) and "tools=[]" in str(failure)
