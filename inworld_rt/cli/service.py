"""Where a command finds the service, and how it shows what that says."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from inworld_rt.auth import API_KEY_VARIABLE, Credentials
from inworld_rt.cli.configfile import key_at_hand
from inworld_rt.errors import ConnectError
from inworld_rt.transport.endpoint import URL_VARIABLE

__all__ = ["clean", "complain", "note", "one_line", "printable", "service"]

_LINES = "\n\t"
_JOINERS = "\u200c\u200d"  # within words of some scripts, and within emoji


@contextlib.contextmanager
def service(
    simulator: bool, *, apart: bool = False, url: str | None = None
) -> Iterator[tuple[str | None, Credentials | str]]:
    """Where to connect, and with which key; a URL of ``None`` is the environment's.

    Without a key in the environment or the config file, the simulator is started and serves for the
    length of the block. Says on standard error which of the two it is.

    Args:
        simulator: start it even though there is a key.
        apart: start it in a process of its own: its hearing and speaking are hard work, which in
            this process would hold up the sound.
        url: where the service is, if it is not where the environment says.

    Raises:
        ConfigError: the key, or the config file, cannot be right.
        ConnectError: the simulator does not start.
    """
    elsewhere = url or os.environ.get(URL_VARIABLE)
    key = None if simulator else key_at_hand()
    if key is not None:
        host = urlsplit(elsewhere).netloc.rpartition("@")[2] if elsewhere else "the service"
        note(f"Connecting to {printable(host)} …", err=True)
        yield url, key
        return
    from inworld_rt.simulator import Simulator

    if elsewhere and not simulator:
        which = "The URL" if url else URL_VARIABLE
        note(f"{which} goes unused, because {API_KEY_VARIABLE} is not set.", err=True)
    note(f"Starting the simulator; set {API_KEY_VARIABLE} for the service …", err=True)
    if apart:
        with _process() as address:
            yield address, Simulator().api_key  # any simulator without a key of its own takes it
        return
    with Simulator() as server:
        yield server.url, server.api_key


@contextlib.contextmanager
def _process() -> Iterator[str]:
    """A simulator in a process of its own: its URL."""
    # Its standard input ends with us, even if we are killed.
    command = [sys.executable, "-m", "inworld_rt", "simulate", "--until-stdin-ends"]
    # In a session of its own it hears no Ctrl-C, by which it would end before us.
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise ConnectError("the simulator does not start; its own words are above")
            yield url
        finally:
            process.terminate()


def note(words: str, *, err: bool = False) -> None:
    """Print something that matters less.

    Args:
        words: it.
        err: on standard error, where it is not taken for what was asked for.
    """
    click.echo(click.style(words, dim=True), err=err)


def complain(words: str) -> None:
    """Show an error, on standard error, and go on."""
    click.echo(f"{click.style('error:', fg='red')} {one_line(words)}", err=True)


def printable(text: str) -> str:
    """Without the control characters that a server could send to a terminal."""
    return "".join(c for c in text if c.isprintable())


def one_line(text: str) -> str:
    """The same, and all in one line."""
    return printable(" ".join(text.split()))


def clean(text: str) -> str:
    """The same for a text of several lines, which it stays."""
    return "".join(c for c in text if c.isprintable() or c in _LINES or c in _JOINERS)
