"""The microphone: one, with any number of listeners."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from inworld_rt import pcm
from inworld_rt.audio.backend import PERIODS_PER_SECOND, Backend
from inworld_rt.audio.hold import Hold
from inworld_rt.audio.mixing import loudness
from inworld_rt.audio.resample import Resampler
from inworld_rt.workers import Deadline, Worker, call, wait_on

__all__ = ["PREROLL", "Listener", "Microphone"]

log = logging.getLogger("inworld_rt")

PREROLL = 2.0
"""Seconds that are kept for listeners who come late."""

_PERIOD = 1 / PERIODS_PER_SECOND
_MOST = 10 * PERIODS_PER_SECOND  # periods that may wait for our thread
_STALE = 0.5  # seconds; what is older comes from a stall, after which some systems deliver it all
_WAIT = 0.1  # seconds of one wait
_ZEROS = 3.0  # seconds of nothing but zeros after which the microphone is taken for muted
_STOP_WITHIN = 1.0

Hear = Callable[[bytes, float], None]
"""Is given what was heard, 16-bit mono, about 20 ms of it, and when."""


class Listener:
    """Somebody who is given all that the microphone hears."""

    def __init__(self, microphone: Microphone, hear: Hear) -> None:
        self.hear = hear
        self._microphone = microphone

    def close(self) -> None:
        """Listen no more; may be called twice."""
        self._microphone.dismiss(self)


class Microphone:
    """An open microphone. Any thread may call anything; nothing blocks but opening and closing.

    Attributes:
        name: the device's name.
        rate: samples per second that listeners get.
        dropped_ms: milliseconds of sound that were lost because they came too fast or too late.
        level: how loud it is right now, 0 to 1.
        zeros: whether there was nothing but zeros for three seconds: it is muted, or the wrong one.
        lost: whether the device is away; listeners get silence meanwhile.
    """

    def __init__(
        self,
        backend: Backend,
        device: int | str | None = None,
        rate: int = 24000,
        *,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Open it; nothing is heard before :meth:`start`.

        Args:
            backend: whose device it is.
            device: its number, a part of its name, or ``None`` for the default.
            rate: samples per second wanted; where the device takes others only, :attr:`rate` is
                one of those.
            changed: told when the device is lost or back.

        Raises:
            BackendMissing: a package is not installed.
            DeviceError: there is no such device, or it cannot be opened.
        """
        self.level = 0.0
        self.dropped_ms = 0.0
        self.zeros = self.lost = False
        self._changed = changed
        self._backend = backend
        # The device's thread puts, ours gets; in C, so nobody waits for anybody.
        self._ring: queue.SimpleQueue[tuple[bytes, float]] = queue.SimpleQueue()
        self._periods = 0
        self._hold = Hold(backend, self._open)
        self.rate = rate
        stream = self._hold.open(device)
        self.name, self.rate = stream.name, stream.rate
        self._resampler: Resampler | None = None
        self._clean: Callable[[bytes, float], bytes] = lambda sound, at: sound
        self._listeners: tuple[Listener, ...] = ()
        self._past: deque[tuple[bytes, float]] = deque(maxlen=int(PREROLL * PERIODS_PER_SECOND))
        # Around the two above, and for those who wait for the next period.
        self._news = threading.Condition()
        self._zeros_since: float | None = None
        self._warned = self._told_zeros = False
        self._failure: BaseException | None = None
        self._worker = Worker("mic", self._run, self._failed)

    def _open(self, device: int | str | None) -> Any:
        return self._backend.open_source(device, (self.rate,), self._deliver)

    def _deliver(self, sound: bytes, at: float) -> None:
        """In the device's thread."""
        self._periods += 1
        if self._ring.qsize() >= _MOST:
            try:
                self._ring.get_nowait()
            except queue.Empty:  # our thread has just taken it
                pass
            else:
                self.dropped_ms += _PERIOD * 1000
        self._ring.put((sound, at))

    def start(
        self, rate: int | None = None, clean: Callable[[bytes, float], bytes] | None = None
    ) -> None:
        """Begin to hear.

        Args:
            rate: samples per second that listeners shall get; default: the device's.
            clean: changes the sound before anybody gets it, as against echo; given samples and
                their time.

        Raises:
            BackendMissing: the rates differ and the resampling package is not installed.
        """
        stream = self._hold.stream
        assert stream is not None
        self.rate = rate or self.rate
        self._resampler = Resampler(stream.rate, self.rate)
        self._clean = clean or self._clean
        self._worker.start()

    # --- listening -------------------------------------------------------------------------------

    def listen(self, hear: Hear, preroll: float = 0.0) -> Listener:
        """Give somebody all that is heard from now on, or from a little earlier.

        Args:
            hear: is called in the microphone's thread, so it has to be quick. If it raises, it is
                dismissed and the exception shown as that of a thread.
            preroll: seconds of what was heard just before, at most :data:`PREROLL`.

        Returns:
            To be closed.
        """
        listener = Listener(self, hear)
        with self._news:
            self._listeners += (listener,)
            for sound, at in self.recent(preroll):
                if listener in self._listeners:
                    self._tell(listener, sound, at)
        return listener

    def recent(self, seconds: float) -> list[tuple[bytes, float]]:
        """What was heard in the last seconds: samples and times."""
        count = math.ceil(seconds * PERIODS_PER_SECOND - 1e-6)  # 7.000000000000001 are 7
        with self._news:
            return list(self._past)[-count:] if count > 0 else []

    def dismiss(self, listener: Listener) -> None:
        """Listeners call this to end."""
        with self._news:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    def levels(self) -> Iterator[float]:
        """The level of each period, 0 to 1, as it comes; ends, with a 0, when it is closed.

        Each value is waited for, at most a tenth of a second.
        """
        while not self._worker.stopping.is_set():
            with self._news:
                wait_on(self._news, Deadline(_WAIT))
            yield self.level
        yield 0.0

    @property
    def overflows(self) -> int:
        """How often the system lost sound because it was not fetched in time."""
        stream = self._hold.stream
        return stream.complaints if stream else 0

    @property
    def losses(self) -> int:
        """How often the device was lost."""
        return self._hold.losses

    @property
    def exhausted(self) -> bool:
        """Whether it is a recording that is over."""
        stream = self._hold.stream
        return stream is not None and stream.exhausted

    def now(self) -> float:
        """The time, on the clock of its times."""
        stream = self._hold.stream
        return stream.now() if stream else time.monotonic()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Let go of the device; may be called twice."""
        self._worker.stopping.set()
        self._hold.close()
        self._worker.stop(_STOP_WITHIN)
        self._hold.close()  # it may just have been opened again

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- our thread ------------------------------------------------------------------------------

    def _run(self, stopping: threading.Event) -> None:
        last = time.monotonic()
        while not stopping.is_set():
            try:
                sound, at = self._ring.get(timeout=_WAIT)
            except queue.Empty:
                if not self._hold.alive(self._periods) and not stopping.is_set():
                    self._without_device(stopping, last)
                continue
            last = time.monotonic()
            stream = self._hold.stream
            if stream is None:
                continue  # closing
            if stream.failure is not None:
                raise stream.failure
            self._hold.alive(self._periods)
            self._warn_of_overflow(stream.complaints)
            if stream.now() - at > _STALE:
                self.dropped_ms += _PERIOD * 1000
                continue
            self._take(pcm.to_mono(sound, stream.channels), at)

    def _take(self, mono: bytes, at: float) -> None:
        assert self._resampler is not None
        sound = self._resampler.push(mono)
        if not sound:
            return
        self._notice_zeros(sound, at)
        self._give(self._clean(sound, at), at)

    def _give(self, sound: bytes, at: float) -> None:
        self.level = loudness(sound)
        with self._news:
            self._past.append((sound, at))
            for listener in self._listeners:
                self._tell(listener, sound, at)
            self._news.notify_all()

    def _tell(self, listener: Listener, sound: bytes, at: float) -> None:
        if not call(listener.hear, sound, at):
            self.dismiss(listener)  # the microphone goes on without it

    def _without_device(self, stopping: threading.Event, given: float) -> None:
        """The device is away: give silence in real time until it is back.

        Args:
            stopping: ends it.
            given: until when there was sound.
        """
        self._hold.lost()
        self.lost = True
        self._changed()
        while not stopping.wait(_PERIOD):
            while given < time.monotonic():
                self._give(bytes(2 * int(self.rate * _PERIOD)), given)
                given += _PERIOD
            if self._hold.regain(self._periods):
                break
        stream = self._hold.stream
        if stream is not None:
            self._resampler = Resampler(stream.rate, self.rate)
            self.lost = False
            self._changed()

    def _warn_of_overflow(self, overflows: int) -> None:
        if overflows and not self._warned:
            self._warned = True
            log.warning(
                "the microphone %r lost sound because this computer was too busy to fetch it; "
                "told once, counted in stats",
                self.name,
            )

    def _notice_zeros(self, sound: bytes, at: float) -> None:
        if sound.count(0) < len(sound):
            self._zeros_since, self.zeros = None, False
        elif self._zeros_since is None:
            self._zeros_since = at
        elif not self.zeros and at - self._zeros_since > _ZEROS:
            self.zeros = True
            if not self._told_zeros:
                self._told_zeros = True
                log.info("the microphone %r gives pure silence: muted? the wrong one?", self.name)

    def _failed(self, exc: BaseException) -> None:
        self._failure = exc
        self._changed()
