"""Small questions over HTTPS: what is sent, what is checked, and what every failure says."""

from __future__ import annotations

import base64
import json
import socket
import time
import traceback

import pytest
from support.certificates import client_context, expired_server_context, server_context
from support.httpdesk import HttpDesk, said
from support.proxyserver import ConnectProxy
from support.rawserver import ScriptedServer, drain, read_head

from inworld_rt import rest
from inworld_rt.errors import AuthError, ConfigError, ConnectError
from inworld_rt.rest import Request, base_url, request_json

SECRET = base64.b64encode(b"the-key-id:s3cret/of+the?key~~").decode()
BASIC = f"Basic {SECRET}"


def get(base: str, path: str = "/list", *, authorization: str = BASIC, **more) -> Request:
    return Request("GET", base + path, authorization, "a test", "the request for a list", **more)


def failing(answer, **options) -> ConnectError:
    """What asking a server raises that answers so."""
    with HttpDesk(lambda asked: answer) as desk, pytest.raises(ConnectError) as info:
        request_json(get(desk.base), **options)
    return info.value


def shown(error: BaseException | None) -> str:
    """All that anybody could print of an exception and of those that it came from."""
    text = ""
    while error is not None:
        text += "".join(traceback.format_exception(error)) + f"{error!r} {vars(error)} "
        error = error.__cause__ or error.__context__
    return text


# --- asking ---------------------------------------------------------------------------------------


def test_a_question_and_its_answer():
    with HttpDesk(lambda asked: said({"a": [1]})) as desk:
        assert request_json(get(desk.base, "/list?page=2")) == {"a": [1]}
    (asked,) = desk.asked
    assert asked[:2] == ("GET", "/list?page=2")
    assert asked.headers["authorization"] == BASIC
    assert asked.headers["host"] == f"localhost:{desk.port}"
    assert asked.headers["connection"] == "close"
    assert asked.headers["user-agent"].startswith("inworld_rt/")
    assert asked.body == b""


def test_a_body_is_json():
    with HttpDesk(lambda asked: said({})) as desk:
        request = Request("POST", f"{desk.base}/x", BASIC, "a test", "it", {"key": "ä"})
        request_json(request)
    assert json.loads(desk.asked[0].body) == {"key": "ä"}
    assert desk.asked[0].headers["content-type"] == "application/json"


def test_an_answer_in_chunks():
    body = b'4\r\n{"a"\r\n3\r\n: 1\r\n1\r\n}\r\n0\r\n\r\n'
    with HttpDesk(lambda asked: said(body, Transfer_Encoding="chunked")) as desk:
        assert request_json(get(desk.base)) == {"a": 1}


def test_an_answer_that_ends_with_the_connection():
    with HttpDesk(lambda asked: b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}') as desk:
        assert request_json(get(desk.base)) == {"a": 1}


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_over_tls_the_certificate_is_checked(name):
    with HttpDesk(lambda asked: said({"a": 1}), tls=server_context()) as desk:
        request = get(desk.base.replace("localhost", name))
        assert request_json(request, ssl_context=client_context()) == {"a": 1}


@pytest.mark.parametrize(
    ("context", "mine", "words"),
    [
        (server_context("elsewhere.example"), True, "for another host"),
        (server_context(), False, "issuer is not known"),
        (expired_server_context(), True, "date and time"),
    ],
    ids=["host", "issuer", "expired"],
)
def test_a_bad_certificate_gets_no_key(context, mine, words):
    """Nothing is sent through such a connection."""
    with (
        HttpDesk(lambda asked: said({}), tls=context) as desk,
        pytest.raises(ConnectError, match=words),
    ):
        request_json(get(desk.base), ssl_context=client_context() if mine else None)
    assert desk.asked == []


def test_a_proxy_of_the_environment_is_used(monkeypatch):
    with (
        HttpDesk(lambda asked: said({"a": 1}), tls=server_context("api.example")) as desk,
        ConnectProxy(desk.port) as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        request = get("https://api.example")
        assert request_json(request, ssl_context=client_context()) == {"a": 1}
    assert proxy.requests == ["CONNECT api.example:443 HTTP/1.1"]
    assert desk.asked[0].headers["host"] == "api.example"


@pytest.mark.parametrize("host", ["example.com", "192.168.1.5:80", "[2001:db8::1]"])
def test_a_key_goes_in_clear_to_this_machine_only(host):
    with pytest.raises(ConfigError, match="in clear"):
        request_json(get(f"http://{host}"))


@pytest.mark.parametrize("url", ["ftp://localhost", "localhost", "", "https://bücher.example"])
def test_other_addresses_are_refused(url):
    with pytest.raises(ConfigError, match="url"):
        request_json(get(url))


@pytest.mark.parametrize("authorization", [f"{BASIC}\n", f"{BASIC}\r\nX: y", f"{BASIC}ä", "\x00"])
def test_a_header_cannot_be_broken_out_of(authorization):
    with pytest.raises(ConfigError, match="a test cannot be sent") as info:
        request_json(get("http://localhost:9", authorization=authorization))
    assert SECRET not in shown(info.value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "5"])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(ConfigError, match="timeout"):
        request_json(get("http://localhost:9"), timeout=timeout)


