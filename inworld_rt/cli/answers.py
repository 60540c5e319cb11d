"""An answer on the screen: its words as they come, and what is to be known of it, for people and
for programs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import click

from inworld_rt import Client, Response, summary
from inworld_rt.cli.service import clean, note
from inworld_rt.codec import write
from inworld_rt.errors import InworldError
from inworld_rt.workers import Worker

__all__ = ["print_json", "print_stats", "say_why", "told", "words_shown"]

_LAST = 1.0  # seconds in which words still come of an answer that was stopped
_LABEL = 24  # columns


@contextlib.contextmanager
def words_shown(response: Response, show: Callable[[str], object]) -> Iterator[None]:
    """While the block runs, the words of an answer are written as they come, and then a line's end.

    Leaving it waits for the rest of them; leaving it by an exception stops the answer.

    Args:
        response: the answer.
        show: is given the words piece by piece, in a thread of ours.

    Raises:
        InworldError: as :meth:`~inworld_rt.Response.wait`.
        OSError: they cannot be written.
    """
    troubles: list[BaseException] = []

    def run(stopping: object) -> None:
        for piece in response.text_stream():
            show(clean(piece))

    def failed(trouble: BaseException) -> None:
        if not isinstance(trouble, InworldError):  # which all who wait for the answer are told
            troubles.append(trouble)
            _stop(response)

    worker = Worker("words", run, failed)
    worker.start()
    try:
        yield
        response.wait()
    except BaseException:
        _stop(response)
        raise
    finally:
        worker.join(_LAST)
        if troubles:
            raise troubles[0]
        show("\n")


def _stop(response: Response) -> None:
    with contextlib.suppress(InworldError):
        response.cancel()


def say_why(response: Response) -> None:
    """Tell, if there is less of an answer than was asked for."""
    if response.status not in ("completed", "cancelled"):
        details = response.status_details
        reason = f": {clean(details.reason)}" if details and details.reason else ""
        note(f"The answer is {response.status}{reason}.", err=True)


# --- for programs --------------------------------------------------------------------------------


def told(response: Response, text: str) -> dict[str, Any]:
    """What programs want to know of an answer that has ended.

    Args:
        response: it.
        text: what was asked.
    """
    details, usage = response.status_details, response.usage
    latency = attrs.asdict(response.latency)
    return {
        "asked": text,
        "text": response.text,
        "status": response.status,
        "reason": details.reason if details else None,
        "latency": {name: value and round(value, 3) for name, value in latency.items()},
        "usage": write(usage, "usage") if usage else None,
    }


def print_json(facts: dict[str, Any]) -> None:
    """In one line, so that several make JSON Lines; in ASCII, which every pipe can carry."""
    click.echo(json.dumps(facts))


# --- for people ----------------------------------------------------------------------------------


def print_stats(client: Client, response: Response) -> None:
    """How quick an answer was and what it cost, and the same of the session; on standard error."""
    for name, value in summary.rows(response, client.stats):
        note(f"{name:{_LABEL}}{value}", err=True)
