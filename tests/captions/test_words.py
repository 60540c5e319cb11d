"""Words put together to texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.captions import Caption, heard
from inworld_rt.captions.words import join, neat


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["Hello,", "world!"], "Hello, world!"),
        (["今", "日", "は", "。"], "今日は。"),
        (["我", "爱", "Python", "吗？"], "我爱 Python 吗？"),
        (["안녕", "세상"], "안녕 세상"),
        (["שלום", "עולם!"], "שלום עולם!"),
        (["", "a", "", "b"], "a b"),
        ([], ""),
    ],
)
def test_words_are_joined_as_their_script_has_it(texts: list[str], whole: str) -> None:
    assert join(texts) == whole


def test_heard_are_the_words_that_are_over() -> None:
    words = [Caption("One", 0.0, 0.5), Caption("two", 0.5, 1.0), Caption("three", 1.2, 2.0)]
    seconds = [-1.0, 0.0, 0.47, 0.49, 0.9, 1.0, 1.9, 2.0, float("inf")]
    assert [heard(words, s) for s in seconds] == [
        "", "", "", "One", "One", "One two", "One two", "One two three", "One two three",
    ]  # fmt: skip
    assert heard([], 1.0) == ""


@given(st.lists(st.tuples(st.sampled_from(["a", "好", "b!"]), st.integers(0, 9))), st.data())
def test_more_is_heard_with_time(timed: list[tuple[str, int]], data: st.DataObject) -> None:
    words, at = [], 0
    for text, length in timed:
        words.append(Caption(text, at, at + length))
        at += length
    one, other = sorted(data.draw(st.tuples(st.floats(0, at), st.floats(0, at))))
    assert heard(words, other).startswith(heard(words, one))
    assert heard(words, at) == join(text for text, _ in timed)


@given(st.text(st.characters() | st.sampled_from("\ud83d\ude00\r\n\t\0\u2028 ")))
def test_neat_texts_are_one_line_that_can_be_written(text: str) -> None:
    clean = neat(text)
    clean.encode()
    assert "".join(clean.splitlines()) == clean == " ".join(clean.split())
    assert neat(clean) == clean
    if text.isprintable():
        assert clean == " ".join(text.split())
