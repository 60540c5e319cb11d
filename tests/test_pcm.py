"""Laws and tables of audio formats."""

from __future__ import annotations

import importlib
import math
import struct
import warnings
from array import array
from bisect import bisect_left
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt import pcm
from inworld_rt.errors import ConfigError
from inworld_rt.pcm import AudioFormat, Carry

with warnings.catch_warnings():  # the standard library's own, up to Python 3.12
    warnings.simplefilter("ignore", DeprecationWarning)
    audioop: Any = importlib.import_module("audioop")

ULAW, ALAW = AudioFormat("audio/pcmu"), AudioFormat("audio/pcma")
PCM, FLOAT = AudioFormat(), AudioFormat("audio/float32")
EVERY_SAMPLE = struct.pack("<65536h", *range(-32768, 32768))
EVERY_CODE = bytes(range(256))

formats = st.one_of(
    st.sampled_from([ULAW, ALAW]),
    st.builds(
        AudioFormat,
        st.sampled_from(["audio/pcm", "audio/float32"]),
        st.one_of(st.sampled_from(pcm.RATES), st.integers(1, 400_000)),
    ),
)
samples = st.lists(st.integers(-32768, 32767)).map(lambda s: struct.pack(f"<{len(s)}h", *s))


@st.composite
def cut(draw: st.DrawFn, data: st.SearchStrategy[bytes]) -> list[bytes]:
    """Data, cut anywhere."""
    whole = draw(data)
    edges = sorted(draw(st.lists(st.integers(0, len(whole)))))
    return [whole[a:b] for a, b in pairwise([0, *edges, len(whole)])]


# --- reading formats --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pcm16", PCM),
        ("audio/pcm", PCM),
        ("g711_ulaw", ULAW),
        ("audio/pcmu", ULAW),
        ("g711_alaw", ALAW),
        ("audio/pcma", ALAW),
        ("float32", FLOAT),
        ("audio/float32", FLOAT),
        (16000, AudioFormat("audio/pcm", 16000)),
        ({"type": "audio/pcm", "rate": 8000}, AudioFormat(rate=8000)),
        ({"type": "audio/pcm"}, PCM),
        ({"type": "audio/pcmu"}, ULAW),
        ({"type": "audio/pcmu", "rate": 8000}, ULAW),
        (AudioFormat(rate=48000), AudioFormat(rate=48000)),
    ],
)
def test_of_and_from_wire_agree_on_what_is_right(value: Any, expected: AudioFormat) -> None:
    assert AudioFormat.of(value) == expected
    if isinstance(value, (str, dict)):
        assert AudioFormat.from_wire(value) == expected


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("mp3", "g711_ulaw"),
        ("", "audio/pcm"),
        (22050, "44100"),
        (0, "positive"),
        (-8000, "positive"),
        (True, "name"),
        (24000.0, "name"),
        (None, "name"),
        (b"pcm16", "name"),
        ([], "name"),
        ({}, "'type' is missing"),
        ({"rate": 24000}, "'type' is missing"),
        ({"type": "opus"}, "audio/pcma"),
        ({"type": []}, "audio/pcma"),
        ({"type": "audio/pcm", "rate": 22050}, "44100"),
        ({"type": "audio/pcm", "rate": True}, "positive"),
        ({"type": "audio/pcm", "rate": "24000"}, "positive"),
        ({"type": "audio/pcm", "rate": None}, "positive"),
        ({"type": "audio/pcm", "sample_rate": 24000}, "'sample_rate'"),
        ({"type": "audio/pcmu", "rate": 16000}, "always 8000"),
        ({"type": "audio/float32", "rate": 7}, "8000"),
        (AudioFormat(rate=22050), "44100"),
    ],
)
def test_of_refuses_and_says_what_is_allowed(value: Any, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AudioFormat.of(value)
    assert part in str(caught.value)


def test_a_wrong_value_is_not_shown_at_length() -> None:
    with pytest.raises(ConfigError) as caught:
        AudioFormat.of("x" * 100_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "audio/pcm", "rate": 22050}, AudioFormat(rate=22050)),
        ({"type": "audio/pcm", "rate": None}, PCM),
        ({"type": "audio/pcm", "rate": 16000.0}, AudioFormat(rate=16000)),
        ({"type": "audio/pcmu", "rate": 24000}, ULAW),
        ({"type": "audio/pcma", "rate": "eight"}, ALAW),
        ({"type": "pcm16", "new": 1}, PCM),
        ({"type": "audio/pcm", "rate": 0}, None),
        ({"type": "audio/pcm", "rate": True}, None),
        ({"type": "audio/pcm", "rate": 0.5}, None),
        ({"type": "audio/pcm", "rate": math.nan}, None),
        ({"type": "audio/pcm", "rate": "24000"}, None),
        ({"type": "audio/opus"}, None),
        ({"rate": 24000}, None),
        ({}, None),
        ("opus", None),
        (24000, None),
        (None, None),
        ([], None),
    ],
)
def test_from_wire_is_liberal(value: Any, expected: AudioFormat | None) -> None:
    assert AudioFormat.from_wire(value) == expected


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json | st.fixed_dictionaries({"type": json | st.just("audio/pcm"), "rate": json}))
def test_from_wire_never_raises(value: Any) -> None:
    found = AudioFormat.from_wire(value)
    assert found is None or found.rate > 0


