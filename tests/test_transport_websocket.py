"""The WebSocket transport against hostile, slow and broken servers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import partial

import pytest
import websocket
import websockets.asyncio.server

from inworld_rt.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    ConnectionClosedOK,
    ConnectionLost,
    RemoteProtocolError,
)
from inworld_rt.transport import WebSocketTransport, connect
from inworld_rt.transport.dial import default_context
from tests.support.background import PATIENCE, Background
from tests.support.certificates import client_context, expired_server_context, server_context
from tests.support.proxyserver import ConnectProxy
from tests.support.rawserver import (
    ScriptedServer,
    accept_websocket,
    drain,
    frame,
    read_frame,
    read_head,
)

SECRET = "c2VjcmV0OnZlcnktc2VjcmV0"
HEADER = f"Basic {SECRET}"
MIB = 2**20

Script = Callable[[socket.socket], None]


@pytest.fixture(autouse=True)
def no_socket_left() -> Iterator[None]:
    """A socket that nobody closed shows as a ResourceWarning, which is an error here."""
    yield
    gc.collect(1)  # what a test leaves is young; a full collection would take most of its time


@pytest.fixture(params=["kernel waits", "poll waits"])
def waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which a reader can wait; systems differ in which they have."""
    if request.param == "poll waits":
        monkeypatch.setattr(
            "inworld_rt.transport.stream._set_receive_timeout", lambda sock, seconds: False
        )


def open_to(server: ScriptedServer, **options: object) -> WebSocketTransport:
    options = {"credentials_header": HEADER, "ssl_context": client_context(), **options}
    return connect(server.url, **options)  # type: ignore[arg-type]


@contextlib.contextmanager
def talking_to(script: Script, **options: object) -> Iterator[WebSocketTransport]:
    """A transport to a server that runs ``script`` after the handshake."""

    def whole(conn: socket.socket) -> None:
        accept_websocket(conn)
        script(conn)

    with ScriptedServer(whole) as server:
        transport = open_to(server, **options)
        try:
            yield transport
        finally:
            transport.abort()


def refused(answer: bytes, **options: object) -> ConnectError:
    """The error for a server that answers the handshake with these bytes and hangs up."""

    def script(conn: socket.socket) -> None:
        read_head(conn)
        conn.sendall(answer)

    with ScriptedServer(script) as server, pytest.raises(ConnectError) as info:
        open_to(server, **options)
    assert_no_secret(info.value)
    return info.value


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def assert_no_secret(error: BaseException) -> None:
    assert SECRET not in "".join(traceback.format_exception(error))


# The handshake: refusals


@pytest.mark.parametrize("status", [400, 404, 407, 418, 500, 503, 301, 307, 200, 204])
def test_refusal_by_status(status):
    """Every status but 101 is a ConnectError with its number and the server's words."""
    error = refused(http(status, b'{"message": "no such luck"}'))
    assert type(error) is ConnectError
    assert error.status == status
    assert f"HTTP {status}" in str(error) and "no such luck" in str(error)


@pytest.mark.parametrize("status", [401, 402, 403])
def test_refusal_of_the_credential(status):
    """AuthError names where the credential came from and never shows it."""
    error = refused(http(status, b"go away"), credential_source="MY_VARIABLE")
    assert type(error) is AuthError
    assert error.status == status
    assert "MY_VARIABLE" in str(error) and "go away" in str(error)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("7", 7, 7), ("1.5", 1.5, 1.5), ("-3", 0, 0), ("date", 50, 60), ("soon", None, None)],
)
def test_too_many_requests(value, low, high):
    """429 carries Retry-After, as a number of seconds or a date."""
    stamp = formatdate(time.time() + 60, usegmt=True) if value == "date" else value
    error = refused(http(429, b"", f"Retry-After: {stamp}"))
    assert error.status == 429
    if low is None:
        assert error.retry_after is None
    else:
        assert error.retry_after is not None and low <= error.retry_after <= high


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"error": {"message": "inner"}, "message": "outer"}', '"inner"'),
        (b'{"code": 3, "message": "outer"}', '"outer"'),
        (b'{"error": "plain"}', '"plain"'),
        (b"<b>raw</b>", "<b>raw</b>"),
        (b'["a list"]', "a list"),
        (b"two\r\nlines\x1b[31m\x00", '"two lines [31m"'),
        (b"\xff\xfe", "HTTP 400"),
    ],
)
def test_the_servers_own_words(body, shown):
    """error.message, then message, then the raw text; without control characters."""
    text = str(refused(http(400, body)))
    assert shown in text
    assert text.isprintable()


