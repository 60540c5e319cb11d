"""The simulator as a server: sockets and threads around the brain, and nothing else."""

from __future__ import annotations

import functools
import json
import logging
import socket
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inworld_rt import extras
from inworld_rt.errors import ConfigError, ConnectError
from inworld_rt.simulator import incoming
from inworld_rt.simulator.brain import Brain
from inworld_rt.simulator.conversation import ReplySource
from inworld_rt.simulator.desk import Desk
from inworld_rt.simulator.ears import Ears, find_ears
from inworld_rt.simulator.handshake import PATH, Doorkeeper, fake_api_key
from inworld_rt.simulator.http import Reception
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.scenes import Action, Close, Drop, Scene, Send, Stage, scene_for
from inworld_rt.simulator.tokens import Mint
from inworld_rt.simulator.vad import warm_up as warm_up_vad
from inworld_rt.simulator.voice import Voice, find_voice
from inworld_rt.workers import Deadline, Worker

__all__ = ["Simulator"]

log = logging.getLogger("inworld_rt")

MAX_FRAME = 32 * 1024 * 1024
"""Holds the largest piece of audio that is taken, in base64; a larger frame ends the session."""
POLITE_S = 1.0
"""What connections get for a closing handshake; then they are cut."""
CLOSE_S = 1.8
LONGEST_S = 1e9
"""The longest life of a token that a date can tell, 30 years."""


