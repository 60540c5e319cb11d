"""Looks at the network: where the service is, and how far one gets. No key is sent before the
session itself is opened."""

from __future__ import annotations

import os
import socket
import ssl
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from attrs import evolve, fields

from inworld_rt import Client
from inworld_rt.auth import Credentials
from inworld_rt.cli.checks.certificate import issuer_of
from inworld_rt.cli.checks.network import Answered, Line, Looked, Opened, Way
from inworld_rt.cli.checks.verdict import Failure
from inworld_rt.cli.service import printable
from inworld_rt.errors import AuthError, ConfigError, ConnectError, InworldError, WaitTimeout
from inworld_rt.response import Latency, Response
from inworld_rt.transport import WebSocketTransport, connect, endpoint, new_session_id
from inworld_rt.transport.answer import Answer
from inworld_rt.transport.dial import Target, dial
from inworld_rt.transport.endpoint import URL_VARIABLE
from inworld_rt.transport.handshake import target_of
from inworld_rt.transport.proxy import find_proxy
from inworld_rt.transport.stream import Stream
from inworld_rt.workers import Deadline

__all__ = ["answer", "line", "look_up", "open_session", "way"]

QUESTION = "Please say hello."

_NOWHERE = ("192.0.2.1", 9)  # an address that belongs to nobody; nothing is sent there
_HEAD_LIMIT = 16384  # bytes
_PATIENCE = 2.0  # seconds for the server to tell the time
_EXPIRED, _EARLY = 10, 9  # OpenSSL's numbers for why a certificate is not accepted
_OTHER_HOST = (62, 64)
_STAGES = {
    "transcript": "your words",
    "first_text": "first text",
    "first_audio": "first sound",
    "first_heard": "first heard",
    "total": "total",
}


def way(url: str | None, source: str) -> tuple[Way, Target | None]:
    """Where to, and through which proxy.

    Args:
        url: where the service is, if it was said; else the environment decides.
        source: who said so.

    Returns:
        The facts; and the target, unless there is something wrong with them.
    """
    if url is None:
        source = URL_VARIABLE if os.environ.get(URL_VARIABLE) else ""
    try:
        target = target_of(endpoint(url, "none"), None)
    except ConfigError as exc:
        return Way("", source=source, failure=Failure.of(exc)), None
    found = Way(target.host, target.port, target.secure, target.local, source)
    if target.local:
        return found, target
    name = "https_proxy" if target.secure else "http_proxy"
    variable = name if name in os.environ else name.upper()
    try:
        proxy = find_proxy(target.host, secure=target.secure)
    except ConnectError as exc:
        return evolve(found, variable=variable, failure=Failure.of(exc)), None
    if proxy is not None:
        where = f"{proxy.host}:{proxy.port}"
        return evolve(found, proxy=where, variable=proxy.variable), target
    named = bool(os.environ.get(variable))
    return evolve(found, direct=named, ignored="" if named else _systems_proxy()), target


def _systems_proxy() -> str:
    """The proxy that macOS or Windows is set to use."""
    try:
        parts = urlsplit(getproxies().get("https", ""))
        return f"{parts.hostname}:{parts.port or 80}" if parts.hostname else ""
    except ValueError:
        return ""


def look_up(found: Way) -> Looked:
    """The addresses of the service's name; of the proxy's, if there is one."""
    host = found.proxy.rpartition(":")[0] if found.proxy else found.host
    began = time.monotonic()
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as exc:
        return Looked(host, failure=Failure.of(exc), online=_online())
    return Looked(host, len(addresses), time.monotonic() - began)


