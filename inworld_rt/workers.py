"""Threads and what passes between them; the only place that makes a ``threading.Thread``."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from inworld_rt.errors import WaitTimeout, WorkerStuck

__all__ = ["Deadline", "Inbox", "Worker", "call", "wait_for", "wait_on"]

T = TypeVar("T")

# Seconds to wait in one go: a wait is deaf to a Ctrl-C that comes just before it; on Windows before
# Python 3.14, to any.
_SLICE = 0.2 if sys.platform == "win32" and sys.version_info < (3, 14) else 1.0


class Deadline:
    """A point in time that several waits share."""

    def __init__(self, timeout: float | None) -> None:
        """Set it.

        Args:
            timeout: seconds from now; ``None`` is never.
        """
        timeout = _bounded(timeout)
        self._at = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float | None:
        """Seconds until then, never below zero; ``None`` is for ever."""
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    def slice(self) -> float:
        """What to wait at once: :meth:`left`, but no longer than Ctrl-C may be ignored."""
        left = self.left()
        return _SLICE if left is None else min(left, _SLICE)


class Worker:
    """A named daemon thread with one way to stop and one way to fail."""

    def __init__(
        self,
        name: str,
        run: Callable[[threading.Event], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Prepare it; nothing runs before :meth:`start`.

        Args:
            name: the thread is called ``inworld-rt-<name>``.
            run: the work; is given the event that asks it to stop. Whoever stops it also has to
                unblock the one call that it may be blocked in.
            on_failure: is given whatever exception ``run`` ends with, in that thread.
        """
        self.stopping = threading.Event()
        self._run = run
        self._on_failure = on_failure
        # Daemon: a forgotten close() must not keep the interpreter alive.
        self._thread = threading.Thread(target=self._main, name=f"inworld-rt-{name}", daemon=True)

    def _main(self) -> None:
        try:
            self._run(self.stopping)
        except BaseException as exc:  # handed on, to be raised in the user's next call
            self._on_failure(exc)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the caller is this very thread."""
        return threading.current_thread() is self._thread

    def join(self, timeout: float | None) -> bool:
        """Wait for the end; returns at once in the thread itself, or if it never started.

        Returns:
            Whether it has ended (or is the caller).
        """
        if self.is_current or self._thread.ident is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self, timeout: float) -> None:
        """Ask it to stop and wait.

        Args:
            timeout: seconds.

        Raises:
            WorkerStuck: it still runs after that.
        """
        self.stopping.set()
        if not self.join(timeout):
            raise WorkerStuck(f"the thread {self._thread.name} still runs after {timeout:g} s")


class Inbox(Generic[T]):
    """A queue with an end: items, then one failure for ever.

    Any thread may put, get and close. Nothing blocks but :meth:`get`.
    """

    # SimpleQueue: half the cost of Queue per hop. It has no bound, so whoever puts keeps one.
    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._end: Callable[[], BaseException] | None = None
        self._over = False  # somebody has taken the end
        self._closing = threading.Lock()
        self.put: Callable[[T], None] = self._queue.put
        """Add an item; after the end nobody will get it."""

    def close(self, end: Callable[[], BaseException]) -> None:
        """End it; the first end wins.

        Args:
            end: makes the exception for one call of :meth:`get`. A fresh one each time, since an
                exception raised twice collects two tracebacks.
        """
        with self._closing:  # two threads may close at once
            if self._end is not None:
                return
            self._end = end
        self._queue.put(_END)

    def get(self, timeout: float | None = None) -> T:
        """Take the next item.

        Args:
            timeout: seconds to wait; ``None`` is for ever.

        Raises:
            WaitTimeout: nothing came in time.
            BaseException: the end, whatever it is.
        """
        if not self._over:
            try:
                item = self._take(_bounded(timeout))
            except queue.Empty:
                raise WaitTimeout(f"nothing came within {timeout:g} s") from None
            if item is not _END:
                result: T = item
                return result
            self._over = True
            self._queue.put(_END)  # for other readers that are blocked
        assert self._end is not None
        raise self._end()

    def drain(self) -> list[T]:
        """Take out what is waiting; the end stays."""
        waiting: list[T] = []
        try:
            while (item := self._queue.get_nowait()) is not _END:
                waiting.append(item)
            self._queue.put(_END)
        except queue.Empty:
            pass
        return waiting

    def _take(self, timeout: float | None) -> Any:
        if timeout is not None and timeout <= _SLICE:
            return self._queue.get(True, timeout)
        try:
            return self._queue.get(True, _SLICE)  # the usual case, at once
        except queue.Empty:
            deadline = Deadline(None if timeout is None else timeout - _SLICE)
        while True:
            try:
                return self._queue.get(True, deadline.slice())
            except queue.Empty:
                if deadline.left() == 0.0:
                    raise


_END: Any = object()


def _bounded(timeout: float | None) -> float | None:
    """A timeout that the system can count; what is longer (infinity, too) is for ever."""
    return None if timeout is None or timeout > threading.TIMEOUT_MAX else max(0.0, timeout)


def call(action: Callable[..., object], *args: Any) -> bool:
    """Call a function of the user's in a thread of ours; its exception is shown as any thread's.

    Returns:
        Whether it came back without one.
    """
    try:
        action(*args)
    except Exception as exc:
        threading.excepthook(
            threading.ExceptHookArgs(
                (type(exc), exc, exc.__traceback__, threading.current_thread())
            )
        )
        return False
    return True


def wait_for(event: threading.Event, timeout: float | None) -> bool:
    """``event.wait(timeout)`` that Ctrl-C ends on every system.

    Args:
        event: what to wait for.
        timeout: seconds; ``None`` is for ever.

    Returns:
        Whether it is set.
    """
    deadline = Deadline(timeout)
    while not event.wait(deadline.slice()):
        if deadline.left() == 0.0:
            return event.is_set()
    return True


def wait_on(condition: threading.Condition, deadline: Deadline) -> bool:
    """``condition.wait()`` that Ctrl-C ends on every system; may wake without a reason.

    Args:
        condition: held by the caller.
        deadline: when to give up.

    Returns:
        Whether there is time left.
    """
    condition.wait(deadline.slice())
    return deadline.left() != 0.0
