"""WAV files of every kind, whole and broken."""

from __future__ import annotations

import io
import os
import stat
import struct
import sys
import wave
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.audio.wav import Recording
from inworld_rt.errors import AudioError, ConfigError

SAMPLES = (0, 256, -256, 32512, -32768)
PCM16 = struct.pack("<5h", *SAMPLES)
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def fmt(
    codec: int, bits: int, channels: int = 1, rate: int = 24000, *, extensible: bool = False
) -> bytes:
    """A format chunk."""
    size = bits // 8 * channels
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else codec, channels, rate, rate * size, size, bits
    )
    tail = struct.pack("<HHIH", 22, bits, 0, codec) + GUID_TAIL if extensible else b""
    return chunk(b"fmt ", head + tail)


def chunk(tag: bytes, data: bytes, size: int | None = None) -> bytes:
    said = len(data) if size is None else size
    return tag + struct.pack("<I", said) + data + bytes(len(data) % 2)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def read(data: bytes) -> Recording:
    return wav.read(io.BytesIO(data))


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(
    ("codec", "bits", "data"),
    [
        (1, 8, bytes(128 + (s >> 8) for s in SAMPLES)),
        (1, 16, PCM16),
        (1, 24, b"".join((s << 8).to_bytes(3, "little", signed=True) for s in SAMPLES)),
        (1, 32, struct.pack("<5i", *(s << 16 for s in SAMPLES))),
        (3, 32, struct.pack("<5f", *(s / (32768 if s < 0 else 32767) for s in SAMPLES))),
        (3, 64, struct.pack("<5d", *(s / (32768 if s < 0 else 32767) for s in SAMPLES))),
    ],
)
def test_every_width(codec: int, bits: int, data: bytes, extensible: bool) -> None:
    found = read(riff(fmt(codec, bits, extensible=extensible), chunk(b"data", data)))
    assert found == Recording(24000, 1, PCM16)


@pytest.mark.parametrize(("codec", "name"), [(7, "audio/pcmu"), (6, "audio/pcma")])
def test_g711(codec: int, name: str) -> None:
    codes = bytes(range(256))
    found = read(riff(fmt(codec, 8, rate=8000), chunk(b"data", codes)))
    assert found == Recording(8000, 1, pcm.decode(codes, pcm.AudioFormat(name)))


@pytest.mark.parametrize("rate", [1, 8000, 22050, 44100, 192000, 0xFFFFFFFF])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_rates_and_channels(rate: int, channels: int) -> None:
    # A byte rate that does not fit is cut, as writers do; nobody should rely on it.
    head = struct.pack("<HHIIHH", 1, channels, rate, 0, 2 * channels, 16)
    found = read(riff(chunk(b"fmt ", head), chunk(b"data", bytes(24 * rate.bit_length()))))
    assert (found.rate, found.channels) == (rate, channels)
    assert found.seconds == pytest.approx(12 * rate.bit_length() / channels / rate)


def test_samples_left_aligned_in_a_wider_container() -> None:
    head = struct.pack("<HHIIHH", 1, 1, 24000, 96000, 4, 24)
    data = struct.pack("<5i", *(s << 16 for s in SAMPLES))
    assert read(riff(chunk(b"fmt ", head), chunk(b"data", data))).pcm == PCM16


def test_frame_size_left_out() -> None:
    head = struct.pack("<HHIIHH", 1, 2, 24000, 0, 0, 16)
    found = read(riff(chunk(b"fmt ", head), chunk(b"data", PCM16[:8])))
    assert found == Recording(24000, 2, PCM16[:8])


def test_unknown_chunks_are_skipped_also_odd_ones() -> None:
    data = riff(
        chunk(b"LIST", b"odd"),
        fmt(1, 16),
        chunk(b"fact", b"\5\0\0\0"),
        chunk(b"junk", b""),
        chunk(b"data", PCM16),
        chunk(b"id3 ", b"later"),
    )
    assert read(data).pcm == PCM16


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("outer", [0, 36, 0x7FFFF024, 0xFFFFFFFF])
def test_sizes_that_a_pipe_left_unfilled(size: int, outer: int) -> None:
    assert read(riff(fmt(1, 16), chunk(b"data", PCM16, size), size=outer)).pcm == PCM16


def test_a_cut_off_file_gives_what_is_there() -> None:
    data = riff(fmt(1, 16, 2), chunk(b"data", PCM16 * 10))
    assert read(data[:-5]).pcm == (PCM16 * 10)[:92]  # whole frames of 4 bytes


def test_a_pipe_that_gives_little_at_a_time() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size, 5) if size is not None and size > 0 else size)

    assert wav.read(Trickle(riff(fmt(1, 16), chunk(b"data", PCM16)))).pcm == PCM16


