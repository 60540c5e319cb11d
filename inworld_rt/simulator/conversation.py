"""What a reply source works with: the conversation so far, and the parts of an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import field, frozen

__all__ = [
    "Conversation",
    "ReplySource",
    "ToolCall",
    "Turn",
    "echo",
    "pieces",
    "scripted",
]


@frozen
class Turn:
    """What one side said."""

    role: str
    """``user``, ``assistant``, ``system``, or ``tool`` for a tool's output."""
    text: str
    name: str | None = None
    """Of a tool's output: the tool."""
    pictures: tuple[str, ...] = ()
    """What the user showed: ``PNG`` or ``JPEG`` for each picture."""


@frozen
class ToolCall:
    """A request to run one of the declared tools."""

    name: str
    arguments: dict[str, Any] = field(factory=dict)


@frozen
class Conversation:
    """All that an answer may depend on."""

    turns: tuple[Turn, ...] = ()
    instructions: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    """As declared in the session; only those of type ``function`` can be called, and those of
    type ``mcp_tool``, one for each tool that a declared MCP server has."""
    tool_choice: str | dict[str, Any] = "auto"
    facts: tuple[str, ...] = ()
    """What the memory knows of the user; it is in the instructions, too."""
    summary: str = ""
    """What the memory knows of the conversation; it is in the instructions, too."""

    @property
    def heard(self) -> str:
        """What the user said last; ``""`` if nothing yet."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def results(self) -> tuple[Turn, ...]:
        """The tool outputs that came after everything else, but for notes of the system."""
        return tuple(turn for turn in self._news if turn.role == "tool")

    @property
    def notes(self) -> tuple[Turn, ...]:
        """What the system said after everything else, but for tool outputs."""
        return tuple(turn for turn in self._news if turn.role == "system")

    @property
    def _news(self) -> tuple[Turn, ...]:
        count = 0
        for turn in reversed(self.turns):
            if turn.role not in ("tool", "system"):
                break
            count += 1
        return self.turns[len(self.turns) - count :]

    @property
    def answered(self) -> frozenset[str | None]:
        """The tools whose output came after the user spoke last; calling them again helps not."""
        names = set()
        for turn in reversed(self.turns):
            if turn.role == "user":
                break
            if turn.role == "tool":
                names.add(turn.name)
        return frozenset(names)


ReplySource = Callable[[Conversation], Iterable["str | ToolCall"]]


def pieces(text: str) -> Iterator[str]:
    """Cut an answer into words, each with the space after it."""
    return (match.group() for match in re.finditer(r"\s*\S+\s*", text))


def echo(conversation: Conversation) -> Iterator[str | ToolCall]:
    """A reply source that says back what it heard."""
    yield from pieces(conversation.heard)


def scripted(answers: Sequence[str | ToolCall | Sequence[str | ToolCall]]) -> ReplySource:
    """A reply source for tests: one prepared answer after the other.

    Args:
        answers: texts, tool calls, or sequences of them for an answer of several parts. When they
            are used up, the last one is given again.

    Returns:
        The reply source. It keeps its place, so make one for each conversation.
    """
    left = list(answers)

    def source(conversation: Conversation) -> Iterator[str | ToolCall]:
        answer = (left.pop(0) if len(left) > 1 else left[0]) if left else ""
        parts = [answer] if isinstance(answer, (str, ToolCall)) else answer
        for part in parts:
            if isinstance(part, ToolCall):
                yield part
            else:
                yield from pieces(part)

    return source
