"""``inworld-rt batch``: an answer for every row of a table, kept as files."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from inworld_rt import batch as work
from inworld_rt import extras
from inworld_rt.batch import Limits, Progress, Result
from inworld_rt.batch.rows import unused
from inworld_rt.batch.store import RESULTS
from inworld_rt.cli.keys import is_terminal
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.service import note, printable
from inworld_rt.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["batch"]

LIMITS = Limits()
BETWEEN = 0.1  # seconds between two pictures at least
REPORT_EVERY = 10.0  # seconds between two lines where nothing can be drawn
SHOWN = 20  # failures in the table at most
BAR = 10  # columns of the bar at least, if anything else is to be beside it


@click.command()
@click.argument("table", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Rows that are asked at the same time.",
)
@click.option(
    "--scheduler",
    metavar="tcp://HOST:PORT",
    help="Have the rows asked by this Dask cluster; its workers read INWORLD_API_KEY themselves.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="How often a row is tried again.",
)
@click.option(
    "--sessions",
    type=click.IntRange(min=1),
    default=LIMITS.sessions,
    show_default=True,
    help="Limit of the account: open at once.",
)
@click.option(
    "--requests-per-second",
    "requests",
    type=click.FloatRange(min=0, min_open=True),
    default=LIMITS.requests_per_second,
    show_default=True,
    help="Limit of the account.",
)
@click.option(
    "--packets-per-second",
    "packets",
    type=click.FloatRange(min=0, min_open=True),
    default=LIMITS.packets_per_second,
    show_default=True,
    help="Limit of the account, for each session.",
)
@click.option("--encoding", metavar="NAME", help="Of a CSV file that is not UTF-8, as cp1252.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON when a row ends.")
@shared("voice", "model", "instructions")
def batch(
    table: Path,
    out: Path,
    choices: Choices,
    workers: int,
    scheduler: str | None,
    retries: int,
    sessions: int,
    requests: float,
    packets: float,
    encoding: str | None,
    as_json: bool,
) -> int:
    """Get an answer for every row of the table IN, and keep them in the folder OUT.

    IN is a CSV file whose first line names the columns, or a JSONL file. A row has a text, or as
    wav the path of a WAV file, and may have an id, a voice and instructions. In OUT it becomes
    ID.wav (the answer), ID.txt (its words) and a line of results.jsonl.

    \b
    inworld-rt batch questions.csv answers
    inworld-rt batch book.csv spoken --instructions "Read the text out, word for word."

    It may be interrupted at any time: the same command goes on with what is missing. Rows that
    have changed meanwhile, or failed, are done again.
    """
    limits = Limits(sessions=sessions, requests_per_second=requests, packets_per_second=packets)
    if workers > sessions:
        raise click.UsageError(
            f"{workers} workers have as many sessions open at once, and the account's limit is "
            f"taken to be {sessions}; if it is higher, say so with --sessions."
        )
    if scheduler and choices.simulator:
        raise click.UsageError(
            "--simulator is for this machine. Start inworld-rt simulate where the workers can "
            "reach it, and say where with --url."
        )
    if ignored := unused(table, encoding):
        names = ", ".join(printable(name)[:30] for name in ignored[:8])
        note(f"Not used: {names}.", err=True)
    if scheduler:
        # It logs the whole inside of what is said in one line here.
        logging.getLogger("distributed.client").addFilter(lambda record: False)
    watch = _Watch(find_screen(as_json), as_json)
    with contextlib.ExitStack() as stack:
        url, key = (
            (choices.url, None) if scheduler else stack.enter_context(choices.service(apart=True))
        )
        stack.enter_context(watch)
        summary = work.run(
            table,
            out,
            workers=workers,
            scheduler=scheduler,
            voice=choices.voice,
            model=choices.model,
            instructions=choices.instructions,
            credentials=key,
            url=url,
            retries=retries,
            limits=limits,
            encoding=encoding,
            on_progress=watch.tell,
        )
    click.echo(str(summary), err=as_json)
    _show_failures(summary.failed, out)
    return 0 if summary.ok else 1


class _Watch:
    """Shows how far it is; when it is interrupted, says how to go on."""

    def __init__(self, screen: Screen, as_json: bool) -> None:
        """Nothing is shown before ``with``.

        Args:
            screen: where.
            as_json: print each row that ends.
        """
        self._screen = screen
        self._as_json = as_json
        self._last: Progress | None = None

    def tell(self, progress: Progress) -> None:
        """Something happened, or a second has passed."""
        self._last = progress
        self._screen.draw(progress)
        if self._as_json and progress.latest is not None:
            click.echo(progress.latest.line())

    def __enter__(self) -> Self:
        self._screen.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._screen.__exit__()
        if kind is not None and not issubclass(kind, ConfigError) and self._last is not None:
            ended, rows = self._last.skipped + self._last.done, self._last.rows
            note(f"{ended} of {rows} rows are done. The same command does the rest.", err=True)


def _show_failures(failed: Sequence[Result], out: Path) -> None:
    """A table of the rows that failed; on a terminal one line for each."""
    if not failed:
        return
    width = shutil.get_terminal_size().columns if is_terminal(sys.stderr) else sys.maxsize
    rows = [("id", "tries", "why")]
    for result in failed[:SHOWN]:
        error = result.error or {}
        why = f"{error.get('type', 'Error')}: {error.get('message', '')}"
        rows.append((result.id, str(result.attempts), printable(" ".join(why.split()))))
    columns = [max(len(row[column]) for row in rows) for column in (0, 1)]
    columns[0] = min(columns[0], max(8, width // 3))
    click.echo(err=True)
    for number, (name, tries, why) in enumerate(rows):
        line = f"{_shortened(name, columns[0]):{columns[0]}}  {tries:>{columns[1]}}  {why}"
        line = _shortened(line, width)
        click.echo(line if number else click.style(line, bold=True), err=True)
    more = len(failed) - SHOWN
    if more > 0:
        click.echo(f"… and {more} more: see {out / RESULTS}", err=True)
    note("The same command tries them again.", err=True)


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


# --- how far it is -------------------------------------------------------------------------------


class Screen(Protocol):
    """Where progress is shown; ``with`` opens and closes it."""

    def draw(self, progress: Progress) -> None:
        """How far it is now."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def find_screen(as_json: bool) -> Screen:
    """The one for standard error.

    Args:
        as_json: lines are printed meanwhile; a terminal that gets both is not drawn on.
    """
    taken = as_json and is_terminal(sys.stdout)
    if taken or not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        return LineScreen()
    extras.load("rich", extra="cli", purpose="draw on a terminal")
    return BarScreen()


