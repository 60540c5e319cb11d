"""The latest events, for whoever waits for one: each reader has a place of its own in it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from inworld_rt.errors import ConfigError, LocalProtocolError, WaitTimeout
from inworld_rt.wire import CLIENT, SERVER, Event
from inworld_rt.workers import Deadline, wait_on

__all__ = ["KEPT", "EventLog", "Kind", "matcher"]

KEPT = 1000
"""Events that are kept. A reader that falls further behind is told so."""

Kind = type[Event] | str


def matcher(kinds: tuple[object, ...]) -> Callable[[Event], bool]:
    """A test for events of certain kinds.

    Args:
        kinds: event classes or wire names, old spellings included; none of them means all events.

    Raises:
        ConfigError: one is neither, or is something that only a client sends.
    """
    classes: list[type[Event]] = []
    names: set[str] = set()
    for kind in kinds:
        if isinstance(kind, str) and kind not in CLIENT:
            known = SERVER.get(kind)
            if known:
                classes.append(known)
            else:
                names.add(kind)  # one that this version does not know: an UnknownEvent
        elif isinstance(kind, type) and issubclass(kind, Event) and kind not in CLIENT.values():
            classes.append(kind)
        else:
            raise ConfigError(
                f"{kind!r} is no event of the server; give a class from inworld_rt.events, such as "
                "ResponseDone, or a name, such as 'response.done'"
            )
    if not kinds:
        return lambda event: True
    wanted = tuple(classes)
    return lambda event: isinstance(event, wanted) or event.type in names


class EventLog:
    """The last :data:`KEPT` events and their end. One thread writes, any number read.

    Each reading thread has two marks of its own: where it goes on reading, and where the latest
    answer ended that it has waited for.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._count = 0  # events ever written
        self._end: Callable[[], BaseException] | None = None
        # Guards the three above; the condition on it wakes readers.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0  # readers: waking nobody would be the most of add()
        self._mine = threading.local()

    def add(self, event: Event) -> None:
        """Write one; never blocks for long."""
        with self._lock:
            self._events.append(event)
            self._count += 1
            if self._waiting:
                self._changed.notify_all()

    def close(self, end: Callable[[], BaseException]) -> None:
        """No more will come; readers get what is left, then this exception, made fresh."""
        with self._changed:
            self._end = self._end or end
            self._changed.notify_all()

    @property
    def mark(self) -> int:
        """Where this thread goes on reading; a thread's first mark is the session's beginning."""
        mark: int = getattr(self._mine, "mark", 0)
        return mark

    @mark.setter
    def mark(self, value: int) -> None:
        self._mine.mark = max(value, self.mark)

    @property
    def answered(self) -> int:
        """Where the latest answer ended that this thread has waited for; it has no more use for
        events of answers before that place."""
        place: int = getattr(self._mine, "answered", 0)
        return place

    @answered.setter
    def answered(self, value: int) -> None:
        self._mine.answered = max(value, self.answered)

    @property
    def count(self) -> int:
        """Events ever written: the place behind the latest."""
        return self._count

    def next(
        self,
        start: int,
        wanted: Callable[[Event], bool],
        timeout: float | None,
        strict: bool = False,
    ) -> tuple[Event, int]:
        """The first wanted event from a place on, and the place behind it.

        Events of answers that this thread has waited for are passed over. Blocks until there is
        one.

        Args:
            start: the place to begin at.
            wanted: the test.
            timeout: seconds; ``None`` is for ever.
            strict: raise if events from ``start`` on are no longer there.

        Raises:
            WaitTimeout: none came in time.
            LocalProtocolError: strict, and the reader fell too far behind.
            BaseException: the end.
        """
        deadline, answered = Deadline(timeout), self.answered
        with self._lock:
            while True:
                gone = self._count - len(self._events)
                if strict and start < gone:
                    raise LocalProtocolError(
                        f"{gone - start} events were missed: only the latest {KEPT} are kept; read "
                        "faster, or ask events() for fewer kinds"
                    )
                for place in range(max(start, gone), self._count):
                    event = self._events[place - gone]
                    old = place < answered and _of_an_answer(event)
                    if not old and wanted(event):
                        return event, place + 1
                start = self._count
                if self._end is not None:
                    raise self._end()
                self._waiting += 1
                try:
                    in_time = wait_on(self._changed, deadline)
                finally:
                    self._waiting -= 1
                if not in_time:
                    raise WaitTimeout(f"no such event came within {timeout:g} s")


def _of_an_answer(event: Event) -> bool:
    # What is said while the user speaks belongs to no answer, though its name begins like theirs.
    return event.type.startswith("response.") and not event.type.startswith("response.backchannel.")
