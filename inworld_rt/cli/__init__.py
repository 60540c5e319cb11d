"""The command line: a table of commands, loaded when called, and one way to show errors.

A command lives in a module of its own and is a :class:`click.Command`; to add one, write the module
and add its row to :data:`COMMANDS`. What its callback returns is the exit status (``None`` is 0).
Exit statuses: 0 all is well, 1 it failed, 2 wrong use or settings, 130 Ctrl-C.

Options come from the command line, else from the environment, else from the config file, which is
click's ``default_map``.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from inworld_rt._version import __version__
from inworld_rt.errors import ConfigError, InworldError

__all__ = ["COMMANDS", "CommandTable", "Row", "cli", "load_command", "run"]


class Row(NamedTuple):
    """One command: where it is, and its line in ``inworld-rt --help``."""

    target: str
    summary: str


# Here rather than in the modules, so that `--help` imports none of them.
COMMANDS = {
    "ask": Row("inworld_rt.cli.ask:ask", "Print the answer to a question."),
    "batch": Row("inworld_rt.cli.batch:batch", "Say many lines, and keep the answers."),
    "chat": Row("inworld_rt.cli.chat:chat", "Talk by keyboard."),
    "completion": Row(
        "inworld_rt.cli.completion:completion", "Print what makes a shell complete commands."
    ),
    "config": Row("inworld_rt.cli.config:config", "Show, check and edit your settings."),
    "demo": Row("inworld_rt.cli.demo:demo", "Show what this package does, in a minute."),
    "devices": Row("inworld_rt.cli.devices:devices", "List the sound devices, and test them."),
    "doctor": Row("inworld_rt.cli.doctor:doctor", "Find out what is wrong, and what to type."),
    "models": Row("inworld_rt.cli.catalogue:models", "List the language models."),
    "replay": Row("inworld_rt.cli.replay:replay", "Play a recording to the client again."),
    "report": Row("inworld_rt.cli.report:report", "Make a page of a recording, to look at."),
    "say": Row("inworld_rt.cli.say:say", "Say something, and hear the answer."),
    "simulate": Row(
        "inworld_rt.cli.simulate:simulate", "Serve the local simulator of the service."
    ),
    "talk": Row("inworld_rt.cli.talk:talk", "Talk by microphone and loudspeaker."),
    "token": Row("inworld_rt.cli.token:token", "Make a token for a machine without the key."),
    "transcribe": Row("inworld_rt.cli.transcribe:transcribe", "Print what is said in WAV files."),
    "voices": Row("inworld_rt.cli.catalogue:voices", "List the voices."),
}


_EPILOG = """
\b
inworld-rt COMMAND --help tells more about a command.
Exit status: 0 all is well, 1 it failed, 2 wrong use or settings, 130 Ctrl-C.
"""

# They have to work with a config file that does not, to tell what is wrong with it.
_ANYHOW = ("completion", "config", "doctor")
_HELP = ("-h", "--help")


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
        """The real command, imported now; for one that there is not, those that look like it."""
        if args[0] in COMMANDS:
            command = load_command(args[0])
            # Not while a shell completes what is typed: an error would be in the way.
            if not (ctx.resilient_parsing or set(_HELP) & {*args}):
                ctx.default_map = {args[0]: _defaults(args[0], command)}
            return args[0], command, args[1:]
        if not ctx.resilient_parsing and not args[0].startswith("-"):
            near = " or ".join(map(repr, difflib.get_close_matches(args[0], COMMANDS)))
            hint = f" Did you mean {near}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


def load_command(name: str) -> click.Command:
    """The command of a row, imported now."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    return command


def _defaults(name: str, command: click.Command) -> dict[str, Any]:
    """What the config file says for a command."""
    from inworld_rt.cli import configfile
    from inworld_rt.cli.options import SHARED

    try:
        file = configfile.load()
        file.check(SHARED, COMMANDS)
        return file.defaults(name, command)
    except (InworldError, OSError):
        if name in _ANYHOW:
            return {}
        raise


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": list(_HELP)},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="inworld-rt")
def cli() -> None:
    """Talk with Inworld's Realtime speech-to-speech API.

    The key is read from INWORLD_API_KEY. Without one, a simulator answers; `inworld-rt simulate`
    serves it to other programs, and INWORLD_REALTIME_URL tells them where it is.

    Settings come from the command line, the environment (INWORLD_RT_VOICE for --voice, …) and a
    config file; see `inworld-rt config`.
    """


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the words after the program's name; ``sys.argv[1:]`` by default.

    Returns:
        The exit status.
    """
    args = None if argv is None else list(argv)
    color = False if os.environ.get("NO_COLOR") else None  # None: where there is a terminal
    _print_anything()
    try:
        # click turns Ctrl-C into Abort, and a closed pipe into SystemExit(1) without a word.
        status = cli.main(args, prog_name="inworld-rt", standalone_mode=False, color=color)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Abort:
        return 130
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except InworldError as exc:
        _show_error(_one_line(exc), color)
        return 2 if isinstance(exc, ConfigError) else 1
    except BrokenPipeError:
        # Whoever read our output has gone.
        _drop_output()
        return 1
    except OSError as exc:
        if exc.strerror is None:
            raise  # made by a program, not by the system: ours to mend
        where = f"{exc.filename}: " if exc.filename else ""
        _show_error(_clean(f"{where}{exc.strerror}"), color)
        _drop_output()
        return 1
    return status if isinstance(status, int) else 0


def _print_anything() -> None:
    """Show "?" for what the output cannot show: a pipe on Windows knows 256 characters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """What is still buffered must not complain at exit, if it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):  # a stream of a test has no number
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_error(words: str, color: bool | None) -> None:
    click.echo(f"{click.style('error:', fg='red')} {words}", err=True, color=color)


def _one_line(exc: Exception) -> str:
    """The message in one line, without the control characters a server could send a terminal."""
    return _clean(str(exc)) or type(exc).__name__


def _clean(text: str) -> str:
    text = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
