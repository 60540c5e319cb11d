"""The README's code blocks, run as they stand."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text(encoding="utf-8")
QUESTION = ROOT / "inworld_rt" / "cli" / "question.wav"

pytest.importorskip("websockets", reason="the simulator needs websockets")


def blocks(language: str) -> list[str]:
    """The code blocks of one language, without their indentation."""
    found = []
    pattern = rf"^( *)\.\. code-block:: {language}\n\n((?:\1    .*\n|\n)+)"
    for match in re.finditer(pattern, README, re.MULTILINE):
        indent = len(match[1]) + 4
        found.append("\n".join(line[indent:] for line in match[2].rstrip().splitlines()))
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the recorded question in it, which is also the microphone."""
    shutil.copy(QUESTION, tmp_path / "question.wav")
    shutil.copy(QUESTION, tmp_path / "microphone.wav")
    return tmp_path


def run(program: str, place: Path, service: dict[str, str]) -> str:
    """What a program prints that is a file of its own and talks to the simulator."""
    (place / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        cwd=place,
        env={**os.environ, **service, "INWORLD_RT_AUDIO": "wav", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_block_runs(number, place, service):
    """Each program works as it stands."""
    run(blocks("python")[number], place, service)


@pytest.mark.slow
def test_errors_look_as_shown(place, service):
    """The output that is shown is the output there is."""
    (program,) = (block for block in blocks("python") if "except ConfigError" in block)
    assert run(program, place, service).splitlines() == blocks("text")[0].splitlines()


def test_it_renders_without_a_warning_and_is_short():
    """On the page of a package index, and for a reader with five minutes."""
    core = pytest.importorskip("docutils.core", reason="docutils renders it")
    for name in ("README.rst", "CHANGELOG.rst"):
        text = (ROOT / name).read_text(encoding="utf-8")
        settings = {"report_level": 2, "halt_level": 2, "syntax_highlight": "none"}
        core.publish_string(text, writer="html5", settings_overrides=settings)
    assert len(README.splitlines()) < 250


def test_readme_has_the_promised_blocks():
    """The first commands are the two that matter, and a three-line program follows."""
    assert [line.split("#")[0].split() for line in blocks("console")[0].splitlines()] == [
        ["$", "make", "demo"],
        ["$", "make", "test"],
    ]
    assert len(blocks("python")[0].splitlines()) == 3


def commands() -> list[str]:
    """The lines typed in console blocks, without prompt and comment."""
    lines = "\n".join(blocks("console")).splitlines()
    return [re.sub(r"\s+#.*", "", line[2:]) for line in lines if line[:2] in ("$ ", "> ")]


def check_make(words: list[str], place: Path) -> None:
    subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)


def check_pip(words: list[str], place: Path) -> None:
    """The extras that are named exist."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    package = re.fullmatch(r"['\"]?inworld_rt(?:\[([a-z,]+)\])?['\"]?", words[-1])
    assert package
    for extra in (package[1] or "").split(","):
        assert not extra or extra in config["options.extras_require"]


def check_inworld_rt(words: list[str], place: Path) -> None:
    from inworld_rt.cli import cli

    command = cli.get_command(None, words[1])  # type: ignore[arg-type]
    assert command is not None
    if words[1] != "simulate":
        return  # they have tests of their own
    scripts = Path(sysconfig.get_path("scripts"))
    executable = [str(scripts / words[0])] if (scripts / words[0]).exists() else []
    executable = executable or [sys.executable, "-m", "inworld_rt"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*executable, *words[1:]], stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline().strip() == (
                "ws://127.0.0.1:8765/api/v1/realtime/session"
            )
        finally:
            process.terminate()


def check_venv(words: list[str], place: Path) -> None:
    options = {"--system-site-packages"}
    assert words[1:3] == ["-m", "venv"] and set(words[3:-1]) <= options
    venv.create(place / "env", system_site_packages="--system-site-packages" in words)


def check_known(words: list[str], place: Path) -> None:
    """Installs system packages, or sets a variable: its form is all that can be checked here."""
    assert words[:3] in (["sudo", "apt", "install"], ["brew", "install", "portaudio"]) or (
        words[0] == "export" and re.fullmatch(r"(INWORLD_[A-Z_]+|CPATH)=\S+", words[1])
    )


CHECKS = {
    "make": check_make,
    "pip": check_pip,
    ".venv/bin/pip": check_pip,
    r".venv\Scripts\pip": check_pip,
    "inworld-rt": check_inworld_rt,
    r".venv\Scripts\inworld-rt": check_inworld_rt,
    "python3": check_venv,
    "py": check_venv,
    "sudo": check_known,
    "brew": check_known,
    "export": check_known,
}


@pytest.mark.slow
@pytest.mark.parametrize("command", dict.fromkeys(commands()))
def test_command_line_works(command, place):
    """Each typed line is run, or checked as far as a machine without its system allows."""
    words = command.split()
    CHECKS[words[0]](words, place)
