"""Deadlines, inboxes and threads."""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import Any

import pytest

from inworld_rt.errors import WaitTimeout, WorkerStuck
from inworld_rt.workers import Deadline, Inbox, Worker, wait_for, wait_on
from tests.support.background import PATIENCE, Background


class TestDeadline:
    def test_is_never_below_zero(self) -> None:
        assert Deadline(-5).left() == 0.0

    def test_none_and_infinity_are_for_ever(self) -> None:
        assert Deadline(None).left() is None
        assert Deadline(math.inf).left() is None

    def test_counts_down(self) -> None:
        left = Deadline(100).left()
        assert left is not None and 90 < left <= 100


class TestInbox:
    def test_gives_items_in_order(self) -> None:
        inbox: Inbox[int] = Inbox()
        for n in range(3):
            inbox.put(n)
        assert [inbox.get(), inbox.get(0), inbox.get(1)] == [0, 1, 2]

    @pytest.mark.parametrize("timeout", [0, 0.0, 0.001, -1])
    def test_gives_up_in_time(self, timeout: float) -> None:
        with pytest.raises(WaitTimeout):
            Inbox[int]().get(timeout)

    def test_takes_an_endless_timeout(self) -> None:
        inbox: Inbox[int] = Inbox()
        inbox.put(1)
        assert inbox.get(math.inf) == 1

    def test_ends_behind_its_items_and_for_ever(self) -> None:
        inbox: Inbox[int] = Inbox()
        inbox.put(1)
        inbox.close(lambda: KeyError("first"))
        inbox.close(lambda: KeyError("second"))
        assert inbox.get() == 1
        for _ in range(3):
            with pytest.raises(KeyError, match="first"):
                inbox.get()

    def test_gives_nothing_that_came_behind_the_end(self) -> None:
        inbox: Inbox[int] = Inbox()
        inbox.close(EOFError)
        with pytest.raises(EOFError):
            inbox.get()
        inbox.put(1)
        for _ in range(3):
            with pytest.raises(EOFError):
                inbox.get()

    def test_makes_a_fresh_exception_each_time(self) -> None:
        inbox: Inbox[int] = Inbox()
        inbox.close(lambda: EOFError("the end"))
        errors = []
        for _ in range(2):
            with pytest.raises(EOFError) as caught:
                inbox.get()
            errors.append(caught.value)
        assert errors[0] is not errors[1]

    def test_wakes_everybody_at_the_end(self) -> None:
        inbox: Inbox[int] = Inbox()
        readers = [Background(inbox.get) for _ in range(5)]
        inbox.close(EOFError)
        assert all(isinstance(reader.error(), EOFError) for reader in readers)

    def test_drains_all_but_the_end(self) -> None:
        inbox: Inbox[int] = Inbox()
        inbox.drain()
        inbox.put(1)
        inbox.put(2)
        inbox.drain()
        with pytest.raises(WaitTimeout):
            inbox.get(0)
        inbox.put(3)
        inbox.close(EOFError)
        inbox.drain()
        with pytest.raises(EOFError):
            inbox.get(0)

    def test_closes_once_however_many_close_it(self) -> None:
        inbox: Inbox[int] = Inbox()
        gate = threading.Barrier(4)

        def close(n: int) -> None:
            gate.wait(PATIENCE)
            inbox.close(lambda: KeyError(n))

        closers = [Background(partial(close, n)) for n in range(4)]
        for closer in closers:
            closer.result()
        seen = set()
        for _ in range(3):
            with pytest.raises(KeyError) as caught:
                inbox.get(0)
            seen.add(caught.value.args)
        assert len(seen) == 1

    def test_in_slices_where_a_wait_is_deaf_to_ctrl_c(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("inworld_rt.workers._SLICE", 0.001)
        inbox: Inbox[int] = Inbox()
        with pytest.raises(WaitTimeout):
            inbox.get(0.005)
        waiting = Background(lambda: inbox.get(None))
        inbox.put(7)
        assert waiting.result() == 7
        assert not wait_for(threading.Event(), 0.005)


class TestWaiting:
    @pytest.mark.parametrize("timeout", [0, -1, 0.001])
    def test_an_event_that_does_not_come(self, timeout: float) -> None:
        assert not wait_for(threading.Event(), timeout)

    @pytest.mark.parametrize("timeout", [0, -1, 1, None, math.inf])
    def test_an_event_that_is_there(self, timeout: float | None) -> None:
        event = threading.Event()
        event.set()
        assert wait_for(event, timeout)

    def test_a_condition(self) -> None:
        condition = threading.Condition()
        with condition:
            assert not wait_on(condition, Deadline(0))


class TestWorker:
    def test_has_a_name_and_stops(self) -> None:
        names: list[str] = []

        def run(stopping: threading.Event) -> None:
            names.append(threading.current_thread().name)
            stopping.wait(PATIENCE)

        worker = Worker("test", run, lambda exc: None)
        worker.start()
        worker.stop(PATIENCE)
        assert names == ["inworld-rt-test"]
        assert worker.join(0)

    def test_hands_on_whatever_it_fails_with(self) -> None:
        failures: list[BaseException] = []

        def run(stopping: threading.Event) -> None:
            raise SystemExit(3)

        worker = Worker("test", run, failures.append)
        worker.start()
        assert worker.join(PATIENCE)
        assert [type(exc) for exc in failures] == [SystemExit]

    def test_can_be_joined_before_it_started_and_by_itself(self) -> None:
        found: list[Any] = []
        worker = Worker(
            "test", lambda _: found.append((worker.is_current, worker.join(None))), found.append
        )
        assert worker.join(0) and not worker.is_current
        worker.start()
        assert worker.join(PATIENCE)
        assert found == [(True, True)]

    def test_says_so_when_it_is_stuck(self) -> None:
        stuck = threading.Event()

        def stay(stopping: threading.Event) -> None:
            stuck.wait(PATIENCE)

        worker = Worker("test", stay, lambda exc: None)
        worker.start()
        try:
            with pytest.raises(WorkerStuck, match="inworld-rt-test"):
                worker.stop(0.01)
        finally:
            stuck.set()
            assert worker.join(PATIENCE)
