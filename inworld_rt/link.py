"""One running session: the transport, the thread that reads it, and what both do with the state.

The reader does only what never blocks for long: it decodes, asks the session what to do, hands
things to queues, and sends requests whose turn has come.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from attrs import define, evolve

from inworld_rt import wire
from inworld_rt.answer import Answer
from inworld_rt.codec import replace
from inworld_rt.errors import (
    ConnectionClosed,
    ConnectionClosedOK,
    InworldError,
    RemoteProtocolError,
    WorkerStuck,
)
from inworld_rt.eventlog import EventLog
from inworld_rt.events import ErrorEvent, Event, Ping
from inworld_rt.session import Expectation, Orders, Request, Session
from inworld_rt.transport import Transport
from inworld_rt.workers import Deadline, Inbox, Worker

__all__ = ["CLOSE_BOUND", "Link", "Stats"]

CLOSE_BOUND = 2.0
"""Seconds that closing takes at most, whatever the server does."""

_PIECE = 1 << 20  # bytes of audio per message at most; the server's cap is 15 MiB of base64

logger = logging.getLogger("inworld_rt")


@define
class Stats:
    """Counts of one session.

    Attributes:
        events_received: events from the server.
        events_sent: messages to the server.
        bytes_received: bytes of those events.
        bytes_sent: bytes of those messages.
        responses: answers that ended.
        errors: error events.
    """

    events_received: int = 0
    events_sent: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    responses: int = 0
    errors: int = 0


class Link:
    """A session over a transport."""

    def __init__(self, transport: Transport, adopt: Callable[[Answer], None]) -> None:
        """Take over a transport; nothing is read before :meth:`start`.

        Args:
            transport: an open connection.
            adopt: called in the reader's thread when an answer begins; gives it an owner if it has
                none, and must not block.
        """
        self.session = Session()
        self.log = EventLog()
        self.life = 0
        """Grows with every sign of life of the conversation; pings are none."""
        self._transport = transport
        self._stats = Stats()
        self._ids = itertools.count(1)
        # Unique per connection, so that an error that answers another's event never matches.
        self._prefix = os.urandom(3).hex()
        # Guards the session; held only around pure code, never during I/O.
        self.lock = threading.Lock()
        # Keeps the events of one request together on the wire.
        self._sending = threading.Lock()
        self._closing = threading.Event()
        self._end: Callable[[], BaseException] | None = None
        self._actions: dict[str, Callable[[Any, Any], None]] = {
            "granted": lambda request, _: request.owner and request.owner.put(request),
            "began": lambda answer, _: adopt(answer),
            "audio": lambda answer, pcm: answer.owner and answer.owner.sounds(pcm),
            "text": lambda answer, words: answer.owner and answer.owner.says(words),
            "restarted": lambda answer, _: answer.owner and answer.owner.restarts(),
            "ended": self._ended,
            "met": lambda expectation, event: expectation.owner.put(event),
            "failed": lambda expectation, error: expectation.owner.close(lambda: error),
        }
        self._reader = Worker("reader", self._read, self._failed)

    # --- sending ---------------------------------------------------------------------------------

    def new_id(self) -> str:
        """A fresh event id."""
        return f"c-{self._prefix}-{next(self._ids)}"

    def send(self, *messages: bytes) -> None:
        """Send messages back to back.

        Blocks while the network does, at most the transport's write deadline.

        Raises:
            ConnectionClosed: the session is over; says why.
        """
        self.check()
        with self._sending:
            for message in messages:
                self._transport.send(message)
                self._stats.events_sent += 1
                self._stats.bytes_sent += len(message)

    def send_audio(self, data: bytes) -> None:
        """Send samples of the user's speech, in the session's input format.

        Raises:
            ConnectionClosed: the session is over.
        """
        pieces = [data[i : i + _PIECE] for i in range(0, len(data), _PIECE)]
        self.send(*[wire.append_message(piece) for piece in pieces])
        with self.lock:
            self.session.audio_sent_ms += self.session.input_format.ms(len(data))

    def post(self, *events: Event) -> None:
        """Check events and send them back to back.

        Raises:
            ConfigError: one of them is wrong; nothing was sent.
            ConnectionClosed: the session is over.
        """
        self.send(*[wire.encode(event) for event in events])

    def request(self, request: Request) -> None:
        """Ask for an answer, now or when the floor is free.

        Raises:
            ConfigError: an event is wrong; nothing was sent.
            ConnectionClosed: the session is over.
        """
        for event in request.events:
            wire.encode(event)  # in the caller's thread, though it may be sent later by another
        self.check()
        self.apply(lambda session: session.ask(request))

    def apply(self, step: Callable[[Session], Orders]) -> None:
        """Do something with the session and carry out what follows from it."""
        with self.lock:
            orders = step(self.session)
        self._carry_out(orders)

    def exchange(
        self, event: Event, accept: Callable[[Event], bool], about: tuple[str, ...], timeout: float
    ) -> Event:
        """Send an event and wait for its answer.

        Args:
            event: what to send; gets an id.
            accept: the test for the answer.
            about: words in errors without an id that concern it.
            timeout: seconds.

        Raises:
            ServerError: the server refused.
            WaitTimeout: nothing came.
            ConnectionClosed: the session is, or went, over.
        """
        event = replace(event, event_id=self.new_id())
        message = wire.encode(event)
        inbox: Inbox[Event] = Inbox()
        expectation = Expectation(
            event_id=event.event_id or "", accept=accept, about=about, owner=inbox
        )
        with self.lock:
            self.session.expect(expectation)
        try:
            self.send(message)
            return inbox.get(timeout)
        finally:
            with self.lock:
                self.session.forget(expectation)

    # --- reading ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the reader's thread."""
        self._reader.start()

    def _read(self, stopping: threading.Event) -> None:
        recv, decode = self._transport.recv, wire.decode
        receive, lock, stats = self.session.receive, self.lock, self._stats
        while not stopping.is_set():
            message = recv()
            event = decode(message)
            with lock:
                orders = receive(event)
            if orders:
                self._carry_out(orders)
            if type(event) is not Ping:
                self.life += 1
            self.log.add(event)
            stats.events_received += 1
            stats.bytes_received += len(message)
            if type(event) is ErrorEvent:
                self._tell(event)

    def _carry_out(self, orders: Orders) -> None:
        batch = []
        for do, subject, detail in orders:
            if do == "send":
                batch.append(wire.encode(subject))
            else:
                self._actions[do](subject, detail)
        if batch:
            try:
                self.send(*batch)
            except ConnectionClosed:
                if not self._reader.is_current:
                    raise
                # The reader's next recv() tells why.

    def _ended(self, answer: Answer, error: BaseException | None) -> None:
        self._stats.responses += 1
        if answer.owner:
            answer.owner.ends(None if error is None else lambda: error)

    def _tell(self, event: ErrorEvent) -> None:
        self._stats.errors += 1
        error = event.error
        logger.info("! error event: type=%s code=%s", error and error.type, error and error.code)

    # --- the end ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise what ended the session, if anything did."""
        if self._closing.is_set():
            raise _closed_by_us()
        if self._end is not None:
            raise self._end()

    @property
    def over(self) -> bool:
        """Whether the session has ended, or is being closed."""
        return self._end is not None or self._closing.is_set()

    def _failed(self, cause: BaseException) -> None:
        """The reader ended: tell everybody who waits, now or later."""
        if isinstance(cause, RemoteProtocolError):
            self._hang_up(1007)
        end = self._explain(cause)
        logger.debug("= session over: %s", type(cause).__name__)
        with self.lock:
            self._end = self._end or end
            lost, waiting = self.session.abandon()
        for answer in lost:
            if answer.owner:
                answer.owner.ends(end)
        for inbox in waiting:
            inbox.close(end)
        self.log.close(end)

    def _hang_up(self, code: int) -> None:
        try:
            self._transport.begin_close(code)
        except InworldError:
            pass  # it is over already; what matters is raised elsewhere
        self._transport.abort()

    def _explain(self, cause: BaseException) -> Callable[[], BaseException]:
        """What every later call raises: a fresh exception each time, chained to the cause."""
        if self._closing.is_set():
            return _closed_by_us
        error = self.session.last_error
        words = f"; the server's last error was: {error}" if error else ""

        def end() -> BaseException:
            if isinstance(cause, ConnectionClosed):
                fresh: BaseException = type(cause)(
                    f"{cause}{words}", code=cause.code, reason=cause.reason
                )
            elif isinstance(cause, InworldError):
                fresh = type(cause)(str(cause))
            else:
                fresh = InworldError(f"the reader broke down: {type(cause).__name__}; report this")
            fresh.__cause__ = error or cause
            return fresh

        return end

    def close(self, *, polite: bool = True) -> None:
        """End the session. Any thread, any number of times.

        Blocks until the reader has ended, at most :data:`CLOSE_BOUND` seconds; in the reader's own
        thread it returns at once.

        Args:
            polite: say goodbye and let the server answer; else cut at once.

        Raises:
            WorkerStuck: the reader did not end in that time.
        """
        deadline = Deadline(CLOSE_BOUND)
        first = not self._closing.is_set() and self._end is None
        self._closing.set()
        if polite and first:
            try:
                self._transport.begin_close()
            except InworldError:
                pass  # it went over by itself meanwhile
            if self._reader.is_current:
                return
            self._reader.join(min(deadline.left() or 0.0, CLOSE_BOUND / 2))
        self._transport.abort()
        if not self._reader.join(deadline.left()):
            raise WorkerStuck("the reader's thread does not end")

    @property
    def stats(self) -> Stats:
        """The counts so far, as a copy."""
        return evolve(self._stats)


def _closed_by_us() -> ConnectionClosedOK:
    return ConnectionClosedOK("this client is closed; make a new Client to go on", code=1000)


def now() -> float:
    """Seconds on the clock that latencies are taken from."""
    return time.perf_counter()