@given(formats)
def test_the_wire_form_reads_back(fmt: AudioFormat) -> None:
    assert AudioFormat.from_wire(fmt.to_wire()) == fmt
    assert ("rate" in fmt.to_wire()) == (fmt.type in ("audio/pcm", "audio/float32"))


@pytest.mark.parametrize(
    "arguments",
    [("pcm16",), ([],), ("audio/pcmu", 24000), ("audio/pcm", 0), ("audio/pcm", True)],
)
def test_the_constructor_refuses(arguments: Any) -> None:
    with pytest.raises(ConfigError):
        AudioFormat(*arguments)


def test_a_format_is_a_value() -> None:
    assert {PCM: 1}[AudioFormat("audio/pcm", 24000)] == 1
    with pytest.raises(AttributeError):
        PCM.rate = 8000  # type: ignore[misc]


# --- bytes and milliseconds -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "ms", "nbytes"),
    [
        (PCM, 20, 960),
        (PCM, 60, 2880),
        (PCM, 100, 4800),
        (PCM, 62.5, 3000),
        (PCM, 0, 0),
        (AudioFormat(rate=16000), 100, 3200),
        (AudioFormat(rate=8000), 1000, 16000),
        (AudioFormat(rate=44100), 1, 88),
        (ULAW, 20, 160),
        (ALAW, 1000, 8000),
        (FLOAT, 60, 5760),
    ],
)
def test_sizes(fmt: AudioFormat, ms: float, nbytes: int) -> None:
    assert fmt.bytes(ms) == nbytes
    assert len(fmt.silence(ms)) == nbytes


@given(formats, st.integers(0, 10**9))
def test_ms_is_the_floor(fmt: AudioFormat, nbytes: int) -> None:
    ms = fmt.ms(nbytes)
    assert ms * fmt.bytes_per_second <= nbytes * 1000 < (ms + 1) * fmt.bytes_per_second
    assert fmt.bytes(ms) <= nbytes


@given(formats, st.integers(0, 10**7))
def test_bytes_are_the_most_whole_frames_that_fit(fmt: AudioFormat, ms: int) -> None:
    nbytes = fmt.bytes(ms)
    assert nbytes % fmt.bytes_per_frame == 0
    longer = nbytes + fmt.bytes_per_frame
    assert nbytes * 1000 <= ms * fmt.bytes_per_second < longer * 1000
    assert fmt.bytes(float(ms)) == nbytes


@given(formats, st.integers(0, 10**6))
def test_times_computed_from_frames_come_back(fmt: AudioFormat, frames: int) -> None:
    assert fmt.bytes(frames * 1000 / fmt.rate) == frames * fmt.bytes_per_frame


