"""Which row is next, with a clock that only the test moves."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.batch.plan import LONGEST_HOLD, LONGEST_PAUSE, Plan


def test_rows_are_started_in_order_and_at_once():
    plan = Plan(range(3), retries=3)
    for row in range(3):
        assert plan.wait(0.0) == 0.0 and plan.start(0.0) == row
    assert plan.wait(0.0) == math.inf


def test_a_row_is_tried_again_later_and_later_and_then_given_up():
    plan, now, pauses = Plan([7], retries=4), 0.0, []
    plan.start(now)
    while plan.again(7, now):
        pauses.append(plan.wait(now))
        now += pauses[-1]
        assert plan.start(now) == 7
    assert pauses == [1, 2, 4, 8]
    assert plan.attempts(7) == 5


def test_other_rows_do_not_wait_for_one_that_failed():
    plan = Plan([0, 1], retries=1)
    plan.start(0.0)
    plan.again(0, 0.0)
    assert plan.wait(0.0) == 0.0 and plan.start(0.0) == 1
    assert plan.wait(0.0) == 1.0


def test_a_retry_that_is_due_comes_before_new_rows():
    plan = Plan([0, 1, 2], retries=1)
    plan.start(0.0)
    plan.again(0, 0.0)
    assert [plan.start(1.0), plan.start(1.0)] == [0, 1]


def test_when_the_service_is_away_every_row_waits_and_no_row_is_blamed():
    plan, now, pauses = Plan([0, 1], retries=3), 0.0, []
    plan.start(now)
    while plan.hold(0, now):
        pauses.append(plan.wait(now))
        assert plan.held(now) == pauses[-1]
        now += pauses[-1]
        assert plan.start(now) == 0
    assert pauses == [1, 2, 4]
    assert plan.start(now + 8) == 0 and plan.attempts(0) == 1
    assert [plan.again(0, now), plan.attempts(0)] == [True, 1]  # all its own tries are left


def test_the_same_trouble_of_several_rows_counts_once():
    plan = Plan(range(4), retries=1)
    for _ in range(4):
        plan.start(0.0)
    assert all(plan.hold(row, 0.5) for row in range(4))
    assert plan.wait(0.5) == 1.0


def test_a_service_that_was_there_before_is_waited_for_longer():
    new, known = Plan([0], retries=3), Plan([0], retries=3)
    known.answered()
    waited = {}
    for name, plan in (("new", new), ("known", known)):
        now = 0.0
        plan.start(now)
        while plan.hold(0, now):
            now += plan.wait(now)
            plan.start(now)
        waited[name] = now
    assert waited["new"] == 7
    assert 300 < waited["known"] < 600


def test_an_answer_ends_the_trouble():
    plan = Plan([0], retries=1)
    for now in (0.0, 10.0, 20.0):
        plan.start(now)
        assert plan.hold(0, now) and plan.wait(now) == 1.0
        plan.answered()


def test_what_the_server_asks_for_is_done_within_reason():
    plan = Plan([0], retries=9)
    plan.start(0.0)
    plan.hold(0, 0.0, 30.0)
    assert plan.wait(0.0) == 30.0
    plan.start(30.0)
    plan.hold(0, 30.0, 1e9)
    assert plan.wait(30.0) == LONGEST_HOLD


def test_without_retries_the_first_failure_is_the_last():
    plan = Plan([0], retries=0)
    plan.answered()
    plan.start(0.0)
    assert not plan.again(0, 0.0)
    other = Plan([0], retries=0)
    other.start(0.0)
    assert not other.hold(0, 0.0)


@given(
    st.integers(1, 6),
    st.integers(0, 4),
    st.lists(st.sampled_from(["done", "again", "hold"]), max_size=60),
)
def test_every_row_ends_once_however_things_go(count, retries, fates):
    """One worker, and a fate for each attempt; those that are not told go well."""
    plan, now, ended = Plan(range(count), retries), 0.0, Counter()
    fates = iter(fates)
    while (wait := plan.wait(now)) != math.inf:
        assert wait <= LONGEST_PAUSE
        now += wait
        row = plan.start(now)
        fate = next(fates, "done")
        if fate == "hold":
            if not plan.hold(row, now):
                return  # the whole batch is given up
        else:
            plan.answered()
            if fate == "done" or not plan.again(row, now):
                ended[row] += 1
    assert ended == Counter(range(count))
