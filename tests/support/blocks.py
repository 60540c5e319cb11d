"""The code blocks of a page, found in its source and run as a reader would.

A block that cannot be run here says so in a comment directly before it, which readers do not see::

    .. needs: a microphone

    .. code-block:: python

        client.talk()

Python is run, in one namespace for all blocks of a page, as if they were typed one after another;
what ``It prints:`` introduces is compared. Commands are run or checked: :mod:`support.commands`.
Blocks in other languages are there to be read.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
QUESTION = ROOT / "inworld_rt" / "cli" / "question.wav"
TYPED = "What is a whale?\n" * 2  # by a reader who is asked for input

_BLOCK = re.compile(
    r"^(?P<indent>\ *)\.\.\ (?:code-block|code|sourcecode)::\ *(?P<language>\w*)\n"
    r"(?:(?P=indent)\ +:.*\n)*"  # options
    r"\n"
    r"(?P<body>(?:(?P=indent)\ {2,}.*\n|\n)+)",
    re.MULTILINE | re.VERBOSE,
)
_NEEDS = re.compile(r"\s*\.\. needs: *(.*)")


class Block(NamedTuple):
    """One block.

    Attributes:
        language: of the block.
        text: without its indentation.
        line: of the page, where the text begins.
        lead: the last line of text before it.
        needs: what it takes to run it that is not here; empty if it can be run.
    """

    language: str
    text: str
    line: int
    lead: str
    needs: str


def read(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    source = page.read_text(encoding="utf-8") + "\n"
    return [_block(source, match) for match in _BLOCK.finditer(source)]


def _block(source: str, match: re.Match[str]) -> Block:
    lines = match["body"].rstrip().splitlines()
    depth = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    before = [line for line in source[: match.start()].splitlines() if line.strip()]
    lead = before[-1].strip() if before else ""
    needs = _NEEDS.fullmatch(lead)
    return Block(
        language=match["language"],
        text="\n".join(line[depth:] for line in lines) + "\n",
        line=source[: match.start("body")].count("\n") + 1,
        lead=lead,
        needs=needs[1] if needs else "",
    )


def of(page: Path, language: str) -> list[str]:
    """The texts of one language."""
    return [block.text for block in read(page) if block.language == language]


# --- Python ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quick_service() -> Iterator[dict[str, str]]:
    """A simulator that speaks as fast as it can, as the environment of a program."""
    from inworld_rt.simulator import Simulator

    with Simulator(pace=200) as server:
        yield {"INWORLD_REALTIME_URL": server.url, "INWORLD_API_KEY": server.api_key}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_service: dict[str, str]) -> Path:
    """Where a reader sits: a folder with a question in it, which is also the microphone, and an
    environment that leads to the simulator."""
    for name in ("question.wav", "microphone.wav"):
        shutil.copy(QUESTION, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    substitutes = {"INWORLD_RT_AUDIO": "wav", "GPIOZERO_PIN_FACTORY": "mock"}
    for name, value in {**quick_service, **substitutes}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["program.py", "question.wav", "answer.wav"])
    return tmp_path


def run(
    program: str, names: dict[str, Any] | None = None, *, page: str = "page", line: int = 1
) -> str:
    """Run a program in this process.

    Args:
        program: its text.
        names: of the programs before it on the page.
        page: its file, for tracebacks.
        line: where it begins there.

    Returns:
        What it printed.
    """
    names = {"__name__": "__main__"} if names is None else names
    code = compile("\n" * (line - 1) + program, page, "exec", dont_inherit=True)
    output, complaints, before = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(TYPED)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaints):
            exec(code, names)
    finally:
        sys.stdin = before
    assert complaints.getvalue() == ""
    return output.getvalue()


def run_page(page: Path) -> int:
    """Run a page's Python from top to bottom, and compare what is said to be printed.

    Returns:
        How many blocks ran.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    printed, count = "", 0
    for block in read(page):
        if block.language == "python" and not (block.needs or is_test(block)):
            printed = run(block.text, names, page=str(page), line=block.line)
            count += 1
        elif block.language == "text" and block.lead == "It prints:":
            check_printed(block.text, printed)
    return count


def is_test(block: Block) -> bool:
    """Whether it is for pytest rather than for Python."""
    return re.search(r"^def test_", block.text, re.MULTILINE) is not None


def write_tests(page: Path, folder: Path) -> None:
    """Write a page's tests into files, one for each block."""
    for block in read(page):
        if block.language == "python" and is_test(block) and not block.needs:
            name = f"test_{page.stem.replace('-', '_')}_{block.line}.py"
            (folder / name).write_text(block.text, encoding="utf-8")


def check_printed(shown: str, printed: str) -> None:
    """Compare; ``...`` stands for anything."""
    same = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)
    assert same, f"the page shows:\n{shown}\nprinted is:\n{printed}"
