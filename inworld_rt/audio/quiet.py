"""Keeps the sound system from writing to the terminal, and keeps what it wanted to say.

ALSA, JACK and PortAudio write straight to the standard error of the process: about 80 lines on a
usual Linux each time they look for devices, though nothing is wrong. Means against it: while
devices are looked for or opened, file descriptor 2 leads into a file; as long as PortAudio runs
otherwise, ALSA and JACK are given a function that does nothing, and C's ``stderr``, which PortAudio
has its say on when a device is unplugged, leads nowhere. Python's ``sys.stderr`` is another one.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

__all__ = ["Noise", "kept", "loud", "silence"]

_MOST = 4000  # bytes kept, from the end
_LINES = 6  # of them, in a message

_log = logging.getLogger("inworld_rt.audio")


class Noise:
    """What the sound system said; complete after the ``with`` of :func:`kept`."""

    def __init__(self) -> None:
        self.text = ""

    def as_note(self) -> str:
        """Its last few lines, to be added to the message of an error; possibly empty."""
        lines = [line for line in dict.fromkeys(self.text.splitlines()) if line]
        return "\n".join(["", "The sound system said:", *lines[-_LINES:]]) if lines else ""


@contextlib.contextmanager
def kept() -> Iterator[Noise]:
    """Keep what is written to file descriptor 2 meanwhile, and log it at debug level.

    Descriptors belong to the whole process: what another thread writes to standard error meanwhile
    is kept as well. So this is for the milliseconds of starting and opening; and for one thread at
    a time.
    """
    noise = Noise()
    with contextlib.ExitStack() as stack:
        # A program without standard error, or a full disk: then ALSA just stays silent.
        with contextlib.suppress(OSError):
            file = stack.enter_context(tempfile.TemporaryFile())
            before = os.dup(2)
            stack.callback(_restore, before, file, noise)
            os.dup2(file.fileno(), 2)
            loud()  # its words are wanted now
        yield noise


def _restore(before: int, file: Any, noise: Noise) -> None:
    silence()
    os.dup2(before, 2)
    os.close(before)
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST))
    noise.text = file.read().decode(errors="replace").strip()
    if noise.text:
        _log.debug("the sound system said: %s", noise.text)


def silence() -> None:
    """Have ALSA and JACK, where this process has loaded them, say nothing from now on."""
    if sys.platform != "linux":
        return
    _lead_stderr(_nowhere())
    nothing = _do_nothing()
    _tell_alsa(nothing)
    jack = _loaded("libjack.so.0")
    if jack is not None:
        jack.jack_set_error_function(nothing)
        jack.jack_set_info_function(nothing)


def loud() -> None:
    """Let ALSA and PortAudio write to the terminal again, as at the end of PortAudio."""
    if sys.platform == "linux":
        _tell_alsa(None)
        _lead_stderr(_usual())


def _lead_stderr(file: int | None) -> None:
    """Set C's variable ``stderr``, which only what is written in C uses."""
    if file and _usual():
        ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr").value = file


@functools.cache
def _usual() -> int | None:
    """Where C's ``stderr`` leads by itself; ``None`` in a C library that keeps that to itself."""
    with contextlib.suppress(ValueError):
        return ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr").value
    return None


@functools.cache
def _nowhere() -> int | None:
    """A file of C's that swallows everything; it stays open, as anybody might still write to it."""
    fopen = ctypes.CDLL(None).fopen
    fopen.restype = ctypes.c_void_p
    found: int | None = fopen(os.devnull.encode(), b"w")
    return found


def _tell_alsa(handler: ctypes.c_void_p | None) -> None:
    alsa = _loaded("libasound.so.2")
    if alsa is not None:
        alsa.snd_lib_error_set_handler(handler)


@functools.cache
def _do_nothing() -> ctypes.c_void_p:
    """A C function that ignores what it is given. Not a Python one: ALSA calls it from any thread
    at any time, and Python must not be asked for leave in the midst of playing."""
    return ctypes.cast(ctypes.CDLL(None).getppid, ctypes.c_void_p)


def _loaded(name: str) -> Any:
    """The library, if this process has it already; ``None`` otherwise."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # not loaded: then it says nothing either
            return ctypes.CDLL(name, mode=os.RTLD_NOLOAD)
    return None