def test_long_words_are_cut():
    """A page of HTML does not fill the screen."""
    assert len(str(refused(http(500, b"x" * 10_000)))) < 600


def test_words_without_content_length():
    """A chunked body and one that ends with the connection are read as well."""
    chunked = (
        b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nno w\r\n3\r\nay!\r\n0\r\n\r\n"
    )
    assert '"no way!"' in str(refused(chunked))
    assert '"to the end"' in str(refused(b"HTTP/1.1 400 Bad\r\n\r\nto the end"))


def test_status_counts_even_if_the_body_breaks_off():
    """Less body than announced still shows the status and what came."""
    error = refused(b"HTTP/1.1 503 Sorry\r\nContent-Length: 500\r\n\r\nshort")
    assert error.status == 503
    assert "short" in str(error)


def test_an_echoed_key_is_not_shown():
    """Not even when the server repeats it, in a body or in nonsense."""
    assert "***" in str(refused(http(401, f"bad header: {HEADER}".encode())))
    refused(f"what is {SECRET}?\r\n\r\n".encode())


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 101 OK\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: bm9wZQ==\r\n\r\n",
        b"x" * 100_000,
    ],
)
def test_not_a_websocket_server(answer):
    """Anything else than a proper upgrade says so, chained to what was noticed."""
    error = refused(answer)
    assert "did not answer like a WebSocket server" in str(error)
    assert error.status is None
    assert error.__cause__ is not None


def test_hang_up_without_an_answer():
    """An empty answer has a sentence of its own."""
    assert "hung up without an answer" in str(refused(b""))


def test_the_request():
    """Path and query as given, the credential, no Origin."""
    heads: list[bytes] = []
    with ScriptedServer(lambda conn: heads.append(accept_websocket(conn))) as server:
        transport = open_to(server)
        with pytest.raises(ConnectionLost):
            transport.recv()
    assert heads[0].startswith(b"GET /api?key=1 HTTP/1.1\r\n")
    assert f"\r\nAuthorization: {HEADER}\r\n".encode() in heads[0]
    assert b"\r\nOrigin:" not in heads[0]


def test_tracing_of_websocket_client_shows_no_key(caplog):
    """Even with its trace switched on, the request in the log holds no credential."""
    handler = logging.NullHandler()
    websocket.enableTrace(True, handler)
    try:
        with caplog.at_level(logging.DEBUG), talking_to(drain) as transport:
            transport.send("x")
    finally:
        websocket.enableTrace(False)
    assert "GET /api" in caplog.text, "the trace was on"
    assert SECRET not in caplog.text


def test_frames_in_the_packet_of_the_answer():
    """What follows the 101 in the same packet is the first message."""

    def script(conn: socket.socket) -> None:
        accept_websocket(conn, frame(b"early") + frame(b"bird"))
        drain(conn)

    with ScriptedServer(script) as server:
        transport = open_to(server)
        assert [transport.recv(), transport.recv()] == [b"early", b"bird"]
        transport.abort()


# The handshake: time, names, TLS, proxies


def test_a_server_that_drips_bytes():
    """The time-out holds for the whole handshake, not for each byte."""
    left = threading.Event()

    def script(conn: socket.socket) -> None:
        read_head(conn)
        for byte in b"HTTP/1.1 101 OK\r\nX: " + b"x" * 5000:
            conn.sendall(bytes([byte]))
            left.wait(0.02)

    with ScriptedServer(script) as server:
        began = time.monotonic()
        with pytest.raises(ConnectError, match="in time") as info:
            open_to(server, connect_timeout=0.3)
        left.set()
    assert time.monotonic() - began < 2
    assert isinstance(info.value.__cause__, TimeoutError)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_server_that_says_nothing(scheme):
    """The time-out holds while waiting for HTTP and for TLS."""
    with ScriptedServer(drain) as server, pytest.raises(ConnectError, match="in time"):
        connect(
            f"{scheme}://localhost:{server.port}/", credentials_header=HEADER, connect_timeout=0.2
        )


