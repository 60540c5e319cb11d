"""Drawing on a terminal: lines that stay, and below them a few that change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from attrs import evolve
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from inworld_rt.cli.screen import View, cut_off
from inworld_rt.cli.scribe import Utterance

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TerminalScreen", "bar", "find_console", "print_table", "status"]

_LABEL = 10  # columns for who speaks
_NARROW = 60  # columns that a table needs
_LIVE = 3  # lines at least of an utterance in progress that are shown, the last ones
_COLORS = {"listening": "green", "thinking": "yellow", "speaking": "cyan", "error": "red"}
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


class TerminalScreen:
    """A terminal. Its last few lines are drawn again and again, all others scroll as usual."""

    live = True

    def __init__(self) -> None:
        """Nothing is drawn before ``with``."""
        self._console = find_console()
        # Without a thread of rich's, which would draw in the midst of a change.
        self._bottom = Live(console=self._console, auto_refresh=False, transient=True)
        self._view = View()

    def utterance(self, said: Utterance) -> None:
        """See :meth:`Screen.utterance`."""
        # What stays is written above the changing lines, and must not be in these any more.
        pending = [one for one in self._view.pending if one is not said]
        self._show(evolve(self._view, pending=pending), refresh=False)
        words = Text(said.words)
        words.append(f" {cut_off(said)}".rstrip(), "dim")
        if said.latency is not None:
            words.append(f"  {said.latency:.2f} s", "dim")
        self._console.print(_beside(said, words))

    def note(self, words: str) -> None:
        """See :meth:`Screen.note`."""
        self._console.print(Text(words, "yellow"))

    def draw(self, view: View) -> None:
        """See :meth:`Screen.draw`."""
        self._show(view, refresh=True)

    def _show(self, view: View, refresh: bool) -> None:
        self._view = view
        width, height = self._console.size
        pending = [said for said in view.pending if said.words][-2:]
        rows = [_beside(said, self._end_of(said, max(_LIVE, height // 3))) for said in pending]
        hint = Text(view.hint, "dim")
        hint.truncate(width, overflow="ellipsis")
        self._bottom.update(Group(*rows, status(view, self._console), hint), refresh=refresh)

    def _end_of(self, said: Utterance, lines: int) -> Text:
        """What was said last: a long answer would push all else out of sight."""
        text = Text(said.words, "" if said.over else "dim")
        wrapped = text.wrap(self._console, max(1, self._console.width - _LABEL))
        return Text("\n").join(wrapped[-lines:])

    def __enter__(self) -> Self:
        self._bottom.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bottom.stop()


def find_console() -> Console:
    """The terminal; nothing in a text is a command to rich."""
    no_color = bool(os.environ.get("NO_COLOR"))
    return Console(highlight=False, markup=False, emoji=False, no_color=no_color)


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]], numbers: str = "") -> None:
    """Show a table to people; where it is too narrow for columns, a paragraph for each row.

    Args:
        names: of the columns.
        rows: cells as texts, in which nothing is a command to rich.
        numbers: the names of those that hold numbers.
    """
    console = find_console()
    if console.width < _NARROW:
        for first, *others in rows:
            cells = zip(names[1:], others, strict=True)
            console.print(Text(first, "bold cyan"))
            console.print(Text(", ".join(map(": ".join, cells))))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        right = name in numbers.split()
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for first, *others in rows:
        table.add_row(Text(first, "bold cyan"), *map(Text, others))
    console.print(table)


def bar(level: float, width: int, console: Console) -> str:
    """A meter.

    Args:
        level: 0 to 1.
        width: columns.
        console: where it will be shown; not every terminal has blocks.
    """
    level = min(1.0, max(0.0, level))
    if console.options.ascii_only:
        return ("#" * round(level * width)).ljust(width, "-")
    whole, part = divmod(round(level * width * 8), 8)
    return ("█" * whole + _EIGHTHS[part]).ljust(width, "·")


def status(view: View, console: Console) -> Text:
    """One line that fits the terminal: the state, both meters, how quick the answers are."""
    width = console.width
    line = Text()
    line.append("* " if console.options.ascii_only else "● ", _COLORS.get(view.state, "dim"))
    line.append(f"{view.state:<10}", "bold")
    names = (" mic ", "  speaker ") if width >= 50 else (" ", " ")
    rest = "" if view.latency is None else f"  {view.latency:.2f} s"
    if view.echo and width >= 80:
        rest += f"  echo: {view.echo}"
    room = width - len(line) - sum(map(len, names)) - len(rest)
    meter = min(20, max(2, room // 2))
    for name, level, color in zip(names, (view.mic, view.speaker), ("green", "cyan"), strict=True):
        line.append(name, "dim")
        line.append(bar(level, meter, console), color)
    line.append(rest, "dim")
    line.truncate(width)
    return line


def _beside(said: Utterance, words: Text) -> Table:
    """Who speaks, and next to it what: long words go on below themselves."""
    grid = Table.grid()
    grid.add_column(width=_LABEL, no_wrap=True)
    grid.add_column(overflow="fold")
    label = Text(said.who[: _LABEL - 1], "bold cyan" if said.is_answer else "bold green")
    grid.add_row(label, words)
    return grid
