"""``inworld-rt devices``: which sound devices there are, and which microphone hears something."""

from __future__ import annotations

import math
import queue
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click

from inworld_rt import extras, pcm
from inworld_rt.audio import Backend, Device, Microphone
from inworld_rt.audio import devices as list_devices
from inworld_rt.audio.backend import find_backend
from inworld_rt.cli.keys import is_terminal
from inworld_rt.cli.service import note, printable
from inworld_rt.errors import AudioError, DeviceError
from inworld_rt.workers import Deadline

__all__ = ["devices"]

SECONDS = 1.0  # of listening to each microphone
PATIENCE = 2.5  # seconds in which it has to give as much
NOTHING = -60.0  # dBFS; what is softer is nobody who speaks


@click.command()
@click.option(
    "--levels", is_flag=True, help="Listen to each microphone for a second; say something."
)
def devices(levels: bool) -> None:
    """List the sound devices and the sample rates that each really takes.

    A device is named by its number or a part of its name: inworld-rt talk --mic 2 --speaker usb.
    """
    backend = find_backend()
    found = list_devices(probe=True, audio=backend)
    if not found:
        raise DeviceError(
            "there is no sound device here; plug in a microphone and a loudspeaker (or a headset) "
            "and try again, or talk with recordings: INWORLD_RT_AUDIO=wav"
        )
    terminal = is_terminal(sys.stdout)
    (_draw if terminal else _print)(found)
    for what, able in (
        ("microphone", [d for d in found if d.inputs]),
        ("loudspeaker", [d for d in found if d.outputs]),
    ):
        if not able:
            note(f"None of them is a {what}.")
    if levels:
        listening = _listen(backend, [d for d in found if d.inputs])
        (_draw_levels if terminal else _print_levels)(listening)


# --- what is shown -------------------------------------------------------------------------------


def _print(found: Sequence[Device]) -> None:
    """For programs: a line each, with tabs between."""
    click.echo("index\tname\tin\tout\tin rates\tout rates\tdefault")
    for d in found:
        rates = [",".join(map(str, rates)) for rates in (d.input_rates, d.output_rates)]
        default = ",".join(_defaults(d, "mic", "speaker"))
        columns = [d.index, printable(d.name), d.inputs, d.outputs, *rates, default]
        click.echo("\t".join(map(str, columns)))


def _draw(found: Sequence[Device]) -> None:
    """For people."""
    extras.load("rich", extra="cli", purpose="draw on a terminal")
    from inworld_rt.cli.terminal import print_table

    several = len({d.host for d in found}) > 1  # one card may come under each of them
    rows = [
        (
            str(d.index),
            printable(f"{d.name} ({d.host})" if several else d.name),
            str(d.inputs or "–"),
            str(d.outputs or "–"),
            _rates(d, d.inputs, d.input_rates),
            _rates(d, d.outputs, d.output_rates),
            "  ".join(_defaults(d, "mic ●", "speaker ●")),
        )
        for d in found
    ]
    names = ("#", "name", "in", "out", "records at (kHz)", "plays at (kHz)", "default")
    print_table(names, rows, numbers="# in out")


def _defaults(device: Device, mic: str, speaker: str) -> list[str]:
    marks = ((mic, device.default_input), (speaker, device.default_output))
    return [mark for mark, default in marks if default]


def _rates(device: Device, channels: int, rates: Sequence[int]) -> str:
    if not channels:
        return "–"
    return " ".join(f"{rate / 1000:g}" for rate in rates) or "none"


# --- listening -----------------------------------------------------------------------------------


class Level(NamedTuple):
    """What a microphone hears.

    Attributes:
        device: which one.
        db: the loudest it heard so far, dBFS; ``-inf`` for pure silence.
        trouble: why it cannot be listened to, or an empty string.
        done: whether this is the last word.
    """

    device: Device
    db: float = -math.inf
    trouble: str = ""
    done: bool = False

    @property
    def verdict(self) -> str:
        """The same in words."""
        if self.trouble:
            return self.trouble
        if math.isinf(self.db):
            return "pure silence: muted, or nothing is plugged in"
        return f"{self.db:.0f} dB" + ("" if self.db > NOTHING else ", nothing")


def _listen(backend: Backend, microphones: Sequence[Device]) -> Iterator[Level]:
    """One microphone after the other, each several times while it listens."""
    for device in microphones:
        level = Level(device)
        yield level
        try:
            for db in _heard(backend, device):
                level = level._replace(db=max(level.db, db))
                yield level
        except AudioError as exc:
            reason = str(exc).partition("\n")[0].partition("; tried")[0]
            reason = reason.removeprefix(f"the sound input {device.name!r} ")
            level = level._replace(trouble=printable(reason))
        yield level._replace(done=True)


def _heard(backend: Backend, device: Device) -> Iterator[float]:
    """Loudness of each period for a second."""
    # Numbers are unique, names may not be; but files have no numbers.
    which = device.index if device.host else device.name
    sounds: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    deadline = Deadline(PATIENCE)
    with Microphone(backend, which) as microphone:
        microphone.listen(lambda sound, at: sounds.put(sound))
        microphone.start()
        samples = 0
        while samples < SECONDS * microphone.rate:
            try:
                sound = sounds.get(timeout=deadline.left())
            except queue.Empty:
                raise DeviceError("it can be opened, but gives nothing") from None
            microphone.check()
            if microphone.lost:
                raise DeviceError("it can be opened, but gives nothing")
            samples += len(sound) // 2
            yield pcm.level(sound)


def _print_levels(levels: Iterator[Level]) -> None:
    click.echo("\nindex\tname\tlevel")
    for level in levels:
        if level.done:
            click.echo(f"{level.device.index}\t{printable(level.device.name)}\t{level.verdict}")


def _draw_levels(levels: Iterator[Level]) -> None:
    """A row for each microphone, with a bar that moves while it listens."""
    from rich.live import Live
    from rich.text import Text

    from inworld_rt.cli.terminal import bar, find_console

    console = find_console()
    console.print("\nListening to each microphone for a second: say something.")
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for level in levels:
            row = Text(f"{level.device.index:>3}  {printable(level.device.name):20.20}  ")
            row.append(bar(1 - level.db / NOTHING, 20, console), "green")
            if level.done:
                row.append(f"  {level.verdict}", "yellow" if level.trouble else "")
                console.print(row)
            live.update("" if level.done else row, refresh=True)
