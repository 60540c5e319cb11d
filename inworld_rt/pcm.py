"""Sound as numbers: audio formats, bytes and milliseconds, and the codings of the wire.

Words used throughout the package: the *rate* is in hertz, a *frame* is one sample of every
channel, and *PCM* without further words is signed 16-bit little-endian. On the wire everything
is mono, so there a frame is one sample.

Everything here is pure and needs no other package; a second of speech costs a few milliseconds.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator
import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from inworld_rt.errors import ConfigError

__all__ = ["RATES", "AudioFormat", "Carry", "decode", "encode", "level", "to_mono", "tone"]

RATES = (8000, 16000, 24000, 32000, 44100, 48000)
"""Sample rates in hertz that the service is known to take for PCM."""

_DEFAULT_RATE = 24000
_G711_RATE = 8000
_PCM, _ULAW, _ALAW, _FLOAT = "audio/pcm", "audio/pcmu", "audio/pcma", "audio/float32"
_G711 = (_ULAW, _ALAW)
_FRAME_SIZE = {_PCM: 2, _ULAW: 1, _ALAW: 1, _FLOAT: 4}
_SILENT_FRAME = {_PCM: b"\0\0", _ULAW: b"\xff", _ALAW: b"\xd5", _FLOAT: b"\0\0\0\0"}
_NAMES = {
    **{name: name for name in _FRAME_SIZE},
    "pcm16": _PCM,
    "g711_ulaw": _ULAW,
    "g711_alaw": _ALAW,
    "float32": _FLOAT,
}


@attrs.frozen
class AudioFormat:
    """How mono sound is written as bytes.

    The constructor takes any positive rate, since files, devices and servers have their own;
    :meth:`of` also checks that the service is known to take it.

    Attributes:
        type: the coding: ``audio/pcm`` (16-bit little-endian), ``audio/pcmu`` (G.711 mu-law),
            ``audio/pcma`` (G.711 A-law) or ``audio/float32`` (little-endian, -1 to 1).
        rate: samples per second; G.711 is always 8000, the others are 24000 unless said.

    Raises:
        ConfigError: an unknown type, a rate that is no positive whole number, or G.711 at a rate
            other than 8000.
    """

    type: str = _PCM
    rate: int = attrs.field()

    @rate.default
    def _usual_rate(self) -> int:
        return _G711_RATE if self.type in _G711 else _DEFAULT_RATE

    def __attrs_post_init__(self) -> None:
        if not _is_type(self.type):
            raise ConfigError(
                f"unknown audio type {_show(self.type)}; choose one of {', '.join(_FRAME_SIZE)}"
            )
        if not _is_positive(self.rate):
            raise ConfigError(
                f"a sample rate is a positive whole number in hertz, not {_show(self.rate)}"
            )
        if self.type in _G711 and self.rate != _G711_RATE:
            raise ConfigError(f"{self.type} is always {_G711_RATE} Hz, not {self.rate}")

    @classmethod
    def of(cls, value: object) -> AudioFormat:
        """Read what a user may write for a format, strictly.

        Args:
            value: an :class:`AudioFormat`; its wire form, a mapping such as
                ``{"type": "audio/pcm", "rate": 16000}``; one of the names ``pcm16``,
                ``audio/pcm``, ``g711_ulaw``, ``audio/pcmu``, ``g711_alaw``, ``audio/pcma``,
                ``float32``, ``audio/float32``; or a whole number, the rate of 16-bit PCM.

        Returns:
            A format that the service is known to take.

        Raises:
            ConfigError: anything else; the text names what is allowed.
        """
        if isinstance(value, AudioFormat):
            found = value
        elif isinstance(value, str):
            found = cls(_type_named(value))
        elif isinstance(value, Mapping):
            found = cls._of_mapping(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            found = cls(_PCM, value)
        else:
            raise ConfigError(
                f"an audio format is a name ({', '.join(_NAMES)}), a rate in hertz or a mapping "
                f'like {{"type": "audio/pcm", "rate": 24000}}, not {_show(value)}'
            )
        if found.type not in _G711 and found.rate not in RATES:
            raise ConfigError(
                f"{found.type} at {found.rate} Hz is not offered by the service; "
                f"choose one of {', '.join(map(str, RATES))}"
            )
        return found

    @classmethod
    def _of_mapping(cls, value: Mapping[Any, Any]) -> AudioFormat:
        unknown = [key for key in value if key not in ("type", "rate")]
        if unknown or "type" not in value:
            raise ConfigError(
                "an audio format given as a mapping has 'type' and, for PCM and float, 'rate'; "
                + (f"unknown here: {_show(unknown[0])}" if unknown else "'type' is missing")
            )
        kind = _type_named(value["type"])
        return cls(kind, value["rate"]) if "rate" in value else cls(kind)

    @classmethod
    def from_wire(cls, value: object) -> AudioFormat | None:
        """Read what a server sent for a format, liberally.

        Args:
            value: decoded JSON: a name or an object.

        Returns:
            The format, or ``None`` if the coding or the rate cannot be understood. A missing rate
            is the usual one, G.711 is 8000 Hz whatever is said, and keys unknown to us are
            ignored.
        """
        name: object = value
        rate: object = None
        if isinstance(value, Mapping):
            name, rate = value.get("type"), value.get("rate")
        kind = _NAMES.get(name) if isinstance(name, str) else None
        if kind is None:
            return None
        if rate is None or kind in _G711:
            return cls(kind)
        if isinstance(rate, float) and rate.is_integer():  # JSON has one kind of number
            rate = int(rate)
        return cls(kind, rate) if isinstance(rate, int) and _is_positive(rate) else None

    def to_wire(self) -> dict[str, Any]:
        """The object form that the protocol prefers.

        Returns:
            A new dict with ``type`` and, where the rate is not fixed, ``rate``.
        """
        if self.type in _G711:
            return {"type": self.type}
        return {"type": self.type, "rate": self.rate}

    @property
    def bytes_per_frame(self) -> int:
        """Size of one sample in bytes: 1, 2 or 4."""
        return _FRAME_SIZE[self.type]

    @property
    def bytes_per_second(self) -> int:
        """Bytes of one second of sound."""
        return _FRAME_SIZE[self.type] * self.rate

    def ms(self, nbytes: int) -> int:
        """How long some sound lasts.

        Args:
            nbytes: its size in bytes.

        Returns:
            Whole milliseconds, rounded down.
        """
        return nbytes * 1000 // self.bytes_per_second

    def bytes(self, ms: float) -> int:
        """How many bytes some time takes.

        Args:
            ms: milliseconds, not negative.

        Returns:
            Bytes of the whole frames that fit in, so never half a sample.

        Raises:
            ConfigError: the time is negative, infinite or no number.
        """
        if isinstance(ms, int) and not isinstance(ms, bool):
            frames = ms * self.rate // 1000
        elif isinstance(ms, float) and math.isfinite(ms):
            # The millionth of a frame undoes the rounding of times computed from frames.
            frames = math.floor(ms * self.rate / 1000 + 1e-6)
        else:
            frames = -1
        if frames < 0:
            raise ConfigError(f"a time in milliseconds is a number from 0 up, not {_show(ms)}")
        return frames * self.bytes_per_frame

    def silence(self, ms: float) -> builtins.bytes:
        """Silence in this coding.

        Args:
            ms: milliseconds, not negative.

        Returns:
            Whole frames of silence; only in PCM and float these are zero bytes.

        Raises:
            ConfigError: as for :meth:`bytes`.
        """
        return _SILENT_FRAME[self.type] * (self.bytes(ms) // self.bytes_per_frame)


class Carry:
    """Cuts a byte stream into whole frames: an incomplete last frame waits for the next chunk.

    The network may cut anywhere, and one byte lost or kept too long turns all later PCM to noise.

    Args:
        bytes_per_frame: size of a frame in bytes, at least 1.

    Raises:
        ConfigError: the size is no positive whole number.
    """

    __slots__ = ("_size", "_tail")

    def __init__(self, bytes_per_frame: int) -> None:
        if not _is_positive(bytes_per_frame):
            raise ConfigError(
                f"bytes_per_frame is a positive whole number, not {_show(bytes_per_frame)}"
            )
        self._size = bytes_per_frame
        self._tail = b""

    @property
    def pending(self) -> int:
        """Bytes kept back: 0 up to one less than a frame."""
        return len(self._tail)

    def push(self, chunk: bytes) -> bytes:
        """Add a chunk and take the whole frames.

        Args:
            chunk: any number of bytes.

        Returns:
            Whole frames, possibly none. It is the very chunk where there is nothing to cut.
        """
        if self._tail:
            chunk = self._tail + chunk
            self._tail = b""
        extra = len(chunk) % self._size
        if not extra:
            return chunk
        self._tail = bytes(chunk[-extra:])  # bytes(): do not keep a caller's buffer alive
        return chunk[:-extra]

    def clear(self) -> None:
        """Forget the kept bytes, as between two separate sounds."""
        self._tail = b""


def decode(data: bytes, format: AudioFormat) -> bytes:
    """Turn any coding into PCM of the same rate.

    Args:
        data: whole frames in ``format``.
        format: what ``data`` is.

    Returns:
        Signed 16-bit little-endian samples. Floats beyond -1 to 1 are clipped; a NaN is silence.

    Raises:
        ConfigError: ``data`` ends inside a frame or is no bytes (streams: see :class:`Carry`).
    """
    data = _whole(data, format.bytes_per_frame, format.type)
    if format.type == _PCM:
        return data
    if format.type in _G711:
        return b"".join(map(_decoding(format.type).__getitem__, data))
    full = 32767.0
    low = 32768.0  # there is one negative step more than positive ones
    return _to_bytes(
        "h",
        [
            int(s * full + 0.5)
            if 0.0 <= s <= 1.0
            else (int(s * low - 0.5) if -1.0 <= s < 0.0 else _clip(s))
            for s in _array("f", data)
        ],
    )


def encode(pcm: bytes, format: AudioFormat) -> bytes:
    """Turn PCM into any coding of the same rate; the reverse of :func:`decode`.

    Args:
        pcm: signed 16-bit little-endian samples, mono, at ``format.rate``.
        format: the coding wanted.

    Returns:
        Whole frames in ``format``.

    Raises:
        ConfigError: ``pcm`` ends inside a sample or is no bytes.
    """
    pcm = _whole(pcm, 2, _PCM)
    if format.type == _PCM:
        return pcm
    if format.type in _G711:
        return bytes(map(_encoding(format.type).__getitem__, _array("H", pcm)))
    return _to_bytes("f", [s / 32767.0 if s > 0 else s / 32768.0 for s in _array("h", pcm)])


def tone(hz: float, ms: float, format: AudioFormat, volume: float = 0.5) -> bytes:
    """A sine tone that starts at a zero crossing.

    Args:
        hz: its pitch, above 0 and below half the rate.
        ms: how long it lasts, in milliseconds.
        format: the coding and rate wanted.
        volume: height of the wave, 0 (silent) to 1 (full scale).

    Returns:
        Whole frames in ``format``.

    Raises:
        ConfigError: an argument is out of its range.
    """
    if not _is_number(hz) or not 0 < hz < format.rate / 2:
        raise ConfigError(
            f"a tone at {format.rate} Hz has a pitch above 0 and below {format.rate / 2:g} Hz, "
            f"not {_show(hz)}"
        )
    if not _is_number(volume) or not 0 <= volume <= 1:
        raise ConfigError(f"volume is a number from 0 to 1, not {_show(volume)}")
    frames = format.bytes(ms) // format.bytes_per_frame
    step = 2 * math.pi * hz / format.rate
    height = volume * 32767
    pcm = _to_bytes("h", (round(height * math.sin(step * n)) for n in range(frames)))
    return encode(pcm, format)


def level(pcm: bytes) -> float:
    """How loud some sound is on average.

    Args:
        pcm: signed 16-bit little-endian samples, any number of channels.

    Returns:
        The root mean square in decibels relative to full scale: 0 for the loudest square wave,
        -3 for the loudest sine, about -60 and less for a quiet room, ``-inf`` for digital silence
        and for no samples.

    Raises:
        ConfigError: ``pcm`` ends inside a sample or is no bytes.
    """
    samples = _array("h", _whole(pcm, 2, _PCM))
    power = _sum_of_squares(samples)
    if not power:
        return -math.inf
    return 10 * math.log10(power / len(samples) / 32768**2)


def to_mono(pcm: bytes, channels: int) -> bytes:
    """Mix all channels into one by averaging, which cannot overflow.

    Args:
        pcm: signed 16-bit little-endian samples, interleaved.
        channels: how many channels there are, at least 1.

    Returns:
        Signed 16-bit little-endian samples, mono.

    Raises:
        ConfigError: ``channels`` is no positive whole number, or ``pcm`` ends inside a frame.
    """
    if not _is_positive(channels):
        raise ConfigError(f"channels is a positive whole number, not {_show(channels)}")
    pcm = _whole(pcm, 2 * channels, f"{channels}-channel {_PCM}")
    if channels == 1:
        return pcm
    samples = _array("h", pcm)
    if channels == 2:  # worth its own line: a stereo microphone takes this road all day
        pairs = map(operator.add, samples[::2], samples[1::2])
        return _to_bytes("h", [both >> 1 for both in pairs])
    frames = zip(*(samples[n::channels] for n in range(channels)), strict=True)
    return _to_bytes("h", [sum(frame) // channels for frame in frames])


# --- G.711 ------------------------------------------------------------------------------------
#
# Both laws are a tiny floating point: a sign, three bits of exponent ("segment") and four bits of
# mantissa. Tables make the work per sample one look-up; they are built on first use, as few
# programs need them.


def _ulaw_sample(code: int) -> int:
    """The 16-bit sample that a mu-law code stands for."""
    code ^= 0xFF  # sent inverted, so that silence has many ones
    segment, mantissa = code >> 4 & 7, code & 15
    size = ((mantissa << 3) + 0x84 << segment) - 0x84  # the bias makes segment 0 start at zero
    return -size if code & 0x80 else size


def _ulaw_code(sample: int) -> int:
    """The mu-law code for a 16-bit sample."""
    fourteen = sample >> 2  # the law is defined on 14 bits
    size = min(abs(fourteen), 8158) + 33
    segment = size.bit_length() - 6
    code = segment << 4 | size >> segment + 1 & 15
    return code ^ (0x7F if sample < 0 else 0xFF)


def _alaw_sample(code: int) -> int:
    """The 16-bit sample that an A-law code stands for."""
    code ^= 0x55  # every second bit is sent inverted
    segment, mantissa = code >> 4 & 7, code & 15
    size = (mantissa << 4) + 8  # the middle of the step
    if segment:
        size = size + 0x100 << segment - 1
    return size if code & 0x80 else -size


def _alaw_code(sample: int) -> int:
    """The A-law code for a 16-bit sample."""
    size = sample >> 3  # the law is defined on 13 bits
    if size < 0:
        size = ~size
    segment = max(0, size.bit_length() - 5)
    code = segment << 4 | size >> max(1, segment) & 15
    return code ^ (0x55 if sample < 0 else 0xD5)


@functools.cache
def _decoding(type: str) -> list[bytes]:
    """Code to the two bytes of its sample."""
    sample = _ulaw_sample if type == _ULAW else _alaw_sample
    return [sample(code).to_bytes(2, "little", signed=True) for code in range(256)]


@functools.cache
def _encoding(type: str) -> bytes:
    """Sample, read as an unsigned number, to its code."""
    code = _ulaw_code if type == _ULAW else _alaw_code
    return bytes([code(n if n < 0x8000 else n - 0x10000) for n in range(0x10000)])


# --- helpers ----------------------------------------------------------------------------------


def _is_type(value: object) -> bool:
    return isinstance(value, str) and value in _FRAME_SIZE


def _type_named(name: object) -> str:
    """The coding of this name, in full; an unknown name is a ConfigError."""
    kind = _NAMES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(f"unknown audio type {_show(name)}; choose one of {', '.join(_NAMES)}")
    return kind


def _whole(data: object, size: int, what: str) -> bytes:
    """The data as ``bytes`` if it is whole frames of this size, else a ConfigError."""
    if not isinstance(data, bytes):
        if not isinstance(data, (bytearray, memoryview)):
            raise ConfigError(f"sound is given as bytes, not as {type(data).__name__}")
        data = bytes(data)
    if len(data) % size:
        raise ConfigError(
            f"{len(data)} bytes are not whole frames of {what} ({size} bytes each); "
            "a stream cut at odd places goes through inworld_rt.pcm.Carry first"
        )
    return data


def _array(code: str, data: bytes) -> array[Any]:
    """Little-endian bytes as numbers, on any machine."""
    numbers = array(code)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _to_bytes(code: str, numbers: Iterable[float]) -> bytes:
    """Numbers as little-endian bytes, on any machine."""
    packed: array[Any] = array(code, numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _clip(value: float) -> int:
    """The sample for a float outside -1 to 1: full scale, or silence for a NaN."""
    if value > 0:
        return 32767
    return -32768 if value < 0 else 0


if sys.version_info >= (3, 12):

    def _sum_of_squares(samples: array[int]) -> float:
        return float(math.sumprod(samples, samples))

else:

    def _sum_of_squares(samples: array[int]) -> float:
        return float(sum(map(operator.mul, samples, samples)))


def _is_positive(value: object) -> bool:
    """Whether this is a positive whole number (``True`` is none)."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _show(value: object) -> str:
    """A wrong value for a message: short ones in full, others by their type."""
    text = repr(value) if isinstance(value, (str, int, float)) or value is None else ""
    return text if 0 < len(text) <= 40 else f"a {type(value).__name__}"
