"""The README's code blocks, run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support import commands
from support.blocks import ROOT, check_printed, of, place, quick_service, read, run

__all__ = ["place", "quick_service"]  # fixtures

README = ROOT / "README.rst"
PYTHON = of(README, "python")

pytest.importorskip("websockets", reason="the simulator needs websockets")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_block_runs(number: int, place: Path) -> None:
    """Each program works as it stands."""
    run(PYTHON[number])


@pytest.mark.slow
def test_errors_look_as_shown(place: Path) -> None:
    """The output that is shown is the output there is."""
    (program,) = (block for block in PYTHON if "except ConfigError" in block)
    check_printed(of(README, "text")[0], run(program))


def test_it_renders_without_a_warning_and_is_short() -> None:
    """On the page of a package index, and for a reader with five minutes."""
    core = pytest.importorskip("docutils.core", reason="docutils renders it")
    for name in ("README.rst", "CHANGELOG.rst"):
        text = (ROOT / name).read_text(encoding="utf-8")
        settings = {"report_level": 2, "halt_level": 2, "syntax_highlight": "none"}
        core.publish_string(text, writer="html5", settings_overrides=settings)
    assert len(README.read_text(encoding="utf-8").splitlines()) < 250


def test_readme_has_the_promised_blocks() -> None:
    """The first commands are the two that matter, and a three-line program follows."""
    assert [line.split("#")[0].split() for line in of(README, "console")[0].splitlines()] == [
        ["$", "make", "demo"],
        ["$", "make", "test"],
    ]
    assert len(PYTHON[0].splitlines()) == 3


LINES = dict.fromkeys(line for _, line in commands.typed(read(README)))


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_command_line_works(line: str, place: Path) -> None:
    """Each typed line is run, or checked as far as a machine without its system allows."""
    commands.check(line, place)


@pytest.mark.slow
def test_simulator_serves_where_the_readme_says() -> None:
    """The one line it prints is the one to put into ``INWORLD_REALTIME_URL``."""
    (line,) = (line for line in LINES if line.startswith("inworld-rt simulate"))
    (setting,) = (line for line in LINES if line.startswith("export INWORLD_REALTIME_URL="))
    scripts = Path(sysconfig.get_path("scripts"))
    name, *arguments = line.split()
    executable = [str(scripts / name)] if (scripts / name).exists() else []
    executable = executable or [sys.executable, "-m", "inworld_rt"]
    with subprocess.Popen(
        [*executable, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline().strip() == setting.partition("=")[2]
        finally:
            process.terminate()
