"""The folder with the results. What is in it is whole, whenever the program ends."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from inworld_rt.audio import wav
from inworld_rt.batch.result import Result
from inworld_rt.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ENDINGS", "RESULTS", "Store"]

RESULTS = "results.jsonl"
ENDINGS = (".wav", ".txt")
"""Of a row's files."""

# Drafts of files, our own and those of the WAV writer.
_DRAFT = re.compile(r"\.[0-9a-f]{16}\.(wav|txt|jsonl)\.part")

_BEGIN = b'{"id": "'  # of each line


class Store:
    """``<id>.wav``, ``<id>.txt`` and ``results.jsonl`` in a folder.

    A row's line is written last: what has one is complete. While it is open nobody else opens it.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is touched before ``with``.

        Args:
            folder: where; made if it is not there.
        """
        self.folder = folder
        self.results: dict[str, Result] = {}
        """By id, what is known of every row, also of earlier runs and other tables."""
        self._journal: FileIO | None = None
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Make the folder, clean up what a killed run left, read what is done.

        Raises:
            ConfigError: its ``results.jsonl`` is something else; or another batch works in it.
            OSError: nothing can be written there.
        """
        with contextlib.ExitStack() as failed:
            failed.callback(self.close)
            with _named(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                self._lock = _lock(self.folder)
                for path in self.folder.iterdir():
                    if _DRAFT.fullmatch(path.name):
                        path.unlink(missing_ok=True)
            journal = self.folder / RESULTS
            with _named(journal):
                self._read(journal)
                self._journal = FileIO(journal, "ab")
            failed.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others have it."""
        if self._journal is not None:
            self._journal.close()
        if self._lock is not None:
            os.close(self._lock)
        self._journal = self._lock = None

    def _read(self, journal: Path) -> None:
        if not journal.exists():
            return
        *lines, rest = journal.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                self._learn(Result.read(line.decode()))
            except ValueError:
                raise _foreign(journal, number) from None
        if rest:
            if not rest.startswith(_BEGIN) and not _BEGIN.startswith(rest):
                raise _foreign(journal, len(lines) + 1)
            # It was cut off when the program ended.
            self._write(RESULTS, b"".join(line + b"\n" for line in lines))

    def _learn(self, result: Result) -> None:
        self.results.pop(result.id, None)  # the latest counts, and comes last
        self.results[result.id] = result

    def kept(self, row_id: str) -> str:
        """The hash of a row that is done, and whose files are there and whole; empty for others."""
        result = self.results.get(row_id)
        if result is None or not result.ok:
            return ""
        whole = all(self._size(name) == size for name, size in result.files.items())
        return result.hash if whole else ""

    def _size(self, name: str) -> int | None:
        try:
            return (self.folder / name).stat().st_size
        except OSError:
            return None

    def keep_files(self, row_id: str, sound: bytes | None, rate: int, text: str) -> dict[str, int]:
        """Write a row's files, each whole or not at all.

        Args:
            row_id: its name.
            sound: samples, 16 bits each, or ``None``.
            rate: samples per second.
            text: the words.

        Returns:
            The files' names and sizes.

        Raises:
            OSError: they cannot be written, for example because the disk is full.
        """
        sizes: dict[str, int] = {}
        if sound is not None:
            path = self.folder / f"{row_id}.wav"
            with _named(path):
                wav.write(path, sound, rate)
                sizes[path.name] = path.stat().st_size
        name = f"{row_id}.txt"
        data = f"{text}\n".encode("utf-8", "replace")
        self._write(name, data)
        return {**sizes, name: len(data)}

    def drop_files(self, row_id: str) -> None:
        """Remove what a row, which has failed now, left when it was another."""
        result = self.results.get(row_id)
        for name in result.files if result else ():
            path = self.folder / name
            # A line that somebody else wrote could name any file.
            if path.name == name and path.stem == row_id:
                with _named(path):
                    path.unlink(missing_ok=True)

    def add(self, result: Result) -> None:
        """Write a row's line, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        assert self._journal is not None, "the store is closed"
        line = f"{result.line()}\n".encode("utf-8", "replace")
        with _named(self.folder / RESULTS):
            before = self._journal.seek(0, os.SEEK_END)
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[self._journal.write(rest) :]
            except BaseException:
                with contextlib.suppress(OSError):
                    self._journal.truncate(before)
                raise
        self._learn(result)

    def sort(self, ids: Sequence[str]) -> None:
        """Bring the lines into the order of the rows, one for each; others come before. None can be
        added any more.

        Raises:
            OSError: the file cannot be written; it is as it was.
        """
        ours = dict.fromkeys(ids)
        results = [result for result in self.results.values() if result.id not in ours]
        results += [self.results[name] for name in ours if name in self.results]
        lines = "".join(f"{result.line()}\n" for result in results)
        data = lines.encode("utf-8", "replace")
        with _named(self.folder / RESULTS):
            unchanged = (self.folder / RESULTS).read_bytes() == data
        if not unchanged:
            if self._journal is not None:
                self._journal.close()  # Windows replaces no file that is open
                self._journal = None
            self._write(RESULTS, data)

    def _write(self, name: str, data: bytes) -> None:
        """A file that is there whole or not at all."""
        path = self.folder / name
        draft = self.folder / f".{os.urandom(8).hex()}{path.suffix}.part"
        with _named(path):
            try:
                draft.write_bytes(data)
                os.replace(draft, path)
            except BaseException:  # Ctrl-C too
                with contextlib.suppress(OSError):
                    draft.unlink()
                raise


def _foreign(journal: Path, number: int) -> ConfigError:
    return ConfigError(
        f"{journal}, line {number}: this is no result of a batch; choose another folder, or put "
        "the file away"
    )


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error of the system: a full disk does not say where it is."""
    try:
        yield
    except OSError as exc:
        if exc.strerror is None:
            raise
        raise OSError(exc.errno, exc.strerror, str(path)) from exc


def _lock(folder: Path) -> int | None:
    """Keep other batches out of a folder, for as long as what is returned is open."""
    if sys.platform == "win32":
        return None  # there one cannot lock a folder
    import fcntl

    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConfigError(
            f"{folder}: another batch is writing into this folder; wait for it, or choose another"
        ) from None
    except OSError:  # some network disks know no locks
        os.close(lock)
        return None
    return lock
