"""The loudspeaker: plays answers as they come, and knows to the sample what was heard of them."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from attrs import define

from inworld_rt.audio.backend import Backend
from inworld_rt.audio.convert import Converter
from inworld_rt.audio.hold import Hold
from inworld_rt.audio.mixing import loudness, mix, scale
from inworld_rt.audio.resample import Resampler
from inworld_rt.errors import AudioError
from inworld_rt.pcm import AudioFormat
from inworld_rt.playback import Playback
from inworld_rt.workers import Deadline, Worker, wait_on

__all__ = ["Heard", "Speaker", "Tap"]

_SLICE = 0.1  # seconds of one wait
_TAIL = 0.04  # seconds kept open after the end: a sound server may have a buffer more than it tells
_LATE = 0.06  # seconds between two periods of 20 ms: the device has just run dry
_RESTED = 2.0  # seconds of silence after which a loudspeaker may have gone to sleep
_SEGMENTS = 64  # pieces of speech remembered
_STOP_WITHIN = 1.0

Tap = Callable[[bytes, float], None]
"""Is given what is played, 16-bit mono, and when it is heard; in the device's thread, so it only
copies."""


class Heard(NamedTuple):
    """How much of a piece of speech was heard when it was cut.

    Attributes:
        key: the piece's, as given to :meth:`Speaker.say`.
        ms: milliseconds that were heard.
    """

    key: Any
    ms: float


@define
class _Segment:
    """Frames of one piece, in a row."""

    key: Any
    first: int
    frames: int = 0
    told: bool = False


class Speaker:
    """An open loudspeaker with two tracks: speech, which counts, and interjections, which do not.

    Any thread may call anything; nothing blocks but opening, :meth:`wait` and :meth:`close`.

    Attributes:
        name: the device's name.
        rate: frames per second.
        volume: 1 is as it comes, 0 is silent.
        lead_in: seconds of silence before speech after a rest, for loudspeakers that fall asleep
            and swallow the first word.
        late: how often we were late to serve the device, in the midst of speech.
        underflows: how often the system said so.
        gaps: how often speech ran dry because more of it was late.
        longest_gap: seconds of the longest such wait.
        lost: whether the device is away.
    """

    def __init__(
        self,
        backend: Backend,
        device: int | str | None = None,
        rate: int = 24000,
        *,
        volume: float = 1.0,
        lead_in: float = 0.0,
        started: Callable[[Any, float], None] = lambda key, at: None,
        changed: Callable[[], None] = lambda: None,
        keep: bool = True,
    ) -> None:
        """Open it; from then on silence is played.

        Args:
            backend: whose device it is.
            device: its number, a part of its name, or ``None`` for the default.
            rate: frames per second wanted; if the device takes others only, one of those.
            volume: see above.
            lead_in: see above.
            started: told when a piece of speech begins to be heard: its key, and when.
            changed: told when it begins or ceases to sound, or the device is lost or back.
            keep: whether to wait for a lost device; else :meth:`wait` and :meth:`check` raise.

        Raises:
            BackendMissing: a package is not installed.
            DeviceError: there is no such device, or it cannot be opened.
        """
        self.volume, self.lead_in = volume, lead_in
        self.late = self.underflows = self.gaps = 0
        self.longest_gap = 0.0
        self._started, self._changed, self._keep = started, changed, keep
        self._failure: BaseException | None = None
        self._speech: Playback | None = None
        self._taps: tuple[Tap, ...] = ()
        self._latest = b""
        self._complaints = 0
        self._sounding = False
        self.lost = False
        self._called = 0.0
        self._pushed, self._last_sound = 0.0, -math.inf
        self._dry = 0
        self._segments: deque[_Segment] = deque(maxlen=_SEGMENTS)
        self._converters: dict[bool, Converter] = {}
        # Around several steps on the two above. The device's thread never wants it.
        self._lock = threading.Lock()
        self._backend = backend
        self._wanted = rate
        self._hold = Hold(backend, self._open)
        stream = self._hold.open(device)
        self.name, self.rate = stream.name, stream.rate
        self._aside = Playback(self.rate, start_ms=40)
        self._speech = Playback(self.rate)
        self._worker = Worker("speaker", self._watch, self._failed)
        self._worker.start()

    def _open(self, device: int | str | None) -> Any:
        if self._speech is None:
            return self._backend.open_sink(device, (self._wanted,), self._pull)
        # Back again, possibly with another rate, whereas what waits has the old one.
        adapter = _Adapter(self._pull, self.rate)
        stream = self._backend.open_sink(device, (self.rate,), adapter.pull)
        adapter.adapt(stream.rate)
        return stream

    # --- the device's thread ---------------------------------------------------------------------

    def _pull(self, frames: int, at: float) -> bytes:
        now = self.now()
        if self._sounding and now - self._called > _LATE:
            self.late += 1  # silence may come late, nobody hears that
        self._called = now
        speech = self._speech
        if speech is None:  # it began before we know its rate
            return bytes(2 * frames)
        sound = speech.pull(frames, at)
        if self._aside.waiting:
            sound = mix(sound, self._aside.pull(frames, at))
        sound = self._latest = scale(sound, self.volume)
        for tap in self._taps:
            tap(sound, at)
        return sound

    # --- what is to be heard ---------------------------------------------------------------------

    def say(self, key: Any, chunk: bytes, format: AudioFormat) -> None:
        """Add speech.

        Args:
            key: whose it is, for :meth:`cut`.
            chunk: sound in ``format``, cut anywhere.
            format: any coding and rate; converted where the device wants another.

        Raises:
            BackendMissing: the rates differ and the resampling package is not installed.
            ConfigError: the chunk is no bytes.
        """
        speech, now = self.speech, self.now()
        with self._lock:
            pcm = self._converter(False, format).push(chunk)
            if speech.underruns > self._dry:
                self._dry = speech.underruns
                self.gaps += 1
                self.longest_gap = max(self.longest_gap, now - self._pushed)
            self._pushed = now
            if self.lead_in and not self._sounding and now - self._last_sound > _RESTED:
                self._last_sound = now
                speech.push(bytes(2 * int(self.lead_in * self.rate)))
            first = speech.push(pcm)
            last = self._segments[-1] if self._segments else None
            if last is None or last.key != key or last.first + last.frames != first:
                last = _Segment(key, first)
                self._segments.append(last)
            last.frames += len(pcm) // 2

    def finish(self) -> None:
        """The piece that came last is complete: play the rest, however little it is."""
        with self._lock:
            converter = self._converters.get(False)
            rest = converter.flush() if converter else b""
            if self._segments:
                self._segments[-1].frames += len(rest) // 2
            self.speech.push(rest)
            self.speech.finish()

    def interject(self, chunk: bytes, format: AudioFormat) -> None:
        """Add sound that is mixed into whatever is heard, does not count, and is never cut."""
        with self._lock:
            self._aside.push(self._converter(True, format).push(chunk))

    def finish_interjection(self) -> None:
        """It is complete."""
        with self._lock:
            converter = self._converters.get(True)
            self._aside.push(converter.flush() if converter else b"")
            self._aside.finish()

    def _converter(self, aside: bool, format: AudioFormat) -> Converter:
        found = self._converters.get(aside)
        if found is None or found.format != format:
            found = self._converters[aside] = Converter(format, self.rate)
        return found

    def cut(self) -> list[Heard]:
        """Fall silent at once.

        Returns:
            The latest pieces in order, with how much of each was heard. What the device has already
            taken counts as heard, because it will be.
        """
        speech = self.speech
        with self._lock, speech.changed:
            place = speech.pushed - speech.waiting
            speech.clear()
            if converter := self._converters.get(False):
                converter.clear()
            heard: dict[Any, float] = {}
            for part in self._segments:
                frames = min(max(place - part.first, 0), part.frames)
                heard[part.key] = heard.get(part.key, 0.0) + frames * 1000 / self.rate
            self._segments.clear()
        return [Heard(key, ms) for key, ms in heard.items()]

    # --- how far it is ---------------------------------------------------------------------------

    def heard(self, whose: Callable[[Any], bool]) -> float | None:
        """How much of some speech has been heard by now.

        Args:
            whose: tells by its key whether a piece belongs to it.

        Returns:
            Milliseconds; ``None`` if nothing of it came, or it was cut, or is long past.
        """
        speech = self.speech
        with self._lock:
            place = speech.position(self.now())
            parts = [part for part in self._segments if whose(part.key)]
            frames = sum(min(max(place - part.first, 0), part.frames) for part in parts)
        return frames * 1000 / self.rate if parts else None

    @property
    def speech(self) -> Playback:
        """The track that counts."""
        assert self._speech is not None
        return self._speech

    @property
    def latency(self) -> float:
        """Seconds from taking a sample to hearing it, as far as the system tells."""
        stream = self._hold.stream
        return stream.latency if stream else 0.0

    @property
    def losses(self) -> int:
        """How often the device was lost."""
        return self._hold.losses

    @property
    def sounding(self) -> bool:
        """Whether there is speech that was not heard yet."""
        stream = self._hold.stream
        if stream is None:  # what a lost device had taken is lost as well
            return self.speech.waiting > 0
        return not self.speech.heard_all(stream.now() - _TAIL)

    @property
    def level(self) -> float:
        """How loud what is played right now is, 0 to 1."""
        return loudness(self._latest)

    def now(self) -> float:
        """The time, on the clock of its times."""
        stream = self._hold.stream
        return stream.now() if stream else time.monotonic()

    def tap(self, tap: Tap) -> Callable[[], None]:
        """Have a copy of all that is played; returns a function that ends it."""
        with self._lock:
            self._taps += (tap,)

        def end() -> None:
            with self._lock:
                self._taps = tuple(t for t in self._taps if t is not tap)

        return end

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._failure is not None:
            raise self._failure

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until it is so; looked at after every period.

        Returns:
            Whether it is.

        Raises:
            DeviceError: the device is lost, where it is not waited for.
        """
        deadline = Deadline(timeout)
        while not done():  # without the lock: it may want others, in another order
            self.check()
            if deadline.left() == 0.0:
                return False
            with self.speech.changed:
                wait_on(self.speech.changed, Deadline(_SLICE))
        return True

    def close(self) -> None:
        """Stop the sound and close the device; may be called twice."""
        self._worker.stopping.set()
        self._hold.close()
        self._worker.stop(_STOP_WITHIN)
        self._hold.close()  # it may just have been opened again

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- our thread ------------------------------------------------------------------------------

    def _watch(self, stopping: threading.Event) -> None:
        speech = self.speech
        while not stopping.is_set():
            with speech.changed:
                wait_on(speech.changed, Deadline(_SLICE))
            if self.lost:
                if self._hold.regain(speech.pulls):
                    self.lost = False
                    self._changed()
                continue
            if not self._hold.alive(speech.pulls) and not stopping.is_set():
                self._lose()
                continue
            stream = self._hold.stream
            if stream is None:
                return  # closing
            if stream.failure is not None:
                raise stream.failure
            complaints, self._complaints = self._complaints, stream.complaints
            if self._sounding:
                self.underflows += max(0, stream.complaints - complaints)
            self._look()

    def _lose(self) -> None:
        error = self._hold.lost()
        if not self._keep:
            with contextlib.suppress(AudioError):  # the next attempt shall see what is there
                self._backend.refresh()
            raise error
        self.lost = True
        self._changed()

    def _look(self) -> None:
        with self._lock:
            fresh = [part for part in self._segments if not part.told and part.frames]
        for part in fresh:
            at = self.speech.when(part.first)
            if at is not None:
                part.told = True
                self._started(part.key, at)
        if self.sounding != self._sounding:
            self._sounding = not self._sounding
            self._last_sound = self.now()
            self._changed()

    def _failed(self, exc: BaseException) -> None:
        self._failure = exc
        self._changed()
        with self.speech.changed:
            self.speech.changed.notify_all()


class _Adapter:
    """Between a track of one rate and a device of another."""

    def __init__(self, pull: Callable[[int, float], bytes], rate: int) -> None:
        self._pull, self._rate = pull, rate
        self._resampler: Resampler | None = None
        self._factor = 1.0
        self._ready = b""

    def adapt(self, rate: int) -> None:
        """The device turned out to have this rate."""
        if rate != self._rate:
            self._factor = self._rate / rate
            self._resampler = Resampler(self._rate, rate)

    def pull(self, frames: int, at: float) -> bytes:
        """What the device asks for."""
        if self._resampler is None:
            return self._pull(frames, at)
        while len(self._ready) < 2 * frames:
            self._ready += self._resampler.push(self._pull(int(frames * self._factor) + 1, at))
        sound, self._ready = self._ready[: 2 * frames], self._ready[2 * frames :]
        return sound
