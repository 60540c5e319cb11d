"""What steers the voice is not shown, and all else is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inworld_rt.steering import cuts, shown

PIECES = [
    "[",
    "]",
    "(",
    " ",
    "\n",
    "a",
    "1",
    "_",
    ",",
    "laugh",
    "sigh",
    "say so",
    "é",
    "笑い声",
    "[x]",
]
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
plain = st.text().filter(lambda text: "[" not in text)


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("Hello [laugh] world", "Hello world"),
        ("[laugh] Hello", "Hello"),
        ("[speak slowly, as if tired] Good night.", "Good night."),
        ("[say it excitedly]\nWe won!", "We won!"),
        ("[clear_throat] [breathe]  Well.", "Well."),
        ("[clear throat][sigh] Well.", "Well."),
        ("Well[laugh] [sigh] then", "Well then"),
        ("Well, [laugh], then", "Well, , then"),
        ("One.\n\n[whisper in a hushed style]\n\nTwo.", "One.\n\nTwo."),
        ("Go! [RESET] Quietly now.", "Go! Quietly now."),
        ("The end. [laugh]", "The end. "),
        ("[speak as if tired — forcing every word, don't stop] No.", "No."),
        ("[wait 2 seconds] Now.", "Now."),
        ("[скажи тихо] Да.", "Да."),
        ("[धीरे बोलो] हाँ", "हाँ"),
        ("好的[laugh]我知道", "好的我知道"),
        ("[[laugh]]", "[]"),
        ("[laugh [sigh] on", "[laugh on"),
        # after a letter only sounds are tags
        ("word[sigh] next", "word next"),
        ("word[clears throat] next", "word next"),
        ("word[Laughing]", "word"),
        ("array[index] is", "array[index] is"),
        ("row_[index]", "row_[index]"),
        ("grid[1][index][other] is", "grid[1][index][other] is"),
        ("as shown [12][laugh] here", "as shown [12] here"),
        # other things in brackets
        ("[the manual](https://example.org) says", "[the manual](https://example.org) says"),
        ("[laugh](softly)", "[laugh](softly)"),
        ("[the manual](here)[again] so", "[the manual](here) so"),
        ("- [x] done, [ ] open, [1], [2026], []", "- [x] done, [ ] open, [1], [2026], []"),
        ("[a, b] and [ab]", "[a, b] and [ab]"),
        ("[1 + 2 = three]", "[1 + 2 = three]"),
        ("[line\nbreak]", "[line\nbreak]"),
        ("[" + 80 * "a" + "]", ""),
        ("[" + 81 * "a" + "]", "[" + 81 * "a" + "]"),
        ("an open [laugh", "an open [laugh"),
        ("", ""),
    ],
)
def test_tags_are_left_out(text: str, visible: str) -> None:
    assert shown(text, whole=True) == visible


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("Hello [", "Hello "),
        ("Hello [la", "Hello "),
        ("Hello [laugh]", "Hello "),  # a "(" may follow
        ("Hello [laugh] ", "Hello "),
        ("Hello [laugh].", "Hello ."),
        ("Hello [2", "Hello "),
        ("Hello [2]", "Hello [2]"),
        ("Hello [2 +", "Hello [2 +"),
        ("Hello [" + 80 * "a", "Hello "),
        ("Hello [" + 81 * "a", "Hello [" + 81 * "a"),
        ("array[i", "array"),  # a sound may come of it
    ],
)
def test_what_may_become_a_tag_is_held_back(text: str, visible: str) -> None:
    assert shown(text) == visible


@given(texts, texts)
@example("a[laugh]", "(b)")
@example("[x]", "[laugh] ")
@example("a [laugh] ", " [sigh]")
def test_what_is_shown_only_grows(a: str, b: str) -> None:
    assert shown(a + b).startswith(shown(a))
    assert shown(a + b, whole=True).startswith(shown(a))


@given(texts)
def test_letter_by_letter_all_is_shown_in_the_end(text: str) -> None:
    pieces, before = "", ""
    for n in range(len(text) + 1):
        now = shown(text[:n], whole=n == len(text))
        pieces += now[len(before) :]
        before = now
    assert pieces == shown(text, whole=True)


@given(texts)
def test_only_tags_are_missing(text: str) -> None:
    """Cuts are in order, and each is a bracket with what is in it, and white space."""
    spans, end = cuts(text, whole=True)
    assert end == len(text)
    at = 0
    for start, stop in spans:
        assert at <= start < stop <= len(text)
        tag = text[start:stop].rstrip()
        assert (tag[0], tag[-1], tag.count("["), tag.count("]")) == ("[", "]", 1, 1)
        assert len(tag) >= 5
        at = stop


@given(plain)
def test_a_text_without_brackets_is_the_same_object(text: str) -> None:
    assert shown(text) is text


@pytest.mark.parametrize(
    "text",
    [
        200_000 * "[",
        40_000 * "[laugh",
        30_000 * "[laugh] ",
        "[laugh]" + 200_000 * " ",
        5_000 * ("[" + 39 * "a "),
        200_000 * "]",
    ],
    ids=["open", "begun", "tags", "spaces", "long", "closed"],
)
@pytest.mark.timeout(10)
def test_odd_texts_take_no_time(text: str) -> None:
    """A time that grew with the square of the length would be minutes."""
    assert len(shown(text)) <= len(text)
