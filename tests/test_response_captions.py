"""An answer's words with their times, and without what steers the voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inworld_rt.captions import Caption
from inworld_rt.errors import ConfigError
from tests.support.scripted import Scripted

HALF = bytes(24000)
"""Half a second of sound."""


def timing(*words: tuple[str, float, float], camel: bool = False) -> dict[str, Any]:
    names = ("words", "word_start_time_seconds", "word_end_time_seconds")
    lists = dict(zip(names, map(list, zip(*words, strict=True)), strict=True))
    return {"timestamp_info": {"word_alignment": lists}}


def ask(server: Scripted) -> str:
    server.asked()
    return server.begin()


def two_sentences(server: Scripted) -> None:
    """Each is a segment, whose times begin at nought again."""
    name = ask(server)
    server.words(name, "One two. ")
    server.sound(name, HALF, **timing(("One", 0.0, 0.2), ("two.", 0.25, 0.5)))
    server.words(name, "Three four.")
    server.sound(name, HALF, **timing(("Three", 0.0, 0.2), ("four.", 0.25, 0.5)))
    server.wait_for_go()
    server.done(name)


WORDS = [
    Caption("One", 0.0, 0.2),
    Caption("two.", 0.25, 0.5),
    Caption("Three", 0.5, 0.7),
    Caption("four.", 0.75, 1.0),
]


class TestCaptions:
    def test_come_while_the_answer_is_made_and_again_afterwards(self) -> None:
        with Scripted(two_sentences) as server, server.client() as client:
            response = client.say("Count.")
            stream = response.captions()
            assert [next(stream), next(stream)] == WORDS[:2]
            assert not response.done
            server.go()
            assert list(stream) == WORDS[2:]
            assert list(response.captions()) == WORDS

    def test_of_timing_that_comes_behind_its_sound(self) -> None:
        def script(server: Scripted) -> None:
            name = ask(server)
            for _ in range(2):
                server.sound(name, HALF)
                server.sound(name, b"", **timing(("word", 0.1, 0.4)))
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            words = list(client.say("Go").captions())
        assert words == [Caption("word", 0.1, 0.4), Caption("word", 0.6, 0.9)]

    def test_lists_of_unequal_length_lose_only_what_has_no_time(self) -> None:
        def script(server: Scripted) -> None:
            name = ask(server)
            lists = {"words": ["a", "b", "c"], "word_start_time_seconds": [0.0, 0.2]}
            lists["word_end_time_seconds"] = [0.1, 0.3]
            server.sound(name, HALF, timestamp_info={"word_alignment": lists})
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            response = client.say("Go").wait()
            assert [word.text for word in response.captions()] == ["a", "b"]
            assert response.audio == HALF

    def test_tell_what_was_heard(self) -> None:
        with Scripted(two_sentences) as server, server.client() as client:
            response = client.say("Count.")
            server.go()
            response.wait()
            response._answer.cuts[0] = 720
            assert response.heard_text == "One two. Three"

    def test_are_saved(self, tmp_path: Path) -> None:
        with Scripted(two_sentences) as server, server.client() as client:
            server.go()
            response = client.say("Count.")
            response.save_captions(tmp_path / "a.vtt").save_captions(tmp_path / "a.SRT")
        assert (tmp_path / "a.vtt").read_text(encoding="utf-8").startswith("WEBVTT\n\n")
        assert "00:00:00,000 --> 00:00:01,000" in (tmp_path / "a.SRT").read_text(encoding="utf-8")

    def test_that_were_not_asked_for_are_missed_with_what_to_type(self, tmp_path: Path) -> None:
        with Scripted(lambda server: server.answer_say()) as server, server.client() as client:
            response = client.say("Go")
            assert list(response.captions()) == []
            with pytest.raises(ConfigError, match="timestamp_type"):
                response.save_captions(tmp_path / "a.vtt")
        assert list(tmp_path.iterdir()) == []

    def test_of_an_answer_that_went_on_after_a_tool(self) -> None:
        """Their times count from the start of all of its audio."""

        def script(server: Scripted) -> None:
            server.accept_settings()
            name = ask(server)
            server.sound(name, HALF, **timing(("Wait.", 0.0, 0.4)))
            item = {"id": "i", "type": "function_call", "name": "f", "call_id": "c"}
            server.done(name, output=[item])
            server.output()
            server.expect("response.create")
            name = server.begin()
            server.sound(name, HALF, **timing(("Done.", 0.1, 0.3)))
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            client.add_tool(lambda: 1, name="f", parameters={"type": "object", "properties": {}})
            words = list(client.say("Go").captions())
        assert words == [Caption("Wait.", 0.0, 0.4), Caption("Done.", 0.6, 0.8)]


class TestSteering:
    def test_is_not_shown_though_it_is_split_over_deltas(self) -> None:
        def script(server: Scripted) -> None:
            name = ask(server)
            for piece in ("[la", "ugh] That is ", "[speak sl", "owly]", " good [", "1] ", "[wh"):
                server.words(name, piece)
            server.wait_for_go()
            item = {"id": f"item_{name}", "type": "message", "role": "assistant"}
            text = "[laugh] That is [speak slowly] good [1] [wh"
            content = [{"type": "audio", "transcript": text}]
            server.done(name, output=[{**item, "content": content}])

        with Scripted(script) as server, server.client() as client:
            response = client.say("Go")
            stream = response.text_stream()
            assert next(stream) == "That is "
            server.go()
            shown = "That is " + "".join(stream)
            assert shown == response.text == "That is good [1] [wh"
            assert str(client.conversation) == "assistant: That is good [1] [wh"
            assert "[laugh]" in str(response.items[0])

    def test_is_gone_from_a_final_text_too(self) -> None:
        def script(server: Scripted) -> None:
            name = ask(server)
            server.send(
                "response.output_text.done", response_id=name, item_id="i", text="[sigh] Well."
            )
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            assert client.ask("Go") == "Well."
