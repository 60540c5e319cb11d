"""The least that a Python program has to do: the floor that everything is compared with.

A raw socket, just enough WebSocket to find the messages in it, a JSON parser, base64. No checks,
no events, no errors: nothing that one could use.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator

Take = Callable[[bytes], None]

_BUFFER = 1 << 18
_GO = b'{"type":"response.create"}'


def run(port: int, take: Take, *, fast: bool) -> None:
    """Receive in this thread.

    Args:
        port: the feeder's.
        take: is given the samples of each audio event.
        fast: parse with orjson and pybase64.
    """
    loads, decode = _fast() if fast else _standard()
    for message in _messages(_connect(port)):
        event = loads(message)
        if event["type"] == "response.output_audio.delta":
            take(decode(event["delta"]))


def run_with_hop(port: int, take: Take, *, fast: bool) -> None:
    """Receive in a thread of its own, that hands the samples to this one through a queue."""
    hop: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    receiver = threading.Thread(
        target=run, args=(port, hop.put), kwargs={"fast": fast}, daemon=True
    )
    receiver.start()
    while True:
        take(hop.get())


def _standard() -> tuple[Callable[[memoryview], dict[str, str]], Callable[[str], bytes]]:
    import json
    from binascii import a2b_base64

    parse = json.loads
    return lambda message: parse(str(message, "utf-8")), a2b_base64


def _fast() -> tuple[Callable[[memoryview], dict[str, str]], Callable[[str], bytes]]:
    import orjson
    import pybase64

    decode = pybase64.b64decode
    return orjson.loads, lambda text: decode(text, validate=True)


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The key is of no interest to us, and an answer that is not checked need not be parsed.
    sock.sendall(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1)
    # A mask of zeros leaves the payload as it is.
    sock.sendall(bytes([0x81, 0x80 | len(_GO)]) + bytes(4) + _GO)
    return sock


def _messages(sock: socket.socket) -> Iterator[memoryview]:
    """Payloads of whole text frames below 64 KiB; each is good until the next."""
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    start = end = 0
    while True:
        if end - start >= 4:
            size, body = buffer[start + 1], start + 2
            if size == 126:
                size, body = buffer[start + 2] << 8 | buffer[start + 3], start + 4
            stop = body + size
            if stop <= end:
                yield view[body:stop]
                start = stop
                if start == end:
                    start = end = 0
                continue
        if end > _BUFFER // 2:
            view[: end - start] = view[start:end]
            start, end = 0, end - start
        end += sock.recv_into(view[end:])
