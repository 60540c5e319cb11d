"""Conversation items and their parts, in every spelling that is about."""

from __future__ import annotations

import pytest

from inworld_rt.codec import read, write
from inworld_rt.errors import ConfigError
from inworld_rt.items import (
    AudioPart,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    ItemReference,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpError,
    McpListedTool,
    McpListTools,
    Message,
    TextPart,
    UnknownItem,
    UnknownPart,
)

ITEMS = [
    (
        Message(id="a", object="realtime.item", status="completed", role="assistant"),
        {
            "type": "message",
            "id": "a",
            "object": "realtime.item",
            "status": "completed",
            "role": "assistant",
            "content": [],
        },
    ),
    (
        FunctionCall(call_id="k", name="clock", arguments="{}"),
        {"type": "function_call", "call_id": "k", "name": "clock", "arguments": "{}"},
    ),
    (
        FunctionCallOutput(call_id="k", output="12:34"),
        {"type": "function_call_output", "call_id": "k", "output": "12:34"},
    ),
    (ItemReference(id="a"), {"type": "item_reference", "id": "a"}),
    (
        McpListTools(
            server_label="s",
            tools=[McpListedTool(name="t", input_schema={"type": "object"}, annotations={"x": 1})],
        ),
        {
            "type": "mcp_list_tools",
            "server_label": "s",
            "tools": [{"name": "t", "input_schema": {"type": "object"}, "annotations": {"x": 1}}],
        },
    ),
    (
        McpCall(
            id="m",
            server_label="s",
            name="t",
            arguments="{}",
            error=McpError(type="http_error", code=404, message="no"),
            approval_request_id="q",
        ),
        {
            "type": "mcp_call",
            "id": "m",
            "server_label": "s",
            "name": "t",
            "arguments": "{}",
            "error": {"type": "http_error", "message": "no", "code": 404},
            "approval_request_id": "q",
        },
    ),
    (
        McpApprovalRequest(id="q", server_label="s", name="t", arguments="{}"),
        {
            "type": "mcp_approval_request",
            "id": "q",
            "server_label": "s",
            "name": "t",
            "arguments": "{}",
        },
    ),
    (
        McpApprovalResponse(approval_request_id="q", approve=True, reason="fine"),
        {
            "type": "mcp_approval_response",
            "approval_request_id": "q",
            "approve": True,
            "reason": "fine",
        },
    ),
]

PARTS = [
    (InputText(text="Hi"), {"type": "input_text", "text": "Hi"}),
    (
        InputAudio(audio=b"\0", transcript="x"),
        {"type": "input_audio", "audio": "AA==", "transcript": "x"},
    ),
    (
        InputImage(image_url="data:image/png;base64,", detail="low"),
        {"type": "input_image", "image_url": "data:image/png;base64,", "detail": "low"},
    ),
    (TextPart(text="Hi"), {"type": "output_text", "text": "Hi"}),
    (TextPart(type="text", text="Hi"), {"type": "text", "text": "Hi"}),
    (AudioPart(transcript="Hi"), {"type": "output_audio", "transcript": "Hi"}),
    (AudioPart(type="audio", audio=b"\0"), {"type": "audio", "audio": "AA=="}),
]


@pytest.mark.parametrize(("item", "data"), ITEMS, ids=lambda v: type(v).__name__)
def test_each_item_travels_both_ways(item, data):
    assert write(item, "item") == data
    for path in (None, "item"):
        assert read(Item, data, path) == item


@pytest.mark.parametrize(("part", "data"), PARTS, ids=lambda v: type(v).__name__)
def test_each_part_travels_both_ways(part, data):
    assert write(part, "part") == data
    for path in (None, "part"):
        assert read(ContentPart, data, path) == part


def test_there_is_a_row_for_every_kind():
    assert {type(i) for i, _ in ITEMS} == set(Item.kinds.values()) - {UnknownItem}
    assert {type(p) for p, _ in PARTS} == set(ContentPart.kinds.values()) - {UnknownPart}


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
def test_all_four_roles_are_read_and_may_be_written(role):
    assert read(Item, {"type": "message", "role": role}).role == role
    assert write(Message(role=role), "item")["role"] == role


def test_a_role_of_tomorrow_is_read_but_not_written():
    message = read(Item, {"type": "message", "role": "developer"})
    assert message.role == "developer"
    with pytest.raises(ConfigError, match=r"item\.role: expected one of 'user', 'assistant'"):
        write(message, "item")


def test_the_other_wording_for_a_tools_output_is_read():
    item = read(Item, {"type": "function_call_result", "call_id": "k", "content": "x"})
    assert type(item) is FunctionCallOutput
    assert (item.call_id, item.output) == ("k", "x")


@pytest.mark.parametrize("data", [{}, {"type": None}, {"type": "hologram"}, {"type": 5}])
def test_an_item_of_another_kind_keeps_what_all_items_have(data):
    item = read(Item, {**data, "id": "h", "status": "completed", "depth": 3})
    assert type(item) is UnknownItem
    assert (item.id, item.status) == ("h", "completed")


def test_a_part_without_a_kind_keeps_its_words():
    part = read(ContentPart, {"transcript": "Hi"})
    assert part == UnknownPart(transcript="Hi")
    assert Message(content=[part]).text == "Hi"


def test_the_text_of_a_message_is_all_its_words():
    message = Message(
        content=[
            InputText(text="one"),
            InputAudio(transcript="two"),
            InputAudio(audio=b"\0"),
            InputImage(),
            AudioPart(transcript="three"),
            UnknownPart(),
        ]
    )
    assert message.text == "one two three"
    assert Message().text == ""


def test_a_message_whose_content_is_nonsense_has_none():
    for content in (None, "Hi", 5, {}):
        assert read(Item, {"type": "message", "content": content}).content == []


def test_a_printed_item_does_not_show_its_sound():
    assert "<3 bytes>" in repr(Message(content=[InputAudio(audio=b"abc")]))
    assert "abc" not in repr(Message(content=[InputAudio(audio=b"abc")]))