@pytest.mark.parametrize(
    ("failure", "text"),
    [(TimeoutError("slow"), "in time"), (OSError(113, "No route to host"), "No route to host")],
)
def test_unreachable_host(monkeypatch, failure, text):
    """A TCP connection that does not come about says how."""

    def fail(sock: socket.socket, address: object) -> None:
        raise failure

    monkeypatch.setattr(socket.socket, "connect", fail)
    with pytest.raises(ConnectError, match=text) as info:
        connect("ws://127.0.0.1:9/", credentials_header=HEADER)
    assert info.value.__cause__ is failure


def test_refused_connection():
    """Nothing listens: says so, with host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError, match=rf"127\.0\.0\.1:{port} refused") as info:
        connect(f"ws://127.0.0.1:{port}/", credentials_header=HEADER)
    assert isinstance(info.value.__cause__, ConnectionRefusedError)


def test_all_addresses_are_tried(monkeypatch):
    """A first address that refuses does not hide a second one that works."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        wrong = closed.getsockname()
    with ScriptedServer(drain_after_handshake) as server:
        right = ("127.0.0.1", server.port)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in (wrong, right)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
        open_to(server).abort()


def drain_after_handshake(conn: socket.socket) -> None:
    accept_websocket(conn)
    drain(conn)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid"])
def test_unknown_name(host):
    """A name that does not resolve, or cannot exist."""
    with pytest.raises(ConnectError, match="could not be found") as info:
        connect(f"wss://{host}/", credentials_header=HEADER)
    assert host in str(info.value)


def test_certificate_for_another_host():
    """The host name is checked, with a sentence that says so."""
    with ScriptedServer(drain, tls=server_context("other.invalid")) as server:
        with pytest.raises(ConnectError, match="for another host"):
            open_to(server)


def test_expired_certificate():
    """The likely reason on a small machine without a clock battery is named."""
    with ScriptedServer(drain, tls=expired_server_context()) as server:
        with pytest.raises(ConnectError, match="date and time"):
            open_to(server)


def test_unknown_issuer():
    """The default context does not trust our authority; and it is one object per process."""
    with ScriptedServer(drain, tls=server_context()) as server:
        with pytest.raises(ConnectError, match="issuer is not known"):
            open_to(server, ssl_context=None)
    assert default_context() is default_context()


def test_tls_to_a_plain_server():
    """wss:// at a port that speaks HTTP."""

    def script(conn: socket.socket) -> None:
        conn.recv(100)
        conn.sendall(http(400))

    with ScriptedServer(script) as server, pytest.raises(ConnectError, match="TLS handshake"):
        connect(f"wss://localhost:{server.port}/", credentials_header=HEADER)


def test_hang_up_during_tls():
    """The connection breaks off before there is a key."""
    with ScriptedServer(lambda conn: None) as server:
        with pytest.raises(ConnectError, match="TLS handshake broke off"):
            connect(f"wss://localhost:{server.port}/", credentials_header=HEADER)


@pytest.mark.parametrize(
    "url", ["ws://example.invalid/", "ws://192.0.2.1/", "ws://[2001:db8::1]/", "ws://localhost.x/"]
)
def test_no_key_in_clear_over_a_network(url, monkeypatch):
    """ws:// to another machine is refused before any I/O."""
    monkeypatch.setattr(socket, "getaddrinfo", None)
    monkeypatch.setattr(socket, "socket", None)
    with pytest.raises(ConfigError, match="in clear"):
        connect(url, credentials_header=HEADER, insecure_host="other.invalid")


@pytest.mark.parametrize("url", ["http://localhost/", "localhost", "ws:///x", ""])
def test_not_a_websocket_url(url):
    """connect() takes what endpoint() gives."""
    with pytest.raises(ConfigError):
        connect(url, credentials_header=HEADER)


@pytest.mark.parametrize(
    "options",
    [
        {"connect_timeout": 0},
        {"write_timeout": float("inf")},
        {"ping_interval": -1},
        {"ping_interval": 5, "dead_after": 5},
        {"dead_after": float("nan")},
    ],
)
def test_impossible_times(options):
    """Times must be positive and make sense together."""
    with pytest.raises(ConfigError):
        connect("ws://localhost/", credentials_header=HEADER, **options)


