"""Rows asked by an existing Dask cluster, through its futures.

Nothing of ours runs between the machines: Dask takes a row's task to one of them, calls
:func:`~inworld_rt.batch.attempt.attempt` there, and brings back what it returns. If a machine goes
away, Dask has its rows done by another.

No key is sent along. The workers find it in their own environment.
"""

from __future__ import annotations

import contextlib
import re
import time
import warnings
from typing import Any

from attrs import evolve

from inworld_rt import extras
from inworld_rt.batch.attempt import Failed, Outcome, Settings, Task, attempt
from inworld_rt.errors import ConfigError, ConnectError, WaitTimeout
from inworld_rt.workers import Inbox

__all__ = ["Cluster"]

_ADDRESS = re.compile(r"(tcp|tls|wss?)://\S+:\d+")
_CONNECT_S = 15
_FETCH_S = 60  # to bring a result here; if its machine has gone just now, it is made anew
_LOOK_EVERY = 5.0  # seconds between two looks at whether there are workers
_WAIT_FOR_WORKERS = 600.0  # seconds; clusters that grow as needed begin without any


class Cluster:
    """See :class:`~inworld_rt.batch.threads.Pool`."""

    def __init__(self, address: str, settings: Settings) -> None:
        """Connect.

        Args:
            address: of its scheduler, for example ``tcp://10.0.0.1:8786``.
            settings: for all rows.

        Raises:
            BackendMissing: Dask is not installed; says what to type.
            ConfigError: this is no address.
            ConnectError: no scheduler is there.
        """
        if not _ADDRESS.fullmatch(address):
            raise ConfigError(
                f"scheduler: {address!r:.80} is no address of a Dask scheduler; it looks like "
                "tcp://10.0.0.1:8786"
            )
        distributed = extras.load("distributed", extra="batch", purpose="work on a Dask cluster")
        security = distributed.Security()  # as Dask's own configuration says
        certificates = security.get_connection_args("client")["ssl_context"]
        if address.startswith(("tls", "wss")) and certificates is None:
            raise ConfigError(
                f"scheduler: {address.partition(':')[0]} needs certificates, and Dask's "
                "configuration names none: distributed.comm.tls"
            )
        self.trouble = ""
        self._address = address
        self._settings = settings
        self._ended: Inbox[Any] = Inbox()
        self._running: dict[str, tuple[int, Any]] = {}
        self._looked = self._seen = time.monotonic()
        self._late: type[Exception] = distributed.TimeoutError  # not the builtin before Python 3.11
        try:
            self._client = distributed.Client(
                address, security=security, set_as_default=False, timeout=_CONNECT_S
            )
        except (OSError, self._late) as exc:
            raise ConnectError(
                f"no Dask scheduler answers at {address}; check the address, and that it runs: "
                "dask scheduler"
            ) from exc

    def submit(self, number: int, task: Task) -> None:
        """See :meth:`Pool.submit <inworld_rt.batch.threads.Pool.submit>`."""
        try:
            with warnings.catch_warnings():
                # Its advice for large arguments would lose them together with a machine.
                warnings.filterwarnings("ignore", "Sending large graph")
                # Not pure: two rows with the same text are two answers.
                future = self._client.submit(attempt, task, self._settings, pure=False)
        except Exception as exc:
            raise self._gone() from exc
        self._running[future.key] = number, future
        future.add_done_callback(self._ended.put)

    def get(self, timeout: float) -> tuple[int, Outcome] | None:
        """See :meth:`Pool.get <inworld_rt.batch.threads.Pool.get>`."""
        try:
            future = self._ended.get(min(timeout, _LOOK_EVERY))
        except WaitTimeout:
            self._look()
            return None
        self.trouble = ""
        self._seen = time.monotonic()
        outcome = self._fetch(future)
        if outcome is None:
            self._ended.put(future)
            return None
        return self._running.pop(future.key)[0], outcome

    def _fetch(self, future: Any) -> Outcome | None:
        """What came of it; ``None`` if it is on its way still."""
        try:
            outcome: Outcome = future.result(timeout=_FETCH_S)
        except (TimeoutError, self._late):
            return None
        except Exception as exc:
            if future.status in ("cancelled", "lost") or self._client.status != "running":
                raise self._gone() from exc
            if type(exc).__name__ == "KilledWorker":
                words = "several machines of the cluster ended while they were at this row"
                return Failed("again", "KilledWorker", words)
            raise ConfigError(
                f"the cluster's workers cannot run a batch: {type(exc).__name__}: {exc}; install "
                f"inworld_rt {self._settings.version} on each of its machines"
            ) from exc
        if isinstance(outcome, Failed) and outcome.type == "ConfigError" and outcome.then == "stop":
            return evolve(outcome, message=f"on a machine of the cluster: {outcome.message}")
        return outcome

    def _look(self) -> None:
        """See whether anybody is there to work."""
        now = time.monotonic()
        if not self._running:
            self._seen = now  # nobody is wanted
        if not self._running or now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        try:
            workers = self._client.nthreads()
        except Exception as exc:
            raise self._gone() from exc
        if workers:
            self._seen, self.trouble = now, ""
            return
        self.trouble = "the cluster has no workers"
        if now - self._seen > _WAIT_FOR_WORKERS:
            raise ConnectError(
                f"the Dask cluster at {self._address} has had no workers for "
                f"{_WAIT_FOR_WORKERS / 60:.0f} minutes"
            )

    def _gone(self) -> ConnectError:
        return ConnectError(
            f"the Dask scheduler at {self._address} went away; start the batch again when it is "
            "back: what is done is kept"
        )

    def close(self) -> None:
        """See :meth:`Pool.close <inworld_rt.batch.threads.Pool.close>`. Rows that workers are just
        asking end there, and nobody gets what comes of them."""
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self._client.cancel([future for _, future in self._running.values()], force=True)
        with contextlib.suppress(Exception):
            self._client.close(timeout=2)
