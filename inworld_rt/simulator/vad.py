"""Who speaks when: turn detection on the audio that really arrives.

Audio in, marks out; there is no clock and no thread here. Time is *audio time*: milliseconds
counted from the first byte of the session, however fast the bytes came.

A turn starts when 6 of 9 frames of 20 ms hold a voice. So clicks and beeps of less than 80 ms never
start one (a steady tone of 120 ms does), and speech starts one within 200 ms. It stops when the
settings' silence has passed.
"""

from __future__ import annotations

import logging
import math
import operator
import sys
from array import array
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from attrs import define, field, frozen

from inworld_rt import extras
from inworld_rt.errors import BackendMissing

__all__ = ["RATES", "SpeechStarted", "SpeechStopped", "TurnDetector", "TurnSettings", "warm_up"]

log = logging.getLogger("inworld_rt")

RATES = (8000, 16000, 24000, 32000, 44100, 48000)
FRAME_MS = 20
NEEDED, OF = 6, 9
"""Voiced frames that start a turn, of the last so many."""

STEADY_FRAMES = 75
"""After so many frames (1.5 s) without a dip, a sound is a fan and no voice."""

SILENCE_OF_EAGERNESS = {"low": 2000, "medium": 1000, "auto": 1000, "high": 500}
"""Milliseconds of silence that end a turn in the semantic mode. The service reads the words, too,
and waits 8, 4 or 2 s at most; we only listen, and stay far below that."""


@frozen
class SpeechStarted:
    """Somebody began to speak."""

    audio_start_ms: int
    """Audio time of the turn's first sample, the padding before the first word included."""


@frozen
class SpeechStopped:
    """The turn is over."""

    audio_end_ms: int
    """Audio time of the turn's last sample, the silence that ended it included."""
    voice_end_ms: int
    """Audio time at which the last voiced frame ended."""


@frozen
class TurnSettings:
    """How turns are told apart: the two automatic modes of the service."""

    kind: Literal["server_vad", "semantic_vad"] = "semantic_vad"
    threshold: float = 0.5
    """0 to 1; the higher, the louder a voice must be. Of ``server_vad``."""
    prefix_padding_ms: int = 300
    """Sound before the first word that belongs to the turn."""
    silence_duration_ms: int = 500
    """Silence that ends a turn. Of ``server_vad``."""
    eagerness: str = "auto"
    """``low``, ``medium``, ``high`` or ``auto``. Of ``semantic_vad``."""

    @classmethod
    def of(cls, wire: Mapping[str, Any] | None) -> TurnSettings | None:
        """Read the session's ``turn_detection``.

        Args:
            wire: the decoded JSON object; None is the manual mode.

        Returns:
            The settings, defaults filled in and numbers brought into their range; None for None.
        """
        if wire is None:
            return None
        kind = wire.get("type")
        eagerness = wire.get("eagerness")
        return cls(
            kind="server_vad" if kind == "server_vad" else "semantic_vad",
            threshold=_number(wire.get("threshold"), 0.5, 0.0, 1.0),
            prefix_padding_ms=round(_number(wire.get("prefix_padding_ms"), 300, 0, 10_000)),
            silence_duration_ms=round(_number(wire.get("silence_duration_ms"), 500, 0, 60_000)),
            eagerness=str(eagerness) if str(eagerness) in SILENCE_OF_EAGERNESS else "auto",
        )

    @property
    def silence_ms(self) -> int:
        """The silence, in ms, that ends a turn in this mode."""
        if self.kind == "server_vad":
            return self.silence_duration_ms
        return SILENCE_OF_EAGERNESS.get(self.eagerness, SILENCE_OF_EAGERNESS["auto"])

    @property
    def sensitivity(self) -> float:
        """The threshold that counts in this mode."""
        return self.threshold if self.kind == "server_vad" else 0.5