def test_proxy_from_the_environment(monkeypatch):
    """wss goes through https_proxy, with login, and the certificate is the far server's."""

    def script(conn: socket.socket) -> None:
        accept_websocket(conn)
        conn.sendall(frame(b"hello"))
        drain(conn)

    with (
        ScriptedServer(script, tls=server_context("far.invalid")) as server,
        ConnectProxy(server.port, login="Basic dXNlcjpwQHNz") as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
        transport = connect(
            "wss://far.invalid/x", credentials_header=HEADER, ssl_context=client_context()
        )
        assert transport.recv() == b"hello"
        transport.abort()
    assert proxy.requests == ["CONNECT far.invalid:443 HTTP/1.1"]


def test_allowed_insecure_host_through_a_proxy(monkeypatch):
    """ws:// to a named host is possible when it is allowed by name; http_proxy counts for it."""
    with (
        ScriptedServer(drain_after_handshake) as server,
        ConnectProxy(server.port) as proxy,
    ):
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        connect(
            "ws://far.invalid:8080/", credentials_header=HEADER, insecure_host="far.invalid"
        ).abort()
    assert proxy.requests == ["CONNECT far.invalid:8080 HTTP/1.1"]


def test_own_machine_needs_no_proxy(monkeypatch):
    """A proxy elsewhere cannot mean our loopback."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with ScriptedServer(drain_after_handshake) as server:
        open_to(server).abort()


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (b"HTTP/1.1 407 Login\r\n\r\n", 407, "wants a login"),
        (b"HTTP/1.1 403 No\r\n\r\nforbidden fruit", 403, "would not connect.*HTTP 403"),
        (b"garbage", None, "did not answer like an HTTP proxy"),
        (b"", None, "did not answer like an HTTP proxy"),
        (b"HTTP/1.1 200 OK\r\n\r\nextra", None, "more than was asked"),
    ],
)
def test_proxy_failures(monkeypatch, answer, status, text):
    """Each way in which a proxy fails has its sentence, and its password stays out of it."""
    with ConnectProxy(1, answer=answer) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:hunter2@127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectError, match=text) as info:
            connect("wss://far.invalid/", credentials_header=HEADER)
    assert type(info.value) is ConnectError and info.value.status == status
    assert "https_proxy" in str(info.value) or "no_proxy" in str(info.value)
    assert "hunter2" not in "".join(traceback.format_exception(info.value))


def test_proxy_that_is_not_there(monkeypatch):
    """The proxy is blamed, not the server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    with pytest.raises(ConnectError, match=r"the proxy .*https_proxy.* refused"):
        connect("wss://far.invalid/", credentials_header=HEADER)


def test_proxy_that_says_nothing(monkeypatch):
    """The time-out holds for the proxy's answer, too."""
    with ScriptedServer(drain) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectError, match=r"the proxy .* in time"):
            connect("wss://far.invalid/", credentials_header=HEADER, connect_timeout=0.2)


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1", "http://", "http://a:b:c"])
def test_unusable_proxy(monkeypatch, value):
    """Neither ignored nor shown: it may hold a password."""
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(ConnectError, match="https_proxy"):
        connect("wss://far.invalid/", credentials_header=HEADER)


@pytest.mark.parametrize(
    ("listed", "host", "direct"),
    [
        ("far.invalid", "far.invalid", True),
        ("invalid", "far.invalid", True),
        (".invalid", "far.invalid", True),
        ("ar.invalid", "far.invalid", False),
        ("a, FAR.invalid", "far.invalid", True),
        ("*", "far.invalid", True),
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.0/24", "198.51.100.7", False),
        ("", "far.invalid", False),
    ],
)
def test_no_proxy(monkeypatch, listed, host, direct):
    """Hosts, domains, networks and the star."""
    from inworld_rt.transport.proxy import find_proxy

    monkeypatch.setenv("https_proxy", "proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", listed)
    found = find_proxy(host, secure=True)
    assert (found is None) is direct
    assert found is None or (found.host, found.port) == ("proxy.invalid", 3128)


# Frames


