"""``inworld-rt replay``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inworld_rt import Client
from inworld_rt.cli import run
from inworld_rt.errors import AuthError, ServerError
from inworld_rt.simulator import Simulator, scripted

pytest.importorskip("websockets", reason="the simulator needs websockets")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded question."""
    place = tmp_path_factory.mktemp("recordings") / "monday"
    with (
        Simulator(replies=scripted(["Whales are big."])) as server,
        Client(url=server.url, credentials=server.api_key, recording=place) as client,
    ):
        client.ask("What is a whale?")
        with pytest.raises(ServerError):
            client.delete_item("none")
    return place


def test_what_was_recorded_is_gone_through_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a folder of recordings, the newest. What was refused then may be refused now. The
    conversation is for the next program in a pipe."""
    assert run(["replay", str(folder.parent)]) == 0
    out, err = capsys.readouterr()
    assert out == "user: What is a whale?\nassistant: Whales are big.\n"
    assert "All of it went as it did then." in err


def test_what_is_different_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then, something was cancelled after its end; today's program sends no such thing."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    lines = (folder / "events.jsonl").read_text().splitlines()
    more = {**json.loads(lines[1]), "way": "sent", "event": {"type": "response.cancel"}}
    lines.append(json.dumps(more))
    (tmp_path / "events.jsonl").write_text("\n".join([*lines, ""]))
    assert run(["replay", str(tmp_path)]) == 1
    assert "different: sent then, not now: response.cancel" in capsys.readouterr().err


def test_the_simulator_is_asked_the_same(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    assert run(["replay", str(folder), "--simulator", "--record", str(again)]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("user: What is a whale?\nassistant: ")
    assert "Whales are big." not in out
    assert (again / "transcript.txt").read_text(encoding="utf-8")


def test_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(tmp_path)]) == 2
    assert "there is no recording in" in capsys.readouterr().err


def test_of_a_newer_version(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "events.jsonl").read_text().splitlines()
    header = {**json.loads(lines[0]), "recording": 99}
    (tmp_path / "events.jsonl").write_text("\n".join([json.dumps(header), *lines[1:], ""]))
    assert run(["replay", str(tmp_path)]) == 2
    assert "newer version" in capsys.readouterr().err


def test_two_services_are_too_many(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(folder), "--simulator", "--service"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_connection_that_was_refused_leaves_nothing_to_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Simulator(api_key="c291bmQ6dGVzdA==") as server, pytest.raises(AuthError):
        Client(url=server.url, credentials="d3Jvbmc6a2V5", recording=tmp_path / "refused")
    assert run(["replay", str(tmp_path)]) == 2
    assert "nothing to replay" in capsys.readouterr().err