# --- where ----------------------------------------------------------------------------------------

PATH = "/api/v1/realtime/session"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (None, "https://api.inworld.ai"),
        ("wss://host.example", "https://host.example"),
        (f"wss://host.example:8443{PATH}?key=1&protocol=realtime", "https://host.example:8443"),
        (f"ws://127.0.0.1:8765{PATH}", "http://127.0.0.1:8765"),
        (f"ws://[::1]:8765/a/b{PATH}/", "http://[::1]:8765/a/b"),
        ("https://host.example/gateway", "https://host.example/gateway"),
    ],
)
def test_the_address_comes_from_the_sessions(url, base, monkeypatch):
    assert base_url(url) == base
    if url is not None:
        monkeypatch.setenv("INWORLD_REALTIME_URL", url)
        assert base_url() == base


def test_a_bad_address_names_its_variable(monkeypatch):
    monkeypatch.setenv("INWORLD_REALTIME_URL", "ftp://x")
    with pytest.raises(ConfigError, match="INWORLD_REALTIME_URL"):
        base_url()


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "Check the URL"),
        (401, "The credential from a test is not valid here"),
        (402, "cannot be billed"),
        (403, "The credential from a test may not do this"),
        (404, "Check the path"),
        (407, "proxy"),
        (429, "try again in a while"),
        (500, "The server has trouble"),
        (503, "The server has trouble"),
    ],
)
def test_a_refusal_says_what_to_do(status, advice):
    error = failing(said({"error": {"message": "No, sorry."}}, status))
    assert type(error) is (AuthError if status in (401, 402, 403) else ConnectError)
    assert error.status == status
    assert f'the server refused the request for a list with HTTP {status}: "No' in str(error)
    assert advice in str(error)


def test_how_long_to_wait_is_told():
    error = failing(said({}, 429, Retry_After="7"))
    assert error.retry_after == 7
    assert "try again after 7 s" in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "inner"}, "message": "outer"}', '"inner"'),
        (b'{"code": 5, "message": "outer"}', '"outer"'),
        (b'{"error": "plain"}', '"plain"'),
        (b"raw\x1b[31m\r\ntext", '"raw [31m text"'),
        (b"\xff\xfe", '"��"'),
        (b"x" * 1000, "x" * 300 + '…"'),
        (b"[" * 100000, "[" * 300),
        (b'{"message": "\\ud800"}', '"?"'),
        (b"", "HTTP 400. "),
    ],
    ids=lambda value: None if isinstance(value, str) else "body",
)
def test_the_servers_words(body, words):
    """One line, no control characters, not too long."""
    assert words in str(failing(said(body, 400)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_not_followed(status):
    """It would carry the key elsewhere."""
    with HttpDesk(lambda asked: said({"a": 1})) as other:
        error = failing(said({}, status, Location=f"{other.base}/new?token=abc"))
    assert other.asked == []
    assert error.status == status
    assert f"{other.base}/new;" in str(error)
    assert "not followed" in str(error)


# --- nonsense -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"<html>Log in</html>", "no JSON object"),
        (b"[]", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"a": ', "no JSON object"),
        (b"\xff\xfe\x00", "no JSON object"),
        (b"[" * 100000, "no JSON object"),
    ],
)
def test_what_is_no_json_object(body, words):
    error = failing(said(body, Content_Type="text/html; charset=utf-8"))
    assert words in str(error)
    if body.strip():
        assert "of text/html" in str(error)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "hung up"),
        (b"", "hung up"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "is empty"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "hung up"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", "hung up"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", "hung up|web server"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "like a web server"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "like a web server"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000, "like a web server"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "like a web server"),
        (b"\x16\x03\x01" * 100, "like a web server"),
    ],
    ids=range(11),
)
def test_what_is_no_answer(answer, words):
    error = failing(answer)
    assert error.status is None
    assert any(word in str(error) for word in words.split("|")), str(error)


def test_a_huge_answer_is_not_read_to_the_end():
    for answer in (
        said(b" " * (rest.MAX_ANSWER + 1)),
        b"HTTP/1.0 200 OK\r\n\r\n" + b" " * (rest.MAX_ANSWER + 1),
    ):
        assert "more than 4 MiB" in str(failing(answer))


