"""How long an answer took, in plain words."""

from __future__ import annotations

from inworld_rt.latency import Latency


def test_stages_come_in_plain_words_and_always_in_the_same_order() -> None:
    assert Latency(0.5, 0.3, 0.4, 0.6, 0.45).stages() == [
        ("your words known", 0.5),
        ("first word", 0.3),
        ("first sound received", 0.4),
        ("first sound heard", 0.6),
        ("complete", 0.45),
    ]


def test_what_did_not_happen_is_no_stage() -> None:
    assert Latency(first_text=0.0, total=0.2).stages() == [("first word", 0.0), ("complete", 0.2)]
    assert Latency().stages() == []
