"""``inworld-rt talk``: in a terminal on a virtual sound card, and in a pipe with recordings."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("rich", reason="drawing needs rich")
pytest.importorskip("websockets", reason="the simulator needs websockets")
if sys.platform == "win32":
    pytest.skip("terminals and signals are others there", allow_module_level=True)

from rich.console import Console
from support.background import PATIENCE
from support.service import KEY
from support.soundcard import Soundcard
from support.terminal import Terminal

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.audio.echo import MODES
from inworld_rt.cli import run, talk
from inworld_rt.cli.screen import View, cut_off
from inworld_rt.cli.scribe import Utterance
from inworld_rt.cli.terminal import bar, status
from inworld_rt.simulator import Simulator, scripted

QUESTION = Path(talk.__file__).with_name("question.wav")
ENDS_WITHIN = 2.0  # seconds

COUNT = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen."


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a recording that can be the microphone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    shutil.copy(QUESTION, "microphone.wav")
    return tmp_path


@pytest.fixture
def service(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulator that answers questions."""
    monkeypatch.setenv("INWORLD_REALTIME_URL", served)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that always counts, whatever it is asked."""
    with Simulator(replies=scripted([COUNT])) as server:
        monkeypatch.setenv("INWORLD_REALTIME_URL", server.url)
        monkeypatch.setenv("INWORLD_API_KEY", server.api_key)
        yield


def both_sides(folder: Path) -> list[bytes]:
    """The sound of the user and of the answers in a recording."""
    sound = wav.read(folder / "conversation.wav").pcm
    return [b"".join(sound[i : i + 2] for i in range(side, len(sound), 4)) for side in (0, 2)]


def is_speech(sound: bytes) -> bool:
    return pcm.level(sound) > -45.0


# --- in a terminal --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_conversation(soundcard: Soundcard, service: None, place: Path) -> None:
    """Both sides can be read while they speak; Ctrl-C leaves the terminal as it was."""
    with Terminal("talk") as terminal, soundcard.listen() as ear:
        terminal.until("Speak; m mutes, q ends.")
        assert not terminal.echoes
        assert not terminal.has_cursor
        soundcard.speak(wav.read(QUESTION).pcm)
        terminal.until("● speaking")
        answer = terminal.until("● idle", after="● speaking")
        assert re.search(r"^Sarah     \S.* \d\.\d\d s$", answer, re.M)  # words and latency
        assert re.search(r"^You       \S", terminal.text, re.M)
        assert "● listening" in terminal.text
        status, seconds = terminal.end("\x03")
        assert (status, seconds < ENDS_WITHIN) == (0, True)
        assert terminal.text.rstrip().splitlines()[-1].startswith("1 turn. ")
        assert terminal.has_cursor
        assert terminal.modes == terminal.before
        assert is_speech(ear.hear_out())


@pytest.mark.slow
def test_the_space_bar_is_the_button(soundcard: Soundcard, counting: None, place: Path) -> None:
    """It also cuts the answer off; what was not heard of it is told, and is no part of what was
    said."""
    begin, send = "The space bar begins your turn", "The space bar sends what you said"
    with Terminal("talk", "--ptt", "--record", "kept") as terminal:
        terminal.until(begin)
        terminal.type(" ")
        terminal.until(send)
        soundcard.speak(wav.read(QUESTION).pcm)
        terminal.type(" ")
        terminal.until("three", after=send)
        terminal.until("● speaking")
        terminal.type(" ")
        terminal.until("— [cut off: ")
        status, _ = terminal.end("q")
        assert status == 0
        assert terminal.modes == terminal.before
        assert f"inworld-rt report {place / 'kept'}" in terminal.text
    user, answer = (place / "kept" / "transcript.txt").read_text(encoding="utf-8").splitlines()
    assert re.match(r"\d\d:\d\d\.\d  You ", user)
    assert "twelve" not in answer.partition("heard:")[2]
    assert all(map(is_speech, both_sides(place / "kept")))


def test_m_mutes(service: None, place: Path) -> None:
    with Terminal("talk", INWORLD_RT_AUDIO="null") as terminal:
        terminal.until("Speak; m mutes, q ends.")
        terminal.type("m")
        terminal.until("You are muted; m unmutes, q ends.")
        assert "● muted" in terminal.text
        terminal.type("\x1b[A?m")  # an arrow and others mean nothing
        terminal.until("Speak; m mutes", after="You are muted")
        assert terminal.end("q")[0] == 0


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_terminal_of_few_means(variables: dict[str, str], service: None, place: Path) -> None:
    with Terminal("talk", INWORLD_RT_AUDIO="null", **variables) as terminal:
        terminal.until("ends.")
        assert terminal.end("\x03")[0] == 0
        assert terminal.modes == terminal.before
        assert b"\x1b[32m" not in terminal.raw
        assert b"\x1b[36m" not in terminal.raw
        assert (b"\x1b[?25l" in terminal.raw) == ("NO_COLOR" in variables)


def test_ctrl_c_ends_it_while_it_connects(place: Path) -> None:
    with Terminal("talk") as terminal:
        terminal.until("Starting the simulator")
        status, seconds = terminal.end("\x03")
        assert (status, seconds < ENDS_WITHIN) == (130, True)
        assert "Traceback" not in terminal.text
        assert terminal.modes == terminal.before


@pytest.mark.slow
def test_ctrl_c_ends_it_although_the_service_is_stuck(place: Path) -> None:
    command = [sys.executable, "-m", "inworld_rt", "simulate"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        where = {"INWORLD_REALTIME_URL": server.stdout.readline().strip(), "INWORLD_API_KEY": KEY}
        try:
            with Terminal("talk", INWORLD_RT_AUDIO="wav", **where) as terminal:
                terminal.until("● speaking")
                server.send_signal(signal.SIGSTOP)
                status, seconds = terminal.end("\x03")
                assert (status, seconds < ENDS_WITHIN) == (0, True)
                assert terminal.modes == terminal.before
        finally:
            server.kill()


@pytest.mark.slow
def test_the_end_of_the_service_ends_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said until then stays on the screen, and in the file."""
    with Simulator(scenes="hang_up_mid_answer") as server:
        where = {"INWORLD_REALTIME_URL": server.url, "INWORLD_API_KEY": server.api_key}
        with Terminal("talk", "--record", "kept", INWORLD_RT_AUDIO="wav", **where) as terminal:
            assert terminal.end()[0] == 1
            assert terminal.modes == terminal.before
            assert terminal.has_cursor
            assert terminal.text.rstrip().splitlines()[-1].startswith("error: ")
            assert re.search(r"^You       \S", terminal.text, re.M)
    assert "  You " in (place / "kept" / "transcript.txt").read_text()


