"""What is done when the conversation changes its state."""

from __future__ import annotations

import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.background import PATIENCE, Background
from support.scripted import Scripted

from inworld_rt import Client
from inworld_rt.errors import ConfigError, InworldWarning
from inworld_rt.hooks import STATES, Hook, Hooks

BUSY = [state for state in STATES if state != "idle"]


class Owner:
    """Something that has hooks."""

    def __init__(self) -> None:
        self._hooks = Hooks()

    when_idle = Hook("Called when idle.")
    when_speaking = Hook("Called when speaking.")


class Log:
    """What was called, in order."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._calls: queue.SimpleQueue[str] = queue.SimpleQueue()

    def on(self, *states: str) -> None:
        for state in states:
            self._hooks.set(state, lambda state=state: self._calls.put(state))

    def next(self) -> str:
        return self._calls.get(timeout=PATIENCE)

    def all(self) -> list[str]:
        """All that was called by the time that what has been told is done."""
        done = threading.Event()
        self._hooks.do(done.set)
        assert done.wait(PATIENCE)
        return self.rest()

    def rest(self) -> list[str]:
        found = []
        while not self._calls.empty():
            found.append(self._calls.get())
        return found


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    hooks = Hooks()
    yield hooks
    hooks.close()


@pytest.fixture
def log(hooks: Hooks) -> Log:
    return Log(hooks)


def hold(hooks: Hooks) -> Callable[[], None]:
    """Keep it busy until the function that is returned is called."""
    busy, go = threading.Event(), threading.Event()

    def wait() -> None:
        busy.set()
        assert go.wait(PATIENCE)

    hooks.do(wait)
    assert busy.wait(PATIENCE)
    return go.set


# --- what is called -------------------------------------------------------------------------------


def test_states_are_told_in_order_and_once(hooks: Hooks, log: Log) -> None:
    log.on("listening", "speaking")
    for state in ("listening", "listening", "thinking", "speaking", "speaking", "listening"):
        hooks.tell(state)
    assert log.all() == ["listening", "speaking", "listening"]


def test_all_run_in_one_thread_that_is_not_the_callers(hooks: Hooks) -> None:
    names: queue.SimpleQueue[str] = queue.SimpleQueue()
    hooks.set("speaking", lambda: names.put(threading.current_thread().name))
    hooks.tell("speaking")
    hooks.do(lambda: names.put(threading.current_thread().name))
    assert {names.get(timeout=PATIENCE) for _ in range(2)} == {"inworld-rt-hooks"}


def test_telling_never_waits(hooks: Hooks, log: Log) -> None:
    log.on("speaking", "thinking")
    release = hold(hooks)
    for _ in range(1000):
        hooks.tell("speaking")
        hooks.tell("thinking")
    release()
    assert log.all() == ["speaking", "thinking"] * 1000


def test_idle_is_told_when_it_lasts(hooks: Hooks, log: Log) -> None:
    log.on("idle")
    hooks.tell("idle")
    hooks.tell("idle")
    assert log.next() == "idle"
    assert log.all() == []


@settings(max_examples=20)
@given(st.lists(st.sampled_from(STATES), max_size=20))
def test_a_moment_of_idleness_is_no_news(told: list[str]) -> None:
    """Between two states; and never is the same told twice."""
    hooks = Hooks()
    log = Log(hooks)
    log.on(*STATES)
    release = hold(hooks)
    for state in told:
        hooks.tell(state)
    release()
    busy = [state for state in told if state != "idle"]
    expected = [s for n, s in enumerate(busy) if n == 0 or busy[n - 1] != s]
    try:
        assert log.all() == expected
        if told[-1:] == ["idle"]:
            assert log.next() == "idle"
    finally:
        hooks.close()


def test_events_that_go_on_do_not_delay_idle_for_ever(hooks: Hooks, log: Log) -> None:
    """Each event tells the state anew."""
    log.on("idle")
    stop = threading.Event()

    def tell() -> None:
        while not stop.wait(0.01):
            hooks.tell("idle")

    teller = Background(tell)
    try:
        assert log.next() == "idle"
    finally:
        stop.set()
        teller.result()


def test_who_raises_is_shown_and_the_others_are_called(
    hooks: Hooks, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    log.on("speaking")

    def fail() -> None:
        raise ZeroDivisionError("by you")

    hooks.set("thinking", fail)
    for state in ("thinking", "speaking", "thinking"):
        hooks.tell(state)
    assert log.all() == ["speaking"]
    assert [str(args.exc_value) for args in shown] == ["by you", "by you"]
    assert shown[0].thread.name == "inworld-rt-hooks"
    assert "fail" in {frame.f_code.co_name for frame in _frames(shown[0].exc_traceback)}


def _frames(traceback: Any) -> Iterator[Any]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


# --- setting --------------------------------------------------------------------------------------


def test_a_hook_is_what_it_was_set_to() -> None:
    owner = Owner()
    assert owner.when_idle is None
    owner.when_idle = print
    assert owner.when_idle is print
    owner.when_idle = None
    assert owner.when_idle is None
    assert Owner.when_idle.__doc__ == "Called when idle."
    owner._hooks.close()


def test_none_that_was_none_is_warned_of_where_it_is_set() -> None:
    """``when_idle = led.on()`` is the beginner's mistake."""
    owner = Owner()
    with pytest.warns(InworldWarning, match=r"when_idle was set to None.*: led.on$") as caught:
        owner.when_idle = print.__doc__ and None
    assert caught[0].filename == __file__
    owner.when_idle = print
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        owner.when_idle = None
    with pytest.warns(InworldWarning):
        owner.when_idle = None
    owner._hooks.close()


