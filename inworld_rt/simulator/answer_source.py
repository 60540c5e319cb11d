"""What an answer is made of, piece by piece, on its way from the model to the client."""

from __future__ import annotations

import json
from collections.abc import Iterator

from attrs import define, field, frozen

from inworld_rt.simulator.conversation import ToolCall, pieces
from inworld_rt.simulator.history import text_tokens

__all__ = ["Asked", "Piece", "Ran", "Source", "cost"]


@frozen
class Ran:
    """A call that the server made itself, over MCP."""

    call: ToolCall
    server_label: str
    output: str | None = None
    error: str | None = None
    """Instead of the output: what went wrong."""
    approval_request_id: str | None = None
    """The item in which the client was asked before."""

    @property
    def told(self) -> str:
        """What the model is told."""
        return json.dumps({"error": self.error}) if self.output is None else self.output


@frozen
class Asked:
    """A call over MCP for which the client must be asked first."""

    call: ToolCall
    server_label: str
    request_id: str
    """The id of the item that asks."""


Piece = str | ToolCall | Ran | Asked


def cost(word: str) -> int:
    """What a word takes from the budget, in tokens."""
    return max(1, text_tokens(word.strip()))


@define
class Source:
    """A reply, piece by piece, with a look ahead and a budget of tokens."""

    pieces: Iterator[Piece]
    budget: float
    spent: int = 0
    over: bool = False
    _ahead: list[Piece] = field(factory=list)

    def peek(self) -> Piece | None:
        """The next piece, which stays; ``None`` at the end."""
        while not self._ahead and not self.over:
            piece = next(self.pieces, None)
            if piece is None:
                return None
            self._ahead.extend(pieces(piece) if isinstance(piece, str) else [piece])
        return None if self.over else self._ahead[0]

    def take(self) -> Piece:
        """The next piece, for good."""
        return self._ahead.pop(0)

    def words(self) -> Iterator[str]:
        """The text up to the next call, the end, or where the budget is used up."""
        while isinstance(piece := self.peek(), str):
            price = cost(piece)
            if self.spent + price > self.budget:
                self.over = True
                return
            self.spent += price
            self.take()
            yield piece