@pytest.mark.parametrize("ms", [-1, -0.5, math.nan, math.inf, "20", None, True])
def test_impossible_times(ms: Any) -> None:
    with pytest.raises(ConfigError):
        PCM.bytes(ms)


@pytest.mark.parametrize("fmt", [PCM, ULAW, ALAW, FLOAT])
def test_silence_is_silent(fmt: AudioFormat) -> None:
    decoded = array("h", pcm.decode(fmt.silence(10), fmt))
    assert len(decoded) == fmt.rate // 100
    assert max(map(abs, decoded)) <= (8 if fmt is ALAW else 0)  # A-law has no zero


# --- codings ----------------------------------------------------------------------------------


def test_g711_agrees_with_an_independent_implementation() -> None:
    """All codes and all samples, both laws."""
    assert pcm.decode(EVERY_CODE, ULAW) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert pcm.decode(EVERY_CODE, ALAW) == audioop.alaw2lin(EVERY_CODE, 2)
    assert pcm.encode(EVERY_SAMPLE, ULAW) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert pcm.encode(EVERY_SAMPLE, ALAW) == audioop.lin2alaw(EVERY_SAMPLE, 2)


@pytest.mark.parametrize(
    ("fmt", "code", "sample"),
    [
        (ULAW, 0xFF, 0),
        (ULAW, 0x7F, 0),
        (ULAW, 0x80, 32124),
        (ULAW, 0x00, -32124),
        (ULAW, 0xEF, 132),
        (ALAW, 0xD5, 8),
        (ALAW, 0x55, -8),
        (ALAW, 0xAA, 32256),
        (ALAW, 0x2A, -32256),
        (ALAW, 0xC5, 264),
    ],
)
def test_g711_landmarks(fmt: AudioFormat, code: int, sample: int) -> None:
    assert struct.unpack("<h", pcm.decode(bytes([code]), fmt)) == (sample,)


@pytest.mark.parametrize("fmt", [ULAW, ALAW])
def test_g711_comes_back_within_one_step(fmt: AudioFormat) -> None:
    levels = sorted(set(struct.unpack("<256h", pcm.decode(EVERY_CODE, fmt))))
    back = struct.unpack("<65536h", pcm.decode(pcm.encode(EVERY_SAMPLE, fmt), fmt))
    for sample, got in zip(range(-32768, 32768), back, strict=True):
        above = bisect_left(levels, sample)
        assert got in levels[max(0, above - 1) : above + 2]
    assert all(a <= b for a, b in pairwise(back))


@pytest.mark.parametrize("fmt", [ULAW, ALAW])
def test_g711_codes_survive(fmt: AudioFormat) -> None:
    again = pcm.encode(pcm.decode(EVERY_CODE, fmt), fmt)
    differing = [code for code in EVERY_CODE if again[code] != code]
    assert differing == ([0x7F] if fmt is ULAW else [])  # mu-law has a negative zero


def test_every_sample_survives_float_and_pcm() -> None:
    for fmt in (PCM, FLOAT):
        assert pcm.decode(pcm.encode(EVERY_SAMPLE, fmt), fmt) == EVERY_SAMPLE


@given(samples, st.sampled_from([PCM, ULAW, ALAW, FLOAT]))
def test_coding_is_sample_by_sample(data: bytes, fmt: AudioFormat) -> None:
    coded = pcm.encode(data, fmt)
    assert len(coded) == len(data) // 2 * fmt.bytes_per_frame
    assert coded == b"".join(pcm.encode(data[n : n + 2], fmt) for n in range(0, len(data), 2))
    buffers: list[Any] = [bytearray(data), memoryview(data)]
    assert [pcm.encode(buffer, fmt) for buffer in buffers] == [coded, coded]


@pytest.mark.parametrize(
    ("value", "sample"),
    [
        (0.0, 0),
        (-0.0, 0),
        (1.0, 32767),
        (-1.0, -32768),
        (0.5, 16384),
        (-0.5, -16384),
        (1.5, 32767),
        (-7.0, -32768),
        (math.inf, 32767),
        (-math.inf, -32768),
        (math.nan, 0),
        (1e-40, 0),
    ],
)
def test_floats(value: float, sample: int) -> None:
    assert struct.unpack("<h", pcm.decode(struct.pack("<f", value), FLOAT)) == (sample,)


