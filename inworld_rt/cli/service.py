"""Where a command finds the service, and how it shows what that says."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from inworld_rt.errors import ConnectError

__all__ = ["note", "printable", "service"]


@contextlib.contextmanager
def service(simulator: bool, *, apart: bool = False) -> Iterator[tuple[str | None, str | None]]:
    """Where to connect, and with which key; ``None`` is the environment's.

    Without a key in the environment, the simulator is started and serves for the length of the
    block. Says which of the two it is.

    Args:
        simulator: start it even though there is a key.
        apart: start it in a process of its own: its hearing and speaking are hard work, which in
            this process would hold up the sound.
    """
    elsewhere = os.environ.get("INWORLD_REALTIME_URL")
    if os.environ.get("INWORLD_API_KEY") and not simulator:
        host = urlsplit(elsewhere).netloc.rpartition("@")[2] if elsewhere else "the service"
        note(f"Connecting to {printable(host)} …")
        yield None, None
        return
    from inworld_rt.simulator import Simulator

    if elsewhere and not simulator:
        note("INWORLD_REALTIME_URL goes unused, because INWORLD_API_KEY is not set.")
    note("Starting the simulator; set INWORLD_API_KEY for the service …")
    if apart:
        with _process() as url:
            yield url, Simulator().api_key  # which any simulator without a key of its own takes
        return
    with Simulator() as server:
        yield server.url, server.api_key


@contextlib.contextmanager
def _process() -> Iterator[str]:
    """A simulator in a process of its own: its URL."""
    command = [sys.executable, "-m", "inworld_rt", "simulate"]
    # In a session of its own it hears no Ctrl-C, by which it would end before us.
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise ConnectError("the simulator does not start; its own words are above")
            yield url
        finally:
            process.terminate()


def note(words: str) -> None:
    """Print something that matters less."""
    click.echo(click.style(words, dim=True))


def printable(text: str) -> str:
    """Without the control characters that a server could send to a terminal."""
    return "".join(c for c in text if c.isprintable())
