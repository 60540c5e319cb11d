"""The config file: its settings count, its mistakes are told by line, its key is hidden."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")

import click

from inworld_rt import cli
from inworld_rt.cli import configfile
from inworld_rt.errors import ConfigError

KEY = "ZmlsZTpjb25maWc="

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")


def write(home: Path, text: str | bytes) -> Path:
    path = home / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def options(name: str) -> dict[str, object]:
    return configfile.load().defaults(name, cli.load_command(name))


def test_without_a_file_nothing_is_set(home: Path) -> None:
    home.rmdir()
    file = configfile.load()
    assert (file.exists, dict(file.settings), file.credentials()) == (False, {}, None)
    assert file.path == home / "config.toml"


def test_it_is_in_the_systems_usual_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INWORLD_RT_HOME")
    assert configfile.path() == Path(click.get_app_dir("inworld-rt")) / "config.toml"


def test_what_is_set_for_all_and_for_one(home: Path) -> None:
    write(home, 'voice = "Clive"\nspeaker = 2\n[say]\nspeed = 1\nplay = false\nvoice = "Luna"\n')
    assert options("say") == {"voice": "Luna", "speaker": 2, "speed": 1, "play": False}
    assert options("talk") == {"voice": "Clive", "speaker": 2}
    assert options("token") == {}


def test_the_model_of_answers_is_no_recogniser(home: Path) -> None:
    """transcribe has an option of the same name for another thing."""
    write(home, 'model = "openai/gpt-4.1"\n')
    assert options("ask") == {"model": "openai/gpt-4.1"}
    assert options("transcribe") == {}


def test_names_may_be_written_with_either_line_and_short_for_long(home: Path) -> None:
    write(home, "[chat]\nweb_search = true\nno-tools = true\n[talk]\nmic = 3\n[say]\nrate = 8000\n")
    assert options("chat") == {"web_search": True, "no_tools": True}
    assert options("talk") == {"microphone": 3}
    assert options("say") == {"rate": "8000"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('\nvoise = "x"', 2, "voise: no such setting for all commands"),
        ('voise = "x"', 1, "did you mean voice?"),
        ("speed = 1.2", 1, "(those of one stand below its name, as [say])"),
        ("zzz = 1", 1, "there are: instructions, key, microphone, model, speaker, url, voice"),
        ("say = 3", 1, "say: is a command; its settings stand below [say]"),
        ("[voice]\nx = 1", None, "voice: is a setting, not a table"),
        ("[says]\nx = 1", 1, "there is no command 'says'; did you mean say?"),
        ("[say]\nsped = 1", 2, "say.sped: inworld-rt say has no such setting; did you mean speed?"),
        ("[say]\nspeed = 9", 2, "say.speed: 9"),
        ('[say]\nspeed = "fast"', 2, "expected a number, got a text"),
        ("[say]\nspeed = true", 2, "expected a number, got true or false"),
        ("[say]\nplay = 1", 2, "expected true or false, got a number"),
        ("voice = [1]", 1, "voice: expected a text, got a list"),
        ("[say]\nformat = 1979-05-27", 2, "expected a text, got a date"),
        ("[say]\nrate = 7", 2, "'7' is not one of"),
        ("[simulate]\nport = 1.5", 2, "simulate.port: expected a whole number, got a number"),
        ('[simulate]\nquirk = "a"', 2, "expected a list, got a text"),
        ('[talk]\necho = "loud"', 2, "talk.echo: 'loud' is not one of"),
        ('microphone = ""', 1, "microphone: a device is a number or a part of a name"),
        ("key = 7", 1, "key: expected a text; put the key in quotes"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    text: str, line: int | None, words: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(home, text)
    assert cli.run(["config"]) == 2
    out, err = capsys.readouterr()
    place = f"{path}, line {line}: " if line else f"{path}: "
    assert out == "" and err.startswith(f"error: {place}") and err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('voice = "x', "it cannot be read"),
        ("voice\nx", "line 1"),
        ('record = "C:\\Users\\me"', "use 'single quotes'"),
        (b'voice = "Z\xfcrich"', "it is not in UTF-8"),
    ],
)
def test_what_is_no_toml_stops_every_command_that_has_settings(
    text: str | bytes, words: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(home, text)
    assert cli.run(["ask", "--simulator", "hello"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {path}: ") and words in err and err.count("\n") == 1


@pytest.mark.parametrize("argv", [["ask", "--help"], ["completion", "bash"], ["config", "--path"]])
def test_help_is_to_be_had_with_a_broken_file(argv: list[str], home: Path, capsys) -> None:
    write(home, "voice")
    assert cli.run(argv) == 0
    assert capsys.readouterr().err == ""


def test_a_mistake_for_another_command_stops_none(home: Path, install, capsys) -> None:
    install(lambda: click.echo("done"))
    write(home, "[say]\nsped = 1\n")
    assert cli.run(["probe"]) == 0
    assert capsys.readouterr().out == "done\n"


def test_a_mark_in_front_as_windows_writes_it_does_not_matter(home: Path) -> None:
    write(home, b'\xef\xbb\xbfvoice = "Clive"\r\n')
    assert options("ask") == {} and options("say") == {"voice": "Clive"}


def test_a_folder_in_its_place_is_one_line(home: Path, capsys) -> None:
    (home / "config.toml").mkdir()
    assert cli.run(["ask", "hello"]) == 1
    assert "config.toml: " in capsys.readouterr().err


# --- the key ------------------------------------------------------------------------------------


def test_the_key_names_where_it_is_from_and_never_itself(home: Path) -> None:
    write(home, f'key = "{KEY}"\n')
    file = configfile.load()
    key = file.credentials()
    assert key is not None and key.header() == f"Basic {KEY}"
    assert key.source == f"the setting key in {file.path}"
    assert KEY not in repr(file) + repr(key)


def test_a_token_will_do(home: Path) -> None:
    write(home, 'key = "aaaabbbb.ccccdddd.eeeeffff"\n')
    key = configfile.load().credentials()
    assert key is not None and key.header().startswith("Bearer ")


def test_a_wrong_key_is_not_shown(home: Path) -> None:
    write(home, 'key = "Basic not a key"\n')
    with pytest.raises(ConfigError, match=r'^the setting key in .* starts with the word "Basic"'):
        configfile.key_at_hand()


def test_the_environments_key_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, f'key = "{KEY}"\n')
    monkeypatch.setenv("INWORLD_API_KEY", "")  # as good as none
    assert "config.toml" in str(configfile.key_at_hand())
    monkeypatch.setenv("INWORLD_API_KEY", "b3RoZXI6a2V5")
    assert "the environment" in str(configfile.key_at_hand())


def test_with_a_key_in_the_file_the_service_is_asked(
    home: Path, service: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, f'key = "{KEY}"\nurl = "{service["INWORLD_REALTIME_URL"]}"\n')
    assert cli.run(["models"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("Connecting to 127.0.0.1:") and "gpt" in out


@on_unix
@pytest.mark.parametrize(("mode", "open_to_others"), [(0o600, False), (0o644, True), (0o640, True)])
def test_a_key_that_others_can_read_is_a_warning(
    mode: int, open_to_others: bool, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(home, f'key = "{KEY}"\n')
    path.chmod(mode)
    configfile.key_at_hand()
    assert (f"type: chmod 600 {path}" in capsys.readouterr().err) is open_to_others


@on_unix
def test_without_a_key_others_may_read_it(home: Path, capsys) -> None:
    write(home, 'voice = "Clive"\n').chmod(0o644)
    configfile.key_at_hand()
    assert capsys.readouterr().err == ""


# --- inworld-rt config --------------------------------------------------------------------------


def test_it_shows_what_is_set_but_no_key(home: Path, capsys) -> None:
    path = write(home, f'key = "{KEY}"\nvoice = "Zoë\\u001b[2J"\n[say]\nspeed = 1.5\n')
    assert cli.run(["config"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{path} is fine.",
        "key = (hidden)",
        'voice = "Zoë\\u001b[2J"',
        "[say]",
        "speed = 1.5",
    ]


def test_it_tells_how_to_begin_and_begins(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is for nobody else; nothing in it counts before it is taken out of its comment."""
    assert cli.run(["config"]) == 0
    assert "inworld-rt config --edit" in capsys.readouterr().out
    home.rmdir()
    monkeypatch.setenv("EDITOR", f'"{sys.executable}" -c pass')
    monkeypatch.delenv("VISUAL", raising=False)
    assert cli.run(["config", "--edit"]) == 0
    assert "It sets nothing yet" in capsys.readouterr().out
    path = home / "config.toml"
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(home).st_mode) == 0o700


def test_an_editor_of_the_terminal_needs_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else it would write its pictures into a pipe, and wait."""
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    assert cli.run(["config", "--edit"]) == 2
    assert str(home / "config.toml") in capsys.readouterr().err
    assert not (home / "config.toml").exists()


def test_all_that_is_proposed_is_right(home: Path) -> None:
    """With every comment's mark taken away, it is a config file."""
    from inworld_rt.cli.config import TEMPLATE, check

    lines = [line.removeprefix("# ") for line in TEMPLATE.splitlines()]
    write(home, "\n".join(s for s in lines if "=" in s or s.startswith("[")).replace("...", KEY))
    check(configfile.load())
    assert options("talk")["echo"] == "none"


def test_only_the_path(home: Path, capsys) -> None:
    assert cli.run(["config", "--path"]) == 0
    assert capsys.readouterr().out == f"{home / 'config.toml'}\n"
