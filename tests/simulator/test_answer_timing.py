"""When each word is spoken, as a client has to put it together (protocol: assistant audio)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.simulator.answer_oddities import Steering
from inworld_rt.simulator.answer_timing import Timing, ends_sentence
from inworld_rt.simulator.conversation import pieces, scripted
from inworld_rt.simulator.phones import phones
from inworld_rt.simulator.voice import find_voice
from tests.support.brains import WORD_MS, Bench, one, types

DELTA = "response.output_audio.delta"
TEXT = "Hello there, my friend Dr. Brown. It rains in Oslo! Is it cold?"


def spoken(text=TEXT, *, quirks=None, voice=None, **tts):
    """The audio deltas of an answer."""
    bench = Bench(scripted([text]), quirks=quirks)
    if voice is not None:
        bench.brain._voice = voice
    bench.configure(providerData={"tts": {"timestamp_type": "WORD", **tts}})
    return [event for event in bench.say("x") if event.type == DELTA]


def parts(info):
    """What is timed, and the two lists of times."""
    if info.word_alignment is not None:
        found = info.word_alignment
        return found.words, found.word_start_time_seconds, found.word_end_time_seconds
    found = info.character_alignment
    return (
        found.characters,
        found.character_start_time_seconds,
        found.character_end_time_seconds,
    )


def placed(deltas, *, asynchronous=False):
    """Every word or character with its times from the start of the answer, and the whole length.

    A segment begins where the times fall back. Its base is all sound that came before its first
    message; with messages that trail, all that had come when the segment before was timed.
    """
    total = base = timed_at = 0.0
    last = 0.0
    found = []
    for delta in deltas:
        if delta.timestamp_info is not None:
            names, starts, ends = parts(delta.timestamp_info)
            if starts[0] < last:
                base = timed_at if asynchronous else total
            last, timed_at = ends[-1], total
            found += [(n, base + s, base + e) for n, s, e in zip(names, starts, ends, strict=True)]
        total += len(delta.audio) / 48000
    return found, total


def orderly(found, total):
    """Times grow and stay within the sound."""
    marks = [mark for _, start, end in found for mark in (start, end)]
    assert all(a <= b + 1e-5 for a, b in itertools.pairwise(marks))
    assert 0 <= marks[0]
    assert marks[-1] <= total + 1e-5


@pytest.mark.parametrize("transport", ["SYNC", "ASYNC"])
@pytest.mark.parametrize("strategy", ["full_turn", "sentence", "auto"])
@pytest.mark.parametrize("kind", ["WORD", "CHARACTER"])
def test_with_the_sound_before_it_added_every_time_is_right(kind, strategy, transport):
    deltas = spoken(
        voice=find_voice("plain"),
        timestamp_type=kind,
        segmenter_strategy=strategy,
        timestamp_transport_strategy=transport,
    )
    found, total = placed(deltas, asynchronous=transport == "ASYNC")
    orderly(found, total)
    names = [name for name, _, _ in found]
    assert (names == TEXT.split()) if kind == "WORD" else ("".join(names) == TEXT)


@given(
    st.lists(st.sampled_from(["one", "two.", "three!", "[laugh]", "[speak", "softly]", "é?"])),
    st.sampled_from(["SYNC", "ASYNC"]),
)
def test_no_text_breaks_the_order(words, transport):
    found, total = placed(
        spoken(" ".join(words), timestamp_transport_strategy=transport),
        asynchronous=transport == "ASYNC",
    )
    if found:
        orderly(found, total)


def test_a_word_begins_where_the_voice_begins_it():
    found, _ = placed(spoken("one two. three"))
    assert [round(start * 1000) for _, start, _ in found] == [0, WORD_MS, 2 * WORD_MS]


def restarts(deltas):
    infos = [delta.timestamp_info for delta in deltas if delta.timestamp_info]
    return sum(parts(info)[1][0] == 0 for info in infos)


def test_each_sentence_is_a_segment_unless_all_is_made_at_once():
    assert restarts(spoken()) == 3
    assert restarts(spoken(segmenter_strategy="sentence")) == 3
    assert restarts(spoken(segmenter_strategy="full_turn")) == 1


def test_sync_timing_comes_with_its_sound_and_async_after_the_segment():
    assert all(d.audio for d in spoken("One two. Three.") if d.timestamp_info)
    deltas = spoken("One two. Three.", timestamp_transport_strategy="ASYNC")
    shown = [(bool(d.audio), bool(d.timestamp_info)) for d in deltas]
    sound, late = (True, False), (False, True)
    assert shown == [sound, sound, late, late, sound, late, sound]  # the last is the silent tail


def test_without_the_setting_there_is_no_timing():
    bench = Bench(scripted([TEXT]))
    assert not [e for e in bench.say("x") if getattr(e, "timestamp_info", None)]


def test_the_sounds_of_a_word_fill_its_time():
    info = spoken("Sheep")[0].timestamp_info.word_alignment
    (details,) = info.phonetic_details
    assert (details.word_index, details.is_partial) == (0, False)
    assert [p.viseme_symbol for p in details.phones] == ["chjsh", "ee", "bmp"]
    at = info.word_start_time_seconds[0]
    for phone in details.phones:
        assert phone.start_time_seconds == pytest.approx(at, abs=1e-5)
        at += phone.duration_seconds
    assert at == pytest.approx(info.word_end_time_seconds[0], abs=1e-5)


@given(st.text(max_size=12))
def test_every_word_has_sounds_if_it_has_letters(word):
    found = phones(word)
    assert bool(found) is any(map(str.isalnum, word.lower()))
    assert all(phone and viseme for phone, viseme in found)


@pytest.mark.parametrize(
    ("word", "ends"),
    [
        ("two. ", True),
        ("really?!", True),
        ('"yes."', True),
        ("好。", True),
        ("Dr. ", False),
        ("J. ", False),
        ("3.5", False),
        ("so", False),
        ("", False),
    ],
)
def test_where_a_sentence_ends(word, ends):
    assert ends_sentence(word) is ends


def test_a_bracket_that_nobody_closes_does_not_silence_the_rest():
    timing = Timing("WORD", 1000)
    infos = []
    for word in pieces("[ " + "word " * 20):
        assert list(timing.before([word])) == []
        infos.append(timing.slice(100))
    assert infos[:2] == [None, None]
    assert infos[-1]["word_alignment"]["words"] == ["word"]


def test_tags_go_ahead_of_sentences_in_turn_and_cut_in_two():
    steering = Steering(("laugh", "speak slowly"))
    said = [[*steering.before(word), word] for word in pieces("One two. Three. Four.")]
    assert ["".join(part) for part in said] == [
        "[laugh] One ",
        "two. ",
        "[speak slowly] Three. ",
        "[laugh] Four.",
    ]
    assert [len(part) for part in said] == [3, 1, 3, 3]
    once = Steering(("laugh",), once=True)
    assert sum(len(list(once.before(word))) for word in pieces("One. Two. Three.")) == 2


def test_filler_and_answer_are_segments_of_their_own():
    bench = Bench(scripted(["Yes it does."]), quirks={"filler_script": "Well"})
    bench.configure(
        providerData={
            "tts": {"timestamp_type": "WORD"},
            "responsiveness": {"enabled": True, "enable_filler_on_first_assistant_reply": True},
        }
    )
    deltas = [e for e in bench.speak() + bench.finish() if e.type == DELTA]
    assert restarts(deltas) == 2
    orderly(*placed(deltas))
    assert one(bench.log, "response.done").response.output[0].text == "Well Yes it does."
    assert types(bench.log)[-1] == "output_audio_buffer.stopped"