def _online() -> bool:
    """Whether the system would know where to send something."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(_NOWHERE)
        except OSError:
            return False
    return True


class _Watched(ssl.SSLContext):
    """Keeps what it wrapped last, to ask it for the certificate."""

    tls: ssl.SSLObject | None = None

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """As usual."""
        self.tls = super().wrap_bio(*args, **options)
        return self.tls


def _context() -> _Watched:
    """The settings that all our connections have."""
    context = _Watched(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def line(target: Target, found: Way, seconds: float) -> Line:
    """Connect, without a key, and ask for the time.

    Args:
        target: where to.
        found: the same, as facts.
        seconds: how long that may take.
    """
    context = _context()
    try:
        return _reached(target, context, seconds)
    except ConnectError as exc:
        cause, status, words = exc.__cause__, exc.status, _plain(exc)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _unverified(target, cause, words, seconds)
    if status is not None:
        return Line("proxy", status=status, words=words)
    return Line(_state(cause), words=words)


def _state(cause: BaseException | None) -> str:
    if isinstance(cause, TimeoutError):
        return "silent"
    if isinstance(cause, ConnectionRefusedError):
        return "refused"
    return "tls" if isinstance(cause, ssl.SSLError) else "broken"


def _reached(target: Target, context: _Watched, seconds: float) -> Line:
    """Connect; what there is to be told, or an exception."""
    began = time.monotonic()
    deadline = began + seconds
    stream = dial(target, deadline=deadline, context=context, dead_after=seconds)
    try:
        took = time.monotonic() - began
        version = issuer = ""
        if context.tls is not None:
            version = context.tls.version() or ""
            issuer = printable(issuer_of(context.tls.getpeercert(binary_form=True) or b""))
        off = _clock_off(stream, target, min(deadline, time.monotonic() + _PATIENCE))
    finally:
        stream.close()
    return Line("open", took, version, issuer, off=off)


def _unverified(
    target: Target, cause: ssl.SSLCertVerificationError, words: str, seconds: float
) -> Line:
    """Whose certificate it is that is not accepted; to tell that, it is accepted now. Only the
    question for the time is sent, and no key."""
    code = cause.verify_code
    reason = "host" if code in _OTHER_HOST else {_EXPIRED: "expired", _EARLY: "early"}.get(code, "")
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        seen = _reached(target, context, seconds)
    except ConnectError:
        seen = Line()
    return evolve(seen, state="certificate", reason=reason or "issuer", words=words)


def _clock_off(stream: Stream, target: Target, deadline: float) -> float | None:
    """Seconds by which our clock is ahead of the server's; ``None`` if it does not tell."""
    request = f"HEAD / HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n"
    received = b""
    try:
        stream.write(request.encode("ascii"), max(0.0, deadline - time.monotonic()))
        while b"\r\n\r\n" not in received and len(received) < _HEAD_LIMIT:
            data = stream.read_before(deadline)
            if not data:
                break
            received += data
        head = Answer.parse(received)
        told = parsedate_to_datetime(head.headers["date"]) if head else None
    except (OSError, LookupError, TypeError, ValueError):
        return None
    if told is None:
        return None
    told = told if told.tzinfo else told.replace(tzinfo=timezone.utc)
    # It tells whole seconds, cut off: on average it is half a second later.
    return (datetime.now(timezone.utc) - told).total_seconds() - 0.5


def open_session(
    url: str | None, credentials: Credentials, in_file: bool, seconds: float
) -> tuple[Opened, WebSocketTransport | None]:
    """Open a session.

    Args:
        url: where the service is; ``None`` for what the environment says.
        credentials: the key or token.
        in_file: whether it comes from the config file.
        seconds: how long it may take.

    Returns:
        The facts; and the open connection, if there is one.
    """
    began = time.monotonic()
    try:
        transport = connect(
            endpoint(url, new_session_id()),
            credentials_header=credentials.header(),
            credential_source=credentials.source,
            connect_timeout=seconds,
        )
    except ConnectError as exc:
        failure = Failure(_plain(exc))
        return Opened(0.0, failure, exc.status, exc.retry_after, in_file), None
    return Opened(time.monotonic() - began, in_file=in_file), transport


def answer(transport: WebSocketTransport, handshake: float, seconds: float) -> Answered:
    """Ask something in an open session, and close it.

    Args:
        transport: the connection.
        handshake: seconds that it took to open.
        seconds: how long the answer may take.
    """
    began = time.monotonic()
    deadline = Deadline(seconds)
    try:
        with Client(transport=transport, connect_timeout=seconds, timeout=seconds) as client:
            connected = handshake + time.monotonic() - began
            response = client.say(QUESTION).wait(deadline.left())
            stages = (("connect", connected), *_stages(response))
            sound = len(response.audio) / response.format.bytes_per_second
            return Answered(stages, sound)
    except AuthError as exc:
        return Answered(failure=Failure(_plain(exc)), refused=True)
    except WaitTimeout:
        return Answered(failure=Failure(f"connected, but no answer came within {seconds:g} s"))
    except InworldError as exc:
        return Answered(failure=Failure(_plain(exc)))


def _stages(response: Response) -> tuple[tuple[str, float], ...]:
    """What happened when, in order; whatever the response knows of."""
    found = [
        (_STAGES.get(one.name, one.name.replace("_", " ")), getattr(response.latency, one.name))
        for one in fields(Latency)
    ]
    return tuple(sorted((pair for pair in found if pair[1] is not None), key=lambda pair: pair[1]))


def _plain(exc: BaseException) -> str:
    return printable(str(exc).partition("\n")[0])
