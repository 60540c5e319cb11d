"""Every sample, run as its user would, against the simulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.py"))
ARGUMENTS = {
    "recorded_question": ["question.wav", "answer.wav"],
    "push_to_talk": ["question.wav"],
    "transcribe": ["question.wav"],
    "listener": ["question.wav"],
}
MAKES = {"hello": "joke.wav", "recorded_question": "answer.wav", "talk": "speaker.wav"}
# What the service does only where it is switched on for the account, or maybe not at all.
QUIRKS = {
    "listener": {"backchannel_script": "mm-hm", "filler_script": "on", "turn_suggestions": True},
    "history": {"out_of_band": True},
}
# Where no sound device and no Raspberry Pi is: a recording is the microphone, and when it is over,
# so is the conversation.
SUBSTITUTES = {"INWORLD_RT_AUDIO": "wav", "GPIOZERO_PIN_FACTORY": "mock"}

pytest.importorskip("websockets", reason="the simulator needs websockets")

from inworld_rt.simulator import Simulator  # noqa: E402 - only where it can run


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_runs(sample, tmp_path):
    """It ends well, says something or leaves a file, and complains about nothing."""
    with Simulator(quirks=QUIRKS.get(sample.stem)) as server:
        run(sample, tmp_path, server)


@pytest.mark.slow
def test_memory_knows_the_user_again(tmp_path):
    """The sample says to run it twice."""
    sample = ROOT / "samples" / "memory.py"
    with Simulator() as server:
        assert "It knows now:\n  The user's name is Anna." in run(sample, tmp_path, server)
        assert "Your name is Anna." in run(sample, tmp_path, server)


def run(sample, tmp_path, server):
    """Run a sample as its user would; returns what it prints."""
    for name in ("question.wav", "microphone.wav"):
        shutil.copy(ROOT / "inworld_rt" / "cli" / "question.wav", tmp_path / name)

    done = subprocess.run(
        [sys.executable, "-W", "error", str(sample), *ARGUMENTS.get(sample.stem, [])],
        cwd=tmp_path,
        env={
            **os.environ,
            **SUBSTITUTES,
            "INWORLD_REALTIME_URL": server.url,
            "INWORLD_API_KEY": server.api_key,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    made = MAKES.get(sample.stem)
    assert (tmp_path / made).stat().st_size > 10_000 if made else done.stdout.strip()
    return done.stdout


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_short_and_says_what_it_does(sample):
    """At most forty lines, the first of which explains it."""
    text = sample.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 40
    assert text.startswith('"""')
