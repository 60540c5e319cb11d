"""``inworld-rt token``: the token alone on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.httpdesk import HttpDesk, said

from inworld_rt import Client
from inworld_rt.cli import run
from inworld_rt.simulator import Simulator

KEY = "dGVzdGtleTp0ZXN0c2VjcmV0"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key=KEY) as server:
        yield server


@pytest.fixture
def teacher(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of the machine with the key."""
    monkeypatch.setenv("INWORLD_REALTIME_URL", simulator.url)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    return monkeypatch


@pytest.mark.parametrize("options", [[], ["--jwt"]])
def test_it_opens_a_session_in_the_keys_place(
    options: list[str],
    teacher: pytest.MonkeyPatch,
    simulator: Simulator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["token", *options]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""
    teacher.setenv("INWORLD_API_KEY", out.strip())
    with Client(instructions="Hello.") as client:
        assert client.session.instructions == "Hello."


def test_a_shell_takes_it_as_it_is(teacher: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inworld_rt", "token"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().count(".") == 2


def test_the_expiry_goes_elsewhere(
    teacher: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["token", "--expiry"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == err.count("\n") == 1
    assert err.startswith("valid until 2")
    assert err.endswith((" UTC, for 1 h 0 min\n", " UTC, for 59 min 59 s\n"))


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_a_terminal_is_told_the_expiry(teacher: pytest.MonkeyPatch) -> None:
    from support.terminal import Terminal

    with Terminal("token") as terminal:
        assert terminal.end()[0] == 0
        assert "valid until 2" in terminal.text


def test_json(teacher: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["token", "expirationTime", "seconds"]
    assert told["token"].count(".") == 2
    assert 3590 < told["seconds"] <= 3600
    assert told["expirationTime"].endswith("Z")


@pytest.mark.parametrize(
    ("variables", "options", "words"),
    [
        ({}, [], "no API key"),
        ({"INWORLD_API_KEY": "a.b.c"}, [], "an API key is needed"),
        ({"INWORLD_API_KEY": "bm8gY29sb24="}, [], "cannot sign a request"),
        ({}, ["--jwt"], "INWORLD_KEY and INWORLD_SECRET"),
    ],
)
def test_wrong_settings(
    variables: dict[str, str],
    options: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(["token", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


@pytest.mark.parametrize("status", [401, 500])
def test_a_refusal(
    status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    with HttpDesk(lambda asked: said({"message": KEY}, status)) as desk:
        monkeypatch.setenv("INWORLD_REALTIME_URL", desk.url)
        assert run(["token"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: the server refused the request for a session token")
    assert KEY not in err


def test_the_help_tells_about_the_classroom(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "the teacher's API key never sits on a pupil's machine" in words
