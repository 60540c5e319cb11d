"""Recordings of conversations: over sockets, with a loudspeaker, and with a disk that fails."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.background import PATIENCE
from support.scripted import SLICE, Scripted
from support.service import KEY

from inworld_rt import Client, pcm
from inworld_rt.errors import AuthError, ConfigError, ConnectionLost
from inworld_rt.events import ResponseDone
from inworld_rt.recording import Recorded, load
from inworld_rt.simulator import Simulator
from inworld_rt.testing import FakeSound
from inworld_rt.wire import decode, decode_client

QUICK = PATIENCE


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key=KEY) as simulator:
        yield simulator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def recorded(simulator: Simulator, folder: Path, **settings: Any) -> Client:
    return Client(url=simulator.url, credentials=KEY, timeout=QUICK, recording=folder, **settings)


def types(recording: Recorded, *ways: str) -> list[str]:
    return [entry.type for entry in recording.entries if entry.way in ways]


def sounding(sound: bytes) -> bytes:
    """Without the silence around."""
    start = (len(sound) - len(sound.lstrip(b"\0"))) // 2 * 2
    return sound[start : (len(sound.rstrip(b"\0")) + 1) // 2 * 2]


# --- what is in it --------------------------------------------------------------------------------


def test_all_messages_are_there_as_they_were_on_the_wire(
    simulator: Simulator, folder: Path
) -> None:
    with recorded(simulator, folder) as client:
        assert client.recording == folder
        response = client.say("What is a whale?")
        answer = b"".join(response)
        stats = client.stats
    recording = load(folder)
    assert recording.complete and client.recording_failure is None
    assert recording.header["recording"] == 1
    assert recording.header["url"] == simulator.url.partition("?")[0]
    assert types(recording, "note") == ["opened", "closed"]
    received = [e for e in recording.entries if e.way == "received"]
    sent = [e for e in recording.entries if e.way == "sent"]
    assert len(sent) == stats.events_sent
    assert len(received) >= stats.events_received
    assert types(recording, "sent") == [
        "session.update",
        "conversation.item.create",
        "response.create",
    ]
    for entry in sent:
        assert decode_client(recording.message(entry)).type == entry.type
    events = [decode(recording.message(entry)) for entry in received]
    assert b"".join(e.audio for e in events if e.type == "response.output_audio.delta") == answer
    assert any(isinstance(e, ResponseDone) for e in events)
    times = [e.t for e in recording.entries]
    assert times == sorted(times)
    assert all(abs(e.wall - time.time()) < 600 for e in recording.entries)


def test_what_was_said_and_received_is_heard_in_it_in_time(
    simulator: Simulator, folder: Path
) -> None:
    """Without a loudspeaker, the answers are as received; sample by sample."""
    speech = pcm.tone(440, 300, pcm.AudioFormat())
    with recorded(simulator, folder) as client:
        client.update_session(turn_detection=None)
        client.send_audio(speech)
        answer = b"".join(client.say("What is a whale?"))
    recording = load(folder)
    left, right, rate = recording.sound()
    assert (rate, recording.header["sound"]) == (24000, "received")
    assert len(left) == len(right)
    assert sounding(left) == sounding(speech)
    assert sounding(answer) in right
    for way, kind, side in (
        ("sent", "input_audio_buffer.append", left),
        ("received", "response.output_audio.delta", right),
    ):
        first = next(e for e in recording.entries if (e.way, e.type) == (way, kind))
        begin = (len(side) - len(side.lstrip(b"\0"))) / 2 / rate
        assert abs(begin - first.t) < 0.05


@pytest.mark.parametrize("format", ["g711_ulaw", {"type": "audio/pcm", "rate": 16000}])
def test_other_formats_are_heard_as_well(simulator: Simulator, folder: Path, format: Any) -> None:
    pytest.importorskip("soxr")
    with recorded(simulator, folder) as client:
        client.update_session(turn_detection=None, input_format=format, output_format=format)
        form = client.session.audio.input.format
        client.send_audio(pcm.tone(440, 500, form))
        answer = b"".join(client.say("What is a whale?"))
    recording = load(folder)
    left, right, rate = recording.sound()
    assert rate == 24000
    assert len(sounding(left)) / 2 / rate == pytest.approx(0.5, abs=0.01)
    assert pcm.level(sounding(left)) == pytest.approx(
        pcm.level(pcm.tone(440, 500, pcm.AudioFormat())), abs=0.5
    )
    seconds = len(answer) / form.bytes_per_second
    assert len(sounding(right)) / 2 / rate == pytest.approx(seconds, abs=0.3)
    appended = next(e for e in recording.entries if e.type == "input_audio_buffer.append")
    assert recording.audio(appended.event["audio"])[:100] == pcm.tone(440, 500, form)[:100]


def test_what_the_loudspeaker_played_is_heard_in_it(simulator: Simulator, folder: Path) -> None:
    """And what the microphone heard and sent; sample by sample, side by side in time."""
    sound = FakeSound()
    with (
        recorded(simulator, folder) as client,
        client.voice_chat(audio=sound, echo="none") as chat,
    ):
        response = client.say("What is a whale?")
        sound.say(noise := bytes(range(1, 250)) * 200)
        response.wait()
        sound.advance(0.5)
        while response.latency.first_heard is None:
            time.sleep(0.01)
        chat.interrupt()
        sound.advance(3.0)
        while client.stats.seconds_sent < 3.2:
            time.sleep(0.01)
    recording = load(folder)
    assert recording.header["sound"] == "played"
    left, right, _ = recording.sound()
    assert len(sounding(sound.heard)) > 0
    assert sounding(sound.heard) == sounding(right)
    assert noise in left
    notes = {e.type: e for e in recording.entries if e.way == "note"}
    assert {"opened", "first_heard", "cut"} <= set(notes)
    spoken = next(e for e in recording.entries if e.type == "response.output_audio.delta")
    assert notes["first_heard"].event["item_id"] == spoken.event["item_id"]
    cut = notes["cut"].event
    assert cut["item_id"] == spoken.event["item_id"]
    assert cut["heard_ms"] == pytest.approx(len(sounding(right)) / 48, abs=25)
    assert "(cut; heard:" in recording.transcript or "(not heard)" in recording.transcript


def test_an_answer_that_is_played_alone_is_heard_in_it(
    simulator: Simulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INWORLD_RT_AUDIO", "null")
    with recorded(simulator, folder) as client:
        response = client.say("Yes.")
        response.play()
    recording = load(folder)
    assert recording.header["sound"] == "played"
    heard = next(e for e in recording.entries if e.type == "first_heard")
    spoken = next(e for e in recording.entries if e.type == "response.output_audio.delta")
    assert heard.event["item_id"] == spoken.event["item_id"]
    right = recording.sound()[1]
    begin = (len(right) - len(right.lstrip(b"\0"))) / 48000
    assert begin > spoken.t
    assert begin == pytest.approx(heard.t, abs=0.3)  # on a busy computer


def test_devices_that_go_and_come_are_noted(simulator: Simulator, folder: Path) -> None:
    sound = FakeSound()
    with recorded(simulator, folder) as client, client.voice_chat(audio=sound) as chat:
        sound.advance(0.1)
        sound.unplug("speaker")
        while not chat.speaker.lost:
            time.sleep(0.01)
        sound.plug("speaker")
        while chat.speaker.lost:
            sound.advance(0.02)
            time.sleep(0.01)
    notes = [e.event for e in load(folder).entries if e.way == "note"]
    for kind in ("device_lost", "device_back"):
        assert {"note": kind, "device": "fake speaker"} in notes


def test_speech_that_ran_dry_is_noted(folder: Path) -> None:
    """With how long the rest of it was late."""
    sound = FakeSound()

    def script(server: Scripted) -> None:
        server.skip_to("response.create")
        name = server.begin()
        server.sound(name, 4 * SLICE)
        server.reached.set()
        server.wait_for_go()
        server.sound(name, 4 * SLICE)
        server.done(name)

    with Scripted(script) as server, server.client(recording=folder) as client:
        with client.voice_chat(audio=sound, echo="none") as chat:
            response = client.say("Speak.")
            assert server.reached.wait(PATIENCE)
            while not chat.speaker.sounding:
                time.sleep(0.01)
            sound.advance(0.6)  # of which 0.2 s are heard
            server.go()
            response.wait()
    (dry,) = (e.event for e in load(folder).entries if e.type == "underrun")
    assert dry["ms"] == pytest.approx(600, abs=21)


# --- secrets --------------------------------------------------------------------------------------


def test_no_secret_is_in_any_file(simulator: Simulator, folder: Path) -> None:
    """Neither the key, though it is even said, nor what tools elsewhere are opened with."""
    tool = {
        "type": "mcp",
        "server_label": "elsewhere",
        "server_url": "https://elsewhere.example/mcp?pass=abracadabra",
        "authorization": "sesame-open",
        "headers": {"X-Key": "simsalabim"},
    }
    with recorded(simulator, folder, config={"tools": [tool]}) as client:
        client.say(f"It is {KEY}.").wait()
    assert load(folder).complete
    for path in folder.iterdir():
        data = path.read_bytes()
        for secret in (KEY, "sesame-open", "simsalabim", "abracadabra"):
            assert secret.encode() not in data, path.name
    assert b"<hidden>" in (folder / "events.jsonl").read_bytes()


# --- where it is ----------------------------------------------------------------------------------


def test_nothing_is_overwritten(simulator: Simulator, tmp_path: Path) -> None:
    folders = []
    for _ in range(3):
        with recorded(simulator, tmp_path / "made" / "kept") as client:
            folders.append(client.recording)
    assert [f and f.name for f in folders] == ["kept", "kept-2", "kept-3"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "transcript.txt").write_text("mine")
    with recorded(simulator, tmp_path / "mine") as client:
        assert client.recording == tmp_path / "mine-2"
    assert (tmp_path / "mine" / "transcript.txt").read_text() == "mine"


@pytest.mark.parametrize("wrong", ["", 5, b""])
def test_a_folder_is_named_by_a_path(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="recording: "):
        Client(credentials=KEY, recording=wrong)


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="choose another folder"):
            Client(url="ws://127.0.0.1:9", credentials=KEY, recording=path)


def test_without_one_there_is_none(simulator: Simulator) -> None:
    with Client(url=simulator.url, credentials=KEY) as client:
        assert client.recording is None and client.recording_failure is None


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_refusal_is_recorded(simulator: Simulator, folder: Path) -> None:
    with pytest.raises(AuthError):
        Client(url=simulator.url, credentials="d3Jvbmc6a2V5", recording=folder)
    entries = load(folder).entries
    assert [e.type for e in entries] == ["lost"]
    assert entries[0].event["why"].startswith("AuthError: ")


def test_a_connection_that_breaks_is_recorded(folder: Path) -> None:
    def script(server: Scripted) -> None:
        server.skip_to("response.create")
        server.abort()

    with Scripted(script) as server, pytest.raises(ConnectionLost):
        with server.client(recording=folder) as client:
            client.say("Hello").wait()
    recording = load(folder)
    assert recording.complete
    assert types(recording, "note") == ["opened", "lost"]


def test_a_folder_that_vanishes_does_not_end_the_conversation(
    simulator: Simulator, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with recorded(simulator, folder) as client:
        shutil.rmtree(folder)
        while client.recording_failure is None:
            time.sleep(0.01)
        client.say("Still there?").wait()
    assert isinstance(client.recording_failure, FileNotFoundError)
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 1 and "the conversation goes on" in warned[0].getMessage()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files there")
def test_a_full_disk_does_not_end_the_conversation(
    simulator: Simulator, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import resource

    with recorded(simulator, folder) as client:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            client.say("What is a whale?").wait()
            while client.recording_failure is None:
                time.sleep(0.01)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert client.say("Still there?").wait().text
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1
    assert "response.create" in types(load(folder), "sent")


KILLED = """
import sys
from inworld_rt import Client
from inworld_rt.simulator import Simulator

