"""What flows into an answer: the pieces of a reply, and how its sound is cut."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field

from inworld_rt.simulator.conversation import ToolCall, pieces
from inworld_rt.simulator.history import text_tokens

__all__ = ["Odd", "Source", "cost"]


def cost(word: str) -> int:
    """What a word takes from the budget, in tokens."""
    return max(1, text_tokens(word.strip()))


@define
class Source:
    """A reply, piece by piece, with a look ahead and a budget of tokens."""

    pieces: Iterator[str | ToolCall]
    budget: float
    spent: int = 0
    over: bool = False
    _ahead: list[str | ToolCall] = field(factory=list)

    def peek(self) -> str | ToolCall | None:
        """The next piece, which stays; ``None`` at the end."""
        while not self._ahead and not self.over:
            piece = next(self.pieces, None)
            if piece is None:
                return None
            self._ahead.extend(pieces(piece) if isinstance(piece, str) else [piece])
        return None if self.over else self._ahead[0]

    def take(self) -> str | ToolCall:
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


@define
class Odd:
    """Cuts PCM so that every slice ends within a sample."""

    rest: bytes = b""

    def cut(self, data: bytes) -> bytes:
        """Add samples, take an odd number of bytes."""
        data = self.rest + data
        keep = 1 - len(data) % 2
        self.rest = data[len(data) - keep :]
        return data[: len(data) - keep]
