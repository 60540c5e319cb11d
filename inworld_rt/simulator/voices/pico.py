"""The second voice: SVOX Pico by py-nanotts. Small, quick, plainer, and in six languages.

It uses memory that it never sets, so unlike the other voices it says the same words a little
differently each time.
"""

from __future__ import annotations

import threading
from typing import Any

from inworld_rt import extras
from inworld_rt.simulator.voices import Manner

__all__ = ["PicoEngine"]

OWN_RATE = 16000
LOUDNESS = 0.55  # it peaks at full scale
LANGUAGES = {
    "de": "de-DE",
    "en": "en-US",
    "en-gb": "en-GB",
    "es": "es-ES",
    "fr": "fr-FR",
    "it": "it-IT",
}
BLOCK = OWN_RATE // 50
QUIET = 250  # root mean square


class PicoEngine:
    """Speaks with py-nanotts.

    Raises:
        BackendMissing: py-nanotts, numpy or soxr is not installed.
    """

    name = "pico"

    def __init__(self) -> None:
        purpose = "speak with a second voice"
        self._np = extras.load("numpy", extra="simulator", purpose=purpose)
        self._soxr = extras.load("soxr", extra="simulator", purpose=purpose)
        nanotts: Any = extras.load("py_nanotts", extra="simulator", purpose=purpose)
        self._tts = nanotts.NanoTTS()
        self._lock = threading.Lock()

    def speaks(self, language: str) -> bool:
        """English, German, Spanish, French and Italian."""
        return language.lower()[:2] in LANGUAGES

    def pcm(self, text: str, manner: Manner, speed: float, language: str, rate: int) -> bytes:
        """Speak a clause; see `Engine.pcm`."""
        np = self._np
        tag = language.lower()
        voice = LANGUAGES.get(tag) or LANGUAGES.get(tag[:2], "en-US")
        with self._lock:
            raw = self._tts.speak(
                text.replace("&", " and "),
                voice=voice,
                speed=max(0.2, min(5.0, speed * manner.tempo / manner.colour)),
                pitch=max(0.5, min(2.0, manner.pitch / manner.colour)),
            )
        sound = np.frombuffer(raw, "<i2")
        # By blocks, since the noise of its breath alone has single samples that are loud.
        blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float32)
        loud = np.flatnonzero(np.square(blocks).mean(axis=1) > QUIET**2)
        if not len(loud):
            return b""
        sound = blocks[max(0, loud[0] - 1) : loud[-1] + 4].reshape(-1) * LOUDNESS
        source = OWN_RATE * manner.colour
        if source != rate:
            sound = self._soxr.resample(sound, source, rate)
        return bytes(np.clip(sound, -32767, 32767).astype("<i2").tobytes())
