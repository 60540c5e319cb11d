"""Turn detection, measured on speech that a synthesiser made."""

from __future__ import annotations

import importlib.util
import math
import random
import struct
import sys
from array import array
from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt.errors import BackendMissing
from inworld_rt.simulator.vad import (
    RATES,
    SpeechStarted,
    SpeechStopped,
    TurnDetector,
    TurnSettings,
)
from inworld_rt.simulator.voice import find_voice

HAS_WEBRTC = importlib.util.find_spec("webrtcvad") is not None
SERVER = TurnSettings("server_vad")


@pytest.fixture(params=["webrtc", "energy"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "webrtc" and not HAS_WEBRTC:
        pytest.skip("the package webrtcvad-wheels is not installed")
    return request.param


@cache
def question(rate: int) -> bytes:
    """About a second of speech, by the best voice installed, without silence around it."""
    return b"".join(find_voice().speak("What time is it?", voice="Sarah", rate=rate))


def silence(ms: float, rate: int) -> bytes:
    return bytes(2 * round(rate * ms / 1000))


def noise(ms: float, rate: int, dbfs: float, seed: int = 1) -> bytes:
    rng = random.Random(seed)
    spread = 32768 * 10 ** (dbfs / 20)
    count = round(rate * ms / 1000)
    return pack(rng.gauss(0, spread) for _ in range(count))


def beep(ms: float, rate: int) -> bytes:
    count = round(rate * ms / 1000)
    return pack(10000 * math.sin(2 * math.pi * 880 * n / rate) for n in range(count))


def pack(samples: Iterable[float]) -> bytes:
    values = [max(-32768, min(32767, round(x))) for x in samples]
    return struct.pack(f"<{len(values)}h", *values)


def mix(one: bytes, other: bytes) -> bytes:
    first, second = array("h", one), array("h", other)
    if sys.byteorder == "big":
        first.byteswap()
        second.byteswap()
    return pack(a + b for a, b in zip(first, second, strict=False))


def feed(detector: TurnDetector, pcm: bytes, size: int = 4800):
    """Feed in chunks; gives (position in ms when it was reported, mark)."""
    found = []
    for begin in range(0, len(pcm), size):
        for mark in detector.hear(pcm[begin : begin + size]):
            found.append((detector.position_ms, mark))
    return found


@pytest.mark.parametrize("rate", RATES)
def test_a_question_is_one_turn_at_every_rate(engine: str, rate: int) -> None:
    speech = question(rate)
    spoken_ms = len(speech) / 2 / rate * 1000
    pcm = silence(1000, rate) + speech + silence(1500, rate)
    (heard_at, start), (_, stop) = feed(TurnDetector(rate, SERVER, engine=engine), pcm, rate // 50)
    assert isinstance(start, SpeechStarted)
    assert isinstance(stop, SpeechStopped)
    assert heard_at < 1000 + 200 + 20, "speech has to be noticed within 200 ms"
    assert 700 - 60 <= start.audio_start_ms <= 700 + 100
    assert stop.voice_end_ms == pytest.approx(1000 + spoken_ms, abs=150)
    assert stop.audio_end_ms - stop.voice_end_ms == pytest.approx(500, abs=20)


@pytest.mark.parametrize("dbfs", [-60, -50, -40])
def test_turns_are_found_in_noise(dbfs: float) -> None:
    if not HAS_WEBRTC:
        pytest.skip("the package webrtcvad-wheels is not installed")
    rate = 16000
    clean = silence(1000, rate) + question(rate) + silence(1500, rate)
    clean += question(rate) + silence(1500, rate)
    pcm = mix(clean, noise(len(clean) / 2 / rate * 1000, rate, dbfs))
    marks = [mark for _, mark in feed(TurnDetector(rate, SERVER, engine="webrtc"), pcm)]
    assert [type(mark) for mark in marks] == [SpeechStarted, SpeechStopped] * 2
    assert marks[0].audio_start_ms == pytest.approx(700, abs=100)


def test_loudness_alone_learns_a_noisy_room() -> None:
    rate = 16000
    detector = TurnDetector(rate, SERVER, engine="energy")
    feed(detector, noise(4000, rate, -45))
    pcm = mix(question(rate), noise(2000, rate, -45)) + noise(2000, rate, -45, seed=2)
    marks = [mark for _, mark in feed(detector, pcm)]
    assert [type(mark) for mark in marks] == [SpeechStarted, SpeechStopped]


@pytest.mark.parametrize("rate", [8000, 24000])
def test_what_is_no_speech_starts_no_turn(engine: str, rate: int) -> None:
    click = silence(500, rate) + pack([30000.0]) + silence(500, rate)
    for name, pcm in {
        "digital silence": silence(3000, rate),
        "low white noise": noise(3000, rate, -60),
        "clicks": click * 4,
        "short beep": silence(500, rate) + beep(64, rate) + silence(500, rate),
    }.items():
        assert feed(TurnDetector(rate, SERVER, engine=engine), pcm) == [], name


@pytest.mark.parametrize("name", ["Hades", "Clive", "Ashley"])
def test_the_plain_voice_counts_as_a_voice(engine: str, name: str) -> None:
    rate = 16000
    speech = b"".join(find_voice("plain").speak("Tell me a story.", voice=name, rate=rate))
    detector = TurnDetector(rate, SERVER, engine=engine)
    marks = feed(detector, silence(500, rate) + speech + silence(800, rate))
    assert [type(mark) for _, mark in marks] == [SpeechStarted, SpeechStopped]


@pytest.mark.parametrize(
    ("wire", "silence_ms"),
    [
        ({"type": "semantic_vad"}, 1000),
        ({"type": "semantic_vad", "eagerness": "low"}, 2000),
        ({"type": "semantic_vad", "eagerness": "high"}, 500),
        ({"type": "semantic_vad", "eagerness": "medium", "silence_duration_ms": 5}, 1000),
        ({"type": "server_vad"}, 500),
        ({"type": "server_vad", "silence_duration_ms": 1200}, 1200),
    ],
)
def test_the_silence_that_ends_a_turn(engine: str, wire: dict, silence_ms: int) -> None:
    rate = 16000
    detector = TurnDetector(rate, TurnSettings.of(wire), engine=engine)
    marks = [m for _, m in feed(detector, question(rate) + silence(3000, rate))]
    stop = marks[1]
    assert stop.audio_end_ms - stop.voice_end_ms == pytest.approx(silence_ms, abs=20)


def test_settings_from_the_wire() -> None:
    assert TurnSettings.of(None) is None
    assert TurnSettings.of({}) == TurnSettings()
    odd = TurnSettings.of({"type": "server_vad", "threshold": 7, "prefix_padding_ms": "x"})
    assert odd == TurnSettings("server_vad", threshold=1.0)
    assert TurnSettings.of({"eagerness": ["low"]}) == TurnSettings()


def test_padding_never_reaches_before_the_session_or_into_the_last_turn(engine: str) -> None:
    rate = 16000
    rule = TurnSettings("server_vad", prefix_padding_ms=5000, silence_duration_ms=300)
    pcm = (question(rate) + silence(600, rate)) * 2
    first, end, second, _ = [m for _, m in feed(TurnDetector(rate, rule, engine=engine), pcm)]
    assert first.audio_start_ms == 0
    assert second.audio_start_ms == end.audio_end_ms


def test_a_threshold_wants_louder_voices() -> None:
    rate = 16000
    soft = pack(x / 60 for x in struct.unpack(f"<{len(question(rate)) // 2}h", question(rate)))
    for threshold, turns in ((0.0, 1), (1.0, 0)):
        detector = TurnDetector(rate, TurnSettings("server_vad", threshold), engine="energy")
        marks = feed(detector, silence(500, rate) + soft + silence(800, rate))
        assert sum(isinstance(mark, SpeechStarted) for _, mark in marks) == turns


def test_a_turn_in_progress_finishes_under_the_old_rule(engine: str) -> None:
    rate = 16000
    detector = TurnDetector(rate, SERVER, engine=engine)
    feed(detector, question(rate))
    assert detector.speaking
    detector.configure(TurnSettings(eagerness="low"))
    (_, first), *_ = feed(detector, silence(1000, rate))
    assert first.audio_end_ms - first.voice_end_ms == pytest.approx(500, abs=20)
    (_, _), (_, second) = feed(detector, question(rate) + silence(3000, rate))
    assert second.audio_end_ms - second.voice_end_ms == pytest.approx(2000, abs=20)


def test_the_manual_mode_counts_time_and_is_quiet(engine: str) -> None:
    rate = 16000
    detector = TurnDetector(rate, None, engine=engine)
    assert feed(detector, question(rate) + silence(1000, rate)) == []
    before = detector.position_ms
    detector.configure(SERVER)
    (_, start), _ = feed(detector, question(rate) + silence(1000, rate))
    assert start.audio_start_ms >= before - 320


def test_reset_forgets_the_turn_and_keeps_the_time(engine: str) -> None:
    rate = 16000
    detector = TurnDetector(rate, SERVER, engine=engine)
    feed(detector, question(rate))
    position = detector.position_ms
    detector.reset()
    assert not detector.speaking
    assert detector.position_ms == position
    (_, start), (_, stop) = feed(detector, question(rate) + silence(1000, rate))
    assert start.audio_start_ms >= math.floor(position)
    assert stop.audio_end_ms > start.audio_start_ms


def test_the_rate_may_change_on_the_way(engine: str) -> None:
    detector = TurnDetector(24000, SERVER, engine=engine)
    feed(detector, silence(1010, 24000))
    detector.change_rate(8000)
    assert detector.position_ms == pytest.approx(1010)
    (_, start), _ = feed(detector, silence(500, 8000) + question(8000) + silence(800, 8000))
    assert start.audio_start_ms == pytest.approx(1210, abs=100)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20), st.sampled_from(RATES))
@settings(max_examples=25, deadline=None)
def test_how_the_audio_is_cut_makes_no_difference(sizes: list[int], rate: int) -> None:
    pcm = silence(300, rate) + question(rate) + silence(700, rate)
    whole = TurnDetector(rate, SERVER)
    expected = whole.hear(pcm)
    cut = TurnDetector(rate, SERVER)
    found = []
    begin = 0
    for size in sizes * (len(pcm) // sum(sizes) + 1):
        found += cut.hear(pcm[begin : begin + size])
        begin += size
    assert found == expected
    assert cut.position_ms == pytest.approx(len(pcm) / 2 / rate * 1000)


def test_odd_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="48000"):
        TurnDetector(11025)
    with pytest.raises(ValueError, match="energy"):
        TurnDetector(engine="silero")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(BackendMissing, match="webrtcvad"):
        TurnDetector(engine="webrtc")
    assert TurnDetector().engine == "energy"
