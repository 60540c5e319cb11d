"""``inworld-rt devices`` on a virtual sound card, and without one."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import pytest

pytest.importorskip("click", reason="the command line needs click")

from support.background import Background
from support.soundcard import Soundcard
from support.terminal import Terminal

from inworld_rt import pcm
from inworld_rt.audio import Device, portaudio
from inworld_rt.audio.backend import Deliver, Stream
from inworld_rt.audio.paced import Null, Paced, RealClock
from inworld_rt.cli import devices, run
from inworld_rt.errors import DeviceError

RATES = "8000,16000,24000,32000,44100,48000"


def rows(text: str) -> dict[str, list[str]]:
    """Columns by name of the device; later tables win."""
    split = [line.split("\t") for line in text.splitlines()]
    return {columns[1]: columns for columns in split if len(columns) > 1}


# --- the list -------------------------------------------------------------------------------------


def test_a_pipe_gets_a_table_for_programs(
    soundcard: Soundcard, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is cut, however narrow the terminal; and nothing comes from ALSA."""
    monkeypatch.setenv("COLUMNS", "20")
    assert run(["devices"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert "\x1b" not in out
    found = rows(out)
    assert found["name"] == ["index", "name", "in", "out", "in rates", "out rates", "default"]
    assert found["mic"][4:] == [RATES, "", ""]
    assert found["speaker"][4:] == ["", RATES, ""]
    assert found["default"][4:] == [RATES, RATES, "mic,speaker"]
    assert found["default"][0] == "3"


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_a_terminal_gets_one_for_people(soundcard: Soundcard) -> None:
    with Terminal("devices") as terminal:
        status, _ = terminal.end()
        assert status == 0
        (default,) = [line for line in terminal.text.splitlines() if line.endswith("speaker ●")]
        assert default.split()[:2] == ["3", "default"]
        assert "mic ●" in default
        assert "8 16 24 32 44.1 48" in default
        assert "ALSA" not in terminal.text
        assert "jack" not in terminal.text.lower()


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_a_narrow_terminal_loses_nothing(soundcard: Soundcard) -> None:
    with Terminal("devices", width=40) as terminal:
        assert terminal.end()[0] == 0
        assert max(map(len, terminal.text.splitlines())) <= 40
        assert terminal.text.count("44.1") == 5


def test_no_device(bare_sound: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["devices"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: there is no sound device here; plug in")
    assert err.count("\n") == 1


def test_without_pyaudio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    portaudio.close()
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    assert run(["devices"]) == 1
    assert "install it with: " in capsys.readouterr().err


def test_recordings_are_devices_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INWORLD_RT_AUDIO", "wav")
    assert run(["devices"]) == 0
    found = rows(capsys.readouterr().out)
    assert found["microphone.wav"] == ["0", "microphone.wav", "1", "0", RATES, "", "mic"]
    assert found["speaker.wav"] == ["1", "speaker.wav", "0", "1", "", RATES, "speaker"]


def test_that_one_kind_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Deaf(Null):
        def devices(self, *, probe: bool = False) -> list[Device]:
            return [Device(0, "horn", outputs=1)]

    monkeypatch.setattr(devices, "find_backend", Deaf)
    assert run(["devices", "--levels"]) == 0
    assert "None of them is a microphone." in capsys.readouterr().out


# --- levels ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_levels_tell_which_microphone_hears(
    soundcard: Soundcard, capfd: pytest.CaptureFixture[str]
) -> None:
    tone = pcm.tone(400, 6000, pcm.AudioFormat())
    singing = Background(lambda: soundcard.speak(tone))
    assert run(["devices", "--levels"]) == 0
    singing.result()
    out, err = capfd.readouterr()
    assert err == ""
    found = rows(out)
    for name in ("mic", "default"):
        assert float(found[name][2].removesuffix(" dB")) == pytest.approx(pcm.level(tone), abs=2)
    for name in ("speaker", "fine"):
        assert found[name][2].startswith("cannot be opened: ")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_a_terminal_gets_meters(soundcard: Soundcard) -> None:
    """Nobody speaks, and a virtual microphone then gives zeros."""
    with Terminal("devices", "--levels") as terminal:
        assert terminal.end()[0] == 0
        assert "say something" in terminal.text
        assert terminal.text.count("pure silence: muted, or nothing is plugged in") == 2
        assert terminal.has_cursor
        assert terminal.modes == terminal.before


@pytest.mark.parametrize(
    ("db", "words"), [(-12.4, "-12 dB"), (-71.0, "-71 dB, nothing"), (-math.inf, "pure silence: ")]
)
def test_the_verdict(db: float, words: str) -> None:
    assert devices.Level(Device(0, "mic"), db).verdict.startswith(words)


def test_a_microphone_that_gives_nothing_is_not_waited_for() -> None:
    class Stalled(Null):
        def open_source(
            self, device: int | str | None, rates: Sequence[int], deliver: Deliver
        ) -> Stream:
            return Paced("stalled", rates[0], lambda n, at: None, RealClock())

    with pytest.raises(DeviceError, match="gives nothing"):
        list(devices._heard(Stalled(), Device(0, "stalled", inputs=1)))
