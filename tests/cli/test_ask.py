"""``inworld-rt ask``: the answer's words, and nothing but these, on standard output."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from inworld_rt.cli import run
from inworld_rt.simulator import Simulator, scripted


def test_words_of_the_command_line(place, capsys):
    assert run(["ask", "What", "is", "two", "plus", "two?"]) == 0
    out, err = capsys.readouterr()
    assert out == "2 plus 2 is 4.\n"
    assert err.startswith("Connecting to 127.0.0.1:") and err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["-"]])
def test_words_of_a_pipe(words, place, pipe, capsys):
    pipe("What is two plus two?\n")
    assert run(["ask", *words]) == 0
    assert capsys.readouterr().out == "2 plus 2 is 4.\n"


def test_json_is_one_line(place, capsys):
    assert run(["ask", "--json", "What is two plus two?"]) == 0
    out = capsys.readouterr().out
    told = json.loads(out)
    assert out.count("\n") == 1
    assert told["asked"] == "What is two plus two?" and told["text"] == "2 plus 2 is 4."
    assert (told["status"], told["reason"]) == ("completed", None)
    assert 0.0 <= told["latency"]["first_text"] <= told["latency"]["total"]
    assert told["usage"]["total_tokens"] > 0


def test_it_costs_no_sound(place, capsys):
    """The answer is asked for as text: that is quick and cheap."""
    assert run(["ask", "--json", "hello"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["usage"]["output_token_details"]["audio_tokens"] == 0
    assert told["latency"]["first_audio"] is None


def test_stats_go_to_standard_error(place, capsys):
    assert run(["ask", "--stats", "What is two plus two?"]) == 0
    out, err = capsys.readouterr()
    assert out == "2 plus 2 is 4.\n"
    rows = dict(re.split(" {2,}", line, maxsplit=1) for line in err.splitlines()[1:])
    assert rows["first word"].endswith(" s") and rows["complete"].endswith(" s")
    assert re.fullmatch(r"\d+ \(\d+ in, \d+ out\)", rows["tokens"])
    assert re.fullmatch(r"1 in \d+\.\d s", rows["answers of the session"])


def test_instructions_count(place, capsys):
    assert run(["ask", "--instructions", "Your name is Ada.", "What is your name?"]) == 0
    assert capsys.readouterr().out == "My name is Ada.\n"


@pytest.mark.parametrize("stdin", ["", "\n"])
def test_nothing_to_ask_connects_to_nothing(stdin, pipe, capsys):
    pipe(stdin)
    assert run(["ask", "-"]) == 2
    assert capsys.readouterr() == ("", "error: there is no text on standard input\n")


def test_no_word_commands_the_terminal_but_lines_stay(monkeypatch, capsys):
    with Simulator(replies=scripted(["One \x1b[2J\x07two\n\tthree \u202efour \u200d."])) as server:
        monkeypatch.setenv("INWORLD_REALTIME_URL", server.url)
        monkeypatch.setenv("INWORLD_API_KEY", server.api_key)
        assert run(["ask", "hello"]) == 0
    assert capsys.readouterr().out == "One [2Jtwo\n\tthree four \u200d.\n"


def test_a_connection_that_breaks_is_one_line_below_the_words(monkeypatch, capsys):
    quirks = {"drop_after_n_events": 12}
    with Simulator(quirks=quirks, replies=scripted(["one two three four five six"])) as server:
        monkeypatch.setenv("INWORLD_REALTIME_URL", server.url)
        monkeypatch.setenv("INWORLD_API_KEY", server.api_key)
        assert run(["ask", "hello"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("one ") and out.count("\n") == 1 and out.endswith("\n")
    assert err.splitlines()[1].startswith("error: ") and err.count("\n") == 2


def test_it_is_recorded_and_told_how_to_look_at_it(place, capsys):
    """In a command that can be typed, whatever the folder is called."""
    assert run(["ask", "What is two plus two?", "--record", "my talks"]) == 0
    assert capsys.readouterr().err.endswith(f'inworld-rt report "{place / "my talks"}"\n')
    assert (place / "my talks" / "transcript.txt").exists()
