"""Rows: what is to be said to the service, and under which name the answer is kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import define, frozen

from inworld_rt.batch import tables
from inworld_rt.errors import ConfigError

__all__ = ["COLUMNS", "Row", "fingerprint", "read", "unused"]

COLUMNS = ("id", "text", "wav", "voice", "instructions")
"""What a row may have."""

LONGEST_ID = 200  # bytes of a file's name; systems end at 255, and there is an ending to come
_NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows


@frozen
class Row:
    """One row.

    Attributes:
        id: names its files.
        text: what is said to the service; ``None`` if ``wav`` is.
        wav: a WAV file that is sent to it.
        voice: who answers; ``None`` as in all rows.
        instructions: for this row; ``None`` as in all rows.
    """

    id: str
    text: Any = None  # what is no text is found out when its turn comes: no other row's business
    wav: Path | None = None
    voice: str | None = None
    instructions: str | None = None

    def sound(self) -> bytes | None:
        """The content of its WAV file; ``None`` if it has none.

        Raises:
            OSError: it cannot be read.
        """
        return None if self.wav is None else self.wav.read_bytes()


def read(
    rows: Iterable[Mapping[str, Any]] | str | os.PathLike[str], encoding: str | None = None
) -> list[Row]:
    """Read and check rows.

    Args:
        rows: the rows; or the path of a CSV or JSONL file, in whose folder WAV files then are.
        encoding: of such a file; see :func:`inworld_rt.batch.tables.read`.

    Raises:
        ConfigError: the file cannot be understood, there are no rows, two of them have one name,
            or a name is none for a file. Says where.
        OSError: the file cannot be read.
    """
    if isinstance(rows, str | os.PathLike):
        path = Path(rows)
        reader = _Reader(path.parent)
        entries: Iterable[tuple[str, Any]] = tables.read(path, encoding)
        name = str(path)
    else:
        reader = _Reader(Path())
        entries = ((f"row {number}", row) for number, row in enumerate(rows, 1))
        name = "rows"
    found = [row for where, entry in entries if (row := reader.row(where, entry))]
    if reader.problems:
        more = len(reader.problems) - 1
        raise ConfigError(
            f"{name}, {reader.problems[0]}" + (f" (and {more} more like it)" if more else "")
        )
    if not found:
        raise ConfigError(f"{name}: there are no rows")
    return found


@define
class _Reader:
    """Checks one row after the other."""

    folder: Path
    problems: list[str] = attrs.Factory(list)
    _count: int = 0
    _places: dict[str, str] = attrs.Factory(dict)

    def row(self, where: str, entry: object) -> Row | None:
        """The row; ``None``, and one problem more, if it is none."""
        self._count += 1
        if not isinstance(entry, Mapping):
            self.problems.append(f"{where}: expected an object with a text or a wav")
            return None
        row_id = entry.get("id")
        row_id = str(row_id).strip() if isinstance(row_id, str | int) else row_id
        row_id = f"{self._count:05}" if row_id in (None, "") else row_id
        problem = _problem(row_id) or self._taken(row_id, where)
        own = {name: entry.get(name) or None for name in ("wav", "voice", "instructions")}
        for name, value in own.items():
            if not isinstance(value, str | os.PathLike | None):
                problem = problem or f"{name} is a text, not {type(value).__name__}"
        if problem:
            self.problems.append(f"{where}: {problem}")
            return None
        wav = own.pop("wav")
        path = None if wav is None else self.folder / wav
        return Row(row_id, entry.get("text"), path, **own)

    def _taken(self, row_id: str, where: str) -> str:
        # Disks of macOS and Windows take "Anna" and "anna" for one, and both ways to write "é".
        key = unicodedata.normalize("NFC", row_id).casefold()
        before = self._places.setdefault(key, where)
        return "" if before is where else f"the id {row_id!r:.60} is taken already, by {before}"


def _problem(row_id: object) -> str:
    """Why it cannot name a file; empty if it can."""
    if not isinstance(row_id, str):
        return f"the id is a text, not {type(row_id).__name__}"
    shown = f"the id {row_id!r:.60}"
    if _NOT_IN_NAMES.search(row_id) or not row_id.isprintable():
        return f'{shown} names a file, so it cannot have any of / \\ : * ? " < > | in it'
    if row_id.startswith(".") or row_id.endswith(".") or not row_id:
        return f"{shown} names a file, so it neither begins nor ends with a point"
    if len(row_id.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        return f"{shown} is too long for a file's name"
    if _RESERVED.fullmatch(row_id):
        return f"{shown} is a device's name on Windows; choose another"
    return ""


def unused(path: str | os.PathLike[str], encoding: str | None = None) -> list[str]:
    """The columns of a file that mean nothing here, for a word about them.

    Args:
        path: of a CSV or JSONL file that :func:`read` understands.
        encoding: as there.
    """
    names: dict[str, None] = {}
    for _, entry in tables.read(Path(path), encoding):
        if isinstance(entry, Mapping):
            names |= dict.fromkeys(map(str, entry))
    return [name for name in names if name not in COLUMNS]


def fingerprint(row: Row, sound: bytes | None, common: Mapping[str, Any]) -> str:
    """What tells whether a row is still the same: of all that its answer depends on.

    Args:
        row: the row.
        sound: the content of its WAV file.
        common: what all rows have in common: JSON-shaped.
    """
    parts = {
        "text": row.text,
        "sound": None if sound is None else hashlib.sha256(sound).hexdigest(),
        "voice": row.voice,
        "instructions": row.instructions,
        "common": common,
    }
    form = json.dumps(parts, sort_keys=True, default=repr)
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()
