"""Text that does not show itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["Hidden", "hide"]


class Hidden:
    """Holds a secret: prints without it, and is neither pickled nor taken apart.

    Equal to another one that holds the same.
    """

    __slots__ = ("_open",)

    def __init__(self, secret: str) -> None:
        # A function does not show what it holds.
        self._open: Callable[[], str] = lambda: secret

    def reveal(self) -> str:
        """The secret: never log it."""
        return self._open()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __repr__(self) -> str:
        return "<hidden>"

    def __copy__(self) -> Hidden:
        return self  # immutable; and the copy protocol would otherwise go through pickling

    def __deepcopy__(self, memo: dict[int, Any]) -> Hidden:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


def hide(secret: str | Hidden) -> Hidden:
    """Hide a text; what is hidden already stays as it is."""
    return secret if isinstance(secret, Hidden) else Hidden(secret)
