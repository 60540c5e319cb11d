"""CSV and JSONL files as people have them: from spreadsheets, with semicolons, with a BOM."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inworld_rt.errors import ConfigError

__all__ = ["read"]

_TABLES, _LINES = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson")
_SEPARATORS = ",;\t|"
_WANTED = ("text", "wav")
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read(path: Path, encoding: str | None = None) -> Iterator[tuple[str, Any]]:
    """Read a table.

    Args:
        path: a CSV file whose first line names the columns, separated by commas, semicolons, tabs
            or bars; or, if its name ends in ``.jsonl``, a file with an object of JSON on each line.
        encoding: of the file; default: UTF-8, or what its first bytes say.

    Yields:
        Where each row is, in words, and the row: a dict, or whatever else a line of JSON holds.

    Raises:
        ConfigError: it cannot be understood; says where, and what may help.
        OSError: it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in _TABLES + _LINES:
        raise ConfigError(f"{path}: the name of a table ends in .csv or .jsonl")
    text = _decode(path.read_bytes(), path, encoding)
    return _objects(text, path) if suffix in _LINES else _rows(text, path)


def _decode(data: bytes, path: Path, encoding: str | None) -> str:
    found = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    used = encoding or found or "utf-8"
    try:
        text = data.decode(used)
    except LookupError:
        raise ConfigError(f"there is no encoding {encoding!r:.40}; try cp1252 or utf-16") from None
    except UnicodeError as exc:
        line = data[: getattr(exc, "start", 0)].count(b"\n") + 1
        raise ConfigError(
            f"{path}, line {line}: this is not {used.upper()}. Save the file again as UTF-8 (in a "
            'spreadsheet: "CSV UTF-8"), or say what it is: encoding cp1252 is usual in Western '
            "Europe and America"
        ) from None
    if "\0" in text:
        raise ConfigError(
            f"{path}: this is no plain text. If it is from a spreadsheet, save it there as "
            '"CSV UTF-8"; if it is UTF-16, say so as its encoding'
        )
    return text.removeprefix("\ufeff")


def _rows(text: str, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    longest = csv.field_size_limit(len(text) + 1)  # one for all the process; texts may be long
    try:
        lines = io.StringIO(text, newline="")
        first = lines.readline()
        separator = _separator(first)
        if first.rstrip("\r\n").lower() == f"sep={separator}":  # Excel's own way to say so
            first = lines.readline()
        lines.seek(lines.tell() - len(first))
        skipped = text[: lines.tell()].count("\n")
        reader = csv.reader(lines, delimiter=separator, strict=True)
        begin = skipped + 1
        columns = _columns(next(reader, []), path)
        begin = skipped + reader.line_num + 1
        for fields in reader:
            number, begin = begin, skipped + reader.line_num + 1
            if any(field.strip() for field in fields):  # else nobody meant it
                _check_width(fields, columns, f"{path}, line {number}", separator)
                yield f"line {number}", dict(zip(columns, fields, strict=False))
    except csv.Error as exc:
        raise ConfigError(
            f"{path}, line {begin}: {exc}; a text with commas, line breaks or quotes stands in "
            'double quotes, and a quote in it is written twice: "He said ""no"""'
        ) from None
    finally:
        csv.field_size_limit(longest)


def _separator(first: str) -> str:
    """What is between the columns: that which finds the most that we know."""
    if first.lower().startswith("sep="):
        return first[4:5].strip("\r\n") or ","

    def known(separator: str) -> int:
        names = next(csv.reader([first], delimiter=separator), [])
        return len({name.strip().lower() for name in names} & {"id", *_WANTED})

    return max(_SEPARATORS, key=known)  # the first of the best


def _columns(names: list[str], path: Path) -> list[str]:
    columns = [name.strip().lower() for name in names]
    if not set(columns) & set(_WANTED):
        shown = ", ".join(repr(name[:20]) for name in names[:8]) or "none"
        raise ConfigError(
            f"{path}: there is neither a column text nor a column wav. The first line names the "
            f"columns; here it has: {shown}"
        )
    for name in columns:
        if name and columns.count(name) > 1:
            raise ConfigError(f"{path}: there are two columns {name!r:.40}")
    return columns


def _check_width(fields: list[str], columns: list[str], where: str, separator: str) -> None:
    if any(field.strip() for field in fields[len(columns) :]):
        raise ConfigError(
            f"{where}: it has {len(fields)} fields, and there are {len(columns)} columns; a text "
            f"with {separator!r} in it stands in double quotes"
        )


def _objects(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except (ValueError, RecursionError) as exc:
            why = getattr(exc, "msg", "it is nested too deeply")
            raise ConfigError(
                f"{path}, line {number}: this is no JSON ({why}); each line is an object such as "
                '{"id": "1", "text": "Hello."}'
            ) from None
