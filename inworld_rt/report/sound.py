"""The sound of a recording: how loud it is when, and a copy that is small enough to go with a page.

Read in slices, so that an hour takes no more memory than a minute.
"""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from inworld_rt import extras
from inworld_rt.pcm import AudioFormat, encode

__all__ = ["MOST_BYTES", "POINTS", "Copy", "Envelope", "Sound", "read"]

POINTS = 6000
"""Points of an envelope at most."""

GOOD_BYTES = 12_000_000
"""How large a copy may be for the best quality that stays within; and so on to the smallest."""

MOST_BYTES = 23_000_000
"""How large a copy may be at all; what does not go in is left out at the end. Browsers take 32 MB
in a data URI, in which it is a third larger."""

_FINEST = 0.01  # seconds per point
_SLICE = 10  # seconds that are read at a time
_LOWEST_RATE = 8000
_ULAW = 7


@frozen
class Envelope:
    """How far one side swings, over time.

    Attributes:
        step: seconds per point.
        low: the lowest sample of each point, -1 to 0 or more.
        high: the highest, up to 1.
    """

    step: float
    low: tuple[float, ...]
    high: tuple[float, ...]


@frozen
class Copy:
    """A WAV file.

    Attributes:
        wav: the bytes.
        seconds: how much of the sound it holds, from the beginning.
        words: what it is, for people.
    """

    wav: bytes
    seconds: float
    words: str


@frozen
class Sound:
    """Both sides.

    Attributes:
        seconds: how long it is.
        user: the left channel.
        answers: the right channel.
        copy: a WAV file of it; ``None`` if none was wanted.
    """

    seconds: float
    user: Envelope
    answers: Envelope
    copy: Copy | None = None


def read(path: Path, *, copy: bool = True, most: int = MOST_BYTES) -> Sound | None:
    """Read the sound of a recording.

    Args:
        path: a stereo WAV file of 16 bits.
        copy: whether a copy is wanted.
        most: its size at most, in bytes.

    Returns:
        The sound, or ``None`` where the file is missing, is of another kind, or there is nothing
        to hear in it.

    Raises:
        BackendMissing: NumPy is missing.
    """
    np = extras.load("numpy", extra="report", purpose="draw sound")
    try:
        with wave.open(str(path), "rb") as file:
            if file.getnchannels() != 2 or file.getsampwidth() != 2 or not file.getnframes():
                return None
            return _Reader(np, file, most if copy else 0).read()
    except (OSError, EOFError, wave.Error):
        return None