class LineScreen:
    """A file or a pipe: a line now and then."""

    def __init__(self) -> None:
        """Nothing is written before something happens."""
        self._written = time.monotonic()
        self._trouble = ""

    def draw(self, progress: Progress) -> None:
        """See :meth:`Screen.draw`."""
        if progress.trouble != self._trouble:
            self._trouble = progress.trouble
            if self._trouble:
                click.echo(f"Waiting: {printable(self._trouble)}", err=True)
        if time.monotonic() - self._written >= REPORT_EVERY:
            self._written = time.monotonic()
            click.echo(", ".join(parts(progress)), err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class BarScreen:
    """A terminal: a bar with rate and time left, gone without a trace at the end."""

    def __init__(self) -> None:
        """Nothing is drawn before ``with``."""
        from rich.console import Console
        from rich.live import Live

        self._console = Console(
            stderr=True,
            highlight=False,
            markup=False,
            emoji=False,
            no_color=bool(os.environ.get("NO_COLOR")),
        )
        # Without a thread of rich's, and what is printed meanwhile is not its business.
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._drawn = -math.inf

    def draw(self, progress: Progress) -> None:
        """See :meth:`Screen.draw`."""
        if time.monotonic() - self._drawn >= BETWEEN or progress.ended == progress.rows:
            self._live.update(picture(progress, self._console), refresh=True)
            self._drawn = time.monotonic()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def picture(progress: Progress, console: Any) -> Any:
    """A line that fits the terminal: the bar, and of the numbers as many as there is room for."""
    from rich.text import Text

    from inworld_rt.cli.terminal import bar

    width = max(1, console.width)
    told = ""
    for part in parts(progress):
        if len(told) + 2 + len(part) > width - BAR:
            break
        told += f"  {part}"
    share = progress.ended / progress.rows if progress.rows else 1.0
    room = min(40, width - len(told))
    line = Text(bar(share, room, console), "green")
    line.append(told)
    lines = [line]
    if progress.trouble:
        lines.append(Text(f"Waiting: {printable(progress.trouble)}", "yellow"))
    for each in lines:
        each.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def parts(progress: Progress) -> list[str]:
    """What there is to tell, the most important first."""
    told = [f"{progress.ended}/{progress.rows}"]
    if progress.failed:
        told.append(f"{progress.failed} failed")
    if progress.left < math.inf:
        told.append(f"{_clock(progress.left)} left")
    rate = progress.rate
    if rate:
        told.append(f"{rate:.1f} rows/s" if rate >= 1 else f"{rate * 60:.1f} rows/min")
    return told


def _clock(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
