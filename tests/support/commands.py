"""The lines that a page has its reader type, each run or checked as far as this machine allows.

``inworld-rt`` is run where that is quick and needs no device; else its options are checked against
the real command. Of what belongs to a system (apt, systemctl), only the form can be checked.
"""

from __future__ import annotations

import configparser
import itertools
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from support.blocks import QUESTION, ROOT, Block

QUICK = {"ask", "completion", "models", "say", "token", "transcribe", "voices"}
SYSTEM = {
    *("apt", "brew", "sudo", "systemctl", "journalctl", "loginctl", "unset"),
    *("alsamixer", "aplay", "arecord", "pactl", "systemd-analyze", "wpctl"),
    *("cat", "cd", "chmod", "cp", "dask", "date", "git", "grep", "head", "jq", "ls", "mkdir"),
    *("nano", "ping", "ssh", "tail", "timedatectl", "uname"),
}
VARIABLES = {"CPATH", "GPIOZERO_PIN_FACTORY", "LIBRARY_PATH", "NO_COLOR", "SSL_CERT_FILE"}
VARIABLES |= {"HTTPS_PROXY", "https_proxy"}
MADE = {
    ".txt": "Hello.\n",
    ".csv": "id,text\n1,Hello.\n",
    ".jsonl": '{"id": "1", "text": "Hello."}\n',
}

_SETUP = configparser.ConfigParser(interpolation=None)
_SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
_EXTRAS = _SETUP["options.extras_require"]
_OTHERS = {"gpiozero", "lgpio", "pip"} | set(
    re.findall(r"^([\w-]+)", "\n".join(_EXTRAS.values()), re.M)
)


def typed(blocks: list[Block]) -> Iterator[tuple[int, str]]:
    """The lines behind a prompt, without comments, with those they go on in; with line numbers."""
    for block in blocks:
        if block.language != "console" or block.needs:
            continue
        text = re.sub(r"\\\n(?:> )?", lambda match: " " * len(match[0]), block.text)
        for number, line in enumerate(text.splitlines()):
            if line[:2] in ("$ ", "> "):
                yield block.line + number, re.sub(r"\s+#.*", "", line[2:])


def check(line: str, place: Path) -> None:
    """One line, of one command or several.

    Args:
        line: as typed.
        place: the folder it is typed in; what it reads is made there.
    """
    if "\\" in line:  # Windows
        words = line.replace("\\", "/").replace(".exe", "").split()
        check_words([word.strip('"') for word in words], place, alone=True)
        return
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    alone = True
    for word in lexer:
        if set(word) <= set("|&;<>"):
            alone = False
            if set(word) <= set("|&;"):
                commands.append([])
            else:
                commands[-1].append(word)
        else:
            commands[-1].append(word)
    for words in commands:
        if "<" in words:
            del words[words.index("<") :][:2]
        redirected = next((at for at, word in enumerate(words) if word in (">", ">>", "<")), None)
        if words:
            check_words(words[:redirected], place, alone)


def check_words(words: list[str], place: Path, alone: bool) -> None:
    """One command."""
    while words and re.match(r"\w+=", words[0]):
        check_variable(words.pop(0))
    if not words:
        return
    name = words[0].removeprefix(".venv/bin/").removeprefix(".venv/Scripts/")
    if name == "sudo" and len(words) > 1:
        assert words[1].startswith("-") or words[1] in SYSTEM, f"an unknown command: {words[1]}"
    elif name in CHECKS:
        CHECKS[name](words, place, alone)
    else:
        assert name in SYSTEM, (
            f"an unknown command: {name}; support/commands.py checks those it knows"
        )


def check_variable(setting: str) -> None:
    name = setting.partition("=")[0]
    if name.startswith("INWORLD_"):
        used = (path.read_text(encoding="utf-8") for path in (ROOT / "inworld_rt").rglob("*.py"))
        assert any(name in text for text in used) or is_setting(name), f"nobody reads {name}"
    else:
        assert name in VARIABLES, f"an unknown variable: {name}"


def is_setting(name: str) -> bool:
    """Whether it is an option of a command, in the environment."""
    from inworld_rt.cli import COMMANDS, load_command

    options = {p.name for c in COMMANDS for p in load_command(c).params if p.name}
    return name.startswith("INWORLD_RT_") and name[len("INWORLD_RT_") :].lower() in options


def check_export(words: list[str], place: Path, alone: bool) -> None:
    for word in words[1:]:
        check_variable(word)


def check_make(words: list[str], place: Path, alone: bool) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(words[1:]) <= set(targets)


def check_pip(words: list[str], place: Path, alone: bool) -> None:
    """The extras that are named exist, and nothing else is installed than we name ourselves."""
    assert words[1] in ("install", "uninstall", "list", "show", "freeze")
    for word in words[2:]:
        package = re.fullmatch(r"([\w.-]+)(?:\[([a-z,]+)\])?", word)
        assert package, word
        if package[1] in ("inworld_rt", "."):
            assert set(filter(None, (package[2] or "").split(","))) <= set(_EXTRAS), word
        else:
            assert word.startswith("-") or package[1] in _OTHERS, f"an unknown package: {word}"


def check_python(words: list[str], place: Path, alone: bool) -> None:
    if words[1:2] == ["-m"]:
        module, rest = words[2], words[3:]
        if module == "pip":
            check_pip(["pip", *rest], place, alone)
        elif module == "inworld_rt":
            check_inworld_rt(["inworld-rt", *rest], place, alone)
        elif module == "venv":
            assert set(rest[:-1]) <= {"--system-site-packages"} and rest[-1] == ".venv"
        else:
            assert module == "pytest", f"an unknown module: {module}"
    else:
        assert words[1].endswith(".py") or words[1] in ("-V", "--version"), words


def check_inworld_rt(words: list[str], place: Path, alone: bool) -> None:
    """Parsed by the real command, and run if that is quick."""
    from inworld_rt import cli

    args = words[1:]
    if args[0].startswith("-"):
        assert args[0] in ("--version", "--help", "-h")
        return
    assert args[0] in cli.COMMANDS, f"there is no command inworld-rt {args[0]}"
    if {"-h", "--help"} & set(args):
        return
    make_inputs(args, place)
    heard = args[0] != "say" or {"-o", "--output", "--json"} & set(args)
    if alone and heard and args[0] in QUICK and "-" not in args and "<" not in words:
        assert cli.run(args) == 0
        return
    command = cli.load_command(args[0])
    with command.make_context(args[0], args[1:]):
        pass  # it raises what it does not understand


def make_inputs(args: list[str], place: Path) -> None:
    """Files that are read; what is written comes behind ``-o``."""
    for before, name in itertools.pairwise(args):
        path = place / name
        if before in ("-o", "--output") or path.exists() or name.startswith("-"):
            continue
        if path.suffix == ".wav":
            shutil.copy(QUESTION, path)
        elif path.suffix in MADE:
            path.write_text(MADE[path.suffix], encoding="utf-8")


CHECKS: dict[str, Callable[[list[str], Path, bool], None]] = {
    "export": check_export,
    "inworld-rt": check_inworld_rt,
    "make": check_make,
    "pip": check_pip,
    "py": check_python,
    "pytest": lambda words, place, alone: None,
    "python": check_python,
    "python3": check_python,
}
