"""One running session: the transport, the thread that reads it, and what both do with the state.

The reader does only what never blocks for long: it decodes, asks the session what to do, hands
things to queues, and sends requests whose turn has come.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from attrs import define, evolve, field

from inworld_rt import wire
from inworld_rt.answer import Answer
from inworld_rt.codec import replace
from inworld_rt.errors import (
    ConnectionClosed,
    ConnectionClosedOK,
    InworldError,
    RemoteProtocolError,
    WaitTimeout,
)
from inworld_rt.eventlog import EventLog
from inworld_rt.events import ErrorEvent, Event, Ping
from inworld_rt.items import FunctionCall
from inworld_rt.outcome import ErrorDetails, Usage
from inworld_rt.request import Expectation, Orders, Request, server_error
from inworld_rt.session import Session
from inworld_rt.spoken import Turn
from inworld_rt.transport import Transport
from inworld_rt.workers import Deadline, Inbox, Worker

__all__ = ["CLOSE_BOUND", "Link", "Stats", "Watcher", "now"]

CLOSE_BOUND = 2.0
"""Seconds that closing takes at most, whatever the server does."""

_PIECE = 1 << 20  # bytes of audio per message at most; the server's cap is 15 MiB of base64

# An error is named as the reason of an end that comes at once after it, with nothing in between.
_BLAMED = 5.0  # seconds
_REASON_WITHIN = 1.0  # seconds that a failed send waits for the reader to say why
_HARMLESS = ("response_cancel_not_active", "conversation_already_has_active_response")

_NOTED = frozenset({Ping, ErrorEvent})

T = TypeVar("T")

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
        usage: tokens of all answers together, also of those that were cancelled, failed, or begun
            by the server itself; what it never told is ``None``.
        seconds_sent: seconds of sound to the server, silence included.
        seconds_received: seconds of the answers' sound. What still came of an answer after the user
            had cut it off is left out.
        duration: seconds since the session began, or from there to its end.
    """

    events_received: int = 0
    events_sent: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    responses: int = 0
    errors: int = 0
    usage: Usage = field(factory=Usage)
    seconds_sent: float = 0.0
    seconds_received: float = 0.0
    duration: float = 0.0


class Watcher(Protocol):
    """Somebody who follows all that happens; called in the reader's thread, and never blocks."""

    def saw(self, event: Event, orders: Orders) -> None:
        """An event came, and this follows from it."""

    def over(self) -> None:
        """The session has ended, or is being closed."""