def _number(value: object, default: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return default
    return min(high, max(low, value))


class _Classifier(Protocol):
    def is_speech(self, buf: bytes, sample_rate: int) -> bool: ...


@define
class _Gate:
    """Is a frame loud enough to be a voice? Learns how loud the room is without one."""

    floor: float = -66.0  # dBFS
    _lately: deque[float] = field(factory=lambda: deque(maxlen=STEADY_FRAMES))

    def opens(self, level: float, sensitivity: float, *, margin: float, talking: bool) -> bool:
        least = -60.0 + 20.0 * sensitivity
        over = self.floor + margin + 8.0 * sensitivity
        loud = level > max(least, over) - (4.0 if talking else 0.0)
        self._lately.append(level)
        if level < self.floor:
            self.floor += (max(level, -75.0) - self.floor) * 0.3
        elif len(self._lately) == STEADY_FRAMES:
            # Speech has pauses. What was never quieter than this for so long is the room.
            self.floor = max(self.floor, min(self._lately))
        elif not loud:
            self.floor += min(level - self.floor, 0.2)
        return loud


class TurnDetector:
    """Finds the turns in a stream of speech.

    With webrtcvad-wheels a frame is a voice if that says so and it is loud enough; without it,
    if it is clearly louder than the room was before. For one thread at a time.

    Args:
        rate: sample rate of the audio in Hz.
        settings: how to tell turns apart; None is the manual mode: time is counted, no marks.
        engine: ``"webrtc"`` or ``"energy"``; by default the first if it is installed.

    Raises:
        ValueError: an unknown engine or a rate that is none of `RATES`.
        BackendMissing: the engine was asked for by name and is not installed.
    """

    def __init__(
        self,
        rate: int = 24000,
        settings: TurnSettings | None = TurnSettings(),
        *,
        engine: Literal["webrtc", "energy"] | None = None,
    ) -> None:
        if engine not in (None, "webrtc", "energy"):
            raise ValueError(f"engine must be 'webrtc' or 'energy', not {engine!r}")
        self._classifier = None if engine == "energy" else _classifier(engine is not None)
        self._gate = _Gate()
        self._past_ms = 0.0  # audio time at which the rate last changed
        self._samples = 0  # since then, in whole frames
        self._pending = bytearray()
        self._recent: deque[bool] = deque(maxlen=OF)
        self._settings = settings
        self._rule = settings  # the one that the turn in progress began under
        self._voice_end_ms = 0.0
        self._not_before_ms = 0.0
        self.speaking = False
        self._set_rate(rate)

    @property
    def engine(self) -> str:
        """What tells a voice from noise: ``"webrtc"`` or ``"energy"``."""
        return "energy" if self._classifier is None else "webrtc"

    @property
    def position_ms(self) -> float:
        """Audio time of the end of what was heard so far."""
        return self._frame_end_ms + len(self._pending) / 2 * 1000 / self._rate

    @property
    def settings(self) -> TurnSettings | None:
        """The rule for the next turn."""
        return self._settings

    def configure(self, settings: TurnSettings | None) -> None:
        """Change the rule. A turn in progress finishes under the old one.

        Args:
            settings: the new rule; None for the manual mode.
        """
        self._settings = settings
        if not self.speaking:
            self._rule = settings
            self._recent.clear()

    def change_rate(self, rate: int) -> None:
        """What follows has another sample rate. Audio time goes on.

        Args:
            rate: in Hz, one of `RATES`.
        """
        if rate != self._rate:
            self._past_ms = self.position_ms
            self._samples = 0
            self._pending.clear()
            self._set_rate(rate)

    def reset(self) -> None:
        """Forget the turn in progress, as when the input is cleared or committed by hand.

        Audio time goes on, and no later turn will reach back behind this point.
        """
        self.speaking = False
        self._rule = self._settings
        self._recent.clear()
        self._not_before_ms = self.position_ms

    def hear(self, pcm: bytes) -> list[SpeechStarted | SpeechStopped]:
        """Listen to the next piece.

        Args:
            pcm: 16-bit little-endian mono samples, of any length.

        Returns:
            What was found, in order; usually nothing.
        """
        self._pending += pcm
        marks: list[SpeechStarted | SpeechStopped] = []
        size = self._frame_bytes
        whole = len(self._pending) // size * size
        frames = bytes(self._pending[:whole])
        del self._pending[:whole]
        for begin in range(0, whole, size):
            self._samples += size // 2
            mark = self._step(frames[begin : begin + size])
            if mark is not None:
                marks.append(mark)
        return marks

    def _step(self, frame: bytes) -> SpeechStarted | SpeechStopped | None:
        """Judge one frame."""
        rule = self._rule
        if rule is None:
            return None
        voiced = self._is_voice(frame, rule)
        self._recent.append(voiced)
        now = self._frame_end_ms
        if not self.speaking:
            if sum(self._recent) < NEEDED:
                return None
            onset = now - FRAME_MS * (len(self._recent) - self._recent.index(True))
            start = max(self._not_before_ms, onset - rule.prefix_padding_ms, 0.0)
            self.speaking = True
            self._voice_end_ms = now
            return SpeechStarted(math.floor(start))
        if voiced and sum(list(self._recent)[-3:]) >= 2:  # one frame alone is a click
            self._voice_end_ms = now
        if now - self._voice_end_ms < max(rule.silence_ms, FRAME_MS):
            return None
        self.speaking = False
        self._rule = self._settings
        self._recent.clear()
        self._not_before_ms = now
        return SpeechStopped(math.floor(now), math.floor(self._voice_end_ms))

    def _is_voice(self, frame: bytes, rule: TurnSettings) -> bool:
        samples = array("h", frame)
        if sys.byteorder == "big":
            samples.byteswap()
        # Every few samples are enough for a level, and cost the same at every rate.
        few = samples[:: self._stride]
        power = sum(map(operator.mul, few, few)) / len(few)
        level = 10.0 * math.log10(power + 1e-3) - 90.3
        if self._classifier is None:
            return self._gate.opens(level, rule.sensitivity, margin=7.0, talking=self.speaking)
        if not self._gate.opens(level, rule.sensitivity, margin=1.0, talking=self.speaking):
            return False
        if self._thinning is not None:
            frame = self._thinned(samples)
        return self._classifier.is_speech(frame, self._classifier_rate)

    def _thinned(self, samples: array[int]) -> bytes:
        """24 and 44.1 kHz brought down to 8 kHz, averaging neighbours so that less folds over."""
        thinning = self._thinning
        assert thinning is not None
        before, at, after = (
            operator.itemgetter(*(index + shift for index in thinning))(samples)
            for shift in (-1, 0, 1)
        )
        thin = array("h", [(a + b + c) // 3 for a, b, c in zip(before, at, after, strict=True)])
        if sys.byteorder == "big":
            thin.byteswap()
        return thin.tobytes()

    @property
    def _frame_end_ms(self) -> float:
        return self._past_ms + self._samples * 1000 / self._rate

    def _set_rate(self, rate: int) -> None:
        if rate not in RATES:
            raise ValueError(f"rate must be one of {', '.join(map(str, RATES))}, not {rate!r}")
        self._rate = rate
        samples = rate * FRAME_MS // 1000
        self._frame_bytes = 2 * samples
        self._stride = max(1, rate // 8000)
        if rate in (24000, 44100):  # the classifier has no ear for these
            step = rate / 8000
            self._thinning: list[int] | None = [int(step * (n + 0.5)) for n in range(160)]
            self._classifier_rate = 8000
        else:
            self._thinning = None
            self._classifier_rate = rate


_said = False


def _classifier(demanded: bool) -> _Classifier | None:
    """webrtcvad in its second strictest mode, or None if it is not there, said once in the log."""
    global _said
    try:
        module = extras.load("webrtcvad", extra="simulator", purpose="tell a voice from noise")
    except BackendMissing as exc:
        if demanded:
            raise
        if not _said:
            _said = True
            log.info("turn detection goes by loudness alone: %s", exc)
        return None
    classifier: _Classifier = module.Vad(2)
    return classifier


def warm_up() -> None:
    """Load the detector's library now, rather than in the first session."""
    _classifier(demanded=False)
