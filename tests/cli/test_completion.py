"""Completion: commands, options and values, as a shell asks for them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")

from click.shell_completion import ShellComplete

from inworld_rt import cli


def completed(*words: str) -> list[str]:
    """What the last of some words may become."""
    *before, last = words
    shell = ShellComplete(cli.cli, {}, "inworld-rt", "_INWORLD_RT_COMPLETE")
    return [item.value for item in shell.get_completions(before, last)]


def test_the_commands() -> None:
    assert completed("") == sorted(cli.COMMANDS)
    assert completed("tr") == ["transcribe"]


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_the_options_of_every_command(name: str) -> None:
    shown = [p for p in cli.load_command(name).params if not getattr(p, "hidden", False)]
    options = {o for p in shown for o in (*p.opts, *p.secondary_opts)}
    wanted = {option for option in options if option.startswith("--")}
    assert set(completed(name, "--")) == wanted | {"--help"}


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("say", "--format", ""), ["wav", "raw"]),
        (("say", "hello", "--rate", "4"), ["44100", "48000"]),
        (("talk", "--echo", "c"), ["cancel"]),
        (("simulate", "--replies", ""), ["lesson", "echo"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_the_values_of_choices(words: tuple[str, ...], values: list[str]) -> None:
    assert completed(*words) == values


@pytest.mark.parametrize("words", [("nonsense", ""), ("nonsense", "--"), ("say", "--nonsense", "")])
def test_a_slip_is_no_error_while_one_types(words: tuple[str, ...]) -> None:
    completed(*words)


def test_a_broken_config_file_is_not_in_the_way(home: Path) -> None:
    (home / "config.toml").write_text("voice")
    assert completed("say", "--format", "w") == ["wav"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_ends_with_how_to_install_it(shell: str, capsys) -> None:
    assert cli.run(["completion", shell]) == 0
    out, _ = capsys.readouterr()
    assert f"_INWORLD_RT_COMPLETE={shell}_complete" in out
    script, _, how = out.partition("\n# To have it")
    assert f"inworld-rt completion {shell}" in how
    assert all(line.startswith("#") for line in how.splitlines()[1:])
    assert script.startswith("#compdef inworld-rt") is (shell == "zsh")


def test_the_shell_in_use(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert cli.run(["completion"]) == 0
    assert "fish_complete" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert cli.run(["completion"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(tmp_path: Path) -> None:
    """The whole way, with the script that is printed."""
    program = tmp_path / "inworld-rt"
    start = "import sys; from inworld_rt.__main__ import main; sys.argv[0] = 'inworld-rt'; main()"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" "$@"\n')
    program.chmod(0o755)
    script = (
        f'PATH="{tmp_path}:$PATH"; eval "$(inworld-rt completion bash)"\n'
        "COMP_WORDS=(inworld-rt say --form) COMP_CWORD=2\n"
        '_inworld_rt_completion inworld-rt; echo "${COMPREPLY[*]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.stdout, done.stderr) == ("--format\n", "")
