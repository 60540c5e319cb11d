"""Subtitle files, read back by a program that is not ours."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.captions import Caption, Cue, cues, srt, webvtt

Read = list[tuple[int, int, str]]

WORDS = [
    *("a", "Yes.", "well,", "“No!”", "e.g.", "x<y", "a&b", "&lt;", "<b>", "x-->y", "{\\an8}"),
    *("NOTE", "WEBVTT", "שלום", "سلام.", "今", "日", "。", "é", "\U0001f469\u200d\U0001f680"),
    *("naïveté" * 3, "x" * 50),
]


def read_vtt(content: str) -> Read:
    subs = pysubs2.SSAFile.from_string(content, "vtt")
    return [(e.start, e.end, html.unescape(e.text.replace("\\N", "\n"))) for e in subs]


def read_srt(content: str) -> Read:
    subs = pysubs2.SSAFile.from_string(content, "srt", keep_html_tags=True)
    return [(e.start, e.end, e.text.replace("\\N", "\n")) for e in subs]


def spoken(text: str, start: float = 0.0, each: float = 0.3) -> list[Caption]:
    """Words at an even pace."""
    return [
        Caption(word, start + n * each, start + (n + 1) * each)
        for n, word in enumerate(text.split())
    ]


def squeezed(parts: Iterable[str]) -> str:
    """A text without its white space."""
    return "".join("".join(parts).split())


def texts(found: Sequence[Cue]) -> list[str]:
    return [cue.text for cue in found]


@st.composite
def captions(draw: st.DrawFn) -> list[Caption]:
    out, at = [], draw(st.integers(0, 8000)) * 1000
    for text in draw(st.lists(st.sampled_from(WORDS), max_size=30)):
        at += draw(st.sampled_from([0, 0, 0, 40, 900]))
        end = at + draw(st.sampled_from([0, 1, 80, 333, 1500, 9000]))
        out.append(Caption(text, at / 1000, end / 1000))
        at = end
    return out


def test_webvtt_looks_like_this() -> None:
    words = [*spoken("Is 1 < 2 & 2 > 1?"), *spoken("Yes.", start=3723.5)]
    assert webvtt(words) == (
        "WEBVTT\n"
        "\n"
        "00:00:00.000 --> 00:00:02.400\n"
        "Is 1 &lt; 2 &amp; 2 &gt; 1?\n"
        "\n"
        "01:02:03.500 --> 01:02:04.500\n"
        "Yes.\n"
    )


def test_srt_looks_like_this() -> None:
    words = [*spoken("Is 1 < 2 & 2 > 1?"), *spoken("So ---> yes.", start=3723.5)]
    assert srt(words) == (
        "1\n"
        "00:00:00,000 --> 00:00:02,400\n"
        "Is 1 < 2 & 2 > 1?\n"
        "\n"
        "2\n"
        "01:02:03,500 --> 01:02:04,500\n"
        "So -> yes.\n"
    )


def test_no_words_make_an_empty_file() -> None:
    assert (webvtt([]), read_vtt(webvtt([]))) == ("WEBVTT\n", [])
    assert (srt([]), read_srt(srt([]))) == ("", [])
    assert cues([Caption(" \n", 0, 1)]) == []


class TestCues:
    def test_end_with_sentences(self) -> None:
        assert texts(
            cues(spoken("This is one. “And this is two!” (That is all.) So", each=0.4))
        ) == [
            "This is one.",
            "“And this is two!”",
            "(That is all.)",
            "So",
        ]

    def test_do_not_end_with_abbreviations(self) -> None:
        assert len(cues(spoken("We talked to Dr. Smith and J. Doe, e.g. them."))) == 1

    def test_of_very_short_sentences_are_joined(self) -> None:
        assert texts(cues(spoken("Oh. No. Yes, of course. Well then."))) == [
            "Oh. No. Yes, of course.",
            "Well then.",
        ]

    def test_end_at_pauses(self) -> None:
        found = cues([*spoken("one two"), *spoken("three", start=1.25), *spoken("four", start=2.3)])
        assert texts(found) == ["one two three", "four"]
        assert (found[0].start, found[0].end) == (0, 1.55)

    def test_have_two_lines(self) -> None:
        found = cues(spoken(" ".join(["sixteen letters,"] * 9), each=0.05))
        assert texts(found)[0] == (
            "sixteen letters, sixteen letters, sixteen\nletters, sixteen letters, sixteen letters,"
        )
        assert all(len(line) <= 42 for text in texts(found) for line in text.split("\n"))

    def test_last_six_seconds(self) -> None:
        found = cues(spoken("one two three four five six seven", each=1.5))
        assert texts(found) == ["one two three four", "five six seven"]

    def test_are_shown_for_a_second_where_there_is_time(self) -> None:
        found = cues([*spoken("one", each=0.1), *spoken("two", start=0.9), *spoken("x", start=9)])
        assert [(cue.start, cue.end) for cue in found] == [(0, 0.9), (0.9, 1.9), (9, 10)]

    def test_of_scripts_without_spaces(self) -> None:
        words = [Caption(c, n / 10, (n + 1) / 10) for n, c in enumerate("今日は良い天気" * 7)]
        assert texts(cues(words)) == [("今日は良い天気" * 6) + "\n" + "今日は良い天気"]

    def test_of_right_to_left_scripts_are_in_the_order_of_speech(self) -> None:
        assert texts(cues(spoken("שלום לכל העולם"))) == ["שלום לכל העולם"]

    def test_of_one_word_may_be_longer(self) -> None:
        assert texts(cues([Caption("x" * 300, 0, 20), Caption("y", 20, 21)])) == ["x" * 300, "y"]

    @given(captions())
    def test_have_all_words_in_order_and_never_overlap(self, words: list[Caption]) -> None:
        found = cues(words)
        assert squeezed(w.text for w in words) == squeezed(texts(found))
        assert all(cue.start < cue.end for cue in found)
        assert all(one.end <= other.start for one, other in pairwise(found))
        for cue in found:
            assert cue.end - cue.start <= 9.001
            assert len(cue.text.split("\n")) <= 2


class TestFiles:
    @given(captions())
    def test_webvtt_reads_back(self, words: list[Caption]) -> None:
        assert read_vtt(webvtt(words)) == [
            (round(cue.start * 1000), round(cue.end * 1000), cue.text) for cue in cues(words)
        ]

    @given(captions())
    def test_srt_reads_back(self, words: list[Caption]) -> None:
        assert read_srt(srt(words)) == [
            (round(c.start * 1000), round(c.end * 1000), re.sub("-{2,}>", "->", c.text))
            for c in cues(words)
        ]

    @given(st.text(st.characters() | st.sampled_from("\n\r\0<>&-\u2028\ud83d"), max_size=30))
    def test_any_text_stays_one_cue(self, text: str) -> None:
        """Whatever is in a word, it adds no cue and no line of its own making."""
        words = [Caption(f"x{text}x", 1, 2), Caption("end", 2, 3)]
        found = webvtt(words)
        assert found.encode().decode() == found
        [(start, end, back)] = read_vtt(found)
        assert (start, end, back.endswith("end")) == (1000, 3000, True)
        assert srt(words).count("-->") == found.count("-->") == 1

    @pytest.mark.parametrize("write", [webvtt, srt])
    def test_long_texts_take_no_time(self, write: object) -> None:
        assert callable(write)
        content = write(
            [Caption("." * 100_000 + "x", 0, 1), *spoken("word " * 20_000, start=1, each=0.2)]
        )
        assert content.count("word") == 20_000