@given(st.lists(st.floats(-4, 4, width=32)))
def test_floats_follow_the_definition(values: list[float]) -> None:
    """Times 32768 below zero and 32767 above, clamped, to the nearest step (protocol: sizes)."""
    got = struct.unpack(
        f"<{len(values)}h", pcm.decode(struct.pack(f"<{len(values)}f", *values), FLOAT)
    )
    for value, sample in zip(values, got, strict=True):
        exact = value * (32768 if value < 0 else 32767)
        assert abs(sample - min(max(exact, -32768), 32767)) <= 0.5


def test_floats_from_samples_are_those_of_others_to_within_a_step() -> None:
    """They divide by 32768, above zero as well (protocol: sizes); then the loudest samples would
    not come back as they were. What others make so is read to within a step."""
    ours = struct.unpack("<65536f", pcm.encode(EVERY_SAMPLE, FLOAT))
    theirs = [sample / 32768 for sample in range(-32768, 32768)]
    assert max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) <= 1 / 32768
    assert (min(ours), max(ours)) == (-1.0, 1.0)
    read = array("h", pcm.decode(struct.pack("<65536f", *theirs), FLOAT))
    assert {sample - got for sample, got in zip(range(-32768, 32768), read, strict=True)} == {0, 1}


@given(st.binary().map(lambda data: data[: len(data) // 4 * 4]))
def test_any_float_bits_give_samples(data: bytes) -> None:
    assert len(pcm.decode(data, FLOAT)) == len(data) // 2


@pytest.mark.parametrize(
    ("data", "fmt"), [(b"abc", PCM), (b"abcde", FLOAT), ("ab", PCM), (None, ULAW), ([1, 2], PCM)]
)
def test_decode_wants_whole_frames_of_bytes(data: Any, fmt: AudioFormat) -> None:
    with pytest.raises(ConfigError):
        pcm.decode(data, fmt)


@pytest.mark.parametrize("fmt", [PCM, ULAW, FLOAT])
def test_encode_wants_whole_samples(fmt: AudioFormat) -> None:
    with pytest.raises(ConfigError, match="3 bytes"):
        pcm.encode(b"abc", fmt)


# --- tone and level ---------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", [PCM, ULAW, ALAW, FLOAT, AudioFormat(rate=44100)])
@pytest.mark.parametrize("volume", [1, 0.5, 0.1])
def test_a_tone_has_its_pitch_and_level(fmt: AudioFormat, volume: float) -> None:
    sound = pcm.tone(400, 500, fmt, volume)
    assert len(sound) == fmt.bytes(500)
    decoded = array("h", pcm.decode(sound, fmt))
    crossings = sum(a < 0 <= b for a, b in pairwise(decoded))
    assert abs(crossings - 200) <= 1
    expected = 20 * math.log10(volume) - 3.01
    assert pcm.level(decoded.tobytes()) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("hz", "ms", "volume"),
    [
        (0, 1, 1),
        (-1, 1, 1),
        (12000, 1, 1),
        (math.nan, 1, 1),
        (True, 1, 1),
        ("a", 1, 1),
        (440, -1, 1),
        (440, 1, 1.1),
        (440, 1, -0.1),
        (440, 1, math.nan),
        (440, 1, None),
    ],
)
def test_impossible_tones(hz: Any, ms: Any, volume: Any) -> None:
    with pytest.raises(ConfigError):
        pcm.tone(hz, ms, PCM, volume)


def test_levels() -> None:
    assert pcm.level(b"") == -math.inf
    assert pcm.level(bytes(100)) == -math.inf
    assert pcm.level(struct.pack("<h", -32768) * 9) == 0
    assert pcm.level(struct.pack("<hh", 1, -1)) == pytest.approx(-90.31, abs=0.01)
    with pytest.raises(ConfigError):
        pcm.level(b"abc")


@given(samples)
def test_level_follows_the_definition(data: bytes) -> None:
    values = struct.unpack(f"<{len(data) // 2}h", data)
    if any(values):
        rms = math.sqrt(math.fsum(v * v for v in values) / len(values)) / 32768
        assert pcm.level(data) == pytest.approx(20 * math.log10(rms), abs=1e-6)
    else:
        assert pcm.level(data) == -math.inf


# --- channels ---------------------------------------------------------------------------------


@given(samples, st.integers(1, 8))
def test_equal_channels_mix_to_themselves(data: bytes, channels: int) -> None:
    wide = b"".join(data[n : n + 2] * channels for n in range(0, len(data), 2))
    assert pcm.to_mono(wide, channels) == data


@given(st.integers(2, 6), st.data())
def test_mono_is_the_average(channels: int, data: st.DataObject) -> None:
    frame = data.draw(st.lists(st.integers(-32768, 32767), min_size=channels, max_size=channels))
    (mixed,) = struct.unpack("<h", pcm.to_mono(struct.pack(f"<{channels}h", *frame), channels))
    assert 0 <= sum(frame) / channels - mixed < 1


@pytest.mark.parametrize(("data", "channels"), [(b"abcdef", 2), (b"ab", 0), (b"ab", True)])
def test_impossible_channels(data: bytes, channels: int) -> None:
    with pytest.raises(ConfigError):
        pcm.to_mono(data, channels)


# --- carry ------------------------------------------------------------------------------------


@given(st.integers(1, 8), st.lists(st.binary(max_size=20)))
def test_carry_keeps_every_byte_in_order(size: int, chunks: list[bytes]) -> None:
    carry, out = Carry(size), b""
    for count, chunk in enumerate(chunks, 1):
        whole = carry.push(chunk)
        assert len(whole) % size == 0
        out += whole
        assert carry.pending < size
        assert len(out) + carry.pending == sum(map(len, chunks[:count]))
    assert b"".join(chunks).startswith(out)


@given(cut(st.binary(max_size=200)), st.sampled_from([PCM, ULAW, ALAW, FLOAT]))
def test_a_stream_cut_anywhere_decodes_to_the_same(chunks: list[bytes], fmt: AudioFormat) -> None:
    carry = Carry(fmt.bytes_per_frame)
    streamed = b"".join(pcm.decode(carry.push(chunk), fmt) for chunk in chunks)
    data = b"".join(chunks)
    assert streamed == pcm.decode(data[: len(data) - carry.pending], fmt)
    if fmt in (ULAW, ALAW):
        assert streamed == (audioop.ulaw2lin if fmt is ULAW else audioop.alaw2lin)(data, 2)


@given(cut(samples), st.sampled_from([ULAW, ALAW]))
def test_pcm_cut_anywhere_is_coded_as_by_others(chunks: list[bytes], fmt: AudioFormat) -> None:
    carry = Carry(2)
    streamed = b"".join(pcm.encode(carry.push(chunk), fmt) for chunk in chunks)
    others = audioop.lin2ulaw if fmt is ULAW else audioop.lin2alaw
    assert streamed == others(b"".join(chunks), 2)


def test_carry_does_not_copy_whole_frames() -> None:
    carry, chunk = Carry(2), bytes(960)
    assert carry.push(chunk) is chunk
    assert carry.push(b"a") == b""
    assert carry.push(b"bcd") == b"abcd"
    assert carry.push(chunk) is chunk


def test_carry_takes_buffers_and_forgets() -> None:
    carry = Carry(4)
    buffer: Any = bytearray(b"abcde")
    assert carry.push(buffer) == b"abcd"
    buffer[:] = b"....."
    buffer = memoryview(b"fgh")
    assert carry.push(buffer) == b"efgh"
    carry.push(b"x")
    carry.clear()
    assert carry.pending == 0
    assert carry.push(b"abcd") == b"abcd"


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None])
def test_carry_wants_a_size(size: Any) -> None:
    with pytest.raises(ConfigError):
        Carry(size)
