"""Where a name in a docstring leads, though Sphinx itself does not know.

A name of ours may stand in a docstring as it stands in the code: by the room where it is made, or
by the front door. Names of Python's library lead to its documentation; those links are made from
the names alone, and nothing is fetched.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

PACKAGE = "inworld_rt"
PLAIN = {"data": "data", "func": "function"}  # roles, and what they speak of
LIBRARY = "https://docs.python.org/3/library"

# --- Python's -------------------------------------------------------------------------------------


def page(name: str) -> str | None:
    """The page that describes a name of the standard library; ``None`` for any other name."""
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return "exceptions"
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return None
    module = name
    while not _is_module(module):
        module = module.rpartition(".")[0]
    thing: Any = importlib.import_module(module)
    for part in filter(None, name[len(module) + 1 :].split(".")):
        thing = getattr(thing, part, None)
    return None if thing is None else module


@functools.cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):  # its parent is a class
        return False


def leave_types(app: Sphinx, tree: nodes.document) -> None:
    """``int``, ``object`` and their like need no link; Sphinx would take them for names of ours."""
    for node in list(tree.findall(addnodes.pending_xref)):
        if node.get("refdomain") != "py":
            continue
        # As Sphinx reads Callable in Callable[[], ...], and float in Annotated[float, ...].
        name = node["reftarget"] = node["reftarget"].partition("[")[0]
        kind = getattr(builtins, name.removeprefix("typing."), None)
        if isinstance(kind, type) and page(name) is None:
            node.replace_self(node.children)


# --- ours -----------------------------------------------------------------------------------------


def meant(node: Any) -> Iterator[str]:
    """The full names that a name in the text may stand for, the likeliest first."""
    name, module, kind = node["reftarget"], node.get("py:module"), node.get("py:class")
    if module and kind:
        yield f"{module}.{kind}.{name}"
    if module:
        yield f"{module}.{name}"
    yield name
    yield f"{PACKAGE}.{name}"


def homes(name: str) -> Iterator[tuple[str, str]]:
    """Where the object of that name is made: the home of itself, or of its class and the rest."""
    parts = name.split(".")
    found: Any = sys.modules.get(parts[0])
    for place, part in enumerate(parts):
        if place:
            found = getattr(found, part, None) or sys.modules.get(".".join(parts[: place + 1]))
        if found is None:
            return
        if isinstance(found, type) or callable(found):
            home = f"{found.__module__}.{found.__qualname__}"
            yield home, ".".join(parts[place + 1 :])


def find(domain: Any, node: Any) -> tuple[Any, str] | None:
    """The entry for a name of ours, and the anchor."""
    for name in meant(node):
        if not name.startswith(f"{PACKAGE}."):
            continue
        for home, member in homes(name):
            entry = domain.objects.get(home)
            if entry is None:
                continue
            own = domain.objects.get(f"{entry.node_id}.{member}") if member else entry
            # An attribute is told in the text of its class.
            entry = own or (entry if node["reftype"] == "attr" else None)
            if entry is not None:
                return entry, entry.node_id
    return of_that_name(domain, node["reftarget"]) if node["reftype"] in PLAIN else None


def of_that_name(domain: Any, name: str) -> tuple[Any, str] | None:
    """The only function or constant called so: a docstring needs no full name of its neighbour."""
    found = [
        entry
        for full, entry in domain.objects.items()
        if full.endswith(f".{name}") and entry.objtype in PLAIN.values()
    ]
    return (found[0], found[0].node_id) if len(found) == 1 else None


def resolve(app: Sphinx, env: Any, node: Any, content: nodes.TextElement) -> nodes.reference | None:
    """Called for a reference that Sphinx cannot resolve."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"]
    found = page(name)
    if found is not None:
        anchor = f"module-{name}" if found == name else name
        link = nodes.reference("", "", internal=False, refuri=f"{LIBRARY}/{found}.html#{anchor}")
        link += content
        return link
    entry = find(env.domains["py"], node)
    if entry is None or "refdoc" not in node:
        return None
    docname, anchor = entry[0].docname, entry[1]
    return make_refnode(app.builder, node["refdoc"], docname, anchor, content, name)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("missing-reference", resolve)
    app.connect("doctree-read", leave_types)
    return {"parallel_read_safe": True}
