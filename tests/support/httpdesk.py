"""A small HTTP server on the loopback, that answers as a test says."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, NamedTuple

from tests.support.rawserver import ScriptedServer, read_head

__all__ = ["Asked", "HttpDesk", "said"]


class Asked(NamedTuple):
    """A request."""

    method: str
    target: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes


class HttpDesk(ScriptedServer):
    """Answers requests, one connection after the other; keeps them in ``asked``.

    Args:
        answer: the bytes to send, or nothing to hang up without a word.
        tls: as of a :class:`ScriptedServer`.
    """

    def __init__(
        self, answer: Callable[[Asked], bytes | None], *, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(self._exchange, tls=tls)
        self.asked: list[Asked] = []
        self._answer = answer

    @property
    def url(self) -> str:
        """The address of its sessions, if it had any."""
        return super().url.partition("/api?")[0]

    @property
    def base(self) -> str:
        """Its own address."""
        return self.url.replace("ws", "http", 1)

    def _exchange(self, conn: socket.socket) -> None:
        head, _, body = read_head(conn).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.partition(": ") for line in lines)
        headers = {name.lower(): value for name, _, value in pairs}
        while len(body) < int(headers.get("content-length", "0")):
            body += conn.recv(4096)
        self.asked.append(Asked(method, target, headers, body))
        answer = self._answer(self.asked[-1])
        if answer is not None:
            conn.sendall(answer)


def said(content: Any, status: int = 200, *, at: float | None = None, **headers: str) -> bytes:
    """An HTTP answer.

    Args:
        content: bytes, or anything to be sent as JSON.
        status: the HTTP status.
        at: the time in its ``Date`` header, in seconds since 1970.
        headers: more of them, with ``_`` for ``-``.
    """
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    if at is not None:
        headers["Date"] = formatdate(at, usegmt=True)
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if not any(name.lower() == "transfer_encoding" for name in headers):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([f"HTTP/1.1 {status} So", *lines, "", ""])
    return head.encode("latin-1") + body
