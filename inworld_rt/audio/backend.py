"""What a sound back end is, and how one is chosen.

A back end has devices: *sources*, which hand over what they hear, and *sinks*, which fetch what
they are to play, both a *period* of 20 ms at a time and from a thread of their own. Whoever opens
one gives it a function for that; the function only copies, never waits and never raises.

Times are seconds on the clock of the stream's ``now()``; of the first frame of a period, and meant
at the microphone's or the loudspeaker's end.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import frozen

from inworld_rt.errors import ConfigError, DeviceError

__all__ = [
    "BACKENDS",
    "PERIODS_PER_SECOND",
    "Backend",
    "Deliver",
    "Device",
    "Pull",
    "Stream",
    "choose",
    "devices",
    "find_backend",
]

BACKENDS = {
    "pyaudio": "inworld_rt.audio.portaudio:PortAudio",
    "wav": "inworld_rt.audio.files:WavFiles",
    "null": "inworld_rt.audio.paced:Null",
}
"""Back ends by name."""

PERIODS_PER_SECOND = 50
"""20 ms each: shorter ones stutter beside a busy thread of Python."""

_VARIABLE = "INWORLD_RT_AUDIO"

Deliver = Callable[[bytes, float], None]
"""Takes what was heard: 16-bit samples, the source's channels interleaved; and when."""

Pull = Callable[[int, float], bytes]
"""Gives so many frames to play, 16-bit mono; told when the first of them will be heard."""


@frozen
class Device:
    """A microphone, a loudspeaker, or both.

    Attributes:
        index: its number; may be another one after the computer was started again.
        name: its name.
        inputs: channels that it can record.
        outputs: channels that it can play.
        rate: its usual frames per second.
        default_input: whether it is the system's microphone.
        default_output: whether it is the system's loudspeaker.
        input_rates: rates of the service at which recording really begins; empty until probed.
        output_rates: the same for playing.
        host: the sound system that offers it; the same device may come under several.
    """

    index: int
    name: str
    inputs: int = 0
    outputs: int = 0
    rate: int = 48000
    default_input: bool = False
    default_output: bool = False
    input_rates: tuple[int, ...] = ()
    output_rates: tuple[int, ...] = ()
    host: str = ""


class Stream(Protocol):
    """An open device.

    Attributes:
        name: the device's name.
        rate: frames per second; possibly none of those asked for.
        channels: samples per frame.
        latency: seconds between the device and whoever was given to :meth:`Backend.open_source` or
            :meth:`Backend.open_sink`, as far as the system tells.
        complaints: how often the system said that a period was lost (a source's overflow) or came
            too late (a sink's underflow).
        failure: what went wrong in the function given, or ``None``.
        exhausted: whether a source will give nothing but silence any more.
    """

    name: str
    rate: int
    channels: int
    latency: float
    complaints: int
    failure: BaseException | None
    exhausted: bool

    @property
    def running(self) -> bool:
        """Whether the system still takes it for a stream that runs; some notice a loss at once,
        others never."""

    def now(self) -> float:
        """The time, on the clock of this stream's times."""

    def close(self) -> None:
        """Stop and let go of the device, within milliseconds; may be called twice."""


class Backend(Protocol):
    """A way to sound devices.

    Attributes:
        name: as in :data:`BACKENDS`.
    """

    name: str

    def open_source(
        self, device: int | str | None, rates: Sequence[int], deliver: Deliver
    ) -> Stream:
        """Open a microphone; it delivers from now on.

        Args:
            device: its number, a part of its name, or ``None`` for the default.
            rates: frames per second in order of preference; if it takes none of them, another.
            deliver: takes what it hears.

        Raises:
            BackendMissing: the package for it is not installed.
            DeviceError: there is no such device, or it cannot be opened.
        """

    def open_sink(self, device: int | str | None, rates: Sequence[int], pull: Pull) -> Stream:
        """Open a loudspeaker; it fetches from now on. As :meth:`open_source`."""

    def devices(self, *, probe: bool = False) -> list[Device]:
        """All devices.

        Args:
            probe: open each at all rates of the service, to see which it takes; a second or so.
        """

    def refresh(self) -> None:
        """See which devices are there now; what is open goes on after a moment."""


def find_backend(choice: str | Backend | None = None) -> Backend:
    """The back end to use.

    Args:
        choice: a name of :data:`BACKENDS` or an object; default: what the environment's
            ``INWORLD_RT_AUDIO`` says, else ``pyaudio``. There is no second choice: a gadget that is
            silent without a reason is worse than an error.

    Raises:
        ConfigError: there is no back end of that name.
    """
    if choice is not None and not isinstance(choice, str):
        return choice
    said = "audio" if choice is not None else _VARIABLE
    name = choice if choice is not None else os.environ.get(_VARIABLE) or "pyaudio"
    if name not in BACKENDS:
        raise ConfigError(f"{said}: expected one of {', '.join(BACKENDS)}, got {name!r:.40}")
    module, _, attribute = BACKENDS[name].partition(":")
    backend: Backend = getattr(importlib.import_module(module), attribute)()
    return backend


def devices(*, probe: bool = False, audio: str | Backend | None = None) -> list[Device]:
    """The sound devices of this computer, as they are now.

    Args:
        probe: open each at all rates of the service, to see which it takes; a second or so.
        audio: another back end than the usual; see :func:`find_backend`.

    Raises:
        BackendMissing: PyAudio is not installed; says what to type.
        DeviceError: the sound system does not start.
    """
    backend = find_backend(audio)
    backend.refresh()
    return backend.devices(probe=probe)


def choose(devices: Sequence[Device], wanted: int | str | None, kind: str) -> Device:
    """The device that is meant.

    Args:
        devices: those there are.
        wanted: a number, a name or a part of one (upper and lower case are the same), or ``None``
            for the default.
        kind: ``input`` or ``output``.

    Raises:
        DeviceError: there is none, or several could be meant; the message lists the choices.
    """
    able = [d for d in devices if (d.inputs if kind == "input" else d.outputs) > 0]
    if wanted is None:
        for device in able:
            if device.default_input if kind == "input" else device.default_output:
                return device
        purpose = "record with" if kind == "input" else "play sound on"
        instead = "send a recording" if kind == "input" else "save the sound to a file"
        raise DeviceError(
            f"there is no device to {purpose}; connect one, or {instead} instead"
            + (f"; there are: {_listed(able)}" if able else "")
        )
    found = [d for d in able if wanted in (d.index, d.name)]
    if not found and isinstance(wanted, str) and wanted:
        part = wanted.lower()
        found = [d for d in able if d.name.lower() == part]
        found = found or [d for d in able if part in d.name.lower()]
    if len(found) > 1:
        # The same device under several sound systems: the one of the system's default.
        hosts = {d.host for d in able if d.default_input or d.default_output}
        found = [d for d in found if d.host in hosts] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise DeviceError(f"several sound {kind}s match {wanted!r:.60}: {_listed(found)}; say more")
    raise DeviceError(f"there is no sound {kind} {wanted!r:.60}; there are: {_listed(able)}")


def _listed(devices: Sequence[Device]) -> str:
    return ", ".join(f"{d.index} ({d.name})" for d in devices) or "none"
