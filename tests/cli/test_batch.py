"""``inworld-rt batch``: files in a folder, progress on standard error, and how to go on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.background import PATIENCE
from support.batches import server
from support.terminal import Terminal

from inworld_rt.batch import Progress
from inworld_rt.batch.store import RESULTS
from inworld_rt.cli import batch, run

ROOT = Path(__file__).parents[2]
on_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="terminals are others there")


@pytest.fixture(scope="module")
def quick():
    """A simulator, as the environment of a program that is to talk to it."""
    with server(pace=100) as simulator:
        yield {"INWORLD_REALTIME_URL": simulator.url, "INWORLD_API_KEY": simulator.api_key}


@pytest.fixture
def place(quick, tmp_path, monkeypatch):
    """A folder with a table of three rows."""
    for name, value in quick.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("id;text\na;Hello.\nb;Good morning.\nc;Good bye.\n")
    return tmp_path


def many(count):
    """A table of so many rows, ``in.jsonl``."""
    lines = (f'{{"text": "Line {number}"}}\n' for number in range(count))
    Path("in.jsonl").write_text("".join(lines))


def test_a_table_becomes_a_folder_of_answers(place, capsys):
    assert run(["batch", "in.csv", "out"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"3 done, 0 done before, 0 failed; \d+\.\d s of sound in \d+\.\d s\n", out)
    assert err.startswith("Connecting to 127.0.0.1:") and "\x1b" not in err
    names = {f"{name}.{kind}" for name in "abc" for kind in ("wav", "txt")}
    assert set(os.listdir("out")) == names | {RESULTS}
    assert run(["batch", "in.csv", "out"]) == 0
    assert capsys.readouterr().out.startswith("0 done, 3 done before")


def test_a_row_that_failed_is_in_a_table_and_in_the_exit_status(place, capsys):
    with open("in.csv", "a") as table:
        table.write("d;\ne;This is bad.\n")
    assert run(["batch", "in.csv", "out", "--retries", "0"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("3 done, 0 done before, 2 failed; ")
    assert err.splitlines()[-4:-1] == [
        "id  tries  why",
        "d       1  ConfigError: it has neither a text nor a wav; there is nothing to say",
        "e       1  ResponseFailed: the answer failed: The model failed while it was answering.",
    ]
    assert err.endswith("\nThe same command tries them again.\n")


def test_many_failures_are_cut_short(place, capsys):
    Path("in.jsonl").write_text('{"text": ""}\n' * 25)
    assert run(["batch", "in.jsonl", "out"]) == 1
    err = capsys.readouterr().err
    assert err.count("ConfigError") == 20
    assert f"… and 5 more: see {Path('out') / RESULTS}" in err


def test_json_is_a_line_for_each_row_that_ends(place, capsys):
    assert run(["batch", "--json", "in.csv", "out"]) == 0
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["id"]: row["text"] for row in rows} == {
        "a": "Hello.",
        "b": "Good morning.",
        "c": "Good bye.",
    }
    assert "3 done" in err
    assert sorted(out.splitlines()) == Path("out", RESULTS).read_text().splitlines()


def test_columns_that_go_unused_are_told(place, capsys):
    Path("in.csv").write_text("text,langauge\nHello.,en\n")
    assert run(["batch", "in.csv", "out"]) == 0
    assert capsys.readouterr().err.startswith("Not used: langauge.\n")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"name\nHello.\n", "in.csv: there is neither a column text nor a column wav"),
        ("text\nGröße\n".encode("latin-1"), "in.csv, line 2: this is not UTF-8"),
        (b"id,text\n../a,Hello.\n", "in.csv, line 2: the id '../a' names a file"),
        (b"id,text\na,b\nA,c\n", "in.csv, line 3: the id 'A' is taken already, by line 2"),
        (b"id,text\n", "in.csv: there are no rows"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(table, words, place, capsys):
    Path("in.csv").write_bytes(table)
    assert run(["batch", "in.csv", "out"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and f"error: {words}" in err.splitlines()[-1]
    assert not Path("out").exists()


def test_another_encoding(place):
    Path("in.csv").write_bytes("id,text\na,Größe\n".encode("latin-1"))
    assert run(["batch", "in.csv", "out", "--encoding", "latin-1"]) == 0
    assert Path("out", "a.txt").read_text("utf-8") == "Größe\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["in.csv"], "Missing argument"),
        (["in.csv", "out", "--workers", "0"], "--workers"),
        (["in.csv", "out", "--workers", "21"], "--sessions"),
        (["in.csv", "out", "--requests-per-second", "0"], "--requests-per-second"),
        (["in.csv", "out", "--simulator", "--scheduler", "tcp://127.0.0.1:1"], "--simulator"),
        (["in.csv", "in.csv"], "is a file"),
    ],
)
def test_wrong_use(words, said, place, capsys):
    assert run(["batch", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err


def test_a_table_that_is_not_there(place, capsys):
    assert run(["batch", "none.csv", "out"]) == 1
    assert capsys.readouterr() == ("", "error: none.csv: No such file or directory\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it has no such folder")
def test_a_folder_where_nothing_can_be_written(place, capsys):
    assert run(["batch", "in.csv", "/proc/sys"]) == 1
    assert f"error: /proc/sys/{RESULTS}: " in capsys.readouterr().err


def test_a_service_that_is_not_there_is_told_with_how_to_go_on(place, capsys):
    words = ["in.csv", "out", "--retries", "0", "--url", "ws://127.0.0.1:9"]
    assert run(["batch", *words]) == 1
    *_, note, error = capsys.readouterr().err.splitlines()
    assert note == "0 of 3 rows are done. The same command does the rest."
    assert error.startswith("error: 127.0.0.1:9 refused the connection")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break in another way there")
def test_a_closed_pipe_ends_it_and_leaves_nothing_half(place):
    """As in ``inworld-rt batch --json … | head -1``."""
    many(3000)
    command = [sys.executable, "-m", "inworld_rt", "batch", "--json", "in.jsonl", "out"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert json.loads(process.stdout.readline())["status"] == "done"
        process.stdout.close()
        assert process.wait(PATIENCE) == 1
        err = process.stderr.read()
    assert re.search(r"\n\d+ of 3000 rows are done\.", err) and "Traceback" not in err
    lines = Path("out", RESULTS).read_text().splitlines()
    assert len(os.listdir("out")) == 2 * len(lines) + 1


# --- how far it is -------------------------------------------------------------------------------


def test_what_is_told_first_is_what_matters():
    progress = Progress(rows=1000, skipped=100, done=195, failed=5, elapsed=100.0)
    assert batch.parts(progress) == ["300/1000", "5 failed", "5:50 left", "2.0 rows/s"]
    slow = Progress(rows=1000, done=1, elapsed=60.0)
    assert batch.parts(slow) == ["1/1000", "16:39:00 left", "1.0 rows/min"]
    assert batch.parts(Progress(rows=5)) == ["0/5"]
    assert batch.parts(Progress(rows=5, skipped=5)) == ["5/5", "0:00 left"]


@pytest.mark.parametrize("width", [100, 40, 20, 10, 3, 1])
@pytest.mark.parametrize("trouble", ["", "no connection: " + "x" * 200])
def test_the_bar_fits_the_terminal(width, trouble):
    rich = pytest.importorskip("rich.console")
    console = rich.Console(width=width, color_system=None)
    progress = Progress(rows=1000, done=300, failed=5, elapsed=100.0, trouble=trouble, running=4)
    lines = batch.picture(progress, console).plain.split("\n")
    assert all(len(line) <= width for line in lines)
    assert len(lines) == 1 + bool(trouble)
    assert ("305/1000" in lines[0]) == (width >= 20)
    assert ("left" in lines[0]) == (width > 40)


def test_without_a_terminal_there_are_lines_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(batch, "REPORT_EVERY", 0.0)
    with batch.find_screen(False) as screen:
        screen.draw(Progress(rows=4, done=1, elapsed=1.0, trouble="no connection\x1b[2J"))
        screen.draw(Progress(rows=4, done=1, elapsed=1.0, trouble="no connection\x1b[2J"))
    assert capsys.readouterr().err.splitlines() == [
        "Waiting: no connection[2J",
        "1/4, 0:03 left, 1.0 rows/s",
        "1/4, 0:03 left, 1.0 rows/s",
    ]


@on_a_terminal
@pytest.mark.slow
def test_a_terminal_shows_a_bar_and_keeps_only_the_summary(place):
    pytest.importorskip("rich")
    many(30)
    with Terminal("batch", "in.jsonl", "out", NO_COLOR="1", width=60) as terminal:
        status, _ = terminal.end()
        assert status == 0
        assert re.search(r"█ +·* *\d+/30|█.*30/30", terminal.text)
        assert "\x1b[3" not in terminal.raw.decode(), "a colour"
        assert "30 done, 0 done before" in terminal.text
        assert terminal.has_cursor and terminal.modes == terminal.before


@on_a_terminal
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_signal_ends_it_tells_how_to_go_on_and_leaves_nothing_half(place, number, expected):
    pytest.importorskip("rich")
    many(3000)
    with Terminal("batch", "in.jsonl", "out", "--workers", "1") as terminal:
        terminal.until("/3000  ")
        if number == signal.SIGTERM:
            terminal.send_signal(number)
        status, seconds = terminal.end("" if number == signal.SIGTERM else "\x03")
        assert status == expected and seconds < 3.0
        done = int(re.search(r"(\d+) of 3000 rows are done\.", terminal.text)[1])
        assert "error" not in terminal.text
        assert terminal.has_cursor and terminal.modes == terminal.before
    assert len(os.listdir("out")) == 2 * done + 1
    assert len(Path("out", RESULTS).read_text().splitlines()) == done
