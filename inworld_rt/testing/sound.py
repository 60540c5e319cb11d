"""Sound devices that a test speaks into and listens to."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.audio.backend import PERIODS_PER_SECOND, Deliver, Device, Pull, Stream, choose
from inworld_rt.audio.paced import Paced
from inworld_rt.audio.resample import resample
from inworld_rt.errors import ConfigError, WaitTimeout
from inworld_rt.testing.clock import NS, FakeClock, nanoseconds
from inworld_rt.workers import Deadline, Worker, wait_for

__all__ = ["FakeSound"]

_KINDS = ("microphone", "speaker")
_PERIOD = NS // PERIODS_PER_SECOND

# The thread of a Microphone. Who opens a device without one has what it delivers there and then.
_LISTENER = "inworld-rt-mic"
_PATIENCE = 10.0  # seconds of real time for what takes a thousandth of one
_SLICE = 0.05  # seconds between two looks whether there still is somebody to wait for

# A device is taken for lost after a second of real time without a period. But while a test does
# other things, the time stands still here, for as long as that takes.
_SIGN_OF_LIFE = 0.25  # seconds


class FakeSound:
    """A microphone that hears what the test says, and a loudspeaker that keeps what it plays.

    It is a back end: ``client.voice_chat(audio=sound)``. Time stands still but for :meth:`advance`,
    so a call that waits for sound to pass, like ``chat.wait_until_heard()``, is none for a test,
    unless another thread moves the time.

    That a device was unplugged is noticed within a moment of real time, and so is that it is back.

    Attributes:
        clock: whose time it is.
        speaker_rate: frames per second of :attr:`heard`; 0 before the loudspeaker was opened.
    """

    name = "fake"

    def __init__(self, clock: FakeClock | None = None, *, rates: Sequence[int] = ()) -> None:
        """Both devices are there.

        Args:
            clock: whose time it is; default: a clock of its own.
            rates: frames per second that the devices take, such as ``[48000]``; default: any.
        """
        # While a device is away, others count in real time: theirs and ours begin together.
        self.clock = clock or FakeClock(time.monotonic())
        self.speaker_rate = 0
        self._rates = tuple(rates)
        # All below is guarded by the clock's lock, which is held in every period anyway.
        self._there = set(_KINDS)
        self._said: deque[tuple[bytes, int]] = deque()
        self._saying = bytearray()  # what comes first, in the microphone's rate
        self._heard = bytearray()
        self._open: list[_Open] = []
        self._worker: Worker | None = None

    # --- what a test does ------------------------------------------------------------------------

    def say(self, sound: bytes | str | os.PathLike[str], rate: int = 24000) -> float:
        """Have the microphone hear something, behind all that was said before; else it hears
        silence.

        Args:
            sound: 16-bit mono samples, or the path of a WAV file of any kind.
            rate: samples per second of samples.

        Returns:
            Seconds that it lasts.

        Raises:
            OSError: the file cannot be read.
            AudioError: it is no WAV file, or has no sound in it.
            ConfigError: the samples end within one.
        """
        if isinstance(sound, (bytes, bytearray, memoryview)):
            recording = wav.Recording(rate, 1, sound)
        else:
            recording = wav.read(sound)
        with self.clock.lock:
            self._said.append((pcm.to_mono(recording.pcm, recording.channels), recording.rate))
        return recording.seconds

    @property
    def heard(self) -> bytes:
        """All that the loudspeaker has played, its silence too: 16-bit mono samples."""
        with self.clock.lock:
            return bytes(self._heard)

    def advance(self, seconds: float) -> None:
        """Let time pass: what was said is heard, and what waits for the loudspeaker is played.

        When it returns, each :class:`~inworld_rt.audio.microphone.Microphone` has given its
        listeners all that it heard. The network takes its own time: wait for that by the client.

        Args:
            seconds: how much time.

        Raises:
            ConfigError: it is less than nothing.
            WaitTimeout: a listener of a microphone hangs.
        """
        left = nanoseconds(seconds)
        while left > 0:
            step = min(left, _PERIOD)
            left -= step
            self.clock.advance(step / NS)
            # After each period: our time is so fast that others would seem to be seconds late.
            for device in self._all_open():
                device.settle()

    def unplug(self, kind: str | None = None) -> None:
        """Take a device away; what is open falls silent for ever.

        Args:
            kind: ``microphone`` or ``speaker``; default: both.
        """
        with self.clock.lock:
            self._there -= _kinds(kind)
        for device in self._all_open():
            if device.kind not in self._there:
                device.close()

    def plug(self, kind: str | None = None) -> None:
        """Bring it back; it waits to be opened again.

        Args:
            kind: as for :meth:`unplug`.
        """
        with self.clock.lock:
            self._there |= _kinds(kind)

    # --- what a back end does --------------------------------------------------------------------

    def open_source(
        self, device: int | str | None, rates: Sequence[int], deliver: Deliver
    ) -> Stream:
        """See :meth:`Backend.open_source <inworld_rt.audio.backend.Backend.open_source>`."""
        rate = self._rate(rates)

        def period(frames: int, at: float) -> None:
            deliver(self._hear(frames, rate), at)

        return self._opened("microphone", choose(self.devices(), device, "input"), rate, period)

    def open_sink(self, device: int | str | None, rates: Sequence[int], pull: Pull) -> Stream:
        """See :meth:`Backend.open_sink <inworld_rt.audio.backend.Backend.open_sink>`."""
        found, rate = choose(self.devices(), device, "output"), self._rate(rates)

        def period(frames: int, at: float) -> None:
            self._heard.extend(pull(frames, at))

        self.speaker_rate = rate
        return self._opened("speaker", found, rate, period)

    def devices(self, *, probe: bool = False) -> list[Device]:
        """See :meth:`Backend.devices <inworld_rt.audio.backend.Backend.devices>`."""
        rate = self._rate((24000,))
        takes = tuple(r for r in pcm.RATES if self._rate((r,)) == r) if probe else ()
        microphone = Device(
            0, "fake microphone", inputs=1, rate=rate, default_input=True, input_rates=takes
        )
        speaker = Device(
            1, "fake speaker", outputs=1, rate=rate, default_output=True, output_rates=takes
        )
        both = zip(_KINDS, (microphone, speaker), strict=True)
        return [device for kind, device in both if kind in self._there]

    def refresh(self) -> None:
        """Nothing to do."""

    def _rate(self, wanted: Sequence[int]) -> int:
        """The first of those wanted that the devices take, else one that they do."""
        takes = self._rates or wanted
        return next((rate for rate in wanted if rate in takes), takes[0])

    def _hear(self, frames: int, rate: int) -> bytes:
        """What comes next to the microphone's ear."""
        size = 2 * frames
        while self._said and len(self._saying) < size:
            self._saying += resample(*self._said.popleft(), rate)
        sound = bytes(self._saying[:size])
        del self._saying[:size]
        return sound.ljust(size, b"\0")

    # --- what is open ----------------------------------------------------------------------------

    def _opened(
        self, kind: str, device: Device, rate: int, period: Callable[[int, float], None]
    ) -> _Open:
        with self.clock.lock:
            opened = _Open(kind, device.name, rate, period, self.clock, self._closed)
            self._open.append(opened)
            if self._worker is None:
                self._worker = Worker("fake-sound", self._show_life, lambda exc: None)
                self._worker.start()
        return opened

    def _closed(self, device: _Open) -> None:
        with self.clock.lock:
            if device in self._open:
                self._open.remove(device)
            if not self._open and self._worker is not None:
                self._worker.stopping.set()  # not waited for: it may just be waiting for the lock
                self._worker = None

    def _all_open(self) -> list[_Open]:
        with self.clock.lock:
            return list(self._open)

    def _show_life(self, stopping: threading.Event) -> None:
        while not stopping.wait(_SIGN_OF_LIFE):
            with self.clock.lock:
                for device in self._open:
                    device.show_life()


