"""A recording in memory of the last minute, which is only written when something goes wrong."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from inworld_rt.arguments import seconds
from inworld_rt.auth.credentials import API_KEY_VARIABLE
from inworld_rt.recording.folder import check_writable
from inworld_rt.recording.recorder import Ears, Recorder
from inworld_rt.recording.scrubber import Scrubber
from inworld_rt.recording.writer import Happening, Start, Writer

__all__ = ["LastMinute", "Ring", "begin"]

# Settings that the server told: sound that is left cannot be read without them.
_SETTINGS = (b'"session.updated"', b'"session.created"')
_AMONG = 200  # bytes from the beginning, among which the type is
_WANTED = (SystemExit, GeneratorExit)  # no accidents

logger = logging.getLogger("inworld_rt")


@frozen
class LastMinute:
    """Keeps the latest part of a conversation in memory, and writes it as a recording when the
    client's block is left by an exception, or one is not caught in any thread.

    ::

        with Client(recording=LastMinute("crash")) as client:
            client.talk()

    Attributes:
        folder: where to write; if there is a recording, a number is added.
        seconds: how much is kept.

    Raises:
        ConfigError: the folder cannot be made or written to; or no such time.
    """

    folder: str | os.PathLike[str]
    seconds: float = 60.0

    def __attrs_post_init__(self) -> None:
        seconds("seconds", self.seconds)
        check_writable(self.folder)


class Ring:
    """The latest part of one session.

    Attributes:
        ears: what to tell it.
        folder: where it was written; ``None`` before.
        failure: why it could not be written, or ``None``.
    """

    def __init__(self, wanted: LastMinute, url: str, secrets: Iterable[str]) -> None:
        """Begin.

        Args:
            wanted: where, and how much.
            url: the server's address.
            secrets: what must not be in any file.
        """
        self.folder: Path | None = None
        self.failure: OSError | None = None
        self.ears = Ears(self._take)
        self._wanted, self._url = wanted, url
        self._scrubber = Scrubber(secrets)
        self._kept: deque[Happening] = deque()
        self._settings: Happening | None = None
        self._devices: dict[str, Happening] = {}
        self._latest: float | None = None
        self._writing = threading.Lock()  # two threads may fail at once
        _watch.add(self)

    def _take(self, happening: Happening) -> None:
        if happening.way == "received" and any(
            word in happening.content[:_AMONG] for word in _SETTINGS
        ):
            self._settings = happening
        elif happening.way in ("listening", "live"):
            self._devices[happening.way] = happening
        self._kept.append(happening)
        oldest = time.monotonic() - self._wanted.seconds
        with contextlib.suppress(IndexError):  # others do this as well
            while self._kept[0].at < oldest:
                self._kept.popleft()

    def died(self, error: BaseException) -> None:
        """Somebody did not catch an exception."""
        if isinstance(error, _WANTED):
            return
        recently = self._latest is not None and time.monotonic() - self._latest
        if self._latest is None or recently > self._wanted.seconds:
            self._write(error)

    def close(self, error: BaseException | None = None) -> None:
        """Let go of it; raises nothing.

        Args:
            error: what ended the session's block: then it is written before.
        """
        if _watch.discard(self) and error is not None and not isinstance(error, _WANTED):
            self._write(error)

    def _write(self, error: BaseException) -> None:
        with self._writing:
            self._latest = time.monotonic()
            self.ears.note("died", why=type(error).__name__)
            happenings = sorted(self._kept.copy(), key=lambda one: one.at)
            first = happenings[0]
            known = (self._settings, *self._devices.values())
            before = [one for one in known if one and one.at < first.at]
            try:
                start = Start(first.at, first.wall, self._url)
                writer = Writer(self._wanted.folder, start, self._scrubber)
                try:
                    for happening in (*before, *happenings):
                        writer.keep(happening)
                    writer.close()
                finally:
                    writer.abandon()
            except Exception as exc:  # the one that is being told counts more
                self.failure = exc if isinstance(exc, OSError) else OSError(str(exc))
                logger.warning("the last minute could not be recorded: %s", exc)
            else:
                self.folder = writer.folder
                logger.warning("the last minute is recorded in %s", writer.folder)


class _Watch:
    """Listens to what nobody catches, while there is somebody who wants to know."""

    def __init__(self) -> None:
        self._rings: list[Ring] = []
        self._changing = threading.Lock()
        self._before: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    def add(self, ring: Ring) -> None:
        """Tell it from now on."""
        with self._changing:
            self._rings.append(ring)
            if self._before is None:
                self._before = sys.excepthook, threading.excepthook
                sys.excepthook, threading.excepthook = self._main, self._thread

    def discard(self, ring: Ring) -> bool:
        """No longer; returns whether it was told until now."""
        with self._changing:
            if ring not in self._rings:
                return False
            self._rings.remove(ring)
            # Where somebody else has put theirs before ours, ours stays, and does nothing.
            if not self._rings and self._before is not None:
                ours = (sys.excepthook, threading.excepthook) == (self._main, self._thread)
                if ours:
                    sys.excepthook, threading.excepthook = self._before
                    self._before = None
            return True

    def _tell(self, error: BaseException | None) -> None:
        for ring in tuple(self._rings):
            if error is not None:
                ring.died(error)

    def _main(self, kind: Any, error: BaseException, traceback: Any) -> None:
        before = self._before[0] if self._before else sys.__excepthook__
        try:
            self._tell(error)
        finally:
            before(kind, error, traceback)

    def _thread(self, args: threading.ExceptHookArgs) -> None:
        before = self._before[1] if self._before else threading.__excepthook__
        try:
            self._tell(args.exc_value)
        finally:
            before(args)


_watch = _Watch()


def begin(
    recording: str | os.PathLike[str] | LastMinute, url: str = "", secrets: Iterable[str] = ()
) -> Recorder | Ring:
    """Begin what the user asked for.

    Args:
        recording: a folder, or how much of the end is wanted.
        url: the server's address.
        secrets: what must not be in any file.

    Raises:
        ConfigError: the folder cannot be made or written to.
    """
    # The environment's is not always the one in use, but it is nobody's business either.
    known = [*secrets, os.environ.get(API_KEY_VARIABLE, "")]
    if isinstance(recording, LastMinute):
        return Ring(recording, url, known)
    return Recorder(recording, url, known)
