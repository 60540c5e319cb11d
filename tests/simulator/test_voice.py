"""The agent's voice: every engine that is installed, and always the one that needs nothing."""

from __future__ import annotations

import importlib.util
import math
import sys
import threading
from array import array
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt.errors import BackendMissing
from inworld_rt.simulator import voice as voice_module
from inworld_rt.simulator.voice import (
    CATALOGUE,
    ENGINES,
    Speaker,
    find_voice,
    manner_of,
)
from inworld_rt.simulator.voices import Manner
from inworld_rt.simulator.voices.plain import PlainEngine
from inworld_rt.simulator.voices.words import clauses, spoken, syllables, word_weights

TEXT = "Certainly. It is a quarter past three, and the weather is lovely today."
PACKAGES = {"hibari": "hibari", "pico": "py_nanotts", "plain": None}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Speaker:
    package = PACKAGES[request.param]
    if package is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f"the package {package} is not installed")
    return find_voice(request.param)


@pytest.fixture(scope="module")
def plain() -> Speaker:
    return find_voice("plain")


def sound(speaker: Speaker, text: str = TEXT, **how: Any) -> bytes:
    return b"".join(speaker.speak(text, **how))


def slack(speaker: Speaker, otherwise: float) -> float:
    """How much durations may differ. Pico reads memory it never set, so its own vary a little."""
    return 0.25 if speaker.engines[0].name == "pico" else otherwise


def alike(speaker: Speaker, one: bytes, other: bytes) -> bool:
    """The same sound; of Pico, nearly as long."""
    return one == other or abs(len(one) / len(other) - 1) < slack(speaker, 0.0)


def seconds(pcm: bytes, rate: int = 24000) -> float:
    return len(pcm) / 2 / rate


def samples_of(pcm: bytes) -> array[int]:
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def pitch(pcm: bytes, rate: int) -> float:
    """The middle of the pitches, in Hz, of the loud frames, by autocorrelation."""
    samples = samples_of(pcm)
    size = rate // 25
    found = []
    for begin in range(0, len(samples) - 2 * size, size):
        frame = samples[begin : begin + size]
        energy = sum(x * x for x in frame)
        if energy / size < 1200**2:
            continue
        best = max(
            range(rate // 350, rate // 60),
            key=lambda lag: sum(
                a * b for a, b in zip(frame, samples[begin + lag : begin + lag + size], strict=True)
            ),
        )
        found.append(rate / best)
    return sorted(found)[len(found) // 2]


def test_all_text_comes_back_in_slices_of_100_ms(engine: Speaker) -> None:
    text = "  Hello there! [laugh] This — is it.\n\nBye 🙂 "
    slices = list(engine.say(text, voice="Clive", rate=16000))
    assert "".join(piece.text for piece in slices) == text
    assert all(len(piece.pcm) <= 3200 and len(piece.pcm) % 2 == 0 for piece in slices)
    assert seconds(b"".join(piece.pcm for piece in slices), 16000) > 0.8


def test_words_come_in_step_with_the_sound(engine: Speaker) -> None:
    slices = list(engine.say("one two three four five six seven eight"))
    texts = [piece.text for piece in slices]
    assert texts[0].startswith("one")
    half = "".join(texts[: len(texts) // 2]).split()
    assert 3 <= len(half) <= 6


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 44100, 48000])
def test_every_rate_lasts_as_long_and_is_loud_enough(engine: Speaker, rate: int) -> None:
    pcm = sound(engine, rate=rate)
    assert seconds(pcm, rate) == pytest.approx(seconds(sound(engine)), rel=slack(engine, 0.03))
    samples = samples_of(pcm)
    level = 20 * math.log10(math.sqrt(sum(x * x for x in samples) / len(samples)) / 32768)
    assert -30 < level < -14


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.25, 1.5])
def test_speed_changes_how_long_it_takes(engine: Speaker, speed: float) -> None:
    normal = seconds(sound(engine, voice="Sarah"))
    assert seconds(sound(engine, voice="Sarah", speed=speed)) == pytest.approx(
        normal / speed, rel=slack(engine, 0.15)
    )


def test_speed_leaves_the_pitch(engine: Speaker) -> None:
    slow, fast = (
        pitch(sound(engine, voice="Sarah", speed=speed, rate=8000), 8000) for speed in (0.7, 1.4)
    )
    assert slow == pytest.approx(fast, rel=0.15)


def test_a_speed_out_of_range_is_brought_inside(plain: Speaker) -> None:
    assert sound(plain, speed=9) == sound(plain, speed=1.5)
    assert sound(plain, speed=0.01) == sound(plain, speed=0.25)


def test_voices_differ_in_pitch(engine: Speaker) -> None:
    hades, dennis, sarah, ashley = (
        pitch(sound(engine, voice=name, rate=8000), 8000)
        for name in ("Hades", "Dennis", "Sarah", "Ashley")
    )
    for lower, higher in pairwise((hades, dennis, sarah, ashley)):
        assert higher > lower * 1.08


def test_every_voice_of_the_catalogue_has_a_manner_of_its_own(plain: Speaker) -> None:
    manners = list(CATALOGUE.values())
    assert len(set(manners)) == len(manners)
    for name in CATALOGUE:
        assert seconds(sound(plain, "Hello.", voice=name)) > 0.2
        assert manner_of(name.upper()) == CATALOGUE[name]


