"""The directive ``.. rooms::``: the rooms of the package, read from the code.

Their order is that of the test that checks who imports whom; what they are for, their modules say.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent.parent
LAYERS = ROOT / "tests" / "test_layers.py"


def rows() -> tuple[tuple[str, ...], ...]:
    """``ROWS``, without importing a test."""
    for node in ast.parse(LAYERS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ROWS":
            found: tuple[tuple[str, ...], ...] = ast.literal_eval(node.value)
            return found
    raise LookupError(f"{LAYERS} has no ROWS")


def purpose(room: str) -> str | None:
    """The first sentence of a room; ``None`` if it is not there."""
    paths = [ROOT / "inworld_rt" / f"{room}.py", ROOT / "inworld_rt" / room / "__init__.py"]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return None
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = " ".join(text.partition("\n\n")[0].split()).partition(". ")[0]
    sentence = re.sub(r" \(protocol: [^)]*\)", "", sentence)
    return re.sub(r":\w+:`~?([^`]*)`", r"``\1``", sentence.rstrip(".:"))


class Rooms(SphinxDirective):
    """A table, one floor after the other."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(LAYERS))
        lines = [".. list-table::", "   :widths: 18 82", "   :header-rows: 1", ""]
        lines += ["   * - Room", "     - What is in it"]
        for row in rows():
            for room in row:
                told = purpose(room) if room.strip("_") and room != "_version" else None
                if told is not None:
                    lines += [f"   * - ``{room}``", f"     - {told}."]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("rooms", Rooms)
    return {"parallel_read_safe": True}
