"""Recordings, read again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from attrs import field, frozen

from inworld_rt.audio import wav
from inworld_rt.errors import AudioError, ConfigError
from inworld_rt.recording.folder import EVENTS, RECEIVED, SENT, SOUND, TRANSCRIPT
from inworld_rt.recording.messages import put_together
from inworld_rt.recording.writer import VERSION

__all__ = ["Entry", "Recorded", "find", "load"]

_WAYS = ("sent", "received", "note")
_ENDS = ("closed", "lost")


class Entry(NamedTuple):
    """One thing that happened.

    Attributes:
        t: seconds since the recording began, by a clock that is never set.
        wall: the same as Unix time.
        way: ``sent``, ``received``, or ``note`` for a local fact.
        event: the message without its sound and secrets; or the note, with ``note`` as its kind.
    """

    t: float
    wall: float
    way: str
    event: dict[str, Any]

    @property
    def type(self) -> str:
        """The message's type, or the note's kind; empty where there is none."""
        value = self.event.get("note" if self.way == "note" else "type")
        return value if isinstance(value, str) else ""


@frozen
class Recorded:
    """A recording; made by :func:`load`.

    Attributes:
        folder: where it is.
        header: the facts of its first line: ``recording`` (the layout's version), ``inworld_rt``,
            ``python``, ``began``, ``url``, and ``sound``: ``played``, or ``received`` where no
            loudspeaker was in use.
        entries: all that happened, in order of time.
        complete: whether it goes to the end of its session; else the process died, or still runs.
    """

    folder: Path
    header: dict[str, Any] = field(repr=False)
    entries: list[Entry] = field(repr=lambda entries: f"<{len(entries)}>")
    complete: bool

    def message(self, entry: Entry) -> bytes:
        """A message as JSON as it was on the wire, its sound put back; secrets stay hidden.

        Args:
            entry: one that was sent or received.

        Raises:
            ConfigError: it is a note; or its sound is missing.
        """
        if entry.way == "note":
            raise ConfigError(f"the note {entry.type!r} is no message: only this side knew of it")
        return put_together(entry.event, self.audio)

    def audio(self, reference: dict[str, Any]) -> bytes:
        """The sound that stands for a reference in an event, in the coding of the wire.

        Args:
            reference: ``{"file": ..., "at": ..., "bytes": ...}``.

        Raises:
            ConfigError: it is no reference, or the sound is missing.
        """
        name, at, size = reference.get("file"), reference.get("at"), reference.get("bytes")
        if name not in (SENT, RECEIVED) or not (_is_count(at) and _is_count(size)):
            raise ConfigError(f"{reference!r:.80} is no reference to sound of a recording")
        try:
            with open(self.folder / name, "rb") as file:
                file.seek(at)
                sound = file.read(size)
        except OSError as exc:
            raise ConfigError(f"{self.folder / name}: {exc.strerror}") from exc
        if len(sound) < size:
            raise ConfigError(f"{self.folder / name} ends before byte {at + size}: it is broken")
        return sound

    def sound(self) -> tuple[bytes, bytes, int]:
        """Both sides in time, from the beginning on: 16-bit mono samples.

        Returns:
            The user as sent; the answers as played or received, see ``sound`` in :attr:`header`;
            and the rate in hertz.

        Raises:
            ConfigError: the file is missing or broken.
        """
        path = self.folder / SOUND
        try:
            if os.path.getsize(path) <= 44:
                return b"", b"", _rate(path)
            both = wav.read(path)
        except (OSError, AudioError) as exc:
            raise ConfigError(f"the sound of the recording: {exc}") from exc
        if both.channels != 2:
            raise ConfigError(f"{path} is not stereo: it is not this recording's")
        return _side(both.pcm, 0), _side(both.pcm, 1), both.rate

    @property
    def transcript(self) -> str:
        """Who said what when; empty where the process died before that was written."""
        try:
            return (self.folder / TRANSCRIPT).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""


def load(folder: str | os.PathLike[str]) -> Recorded:
    """Read a recording.

    Args:
        folder: what was given as ``Client(recording=...)``.

    Raises:
        ConfigError: there is no recording, it was made by a newer version, or it is broken; says
            where.
    """
    place = Path(folder)
    path = place / EVENTS
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"there is no recording in {place}: no {EVENTS}; name the folder of one"
        ) from None
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    whole = not lines.pop()  # behind the last line end is nothing
    header = _header(path, lines[0] if lines else b"")
    entries: list[Entry] = []
    for number, text in enumerate(lines[1:], 2):
        entry = _entry(text)
        if entry is not None:
            entries.append(entry)
        elif number == len(lines):
            whole = False
        else:
            raise ConfigError(f"{path}, line {number}, is broken: the recording cannot be read")
    return Recorded(
        place,
        header,
        entries,
        whole and any(e.way == "note" and e.type in _ENDS for e in entries[-_TAIL:]),
    )


_TAIL = 50  # entries among which the end is: what was under way may come after it


def find(folder: str | os.PathLike[str]) -> Path:
    """A recording: the folder itself if it is one, else the newest directly in it.

    Args:
        folder: where to look.

    Raises:
        ConfigError: there is none.
    """
    place = Path(folder)
    if (place / EVENTS).is_file():
        return place
    found = [path.parent for path in place.glob(f"*/{EVENTS}")]
    if not found:
        raise ConfigError(f"there is no recording in {place}, nor in a folder directly in it")
    return max(found, key=lambda one: (_began(one), one.name))


def _began(folder: Path) -> str:
    try:
        with open(folder / EVENTS, "rb") as file:
            return str(_header(folder / EVENTS, file.readline(1 << 16)).get("began", ""))
    except (ConfigError, OSError):
        return ""  # anything else is newer


def _header(path: Path, text: bytes) -> dict[str, Any]:
    data = _object(text)
    version = data.get("recording") if data else None
    if data is None or not _is_count(version):
        raise ConfigError(f"{path}, line 1, is broken: it is no header of a recording")
    if version > VERSION:
        made_by = str(data.get("inworld_rt"))[:20]
        raise ConfigError(
            f"{path} was made by a newer version, inworld_rt {made_by}; install that one, or newer"
        )
    return data


def _entry(text: bytes) -> Entry | None:
    data = _object(text)
    if data is None:
        return None
    t, wall, way, event = (data.get(name) for name in Entry._fields)
    times = all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in (t, wall))
    if not times or way not in _WAYS or not isinstance(event, dict):
        return None
    return Entry(t, wall, way, event)  # type: ignore[arg-type]


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _rate(path: Path) -> int:
    """The rate of a WAV file of ours that has no sound yet."""
    with open(path, "rb") as file:
        return int.from_bytes(file.read(44)[24:28], "little")


def _side(both: bytes, side: int) -> bytes:
    mono = bytearray(len(both) // 2)
    mono[0::2], mono[1::2] = both[2 * side :: 4], both[2 * side + 1 :: 4]
    return bytes(mono)