@pytest.mark.parametrize("sampwidth", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_the_standard_library_writes(sampwidth: int, channels: int) -> None:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setparams((channels, sampwidth, 11025, 0, "NONE", ""))
        out.writeframes(bytes(range(24)))
    found = read(stream.getvalue())
    assert (found.rate, found.channels) == (11025, channels)
    assert len(found.pcm) == 24 // sampwidth * 2
    if sampwidth == 2:
        assert found.pcm == bytes(range(24))


# --- refusing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "empty"),
        (b"RIFF", "cut off"),
        (riff(), "without sound"),
        (riff(fmt(1, 16)), "without sound"),
        (riff(fmt(1, 16), chunk(b"data", b"")), "0 seconds"),
        (riff(fmt(1, 16), chunk(b"data", b""), size=0), "0 seconds"),
        (riff(fmt(1, 16), chunk(b"data", b""), chunk(b"LIST", b"abc")), "0 seconds"),
        (riff(fmt(1, 16), chunk(b"data", b"a")), "0 seconds"),
        (riff(chunk(b"data", PCM16)), "damaged"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), chunk(b"data", PCM16)), "damaged"),
        (riff(fmt(1, 16))[:30], "damaged"),
        (riff(fmt(1, 16, 0), chunk(b"data", PCM16)), "0 channels"),
        (riff(fmt(1, 16, 1, 0), chunk(b"data", PCM16)), "at 0 Hz"),
        (riff(fmt(1, 64), chunk(b"data", PCM16)), "64 bits"),
        (riff(fmt(3, 16), chunk(b"data", PCM16)), "16 bits"),
        (riff(fmt(2, 8), chunk(b"data", PCM16)), "Microsoft ADPCM"),
        (riff(fmt(0x55, 8), chunk(b"data", PCM16)), "MP3"),
        (riff(fmt(0x1234, 8), chunk(b"data", PCM16)), "0x1234"),
        (riff(fmt(2, 8, extensible=True), chunk(b"data", PCM16)), "Microsoft ADPCM"),
        (riff(fmt(0xFFFE, 16), chunk(b"data", PCM16)), "0xFFFE"),
        (b"ID3\4" + bytes(99), "MP3 file, not a WAV file; convert it with: ffmpeg -i"),
        (b"\xff\xfb\x90\x00" + bytes(99), "an MP3 file"),
        (b"\xff\xf1\x50\x80" + bytes(99), "an AAC file"),
        (b"OggS" + bytes(99), "an Ogg file"),
        (b"fLaC" + bytes(99), "a FLAC file"),
        (b"FORM\0\0\0\0AIFF", "an AIFF file"),
        (b"\0\0\0\x20ftypM4A ", "M4A"),
        (b"RIFF\0\0\0\0AVI ", "another kind"),
        (b"RIFX\0\0\0\0WAVE", "RIFX"),
        (b"RF64\0\0\0\0WAVE", "RF64"),
        (b"\xff", "something else"),
        (bytes(4800), "raw samples"),
        (b"\xff" * 4800, "MP3 file"),
    ],
)
def test_unreadable_content(data: bytes, part: str) -> None:
    with pytest.raises(AudioError) as caught:
        read(data)
    assert part in str(caught.value)


def test_the_advice_names_the_file(tmp_path: Path) -> None:
    song, odd = tmp_path / "a song.mp3", tmp_path / "odd.wav"
    song.write_bytes(b"ID3" + bytes(99))
    odd.write_bytes(riff(fmt(2, 8), chunk(b"data", PCM16)))
    with pytest.raises(AudioError) as caught:
        wav.read(song)
    assert f'ffmpeg -i "{song}" -c:a pcm_s16le "{tmp_path / "a song.wav"}"' in str(caught.value)
    with pytest.raises(AudioError) as caught:
        wav.read(odd)
    assert f'"{tmp_path / "odd-pcm.wav"}"' in str(caught.value)  # never onto itself


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        wav.read(tmp_path / "none.wav")
    with pytest.raises(ConfigError, match="folder"):
        wav.read(tmp_path)
    with pytest.raises(ConfigError, match="folder"):
        wav.write(tmp_path, PCM16, 24000)
    with pytest.raises(FileNotFoundError, match="make it first"):
        wav.write(tmp_path / "none" / "a.wav", PCM16, 24000)


@pytest.mark.parametrize("path", [None, "", 3, b"RIFF", b"a.wav", io.StringIO("RIFF"), []])
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(ConfigError):
        wav.read(path)
    with pytest.raises(ConfigError):
        wav.write(path, PCM16, 24000)


numbers = st.integers(0, 0xFFFF) | st.sampled_from([1, 2, 3, 6, 7, 8, 16, 24, 32, 64, 0xFFFE])
broken_formats = st.builds(
    lambda codec, channels, rate, size, bits, rest: (
        struct.pack("<HHIIHH", codec, channels, rate, 0, size, bits) + rest
    ),
    numbers,
    numbers,
    st.integers(0, 0xFFFFFFFF),
    numbers,
    numbers,
    st.binary(max_size=24),
)
chunks = st.builds(
    chunk,
    st.sampled_from([b"fmt ", b"data", b"LIST"]),
    st.binary(max_size=60) | broken_formats,
    st.none() | st.integers(0, 0xFFFFFFFF) | st.integers(0, 40),
)
files = st.lists(chunks, max_size=4).map(lambda some: riff(*some))
sensible = st.binary(max_size=99).map(lambda data: riff(fmt(3, 64), chunk(b"data", data)))


