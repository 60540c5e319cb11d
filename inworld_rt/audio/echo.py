"""Against the loudspeaker in the microphone, by which an assistant would interrupt itself.

Sound comes in from both sides: :meth:`Echo.played` from the loudspeaker's thread,
:meth:`Echo.clean` from the microphone's. The decisions are pure: :class:`Gate`, :class:`Leak`.
"""

from __future__ import annotations

import logging
import math
import queue
from collections import deque
from typing import NamedTuple

from inworld_rt import pcm
from inworld_rt.audio import cancel
from inworld_rt.audio.resample import Resampler
from inworld_rt.errors import BackendMissing, ConfigError

__all__ = ["MODES", "Echo", "Gate", "Leak", "Reference"]

log = logging.getLogger("inworld_rt")

MODES = ("auto", "none", "half", "cancel")
"""What can be done about echo."""

_SILENT = -60.0  # dBFS; what is played below it makes no echo worth the name
_SPEECH = -45.0  # dBFS; the louder half of speech, pauses not counted
# Seconds of speech for which a canceller is gated, too. Speex takes some seconds, and never learns
# a loudspeaker that rattles.
_LEARNS_WITHIN = {"webrtc": 1.0, "speex": math.inf}
# Seconds that the reference is ahead: what the devices tell of their times is not exact.
_LEAD = 0.03
_RESYNC = 0.04  # seconds by which it may be off before it is put right; each jump costs a canceller


class Reference:
    """What the loudspeaker plays, in the microphone's rate and time."""

    def __init__(self, from_rate: int, rate: int) -> None:
        """Begin.

        Args:
            from_rate: the loudspeaker's samples per second.
            rate: the microphone's.
        """
        self._rate = rate
        self._from_rate = from_rate
        self._resampler = Resampler(from_rate, rate)
        self._news: queue.SimpleQueue[tuple[bytes, float]] = queue.SimpleQueue()
        self._sound = b""
        self._end = 0.0  # the time of the sample behind the last
        self.jumps = 0

    def played(self, sound: bytes, at: float) -> None:
        """In the loudspeaker's thread: what is played, and when it is heard."""
        self._news.put((sound, at))

    def take(self, samples: int, at: float) -> bytes:
        """What was played while the microphone heard so many samples from ``at`` on."""
        while not self._news.empty():
            sound, begin = self._news.get()
            self._sound += self._resampler.push(sound)
            self._end = begin + len(sound) / 2 / self._from_rate
        if not self._sound:
            return bytes(2 * samples)
        begin = self._end - len(self._sound) / 2 / self._rate
        off = at + _LEAD - begin  # above zero: what we have is old
        if abs(off) > (_RESYNC if self.jumps else 0):  # the first time exactly
            self.jumps += 1
            frames = int(off * self._rate)
            self._sound = self._sound[2 * frames :] if frames > 0 else self._sound
            if frames < 0:
                return self._some(samples, -frames)
        return self._some(samples, 0)

    def _some(self, samples: int, silent: int) -> bytes:
        """The next samples, so many of which are silence that comes before what we have."""
        silence = bytes(2 * min(silent, samples))
        wanted = 2 * samples - len(silence)
        sound, self._sound = self._sound[:wanted], self._sound[wanted:]
        return silence + sound + bytes(wanted - len(sound))


