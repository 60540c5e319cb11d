"""Keeping a device: noticing that it is gone, and getting it back by its name.

A device that is unplugged or stalls raises nothing and says nothing; its periods just cease. What
counts is the time in which we were awake to notice them, so that a process that was stopped, or a
notebook that slept, has not lost its device.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable

from inworld_rt.audio.backend import Backend, Stream
from inworld_rt.errors import AudioError, DeviceError

__all__ = ["LOST_AFTER", "Hold"]

LOST_AFTER = 1.0
"""Seconds without a period after which a device is taken for lost."""

_SUSPICIOUS = 0.05  # seconds without one after which the system is asked
_RETRY = 0.5  # seconds between two attempts to have it back
_LONGEST = 0.2  # seconds that count at most between two looks: we were not awake for longer
# Looking for devices afresh makes the other stream falter for a moment: so it is done seldomer and
# seldomer, in seconds.
_REFRESH, _SELDOMEST = 1.0, 8.0


class Hold:
    """One device, held on to."""

    def __init__(self, backend: Backend, open: Callable[[int | str | None], Stream]) -> None:
        """Nothing is opened yet.

        Args:
            backend: whose device it is.
            open: opens the device that is given.
        """
        self.stream: Stream | None = None
        self.losses = 0
        self._backend = backend
        self._open = open
        self._looked = self._retried = self._refreshed = time.monotonic()
        self._idle = 0.0
        self._periods = 0
        self._every = _REFRESH
        self.name = ""

    def open(self, device: int | str | None) -> Stream:
        """Open it for the first time; raises what the back end raises."""
        self.stream = self._open(device)
        self.name = self.stream.name
        return self.stream

    def alive(self, periods: int) -> bool:
        """Whether the device still works; to be called several times a second.

        Args:
            periods: how many there were so far.
        """
        now = time.monotonic()
        self._idle += min(now - self._looked, _LONGEST)
        self._looked = now
        if periods != self._periods:
            self._periods, self._idle = periods, 0.0
        stopped = self._idle > _SUSPICIOUS and self.stream is not None and not self.stream.running
        return self._idle < LOST_AFTER and not stopped

    def lost(self) -> DeviceError:
        """Let go of it; returns the error that tells so."""
        self.close()
        self.losses += 1
        self._every = _REFRESH
        self._refreshed = time.monotonic()
        return DeviceError(
            f"the sound device {self.name!r} has not answered for more than {LOST_AFTER:g} s; it "
            "has been unplugged, or the sound server has ended: check it and try again"
        )

    def regain(self, periods: int) -> bool:
        """Try to have it back, if it is time for that; to be called several times a second.

        A device that stalls can be opened, too; so it is back when it has done something.

        Args:
            periods: how many there were so far.

        Returns:
            Whether it is back.
        """
        now = time.monotonic()
        if self.stream is not None:
            if periods > self._periods:
                self._idle, self._looked = 0.0, now
                return True
            if now - self._retried > LOST_AFTER:
                self.close()
                self._retried = now
            return False
        if now - self._retried < _RETRY:
            return False
        self._retried, self._periods = now, periods
        # What fails is still away, as the state tells.
        with contextlib.suppress(AudioError):
            if now - self._refreshed > self._every:
                self._refreshed, self._every = now, min(2 * self._every, _SELDOMEST)
                self._backend.refresh()
                return False  # opened at once after that, PortAudio may hang on a dead device
            same = [d for d in self._backend.devices() if _plain(d.name) == _plain(self.name)]
            if same:
                self.stream = self._open(same[0].index if len(same) == 1 else same[0].name)
        return False

    def close(self) -> None:
        """Let go of it."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()


def _plain(name: str) -> str:
    """A device's name without the number that its plug happens to have."""
    return re.sub(r"\s*\(hw:\d+,\d+\)$", "", name)
