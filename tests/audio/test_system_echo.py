"""The sound system's echo cancellation: a real PulseAudio with its module, and what may fail."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from support.room import Room
from support.soundcard import Ear, Soundcard

from inworld_rt import pcm
from inworld_rt.audio import system_echo
from inworld_rt.audio.system_echo import EchoPair
from inworld_rt.simulator.voice import find_voice

PAIR = EchoPair("ec_mic", "ec_speaker", is_default=True)
RECORD = ["parec", "--raw", "--format=s16le", "--channels=1", "--rate=24000", "--latency-msec=20"]
PLAY = ["pacat", "--raw", "--format=s16le", "--channels=1", "--rate=24000", "--latency-msec=20"]


def test_none_is_found_where_it_is_not_switched_on(soundcard: Soundcard) -> None:
    assert system_echo.find() is None


def test_a_pair_is_found(echo_module: Soundcard) -> None:
    assert system_echo.find() == PAIR


def test_it_need_not_be_the_default(echo_module: Soundcard) -> None:
    echo_module.control("set-default-source", "mic.monitor")
    assert system_echo.find() == EchoPair("ec_mic", "ec_speaker", is_default=False)


def test_the_language_does_not_matter(
    echo_module: Soundcard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    assert system_echo.find() == PAIR


@pytest.mark.slow
def test_what_is_played_on_the_pair_is_not_heard_on_it(echo_module: Soundcard) -> None:
    """In a room with an echo, by programs that open the default devices."""
    pytest.importorskip("numpy", reason="numpy is not installed (the room is made with it)")
    echo_module.control("set-default-source", "mic.monitor")
    speech = b"".join(find_voice().speak("One two three four five six seven. " * 3))
    with (
        Room(),
        system_echo.chosen(system_echo.find()),
        Ear(RECORD, 24000) as calm,
        echo_module.listen("mic") as microphone,
    ):
        subprocess.run(PLAY, input=speech, check=True, timeout=30)
        echo, left = microphone.hear_out(0), calm.hear_out(0)
    late = slice(-2 * 24000 * 3, None)  # the last three seconds: it has to learn
    assert pcm.level(echo[late]) > -45
    assert pcm.level(left[late]) < pcm.level(echo[late]) - 20


# --- chosen ---------------------------------------------------------------------------------------


def test_the_choice_lasts_as_long_as_the_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SOURCE", "mine")
    monkeypatch.delenv("PULSE_SINK", raising=False)
    with pytest.raises(KeyError), system_echo.chosen(PAIR):
        assert (os.environ["PULSE_SOURCE"], os.environ["PULSE_SINK"]) == ("ec_mic", "ec_speaker")
        raise KeyError
    assert os.environ["PULSE_SOURCE"] == "mine"
    assert "PULSE_SINK" not in os.environ


def test_what_is_unknown_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SINK", "mine")
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    with system_echo.chosen(EchoPair("ec_mic", None, is_default=False)):
        assert (os.environ["PULSE_SOURCE"], os.environ["PULSE_SINK"]) == ("ec_mic", "mine")
    assert os.environ["PULSE_SINK"] == "mine"
    with system_echo.chosen(None):
        assert "PULSE_SOURCE" not in os.environ


# --- other servers, and none ----------------------------------------------------------------------


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A `pactl` that says what the test wants; before that, there is none."""
    if sys.platform == "win32":
        pytest.skip("there is no pactl on Windows")
    monkeypatch.setenv("PATH", str(tmp_path))

    def says(**answers: str) -> None:
        cases = "".join(f"{name}) printf %s '{text}';;" for name, text in answers.items())
        program = tmp_path / "pactl"
        program.write_text(f'#!/bin/sh\nfor last; do :; done\ncase "$last" in {cases} esac\n')
        program.chmod(0o755)

    return says


def test_without_pactl(say: Any) -> None:
    assert system_echo.find() is None


@pytest.mark.parametrize("text", ["", "Connection refused", "[]", "{}", "[{}]", "null", "7"])
def test_an_answer_that_means_nothing(say: Any, text: str) -> None:
    say(info=text, sinks=text, sources=text)
    assert system_echo.find() is None


def test_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    assert system_echo.find() is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pactl on Windows")
def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, socket.socket(socket.AF_UNIX) as mute:
        mute.bind(f"{folder}/native")
        mute.listen()
        monkeypatch.setenv("PULSE_SERVER", f"unix:{folder}/native")
        begin = time.monotonic()
        assert system_echo.find() is None
        assert time.monotonic() - begin < 4


def node(name: str, monitor: str, group: str | None = None) -> dict[str, Any]:
    """A source or sink, as PipeWire describes it to `pactl`: all modules are one number there."""
    properties = {"node.name": name} | ({"node.link-group": group} if group else {})
    return {
        "name": name,
        "driver": "PipeWire",
        "owner_module": 4294967295,
        "monitor_source": monitor,
        "properties": properties,
    }


@pytest.mark.parametrize(
    ("default", "found"),
    [
        ("mic", EchoPair("echo-a", "calm-a", is_default=False)),
        ("echo-a", EchoPair("echo-a", "calm-a", is_default=True)),
        ("echo-b", EchoPair("echo-b", None, is_default=True)),
    ],
)
def test_pipewire_names_its_modules_in_another_way(
    say: Any, default: str, found: EchoPair | None
) -> None:
    a, b = "echo-cancel-1000-12", "echo-cancel-1000-13"
    say(
        info=json.dumps({"default_source_name": default}),
        sinks=json.dumps([node("speaker", "speaker.monitor"), node("calm-a", "calm-a.monitor", a)]),
        sources=json.dumps(
            [
                node("calm-a.monitor", "calm-a", a),
                node("mic", "", "loopback-1000-14"),
                node("echo-a", "", a),
                node("echo-b", "", b),
            ]
        ),
    )
    assert system_echo.find() == found
