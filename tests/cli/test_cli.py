"""The shell of the command line; what a command does is tested beside the command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

click = pytest.importorskip("click")

from inworld_rt import cli, extras  # noqa: E402
from inworld_rt._version import __version__  # noqa: E402
from inworld_rt.errors import ConfigError, ConnectError, InworldError  # noqa: E402

Install = Callable[[Callable[..., object]], None]


def raises(exc: BaseException) -> Callable[[], object]:
    def function() -> object:
        raise exc

    return function


def python(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=60)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"inworld-rt, version {__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    out = capsys.readouterr().out
    for name, row in cli.COMMANDS.items():
        assert f"  {name}" in out
        assert row.summary in out


def test_help_imports_no_command() -> None:
    done = python(
        "-c",
        "import sys\n"
        "from inworld_rt import cli\n"
        "assert cli.run(['--help']) == 0\n"
        "targets = {row.target.partition(':')[0] for row in cli.COMMANDS.values()}\n"
        "assert not targets & set(sys.modules)\n",
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_row_is_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: inworld-rt {name} ")


def test_summaries_fit_a_terminal() -> None:
    longest = max(map(len, cli.COMMANDS))
    for row in cli.COMMANDS.values():
        assert longest + len(row.summary) + 4 <= 78
        assert row.summary.endswith(".")


@pytest.mark.parametrize(
    ("argv", "word"), [(["nonsense"], "nonsense"), (["--nonsense"], "--nonsense")]
)
def test_wrong_use(argv: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert word in captured.err
    assert "help" in captured.err  # the hint; click spells it in several ways


@pytest.mark.parametrize(
    ("typed", "meant"), [("demoo", "Did you mean 'demo'?"), ("simulat", "Did you mean 'simulate'?")]
)
def test_a_slip_is_answered_with_what_was_meant(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([typed]) == 2
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (3, 3)])
def test_what_a_command_returns_is_the_status(
    returned: object, status: int, install: Install
) -> None:
    install(lambda: returned)
    assert cli.run(["probe"]) == status


@pytest.mark.parametrize(
    ("exc", "status", "line"),
    [
        (ConnectError("no route"), 1, "error: no route"),
        (ConfigError("no key"), 2, "error: no key"),
        (InworldError(), 1, "error: InworldError"),
        (InworldError("one\ntwo\r\n  three"), 1, "error: one two three"),
        (InworldError("red \x1b[31m, bell \x07"), 1, r"error: red \x1b[31m, bell \x07"),
        (InworldError("grüße, 你好"), 1, "error: grüße, 你好"),
        (PermissionError(13, "Permission denied", "a.wav"), 1, "error: a.wav: Permission denied"),
        (OSError(28, "No space left on device"), 1, "error: No space left on device"),
    ],
)
def test_errors_are_one_clean_line(
    exc: Exception,
    status: int,
    line: str,
    install: Install,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(raises(exc))
    assert cli.run(["probe"]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == line + "\n"


def test_a_mistake_of_ours_is_not_hidden(install: Install) -> None:
    install(raises(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        cli.run(["probe"])


def test_ctrl_c(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install(raises(KeyboardInterrupt()))
    assert cli.run(["probe"]) == 130
    assert capsys.readouterr().err.strip() == ""


CHATTY = """
import sys, types, click
from inworld_rt import cli
module = types.ModuleType("chatty")
sys.modules["chatty"] = module

@click.command("chatty")
def chatty():
    sys.stdin.read()  # until the reader of our output has gone
    sys.stdout.write("x" * {amount})

module.chatty = chatty
cli.COMMANDS["chatty"] = cli.Row("chatty:chatty", "Talk.")
sys.exit(cli.run(["chatty"]))
"""


@pytest.mark.parametrize("amount", [10, 1_000_000])
def test_a_closed_pipe_is_quiet(amount: int) -> None:
    """Small output breaks when it is flushed in the end, large output while it is written."""
    with subprocess.Popen(
        [sys.executable, "-c", CHATTY.format(amount=amount)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has such a device")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "inworld_rt", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_what_the_output_cannot_show_is_a_question_mark() -> None:
    code = (
        "import sys, click\n"
        "from inworld_rt import cli\n"
        "cli.COMMANDS['probe'] = cli.Row('probe:probe', '')\n"
        "import types; module = sys.modules['probe'] = types.ModuleType('probe')\n"
        "module.probe = click.command()(lambda: click.echo('a … b'))\n"
        "sys.exit(cli.run(['probe']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "cp437"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "a ? b\n", "")


@pytest.mark.parametrize(("value", "styled"), [("1", False), ("", True)])
def test_no_color(
    value: str, styled: bool, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://no-color.org: set and not empty, whatever the value."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", value)
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    install(lambda: click.echo(click.style("words", dim=True)))
    assert cli.run(["probe"]) == 0
    assert ("\x1b" in terminal.getvalue()) is styled


def test_python_m_is_the_console_script() -> None:
    done = python("-m", "inworld_rt", "--version")
    assert (done.returncode, done.stdout) == (0, f"inworld-rt, version {__version__}\n")


def test_without_the_extra_it_says_what_to_install() -> None:
    done = python(
        "-c",
        "import sys; sys.modules['click'] = None\n"
        "from inworld_rt.__main__ import main\n"
        "sys.exit(main(['--version']))",
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "inworld_rt[cli]" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("python", "found", "typed"),
    [
        ("/usr/local/bin/python3", "/usr/local/bin/python3", "python3"),
        ("/home/me/.venv/bin/python", "/usr/bin/python", "/home/me/.venv/bin/python"),
        ("/home/me/.venv/bin/python", None, "/home/me/.venv/bin/python"),
        ("/home/my own/bin/python", None, '"/home/my own/bin/python"'),
    ],
)
def test_what_to_type_installs_into_the_python_that_asks(
    python: str, found: str | None, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment may be in use without being switched on."""
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(sys, "prefix", "/elsewhere")
    monkeypatch.setattr("shutil.which", lambda name: found)
    assert extras.install_command("cli").startswith(f"{typed} -m pip install ")
