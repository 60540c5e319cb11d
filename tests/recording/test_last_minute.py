"""The last minute, written when something goes wrong."""

from __future__ import annotations

import datetime
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.scripted import SLICE, Scripted

from inworld_rt.errors import ConfigError
from inworld_rt.recording import LastMinute, load
from inworld_rt.testing import FakeSound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "crash"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What nobody caught, in order; it is not printed."""
    told: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: told.append(error))
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_value))
    yield told


def talk(server: Scripted) -> None:
    while True:
        server.skip_to("response.create")
        name = server.begin()
        server.words(name, "A mammal.")
        server.sound(name, SLICE)
        server.done(name)


def in_a_thread(error: BaseException) -> None:
    def fail() -> None:
        raise error

    thread = threading.Thread(target=fail, name="test-failing")
    thread.start()
    thread.join()


def test_nothing_is_written_if_nothing_goes_wrong(folder: Path, told: list[Any]) -> None:
    hooks = sys.excepthook, threading.excepthook
    with Scripted(talk) as server:
        with server.client(recording=LastMinute(folder)) as client:
            client.say("What is a whale?").wait()
            assert client.recording is None
            assert (sys.excepthook, threading.excepthook) != hooks
    assert not folder.exists()
    assert (sys.excepthook, threading.excepthook) == hooks


def test_it_is_written_when_the_block_is_left_by_an_exception(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Scripted(talk) as server, pytest.raises(ZeroDivisionError):
        with server.client(recording=LastMinute(folder)) as client:
            client.say("What is a whale?").wait()
            raise ZeroDivisionError
    assert client.recording == folder
    recording = load(folder)
    died = [e.event for e in recording.entries if e.type == "died"]
    assert died == [{"note": "died", "why": "ZeroDivisionError"}]
    assert "What is a whale?" in recording.transcript
    assert SLICE in recording.sound()[1]
    assert str(folder) in caplog.text


def test_what_was_played_is_in_it(folder: Path) -> None:
    sound = FakeSound()
    with Scripted(talk) as server, pytest.raises(ZeroDivisionError):
        with server.client(recording=LastMinute(folder, seconds=0.4)) as client:
            with client.voice_chat(audio=sound):
                threading.Event().wait(0.5)
                sound.advance(0.6)
                client.say("What is a whale?").wait()
                sound.advance(0.2)
                raise ZeroDivisionError
    recording = load(folder)
    assert recording.header["sound"] == "played"
    assert SLICE in recording.sound()[1]
    assert "A mammal." in recording.transcript
    began = datetime.datetime.fromisoformat(recording.header["began"]).timestamp()
    assert abs(began - time.time()) < 60


@pytest.mark.parametrize("harmless", [SystemExit, GeneratorExit])
def test_an_end_that_was_wanted_is_no_accident(folder: Path, harmless: type[BaseException]) -> None:
    with Scripted(talk) as server, pytest.raises(harmless):
        with server.client(recording=LastMinute(folder)):
            raise harmless
    assert not folder.exists()


def in_the_main_thread(error: BaseException) -> None:
    sys.excepthook(type(error), error, None)


@pytest.mark.parametrize("fail", [in_a_thread, in_the_main_thread])
def test_it_is_written_when_nobody_catches_an_exception(
    folder: Path, told: list[Any], fail: Callable[[BaseException], None]
) -> None:
    """Who was told of it before is still told. Not again and again: the next would be the same."""
    errors = [ZeroDivisionError(), LookupError()]
    with Scripted(talk) as server, server.client(recording=LastMinute(folder)) as client:
        client.say("What is a whale?").wait()
        fail(errors[0])
        assert client.recording == folder
        fail(errors[1])
        assert told == errors
        client.say("And now?").wait()
    assert "What is a whale?" in load(folder).transcript
    assert [path.name for path in folder.parent.iterdir()] == ["crash"]


def test_several_clients_write_each_their_own(tmp_path: Path, told: list[Any]) -> None:
    hooks = sys.excepthook, threading.excepthook
    with Scripted(talk) as one, Scripted(talk) as other:
        first = one.client(recording=LastMinute(tmp_path / "crash"))
        second = other.client(recording=LastMinute(tmp_path / "crash"))
        in_a_thread(ZeroDivisionError())
        first.close()
        assert (sys.excepthook, threading.excepthook) != hooks
        second.close()
    assert (sys.excepthook, threading.excepthook) == hooks
    assert first.recording == tmp_path / "crash" and second.recording == tmp_path / "crash-2"


def test_only_the_end_is_kept_and_what_is_needed_to_hear_it(folder: Path) -> None:
    """The formats were told before; without them the sound would be noise."""

    def script(server: Scripted) -> None:
        server.greet(audio={"output": {"format": {"type": "audio/pcm", "rate": 24000}}})
        server.skip_to("response.create")
        server.done(server.begin())
        server.wait_for_go()
        server.sound(name := server.begin())
        server.done(name)

    with Scripted(script, start=False) as server, pytest.raises(ZeroDivisionError):
        with server.client(recording=LastMinute(folder, seconds=0.2)) as client:
            client.say("Long ago").wait()
            threading.Event().wait(0.3)
            server.go()
            client.wait_for_response()
            raise ZeroDivisionError
    recording = load(folder)
    kinds = [e.type for e in recording.entries]
    assert kinds[0] == "session.updated"
    assert "response.create" not in kinds and "response.output_audio.delta" in kinds
    assert recording.entries[0].t == 0.0
    assert SLICE in recording.sound()[1]


def test_a_folder_that_cannot_be_written_to_does_not_hide_the_exception(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Scripted(talk) as server, pytest.raises(ZeroDivisionError):
        with server.client(recording=LastMinute(folder)) as client:
            folder.touch()
            raise ZeroDivisionError
    assert client.recording is None and client.recording_failure is not None
    assert "could not be recorded" in caplog.text
    assert any(r.levelno == logging.WARNING for r in caplog.records)


@pytest.mark.parametrize("wrong", [{"folder": ""}, {"folder": "x", "seconds": 0}])
def test_arguments_are_checked_at_once(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        LastMinute(**wrong)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        LastMinute(tmp_path / "file" / "below")


DYING = """
import sys
from inworld_rt import Client
from inworld_rt.recording import LastMinute
from inworld_rt.simulator import Simulator

with Simulator() as simulator:
    client = Client(
        url=simulator.url, credentials=simulator.api_key, recording=LastMinute(sys.argv[1])
    )
    client.say("What is a whale?").wait()
    1 / 0
"""


@pytest.mark.slow
def test_a_program_that_dies_leaves_it_behind(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(folder)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr and str(folder) in done.stderr
    assert "What is a whale?" in load(folder).transcript
