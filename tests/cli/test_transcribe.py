"""``inworld-rt transcribe``: the text, and nothing but the text, on standard output."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.service import KEY
from support.terminal import Terminal

from inworld_rt.audio import wav
from inworld_rt.cli import run, transcribe
from inworld_rt.outcome import ErrorDetails
from inworld_rt.transcription import Transcript, Utterance

QUESTION = Path(transcribe.__file__).with_name("question.wav")
SAID = re.compile(r"What time is it\?|\(speech, \d\.\d s\)")  # where nobody can read it, how long

on_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="terminals are others there")


@pytest.fixture
def place(served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recordings, and a simulator in the environment."""
    monkeypatch.setenv("INWORLD_REALTIME_URL", served)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    shutil.copy(QUESTION, "question.wav")
    wav.write("silence.wav", bytes(24000), 24000)
    return tmp_path


def test_prints_the_text(place, capsys):
    assert run(["transcribe", "question.wav"]) == 0
    out, err = capsys.readouterr()
    assert SAID.fullmatch(out.removesuffix("\n"))
    assert err.startswith("Connecting to 127.0.0.1:") and "\x1b" not in err


def test_several_files_have_headings_and_one_that_fails_stops_no_other(place, capsys):
    Path("text.wav").write_text("Good morning, this is text.")
    files = ["question.wav", "none.wav", "text.wav", "question.wav"]
    assert run(["transcribe", *files]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0::3] == ["==> question.wav <=="] * 2 and lines[2] == ""
    assert all(SAID.fullmatch(line) for line in lines[1::3])
    problems = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(problems) == 2
    assert "none.wav: No such file" in problems[0] and "text.wav" in problems[1]


def test_json_is_a_line_for_each_file_with_times(place, capsys):
    assert run(["transcribe", "--json", "question.wav", "silence.wav"]) == 0
    question, silence = map(json.loads, capsys.readouterr().out.splitlines())
    (said,) = question["utterances"]
    assert question["file"] == "question.wav" and question["text"] == said["text"]
    assert 0.0 <= said["start"] < said["end"] <= wav.read(QUESTION).seconds
    assert silence == {"file": "silence.wav", "text": "", "utterances": []}


def test_subtitles(place, capsys):
    assert run(["transcribe", "--srt", "question.wav"]) == 0
    number, times, text, *rest = capsys.readouterr().out.split("\n")
    assert number == "1" and SAID.fullmatch(text) and rest == [""]
    assert re.fullmatch(r"00:00:00,\d{3} --> 00:00:01,\d{3}", times)


def test_reads_standard_input(place):
    command = [sys.executable, "-m", "inworld_rt", "transcribe", "-"]
    with open("question.wav", "rb") as recording:
        done = subprocess.run(command, stdin=recording, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0 and SAID.fullmatch(done.stdout.strip())


def test_what_is_no_wav_file_on_standard_input_is_not_taken_for_samples(place, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"ID3 and so on")))
    assert run(["transcribe", "-"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "error: standard input: " in err and "MP3" in err


def test_silence_is_no_failure(place, capsys):
    assert run(["transcribe", "silence.wav"]) == 0
    out, err = capsys.readouterr()
    assert out == "\n" and "silence.wav: nobody speaks in it" in err


@pytest.mark.parametrize(
    "words", [[], ["--srt", "a.wav", "b.wav"], ["--srt", "--json", "a.wav"], ["--language"]]
)
def test_wrong_use(words, capsys):
    assert run(["transcribe", *words]) == 2
    assert capsys.readouterr().out == ""


def test_a_file_that_is_not_there_starts_nothing(place, capsys):
    assert run(["transcribe", "none.wav"]) == 1
    assert capsys.readouterr() == ("", "error: none.wav: No such file or directory\n")


def test_an_unknown_recogniser_is_one_line(place, capsys):
    assert run(["transcribe", "--model", "no/such", "question.wav"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "transcription.model" in err.splitlines()[1]


def test_the_language_is_told(place, capsys):
    """The simulator reads English only, and says of others how long somebody spoke."""
    assert run(["transcribe", "--language", "de", "question.wav"]) == 0
    assert re.fullmatch(r"\(speech, \d\.\d s\)\n", capsys.readouterr().out)


def test_what_could_not_be_read_is_a_failure(capsys):
    lost = Utterance("", 61.5, 63.0, error=ErrorDetails(code="unintelligible"))
    transcript = Transcript([Utterance("Hello.", 0.0, 1.0), lost])
    assert not transcribe._all_read("a.wav", transcript)
    assert capsys.readouterr().err.startswith("error: a.wav: 1 utterance(s) could not be read")
    told = json.loads(transcribe._json("a.wav", transcript))["utterances"]
    assert [one.get("error") for one in told] == [None, "unintelligible"]
    assert transcribe._subtitles(transcript).count("-->") == 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "00:00:00,000"), (59.9996, "00:01:00,000"), (3723.45, "01:02:03,450")],
)
def test_clock(seconds, shown):
    assert transcribe._clock(seconds) == shown


@on_a_terminal
@pytest.mark.slow
def test_a_terminal_shows_how_far_it_is_and_keeps_only_the_text(place):
    pytest.importorskip("rich")
    with Terminal("transcribe", "question.wav", "question.wav") as terminal:
        status, _ = terminal.end()
        assert status == 0
        assert "question.wav" in terminal.text and "100%" in terminal.text
        assert len(SAID.findall(terminal.text)) >= 2
        assert terminal.has_cursor and terminal.modes == terminal.before


@on_a_terminal
@pytest.mark.slow
def test_ctrl_c_leaves_the_terminal_clean(place):
    pytest.importorskip("rich")
    question = wav.read("question.wav")
    wav.write("long.wav", question.pcm * 30, question.rate)
    with Terminal("transcribe", "--realtime", "long.wav") as terminal:
        terminal.until("  2%")
        status, seconds = terminal.end("\x03")
        assert status == 130 and seconds < 2.0
        assert "error" not in terminal.text
        assert terminal.has_cursor and terminal.modes == terminal.before


@on_a_terminal
@pytest.mark.slow
def test_a_plain_terminal_is_not_drawn_on(place):
    with Terminal("transcribe", "question.wav", TERM="dumb") as terminal:
        assert terminal.end()[0] == 0
        assert "%" not in terminal.text and "\x1b[?25l" not in terminal.raw.decode()
