"""What the doctor finds out of the network, from real servers on this machine."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")
pytest.importorskip("trustme", reason="trustme makes the certificates")

import trustme
from support.httpdesk import HttpDesk, said
from support.proxyserver import ConnectProxy
from support.rawserver import ScriptedServer, drain

from inworld_rt.auth import ApiKey
from inworld_rt.cli.checks import reaching
from inworld_rt.cli.checks.certificate import issuer_of
from inworld_rt.cli.checks.network import Line, Way
from inworld_rt.simulator import Simulator
from inworld_rt.transport.dial import Target

KEY = "c291bmQ6dGVzdA=="
SECONDS = 5.0
AWAY = "service.example"


class Authority:
    """An authority of that name, which this machine trusts if it is told to.

    Args:
        name: its organisation.
    """

    def __init__(self, name: str) -> None:
        self._ca = trustme.CA(organization_name=name)

    def server(self, *hosts: str, **options: Any) -> ssl.SSLContext:
        """A server's TLS with a certificate for these hosts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(hosts or ("localhost",)), **options).configure_cert(context)
        return context

    def trust(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Have it trusted, as users do it."""
        file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(file))
        monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Good Authority")


def reach(server: ScriptedServer, seconds: float = SECONDS) -> Line:
    target = Target("localhost", server.port, server.url.startswith("wss"), local=True)
    return reaching.line(target, Way(), seconds)


def tells(seconds: float = 0.0) -> Any:
    """Answers with a time that is so much later than ours."""
    return lambda asked: said(b"", 404, at=time.time() + seconds)


# --- the connection ------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [0.0, 5000.0, -5000.0])
def test_the_servers_clock_is_compared_with_ours(off: float) -> None:
    with HttpDesk(tells(-off)) as desk:
        found = reach(desk)
    assert (found.state, found.version, found.issuer) == ("open", "", "")
    assert found.off == pytest.approx(off, abs=1.5)
    (asked,) = desk.asked
    assert (asked.method, asked.target) == ("HEAD", "/")
    assert "authorization" not in asked.headers


@pytest.mark.parametrize("answer", [None, b"SSH-2.0-x\r\n\r\n", said(b""), said(b"", Date="soon")])
def test_a_server_need_not_tell_the_time(answer: bytes | None) -> None:
    with HttpDesk(lambda asked: answer) as desk:
        found = reach(desk)
    assert (found.state, found.off) == ("open", None)


def test_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority.trust(monkeypatch, tmp_path)
    with HttpDesk(tells(), tls=authority.server()) as desk:
        found = reach(desk)
    assert (found.state, found.version, found.issuer) == ("open", "TLSv1.3", "Good Authority")
    assert 0 < found.seconds < SECONDS
    assert found.off == pytest.approx(0, abs=1.5)


def test_whose_the_certificate_is_that_is_not_trusted() -> None:
    """It is asked for the time, too; but no key is sent there."""
    with HttpDesk(tells(), tls=Authority("Zscaler Inc.").server()) as desk:
        found = reach(desk)
    assert (found.state, found.reason, found.issuer) == ("certificate", "issuer", "Zscaler Inc.")
    assert [asked.headers.get("authorization") for asked in desk.asked] == [None]


@pytest.mark.parametrize(
    ("reason", "hosts", "days"),
    [
        ("expired", ("localhost",), -9),
        ("early", ("localhost",), 9),
        ("host", ("other.example",), 0),
    ],
)
def test_why_a_certificate_is_not_accepted(
    reason: str,
    hosts: tuple[str, ...],
    days: int,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    authority.trust(monkeypatch, tmp_path)
    times: dict[str, datetime.datetime] = {}
    now = datetime.datetime.now(datetime.timezone.utc)
    if days < 0:
        times = {"not_after": now + datetime.timedelta(days=days)}
    elif days > 0:
        times = {
            "not_before": now + datetime.timedelta(days=days),
            "not_after": now + datetime.timedelta(days=2 * days),
        }
    with HttpDesk(tells(-9e6), tls=authority.server(*hosts, **times)) as desk:
        found = reach(desk)
    assert (found.state, found.reason, found.issuer) == ("certificate", reason, "Good Authority")
    assert found.off == pytest.approx(9e6, abs=1.5)  # by which the advice is found


def test_nobody_listens() -> None:
    with HttpDesk(tells()) as desk:
        port = desk.port
    assert reaching.line(Target("localhost", port, False, True), Way(), 1.0).state == "refused"


def test_no_tls_where_tls_is_wanted() -> None:
    def answer(conn: socket.socket) -> None:
        conn.recv(1)
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        drain(conn)

    with ScriptedServer(answer) as server:
        target = Target("localhost", server.port, True, local=True)
        assert reaching.line(target, Way(), SECONDS).state == "tls"


def test_a_server_that_says_nothing_at_all() -> None:
    with ScriptedServer(drain) as server:
        target = Target("localhost", server.port, True, local=True)
        assert reaching.line(target, Way(), 0.3).state == "silent"


def through(proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setenv("https_proxy", f"http://user:s3cr3t@127.0.0.1:{proxy.port}")
    found, target = reaching.way(f"wss://{AWAY}", "--url")
    assert found.proxy == f"127.0.0.1:{proxy.port}"
    assert target is not None
    line = reaching.line(target, found, SECONDS)
    assert "s3cr3t" not in f"{found} {line}"
    return line


def test_through_a_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority.trust(monkeypatch, tmp_path)
    with (
        HttpDesk(tells(), tls=authority.server(AWAY)) as desk,
        ConnectProxy(desk.port) as proxy,
    ):
        assert through(proxy, monkeypatch).state == "open"
    assert proxy.requests == [f"CONNECT {AWAY}:443 HTTP/1.1"]


def test_a_proxy_that_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    with ConnectProxy(9, login="Basic other") as proxy:
        assert (found := through(proxy, monkeypatch)).state == "proxy"
        assert found.status == 407


# --- certificates --------------------------------------------------------------------------------


def test_the_issuers_name() -> None:
    authority = trustme.CA(organization_name="Ümläut GmbH", organization_unit_name="Unit")
    der = ssl.PEM_cert_to_DER_cert(authority.issue_cert("x").cert_chain_pems[0].bytes().decode())
    assert issuer_of(der) == "Ümläut GmbH"


@given(st.binary(max_size=200))
def test_what_is_no_certificate_has_no_issuer(data: bytes) -> None:
    assert isinstance(issuer_of(data), str)


def test_a_certificate_that_was_cut_off_anywhere() -> None:
    authority = trustme.CA(organization_name="Good Authority")
    der = ssl.PEM_cert_to_DER_cert(authority.issue_cert("x").cert_chain_pems[0].bytes().decode())
    assert {issuer_of(der[:n]) for n in range(len(der))} == {""}


# --- the way -------------------------------------------------------------------------------------


def test_the_public_service_is_meant_unless_something_else_is_said() -> None:
    found, target = reaching.way(None, "--url")
    assert (found.place, found.source, found.proxy, found.direct) == (
        "api.inworld.ai",
        "",
        "",
        False,
    )
    assert target is not None and target.port == 443


def test_the_environments_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INWORLD_REALTIME_URL", "ws://127.0.0.1:8765")
    monkeypatch.setenv("http_proxy", "http://proxy.example:1")  # not for this machine
    found, _ = reaching.way(None, "")
    assert (found.place, found.source) == ("127.0.0.1:8765", "INWORLD_REALTIME_URL")
    assert (found.local, found.secure, found.proxy) == (True, False, "")
    assert reaching.way("wss://other.example", "--url")[0].source == "--url"


@pytest.mark.parametrize("url", ["nonsense", "ws://other.example", "wss://key@other.example"])
def test_an_url_that_will_not_do(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INWORLD_REALTIME_URL", url)
    found, target = reaching.way(None, "")
    assert found.failure is not None and target is None
    assert (found.host, found.source) == ("", "INWORLD_REALTIME_URL")


def test_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert reaching.way(f"wss://{AWAY}", "")[0].variable == "HTTPS_PROXY"
    monkeypatch.setenv("NO_PROXY", ".example")
    found, _ = reaching.way(f"wss://{AWAY}", "")
    assert (found.proxy, found.direct) == ("", True)


def test_a_proxy_setting_that_makes_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://s3cr3t@x:1")
    found, target = reaching.way(f"wss://{AWAY}", "")
    assert found.failure is not None and target is None
    assert (found.host, found.variable) == (AWAY, "HTTPS_PROXY")
    assert "s3cr3t" not in str(found)


def test_a_name() -> None:
    found = reaching.look_up(Way("localhost"))
    assert found.failure is None and found.addresses >= 1
    found = reaching.look_up(Way(AWAY, proxy="no such name:3128"))
    assert found.failure is not None and found.host == "no such name"


# --- the session ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key=KEY, handshake={"bG9uZzpnb25l": 429}) as server:
        yield server


def test_a_turn_and_its_times(simulator: Simulator) -> None:
    opened, transport = reaching.open_session(simulator.url, ApiKey(KEY), False, SECONDS)
    assert opened.failure is None and opened.seconds > 0
    assert transport is not None
    found = reaching.answer(transport, 100.0, SECONDS)
    assert found.failure is None
    assert found.sound > 0.2
    names = [name for name, _ in found.stages]
    assert names[0] == "connect" and names[-1] == "total"
    assert {"first text", "first sound"} <= {*names}
    assert found.stages[0][1] > 100
    times = [seconds for _, seconds in found.stages[1:]]
    assert times == sorted(times)


@pytest.mark.parametrize(("key", "status"), [("d3Jvbmc6a2V5", 401), ("bG9uZzpnb25l", 429)])
def test_a_refusal(key: str, status: int, simulator: Simulator) -> None:
    opened, transport = reaching.open_session(simulator.url, ApiKey(key), True, SECONDS)
    assert transport is None
    assert (opened.status, opened.in_file) == (status, True)
    assert key not in str(opened)


def test_a_server_that_never_answers_the_handshake() -> None:
    with ScriptedServer(drain) as server:
        opened, _ = reaching.open_session(server.url, ApiKey(KEY), False, 0.3)
    assert opened.failure is not None and "in time" in opened.failure.words


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ("silent_after_ready", "no answer came within 0.5 s"),
        ("hang_up_mid_answer", "hung up"),
        ("close_mid_answer", "1011"),
    ],
)
def test_a_session_without_an_answer(scene: str, words: str) -> None:
    with Simulator(scenes=scene) as server:
        key = ApiKey(server.api_key)
        opened, transport = reaching.open_session(server.url, key, False, SECONDS)
        assert transport is not None
        found = reaching.answer(transport, opened.seconds, 0.5)
    assert found.failure is not None and words in found.failure.words
