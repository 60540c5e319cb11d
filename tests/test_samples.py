"""Every sample, run to its end against the simulator, with somebody who uses it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.background import PATIENCE
from support.stage import QUESTION, Scene, Stage, staged

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.py"))
ARGUMENTS = {
    "events": ["question.wav"],
    "listener": ["question.wav"],
    "recorded_question": ["question.wav", "answer.wav"],
    "translator": ["question.wav", "French"],
}
WITH_OWN_TESTS = {"doorbell", "memory"}
HURRIED = {"telephony"}  # whose network is four times as fast as in life
# What it leaves behind; the others say something.
MAKES = {
    "captions": ["three.wav", "three.srt"],
    "hello": ["joke.wav"],
    "narration": ["story/1-robot.wav", "story/results.jsonl"],
    "recorded_question": ["answer.wav"],
    "translator": ["French-1.wav"],
    "voices": ["Clive.wav", "Sarah.wav", "Olivia.wav"],
}
# Words that show that it does what it says.
PRINTS = {
    "classroom_token": "five",
    "events": "< input_audio_buffer.cleared",
    "history": "the server has kept",
    "listener": "Meanwhile: mm-hm",
    "quiz": "Points: 1.",
    "streaming": "twelve",
    "tools": "lamp in the kitchen: on",
    "translator": "0.0 s",
    "voices": "Clive: ",
    "without_account": "five",
}
# What the service does only where it is switched on for the account, or maybe not at all.
QUIRKS = {
    "listener": {"backchannel_script": "mm-hm", "filler_script": "on", "turn_suggestions": True},
    "history": {"out_of_band": True},
}

pytest.importorskip("websockets", reason="the simulator needs websockets")

from inworld_rt.simulator import Simulator  # noqa: E402 - only where it can run

# --- who uses them -------------------------------------------------------------------------------


def talk(stage: Stage) -> None:
    """Asks aloud, hears the answer, presses Ctrl-C."""
    stage.time_passes(lambda: stage.sound.speaker_rate)
    stage.ask()
    stage.time_passes(lambda: stage.audible)
    stage.interrupt()


def listen(stage: Stage) -> None:
    """Hears something and waits."""
    stage.time_passes(lambda: stage.audible)
    stage.time_passes(lambda: stage.over)


def push_to_talk(stage: Stage) -> None:
    """Presses Enter, speaks, presses Enter again."""
    stage.until("or write q")
    stage.type("")
    stage.until("It listens")
    stage.ask()
    stage.type("")
    stage.until("or write q", times=2)
    stage.time_passes(lambda: stage.audible)
    stage.type("q")


def button(stage: Stage) -> None:
    """Holds the button to speak, and watches the lamp."""
    stage.until("Hold the button")
    bell, lamp = stage.pin(17), stage.pin(18)
    bell.drive_low()
    stage.time_passes(lambda: lamp.state)
    stage.ask()
    bell.drive_high()
    stage.time_passes(lambda: stage.audible)
    stage.time_passes(lambda: not lamp.state)
    stage.interrupt()


def doorbell(stage: Stage) -> None:
    """Rings, is greeted, speaks, and rings again to end it."""
    stage.until("Waiting for visitors")
    bell = stage.pin(17)
    bell.drive_low()
    stage.time_passes(lambda: stage.finished)  # with the greeting
    bell.drive_high()
    stage.ask()
    stage.time_passes(lambda: not stage.finished)
    stage.time_passes(lambda: stage.finished)
    bell.drive_low()
    bell.drive_high()
    stage.until("Waiting for visitors", times=2)
    stage.interrupt()


def captions(stage: Stage) -> None:
    """Reads along, and asks something."""
    stage.time_passes(lambda: stage.audible)
    stage.ask()
    stage.time_passes(lambda: "\x1b[2J" in stage.screen.getvalue())
    stage.interrupt()


def quiz(stage: Stage) -> None:
    """Answers both questions."""
    for line in ("Next question, please.", "My answer is eight.") * 2:
        stage.type(line)
    stage.type("Next question, please.")
    stage.type("")


def memory(stage: Stage) -> None:
    """Says who she is."""
    for line in ("My name is Anna.", "Please count to three.", ""):
        stage.type(line)


SCENES: dict[str, Scene] = {
    "button": button,
    "captions": captions,
    "events": listen,
    "push_to_talk": push_to_talk,
    "quiz": quiz,
    "talk": talk,
}

# --- what is promised ----------------------------------------------------------------------------


def run(sample: str, folder: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene | None) -> str:
    """Run a sample as its user would; returns what it prints."""
    shutil.copy(QUESTION, folder / "question.wav")
    arguments = ARGUMENTS.get(sample, [])
    pace = 5 if sample == "events" else 50  # that one stops an answer before it is complete
    if sample in HURRIED:
        sleep = time.sleep
        monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds / 4))
    with Simulator(quirks=QUIRKS.get(sample), pace=pace) as server:
        environment = {"INWORLD_REALTIME_URL": server.url, "INWORLD_API_KEY": server.api_key}
        with staged(monkeypatch, folder, **environment) as stage:
            return stage.run(ROOT / "samples" / f"{sample}.py", arguments, scene)


@pytest.mark.slow
@pytest.mark.parametrize("sample", sorted({path.stem for path in SAMPLES} - WITH_OWN_TESTS))
def test_sample_runs(sample, tmp_path, monkeypatch, capfd):
    """It ends well, does what it says, and complains about nothing."""
    printed = run(sample, tmp_path, monkeypatch, SCENES.get(sample))

    for made in MAKES.get(sample, ()):
        assert (tmp_path / made).stat().st_size > 30
    assert PRINTS.get(sample, "") in printed
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_memory_knows_the_user_again(tmp_path, monkeypatch):
    """The sample says to run it twice."""
    run("memory", tmp_path, monkeypatch, memory)
    assert "It knows: The user's name is Anna." in run("memory", tmp_path, monkeypatch, memory)


@pytest.mark.slow
def test_visitors_are_in_the_book(tmp_path, monkeypatch):
    """With what was said, on both sides."""
    run("doorbell", tmp_path, monkeypatch, doorbell)
    book = (tmp_path / "visitors.txt").read_text(encoding="utf-8")
    assert book.count("user: ") == book.count("assistant: ") == 2


def test_sample_runs_as_a_program(tmp_path, service):
    """As it is typed, where any warning is an error; the others run within these tests."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "samples" / "hello.py")],
        cwd=tmp_path,
        env={**os.environ, **service, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "joke.wav").stat().st_size > 10_000


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_short_and_says_what_it_does(sample):
    """Six to forty lines, the first of which explains it."""
    text = sample.read_text(encoding="utf-8")

    assert 6 <= len(text.splitlines()) <= 40
    assert text.startswith('"""')


