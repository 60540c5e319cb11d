"""The tools of a session: functions that are run here, and others that are only declared."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from typing import Any

from inworld_rt.config import Tool as Declared
from inworld_rt.errors import ConfigError
from inworld_rt.tools.function import Tool

__all__ = ["Toolbox", "label"]


class Toolbox(dict[str, Tool]):
    """The functions, by the names that the model knows them by.

    Attributes:
        declared: all that the session was told, in order.
        lock: held by whoever changes that, until the server has accepted it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.declared: list[Declared] = []
        self.lock = threading.RLock()

    def take(self, things: Iterable[object]) -> list[Declared]:
        """Make declarations of functions, which are kept; of what is declared already, a copy.

        Raises:
            ConfigError: something is no tool, or two have one name.
            BackendMissing: functions need the packages of the extra ``tools``.
        """
        declared: list[Declared] = []
        for thing in things:
            new = thing if isinstance(thing, Declared | dict) else self.add(thing)
            name = label(new)
            if name and name in map(label, declared):
                raise _clash(name)
            if name in self and new != self[name].declaration:
                del self[name]  # from now on that name means something else
            declared.append(new)  # type: ignore[arg-type]  # a dict is read where it is sent
        return declared

    def add(self, function: Any, **options: Any) -> Declared:
        """Keep a function; returns its declaration.

        Raises:
            ConfigError: it cannot be a tool, or another tool has its name.
            BackendMissing: as :meth:`take`.
        """
        tool = Tool.of(function, **options)
        known = self.get(tool.name)
        if known is not None and known.function != function:
            raise _clash(tool.name)
        self[tool.name] = tool
        return tool.declaration


def label(tool: object) -> str:
    """What a tool is called: a function's name, an MCP server's label, else its type."""
    read: Any = tool.get if isinstance(tool, dict) else partial(getattr, tool)
    return str(read("name", "") or read("server_label", "") or read("type", ""))


def _clash(name: str) -> ConfigError:
    return ConfigError(
        f"there is a tool {name!r} already; give this one another name, as in "
        '@client.tool(name="...")'
    )
