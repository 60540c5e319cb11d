"""The items of an answer that are about MCP: a call that the server makes itself, and the question
whether it may (protocol: MCP, GA schema).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from attrs import define, field

from inworld_rt.events.server import (
    McpArgumentsDelta,
    McpArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
)
from inworld_rt.items import McpApprovalRequest, McpCall, McpError
from inworld_rt.simulator.answer_items import ARGUMENTS_STEP, Maker
from inworld_rt.simulator.answer_source import Asked, Ran
from inworld_rt.simulator.conversation import ToolCall
from inworld_rt.wire import Event

__all__ = ["ApprovalMaker", "McpCallMaker"]


def _arguments(call: ToolCall) -> str:
    return json.dumps(call.arguments, ensure_ascii=False)


@define
class McpCallMaker(Maker):
    """A call over MCP. The items of this kind have no status in the schema."""

    ran: Ran = field(kw_only=True)

    def open(self) -> Iterator[Event]:
        """Announce the call."""
        yield from self._open(self._item(None, ended=False))

    def run(self) -> Iterator[Event]:
        """The arguments, piece by piece, and the beginning of the call."""
        text = _arguments(self.ran.call)
        for start in range(0, len(text), ARGUMENTS_STEP):
            yield McpArgumentsDelta(
                response_id=self.response_id,
                item_id=self.item_id,
                output_index=self.output_index,
                delta=text[start : start + ARGUMENTS_STEP],
            )
        yield McpArgumentsDone(
            response_id=self.response_id,
            item_id=self.item_id,
            output_index=self.output_index,
            arguments=text,
        )
        yield McpCallInProgress(item_id=self.item_id, output_index=self.output_index)

    def close(self, status: str) -> Iterator[Event]:
        """Finish the call; one that was cut short has neither output nor error."""
        whole = status == "completed"
        if whole:
            kind = McpCallCompleted if self.ran.error is None else McpCallFailed
            yield kind(item_id=self.item_id, output_index=self.output_index)
        yield from self._close(self._item(_arguments(self.ran.call), ended=whole))

    def _item(self, arguments: str | None, *, ended: bool) -> McpCall:
        error = self.ran.error if ended else None
        return McpCall(
            id=self.item_id,
            server_label=self.ran.server_label,
            name=self.ran.call.name,
            arguments=arguments or "",
            output=self.ran.output if ended else None,
            error=None if error is None else McpError(type="tool_execution_error", message=error),
            approval_request_id=self.ran.approval_request_id,
        )


@define
class ApprovalMaker(Maker):
    """The question whether a call over MCP may be made; its id is the request's."""

    asked: Asked = field(kw_only=True)

    def _item(self) -> McpApprovalRequest:
        return McpApprovalRequest(
            id=self.item_id,
            server_label=self.asked.server_label,
            name=self.asked.call.name,
            arguments=_arguments(self.asked.call),
        )

    def open(self) -> Iterator[Event]:
        """Ask."""
        yield from self._open(self._item())

    def close(self, status: str) -> Iterator[Event]:
        """The question is whole from the beginning."""
        yield from self._close(self._item())
