"""WAV files: reads nearly every kind, writes the plainest one.

A reader of our own, since the :mod:`wave` module of the older Pythons that we support refuses
floating point and extensible headers, knows no G.711, and trips over the headers that programs
write into a pipe. What cannot be read is refused with the command that converts it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import struct
import sys
from array import array
from typing import Any, BinaryIO

import attrs

from inworld_rt.errors import AudioError, ConfigError
from inworld_rt.pcm import AudioFormat, decode

__all__ = ["Recording", "read", "write"]

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_COMPRESSED = {
    0x02: "Microsoft ADPCM",
    0x11: "IMA ADPCM",
    0x31: "GSM 6.10",
    0x50: "MPEG audio",
    0x55: "MP3",
    0xFF: "AAC",
}
_WIDTHS = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8), _ALAW: (1,), _ULAW: (1,)}
_MAX_SIZE = 0xFFFFFFFF - 36  # the header counts in 32 bits, itself included


def _is_positive(instance: Any, attribute: attrs.Attribute[int], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{attribute.name} is a positive whole number, not {value!r:.40}")


def _as_bytes(value: object) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise ConfigError(f"sound is given as bytes, not as {type(value).__name__}")
    return bytes(value)


@attrs.frozen
class Recording:
    """Sound in memory.

    Attributes:
        rate: frames per second.
        channels: samples per frame.
        pcm: signed 16-bit little-endian samples, the channels interleaved.

    Raises:
        ConfigError: a number is not positive, or ``pcm`` is no bytes or ends inside a frame.
    """

    rate: int = attrs.field(validator=_is_positive)
    channels: int = attrs.field(validator=_is_positive)
    pcm: bytes = attrs.field(converter=_as_bytes, repr=lambda pcm: f"<{len(pcm)} bytes>")

    @pcm.validator
    def _check_pcm(self, attribute: attrs.Attribute[bytes], value: bytes) -> None:
        if len(value) % (2 * self.channels):
            raise ConfigError(
                f"{len(value)} bytes are not whole frames of {self.channels} 16-bit channel(s)"
            )

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / (2 * self.channels * self.rate)


# --- reading ----------------------------------------------------------------------------------


def read(path: str | os.PathLike[str] | BinaryIO) -> Recording:
    """Read a WAV file.

    Understood are integer samples of 8, 16, 24 and 32 bits, floating point of 32 and 64 bits, and
    G.711 of both laws, at any rate and with any number of channels. A file that ends early gives
    what is there. Of integers wider than 16 bits the upper 16 are kept.

    Args:
        path: a path, or a binary file object, which is read to its end and left open.

    Returns:
        The sound as 16-bit PCM, at the file's own rate and with its channels.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: the argument is no path and no binary file, or is the path of a folder.
        AudioError: it is not a WAV file, its codec is compressed, or it holds no sound; where a
            conversion helps, the text has the command.
    """
    name = _path_of(path)
    if name is None:
        return _read_stream(path, _name_of(path))  # type: ignore[arg-type]
    if os.path.isdir(name):
        raise ConfigError(f"{name} is a folder; name a WAV file in it")
    with open(name, "rb") as stream:
        return _read_stream(stream, name)


def _read_stream(stream: BinaryIO, name: str) -> Recording:
    head = b""
    # Look at the start first: a mistaken path may lead to gigabytes of film.
    while len(head) < 12 and (more := _read_some(stream, 12 - len(head))):
        head += more
    if not head:
        raise AudioError(f"{name} is empty")
    if head[:4] == b"RIFF" and len(head) < 12:
        raise AudioError(f"{name} is a WAV file without sound in it: it is cut off")
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise AudioError(f"{name} {_what_is(head)}, not a WAV file; {_advice(name)}")
    return _parse(head + _read_some(stream, -1), name)


def _read_some(stream: BinaryIO, size: int) -> bytes:
    data: object = stream.read(size)
    if not isinstance(data, bytes):
        raise ConfigError("a WAV file object is opened in binary mode, as by open(path, 'rb')")
    return data


def _parse(data: bytes, name: str) -> Recording:
    """The recording in the bytes of a whole file."""
    kind: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        tag = data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if tag == b"fmt ":
            kind = _parse_format(data[at : at + size], name)
        elif tag == b"data":
            if kind is None:
                raise AudioError(f"{name} is a damaged WAV file: the format comes after the sound")
            return _decode(data[at : _end_of_sound(data, at, size)], *kind, name)
        at += size + size % 2  # chunks start at even places
    raise AudioError(
        f"{name} is a WAV file without sound in it ({len(data)} bytes); it may be cut off"
    )


def _end_of_sound(data: bytes, start: int, size: int) -> int:
    """Where the sound ends.

    A program that writes into a pipe cannot come back to fill in sizes: it leaves 0, or a number
    near 2 or 4 GB. So the end of the file counts, unless a 0 agrees with the size in the head.
    """
    promised = int.from_bytes(data[4:8], "little") + 8
    if size == 0 and promised not in (len(data), len(data) - 1):
        return len(data)
    return min(start + size, len(data))


def _parse_format(fmt: bytes, name: str) -> tuple[int, int, int, int]:
    """Codec, channels, rate, and bytes per sample."""
    if len(fmt) < 16:
        raise AudioError(f"{name} is a damaged WAV file: its format is cut off")
    codec_id, channels, rate, _, frame_size, bits = struct.unpack_from("<HHIIHH", fmt)
    if codec_id == _EXTENSIBLE and len(fmt) >= 26:
        codec_id = int.from_bytes(fmt[24:26], "little")  # first part of a 16-byte id
    if codec_id not in _WIDTHS:
        known = _COMPRESSED.get(codec_id, f"codec 0x{codec_id:04X}")
        raise AudioError(f"{name} holds compressed sound ({known}); {_advice(name)}")
    if not channels or not rate:
        raise AudioError(f"{name} is a damaged WAV file: {channels} channels at {rate} Hz")
    # Samples may sit, left-aligned, in a wider container. Some writers leave its size at 0.
    width = max(frame_size // channels, (bits + 7) // 8)
    if width not in _WIDTHS[codec_id]:
        raise AudioError(f"{name} has samples of {width * 8} bits; {_advice(name)}")
    return codec_id, channels, rate, width


def _decode(
    data: bytes, codec_id: int, channels: int, rate: int, width: int, name: str
) -> Recording:
    """The recording in the bytes of a data chunk."""
    data = data[: len(data) - len(data) % (width * channels)]
    if not data:
        raise AudioError(f"{name} holds no sound: it is 0 seconds long")
    if codec_id == _ULAW:
        pcm = decode(data, AudioFormat("audio/pcmu"))
    elif codec_id == _ALAW:
        pcm = decode(data, AudioFormat("audio/pcma"))
    elif codec_id == _FLOAT:
        pcm = decode(data if width == 4 else _halve(data), AudioFormat("audio/float32", rate))
    else:
        pcm = _upper_16(data, width)
    return Recording(rate, channels, pcm)


def _upper_16(data: bytes, width: int) -> bytes:
    """Integer samples of 1 to 4 bytes as 16-bit ones."""
    if width == 2:
        return data
    pcm = bytearray(len(data) // width * 2)
    if width == 1:  # the only unsigned kind: 128 is silence
        pcm[1::2] = data.translate(bytes(n ^ 0x80 for n in range(256)))
    else:
        pcm[0::2] = data[width - 2 :: width]
        pcm[1::2] = data[width - 1 :: width]
    return bytes(pcm)


def _halve(data: bytes) -> bytes:
    """Little-endian 64-bit floats as 32-bit ones."""
    doubles = array("d")
    doubles.frombytes(data)
    if sys.byteorder == "big":
        doubles.byteswap()
    floats = array("f", doubles)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes()


def _what_is(head: bytes) -> str:
    """What a file looks like from its first twelve bytes; continues "the file ..."."""
    for start, what in (
        (b"ID3", "is an MP3 file"),
        (b"OggS", "is an Ogg file"),
        (b"fLaC", "is a FLAC file"),
        (b"FORM", "is an AIFF file"),
        (b".snd", "is an AU file"),
        (b"caff", "is a CAF file"),
        (b"\x1aE\xdf\xa3", "is a WebM or Matroska file"),
        (b"RIFX", "is a big-endian RIFX file"),
        (b"RF64", "is a 64-bit RF64 file"),
        (b"RIFF", "is a RIFF file of another kind"),
    ):
        if head.startswith(start):
            return what
    if head[4:8] == b"ftyp":
        return "is an MP4 or M4A file"
    if head[0] == 0xFF and head[1:2] and head[1] & 0xE0 == 0xE0:
        return "is an AAC file" if head[1] & 0xF6 == 0xF0 else "is an MP3 file"
    return "has no WAV header, so it is something else or raw samples"


def _advice(name: str) -> str:
    """The command that turns a file into one we can read."""
    source = name if os.path.sep in name or "." in name else "INPUT"
    target = os.path.splitext(source)[0] + ".wav"
    if target == source:
        target = os.path.splitext(source)[0] + "-pcm.wav"
    return f'convert it with: ffmpeg -i "{source}" -c:a pcm_s16le "{target}"'


# --- writing ----------------------------------------------------------------------------------


def write(
    path: str | os.PathLike[str] | BinaryIO, pcm: bytes, rate: int, channels: int = 1
) -> None:
    """Write a WAV file of 16-bit samples.

    A file appears under its name only when it is complete: whatever goes wrong before, an older
    file of that name stays as it was. (A loss of power is another matter: nothing is forced to
    the disk.)

    Args:
        path: a path, or a binary file object, which is left open. Pipes and devices such as
            ``/dev/stdout`` work too.
        pcm: signed 16-bit little-endian samples, the channels interleaved; none is allowed.
        rate: frames per second.
        channels: samples per frame.

    Raises:
        OSError: the folder is missing, the disk is full and so on.
        ConfigError: an argument is of the wrong type or out of range, or the path is a folder.
    """
    recording = Recording(rate, channels, pcm)
    header = _header(recording)
    name = _path_of(path)
    if name is None:
        _write_all(path, header, recording.pcm)  # type: ignore[arg-type]
        return
    mode = _mode_of(name)
    if mode is not None and stat.S_ISDIR(mode):
        raise ConfigError(f"{name} is a folder; name a file in it")
    if mode is not None and not stat.S_ISREG(mode):  # replacing a device would destroy it
        with open(name, "wb") as stream:
            _write_all(stream, header, recording.pcm)
        return
    _write_atomically(os.path.realpath(name), mode, header, recording.pcm)


def _write_atomically(name: str, mode: int | None, header: bytes, pcm: bytes) -> None:
    folder = os.path.dirname(name)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "no such folder; make it first", folder)
    draft = os.path.join(folder, f".{os.urandom(8).hex()}.wav.part")
    try:
        # Not tempfile: its files are private, and this one gets the permissions of any new file.
        with open(draft, "xb") as stream:
            _write_all(stream, header, pcm)
        if mode is not None:
            os.chmod(draft, stat.S_IMODE(mode))
        os.replace(draft, name)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _header(recording: Recording) -> bytes:
    """The 44 bytes before the samples."""
    size = len(recording.pcm)
    frame_size = 2 * recording.channels
    if frame_size > 0xFFFF or recording.rate * frame_size > 0xFFFFFFFF or size > _MAX_SIZE:
        raise ConfigError(
            f"{recording.channels} channels at {recording.rate} Hz, {size} bytes in all, "
            "are too much for a WAV file"
        )
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + size,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        recording.channels,
        recording.rate,
        recording.rate * frame_size,
        frame_size,
        16,
        b"data",
        size,
    )


def _write_all(stream: BinaryIO, *parts: bytes) -> None:
    for part in parts:
        rest = memoryview(part)
        while rest:
            # An unbuffered file may take less than it is given; other objects may count nothing.
            taken: object = stream.write(rest)
            rest = rest[taken:] if isinstance(taken, int) else rest[:0]


# --- paths ------------------------------------------------------------------------------------


def _path_of(path: object) -> str | None:
    """The path as text, or ``None`` for a binary file object."""
    if isinstance(path, (str, os.PathLike)):
        name = os.fspath(path)
        if isinstance(name, str) and name:
            return name
    elif isinstance(path, io.TextIOBase):
        raise ConfigError("a WAV file object is opened in binary mode: 'rb' or 'wb'")
    elif hasattr(path, "read") or hasattr(path, "write"):
        return None
    raise ConfigError(
        "a WAV file is named by a path or given as a binary file object, "
        f"not as {'empty text' if path == '' else type(path).__name__}"
        + ("; wrap its content: io.BytesIO(...)" if isinstance(path, (bytes, bytearray)) else "")
    )


def _name_of(stream: object) -> str:
    """What to call a file object in a message."""
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) and name else "the file"


def _mode_of(name: str) -> int | None:
    """Type and permissions of a file, or ``None`` if there is none yet."""
    try:
        return os.stat(name).st_mode
    except FileNotFoundError:
        return None
