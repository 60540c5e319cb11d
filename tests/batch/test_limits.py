"""The limits of an account hold, whoever asks whenever."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.batch import Limits
from inworld_rt.batch.attempt import PacedTransport
from inworld_rt.batch.limits import Bucket
from inworld_rt.errors import ConfigError
from inworld_rt.transport import MemoryTransport, Transport

limits = st.floats(0.2, 2000)
gaps = st.lists(st.floats(0, 2) | st.just(0.0), min_size=1, max_size=200)


def granted(limit: float, gaps: list[float], waiting: bool) -> list[float]:
    """When each of those who asked, with such gaps between, might go."""
    bucket, now, times = Bucket(limit), 100.0, []
    for gap in gaps:
        now += gap
        times.append(now + bucket.take(now))
        if waiting:
            now = times[-1]
    return times


@given(limits, gaps, st.booleans())
def test_no_second_sees_more_than_the_limit(limit, gaps, waiting):
    """Whether whoever asks waits before asking again, or takes tokens in advance."""
    times = granted(limit, gaps, waiting)
    most = max(1, math.ceil(limit))
    assert times == sorted(times)
    for first, last in zip(times, times[most:], strict=False):
        assert last - first >= 1 - 1e-6


@given(limits, st.integers(1, 3000))
def test_it_lets_nine_tenths_of_the_limit_through(limit, count):
    last = granted(limit, [0.0] * count, waiting=True)[-1] - 100.0
    assert last <= count / (0.9 * limit) + 1e-6


@given(limits, gaps)
def test_asking_how_long_takes_nothing(limit, gaps):
    bucket, now = Bucket(limit), 100.0
    for gap in gaps:
        now += gap
        wait = bucket.wait(now)
        assert bucket.wait(now) == wait == bucket.take(now)


def test_a_clock_that_stands_still_or_goes_back_gives_nothing():
    bucket = Bucket(1.0)
    assert bucket.take(5.0) == 0.0
    assert bucket.wait(4.0) == bucket.wait(5.0) == 1.0
    assert bucket.wait(5.5) == 0.5


def test_without_a_limit_nobody_waits():
    bucket = Bucket(math.inf)
    assert {bucket.take(1.0) for _ in range(1000)} == {0.0}


def test_the_defaults_are_what_the_service_has_told():
    assert Limits() == Limits(sessions=20, requests_per_second=25, packets_per_second=1000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sessions": 0},
        {"sessions": 2.0},
        {"sessions": True},
        {"requests_per_second": 0},
        {"requests_per_second": math.nan},
        {"packets_per_second": -1},
        {"packets_per_second": "many"},
    ],
)
def test_a_limit_is_a_number_above_zero(wrong):
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"^{name}: expected a"):
        Limits(**wrong)


def test_a_paced_connection_sends_everything_in_order_and_not_faster():
    near, far = MemoryTransport.pair()
    paced = PacedTransport(near, 100.0)
    assert isinstance(paced, Transport)
    begun = time.monotonic()
    for number in range(21):
        paced.send(str(number))
    assert time.monotonic() - begun >= (21 - 10) / 91 - 0.001  # ten at once, then 91 a second
    assert [far.recv() for _ in range(21)] == [str(number).encode() for number in range(21)]
    far.send("answer")
    assert paced.recv() == b"answer"
    paced.abort()
