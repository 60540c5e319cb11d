"""The batch as a whole: which rows there are, asking them, keeping what comes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import define, evolve, field

from inworld_rt.arguments import DEFAULTS, message, seconds, settings
from inworld_rt.auth import Credentials, find_credentials
from inworld_rt.batch import rows as table
from inworld_rt.batch.attempt import Answered, Failed, Outcome, Settings, Task, failure
from inworld_rt.batch.limits import Bucket, Limits
from inworld_rt.batch.plan import Plan
from inworld_rt.batch.result import DONE, FAILED, Progress, Result, Summary
from inworld_rt.batch.rows import Row
from inworld_rt.batch.store import ENDINGS, RESULTS, Store
from inworld_rt.batch.threads import Pool, Threads
from inworld_rt.config import SessionConfig
from inworld_rt.errors import ConfigError, InworldError
from inworld_rt.transport.endpoint import URL_VARIABLE, endpoint

__all__ = ["run"]

_TICK = 1.0  # seconds at most between two reports

now = time.monotonic


def run(
    rows: Iterable[Mapping[str, Any]] | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    workers: int = 4,
    scheduler: str | None = None,
    voice: str | None = None,
    model: str | None = None,
    instructions: str | None = None,
    config: SessionConfig | dict[str, Any] | None = None,
    credentials: Credentials | str | None = None,
    url: str | None = None,
    retries: int = 3,
    limits: Limits | None = None,
    timeout: float = 60.0,
    encoding: str | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> Summary:
    """Get an answer for each of many rows, and keep them as files. Blocks until all are done.

    ::

        batch.run([{"id": "whale", "text": "What is a whale?"}], "spoken", voice="Clive")

    Rows that are done already are skipped, unless they or the settings have changed. Each row has
    a session of its own, so no answer depends on another row. What may pass is tried again, with
    pauses of 1, 2, 4 … seconds. While the service takes no session, all rows wait. Ctrl-C, or
    whatever else ends the program, leaves nothing half: the same call goes on from there.

    Args:
        rows: the path of a CSV or JSONL file, or dicts. Each row has a ``text``, or as ``wav`` the
            path of a WAV file (as seen from the table's folder), and may have an ``id``, which
            names its files (default: its number), a ``voice`` and ``instructions``.
        out: the folder for ``<id>.wav`` (the answer), ``<id>.txt`` (its words) and
            ``results.jsonl`` (a line for each row: see :class:`Result`).
        workers: how many rows are asked at the same time.
        scheduler: a Dask scheduler's address, ``tcp://host:port``: the rows are asked by the
            machines of that cluster instead of threads of this one. They need this package and a
            key in their environment's ``INWORLD_API_KEY``. All files are read and written here.
        voice, model, instructions, config: the session's settings, as for
            :class:`~inworld_rt.Client`; those of a row win over them.
        credentials: an API key or token; default: the environment's ``INWORLD_API_KEY``.
        url: where to connect; default: ``INWORLD_REALTIME_URL``, or the service.
        retries: how often a row is tried again.
        limits: what the account may do; default: what the service has told of.
        timeout: seconds of the server's silence after which a row is tried again.
        encoding: of a CSV file; default: UTF-8, or what its first bytes say.
        on_progress: function that is told whenever a row ends, and every second. What it raises
            ends the batch, as Ctrl-C does.

    Returns:
        What came of each row. Rows that failed are in it; they are no exception.

    Raises:
        ConfigError: an argument, the table or a setting is wrong; nothing was asked.
        AuthError: the server refused the credentials or the account.
        ConnectError: the service, or the cluster, is not there, or went away for long.
        ServerError: the server refused the settings.
        OSError: the table cannot be read, or the results cannot be written.
        BackendMissing: Dask is wanted and not installed; says what to type.
    """
    limits = limits or Limits()
    _check(workers, retries, limits)
    plain = {"instructions": instructions, "voice": voice, "model": model}
    plain = {name: value for name, value in plain.items() if value is not None}
    session = settings(config, plain)
    DEFAULTS.merged(session).to_dict()  # what is wrong is found before anything is asked
    common = Settings(
        session=session.to_dict(),
        # Of this machine, so that all rows go to the same place.
        url=url or os.environ.get(URL_VARIABLE) or None,
        timeout=seconds("timeout", timeout),
        packets_per_second=limits.packets_per_second,
    )
    # Without the port, since a simulator's is another each time; but what a simulator said must not
    # be taken for the service's answers.
    host = urlsplit(endpoint(common.url, "any")).hostname
    found = table.read(rows, encoding)
    _spare_sources(found, rows, Path(out))
    with Store(Path(out)) as store:
        same = {"session": common.session, "host": host}
        open_rows = [n for n, row in enumerate(found) if not _is_done(row, store, same)]
        work = _Work(
            found,
            store,
            same,
            Plan(open_rows, retries),
            Bucket(limits.requests_per_second),
            Progress(rows=len(found), skipped=len(found) - len(open_rows)),
            on_progress,
        )
        if open_rows:
            workers = min(workers, len(open_rows))
            pool = _pool(workers, scheduler, common, credentials)
            try:
                work.do(pool, workers)
            finally:
                pool.close()
        return work.finish()


def _check(workers: int, retries: int, limits: Limits) -> None:
    if type(workers) is not int or workers < 1:
        raise ConfigError(f"workers: expected a whole number from 1 up, got {workers!r:.40}")
    if type(retries) is not int or retries < 0:
        raise ConfigError(f"retries: expected a whole number from 0 up, got {retries!r:.40}")
    if workers > limits.sessions:
        raise ConfigError(
            f"workers: {workers} have as many sessions open at once, and the account's limit is "
            f"taken to be {limits.sessions}; if it is higher, raise it: sessions"
        )


def _spare_sources(found: Sequence[Row], rows: object, out: Path) -> None:
    """See to it that no answer is written over a file that the rows are from."""
    sources = {row.wav for row in found if row.wav is not None}
    if isinstance(rows, str | os.PathLike):
        sources.add(Path(rows))
    ids = {_identity(path) for path in sources} - {None}
    names = [f"{row.id}{ending}" for row in found for ending in ENDINGS]
    for path in (out / name for name in (RESULTS, *names)):
        if ids and _identity(path) in ids:
            raise ConfigError(
                f"{path} belongs to what is asked, and would be written over; choose another folder"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is, whatever it is called."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_done(row: Row, store: Store, common: Mapping[str, Any]) -> bool:
    if not (kept := store.kept(row.id)):
        return False
    try:
        return kept == table.fingerprint(row, row.sound(), common)
    except (OSError, InworldError):
        return False  # what is wrong is said when its turn comes


def _pool(
    workers: int,
    scheduler: str | None,
    common: Settings,
    credentials: Credentials | str | None,
) -> Pool:
    if scheduler is None:
        return Threads(workers, common, find_credentials(credentials))
    if credentials is not None:
        raise ConfigError(
            "credentials: a key is not sent to a cluster; set INWORLD_API_KEY in the environment "
            "of its workers, and leave the argument out"
        )
    from inworld_rt.batch.cluster import Cluster  # only for those who have one

    return Cluster(scheduler, common)


@define
class _Work:
    """The rows, and what came of them so far. One thread's business: the caller's."""

    rows: Sequence[Row]
    store: Store
    common: Mapping[str, Any]
    plan: Plan
    bucket: Bucket
    progress: Progress
    on_progress: Callable[[Progress], object] | None
    _prints: dict[int, str] = field(factory=dict)
    _begun: float = field(factory=now)
    _running: int = 0
    _trouble: str = ""

    def do(self, pool: Pool, workers: int) -> None:
        """Ask every row that is open, until each is done or has failed."""
        self._tell()
        while True:
            pause = self._start(pool, workers)
            if not self._running and pause == math.inf:
                return
            ended = pool.get(min(pause, _TICK))
            self._trouble = pool.trouble or (self._trouble if self.plan.held(now()) else "")
            if ended is not None:
                self._running -= 1
                self._take(*ended)
            else:
                self._tell()

    def _start(self, pool: Pool, workers: int) -> float:
        """Start as many rows as may be; how long it is until the next may."""
        # No more than there are workers: on a cluster, nothing else limits the sessions.
        while self._running < workers:
            pause = self.plan.wait(now())
            if pause != math.inf:
                pause = max(pause, self.bucket.wait(now()))
            if pause > 0:
                return pause
            number = self.plan.start(now())
            try:
                task = self._task(number)
            except (OSError, InworldError) as exc:
                self._failed(number, failure(exc, "never"))
                continue
            self.bucket.take(now())
            pool.submit(number, task)
            self._running += 1
        return math.inf

    def _task(self, number: int) -> Task:
        row = self.rows[number]
        has_text = row.text not in (None, "")
        if has_text and row.wav is not None:
            raise ConfigError("it has both a text and a wav; make two rows of it")
        if not has_text and row.wav is None:
            raise ConfigError("it has neither a text nor a wav; there is nothing to say")
        if has_text:
            message(row.text, "user")  # what is wrong with it is said before anything is opened
        own = {"voice": row.voice, "instructions": row.instructions}
        sound = row.sound()
        # Of what is sent, should the file be another later.
        self._prints[number] = table.fingerprint(row, sound, self.common)
        return Task(row.text, sound, {name: value for name, value in own.items() if value})

    def _take(self, number: int, outcome: Outcome) -> None:
        if isinstance(outcome, Answered):
            self.plan.answered()
            self._answered(number, outcome)
        elif outcome.then == "stop":
            raise outcome.error()
        elif outcome.then == "hold":
            self._trouble = outcome.message
            if not self.plan.hold(number, now(), outcome.seconds):
                raise outcome.error()
            self._tell()
        else:
            self.plan.answered()
            if outcome.then == "never" or not self.plan.again(number, now()):
                self._failed(number, outcome)

    def _answered(self, number: int, answer: Answered) -> None:
        row = self.rows[number]
        files = self.store.keep_files(row.id, answer.sound, answer.rate, answer.text)
        result = Result(
            id=row.id,
            status=DONE,
            attempts=self.plan.attempts(number),
            seconds=round(len(answer.sound or b"") / 2 / answer.rate, 3),
            words=len(answer.text.split()),
            text=answer.text,
            heard=answer.heard,
            usage=answer.usage,
            latency=answer.latency,
            files=files,
            hash=self._prints.pop(number),
        )
        self._keep(result)

    def _failed(self, number: int, failed: Failed) -> None:
        row = self.rows[number]
        self.store.drop_files(row.id)
        error = {"type": failed.type, "message": failed.message}
        self._keep(Result(row.id, FAILED, self.plan.attempts(number), error=error))

    def _keep(self, result: Result) -> None:
        self.store.add(result)
        name = "done" if result.ok else "failed"
        self.progress = evolve(self.progress, **{name: getattr(self.progress, name) + 1})
        self._tell(result)

    def _tell(self, latest: Result | None = None) -> None:
        if self.on_progress:
            self.on_progress(
                evolve(
                    self.progress,
                    running=self._running,
                    elapsed=now() - self._begun,
                    latest=latest,
                    trouble=self._trouble,
                )
            )

    def finish(self) -> Summary:
        """Put the results in order."""
        ids = [row.id for row in self.rows]
        self.store.sort(ids)
        return Summary(
            results=[self.store.results[name] for name in ids],
            skipped=self.progress.skipped,
            elapsed=now() - self._begun,
        )