@given(st.binary() | files | sensible)
def test_any_bytes_give_a_recording_or_an_audio_error(data: bytes) -> None:
    try:
        found = read(data)
    except AudioError as exc:
        assert len(str(exc)) < 300
    else:
        assert found.seconds > 0


@given(st.integers(0, 64), st.binary(min_size=1, max_size=1), st.booleans())
def test_a_changed_or_cut_header(at: int, byte: bytes, cut: bool) -> None:
    whole = riff(fmt(1, 16, extensible=True), chunk(b"data", PCM16))
    try:
        read(whole[:at] if cut else whole[:at] + byte + whole[at + 1 :])
    except AudioError:
        pass


# --- writing ----------------------------------------------------------------------------------


@given(
    st.integers(1, 6),
    st.integers(1, 0xFFFF),
    st.binary(min_size=12).map(lambda b: b[: len(b) // 12 * 12]),
)
def test_what_is_written_is_read(half_channels: int, rate: int, data: bytes) -> None:
    channels = half_channels if 12 % (2 * half_channels) == 0 else 1
    stream = io.BytesIO()
    wav.write(stream, data, rate, channels)
    assert not stream.closed
    assert read(stream.getvalue()) == Recording(rate, channels, data)
    stream.seek(0)
    with wave.open(stream) as standard:
        assert standard.getparams()[:3] == (channels, 2, rate)
        assert standard.readframes(standard.getnframes()) == data


@pytest.mark.parametrize("as_type", [str, Path])
def test_paths(tmp_path: Path, as_type: Any) -> None:
    target = as_type(tmp_path / "a.wav")
    for sound in (PCM16, b"", PCM16 * 2):
        wav.write(target, sound, 16000)
    assert wav.read(target) == Recording(16000, 1, PCM16 * 2)
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_bare_name_goes_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wav.write("a.wav", PCM16, 8000)
    assert wav.read("a.wav").pcm == PCM16


@pytest.mark.parametrize(
    ("sound", "rate", "channels"),
    [
        (b"abc", 8000, 1),
        (b"ab", 8000, 2),
        ("ab", 8000, 1),
        (None, 8000, 1),
        (b"", 0, 1),
        (b"", 8000.0, 1),
        (b"", True, 1),
        (b"", 8000, 0),
        (b"", 1 << 32, 1),
        (b"", 8000, 40000),
    ],
)
def test_impossible_sound_leaves_the_old_file(
    tmp_path: Path, sound: Any, rate: Any, channels: Any
) -> None:
    target = tmp_path / "a.wav"
    wav.write(target, PCM16, 8000)
    with pytest.raises(ConfigError):
        wav.write(target, sound, rate, channels)
    assert wav.read(target).pcm == PCM16


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes to set")
def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    import resource

    target = tmp_path / "a.wav"
    wav.write(target, PCM16, 8000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))  # stands for a full disk
    try:
        with pytest.raises(OSError):
            wav.write(target, bytes(100_000), 8000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert wav.read(target).pcm == PCM16
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps permissions otherwise")
def test_permissions_and_links_stay(tmp_path: Path) -> None:
    target, plain, link = tmp_path / "a.wav", tmp_path / "plain", tmp_path / "link.wav"
    plain.touch()
    wav.write(target, PCM16, 8000)
    assert target.stat().st_mode == plain.stat().st_mode
    target.chmod(0o640)
    link.symlink_to(target)
    wav.write(link, PCM16 * 2, 8000)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert wav.read(target).pcm == PCM16 * 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes among its files")
def test_a_pipe_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        wav.write(pipe, PCM16, 8000)
        assert read(os.read(reader, 4096)).pcm == PCM16
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_an_unbuffered_file_gets_everything(tmp_path: Path) -> None:
    class Small(io.BytesIO):
        def write(self, data: Any, /) -> int:
            return super().write(data[:7])

    small = Small()
    wav.write(small, PCM16, 8000)
    assert read(small.getvalue()).pcm == PCM16
    with open(tmp_path / "a.wav", "wb", buffering=0) as raw:
        wav.write(raw, PCM16, 8000)
    assert wav.read(tmp_path / "a.wav").pcm == PCM16


def test_a_recording_shows_no_sound() -> None:
    assert repr(Recording(8000, 1, PCM16)) == "Recording(rate=8000, channels=1, pcm=<10 bytes>)"


def test_a_recording_keeps_its_own_bytes() -> None:
    buffer: Any = bytearray(PCM16)
    kept = Recording(8000, 1, buffer)
    buffer[:] = b""
    assert kept.pcm == PCM16
