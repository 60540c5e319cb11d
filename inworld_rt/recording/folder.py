"""The files of a recording."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any, BinaryIO

from inworld_rt.errors import ConfigError

__all__ = [
    "EVENTS",
    "RECEIVED",
    "SENT",
    "SOUND",
    "TRANSCRIPT",
    "check_writable",
    "claim",
    "not_writable",
]

EVENTS = "events.jsonl"
SENT = "sent.raw"
RECEIVED = "received.raw"
SOUND = "conversation.wav"
TRANSCRIPT = "transcript.txt"
_FILES = (EVENTS, SENT, RECEIVED, SOUND, TRANSCRIPT)


def claim(wanted: str | os.PathLike[str]) -> tuple[Path, BinaryIO]:
    """Make a folder for a recording; nothing is ever overwritten.

    Args:
        wanted: its path. Where files of such a name are in it, ``-2``, ``-3`` and so on is added.

    Returns:
        The folder that was free, and the file of events, open.

    Raises:
        ConfigError: no folder can be made there, or written to.
    """
    base = _path(wanted)
    for number in itertools.count(1):
        folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(os.path.lexists(folder / name) for name in _FILES):
                continue
            # Unbuffered, so that what was written survives the process.
            return folder, open(folder / EVENTS, "xb", buffering=0)
        except FileExistsError:
            if not folder.is_dir():
                raise ConfigError(f"recording: {folder} is a file; choose another folder") from None
        except OSError as exc:
            raise not_writable(folder, exc) from exc
    raise AssertionError  # it counts for ever


def not_writable(folder: Path, exc: OSError) -> ConfigError:
    """What to say about a folder that cannot be used."""
    return ConfigError(
        f"recording: cannot write to {folder} ({exc.strerror}); choose another folder"
    )


def _path(wanted: Any) -> Path:
    if not isinstance(wanted, (str, os.PathLike)) or not os.fspath(wanted):
        raise ConfigError(
            "recording: expected the path of a folder, or LastMinute(path), got "
            f"{'empty text' if wanted == '' else type(wanted).__name__}"
        )
    # Absolute: the program may go elsewhere.
    return Path(os.path.abspath(os.fsdecode(wanted)))


def check_writable(wanted: Any) -> None:
    """Look whether a folder could be made, without making it.

    Raises:
        ConfigError: it could not.
    """
    folder = _path(wanted)
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise ConfigError(f"recording: {place} is a file; choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ConfigError(f"recording: {place} may not be written to; choose another folder")
