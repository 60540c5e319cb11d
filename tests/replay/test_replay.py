"""Recordings lived through again: by a client of today, and with a service of today."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from inworld_rt import Client
from inworld_rt.errors import ConfigError, ConnectionLost, ServerError, WaitTimeout
from inworld_rt.recording import load
from inworld_rt.replay import Replay, first_settings, play
from inworld_rt.simulator import Simulator, scripted

pytest.importorskip("websockets", reason="the simulator needs websockets")

TONE = b"\x10\x27\xf0\xd8" * 6000  # half a second
SAID = ["Whales are big.", "Yes, they sing.", "Goodbye."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conversation of three answers, one of them after speech, and a refusal."""
    place = tmp_path_factory.mktemp("recordings") / "monday"
    with (
        Simulator(replies=scripted(SAID)) as server,
        Client(
            url=server.url,
            credentials=server.api_key,
            instructions="Be short.",
            config={"turn_detection": None},
            recording=place,
        ) as client,
    ):
        client.ask("What is a whale?")
        client.update_session(voice="Sarah")
        client.send_audio(TONE)
        client.commit_audio()
        client.create_response(metadata={"number": "2"}).wait()
        with pytest.raises(ServerError):
            client.delete_item("none")
        client.say("Bye.").wait()
    return place


@pytest.fixture
def there(folder: Path) -> Iterator[Replay]:
    with Replay(folder) as there:
        yield there


def answers(client: Client) -> list[str]:
    return [item.text for item in client.conversation if item.role == "assistant"]


def test_the_service_answers_as_it_did(there: Replay) -> None:
    """Other ids, and a user who does the same with other calls."""
    with Client(transport=there.transport) as client:
        assert client.ask("Something else?") == SAID[0]
        assert there.waiting_for == "session.update"
        client.update_session(voice="Clive")
        assert there.unexpected == []


def test_sound_is_waited_for_too(there: Replay) -> None:
    with Client(transport=there.transport, timeout=0.2) as client:
        client.ask("What?")
        client.update_session(voice="Sarah")
        client.commit_audio()
        client.send_audio(TONE[:8000])
        with pytest.raises(WaitTimeout):
            client.create_response().wait()
        assert there.waiting_for == "input_audio_buffer.append: 16000 more bytes"
        client.send_audio(TONE[8000:])
        assert client.wait_for_response(5).text == SAID[1]


def test_the_user_does_what_he_did(there: Replay, folder: Path) -> None:
    refusals: list[ServerError] = []
    with Client(transport=there.transport, config=first_settings(load(folder))) as client:
        assert client.session.instructions == "Be short."
        play(load(folder), client, refused=refusals.append, late=pytest.fail)
        assert answers(client) == SAID
        assert str(client.conversation).startswith("user: What is a whale?")
    assert len(refusals) == 1
    assert there.waiting_for == ""
    assert there.unexpected == []


def test_another_service_is_asked_the_same(folder: Path, tmp_path: Path) -> None:
    recorded = load(folder)
    with (
        Simulator(replies=scripted(["One.", "Two.", "Three."])) as server,
        Client(
            url=server.url,
            credentials=server.api_key,
            config=first_settings(recorded),
            recording=tmp_path / "again",
        ) as client,
    ):
        play(recorded, client, late=pytest.fail)
        assert answers(client) == ["One.", "Two.", "Three."]
    sent = [entry.type for entry in recorded.entries if entry.way == "sent"]
    assert [e.type for e in load(tmp_path / "again").entries if e.way == "sent"] == sent


def test_a_service_that_says_less_is_not_waited_for_twice(folder: Path) -> None:
    recorded, late = load(folder), list[str]()
    entries = list(recorded.entries)
    del entries[next(n for n, e in enumerate(entries) if e.type == "conversation.item.added")]
    with Replay(evolve(recorded, entries=entries)) as there:
        with Client(transport=there.transport, config=first_settings(recorded)) as client:
            play(recorded, client, timeout=0.3, late=late.append)
            assert answers(client) == SAID
    (words,) = late
    assert words.startswith("conversation.item.added came ")


def test_a_connection_that_was_lost_is_lost_again(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "events.jsonl").read_text().splitlines()
    done = next(n for n, line in enumerate(lines) if '"response.done"' in line)
    (tmp_path / "sent.raw").write_bytes((folder / "sent.raw").read_bytes())
    (tmp_path / "received.raw").write_bytes((folder / "received.raw").read_bytes())
    lost = {**json.loads(lines[done]), "way": "note", "event": {"note": "lost", "why": "?"}}
    text = "\n".join([*lines[:done], json.dumps(lost), ""])
    (tmp_path / "events.jsonl").write_text(text)
    with Replay(tmp_path) as there, Client(transport=there.transport) as client:
        with pytest.raises(ConnectionLost):
            there.play(client)


def test_a_client_that_does_nothing_does_not_hang_it(there: Replay) -> None:
    assert there.waiting_for in ("", "session.update")


def test_no_recording(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no recording"):
        Replay(tmp_path)


def test_at_the_speed_of_then(folder: Path) -> None:
    recorded = load(folder)
    with Replay(recorded, realtime=True) as there:
        with Client(transport=there.transport, config=first_settings(recorded)) as client:
            play(recorded, client, realtime=True, late=pytest.fail)
            duration = client.stats.duration
    assert duration > recorded.entries[-2].t - recorded.entries[0].t - 0.1
