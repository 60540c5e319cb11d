"""The command line: a table of commands, loaded when called, and one way to show errors.

A command lives in a module of its own and is a :class:`click.Command`; to add one, write the module
and add its row to :data:`COMMANDS`. What its callback returns is the exit status (``None`` is 0).
Exit statuses: 0 all is well, 1 it failed, 2 wrong use or settings, 130 Ctrl-C.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import click

from inworld_rt._version import __version__
from inworld_rt.errors import ConfigError, InworldError

__all__ = ["COMMANDS", "CommandTable", "Row", "cli", "run"]


class Row(NamedTuple):
    """One command: where it is, and its line in ``inworld-rt --help``."""

    target: str
    summary: str


# Here rather than in the modules, so that `--help` imports none of them.
COMMANDS = {
    "demo": Row("inworld_rt.cli.demo:demo", "Show what this package does, in a minute."),
    "simulate": Row(
        "inworld_rt.cli.simulate:simulate", "Serve the local simulator of the service."
    ),
}


class CommandTable(click.Group):
    """A group that lists :data:`COMMANDS` and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as ``--help`` shows them."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A stand-in with the name and the help line, enough for ``--help`` and suggestions."""
        row = COMMANDS.get(cmd_name)
        return row and click.Command(cmd_name, short_help=row.summary)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The real command, imported now."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in COMMANDS:
            module, _, attribute = COMMANDS[name].target.partition(":")
            command = getattr(importlib.import_module(module), attribute)
        return name, command, rest


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="inworld-rt COMMAND --help tells more about a command.",
)
@click.version_option(__version__, prog_name="inworld-rt")
def cli() -> None:
    """Talk with Inworld's Realtime speech-to-speech API.

    The key is read from INWORLD_API_KEY; without an account, `inworld-rt simulate` serves a local
    simulator, and INWORLD_REALTIME_URL says where a session is opened.
    """


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the words after the program's name; ``sys.argv[1:]`` by default.

    Returns:
        The exit status.
    """
    args = None if argv is None else list(argv)
    try:
        # click turns Ctrl-C into Abort, and a closed pipe into SystemExit(1) without a word.
        status = cli.main(args, prog_name="inworld-rt", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return 130
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except InworldError as exc:
        click.echo(f"{click.style('error:', fg='red')} {_one_line(exc)}", err=True)
        return 2 if isinstance(exc, ConfigError) else 1
    except BrokenPipeError:
        # Whoever read our output has gone. What is still buffered must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status if isinstance(status, int) else 0


def _one_line(exc: Exception) -> str:
    """The message in one line, without the control characters a server could send a terminal."""
    text = " ".join(str(exc).split()) or type(exc).__name__
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
