"""The user's turns: when each is over, and which one an answer is to."""

from __future__ import annotations

import pytest

from inworld_rt.spoken import Turn, Turns


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_a_turn_is_over_when_the_server_says_so(turns: Turns) -> None:
    turn = turns.stopped("u")
    assert turn.item_id == "u"
    assert turns.committed("u") is None
    assert turns.take() is turn
    assert turns.take() is None, "it is answered"


def test_with_a_button_it_is_over_when_it_becomes_an_item(turns: Turns) -> None:
    turn = turns.committed("u")
    assert turn is not None and turn is turns.take()


def test_speech_that_goes_on_within_an_item_is_one_turn(turns: Turns) -> None:
    assert turns.stopped("u") is turns.stopped("u")


def test_speech_that_goes_on_is_not_known_by_the_words_of_its_beginning(turns: Turns) -> None:
    turn = turns.stopped("u")
    turn.over, turn.known = 1.0, 1.5
    assert turns.stopped("u").known is None
    assert turns.read("u") is turn


@pytest.mark.parametrize(("first", "second"), [("", "u"), ("u", ""), ("", "")])
def test_items_need_not_be_told_each_time(turns: Turns, first: str, second: str) -> None:
    turn = turns.stopped(first)
    assert turns.committed(second) is None
    assert turn.item_id == (first or second)


def test_an_answer_is_to_the_latest_turn(turns: Turns) -> None:
    first, second = turns.stopped("u"), turns.stopped("v")
    assert first is not second
    assert turns.take() is second


def test_an_id_may_come_again_in_another_turn(turns: Turns) -> None:
    first = turns.stopped("u")
    turns.take()
    assert turns.stopped("u") is not first


def test_words_are_news_once_also_behind_the_answer(turns: Turns) -> None:
    turn = turns.stopped("u")
    turns.take()
    turns.stopped("v")
    assert turns.read("u") is turn
    turn.known = 1.0
    assert turns.read("u") is None
    assert turns.read("x") is None


def test_what_was_dropped_is_not_answered(turns: Turns) -> None:
    turns.stopped("u")
    turns.cleared()
    assert turns.take() is None


def test_what_is_an_item_already_stays(turns: Turns) -> None:
    turns.stopped("u")
    turns.committed("u")
    turns.cleared()
    assert isinstance(turns.take(), Turn)


def test_a_long_day_does_not_fill_the_memory(turns: Turns) -> None:
    for number in range(1000):
        turns.stopped(f"u{number}")
    assert turns.read("u999") is not None
    assert turns.read("u0") is None
