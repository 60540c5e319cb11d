"""Speech waiting to be heard, and how much of it was.

Between whoever has the speech and the sound device, which fetches a few milliseconds at a time and
must never be kept waiting. Pure but for the one lock: the device and the clock are the caller's.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from inworld_rt.errors import ConfigError

__all__ = ["MOST_START_MS", "START_MS", "Playback"]

START_MS = 120
"""Milliseconds collected before speech begins, or goes on after a gap. Speech that starts with the
first slice and then waits for the second is worse than speech that starts a little later."""

MOST_START_MS = 960
"""What that may grow to: after each gap twice as much is collected, as the next will be as long."""

_RUNS = 256  # remembered for position(): 5 s at 20 ms, more than any device is behind


class _Run(NamedTuple):
    """Frames that were handed over in one go."""

    at: float  # when the first of them is heard
    first: int  # its number
    frames: int


class Playback:
    """A queue of 16-bit mono PCM that counts.

    Any thread may call anything; nothing blocks. A *frame* has a number: how many were pushed
    before it. What was pushed is played, dropped or waiting, at any time, to the frame.

    Times are seconds of whatever clock the caller uses, as long as it is always the same.

    Attributes:
        changed: notified after every :meth:`pull`. Hold it to read several numbers that belong
            together; never while a stream is being closed, as closing waits for the puller.
        rate: frames per second.
        pushed: frames that came in.
        played: frames handed over; the last of them may not be heard yet.
        dropped: frames thrown away by :meth:`clear`.
        pulls: how often :meth:`pull` was called.
        underruns: how often speech ran dry although more was to come.
        start_ms: milliseconds to collect before speech begins.
    """

    def __init__(self, rate: int, *, start_ms: float = START_MS) -> None:
        """Make an empty one.

        Args:
            rate: frames per second.
            start_ms: milliseconds to collect before speech begins; more after a gap.
        """
        # Held for moments only, so the device's thread may want it, too.
        self.changed = threading.Condition()
        self.rate = rate
        self.pushed = self.played = self.dropped = self.pulls = self.underruns = 0
        self.start_ms = start_ms
        self._chunks: deque[bytes] = deque()
        self._offset = 0  # bytes of the first chunk that are gone
        self._flowing = False  # enough was collected
        self._finished = False
        self._runs: deque[_Run] = deque(maxlen=_RUNS)

    @property
    def waiting(self) -> int:
        """Frames still to be handed over."""
        with self.changed:  # three numbers that belong together
            return self.pushed - self.played - self.dropped

    def push(self, pcm: bytes) -> int:
        """Add speech; it takes back an earlier :meth:`finish`.

        Args:
            pcm: whole frames, possibly none.

        Returns:
            The number of its first frame.

        Raises:
            ConfigError: ``pcm`` ends inside a frame.
        """
        frames, rest = divmod(len(pcm), 2)
        if rest:
            raise ConfigError(f"{len(pcm)} bytes end within a sample")
        with self.changed:
            first = self.pushed
            if frames:
                self._chunks.append(pcm)
                self.pushed += frames
                self._finished = False
            return first

    def finish(self) -> None:
        """Nothing more is to come: play the rest, however little it is."""
        with self.changed:
            self._finished = True

    def pull(self, frames: int, at: float) -> bytes:
        """Hand over speech; where there is not enough, silence follows it.

        Args:
            frames: how many are wanted.
            at: when the first of them will be heard.

        Returns:
            Exactly that many frames.
        """
        with self.changed:
            self.pulls += 1
            if not self._flowing:
                start = 0 if self._finished else int(self.rate * self.start_ms / 1000)
                self._flowing = self.waiting >= max(1, start)
            speech = self._take(frames * 2) if self._flowing else b""
            count = len(speech) // 2
            if count:
                self._runs.append(_Run(at, self.played + self.dropped, count))
                self.played += count
            if self._flowing and count < frames:
                self._flowing = False
                if not self._finished:
                    self.underruns += 1
                    longer = max(2 * self.start_ms, START_MS)
                    self.start_ms = max(self.start_ms, min(longer, MOST_START_MS))
            self.changed.notify_all()
        return speech + bytes(frames * 2 - len(speech))

    def _take(self, wanted: int) -> bytes:
        """Up to that many bytes from the front."""
        parts = []
        while wanted and self._chunks:
            chunk = self._chunks[0]
            part = chunk[self._offset : self._offset + wanted]
            parts.append(part)
            wanted -= len(part)
            self._offset += len(part)
            if self._offset == len(chunk):
                self._chunks.popleft()
                self._offset = 0
        return b"".join(parts)

    def clear(self) -> int:
        """Drop what waits: from the next :meth:`pull` on there is silence, until more is pushed.

        Returns:
            Frames dropped.
        """
        with self.changed:
            dropped = self.waiting
            self.dropped += dropped
            self._chunks.clear()
            self._offset = 0
            self._flowing = False
            self._finished = True  # so that the silence is none that ran dry
            return dropped

    def position(self, now: float) -> int:
        """How far the listener is.

        Args:
            now: the time, possibly in the future.

        Returns:
            The number of the frame that is being heard, or, where all that was handed over was
            heard, of the one after. Frames dropped earlier have their numbers, too.
        """
        with self.changed:
            for run in reversed(self._runs):
                if run.at <= now:
                    # The thousandth of a frame undoes the rounding of times.
                    heard = int((now - run.at) * self.rate + 1e-3)
                    return run.first + min(run.frames, heard)
            return self._runs[0].first if self._runs else 0

    def when(self, frame: int) -> float | None:
        """When a frame is heard; ``None`` if it was not handed over, or long ago."""
        with self.changed:
            for run in self._runs:
                if run.first <= frame < run.first + run.frames:
                    return run.at + (frame - run.first) / self.rate
            return None

    def heard_all(self, now: float) -> bool:
        """Whether all that was pushed and not dropped has been heard, to its last frame.

        Args:
            now: the time.
        """
        with self.changed:
            if self.waiting:
                return False
            if not self._runs:
                return True
            last = self._runs[-1]
            return now >= last.at + last.frames / self.rate
