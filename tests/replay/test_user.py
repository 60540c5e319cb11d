"""The user of a recording, with all that may be in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.service import KEY

from inworld_rt import Client
from inworld_rt.errors import ConnectionClosed
from inworld_rt.recording import LastMinute, Recorded, load
from inworld_rt.recording.loading import Entry
from inworld_rt.replay import Replay, first_settings, play
from inworld_rt.replay.user import ended_by_service
from inworld_rt.simulator import Simulator, scripted

pytest.importorskip("websockets", reason="the simulator needs websockets")


def made(folder: Path, *events: tuple[str, dict[str, Any]]) -> Recorded:
    """A recording of these, after a start."""
    session = {"audio": {"output": {"voice": "Clive"}}, "turn_detection": None}
    start = [
        ("sent", {"type": "session.update", "event_id": "then-1", "session": {"type": "realtime"}}),
        ("received", {"type": "session.created", "event_id": "s1", "session": session}),
        ("received", {"type": "session.updated", "event_id": "s2", "session": session}),
    ]
    entries = [Entry(n / 100, n, way, event) for n, (way, event) in enumerate([*start, *events])]
    return Recorded(folder, {}, entries, True)


def again(recorded: Recorded) -> tuple[list[str], str, list[str]]:
    """Live through it: what was late, missing and unexpected."""
    late: list[str] = []
    there = Replay(recorded)
    with there, Client(transport=there.transport, config=first_settings(recorded)) as client:
        play(recorded, client, timeout=1.0, late=late.append)
    return late, there.waiting_for, there.unexpected


def test_a_microphone_goes_on_while_a_call_waits(tmp_path: Path) -> None:
    """Its sound is what the service waited for, too, before it answered the call."""
    (tmp_path / "sent.raw").write_bytes(bytes(9600))
    sound = {"type": "input_audio_buffer.append", "event_id": "then-3"}
    item = {"id": "i1", "type": "message", "role": "assistant", "content": []}
    cut = {"item_id": "i1", "content_index": 0, "audio_end_ms": 100}
    recorded = made(
        tmp_path,
        ("received", {"type": "conversation.item.added", "event_id": "s3", "item": item}),
        ("sent", {"type": "conversation.item.truncate", "event_id": "then-2", **cut}),
        ("sent", {**sound, "audio": {"file": "sent.raw", "at": 0, "bytes": 4800}}),
        ("sent", {**sound, "audio": {"file": "sent.raw", "at": 4800, "bytes": 4800}}),
        ("received", {"type": "conversation.item.truncated", "event_id": "s4", **cut}),
        ("sent", {**sound, "audio": {"file": "sent.raw", "at": 0, "bytes": 4800}}),
        ("received", {"type": "input_audio_buffer.cleared", "event_id": "s5"}),
    )
    assert again(recorded) == ([], "", [])


def test_what_is_sent_at_the_very_end_counts(tmp_path: Path) -> None:
    recorded = made(
        tmp_path,
        *[("sent", {"type": "input_audio_buffer.clear", "event_id": f"c{n}"}) for n in range(200)],
    )
    assert again(recorded) == ([], "", [])


def test_another_service_has_other_names_for_the_items(tmp_path: Path) -> None:
    with Simulator(api_key=KEY, replies=scripted(["One.", "Two."])) as server:
        with Client(url=server.url, credentials=KEY, recording=tmp_path / "then") as client:
            client.ask("First?")
            question, answer = client.conversation
            client.truncate_item(answer, 10)
            client.delete_item(question)
        recorded = load(tmp_path / "then")
        with Client(url=server.url, credentials=KEY) as client:
            play(recorded, client, refused=pytest.fail, late=pytest.fail)
            (left,) = client.conversation
    assert left.role == "assistant"


def test_the_last_minute_is_lived_through_from_its_midst(tmp_path: Path) -> None:
    """The settings are what the service told; today's client sends some where none were."""
    with Simulator(api_key=KEY, replies=scripted(["One.", "Two."])) as server:
        with pytest.raises(ZeroDivisionError):
            with Client(
                url=server.url,
                credentials=KEY,
                voice="Clive",
                config={"turn_detection": None},
                recording=LastMinute(tmp_path / "crash"),
            ) as client:
                client.ask("First?")
                client.ask("Second?")
                raise ZeroDivisionError
        recorded = load(tmp_path / "crash")
        asked = [n for n, e in enumerate(recorded.entries) if e.type == "conversation.item.create"]
        updated = next(e for e in recorded.entries if e.type == "session.updated")
        midst = [updated, *recorded.entries[asked[1] - 1 :]]
        recorded = Recorded(recorded.folder, recorded.header, midst, True)
        settings = first_settings(recorded)
        assert settings.audio.output.voice == "Clive"  # type: ignore[union-attr]
        assert again(recorded) == ([], "", [])
        with Client(url=server.url, credentials=KEY, config=settings) as client:
            play(recorded, client, refused=pytest.fail, late=pytest.fail)
            assert client.session.audio.input.turn_detection is None


def test_a_service_that_says_goodbye_says_it_again(tmp_path: Path) -> None:
    recorded = made(tmp_path, ("note", {"note": "closed", "code": 1001}))
    with Replay(recorded) as there, Client(transport=there.transport) as client:
        with pytest.raises(ConnectionClosed):
            play(recorded, client)
    assert ended_by_service(recorded.entries[-1])


@pytest.mark.parametrize("code", [1000, 1006])
def test_a_user_who_ended_it_was_not_left_by_the_service(tmp_path: Path, code: int) -> None:
    recorded = made(tmp_path, ("note", {"note": "closed", "code": code}))
    assert not ended_by_service(recorded.entries[-1])
    assert again(recorded) == ([], "", [])


def test_an_answer_that_began_before_the_recording_is_not_asked_for(tmp_path: Path) -> None:
    done = {"id": "r0", "status": "completed", "output": []}
    recorded = made(
        tmp_path,
        ("received", {"type": "response.done", "event_id": "s3", "response": done}),
        ("sent", {"type": "input_audio_buffer.clear", "event_id": "then-2"}),
    )
    late: list[str] = []
    with Simulator(api_key=KEY) as server, Client(url=server.url, credentials=KEY) as client:
        play(recorded, client, timeout=0.1, late=late.append)
    assert late == []
