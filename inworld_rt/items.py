"""Conversation items and their content parts (protocol: conversation items).

``None`` means "not there". An item is told apart by its ``type``; one of an unknown type arrives as
:class:`UnknownItem`, a part as :class:`UnknownPart`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from attrs import field

from inworld_rt.codec import Kinds, Shape, kind, shape, wire

__all__ = [
    "AudioPart",
    "ContentPart",
    "FunctionCall",
    "FunctionCallOutput",
    "InputAudio",
    "InputImage",
    "InputText",
    "Item",
    "ItemReference",
    "McpApprovalRequest",
    "McpApprovalResponse",
    "McpCall",
    "McpError",
    "McpListTools",
    "McpListedTool",
    "Message",
    "TextPart",
    "UnknownItem",
    "UnknownPart",
]


@shape
class ContentPart(Shape):
    """A piece of a message (protocol: content parts)."""

    kinds: ClassVar[Kinds] = {}

    type: str = ""
    """The wire's word for what this is."""


@kind("input_text")
@shape
class InputText(ContentPart):
    """Text from the user or the system."""

    type: Literal["input_text"] = "input_text"
    text: str = ""
    """The text."""


@kind("input_audio")
@shape
class InputAudio(ContentPart):
    """Speech from the user."""

    type: Literal["input_audio"] = "input_audio"
    audio: bytes | None = None
    """Samples in the session's input format; the server leaves them out except on retrieve."""
    transcript: str | None = None
    """What was said, if known. Not shown to the model."""


@kind("input_image")
@shape
class InputImage(ContentPart):
    """A picture from the user (GA schema only; Inworld may refuse it)."""

    type: Literal["input_image"] = "input_image"
    image_url: str = ""
    """A data URI holding PNG or JPEG."""
    detail: Literal["auto", "low", "high"] | None = None
    """How closely to look."""


@kind("output_text", "text")
@shape
class TextPart(ContentPart):
    """Text from the assistant; Inworld says ``text``, the GA schema ``output_text``."""

    type: Literal["output_text", "text"] = "output_text"
    text: str = ""
    """The text."""


@kind("output_audio", "audio")
@shape
class AudioPart(ContentPart):
    """Speech from the assistant; Inworld says ``audio``, the GA schema ``output_audio``."""

    type: Literal["output_audio", "audio"] = "output_audio"
    audio: bytes | None = None
    """Samples in the session's output format; only there on retrieve."""
    transcript: str | None = None
    """What is said."""


@kind("")
@shape
class UnknownPart(ContentPart):
    """A content part of a kind that this version does not know, or of none."""

    text: str | None = None
    """Its text, if any."""
    transcript: str | None = None
    """Its transcript, if any."""


@shape
class Item(Shape):
    """An entry of the conversation."""

    kinds: ClassVar[Kinds] = {}

    type: str = ""
    """The wire's word for what this is."""
    id: str | None = None
    """Opaque; may be chosen by the client when creating the item."""
    object: str | None = None
    """``realtime.item``, from the server."""
    status: str | None = None
    """``completed``, ``incomplete`` or ``in_progress``; of no effect on the conversation."""


@kind("message")
@shape
class Message(Item):
    """Something said or written."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "tool"] = "user"
    """Who says it. ``tool`` is in Inworld's list only; write the other three."""
    content: list[ContentPart] = field(factory=list)
    """The parts, in order; empty while the model is still at it."""

    @property
    def text(self) -> str:
        """All text and transcripts of the message, joined by a space."""
        texts = (getattr(p, "text", None) or getattr(p, "transcript", None) for p in self.content)
        return " ".join(t for t in texts if t)


@kind("function_call")
@shape
class FunctionCall(Item):
    """The model wants a tool to be run."""

    type: Literal["function_call"] = "function_call"
    call_id: str | None = None
    """Names the call; the output must repeat it."""
    name: str | None = None
    """The tool."""
    arguments: str = ""
    """A JSON object as text; may be empty for a tool without arguments."""


@kind("function_call_output", "function_call_result")
@shape
class FunctionCallOutput(Item):
    """The result of a tool, from the client. (One reference page says ``function_call_result``.)"""

    type: Literal["function_call_output"] = "function_call_output"
    call_id: str | None = None
    """The call that this answers."""
    output: str = field(default="", metadata=wire("output", "content"))
    """Text, by custom JSON."""


@kind("item_reference")
@shape
class ItemReference(Item):
    """An earlier item, named by ``id``; only in the ``input`` of an answer (GA schema)."""

    type: Literal["item_reference"] = "item_reference"


@shape
class McpListedTool(Shape):
    """A tool that an MCP server offers (GA schema)."""

    name: str = ""
    input_schema: Any = None
    """JSON Schema of its arguments."""
    description: str | None = None
    """What it is for."""
    annotations: Any = None
    """Whatever else the MCP server says of it."""


@kind("mcp_list_tools")
@shape
class McpListTools(Item):
    """The tools of an MCP server (GA schema)."""

    type: Literal["mcp_list_tools"] = "mcp_list_tools"
    server_label: str = ""
    """The MCP server."""
    tools: list[McpListedTool] = field(factory=list)
    """What it offers."""


@shape
class McpError(Shape):
    """Why an MCP call failed (GA schema)."""

    type: str = ""
    """``protocol_error``, ``tool_execution_error`` or ``http_error``."""
    message: str = ""
    """The server's words."""
    code: int | None = None
    """Not for ``tool_execution_error``."""


@kind("mcp_call")
@shape
class McpCall(Item):
    """A tool run by the server over MCP (GA schema)."""

    type: Literal["mcp_call"] = "mcp_call"
    server_label: str = ""
    """The MCP server."""
    name: str = ""
    """The tool."""
    arguments: str = ""
    """A JSON object as text."""
    output: str | None = None
    """What it gave."""
    error: McpError | None = None
    """Why it gave nothing."""
    approval_request_id: str | None = None
    """The :class:`McpApprovalRequest` that came first, if one did."""


@kind("mcp_approval_request")
@shape
class McpApprovalRequest(Item):
    """The server asks whether an MCP tool may run (GA schema)."""

    type: Literal["mcp_approval_request"] = "mcp_approval_request"
    server_label: str = ""
    """The MCP server."""
    name: str = ""
    """The tool."""
    arguments: str = ""
    """A JSON object as text."""


@kind("mcp_approval_response")
@shape
class McpApprovalResponse(Item):
    """The client's answer to an :class:`McpApprovalRequest` (GA schema)."""

    type: Literal["mcp_approval_response"] = "mcp_approval_response"
    approval_request_id: str = ""
    """The item that asked."""
    approve: bool = False
    """Yes or no."""
    reason: str | None = None
    """Why, for the model."""


@kind("")
@shape
class UnknownItem(Item):
    """An item of a kind that this version does not know."""
