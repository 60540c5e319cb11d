"""The end, from everywhere: close(), Ctrl-C, a server that is gone or says nothing more.

Bounds are generous, since machines pause; what is promised is 2 seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inworld_rt import Client
from inworld_rt.errors import ConnectionClosedOK, ConnectionLost
from inworld_rt.transport import MemoryTransport
from tests.conftest import THREAD_PREFIX
from tests.support.background import PATIENCE, Background
from tests.support.rawserver import ScriptedServer, accept_websocket, drain, frame, read_frame
from tests.support.scripted import Scripted

PROMISED = 2.0  # seconds
SLACK = 3.0
ROOT = Path(__file__).parent.parent


def cleared(client: Client) -> Client:
    """The client, after something that its server can wait for."""
    client.clear_audio()
    return client


BLOCKING: dict[str, tuple[Callable[[Client], Any], str]] = {
    "iterating": (lambda c: list(c.say("Go")), "response.create"),
    "wait": (lambda c: c.say("Go").wait(), "response.create"),
    "wait with a timeout": (lambda c: c.say("Go").wait(PATIENCE), "response.create"),
    "text": (lambda c: c.say("Go").text, "response.create"),
    "text_stream": (lambda c: list(c.say("Go").text_stream()), "response.create"),
    "ask": (lambda c: c.ask("Go"), "response.create"),
    "wait_for": (lambda c: cleared(c).wait_for("x.never"), "input_audio_buffer.clear"),
    "events": (lambda c: list(cleared(c).events("x.never")), "input_audio_buffer.clear"),
    "wait_for_response": (
        lambda c: cleared(c).wait_for_response(),
        "input_audio_buffer.clear",
    ),
    "update_session": (lambda c: c.update_session(speed=1), "session.update"),
    "retrieve_item": (lambda c: c.retrieve_item("i"), "conversation.item.retrieve"),
    "send_recording": (
        lambda c: c.send_recording(bytes(48_000)),
        "input_audio_buffer.append",
    ),
    "send_recording in real time": (
        lambda c: c.send_recording(bytes(4_800_000), realtime=True),
        "input_audio_buffer.append",
    ),
}
QUIET_ENDS = {"events"}  # iterating over events just stops when the session was closed


def our_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(THREAD_PREFIX)]


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < seconds


class Blocked:
    """A client with a thread blocked in one of its calls, on a server that says nothing."""

    def __init__(self, server: Scripted, name: str) -> None:
        call, _ = BLOCKING[name]
        self.client = server.client()
        self.call = Background(lambda: call(self.client))
        assert server.reached.wait(PATIENCE)


def script_for(name: str) -> Callable[[Scripted], None]:
    """Read up to the message that goes out last before the call blocks; then say nothing more."""

    def script(server: Scripted) -> None:
        server.skip_to(BLOCKING[name][1])
        server.reached.set()
        server.silence()

    return script


@pytest.mark.parametrize("name", BLOCKING)
class TestBlockedCalls:
    def test_end_when_another_thread_closes(self, name: str) -> None:
        with Scripted(script_for(name)) as server:
            blocked = Blocked(server, name)
            with within(PROMISED + SLACK):
                blocked.client.close()
                if name in QUIET_ENDS:
                    blocked.call.result()
                else:
                    assert isinstance(blocked.call.error(), ConnectionClosedOK)
            assert our_threads() == []

    def test_end_when_the_server_goes(self, name: str) -> None:
        with Scripted(script_for(name)) as server:
            blocked = Blocked(server, name)
            with within(SLACK):
                server.abort()
                assert isinstance(blocked.call.error(), ConnectionLost)
            blocked.client.close()
            assert our_threads() == []


class TestClose:
    def test_twice_at_once_and_again(self) -> None:
        with Scripted(Scripted.silence) as server:
            client = server.client()
            with within(PROMISED + SLACK):
                for closer in [Background(client.close) for _ in range(4)]:
                    closer.result()
            client.close()
        assert our_threads() == []
        assert server.code == 1000

    def test_after_the_server_has_gone(self) -> None:
        with Scripted(Scripted.abort) as server:
            client = server.client()
            with pytest.raises(ConnectionLost):
                client.wait_for("x.never")
            with within(SLACK):
                client.close()
        assert our_threads() == []

    def test_with_requests_in_the_queue(self) -> None:
        with Scripted(Scripted.silence) as server:
            client = server.client()
            answers = [client.say(str(n)) for n in range(20)]
            client.close()
            for answer in answers:
                assert answer.status == "lost"
                with pytest.raises(ConnectionClosedOK):
                    answer.wait()

    def test_while_many_threads_are_at_it(self) -> None:
        def talk(client: Client) -> None:
            while True:
                client.ask("Hello")

        with Scripted(Scripted.answer_all) as server:
            client = server.client()
            talkers = [Background(lambda: talk(client)) for _ in range(4)]
            client.wait_for("response.done")
            with within(PROMISED + SLACK):
                client.close()
                for talker in talkers:
                    assert isinstance(talker.error(), ConnectionClosedOK)
        assert our_threads() == []


def welcome(conn: socket.socket) -> None:
    """Accept a client over the network, up to the point where it is ready."""
    created = json.dumps({"type": "session.created", "session": {}}).encode()
    accept_websocket(conn, frame(created))
    _, update = read_frame(conn)
    updated = {"type": "session.updated", "session": json.loads(update)["session"]}
    conn.sendall(frame(json.dumps(updated).encode()))


class TestOverTheNetwork:
    def connect(self, server: ScriptedServer) -> Client:
        return Client(url=f"ws://127.0.0.1:{server.port}/x", credentials="a2V5OnNlY3JldA==")

    def test_a_server_that_never_answers_the_goodbye(self) -> None:
        def script(conn: socket.socket) -> None:
            welcome(conn)
            drain(conn)

        with ScriptedServer(script) as server:
            client = self.connect(server)
            answer = client.say("Go")
            waiting = Background(answer.wait)
            with within(PROMISED + SLACK):
                client.close()
                assert isinstance(waiting.error(), ConnectionClosedOK)
        assert our_threads() == []

    def test_a_server_that_reads_nothing_more(self) -> None:
        gate = threading.Event()

        def script(conn: socket.socket) -> None:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            welcome(conn)
            gate.wait(PATIENCE)

        def flood(client: Client) -> None:
            while True:
                client.send_audio(bytes(1 << 20))

        with ScriptedServer(script) as server:
            client = self.connect(server)
            flooding = Background(lambda: flood(client))
            before = -1
            while before != (before := client.stats.bytes_sent) or before == 0:
                with contextlib.suppress(TimeoutError):
                    client.wait_for("x.never", 0.1)
            with within(PROMISED + SLACK):
                client.close()
                assert flooding.error() is not None
            gate.set()
        assert our_threads() == []

    def test_an_error_in_the_block_cuts_the_line_at_once(self) -> None:
        def script(conn: socket.socket) -> None:
            welcome(conn)
            drain(conn)

        with ScriptedServer(script) as server:
            with within(PROMISED / 2 + SLACK), pytest.raises(ZeroDivisionError):
                with self.connect(server):
                    raise ZeroDivisionError
        assert our_threads() == []

    def test_garbage_ends_it_with_1007(self) -> None:
        codes: list[int] = []

        def script(conn: socket.socket) -> None:
            welcome(conn)
            conn.sendall(frame(b"\xff\xff"))
            opcode, payload = read_frame(conn)
            codes.append(int.from_bytes(payload[:2], "big") if opcode == 8 else opcode)

        with ScriptedServer(script) as server:
            client = self.connect(server)
            with pytest.raises(Exception, match="not readable"):
                client.wait_for("x.never")
            client.close()
        assert codes == [1007]


CALLS = {
    "text": "client.say('Go').text",
    "iterating": "list(client.say('Go'))",
    "wait_for": "client.wait_for('x.never')",
    "update_session": "client.update_session(speed=1)",
    "wait_for_response": "client.wait_for_response()",
}
PROGRAM = """
import json, threading
from inworld_rt import Client
from inworld_rt.transport import MemoryTransport

transport, line = MemoryTransport.pair()
line.send('{"type": "session.updated", "session": {}}')
client = Client(transport=transport, timeout=600)
try:
    with client:
        print("ready", flush=True)
        CALL
except KeyboardInterrupt:
    left = [t.name for t in threading.enumerate() if t.name.startswith("inworld-rt")]
    print("interrupted", left, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to one process")
@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_a_blocked_call(name: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM.replace("CALL", CALLS[name])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        # Wherever in the block the signal hits, the answer has to be the same.
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=PATIENCE)
    finally:
        program.kill()
        program.communicate()
    assert (out, err) == ("interrupted []\n", "")


def test_a_forgotten_close_does_not_keep_the_interpreter_alive() -> None:
    program = PROGRAM[: PROGRAM.index("try:")]
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=PATIENCE)


def test_a_transport_that_was_handed_over_is_closed_when_the_start_fails() -> None:
    transport, line = MemoryTransport.pair()
    line.begin_close(1008)
    with pytest.raises(ConnectionLost):
        Client(transport=transport)
    with pytest.raises(ConnectionLost):
        transport.send("x")
    assert our_threads() == []
