"""``inworld-rt config``: the settings in the config file, shown, checked and edited."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from inworld_rt.cli import COMMANDS, configfile, load_command
from inworld_rt.cli.configfile import KEY, ConfigFile
from inworld_rt.cli.keys import is_terminal
from inworld_rt.cli.options import SHARED
from inworld_rt.cli.service import note, printable

__all__ = ["check", "config"]

TEMPLATE = """\
# Settings of inworld-rt. A line that begins with # says nothing: take the # away to make it count.
# What is said on the command line or in the environment wins over what stands here.

# key = "..."                 # an API key (its Base64 form) or a token; see INWORLD_API_KEY
# voice = "Clive"             # who answers: inworld-rt voices
# model = "openai/gpt-4.1"    # the language model: inworld-rt models
# instructions = "Answer in one sentence."
# microphone = "USB"          # a device's number or a part of its name: inworld-rt devices
# speaker = 2

# For one command only: its options, by their long names.
# [talk]
# echo = "none"               # for headphones
"""


@click.command()
@click.option("--path", "only_path", is_flag=True, help="Print only where the file is.")
@click.option("--edit", is_flag=True, help="Open it in your editor; begins one if there is none.")
def config(only_path: bool, edit: bool) -> None:
    """Show and check the settings in your config file.

    It can hold voice, model, instructions, url, microphone and speaker for all commands, your API
    key, and the options of each command in a table of its name:

    \b
        voice = "Clive"
        [say]
        speed = 1.2

    What is said on the command line wins, then what the environment says: INWORLD_API_KEY,
    INWORLD_REALTIME_URL, INWORLD_RT_VOICE, INWORLD_RT_MODEL and so on. INWORLD_RT_HOME is another
    folder for the file.
    """
    where = configfile.path()
    if only_path:
        click.echo(str(where))
        return
    if edit:
        own = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not (own or (is_terminal(sys.stdin) and is_terminal(sys.stdout))):
            raise click.UsageError(f"--edit needs a terminal. Or change the file yourself: {where}")
        if not where.exists():
            _begin(where)
        click.edit(filename=str(where))
    file = configfile.load()
    if not file.exists:
        click.echo(f"There is no {where} yet. To begin one: inworld-rt config --edit")
        return
    check(file)
    click.echo(f"{where} is fine.")
    _show(file)


def check(file: ConfigFile) -> None:
    """Look at all of a config file.

    Raises:
        ConfigError: something in it is wrong; says where.
    """
    file.check(SHARED, COMMANDS)
    for name in COMMANDS:
        if isinstance(file.settings.get(name), dict):
            file.defaults(name, load_command(name))
    file.defaults("talk", load_command("talk"))  # which has most of those at the top
    file.credentials()


def _begin(where: Path) -> None:
    where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # It may come to hold a key: nobody else is to read it.
    with open(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(TEMPLATE)


def _show(file: ConfigFile) -> None:
    tables = {name: value for name, value in file.settings.items() if isinstance(value, dict)}
    _show_table({name: value for name, value in file.settings.items() if name not in tables})
    for name, table in tables.items():
        click.echo(f"[{printable(name)}]")
        _show_table(table)
    if not file.settings:
        note("It sets nothing yet: take the # away in front of what you want.")
    configfile.warn_of_readers(file)


def _show_table(table: dict[str, Any]) -> None:
    for name, value in table.items():
        shown = "(hidden)" if name == KEY else json.dumps(value, ensure_ascii=False)
        click.echo(printable(f"{name} = {shown}"))
