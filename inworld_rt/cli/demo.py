"""``inworld-rt demo``: the main job in a minute, and something to keep."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click

from inworld_rt import AudioError, Client, Response, WaitTimeout
from inworld_rt.audio import wav
from inworld_rt.events import UserTranscript

__all__ = ["demo"]

QUESTION = Path(__file__).with_name("question.wav")
TEXT = "Hello! Please tell me a joke."


@click.command()
@click.option(
    "--simulator", is_flag=True, help="Use the simulator even though INWORLD_API_KEY is set."
)
@click.option("--voice", default="Sarah", show_default=True, help="Who answers.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="The folder for the answers.",
)
@click.option("--play/--no-play", default=True, help="Play the answers, where there is a way to.")
def demo(simulator: bool, voice: str, out: Path, play: bool) -> None:
    """Ask by text and by voice; hear, read and keep the answers.

    With INWORLD_API_KEY set it talks to the service, else to the simulator in the box.
    """
    out.mkdir(parents=True, exist_ok=True)
    play = play and _can_play()
    with (
        _service(simulator) as (url, key),
        Client(voice=voice, url=url, credentials=key) as client,
    ):
        click.echo(click.style(f"Ready: voice {client.session.audio.output.voice}.\n", dim=True))

        _line("You write", TEXT)
        _show(client.say(TEXT), out / "answer-to-text.wav", play)

        question = wav.read(QUESTION)
        _line("You speak", f"({QUESTION.name}, {question.seconds:.1f} s)", end="")
        response = client.send_recording(QUESTION)
        click.echo(f" … heard as: {_heard(client)}")
        _show(response, out / "answer-to-speech.wav", play)
    if not play:
        click.echo("Nothing was played: no loudspeaker or no PyAudio here. The files are for you.")


@contextlib.contextmanager
def _service(simulator: bool) -> Iterator[tuple[str | None, str | None]]:
    """Where to connect, and with which key; ``None`` is the environment's."""
    if os.environ.get("INWORLD_API_KEY") and not simulator:
        click.echo(click.style("Connecting to the service …", dim=True))
        yield None, None
        return
    from inworld_rt.simulator import Simulator

    click.echo(
        click.style("Starting the simulator; set INWORLD_API_KEY for the service …", dim=True)
    )
    with Simulator() as server:
        yield server.url, server.api_key


def _show(response: Response, path: Path, play: bool) -> None:
    """Print an answer as it comes, save it, play it, and tell how quick it was."""
    _line("It answers", "", end="")
    for piece in response.text_stream():
        click.echo(_printable(piece), nl=False)
    response.save(path)
    seconds = len(response.audio) / response.format.bytes_per_second
    first = response.latency.first_audio or 0.0
    click.echo()
    click.echo(
        click.style(
            f"{'':12}first audio after {first:.2f} s, {seconds:.1f} s of speech in {path}\n",
            dim=True,
        )
    )
    if play:
        response.play()


def _heard(client: Client) -> str:
    """What the service took the user to have said."""
    try:
        event = client.wait_for(UserTranscript, timeout=10)
    except WaitTimeout:  # it answers what it heard, though it does not tell us the words
        return "(the service did not say)"
    assert isinstance(event, UserTranscript)
    return f"“{_printable(event.transcript)}”"


def _can_play() -> bool:
    try:
        from inworld_rt.audio import portaudio

        return portaudio.has_output()
    except AudioError:
        return False


def _line(who: str, what: str, end: str = "\n") -> None:
    click.echo(click.style(f"{who:12}", bold=True) + what + end, nl=False)


def _printable(text: str) -> str:
    """Without the control characters that a server could send to a terminal."""
    return "".join(c for c in text if c.isprintable() or c == " ")
