"""The mirror of the conversation, and transcripts that come in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt import conversation
from inworld_rt.conversation import Conversation, merge_transcript
from inworld_rt.items import (
    AudioPart,
    ContentPart,
    FunctionCall,
    InputAudio,
    InputText,
    Item,
    Message,
    TextPart,
)

IDS = st.sampled_from("abcdef")


def ids(mirror: Conversation) -> str:
    return "".join(str(item.id) for item in mirror)


def user(name: str, text: str = "") -> Message:
    return Message(id=name, role="user", content=[InputText(text=text)] if text else [])


def spoken(name: str, transcript: str | None = None) -> Message:
    return Message(id=name, role="user", content=[InputAudio(transcript=transcript)])


class TestMergeTranscript:
    @pytest.mark.parametrize(
        ("so_far", "delta", "rolling", "merged"),
        [
            ("", "what", False, "what"),
            ("what", "what is", False, "what is"),
            ("what is", "what", False, "what is"),
            ("what", " is", False, "what is"),
            ("watt is", "what is", True, "what is"),
            ("what is", "what", True, "what is"),
            ("what", "", False, "what"),
        ],
    )
    def test_examples(self, so_far: str, delta: str, rolling: bool, merged: str) -> None:
        assert merge_transcript(so_far, delta, rolling) == merged

    @given(st.text(), st.text(), st.booleans())
    def test_the_same_again_changes_nothing(self, so_far: str, delta: str, rolling: bool) -> None:
        once = merge_transcript(so_far, delta, rolling)
        assert merge_transcript(once, once, rolling) == once

    @given(st.lists(st.text(min_size=1)), st.booleans())
    def test_rolling_readings_end_with_the_last(self, words: list[str], rolling: bool) -> None:
        readings = ["".join(words[: n + 1]) for n in range(len(words))]
        text = ""
        for reading in readings:
            text = merge_transcript(text, reading, rolling)
        assert text == "".join(words)

    @given(st.lists(st.from_regex(r" [a-z]+", fullmatch=True)))
    def test_increments_are_added(self, words: list[str]) -> None:
        text = ""
        for number, word in enumerate(words):
            text = merge_transcript(text, f"{number}{word}")
        assert text == "".join(f"{number}{word}" for number, word in enumerate(words))

    @given(st.text(), st.text(), st.booleans())
    def test_never_gets_shorter_unless_rolling(
        self, so_far: str, delta: str, rolling: bool
    ) -> None:
        merged = merge_transcript(so_far, delta, rolling)
        assert len(merged) >= min(len(so_far), len(delta))
        assert rolling or merged.startswith(so_far)


class TestOrder:
    def test_by_previous_item(self) -> None:
        mirror = Conversation()
        mirror.put(user("a"), None)
        mirror.put(user("c"), "a")
        mirror.put(user("b"), "a")
        mirror.put(user("0"), "root")
        mirror.put(user("d"), "nobody knows")
        mirror.put(user("e"), None)
        assert ids(mirror) == "0abcde"

    def test_a_second_copy_stays_where_the_first_is(self) -> None:
        mirror = Conversation()
        mirror.put(user("a"), "root")
        mirror.put(user("b"), "a")
        mirror.put(user("x"), "a")
        mirror.put(user("b", "final"), "a")
        assert ids(mirror) == "axb"

    def test_words_that_come_before_their_item(self) -> None:
        mirror = Conversation()
        mirror.put(user("a"), "root")
        mirror.hear("speech", "Hello")
        mirror.put(Message(id="answer", role="assistant"), "a")
        mirror.put(spoken("speech"), "a")
        assert [item.id for item in mirror] == ["a", "speech", "answer"]
        assert mirror.transcript("speech") == "Hello"

    def test_without_an_id_there_is_no_place(self) -> None:
        mirror = Conversation()
        mirror.put(Message(role="user"), None)
        mirror.put(None, None)
        assert len(mirror) == 0

    def test_an_item_behind_itself(self) -> None:
        mirror = Conversation()
        mirror.put(user("a"), "a")
        assert ids(mirror) == "a"

    @given(st.lists(st.tuples(IDS, st.one_of(st.none(), st.just("root"), IDS)), max_size=30))
    def test_holds_each_item_once(self, puts: list[tuple[str, str | None]]) -> None:
        mirror = Conversation()
        for name, previous in puts:
            mirror.put(user(name), previous)
            assert len(mirror) == len({item.id for item in mirror}) == len(set(ids(mirror)))
        assert set(ids(mirror)) == {name for name, _ in puts}
        assert ids(mirror.copy()) == ids(mirror)

    @given(st.permutations("abcdef"), st.data())
    def test_a_told_place_is_kept(self, names: list[str], data: st.DataObject) -> None:
        mirror = Conversation()
        expected: list[str] = []
        for name in names:
            place = data.draw(st.integers(0, len(expected)))
            mirror.put(user(name), expected[place - 1] if place else "root")
            expected.insert(place, name)
        assert ids(mirror) == "".join(expected)

    @given(
        st.lists(
            st.tuples(st.sampled_from(["put", "remove", "hear", "truncate"]), IDS), max_size=30
        )
    )
    def test_any_order_of_things_leaves_it_whole(self, steps: list[tuple[str, str]]) -> None:
        mirror = Conversation()
        for what, name in steps:
            if what == "put":
                mirror.put(spoken(name), "a")
            elif what == "remove":
                mirror.remove(name)
                assert name not in mirror
            elif what == "hear":
                mirror.hear(name, "words")
            else:
                mirror.truncate(name, 1, 2)
            assert sorted(ids(mirror)) == sorted(set(ids(mirror)))
            assert all(mirror[item.id or ""] is item for item in mirror)


class TestItems:
    def test_as_text(self) -> None:
        mirror = Conversation()
        mirror.put(user("a", "Hello?"), None)
        mirror.put(FunctionCall(id="f", name="look"), None)
        mirror.put(Message(id="b", role="assistant", content=[AudioPart(transcript="Yes.")]), None)
        mirror.put(Message(id="c", role="assistant"), None)
        assert str(mirror) == "user: Hello?\nassistant: Yes."

    def test_unknown_ones(self) -> None:
        mirror = Conversation()
        with pytest.raises(KeyError):
            mirror["x"]
        assert "x" not in mirror
        assert mirror.transcript("x") == ""
        mirror.remove("x")
        mirror.truncate("x", 1, 2)

    def test_a_copy_stays_as_it_is(self) -> None:
        mirror = Conversation()
        mirror.put(user("a"), None)
        copy = mirror.copy()
        mirror.put(user("b"), None)
        mirror.remove("a")
        assert ids(copy) == "a"

    @pytest.mark.parametrize("later", [spoken("a"), Message(id="a", role="user")])
    def test_a_later_copy_keeps_the_words(self, later: Item) -> None:
        mirror = Conversation()
        mirror.put(spoken("a"), None)
        mirror.hear("a", "Hello")
        mirror.put(later, None)
        assert mirror.transcript("a") == "Hello"

    def test_a_later_copy_with_words_wins(self) -> None:
        mirror = Conversation()
        mirror.hear("a", "Hullo")
        mirror.put(spoken("a", "Hello"), None)
        assert mirror.transcript("a") == "Hello"

    def test_a_late_transcript_does_not_bring_a_deleted_item_back(self) -> None:
        mirror = Conversation()
        mirror.put(spoken("a"), None)
        mirror.remove("a")
        mirror.hear("a", "Hello")
        assert "a" not in mirror
        mirror.put(spoken("a"), None)
        mirror.hear("a", "Hello")
        assert mirror.transcript("a") == "Hello"

    def test_holds_no_sound(self) -> None:
        mirror = Conversation()
        part = AudioPart(transcript="Hello", audio=b"1234")
        mirror.put(Message(id="a", role="assistant", content=[part, TextPart(text="x")]), None)
        message = mirror["a"]
        assert isinstance(message, Message)
        assert message.content == [AudioPart(transcript="Hello"), TextPart(text="x")]

    def test_truncation_cuts_the_spoken_words(self) -> None:
        mirror = Conversation()
        parts: list[ContentPart] = [AudioPart(transcript="one two three"), AudioPart()]
        mirror.put(Message(id="a", role="assistant", content=parts), None)
        mirror.truncate("a", 620, 1000)
        message = mirror["a"]
        assert isinstance(message, Message)
        assert (message.text, message.status) == ("one two", "incomplete")

    def test_forgets_the_oldest_of_very_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(conversation, "KEPT_ITEMS", 3)
        mirror = Conversation()
        for name in "abcde":
            mirror.put(user(name), None)
        assert ids(mirror) == "cde"
