"""Sockets and threads: who is let in, many at once, faults, the end (protocol: transport)."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import logging
import os
import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from inworld_rt.errors import ConfigError, ConnectError
from inworld_rt.simulator import Cue, Scene, Simulator, echo, scripted
from inworld_rt.simulator.ears import ScriptedEars
from inworld_rt.simulator.scenes import SCENES, Delay, Send
from tests.support.brains import ToneVoice, buzz

QUERY = "?key=k-1&protocol=realtime"


def simulator(**options):
    return Simulator(**{"replies": echo, "voice": ToneVoice(), "ears": ScriptedEars([]), **options})


def opened(server, query=QUERY, authorization="Basic abc", **options):
    headers = {} if authorization is None else {"Authorization": authorization}
    return connect(
        server.url + query, additional_headers=headers, compression=None, close_timeout=1, **options
    )


def receive(ws, until):
    got = []
    while True:
        got.append(json.loads(ws.recv(5)))
        if got[-1].get("type") == until:
            return got


def say(ws, text, until="response.done"):
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
    ws.send(json.dumps({"type": "response.create"}))
    return receive(ws, until)


def status_of(server, *args, **options):
    with pytest.raises(InvalidStatus) as caught:
        opened(server, *args, **options)
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.body)["error"]["message"]
    return response.status_code


@pytest.fixture(scope="module")
def server():
    with simulator() as running:
        yield running


def test_a_text_turn_over_a_socket(server):
    with opened(server) as ws:
        assert json.loads(ws.recv())["type"] == "session.created"
        done = say(ws, "one two")[-1]
        assert done["response"]["output"][0]["content"][0]["transcript"] == "one two"


@pytest.mark.parametrize(
    ("query", "authorization", "status"),
    [
        ("?protocol=realtime", "Basic abc", 400),
        ("?key=&protocol=realtime", "Basic abc", 400),
        ("?key=k", "Basic abc", 400),
        ("?key=k&protocol=other", "Basic abc", 400),
        (QUERY, None, 401),
        (QUERY, "Basic", 401),
        (QUERY, "Basic ", 401),
        (QUERY, "Digest abc", 401),
        ("/more" + QUERY, "Basic abc", 404),
    ],
)
def test_who_is_turned_away(server, query, authorization, status):
    assert status_of(server, query, authorization) == status


def test_the_subprotocol_is_chosen_only_where_offered(server):
    with opened(server) as ws:
        assert ws.subprotocol is None
    with opened(server, "?key=k", subprotocols=["realtime"]) as ws:
        assert ws.subprotocol == "realtime"
    with opened(server, subprotocols=["other"]) as ws:
        assert ws.subprotocol is None


def test_with_a_key_of_its_own_nothing_else_is_let_in():
    with simulator(api_key="a2V5OnNlY3JldA==", handshake={"poor": 402, "no": 403}) as server:
        assert status_of(server, QUERY, "Basic abc") == 401
        assert status_of(server, QUERY, "Bearer abc") == 401
        assert status_of(server, QUERY, "Basic poor") == 402
        assert status_of(server, QUERY, "Bearer no") == 403
        for good in (f"Basic {server.api_key}", "Bearer aa.bb.cc", f"basic {server.api_key}"):
            with opened(server, QUERY, good) as ws:
                assert json.loads(ws.recv())["type"] == "session.created"


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500])
def test_the_handshake_quirk(status):
    with simulator(quirks={"handshake_status": status}) as server:
        assert status_of(server) == status


def test_a_plain_web_request_is_answered(server):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    connection.request("GET", "/")
    assert connection.getresponse().status in (404, 426)
    connection.close()


def test_binary_frames_and_rubbish_leave_the_session_open(server):
    with opened(server) as ws:
        ws.recv()
        for frame, code in ((b"\x00", None), ("{", "invalid_json"), ("{}", None)):
            ws.send(frame)
            error = json.loads(ws.recv(5))["error"]
            assert error["type"] == "invalid_request_error"
            assert code in (None, error["code"])
        assert say(ws, "still there")[-1]["response"]["status"] == "completed"


def test_many_sessions_at_once_do_not_mix():
    with simulator(pace=50) as server, contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(opened(server, f"?key={n}&protocol=realtime")) for n in range(20)
        ]
        for number, ws in enumerate(sockets):
            ws.recv()
            item = {"type": "message", "role": "user"}
            item["content"] = [{"type": "input_text", "text": f"number {number}"}]
            ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
            ws.send(json.dumps({"type": "response.create"}))
        for number, ws in enumerate(sockets):
            done = receive(ws, "response.done")[-1]
            assert done["response"]["output"][0]["content"][0]["transcript"] == f"number {number}"


def test_a_client_that_does_not_read_harms_nobody_and_does_not_delay_the_end():
    with simulator(replies=scripted(["word " * 3000]), pace=1e6) as server:
        host, port = server.host, server.port
        lazy = socket.create_connection((host, port))
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(
            b"GET /api/v1/realtime/session?key=k&protocol=realtime HTTP/1.1\r\nHost: x\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Basic a\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        frame = b'{"type":"response.create"}'
        lazy.sendall(b"\x81" + bytes([0x80 | len(frame)]) + b"\0\0\0\0" + frame)
        with opened(server) as ws:
            ws.recv()
            ws.send('{"type":"response.cancel"}')
            assert receive(ws, "error")[-1]["error"]["code"] == "response_cancel_not_active"
        begun = time.monotonic()
        server.close()
        assert time.monotonic() - begun < 2
        lazy.close()


def test_closing_says_going_away_ends_all_threads_and_may_be_repeated():
    before = set(threading.enumerate())
    with contextlib.ExitStack() as stack:
        server = simulator()
        server.start()
        server.start()
        # One has only connected, one is in the middle of an answer.
        stack.enter_context(socket.create_connection((server.host, server.port)))
        ws = stack.enter_context(opened(server))
        say(ws, "one two three", until="response.created")
        assert server.sessions == 1
        begun = time.monotonic()
        server.close()
        server.close()
        assert time.monotonic() - begun < 2
        with pytest.raises(ConnectionClosed) as caught:
            receive(ws, "never")
        assert caught.value.rcvd.code == 1001
        assert server.sessions == 0
    for thread in set(threading.enumerate()) - before:
        thread.join(2)
        assert not thread.is_alive(), thread.name


def test_it_can_be_started_again():
    server = simulator()
    for _ in range(2):
        with server, opened(server) as ws:
            assert json.loads(ws.recv())["type"] == "session.created"


def test_an_address_in_use_is_named(server):
    with pytest.raises(ConnectError, match=f"port {server.port}"):
        simulator(port=server.port).start()


def test_wrong_arguments():
    for options in ({"quirks": {"x": 1}}, {"scenes": "no such"}, {"pace": 0}):
        with pytest.raises(ConfigError):
            simulator(**options)


def test_the_client_closes():
    with simulator() as server, opened(server) as ws:
        ws.recv()
        ws.close(1000)
        assert ws.close_code == 1000


def test_an_expired_session_is_told_and_closed():
    with simulator(session_seconds=0.05) as server, opened(server) as ws:
        got = []
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                got.append(json.loads(ws.recv(5)))
        assert got[-1]["error"]["code"] == "session_expired"
        assert caught.value.rcvd.code == 1001


def test_breaking_off_after_some_events():
    with simulator(quirks={"drop_after_n_events": 4}) as server, opened(server) as ws:
        got = []
        with pytest.raises(ConnectionClosed) as caught:
            say(ws, "one")
            got.append(1)
        assert caught.value.rcvd is None  # no closing handshake
        assert got == []


def test_no_key_and_no_words_in_the_log(caplog):
    caplog.set_level(logging.DEBUG)
    with simulator(api_key="c2VjcmV0OnNlY3JldA==") as server:
        with opened(server, QUERY, f"Basic {server.api_key}") as ws:
            ws.recv()
            say(ws, "hippopotamus")
    mine = [r.getMessage() for r in caplog.records if r.name.startswith("inworld_rt")]
    assert not [m for m in mine if "hippopotamus" in m or "c2VjcmV0" in m]


# --- scenes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hang_up_mid_answer", "close_mid_answer"])
def test_scenes_that_end_an_answer_early(name):
    with simulator(scenes=name) as server, opened(server) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            say(ws, "one two three four five")
        assert (caught.value.rcvd is None) is (name == "hang_up_mid_answer")


def test_a_refused_update():
    with simulator(scenes="refuse_update") as server, opened(server) as ws:
        ws.recv()
        ws.send('{"type":"session.update","session":{}}')
        assert json.loads(ws.recv(5))["error"]["code"] == "invalid_value"
        ws.send('{"type":"session.update","session":{}}')
        assert json.loads(ws.recv(5))["type"] == "session.updated"


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("silent_after_ready", "session.updated"),
        ("silent_mid_answer", "response.output_audio.delta"),
    ],
)
def test_silence(name, last):
    with simulator(scenes=name, pace=1000) as server, opened(server) as ws:
        ws.send('{"type":"session.update","session":{}}')
        receive(ws, "session.updated")
        item = {"type": "message", "role": "user"}
        item["content"] = [{"type": "input_text", "text": "one two three four"}]
        ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
        ws.send('{"type":"response.create"}')
        names = ["session.updated"]
        with pytest.raises(TimeoutError):
            while True:
                names.append(json.loads(ws.recv(0.2))["type"])
        assert names[-1] == last
        ws.send('{"type":"response.cancel"}')  # it is still connected


def test_rubbish_between_the_frames():
    with simulator(scenes="garbage_frame") as server, opened(server) as ws:
        ws.recv()
        say(ws, "one", until="response.created")
        assert ws.recv(5) == '{"type": "resp'


def test_a_slow_start_and_scenes_by_connection():
    with simulator(scenes=[SCENES["slow_start"], None]) as server:
        for least in (0.45, 0.0):
            begun = time.monotonic()
            with opened(server) as ws:
                ws.recv(5)
            assert time.monotonic() - begun >= least


def test_a_scene_by_the_clock_and_by_the_answer():
    scene = Scene(
        (
            Cue(at=0.02, do=(Send("early"),)),
            Cue(
                on="response.output_audio.delta", answer=2, nth=2, do=(Delay(0.01), Send("second"))
            ),
        )
    )
    with simulator(scenes=scene, pace=1000) as server, opened(server) as ws:
        assert json.loads(ws.recv(5))["type"] == "session.created"
        assert ws.recv(5) == "early"
        say(ws, "one two three")
        item = {"type": "response.create"}
        ws.send(json.dumps(item))
        frames = [ws.recv(5)]
        while frames[-1] != "second":
            frames.append(ws.recv(5))
        deltas = [f for f in frames[:-1] if json.loads(f)["type"] == "response.output_audio.delta"]
        assert len(deltas) == 2


def test_importing_the_simulator_loads_no_websocket_library():
    import subprocess
    import sys

    code = "import sys, inworld_rt.simulator.server; print('websockets' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "False"


def test_the_largest_piece_of_audio_is_taken_and_a_larger_one_refused():
    most = 15 * 1024 * 1024
    with simulator() as server, opened(server) as ws:
        quiet = {"audio": {"input": {"turn_detection": None, "transcription": None}}}
        ws.send(json.dumps({"type": "session.update", "session": quiet}))
        receive(ws, "session.updated")
        for size, answer in ((most, "input_audio_buffer.cleared"), (most + 3, "error")):
            audio = base64.b64encode(bytes(size)).decode()
            ws.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            ws.send(json.dumps({"type": "input_audio_buffer.clear"}))
            (*_, last) = receive(ws, answer)
        assert (last["error"]["code"], last["error"]["param"]) == ("invalid_value", "audio")


class Lender:
    """Ears that know how many listen."""

    def __init__(self):
        self.lent = 0
        self.changed = threading.Condition()

    def count(self, step):
        with self.changed:
            self.lent += step
            self.changed.notify_all()

    def warm_up(self):
        pass

    def listen(self, rate, language=None, prompt=None):
        self.count(1)
        return Lent(self)


class Lent:
    def __init__(self, lender):
        self.lender = lender

    def hear(self, pcm):
        return None

    def finish(self):
        self.close()
        return "words"

    def close(self):
        self.lender.count(-1)


@pytest.mark.parametrize("rule", [None, {"type": "server_vad"}])
def test_who_leaves_while_speaking_gives_the_recogniser_back(rule):
    lender = Lender()
    with simulator(ears=lender) as server, opened(server) as ws:
        session = {"audio": {"input": {"turn_detection": rule}}}
        ws.send(json.dumps({"type": "session.update", "session": session}))
        audio = base64.b64encode(buzz(600)).decode()
        ws.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        with lender.changed:
            assert lender.changed.wait_for(lambda: lender.lent == 1, 5)
        ws.close()
        with lender.changed:
            assert lender.changed.wait_for(lambda: lender.lent == 0, 5)
