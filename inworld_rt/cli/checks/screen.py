"""What was found, on a terminal: in colour, in its width, with what is going on at the moment."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from inworld_rt.cli.checks.report import Privacy
from inworld_rt.cli.checks.table import Check, Finding
from inworld_rt.cli.checks.verdict import BAD, OK, SKIP, WARN
from inworld_rt.cli.terminal import find_console

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Screen"]

_COLORS = {OK: "green", WARN: "yellow", BAD: "bold red", SKIP: "dim"}
_MARK, _TITLE = 5, 12  # columns
_NARROW = 60  # columns below which titles have no column of their own


class Screen:
    """A terminal; ``with`` opens and closes it."""

    def __init__(self, privacy: Privacy) -> None:
        """Nothing is shown before ``with``.

        Args:
            privacy: what not to show.
        """
        self._privacy = privacy
        self._console = find_console()
        self._narrow = self._console.width < _NARROW
        # Without a thread of rich's, which would draw in the midst of a change.
        self._now = Live(console=self._console, auto_refresh=False, transient=True)

    def began(self, check: Check) -> None:
        """Something is being looked at."""
        doing = f"{check.doing} …" if check.doing else "…"
        self._now.update(self._row(Text("", "dim"), check.title, Text(doing, "dim")), refresh=True)

    def found(self, finding: Finding) -> None:
        """What came of it; it stays."""
        self._now.update("", refresh=True)
        mark = finding.verdict.mark
        shown = Text(mark.upper() if mark == BAD else mark, _COLORS[mark])
        words = Text(self._privacy.clean(finding.verdict.found), "dim" if mark == SKIP else "")
        self._console.print(self._row(shown, finding.check.title, words))
        if finding.verdict.command:
            # Never cut into lines, so that it can be copied.
            command = Text(" " * _MARK + "Type: ")
            command.append(self._privacy.clean(finding.verdict.command), "bold")
            self._console.print(command, soft_wrap=True)

    def _row(self, mark: Text, title: str, words: Text) -> Table:
        grid = Table.grid()
        grid.add_column(width=_MARK, no_wrap=True)
        if not self._narrow:
            grid.add_column(width=_TITLE, no_wrap=True)
            grid.add_column(overflow="fold")
            grid.add_row(mark, Text(title, "bold"), words)
            return grid
        grid.add_column(overflow="fold")
        grid.add_row(mark, Text.assemble((f"{title}: ", "bold"), words))
        return grid

    def __enter__(self) -> Self:
        self._now.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._now.stop()
