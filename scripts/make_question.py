"""Make the demo's recorded question, with the simulator's own voice.

Usage: python scripts/make_question.py [words]
"""

from __future__ import annotations

import sys
from pathlib import Path

from inworld_rt.audio import wav
from inworld_rt.simulator.voice import find_voice

RATE = 24000
QUESTION = "What time is it?"
TARGET = Path(__file__).parent.parent / "inworld_rt" / "cli" / "question.wav"


def main() -> None:
    """Speak the question, with the quiet around it that a recording has."""
    question = " ".join(sys.argv[1:]) or QUESTION
    quiet = bytes(2 * RATE * 3 // 10)
    speech = b"".join(find_voice().speak(question, voice="Jason", rate=RATE))
    wav.write(TARGET, quiet + speech + quiet, RATE)
    print(f"{TARGET.name}: {question}")


if __name__ == "__main__":
    main()
