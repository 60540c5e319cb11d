"""``inworld-rt chat``: a conversation by keyboard, and by pipe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from inworld_rt.cli import run
from inworld_rt.simulator import Simulator, scripted

SUM, RESULT = "What is two plus two?", "2 plus 2 is 4."

on_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="terminals are others there")


@pytest.fixture
def chat(pipe, capsys):
    """Types lines; gives the exit status and both outputs, each in lines."""

    def type(*lines, options=()):
        pipe("".join(f"{line}\n" for line in lines))
        status = run(["chat", *options])
        out, err = capsys.readouterr()
        return status, out.splitlines(), err.splitlines()[1:]

    return type


def test_a_pipe_gets_nothing_but_the_answers(place, chat):
    status, out, err = chat(SUM, "", "What is two plus three?")
    assert (status, out, err) == (0, [RESULT, "2 plus 3 is 5."], [])


def test_it_is_one_conversation(place, chat):
    assert chat("My name is Anna.", "What is my name?")[1][-1] == "Your name is Anna."


def test_a_last_line_without_an_end(place, pipe, capsys):
    pipe(SUM)
    assert run(["chat"]) == 0
    assert capsys.readouterr().out == f"{RESULT}\n"


def test_bytes_that_are_no_text_end_nothing(place, pipe, capsys):
    pipe(b"\xff\n" + SUM.encode())
    assert run(["chat"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == RESULT


def test_a_failed_answer_does_not_end_it_but_counts(place, chat):
    too_long = "x" * 2_500_001
    status, out, err = chat(too_long, SUM)
    assert (status, out) == (1, [RESULT])
    assert err[0].startswith("error: text: ") and too_long not in err[0]


# --- commands ------------------------------------------------------------------------------------


def test_help_lists_all_commands(place, chat):
    from inworld_rt.cli.chat import COMMANDS

    status, out, err = chat("/help")
    assert (status, out) == (0, [])
    assert [line.split()[0] for line in err] == list(COMMANDS)


def test_quit(place, chat):
    assert chat("/quit", SUM)[1] == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/voise", "There is no /voise. Did you mean /voice?"),
        ("/zzz", "There is no /zzz. /help lists what there is; // begins a message with a /."),
        ("/undo", "There is nothing to take back."),
        ("/save", "Into which file? /save chat.txt"),
        ("/voice", "The voice is Sarah; inworld-rt voices lists others."),
        ("/voice Clive", "The voice is Clive; inworld-rt voices lists others."),
        ("/tools", "The model may use: clock, dice."),
    ],
)
def test_what_commands_tell(typed, told, place, chat):
    assert chat(typed) == (0, [], [told])


def test_a_message_may_begin_with_a_stroke(place, chat):
    assert chat("//etc is a folder")[1] == ["I heard you say: /etc is a folder."]


def test_an_unknown_voice_is_told_and_the_old_one_stays(place, chat):
    status, _, err = chat("/voice Nobody", "/voice")
    assert status == 1 and err[0].startswith("error: ") and "is Sarah" in err[1]


def test_undo_takes_back_the_question_and_the_answer(place, chat):
    _, out, err = chat("My name is Anna.", "My name is Berta.", "/undo", "What is my name?")
    assert err == ["Taken back: My name is Berta."]
    assert out[-1] == "Your name is Anna."


def test_save_keeps_both_sides_and_replaces_nothing(place, chat):
    _, _, err = chat(SUM, "/save chat.txt", "/save chat.txt", "/save none/chat.txt")
    assert err[0] == "Kept in chat.txt."
    assert err[1].startswith("error: chat.txt: ") and err[2].startswith("error: none/chat.txt: ")
    assert Path("chat.txt").read_text() == f"user: {SUM}\nassistant: {RESULT}\n"


def test_stats(place, chat):
    _, _, err = chat("/stats", SUM, "/stats")
    assert err[0].startswith("first word ") and err[-1].startswith("tokens of the session ")


# --- tools and memory ----------------------------------------------------------------------------


def test_the_clock(place, chat):
    _, out, err = chat("Please call clock.")
    assert len(out) == 1 and err == ["(used: clock)"]


def test_functions_of_a_file(place, chat):
    pytest.importorskip("msgspec")
    pytest.importorskip("docstring_parser")
    Path("mine.py").write_text(
        "def weather(city: str) -> str:\n"
        "    '''Tell the weather in a city.'''\n"
        "    return f'It rains in {city}.'\n"
        "TOOLS = [weather]\n"
    )
    options = ("--tools", "mine.py", "--no-tools", "--web-search")
    _, out, err = chat("/tools", "What is the weather in Oslo?", options=options)
    assert err == ["The model may use: weather, web_search.", "(used: weather)"]
    assert "It rains in Oslo." in out[0]


def test_where_the_plan_has_no_tools_it_goes_on_without(chat, monkeypatch):
    """Such accounts are known to fail with every answer; nobody asked for the tools."""
    with Simulator(quirks={"tools_plan_denied": True}) as server:
        monkeypatch.setenv("INWORLD_REALTIME_URL", server.url)
        monkeypatch.setenv("INWORLD_API_KEY", server.api_key)
        status, out, err = chat(SUM, SUM, "/tools")
    assert (status, out[-2:]) == (0, [RESULT, RESULT])
    assert err == [
        "Once more, without tools, which this account may lack.",
        "The model may use: nothing.",
    ]


def test_what_was_asked_for_is_not_taken_away(chat, monkeypatch):
    with Simulator(quirks={"tools_plan_denied": True}) as server:
        monkeypatch.setenv("INWORLD_REALTIME_URL", server.url)
        monkeypatch.setenv("INWORLD_API_KEY", server.api_key)
        status, _, err = chat(SUM, options=["--web-search"])
    assert status == 1 and err[0].startswith("error: the answer failed")


def test_a_file_that_is_none_connects_to_nothing(pipe, capsys):
    pipe(SUM)
    assert run(["chat", "--tools", "none.py"]) == 1
    assert capsys.readouterr() == ("", "error: none.py: No such file or directory\n")


def test_memory(place, chat):
    Path("anna.json").write_text('{"facts": ["The user is called Anna."], "summary": ""}')
    _, out, _ = chat("What do you know about me?", options=["--memory", "anna.json"])
    assert "Anna" in out[0]


# --- aloud ---------------------------------------------------------------------------------------


def test_aloud(place, chat, monkeypatch):
    monkeypatch.setenv("INWORLD_RT_AUDIO", "wav")
    status, out, _ = chat("Repeat after me: yes.", options=["--speak", "--speaker", "out.wav"])
    assert (status, out) == (0, ["Yes."])
    assert Path("out.wav").stat().st_size > 10_000


def test_without_a_loudspeaker_there_is_no_speaking(monkeypatch, capsys):
    monkeypatch.setattr("inworld_rt.cli.sound.why_silent", lambda: "there is no loudspeaker here")
    assert run(["chat", "--speak"]) == 1
    assert capsys.readouterr().err == "error: --speak: there is no loudspeaker here\n"


def test_a_loudspeaker_that_is_not_there_silences_it_only(place, chat, monkeypatch):
    monkeypatch.setenv("INWORLD_RT_AUDIO", "wav")
    options = ["--speak", "--speaker", "none/out.wav"]
    status, out, err = chat(SUM, SUM, options=options)
    assert (status, out) == (1, [RESULT, RESULT])
    assert len(err) == 1 and "none/out.wav" in err[0]


# --- ends ----------------------------------------------------------------------------------------


def test_a_connection_that_breaks_ends_it(chat, monkeypatch):
    with Simulator(quirks={"drop_after_n_events": 12}) as server:
        monkeypatch.setenv("INWORLD_REALTIME_URL", server.url)
        monkeypatch.setenv("INWORLD_API_KEY", server.api_key)
        status, _, err = chat("Tell me a story.", SUM)
    assert status == 1 and len(err) == 1 and err[0].startswith("error: ")


@on_a_terminal
def test_a_reader_that_goes_away_ends_it(place):
    """Although more is to come in."""
    with subprocess.Popen(
        [sys.executable, "-m", "inworld_rt", "chat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        process.stdin.write(f"{SUM}\n{SUM}\n".encode())
        process.stdin.flush()
        err = process.stderr.read().decode()
        assert process.wait(timeout=50) == 1
        assert err.startswith("Connecting to ") and err.count("\n") == 1


@on_a_terminal
@pytest.mark.slow
def test_in_a_terminal(place, home):
    """Ctrl-C stops an answer, Ctrl-D ends; what was typed comes back, also in the next chat."""
    pytest.importorskip("prompt_toolkit")
    from support.terminal import Terminal

    environment = {"PROMPT_TOOLKIT_NO_CPR": "1", "INWORLD_RT_AUDIO": "null"}
    story = Simulator(replies=scripted(["One, two, three, four, five, six, seven, eight."]))
    with story as server:
        environment |= {"INWORLD_REALTIME_URL": server.url, "INWORLD_API_KEY": server.api_key}
        with Terminal("chat", "--speak", **environment) as terminal:
            terminal.until("You:")
            terminal.type("count\r")
            terminal.until("Sarah: One")
            terminal.type("\x03")
            terminal.until("(stopped)")
            terminal.until("You:", after="(stopped)")
            terminal.type("\x1b[A")  # the arrow upwards
            terminal.until("count", after="(stopped)")
            terminal.type("zzz\x03")  # which throws the line away
            terminal.until("zzz", after="(stopped)")
            terminal.until("You:", after="zzz")
            terminal.type("/voice Clive\r")
            terminal.until("The voice is Clive")
            terminal.until("You:", after="The voice is Clive")
            assert terminal.end("\x04")[0] == 0
            assert terminal.modes == terminal.before and terminal.has_cursor
        history = home / "chat_history"
        assert history.stat().st_mode & 0o077 == 0
        with Terminal("chat", width=20, NO_COLOR="1", **environment) as terminal:
            terminal.until("You:")
            terminal.type("\x1b[A")
            terminal.until("/voice Clive")
            terminal.type("\x15/quit\r")
            assert terminal.end()[0] == 0
            assert b"\x1b[1m" not in terminal.raw


@on_a_terminal
@pytest.mark.slow
def test_a_terminal_that_can_do_nothing(place):
    from support.terminal import Terminal

    with Terminal("chat", TERM="dumb") as terminal:
        terminal.until("You: ")
        terminal.type(f"{SUM}\r")
        terminal.until(RESULT)
        terminal.until("You: ", after=RESULT)
        assert terminal.end("\x04")[0] == 0
