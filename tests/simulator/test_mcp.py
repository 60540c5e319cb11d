"""Tools that the server calls itself, behind a switch (protocol: MCP, GA schema)."""

from __future__ import annotations

import json

import pytest

from inworld_rt.events.client import ItemCreate, ResponseCancel, ResponseCreate
from inworld_rt.items import FunctionCallOutput, McpApprovalResponse
from inworld_rt.simulator.conversation import ToolCall, scripted
from inworld_rt.simulator.mcp import MOST_ROUNDS, TOOLS
from inworld_rt.simulator.replies import lesson
from tests.support.brains import Bench, one, squeezed, types

SERVER = {"type": "mcp", "server_label": "house", "server_url": "https://tools.example/mcp"}
FREE = {**SERVER, "require_approval": "never"}
TIMER = {"type": "function", "name": "start_timer", "parameters": {"type": "object"}}


def bench_with(*tools, replies=lesson, quirks=None, **session):
    bench = Bench(replies, quirks={"mcp": True, **(quirks or {})})
    bench.configure(tools=list(tools), **session)
    return bench


def kinds(got):
    """The types of an answer's items."""
    return [item.type for item in one(got, "response.done").response.output]


def words(got):
    return " ".join(
        i.text for i in one(got, "response.done").response.output if i.type == "message"
    )


# --- the list ------------------------------------------------------------------------------------


def test_a_declared_server_is_asked_for_its_tools():
    bench = Bench(quirks={"mcp": True})
    got = bench.configure(tools=[FREE])
    assert types(got) == [
        "session.updated",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "conversation.item.done",
    ]
    assert (got[1].item.type, got[1].item.tools) == ("mcp_list_tools", [])
    assert [tool.name for tool in got[-1].item.tools] == [tool.name for tool in TOOLS]
    assert {e.item_id for e in got if "list_tools" in e.type} == {got[1].item.id}


def test_it_is_asked_once_and_again_at_another_address():
    bench = bench_with(FREE)
    assert types(bench.configure(tools=[FREE])) == ["session.updated"]
    moved = {**FREE, "server_url": "https://other.example/mcp"}
    assert "mcp_list_tools.completed" in types(bench.configure(tools=[moved]))


@pytest.mark.parametrize("change", [{"server_url": "https://fail.example"}, {"server_url": None}])
def test_one_that_does_not_tell_has_no_tools(change):
    bench = Bench(lesson, quirks={"mcp": True})
    got = bench.configure(tools=[{**FREE, **change}])
    assert "mcp_list_tools.failed" in types(got)
    assert got[-1].item.tools == []
    assert kinds(bench.say("Roll the dice")) == ["message"]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (["roll_dice"], ["roll_dice"]),
        ({"tool_names": ["save_note", "ring_bell"]}, ["save_note", "ring_bell"]),
        ({"read_only": True}, ["roll_dice", "find_order"]),
        ({"read_only": False, "tool_names": ["save_note", "roll_dice"]}, ["save_note"]),
        ([], []),
    ],
)
def test_only_allowed_tools_are_there(allowed, names):
    got = Bench(quirks={"mcp": True}).configure(tools=[{**FREE, "allowed_tools": allowed}])
    assert [tool.name for tool in got[-1].item.tools] == names


def test_a_tool_that_is_not_allowed_is_not_called():
    bench = bench_with({**FREE, "allowed_tools": ["find_order"]})
    assert kinds(bench.say("Roll the dice")) == ["message"]


def test_with_the_switch_off_it_is_accepted_and_nothing_more():
    bench = Bench(lesson)
    assert types(bench.configure(tools=[FREE])) == ["session.updated"]
    assert kinds(bench.say("Roll the dice")) == ["message"]
    item = McpApprovalResponse(approval_request_id="x", approve=True)
    assert types(bench.send(ItemCreate(item=item)))[0] == "conversation.item.added"


# --- a call --------------------------------------------------------------------------------------


def test_a_call_and_then_its_result_in_the_same_answer():
    bench = bench_with(FREE, output_modalities=["text"])
    got = bench.say("Roll the dice with 20 sides")
    assert squeezed(got)[:10] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.output_item.done",
        "conversation.item.done",
        "response.output_item.added",
    ]
    call, message = one(got, "response.done").response.output
    assert (call.server_label, call.name) == ("house", "roll_dice")
    assert json.loads(call.arguments) == {"sides": 20}
    assert json.loads(call.output) == {"rolled": 10}
    assert call.error is None
    assert message.text == "The result is 10."
    assert one(got, "response.mcp_call_arguments.done").arguments == call.arguments


def test_a_tool_that_fails():
    got = bench_with(FREE).say("Ring the bell")
    assert "response.mcp_call.failed" in types(got)
    call = one(got, "response.done").response.output[0]
    assert (call.error.type, call.output) == ("tool_execution_error", None)
    assert words(got) == f"That did not work: {call.error.message}."


def test_beside_a_function_the_answer_waits_for_the_client():
    bench = bench_with(FREE, TIMER)
    got = bench.say("Roll the dice and start the timer")
    assert kinds(got) == ["mcp_call", "function_call"]
    call = one(got, "response.done").response.output[1]
    bench.send(ItemCreate(item=FunctionCallOutput(call_id=call.call_id, output='"started"')))
    assert words(bench.finish()) == "The result is 1. The result is started."


