"""What comes piece by piece, for any number of readers: each gets all of it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from inworld_rt.workers import Inbox

__all__ = ["Stream"]

T = TypeVar("T")


class Stream(Generic[T]):
    """Pieces and an end. Any thread may use it; nothing blocks but a reader's ``get()``."""

    def __init__(self) -> None:
        self._pieces: list[T] = []
        self._readers: weakref.WeakSet[Inbox[T]] = weakref.WeakSet()  # gone when unused
        self._end: Callable[[], BaseException] | None = None
        # Guards all three: a reader that joins late needs every piece, and each once.
        self._lock = threading.Lock()

    @property
    def pieces(self) -> list[T]:
        """What came so far, as a copy."""
        with self._lock:
            return list(self._pieces)

    def put(self, piece: T) -> None:
        """Add a piece."""
        with self._lock:
            self._pieces.append(piece)
            for reader in self._readers:
                reader.put(piece)

    def keep(self, count: int) -> None:
        """Forget all but the first pieces; readers that are not so far get the rest of these."""
        with self._lock:
            came = len(self._pieces)
            del self._pieces[count:]
            for reader in self._readers:
                place = came - len(reader.drain())
                for piece in self._pieces[place:]:
                    reader.put(piece)

    def close(self, end: Callable[[], BaseException]) -> None:
        """No more will come.

        Args:
            end: makes what readers are raised then.
        """
        with self._lock:
            self._end = end
            for reader in self._readers:
                reader.close(end)

    def open(self) -> Inbox[T]:
        """A new reader."""
        reader: Inbox[T] = Inbox()
        with self._lock:
            for piece in self._pieces:
                reader.put(piece)
            if self._end is None:
                self._readers.add(reader)
            else:
                reader.close(self._end)
        return reader
