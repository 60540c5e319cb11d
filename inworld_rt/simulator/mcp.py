"""A made-up MCP server behind every tool of type ``mcp``: its tools, what they give, and whether
the client must be asked first (protocol: MCP, GA schema; nothing of it was seen on Inworld).

Our choices, where nothing is told: a server is asked for its tools after the update that declares
it; one whose address contains "fail", or that has none, does not tell them, and its tools cannot
be called. An answer that asked for approval ends; the next one makes what was approved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
from attrs import define, field

from inworld_rt.codec import replace
from inworld_rt.events.server import (
    ItemAdded,
    ItemDone,
    McpListCompleted,
    McpListFailed,
    McpListInProgress,
)
from inworld_rt.items import McpApprovalResponse, McpListedTool, McpListTools
from inworld_rt.simulator.answer_source import Asked, Piece, Ran
from inworld_rt.simulator.conversation import Conversation, ReplySource, ToolCall, Turn
from inworld_rt.simulator.history import Entry, History
from inworld_rt.simulator.refusals import wrong_value
from inworld_rt.simulator.settings import Settings
from inworld_rt.wire import Event

__all__ = ["TOOLS", "Mcp"]

MOST_ROUNDS = 4
"""How often one answer calls tools and goes on; a model could go on for ever."""

REFUSED = '{"error": "it was not allowed"}'


def _schema(**properties: str) -> dict[str, Any]:
    kinds = {name: {"type": kind} for name, kind in properties.items()}
    return {"type": "object", "properties": kinds, "required": list(properties)}


def _tool(name: str, description: str, schema: dict[str, Any], *, reads: bool) -> McpListedTool:
    return McpListedTool(
        name=name,
        description=description,
        input_schema=schema,
        annotations={"readOnlyHint": reads},
    )


TOOLS = (
    _tool("roll_dice", "Throw a die.", _schema(sides="integer"), reads=True),
    _tool("find_order", "Where a parcel is.", _schema(order_id="string"), reads=True),
    _tool("save_note", "Write something down.", _schema(text="string"), reads=False),
    _tool("ring_bell", "Out of order; it always fails.", _schema(), reads=False),
)
"""What every server here offers."""


def _outcome(call: ToolCall) -> tuple[str | None, str | None]:
    """What a tool gives: output, or error. Always the same for the same arguments."""
    given = call.arguments
    if call.name == "roll_dice":
        return f'{{"rolled": {(int(given.get("sides") or 6) + 1) // 2}}}', None
    if call.name == "find_order":
        return '{"parcel": "on its way"}', None
    if call.name == "save_note":
        return '{"saved": true}', None
    return None, "the bell is out of order"


@define
class Mcp:
    """One session's MCP servers."""

    settings: Settings
    history: History
    new_id: Callable[[], str]
    on: bool = False
    """Whether the quirk is; else everything here does nothing."""
    _asked: dict[str, str] = field(factory=dict)
    """Label of a server to its address, of those that were asked for their tools."""
    _open: dict[str, Asked] = field(factory=dict)
    """By id: requests that the client has not answered."""
    _decided: list[tuple[Asked, bool]] = field(factory=list)

    # --- what there is ----------------------------------------

    def listed(self) -> Iterator[Event]:
        """Ask the servers for their tools that were not asked before."""
        for tool in _servers(self.settings.session["tools"]) if self.on else ():
            label, address = tool["server_label"], _address(tool)
            if self._asked.get(label) != address:
                self._asked[label] = address
                yield from self._list(tool)

    def _list(self, tool: Mapping[str, Any]) -> Iterator[Event]:
        name = self.new_id()
        item = McpListTools(id=name, server_label=tool["server_label"])
        entry = Entry(item)
        previous = self.history.add(entry)
        yield ItemAdded(item=item, previous_item_id=previous)
        yield McpListInProgress(item_id=name)
        if _answers(tool):
            item = replace(item, tools=[t for t in TOOLS if _allowed(tool, t)])
            entry.item = item
            yield McpListCompleted(item_id=name)
        else:
            yield McpListFailed(item_id=name)
        yield ItemDone(item=item, previous_item_id=previous)

    def _offers(self, tools: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """By name: the tools as the model sees them. A function of the same name goes first."""
        tools = list(tools)
        taken = {tool.get("name") for tool in tools if tool.get("type") == "function"}
        offers: dict[str, dict[str, Any]] = {}
        for server in _servers(tools):
            if self._asked.get(server["server_label"]) != _address(server) or not _answers(server):
                continue
            for tool in TOOLS:
                if tool.name not in taken and _allowed(server, tool):
                    taken.add(tool.name)
                    offers[tool.name] = {
                        "type": "mcp_tool",
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.input_schema,
                        "server_label": server["server_label"],
                        "ask": _must_ask(server, tool),
                    }
        return offers

    # --- approval ----------------------------------------

    def decide(self, item: McpApprovalResponse) -> None:
        """The client says whether a call may be made.

        Raises:
            Refusal: nobody asked.
        """
        if not self.on:
            return
        asked = self._open.pop(item.approval_request_id, None)
        if asked is None:
            raise wrong_value("item.approval_request_id", "the id of a request that is open")
        self._decided.append((asked, item.approve))

    # --- an answer ----------------------------------------

    def reply(
        self, source: ReplySource, conversation: Conversation, *, aside: bool
    ) -> Iterator[Piece]:
        """A reply in which the calls over MCP are made and their results spoken of.

        Args:
            source: the model.
            conversation: what it works with.
            aside: whether the answer stays out of the conversation, and what was decided in it.
        """
        if not self.on:
            yield from source(conversation)
            return
        offers = self._offers(conversation.tools)
        tools = (*conversation.tools, *offers.values())
        news: list[Turn] = []
        if not aside:
            yield from self._made(news)
        for _ in range(MOST_ROUNDS):
            conversation = attrs.evolve(
                conversation, tools=tools, turns=(*conversation.turns, *news)
            )
            news = []
            waiting = False
            for piece in source(conversation):
                offer = offers.get(piece.name) if isinstance(piece, ToolCall) else None
                if offer is None or not isinstance(piece, ToolCall):
                    waiting = waiting or isinstance(piece, ToolCall)
                    yield piece
                elif offer["ask"]:
                    waiting = True
                    asked = Asked(piece, offer["server_label"], self.new_id())
                    self._open[asked.request_id] = asked
                    yield asked
                else:
                    yield _run(piece, offer["server_label"], news)
            if waiting or not news:
                return

    def _made(self, news: list[Turn]) -> Iterator[Piece]:
        """Carry out what the client has decided."""
        while self._decided:
            asked, approved = self._decided.pop(0)
            if approved:
                yield _run(asked.call, asked.server_label, news, asked.request_id)
            else:
                news.append(Turn("tool", REFUSED, asked.call.name))


def _run(call: ToolCall, label: str, news: list[Turn], request_id: str | None = None) -> Ran:
    """Make a call, and note for the model what came of it."""
    output, error = _outcome(call)
    ran = Ran(call, label, output, error, request_id)
    news.append(Turn("tool", ran.told, call.name))
    return ran


# --- a declaration ----------------------------------------


def _servers(tools: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (tool for tool in tools if tool.get("type") == "mcp")


def _address(tool: Mapping[str, Any]) -> str:
    names = ("server_url", "connector_id", "tunnel_id")
    return next((str(tool[name]) for name in names if tool.get(name)), "")


def _answers(tool: Mapping[str, Any]) -> bool:
    address = _address(tool)
    return bool(address) and "fail" not in address


def _fits(wanted: Any, tool: McpListedTool) -> bool:
    """Whether a tool is among those that a list or a filter names."""
    if isinstance(wanted, list):
        return tool.name in wanted
    if not isinstance(wanted, dict):
        return False
    names, reads = wanted.get("tool_names"), wanted.get("read_only")
    return (names is None or tool.name in names) and (
        reads is None or tool.annotations["readOnlyHint"] is reads
    )


def _allowed(server: Mapping[str, Any], tool: McpListedTool) -> bool:
    wanted = server.get("allowed_tools")
    return wanted is None or _fits(wanted, tool)


def _must_ask(server: Mapping[str, Any], tool: McpListedTool) -> bool:
    """Whether the client has to approve first; where nothing is said of a tool, it has to."""
    rule = server.get("require_approval")
    if not isinstance(rule, dict):
        return rule != "never"
    if _fits(rule.get("never"), tool):
        return False
    return rule.get("always") is None or _fits(rule["always"], tool)