with Simulator(api_key="c291bmQ6dGVzdA==") as simulator:
    with Client(
        url=simulator.url, credentials="c291bmQ6dGVzdA==", recording=sys.argv[1]
    ) as client:
        client.update_session(turn_detection=None)
        print("ready", flush=True)
        while True:
            client.send_audio(bytes([1, 2]) * 2400)
            client.say("Tell me a story.").wait()
"""


@pytest.mark.slow
def test_what_was_recorded_survives_a_killed_process(folder: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            while not any(entry.t > 2.0 for entry in load(folder).entries):
                time.sleep(0.05)
        finally:
            process.kill()
    recording = load(folder)
    assert not recording.complete
    assert recording.entries[-1].t > 2.0
    for entry in recording.entries:
        if entry.way != "note":
            json.loads(recording.message(entry))  # all its sound is there
    left, right, rate = recording.sound()
    assert len(right) / 2 / rate >= recording.entries[-1].t - 2.5
    assert sounding(left)


def test_a_block_that_is_left_by_an_exception_loses_no_connection(
    simulator: Simulator, folder: Path
) -> None:
    with pytest.raises(ZeroDivisionError), recorded(simulator, folder) as client:
        client.say("Hello").wait()
        raise ZeroDivisionError
    recording = load(folder)
    assert recording.complete
    assert [e.event for e in recording.entries if e.way == "note"] == [
        {"note": "opened"},
        {"note": "closed", "code": 1006},
    ]


def test_what_is_heard_by_the_clock_of_a_test_is_noted_when_it_happens(
    simulator: Simulator, folder: Path
) -> None:
    sound = FakeSound()
    with recorded(simulator, folder) as client, client.voice_chat(audio=sound, echo="none"):
        sound.advance(10.0)
        client.say("Hello").wait()
        sound.advance(1.0)
    heard, over = (e.t for e in load(folder).entries if e.type in ("first_heard", "closed"))
    assert heard <= over < 10.0
