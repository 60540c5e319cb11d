"""Where the sound of an answer goes: the loudspeaker, a file, or standard output."""

from __future__ import annotations

import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from inworld_rt import pcm
from inworld_rt.audio import portaudio, wav
from inworld_rt.errors import AudioError
from inworld_rt.pcm import AudioFormat

__all__ = ["why_silent", "write_file", "write_stream"]

_UNKNOWN = 0xFFFFFFFF  # a size in the head of a WAV file that goes on until it ends


def why_silent() -> str:
    """Why playing need not be tried; empty if it may be."""
    if os.environ.get("INWORLD_RT_AUDIO") not in (None, "", "pyaudio"):
        return ""  # files take the place of devices
    if portaudio.has_output():
        return ""
    try:
        portaudio.version()
    except AudioError as exc:
        return str(exc)  # ends with what to type
    return "there is no loudspeaker here"


def write_file(path: Path, sound: bytes, format: AudioFormat, *, raw: bool) -> None:
    """Write an answer into a file, which appears whole or not at all.

    Args:
        path: where; a file of that name is replaced.
        sound: all of it, in ``format``.
        format: how it is coded.
        raw: the samples alone (signed 16-bit little-endian), instead of a WAV file.

    Raises:
        AudioError: there is no sound.
        OSError: it cannot be written.
    """
    if not sound:
        raise AudioError("the answer has no sound")
    samples = pcm.decode(sound, format)
    if raw:
        path.write_bytes(samples)
    else:
        wav.write(path, samples, format.rate)


def write_stream(chunks: Iterable[bytes], format: AudioFormat, *, raw: bool) -> None:
    """Write an answer to standard output while it is being made.

    Into a pipe, the head of the WAV file says that its length is not known, which players and
    readers of streams take for "until it ends". A file is written in one piece, with its length.

    Args:
        chunks: the sound, in whole samples.
        format: how it is coded.
        raw: see :func:`write_file`.

    Raises:
        OSError: it cannot be written; nobody reads it any more.
    """
    out = sys.stdout.buffer
    if not raw and _is_file(out):
        wav.write(out, b"".join(pcm.decode(chunk, format) for chunk in chunks), format.rate)
    else:
        begun = raw
        for chunk in chunks:
            if not begun:  # not before: what fails at once leaves nothing
                out.write(_endless_head(format.rate))
                begun = True
            out.write(pcm.decode(chunk, format))
            out.flush()
    out.flush()


def _endless_head(rate: int) -> bytes:
    sizes = (b"RIFF", _UNKNOWN, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data")
    return struct.pack("<4sI4s4sIHHIIHH4sI", *sizes, _UNKNOWN)


def _is_file(stream: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:  # no stream of the system's
        return False
