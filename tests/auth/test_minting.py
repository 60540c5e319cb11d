"""Session tokens, from a service on the loopback: made, refused, and with a wrong clock."""

from __future__ import annotations

import base64
import json
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from support.background import PATIENCE
from support.certificates import client_context, server_context
from support.httpdesk import Asked, HttpDesk, said
from support.rawserver import ScriptedServer, drain

from inworld_rt.auth import ApiKey, Credentials, SessionToken, Token, mint_jwt, mint_token, minting
from inworld_rt.errors import AuthError, ConfigError, ConnectError
from inworld_rt.simulator.desk import Desk, Request
from inworld_rt.simulator.handshake import Doorkeeper
from inworld_rt.simulator.tokens import Mint

KEY_ID, SECRET = "testkey-5f3a", "testsecret-90c1"
KEY = base64.b64encode(f"{KEY_ID}:{SECRET}".encode()).decode()
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.c2VjcmV0LXNpZ25hdHVyZQ"
DAY = 86400.0


def service(shift: float = 0.0, life: float = 3600.0) -> Callable[[Asked], bytes]:
    """The simulator's own desk, which checks signatures; its clock is some seconds ahead."""
    desk = Desk(Doorkeeper(KEY, mint=Mint(life)), KEY)

    def answer(asked: Asked) -> bytes:
        reply = desk.answer(
            Request(
                asked.method,
                asked.target,
                authorization=asked.headers["authorization"],
                host=asked.headers["host"],
                body=asked.body,
            ),
            time.time() + shift,
        )
        lines = [f"HTTP/1.1 {reply.status} So", *(f"{k}: {v}" for k, v in reply.headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + reply.body

    return answer


def portal(url: str, **options) -> SessionToken:
    return mint_token(KEY, url=url, **options)


def examples(url: str, **options) -> SessionToken:
    return mint_jwt(KEY_ID, SECRET, url=url, **options)


both = pytest.mark.parametrize("mint", [portal, examples])


def shown(error: BaseException | None) -> str:
    text = ""
    while error is not None:
        text += "".join(traceback.format_exception(error)) + f"{error!r} {vars(error)} "
        error = error.__cause__ or error.__context__
    return text


def failing(answer: object, mint=portal) -> ConnectError:
    """What minting raises at a server that answers so; it shows no secret, whatever it is."""
    respond = answer if callable(answer) else lambda asked: answer
    with HttpDesk(respond) as desk, pytest.raises(ConnectError) as info:
        mint(desk.url)
    for secret in (KEY, SECRET, TOKEN, desk.asked[0].headers["authorization"][-64:]):
        assert secret not in shown(info.value)
    return info.value


# --- it works -------------------------------------------------------------------------------------


@both
def test_a_token(mint):
    """It is a bearer, knows its end, and names the key that it was made with."""
    with HttpDesk(service()) as desk:
        token = mint(desk.url)
    assert isinstance(token, Credentials)
    assert token.header() == f"Bearer {token.token}"
    assert token.token.count(".") == 2
    assert 3590 < token.left() <= 3601  # its Date header has whole seconds
    ahead = token.expires - datetime.now(timezone.utc)
    assert timedelta(seconds=3590) < ahead < timedelta(seconds=3610)
    assert "a session token made with the " in token.source
    assert f"valid until {token.expires:%Y-%m-%d %H:%M:%S} UTC" in token.source


def test_what_is_sent_by_scheme_b():
    with HttpDesk(service()) as desk:
        portal(desk.url)
        with pytest.raises(ConnectError, match="404"):
            portal(f"{desk.url}/gateway/api/v1/realtime/session?key=1")
    asked, other = desk.asked
    assert asked[:2] == ("POST", "/v1/sessionTokens/token:generate")
    assert other.target == "/gateway/v1/sessionTokens/token:generate"
    assert json.loads(asked.body) == {"api_key": KEY_ID}
    assert asked.headers["authorization"].startswith(f"IW1-HMAC-SHA256 ApiKey={KEY_ID},DateTime=2")


def test_what_is_sent_by_scheme_a():
    with HttpDesk(service()) as desk:
        examples(desk.url)
    (asked,) = desk.asked
    assert asked[:2] == ("POST", "/auth/v1/tokens/token:generate")
    assert json.loads(asked.body) == {
        "key": KEY_ID,
        "resources": ["workspaces/default-workspace"],
    }


@both
def test_no_nonce_is_used_twice(mint):
    with HttpDesk(service()) as desk:
        for _ in range(3):
            mint(desk.url)
    assert len({asked.headers["authorization"] for asked in desk.asked}) == 3


def test_over_tls():
    with HttpDesk(service(), tls=server_context()) as desk:
        assert portal(desk.url, ssl_context=client_context()).left() > 0
        with pytest.raises(ConnectError, match="certificate"):
            portal(desk.url)
    assert len(desk.asked) == 1


def test_the_key_of_the_environment(monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    with HttpDesk(service()) as desk:
        monkeypatch.setenv("INWORLD_REALTIME_URL", desk.url)
        assert "the environment variable INWORLD_API_KEY" in mint_token().source
        assert "the environment variable INWORLD_API_KEY" in mint_jwt().source
        assert mint_token(ApiKey(KEY, "my vault")).source.startswith(
            "a session token made with my vault"
        )


def test_the_environment_of_scheme_a(monkeypatch):
    monkeypatch.setenv("INWORLD_KEY", KEY_ID)
    monkeypatch.setenv("INWORLD_SECRET", SECRET)
    monkeypatch.setenv("INWORLD_WORKSPACE", "workspaces/classroom")
    monkeypatch.setenv("INWORLD_ENGINE_HOST", "localhost:443")
    monkeypatch.setenv("INWORLD_HOST", "host.invalid")
    with HttpDesk(service()) as desk:
        # The simulator takes its own host's name as well, but no port with it.
        monkeypatch.setenv("INWORLD_REALTIME_URL", desk.url)
        assert "INWORLD_KEY and INWORLD_SECRET" in mint_jwt().source
    assert json.loads(desk.asked[0].body)["resources"] == ["workspaces/classroom"]


def test_where_scheme_a_asks(monkeypatch):
    """A URL wins over the host of the examples, and an argument over the environment."""
    base = minting._base_of_jwt
    assert base(None, None) == "https://api.inworld.ai"
    monkeypatch.setenv("INWORLD_HOST", "one.example")
    assert base(None, None) == "https://one.example"
    assert base(None, "two.example:8443") == "https://two.example:8443"
    monkeypatch.setenv("INWORLD_REALTIME_URL", "ws://127.0.0.1:1")
    assert base(None, None) == "http://127.0.0.1:1"
    assert base(None, "two.example") == "https://two.example"
    assert base("wss://three.example", "two.example") == "https://three.example"


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://api.inworld.ai", "api.inworld.ai"),
        ("https://api.dev.inworld.ai:443/x", "api.dev.inworld.ai"),
        ("http://127.0.0.1:8765", "api.inworld.ai"),
        ("https://gateway.example/inworld.ai", "api.inworld.ai"),
        ("https://notinworld.ai", "api.inworld.ai"),
    ],
)
def test_the_host_that_is_signed_is_the_services(base, host):
    assert minting._signed_host(base) == host


# --- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (base64.b64encode(b"no colon").decode(), "cannot sign a request"),
        (base64.b64encode(b"two:colons:here").decode(), "cannot sign a request"),
        (TOKEN, "is a token; an API key is needed"),
        (Token(TOKEN), "is a token; an API key is needed"),
        (None, "no API key"),
        ("", "is empty"),
    ],
)
def test_what_is_no_key_is_refused_before_anything_is_sent(key, words):
    with pytest.raises(ConfigError, match=words) as info:
        mint_token(key, url="ws://127.0.0.1:9")
    assert not key or str(key) not in shown(info.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "INWORLD_KEY and INWORLD_SECRET: both are needed"),
        ({"key_id": KEY_ID}, "key_id and secret: both"),
        ({"secret": SECRET}, "key_id and secret: both"),
        ({"key_id": "a,b", "secret": SECRET}, "a comma"),
        ({"key_id": "a b", "secret": SECRET}, "a space"),
        ({"key_id": KEY_ID, "secret": SECRET, "workspace": "classroom"}, "workspaces/<id>"),
        ({"key_id": KEY_ID, "secret": SECRET, "host": "https://api.inworld.ai"}, "INWORLD_HOST"),
    ],
)
def test_what_scheme_a_lacks(arguments, words):
    with pytest.raises(ConfigError, match=words) as info:
        mint_jwt(**arguments)
    assert SECRET not in shown(info.value)


