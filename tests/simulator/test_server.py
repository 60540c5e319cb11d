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
from email.utils import parsedate_to_datetime

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from inworld_rt.errors import ConfigError, ConnectError
from inworld_rt.simulator import Cue, Scene, Simulator, echo, scripted
from inworld_rt.simulator.ears import ScriptedEars
from inworld_rt.simulator.http import Reception
from inworld_rt.simulator.scenes import SCENES, Delay, Send
from inworld_rt.simulator.tokens import PORTAL, key_parts, sign
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


def asked(server, method, target, authorization="", body=None):
    """A plain HTTP request: the response, and the JSON it holds."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, target, body, {"Authorization": authorization})
        response = connection.getresponse()
        text = response.read()
    assert response.headers["Content-Type"] == "application/json"
    return response, json.loads(text) if text else None


def token_from(server, host=PORTAL.host, nonce="00112233445566778899aabbccddeeff"):
    key_id, secret = key_parts(server.api_key)
    sent = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    signature = sign(secret, sent, host, PORTAL.method, nonce)
    authorization = (
        f"IW1-HMAC-SHA256 ApiKey={key_id},DateTime={sent},Nonce={nonce},Signature={signature}"
    )
    path = "/v1/sessionTokens/token:generate"
    return asked(server, "POST", path, authorization, json.dumps({"api_key": key_id}))


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
        assert status_of(server, QUERY, "Bearer aa.bb.cc") == 401
        good = [f"Basic {server.api_key}", f"Bearer {server.api_key}", f"basic {server.api_key}"]
        for authorization in [*good, f"Bearer {token_from(server)[1]['token']}"]:
            with opened(server, QUERY, authorization) as ws:
                assert json.loads(ws.recv())["type"] == "session.created"


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500])
def test_the_handshake_quirk(status):
    with simulator(quirks={"handshake_status": status}) as server:
        assert status_of(server) == status


def test_a_plain_web_request_is_answered(server):
    for target, status in (("/", 404), ("/api/v1/realtime/session" + QUERY, 426)):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
        connection.request("GET", target, headers={"Authorization": "Basic abc"})
        assert connection.getresponse().status == status
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
    wrong = [{"token_seconds": seconds} for seconds in (0, -1, float("nan"), float("inf"))]
    for options in ({"quirks": {"x": 1}}, {"scenes": "no such"}, {"pace": 0}, *wrong):
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


# --- plain HTTP, on the same port -----------------------------------------------------------------


def test_a_token_opens_a_session_until_it_expires():
    with simulator(api_key="a2V5OnNlY3JldA==") as server:
        response, said = token_from(server)
        assert response.status == 200
        assert abs(parsedate_to_datetime(response.headers["Date"]).timestamp() - time.time()) < 60
        with opened(server, QUERY, f"Bearer {said['token']}") as ws:
            assert json.loads(ws.recv())["type"] == "session.created"
        assert asked(server, "GET", "/v1/models", f"Bearer {said['token']}")[0].status == 200
        assert token_from(server)[0].status == 401  # the nonce has been used
    with simulator(token_seconds=1e-6) as server:
        said = token_from(server)[1]
        assert status_of(server, QUERY, f"Bearer {said['token']}") == 401


def test_a_token_may_be_signed_for_the_address_that_is_asked():
    with simulator() as server:
        hosts = [server.host, f"{server.host}:{server.port}", "localhost"]
        got = [token_from(server, host, f"{n:032x}")[0].status for n, host in enumerate(hosts)]
        assert got == [200, 200, 401]


def test_catalogues_over_a_socket(server):
    basic = f"Basic {server.api_key}"
    voices = asked(server, "GET", "/voices/v1/voices?pageSize=2000", basic)[1]
    assert "Clive" in [voice["voiceId"] for voice in voices["voices"]]
    assert asked(server, "GET", "/llm/v1alpha/models", basic)[1]["models"]
    assert asked(server, "GET", "/v1/models", basic)[1]["data"]
    assert asked(server, "GET", "/v1/models")[0].status == 401


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_answered_in_json_too(server, method):
    response, said = asked(server, method, "/v1/models", "Basic abc")
    assert response.status == (501 if method == "BREW" else 405)
    assert (said is None) is (method == "HEAD")
    assert response.headers["Connection"] == "close"


def test_the_ordered_status_holds_for_every_path():
    with simulator(quirks={"handshake_status": 429}) as server:
        for method, path in (("GET", "/v1/models"), ("POST", "/v1/sessionTokens/token:generate")):
            response, _ = asked(server, method, path, "Basic abc")
            assert (response.status, response.headers["Retry-After"]) == (429, "1")


def spoken_to(server, sent):
    """What comes back for these bytes, until the simulator ends it."""
    with socket.create_connection((server.host, server.port), timeout=5) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),  # as TLS begins
        (b"rubbish\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n" + bytes(65537), 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n" + bytes(65536), 404),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", 404),  # the body was cut off
        (b"GET / HTTP/1.0\r\n\r\n", 404),
        (b"POST /api/v1/realtime/session HTTP/1.1\r\n\r\n", 405),
        (b"GET /api/v1/realtime/sessions HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 404),
    ],
)
def test_what_cannot_be_read_is_refused_in_json(server, sent, status):
    head, _, body = spoken_to(server, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["error"]["message"]


def test_a_body_is_waited_for_where_the_client_asks_first(server):
    head = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection((server.host, server.port), timeout=5) as line:
        line.sendall(head)
        assert line.recv(100).startswith(b"HTTP/1.1 100 ")
        line.sendall(b"{}")
        assert line.recv(100).startswith(b"HTTP/1.1 404 ")


def test_a_websocket_request_may_come_in_small_pieces(server):
    request = (
        b"GET /api/v1/realtime/session?key=k&protocol=realtime HTTP/1.1\r\nHost: x\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Basic a\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection((server.host, server.port), timeout=5) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin in range(len(request)):
            line.sendall(request[begin : begin + 1])
        assert line.recv(100).startswith(b"HTTP/1.1 101 ")


SLOW = [b"", b"G", b"GET /api/v1/realtime/", b"POST /v1/ses", b"POST / HTTP/1.1\r\nHost: x\r\n"]
SLOW += [b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"]


def test_slow_and_silent_clients_hinder_nobody_and_do_not_delay_the_end():
    before = set(threading.enumerate())
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(simulator())
        lines = []
        for sent in SLOW * 3:
            line = socket.create_connection((server.host, server.port), timeout=5)
            lines.append(stack.enter_context(line))
            line.sendall(sent)
        assert token_from(server)[0].status == 200
        with opened(server) as ws:
            assert json.loads(ws.recv())["type"] == "session.created"
        begun = time.monotonic()
        server.close()
        assert time.monotonic() - begun < 2
        for line in lines:
            assert line.recv(1) == b""
    for thread in set(threading.enumerate()) - before:
        thread.join(2)
        assert not thread.is_alive(), thread.name


@contextlib.contextmanager
def pair():
    """Both ends of a connection, before anybody has received it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname(), timeout=5) as theirs:
            with listening.accept()[0] as ours:
                yield ours, theirs


@pytest.mark.parametrize("sent", SLOW)
def test_who_is_too_slow_is_let_go(sent):
    with pair() as (ours, theirs):
        theirs.sendall(sent)
        reception = Reception(lambda request, now: pytest.fail("asked"), slow=0.05)
        assert reception.receive(ours) is False
        assert reception._visitors == set()


def test_who_comes_after_the_end_is_not_received():
    with pair() as (ours, theirs):
        theirs.sendall(b"GET /api/v1/realtime/session HTTP/1.1")
        reception = Reception(lambda request, now: pytest.fail("asked"))
        reception.close()
        assert reception.receive(ours) is False


def test_a_request_that_fails_inside_is_logged_without_its_words(caplog):
    def broken(request, now):
        raise LookupError(request.target)

    with pair() as (ours, theirs):
        theirs.sendall(b"GET /hippopotamus HTTP/1.1\r\n\r\n")
        assert Reception(broken).receive(ours) is False
    assert "LookupError" in caplog.text
    assert "hippopotamus" not in caplog.text


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
