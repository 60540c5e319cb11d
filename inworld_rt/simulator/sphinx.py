"""The ears that read English: pocketsphinx, with the model that its wheel carries."""

from __future__ import annotations

import random
import threading
import time
import weakref
from array import array
from typing import Any

from inworld_rt import extras
from inworld_rt.audio.resample import Resampler
from inworld_rt.simulator.ears import DeafEars, Listening, sentence, unread

__all__ = ["SphinxEars"]

MODEL_RATE = 16000
BLOCK = MODEL_RATE // 100 * 2  # bytes of 10 ms
STEP = BLOCK * 10
"""What is read at a time. The recogniser lets no other thread run meanwhile."""
PATIENCE_S = 10.0
"""How long `finish` waits for a recogniser when all are lent out. A class of twenty that speaks at
once needs about half of it."""
LONGEST_S = 60
"""What a listener without a recogniser keeps for later, at most."""


class SphinxEars:
    """Reads English with pocketsphinx.

    A recogniser takes 200 MB, so they are lent out from a small pool. While all are busy, a
    listener keeps the sound and catches up when one comes back.

    Args:
        size: how many recognisers at most.

    Raises:
        BackendMissing: pocketsphinx is not installed.
    """

    def __init__(self, size: int = 2) -> None:
        self._sphinx: Any = extras.load(
            "pocketsphinx", extra="simulator", purpose="understand speech"
        )
        self._size = size
        self._made = 0
        self._idle: list[_Recogniser] = []
        self._changed = threading.Condition()

    def listen(
        self, rate: int, language: str | None = None, prompt: str | None = None
    ) -> Listening:
        """Begin to hear an utterance; see `Ears.listen`. The prompt is ignored."""
        if language is not None and not language.lower().startswith("en"):
            return DeafEars().listen(rate)
        return _SphinxListening(self, rate)

    def warm_up(self) -> None:
        """Load the first recogniser, which takes a third of a second."""
        recogniser = self.borrow()
        if recogniser is not None:
            self.give_back(recogniser)

    def borrow(self, wait: float = 0.0) -> _Recogniser | None:
        """A recogniser that nobody uses, or None.

        Args:
            wait: seconds to wait for one.
        """
        deadline = time.monotonic() + wait
        with self._changed:
            while not self._idle:
                if self._made < self._size:
                    self._made += 1
                    break
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return None
            else:
                return self._idle.pop()
        try:
            return _Recogniser(self._sphinx)  # outside the lock: it takes a while
        except BaseException:
            with self._changed:
                self._made -= 1
                self._changed.notify()
            raise

    def give_back(self, recogniser: _Recogniser) -> None:
        """Return a recogniser, whatever state it is in."""
        recogniser.stop()
        with self._changed:
            self._idle.append(recogniser)
            self._changed.notify()


class _Recogniser:
    """A pocketsphinx decoder that starts every utterance with a clean slate."""

    def __init__(self, sphinx: Any) -> None:
        self._decoder = sphinx.Decoder(samprate=float(MODEL_RATE), loglevel="FATAL")
        # It adapts to a speaker as it goes. The next utterance may be somebody else's.
        self._fresh_ear = self._decoder.get_cmn(False)
        self._running = False

    def start(self) -> None:
        self._decoder.set_cmn(self._fresh_ear)
        self._decoder.start_utt()
        self._running = True

    def hear(self, pcm: bytes) -> None:
        self._decoder.process_raw(pcm, False, False)

    def stop(self) -> None:
        if self._running:
            self._running = False
            self._decoder.end_utt()

    def words(self) -> str:
        found = self._decoder.hyp()
        return found.hypstr if found is not None else ""


class _SphinxListening:
    """One utterance; borrows a recogniser when there is something to hear."""

    def __init__(self, ears: SphinxEars, rate: int) -> None:
        self._ears = ears
        self._rate = rate
        self._resampler = Resampler(rate, MODEL_RATE)
        self._bytes = 0
        self._waiting = bytearray()  # at the model's rate
        self._recogniser: _Recogniser | None = None
        self._return: weakref.finalize[Any, Any] | None = None
        self._partial = ""

    def hear(self, pcm: bytes) -> str | None:
        self._bytes += len(pcm)
        self._waiting += self._resampler.push(pcm)
        if len(self._waiting) < BLOCK * 4 or not self._ready():
            if len(self._waiting) > LONGEST_S * 100 * BLOCK:
                del self._waiting[: -LONGEST_S * 100 * BLOCK]
            return None
        recogniser = self._recogniser
        assert recogniser is not None
        self._feed(recogniser, len(self._waiting) // BLOCK * BLOCK)
        partial = sentence(recogniser.words(), final=False)
        if partial in ("", self._partial):
            return None
        self._partial = partial
        return partial

    def finish(self) -> str:
        self._waiting += self._resampler.flush()
        text = ""
        if self._bytes and self._ready(PATIENCE_S):
            recogniser = self._recogniser
            assert recogniser is not None
            self._waiting += bytes(BLOCK * 10)  # a last word needs an end
            self._feed(recogniser, len(self._waiting))
            recogniser.stop()
            text = sentence(recogniser.words())
        self.close()
        return text or unread(self._bytes / 2 / self._rate)

    def close(self) -> None:
        if self._return is not None:
            self._return()
        self._return = None
        self._recogniser = None

    def _ready(self, wait: float = 0.0) -> bool:
        if self._recogniser is None:
            recogniser = self._ears.borrow(wait)
            if recogniser is None:
                return False
            # However this object ends, even just dropped, the recogniser goes home, once.
            self._return = weakref.finalize(self, self._ears.give_back, recogniser)
            self._return.atexit = False
            recogniser.start()
            self._recogniser = recogniser
        return True

    def _feed(self, recogniser: _Recogniser, size: int) -> None:
        sound = bytes(self._waiting[:size])
        del self._waiting[:size]
        for begin in range(0, size, STEP):
            recogniser.hear(_with_a_room(sound[begin : begin + STEP]))


_noise = random.Random(72)
_ROOM = array("h", [round(_noise.gauss(0, 8)) for _ in range(4096)]).tobytes()


def _with_a_room(pcm: bytes) -> bytes:
    """Digital silence confuses the recogniser and may cost a word: fill it with -72 dBFS of noise.

    Args:
        pcm: 16-bit samples.

    Returns:
        The same, with noise in every 10 ms that were nothing but zeros.
    """
    if bytes(BLOCK) not in pcm:
        return pcm
    blocks = []
    for begin in range(0, len(pcm), BLOCK):
        block = pcm[begin : begin + BLOCK]
        if not any(block):
            shift = begin % (len(_ROOM) - BLOCK)
            block = _ROOM[shift : shift + len(block)]
        blocks.append(block)
    return b"".join(blocks)
