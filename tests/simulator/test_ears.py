"""The agent's ears: the real recogniser where installed, and those that need nothing."""

from __future__ import annotations

import importlib.util
import sys
import threading
import wave
from pathlib import Path
from types import SimpleNamespace

import pytest

from inworld_rt.errors import BackendMissing
from inworld_rt.simulator import ears as ears_module
from inworld_rt.simulator.ears import (
    DeafEars,
    Ears,
    Listening,
    ScriptedEars,
    find_ears,
    sentence,
    unread,
)
from inworld_rt.simulator.sphinx import SphinxEars
from inworld_rt.simulator.voice import find_voice

QUESTION = Path(__file__).parents[2] / "inworld_rt" / "cli" / "question.wav"


@pytest.fixture(scope="module")
def sphinx() -> SphinxEars:
    pytest.importorskip("pocketsphinx", reason="the package pocketsphinx is not installed")
    pytest.importorskip("soxr", reason="the package soxr is not installed")
    return SphinxEars(size=1)


def recording() -> tuple[int, bytes]:
    with wave.open(str(QUESTION)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), file.readframes(file.getnframes())


def hear(listening: Listening, rate: int, pcm: bytes, ms: int = 100) -> list[str]:
    size = 2 * (rate * ms // 1000)
    heard = (listening.hear(pcm[begin : begin + size]) for begin in range(0, len(pcm), size))
    return [partial for partial in heard if partial is not None]


@pytest.mark.parametrize("ms", [20, 100, 2000])
def test_the_recorded_question_is_read_exactly(sphinx: SphinxEars, ms: int) -> None:
    rate, pcm = recording()
    listening = sphinx.listen(rate)
    partials = hear(listening, rate, pcm, ms)
    assert listening.finish() == "What time is it?"
    assert partials == list(dict.fromkeys(partials)), "a partial is given only when it changed"
    if ms <= 100:
        assert partials[-1].startswith("What time is")


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_other_rates(sphinx: SphinxEars, rate: int) -> None:
    pytest.importorskip("hibari", reason="the package hibari-tts is not installed")
    pcm = b"".join(find_voice("hibari").speak("What time is it?", voice="Dennis", rate=rate))
    listening = sphinx.listen(rate)
    hear(listening, rate, bytes(rate // 2) + pcm + bytes(rate))
    text = listening.finish()
    # Half of the sound that the model knows is above what 8 kHz can hold.
    assert text == "What time is it?" or (rate == 8000 and text)


def test_an_utterance_leaves_nothing_behind(sphinx: SphinxEars) -> None:
    rate, pcm = recording()
    for _ in range(2):
        dropped = sphinx.listen(rate)
        hear(dropped, rate, pcm[: len(pcm) // 2])
        del dropped  # without a word
        closed = sphinx.listen(rate)
        hear(closed, rate, pcm)
        closed.close()
        closed.close()
        listening = sphinx.listen(rate)
        hear(listening, rate, pcm)
        assert listening.finish() == "What time is it?"


def test_more_speakers_than_recognisers(sphinx: SphinxEars) -> None:
    rate, pcm = recording()
    found: list[str] = []

    def listen() -> None:
        listening = sphinx.listen(rate)
        hear(listening, rate, pcm)
        found.append(listening.finish())

    threads = [threading.Thread(target=listen) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["What time is it?"] * 3


def test_a_second_listener_keeps_the_sound_until_it_can_be_read(sphinx: SphinxEars) -> None:
    rate, pcm = recording()
    first, second = sphinx.listen(rate), sphinx.listen(rate)
    hear(first, rate, pcm[: len(pcm) // 2])
    assert hear(second, rate, pcm) == []
    first.close()
    assert second.finish() == "What time is it?"


def test_nothing_to_read(sphinx: SphinxEars) -> None:
    assert sphinx.listen(24000).finish() == "(speech, 0.0 s)"
    quiet = sphinx.listen(24000)
    hear(quiet, 24000, bytes(48000))
    assert isinstance(quiet.finish(), str)


def test_other_languages_are_not_guessed(sphinx: SphinxEars) -> None:
    listening = sphinx.listen(16000, language="de-DE")
    assert hear(listening, 16000, bytes(32000)) == []
    assert listening.finish() == "(speech, 1.0 s)"


@pytest.mark.parametrize("ears", [DeafEars(), ScriptedEars([])])
def test_deaf_ears_tell_how_long_somebody_spoke(ears: Ears) -> None:
    ears.warm_up()
    listening = ears.listen(24000)
    assert hear(listening, 24000, bytes(int(48000 * 1.84))) == []
    assert listening.finish() == "(speech, 1.8 s)"
    listening.close()


def test_scripted_ears_hear_what_they_are_told_to() -> None:
    ears = ScriptedEars(["Tell me a joke.", "Bye."])
    listening = ears.listen(8000)
    assert hear(listening, 8000, bytes(16000), 200) == [
        "Tell",
        "Tell me",
        "Tell me a",
        "Tell me a joke.",
    ]
    assert listening.finish() == "Tell me a joke."
    assert ears.listen(8000).finish() == "Bye."
    assert ears.listen(8000).finish() == "(speech, 0.0 s)"


def test_missing_ears_are_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # As on a machine without the package.
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setattr(ears_module, "_found", None)
    assert isinstance(find_ears(), DeafEars)
    assert find_ears() is find_ears()
    assert caplog.text.count("hears no words") == 1
    assert "inworld_rt[simulator]" in caplog.text
    with pytest.raises(BackendMissing, match="pocketsphinx"):
        SphinxEars()


def test_the_best_ears_are_found() -> None:
    wanted = all(importlib.util.find_spec(name) for name in ("pocketsphinx", "soxr"))
    assert isinstance(find_ears(), SphinxEars if wanted else DeafEars)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("what time is it", "What time is it?"),
        ("hello how are you", "Hello how are you?"),
        ("what's your name", "What's your name?"),
        ("tell me a joke", "Tell me a joke."),
        ("i think i'm late", "I think I'm late."),
        ("see you on monday in paris", "See you on Monday in Paris."),
        ("to(2) be [NOISE] or <sil> not", "To be or not."),
        ("whatever", "Whatever."),
        ("isaac is in", "Isaac is in."),
        ("", ""),
        ("<s> </s>", ""),
    ],
)
def test_words_become_a_sentence(words: str, text: str) -> None:
    assert sentence(words) == text


def test_words_so_far_have_no_end() -> None:
    assert sentence("what time is i", final=False) == "What time is I"
    assert unread(1.84) == "(speech, 1.8 s)"


def test_a_long_recording_is_read_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    # The library keeps every other thread waiting while it reads.
    taken: list[int] = []

    class Decoder:
        def __init__(self, **_: object) -> None: ...
        def get_cmn(self, update: bool) -> str:
            return ""

        def set_cmn(self, text: str) -> None: ...
        def start_utt(self) -> None: ...
        def end_utt(self) -> None: ...
        def hyp(self) -> None: ...
        def process_raw(self, pcm: bytes, no_search: bool, full_utt: bool) -> None:
            taken.append(len(pcm))

    monkeypatch.setitem(sys.modules, "pocketsphinx", SimpleNamespace(Decoder=Decoder))
    pytest.importorskip("soxr", reason="the package soxr is not installed")
    listening = SphinxEars().listen(16000)
    listening.hear(bytes(2 * 16000 * 20))
    assert listening.finish() == "(speech, 20.0 s)"
    assert max(taken) <= 2 * 16000 // 10
    assert sum(taken) >= 2 * 16000 * 20
