"""How well the sound went, in a sentence."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.testing import FakeSound
from inworld_rt.voice_chat import AudioStats
from tests.support.scripted import Scripted

FINE = "The sound never faltered."

# From what explains most to what explains least.
REASONS: list[tuple[dict[str, Any], str]] = [
    ({"losses": 2}, "A sound device was away 2 times: check its plug and its cable."),
    (
        {"underruns": 1, "longest_gap": 1.26},
        "Answers stopped once, for up to 1.3 s, because more of them had not arrived: the network "
        "or the service was too slow.",
    ),
    (
        {"network_dropped_ms": 1240.0},
        "1.2 s of your speech were not sent, because the network was too slow.",
    ),
    (
        {"late": 1},
        "The loudspeaker was served too late once, because this computer was too busy.",
    ),
    (
        {"late": 1, "underflows": 3},
        "The loudspeaker was served too late 3 times, because this computer was too busy.",
    ),
    ({"overflows": 1}, "Some of your speech was lost, because this computer was too busy."),
    ({"mic_dropped_ms": 20.0}, "Some of your speech was lost, because this computer was too busy."),
]


@pytest.mark.parametrize(("counts", "why"), REASONS)
def test_why_it_was_choppy(counts: dict[str, Any], why: str) -> None:
    stats = AudioStats(**counts)
    assert stats.why == str(stats) == why


@pytest.mark.parametrize("first", range(len(REASONS)))
def test_of_several_reasons_the_first_is_told(first: int) -> None:
    together: dict[str, Any] = {}
    for counts, _ in reversed(REASONS[first:]):
        together.update(counts)
    if first == 3:  # the two of the loudspeaker are told together
        first += 1
    assert AudioStats(**together).why == REASONS[first][1]


def test_nothing_happened() -> None:
    assert AudioStats().why == FINE
    assert AudioStats(start_ms=480, waiting_in_ms=1000, waiting_out_ms=60).why == FINE


counts = {
    field.name: st.integers(0, 5) if field.type == "int" else st.floats(0, 1e6)
    for field in attrs.fields(AudioStats)
}


@given(st.fixed_dictionaries({}, optional=counts))
def test_it_is_always_one_sentence(counts: dict[str, Any]) -> None:
    why = AudioStats(**counts).why
    assert why.endswith(".")
    assert why[0].isupper() or why[0].isdigit()
    assert "\n" not in why


def test_the_stats_of_a_chat() -> None:
    """Counted where they arise."""
    sound = FakeSound()
    with (
        Scripted(Scripted.answer_all) as server,
        server.client() as client,
        client.voice_chat(audio=sound, echo="none") as chat,
    ):
        sound.advance(1)
        stats = chat.stats
        assert str(stats) == FINE
        assert (stats.start_ms, stats.waiting_in_ms) == (120, 0)
        client.say("Hello.").wait()  # two slices of 50 ms
        assert chat.stats.waiting_in_ms == 100
        stream: Any = chat.microphone._hold.stream
        stream.complaints = 2
        sound.advance(0.2)
        assert chat.stats.overflows == 2
        assert "Some of your speech was lost" in str(chat.stats)
