"""Times of words: from what servers send to the times of the answer's audio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inworld_rt.captions import Caption, Timeline, Viseme, heard
from inworld_rt.outcome import (
    CharacterAlignment,
    Phone,
    PhoneticDetails,
    TimestampInfo,
    WordAlignment,
)
from inworld_rt.steering import shown

Timed = tuple[str, float, float]


def words(*timed: Timed, details: list[PhoneticDetails] | None = None) -> TimestampInfo:
    return TimestampInfo(
        word_alignment=WordAlignment(
            words=[w for w, _, _ in timed],
            word_start_time_seconds=[start for _, start, _ in timed],
            word_end_time_seconds=[end for _, _, end in timed],
            phonetic_details=details,
        )
    )


def characters(*timed: Timed) -> TimestampInfo:
    return TimestampInfo(
        character_alignment=CharacterAlignment(
            characters=[c for c, _, _ in timed],
            character_start_time_seconds=[start for _, start, _ in timed],
            character_end_time_seconds=[end for _, _, end in timed],
        )
    )


def evenly(tokens: Sequence[str], at: float = 0.0, step: float = 0.25) -> list[Timed]:
    return [(token, at + n * step, at + (n + 1) * step) for n, token in enumerate(tokens)]


def rounded(captions: Sequence[Caption]) -> list[Timed]:
    return [(c.text, round(c.start, 3), round(c.end, 3)) for c in captions]


def texts(captions: Sequence[Caption]) -> list[str]:
    return [c.text for c in captions]


def all_of(*messages: tuple[TimestampInfo, float, float]) -> list[Caption]:
    """Everything that comes of messages; the list of all agrees with what was given piece by
    piece."""
    timeline, given = Timeline(), []
    for info, before, length in messages:
        given += timeline.add(info, before=before, length=length)
    given += timeline.close()
    assert timeline.captions == given
    return given


class TestWords:
    def test_words_come_as_they_are(self) -> None:
        timeline = Timeline()
        info = words(("Hello,", 0.1, 0.4), ("big", 0.4, 0.6), ("world!", 0.7, 1.0))
        assert rounded(timeline.add(info, before=0, length=1.2)) == [
            ("Hello,", 0.1, 0.4),
            ("big", 0.4, 0.6),
            ("world!", 0.7, 1.0),
        ]
        assert timeline.close() == []

    def test_words_punctuation_and_white_space_one_by_one_are_put_together(self) -> None:
        said = all_of(
            (words(("", 0, 0.1), ("Well", 0.1, 0.5), (",", 0.5, 0.8)), 0, 0.8),
            (words((" ", 0.8, 0.9), ("twenty", 0.9, 1.2), ("-", 1.2, 1.2)), 0.8, 0.4),
            (words(("one", 1.2, 1.5)), 1.2, 0.3),
            (words((".", 1.5, 1.5)), 1.5, 0.1),
        )
        assert rounded(said) == [("Well,", 0.1, 0.8), ("twenty-one.", 0.9, 1.5)]

    def test_a_word_is_given_when_it_is_complete(self) -> None:
        timeline = Timeline()
        one = words(("Dear", 0, 0.3), (" ", 0.3, 0.3), ("friend", 0.3, 0.6))
        assert texts(timeline.add(one, before=0, length=0.6)) == ["Dear"]
        assert texts(timeline.add(words(("s", 0.6, 0.7)), before=0.6, length=0.1)) == []
        assert texts(timeline.add(words((" ", 0.7, 0.7)), before=0.7, length=0.1)) == ["friends"]
        assert timeline.close() == []

    def test_a_first_word_waits_until_it_is_clear_whether_white_space_comes(self) -> None:
        timeline = Timeline()
        assert timeline.add(words(("Good", 0, 0.3)), before=0, length=0.3) == []
        said = timeline.add(words(("morning,", 0.3, 0.6)), before=0.3, length=0.3)
        assert texts(said) == ["Good", "morning,"]
        assert texts(timeline.add(words(("Ann", 0.6, 0.8)), before=0.6, length=0.3)) == ["Ann"]

    def test_a_word_with_its_punctuation_does_not_wait(self) -> None:
        assert texts(Timeline().add(words(("Yes,", 0, 0.3)), before=0, length=0.3)) == ["Yes,"]

    def test_single_words_of_segments_say_nothing_of_white_space(self) -> None:
        said = all_of(
            (words(("Well", 0, 0.3)), 0, 0.5),
            (words(("It", 0, 0.3), ("'s", 0.3, 0.4)), 0.5, 0.5),
            (words((" ", 0.4, 0.5), ("me", 0.5, 0.6)), 1.0, 0.5),
        )
        assert rounded(said) == [("Well", 0, 0.3), ("It's", 0.5, 0.9), ("me", 1.0, 1.1)]

    def test_a_single_word_in_several_parts(self) -> None:
        assert texts(all_of((words(*evenly(["", "uh", "-", "huh", "."])), 0, 2))) == ["uh-huh."]

    @pytest.mark.parametrize("tokens", [["I", "'m", " ", "Clive"], ["Do", "n't", " ", "go"]])
    def test_parts_of_a_word_at_the_very_beginning(self, tokens: list[str]) -> None:
        said = all_of(*((words(t), t[1], 0.25) for t in evenly(tokens)))
        assert texts(said) == ["".join(tokens[:2]), tokens[3]]

    def test_punctuation_alone_is_a_word_among_words(self) -> None:
        said = all_of((words(*evenly(["salt", "&", "fine", "pepper", "—", "yes"])), 0, 2))
        assert texts(said) == ["salt", "&", "fine", "pepper", "—", "yes"]

    def test_scripts_without_spaces(self) -> None:
        tokens = ["你好", "，", "「", "世界", "」", "。", "OK", "吗", "？"]
        whole = all_of((words(*evenly(tokens)), 0, 3))
        assert texts(whole) == ["你好，", "「世界」。", "OK", "吗？"]
        assert all_of(*((words(t), t[1], 0.25) for t in evenly(tokens))) == whole

    def test_silence_is_no_word(self) -> None:
        assert all_of((words(("", 0, 1), (" ", 1, 1), ("\0", 1, 2)), 0, 2)) == []

    def test_nothing_at_all(self) -> None:
        assert all_of((TimestampInfo(), 0, 1), (words(), 1, 0), (characters(), 1, 1)) == []


class TestCharacters:
    def test_they_are_joined_to_words_at_white_space(self) -> None:
        assert rounded(all_of((characters(*evenly("Hi, you!", step=0.1)), 0, 0.8))) == [
            ("Hi,", 0.0, 0.3),
            ("you!", 0.4, 0.8),
        ]

    def test_a_word_may_come_in_several_messages(self) -> None:
        letters = evenly("no more", step=0.1)
        said = all_of(*((characters(*letters[n : n + 2]), n / 10, 0.2) for n in (0, 2, 4, 6)))
        assert rounded(said) == [("no", 0, 0.2), ("more", 0.3, 0.7)]

    def test_each_is_a_word_in_scripts_without_spaces(self) -> None:
        said = all_of((characters(*evenly("「日本」は AI。が")), 0, 9))
        assert texts(said) == ["「日", "本」", "は", "AI。", "が"]

    def test_korean_has_spaces(self) -> None:
        assert texts(all_of((characters(*evenly("안녕 친구")), 0, 9))) == ["안녕", "친구"]

    def test_segments_are_apart(self) -> None:
        said = all_of((characters(*evenly("Yes.")), 0, 1), (characters(*evenly("No.")), 1, 1))
        assert rounded(said) == [("Yes.", 0, 1), ("No.", 1, 1.75)]

    def test_halves_of_characters_become_whole(self) -> None:
        letters = evenly(["\ud83d", "\ude00", " ", "\ud83d"])
        assert texts(all_of((characters(*letters), 0, 1))) == ["\U0001f600", "\ufffd"]


class TestSegments:
    def test_times_that_go_back_begin_a_segment_at_the_audio_so_far(self) -> None:
        said = all_of(
            (words(("One", 0.1, 0.4), ("two.", 0.4, 0.8)), 0, 0.5),
            (words(("Three", 0.9, 1.2)), 0.5, 1.0),
            (words(("Four", 0.2, 0.5), ("five.", 0.5, 0.9)), 1.5, 0.5),
            (words(("Six.", 1.0, 1.3)), 2.0, 1.0),
        )
        assert rounded(said) == [
            ("One", 0.1, 0.4),
            ("two.", 0.4, 0.8),
            ("Three", 0.9, 1.2),
            ("Four", 1.7, 2.0),
            ("five.", 2.0, 2.4),
            ("Six.", 2.5, 2.8),
        ]

    def test_a_silence_begins_a_segment(self) -> None:
        said = all_of(
            (words(("Hm", 0.0, 0.2), (".", 0.2, 0.2)), 0, 0.5),
            (words(("", 0.0, 0.3), ("So", 0.3, 0.5)), 0.5, 0.5),
            (words((" ", 0.5, 0.5), ("what", 0.5, 0.7)), 1.0, 0.2),
        )
        assert rounded(said) == [("Hm.", 0, 0.2), ("So", 0.8, 1.0), ("what", 1.0, 1.2)]

    def test_a_first_message_after_silent_audio(self) -> None:
        assert rounded(all_of((words(("Hi.", 0, 0.4)), 0.5, 0.5))) == [("Hi.", 0.5, 0.9)]

    def test_timing_by_itself_is_of_the_audio_before(self) -> None:
        said = all_of(
            (words(("One", 0.1, 0.4)), 1.0, 0),
            (words(("two.", 0.4, 0.8)), 1.0, 0),
            (words(("Three", 0.1, 0.4), ("four.", 0.4, 0.7)), 3.0, 0),
            (words(("Five.", 0.0, 0.4)), 3.5, 0),
        )
        assert rounded(said) == [
            ("One", 0.1, 0.4),
            ("two.", 0.4, 0.8),
            ("Three", 1.1, 1.4),
            ("four.", 1.4, 1.7),
            ("Five.", 3.0, 3.4),
        ]

    def test_timing_by_itself_ahead_of_its_audio_does_not_go_back(self) -> None:
        said = all_of((words(("One.", 0.1, 0.9)), 0, 0), (words(("Two.", 0.1, 0.5)), 1.0, 0))
        assert rounded(said) == [("One.", 0.1, 0.9), ("Two.", 1.0, 1.4)]

    @pytest.mark.parametrize("length", [0.5, 0])
    def test_times_from_the_start_of_the_answer(self, length: float) -> None:
        said = all_of(
            *((words((name, n / 2, n / 2 + 0.4)), (n + (not length)) / 2, length)
              for n, name in enumerate(["One", "two.", "Three", "four."]))
        )  # fmt: skip
        assert [round(word.start, 3) for word in said] == [0, 0.5, 1.0, 1.5]

    def test_an_answer_goes_on_after_its_end(self) -> None:
        timeline = Timeline()
        timeline.add(words(("Hm", 0.0, 0.2)), before=0, length=1.0)
        assert texts(timeline.close()) == ["Hm"]
        timeline.add(words(("So", 0.3, 0.5)), before=1.0, length=1.0)  # not before 0.2
        assert rounded(timeline.close()) == [("So", 1.3, 1.5)]
        timeline.add(words(("Three", 2.0, 2.5)), before=2.0, length=1.0)  # from the start
        assert rounded(timeline.close()) == [("Three", 2.0, 2.5)]

    def test_what_comes_anew_is_forgotten(self) -> None:
        timeline = Timeline()
        timeline.add(words(("One.", 0.0, 0.9)), before=0, length=1.0)
        timeline.close()
        timeline.add(words(("Two", 0.0, 0.5), ("three", 0.5, 0.9)), before=1.0, length=1.0)
        timeline.add(words(("[speak", 0.9, 1.0)), before=2.0, length=1.0)
        timeline.forget(1.0)
        assert texts(timeline.captions) == ["One."]
        timeline.add(words(("Four", 0.0, 0.5), ("five", 0.5, 0.9)), before=1.0, length=1.0)
        timeline.close()
        assert rounded(timeline.captions) == [
            ("One.", 0, 0.9),
            ("Four", 1.0, 1.5),
            ("five", 1.5, 1.9),
        ]
        timeline.forget(0)
        assert timeline.captions == timeline.close() == []


class TestSteering:
    @pytest.mark.parametrize(
        ("tokens", "left"),
        [
            (["[laugh]", "Oh", "yes."], ["Oh", "yes."]),
            (["Oh", "[speak", "slowly,", "please]", "yes."], ["Oh", "yes."]),
            (["Oh[sigh]", "well[laugh]."], ["Oh", "well."]),
            (["so", "on", "[laugh]"], ["so", "on"]),
            (["see", "a[0]", "[x]", "[1]"], ["see", "a[0]", "[x]", "[1]"]),
            (["see", "this", "[not", "closed"], ["see", "this", "[not", "closed"]),
            (["Oh", " ", "[", "sigh", "]", " ", "well", "."], ["Oh", "well."]),
            (["[", "say", " ", "it", "]", " ", "Now"], ["Now"]),
            (["好", "[laugh]", "啊"], ["好", "啊"]),
        ],
    )
    def test_tags_are_no_words(self, tokens: list[str], left: list[str]) -> None:
        assert texts(all_of((words(*evenly(tokens)), 0, 9))) == left
        assert texts(all_of(*((words(t), t[1], 0.25) for t in evenly(tokens)))) == left

    def test_words_after_a_bracket_are_not_kept_for_long(self) -> None:
        timeline = Timeline()
        tokens = ["so", "an", "[open", *20 * ["bracket"]]
        assert texts(timeline.add(words(*evenly(tokens)), before=0, length=9)) == tokens


class TestMouth:
    def test_visemes_are_in_the_times_of_the_answer(self) -> None:
        phones = [
            Phone(phone_symbol="h", viseme_symbol="a", start_time_seconds=0, duration_seconds=0.1),
            Phone(phone_symbol="i", viseme_symbol="e", start_time_seconds=0.1, duration_seconds=9),
        ]
        details = [PhoneticDetails(word_index=1, phones=phones)]
        hi = words(("", 0, 0), ("Hi", 0, 0.4), details=details)
        [_, word] = all_of((words(("Oh.", 0, 0.9)), 0, 1.0), (hi, 1.0, 0.5))
        assert word == Caption(
            "Hi", 1.0, 1.4, (Viseme("a", "h", 1.0, 1.1), Viseme("e", "i", 1.1, 1.4))
        )

    def test_a_partial_word_comes_again(self) -> None:
        def told(text: str, end: float, partial: bool, phone: str) -> TimestampInfo:
            one = PhoneticDetails(word_index=0, is_partial=True, phones=[Phone(phone_symbol="?")])
            two = PhoneticDetails(
                word_index=0, is_partial=partial, phones=[Phone(phone_symbol=phone)]
            )
            return words((text, 0.5, end), details=[one, two])

        timeline = Timeline()
        timeline.add(words(("Good", 0, 0.3), ("old", 0.3, 0.5)), before=0, length=0.5)
        assert timeline.add(told("mor", 0.7, True, "m"), before=0.5, length=0.2) == []
        [word] = timeline.add(told("morning", 0.9, False, "n"), before=0.7, length=0.2)
        assert rounded([word]) == [("morning", 0.5, 0.9)]
        assert [v.phone for v in word.visemes] == ["n"]
        assert timeline.close() == []

    def test_a_partial_word_that_does_not_come_again_is_kept(self) -> None:
        partial = [PhoneticDetails(word_index=0, is_partial=True)]
        said = all_of(
            (words(("Good", 0, 0.3), details=partial), 0, 0.3),
            (words(("old", 0.3, 0.5), details=partial), 0.3, 0.2),
        )
        assert texts(said) == ["Good", "old"]


class TestOddServers:
    def test_a_last_word_without_end_lasts_as_long_as_its_audio(self) -> None:
        info = words(("One", 0, 0.5), ("two", 0.5, 0.8))
        assert info.word_alignment is not None
        info.word_alignment.word_end_time_seconds.pop()
        assert rounded(all_of((info, 0, 1.0))) == [("One", 0, 0.5), ("two", 0.5, 1.0)]
        assert rounded(all_of((info, 1.0, 0))) == [("One", 0, 0.5), ("two", 0.5, 0.5)]

    def test_words_without_starts_follow_each_other(self) -> None:
        info = TimestampInfo(
            word_alignment=WordAlignment(words=["a", "b", "c"], word_end_time_seconds=[0.5, 1.0])
        )
        assert rounded(all_of((info, 0, 1.0))) == [("a", 0, 0.5), ("b", 0.5, 1.0)]

    def test_words_without_any_time_are_left_out(self) -> None:
        info = TimestampInfo(word_alignment=WordAlignment(words=["a", "b"]))
        assert all_of((info, 0, 1.0)) == []

    def test_overlapping_words_are_cut(self) -> None:
        said = all_of((words(("a", 0, 9), ("b", 0.5, 1.0), ("c", 0.2, 1.5)), 0, 2))
        assert rounded(said) == [("a", 0, 0.5), ("b", 0.5, 1.0), ("c", 1.0, 1.5)]

    def test_times_that_are_none(self) -> None:
        said = all_of((words(("a", -1, math.nan), ("b", math.inf, 1), ("c", 10**400, 2)), 0, 2))
        assert rounded(said) == [("a", 0, 0), ("b", 0, 1), ("c", 1, 2)]

    times = st.one_of(st.floats(-1, 20), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 5]))
    tokens = st.one_of(
        st.text(max_size=4), st.sampled_from(["[", "[laugh", "sigh]", " ", "好", "a"])
    )
    phones = st.builds(
        Phone,
        phone_symbol=st.just("x"),
        start_time_seconds=st.none() | times,
        duration_seconds=st.none() | times,
    )
    details = st.builds(
        PhoneticDetails,
        word_index=st.none() | st.integers(-1, 5),
        is_partial=st.none() | st.booleans(),
        phones=st.lists(phones, max_size=3),
    )
    infos = st.builds(
        TimestampInfo,
        word_alignment=st.none()
        | st.builds(
            WordAlignment,
            words=st.lists(tokens, max_size=5),
            word_start_time_seconds=st.lists(times, max_size=5),
            word_end_time_seconds=st.lists(times, max_size=5),
            phonetic_details=st.none() | st.lists(details, max_size=3),
        ),
        character_alignment=st.none()
        | st.builds(
            CharacterAlignment,
            characters=st.lists(tokens, max_size=5),
            character_start_time_seconds=st.lists(times, max_size=5),
            character_end_time_seconds=st.lists(times, max_size=5),
        ),
    )

    @given(st.lists(st.tuples(infos, st.sampled_from([0.0, 0.3, 1.5])), max_size=8), st.data())
    def test_whatever_comes_words_never_overlap_or_go_back(
        self, messages: list[tuple[TimestampInfo, float]], data: Any
    ) -> None:
        timeline, given, before = Timeline(), [], 0.0
        for info, length in messages:
            given += timeline.add(info, before=before, length=length)
            before += length
            if data.draw(st.integers(0, 5)) == 0:
                given += timeline.close()
        given += timeline.close()
        assert timeline.captions == given
        assert all(one.end <= other.start for one, other in pairwise(given))
        for word in given:
            assert 0 <= word.start <= word.end < math.inf
            assert word.text == word.text.strip() != ""
            marks = [m for v in word.visemes for m in (v.start, v.end)]
            assert [word.start, *marks, word.end] == sorted([word.start, *marks, word.end])
        timeline.forget(before / 2)
        assert all(word.start < before / 2 for word in timeline.captions)


WORDS = ["Oh,", "yes!", "no", "it's", "[sigh]", "[speak", "softly]", "&", "text-to-speech", "a[1]"]
said = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12)


@given(said, st.sampled_from(["words", "tokens", "characters"]), st.data())
@example(["[speak", "softly]", "Oh,"], "tokens", None)
def test_it_does_not_matter_how_the_timing_is_cut_into_messages(
    said: list[str], kind: str, data: Any
) -> None:
    if kind == "words":
        said = [*said, "Yes."]  # else, white space could still come
        timed = evenly(said)
    else:
        parts = list(" ".join(said)) if kind == "characters" else tokenised(said)
        timed = evenly(["", *parts] if kind == "tokens" else parts)
    make = characters if kind == "characters" else words
    end = len(timed) * 0.25
    whole = all_of((make(*timed), 0, end))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(timed))))) if data else range(len(timed))
    pieces = [timed[a:b] for a, b in pairwise([0, *cuts, len(timed)])]
    assert all_of(*((make(*p), p[0][1], len(p) * 0.25) for p in pieces if p)) == whole
    assert all_of(*((make(*p), end, 0) for p in pieces)) == whole
    visible = shown(" ".join(said), whole=True).split()
    assert texts(whole) == visible
    assert heard(whole, end) == " ".join(visible)


def tokenised(said: Sequence[str]) -> list[str]:
    """Words, punctuation and white space one by one."""
    out: list[str] = []
    for char in " ".join(said):
        if out and out[-1][-1].isalnum() and char.isalnum():
            out[-1] += char
        else:
            out.append(char)
    return out


@given(said, st.lists(st.integers(1, 4)), st.floats(0, 5))
def test_segments_add_up(said: list[str], sizes: list[int], pause: float) -> None:
    """Each segment restarts at 0 and has a pause after it, of which the timing says nothing."""
    messages, expected, before = [], [], 0.0
    rest = [w for w in said if w.isalpha()]
    for size in [*sizes, len(said)]:
        part, rest = rest[:size], rest[size:]
        if part:
            timed = evenly(part)
            messages.append((words(*timed), before, len(part) * 0.25 + pause))
            expected += [(text, before + start, before + end) for text, start, end in timed]
            before += len(part) * 0.25 + pause
    assert rounded(all_of(*messages)) == [(t, round(s, 3), round(e, 3)) for t, s, e in expected]
