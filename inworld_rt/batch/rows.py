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

from attrs import frozen

from inworld_rt.audio import wav
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
            AudioError: it is no WAV file, which must not go for samples.
        """
        if self.wav is None:
            return None
        with open(self.wav, "rb") as file:
            wav.read(file)
            file.seek(0)
            return file.read()


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
        name, folder = str(path), path.parent
        entries: Iterable[tuple[str, Any]] = tables.read(path, encoding)
    else:
        name, folder = "rows", Path()
        entries = ((f"row {number}", row) for number, row in enumerate(rows, 1))
    found: list[Row] = []
    problems: list[str] = []
    places: dict[str, str] = {}
    for number, (where, entry) in enumerate(entries, 1):
        try:
            row = _row(entry, number, folder)
            # Disks of macOS and Windows take "Anna" and "anna" for one, and both ways to write "é".
            key = unicodedata.normalize("NFC", row.id).casefold()
            if (before := places.setdefault(key, where)) is not where:
                raise ConfigError(f"the id {row.id!r:.60} is taken already, by {before}")
            found.append(row)
        except ConfigError as exc:
            problems.append(f"{name}, {where}: {exc}")
    if problems:
        more = f" (and {len(problems) - 1} more like it)" if len(problems) > 1 else ""
        raise ConfigError(problems[0] + more)
    if not found:
        raise ConfigError(f"{name}: there are no rows")
    return found


def _row(entry: object, number: int, folder: Path) -> Row:
    if not isinstance(entry, Mapping):
        raise ConfigError("expected an object with a text or a wav")
    row_id = entry.get("id")
    row_id = str(row_id).strip() if isinstance(row_id, str | int) else row_id
    if row_id in (None, ""):
        row_id = f"{number:05}"
    _check_id(row_id)
    own = {name: entry.get(name) or None for name in ("wav", "voice", "instructions")}
    for name, value in own.items():
        if not isinstance(value, str | os.PathLike | None):
            raise ConfigError(f"{name} is a text, not {type(value).__name__}")
        if isinstance(value, str) and name != "instructions":
            own[name] = value.strip() or None  # spaces beside a separator are no part of a name
    path = own.pop("wav")
    if path is not None:
        _check_path(path)
        path = folder / path
    return Row(row_id, entry.get("text"), path, **own)


def _check_id(row_id: object) -> None:
    """See whether it can name a file."""
    if not isinstance(row_id, str):
        raise ConfigError(f"the id is a text, not {type(row_id).__name__}")
    why = ""
    if _NOT_IN_NAMES.search(row_id) or not row_id.isprintable():
        why = 'names a file, so it cannot have any of / \\ : * ? " < > | in it'
    elif row_id.startswith(".") or row_id.endswith("."):
        why = "names a file, so it neither begins nor ends with a point"
    elif len(row_id.encode()) > LONGEST_ID:
        why = "is too long for a file's name"
    elif _RESERVED.fullmatch(row_id):
        why = "is a device's name on Windows; choose another"
    if why:
        raise ConfigError(f"the id {row_id!r:.60} {why}")


def _check_path(path: str | os.PathLike[str]) -> None:
    """See whether any system could open it."""
    try:
        fine = b"\0" not in os.fsencode(path)
    except UnicodeError:
        fine = False
    if not fine:
        raise ConfigError(f"the wav {path!r:.60} is no path")


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
    return [name for name in names if name and name not in COLUMNS]


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
