"""Where a command finds the service, and how it shows what that says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

__all__ = ["note", "printable", "service"]


@contextlib.contextmanager
def service(simulator: bool) -> Iterator[tuple[str | None, str | None]]:
    """Where to connect, and with which key; ``None`` is the environment's.

    Without a key in the environment, the simulator is started and serves for the length of the
    block. Says which of the two it is.

    Args:
        simulator: start it even though there is a key.
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
    with Simulator() as server:
        yield server.url, server.api_key


def note(words: str) -> None:
    """Print something that matters less."""
    click.echo(click.style(words, dim=True))


def printable(text: str) -> str:
    """Without the control characters that a server could send to a terminal."""
    return "".join(c for c in text if c.isprintable())