class Simulator:
    """The service, on this machine.

    ::

        with Simulator() as simulator:
            client = Client(url=simulator.url, credentials=simulator.api_key)

    On the same host and port it answers plain HTTP as the service's host does: tokens for a signed
    request, the voices, the models (``inworld_rt.simulator.desk``). Whoever connects and says
    nothing, or is slow, is dropped after 5 seconds.

    Args:
        host: where to listen.
        port: where to listen; 0 finds a free one.
        api_key: the only key that opens a session and gets tokens, which open one as well.
            Default: every credential opens a session, and :attr:`api_key` is a fake one.
        quirks: the service's oddities: changes to the defaults by name, or ``"none"``.
        replies: what the agent answers; by default a lesson's small talk.
        voice: how it sounds; by default the best voice installed.
        ears: how it hears; by default the best recogniser installed.
        scenes: what goes wrong: one scene for every connection, or a list with one for each.
        handshake: credentials that are refused, with the HTTP status for each.
        pace: how much faster than it sounds speech is sent.
        session_seconds: how long a session lives after its last update.
        token_seconds: how long a token opens sessions.

    Raises:
        ConfigError: an argument is wrong.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        quirks: Quirks | Mapping[str, Any] | str | None = None,
        replies: ReplySource | None = None,
        voice: Voice | None = None,
        ears: Ears | None = None,
        scenes: Scene | str | Sequence[Scene | str | None] | None = None,
        handshake: Mapping[str, int] | None = None,
        pace: float = 5.0,
        session_seconds: float = 3600.0,
        token_seconds: float = 3600.0,
    ) -> None:
        if not pace > 0 or not session_seconds > 0:
            raise ConfigError("pace and session_seconds are numbers above 0")
        if not 0 < token_seconds < LONGEST_S:
            raise ConfigError(f"token_seconds is a number above 0 and below {LONGEST_S:g}")
        self.quirks = Quirks.of(quirks)
        self.host = host
        self.port = port
        self.api_key = api_key or fake_api_key()
        """A credential that opens a session."""
        scene_for(scenes, 0)  # a wrong name is noticed now
        self._scenes = scenes
        self._replies = replies
        self._voice = voice
        self._ears = ears
        self._pace = pace
        self._session_seconds = session_seconds
        mint = Mint(token_seconds)
        self._door = Doorkeeper(api_key, handshake or {}, self.quirks.handshake_status, mint)
        self._desk = Desk(self._door, self.api_key)
        self._lock = threading.Lock()
        self._server: Any = None
        self._worker: Worker | None = None
        self._count = 0
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._reception: Reception | None = None
        self._sessions: set[threading.Thread] = set()
        self._closed: Any = ()

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The WebSocket URL, without the query."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}{PATH}"

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        with self._lock:
            return len(self._sessions)

    def start(self) -> None:
        """Listen. Does nothing if it does already.

        Raises:
            BackendMissing: the WebSocket library is not installed.
            ConnectError: the address cannot be listened on.
        """
        with self._lock:
            if self._server is not None:
                return
            library = extras.load(
                "websockets.sync.server", extra="simulator", purpose="simulate the service"
            )
            closed = extras.load(
                "websockets.exceptions", extra="simulator", purpose="simulate the service"
            )
            self._closed = closed.ConnectionClosed
            self._load()
            self._server = self._listen(library)
            self.port = self._server.socket.getsockname()[1]
            self._worker = Worker(
                "simulator", lambda _: self._server_loop(self._server), _report_failure
            )
            self._worker.start()

    def warm_up(self) -> None:
        """Do now what would make the first answer late; takes a second or two."""
        self._load()
        for part in (self._voice, self._ears):
            if part is not None:
                part.warm_up()
        warm_up_vad()

    def _load(self) -> None:
        if self._voice is None:
            self._voice = find_voice()
        if self._ears is None:
            self._ears = find_ears()
        if self._replies is None:
            from inworld_rt.simulator.replies import lesson

            self._replies = lesson

    def _listen(self, library: Any) -> Any:
        connections, lock = self._connections, self._lock

        class Connection(library.ServerConnection):  # type: ignore[misc]
            """One that can be found while it is still shaking hands."""

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                with lock:
                    connections.add(self)

        try:
            server = library.serve(
                self._session,
                self.host,
                self.port,
                family=socket.AF_INET6 if ":" in self.host else socket.AF_INET,
                process_request=self._process_request,
                select_subprotocol=_select_subprotocol,
                create_connection=Connection,
                compression=None,
                max_size=MAX_FRAME,
                open_timeout=5,
                ping_interval=None,  # the service has its own ping event
                close_timeout=POLITE_S,
                logger=_quiet_logger(),
            )
        except (OSError, OverflowError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc)
            raise ConnectError(
                f"cannot listen on {self.host} port {self.port}: {reason}; "
                "choose another port, or 0 for a free one"
            ) from exc
        self._reception = Reception(self._desk.answer)
        server.handler = functools.partial(_receive, self._reception, server.handler)
        return server

    def _server_loop(self, server: Any) -> None:
        # Its handler threads inherit being daemons from this one.
        server.serve_forever()

    def close(self) -> None:
        """End every session, cut every HTTP request off and stop listening; takes at most 2
        seconds. May be called again."""
        with self._lock:
            server, self._server = self._server, None
            worker, reception = self._worker, self._reception
            connections = list(self._connections)
        if server is None or worker is None or reception is None:
            return
        reception.close()
        deadline, polite = Deadline(CLOSE_S), Deadline(POLITE_S)
        # A worker each: saying goodbye to a client that does not read would block.
        closers = [Worker("simulator-close", lambda _: server.shutdown(), _ignore)]
        closers += [
            Worker("simulator-close", functools.partial(_say_goodbye, connection), _ignore)
            for connection in connections
        ]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(polite.left())
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _cut(connection)
        for closer in closers:
            closer.join(deadline.left())
        worker.join(deadline.left())
        with self._lock:
            threads = list(self._sessions)
        for thread in threads:
            thread.join(deadline.left())

    # --- one connection ------------------------------------------------------------------------

    def _process_request(self, connection: Any, request: Any) -> Any:
        headers = request.headers
        authorization = headers.get_all("Authorization")
        offered = ",".join(headers.get_all("Sec-WebSocket-Protocol"))
        rejection = self._door.judge(
            request.path, authorization[0] if authorization else None, offered, time.time()
        )
        if rejection is None:
            return None
        body = json.dumps({"error": {"message": rejection.message}})
        response = connection.respond(rejection.status, body)
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        if rejection.status in (429, 503):
            response.headers["Retry-After"] = "1"
        return response

    def _session(self, connection: Any) -> None:
        me = threading.current_thread()
        with self._lock:
            self._sessions.add(me)
            number = self._count
            self._count += 1
        try:
            self._converse(connection, number)
        except self._closed:
            pass  # the client has gone, as clients do
        except Exception as exc:
            where = traceback.extract_tb(exc.__traceback__)[-1]
            # Not the message: it could quote what somebody said.
            log.error("a simulated session failed: %s in %s", type(exc).__name__, where.name)
            connection.close(1011, "server error")
        finally:
            with self._lock:
                self._sessions.discard(me)

    def _converse(self, connection: Any, number: int) -> None:
        assert self._replies is not None and self._voice is not None and self._ears is not None
        # Wall-clock time, but it never jumps.
        offset = time.time() - time.monotonic()
        now = offset + time.monotonic()
        brain = Brain(
            self._replies,
            self._voice,
            self._ears,
            now,
            quirks=self.quirks,
            pace=self._pace,
            lifetime=self._session_seconds,
        )
        stage = Stage(brain, scene_for(self._scenes, number), self.quirks.drop_after_n_events)
        try:
            _play(connection, stage, offset)
        finally:
            brain.close()


def _receive(
    reception: Reception, take_over: Callable[..., None], line: socket.socket, address: Any
) -> None:
    """See a new connection through, in the thread that the library made for it."""
    if not reception.receive(line):
        line.close()
    # A closed one, too: the library counts its threads, and finds that this one has ended.
    take_over(line, address)


def _play(connection: Any, stage: Stage, offset: float) -> None:
    """Carry frames between a connection and a session until one of them ends.

    Args:
        connection: the client's.
        stage: the session.
        offset: what makes seconds since 1970 of the monotonic clock.
    """
    going = _carry_out(connection, stage.open(offset + time.monotonic()))
    while going:
        due = stage.next_due()
        wait = None if due is None else max(0.0, due - offset - time.monotonic())
        try:
            frame = connection.recv(wait)
        except TimeoutError:
            going = _carry_out(connection, stage.advance(offset + time.monotonic()))
            continue
        event = (
            incoming.Malformed(incoming.BINARY_FRAME)
            if isinstance(frame, bytes)
            else incoming.read(frame)
        )
        going = _carry_out(connection, stage.receive(event, offset + time.monotonic()))
        # However fast the client sends, the answer goes on.
        if going:
            going = _carry_out(connection, stage.advance(offset + time.monotonic()))


def _carry_out(connection: Any, actions: Sequence[Action]) -> bool:
    """Do what the stage says; gives whether the session goes on."""
    for action in actions:
        if isinstance(action, Send):
            connection.send(action.data)
        elif isinstance(action, Close):
            connection.close(action.code, action.reason)
            return False
        elif isinstance(action, Drop):
            _cut(connection)
            return False
    return True


def _say_goodbye(connection: Any, stopping: threading.Event) -> None:
    connection.close(1001, "going away")


def _cut(connection: Any) -> None:
    """End a connection without a goodbye; whatever blocks in it comes back."""
    try:
        connection.socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already


def _select_subprotocol(connection: Any, offered: Sequence[str]) -> str | None:
    return "realtime" if "realtime" in offered else None


def _quiet_logger() -> logging.Logger:
    """For the library's own lines, which would show addresses and failed handshakes as errors."""
    logger = logging.getLogger("inworld_rt.simulator.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger


def _report_failure(exc: BaseException) -> None:
    log.error("the simulator stopped: %s", type(exc).__name__)


def _ignore(exc: BaseException) -> None:
    """The connection had ended already."""
