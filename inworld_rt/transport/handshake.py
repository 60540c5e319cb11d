"""The HTTP side of opening a WebSocket: may we, how long, and what went wrong."""

from __future__ import annotations

import ipaddress
import time
from urllib.parse import urlsplit

from inworld_rt.errors import ConfigError, ConnectError
from inworld_rt.transport.answer import Answer, refusal
from inworld_rt.transport.dial import Target, timed_out
from inworld_rt.transport.stream import Stream

__all__ = ["AUTHORIZATION", "HandshakeSocket", "explain", "target_of"]

# Stands in the request that websocket-client builds (and prints, when its tracing is on); the
# real credential replaces it on the way to the network.
AUTHORIZATION = "Authorization: filled in while sending"

_ANSWER_LIMIT = 65536  # bytes of an answer that are looked at
_BODY_PATIENCE = 1.0  # seconds for the rest of an error's body: it is only words


def target_of(url: str, insecure_host: str | None) -> Target:
    """Read a WebSocket URL, and refuse to send a key in clear over a network.

    Raises:
        ConfigError: not a WebSocket URL; or ``ws://`` to another machine that was not allowed.
    """
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in ("ws", "wss") or not host:
        raise ConfigError("url must be a full ws:// or wss:// address")
    secure = parts.scheme == "wss"
    local = _is_loopback(host)
    if not secure and not local and host != (insecure_host or "").lower():
        raise ConfigError(
            f"ws:// to {host} would send the key in clear over the network; use wss://, or, where "
            f"that network is yours alone, allow it with insecure_host={host!r}"
        )
    return Target(host, parts.port or (443 if secure else 80), secure, local)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HandshakeSocket:
    """What websocket-client takes for a socket during the handshake.

    It reads the answer byte by byte, so this reads ahead; and its time-out would be per byte, so
    this has a deadline for the whole. Everything that came is kept: an answer that is no 101 is
    read from there, whatever websocket-client thought of it.

    Args:
        stream: the connected stream.
        deadline: on the clock of ``time.monotonic``.
        secret: the value of the ``Authorization`` header.
    """

    def __init__(self, stream: Stream, deadline: float, secret: str) -> None:
        self._stream = stream
        self._deadline = deadline
        self.secret = secret
        self.received = bytearray()
        self._used = 0

    @property
    def rest(self) -> bytes:
        """What came after the answer: the first frames."""
        return bytes(self.received[self._used :])

    def recv(self, size: int) -> bytes:
        """The next bytes, or ``b""`` at the end."""
        if self._used == len(self.received) and not self._fetch(self._deadline):
            return b""
        data = bytes(self.received[self._used : self._used + size])
        self._used += len(data)
        return data

    def send(self, data: bytes) -> int:
        """Send all of the request, with the real credential in it."""
        real = data.replace(AUTHORIZATION.encode(), f"Authorization: {self.secret}".encode(), 1)
        self._stream.write(real, self._deadline - time.monotonic())
        return len(data)

    def gettimeout(self) -> None:
        """No time-out of its own: there is a deadline."""

    def settimeout(self, timeout: float | None) -> None:
        """Without effect: there is a deadline."""

    def close(self) -> None:
        """Without effect: the stream's owner closes it, perhaps after reading an error's body."""

    def answer(self) -> Answer | None:
        """The HTTP answer so far, its body read to the end where that is soon."""
        until = min(self._deadline, time.monotonic() + _BODY_PATIENCE)
        while True:
            answer = Answer.parse(bytes(self.received))
            if answer is None or answer.status == 101 or self._has_body(answer):
                return answer
            try:
                if not self._fetch(until):
                    return answer
            except OSError:  # too slow, too long or broken: the words so far must do
                return answer

    def _has_body(self, answer: Answer) -> bool:
        if "chunked" in answer.headers.get("transfer-encoding", "").lower():
            return self.received.endswith(b"0\r\n\r\n")
        return answer.wanted is not None and len(answer.body) >= answer.wanted

    def _fetch(self, deadline: float) -> bool:
        if len(self.received) >= _ANSWER_LIMIT:
            raise ConnectionAbortedError("the answer is too long")
        data = self._stream.read_before(deadline)
        self.received += data
        return bool(data)


def explain(
    sock: HandshakeSocket, target: Target, cause: Exception, credential_source: str
) -> ConnectError:
    """The exception for a handshake that failed, chained to its cause where that is harmless."""
    answer = sock.answer()
    if answer is not None and answer.status != 101:
        # Not chained: the cause's text holds the answer's raw headers and body.
        error = refusal(answer, secret=sock.secret, credential_source=credential_source)
        error.__cause__ = None
        return error
    if isinstance(cause, TimeoutError):
        error = timed_out(f"the server at {target}")
    elif not sock.received:
        error = ConnectError(
            f"{target} hung up without an answer; check the URL (wss:// or ws://?) and the port"
        )
    else:
        error = ConnectError(
            f"{target} did not answer like a WebSocket server; check host, port and path"
        )
    echoed = any(part.encode() in sock.received for part in sock.secret.split())
    error.__cause__ = None if echoed else cause
    return error
