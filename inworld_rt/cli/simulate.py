"""``inworld-rt simulate``: serve the local simulator of the service."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import signal
from types import FrameType
from typing import Any

import click

from inworld_rt.errors import ConfigError, WaitTimeout
from inworld_rt.simulator.quirks import Quirks, parse, table
from inworld_rt.workers import Inbox, Worker

__all__ = ["simulate"]

_SLICE = 0.5  # seconds
REPLIES = ("lesson", "echo")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; 0 finds a free port."
)
@click.option("--api-key", metavar="KEY", help="The only key let in; without it, any is.")
@click.option(
    "--quirks",
    "base",
    type=click.Choice(["default", "none"]),
    default="default",
    show_default=True,
    help="Which of the service's oddities to start from.",
)
@click.option(
    "--quirk",
    "changes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set one of them; may be repeated.",
)
@click.option(
    "--replies",
    type=click.Choice(REPLIES),
    default="lesson",
    show_default=True,
    help="What the agent says.",
)
@click.option(
    "--token-seconds",
    type=click.FloatRange(0, 1e9, min_open=True, max_open=True),
    default=3600.0,
    show_default=True,
    help="How long a session token lives.",
)
@click.option("--scene", metavar="NAME", help="Play a scripted fault in every session.")
@click.option("--list-quirks", is_flag=True, help="Show all oddities and exit.")
@click.option("--verbose", is_flag=True, help="Log to standard error.")
@click.option("--until-stdin-ends", "bound", is_flag=True, hidden=True)
def simulate(
    host: str,
    port: int,
    api_key: str | None,
    base: str,
    changes: tuple[str, ...],
    replies: str,
    token_seconds: float,
    scene: str | None,
    list_quirks: bool,
    verbose: bool,
    bound: bool,
) -> int:
    """Serve the local simulator of the service until it is interrupted.

    Prints one line, the WebSocket URL, as soon as it is ready. The same host and port answer HTTP
    requests for session tokens, voices and models.
    """
    if list_quirks:
        for switch in table():
            click.echo(f"{switch.name} (default {_shown(switch.default)}; {switch.values})")
            click.echo(f"    {switch.effect}")
        return 0
    if api_key is None and not _is_local(host):
        raise ConfigError(
            f"{host} can be reached by others: say with --api-key who may come in, or leave --host "
            "away"
        )
    # To standard error. What is missing for a better voice or ears is said there, once.
    if verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s: %(message)s")
    else:
        logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    quirks = Quirks.of(base, **dict(map(parse, changes)))
    _serve(
        host=host,
        port=port,
        api_key=api_key,
        quirks=quirks,
        replies=replies,
        scenes=scene,
        token_seconds=token_seconds,
        bound=bound,
    )
    return 0


def _serve(*, replies: str, bound: bool, **options: Any) -> None:
    # Here, so that --help and mistakes need none of it.
    from inworld_rt.simulator import Simulator, echo, lesson

    signals: Inbox[int] = Inbox()

    def stop(number: int, frame: FrameType | None) -> None:
        signals.put(number)  # takes no lock, which the main thread might hold just now

    def watch(stopping: object) -> None:
        while os.read(0, 1024):  # not sys.stdin, whose lock would be held at the program's end
            pass
        signals.put(0)

    if bound:  # to whoever started it, who may be killed
        Worker("stdin", watch, lambda cause: signals.put(0)).start()
    simulator = Simulator(replies={"lesson": lesson, "echo": echo}[replies], **options)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        simulator.start()
        simulator.warm_up()
        click.echo(simulator.url)  # flushes
        _wait(signals)
    finally:
        simulator.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(signals: Inbox[int]) -> None:
    """Block until there is a signal. In slices: one that comes in the moment before the wait does
    not wake it, and its handler has to wait until then."""
    while True:
        with contextlib.suppress(WaitTimeout):
            signals.get(_SLICE)
            return


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(value: object) -> str:
    if isinstance(value, bool) or value in ((), 0):
        return "on" if value else "off"
    return str(value)
