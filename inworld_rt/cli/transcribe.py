"""``inworld-rt transcribe``: what is said in recordings, as text."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from inworld_rt import Client, extras
from inworld_rt.audio import wav
from inworld_rt.cli.keys import can_draw
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.service import complain, printable
from inworld_rt.errors import InworldError
from inworld_rt.transcription import Transcript

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["transcribe"]

STDIN = "-"
BETWEEN = 0.05  # seconds between two pictures at least
TAIL = 3  # lines of the text so far that are shown, the last ones


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True)
)
@click.option("--language", metavar="TAG", help="What is spoken: en, de-DE. Else it is found out.")
@click.option("--model", metavar="NAME", help="Another recogniser of the service.")
@click.option("--realtime", is_flag=True, help="Send it at the speed of speech, not faster.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each file, with times.")
@click.option("--srt", is_flag=True, help="Subtitles (of one file).")
@shared()
def transcribe(
    files: Sequence[str],
    language: str | None,
    model: str | None,
    realtime: bool,
    as_json: bool,
    srt: bool,
    choices: Choices,
) -> int:
    """Print what is said in WAV files; - is standard input.

    With INWORLD_API_KEY set it asks the service, else the simulator in the box, which understands
    a little English.
    """
    if srt and (as_json or len(files) > 1):
        raise click.UsageError("--srt is for one file, and not together with --json.")
    hints = {"language": language, "model": model}
    hints = {name: value for name, value in hints.items() if value is not None}
    config = {"output_modalities": ["text"], "transcription": hints}
    ready = [name for name in files if _is_there(name)]
    good = len(ready) == len(files)
    printed = False
    with contextlib.ExitStack() as stack:
        if ready:
            url, key = stack.enter_context(choices.service(apart=True))
        for name in ready:
            # A session for each: what goes wrong with one, or was said in it, is of no matter to
            # the next.
            with Client(config=config, url=url, credentials=key) as client:
                transcript = _read(client, name, realtime)
            if transcript is None:
                good = False
                continue
            if as_json:
                click.echo(_json(name, transcript))
            elif srt:
                click.echo(_subtitles(transcript), nl=False)
            else:
                if len(files) > 1:
                    click.echo(f"{chr(10) * printed}==> {printable(name)} <==")
                click.echo(printable(transcript))
            printed = True
            good = _all_read(name, transcript) and good
    return 0 if good else 1


def _is_there(name: str) -> bool:
    """Whether there is such a file; says so if not, before anything is started for it."""
    try:
        if name != STDIN:
            os.stat(name)
    except OSError as exc:
        _complain(name, exc)
        return False
    return True


def _read(client: Client, name: str, realtime: bool) -> Transcript | None:
    """What is said in a file; ``None``, and a line on standard error, if that does not work."""
    try:
        recording = _standard_input() if name == STDIN else Path(name)
        with _find_screen(_called(name)) as screen:
            return client.transcribe(
                recording,
                realtime=realtime,
                on_partial=screen.partial,
                on_progress=screen.progress,
            )
    except (InworldError, OSError) as exc:
        _complain(name, exc)
        return None


def _standard_input() -> bytes:
    data = sys.stdin.buffer.read()
    if not data.startswith(b"RIFF"):
        wav.read(io.BytesIO(data))  # says what it is instead
    return data


def _called(name: str) -> str:
    return "standard input" if name == STDIN else printable(name)


def _complain(name: str, problem: Exception | str) -> None:
    words = getattr(problem, "strerror", None) or str(problem)
    complain(words if _called(name) in words else f"{_called(name)}: {words}")


def _all_read(name: str, transcript: Transcript) -> bool:
    """Whether nothing is missing; says so if it is."""
    lost = [one for one in transcript.utterances if one.error]
    if lost:
        places = ", ".join(f"{one.start:.1f}" for one in lost)
        _complain(name, f"{len(lost)} utterance(s) could not be read, at second {places}")
    elif not transcript:
        click.echo(f"{_called(name)}: nobody speaks in it", err=True)
    return not lost


# --- other forms of the text ---------------------------------------------------------------------


def _json(name: str, transcript: Transcript) -> str:
    utterances: list[dict[str, Any]] = []
    for one in transcript.utterances:
        told: dict[str, Any] = {
            "text": one.text,
            "start": round(one.start, 3),
            "end": round(one.end, 3),
        }
        if one.event and one.event.languages:
            told["languages"] = one.event.languages
        if one.error:
            told["error"] = one.error.code or one.error.type or "error"
        utterances.append(told)
    return json.dumps({"file": name, "text": transcript.text, "utterances": utterances})


def _subtitles(transcript: Transcript) -> str:
    said = [one for one in transcript.utterances if one.text]
    return "\n".join(
        f"{number}\n{_clock(one.start)} --> {_clock(one.end)}\n{printable(one.text)}\n"
        for number, one in enumerate(said, 1)
    )


def _clock(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


# --- how far it is -------------------------------------------------------------------------------


class _Screen(Protocol):
    """Where it is shown how far it is; ``with`` opens and closes it."""

    def partial(self, text: str) -> None:
        """The text so far."""

    def progress(self, share: float) -> None:
        """How much is done, 0 to 1."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class _NoScreen:
    """A file or a pipe, where nothing but the text is wanted."""

    def partial(self, text: str) -> None:
        """See :meth:`_Screen.partial`."""

    def progress(self, share: float) -> None:
        """See :meth:`_Screen.progress`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _TerminalScreen:
    """A bar on standard error, and below it the latest words; gone without a trace at the end."""

    def __init__(self, name: str) -> None:
        """Nothing is drawn before ``with``.

        Args:
            name: of the file.
        """
        from rich.console import Console
        from rich.live import Live

        plain = bool(os.environ.get("NO_COLOR"))
        self._console = Console(
            stderr=True, highlight=False, markup=False, emoji=False, no_color=plain
        )
        # Without a thread of rich's, and what is printed meanwhile is not its business.
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._name, self._text, self._share, self._drawn = name, "", 0.0, 0.0

    def partial(self, text: str) -> None:
        """See :meth:`_Screen.partial`."""
        self._text = text
        self._draw()

    def progress(self, share: float) -> None:
        """See :meth:`_Screen.progress`."""
        self._share = share
        self._draw()

    def _draw(self) -> None:
        if time.monotonic() - self._drawn >= BETWEEN or self._share >= 1.0:
            self._live.update(self._picture(), refresh=True)
            self._drawn = time.monotonic()

    def _picture(self) -> Any:
        from rich.text import Text

        from inworld_rt.cli.terminal import bar

        width = max(20, self._console.width)
        line = Text(self._name)
        line.truncate(width // 2, overflow="ellipsis")
        line.append("  ")
        meter = max(4, min(40, width - line.cell_len - 7))
        line.append(bar(self._share, meter, self._console), "green")
        line.append(f" {self._share:4.0%}", "dim")
        words = Text(printable(self._text[-width * TAIL * 2 :]), "dim")
        return Text("\n").join([line, *words.wrap(self._console, width)[-TAIL:]])

    def __enter__(self) -> Self:
        self._live.start()
        self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def _find_screen(name: str) -> _Screen:
    if not can_draw(sys.stderr):
        return _NoScreen()
    extras.load("rich", extra="cli", purpose="draw on a terminal")
    return _TerminalScreen(name)
