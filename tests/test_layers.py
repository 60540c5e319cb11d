"""The house has floors: who may import whom, who may make threads; read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "inworld_rt"
ROOT = Path(__file__).parent.parent / PACKAGE

# From the bottom to the top. A module imports only from rows above its own, here, and from its own
# row. "" is the top-level module, the front door for users: only what is built on the whole house
# may go through it.
ROWS = (
    ("_version", "errors"),
    ("extras", "lazy"),
    ("pcm",),
    ("rules",),
    ("codec",),
    ("wire",),
    ("items", "provider", "outcome", "config", "events"),
    ("arguments", "update", "steering", "captions", "profile"),
    ("wording", "spoken", "latency"),
    ("answer", "conversation", "hearing", "calls", "request", "session"),
    ("playback",),
    ("workers",),
    ("hooks", "stream"),
    ("eventlog",),
    ("transport",),
    ("link",),
    ("rest",),
    ("auth",),
    ("catalogue",),
    ("tools",),
    ("audio",),
    ("upload", "transcription", "telephony", "recording"),
    ("voice_chat",),
    ("response", "backlog", "client", "summary"),
    ("report", "batch", "replay"),
    ("simulator",),
    ("",),
    ("testing",),
    ("cli",),
    ("__main__",),
)
ROW_OF = {room: number for number, row in enumerate(ROWS) for room in row}

# A room above may not be used although its row would allow it. The simulator must not share a
# mistake with the client, and a command line is nobody's library (but its own starter's).
FORBIDDEN = {
    "simulator": {"arguments", "update", "answer", "conversation", "hearing", "calls", "session"}
    | {"request", "link", "stream", "spoken", "latency"}
    | {
        "upload",
        "transcription",
        "telephony",
        "hooks",
        "tools",
        "rest",
        "catalogue",
        "captions",
        "steering",
    }
    | {"response", "backlog", "client", "voice_chat", "recording", "report", "batch"}
    | {"replay"},
    "testing": {"cli"},
}

# Events in, orders out: these rooms reach for no socket, thread, clock or device.
PURE = {
    "errors",
    "pcm",
    "rules",
    "codec",
    "wire",
    "items",
    "provider",
    "outcome",
    "config",
    "events",
}
PURE |= {"arguments", "update", "steering", "captions", "profile"}
PURE |= {
    "wording",
    "spoken",
    "latency",
    "answer",
    "conversation",
    "hearing",
    "calls",
    "request",
    "session",
}
IMPURE = {"select", "socket", "ssl", "subprocess", "threading", "time", "queue"}

# Packages of others with one home each.
HOMES = {
    "websocket": {"transport"},
    "pyaudio": {"audio"},
    "websockets": {"simulator"},
    "click": {"cli"},
    "asyncio": set[str](),
    "dask": {"batch"},
    "distributed": {"batch"},
    "livekit": {"audio"},
    "matplotlib": {"report"},
    "numpy": {"audio", "report", "simulator"},
    "plotly": {"report"},
    "prompt_toolkit": {"cli"},
    "rich": {"cli"},
    "msgspec": {"tools"},
    "docstring_parser": {"tools"},
}

# Where threads are made. The simulator's socket server stands on the `websockets` library, which
# makes a thread for each connection itself; that is its business and not a reference to Thread.
THREAD_MAKERS = {"workers"}
THREAD_NAMES = {
    "threading.Thread",
    "threading.Timer",
    "_thread.start_new_thread",
    "concurrent.futures.ThreadPoolExecutor",
    "multiprocessing.pool.ThreadPool",
}


class Module(NamedTuple):
    """A module: its dotted name within the package ("" for the top), its room, its tree."""

    name: str
    room: str
    tree: ast.Module
    is_package: bool


def load(path: Path, root: Path = ROOT) -> Module:
    parts = path.relative_to(root).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    if is_package:
        parts = parts[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return Module(".".join(parts), parts[0] if parts else "", tree, is_package)


MODULES = [load(path) for path in sorted(ROOT.rglob("*.py"))]
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name or PACKAGE)


def imports(module: Module) -> Iterator[str]:
    """Dotted names of all that a module imports, wherever in it, also through ``extras.load``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = [PACKAGE, *filter(None, module.name.split("."))]
                here = here[: len(here) - node.level + module.is_package]
                base = ".".join([*here, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif (
            isinstance(node, ast.Call)
            and _dotted(node.func).rpartition(".")[2] in {"load", "import_module", "__import__"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def rooms_used(module: Module) -> set[str]:
    """Rooms of the package that a module imports from, other than its own."""
    found = set()
    for name in imports(module):
        package, _, rest = name.partition(".")
        if package == PACKAGE:
            room = rest.partition(".")[0]
            # `from inworld_rt import pcm` is a room, `from inworld_rt import Client` the front door
            found.add(room if room in ROW_OF else "")
    return found - {module.room}


def threads_made(module: Module) -> set[str]:
    """Names of thread makers that a module calls or subclasses."""
    meaning = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                meaning[alias.asname or alias.name] = alias.name
    found = set()
    for node in ast.walk(module.tree):
        used: list[ast.expr] = []
        if isinstance(node, ast.Call):
            used = [node.func]
        elif isinstance(node, ast.ClassDef):
            used = node.bases
        for name in map(_dotted, used):
            head, dot, rest = name.partition(".")
            found.add(meaning.get(head, head) + dot + rest)
    return found & THREAD_NAMES


@each_module
def test_every_module_has_a_room(module: Module) -> None:
    """A new room gets its place in the table above, and its line in the design."""
    assert module.room in ROW_OF


@each_module
def test_imports_only_from_the_rows_above(module: Module) -> None:
    row = ROW_OF.get(module.room, len(ROWS))
    # The front door is a list of names; a room that needs one of them imports it where it is made.
    assert {room for room in rooms_used(module) if ROW_OF[room] > row} == set()


@each_module
def test_keeps_away_from_forbidden_rooms(module: Module) -> None:
    assert rooms_used(module) & FORBIDDEN.get(module.room, set()) == set()


@each_module
def test_the_middle_is_pure(module: Module) -> None:
    used = {name.partition(".")[0] for name in imports(module)}
    assert module.room not in PURE or used & IMPURE == set()


@each_module
def test_packages_of_others_stay_in_their_homes(module: Module) -> None:
    used = {name.partition(".")[0] for name in imports(module)}
    assert {name for name in used & set(HOMES) if module.room not in HOMES[name]} == set()


@each_module
def test_only_workers_makes_threads(module: Module) -> None:
    assert module.room in THREAD_MAKERS or threads_made(module) == set()


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("import inworld_rt.pcm", {"pcm"}),
        ("import inworld_rt", {""}),
        ("from inworld_rt import pcm, Client", {"pcm", ""}),
        ("from inworld_rt.events import server", {"events"}),
        ("from ..pcm import level", {"pcm"}),
        ("from .. import pcm", {"pcm"}),
        ("from .ears import hear", set()),
        ("def f():\n    from inworld_rt.client import Client", {"client"}),
        ("importlib.import_module('inworld_rt.client')", {"client"}),
    ],
)
def test_the_reader_of_imports(source: str, rooms: set[str], tmp_path: Path) -> None:
    """The check itself is checked: it would be a pity if it saw nothing."""
    path = tmp_path / "simulator" / "brain.py"
    path.parent.mkdir()
    path.write_text(source, encoding="utf-8")
    assert rooms_used(load(path, tmp_path)) == rooms


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("import threading\nthreading.Thread(target=f)", {"threading.Thread"}),
        ("import threading as t\nt.Timer(1, f)", {"threading.Timer"}),
        ("from threading import Thread as T\nclass W(T): ...", {"threading.Thread"}),
        ("import threading\nx: threading.Thread = threading.current_thread()", set()),
    ],
)
def test_the_reader_of_threads(source: str, made: set[str], tmp_path: Path) -> None:
    path = tmp_path / "brain.py"
    path.write_text(source, encoding="utf-8")
    assert threads_made(load(path, tmp_path)) == made
