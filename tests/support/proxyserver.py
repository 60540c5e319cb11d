"""A tiny HTTP proxy that knows CONNECT and sends every tunnel to one loopback port."""

from __future__ import annotations

import select
import socket

from tests.support.rawserver import ScriptedServer, read_head

__all__ = ["ConnectProxy"]


class ConnectProxy(ScriptedServer):
    """Tunnels to ``127.0.0.1:port``, whatever the name asked for, which is kept in ``requests``.

    Args:
        port: where tunnels end.
        login: ``Basic ...`` to insist on; others get a 407.
        answer: sent instead of opening a tunnel.
    """

    def __init__(self, port: int, *, login: str | None = None, answer: bytes | None = None) -> None:
        super().__init__(self._tunnel)
        self.requests: list[str] = []
        self._target = port
        self._login = login
        self._answer = answer

    def _tunnel(self, conn: socket.socket) -> None:
        head = read_head(conn).decode()
        self.requests.append(head.split("\r\n")[0])
        if self._answer is not None:
            conn.sendall(self._answer)
            return
        if self._login is not None and f"Proxy-Authorization: {self._login}\r\n" not in head:
            conn.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        conn.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._target)) as upstream:
            other = {conn: upstream, upstream: conn}
            while True:
                for sock in select.select(list(other), [], [])[0]:
                    data = sock.recv(65536)
                    if not data:
                        return
                    other[sock].sendall(data)
