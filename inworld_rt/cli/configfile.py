"""The config file of the command line: where it is, what it says, and what is wrong with it.

Its settings are the options of the commands, by their long names. Those at the top hold for every
command that has the option; a table named as a command holds for that one. What is said on the
command line or in the environment wins.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from attrs import field, frozen

from inworld_rt import extras
from inworld_rt.auth import API_KEY_VARIABLE, ApiKey, Credentials, Token, find_credentials
from inworld_rt.errors import ConfigError
from inworld_rt.rules import with_article

__all__ = [
    "HOME_VARIABLE",
    "KEY",
    "ConfigFile",
    "SharedOption",
    "folder",
    "key_at_hand",
    "load",
    "path",
    "quoted",
    "warn_of_readers",
]

HOME_VARIABLE = "INWORLD_RT_HOME"
KEY = "key"
"""The setting that is no option: a key on a command line is seen by others, and kept by shells."""

_PRIVATE = 0o077  # permissions that a file with a key should not give

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "number"),
    (float, "number"),
    (str, "text"),
    (list, "list"),
    (dict, "table"),
)


class SharedOption(click.Option):
    """An option that means the same in every command: it may be set for all of them at once."""


def folder() -> Path:
    """Where the command line keeps what it keeps: the system's usual place for settings, or what
    the environment's ``INWORLD_RT_HOME`` says. It may not be there yet."""
    return Path(os.environ.get(HOME_VARIABLE) or click.get_app_dir("inworld-rt"))


def path() -> Path:
    """Where the config file is, if there is one."""
    return folder() / "config.toml"


@frozen
class ConfigFile:
    """What a config file says.

    Attributes:
        path: where it is, or would be.
        exists: whether it is there.
        settings: what is in it; a key among them.
    """

    path: Path
    exists: bool = False
    settings: Mapping[str, Any] = field(factory=dict, repr=False)
    _text: str = field(default="", repr=False)

    def credentials(self) -> Credentials | None:
        """The API key or token in it; ``None`` if there is none.

        Raises:
            ConfigError: it cannot be one.
        """
        if KEY not in self.settings:
            return None
        value, source = self.settings[KEY], f"the setting {KEY} in {self.path}"
        if not isinstance(value, str):
            raise self.error("", KEY, "expected a text; put the key in quotes")
        try:
            return Token(value, source)
        except ConfigError:
            return ApiKey(value, source)

    @property
    def open_to_others(self) -> bool:
        """Whether other users of this computer can read a key in it. (Windows keeps the folder
        private by itself.)"""
        private = sys.platform == "win32" or KEY not in self.settings
        return not private and bool(self.path.stat().st_mode & _PRIVATE)

    def check(self, shared: Collection[str], commands: Collection[str]) -> None:
        """Look for names that mean nothing.

        Args:
            shared: what may stand at the top.
            commands: what a table may be called.

        Raises:
            ConfigError: the first of them, and what was probably meant.
        """
        known = {*shared, KEY}
        for name, value in self.settings.items():
            is_table = isinstance(value, dict)
            if name in (commands if is_table else known):
                continue
            if name in known:
                raise self.error("", name, "is a setting, not a table; write name = value")
            if is_table:
                raise self.error(name, None, f"there is no command {name!r}", name, commands)
            if name in commands:
                raise self.error("", name, f"is a command; its settings stand below [{name}]")
            why = "no such setting for all commands (those of one stand below its name, as [say])"
            raise self.error("", name, why, name, known)

    def defaults(self, name: str, command: click.Command) -> dict[str, Any]:
        """What it says for a command, as click's ``default_map``.

        Args:
            name: the command's.
            command: it.

        Raises:
            ConfigError: a name or a value is wrong.
        """
        options = _options(command)
        found = {}
        for key, option in options.items():
            if key in self.settings and isinstance(option, SharedOption):
                found[option.name or ""] = self._value("", key, option)
        for key in self.settings.get(name, {}):
            spelt = key.replace("_", "-")
            if spelt not in options:
                words = f"inworld-rt {name} has no such setting"
                raise self.error(name, key, words, spelt, options)
            found[options[spelt].name or ""] = self._value(name, key, options[spelt])
        return found

    def _value(self, table: str, key: str, option: click.Option) -> Any:
        value = (self.settings[table] if table else self.settings)[key]
        if isinstance(option.type, click.Choice) and type(value) is int:
            value = str(value)  # of choices among numbers
        wanted = _kind_of(option)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            kinds = " or ".join(dict.fromkeys(word for kind, word in _KINDS if kind in wanted))
            kinds = "whole number" if wanted == (int,) else kinds
            expected = kinds if bool in wanted else with_article(kinds)
            got = next((word for kind, word in _KINDS if isinstance(value, kind)), "date")
            got = got if isinstance(value, bool) else with_article(got)
            raise self.error(table, key, f"expected {expected}, got {got}")
        try:
            context = click.Context(click.Command(table or None))
            for one in value if isinstance(value, list) else [value]:
                option.type.convert(one, option, context)
        except click.BadParameter as exc:
            raise self.error(table, key, exc.message.rstrip(".")) from None
        return value

    def error(
        self,
        table: str,
        key: str | None,
        words: str,
        slip: str = "",
        known: Iterable[str] = (),
    ) -> ConfigError:
        """An exception that says where.

        Args:
            table: the table's name, empty at the top.
            key: the setting, or ``None`` for the table itself.
            words: what is wrong.
            slip: a name that may be one of ``known``, written wrongly.
            known: names that would do.
        """
        number = _line(self._text, table, key)
        place = f"{self.path}, line {number}" if number else f"{self.path}"
        name = ".".join(filter(None, (table, key)))
        near = difflib.get_close_matches(slip, list(known)) if slip else []
        if near:
            words += f"; did you mean {' or '.join(near)}?"
        elif slip:
            words += f"; there are: {', '.join(sorted(known))}"
        return ConfigError(f"{place}: {name}: {words}")


