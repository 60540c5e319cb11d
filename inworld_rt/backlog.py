"""Answers that began or were asked for, and that nobody has waited for yet."""

from __future__ import annotations

import threading
from collections import deque

from inworld_rt.response import Response

__all__ = ["KEPT", "Backlog"]

KEPT = 16
"""Responses that are kept; of more, the oldest are forgotten."""


class Backlog:
    """The responses that ``wait_for_response()`` may still return, oldest first. Any thread."""

    def __init__(self) -> None:
        self._responses: deque[Response] = deque(maxlen=KEPT)
        # Held for moments, around several steps on the deque.
        self._lock = threading.Lock()

    def add(self, response: Response) -> None:
        """A new one."""
        with self._lock:
            self._responses.append(response)

    def first(self, *, waiting: bool = False) -> Response | None:
        """The oldest, or ``None``.

        Args:
            waiting: leave out those that wait for tools.
        """
        with self._lock:
            found = (r for r in self._responses if not (waiting and r.status == "calling"))
            return next(found, None)

    def collect(self, response: Response) -> None:
        """Somebody waited for it: it and what ended before it are old news."""
        with self._lock:
            if response in self._responses:
                known = list(self._responses)
                place = known.index(response)
                kept = [r for r in known[:place] if not r.done] + known[place + 1 :]
                self._responses = deque(kept, maxlen=KEPT)

    def drop(self, response: Response) -> None:
        """Its request failed in the caller's hands."""
        with self._lock:
            if response in self._responses:
                self._responses.remove(response)
