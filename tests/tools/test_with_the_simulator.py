"""The whole road of a tool, over sockets: declared from its signature, called, answered, told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

pytest.importorskip("websockets", reason="the simulator needs websockets")
pytest.importorskip("msgspec", reason="functions' signatures are read with msgspec")

from inworld_rt import Client, ResponseFailed
from inworld_rt.config import McpTool, WebSearchTool
from inworld_rt.items import McpApprovalRequest, McpApprovalResponse, McpCall
from inworld_rt.simulator import Simulator
from tests.support.background import PATIENCE


@contextmanager
def simulated(config: Any = None, **quirks: Any) -> Iterator[Client]:
    with (
        Simulator(quirks=quirks, pace=50) as server,
        Client(
            url=server.url, credentials=server.api_key, config=config, timeout=PATIENCE
        ) as client,
    ):
        yield client


def weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, Any]:
    """Tell the weather in a city."""
    return {"city": city, "sky": "snow"}


def set_timer(minutes: int) -> str:
    """Set a timer."""
    return f"set to {minutes} minutes"


@pytest.mark.parametrize("automatic", [False, True])
def test_the_model_calls_and_goes_on(automatic: bool) -> None:
    """Whether the client asks for the rest of the answer, or the server goes on by itself."""
    config = {"providerData": {"auto_tool_response": automatic}}
    with simulated(config) as client:
        client.tool(weather)
        response = client.say("What is the weather in Oslo?").wait()
        assert "snow" in response.text and len(response.audio) > 0
        assert [call.name for call in response.tool_calls] == ["weather"]
        assert client.ask("What is two plus two?") == "2 plus 2 is 4."


def test_several_calls_in_one_answer() -> None:
    with simulated() as client:
        client.update_session(tools=[weather, set_timer])
        response = client.say("What is the weather in Oslo, and set a timer for 5 minutes.").wait()
        assert {call.name for call in response.tool_calls} == {"weather", "set_timer"}
        assert "snow" in response.text and "5 minutes" in response.text


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "set_timer"}])
def test_a_forced_choice_ends(choice: Any) -> None:
    with simulated() as client:
        client.add_tool(set_timer)
        client.update_session(tool_choice=choice)
        assert len(client.say("Seven minutes, please.").wait().tool_calls) == 1


def test_a_call_that_is_listed_twice_is_run_once() -> None:
    ran: list[str] = []

    def note(text: str) -> str:
        """Note a text."""
        ran.append(text)
        return "noted"

    with simulated(repeat_calls=True) as client:
        client.add_tool(note)
        client.ask("Please note the text hello.")
    assert len(ran) == 1


def test_a_late_result_is_told() -> None:
    go = threading.Event()

    def search_archive() -> str:
        """Search the archive."""
        go.wait(PATIENCE)
        return "found in room seven"

    with simulated() as client:
        client.add_tool(search_archive, timeout=0.05)
        assert "still working" in client.ask("Please search the archive.")
        go.set()
        assert "room seven" in client.wait_for_response().text


def test_an_account_without_tools_is_told_so() -> None:
    with simulated(tools_plan_denied=True) as client:
        client.add_tool(weather)
        with pytest.raises(ResponseFailed, match=r"plan without them.*tools=\[\]"):
            client.ask("Hello!")
        client.update_session(tools=[])
        assert client.ask("Hello!")


def test_tools_of_the_server_need_nothing_of_us() -> None:
    with simulated(mcp=True) as client:
        client.add_tool(WebSearchTool())
        client.add_tool(
            McpTool(server_label="desk", server_url="https://desk.test/", require_approval="never")
        )
        assert "found" in client.ask("Please search the web for whales.")
        items = client.say("Please roll the dice.").wait().items
        assert [item.output for item in items if isinstance(item, McpCall)] != [None]


def test_a_tool_of_the_server_that_asks_first() -> None:
    with simulated(mcp=True) as client:
        client.add_tool(McpTool(server_label="desk", server_url="https://desk.test/"))
        (request,) = client.say("Please roll the dice.").wait().items
        assert isinstance(request, McpApprovalRequest)
        client.add_items(McpApprovalResponse(approval_request_id=request.id or "", approve=True))
        answer = client.create_response().wait()
        assert [item.type for item in answer.items] == ["mcp_call", "message"]


def test_in_a_conversation_by_voice() -> None:
    """Speech is understood, the tool is run, and the result is spoken."""
    pytest.importorskip("pocketsphinx", reason="the simulator's ears need pocketsphinx")
    from inworld_rt.cli.demo import QUESTION

    def time() -> str:
        """The time is asked for."""
        return "half past nine"

    with simulated() as client:
        client.add_tool(time)
        response = client.send_recording(QUESTION).wait()
        assert response.text == "The result is half past nine."
        assert len(response.tool_calls) == 1
