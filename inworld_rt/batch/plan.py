"""Which row is next, and when: first tries, tries again, and holding back. Pure."""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from collections.abc import Iterable

__all__ = ["LONGEST_HOLD", "Plan"]

LONGEST_PAUSE = 60.0
"""Seconds between two tries at most, unless the server asks for more."""
LONGEST_HOLD = 600.0
"""Seconds that the server may ask for."""
_PATIENCE = 4  # times as often, where the service did answer before: it will come back


class Plan:
    """The rows that are to be done, and what went wrong with them so far. It knows no clock.

    A row that fails is tried again later, and is given up when that has happened too often. A
    service that takes nobody is not the row's fault: then every row waits.
    """

    def __init__(self, rows: Iterable[int], retries: int) -> None:
        """Plan them, in order.

        Args:
            rows: their numbers.
            retries: how often a row is tried again.
        """
        self._ready = deque(rows)
        self._later: list[tuple[float, int]] = []
        self._retries = retries
        self._started: dict[int, float] = {}
        self._attempts: Counter[int] = Counter()
        self._held_until = -math.inf
        self._misses = 0
        self._worked = False

    def wait(self, now: float) -> float:
        """Seconds until a row may be started; 0 if one may, ``math.inf`` if none is left.

        Args:
            now: seconds on any clock that does not go back.
        """
        if self._ready:
            due = self._held_until
        elif self._later:
            due = max(self._held_until, self._later[0][0])
        else:
            return math.inf
        return max(0.0, due - now)

    def held(self, now: float) -> float:
        """Seconds that every row waits because of the service; 0 if they do not."""
        return max(0.0, self._held_until - now)

    def start(self, now: float) -> int:
        """Take the row that is next; :meth:`wait` said that there is one."""
        late = self._later and self._later[0][0] <= now
        row = heapq.heappop(self._later)[1] if late else self._ready.popleft()
        self._started[row] = now
        self._attempts[row] += 1
        return row

    def attempts(self, row: int) -> int:
        """How often a row was tried; what was held back does not count."""
        return self._attempts[row]

    def answered(self) -> None:
        """The service is there: it did something for a row."""
        self._misses = 0
        self._worked = True

    def again(self, row: int, now: float) -> bool:
        """A row failed in a way that may pass: do it later.

        Returns:
            Whether it will be; ``False`` if it was tried often enough.
        """
        tries = self._attempts[row]
        if tries > self._retries:
            return False
        heapq.heappush(self._later, (now + _pause(tries), row))
        return True

    def hold(self, row: int, now: float, seconds: float | None = None) -> bool:
        """The service took no session, or no request: the row is next, but nothing is started for
        a while.

        Args:
            row: the row.
            now: what time it is.
            seconds: what the server asked for, if it did.

        Returns:
            Whether there is hope; ``False`` if it was tried often enough.
        """
        self._ready.appendleft(row)
        self._attempts[row] -= 1
        if self._started[row] >= self._held_until:  # else it is the same trouble as another's
            self._misses += 1
            pause = max(_pause(self._misses), min(seconds or 0.0, LONGEST_HOLD))
            self._held_until = now + pause
        return self._misses <= self._retries * (_PATIENCE if self._worked else 1)


def _pause(failures: int) -> float:
    return min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))