def test_a_function_of_the_same_name_goes_first():
    function = {"type": "function", "name": "roll_dice"}
    assert kinds(bench_with(FREE, function).say("Roll the dice")) == ["function_call"]


def test_the_choice_of_a_server_is_honoured():
    other = {**FREE, "server_label": "other", "server_url": "https://other.example"}
    choice = {"type": "mcp", "server_label": "house", "name": "find_order"}
    bench = bench_with(FREE, other, tool_choice=choice)
    call = one(bench.say("Hello"), "response.done").response.output[0]
    assert (call.server_label, call.name) == ("house", "find_order")
    bench = bench_with(FREE, tool_choice={"type": "mcp", "server_label": "elsewhere"})
    assert kinds(bench.say("Roll the dice")) == ["message"]
    assert kinds(bench_with(FREE, tool_choice="none").say("Roll the dice")) == ["message"]


def test_a_model_that_only_calls_comes_to_an_end():
    bench = bench_with(FREE, replies=scripted([ToolCall("roll_dice")]))
    assert kinds(bench.say("x")) == ["mcp_call"] * MOST_ROUNDS


def test_asked_again_without_new_words_it_does_not_call_again():
    bench = bench_with(FREE, tool_choice="required")
    bench.say("Roll the dice")
    names = {"roll_dice"}
    for _ in range(len(TOOLS) - 1):
        call = one(bench.send(ResponseCreate()) + bench.finish(), "response.done")
        item = call.response.output[0]
        if item.type == "mcp_call":
            assert item.name not in names
            names.add(item.name)
    assert kinds(bench.send(ResponseCreate()) + bench.finish()) == ["message"]


def test_a_call_that_is_cut_short_has_no_output():
    bench = bench_with(FREE)
    bench.write("Roll the dice")
    bench.send(ResponseCreate())
    bench.pass_time(0.01)
    got = bench.send(ResponseCancel())
    call = one(got, "response.done").response.output[0]
    assert (call.type, call.output, call.error) == ("mcp_call", None, None)
    assert "response.mcp_call.completed" not in types(bench.log)


# --- approval ------------------------------------------------------------------------------------


def approval(bench, approve, reason=None):
    """Answer the last request; gives the next answer's events."""
    asked = bench.brain.history.entries[-1].item
    assert asked.type == "mcp_approval_request"
    item = McpApprovalResponse(approval_request_id=asked.id, approve=approve, reason=reason)
    got = bench.send(ItemCreate(item=item))
    assert types(got) == ["conversation.item.added", "conversation.item.done"]
    assert bench.finish() == []  # the client has to ask
    return bench.send(ResponseCreate()) + bench.finish()


def test_approved_it_is_called_in_the_next_answer():
    bench = bench_with(SERVER)
    got = bench.say("Roll the dice with 20 sides")
    assert kinds(got) == ["mcp_approval_request"]
    asked = one(got, "response.done").response.output[0]
    assert (asked.server_label, asked.name) == ("house", "roll_dice")
    got = approval(bench, approve=True)
    call = one(got, "response.done").response.output[0]
    assert (call.type, call.approval_request_id) == ("mcp_call", asked.id)
    assert words(got) == "The result is 10."


def test_denied_it_is_not():
    bench = bench_with(SERVER)
    bench.say("Roll the dice")
    got = approval(bench, approve=False, reason="no games")
    assert kinds(got) == ["message"]
    assert words(got) == "That did not work: it was not allowed."


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        (None, True),
        ("always", True),
        ("never", False),
        ({"never": {"tool_names": ["roll_dice"]}}, False),
        ({"never": {"tool_names": ["save_note"]}}, True),
        ({"always": {"tool_names": ["roll_dice"]}}, True),
        ({"always": {"read_only": False}}, False),
        ({"always": {"read_only": False}, "never": {"read_only": True}}, False),
        ({}, True),
    ],
)
def test_who_must_be_asked(rule, asks):
    tool = SERVER if rule is None else {**SERVER, "require_approval": rule}
    got = bench_with(tool).say("Roll the dice")
    assert kinds(got)[0] == ("mcp_approval_request" if asks else "mcp_call")


def test_an_answer_to_no_question_is_refused_and_leaves_no_item():
    bench = bench_with(SERVER)
    count = len(bench.brain.history.entries)
    item = McpApprovalResponse(approval_request_id="nobody", approve=True)
    error = one(bench.send(ItemCreate(item=item)), "error").error
    assert (error.code, error.param) == ("invalid_value", "item.approval_request_id")
    assert len(bench.brain.history.entries) == count


def test_an_answer_aside_does_not_carry_out_what_was_approved():
    bench = bench_with(SERVER, quirks={"out_of_band": True})
    bench.say("Roll the dice")
    asked = bench.brain.history.entries[-1].item
    bench.send(ItemCreate(item=McpApprovalResponse(approval_request_id=asked.id, approve=True)))
    aside = {"conversation": "none", "input": []}
    got = bench.send({"type": "response.create", "response": aside}) + bench.finish()
    assert kinds(got) == ["message"]
    assert kinds(bench.send(ResponseCreate()) + bench.finish())[0] == "mcp_call"
