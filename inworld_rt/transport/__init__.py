"""The seam between the library and the network: whole messages in, whole messages out.

Everything above this package speaks to a :class:`Transport` and knows neither sockets nor threads
below it. Two are here: :func:`~inworld_rt.transport.websocket.connect` gives the real one, and
:class:`MemoryTransport` a pair in memory.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from inworld_rt.transport.endpoint import endpoint, new_session_id
from inworld_rt.transport.memory import MemoryTransport
from inworld_rt.transport.websocket import WebSocketTransport, connect

__all__ = [
    "MemoryTransport",
    "Transport",
    "WebSocketTransport",
    "connect",
    "endpoint",
    "new_session_id",
]


@runtime_checkable
class Transport(Protocol):
    """One open connection, for one reading thread and any number of others.

    The end is sticky: once a connection is over, every call says so, each time with a fresh
    exception chained to the first cause.
    """

    def recv(self) -> bytes:
        """The next whole message, text or binary alike. One reader thread only.

        Blocks until a message or the end comes. The payload is not checked to be UTF-8.

        Raises:
            ConnectionClosedOK: this side asked for the end, or the peer closed with 1000 or 1001.
            ConnectionLost: any other end.
            RemoteProtocolError: the peer broke the protocol or sent more than allowed.
        """

    def send(self, message: str | bytes) -> None:
        """Send one text message. Any thread; messages leave whole and one after the other.

        Blocks at most the write deadline. A message that could not be sent within it may have left
        in part, so that is the end of the connection.

        Args:
            message: text, or the same in UTF-8.

        Raises:
            ConnectionClosedOK, ConnectionLost: the connection is over, or is being closed.
        """

    def begin_close(self, code: int = 1000, reason: str = "") -> None:
        """Ask the peer to end the connection. Any thread; only the first call counts.

        Returns quickly (at most 1 s, when another thread is stuck in a send). From then on
        :meth:`send` raises, and :meth:`recv` goes on until the peer's answer was read.

        Raises:
            ConfigError: a close frame cannot hold this code.
        """

    def abort(self) -> None:
        """Cut the connection at once. Any thread, any number of times; never blocks.

        Wakes blocked calls of :meth:`recv` and :meth:`send`, which then raise.
        """
