"""What the service remembers, and how it gets into the next session."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from inworld_rt import Client
from inworld_rt.errors import ConfigError
from inworld_rt.provider import MemoryState
from tests.support.scripted import Scripted

STATE = {"version": 3, "facts": ["The user's name is Anna."], "summary": "Ein Gespräch."}


def remember(server: Scripted, **state: Any) -> None:
    """What a memory cycle sends, unasked."""
    server.send(
        "session.updated", session={"providerData": {"memory": {"enabled": True, "state": state}}}
    )


class TestState:
    def test_is_empty_at_first(self) -> None:
        with Scripted(lambda server: None) as server, server.client() as client:
            assert client.memory == MemoryState()
            assert not client.memory.facts

    def test_follows_what_the_server_tells_unasked(self) -> None:
        def script(server: Scripted) -> None:
            remember(server, **STATE)
            remember(server, version=4, facts=["It rains."])

        with Scripted(script) as server, server.client() as client:
            client.wait_for("x.script_over")
            assert (client.memory.version, client.memory.facts) == (4, ["It rains."])

    def test_is_saved_and_loaded(self, tmp_path: Path) -> None:
        path = tmp_path / "anna.json"
        state = MemoryState(**STATE)  # type: ignore[arg-type]
        state.save(path)
        assert MemoryState.load(path) == state
        assert json.loads(path.read_text(encoding="utf-8")) == STATE
        assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"what": 1}', '{"facts": 7}', "\x00"])
    def test_another_file_is_refused(self, text: str, tmp_path: Path) -> None:
        path = tmp_path / "other.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"other\.json: .*no memory"):
            MemoryState.load(path)

    def test_fields_of_a_later_version_do_no_harm(self, tmp_path: Path) -> None:
        path = tmp_path / "m.json"
        path.write_text(json.dumps({**STATE, "mood": "fine"}), encoding="utf-8")
        assert MemoryState.load(path).version == 3


class TestInTheNextSession:
    def test_a_file_that_is_not_there_yet_is_made_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "m.json"
        with Scripted(lambda server: remember(server, **STATE)) as server:
            with server.client(memory=path) as client:
                client.wait_for("x.script_over")
            sent = server.received[0]["session"]["providerData"]["memory"]
        assert sent == {"enabled": True}
        assert MemoryState.load(path).facts == STATE["facts"]

    def test_what_is_in_the_file_is_given_back(self, tmp_path: Path) -> None:
        path = tmp_path / "m.json"
        MemoryState(**STATE).save(path)  # type: ignore[arg-type]
        with Scripted(lambda server: None) as server:
            with server.client(memory=str(path)) as client:
                assert client.memory.facts == STATE["facts"]
            sent = server.received[0]["session"]["providerData"]["memory"]
        assert sent == {"enabled": True, "state": STATE}

    def test_nothing_remembered_makes_no_file(self, tmp_path: Path) -> None:
        with Scripted(lambda server: None) as server:
            server.client(memory=tmp_path / "m.json").close()
        assert list(tmp_path.iterdir()) == []

    def test_a_lost_session_is_kept_too(self, tmp_path: Path) -> None:
        def script(server: Scripted) -> None:
            remember(server, **STATE)
            server.wait_for_go()
            server.abort()

        path = tmp_path / "m.json"
        with Scripted(script) as server, pytest.raises(RuntimeError):
            with server.client(memory=path) as client:
                client.wait_for("session.updated")
                client.wait_for("session.updated")
                server.go()
                raise RuntimeError("the program fails")
        assert MemoryState.load(path).version == 3

    def test_a_broken_file_is_refused_before_anything_is_sent(self, tmp_path: Path) -> None:
        path = tmp_path / "m.json"
        path.write_text("not json", encoding="utf-8")
        with pytest.raises(ConfigError, match="no memory"):
            Client(memory=path, credentials="ZGVtbzpkZW1v", url="ws://127.0.0.1:9/")


def test_the_simulator_remembers_from_one_session_to_the_next(
    service: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "anna.json"
    where = {"url": service["INWORLD_REALTIME_URL"], "credentials": service["INWORLD_API_KEY"]}
    config = {"providerData": {"memory": {"turn_interval": 1}}, "output_modalities": ["text"]}
    with Client(memory=path, config=config, **where) as client:  # type: ignore[arg-type]
        client.ask("My name is Anna.")
        client.wait_for("session.updated")
        client.wait_for("session.updated")
        assert "Anna" in " ".join(client.memory.facts or [])
    with Client(memory=path, config=config, **where) as client:  # type: ignore[arg-type]
        assert "Anna" in " ".join(client.memory.facts or [])
        assert "Anna" in client.ask("What is my name?")