# --- refused, and nonsense ------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, AuthError, "is not valid here"),
        (402, AuthError, "cannot be billed"),
        (403, AuthError, "may not do this"),
        (404, ConnectError, "Check the path"),
        (429, ConnectError, "try again in a while"),
        (500, ConnectError, "has trouble"),
    ],
)
def test_a_refusal(mint, status, kind, words):
    error = failing(said({"message": "No."}, status, at=time.time()), mint)
    assert type(error) is kind
    assert f'refused the request for a session token with HTTP {status}: "No."' in str(error)
    assert words in str(error)
    assert "clock" not in str(error)


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_server_that_repeats_all_it_knows(status):
    def blab(asked: Asked) -> bytes:
        return said({"error": f"{asked.headers} {KEY} {SECRET}", "x": KEY}, status)

    failing(blab)


SOON = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>Welcome</html>", "no JSON object"),
        (b"", "is empty"),
        ([TOKEN, SOON], "no JSON object"),
        ({}, "holds no token"),
        ({"token": None, "expirationTime": SOON}, "holds no token"),
        ({"token": "", "expirationTime": SOON}, "holds no token"),
        ({"token": [TOKEN], "expirationTime": SOON}, "holds no token"),
        ({"token": f"{TOKEN}\r\nX: y", "expirationTime": SOON}, "holds no token"),
        ({"token": TOKEN}, "when it expires cannot be read"),
        ({"token": TOKEN, "expirationTime": "soon"}, "when it expires cannot be read"),
        ({"token": TOKEN, "expirationTime": 1e12}, "when it expires cannot be read"),
        ({"token": TOKEN, "expirationTime": "2025-02-30T00:00:00Z"}, "cannot be read"),
        ({"token": TOKEN, "expirationTime": "2025-01-02T03:04:05Z"}, "expired already, at 2025-01"),
        (b" " * (5 * 2**20), "more than 4 MiB"),
    ],
    ids=range(14),
)
def test_an_answer_without_a_usable_token(content, words):
    assert words in str(failing(said(content)))


