"""A conversation kept as two WAV files that begin at the same moment."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
from pathlib import Path

from inworld_rt.audio.files import MICROPHONE, SPEAKER, Tape
from inworld_rt.audio.microphone import Microphone
from inworld_rt.audio.speaker import Speaker
from inworld_rt.errors import ConfigError

__all__ = ["Recorder"]

_SLACK = 0.1  # seconds; what is further behind gets silence before it


class _Track:
    """One side, laid out in time."""

    def __init__(self, path: Path, rate: int) -> None:
        self._tape = Tape(path, rate)
        self._rate = rate
        self._frames = 0

    def write(self, sound: bytes, after: float) -> None:
        """Add what sounded so many seconds after the beginning."""
        missing = round(after * self._rate) - self._frames
        if missing > (_SLACK * self._rate if self._frames else 0):
            self._tape.write(bytes(2 * missing))  # a device was away, or began later
            self._frames += missing
        self._tape.write(sound)
        self._frames += len(sound) // 2

    def close(self) -> None:
        self._tape.close()


class Recorder:
    """Writes what the microphone hears and what is really played, as they go on."""

    def __init__(
        self, folder: str | os.PathLike[str], microphone: Microphone, speaker: Speaker
    ) -> None:
        """Begin.

        Args:
            folder: gets ``microphone.wav`` and ``speaker.wav``; made where it is missing.
            microphone: the user's side.
            speaker: the other.

        Raises:
            OSError: the files cannot be written.
            ConfigError: one of them is a device of the back end ``wav``.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        devices = microphone.name, speaker.name
        for file, device in itertools.product((MICROPHONE, SPEAKER), devices):
            with contextlib.suppress(OSError):  # most devices are no files
                if os.path.samefile(place / file, device):
                    raise ConfigError(f"record: {device} is a device; choose another folder")
        with contextlib.ExitStack() as cleanup:
            self._user = _Track(place / MICROPHONE, microphone.rate)
            cleanup.callback(self._user.close)
            self._answers = _Track(place / SPEAKER, speaker.rate)
            cleanup.pop_all()
        self._played: queue.SimpleQueue[tuple[bytes, float]] = queue.SimpleQueue()
        self._begin = microphone.now()
        self._untap = speaker.tap(lambda sound, at: self._played.put((sound, at)))
        self._listener = microphone.listen(self._hear)

    def _hear(self, sound: bytes, at: float) -> None:
        """In the microphone's thread, which so writes both sides."""
        self._user.write(sound, at - self._begin)
        self._write_played()

    def _write_played(self) -> None:
        while not self._played.empty():
            sound, at = self._played.get()
            self._answers.write(sound, at - self._begin)

    def close(self) -> None:
        """Complete the files; may be called twice."""
        self._listener.close()
        self._untap()
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(self._user.close)
            cleanup.callback(self._answers.close)
            self._write_played()
