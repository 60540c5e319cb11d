"""A token that is always fresh."""

from __future__ import annotations

import copy
import functools
import logging
import pickle
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest
from support.background import PATIENCE, Background

from inworld_rt.auth import RenewingToken, SessionToken
from inworld_rt.errors import ConfigError, ConnectError

UTC = timezone.utc
SECRET = "a2V5LWlkOnZlcnktc2VjcmV0LWluZGVlZA=="


def token(number: int, left: float = 3600.0) -> SessionToken:
    expires = datetime(2025, 1, 2, tzinfo=UTC)
    until = time.monotonic() + left
    return SessionToken(value=f"a.b.{number}", expires=expires, until=until, source="the vault")


class Source:
    """Gives tokens, or raises, in this order; counts."""

    def __init__(self, *made: object) -> None:
        self.made = list(made)
        self.count = 0

    def __call__(self):
        self.count += 1
        one = self.made.pop(0)
        if isinstance(one, BaseException):
            raise one
        return one


def test_fetched_when_first_needed_and_then_kept():
    source = Source(token(1))
    fresh = RenewingToken(source)
    assert source.count == 0
    assert fresh.source == "a token that is yet to be fetched"
    assert [fresh.header() for _ in range(3)] == ["Bearer a.b.1"] * 3
    assert source.count == 1
    assert fresh.source.startswith("the vault (valid until")


@pytest.mark.parametrize(("left", "fetched"), [(59.0, 2), (61.0, 1), (0.5, 2)])
def test_renewed_a_minute_before_its_end(left, fetched):
    source = Source(token(1, left), token(2))
    fresh = RenewingToken(source)
    assert fresh.header() == "Bearer a.b.1"
    assert fresh.header() == f"Bearer a.b.{fetched}"
    assert source.count == fetched


def test_the_margin_may_be_another():
    source = Source(token(1, 59), token(2))
    fresh = RenewingToken(source, margin=5)
    assert [fresh.header(), fresh.header()] == ["Bearer a.b.1"] * 2


def test_the_old_one_is_used_while_it_is_valid(caplog):
    """If there is no new one. That is logged, but not what was said."""
    caplog.set_level(logging.INFO, "inworld_rt")
    source = Source(token(1, 30), OSError(f"no route with {SECRET}"), KeyError("x"), token(2))
    fresh = RenewingToken(source)
    assert [fresh.header() for _ in range(3)] == ["Bearer a.b.1"] * 3
    assert fresh.header() == "Bearer a.b.2"
    assert "no new token (OSError); the old one is good for 30 s" in caplog.text
    assert SECRET not in caplog.text


def test_without_a_valid_one_the_error_is_raised_and_the_next_call_tries_again():
    error = ConnectError("no route")
    expired = token(1, 0.05)
    source = Source(error, expired, error, error, token(2))
    fresh = RenewingToken(source)
    with pytest.raises(ConnectError, match="no route"):
        fresh.header()
    assert fresh.header() == "Bearer a.b.1"
    while expired.left():
        time.sleep(0.01)
    for _ in range(2):
        with pytest.raises(ConnectError, match="no route"):
            fresh.header()
    assert fresh.header() == "Bearer a.b.2"


def test_ctrl_c_is_not_taken_for_a_failure():
    fresh = RenewingToken(Source(token(1, 30), KeyboardInterrupt()))
    fresh.header()
    with pytest.raises(KeyboardInterrupt):
        fresh.header()


def test_one_thread_fetches_and_the_others_wait():
    fetching, go, made = threading.Event(), threading.Event(), []

    def fetch() -> SessionToken:
        fetching.set()
        assert go.wait(PATIENCE)
        made.append(threading.current_thread())
        return token(len(made))

    fresh = RenewingToken(fetch)
    first = Background(fresh.header)
    assert fetching.wait(PATIENCE)
    others = [Background(fresh.header) for _ in range(5)]
    go.set()
    assert {call.result() for call in [first, *others]} == {"Bearer a.b.1"}
    assert made == [first._thread]


def test_an_error_is_raised_where_it_was_asked_for():
    fresh = RenewingToken(Source(ConnectError("one"), ConnectError("two"), token(1)))
    assert {str(Background(fresh.header).error()) for _ in range(2)} == {"one", "two"}
    assert fresh.header() == "Bearer a.b.1"


# --- what a function may return -------------------------------------------------------------------


@pytest.mark.parametrize(
    "expiry",
    [
        3600,
        3600.5,
        datetime.now(UTC) + timedelta(hours=1),
        (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    ],
    ids=["int", "float", "datetime", "text"],
)
def test_a_pair_will_do(expiry):
    fresh = RenewingToken(Source(("a.b.1", expiry)))
    assert fresh.header() == "Bearer a.b.1"
    assert 3000 < fresh._token.left() <= 3601
    assert fresh._token.expires - datetime.now(UTC) > timedelta(seconds=3000)


def test_a_token_that_never_expires():
    fresh = RenewingToken(Source(("a.b.1", float("inf"))))
    assert [fresh.header(), fresh.header()] == ["Bearer a.b.1"] * 2


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, "returned NoneType"),
        (SECRET, "returned str"),
        ((SECRET,), "returned tuple"),
        ([SECRET, 5], "returned list"),
        ((5, SECRET), "begin with a token's text"),
        (("", 5), "begin with a token's text"),
        ((f"{SECRET}\n", 5), "begin with a token's text"),
        ((SECRET, None), "end with when the token expires"),
        ((SECRET, True), "end with when the token expires"),
        ((SECRET, "soon"), "end with when the token expires"),
        ((SECRET, float("nan")), "end with when the token expires"),
        ((SECRET, datetime(2050, 1, 1)), "end with when the token expires"),
    ],
)
def test_what_is_no_token(made, words):
    with pytest.raises(ConfigError, match=words) as info:
        RenewingToken(lambda: made).header()
    assert SECRET not in str(info.value)


@pytest.mark.parametrize(
    "made", [(SECRET, 0), (SECRET, -5), (SECRET, "2025-01-02T03:04:05Z"), token(1, -1)]
)
def test_a_new_token_that_has_expired(made):
    with pytest.raises(ConnectError, match="expired already; check the clocks"):
        RenewingToken(lambda: made).header()


@pytest.mark.parametrize("mint", [None, SECRET, token(1)])
def test_mint_is_a_function(mint):
    with pytest.raises(ConfigError, match="expected a function") as info:
        RenewingToken(mint)
    assert SECRET not in str(info.value)


@pytest.mark.parametrize("margin", [-1, "60", None, True, float("inf"), float("nan")])
def test_the_margin_is_a_number(margin):
    with pytest.raises(ConfigError, match="margin"):
        RenewingToken(Source(), margin=margin)


def test_it_shows_nothing_and_is_not_pickled():
    """Not even through a function that holds a key."""

    def mint(key: str) -> tuple[str, int]:
        return f"token-of-{key}", 3600

    fresh = RenewingToken(functools.partial(mint, SECRET))
    fresh.header()
    assert SECRET not in f"{fresh} {fresh!r} {vars(fresh)} {fresh.__reduce__()}"
    assert copy.copy(fresh) is copy.deepcopy(fresh) is fresh
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(fresh)
