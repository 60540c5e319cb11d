"""What an answer took and cost, as rows."""

from __future__ import annotations

import re

import pytest

from inworld_rt.link import Stats
from inworld_rt.outcome import Usage
from inworld_rt.summary import rows
from tests.support.background import PATIENCE
from tests.support.scripted import SLICE, Scripted

USAGE = {"total_tokens": 42, "input_tokens": 30, "output_tokens": 12}


def script(server: Scripted) -> None:
    server.asked()
    name = server.begin()
    server.words(name, "Hi")
    server.sound(name, SLICE)
    server.done(name, usage=USAGE)


def test_of_an_answer_and_its_session() -> None:
    with Scripted(script) as server, server.client() as client:
        answer = client.say("Go").wait(PATIENCE)
        found = rows(answer, client.stats)
    seconds = r"\d+\.\d\d s"
    expected = {
        "first word": seconds,
        "first sound received": seconds,
        "complete": seconds,
        "tokens": re.escape("42 (30 in, 12 out)"),
        "answers of the session": r"1 in \d+\.\d s",
        "sound sent": re.escape("0.0 s"),
        "sound received": r"0\.[01] s",
        "tokens of the session": re.escape("42 (30 in, 12 out)"),
    }
    assert [words for words, _ in found] == list(expected)
    for words, value in found:
        assert re.fullmatch(expected[words], value), words


def test_of_an_answer_alone_and_before_it_begins() -> None:
    with Scripted(lambda s: s.asked()) as server, server.client() as client:
        assert rows(client.say("Go")) == []


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (Usage(total_tokens=42), "42"),
        (Usage(input_tokens=30, output_tokens=12), "42 (30 in, 12 out)"),
        (Usage(total_tokens=42, output_tokens=12), "42 (12 out)"),
        (Usage(total_tokens=0), "0"),
        (Usage(), None),
    ],
)
def test_tokens_as_far_as_the_server_tells_them(usage: Usage, words: str | None) -> None:
    with Scripted(lambda s: s.asked()) as server, server.client() as client:
        found = dict(rows(client.say("Go"), Stats(usage=usage)))
    assert found.get("tokens of the session") == words
