"""The calls of tools, from the events. Pure (protocol: function calls; MCP)."""

from __future__ import annotations

from typing import Any

from attrs import define

from inworld_rt.report.model import Tool

__all__ = ["Calls"]

_ARGUMENTS = "response.function_call_arguments."
_MCP = "response.mcp_call."


@define
class _Call:
    turn: int
    name: str = "?"
    arguments: str = ""
    output: str = ""
    start: float | None = None
    end: float | None = None


class Calls:
    """All calls so far."""

    def __init__(self) -> None:
        """There was none."""
        self._calls: dict[str, _Call] = {}
        self._names: dict[str, str] = {}  # of an item the call

    def received(self, t: float, kind: str, event: dict[str, Any], turn: int) -> None:
        """A message about an answer.

        Args:
            t: when it came.
            kind: its type.
            event: the message.
            turn: the number of the answer's turn.
        """
        items = [event.get("item")]
        if kind == "response.done":
            items = list(event["response"].get("output") or ())
        for item in items:
            if isinstance(item, dict) and item.get("type") in ("function_call", "mcp_call"):
                self._item(t, kind, item, turn)
        if kind.startswith(_ARGUMENTS) and kind.endswith(".done"):
            self._complete(t, self._call(event, turn), event)
        elif kind.startswith(_MCP):
            call = self._call(event, turn)
            if kind == f"{_MCP}in_progress":
                call.start = t
            else:
                call.end = t

    def ended(self, call_id: str, t: float, output: Any) -> None:
        """A call's result was sent."""
        call = self._calls.get(call_id)
        if call is not None and call.end is None:
            call.end = t
            call.output = output if isinstance(output, str) else ""

    def of(self, turn: int) -> tuple[Tool, ...]:
        """The calls of a turn."""
        return tuple(
            Tool(call.name, call.arguments, call.output, call.start, call.end, turn)
            for call in self._calls.values()
            if call.turn == turn and call.start is not None
        )

    def _item(self, t: float, kind: str, item: dict[str, Any], turn: int) -> None:
        call = self._call(item, turn)
        call.name = str(item.get("name") or call.name)
        if item["type"] == "mcp_call":
            call.arguments = str(item.get("arguments") or call.arguments)
            call.output = str(item.get("output") or item.get("error") or call.output)
        elif kind in ("response.output_item.done", "response.done"):
            self._complete(t, call, item)

    def _complete(self, t: float, call: _Call, told: dict[str, Any]) -> None:
        call.name = str(told.get("name") or call.name)
        call.arguments = str(told.get("arguments") or call.arguments)
        if call.start is None:
            call.start = t

    def _call(self, told: dict[str, Any], turn: int) -> _Call:
        item = str(told.get("item_id") or told.get("id"))
        name = str(told.get("call_id") or self._names.get(item) or item)
        self._names.setdefault(item, name)
        return self._calls.setdefault(name, _Call(turn))