class Link:
    """A session over a transport.

    Attributes:
        watchers: those who follow it; replaced, never changed.
        chat: whoever plays the answers aloud, or ``None``.
        ears: of whoever keeps a recording, to be told what no message tells; or ``None``.
        broken: whether it ended without anybody's wish.
    """

    def __init__(self, transport: Transport, adopt: Callable[[Answer], None]) -> None:
        """Take over a transport; nothing is read before :meth:`start`.

        Args:
            transport: an open connection.
            adopt: called in the reader's thread when an answer begins; gives it an owner if it has
                none, and must not block.
        """
        self.session = Session()
        self.log = EventLog()
        self._transport = transport
        self._stats = Stats()
        self._begun_at = now()
        self._over_at: float | None = None
        self._ids = itertools.count(1)
        # Unique per connection, so that an error that answers another's event never matches.
        self._prefix = os.urandom(3).hex()
        # Guards the session; held only around pure code, never during I/O.
        self.lock = threading.Lock()
        # Keeps the events of one request together on the wire.
        self._sending = threading.Lock()
        self._closing = threading.Event()
        self._end: Callable[[], BaseException] | None = None
        self._arrivals: list[Inbox[Any]] = []
        self.watchers: tuple[Watcher, ...] = ()
        self.chat: Any = None
        self.ears: Any = None
        self.broken = False
        self.run_tool: Callable[[Answer, FunctionCall], None] = lambda answer, call: None
        """Has a tool run, and never blocks."""
        self.working = 0
        """How many tools are running."""
        self.here = threading.local()
        """``here.answer``: in a thread that runs a tool, the answer which waits for it."""
        self.life = 0
        """Changes with every sign of life of the conversation; pings are none."""
        self._complaint: tuple[ErrorDetails, int, float] | None = None  # with life and time
        self._actions: dict[str, Callable[[Any, Any], None]] = {
            "granted": self._granted,
            "began": self._began,
            "text": lambda answer, words: answer.owner and answer.owner.says(words),
            "captions": lambda answer, words: answer.owner and answer.owner.captioned(words),
            "call": lambda answer, call: self.run_tool(answer, call),
            "restarted": lambda answer, other: (
                answer.owner and answer.owner.restarts(other and other.owner)
            ),
            "ended": self._ended,
            "spoken": self._spoken,
            "known": self._known,
            "met": lambda expectation, event: expectation.owner.put(event),
            "failed": lambda expectation, error: expectation.owner.close(
                lambda: server_error(error)
            ),
        }
        self._adopt = adopt
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
        try:
            with self._sending:
                for message in messages:
                    self._transport.send(message)
                    self._stats.events_sent += 1
                    self._stats.bytes_sent += len(message)
        except ConnectionClosed:
            if not self.over:  # the reader ends now as well, and knows more about why
                self._reader.join(_REASON_WITHIN)
            self.check()
            raise

    def send_audio(self, data: bytes) -> None:
        """Send samples of the user's speech, in the session's input format.

        Raises:
            ConnectionClosed: the session is over.
        """
        pieces = [data[i : i + _PIECE] for i in range(0, len(data), _PIECE)]
        self.send(*[wire.append_message(piece) for piece in pieces])
        with self.lock:
            # Not in whole milliseconds: over an hour of odd slices they would add up to many.
            rate = self.session.input_format.bytes_per_second
            self.session.audio_sent_ms += len(data) * 1000 / rate

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

    @property
    def calling(self) -> Answer | None:
        """In a thread that runs a tool: the answer which waits for it."""
        return getattr(self.here, "answer", None)

    def give_up(self, request: Request) -> None:
        """Take a request back whose caller failed or was interrupted; never raises."""
        # The floor must not stay taken.
        with contextlib.suppress(ConnectionClosed):  # raised in the next call anyway
            self.apply(lambda session: session.withdraw(request))

    def apply(self, step: Callable[[Session], Orders]) -> None:
        """Do something with the session and carry out what follows from it."""
        with self.lock:
            orders = step(self.session)
        self._carry_out(orders)

    def exchange(
        self,
        event: Event,
        accept: Callable[[Event], bool],
        about: tuple[str, ...],
        timeout: float,
        start: bool = False,
    ) -> Event:
        """Send an event and wait for its answer.

        Args:
            event: what to send; gets an id.
            accept: the test for the answer.
            about: words in errors without an id that concern it.
            timeout: seconds.
            start: start reading, too: not sooner, lest an error that comes at once go unheard.

        Raises:
            ServerError: the server refused.
            WaitTimeout: nothing came.
            ConnectionClosed: the session is, or went, over.
        """
        return self.exchanges([(event, accept)], about, timeout, start)[0]

    def exchanges(
        self,
        requests: Sequence[tuple[Event, Callable[[Event], bool]]],
        about: tuple[str, ...],
        timeout: float,
        start: bool = False,
    ) -> list[Event]:
        """Send several events back to back, and wait for the answer of each.

        Args:
            requests: each event, and the test for its answer.
            about: as for :meth:`exchange`, and so on.
            timeout: seconds for all of them.
            start: as there.

        Raises:
            ServerError: the server refused one; those after it may have been accepted.
            WaitTimeout, ConnectionClosed: as :meth:`exchange`.
        """
        messages, expectations = [], []
        for event, accept in requests:
            name, inbox = self.new_id(), Inbox[Event]()
            messages.append(wire.encode(replace(event, event_id=name)))
            expectations.append(Expectation(name, accept=accept, about=about, owner=inbox))
        deadline = Deadline(timeout)
        with self.lock:
            for expectation in expectations:
                self.session.expect(expectation)
        try:
            if start:
                self.start()
            try:
                self.send(*messages)
            except ConnectionClosed:
                with contextlib.suppress(WaitTimeout):
                    # A refusal, say, that came before the end.
                    return [expectation.owner.get(0) for expectation in expectations]
                raise
            return [expectation.owner.get(deadline.left()) for expectation in expectations]
        except WaitTimeout:
            raise WaitTimeout(
                f"the server did not answer {requests[0][0].type} within {timeout:g} s"
            ) from None
        finally:
            with self.lock:
                for expectation in expectations:
                    self.session.forget(expectation)

    def watch(self, watcher: Watcher) -> None:
        """Have somebody follow what happens from now on."""
        with self.lock:
            self.watchers += (watcher,)

    def unwatch(self, watcher: Watcher) -> None:
        """No longer; an event that is being told just now may still come."""
        with self.lock:
            self.watchers = tuple(one for one in self.watchers if one is not watcher)

    @contextlib.contextmanager
    def arrivals(self) -> Iterator[Inbox[Any]]:
        """An inbox that is given the owner of each answer that begins meanwhile."""
        inbox: Inbox[Any] = Inbox()
        with self.lock:
            self._arrivals.append(inbox)
            if self._end is not None:
                inbox.close(self._end)
        try:
            yield inbox
        finally:
            with self.lock:
                self._arrivals.remove(inbox)

    def patiently(self, step: Callable[[float], T], timeout: float, goal: str) -> T:
        """Do a blocking step, again and again while the server is alive.

        Args:
            step: is given the seconds to wait; raises ``WaitTimeout`` after them.
            timeout: seconds of the server's silence to put up with.
            goal: what is waited for, for the message.

        Raises:
            WaitTimeout: the server was quiet for so long.
        """
        while True:
            life = self.life
            try:
                return step(timeout)
            except WaitTimeout:
                if not self.alive(life):
                    raise self.too_quiet(goal, timeout) from None

    def alive(self, life: int) -> bool:
        """Whether something happened since :attr:`life` was read, or a tool is at work."""
        return self.life != life or self.working > 0

    def too_quiet(self, goal: str, seconds: float) -> WaitTimeout:
        """The error for a server that gave no sign of life for so long."""
        return WaitTimeout(f"waiting for {goal}: the server has been quiet for {seconds:g} s")

    # --- reading ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the reader's thread."""
        self._reader.start()

    def _read(self, stopping: threading.Event) -> None:
        recv, decode = self._transport.recv, wire.decode
        receive, add = self.session.receive, self.log.add
        lock, stats = self.lock, self._stats
        while True:  # until recv() raises: nothing else can end it
            message = recv()
            event = decode(message)
            stats.bytes_received += len(message)
            self.life += 1
            with lock:
                orders = receive(event)
            if orders:
                self._carry_out(orders)
            for watcher in self.watchers:
                watcher.saw(event, orders)
            add(event)
            if type(event) in _NOTED:
                self._note(event)

    def _carry_out(self, orders: Orders) -> None:
        batch = []
        for do, subject, detail in orders:
            if do == "audio":  # the most frequent by far
                if subject.owner is not None:
                    subject.owner.sounds(detail)
            elif do == "send":
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

    def _granted(self, request: Request, _: None) -> None:
        if request.owner is not None:
            request.owner.put(request)

    def _began(self, answer: Answer, _: None) -> None:
        self._adopt(answer)
        with self.lock:
            arrivals = list(self._arrivals)
        for inbox in arrivals:
            inbox.put(answer.owner)

    def _ended(self, answer: Answer, error: ErrorDetails | None) -> None:
        with self.lock:  # not only the reader's thread ends answers
            self._stats.responses += 1
        # The session remembers many an answer for its words; their sound is the owner's.
        owner, answer.owner = answer.owner, None
        if owner:
            by_event = error is None and self._reader.is_current
            owner.ends(None if error is None else lambda: server_error(error), by_event=by_event)

    def _spoken(self, turn: Turn, _: None) -> None:
        turn.over = now()

    def _known(self, turn: Turn, _: None) -> None:
        turn.known = now()

    def _note(self, event: Event) -> None:
        if not isinstance(event, ErrorEvent):
            self.life -= 1
            return
        self._stats.errors += 1
        error = event.error or ErrorDetails()
        logger.info("! error event: type=%s code=%s", error.type, error.code)
        if error.code not in _HARMLESS:
            self._complaint = error, self.life, time.monotonic()

    # --- the end ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise what ended the session, if anything did."""
        if self._closing.is_set():
            raise _closed_by_us()
        if self._end is not None:
            raise self._end()

    @property
    def closing(self) -> bool:
        """Whether we have closed it, or are about to."""
        return self._closing.is_set()

    @property
    def over(self) -> bool:
        """Whether the session has ended, or is being closed."""
        return self._end is not None or self._closing.is_set()

    def _failed(self, cause: BaseException) -> None:
        """The reader ended: tell everybody who waits, now or later."""
        end = self._explain(cause)
        self._over_at = now()
        with self.lock:
            # First: what the end of the line, below, makes fail in other threads is told this.
            self._end = end
            self.broken = not (self._closing.is_set() or isinstance(cause, ConnectionClosedOK))
            lost, waiting = self.session.abandon()
            waiting += self._arrivals
        if not isinstance(cause, ConnectionClosed):
            self._say_goodbye(1007 if isinstance(cause, RemoteProtocolError) else 1011)
        self._transport.abort()  # nobody reads any more, and maybe nobody will call close()
        logger.debug("= session over: %s", type(cause).__name__)
        for answer in lost:
            if answer.owner:
                answer.owner.ends(end)
        for inbox in waiting:
            inbox.close(end)
        self.log.close(end)
        for watcher in self.watchers:
            watcher.over()

    def _say_goodbye(self, code: int) -> None:
        # If it is over already, what matters is raised elsewhere.
        with contextlib.suppress(InworldError):
            self._transport.begin_close(code)

    def _explain(self, cause: BaseException) -> Callable[[], BaseException]:
        """What every later call raises: a fresh exception each time, chained to the cause."""
        if self._closing.is_set():
            return _closed_by_us
        complaint = self._reason()
        words = f"; the server's last error was: {server_error(complaint)}" if complaint else ""

        def end() -> BaseException:
            if isinstance(cause, ConnectionClosed):
                fresh: BaseException = type(cause)(
                    f"{cause}{words}", code=cause.code, reason=cause.reason
                )
            elif isinstance(cause, InworldError):
                fresh = type(cause)(str(cause))
            else:
                fresh = InworldError(f"the reader broke down: {type(cause).__name__}; report this")
            fresh.__cause__ = server_error(complaint) if complaint else cause
            return fresh

        return end

    def _reason(self) -> ErrorDetails | None:
        """The error that the server gave just before the end, if it did."""
        if self._complaint is None:
            return None
        error, life, moment = self._complaint
        just = life == self.life and time.monotonic() - moment < _BLAMED
        return error if just else None

    def close(self, *, polite: bool = True) -> None:
        """End the session. Any thread, any number of times.

        Blocks until the reader has ended, at most :data:`CLOSE_BOUND` seconds; in the reader's own
        thread it returns at once.

        Args:
            polite: say goodbye and let the server answer; else cut at once.

        Raises:
            WorkerStuck: the reader did not end in that time.
        """
        deadline, goodbye = Deadline(CLOSE_BOUND), Deadline(CLOSE_BOUND / 2)
        self._closing.set()
        if polite and self._end is None:
            self._say_goodbye(1000)
            if self._reader.is_current:
                return
            self._reader.join(goodbye.left())
        self._transport.abort()
        self._reader.stop(deadline.left() or 0.0)

    @property
    def stats(self) -> Stats:
        """The counts so far, as a copy."""
        over_at = self._over_at
        with self.lock:
            session = self.session
            return evolve(
                self._stats,
                events_received=self.log.count,
                usage=session.usage,
                seconds_sent=session.audio_sent_ms / 1000,
                seconds_received=session.audio_received_ms / 1000,
                duration=(now() if over_at is None else over_at) - self._begun_at,
            )


def _closed_by_us() -> ConnectionClosedOK:
    return ConnectionClosedOK("this client is closed; make a new Client to go on", code=1000)


def now() -> float:
    """Seconds on the clock that latencies are taken from."""
    return time.perf_counter()
