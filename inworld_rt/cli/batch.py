"""``inworld-rt batch``: an answer for every row of a table, kept as files."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

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
    with contextlib.ExitStack() as stack:
        stack.enter_context(_orderly())
        url, key = (
            (choices.url, None) if scheduler else stack.enter_context(choices.service(apart=True))
        )
        tell = stack.enter_context(_watched(find_screen(as_json), as_json))
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
            on_progress=tell,
        )
    click.echo(str(summary), err=as_json)
    _show_failures(summary.failed, out)
    return 0 if summary.ok else 1


@contextlib.contextmanager
def _orderly() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: the cursor is back, and nothing runs on."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _watched(screen: Screen, as_json: bool) -> Iterator[Callable[[Progress], None]]:
    """Shows how far it is; when it is interrupted, says how to go on."""
    last: Progress | None = None

    def tell(progress: Progress) -> None:
        nonlocal last
        last = progress
        screen.draw(progress)
        if as_json and progress.latest is not None:
            click.echo(progress.latest.line())

    try:
        with screen:
            yield tell
    except ConfigError:
        raise  # the same command would meet it again
    except BaseException:
        if last is not None:
            note(
                f"{last.skipped + last.done} of {last.rows} rows are done. The same command does "
                "the rest.",
                err=True,
            )
        raise


def _show_failures(failed: Sequence[Result], out: Path) -> None:
    """A table of the rows that failed; on a terminal one line for each."""
    if not failed:
        return
    width = _width_of_stderr()
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


def _width_of_stderr() -> int:
    if not is_terminal(sys.stderr):
        return sys.maxsize
    size = (80, 24)
    with contextlib.suppress(OSError, ValueError):
        size = os.get_terminal_size(sys.stderr.fileno())
    return shutil.get_terminal_size(size).columns  # asks standard output, which may be a file


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


# --- how far it is -------------------------------------------------------------------------------


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
        """How far it is now."""
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
        """How far it is now."""
        if time.monotonic() - self._drawn >= BETWEEN or progress.ended == progress.rows:
            self._live.update(picture(progress, self._console), refresh=True)
            self._drawn = time.monotonic()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


Screen = LineScreen | BarScreen


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