class _Reader:
    """Reads one file."""

    def __init__(self, np: Any, file: wave.Wave_read, most: int) -> None:
        self._np, self._file = np, file
        self._rate, self._frames = file.getframerate(), file.getnframes()
        self._block = max(round(self._rate * _FINEST), -(-self._frames // POINTS))
        self._coder = _coder(np, self._rate, self._frames, most) if most else None

    def read(self) -> Sound | None:
        np = self._np
        lows, highs, frames = [], [], 0
        for both in self._slices():
            frames += len(both)
            if self._coder:
                self._coder.take(both)
            # Side by side, since NumPy is many times faster along what is next to each other.
            whole = np.zeros((2, -(-len(both) // self._block) * self._block), np.int16)
            whole[:, : len(both)] = both.T
            blocks = whole.reshape(2, -1, self._block)
            lows.append(blocks.min(axis=2))
            highs.append(blocks.max(axis=2))
        if not frames or not any(part.any() for part in (*lows, *highs)):
            return None
        low, high = (np.concatenate(parts, axis=1) / 32768 for parts in (lows, highs))
        user, answers = (
            Envelope(
                self._block / self._rate,
                tuple(low[side].round(3).tolist()),
                tuple(high[side].round(3).tolist()),
            )
            for side in (0, 1)
        )
        copy = self._coder.finished() if self._coder else None
        return Sound(frames / self._rate, user, answers, copy)

    def _slices(self) -> Iterator[Any]:
        size = self._block * max(1, _SLICE * self._rate // self._block)
        while data := self._file.readframes(size):
            whole = len(data) - len(data) % 4  # the end may have been lost
            yield self._np.frombuffer(data[:whole], "<i2").reshape(-1, 2)


def _coder(np: Any, rate: int, frames: int, most: int) -> _Coder:
    """One of the best quality that is small enough: all of it if that can be, then fewer bits, then
    fewer samples, then one channel; then only the beginning."""
    good = min(GOOD_BYTES, most)
    divisors = [n for n in (1, 2, 3) if rate % n == 0 and rate // n >= _LOWEST_RATE] or [1]
    if frames * 4 <= good:
        return _Coder(np, rate, 1, 2, False, frames)
    for divisor in divisors:
        if frames // divisor * 2 <= good:
            return _Coder(np, rate, divisor, 2, True, frames)
    divisor = divisors[-1]
    return _Coder(np, rate, divisor, 1, True, min(frames, most * divisor))


class _Coder:
    """Makes the copy.

    Args:
        np: NumPy.
        rate: of what comes.
        divisor: how many samples become one.
        channels: 2, or 1: both sides in one.
        small: 8 bits of G.711 in place of 16.
        frames: how many to take of what comes.
    """

    def __init__(
        self, np: Any, rate: int, divisor: int, channels: int, small: bool, frames: int
    ) -> None:
        self._np, self._divisor, self._channels = np, divisor, channels
        self._rate, self._left, self._frames = rate, frames, frames
        self._filter = _low_pass(np, divisor)
        self._rest = np.zeros((len(self._filter) // 2, channels), np.int16)
        self._table = _ulaw(np) if small else None
        self._out = bytearray()

    def take(self, both: Any) -> None:
        """Sound came: an array of frames."""
        both = both[: self._left]
        self._left -= len(both)
        if self._channels == 1:
            np = self._np
            mixed = both[:, 0].astype(np.int32) + both[:, 1]
            mixed = np.clip(mixed, -32768, 32767).astype(np.int16)
            both = mixed[:, np.newaxis]
        self._put(self._fewer(both))

    def finished(self) -> Copy:
        """That was all."""
        if self._divisor > 1:
            rest = (len(self._filter) // 2, self._channels)
            self._put(self._fewer(self._np.zeros(rest, self._np.int16)))
        rate = self._rate // self._divisor
        words = f"{rate / 1000:g} kHz, {'stereo' if self._channels == 2 else 'mono'}, "
        words += "16 bit" if self._table is None else "8 bit (µ-law)"
        wav = _header(rate, self._channels, len(self._out), self._table is not None) + self._out
        return Copy(wav, (self._frames - self._left) / self._rate, words)

    def _fewer(self, both: Any) -> Any:
        """Every so many frames one, without what is too high for that."""
        if self._divisor == 1:
            return both
        np, step, taps = self._np, self._divisor, self._filter
        whole = np.concatenate((self._rest, both)).astype(np.float32)
        count = max(0, (len(whole) - len(taps)) // step + 1)
        out = np.zeros((count, self._channels), np.float32)
        for phase in range(step):  # what is next to each other is many times faster
            part = whole[phase::step].copy()
            for n, factor in enumerate(taps[phase::step]):
                out += factor * part[n : n + count]
        self._rest = whole[count * step :].astype(np.int16)
        return np.clip(np.rint(out), -32768, 32767).astype(np.int16)

    def _put(self, both: Any) -> None:
        if self._table is None:
            self._out += both.astype("<i2").tobytes()
        else:
            self._out += self._table[both.astype(self._np.uint16)].tobytes()


def _low_pass(np: Any, divisor: int) -> Any:
    """What takes out the frequencies for which fewer samples are too few."""
    half = 10 * divisor
    n = np.arange(-half, half + 1)
    taps = np.sinc(0.9 * n / divisor) * np.hamming(len(n))
    return (taps / taps.sum()).astype(np.float32)


def _ulaw(np: Any) -> Any:
    """The codes of all samples, by the sample as an unsigned number."""
    pcm = np.arange(65536, dtype="<u2").tobytes()
    return np.frombuffer(encode(pcm, AudioFormat("audio/pcmu")), np.uint8)


def _header(rate: int, channels: int, size: int, small: bool) -> bytes:
    width = 1 if small else 2
    frame = channels * width
    form = struct.pack(
        "<HHIIHH", _ULAW if small else 1, channels, rate, rate * frame, frame, 8 * width
    )
    extra = b"\0\0" if small else b""
    fact = b"fact" + struct.pack("<II", 4, size // frame) if small else b""
    chunks = b"WAVEfmt " + struct.pack("<I", len(form + extra)) + form + extra + fact
    chunks += b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", len(chunks) + size) + chunks
