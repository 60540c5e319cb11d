"""The state that the threads of one connection share: who is inside, and how it ended."""

from __future__ import annotations

import logging
import threading
import time

from attrs import evolve

from inworld_rt.transport.ending import Ending
from inworld_rt.transport.stream import Stream

__all__ = ["Line", "NotOpen"]

_logger = logging.getLogger("inworld_rt")


class NotOpen(Exception):
    """No frame may be sent any more."""


class Line:
    """A stream that one thread reads and many write, with one end for all of them.

    One rule for the descriptor: any thread may *cut* the connection, which wakes the others; it is
    *closed* by whichever thread leaves last, so that no call can meet a recycled descriptor.

    Args:
        stream: connected; owned from now on.

    Attributes:
        reading: to be held by the reader while it is inside the stream.
        ending: the first cause of the end, or ``None``. Set by :meth:`finish` only.
        asked: this side asked for the end before the peer did.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.reading = threading.Lock()
        self._sending = threading.Lock()  # held while a frame leaves; keeps frames whole
        # Guards what follows. Never held while waiting. Reentrant, for signal handlers.
        self._guard = threading.RLock()
        self.ending: Ending | None = None
        self.asked = False
        # Set: our close frame is out or about to be, or a send broke; no frame may follow. Tells
        # senders why, until the end is known.
        self._closing: Ending | None = None
        self._closed = False  # the descriptor is gone

    @property
    def busy(self) -> bool:
        """Another thread is sending, or stuck in it."""
        return self._sending.locked()

    @property
    def over(self) -> Ending:
        """How it ended; or why it is ending, while that is not known for good."""
        return self.ending or self._closing or Ending("the connection is closing", ok=True)

    def transmit(self, frame: bytes, timeout: float, *, closing: bool = False) -> None:
        """Send one frame, whole, after those before it.

        Args:
            frame: its bytes.
            timeout: seconds, for other threads' frames and this one together.
            closing: it is the close frame that :meth:`begin_closing` allowed.

        Raises:
            NotOpen: the connection is over or closing.
            TimeoutError: not done in time; a part may have left.
            OSError: the connection broke.
        """
        if not self._sending.acquire(blocking=False):
            began = time.monotonic()
            if not self._sending.acquire(timeout=timeout):  # bounded: the holder may be stuck
                raise TimeoutError(f"another thread has been sending for {timeout:g} s")
            timeout = max(0.0, timeout - (time.monotonic() - began))
        try:
            if self.ending is not None or (self._closing is not None and not closing):
                raise NotOpen
            try:
                self._stream.write(frame, timeout)
            except OSError:
                raise
            except BaseException:  # Ctrl-C: a part may be out, and nothing may follow that
                self.finish(Ending("a send was interrupted. Connect again"))
                raise
        finally:
            self._sending.release()

    def begin_closing(self, why: Ending, *, asked: bool = False) -> bool:
        """No frame but a close frame may be sent from now on.

        Args:
            why: what senders are told until :meth:`finish`; the first one counts.
            asked: this side wants the end: whatever it will look like, it is welcome.

        Returns:
            Whether the caller is the first, and so is to send the close frame.
        """
        with self._guard:
            self.asked = self.asked or asked
            first = self._closing is None and self.ending is None
            if first:
                self._closing = why
            return first

    def linger(self, seconds: float) -> None:
        """Give the peer time to read our close frame, from the reader's thread."""
        self._stream.linger(seconds)

    def finish(self, ending: Ending) -> None:
        """Remember the first cause, and wake everyone. Never blocks."""
        with self._guard:
            if self.ending is None:
                welcome = self.asked and not ending.violation
                self.ending = evolve(ending, ok=True) if welcome else ending
                _logger.debug("= closed: %s", self.ending.message)
            # Under the guard, so that release() cannot free the descriptor in between.
            self._stream.cut()

    def release(self) -> None:
        """Free the descriptor, if the connection is over and no other thread is inside a call.

        Every thread that leaves a call after the end comes through here, so the last one does it.
        Never blocks.
        """
        with self._guard:
            if self._closed or self.ending is None:
                return
            if not self.reading.acquire(blocking=False):
                return
            try:
                if self._sending.acquire(blocking=False):
                    try:
                        self._stream.close()
                        self._closed = True
                    finally:
                        self._sending.release()
            finally:
                self.reading.release()
