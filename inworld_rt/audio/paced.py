"""Sound devices made of a clock: the back end ``null``, and what ``wav`` and fakes share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from inworld_rt.audio.backend import PERIODS_PER_SECOND, Deliver, Device, Pull, Stream
from inworld_rt.pcm import RATES
from inworld_rt.workers import Worker

__all__ = ["Clock", "Null", "Paced", "RealClock"]

_PERIOD = 1 / PERIODS_PER_SECOND
_LATE = 1.0  # seconds; who was asleep for longer does not make up for it
_STOP_WITHIN = 1.0  # seconds


class Clock(Protocol):
    """What time it is, and who is to be called when."""

    def now(self) -> float:
        """Seconds."""

    def every(
        self,
        seconds: float,
        step: Callable[[float], None],
        failed: Callable[[BaseException], None],
    ) -> Callable[[], None]:
        """Call ``step`` again and again, with the time at which it was due.

        Args:
            seconds: between two calls.
            step: what to call.
            failed: is given what ``step`` raised; it is not called again.

        Returns:
            A function that ends it.
        """


class RealClock:
    """The computer's clock; each caller has a thread."""

    def now(self) -> float:
        """Seconds, as ``time.monotonic``."""
        return time.monotonic()

    def every(
        self,
        seconds: float,
        step: Callable[[float], None],
        failed: Callable[[BaseException], None],
    ) -> Callable[[], None]:
        """See :meth:`Clock.every`."""

        def run(stopping: threading.Event) -> None:
            due = time.monotonic() + seconds
            while not stopping.wait(max(0.0, due - time.monotonic())):
                step(due)
                due += seconds
                if time.monotonic() - due > _LATE:
                    due = time.monotonic()

        worker = Worker("pace", run, failed)
        worker.start()
        return lambda: worker.stop(_STOP_WITHIN)


class Paced:
    """A stream whose periods are the clock's."""

    def __init__(
        self,
        name: str,
        rate: int,
        period: Callable[[int, float], None],
        clock: Clock,
        channels: int = 1,
    ) -> None:
        """Start it.

        Args:
            name: what it is called.
            rate: frames per second.
            period: does one period: told how many frames it has, and its time.
            clock: whose time.
            channels: samples per frame.
        """
        self.name, self.rate, self.channels = name, rate, channels
        self.latency = _PERIOD
        self.complaints = 0
        self.failure: BaseException | None = None
        self.exhausted = False
        self.running = True
        self.now = clock.now
        self._period = period
        self._frames = 0.0
        self._end = clock.every(_PERIOD, self._step, self._failed)

    def _step(self, due: float) -> None:
        self._frames += self.rate * _PERIOD  # 220.5 of them at 11025 Hz
        whole = int(self._frames + 1e-6)
        self._frames -= whole
        self._do(whole, due)

    def _do(self, frames: int, at: float) -> None:
        try:
            self._period(frames, at)
        except Exception as exc:  # told by whoever watches the stream, which goes on
            self.failure = exc

    def _failed(self, exc: BaseException) -> None:
        self.failure, self.running = exc, False

    def close(self) -> None:
        """See :meth:`Stream.close`."""
        self.running = False
        self._end()


class Null:
    """The back end ``null``: a microphone that hears nothing, a loudspeaker that nobody hears."""

    name = "null"

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or RealClock()

    def open_source(
        self, device: int | str | None, rates: Sequence[int], deliver: Deliver
    ) -> Stream:
        """See :meth:`Backend.open_source`."""
        return Paced("null", rates[0], lambda n, at: deliver(bytes(2 * n), at), self._clock)

    def open_sink(self, device: int | str | None, rates: Sequence[int], pull: Pull) -> Stream:
        """See :meth:`Backend.open_sink`."""
        return Paced("null", rates[0], lambda n, at: void(pull(n, at)), self._clock)

    def devices(self, *, probe: bool = False) -> list[Device]:
        """See :meth:`Backend.devices`."""
        rates = RATES if probe else ()
        return [Device(0, "null", 1, 1, 24000, True, True, rates, rates)]

    def refresh(self) -> None:
        """Nothing to do."""


def void(_: object) -> None:
    """Takes what nobody wants."""
