"""``inworld-rt say``: something is said, and the answer heard or kept."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
from attrs import frozen

from inworld_rt import Response
from inworld_rt.cli import sound
from inworld_rt.cli.answers import print_json, print_stats, say_why, told, words_shown
from inworld_rt.cli.keys import is_terminal
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.service import note
from inworld_rt.cli.typed import wanted
from inworld_rt.errors import DeviceError
from inworld_rt.pcm import RATES, AudioFormat

__all__ = ["say"]

STDOUT = "-"
WAV, RAW = "wav", "raw"
SUFFIXES = {"": WAV, ".wav": WAV, ".wave": WAV, ".raw": RAW, ".pcm": RAW}


@click.command()
@click.argument("text", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write the sound into a WAV file; - is standard output, for a player or a converter.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([WAV, RAW]),
    help="Of --output: WAV, or the samples alone (16-bit, mono).  [default: by its name]",
)
@click.option(
    "--rate", type=click.Choice([str(rate) for rate in RATES]), help="Samples per second."
)
@click.option(
    "--play/--no-play",
    default=None,
    help="Play it, or not.  [default: without --output, where there is a loudspeaker]",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON, when it is over.")
@click.option("--stats", is_flag=True, help="Tell how quick it was and what it cost.")
@click.option("--speed", type=click.FloatRange(0.25, 1.5), help="Of the voice; 1 is normal.")
@shared("voice", "model", "instructions", "speaker", "record")
def say(
    text: Sequence[str],
    choices: Choices,
    output: str | None,
    form: str | None,
    rate: str | None,
    play: bool | None,
    as_json: bool,
    stats: bool,
    speed: float | None,
) -> None:
    """Say TEXT to the service, and hear its answer.

    \b
    inworld-rt say Tell me a joke.
    inworld-rt say Tell me a joke. -o joke.wav
    inworld-rt say - --json < question.txt
    inworld-rt say Tell me a joke. -o - | aplay

    Without TEXT, or of a single -, it is standard input. The answer's words go to standard output
    as well, unless its sound or JSON does.
    """
    target = Target.of(output, form, as_json)
    question = wanted(text)
    silent = sound.why_silent() if play or (play is None and output is None) else ""
    if play and silent:
        raise DeviceError(f"--play: {silent}")
    if play is None:
        play = output is None and not silent
    settings = {"speed": speed, "output_format": rate and AudioFormat("audio/pcm", int(rate))}
    config = {name: value for name, value in settings.items() if value}
    with choices.client(apart=play, config=config) as client:
        response = client.say(question)
        with words_shown(response, _writer(target, as_json)):
            if play:
                response.play(choices.speaker)
            elif target.is_stdout:
                sound.write_stream(response, response.format, raw=target.raw)
        target.keep(response)
        if as_json:
            seconds = len(response.audio) / response.format.bytes_per_second
            more = {"seconds": round(seconds, 3), "file": output, "played": play}
            print_json(told(response, question) | more)
        say_why(response)
        if stats:
            print_stats(client, response)
    if silent:
        note(f"Not played (to keep it, add -o answer.wav): {silent}", err=True)


@frozen
class Target:
    """Where the sound is written to.

    Attributes:
        path: a file's, or ``None``.
        is_stdout: whether it is standard output instead.
        raw: the samples alone.
    """

    path: Path | None
    is_stdout: bool
    raw: bool

    @classmethod
    def of(cls, output: str | None, form: str | None, as_json: bool) -> Target:
        """What the options say; found wrong now rather than when the answer is there.

        Raises:
            UsageError: they do not fit together.
            OSError: the file cannot be written.
        """
        if output is None:
            if form is not None:
                raise click.UsageError("--format is for --output.")
            return cls(None, False, False)
        if output == STDOUT:
            if as_json:
                raise click.UsageError("--json and -o - both want standard output.")
            if is_terminal(sys.stdout):
                raise click.UsageError(
                    "-o - would show the sound as characters here; pipe it into a player (| aplay) "
                    "or into a file (> answer.wav)."
                )
            return cls(None, True, form == RAW)
        path = Path(output)
        form = form or SUFFIXES.get(path.suffix.lower())
        if form is None:
            wav = path.with_suffix(".wav")
            raise click.UsageError(
                f"{path.suffix} cannot be written. Write a WAV file, and convert it: "
                f'ffmpeg -i "{wav}" "{path}"'
            )
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder; make it first", str(path.parent))
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "nothing may be written here", str(path.parent))
        return cls(path, False, form == RAW)

    def keep(self, response: Response) -> None:
        """Write an answer that has ended into the file, if it is one."""
        if self.path is not None:
            sound.write_file(self.path, response.audio, response.format, raw=self.raw)


def _writer(target: Target, as_json: bool) -> Callable[[str], object]:
    """What shows the words."""
    if as_json:
        return lambda piece: None
    return partial(click.echo, nl=False, err=target.is_stdout)
