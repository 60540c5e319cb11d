"""A bare WebSocket server (RFC 6455) that replays prepared audio events.

``python -m benchmarks.feeder`` prints its port, then serves whoever connects until its standard
input ends. It says as little as a client needs at the start; a ``response.create`` sets off the
audio: some events to warm up, a rest in which every thread of the client catches up, then the rest.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

BYTES_PER_MS = 48  # 24 kHz, 16 bits, mono
BURST = 1 << 18  # bytes handed to the kernel at once
REST = 0.2  # seconds

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE, _TEXT = 8, 1
_RESPONSE, _ITEM = "resp_" + "a" * 20, "item_" + "b" * 20

STAMP = struct.Struct("<q4x")
"""How the first samples tell when they were sent: nanoseconds of ``time.monotonic_ns``."""


class Slice:
    """One audio event, framed. Its samples begin with a :data:`STAMP`."""

    def __init__(self, milliseconds: int) -> None:
        size = milliseconds * BYTES_PER_MS
        samples = bytes((7919 * i + 13) % 251 for i in range(size - STAMP.size))
        delta = base64.b64encode(STAMP.pack(0) + samples).decode("ascii")
        self.frame = bytearray(
            _frame(
                {
                    "type": "response.output_audio.delta",
                    "event_id": "event_" + "c" * 20,
                    "response_id": _RESPONSE,
                    "item_id": _ITEM,
                    "output_index": 0,
                    "content_index": 0,
                    "delta": delta,
                }
            )
        )
        self._at = self.frame.index(delta.encode("ascii"))

    def stamp(self) -> None:
        """Write the present time into the samples."""
        # 12 bytes are 16 letters of base64, so the rest of the event stays as it is.
        self.frame[self._at : self._at + 16] = base64.b64encode(STAMP.pack(time.monotonic_ns()))


def _frame(event: dict[str, Any]) -> bytes:
    body = json.dumps(event, separators=(",", ":")).encode("utf-8")
    size = bytes([len(body)]) if len(body) < 126 else struct.pack("!BH", 126, len(body))
    return bytes([0x80 | _TEXT]) + size + body


def _shake_hands(sock: socket.socket, stream: BinaryIO) -> None:
    key = b""
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            key = value.strip()
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _messages(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """What the client says, until it says goodbye or is gone."""
    while len(head := stream.read(2)) == 2:
        size = head[1] & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", stream.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", stream.read(8))
        mask, masked = stream.read(4), stream.read(size)
        if head[0] & 0x0F == _CLOSE:
            return
        if head[0] & 0x0F == _TEXT:
            yield json.loads(bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked)))


class Score(NamedTuple):
    """What is played."""

    milliseconds: int
    warm: int
    events: int
    interval: float


def _play(sock: socket.socket, score: Score) -> None:
    event = Slice(score.milliseconds)
    _play_part(sock, event, score.warm, score.interval)
    time.sleep(REST)
    _play_part(sock, event, score.events, score.interval)


def _play_part(sock: socket.socket, event: Slice, events: int, interval: float) -> None:
    if not interval:
        at_once = max(1, BURST // len(event.frame))
        for sent in range(0, events, at_once):
            sock.sendall(event.frame * min(at_once, events - sent))
        return
    began = time.monotonic()
    for number in range(events):
        time.sleep(max(0.0, began + number * interval - time.monotonic()))
        event.stamp()
        sock.sendall(event.frame)


def _serve(sock: socket.socket, score: Score) -> None:
    with sock, sock.makefile("rb") as stream:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            _shake_hands(sock, stream)
            sock.sendall(_frame({"type": "session.created", "session": {"type": "realtime"}}))
            for message in _messages(stream):
                if message["type"] == "session.update":
                    sock.sendall(_frame({"type": "session.updated", "session": {}}))
                elif message["type"] == "response.create":
                    response = {"id": _RESPONSE, "status": "in_progress", "output": []}
                    sock.sendall(_frame({"type": "response.created", "response": response}))
                    _play(sock, score)
        except OSError:
            pass  # it had enough and hung up


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description="Replay audio events to WebSocket clients.")
    parser.add_argument("--milliseconds", type=int, default=60, help="length of a slice")
    parser.add_argument("--warm", type=int, default=0, help="slices to warm up")
    parser.add_argument("--events", type=int, default=1000, help="slices after those")
    parser.add_argument("--interval", type=float, default=0.0, help="seconds between; 0 is none")
    score = Score(**vars(parser.parse_args()))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_serve, args=(sock, score), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()  # ends with the parent process, whatever becomes of it


if __name__ == "__main__":
    main()
