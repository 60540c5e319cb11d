"""The sound system's own echo cancellation, where it has been switched on.

PulseAudio and PipeWire both have a module for it, which offers a second microphone. What is played
on the second loudspeaker that comes with it is not heard there. So both have to be used::

    with chosen(find()):
        ...  # open the default microphone and loudspeaker
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import attrs

__all__ = ["EchoPair", "chosen", "find"]

_PATIENCE = 1.0  # seconds for each answer of the sound server; it takes a hundredth of one


@attrs.frozen
class EchoPair:
    """A microphone without echo and the loudspeaker that belongs to it, by the server's names."""

    source: str
    """The microphone."""
    sink: str | None
    """The loudspeaker; what is played on any other is not cancelled. None where it is unknown."""
    is_default: bool
    """Whether the microphone is the default one already. The loudspeaker may still not be."""


def find() -> EchoPair | None:
    """Ask the sound server for a microphone that cancels echo; never raises.

    It asks with ``pactl``, which PipeWire understands as well: 20 ms, and at most 3 s.

    Returns:
        The default one if it is such, else the first; ``None`` if there is none, or no server, or
        no ``pactl`` of version 16 or newer.
    """
    try:
        default = _ask("info")["default_source_name"]
        sinks, sources = _ask("list", "sinks"), _ask("list", "sources")
        monitors = {sink["monitor_source"] for sink in sinks}
        loudspeakers = {_module(sink): sink["name"] for sink in sinks}
        pairs = [
            EchoPair(source["name"], loudspeakers.get(module), source["name"] == default)
            for source in sources
            if (module := _module(source)) and source["name"] not in monitors
        ]
        return max(pairs, key=lambda pair: pair.is_default, default=None)  # of equals the first
    except Exception:  # whatever the reason, none is known
        return None


@contextlib.contextmanager
def chosen(pair: EchoPair | None) -> Iterator[None]:
    """Have what is opened meanwhile on the default devices use the pair.

    The sound server's library reads the environment variables ``PULSE_SOURCE`` and ``PULSE_SINK``
    when a stream is opened; they are set meanwhile, for the whole process.

    Args:
        pair: what :func:`find` returned; for ``None``, nothing is changed.
    """
    wanted = {} if pair is None else {"PULSE_SOURCE": pair.source, "PULSE_SINK": pair.sink}
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        yield
    finally:
        for name in before:
            os.environ.pop(name, None)
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    os.environ.update({name: value for name, value in variables.items() if value is not None})


def _ask(*words: str) -> Any:
    command = ["pactl", "--format=json", *words]
    plain = {**os.environ, "LC_ALL": "C"}  # in some languages it writes numbers that are not JSON
    said = subprocess.check_output(command, stderr=subprocess.DEVNULL, env=plain, timeout=_PATIENCE)
    return json.loads(said)


def _module(device: dict[str, Any]) -> str | None:
    """Which echo-cancelling module, if any, a source or sink belongs to."""
    if device["driver"] == "module-echo-cancel.c":  # PulseAudio
        return str(device["owner_module"])
    group = str(device["properties"].get("node.link-group"))  # PipeWire
    return group if group.startswith("echo-cancel") else None
