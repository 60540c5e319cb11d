"""The natural voice: hibari-tts, a small neural English speaker that is all in its wheel.

It has one voice. Other speakers come from scaling the pitch curve it predicts and from playing its
sound as if recorded at another rate, which moves the formants: together, another throat.
"""

from __future__ import annotations

import threading
from typing import Any

from inworld_rt import extras
from inworld_rt.simulator.voices import Manner

__all__ = ["NeuralEngine"]

LOUDNESS = 2.0  # its peaks are near 0.35 of full scale
LEAD_S = 0.02
TAIL_S = 0.05
QUIET = 0.008


class NeuralEngine:
    """Speaks English with hibari-tts. Loading takes half a second.

    Raises:
        BackendMissing: hibari-tts, numpy or soxr is not installed.
    """

    name = "hibari"

    def __init__(self) -> None:
        purpose = "speak with a natural voice"
        self._np = extras.load("numpy", extra="simulator", purpose=purpose)
        self._soxr = extras.load("soxr", extra="simulator", purpose=purpose)
        hibari: Any = extras.load("hibari", extra="simulator", purpose=purpose)
        self._dsp: Any = extras.load("hibari.dsp", extra="simulator", purpose=purpose)
        self._tts = hibari.Hibari()
        # Text to phonemes keeps caches; synthesis itself is pure and may run on many threads.
        self._reading = threading.Lock()
        self.pcm("Hello.", Manner(), 1.0, "en-US", 24000)

    def speaks(self, language: str) -> bool:
        """English only."""
        return language.lower().startswith("en")

    def pcm(self, text: str, manner: Manner, speed: float, language: str, rate: int) -> bytes:
        """Speak a clause; see `Engine.pcm`."""
        np = self._np
        with self._reading:
            sentences = [self._tts.ids(phonemes) for phonemes in self._tts.phonemize(text)]
        parts = [self._sound(ids, manner, speed) for ids in sentences if len(ids) > 2]
        if not parts:
            return b""
        sound = np.concatenate(parts)
        sound = self._soxr.resample(sound, self._tts.sample_rate * manner.colour, rate)
        gain = min(LOUDNESS, 0.95 / max(0.01, float(np.abs(sound).max())))
        return bytes((sound * (gain * 32767)).astype("<i2").tobytes())

    def _sound(self, ids: list[int], manner: Manner, speed: float) -> Any:
        np = self._np
        feed = {
            "ids": np.asarray([ids], np.int64),
            "speed": np.asarray([speed * manner.tempo / manner.colour], np.float32),
        }
        *parts, curve = (found[0] for found in self._tts.sess.run(None, feed))
        # A fixed seed: the same words in the same voice are the same sound, on every run.
        rng = np.random.default_rng(0)
        sound = self._dsp.synth(*parts, curve * (manner.pitch / manner.colour), rng)
        loud = np.flatnonzero(np.abs(sound) > QUIET)
        if not len(loud):
            return sound[:0]
        # It begins with 0.3 s of silence, which would be heard as slowness: keep a breath of it.
        rate = self._tts.sample_rate
        first = max(0, loud[0] - int(LEAD_S * rate))
        return sound[first : loud[-1] + int(TAIL_S * rate)]
