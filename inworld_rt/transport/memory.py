"""A connection in memory: both ends of it, for tests and for programs without a network."""

from __future__ import annotations

import threading
from collections import deque

from attrs import Factory, define, evolve

from inworld_rt.errors import ConfigError
from inworld_rt.transport.ending import Ending, closed_by_peer, sendable_code

__all__ = ["MemoryTransport"]

_MAX_MESSAGE = 16 * 2**20


@define
class _Side:
    """What one end knows. Guarded by the pair's lock."""

    arrived: deque[bytes] = Factory(deque)
    ending: Ending | None = None  # takes effect after what has arrived
    closing: bool = False  # this end asked for the end

    def end(self, ending: Ending) -> None:
        """Remember the first cause."""
        if self.ending is None:
            self.ending = evolve(ending, ok=True) if self.closing else ending


class MemoryTransport:
    """One end of a connection in memory; see :class:`~inworld_rt.transport.Transport`.

    Made in pairs by :meth:`pair`. Sending never blocks, so there is no write deadline. A close is
    answered as soon as it is asked for: what was sent before it is still delivered.
    """

    def __init__(
        self, changed: threading.Condition, mine: _Side, theirs: _Side, max_message: int
    ) -> None:
        self._changed = changed  # one lock for both ends, so that both see one order of things
        self._mine = mine
        self._theirs = theirs
        self._max_message = max_message

    @classmethod
    def pair(cls, *, max_message: int = _MAX_MESSAGE) -> tuple[MemoryTransport, MemoryTransport]:
        """Two connected ends: the client's and the server's.

        Args:
            max_message: the longest message that either end accepts, in bytes.
        """
        changed = threading.Condition()
        one, other = _Side(), _Side()
        client = cls(changed, one, other, max_message)
        return client, cls(changed, other, one, max_message)

    def recv(self) -> bytes:
        """See :meth:`Transport.recv <inworld_rt.transport.Transport.recv>`."""
        mine = self._mine
        with self._changed:
            while not mine.arrived and mine.ending is None:
                self._changed.wait()
            if mine.arrived:
                message = mine.arrived.popleft()
                if len(message) <= self._max_message:
                    return message
                self._refuse(len(message))
            ending = mine.ending
        assert ending is not None  # else the loop above would go on
        raise ending.for_reader()

    def send(self, message: str | bytes) -> None:
        """See :meth:`Transport.send <inworld_rt.transport.Transport.send>`."""
        data = message.encode() if isinstance(message, str) else bytes(message)
        with self._changed:
            ending = self._mine.ending
            if ending is None:
                self._theirs.arrived.append(data)
                self._changed.notify_all()
                return
        raise ending.for_sender()

    def begin_close(self, code: int = 1000, reason: str = "") -> None:
        """See :meth:`Transport.begin_close <inworld_rt.transport.Transport.begin_close>`."""
        if not sendable_code(code):
            raise ConfigError(f"a close frame cannot hold the code {code}; use 1000")
        with self._changed:
            self._mine.closing = True
            self._mine.end(closed_by_peer(code, reason, asked=True))
            self._theirs.end(closed_by_peer(code, reason, asked=False))
            self._changed.notify_all()

    def abort(self) -> None:
        """See :meth:`Transport.abort <inworld_rt.transport.Transport.abort>`."""
        with self._changed:
            self._mine.arrived.clear()
            self._mine.end(Ending("this side cut the connection"))
            self._theirs.end(Ending("the other side hung up without a close frame"))
            self._changed.notify_all()

    def _refuse(self, size: int) -> None:
        """End both sides because of a message that is too long; the lock is held."""
        self._mine.arrived.clear()
        message = (
            f"the other side sent a message of {size} bytes; the limit is "
            f"{self._max_message} bytes (max_message)"
        )
        self._mine.ending = Ending(message, 1009, violation=True)
        self._theirs.end(closed_by_peer(1009, "message too long", asked=False))
        self._changed.notify_all()
