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
}
MAKES = {"hello": "joke.wav", "recorded_question": "answer.wav", "talk": "speaker.wav"}
# Where no sound device and no Raspberry Pi is: a recording is the microphone, and when it is over,
# so is the conversation.
SUBSTITUTES = {"INWORLD_RT_AUDIO": "wav", "GPIOZERO_PIN_FACTORY": "mock"}

pytest.importorskip("websockets", reason="the simulator needs websockets")


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_runs(sample, tmp_path, service):
    """It ends well, says something or leaves a file, and complains about nothing."""
    for name in ("question.wav", "microphone.wav"):
        shutil.copy(ROOT / "inworld_rt" / "cli" / "question.wav", tmp_path / name)

    done = subprocess.run(
        [sys.executable, "-W", "error", str(sample), *ARGUMENTS.get(sample.stem, [])],
        cwd=tmp_path,
        env={**os.environ, **SUBSTITUTES, **service, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    made = MAKES.get(sample.stem)
    assert (tmp_path / made).stat().st_size > 10_000 if made else done.stdout.strip()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_short_and_says_what_it_does(sample):
    """At most forty lines, the first of which explains it."""
    text = sample.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 40
    assert text.startswith('"""')
