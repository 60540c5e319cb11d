"""Time that only a test moves."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from attrs import define

from inworld_rt.errors import ConfigError

__all__ = ["NS", "FakeClock", "nanoseconds"]

NS = 10**9


@define(eq=False)
class _Caller:
    """What is to be called, and when: in nanoseconds."""

    due: int
    period: int
    step: Callable[[float], None]
    failed: Callable[[BaseException], None]


class FakeClock:
    """A :class:`~inworld_rt.audio.paced.Clock` that stands still until it is moved.

    It has no thread and never waits: what is due is called by whoever moves the time. It counts
    nanoseconds, so fifty times 20 ms are a second, exactly.

    Attributes:
        lock: held while something is called; hold it to keep the time from being moved.
    """

    def __init__(self, now: float = 0.0) -> None:
        """Set it.

        Args:
            now: what time it is, in seconds.
        """
        self.lock = threading.RLock()  # re-entrant: what is called may begin and end others
        self._now = round(now * NS)
        self._callers: list[_Caller] = []

    def now(self) -> float:
        """Seconds."""
        return self._now / NS

    def every(
        self,
        seconds: float,
        step: Callable[[float], None],
        failed: Callable[[BaseException], None],
    ) -> Callable[[], None]:
        """See :meth:`Clock.every <inworld_rt.audio.paced.Clock.every>`."""
        period = max(1, nanoseconds(seconds))
        with self.lock:
            caller = _Caller(self._now + period, period, step, failed)
            self._callers.append(caller)
        return lambda: self._end(caller)

    def _end(self, caller: _Caller) -> None:
        with self.lock:  # so that it is not running any more when this returns
            if caller in self._callers:
                self._callers.remove(caller)

    def advance(self, seconds: float) -> None:
        """Move the time, and call all that becomes due, in this thread and in the order of time.

        What is due at the same moment is called in the order in which it was begun.

        Args:
            seconds: how far.

        Raises:
            ConfigError: it is less than nothing.
        """
        with self.lock:
            until = self._now + nanoseconds(seconds)
        while self._call_next(until):
            pass

    def _call_next(self, until: int) -> bool:
        """Call what is due first; if nothing is, until then, it is then."""
        with self.lock:
            first = min(self._callers, key=lambda caller: caller.due, default=None)
            if first is None or first.due > until:
                self._now = max(self._now, until)
                return False
            due = first.due
            first.due += first.period
            self._now = max(self._now, due)
            try:
                first.step(due / NS)
            except Exception as exc:  # not Ctrl-C, nor a test that fails in it
                self._end(first)
                first.failed(exc)
            return True


def nanoseconds(seconds: float) -> int:
    """Seconds, counted.

    Raises:
        ConfigError: they are negative, infinite or no number.
    """
    if not 0 <= seconds < math.inf:
        raise ConfigError(f"time goes on, by so many seconds: expected 0 or more, got {seconds}")
    return round(seconds * NS)
