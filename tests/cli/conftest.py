"""What holds for the command line's tests: no config file but the test's own."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Install = Callable[[Callable[..., object]], None]
Type = Callable[[str | bytes], None]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the user's settings."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("INWORLD_RT_HOME", str(folder))
    return folder


@pytest.fixture
def place(service: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and a simulator in the environment."""
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Type:
    """Puts a text, or bytes, into standard input."""

    def put(text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))

    return put


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a function, or a command, into the table, as the command ``probe``."""
    import click

    from inworld_rt import cli

    def add(function: Callable[..., Any]) -> None:
        module = types.ModuleType("probe_command")
        made = function if isinstance(function, click.Command) else click.command("probe")(function)
        module.probe = made  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "probe_command", module)
        monkeypatch.setitem(cli.COMMANDS, "probe", cli.Row("probe_command:probe", "Try it."))

    return add
