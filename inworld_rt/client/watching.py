"""Watching the server's events, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar, overload

from inworld_rt.client.base import Base
from inworld_rt.errors import ConnectionClosedOK
from inworld_rt.eventlog import Kind, matcher
from inworld_rt.events import Event

__all__ = ["Watching"]

E = TypeVar("E", bound=Event)


class Watching(Base):
    """The part of the client that gives events."""

    @overload
    def wait_for(self, event_type: type[E], timeout: float | None = None) -> E: ...

    @overload
    def wait_for(self, event_type: str, timeout: float | None = None) -> Event: ...

    def wait_for(self, event_type: Kind, timeout: float | None = None) -> Event:
        """Wait for an event.

        Looks from where this thread's last ``wait_for()`` or ``events()`` ended, at first from the
        session's beginning, so that nothing is missed between sending and waiting. Events of
        answers (``response.…``) that this thread has already waited for are passed over. The
        latest 1000 events are kept.

        Args:
            event_type: a class of :mod:`inworld_rt.events`, or a name such as ``"response.done"``.
            timeout: seconds; default: the client's ``timeout``.

        Raises:
            WaitTimeout: none came in time.
            ConnectionClosed: the session ended first.
        """
        log = self._link.log
        seconds = self.timeout if timeout is None else timeout
        event, log.mark = log.next(log.mark, matcher((event_type,)), seconds)
        return event

    @overload
    def events(self, *, timeout: float | None = None) -> Iterator[Event]: ...

    @overload
    def events(self, *types: type[E], timeout: float | None = None) -> Iterator[E]: ...

    @overload
    def events(self, *types: Kind, timeout: float | None = None) -> Iterator[Event]: ...

    def events(self, *types: Kind, timeout: float | None = None) -> Iterator[Event]:
        """Iterate over events, of some types or all, beginning as :meth:`wait_for` does.

        Ends when the session was closed in good order.

        Args:
            types: classes or names, as for :meth:`wait_for`.
            timeout: seconds to wait for each; default: for ever.

        Raises:
            WaitTimeout: none came in time.
            LocalProtocolError: the loop is so slow that events were missed.
            ConnectionClosed: the session broke off.
        """
        log = self._link.log
        return self._events(matcher(types), log.mark, timeout)

    def _events(
        self, wanted: Callable[[Event], bool], place: int, timeout: float | None
    ) -> Iterator[Event]:
        log = self._link.log
        begun = False  # what is gone before the first was not missed by reading slowly
        while True:
            try:
                event, place = log.next(place, wanted, timeout, strict=begun)
            except ConnectionClosedOK:
                return
            log.mark, begun = place, True
            yield event