def test_an_unknown_voice_always_sounds_the_same(plain: Speaker) -> None:
    assert manner_of("workspace__my_clone") == manner_of("workspace__my_clone")
    assert manner_of("workspace__my_clone") != manner_of("workspace__other")
    assert sound(plain, voice="cloned-1") == sound(plain, voice="cloned-1")
    assert 0.4 < manner_of("cloned-1").pitch < 1.3


def test_the_same_words_are_the_same_sound(engine: Speaker) -> None:
    assert alike(engine, sound(engine, "Hello there."), sound(engine, "Hello there."))


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "[laugh]", "😀", "<break time='1s'/>"])
def test_what_cannot_be_said_is_silent(engine: Speaker, text: str) -> None:
    slices = list(engine.say(text))
    assert "".join(piece.text for piece in slices) == text
    assert not any(piece.pcm for piece in slices)


@pytest.mark.parametrize("text", ["日本語です。", "Привет", "a", "\0x", "<b>a&<", "x" * 500, "7"])
def test_odd_text_is_no_error(engine: Speaker, text: str) -> None:
    slices = list(engine.say(text))
    assert "".join(piece.text for piece in slices) == text
    assert any(piece.pcm for piece in slices)


def test_markup_is_not_read(engine: Speaker) -> None:
    marked = sound(engine, "[laugh] Hello *there*.")
    assert alike(engine, marked, sound(engine, "Hello there."))


def test_text_may_arrive_in_pieces(engine: Speaker) -> None:
    asked = []

    def arriving():
        for word in "Hello there. How are you? Fine.".split(" "):
            asked.append(word)
            yield word + " "

    slices = engine.say(arriving())
    next(slices)
    assert "Fine." not in asked, "the first sentence has to be spoken before the last has come"
    list(slices)
    assert asked[-1] == "Fine."


def test_speech_can_be_dropped_at_any_time(engine: Speaker) -> None:
    slices = engine.say(TEXT * 50)
    next(slices)
    slices.close()
    assert list(slices) == []


def test_many_threads_speak_at_once(engine: Speaker) -> None:
    expected = sound(engine)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(sound(engine))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(alike(engine, pcm, expected) for pcm in found)


def test_other_languages_have_other_voices() -> None:
    pytest.importorskip("py_nanotts", reason="the package py-nanotts is not installed")
    voice = find_voice("pico")
    found = {tag: sound(voice, "Arena, menta.", language=tag) for tag in ("de", "es", "fr", "it")}
    assert len(set(found.values())) == 4
    assert all(seconds(pcm) > 0.5 for pcm in found.values())


class Broken:
    name = "broken"

    def speaks(self, language: str) -> bool:
        return True

    def pcm(self, text: str, manner: Manner, speed: float, language: str, rate: int) -> bytes:
        raise RuntimeError("no such model")


def test_a_failing_engine_is_replaced(caplog: pytest.LogCaptureFixture, plain: Speaker) -> None:
    voice = Speaker((Broken(), PlainEngine()))
    assert sound(voice) == sound(plain)
    assert "broken" in caplog.text


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="hibari, pico, plain"):
        find_voice("espeak")


def test_a_missing_engine_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # As on a machine without any of the packages.
    monkeypatch.setitem(sys.modules, "hibari", None)
    monkeypatch.setitem(sys.modules, "py_nanotts", None)
    monkeypatch.setattr(voice_module, "_made", {})
    assert [engine.name for engine in find_voice().engines] == ["plain"]
    assert [engine.name for engine in find_voice().engines] == ["plain"]
    (record,) = caplog.records
    assert "plainer" in record.getMessage()
    assert "hibari-tts and py-nanotts" in record.getMessage()
    assert "inworld_rt[simulator]" in record.getMessage()
    with pytest.raises(BackendMissing, match="hibari-tts"):
        find_voice("hibari")


def test_warming_up_needs_nothing_and_may_be_repeated(engine: Speaker) -> None:
    engine.warm_up()
    engine.warm_up()


# -- words ------------------------------------------------------------------------------------


@given(st.lists(st.text(alphabet="ab .,!?—:\n[]。D", max_size=40), max_size=8))
@settings(max_examples=200, deadline=None)
def test_clauses_lose_nothing(parts: list[str]) -> None:
    assert "".join(clauses(parts)) == "".join(parts)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_spoken(text: str) -> None:
    pieces = list(Speaker((PlainEngine(),)).say(text, rate=8000))
    assert "".join(piece.text for piece in pieces) == text


def test_clauses_are_sentences_and_the_first_is_short() -> None:
    text = "Of course I can do that for you, it would be a pleasure. Dr. Smith has 3.5 cats. Yes?"
    assert list(clauses([text])) == [
        "Of course I can do that for you, ",
        "it would be a pleasure. ",
        "Dr. Smith has 3.5 cats. ",
        "Yes?",
    ]
    assert max(map(len, clauses(["word " * 200]))) <= 240


def test_what_is_spoken() -> None:
    assert spoken("Well [laugh] *hello* <b>you</b> , see https://a.example/b !") == (
        "Well hello you, see!"
    )


@pytest.mark.parametrize(
    ("word", "count"), [("banana", 3), ("time", 1), ("hmm", 1), ("42", 2), ("日本", 2), ("!", 0)]
)
def test_syllables(word: str, count: int) -> None:
    assert len(syllables(word)) == count


def test_longer_words_take_longer() -> None:
    weights = dict(word_weights("a banana."))
    assert weights["banana."] > 2 * weights["a "]
