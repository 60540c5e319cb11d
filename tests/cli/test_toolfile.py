"""Tools for the chat: harmless ones, and those of a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")

from inworld_rt.cli import toolfile
from inworld_rt.errors import ConfigError

FILE = """
import helper

def weather(city: str) -> str:
    '''Tell the weather.'''
    return helper.words(city)

def secret() -> None:
    '''Not for the model.'''
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_what_is_in_the_list(tmp_path):
    """And what lies beside the file can be imported by it."""
    (tmp_path / "helper.py").write_text("def words(city): return f'Sunny in {city}.'\n")
    (weather,) = toolfile.load(write(tmp_path, FILE + "\nTOOLS = [weather]\n"))
    assert weather("Oslo") == "Sunny in Oslo."


@pytest.mark.parametrize("end", ["", "TOOLS = []", "TOOLS = weather"])
def test_without_a_list_it_says_what_to_write(end, tmp_path):
    (tmp_path / "helper.py").touch()
    with pytest.raises(ConfigError, match=re.escape("at its end: TOOLS = [weather, secret]")):
        toolfile.load(write(tmp_path, FILE + end))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\nx = x / 0", "line 2: ZeroDivisionError: division by zero"),
        ("x = 1\n\nx = = 2", "line 3: SyntaxError: "),
        ("import not_there_at_all", "line 1: ModuleNotFoundError: "),
    ],
)
def test_a_mistake_in_it_is_told_with_its_line(text, words, tmp_path):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(f"{path}, {words}")):
        toolfile.load(path)


def test_what_is_no_python_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.touch()
    with pytest.raises(ConfigError, match=r"its name must end in \.py"):
        toolfile.load(path)
    with pytest.raises(FileNotFoundError):
        toolfile.load(tmp_path / "none.py")


def test_the_harmless_ones():
    """They need no package that reads signatures, and what the model asks for is kept in bounds."""
    clock, dice = toolfile.harmless()
    assert re.fullmatch(r"\w+day, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+", str(clock.arguments("")()))
    thrown = dice.arguments('{"count": 3, "sides": 2}')()
    assert len(thrown) == 3 and set(thrown) <= {1, 2}
    assert len(dice.arguments('{"count": 1000000000}')()) == 100
