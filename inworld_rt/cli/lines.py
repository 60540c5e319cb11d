"""What is typed, line by line: at a terminal with editing and history, or from a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import click

from inworld_rt import extras
from inworld_rt.cli.configfile import folder
from inworld_rt.cli.keys import is_terminal

__all__ = ["Lines", "find_lines"]

PROMPT = "You: "
HISTORY = "chat_history"


class Lines(Protocol):
    """Where lines come from. Iterate it; it ends with the pipe, or with Ctrl-D.

    Attributes:
        live: whether somebody sits at a terminal.
    """

    live: bool

    def __iter__(self) -> Iterator[str]: ...


class PipedLines:
    """Standard input, whatever it is."""

    live = False

    def __iter__(self) -> Iterator[str]:
        if sys.stdin is None:
            return
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(errors="replace")
        yield from sys.stdin


class TypedLines:
    """A terminal. What was typed in earlier sessions comes back with the arrow keys."""

    live = True

    def __init__(self, commands: Sequence[str]) -> None:
        """Prepare it.

        Args:
            commands: lines that the Tab key completes.
        """
        toolkit = extras.load("prompt_toolkit", extra="cli", purpose="edit what you type")
        from prompt_toolkit.completion import WordCompleter

        self._session = toolkit.PromptSession(
            history=_history(), completer=WordCompleter(list(commands), sentence=True)
        )
        self._prompt: Any = PROMPT if os.environ.get("NO_COLOR") else [("bold", PROMPT)]

    def __iter__(self) -> Iterator[str]:
        while True:
            try:
                yield self._session.prompt(self._prompt)
            except KeyboardInterrupt:
                continue  # the line is thrown away
            except EOFError:
                return


class PlainLines:
    """A terminal that can do nothing."""

    live = True

    def __iter__(self) -> Iterator[str]:
        while True:
            try:
                yield input(PROMPT)
            except KeyboardInterrupt:
                click.echo()
            except EOFError:
                click.echo()
                return


def find_lines(commands: Sequence[str]) -> Lines:
    """Those for standard input.

    Args:
        commands: see :class:`TypedLines`.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        return PipedLines()
    return PlainLines() if os.environ.get("TERM") == "dumb" else TypedLines(commands)


def _history() -> Any:
    """A file that nobody else can read; where there can be none, only this session's."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path: Path = folder() / HISTORY
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