def violation(data: bytes, **options: object) -> tuple[str, bytes]:
    """What recv() says about these bytes, and the payload of our close frame."""
    closing: list[bytes] = []

    def script(conn: socket.socket) -> None:
        conn.sendall(data)
        opcode, payload = read_frame(conn)
        assert opcode == 8
        closing.append(payload)
        drain(conn)

    with talking_to(script, **options) as transport:
        with pytest.raises(RemoteProtocolError) as first:
            transport.recv()
        with pytest.raises(RemoteProtocolError) as second:
            transport.recv()
        assert str(first.value) == str(second.value) and first.value is not second.value
        with pytest.raises(ConnectionLost):
            transport.send("more")
    return str(first.value), closing[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x82\x00\x00\x00\x00hi",  # masked
        b"\xc1\x02hi",  # RSV1: compressed, never agreed on
        b"\xa1\x02hi",
        b"\x91\x02hi",
        b"\x83\x00",  # unknown opcode
        b"\x8b\x00",
        b"\x09\x00",  # ping in parts
        b"\x89\x7e\x00\x7e" + b"x" * 126,  # long ping
        b"\x80\x02hi",  # continuation of nothing
        b"\x01\x02hi\x81\x02ho",  # new message inside a message
        b"\x88\x01x",  # close with half a code
        b"\x88\x02" + struct.pack("!H", 1005),  # codes that must not be sent
        b"\x88\x02" + struct.pack("!H", 999),
        b"\x88\x02" + struct.pack("!H", 5000),
    ],
)
def test_protocol_violations(data):
    """Are refused with 1002 and reported as what they are."""
    text, closing = violation(data)
    assert text.startswith("the server")
    assert closing == struct.pack("!H", 1002)


@pytest.mark.parametrize(
    "data",
    [
        frame(b"", 1, size=10_001),
        frame(b"", 1, size=2**40),
        frame(b"x" * 6000, 1, final=False) + frame(b"", 0, size=4001),
    ],
)
def test_size_limit(data):
    """A message is refused by its announced size, alone or with the parts before; code 1009."""
    text, closing = violation(data, max_message=10_000)
    assert "10000 bytes" in text
    assert closing == struct.pack("!H", 1009)


def test_limit_for_a_frame_that_came_whole():
    """The fast path knows the limit too."""
    text, _ = violation(frame(b"x" * 201), max_message=200)
    assert "201 bytes" in text


def test_fragments_with_control_frames_between():
    """Parts are joined; a ping between them is answered at once."""
    pongs: list[tuple[int, bytes]] = []

    def script(conn: socket.socket) -> None:
        conn.sendall(frame(b"one ", 1, final=False) + frame(b"pi", 9) + frame(b"", 0, final=False))
        pongs.append(read_frame(conn))
        conn.sendall(frame(b"unasked", 10) + frame(b"two", 0) + frame(b"next", 2))
        drain(conn)

    with talking_to(script) as transport:
        assert [transport.recv(), transport.recv()] == [b"one two", b"next"]
    assert pongs == [(10, b"pi")]


def test_any_cut_of_the_stream_gives_the_same_messages():
    """Headers and payloads may be split anywhere between packets."""
    from inworld_rt.transport.frames import FrameReader, PeerGone

    payloads = [b"", b"a", b"b" * 125, b"c" * 126, b"d" * 70_000, b"e" * 5]
    stream = b"".join(frame(payload) for payload in payloads)
    for step in (1, 2, 3, 4, 5, 7, 127, 131, 65536, len(stream)):
        chunks = iter([stream[i : i + step] for i in range(0, len(stream), step)])
        reader = FrameReader(lambda chunks=chunks: next(chunks, b""), MIB)
        got = []
        with pytest.raises(PeerGone):
            while True:
                message = reader.whole()
                if message is None:
                    final, _, payload = reader.frame()
                    message = reader.join(final, payload)
                got.append(message)
        assert got == payloads