def test_a_redirect_is_not_followed():
    with HttpDesk(service()) as other:
        error = failing(said({}, 307, Location=f"{other.base}/v1/sessionTokens/token:generate"))
    assert other.asked == []
    assert "not followed" in str(error)


def test_a_server_that_hangs_up():
    assert "hung up" in str(failing(None))


@both
def test_a_silent_server(mint):
    with ScriptedServer(drain) as server:
        start = time.monotonic()
        with pytest.raises(ConnectError, match="did not answer in time"):
            mint(f"ws://localhost:{server.port}", timeout=0.1)
        assert time.monotonic() - start < 2


# --- the clock ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("shift", [-400 * DAY, -DAY / 2, 7200.0, 20 * 365 * DAY])
def test_a_wrong_clock_does_not_matter(mint, shift):
    """A Raspberry Pi wakes up in the past: the request is signed again, with the server's time."""
    with HttpDesk(service(shift)) as desk:
        token = mint(desk.url)
    assert len(desk.asked) == 2
    assert 3590 < token.left() <= 3601
    there = datetime.now(timezone.utc) + timedelta(seconds=shift)
    assert abs(token.expires - there - timedelta(seconds=3600)) < timedelta(seconds=10)


def test_a_slightly_wrong_clock_needs_no_second_request():
    """The service lets it pass, and the lifetime goes by the service's clock."""
    with HttpDesk(service(200.0)) as desk:
        assert 3590 < portal(desk.url).left() <= 3601
    assert len(desk.asked) == 1


def test_a_wrong_clock_and_a_wrong_key():
    """Once more, but not for ever; and the clock is mentioned, since it may be the reason."""
    count = []

    def refuse(asked: Asked) -> bytes:
        count.append(asked)
        return said({"message": "No."}, 401, at=time.time() + 3 * DAY)

    error = failing(refuse)
    assert len(count) == 2
    assert type(error) is AuthError
    assert error.status == 401
    assert "This computer's clock is 3 days behind the server's: set it" in str(error)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (70, "70 seconds behind"),
        (-170, "3 minutes ahead of"),
        (3 * 3600, "3 hours behind"),
        (-1000 * DAY, "1000 days ahead of"),
    ],
)
def test_how_wrong_the_clock_is(ahead, words):
    error = failing(said({}, 403, at=time.time() + ahead + 0.5))
    assert words in str(error)


@pytest.mark.parametrize("headers", [{}, {"Date": "nonsense"}])
def test_a_server_without_a_clock_is_believed_by_ours(headers):
    """Refusals are final, and a lifetime is counted by this machine's date."""
    assert "clock" not in str(failing(said({}, 401, **headers)))
    with HttpDesk(lambda asked: said({"token": TOKEN, "expirationTime": SOON}, **headers)) as desk:
        assert 3000 < portal(desk.url).left() <= 3600
    assert len(desk.asked) == 1


def test_a_second_request_has_only_the_time_that_is_left():
    """One timeout for both."""

    def first_refused(asked: Asked) -> bytes | None:
        if len(desk.asked) == 1:
            return said({}, 401, at=time.time() + DAY)
        over.wait(PATIENCE)
        return None

    over = threading.Event()
    with HttpDesk(first_refused) as desk:
        with pytest.raises(ConnectError, match="in time"):
            portal(desk.url, timeout=0.2)
        over.set()
    assert len(desk.asked) == 2
