"""The voice that is always there: formant tones in pure Python, one per syllable.

Nobody will understand its words, but it starts, pauses, stops and lasts like speech, and a turn
detector takes it for a voice.
"""

from __future__ import annotations

import math
import random
import sys
from array import array
from functools import lru_cache

from inworld_rt.simulator.voices import Manner
from inworld_rt.simulator.voices.words import syllables

__all__ = ["PlainEngine"]

OWN_PITCH = 190.0  # Hz
SYLLABLE_MS = 165.0
CONSONANT_MS = 45.0
WORD_GAP_MS = 25.0
PEAK_RMS = 5000.0  # of a vowel at its loudest: -16 dBFS
PEAK = 6.0
WEIGHTS = (1.0, 0.5, 0.25)  # of the three formants, and their widths in Hz
WIDTHS = (90.0, 120.0, 160.0)

# First three formants in Hz of the five vowels, as phonetics books give them for a grown speaker.
_FORMANTS = {
    "a": (800.0, 1200.0, 2600.0),
    "e": (500.0, 1850.0, 2550.0),
    "i": (300.0, 2300.0, 3000.0),
    "o": (500.0, 900.0, 2500.0),
    "u": (330.0, 800.0, 2400.0),
}
_VOWEL_OF = str.maketrans("yàáâäæèéêëìíîïòóôöøœùúûüýÿ", "iaaaaaeeeeiiiiooooeouuuuii")


class PlainEngine:
    """Sings the vowels of the text. Needs nothing installed and has no state."""

    name = "plain"

    def speaks(self, language: str) -> bool:
        """Every language alike."""
        return True

    def pcm(self, text: str, manner: Manner, speed: float, language: str, rate: int) -> bytes:
        """Speak a clause; see `Engine.pcm`."""
        pace = 1.0 / (speed * manner.tempo)
        plan = [(word, syllables(word)) for word in text.split()]
        total = sum(len(vowels) for _, vowels in plan)
        sound = array("h")
        done = 0
        rising = text.rstrip().endswith("?")
        for _, vowels in plan:
            for vowel in vowels:
                done += 1
                fall = done / total
                melody = 1.08 - 0.04 * round(5 * fall) + (0.25 if rising and done == total else 0.0)
                pitch = OWN_PITCH * manner.pitch * melody
                sound.extend(_hiss(round(rate * CONSONANT_MS * pace / 1000)))
                samples = round(rate * (SYLLABLE_MS - CONSONANT_MS) * pace / 1000)
                sound.extend(_hum(samples, rate, pitch, vowel[0], manner.colour))
            sound.extend(bytes(2 * round(rate * WORD_GAP_MS * pace / 1000)))
        if sys.byteorder == "big":
            sound.byteswap()
        return sound.tobytes()


def _hum(samples: int, rate: int, pitch: float, vowel: str, colour: float) -> array[int]:
    """One vowel: the same vocal cycle over and over, swelling and fading."""
    period = max(2, round(rate / pitch))
    cycles = max(1, round(samples / period))
    vowel = vowel.translate(_VOWEL_OF)
    sound = array("h")
    for cycle in range(cycles):
        swell = math.sin(math.pi * (cycle + 0.5) / cycles) ** 0.5
        sound.extend(_cycle(period, rate, vowel, round(colour, 3), round(swell * 16)))
    return sound


@lru_cache(maxsize=4096)
def _cycle(period: int, rate: int, vowel: str, colour: float, loudness: int) -> array[int]:
    """One vocal cycle at one of 16 loudnesses."""
    gain = PEAK_RMS * loudness / 16
    return array("h", [round(x * gain) for x in _wave(period, rate, vowel, colour)])


@lru_cache(maxsize=512)
def _wave(period: int, rate: int, vowel: str, colour: float) -> list[float]:
    """One vocal cycle of power 1: harmonics of the pitch, louder the nearer to a formant."""
    formants = [formant * colour for formant in _FORMANTS.get(vowel, _FORMANTS["e"])]
    pitch = rate / period
    sine = [math.sin(2 * math.pi * n / period) for n in range(period)]
    wave = [0.0] * period
    for harmonic in range(1, int(min(3400.0, rate * 0.45) / pitch) + 1):
        freq = harmonic * pitch
        near = 0.02 + sum(
            weight / (1.0 + ((freq - formant) / width) ** 2)
            for formant, weight, width in zip(formants, WEIGHTS, WIDTHS, strict=True)
        )
        turn = harmonic * harmonic  # spread phases: all in step would make one sharp click
        wave = [x + near * sine[(harmonic * n + turn) % period] for n, x in enumerate(wave)]
    power = math.sqrt(sum(x * x for x in wave) / period) or 1.0
    return [max(-PEAK, min(PEAK, x / power)) for x in wave]


_NOISE = array("h", random.Random(5).choices(range(-500, 501), k=4096))


def _hiss(samples: int) -> array[int]:
    """Something like a consonant: soft noise."""
    return (_NOISE * (samples // len(_NOISE) + 1))[:samples]
