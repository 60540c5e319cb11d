"""The directive ``.. commands::``: the help of every command, as the terminal shows it."""

from __future__ import annotations

from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from inworld_rt.cli import COMMANDS, cli, load_command

logger = logging.getLogger(__name__)

WIDTH = 80  # columns of a terminal


def command(name: str) -> click.Command | None:
    """A command of the table; ``None``, with a warning, if it cannot be imported."""
    try:
        return load_command(name)
    except ImportError as exc:
        logger.warning("inworld-rt %s cannot be shown: %s", name, exc)
        return None


def terminal(what: click.Command, table: click.Context | None, name: str) -> nodes.Node:
    """What ``--help`` prints."""
    context = click.Context(what, table, name, terminal_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    text = f"$ {context.command_path} --help\n{what.get_help(context)}"
    return nodes.literal_block(text, text, language="console")


class Commands(SphinxDirective):
    """A section for each command of the table."""

    def run(self) -> list[nodes.Node]:
        """Read anew in every build, so that it cannot grow old."""
        self.env.note_reread()
        made = [terminal(cli, None, "inworld-rt")]
        table = click.Context(cli, info_name="inworld-rt")
        for name in sorted(COMMANDS):
            found = command(name)
            if found is not None:
                full = f"inworld-rt {name}"
                section = nodes.section(ids=[full.replace(" ", "-")], names=[full])
                section += nodes.title("", "", nodes.literal("", full))
                section += terminal(found, table, name)
                made.append(section)
        return made


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