class Gate:
    """Half duplex: silence while the loudspeaker plays, unless somebody is clearly louder.

    How loud the echo is, it learns while it is closed.
    """

    HANG_OVER = 0.4
    """Seconds for which it stays closed after the loudspeaker: the room has an echo, too."""
    MARGIN = 9.0
    """Decibels by which a voice has to be louder than the echo usually is."""
    LEAST = -42.0
    """dBFS below which nothing counts as a voice."""
    LOUD_FRAMES, OF = 4, 6
    """Loud frames of the latest so many that open it."""
    OPEN_FOR = 0.6
    """Seconds for which it stays open after the last loud frame."""

    def __init__(self) -> None:
        self.coupling = -3.0
        """Decibels of the echo relative to what is played; a guess on the safe side at first."""
        self._closed_until = -math.inf
        self._open_until = -math.inf
        self._far: deque[tuple[float, float]] = deque()
        self._loud: deque[bool] = deque(maxlen=self.OF)
        self._held: deque[bytes] = deque(maxlen=self.OF)

    def pass_on(self, near: bytes, far: bytes, at: float) -> bytes:
        """What may be sent of what the microphone heard.

        Args:
            near: what it heard.
            far: what was played meanwhile.
            at: when, in seconds.

        Returns:
            The same, or as much silence; and when it opens, also what has opened it.
        """
        heard, played = pcm.level(near), pcm.level(far)
        self._far.append((at, played))
        while self._far[0][0] < at - self.HANG_OVER:
            self._far.popleft()
        loudest = max(level for _, level in self._far)
        if loudest > _SILENT:
            self._closed_until = at + self.HANG_OVER
        if at >= self._closed_until:
            self._loud.clear()
            self._held.clear()
            return near
        loud = heard > max(self.LEAST, loudest + self.coupling + self.MARGIN)
        self._loud.append(loud)
        if loudest > _SILENT and not loud and heard > -90:
            above = heard - loudest > self.coupling
            self.coupling += 0.3 if above else -0.05  # so most echo is below it
        if sum(self._loud) >= self.LOUD_FRAMES:
            self._open_until = at + self.OPEN_FOR
        if at < self._open_until:
            begin = b"".join(self._held)
            self._held.clear()
            return begin + near
        self._held.append(near)
        return bytes(len(near))


class Verdict(NamedTuple):
    """What was found of the loudspeaker in the microphone.

    Attributes:
        echo: whether there is enough of it to matter.
        db: how much, relative to what was played.
        ms: how late.
    """

    echo: bool
    db: float
    ms: float


class Leak:
    """Measures how much of the loudspeaker the microphone hears, from a few seconds of both.

    Speech has its own rhythm of loud and soft; if the microphone has the same a little later, that
    is the echo.
    """

    NEEDED = 1.2
    """Seconds of speech, pauses not counted, that it takes."""
    LATEST = 0.5
    """Seconds; no echo is later."""
    ALIKE = 0.5
    """Correlation of both rhythms from which on it is an echo."""
    AUDIBLE = -58.0
    """dBFS; what is softer in the microphone interrupts nobody."""

    def __init__(self) -> None:
        self._near: list[float] = []
        self._far: list[float] = []
        self._period = 0.02
        self._speech = 0.0

    def add(self, near: bytes, far: bytes, seconds: float) -> None:
        """Both sides of the same moment."""
        played = pcm.level(far)
        if not self._far and played < _SILENT:
            return  # it begins with the first sound
        self._near.append(_amplitude(pcm.level(near)))
        self._far.append(_amplitude(played))
        self._period = seconds
        self._speech += seconds * (played > _SPEECH)

    @property
    def enough(self) -> bool:
        """Whether it can be told."""
        return self._speech >= self.NEEDED

    def verdict(self) -> Verdict:
        """What was found."""
        lags = range(int(self.LATEST / self._period) + 1)
        best = max(lags, key=lambda lag: self._likeness(lag))
        near, far = self._near[best:], self._far[: len(self._far) - best]
        speaking = [n for n, f in zip(near, far, strict=True) if f > _amplitude(_SPEECH)]
        spoken = [f for f in far if f > _amplitude(_SPEECH)]
        if not speaking:
            return Verdict(False, -math.inf, 0.0)
        heard, played = _db(_mean(speaking)), _db(_mean(spoken))
        echo = self._likeness(best) > self.ALIKE and heard > self.AUDIBLE
        return Verdict(echo, heard - played, best * self._period * 1000)

    def _likeness(self, lag: int) -> float:
        near, far = self._near[lag:], self._far[: len(self._far) - lag]
        a, b = _mean(near), _mean(far)
        together = sum((n - a) * (f - b) for n, f in zip(near, far, strict=True))
        apart = sum((n - a) ** 2 for n in near) * sum((f - b) ** 2 for f in far)
        return together / math.sqrt(apart) if apart > 0 else 0.0


