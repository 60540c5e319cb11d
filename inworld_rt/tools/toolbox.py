"""The tools of a session: functions that are run here, and others that are only declared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from inworld_rt.config import Tool as Declared
from inworld_rt.errors import ConfigError
from inworld_rt.tools.function import Tool

__all__ = ["Toolbox", "label"]


class Toolbox:
    """What the session was told of, and the functions among it. Any thread.

    Attributes:
        declared: all that the session was told, in order.
        functions: those that are run here, by the names that the model knows them by.
        lock: held by whoever changes the two, until the server has accepted the change.
    """

    def __init__(self, changed: Callable[[Iterable[str]], None]) -> None:
        """It is empty.

        Args:
            changed: told the names of the functions whenever they change.
        """
        self.declared: list[Declared] = []
        self.functions: dict[str, Tool] = {}
        self.lock = threading.RLock()
        self._changed = changed

    def read(self, things: Iterable[object]) -> tuple[list[Declared], dict[str, Tool]]:
        """Declarations of functions, tools and what is declared already; changes nothing.

        Returns:
            What the session is to be told, and the functions in it by name.

        Raises:
            ConfigError: something cannot be a tool, or two have one name.
            BackendMissing: functions need the packages of the extra ``tools``.
        """
        declared: list[Declared] = []
        functions: dict[str, Tool] = {}
        for thing in things:
            new: Any = thing
            if not isinstance(thing, Declared | dict):
                tool = thing if isinstance(thing, Tool) else Tool.of(thing)  # type: ignore[arg-type]
                new = tool.declaration
                functions[tool.name] = tool
            name = label(new)
            if name and name in map(label, declared):
                raise ConfigError(
                    f"there is a tool {name!r} already; give this one another name, as in "
                    '@client.tool(name="...")'
                )
            known = self.functions.get(name)
            if known is not None and new == known.declaration:
                functions.setdefault(name, known)
            declared.append(new)
        return declared, functions

    @contextmanager
    def offered(self, functions: dict[str, Tool]) -> Iterator[None]:
        """While the server is asked: functions may be called as soon as it has accepted them.

        Leaving it, only what is declared is left. Hold the lock.
        """
        before = self.functions
        self._set({**before, **functions})
        try:
            yield
        except BaseException:
            # A part of a change may have been accepted although it raises.
            self._keep_declared(functions, before)
            raise
        self._keep_declared(before, functions)

    def _keep_declared(self, *candidates: dict[str, Tool]) -> None:
        """Of some functions, the later ones first, keep those that the session was told of."""
        tools = [tool for some in candidates for tool in some.values()]
        self._set({tool.name: tool for tool in tools if tool.declaration in self.declared})

    def _set(self, functions: dict[str, Tool]) -> None:
        self.functions = functions  # a new one, as other threads may be reading the old
        self._changed(functions)


def label(tool: object) -> str:
    """What a tool is called: a function's name, an MCP server's label, else its type."""
    read: Any = tool.get if isinstance(tool, dict) else partial(getattr, tool)
    return str(read("name", "") or read("server_label", "") or read("type", ""))
