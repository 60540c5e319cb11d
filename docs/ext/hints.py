"""Lets autodoc read type hints whose names are imported ``if TYPE_CHECKING`` only.

Without that it would show all hints of such a function as they are written, which lead nowhere.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx

import inworld_rt


def modules() -> Iterator[ModuleType]:
    """All of the package that can be imported here."""
    for info in pkgutil.walk_packages(inworld_rt.__path__, "inworld_rt.", onerror=lambda _: None):
        if not info.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                yield importlib.import_module(info.name)


def for_types_only(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """From which module comes what, and under which name."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for step in node.body:
                if isinstance(step, ast.ImportFrom) and step.module:
                    for alias in step.names:
                        yield step.module, alias.name, alias.asname or alias.name


def complete(app: Sphinx, config: Any) -> None:
    """Give each module the names that its hints speak of."""
    for module in modules():
        for home, name, here in for_types_only(module):
            if here not in vars(module) and not hasattr(module, "__path__"):
                with contextlib.suppress(ImportError, AttributeError):
                    setattr(module, here, getattr(importlib.import_module(home), name))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", complete)
    return {"parallel_read_safe": True}
