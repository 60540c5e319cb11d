"""The shell of the command line; what a command does is tested beside the command."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable

import pytest

click = pytest.importorskip("click")

from inworld_rt import cli  # noqa: E402
from inworld_rt._version import __version__  # noqa: E402
from inworld_rt.errors import ConfigError, ConnectError, InworldError  # noqa: E402

Install = Callable[[Callable[[], object]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a function into the table, as the command ``probe``."""

    def add(function: Callable[[], object]) -> None:
        module = types.ModuleType("probe_command")
        module.probe = click.command("probe")(function)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "probe_command", module)
        monkeypatch.setitem(cli.COMMANDS, "probe", cli.Row("probe_command:probe", "Try it."))

    return add


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
    ],
)
def test_errors_are_one_clean_line(
    exc: InworldError,
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