@pytest.mark.slow
def test_a_device_that_goes_and_comes_back_is_told(
    soundcard: Soundcard, service: None, place: Path
) -> None:
    with Terminal("talk") as terminal:
        terminal.until("Speak; m mutes, q ends.")
        soundcard.control("suspend-sink", "speaker", "1")
        try:
            terminal.until("The loudspeaker 'default' is away; waiting for it.")
        finally:
            soundcard.control("suspend-sink", "speaker", "0")
        terminal.until("The loudspeaker 'default' is back.")
        assert terminal.end("\x03")[0] == 0


# --- in a pipe ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_recording_is_talked_with(
    service: None, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It ends by itself, and leaves both sides and what was said."""
    monkeypatch.setenv("INWORLD_RT_AUDIO", "wav")
    assert run(["talk", "--record", "kept", "--voice", "Clive"]) == 0
    out, err = capfd.readouterr()
    assert err.splitlines()[1:] == [f"Kept; to look at it: inworld-rt report {place / 'kept'}"]
    assert "\x1b" not in out + err
    lines = out.splitlines()
    said = [line for line in lines if line.startswith(("You: ", "Clive: "))]
    assert [line.partition(":")[0] for line in said] == ["You", "Clive"]
    assert said[1].endswith(" s)")
    assert "Microphone: microphone.wav." in lines
    assert lines[-1].startswith("1 turn. ")

    written = (place / "kept" / "transcript.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split()[1] for line in written] == ["You", "Clive"]
    assert all(map(is_speech, both_sides(place / "kept")))


@pytest.mark.slow
def test_no_word_is_a_command_to_the_terminal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "Red [on=red]is\x1b[2J \x07the[/red] colour \u202eof :rose:."
    with Simulator(replies=scripted([words])) as server:
        where = {"INWORLD_REALTIME_URL": server.url, "INWORLD_API_KEY": server.api_key}
        with Terminal("talk", INWORLD_RT_AUDIO="wav", **where) as terminal:
            assert terminal.end()[0] == 0
            assert "Sarah     Red [on=red]is[2J the[/red] colour of :rose:." in terminal.text
            assert b"\x1b[2J" not in terminal.raw
            assert b"\x07" not in terminal.raw


@pytest.mark.slow
def test_a_dead_microphone_is_told_once(service: None, place: Path) -> None:
    """And Ctrl-C is the normal way out of a pipe as well."""
    with subprocess.Popen(
        [sys.executable, "-m", "inworld_rt", "talk"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "INWORLD_RT_AUDIO": "null"},
    ) as process:
        assert process.stdout is not None
        while "pure silence" not in (line := process.stdout.readline()):
            assert line
        assert "inworld-rt devices --levels" in line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert err.count("\n") == 1  # where it connects to
    assert "pure silence" not in out
    assert out.startswith("0 turns. ")


def test_the_space_bar_wants_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["talk", "--ptt"]) == 2
    assert "--ptt: the space bar cannot be read" in capsys.readouterr().err


def test_no_device(
    bare_sound: pytest.MonkeyPatch, service: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["talk"]) == 1
    err = capfd.readouterr().err
    assert err.splitlines()[1].startswith("error: there is no device to ")
    assert err.count("\n") == 2


@pytest.mark.parametrize("option", ["--mic", "--speaker"])
@pytest.mark.parametrize("device", ["nope", "99"])
def test_an_unknown_device(
    option: str, device: str, soundcard: Soundcard, service: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["talk", option, device]) == 1
    assert device in capfd.readouterr().err


def test_the_key_is_passed_over_for_the_simulator(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INWORLD_API_KEY", "not a key")
    assert run(["talk", "--simulator", "--voice", "Nobody"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    said, error = captured.err.splitlines()
    assert said.startswith("Starting the simulator") and error.startswith("error: ")


# --- parts ----------------------------------------------------------------------------------------


def test_the_ways_against_echo_are_all_there() -> None:
    assert set(talk.ECHO) == set(MODES)


@pytest.mark.parametrize("width", [12, 20, 38, 49, 50, 72, 80, 200])
@pytest.mark.parametrize("latency", [None, 12.345])
def test_the_line_fits(width: int, latency: float | None) -> None:
    console = Console(width=width, force_terminal=True)
    line = status(View("listening", 0.5, 1.0, latency, "cancel (webrtc)"), console)
    assert line.cell_len <= width
    assert "\n" not in line.plain
    assert line.plain.startswith("● listening"[:width])


@pytest.mark.parametrize(
    ("level", "shown"),
    [(0.0, "····"), (0.5, "██··"), (0.6, "██▍·"), (1.0, "████"), (7.0, "████"), (-1.0, "····")],
)
def test_meters(level: float, shown: str) -> None:
    assert bar(level, 4, Console()) == shown


def test_what_was_cut_off_is_told_briefly() -> None:
    assert cut_off(Utterance("It", words="All of it.")) == ""
    assert cut_off(Utterance("It", unheard="and more.")) == "— [cut off: and more.]"
    assert len(cut_off(Utterance("It", unheard="word " * 100))) < 80
