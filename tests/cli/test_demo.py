"""``inworld-rt demo``: what it prints is what happened, whatever the machine lacks."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.cli import demo, run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_shows_both_sides_the_latency_and_the_files(place, capsys):
    assert run(["demo", "--no-play"]) == 0

    out = capsys.readouterr().out
    assert demo.TEXT in out
    assert "heard as: “" in out
    assert len(re.findall(r"^It answers  \S.+$", out, re.M)) == 2
    assert len(re.findall(r"first audio after \d+\.\d\d s; \d+\.\d s long: demo", out)) == 2
    assert out.endswith("The files are for you. Not played: --no-play was given\n")
    for name in ("answer-to-text.wav", "answer-to-speech.wav"):
        answer = wav.read(place / "demo" / name)
        assert answer.seconds > 0.5
        assert pcm.level(answer.pcm) > -40.0  # dBFS; it is no silence


def test_it_talks_to_the_service_that_the_environment_names(place, capsys, monkeypatch, service):
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    assert run(["demo", "--no-play"]) == 0
    out, err = capsys.readouterr()
    assert "Connecting to 127.0.0.1:" in err
    assert "--no-play" in out


def test_a_wrong_key_is_one_line(place, capsys, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", "not a key")
    assert run(["demo", "--no-play"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_address_without_a_key_is_not_passed_over_in_silence(place, capsys, monkeypatch):
    monkeypatch.setenv("INWORLD_REALTIME_URL", "ws://127.0.0.1:9/")
    assert run(["demo", "--no-play"]) == 0
    assert "INWORLD_REALTIME_URL goes unused" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(place, capsys):
    Path("file").touch()
    assert run(["demo", "--out", "file/answers"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: file")
    assert err.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_no_word_cut_in_two(monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    column = demo._Column("You")
    for piece in ("Spok", "en words wrap", "ped here", "."):
        column.write(piece)
    column.end()
    text = re.sub(r"\x1b\[\d+m", "", terminal.getvalue())
    assert text.splitlines() == [
        "You         Spoken words",
        "            wrapped",
        "            here.",
    ]


def test_where_there_is_no_room_beside_a_label_it_stands_above(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    column = demo._Column("You")
    column.write("Spoken words wrapped here.")
    column.end()
    text = re.sub(r"\x1b\[\d+m", "", terminal.getvalue())
    assert text.splitlines() == ["You", "Spoken words wrapped", "here."]
