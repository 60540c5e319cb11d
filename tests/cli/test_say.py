"""``inworld-rt say``: heard, kept, or piped; what it prints is what happened."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.cli import run, sound

TEXT = "Repeat after me: yes."
ANSWER = "Yes."


@pytest.fixture
def no_loudspeaker(monkeypatch):
    monkeypatch.setattr(sound, "why_silent", lambda: "there is no loudspeaker here")


def is_speech(samples: bytes) -> bool:
    return pcm.level(samples) > -45.0


def test_a_file(place, capsys):
    """It is not played then."""
    assert run(["say", TEXT, "-o", "answer.wav"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{ANSWER}\n" and err.count("\n") == 1
    answer = wav.read("answer.wav")
    assert answer.rate == 24000 and is_speech(answer.pcm)


def test_it_is_played_where_that_can_be(place, monkeypatch, capsys):
    monkeypatch.setenv("INWORLD_RT_AUDIO", "wav")
    assert run(["say", TEXT]) == 0
    assert capsys.readouterr().out == f"{ANSWER}\n"
    assert is_speech(wav.read("speaker.wav").pcm)


def test_on_the_loudspeaker_that_was_chosen_and_kept_as_well(place, monkeypatch):
    monkeypatch.setenv("INWORLD_RT_AUDIO", "wav")
    assert run(["say", TEXT, "--play", "--speaker", "mine.wav", "-o", "kept.wav"]) == 0
    assert is_speech(wav.read("mine.wav").pcm) and is_speech(wav.read("kept.wav").pcm)


def test_without_a_loudspeaker_it_tells_how_to_keep_it(place, no_loudspeaker, capsys):
    """What could be had, the words, is there; that is no failure."""
    assert run(["say", TEXT]) == 0
    out, err = capsys.readouterr()
    assert out == f"{ANSWER}\n"
    assert "Not played (to keep it, add -o answer.wav): there is no loudspeaker here" in err


def test_play_insists(no_loudspeaker, capsys):
    """And costs nothing then."""
    assert run(["say", TEXT, "--play"]) == 1
    assert capsys.readouterr().err == "error: --play: there is no loudspeaker here\n"


def test_no_play_is_no_reason_to_complain(place, no_loudspeaker, capsys):
    assert run(["say", TEXT, "--no-play"]) == 0
    assert "Not played" not in capsys.readouterr().err


def test_json_of_standard_input(place, no_loudspeaker, pipe, capsys):
    pipe(TEXT)
    assert run(["say", "-", "--json", "-o", "answer.wav"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["asked"], told["text"], told["status"]) == (TEXT, ANSWER, "completed")
    assert (told["file"], told["played"]) == ("answer.wav", False)
    assert told["seconds"] == pytest.approx(wav.read("answer.wav").seconds, abs=0.001)
    assert 0.0 < told["latency"]["first_audio"] <= told["latency"]["total"]


def test_a_pipe_gets_a_wav_file_without_an_end(place, capsysbinary):
    """Its head says so in the usual way; all else goes to standard error."""
    assert run(["say", TEXT, "-o", "-"]) == 0
    out, err = capsysbinary.readouterr()
    assert out[:4] == b"RIFF" and out[4:8] == out[40:44] == b"\xff" * 4
    assert ANSWER in err.decode()
    ours, theirs = wav.read(io.BytesIO(out)), wave.open(io.BytesIO(out))
    assert (ours.rate, ours.channels) == (theirs.getframerate(), theirs.getnchannels())
    frames = b"".join(iter(lambda: theirs.readframes(1000), b""))
    assert ours.pcm == frames == out[44:] and is_speech(frames)


def test_samples_alone(place, capsysbinary):
    assert run(["say", TEXT, "-o", "-", "--format", "raw", "--rate", "8000"]) == 0
    out, _ = capsysbinary.readouterr()
    assert is_speech(out) and len(out) % 2 == 0
    assert run(["say", TEXT, "-o", "answer.raw", "--rate", "8000"]) == 0
    seconds = [len(out) / 16000, Path("answer.raw").stat().st_size / 16000]
    assert seconds[0] == pytest.approx(seconds[1], abs=0.2) and seconds[0] > 0.3


def test_a_file_behind_standard_output_gets_its_length(place):
    """Which the wave module and editors go by."""
    command = [sys.executable, "-m", "inworld_rt", "say", TEXT, "-o", "-"]
    with open("answer.wav", "wb") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, timeout=50)
    assert done.returncode == 0
    with wave.open("answer.wav") as answer:
        assert answer.getnframes() * 2 + 44 == os.path.getsize("answer.wav")


def test_a_player_that_goes_away_is_no_trouble(place):
    command = [sys.executable, "-m", "inworld_rt", "say", "Tell me a story.", "-o", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert process.stdout.read(44).startswith(b"RIFF")
        process.stdout.close()
        err = process.stderr.read().decode()
        assert process.wait(timeout=50) == 1
    assert err.startswith("Connecting to ") and "error" not in err and "Traceback" not in err


def test_speed(place, capsys):
    seconds = []
    for speed in ("0.5", "1.5"):
        assert run(["say", TEXT, "--json", "-o", "answer.wav", "--speed", speed]) == 0
        seconds.append(json.loads(capsys.readouterr().out)["seconds"])
    assert seconds[0] > seconds[1]


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["hi", "-o", "a.mp3"], 2, 'ffmpeg -i "a.wav" "a.mp3"'),
        (["hi", "-o", "-", "--json"], 2, "--json and -o - both want standard output"),
        (["hi", "--format", "raw"], 2, "--format is for --output"),
        (["hi", "--speed", "9"], 2, "--speed"),
        (["hi", "-o", "none/a.wav"], 1, "none: no such folder; make it first"),
        (["hi", "-o", "."], 2, "is a directory"),
        ([" "], 2, "it is empty"),
        (["half a character: \ud83d"], 2, "not in UTF-8"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_said(argv, status, words, place, capsys):
    assert run(["say", "--no-play", *argv]) == status
    out, err = capsys.readouterr()
    assert out == "" and words in err and err.rstrip().splitlines()[-1].lower().startswith("error:")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_takes_nothing(place, capsys):
    Path("closed").mkdir(mode=0o500)
    assert run(["say", "hi", "-o", "closed/a.wav"]) == 1
    assert "closed: nothing may be written here" in capsys.readouterr().err


def test_a_terminal_is_not_filled_with_sound(place, monkeypatch, capsys):
    monkeypatch.setattr("inworld_rt.cli.say.is_terminal", lambda stream: True)
    assert run(["say", "hi", "-o", "-"]) == 2
    assert "pipe it into a player" in capsys.readouterr().err


def test_nothing_to_say_in_a_terminal_is_wrong_use(monkeypatch, capsys):
    monkeypatch.setattr("inworld_rt.cli.typed.is_terminal", lambda stream: True)
    assert run(["say"]) == 2
    assert "inworld-rt say Tell me a joke." in capsys.readouterr().err


def test_recording(place, capsys):
    assert run(["say", TEXT, "--no-play", "--record", "kept"]) == 0
    assert capsys.readouterr().err.rstrip().endswith(f"inworld-rt report {Path('kept').absolute()}")
    assert ANSWER in (place / "kept" / "transcript.txt").read_text(encoding="utf-8")
