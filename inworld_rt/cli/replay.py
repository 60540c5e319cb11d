"""``inworld-rt replay``: lives through a recording again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from inworld_rt import Client
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.service import note, printable
from inworld_rt.errors import ConfigError, ConnectionClosed
from inworld_rt.recording import Recorded, find, load
from inworld_rt.replay import Replay, first_settings, play
from inworld_rt.replay.user import ended_by_service

__all__ = ["replay"]

_PATIENCE = 10.0  # seconds of silence


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--service", "live", is_flag=True, help="Ask the service the same again.")
@click.option("--realtime", is_flag=True, help="Take as long as it took then.")
@shared("record")
def replay(folder: Path, live: bool, realtime: bool, choices: Choices) -> int:
    """Do again what was done in a recording, and tell what is different now.

    FOLDER is a recording (of --record, or Client(recording=...)), or holds some: then the newest is
    taken. Usually the answers come from the recording, too, which tries this program without any
    service; with --service or --simulator they are made anew. Secrets are not in recordings, so
    what needed one is refused now. The status is 1 if something is different.
    """
    if live and choices.simulator:
        raise click.UsageError("--service and --simulator exclude each other.")
    recorded = load(find(folder))
    note(f"Replaying {printable(str(recorded.folder))} …", err=True)
    if not recorded.complete:
        note("It breaks off: its session did not end in order.", err=True)
    if all(entry.way == "note" for entry in recorded.entries):
        raise ConfigError(f"{recorded.folder} has nothing to replay: nothing was said in it")
    news: list[str] = []
    refused = [entry for entry in recorded.entries if entry.type == "error"]
    anew = live or choices.simulator
    with _client(recorded, anew, realtime, choices, news) as client:
        try:
            play(
                recorded,
                client,
                realtime=realtime,
                # What was refused then as well is nothing new.
                refused=lambda error: (
                    refused.pop() if refused else news.append(f"refused: {error}")
                ),
                late=news.append,
            )
        except ConnectionClosed as error:
            if not any(map(ended_by_service, recorded.entries)):
                news.append(str(error))
        for line in str(client.conversation).splitlines():
            click.echo(printable(line))
    for words in news:
        click.echo(f"different: {printable(words)}", err=True)
    if not news:
        note("All of it went as it did then.", err=True)
    return 1 if news else 0


@contextlib.contextmanager
def _client(
    recorded: Recorded, anew: bool, realtime: bool, choices: Choices, news: list[str]
) -> Iterator[Client]:
    """A client of whatever is to answer."""
    settings = first_settings(recorded)
    if anew:
        with choices.client(apart=True, config=settings, timeout=_PATIENCE) as client:
            yield client
        return
    there = Replay(recorded, realtime=realtime)
    with (
        there,
        Client(
            config=settings,
            transport=there.transport,
            recording=choices.record,
            timeout=_PATIENCE,
        ) as client,
    ):
        yield client
    # Now it has read all that was sent.
    news += [f"sent now, not then: {kind}" for kind in there.unexpected]
    if there.waiting_for:
        news.append(f"sent then, not now: {there.waiting_for}")
