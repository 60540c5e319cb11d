"""A connection that sends no more than it may."""

from __future__ import annotations

import threading
import time

from inworld_rt.batch.limits import Bucket
from inworld_rt.transport import Transport

__all__ = ["PacedTransport"]


class PacedTransport:
    """A :class:`~inworld_rt.transport.Transport` whose messages leave at a limited rate."""

    def __init__(self, transport: Transport, packets_per_second: float) -> None:
        """Take one over.

        Args:
            transport: an open connection.
            packets_per_second: how many messages may leave in a second.
        """
        self.recv = transport.recv
        self.begin_close = transport.begin_close
        self.abort = transport.abort
        self._send = transport.send
        self._bucket = Bucket(packets_per_second)
        self._lock = threading.Lock()

    def send(self, message: str | bytes) -> None:
        """See :meth:`Transport.send <inworld_rt.transport.Transport.send>`; may wait before."""
        with self._lock:  # so that they leave in the order in which they were given
            seconds = self._bucket.take(time.monotonic())
            if seconds > 0:
                time.sleep(seconds)
            self._send(message)
