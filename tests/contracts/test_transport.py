"""What every transport promises: in memory, over ws and over wss (against another library)."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator
from typing import Protocol

import pytest
from websockets.exceptions import ConnectionClosed as PeerClosed
from websockets.sync.server import ServerConnection, serve

from inworld_rt.errors import (
    ConfigError,
    ConnectionClosed,
    ConnectionClosedOK,
    ConnectionLost,
    RemoteProtocolError,
)
from inworld_rt.transport import MemoryTransport, Transport, connect
from tests.support.background import PATIENCE, Background
from tests.support.certificates import client_context, server_context

LIMIT = 100_000  # bytes; max_message in this module


class Peer(Protocol):
    """The other end, as a test drives it."""

    def recv(self) -> bytes: ...
    def send(self, message: str | bytes) -> None: ...
    def close(self, code: int, reason: str) -> None: ...
    def cut(self) -> None: ...
    def end(self) -> int:
        """The close code that the peer sees, once it sees an end."""
        ...


class MemoryPeer:
    def __init__(self, transport: MemoryTransport) -> None:
        self.recv, self.send = transport.recv, transport.send
        self.close, self.cut = transport.begin_close, transport.abort

    def end(self) -> int:
        with pytest.raises(ConnectionClosed) as info:
            while True:
                self.recv()
        return info.value.code


class SocketPeer:
    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.send = connection.send

    def recv(self) -> bytes:
        message = self._connection.recv(timeout=PATIENCE)
        assert isinstance(message, str), "must be a text frame"
        return message.encode()

    def close(self, code: int, reason: str) -> None:
        self._connection.close(code, reason)

    def cut(self) -> None:
        # Past SSLSocket.shutdown(), which would also tear down what its own reader is using.
        socket.socket.shutdown(self._connection.socket, socket.SHUT_RDWR)

    def end(self) -> int:
        with pytest.raises(PeerClosed) as info:
            while True:
                self._connection.recv(timeout=PATIENCE)
        return info.value.rcvd.code if info.value.rcvd else 1006


@contextlib.contextmanager
def socket_pair(secure: bool) -> Iterator[tuple[Transport, Peer]]:
    arrived: queue.Queue[ServerConnection] = queue.Queue()
    done = threading.Event()

    def handler(connection: ServerConnection) -> None:
        arrived.put(connection)
        done.wait(PATIENCE)

    tls = server_context() if secure else None
    with serve(handler, "127.0.0.1", 0, ssl=tls, close_timeout=1) as server:
        serving = Background(server.serve_forever)
        port = server.socket.getsockname()[1]
        transport = connect(
            f"{'wss' if secure else 'ws'}://localhost:{port}/",
            credentials_header="Basic a2V5",
            ssl_context=client_context(),
            max_message=LIMIT,
        )
        try:
            yield transport, SocketPeer(arrived.get(timeout=PATIENCE))
        finally:
            transport.abort()
            done.set()
            server.shutdown()
            serving.result()


@pytest.fixture(params=["memory", "ws", "wss"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Transport, Peer]]:
    if request.param == "memory":
        client, server = MemoryTransport.pair(max_message=LIMIT)
        yield client, MemoryPeer(server)
        return
    with socket_pair(request.param == "wss") as both:
        yield both


def end_of(transport: Transport) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as info:
        transport.recv()
    return info.value


def test_fulfils_the_protocol(pair):
    """Each transport has the methods of the contract."""
    assert isinstance(pair[0], Transport)


def test_text_and_binary_messages_arrive_as_bytes(pair):
    """recv() gives payloads, whatever kind of frame carried them, and does not check UTF-8."""
    transport, peer = pair
    for message in ("grüß dich", b"\xff\x00", "", "x" * 125, "x" * 126, "x" * 65536):
        peer.send(message)
        expected = message.encode() if isinstance(message, str) else message
        assert transport.recv() == expected


def test_send_takes_text_and_its_utf8(pair):
    """Both leave as text messages, in order."""
    transport, peer = pair
    for message in ("grüß dich", b"ja", "", "y" * 70_000):
        transport.send(message)
    assert [peer.recv() for _ in range(3)] == ["grüß dich".encode(), b"ja", b""]
    assert peer.recv() == b"y" * 70_000


def test_messages_of_many_threads_stay_whole(pair):
    """Each send is atomic and each thread's messages keep their order."""
    transport, peer = pair

    def chatter(name: int) -> None:
        for number in range(25):
            transport.send(f"{name} {number} " + "z" * 3000)

    threads = [Background(lambda name=name: chatter(name)) for name in range(4)]
    heard: dict[int, list[int]] = {}
    for _ in range(100):
        name, number, rest = peer.recv().split(b" ")
        assert rest == b"z" * 3000
        heard.setdefault(int(name), []).append(int(number))
    for thread in threads:
        thread.result()
    assert heard == {name: list(range(25)) for name in range(4)}


