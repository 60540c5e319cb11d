"""Signed requests for tokens, against the protocol's own examples."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.auth.signing import EXAMPLES, PORTAL, authorization, fold, stamp
from inworld_rt.simulator import tokens

WHEN = "20250102030405"


def test_scheme_a():
    header = authorization(
        EXAMPLES,
        "testkey",
        "testsecret",
        host="api-engine.inworld.ai",
        when=WHEN,
        nonce="0123456789a",
    )
    assert header == (
        "IW1-HMAC-SHA256 ApiKey=testkey,DateTime=20250102030405,Nonce=0123456789a,"
        "Signature=a4b0a50eb69d94f6c205f9a6f63c802adfa5558883acdbf863ff9524884cc282"
    )


def test_scheme_b():
    header = authorization(
        PORTAL,
        "testkey",
        "testsecret",
        host="api.inworld.ai",
        when=WHEN,
        nonce="00112233445566778899aabbccddeeff",
    )
    assert header == (
        "IW1-HMAC-SHA256 ApiKey=testkey,DateTime=20250102030405,"
        "Nonce=00112233445566778899aabbccddeeff,"
        "Signature=8f18fb945499f6d11a122fd9d790503249a4ef9b45a18a49db9948c123f95182"
    )


@given(st.text(min_size=1), st.lists(st.text(), max_size=5))
def test_the_simulator_folds_alike(secret, parts):
    """Written twice, by two people; surrogates cannot be in either."""
    try:
        wanted = tokens.sign(secret, *parts)
    except UnicodeEncodeError:
        return
    assert fold(secret, [*parts, "iw1_request"]) == wanted


@given(st.lists(st.text("ab", min_size=1), min_size=2, max_size=4, unique=True))
def test_the_order_counts(parts):
    assert fold("secret", parts) != fold("secret", parts[::-1])
    assert fold("secret", parts) != fold("secre", parts)


@pytest.mark.parametrize("hours", [-11, 0, 5.5])
def test_times_are_utc(hours):
    zone = timezone(timedelta(hours=hours))
    assert stamp(datetime(2025, 1, 2, 3, 4, 5, tzinfo=timezone.utc).astimezone(zone)) == WHEN