def test_there_are_not_too_many():
    """Few enough to read them all."""
    assert 15 <= len(SAMPLES) <= 21


def test_every_sample_is_taught():
    """Each is in a lesson or a recipe, and there is nothing that is not there."""
    pages = [
        *(ROOT / "docs" / "tutorial").glob("*.rst"),
        *(ROOT / "docs" / "recipes").glob("*.rst"),
    ]
    shown = {
        (page.parent / path).resolve()
        for page in pages
        for path in re.findall(r"literalinclude:: (\S+)", page.read_text(encoding="utf-8"))
    }

    assert shown >= set(SAMPLES)
    assert all(path.is_file() for path in shown)


@pytest.mark.parametrize("number", range(1, 8))
def test_lesson_has_all_its_parts(number):
    """A teacher finds the same things at the same places."""
    lesson = (ROOT / "docs" / "tutorial" / f"lesson{number}.rst").read_text(encoding="utf-8")

    parts = re.findall(r"^(.+)\n-+$", lesson, re.MULTILINE)
    assert parts == [
        "What you need",
        "The program",
        "What you should see",
        "What is going on",
        "Exercises",
        "What can go wrong",
        "Solutions",
    ]
    assert re.match(rf"Lesson {number}: .+\n=+\n\n\S", lesson)  # and first of all the goal