@pytest.mark.parametrize("code", [1000, 1001])
def test_peer_closes_as_agreed(pair, code):
    """1000 and 1001 are an orderly end, with the peer's reason, after what was sent before."""
    transport, peer = pair
    peer.send("last words")
    closing = Background(lambda: peer.close(code, "good night"))
    assert transport.recv() == b"last words"
    end = end_of(transport)
    closing.result()
    assert isinstance(end, ConnectionClosedOK)
    assert (end.code, end.reason) == (code, "good night")


@pytest.mark.parametrize("code", [1011, 4000])
def test_peer_closes_in_trouble(pair, code):
    """Any other code is a lost session; code and reason are kept and shown."""
    transport, peer = pair
    closing = Background(lambda: peer.close(code, "out of memory"))
    end = end_of(transport)
    closing.result()
    assert isinstance(end, ConnectionLost)
    assert (end.code, end.reason) == (code, "out of memory")
    assert str(code) in str(end) and "out of memory" in str(end)


def test_the_end_is_sticky_and_fresh(pair):
    """Every later call raises again, never the same object, with the same code."""
    transport, peer = pair
    closing = Background(lambda: peer.close(1011, "x"))
    first, second = end_of(transport), end_of(transport)
    closing.result()
    with pytest.raises(ConnectionLost) as sent:
        transport.send("more")
    assert len({id(first), id(second), id(sent.value)}) == 3
    assert first.code == second.code == sent.value.code == 1011


def test_begin_close_is_answered(pair):
    """Our close reaches the peer after what we sent, and recv() ends well, with code 1000."""
    transport, peer = pair
    transport.send("before")
    transport.begin_close(1000, "bye")
    transport.begin_close()
    end = end_of(transport)
    assert isinstance(end, ConnectionClosedOK)
    assert end.code == 1000
    assert peer.recv() == b"before"
    assert peer.end() == 1000


def test_nothing_is_sent_after_begin_close(pair):
    """send() raises as soon as the close was asked for."""
    transport, peer = pair
    transport.begin_close()
    with pytest.raises(ConnectionClosedOK):
        transport.send("too late")
    assert isinstance(end_of(transport), ConnectionClosedOK)
    assert peer.end() == 1000


def test_begin_close_wakes_a_blocked_reader(pair):
    """The reader reads the peer's answer and ends."""
    transport, _ = pair
    reader = Background(transport.recv)
    transport.begin_close()
    assert isinstance(reader.error(), ConnectionClosedOK)


@pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 2999, 5000])
def test_begin_close_refuses_codes_that_cannot_be_sent(pair, code):
    """RFC 6455 reserves some codes; asking for them changes nothing."""
    transport, peer = pair
    with pytest.raises(ConfigError):
        transport.begin_close(code)
    transport.send("still open")
    assert peer.recv() == b"still open"


def test_abort_wakes_a_blocked_reader(pair):
    """Both ends see a lost connection; again and again is fine."""
    transport, peer = pair
    reader = Background(transport.recv)
    transport.abort()
    transport.abort()
    error = reader.error()
    assert isinstance(error, ConnectionLost)
    assert error.code == 1006
    assert peer.end() == 1006
    with pytest.raises(ConnectionLost):
        transport.send("too late")


def test_abort_after_begin_close_is_a_welcome_end(pair):
    """We asked for the end, so nobody needs to hear of a loss."""
    transport, _ = pair
    transport.begin_close()
    transport.abort()
    assert isinstance(end_of(transport), ConnectionClosedOK)


def test_peer_vanishes(pair):
    """An end without a close frame is 1006."""
    transport, peer = pair
    peer.cut()
    end = end_of(transport)
    assert isinstance(end, ConnectionLost)
    assert end.code == 1006


def test_message_over_the_limit(pair):
    """recv() names size and limit, now and later; for send() it is a lost connection."""
    transport, peer = pair
    peer.send("x" * LIMIT)
    assert len(transport.recv()) == LIMIT
    sending = Background(lambda: peer.send("x" * (LIMIT + 1)))
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match=rf"{LIMIT + 1} bytes.* {LIMIT} bytes"):
            transport.recv()
    with pytest.raises(ConnectionLost) as info:
        transport.send("more")
    assert info.value.code == 1009
    assert isinstance(info.value.__cause__, RemoteProtocolError)
    assert peer.end() == 1009
    sending.result()
