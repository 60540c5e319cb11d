"""How far a batch is, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

from inworld_rt.batch.result import Result
from inworld_rt.codec import read
from inworld_rt.outcome import Usage, total

__all__ = ["Progress", "Summary"]


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
