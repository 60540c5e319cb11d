"""What the user spoke, turn by turn, and which answer is to it (protocol: sequences). Pure: whoever
has a clock writes the times down."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define

__all__ = ["Turn", "Turns"]

_REMEMBERED = 64  # turns whose words may still come


@define(eq=False)
class Turn:
    """One turn.

    Attributes:
        item_id: the item that it becomes; empty while nobody has told.
        over: when the speech ended, in seconds; ``None`` before.
        known: when its words were known.
    """

    item_id: str = ""
    over: float | None = None
    known: float | None = None


class Turns:
    """The latest turns. Whoever owns it brings the lock."""

    def __init__(self) -> None:
        self._open: Turn | None = None  # the latest, until an answer begins
        self._is_item = False
        self._turns: OrderedDict[str, Turn] = OrderedDict()

    def stopped(self, item_id: str) -> Turn:
        """The user stopped speaking.

        Returns:
            The turn, which is over now; speech that goes on within an item belongs to it as well.
        """
        turn = self._open
        if turn is None or (turn.item_id and item_id and turn.item_id != item_id):
            turn = self._open = Turn()
        self._is_item = False
        turn.known = None  # by what was heard so far; there is more
        if item_id:
            turn.item_id = item_id
            self._turns[item_id] = turn
            if len(self._turns) > _REMEMBERED:
                self._turns.popitem(last=False)
        return turn

    def committed(self, item_id: str) -> Turn | None:
        """Speech became an item.

        Returns:
            The turn, if it is over only now: there was no word of its end before.
        """
        before = self._open
        turn = before if item_id in self._turns else self.stopped(item_id)
        self._is_item = True
        return None if turn is before else turn

    def cleared(self) -> None:
        """Speech that is no item yet was dropped."""
        if not self._is_item:
            self._open = None

    def read(self, item_id: str) -> Turn | None:
        """The words of an item are known: its turn, where that is news."""
        turn = self._turns.get(item_id)
        return turn if turn is not None and turn.known is None else None

    def take(self) -> Turn | None:
        """An answer begins: the turn that it is to, if there is one."""
        turn, self._open = self._open, None
        return turn