def load() -> ConfigFile:
    """Read the config file; one that is not there says nothing.

    Raises:
        ConfigError: it is no TOML, or no text.
        BackendMissing: Python 3.10 needs a package to read it.
        OSError: it cannot be read.
    """
    where = path()
    try:
        data = where.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ConfigFile(where)
    try:
        text = data.decode("utf-8-sig")  # Notepad may write a mark in front
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: it is not in UTF-8; save it again in that encoding") from None
    toml = extras.load(
        "tomllib" if sys.version_info >= (3, 11) else "tomli",
        extra="cli",
        purpose="read the config file",
    )
    try:
        settings = toml.loads(text)
    except toml.TOMLDecodeError as exc:
        words = f"{where}: it cannot be read: {exc}"
        if (number := re.search(r"line (\d+)", str(exc))) and "\\" in _line_at(text, number[1]):
            words += "; in a text with \\, such as a Windows path, use 'single quotes'"
        raise ConfigError(words) from None
    return ConfigFile(where, True, settings, text)


def key_at_hand() -> Credentials | None:
    """The environment's key, else the config file's; ``None`` if there is none.

    Raises:
        ConfigError: it cannot be a key.
        InworldError, OSError: as :func:`load`.
    """
    if os.environ.get(API_KEY_VARIABLE):
        return find_credentials()
    file = load()
    warn_of_readers(file)
    return file.credentials()


def warn_of_readers(file: ConfigFile) -> None:
    """Say, on standard error, if others can read a key in the config file."""
    if file.open_to_others:
        words = "Others on this computer can read the key in your config file; type"
        click.echo(click.style(f"{words}: chmod 600 {quoted(file.path)}", fg="yellow"), err=True)


def quoted(path: Path) -> str:
    """A path as part of a command to type; what else than spaces shells mind is rare in it."""
    return f'"{path}"' if " " in str(path) else str(path)


def _options(command: click.Command) -> dict[str, click.Option]:
    """A command's options by their long names; of ``--play/--no-play`` the first."""
    return {
        name[2:]: parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    }


def _kind_of(option: click.Option) -> tuple[type, ...]:
    """Which values of TOML will do."""
    if option.multiple:
        return (list,)
    if isinstance(option.type, click.types.BoolParamType):
        return (bool,)
    if isinstance(option.type, click.types.IntParamType):
        return (int,)
    if isinstance(option.type, click.types.FloatParamType):
        return (int, float)
    return getattr(option.type, "toml", (str,))


def _line(text: str, table: str, key: str | None) -> int | None:
    """The number of the line where a setting stands, or its table's begins; ``None`` if it is
    written in an unusual way."""
    inside = ""
    name = re.compile(rf"\s*[\"']?{re.escape(key or '')}[\"']?\s*=")
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.match(r"\s*\[\s*[\"']?([^\]\"']+?)[\"']?\s*\]", line):
            inside = head[1]
            if key is None and inside == table:
                return number
        elif key is not None and inside == table and name.match(line):
            return number
    return None


def _line_at(text: str, number: str) -> str:
    lines = text.splitlines()
    return lines[int(number) - 1] if int(number) <= len(lines) else ""
