"""Both sides of a conversation in one stereo WAV file, in time."""

from __future__ import annotations

import contextlib
import math
import struct
from collections import deque
from pathlib import Path

from inworld_rt.audio.convert import Converter
from inworld_rt.audio.mixing import mix
from inworld_rt.audio.resample import Resampler
from inworld_rt.errors import BackendMissing
from inworld_rt.pcm import AudioFormat, Carry, decode

__all__ = ["LEFT", "RATE", "RIGHT", "Live", "Stereo", "Track"]

LEFT, RIGHT = 0, 1
RATE = 24000
"""Frames per second, where nothing speaks against it."""

_SLACK = 0.1  # seconds; what is further behind gets silence before it
_WINDOW = 0.25  # seconds in which the rest of a burst comes
_MOST = 0xFFFFFFFF - 36  # the header counts in 32 bits, itself included
_BLOCK = 1 << 18  # frames


class Stereo:
    """A WAV file, 16 bit, whose sides are written independently of each other, anywhere.

    Attributes:
        rate: frames per second; may be set until the first sound is there.
        frames: how long it is.
    """

    def __init__(self, path: Path) -> None:
        """Begin it.

        Raises:
            OSError: it cannot be written.
        """
        self.rate = RATE
        self.frames = 0
        self._told = -1  # frames by the header
        self._file = open(path, "x+b", buffering=0)  # what was written survives the process
        try:
            self.sync()
        except OSError:
            self._file.close()
            raise

    def put(self, side: int, first: int, mono: bytes) -> None:
        """Add sound to what is there.

        Args:
            side: :data:`LEFT` or :data:`RIGHT`.
            first: number of its first frame.
            mono: 16-bit samples.
        """
        mono = mono[: max(0, _MOST - 4 * first) // 4 * 2]
        if not mono:
            return
        place = 44 + 4 * first
        self._file.seek(place)
        both = bytearray(self._file.read(2 * len(mono)) or b"")
        both += bytes(2 * len(mono) - len(both))
        low, high = slice(2 * side, None, 4), slice(2 * side + 1, None, 4)
        there = bytearray(len(mono))
        there[0::2], there[1::2] = both[low], both[high]
        if there.count(0) < len(there):
            mono = mix(bytes(there), mono)
        both[low], both[high] = mono[0::2], mono[1::2]
        self._file.seek(place)
        self._write(both)
        self.frames = max(self.frames, first + len(mono) // 2)

    def blank(self, side: int) -> None:
        """Make one side silent from the beginning on."""
        for first in range(0, self.frames, _BLOCK):
            self._file.seek(44 + 4 * first)
            both = bytearray(self._file.read(4 * min(_BLOCK, self.frames - first)))
            both[2 * side :: 4] = both[2 * side + 1 :: 4] = bytes(len(both) // 4)
            self._file.seek(44 + 4 * first)
            self._write(both)

    def sync(self) -> None:
        """Bring the header up to date."""
        if self._told == self.frames:
            return
        self._told, size = self.frames, 4 * self.frames
        head = (b"RIFF", 36 + size, b"WAVEfmt ", 16, 1, 2, self.rate, 4 * self.rate, 4, 16)
        self._file.seek(0)
        self._write(struct.pack("<4sI8sIHHIIHH4sI", *head, b"data", size))

    def close(self) -> None:
        """Complete it; may be called twice."""
        if not self._file.closed:
            with self._file:
                self.sync()

    def _write(self, data: bytes | bytearray) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


class Track:
    """One voice on one side, laid end to end, and where it paused, in time."""

    def __init__(self, stereo: Stereo, side: int) -> None:
        """Nothing is written yet."""
        self._stereo, self._side = stereo, side
        self._converter: Converter | _Plain | None = None
        self._format: AudioFormat | None = None
        self._end = 0  # behind the last frame that is written or waits
        self._waiting = bytearray()

    @property
    def end(self) -> float:
        """Seconds from the beginning to the end of what it said so far."""
        return self._end / self._stereo.rate

    def lay(self, at: float, sound: bytes, format: AudioFormat) -> None:
        """Add sound behind what is there, or later, if there was a pause.

        Args:
            at: seconds from the beginning.
            sound: in ``format``, cut anywhere.
            format: coding and rate.
        """
        converter = self._converter
        if converter is None or format != self._format:
            converter = self._begin(format)
        want = round(at * self._stereo.rate)
        if want - self._end > (_SLACK * self._stereo.rate if self._end else 0):
            self.flush()
            self._end = max(want, self._end)
        pcm = converter.push(sound)
        self._waiting += pcm
        self._end += len(pcm) // 2
        if len(self._waiting) > 2 * self._stereo.rate:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        waiting, self._waiting = bytes(self._waiting), bytearray()
        self._stereo.put(self._side, self._end - len(waiting) // 2, waiting)

    def flush(self) -> None:
        """Write all, also what a change of rate holds back."""
        if self._converter is not None:
            rest = self._converter.flush()
            self._waiting += rest
            self._end += len(rest) // 2
        self.write()

    def _begin(self, format: AudioFormat) -> Converter | _Plain:
        self.flush()
        self._format = format
        if self._stereo.frames == 0 and format.rate != RATE and not _can_resample(format.rate):
            self._stereo.rate = format.rate
        try:
            self._converter = Converter(format, self._stereo.rate)
        except BackendMissing:
            self._converter = _Plain(format, self._stereo.rate)
        return self._converter


class Live(Track):
    """What is sent. A microphone goes on while the network stops, so what comes all at once after
    such a stop was said before; whereas a file that is sent at once begins there."""

    def __init__(self, stereo: Stereo, side: int) -> None:
        """Nothing is written yet."""
        super().__init__(stereo, side)
        self.is_live = False
        """Whether what is added from now on comes from a microphone."""
        self._fresh: deque[tuple[float, bytes, AudioFormat, bool]] = deque()

    def add(self, at: float, sound: bytes, format: AudioFormat) -> None:
        """Add sound; see :meth:`Track.lay`."""
        self._fresh.append((at, sound, format, self.is_live))

    def settle(self, now: float = math.inf) -> None:
        """Lay what is old enough for all that was sent at once with it to be there as well."""
        while self._fresh and self._fresh[0][0] <= now - _WINDOW:
            at, sound, format, is_live = self._fresh[0]
            if is_live and at > self.end:
                first = len(sound) / format.bytes_per_second
                at = max(self.end, at - (self._surplus() if self.end else first))
            self.lay(at, sound, format)
            self._fresh.popleft()

    def _surplus(self) -> float:
        """Seconds by which more came at once than time passed."""
        begin = self._fresh[0][0]
        most = seconds = 0.0
        for at, sound, format, is_live in self._fresh:
            if at > begin + _WINDOW or not is_live:
                break
            seconds += len(sound) / format.bytes_per_second
            most = max(most, seconds - (at - begin))
        return most


def _can_resample(rate: int) -> bool:
    with contextlib.suppress(BackendMissing):
        Resampler(rate, RATE)
        return True
    return False


class _Plain:
    """Where the package for other rates is missing: samples are left out or repeated. It sounds
    rough, but it is in time."""

    def __init__(self, format: AudioFormat, rate: int) -> None:
        self._format, self._rate = format, rate
        self._carry = Carry(format.bytes_per_frame)
        self._taken = self._given = 0

    def push(self, chunk: bytes) -> bytes:
        pcm = decode(self._carry.push(chunk), self._format)
        first, self._taken = self._taken, self._taken + len(pcm) // 2
        begin, self._given = self._given, self._taken * self._rate // self._format.rate
        numbers = (n * self._format.rate // self._rate for n in range(begin, self._given))
        return b"".join(pcm[2 * (n - first) : 2 * (n - first) + 2] for n in numbers)

    def flush(self) -> bytes:
        self._carry.clear()
        return b""
