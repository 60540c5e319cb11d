"""A recording in progress: what it listens to, and the thread that writes it.

Whoever talks, listens or plays only puts things into a queue; all else is done by one thread. So a
recording never keeps a conversation waiting, and when it fails, the conversation goes on.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from inworld_rt.audio.speaker import Speaker
from inworld_rt.errors import ConnectionClosed, ConnectionClosedOK, InworldError, WaitTimeout
from inworld_rt.recording.scrubber import Scrubber
from inworld_rt.recording.writer import Happening, Start, Writer
from inworld_rt.transport import Transport
from inworld_rt.workers import Inbox, Worker

__all__ = ["CUT_BY_US", "Ears", "RecordedTransport", "Recorder"]

CUT_BY_US = 1006
"""In place of a close code: this side hung up without a word."""

_HOLD = 0.25  # seconds in which things that others tell late are put in order
_PAUSE = 0.1  # seconds between two looks: to be woken for each message would cost more
_EVERY = 1.0  # seconds between two times that the sound is written
_STOP_WITHIN = 2.0  # seconds, for a disk that is slow
_MOST = 128 << 20  # bytes that may wait for the disk

logger = logging.getLogger("inworld_rt")


class Ears:
    """What there is to listen to; hands all of it to :attr:`take`.

    Attributes:
        take: is given what happens, in whatever thread; must not block, and is not to raise.
    """

    def __init__(self, take: Callable[[Happening], object]) -> None:
        self.take = take
        self._now = time.monotonic  # the loudspeaker's clock; another one in tests only
        self._sources = itertools.count(1)

    def connected(self, dial: Callable[[], Transport]) -> Transport:
        """Open a connection; all that goes through it is heard.

        Args:
            dial: opens it.
        """
        try:
            transport = dial()
        except BaseException as exc:
            self.note("lost", why=f"{type(exc).__name__}: {exc}")
            raise
        self.note("opened")
        return RecordedTransport(transport, self)

    def message(self, way: str, message: bytes) -> None:
        """A message went over the wire just now."""
        self.take(Happening(time.monotonic(), time.time(), way, message))

    def note(self, note: str, at: float | None = None, **facts: Any) -> None:
        """A fact that no message tells.

        Args:
            note: its kind.
            at: when, on the monotonic clock; default: now.
            facts: what else is to be said.
        """
        now, wall = time.monotonic(), time.time()
        at = now if at is None else at
        self.take(Happening(at, wall + at - now, "note", {"note": note, **facts}))

    def heard(self, item_id: str | None, at: float) -> None:
        """The first sound of an item leaves the loudspeaker.

        Args:
            item_id: the item's.
            at: when, on the loudspeaker's clock.
        """
        at += time.monotonic() - self._now()
        self.note("first_heard", at=at, item_id=item_id)

    def heard_in(self, seconds: float, response_id: str | None) -> None:
        """The first sound of a whole answer leaves the loudspeaker.

        Args:
            seconds: from now.
            response_id: the answer's.
        """
        self.note("first_heard", at=time.monotonic() + seconds, response_id=response_id)

    def listen(self, speaker: Speaker) -> Callable[[], None]:
        """Hear what a loudspeaker plays; returns a function that ends it."""
        source, rate = next(self._sources), speaker.rate
        now = time.monotonic()
        self._now = speaker.now
        ahead = now - speaker.now()
        self.take(Happening(now, time.time(), "listening", None))

        def played(sound: bytes, at: float) -> None:
            self.take(Happening(at + ahead, time.time(), "played", sound, source, rate))

        return speaker.tap(played)

    def chat(self, speaker: Speaker) -> Callable[[], None]:
        """As :meth:`listen`; and until its end what is sent comes from a microphone."""
        self._live(True)
        deaf = self.listen(speaker)

        def end() -> None:
            deaf()
            self._live(False)

        return end

    def _live(self, is_live: bool) -> None:
        self.take(Happening(time.monotonic(), time.time(), "live", is_live))


class RecordedTransport:
    """A connection that is listened to; see :class:`~inworld_rt.transport.Transport`."""

    def __init__(self, transport: Transport, ears: Ears) -> None:
        self._transport, self._ears = transport, ears
        self._ended = False
        self.begin_close = transport.begin_close

    def recv(self) -> bytes:
        """See :meth:`Transport.recv <inworld_rt.transport.Transport.recv>`."""
        try:
            message = self._transport.recv()
        except InworldError as exc:
            if not self._ended:
                self._ended = True
                if isinstance(exc, ConnectionClosedOK):
                    self._ears.note("closed", code=exc.code)
                else:
                    self._ears.note("lost", why=str(exc))
            raise
        self._ears.message("received", message)
        return message

    def abort(self) -> None:
        """See :meth:`Transport.abort <inworld_rt.transport.Transport.abort>`."""
        if not self._ended:  # else the reader would take it for a loss
            self._ended = True
            self._ears.note("closed", code=CUT_BY_US)
        self._transport.abort()

    def send(self, message: str | bytes) -> None:
        """See :meth:`Transport.send <inworld_rt.transport.Transport.send>`."""
        # Before it is sent: the answer may come while this thread still waits for its turn.
        self._ears.message("sent", message.encode() if isinstance(message, str) else message)
        try:
            self._transport.send(message)
        except ConnectionClosed:
            self._ears.note("not_sent")
            raise


class Recorder:
    """Writes a recording while it happens.

    Attributes:
        ears: what to tell it.
        folder: where it is.
        failure: why it ended early, or ``None``.
    """

    def __init__(
        self, wanted: str | os.PathLike[str], url: str = "", secrets: Iterable[str] = ()
    ) -> None:
        """Make the folder and begin.

        Args:
            wanted: its path; if there is a recording, a number is added.
            url: the server's address.
            secrets: what must not be in any file.

        Raises:
            ConfigError: no folder can be made there, or written to.
        """
        self.failure: OSError | None = None
        start = Start(time.monotonic(), time.time(), url)
        self._writer = Writer(wanted, start, Scrubber(secrets))
        self.folder: Path | None = self._writer.folder
        self.ears = Ears(self._take)
        self._inbox: Inbox[Happening] = Inbox()
        self._order = itertools.count()
        self._held: list[tuple[float, int, Happening]] = []
        # Of each thread that puts something its own, so that none needs a lock.
        self._put = {"sent": 0, "received": 0, "played": 0}
        self._done = 0
        self._open = True
        self._worker = Worker("recording", self._run, self._failed)
        self._worker.start()

    def _take(self, happening: Happening) -> None:
        if not self._open:
            return
        if happening.way in self._put:
            self._put[happening.way] += len(happening.content)
            if sum(self._put.values()) - self._done > _MOST:
                self._failed(OSError("the disk is too slow"))
                return
        self._inbox.put(happening)

    # --- in its thread ---------------------------------------------------------------------------

    def _run(self, stopping: threading.Event) -> None:
        due, over = 0.0, False
        try:
            while not over and self._open:
                over = self._collect(stopping)
                until = math.inf if over else time.monotonic() - _HOLD
                self._release(until)
                self._writer.write()
                if not over and until >= due:
                    self._writer.sync(until)
                    due = until + _EVERY
            if self._open:
                self._writer.close()
        finally:
            self._held.clear()
            self._inbox.drain()
            self._writer.abandon()

    def _collect(self, stopping: threading.Event) -> bool:
        """Take what has come; returns whether that was the last."""
        try:
            self._hold(self._inbox.get(_EVERY))
        except WaitTimeout:
            return False
        except StopIteration:
            return True
        stopping.wait(_PAUSE)  # what comes meanwhile is taken in one go
        for happening in self._inbox.drain():
            self._hold(happening)
        return False

    def _hold(self, happening: Happening) -> None:
        heapq.heappush(self._held, (happening.at, next(self._order), happening))

    def _release(self, until: float) -> None:
        """Hand on what happened before a time, in order."""
        while self._held and self._held[0][0] <= until:
            happening = heapq.heappop(self._held)[2]
            if happening.way in self._put:
                self._done += len(happening.content)
            self._writer.keep(happening)

    def _failed(self, exc: BaseException) -> None:
        """A full disk, say: the recording ends, the conversation goes on."""
        if not self._open:
            return
        self._open = False
        self.failure = exc if isinstance(exc, OSError) else OSError(f"{type(exc).__name__}: {exc}")
        logger.warning(
            "the recording in %s ended early, the conversation goes on: %s",
            self.folder,
            self.failure.strerror or self.failure,
        )

    # --- the end ---------------------------------------------------------------------------------

    def close(self, error: BaseException | None = None) -> None:
        """Complete the files. Any thread, any number of times; raises nothing.

        Blocks until they are written, at most some seconds.

        Args:
            error: what ended the session's block, if anything did.
        """
        self._worker.stopping.set()
        self._inbox.close(StopIteration)
        if not self._worker.join(_STOP_WITHIN) and self._open:
            self._failed(OSError("the disk is too slow"))
