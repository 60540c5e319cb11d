"""Sample rates: from the file's or the device's to the one on the wire, and back.

The work is done by libsoxr, which removes what the lower rate cannot hold; plain interpolation
would fold it back into the speech as noise. Where the rates are equal, nothing is imported and
nothing is changed. Otherwise the last bit of every sample carries dither, so digital silence does
not stay exactly 0.
"""

from __future__ import annotations

from typing import Any

from inworld_rt import extras
from inworld_rt.errors import ConfigError
from inworld_rt.pcm import Carry

__all__ = ["QUALITIES", "Resampler", "resample"]

QUALITIES = ("QQ", "LQ", "MQ", "HQ", "VHQ")
"""libsoxr's names, from quick to very high; all but QQ are clean to the 16th bit or nearly so."""


def resample(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    """Convert a whole recording to another sample rate.

    Args:
        pcm: signed 16-bit little-endian samples, mono; an incomplete last one is dropped.
        from_rate: its samples per second.
        to_rate: samples per second wanted.

    Returns:
        The same sound, in time with the original: ``round(samples * to_rate / from_rate)`` samples
        (a half goes either way).

    Raises:
        ConfigError: a rate is not a positive whole number.
        BackendMissing: the rates differ and the resampling package is not installed.
    """
    if len(pcm) % 2:
        pcm = pcm[:-1]
    whole = Resampler(from_rate, to_rate, quality="HQ")
    return whole.push(pcm) + whole.flush()


class Resampler:
    """Converts a stream of sound to another sample rate, without clicks where chunks meet.

    One object is for one stream and one thread at a time.

    Args:
        from_rate: samples per second of what is pushed.
        to_rate: samples per second wanted.
        quality: one of :data:`QUALITIES`. The usual "LQ" is right for live sound: on 16-bit speech
            it measures like "HQ" with half the delay. The library works in blocks, so what comes
            out comes unevenly: held back are 1 to 20 milliseconds (to 40 from 8000 to 24000 Hz).

    Raises:
        ConfigError: a rate is not a positive whole number, or the quality is unknown.
        BackendMissing: the rates differ and the resampling package is not installed.
    """

    def __init__(self, from_rate: int, to_rate: int, quality: str = "LQ") -> None:
        _check_rate(from_rate)
        _check_rate(to_rate)
        if quality not in QUALITIES:
            raise ConfigError(f"quality is one of {', '.join(QUALITIES)}, not {quality!r:.40}")
        self._carry = Carry(2)
        self._numpy: Any = None
        self._stream: Any = None
        if from_rate != to_rate:
            purpose = f"convert the sample rate from {from_rate} to {to_rate} Hz"
            soxr = extras.load("soxr", extra="resample", purpose=purpose)
            self._numpy = extras.load("numpy", extra="resample", purpose=purpose)
            self._stream = soxr.ResampleStream(
                from_rate, to_rate, 1, dtype="int16", quality=quality
            )

    def push(self, pcm: bytes) -> bytes:
        """Add sound and take what is ready.

        Args:
            pcm: signed 16-bit little-endian samples, mono; may be cut anywhere, even inside one.

        Returns:
            Whole samples at the new rate, possibly none yet.
        """
        pcm = self._carry.push(pcm)
        return pcm if self._stream is None else self._convert(pcm)

    def flush(self) -> bytes:
        """Take what is still held back, as the stream is over.

        Returns:
            The last samples. The object is then ready for another stream.
        """
        rest = b"" if self._stream is None else self._convert(b"", last=True)
        self.clear()
        return rest

    def clear(self) -> None:
        """Drop what is held back, as after an interruption, and be ready for another stream."""
        self._carry.clear()
        if self._stream is not None:
            self._stream.clear()

    def _convert(self, pcm: bytes, last: bool = False) -> bytes:
        samples = self._numpy.frombuffer(pcm, dtype="<i2")
        converted: bytes = self._stream.resample_chunk(samples, last=last).tobytes()
        return converted


def _check_rate(rate: object) -> None:
    if not isinstance(rate, int) or isinstance(rate, bool) or rate < 1:
        raise ConfigError(f"a sample rate is a positive whole number in hertz, not {rate!r:.40}")
