"""The simulated agent's voice: text in, 16-bit speech out, in slices with the words they carry.

    voice = find_voice()
    for piece in voice.say("Hello there.", voice="Clive", rate=24000):
        send(piece.text, piece.pcm)

Every voice named in the service's documents has a speaker of its own here; any other (a cloned
one, say) gets one by its name, always the same. `speed` changes the tempo and keeps the pitch.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol, cast

from attrs import frozen

from inworld_rt import extras
from inworld_rt.simulator.voices import Engine, Manner
from inworld_rt.simulator.voices.words import clauses, pause_ms, spoken, word_weights

__all__ = ["CATALOGUE", "ENGINES", "Speaker", "Speech", "Voice", "find_voice", "manner_of"]

log = logging.getLogger("inworld_rt")

SLICE_MS = 100
MIN_SPEED, MAX_SPEED = 0.25, 1.5

CATALOGUE = {
    "Alex": Manner(pitch=0.66, colour=0.91),
    "Ashley": Manner(pitch=1.16, colour=1.03),
    "Clive": Manner(pitch=0.50, colour=0.88, tempo=0.96),
    "Deborah": Manner(pitch=0.86, colour=0.97, tempo=0.95),
    "Dennis": Manner(pitch=0.58, colour=0.90),
    "Edward": Manner(pitch=0.62, colour=0.86, tempo=1.04),
    "Hades": Manner(pitch=0.42, colour=0.80, tempo=0.90),
    "Jason": Manner(pitch=0.76, colour=0.94, tempo=1.08),
    "Luna": Manner(pitch=0.93, colour=1.00, tempo=0.88),
    "Olivia": Manner(pitch=1.10, colour=1.00, accent="en-GB"),
    "Priya": Manner(pitch=1.08, colour=0.97, tempo=1.08),
    "Ronald": Manner(pitch=0.46, colour=0.84, tempo=1.06),
    "Sarah": Manner(),
    "Timothy": Manner(pitch=0.71, colour=0.97, tempo=1.12),
    "Wendy": Manner(pitch=0.86, colour=0.96, tempo=0.92, accent="en-GB"),
}
"""The voices named in the service's documents, and how each sounds here."""

_MANNERS = {name.lower(): manner for name, manner in CATALOGUE.items()}

ENGINES = ("hibari", "pico", "plain")
"""Best first."""

_MADE_IN = {
    "hibari": ("inworld_rt.simulator.voices.neural", "NeuralEngine", "hibari-tts"),
    "pico": ("inworld_rt.simulator.voices.pico", "PicoEngine", "py-nanotts"),
    "plain": ("inworld_rt.simulator.voices.plain", "PlainEngine", ""),
}


@frozen
class Speech:
    """A slice of speech."""

    text: str
    """The words that begin in it, with their spaces; may be empty. All slices' texts joined are
    the text that was to be said, markup included."""
    pcm: bytes
    """16-bit little-endian mono samples, at most 100 ms; empty for words that have no sound."""


class Voice(Protocol):
    """Anything that can speak."""

    def say(
        self,
        text: str | Iterable[str],
        *,
        voice: str = "Dennis",
        speed: float = 1.0,
        language: str | None = None,
        rate: int = 24000,
    ) -> Iterator[Speech]:
        """Speak, slice by slice.

        Args:
            text: what to say; or the pieces of it as they arrive, spoken clause by clause.
            voice: a name or id.
            speed: 0.25 to 1.5; values outside are brought inside.
            language: a tag such as ``"de"`` or ``"en-GB"``; None is the voice's own.
            rate: the wanted sample rate in Hz.

        Returns:
            An iterator of slices. Work is done when the next slice is asked for, so it may be
            dropped at any time.
        """

    def speak(
        self,
        text: str,
        *,
        voice: str = "Dennis",
        speed: float = 1.0,
        language: str | None = None,
        rate: int = 24000,
    ) -> Iterator[bytes]:
        """`say` for those who want the sound alone."""

    def warm_up(self) -> None:
        """Do now what would make the first word late."""