def test_a_silent_server_is_not_waited_for():
    """It accepts, and that is all."""
    with ScriptedServer(drain) as server, pytest.raises(ConnectError, match="did not answer in t"):
        request_json(get(f"http://localhost:{server.port}"), timeout=0.05)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_server_that_drips_is_not_waited_for(head):
    """The time is for the whole, not for each byte: not of the headers, not of the body."""

    def drip(conn: socket.socket) -> None:
        read_head(conn)
        conn.sendall(head)
        while True:  # until the client hangs up
            conn.sendall(b"X" if head.endswith(b"\r\n\r\n") else b"X: y\r\n")
            time.sleep(0.01)

    with ScriptedServer(drip) as server:
        start = time.monotonic()
        with pytest.raises(ConnectError, match="did not answer in time"):
            request_json(get(f"http://localhost:{server.port}"), timeout=0.2)
        assert time.monotonic() - start < 2


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(ConnectError, match="refused the connection"):
        request_json(get(f"http://127.0.0.1:{port}"))


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Thu, 02 Jan 2025 03:04:05 GMT", 1735787045),
        ("Thu, 02 Jan 2025 03:04:05 -0000", 1735787045),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_the_servers_time(header, seconds):
    headers = {} if header is None else {"date": header}
    date = rest.date_of(rest.Answer(200, headers, b""))
    assert (date and date.timestamp()) == seconds


# --- secrets --------------------------------------------------------------------------------------

IW1 = (
    "IW1-HMAC-SHA256 ApiKey=the-key-id,DateTime=20250102030405,Nonce=00112233445566,"
    "Signature=8f18fb945499f6d11a122fd9d790503249a4ef9b45a18a49db9948c123f95182"
)
BEARER = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlIQ"
SECRETS = {
    BASIC: [SECRET, SECRET.rstrip("="), "s3cret/of+the?key~~"],
    BEARER: [BEARER, *BEARER.split()[1].split(".")],
    IW1: [IW1, "8f18fb945499f6d11a122fd9d790503249a4ef9b45a18a49db9948c123f95182"],
}


@pytest.mark.parametrize("authorization", SECRETS, ids=["basic", "bearer", "signed"])
@pytest.mark.parametrize(
    "echo",
    [
        lambda text: said({"error": {"message": f"What is {text}?"}}, 401),
        lambda text: said({"message": text, "more": text}, 500),
        lambda text: said({"detail": {text: text}}, 429),
        lambda text: said(json.dumps({"x": text}).replace("/", "\\/").encode(), 400),
        lambda text: said(b'"' + "".join(f"\\u{ord(c):04x}" for c in text).encode() + b'"', 400),
        lambda text: said(b'{"message": "' + b" " * 280 + text.encode() + b'"}', 400),
        lambda text: said(f"<b>{text}</b>".encode(), 403),
        lambda text: said({}, 302, Location=f"http://x/{text}"),
        lambda text: said(b"no", Content_Type=text),
        lambda text: f"HTTP/1.1 {text}\r\n\r\n".encode(),
        lambda text: f"{text}\r\n\r\n".encode(),
        lambda text: f"HTTP/1.1 200 OK\r\n{text}\r\n\r\n{text}".encode(),
        lambda text: said(text.encode(), Transfer_Encoding="chunked"),
    ],
    ids=range(13),
)
def test_a_server_that_repeats_the_secret_does_not_get_it_shown(authorization, echo):
    """Not in the message, the representation, the attributes, nor in any exception behind it."""
    for secret in SECRETS[authorization]:
        with (
            HttpDesk(lambda asked, secret=secret: echo(secret)) as desk,
            pytest.raises(ConnectError) as info,
        ):
            request_json(get(desk.base, authorization=authorization))
        for hidden in SECRETS[authorization]:
            assert hidden not in shown(info.value)
            assert hidden not in str(info.value)


def test_what_the_server_knows_otherwise_is_hidden_too():
    answer = said({"message": "the secret is open sesame, not that"}, 401)
    with HttpDesk(lambda asked: answer) as desk, pytest.raises(AuthError) as info:
        request_json(get(desk.base, secrets=("open sesame",)))
    assert '"the secret is ***, not that"' in str(info.value)


def test_a_request_does_not_print_its_secrets():
    request = get("https://x", body={"a": "body"}, secrets=("open sesame",))
    for hidden in (SECRET, "sesame", "body"):
        assert hidden not in repr(request)


def test_the_usual_words_are_left_in_place():
    """Also where they are in the header: its parts are hidden, not their names."""
    words = "The Signature is wrong: IW1-HMAC-SHA256 ApiKey=...,DateTime=..., Basic"
    answer = said({"message": words}, 401)
    with HttpDesk(lambda asked: answer) as desk, pytest.raises(AuthError) as info:
        request_json(get(desk.base, authorization=IW1))
    assert words in str(info.value)
