"""The fixtures, as somebody else's tests have them, and the example of the documentation."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import inworld_rt.testing

QUESTION = Path(inworld_rt.__file__).parent / "cli" / "question.wav"

pytestmark = pytest.mark.slow  # each starts another pytest
pytest.importorskip("websockets", reason="websockets is not installed (extra: simulator)")


def run(folder: Path, test: str) -> str:
    """What pytest says of a test module, somewhere else."""
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    shutil.copy(QUESTION, folder / "question.wav")
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, "."], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def example() -> str:
    """The first piece of code in the documentation."""
    doc = inspect.getdoc(inworld_rt.testing) or ""
    found = re.search(r"::\n\n((?: {4}.*\n|\n)+)", doc)
    assert found
    return textwrap.dedent(found[1])


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    names = [node.name for node in ast.parse(example()).body if isinstance(node, ast.FunctionDef)]
    assert names == ["test_a_question_is_answered_aloud"]
    assert "1 passed" in run(tmp_path, example())


OVERRIDDEN = """
import pytest
from inworld_rt.simulator import Simulator, scripted

pytest_plugins = ["inworld_rt.testing.plugin"]  # as before it was found by itself: does no harm

@pytest.fixture
def inworld_simulator():
    with Simulator(replies=scripted(["Yes.", "No."])) as simulator:
        yield simulator

def test_yes(inworld_client):
    assert inworld_client.ask("Is it?") == "Yes."

def test_each_test_has_its_own(inworld_client, inworld_simulator):
    assert inworld_client.ask("Is it?") == "Yes."
    assert inworld_simulator.sessions == 1
"""


def test_another_simulator(tmp_path: Path) -> None:
    assert "2 passed" in run(tmp_path, OVERRIDDEN)


def test_it_costs_those_nothing_who_test_other_things(tmp_path: Path) -> None:
    """It is loaded in every run of pytest on this Python."""
    said = run(
        tmp_path,
        """
        import sys

        def test_only_what_is_needed():
            loaded = {name for name in sys.modules if name.startswith("inworld_rt.")}
            assert loaded <= {"inworld_rt." + name for name in
                              ("_version", "lazy", "testing", "testing.plugin")}
            assert not {"attr", "websocket"} & loaded
        """.replace("\n        ", "\n"),
    )
    assert "1 passed" in said


def test_pytest_is_not_needed_for_the_rest() -> None:
    code = "import sys, inworld_rt.testing; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
