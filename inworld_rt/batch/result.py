"""How far a batch is, and what came of it: of each row, and of all of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

from inworld_rt.codec import read
from inworld_rt.outcome import Usage, total

__all__ = ["DONE", "FAILED", "Progress", "Result", "Summary"]

DONE, FAILED = "done", "failed"


@frozen
class Result:
    """One row's result: a line of ``results.jsonl``.

    Attributes:
        id: the row's name.
        status: ``done`` or ``failed``.
        attempts: how often it was tried, in the run that ended it.
        seconds: of sound.
        words: how many there are in the answer.
        text: the answer's words.
        heard: what the service understood of a WAV file; ``None`` for a text.
        usage: what the service says that it cost, in its own form.
        latency: seconds from the request to several points of the answer.
        files: the names and sizes in bytes of the files that belong to it.
        error: ``type`` and ``message`` of what went wrong at last; ``None`` if it is done.
        hash: tells whether the row is still the same.
    """

    id: str
    status: str
    attempts: int = 0
    seconds: float = 0.0
    words: int = 0
    text: str = field(default="", repr=False)
    heard: str | None = field(default=None, repr=False)
    usage: dict[str, Any] | None = field(default=None, repr=False)
    latency: dict[str, float | None] | None = field(default=None, repr=False)
    files: dict[str, int] = field(factory=dict, repr=False)
    error: dict[str, str] | None = None
    hash: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is done."""
        return self.status == DONE

    def line(self) -> str:
        """It as a line of JSON, without the line's end."""
        return json.dumps(attrs.asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, line: str) -> Result:
        """It back from such a line; members that this version does not know are left out.

        Raises:
            ValueError: it is no result.
        """
        data = json.loads(line)
        if not isinstance(data, Mapping):
            raise ValueError("no object")
        known = {f.name: data[f.name] for f in attrs.fields(cls) if f.name in data}
        name, status, files = known.get("id"), known.get("status"), known.get("files", {})
        if not isinstance(name, str) or status not in (DONE, FAILED) or type(files) is not dict:
            raise ValueError("no result")
        return cls(**known)


@frozen(kw_only=True)
class Progress:
    """A batch at one moment.

    Attributes:
        rows: how many rows there are.
        skipped: how many of them were done before.
        done: how many were done now.
        failed: how many failed now.
        running: how many are being done.
        elapsed: seconds since the beginning.
        latest: the row that has just ended; ``None`` if only time has passed.
        trouble: why nothing goes on at the moment; empty if it does.
    """

    rows: int
    skipped: int = 0
    done: int = 0
    failed: int = 0
    running: int = 0
    elapsed: float = 0.0
    latest: Result | None = None
    trouble: str = ""

    @property
    def ended(self) -> int:
        """How many rows need nothing more, whether they were done or failed."""
        return self.skipped + self.done + self.failed

    @property
    def rate(self) -> float:
        """Rows per second; those that were done before do not count."""
        return (self.done + self.failed) / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def left(self) -> float:
        """Seconds that the rest will take at this rate; ``math.inf`` if nobody can tell."""
        rest = self.rows - self.ended
        return (rest / self.rate if self.rate > 0 else math.inf) if rest else 0.0


@frozen(kw_only=True)
class Summary:
    """What came of a batch.

    Attributes:
        results: of each row, in the order of the rows, also of those that were done before.
        skipped: how many of them were done before.
        elapsed: seconds that it took.
    """

    results: Sequence[Result]
    skipped: int = 0
    elapsed: float = 0.0

    @property
    def failed(self) -> list[Result]:
        """The rows that failed."""
        return [result for result in self.results if not result.ok]

    @property
    def ok(self) -> bool:
        """Whether none failed."""
        return not self.failed

    @property
    def seconds(self) -> float:
        """Of sound, in all files together."""
        return sum(result.seconds for result in self.results)

    @property
    def usage(self) -> Usage | None:
        """What all answers together cost; ``None`` if the service does not say."""
        cost: Usage | None = None
        for result in self.results:
            if result.usage is not None:
                cost = total(cost, read(Usage, result.usage))
        return cost

    def __str__(self) -> str:
        done = len(self.results) - len(self.failed) - self.skipped
        words = f"{done} done, {self.skipped} done before, {len(self.failed)} failed"
        return f"{words}; {self.seconds:.1f} s of sound in {self.elapsed:.1f} s"
