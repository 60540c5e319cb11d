"""``inworld-rt demo``: the main job in a minute, and something to keep."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from inworld_rt import AudioError, Client, Response, WaitTimeout
from inworld_rt.audio import wav
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.service import printable
from inworld_rt.cli.sound import why_silent
from inworld_rt.events import UserTranscript

__all__ = ["demo"]

QUESTION = Path(__file__).with_name("question.wav")
TEXT = "Hello! Please tell me a joke."
LABEL = 12  # columns for who speaks


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="The folder for the answers.",
)
@click.option("--play/--no-play", default=True, help="Play the answers, where there is a way to.")
@shared("voice")
def demo(out: Path, play: bool, choices: Choices) -> None:
    """Ask by text and by voice; hear, read and keep the answers.

    With INWORLD_API_KEY set it talks to the service, else to the simulator in the box.
    """
    out.mkdir(parents=True, exist_ok=True)
    silent = why_silent() if play else "--no-play was given"
    with choices.client() as client:
        click.echo(click.style(f"Ready: voice {client.session.audio.output.voice}.\n", dim=True))

        _say("You write", TEXT)
        response = client.say(TEXT)
        _show(response, out / "answer-to-text.wav")
        silent = silent or _why_unheard(response)

        question = wav.read(QUESTION)
        column = _Column("You speak")
        column.write(f"({QUESTION.name}, {question.seconds:.1f} s) … ")
        response = client.send_recording(QUESTION)
        column.write(f"heard as: {_heard(client)}")
        column.end()
        _show(response, out / "answer-to-speech.wav")
        silent = silent or _why_unheard(response)
    if silent:
        click.echo(f"The files are for you. Not played: {silent}")


def _show(response: Response, path: Path) -> None:
    """Print an answer as it comes, save it, and tell how quick it was."""
    column = _Column("It answers")
    for piece in response.text_stream():
        column.write(printable(piece.replace("\n", " ")))
    column.end()
    first = response.wait().latency.first_audio
    column = _Column("", dim=True)
    if first is None:
        column.write("no audio came")
    else:
        response.save(path)
        seconds = len(response.audio) / response.format.bytes_per_second
        column.write(f"first audio after {first:.2f} s; {seconds:.1f} s long: {path}")
    column.end()
    click.echo()


def _heard(client: Client) -> str:
    """What the service took the user to have said."""
    try:
        event = client.wait_for(UserTranscript, timeout=10)
    except WaitTimeout:  # it answers what it heard, though it does not tell us the words
        return "(the service did not say)"
    assert isinstance(event, UserTranscript)
    return f"“{printable(event.transcript)}”"


def _why_unheard(response: Response) -> str:
    """Play an answer; the reason if that could not be."""
    try:
        response.play()
    except AudioError as exc:
        return printable(str(exc))
    return ""


class _Column:
    """Words beside a label; they may come in pieces. A terminal gets no word cut in two."""

    def __init__(self, label: str, *, dim: bool = False) -> None:
        """Print the label.

        Args:
            label: who speaks; empty for a note.
            dim: less bright than the rest.
        """
        terminal = sys.stdout is not None and sys.stdout.isatty()
        columns = shutil.get_terminal_size().columns - LABEL
        self._room = columns if terminal else sys.maxsize
        self._indent = LABEL
        if self._room < LABEL:  # too little beside the label; so it goes below
            self._room, self._indent = max(1, columns + LABEL), 0
        self._dim = dim
        self._used = 0
        self._word = ""
        if self._indent or label:
            click.echo(click.style(f"{label:{self._indent}}", bold=True), nl=not self._indent)

    def write(self, piece: str) -> None:
        """Print its whole words; the last one waits until it is known to be over."""
        *words, self._word = (self._word + piece).split(" ")
        for word in words:
            self._put(word)

    def end(self) -> None:
        """Print what is left, and end the line."""
        self._put(self._word)
        click.echo()

    def _put(self, word: str) -> None:
        if not word:
            return
        if self._used and self._used + 1 + len(word) > self._room:
            click.echo("\n" + " " * self._indent, nl=False)
            self._used = 0
        text = f" {word}" if self._used else word
        self._used += len(text)
        click.echo(click.style(text, dim=True) if self._dim else text, nl=False)


def _say(who: str, what: str) -> None:
    column = _Column(who)
    column.write(what)
    column.end()
