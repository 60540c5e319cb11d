"""Tools for ``inworld-rt chat``: a few harmless ones, and those of a file of the user's."""

from __future__ import annotations

import importlib.util
import inspect
import random
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from inworld_rt.errors import ConfigError
from inworld_rt.tools import Tool

__all__ = ["LIST", "harmless", "load"]

LIST = "TOOLS"
"""The name of the list, in a file, of the functions that the model may call."""

_MOST = 100  # dice, and sides


def clock() -> str:
    """Tell the date, the weekday and the time where the user is."""
    return datetime.now().astimezone().strftime("%A, %Y-%m-%d %H:%M:%S %Z")


def dice(count: int = 1, sides: int = 6) -> list[int]:
    """Roll dice; also to choose at random."""
    count, sides = (min(max(1, int(number)), _MOST) for number in (count, sides))
    return [random.randint(1, sides) for _ in range(count)]


def harmless() -> list[Tool]:
    """Those that the chat has by itself: they change nothing and tell nothing to others."""
    # With their parameters written out, which needs no package that reads signatures.
    number = {"type": "integer", "minimum": 1, "maximum": _MOST}
    two = {"count": number, "sides": number}
    return [
        Tool.of(clock, parameters={"type": "object", "properties": {}}),
        Tool.of(dice, parameters={"type": "object", "properties": two}),
    ]


def load(path: Path) -> list[Callable[..., Any]]:
    """The functions of a Python file that are meant for the model: those in its list ``TOOLS``.

    The file is run, as Python would run it.

    Raises:
        ConfigError: it cannot be run, or there is no such list in it.
        OSError: it cannot be read.
    """
    path.stat()  # says what is wrong, with the name
    module = _run(path)
    found = getattr(module, LIST, None)
    if not isinstance(found, list | tuple) or not found:
        own = [
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and name != LIST
        ]
        example = ", ".join(own) or "weather"
        raise ConfigError(
            f"{path} does not say which functions the model may call; add a line at its end: "
            f"{LIST} = [{example}]"
        )
    return list(found)


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("tools_of_the_chat", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))  # what lies beside it can be imported
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        frames = [f for f in traceback.extract_tb(exc.__traceback__) if f.filename == str(path)]
        number = exc.lineno if isinstance(exc, SyntaxError) else frames and frames[-1].lineno
        where = f"{path}, line {number}" if number else f"{path}"
        words = exc.msg if isinstance(exc, SyntaxError) else exc
        raise ConfigError(f"{where}: {type(exc).__name__}: {words}") from exc
    return module
