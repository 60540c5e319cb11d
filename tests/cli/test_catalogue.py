"""``inworld-rt voices`` and ``inworld-rt models``: for people, and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.httpdesk import HttpDesk, said

from inworld_rt.cli import run
from inworld_rt.simulator import Simulator

KEY = "dGVzdGtleTp0ZXN0c2VjcmV0"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key=KEY) as server:
        yield server


@pytest.fixture
def at_home(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with a key."""
    monkeypatch.setenv("INWORLD_REALTIME_URL", simulator.url)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)


def rows(text: str) -> dict[str, list[str]]:
    """Columns by the first of them."""
    return {columns[0]: columns for columns in (line.split("\t") for line in text.splitlines())}


def test_a_pipe_gets_a_table_for_programs(
    at_home: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line each, with tabs between; what else is said goes to standard error."""
    assert run(["voices"]) == 0
    out, err = capsys.readouterr()
    found = rows(out)
    assert found["voice"] == ["voice", "name", "language", "gender", "source", "description"]
    assert found["Clive"] == ["Clive", "Clive", "EN_US", "male", "SYSTEM", "A calm male voice"]
    assert "\x1b" not in out
    assert err.startswith("Connecting to 127.0.0.1:")


def test_only_those_of_a_language(at_home: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["voices", "--language", "en-gb"]) == 0
    found = rows(capsys.readouterr().out)
    assert {columns[2] for columns in found.values()} == {"language", "EN_GB"}
    assert len(found) > 1


def test_a_language_that_no_voice_speaks(at_home: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["voices", "--language", "english"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "No voice speaks 'english'; there are: EN_GB, EN_US" in err


def test_the_voices_as_json(at_home: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["voices", "--json"]) == 0
    found = {voice["voice_id"]: voice for voice in json.loads(capsys.readouterr().out)}
    assert found["Clive"]["language"] == "EN_US"
    assert len(found["Clive"]) == 7


@pytest.mark.parametrize(("options", "unsupported"), [([], 0), (["--all"], 1)])
def test_models(
    options: list[str], unsupported: int, at_home: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", *options]) == 0
    found = rows(capsys.readouterr().out)
    assert found.pop("model") == ["model", "made by", "supported"]
    assert found["openai/gpt-4.1-nano"] == ["openai/gpt-4.1-nano", "openai", "yes"]
    assert [columns[2] for columns in found.values()].count("no") == unsupported


def test_the_models_as_json(at_home: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    found = {model["id"]: model for model in json.loads(capsys.readouterr().out)}
    assert found["openai/gpt-4.1-nano"] == {
        "id": "openai/gpt-4.1-nano",
        "provider": "openai",
        "creator": "openai",
        "supported": True,
    }


@pytest.mark.parametrize("command", ["voices", "models"])
def test_the_simulator_needs_no_key(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--simulator"]) == 0
    out, err = capsys.readouterr()
    assert "Starting the simulator" in err
    assert out.count("\n") > 5


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
@pytest.mark.parametrize("width", [20, 40, 100])
def test_a_terminal_gets_a_table_for_people(width: int, at_home: None) -> None:
    """Cut nowhere, however narrow."""
    from support.terminal import Terminal

    with Terminal("models", width=width) as terminal:
        assert terminal.end()[0] == 0
        assert "\t" not in terminal.text
        lines = terminal.text.splitlines()
        assert max(map(len, lines[1:])) <= width  # below the note, which no table holds
        assert "openai/gpt-4.1-nano" in "".join("".join(lines).split())


@pytest.mark.parametrize("command", ["voices", "models"])
def test_a_server_cannot_command_the_terminal(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"voiceId": "a\x1b[2J\tb\n", "model": "a\x1b[2J\tb\n"}
    with HttpDesk(lambda asked: said({"voices": [entry], "models": [entry]})) as desk:
        monkeypatch.setenv("INWORLD_REALTIME_URL", desk.url)
        monkeypatch.setenv("INWORLD_API_KEY", KEY)
        assert run([command]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split("\t")[0] == "a[2Jb"


@pytest.mark.parametrize("command", ["voices", "models"])
@pytest.mark.parametrize("status", [401, 500])
def test_a_refusal_is_one_line(
    command: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with HttpDesk(lambda asked: said({}, status)) as desk:
        monkeypatch.setenv("INWORLD_REALTIME_URL", desk.url)
        monkeypatch.setenv("INWORLD_API_KEY", KEY)
        assert run([command]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    refused = f"error: the server refused the request for the {command} with HTTP {status}"
    assert err.splitlines()[-1].startswith(refused)
