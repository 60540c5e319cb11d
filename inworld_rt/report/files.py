"""From the files of a recording, and to the file of its report."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from inworld_rt.errors import ConfigError
from inworld_rt.recording import find, load
from inworld_rt.recording.folder import SOUND
from inworld_rt.report import sound as sounds
from inworld_rt.report.model import Timeline
from inworld_rt.report.sound import Sound
from inworld_rt.report.timeline import read

__all__ = ["open_recording", "save"]


def open_recording(
    folder: str | os.PathLike[str], *, copy: bool = True
) -> tuple[Path, Timeline, Sound | None]:
    """Read all that a report needs.

    Args:
        folder: the recording; or a folder of recordings, for the newest in it.
        copy: whether there is to be a copy of the sound.

    Returns:
        The recording's folder, what is drawn of it, and its sound, if it has any.

    Raises:
        ConfigError: there is no recording that can be read.
        BackendMissing: NumPy is missing.
    """
    recorded = load(find(folder))
    sound = sounds.read(recorded.folder / SOUND, copy=copy)
    timeline = read(
        recorded.header,
        recorded.entries,
        complete=recorded.complete,
        sound_seconds=sound.seconds if sound else 0.0,
    )
    return recorded.folder, timeline, sound


def save(path: Path, data: bytes) -> None:
    """Write a file; it appears under its name only when it is complete.

    Args:
        path: where; the folder must be there.
        data: what.

    Raises:
        ConfigError: it cannot be written there.
    """
    path = path.absolute()
    if path.is_dir():
        raise ConfigError(f"report: {path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise ConfigError(f"report: there is no folder {path.parent}; make it first")
    draft = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.part")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as exc:
        raise ConfigError(
            f"report: cannot write {path} ({exc.strerror}); name a file in another folder"
        ) from exc
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