@pytest.mark.parametrize("wrong", [5, "led.on", [print]])
def test_what_cannot_be_called_is_refused(hooks: Hooks, wrong: Any) -> None:
    hooks.set("idle", print)
    with pytest.raises(ConfigError, match="when_idle: expected a function, got"):
        hooks.set("idle", wrong)
    assert hooks.get("idle") is print


def test_changes_are_told_from_the_first_hook_on() -> None:
    begun: list[None] = []
    hooks = Hooks(lambda: begun.append(None))
    assert not hooks
    with pytest.raises(ConfigError):
        hooks.set("idle", 5)
    assert not begun
    hooks.set("idle", print)
    assert hooks and begun
    hooks.set("idle", None)
    assert not hooks
    hooks.close()


def test_no_thread_before_there_is_something_to_do() -> None:
    def ours() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name == "inworld-rt-hooks"]

    hooks = Hooks()
    hooks.tell("idle")
    assert ours() == []
    hooks.set("idle", lambda: None)
    assert len(ours()) == 1
    hooks.close()
    assert ours() == []


def test_a_hook_may_set_hooks(hooks: Hooks, log: Log) -> None:
    def first() -> None:
        log.on("thinking", "speaking")
        hooks.set("listening", None)

    hooks.set("listening", first)
    for state in ("listening", "thinking", "listening", "speaking"):
        hooks.tell(state)
    assert log.all() == ["thinking", "speaking"]


# --- the end --------------------------------------------------------------------------------------


def test_nothing_is_called_that_was_told_after_the_end(hooks: Hooks, log: Log) -> None:
    log.on("speaking", "thinking")
    hooks.tell("speaking")
    hooks.close()
    hooks.close()
    hooks.tell("thinking")
    hooks.do(lambda: log.on("idle"))
    assert log.rest() == ["speaking"]
    assert hooks.get("idle") is None


def test_the_end_itself_is_told_however_busy_it_is(hooks: Hooks, log: Log) -> None:
    """``when_closed`` would be of little use else."""
    log.on("closed")
    release = hold(hooks)
    hooks.tell("closed")
    closer = threading.Timer(0.1, release)
    closer.start()
    hooks.close()
    assert log.next() == "closed"


def test_a_hook_may_close(hooks: Hooks) -> None:
    closed = threading.Event()

    def close() -> None:
        hooks.close()
        closed.set()

    hooks.set("speaking", close)
    hooks.tell("speaking")
    assert closed.wait(PATIENCE)


def test_a_hook_that_hangs_does_not_hold_up_the_end(hooks: Hooks) -> None:
    release = hold(hooks)
    started = time.monotonic()
    hooks.close()
    assert time.monotonic() - started < 2
    release()


# --- with a client --------------------------------------------------------------------------------


def test_a_client_tells_how_it_goes() -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()

    def script(server: Scripted) -> None:
        server.expect("conversation.item.create")
        server.expect("response.create")
        name = server.begin()
        server.wait_for_go()
        server.sound(name)
        server.done(name)

    with Scripted(script) as server, server.client() as client:
        for state in STATES:
            setattr(client, f"when_{state}", lambda state=state: calls.put(state))
        response = client.say("Hello.")
        assert calls.get(timeout=PATIENCE) == "thinking"
        server.go()
        response.wait()
        assert calls.get(timeout=PATIENCE) == "speaking"
        assert calls.get(timeout=PATIENCE) == "idle"
    assert calls.get(timeout=PATIENCE) == "closed"
    assert calls.empty()


def test_a_client_that_breaks_off_tells_it() -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with Scripted(lambda server: server.wait_for_go() or server.abort()) as server:
        client = server.client()
        client.when_error = lambda: told.put(client.state)
        server.go()
        assert told.get(timeout=PATIENCE) == "error"
        client.close()


def test_a_hook_may_close_its_client() -> None:
    def script(server: Scripted) -> None:
        server.answer_say()

    with Scripted(script) as server:
        client: Client = server.client()
        client.when_idle = client.close
        closed = threading.Event()
        client.when_closed = closed.set
        client.say("Hello.").wait()
        assert closed.wait(PATIENCE)
        assert client.closed
