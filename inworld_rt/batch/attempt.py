"""One row asked once: what a thread, or a machine of a cluster, does.

A function of its arguments alone: it keeps nothing and writes no file, so it may be done anywhere,
and done again if it is lost.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

import attrs
from attrs import field, frozen

from inworld_rt import errors
from inworld_rt._version import __version__
from inworld_rt.auth import Credentials, find_credentials
from inworld_rt.batch.limits import Bucket
from inworld_rt.client import Client
from inworld_rt.codec import write
from inworld_rt.config import SessionConfig
from inworld_rt.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    ConnectionClosed,
    InworldError,
    RemoteProtocolError,
    ResponseFailed,
    ServerError,
    WaitTimeout,
    WorkerStuck,
)
from inworld_rt.events import UserTranscript, UserTranscriptFailed
from inworld_rt.pcm import decode
from inworld_rt.response import Response
from inworld_rt.transport import Transport, connect, endpoint, new_session_id

__all__ = [
    "Answered",
    "Failed",
    "Outcome",
    "PacedTransport",
    "Settings",
    "Task",
    "attempt",
    "failure",
]

_HEARD_WITHIN = 5.0  # seconds after the answer; the words of the user come late or never
_FINAL = ("max_output_tokens", "content_filter")  # the same words would meet the same end

Then = Literal["stop", "hold", "again", "never"]


@frozen
class Settings:
    """What all rows have in common; goes to other machines, so there is no key in it.

    Attributes:
        session: the session's settings, in the wire's form.
        url: where to connect; ``None`` as the machine's environment says.
        timeout: seconds of the server's silence after which a row is given up.
        connect_timeout: seconds for connecting and configuring.
        packets_per_second: how many messages a session may send in a second.
        version: of the package that asks.
    """

    session: dict[str, Any] = field(factory=dict, repr=False)
    url: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    connect_timeout: float = 15.0
    packets_per_second: float = 1000.0
    version: str = __version__


@frozen
class Task:
    """What one row asks.

    Attributes:
        text: what is said; ``None`` if it is spoken.
        sound: a WAV file's content.
        own: settings of this row alone, by their names in :meth:`SessionConfig.of`.
    """

    text: Any = field(default=None, repr=False)
    sound: bytes | None = field(default=None, repr=False)
    own: dict[str, str] = field(factory=dict, repr=False)


@frozen
class Answered:
    """A whole answer.

    Attributes:
        sound: its samples, 16 bits each; ``None`` if it was asked for as text only.
        rate: samples per second.
        text: its words.
        heard: what was understood of the speech, if it was speech and the service said it.
        usage: its cost, in the wire's form.
        latency: seconds, see :class:`~inworld_rt.response.Latency`.
    """

    sound: bytes | None = field(repr=False)
    rate: int
    text: str = field(repr=False)
    heard: str | None = field(default=None, repr=False)
    usage: dict[str, Any] | None = None
    latency: dict[str, float | None] = field(factory=dict)


@frozen
class Failed:
    """No answer.

    Attributes:
        then: what follows: ``stop`` everything, since it concerns all rows and will not pass;
            ``hold`` everything for a while, since the service takes nobody; do this row ``again``;
            or ``never``.
        type: the name of the exception.
        message: its words.
        seconds: which the server asked us to wait.
    """

    then: Then
    type: str
    message: str
    seconds: float | None = None

    def error(self) -> InworldError:
        """The exception again."""
        kind = getattr(errors, self.type, InworldError)
        error: InworldError = kind(self.message)
        return error


Outcome = Answered | Failed


def attempt(
    task: Task,
    settings: Settings,
    credentials: Credentials | None = None,
    opened: Callable[[Transport], object] = lambda transport: None,
) -> Outcome:
    """Ask once, in a session of its own. Blocks until the answer is complete.

    Args:
        task: what to ask.
        settings: for all rows.
        credentials: the key; default: what the environment of this process says.
        opened: is told of the connection; cutting it ends the attempt.

    Returns:
        The answer, or why there is none. Only a mistake of ours is raised.
    """
    if settings.version != __version__:
        return failure(
            ConfigError(
                f"here is inworld_rt {__version__}, and {settings.version} where the batch was "
                "started; install the same on all machines"
            ),
            "stop",
        )
    try:
        key = find_credentials(credentials)
        address = endpoint(settings.url, new_session_id())
    except ConfigError as exc:
        return failure(exc, "stop")
    client = None
    try:
        client = _open(task, settings, key, address, opened)
        return _ask(client, task)
    except (InworldError, OSError) as exc:
        return failure(exc, _what_then(exc, task, client is not None))
    finally:
        if client is not None:
            with contextlib.suppress(WorkerStuck):  # an answer is not lost for a slow goodbye
                client.close()


def _open(
    task: Task,
    settings: Settings,
    key: Credentials,
    address: str,
    opened: Callable[[Transport], object],
) -> Client:
    config = SessionConfig.from_dict(settings.session).merged(SessionConfig.of(**task.own))
    if task.sound is not None:
        # A row is one turn, however long its pauses are: its end is known, not to be found.
        config = SessionConfig.of(turn_detection=None).merged(config)
    config.to_dict()  # what is wrong with it is said before there is a connection to be closed
    transport = PacedTransport(
        connect(
            address,
            credentials_header=key.header(),
            credential_source=key.source,
            connect_timeout=settings.connect_timeout,
        ),
        settings.packets_per_second,
    )
    opened(transport)
    return Client(
        config=config,
        transport=transport,
        timeout=settings.timeout,
        connect_timeout=settings.connect_timeout,
    )


def _ask(client: Client, task: Task) -> Outcome:
    if task.sound is None:
        response = client.say(task.text)
    else:
        response = client.send_recording(task.sound)
    sound = response.audio
    if response.status != "completed":
        details = response.status_details
        reason = (details and details.reason) or response.status
        raise ResponseFailed(f"the answer is not complete: {reason}", reason=reason)
    wanted = client.session.output_modalities or ["audio"]
    if not sound and "audio" in wanted:
        raise ResponseFailed("the answer has no sound")
    return Answered(
        decode(sound, response.format) if sound else None,
        response.format.rate,
        response.text,
        None if task.sound is None else _heard(client),
        None if response.usage is None else write(response.usage, "usage"),
        _latency(response),
    )


def _heard(client: Client) -> str | None:
    try:
        for event in client.events(UserTranscript, UserTranscriptFailed, timeout=_HEARD_WITHIN):
            return event.transcript if isinstance(event, UserTranscript) else None
    except (WaitTimeout, ConnectionClosed):
        pass  # the answer is there; these words are a bonus
    return None


def _latency(response: Response) -> dict[str, float | None]:
    stages = attrs.asdict(response.latency)
    return {name: None if value is None else round(value, 3) for name, value in stages.items()}


def failure(error: Exception, then: Then) -> Failed:
    """A failed attempt, from what was raised."""
    words = str(error)
    if isinstance(error, OSError) and not isinstance(error, InworldError) and error.strerror:
        words = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return Failed(then, type(error).__name__, words, getattr(error, "retry_after", None))


def _what_then(error: Exception, task: Task, begun: bool) -> Then:
    if isinstance(error, AuthError):
        return "stop"
    if isinstance(error, ConnectError) or (isinstance(error, ConnectionClosed) and not begun):
        return "hold"
    if isinstance(error, ServerError):
        told = f"{error.type} {error.code}"
        if "rate_limit" in told:
            return "hold"
        if "server_error" in told:
            return "again"
        # Refused settings that all rows have are refused for all of them.
        return "never" if begun or task.own else "stop"
    if isinstance(error, ResponseFailed):
        if "rate_limit" in (error.reason or ""):
            return "hold"
        return "never" if error.reason in _FINAL else "again"
    passing = isinstance(error, ConnectionClosed | WaitTimeout | RemoteProtocolError)
    return "again" if passing else "never"


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