class Echo:
    """One conversation's echo, and what is done about it.

    Attributes:
        mode: what is done now: ``none``, ``half``, ``cancel``, or ``auto`` while it is not decided.
        engine: what cancels it, or an empty string.
    """

    def __init__(self, mode: str, from_rate: int, rate: int) -> None:
        """Begin.

        Args:
            mode: one of :data:`MODES`.
            from_rate: the loudspeaker's samples per second.
            rate: those of the sound from the microphone.

        Raises:
            ConfigError: there is no such mode.
            BackendMissing: it is to be cancelled, and there is nothing to do so.
        """
        if mode not in MODES:
            raise ConfigError(f"echo: expected one of {', '.join(MODES)}, got {mode!r:.40}")
        self.mode, self.engine = mode, ""
        self._wanted = mode
        self._rates = from_rate, rate
        self._reference = Reference(from_rate, rate) if mode != "none" else None
        self._gate = Gate()
        self._leak = Leak()
        self._canceller: cancel.Canceller | None = None
        self._untaught = 0.0  # seconds of speech that it still has to learn from
        if mode == "cancel":
            self._cancel()

    def measure_again(self) -> None:
        """The devices may be others now: where ``auto`` was wanted and found that there was no
        echo, it is measured again."""
        if self._wanted == "auto" and self.mode == "none":
            self._leak = Leak()
            self._reference = Reference(*self._rates)
            self.mode = "auto"

    def _cancel(self) -> None:
        self._canceller = cancel.find(self._rates[1])
        self.mode, self.engine = "cancel", self._canceller.name
        self._untaught = _LEARNS_WITHIN.get(self.engine, 0.0)

    def played(self, sound: bytes, at: float) -> None:
        """What is played, and when it is heard; for :meth:`Speaker.tap`."""
        reference = self._reference
        if reference is not None:
            reference.played(sound, at)

    def clean(self, near: bytes, at: float) -> bytes:
        """What the microphone heard, without the echo; for :meth:`Microphone.start`."""
        reference = self._reference
        if reference is None:
            return near
        far = reference.take(len(near) // 2, at)
        if self._canceller is not None:
            near = self._canceller.process(near, far)
            if self._untaught > 0:
                self._untaught -= len(near) / 2 / self._rates[1] * (pcm.level(far) > _SPEECH)
                return self._gate.pass_on(near, far, at)
            return near
        if self.mode == "auto":
            self._leak.add(near, far, len(near) / 2 / self._rates[1])
            if self._leak.enough:
                self._decide()
        return self._gate.pass_on(near, far, at)

    def _decide(self) -> None:
        """How much of the first answer came back decides."""
        found = self._leak.verdict()
        if not found.echo:
            self.mode, self._reference = "none", None
            log.info("echo: the microphone does not hear the loudspeaker; nothing to do")
            return
        heard = (
            f"the microphone hears the loudspeaker, at {found.db:.0f} dB, {found.ms:.0f} ms late"
        )
        try:
            self._cancel()
            log.info("echo: %s; cancelling it (%s)", heard, self.engine)
        except BackendMissing as exc:
            self.mode = "half"
            log.info("echo: %s; while it plays, only loud voices get through (%s)", heard, exc)

    def close(self) -> None:
        """Let go of the canceller; after the microphone is closed."""
        if self._canceller is not None:
            self._canceller.close()


def _amplitude(level: float) -> float:
    return 10 ** (level / 20) if level > -120 else 0.0


def _db(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0