@frozen
class Speaker:
    """A `Voice` made of one or more engines. Any thread may use it, many at once."""

    engines: tuple[Engine, ...]
    """The engines to choose from, best first. The last one must speak every language."""

    def say(
        self,
        text: str | Iterable[str],
        *,
        voice: str = "Dennis",
        speed: float = 1.0,
        language: str | None = None,
        rate: int = 24000,
    ) -> Iterator[Speech]:
        """Speak, slice by slice; see `Voice.say`."""
        manner = manner_of(voice)
        speed = min(MAX_SPEED, max(MIN_SPEED, speed))
        if language is None or language.lower() == "en":
            language = manner.accent
        pause = b""
        for clause in clauses([text] if isinstance(text, str) else text):
            pcm = self._pcm(clause, manner, speed, language, rate)
            if pcm:
                # A pause belongs between two clauses; after the last one there is nothing to say.
                yield from _slices(clause, pause + pcm, rate, lead=len(pause))
                pause = bytes(2 * round(rate * pause_ms(clause) / speed / 1000))
            else:
                yield Speech(clause, b"")

    def speak(
        self,
        text: str,
        *,
        voice: str = "Dennis",
        speed: float = 1.0,
        language: str | None = None,
        rate: int = 24000,
    ) -> Iterator[bytes]:
        """The sound alone; see `Voice.speak`."""
        slices = self.say(text, voice=voice, speed=speed, language=language, rate=rate)
        return (piece.pcm for piece in slices if piece.pcm)

    def warm_up(self) -> None:
        """Say a word with every voice engine, so that models are loaded and caches are warm."""
        for engine in self.engines:
            engine.pcm("Hello.", Manner(), 1.0, "en-US", 24000)

    def _pcm(self, clause: str, manner: Manner, speed: float, language: str, rate: int) -> bytes:
        words = spoken(clause)
        if not words:
            return b""
        for engine in self._in_order(manner, language):
            try:
                pcm = engine.pcm(words, manner, speed, language, rate)
            except Exception:  # an engine is other people's code; a lesson goes on without it
                log.warning(
                    "the voice engine %s failed; using the next", engine.name, exc_info=True
                )
                continue
            if pcm:
                return pcm
        return b""

    def _in_order(self, manner: Manner, language: str) -> list[Engine]:
        able = [engine for engine in self.engines if engine.speaks(language)]
        if language.lower() == "en-gb":
            # Only the second engine has this accent.
            able.sort(key=lambda engine: engine.name != "pico")
        return able


def manner_of(voice: str) -> Manner:
    """How a voice sounds.

    Args:
        voice: a voice id; capitals do not matter.

    Returns:
        Its own manner, or for an unknown id one that follows from the letters.
    """
    known = _MANNERS.get(voice.strip().lower())
    if known is not None:
        return known
    digest = hashlib.sha256(voice.strip().lower().encode()).digest()
    height = digest[0] / 255
    return Manner(
        pitch=round(0.48 + 0.66 * height, 3),
        colour=round(0.85 + 0.13 * height + 0.05 * digest[1] / 255, 3),
        tempo=round(0.92 + 0.18 * digest[2] / 255, 3),
    )


def _slices(text: str, pcm: bytes, rate: int, lead: int) -> Iterator[Speech]:
    """Cut a clause's sound into slices and hand each the words that begin in it."""
    weights = word_weights(text)
    total = sum(weight for _, weight in weights) or 1.0
    starts = []  # byte positions, estimated: the engines do not tell
    passed = 0.0
    for word, weight in weights:
        starts.append((lead + (len(pcm) - lead) * passed / total, word))
        passed += weight
    size = 2 * (rate * SLICE_MS // 1000)
    words = iter(starts)
    upcoming = next(words, None)
    for begin in range(0, len(pcm), size):
        end = begin + size
        said = ""
        while upcoming is not None and (upcoming[0] < end or end >= len(pcm)):
            said += upcoming[1]
            upcoming = next(words, None)
        yield Speech(said, pcm[begin:end])


_lock = threading.Lock()
_made: dict[str, Engine | None] = {}


def find_voice(engine: str | None = None) -> Speaker:
    """The best voice that this machine has.

    Engines are loaded once per process, here; that takes up to a second. What is missing is said
    once, in the log.

    Args:
        engine: use only this one of `ENGINES` (and the plain tones for what it cannot say).

    Returns:
        The voice.

    Raises:
        ValueError: there is no engine of this name.
        BackendMissing: the engine asked for by name is not installed.
    """
    if engine is not None and engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    with _lock:
        if engine is None:
            fresh = [name for name in ENGINES if name not in _made]
            found = [made for name in ENGINES if (made := _engine(name)) is not None]
            missed = [_MADE_IN[name][2] for name in fresh if _made[name] is None]
            if missed:
                log.warning(
                    "the simulator's voice is plainer than it could be without %s; "
                    "install it with: %s",
                    " and ".join(missed),
                    extras.install_command("simulator"),
                )
            return Speaker(tuple(found))
        if engine != "plain" and _engine(engine) is None:
            raise _missing(engine)
        wanted = dict.fromkeys((engine, "plain"))
        return Speaker(tuple(cast(Engine, _engine(name)) for name in wanted))


def _engine(name: str) -> Engine | None:
    """Load an engine the first time; None when it is not there."""
    if name not in _made:
        try:
            _made[name] = _load(name)
        except Exception as exc:  # a broken model or library is as good as a missing one
            log.debug("the voice engine %s is not usable: %s", name, type(exc).__name__)
            _made[name] = None
    return _made[name]


def _load(name: str) -> Engine:
    module, factory, _ = _MADE_IN[name]
    return cast(Engine, getattr(importlib.import_module(module), factory)())


def _missing(name: str) -> Exception:
    from inworld_rt.errors import BackendMissing

    return BackendMissing(
        f"the voice engine {name!r} needs the package {_MADE_IN[name][2]!r}; "
        f"install it with: {extras.install_command('simulator')}"
    )
