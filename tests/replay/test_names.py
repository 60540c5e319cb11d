"""Ids of then and of now."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.replay.names import Names

words = st.text(max_size=8)
messages = st.recursive(
    words | st.none() | st.booleans() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "item_id", "text", "item", "items"]), inner)
    ),
    max_leaves=12,
)


def test_what_is_called_otherwise_now_is_translated_wherever_it_stands() -> None:
    names = Names()
    names.learn(
        {"type": "conversation.item.create", "event_id": "e1", "item": {"id": "i1"}},
        {"type": "conversation.item.create", "event_id": "e9", "item": {"id": "i9"}},
    )
    then = {"error": {"event_id": "e1"}, "items": [{"previous_item_id": "i1"}], "text": "i1"}
    assert names.translate(then) == {
        "error": {"event_id": "e9"},
        "items": [{"previous_item_id": "i9"}],
        "text": "i1",
    }


@given(messages)
def test_who_has_learned_nothing_changes_nothing(message: Any) -> None:
    assert Names().translate(message) == message


def renamed(message: Any, key: str = "") -> Any:
    """The same of another day."""
    if isinstance(message, dict):
        return {name: renamed(value, name) for name, value in message.items()}
    if isinstance(message, list):
        return [renamed(value, key) for value in message]
    return f"{message}!" if isinstance(message, str) and key.endswith("id") else message


@given(messages)
def test_what_was_compared_becomes_the_other(message: Any) -> None:
    names = Names()
    names.learn(message, renamed(message))
    assert names.translate(message) == renamed(message)
