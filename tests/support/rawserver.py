"""A TCP server that runs a script for each connection, and the WebSocket bytes to write one."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable
from types import TracebackType

from tests.support.background import PATIENCE

__all__ = ["ScriptedServer", "accept_websocket", "drain", "frame", "read_frame", "read_head"]

Script = Callable[[socket.socket], None]
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class ScriptedServer:
    """Listens on the loopback and gives every connection to ``script``, one after the other.

    A script that meets a client which hung up may fail with ``OSError``: that is ignored. Any
    other exception is raised when the server is left.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="test-scripted-server")

    @property
    def url(self) -> str:
        """The server's WebSocket address."""
        return f"{'wss' if self._tls else 'ws'}://localhost:{self.port}/api?key=1"

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()
        assert not self._thread.is_alive(), "the script hangs"
        if self._error is not None and error is None:
            raise self._error

    def _serve(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:  # left
                return
            with conn:
                self._run(conn)

    def _run(self, conn: socket.socket) -> None:
        conn.settimeout(PATIENCE)
        try:
            if self._tls is None:
                self._script(conn)
            else:
                with self._tls.wrap_socket(conn, server_side=True) as secured:
                    self._script(secured)
        except OSError:
            pass  # the client hung up
        except BaseException as exc:
            self._error = exc


def read_head(conn: socket.socket) -> bytes:
    """An HTTP request up to its blank line."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = conn.recv(4096)
        if not data:
            raise ConnectionResetError("no request")
        head += data
    return head


def accept_websocket(conn: socket.socket, first: bytes = b"") -> bytes:
    """Answer a WebSocket handshake, with ``first`` in the same packet; returns the request."""
    head = read_head(conn)
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    accept = b64encode(hashlib.sha1(headers[b"sec-websocket-key"] + _MAGIC).digest())
    conn.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + first
    )
    return head


def frame(payload: bytes, opcode: int = 1, *, final: bool = True, size: int | None = None) -> bytes:
    """A server's frame; ``size`` announces another length than it has."""
    size = len(payload) if size is None else size
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([size])
    elif size < 65536:
        head += b"\x7e" + size.to_bytes(2, "big")
    else:
        head += b"\x7f" + size.to_bytes(8, "big")
    return head + payload


def read_frame(conn: socket.socket) -> tuple[int, bytes]:
    """A client's frame: opcode and unmasked payload."""
    first, second = _exactly(conn, 2)
    assert second & 0x80, "clients must mask"
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(_exactly(conn, 2), "big")
    elif size == 127:
        size = int.from_bytes(_exactly(conn, 8), "big")
    key = _exactly(conn, 4)
    payload = _exactly(conn, size)
    return first & 0x0F, bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))


def drain(conn: socket.socket) -> None:
    """Read until the client hangs up."""
    while conn.recv(65536):
        pass


def _exactly(conn: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = conn.recv(size - len(data))
        if not part:
            raise ConnectionResetError("the client hung up")
        data += part
    return data
