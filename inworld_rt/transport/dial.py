"""Opens the road to a server: name, TCP, proxy, TLS; all within one deadline."""

from __future__ import annotations

import socket
import ssl
import threading
import time

from attrs import frozen

from inworld_rt.errors import ConnectError
from inworld_rt.transport.answer import Answer
from inworld_rt.transport.ending import printable
from inworld_rt.transport.proxy import Proxy, find_proxy
from inworld_rt.transport.stream import PlainStream, Stream, TlsStream

__all__ = ["Target", "default_context", "dial", "timed_out"]

_HEAD_LIMIT = 65536  # bytes that a proxy may answer with

# OpenSSL's numbers for why a certificate was refused.
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_HOST, _WRONG_ADDRESS = 62, 64

_context: ssl.SSLContext | None = None
_context_lock = threading.Lock()


@frozen
class Target:
    """Where to connect to.

    Attributes:
        host: name or address, without brackets.
        port: TCP port.
        secure: TLS or not.
        local: the host is this machine, so no proxy can be meant.
    """

    host: str
    port: int
    secure: bool
    local: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def default_context() -> ssl.SSLContext:
    """The process's one TLS context: system certificates, host name checked, TLS 1.2 or newer.

    Made when first needed and then shared: loading the system's certificates takes some 36 ms.
    """
    global _context
    with _context_lock:  # two first connections at once must not both load
        if _context is None:
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            _context = context
        return _context


def dial(
    target: Target, *, deadline: float, context: ssl.SSLContext | None, dead_after: float
) -> Stream:
    """Connect. Blocks until ``deadline``; looking up the name takes as long as the system lets it.

    Args:
        target: the server.
        deadline: on the clock of ``time.monotonic``.
        context: TLS settings; ``None`` for :func:`default_context`.
        dead_after: seconds after which the kernel gives up on unanswered data.

    Returns:
        A stream to the server.

    Raises:
        ConnectError: with its own sentence for each way to fail.
    """
    proxy = None if target.local else find_proxy(target.host, secure=target.secure)
    sock = _open_tcp(proxy or target, deadline)
    try:
        _tune(sock, dead_after)
        plain = PlainStream(sock)
        if proxy is not None:
            _open_tunnel(plain, proxy, target, deadline)
        if not target.secure:
            return plain
        return _open_tls(plain, context or default_context(), target, deadline)
    except BaseException:
        sock.close()
        raise


def timed_out(where: str) -> ConnectError:
    """The error for a deadline that passed."""
    return ConnectError(f"{where} did not answer in time; check the network, or allow more time")


def _open_tcp(place: Target | Proxy, deadline: float) -> socket.socket:
    """Try the addresses of a host one after the other; each gets its fair share of the time."""
    addresses = _addresses(place)
    failure: OSError | None = None
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        # An address that swallows packets must not use up the time of the next one.
        share = (deadline - time.monotonic()) / (len(addresses) - index)
        if share <= 0:
            break
        try:
            return _connected(socket.socket(family, kind, protocol), address, share)
        except OSError as exc:  # refused, too slow, or a family that this system does not have
            failure = exc
    raise _tcp_error(place, failure or TimeoutError("no time left")) from failure


def _connected(sock: socket.socket, address: tuple[object, ...], timeout: float) -> socket.socket:
    try:
        sock.settimeout(timeout)
        sock.connect(address)
    except BaseException:  # Ctrl-C included
        sock.close()
        raise
    return sock


def _addresses(place: Target | Proxy) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    try:
        return list(socket.getaddrinfo(place.host, place.port, 0, socket.SOCK_STREAM))
    except (socket.gaierror, UnicodeError) as exc:  # UnicodeError: an impossible name
        setting = f"the variable {place.variable}" if isinstance(place, Proxy) else "the URL"
        raise ConnectError(
            f"the name {place.host!r} could not be found; check {setting} for a slip, and that "
            "this machine is online"
        ) from exc


