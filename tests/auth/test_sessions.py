"""Tokens open sessions: minted, renewed, and refused when they have expired."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.background import PATIENCE

from inworld_rt import Client
from inworld_rt.auth import RenewingToken, SessionToken, mint_jwt, mint_token
from inworld_rt.errors import AuthError
from inworld_rt.simulator import Simulator

KEY = "dGVzdGtleTp0ZXN0c2VjcmV0"  # testkey:testsecret


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key=KEY) as server:
        yield server


def opens(simulator: Simulator, credentials: object) -> bool:
    with Client(url=simulator.url, credentials=credentials, instructions="Hi.") as client:
        return client.session.instructions == "Hi."


def test_by_scheme_b(simulator: Simulator) -> None:
    token = mint_token(KEY, url=simulator.url, timeout=PATIENCE)
    assert opens(simulator, token)
    assert opens(simulator, token.token)  # as a pupil's machine has it: as text


def test_by_scheme_a(simulator: Simulator) -> None:
    token = mint_jwt("testkey", "testsecret", url=simulator.url, timeout=PATIENCE)
    assert opens(simulator, token)


def test_a_wrong_secret(simulator: Simulator) -> None:
    with pytest.raises(AuthError, match="signature is wrong") as info:
        mint_jwt("testkey", "another-secret", url=simulator.url, timeout=PATIENCE)
    assert "the arguments key_id and secret" in str(info.value)


def test_a_token_that_is_renewed(simulator: Simulator) -> None:
    """Each of two sessions gets one that is fresh enough; the function gives text and seconds."""
    made: list[SessionToken] = []

    def fetch() -> tuple[str, float]:
        made.append(mint_token(KEY, url=simulator.url, timeout=PATIENCE))
        return made[-1].token, 50.0  # less than a minute: to be renewed at once

    fresh = RenewingToken(fetch)
    assert opens(simulator, fresh) and opens(simulator, fresh)
    assert len({token.token for token in made}) == 2


def test_a_refused_token_tells_until_when_it_was_valid(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without looking at this machine's clock, which may be wrong: the reader compares."""
    long_ago = time.time() - 100 * 86400
    token = simulator._door.mint.make("testkey", long_ago).value
    monkeypatch.setenv("INWORLD_API_KEY", token)
    with pytest.raises(AuthError) as info:
        Client(url=simulator.url)
    until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(long_ago + 3600))
    assert f"INWORLD_API_KEY (valid until {until}" in str(info.value)
    assert token not in str(info.value)
