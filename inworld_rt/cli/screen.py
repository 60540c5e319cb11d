"""Where ``inworld-rt talk`` shows what goes on: a terminal, or a file or pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import click
from attrs import frozen

from inworld_rt import extras
from inworld_rt.cli.keys import can_draw
from inworld_rt.cli.scribe import Utterance

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["PlainScreen", "Screen", "View", "cut_off", "find_screen"]

_UNHEARD = 60  # letters of what was cut off that are told


@frozen
class View:
    """What is going on at the moment.

    Attributes:
        state: the client's, or ``muted``.
        mic: level of the microphone, 0 to 1.
        speaker: level of the loudspeaker.
        latency: seconds of the latest answer, or ``None``.
        echo: what is done about echo.
        hint: which keys there are.
        pending: what is being said.
    """

    state: str = "idle"
    mic: float = 0.0
    speaker: float = 0.0
    latency: float | None = None
    echo: str = ""
    hint: str = ""
    pending: Sequence[Utterance] = ()


class Screen(Protocol):
    """Where it is shown; ``with`` opens and closes it.

    Attributes:
        live: whether what is drawn is replaced by the next drawing.
    """

    live: bool

    def utterance(self, said: Utterance) -> None:
        """Somebody has said something; it stays."""

    def note(self, words: str) -> None:
        """Something worth knowing; it stays."""

    def draw(self, view: View) -> None:
        """What is going on now, in the place of what was before."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class PlainScreen:
    """A file or a pipe: lines, no control characters, nothing that changes."""

    live = False

    def utterance(self, said: Utterance) -> None:
        """See :meth:`Screen.utterance`."""
        words = f"{said.words} {cut_off(said)}".strip()
        delay = "" if said.latency is None else f" (after {said.latency:.2f} s)"
        click.echo(f"{said.who}: {words}{delay}")

    def note(self, words: str) -> None:
        """See :meth:`Screen.note`."""
        click.echo(words)

    def draw(self, view: View) -> None:
        """See :meth:`Screen.draw`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def find_screen() -> Screen:
    """The one for standard output."""
    if not can_draw(sys.stdout):
        return PlainScreen()
    extras.load("rich", extra="cli", purpose="draw on a terminal")
    from inworld_rt.cli.terminal import TerminalScreen  # only for those who have one

    return TerminalScreen()


def cut_off(said: Utterance) -> str:
    """How the words that were not heard are told; empty where all were."""
    rest = said.unheard
    if len(rest) > _UNHEARD:
        rest = f"{rest[:_UNHEARD].rpartition(' ')[0]} …"
    return f"— [cut off: {rest}]" if rest else ""
