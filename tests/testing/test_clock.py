"""Time that only the test moves."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.background import PATIENCE, Background

from inworld_rt.errors import ConfigError
from inworld_rt.testing import FakeClock

steps = st.integers(1, 500)  # milliseconds


def never(exc: BaseException) -> None:
    raise exc


def test_it_stands_still() -> None:
    clock = FakeClock(7.5)
    assert clock.now() == clock.now() == 7.5
    clock.advance(0.25)
    assert clock.now() == 7.75


def test_fifty_times_20_ms_are_a_second() -> None:
    """However it is moved on."""
    clock, calls = FakeClock(0.1), []
    clock.every(0.02, calls.append, never)
    for _ in range(50):
        clock.advance(0.02)
    assert clock.now() == 1.1
    assert len(calls) == 50
    clock.advance(1)
    assert len(calls) == 100


@given(st.lists(steps, min_size=1, max_size=4), st.lists(steps, max_size=10))
def test_all_are_called_in_the_order_of_time(periods: list[int], moves: list[int]) -> None:
    """As often as their period has passed, each at its time, and while it is that time."""
    clock = FakeClock()
    calls: list[tuple[float, int]] = []

    def caller(number: int) -> Callable[[float], None]:
        def call(due: float) -> None:
            assert clock.now() == due
            calls.append((due, number))

        return call

    for number, period in enumerate(periods):
        clock.every(period / 1000, caller(number), never)
    for move in moves:
        clock.advance(move / 1000)
    passed = sum(moves)
    assert calls == sorted(calls)
    for number, period in enumerate(periods):
        dues = [due for due, other in calls if other == number]
        assert dues == [n * period / 1000 for n in range(1, passed // period + 1)]
    assert clock.now() == passed / 1000


def test_who_is_ended_is_called_no_more() -> None:
    clock, calls = FakeClock(), []
    end = clock.every(1, calls.append, never)
    clock.advance(2)
    end()
    end()
    clock.advance(5)
    assert calls == [1, 2]


def test_a_call_may_end_itself_and_others_and_begin_new_ones() -> None:
    clock, calls = FakeClock(), []

    def first(due: float) -> None:
        calls.append(("first", due))
        end_first()
        end_second()
        clock.every(0.5, lambda due: calls.append(("new", due)), never)

    end_first = clock.every(1, first, never)
    end_second = clock.every(1, lambda due: calls.append(("second", due)), never)
    clock.advance(2.2)
    assert calls == [("first", 1), ("new", 1.5), ("new", 2)]


def test_what_raises_is_told_and_called_no_more() -> None:
    clock, failures, calls = FakeClock(), [], []

    def fail(due: float) -> None:
        calls.append(due)
        raise ZeroDivisionError

    clock.every(1, fail, failures.append)
    clock.every(1, calls.append, never)
    clock.advance(2)
    assert [type(failure) for failure in failures] == [ZeroDivisionError]
    assert calls == [1, 1, 2]


def test_a_failing_test_and_ctrl_c_come_through() -> None:
    clock = FakeClock()

    def stop(due: float) -> None:
        raise KeyboardInterrupt

    clock.every(1, stop, never)
    with pytest.raises(KeyboardInterrupt):
        clock.advance(1)


@pytest.mark.parametrize("seconds", [-0.1, math.inf, math.nan])
def test_time_does_not_go_back(seconds: float) -> None:
    clock = FakeClock(1)
    with pytest.raises(ConfigError, match="time goes on"):
        clock.advance(seconds)
    assert clock.now() == 1


def test_ending_waits_for_a_call_that_is_running() -> None:
    """What it uses may be closed afterwards."""
    clock = FakeClock()
    running, go, over = threading.Event(), threading.Event(), []

    def call(due: float) -> None:
        running.set()
        go.wait(PATIENCE)
        over.append(due)

    end: Any = clock.every(1, call, never)
    mover = Background(lambda: clock.advance(1))
    running.wait(PATIENCE)
    ender = Background(lambda: (end(), list(over))[1])
    go.set()
    assert ender.result() == [1]
    mover.result()


def test_two_threads_may_move_it() -> None:
    clock, calls = FakeClock(), []
    clock.every(0.001, calls.append, never)
    movers = [Background(lambda: clock.advance(0.5)) for _ in range(2)]
    for mover in movers:
        mover.result()
    assert calls == [n / 1000 for n in range(1, len(calls) + 1)]
    assert 500 <= len(calls) <= 1000
