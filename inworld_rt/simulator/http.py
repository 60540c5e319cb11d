"""Plain HTTP on the port of the WebSocket: what a client came for, its request read, the answer
written.

All of it happens in the thread that the WebSocket library makes for each connection, and within
one deadline.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from inworld_rt.simulator.desk import Answer, Request, refusal
from inworld_rt.simulator.handshake import PATH
from inworld_rt.simulator.tokens import Denied
from inworld_rt.workers import Deadline

__all__ = ["MOST_BODY", "SLOW_S", "Reception"]

log = logging.getLogger("inworld_rt")

SLOW_S = 5.0
"""What a client gets, in seconds, to say what it wants and to take the answer."""
MOST_BODY = 64 * 1024
"""The longest body of a request, in bytes."""

_WEBSOCKET = f"GET {PATH}".encode("ascii")
_STEP = 0.01  # seconds


class Reception:
    """Receives connections: answers those that came for plain HTTP, and lets the others through.

    Args:
        answer: what to say to a request, and when that is (seconds since 1970). It is asked by one
            thread at a time.
        slow: what a client gets, in seconds, to say what it wants and to take the answer.
    """

    def __init__(self, answer: Callable[[Request, float], Answer], slow: float = SLOW_S) -> None:
        self._ask = answer
        self._slow = slow
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._visitors: set[socket.socket] = set()
        self._closed = threading.Event()

    def receive(self, line: socket.socket) -> bool:
        """See a new connection through, or find out that it is for the WebSocket.

        Blocks until then. Nothing is taken from the socket of one for the WebSocket: whoever reads
        it next finds the request from its start.

        Args:
            line: the socket, just accepted; the caller closes it.

        Returns:
            Whether it wants the WebSocket.
        """
        with self._lock:
            if self._closed.is_set():
                return False
            self._visitors.add(line)
        deadline = Deadline(self._slow)
        try:
            websocket = _wants_websocket(line, deadline, self._closed)
            if not websocket:
                _serve(line, deadline, self._answer)
            return websocket
        except OSError:
            return False  # too slow, or gone
        except Exception as exc:
            where = traceback.extract_tb(exc.__traceback__)[-1]
            log.error("an HTTP request failed: %s in %s", type(exc).__name__, where.name)
            return False
        finally:
            with self._lock:
                self._visitors.discard(line)

    def close(self) -> None:
        """Cut off all that are being seen to, and let nobody in any more. Does not block."""
        with self._lock:
            self._closed.set()
            for line in self._visitors:
                with contextlib.suppress(OSError):  # it has ended already
                    line.shutdown(socket.SHUT_RDWR)

    def _answer(self, request: Request) -> Answer:
        with self._asking:
            return self._ask(request, time.time())


def _wants_websocket(line: socket.socket, deadline: Deadline, over: threading.Event) -> bool:
    """Block until the first bytes of a request tell; they stay in the socket."""
    while True:
        left = _left(deadline)
        line.settimeout(left)
        head = line.recv(len(_WEBSOCKET) + 1, socket.MSG_PEEK)
        if not head or not _WEBSOCKET.startswith(head[: len(_WEBSOCKET)]):
            return False
        if len(head) > len(_WEBSOCKET):
            line.settimeout(None)
            return head[-1:] in b" ?"
        # No system tells when more bytes have come than were there, nor of an end behind them. Few
        # clients send so few.
        if over.wait(min(left, _STEP)):
            raise ConnectionAbortedError


def _serve(line: socket.socket, deadline: Deadline, answer: Callable[[Request], Answer]) -> None:
    """Read one request, answer it, and wait until the client has gone."""
    # An answer is two small pieces; the second would wait for the first one's receipt.
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _Exchange(_Line(line, deadline), answer)
    line.shutdown(socket.SHUT_WR)
    # A socket that is closed over unread bytes takes its answer back.
    while True:
        line.settimeout(_left(deadline))
        if not line.recv(MOST_BODY):
            return


def _left(deadline: Deadline) -> float:
    left = deadline.left()
    if not left:
        raise TimeoutError
    return left


class _Line(io.RawIOBase):
    """A socket as a file, every read and write of which ends by the same deadline."""

    def __init__(self, line: socket.socket, deadline: Deadline) -> None:
        self._line = line
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.settimeout(_left(self._deadline))
        return self._line.recv_into(buffer)

    def write(self, data: Any) -> int:
        self._line.settimeout(_left(self._deadline))
        self._line.sendall(data)
        return len(data)


class _Exchange(BaseHTTPRequestHandler):
    """One request and its answer. The library does it all in the constructor."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # so that rubbish, too, gets a status line

    def __init__(self, line: _Line, answer: Callable[[Request], Answer]) -> None:
        self._reply = answer
        nobody: Any = None  # no server of the library's stands behind this
        super().__init__(line, nobody, nobody)  # type: ignore[arg-type]

    def setup(self) -> None:
        line: Any = self.request
        self.rfile = io.BufferedReader(line)
        self.wfile = line

    def _respond(self) -> None:
        try:
            body = self._body()
        except Denied as denied:
            self._send(refusal(denied.status, denied.message, time.time()))
            return
        headers = self.headers
        request = Request(
            self.command,
            self.path,
            authorization=headers.get("Authorization", ""),
            host=headers.get("Host", ""),
            body=body,
        )
        self._send(self._reply(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise Denied(411, "Send the body in one piece, with a Content-Length.")
        length = self.headers.get("Content-Length", "0").strip()
        if not (length.isascii() and length.isdigit()):
            raise Denied(400, "The Content-Length must be a whole number.")
        if len(length) > 9 or int(length) > MOST_BODY:
            raise Denied(413, f"The body is longer than {MOST_BODY} bytes.")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        self.close_connection = True
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the library cannot read; not in its words, which quote the client's."""
        self._send(refusal(code, f"{HTTPStatus(code).phrase}.", time.time()))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a request's line may hold a secret."""