def _tcp_error(place: Target | Proxy, failure: OSError) -> ConnectError:
    where = f"{place.host}:{place.port}"
    if isinstance(place, Proxy):
        where = f"the proxy {where} (from {place.variable})"
    if isinstance(failure, TimeoutError):
        return timed_out(where)
    if isinstance(failure, ConnectionRefusedError):
        return ConnectError(
            f"{where} refused the connection: nothing listens there; check host and port, and "
            "that the server runs"
        )
    return ConnectError(
        f"{where} cannot be reached ({failure.strerror or failure}); check the network"
    )


def _tune(sock: socket.socket, dead_after: float) -> None:
    """Send small messages at once, and let the kernel notice a dead peer where it can."""
    seconds = max(1, int(dead_after))
    third = max(1, seconds // 3)
    wanted = (
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", third),
        (socket.IPPROTO_TCP, "TCP_KEEPALIVE", third),  # what macOS calls it
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", third),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 2),
        # Keepalive rests while data is unanswered; this is the limit for then (Linux).
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", seconds * 1000),
    )
    for level, name, value in wanted:
        option = getattr(socket, name, None)
        if option is None:
            continue
        try:
            sock.setsockopt(level, option, value)
        except OSError:
            continue  # a comfort that this system refuses; our own pings notice a dead peer too


def _open_tunnel(stream: PlainStream, proxy: Proxy, target: Target, deadline: float) -> None:
    where = f"the proxy {proxy.host}:{proxy.port} (from {proxy.variable})"
    received = b""
    try:
        stream.write(proxy.request(target.host, target.port), deadline - time.monotonic())
        while b"\r\n\r\n" not in received and len(received) < _HEAD_LIMIT:
            data = stream.read_before(deadline)
            if not data:
                break
            received += data
    except TimeoutError as exc:
        raise timed_out(where) from exc
    except OSError as exc:
        raise ConnectError(f"{where} broke the connection ({exc}); check the proxy") from exc
    answer = Answer.parse(received)
    if answer is None:
        raise ConnectError(f"{where} did not answer like an HTTP proxy; check {proxy.variable}")
    if answer.status == 407:
        raise ConnectError(
            f"{where} wants a login (HTTP 407); write {proxy.variable} as "
            "http://user:password@host:port",
            status=407,
        )
    if not 200 <= answer.status < 300:
        words = answer.message("")
        raise ConnectError(
            f"{where} would not connect to {target}: HTTP {answer.status} {words}".rstrip()
            + "; ask who runs it, or list the server in no_proxy",
            status=answer.status,
        )
    if not received.endswith(b"\r\n\r\n"):
        raise ConnectError(f"{where} sent more than was asked for; check {proxy.variable}")


def _open_tls(
    plain: PlainStream, context: ssl.SSLContext, target: Target, deadline: float
) -> TlsStream:
    try:
        tls = TlsStream(plain, context, target.host)
        tls.handshake(deadline)
    except ssl.SSLCertVerificationError as exc:
        raise _certificate_error(target, exc) from exc
    except ssl.SSLError as exc:
        raise ConnectError(
            f"no secure connection to {target}: the TLS handshake failed "
            f"({exc.reason or 'no reason given'}); check that the port speaks TLS (wss://) and "
            "that the system is not too old"
        ) from exc
    except TimeoutError as exc:
        raise timed_out(f"the TLS handshake with {target}") from exc
    except (OSError, ValueError) as exc:  # ValueError: a host name that cannot be sent
        raise ConnectError(
            f"no secure connection to {target}: the TLS handshake broke off ({exc}); check the "
            "port, and for a firewall in between"
        ) from exc
    return tls


def _certificate_error(target: Target, exc: ssl.SSLCertVerificationError) -> ConnectError:
    reason = printable(exc.verify_message)
    if exc.verify_code in (_WRONG_HOST, _WRONG_ADDRESS):
        advice = "the certificate is for another host; check the host in the URL"
    elif exc.verify_code in (_NOT_YET_VALID, _EXPIRED):
        advice = "check this machine's date and time (a Raspberry Pi forgets them offline)"
    else:
        advice = (
            "its issuer is not known here; install the system's ca-certificates, or for a server "
            "of your own name its certificate in SSL_CERT_FILE"
        )
    return ConnectError(f"the certificate of {target} is not accepted ({reason}): {advice}")
