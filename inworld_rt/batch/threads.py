"""Rows asked by threads of this process."""

from __future__ import annotations

import threading
from typing import Protocol

from inworld_rt.auth import Credentials
from inworld_rt.batch.attempt import Outcome, Settings, Task, attempt
from inworld_rt.errors import WaitTimeout
from inworld_rt.transport import Transport
from inworld_rt.workers import Deadline, Inbox, Worker

__all__ = ["Pool", "Threads"]

_CLOSE_S = 2.0


class Pool(Protocol):
    """Whoever asks rows: threads, or a cluster. Used by one thread.

    Attributes:
        trouble: why nothing goes on; empty if it does.
    """

    trouble: str

    def submit(self, number: int, task: Task) -> None:
        """Have a row asked; does not wait for it.

        Raises:
            ConnectError: nobody is there to do it.
        """

    def get(self, timeout: float) -> tuple[int, Outcome] | None:
        """Wait for a row to end: its number, and what came of it.

        Args:
            timeout: seconds; then it returns ``None``.

        Raises:
            ConnectError: nobody is there to do the rest.
        """

    def close(self) -> None:
        """End it; what is still being asked is given up. Blocks a few seconds at most."""


class Threads:
    """So many threads, each with one session at a time."""

    def __init__(self, count: int, settings: Settings, credentials: Credentials) -> None:
        """Start them.

        Args:
            count: how many.
            settings: for all rows.
            credentials: the key.
        """
        self.trouble = ""
        self._settings = settings
        self._credentials = credentials
        self._tasks: Inbox[tuple[int, Task]] = Inbox()
        self._outcomes: Inbox[tuple[int, Outcome]] = Inbox()
        self._lock = threading.Lock()
        self._closing = False
        self._connections: dict[int, Transport] = {}
        self._workers = [
            Worker(f"batch-{number}", self._work, self._failed) for number in range(1, count + 1)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, number: int, task: Task) -> None:
        """See :meth:`Pool.submit`."""
        self._tasks.put((number, task))

    def get(self, timeout: float) -> tuple[int, Outcome] | None:
        """See :meth:`Pool.get`."""
        try:
            return self._outcomes.get(timeout)
        except WaitTimeout:
            return None

    def close(self) -> None:
        """See :meth:`Pool.close`. A thread that is just connecting ends when it has."""
        with self._lock:
            self._closing = True
            connections = list(self._connections.values())
        for connection in connections:
            connection.abort()
        self._tasks.close(_Over)
        deadline = Deadline(_CLOSE_S)
        for worker in self._workers:
            worker.join(deadline.left())

    def _work(self, stopping: threading.Event) -> None:
        while not self._closing:
            try:
                number, task = self._tasks.get()
            except _Over:
                return

            def opened(transport: Transport, number: int = number) -> None:
                with self._lock:
                    self._connections[number] = transport
                    late = self._closing
                if late:
                    transport.abort()

            outcome = attempt(task, self._settings, self._credentials, opened)
            with self._lock:
                self._connections.pop(number, None)
            self._outcomes.put((number, outcome))

    def _failed(self, cause: BaseException) -> None:
        # A mistake of ours: raised where the outcomes are waited for.
        self._outcomes.close(lambda: cause)


class _Over(Exception):
    """Nothing more is to be done."""
