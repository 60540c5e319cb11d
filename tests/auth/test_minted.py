"""How long a token lives, and how services write times."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.auth import SessionToken
from inworld_rt.auth.minted import read_time
from inworld_rt.errors import ConfigError

UTC = timezone.utc
WHEN = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def token(value="a.b.c", left=100.0, **more):
    return SessionToken(value=value, expires=WHEN, until=time.monotonic() + left, **more)


def test_its_life_is_counted_by_no_date():
    """The date in it is long past by this machine's clock; it lives on all the same."""
    assert 99 < token().left() <= 100
    assert token(left=-5).left() == 0


def test_equal_by_value():
    assert token() == token(left=3)
    assert token() != token("a.b.d")
    assert hash(token()) == hash(token(left=3))


@pytest.mark.parametrize("value", ["", "a b", "a\n", "ä", 7, None])
def test_what_no_header_can_hold(value):
    with pytest.raises(ConfigError, match="my vault is not a token"):
        token(value, source="my vault")


def test_a_time_needs_a_zone():
    with pytest.raises(ConfigError, match="time zone"):
        SessionToken(value="a.b.c", expires=datetime(2025, 1, 2), until=0.0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2025-01-02T03:04:05Z", WHEN),
        (" 2025-01-02T03:04:05z\n", WHEN),
        ("2025-01-02 03:04:05", WHEN),
        ("2025-01-02T05:34:05+02:30", WHEN),
        ("2025-01-01T20:04:05-0700", WHEN),
        ("2025-01-02T03:04:05.25Z", WHEN + timedelta(seconds=0.25)),
        ("2025-01-02T03:04:05.123456789Z", WHEN + timedelta(microseconds=123456)),
        ("2025-01-02T03:04:05." + "9" * 40 + "Z", WHEN + timedelta(microseconds=999999)),
        ("2025-01-02", None),
        ("2025-06-31T00:00:00Z", None),
        ("2025-01-02T25:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("٢٠٢٥-01-02T03:04:05Z", None),
        ("tomorrow", None),
        ("", None),
        (1735787045, None),
        (None, None),
    ],
)
def test_times(text, wanted):
    assert read_time(text) == wanted


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_is_read_as_it_was_written(when):
    assert read_time(when.isoformat()) == when
    assert read_time(when.isoformat().replace("+00:00", "Z")) == when


@given(st.text())
def test_any_text_may_come(text):
    assert read_time(text) is None or read_time(text).tzinfo is UTC