def test_fragments_join_in_linear_time():
    """Four times the fragments take about four times the time, not sixteen."""

    def seconds(size: int) -> float:
        part = b"\0" * 125
        data = frame(part, 2, final=False) + frame(part, 0, final=False) * (size // 125)

        def script(conn: socket.socket) -> None:
            conn.sendall(data + frame(b"", 0))
            drain(conn)

        with talking_to(script) as transport:
            transport_time = time.thread_time()
            assert len(transport.recv()) >= size
            return time.thread_time() - transport_time

    small = min(seconds(MIB // 8) for _ in range(3))
    assert seconds(MIB // 2) < 10 * small


def test_close_frame_without_a_code():
    """Is 1005, and answered by an empty close frame."""
    answers: list[tuple[int, bytes]] = []

    def script(conn: socket.socket) -> None:
        conn.sendall(frame(b"", 8))
        answers.append(read_frame(conn))

    with talking_to(script) as transport, pytest.raises(ConnectionLost) as info:
        transport.recv()
    assert info.value.code == 1005
    assert answers == [(8, b"")]


def test_close_reason_is_shown_safely():
    """Broken UTF-8 and control characters do not reach the message."""

    def script(conn: socket.socket) -> None:
        conn.sendall(frame(struct.pack("!H", 4001) + b"\xffbad\x1b[2J\n", 8))
        drain(conn)

    with talking_to(script) as transport, pytest.raises(ConnectionLost) as info:
        transport.recv()
    assert info.value.code == 4001
    assert str(info.value).isprintable()


def test_reset_by_the_peer():
    """RST is a lost connection, chained to the system's error."""

    def script(conn: socket.socket) -> None:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with talking_to(script) as transport:
        errors = []
        for _ in range(2):
            with pytest.raises(ConnectionLost) as info:
                transport.recv()
            errors.append(info.value)
    assert all(isinstance(error.__cause__, ConnectionResetError) for error in errors)
    assert errors[0].__cause__ is errors[1].__cause__


def test_failed_send_leaves_the_reason_to_the_reader():
    """A close frame that waits unread still tells why, after a send met the closed connection."""

    def script(conn: socket.socket) -> None:
        conn.sendall(frame(struct.pack("!H", 1008) + b"bad key", 8))

    with talking_to(script) as transport:
        with pytest.raises(ConnectionLost):
            while True:
                transport.send("x" * 10_000)
        with pytest.raises(ConnectionLost) as again:
            transport.send("x")
        assert isinstance(again.value.__cause__, OSError)
        with pytest.raises(ConnectionLost) as info:
            transport.recv()
    assert (info.value.code, info.value.reason) == (1008, "bad key")


# Silence and stuck peers


@pytest.mark.usefixtures("waiting")
def test_silent_peer_is_noticed():
    """After pings that nobody answers the connection is lost, within the stated time."""
    frames: list[int] = []

    def script(conn: socket.socket) -> None:
        while True:
            frames.append(read_frame(conn)[0])

    with talking_to(script, ping_interval=0.1, dead_after=0.3) as transport:
        began = time.monotonic()
        with pytest.raises(ConnectionLost, match=r"nothing was received for 0\.3 s") as info:
            transport.recv()
        assert 0.25 < time.monotonic() - began < 2
        assert info.value.code == 1006
    assert frames == [9, 9]


@pytest.mark.usefixtures("waiting")
def test_quiet_but_living_peer_is_kept():
    """Pongs count as a sign of life, for as long as it takes."""

    def script(conn: socket.socket) -> None:
        for _ in range(7):
            assert read_frame(conn) == (9, b"")
            conn.sendall(frame(b"", 10))
        conn.sendall(frame(b"at last"))
        drain(conn)

    with talking_to(script, ping_interval=0.1, dead_after=0.5) as transport:
        assert transport.recv() == b"at last"


@pytest.mark.usefixtures("waiting")
def test_unanswered_close_ends_in_time():
    """A peer that ignores our close frame cannot hold the reader; the end is a welcome one."""
    with talking_to(drain, ping_interval=0.05, dead_after=0.1) as transport:
        transport.begin_close()
        with pytest.raises(ConnectionClosedOK):
            transport.recv()


@contextlib.contextmanager
def stuck_sender(**options: object) -> Iterator[tuple[WebSocketTransport, Background]]:
    """A thread inside a send to a peer that reads nothing, and says so only then."""
    begun, done = threading.Event(), threading.Event()

    def script(conn: socket.socket) -> None:
        conn.recv(1, socket.MSG_PEEK)
        begun.set()
        done.wait(PATIENCE)

    with talking_to(script, **options) as transport:
        sender = Background(lambda: transport.send(b"x" * (16 * MIB)))
        try:
            assert begun.wait(PATIENCE)
            yield transport, sender
        finally:
            done.set()
            transport.abort()


def test_peer_that_stopped_reading():
    """A send ends at the write deadline, and with it the connection, for reader and senders."""
    with stuck_sender(write_timeout=0.3) as (transport, sender):
        reader = Background(transport.recv)
        second = Background(lambda: transport.send("me too"))
        began = time.monotonic()
        for thread in (sender, reader, second):
            assert isinstance(thread.error(), ConnectionLost)
        assert time.monotonic() - began < 2


def test_abort_wakes_a_stuck_sender():
    """At once, however long the write deadline."""
    with stuck_sender(write_timeout=PATIENCE) as (transport, sender):
        reader = Background(transport.recv)
        began = time.monotonic()
        transport.abort()
        assert time.monotonic() - began < 1, "abort() never blocks"
        assert isinstance(sender.error(), ConnectionLost)
        assert isinstance(reader.error(), ConnectionLost)
        assert time.monotonic() - began < 2


def test_begin_close_does_not_wait_for_a_stuck_sender():
    """It gives up its turn after a second; abort() then ends it."""
    with stuck_sender(write_timeout=PATIENCE) as (transport, sender):
        began = time.monotonic()
        transport.begin_close()
        assert time.monotonic() - began < 2
        transport.abort()
        assert isinstance(sender.error(), ConnectionClosedOK)
        with pytest.raises(ConnectionClosedOK):
            transport.recv()


def test_pong_behind_a_stuck_sender():
    """A ping that cannot be answered holds the reader no longer than the write deadline."""
    begun, done = threading.Event(), threading.Event()

    def script(conn: socket.socket) -> None:
        conn.recv(1, socket.MSG_PEEK)
        conn.sendall(frame(b"?", 9) + frame(b"after"))
        begun.set()
        done.wait(PATIENCE)

    with talking_to(script, write_timeout=0.3) as transport:
        sender = Background(lambda: transport.send(b"x" * (16 * MIB)))
        assert begun.wait(PATIENCE)
        began = time.monotonic()
        with pytest.raises(ConnectionLost):
            while True:  # what came before the end may still be given out
                transport.recv()
        assert time.monotonic() - began < 2
        done.set()
        assert isinstance(sender.error(), ConnectionLost)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no way to send Ctrl-C to a thread")
@pytest.mark.parametrize("tls", [False, True])
def test_nothing_follows_half_a_message(tls):
    """Ctrl-C in the midst of a send: the server would take what follows for the rest of it."""
    done = threading.Event()
    main = threading.main_thread().ident

    def script(conn: socket.socket) -> None:
        accept_websocket(conn)
        conn.recv(1)
        signal.pthread_kill(main, signal.SIGINT)
        done.wait(PATIENCE)

    with ScriptedServer(script, tls=server_context() if tls else None) as server:
        transport = open_to(server)
        with pytest.raises(KeyboardInterrupt):
            transport.send(b"x" * (16 * MIB))
        for call in (partial(transport.send, b"next"), transport.recv):
            with pytest.raises(ConnectionLost, match="interrupted"):
                call()
        done.set()


def test_abort_without_a_reader_frees_the_descriptor():
    """Nobody has to call recv() once more."""
    with talking_to(drain) as transport:
        transport.abort()
        assert transport._line._closed


# Both directions at once


def test_two_threads_on_one_saturated_tls_connection():
    """Reader and sender at full speed, again and again; nothing is lost, mixed up or torn."""
    count, body = 150, b"x" * 4000

    async def handler(connection: websockets.asyncio.server.ServerConnection) -> None:
        async def stream() -> None:
            for number in range(count):
                await connection.send(b"%06d" % number + body)

        streaming = asyncio.create_task(stream())
        for number in range(count):
            assert await connection.recv() == f"{number:06d}" + "y" * 3000
        await streaming
        await connection.close()

    started, ports = threading.Event(), []
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        leaving = asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(leaving.set))
        loop = asyncio.get_running_loop()
        async with websockets.asyncio.server.serve(
            handler, "127.0.0.1", 0, ssl=server_context(), compression=None
        ) as server:
            ports.append(next(iter(server.sockets)).getsockname()[1])
            started.set()
            await leaving.wait()

    serving = Background(lambda: asyncio.run(serve()))
    assert started.wait(PATIENCE)
    try:
        for _ in range(8):
            exchange(f"wss://localhost:{ports[0]}/", count, body)
    finally:
        stop[0]()
        serving.result()


def exchange(url: str, count: int, body: bytes) -> None:
    transport = connect(url, credentials_header=HEADER, ssl_context=client_context())

    def send_all() -> None:
        for number in range(count):
            transport.send(f"{number:06d}" + "y" * 3000)

    sending = Background(send_all)
    for number in range(count):
        assert transport.recv() == b"%06d" % number + body
    sending.result()
    with pytest.raises(ConnectionClosedOK):
        transport.recv()