class _Open(Paced):
    """One of the two devices, open."""

    def __init__(
        self,
        kind: str,
        name: str,
        rate: int,
        period: Callable[[int, float], None],
        clock: FakeClock,
        closed: Callable[[_Open], None],
    ) -> None:
        self.kind = kind
        self._lock = clock.lock
        self._closed = closed
        self._until = clock.now()  # when the period after the latest begins
        self._is_fresh = True
        super().__init__(name, rate, period, clock)

    def _step(self, due: float) -> None:
        super()._step(due)
        self._until, self._is_fresh = due + 1 / PERIODS_PER_SECOND, True

    def show_life(self) -> None:
        """Do a period without a length, if there was no other since the last time."""
        if not self._is_fresh:
            self._do(0, self._until)
        self._is_fresh = False

    def settle(self) -> None:
        """Wait until a microphone's thread has done with all that was delivered."""
        if self.kind != "microphone" or not _somebody_listens():
            return
        # Behind it comes nothing at all, and who looks when that was has done with the rest.
        mark = _Mark(self._until)
        with self._lock:
            self._do(0, mark)
        deadline = Deadline(_PATIENCE)
        while not wait_for(mark.noticed, _SLICE):
            if not (self.running and _somebody_listens()):
                return
            if deadline.left() == 0.0:
                raise WaitTimeout(
                    f"a microphone has not taken what it heard within {_PATIENCE:g} s; does one of "
                    "its listeners hang, or wait for time to pass?"
                )

    def close(self) -> None:
        """See :meth:`Stream.close`."""
        super().close()
        self._closed(self)


class _Mark(float):
    """A time that notices when somebody works out how long ago it was."""

    def __init__(self, _: float) -> None:
        self.noticed = threading.Event()

    def __rsub__(self, now: float, /) -> float:
        self.noticed.set()
        return now - float(self)


def _somebody_listens() -> bool:
    return any(thread.name == _LISTENER for thread in threading.enumerate())


def _kinds(kind: str | None) -> set[str]:
    if kind is not None and kind not in _KINDS:
        raise ConfigError(f"expected {' or '.join(_KINDS)}, got {kind!r:.40}")
    return set(_KINDS) if kind is None else {kind}
