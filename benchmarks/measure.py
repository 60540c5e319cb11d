"""Runs subjects in fresh processes and collects what they cost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.subjects import SUBJECTS

__all__ = ["Failed", "Feed", "Rounds", "count", "imports", "ready_to_count", "time_"]

ROOT = Path(__file__).parent.parent
PATIENCE = 180.0  # seconds for one process

Rounds = dict[str, list[dict[str, float]]]
"""By subject: what each round found."""

_SLOWER = 10  # times fewer events where one costs a millisecond

IMPORTS = {
    "websocket, attrs": "import websocket, attrs",
    "inworld_rt": "import inworld_rt",
    "inworld_rt.Client": "from inworld_rt import Client",
}
"""What is imported; the first is what the others are compared with."""


class Failed(Exception):
    """A subject did not do its work."""


class Feed(NamedTuple):
    """What the feeder plays: length of a slice in milliseconds, seconds between slices (or 0)."""

    milliseconds: int
    interval: float


def time_(names: Iterable[str], feed: Feed, *, rounds: int, events: int) -> Rounds:
    """Processor time, and latencies where the feed is paced.

    The order is reversed every second round, so that whatever drifts hits all alike.
    """
    found: Rounds = {name: [] for name in names}
    warm = max(1, events // 10)
    with _feeder(feed, warm, events) as port:
        for number in range(rounds):
            for name in list(found) if number % 2 == 0 else reversed(found):
                share = max(1, events // _SLOWER) if SUBJECTS[name].slow else events
                lines = _run(_probe(name, port, warm=max(1, share // 10), events=share))
                found[name].append(json.loads(lines))
    return found


def ratio(of: list[dict[str, float]], to: list[dict[str, float]], what: str) -> float:
    """The median of what each round says: neighbours in time share the machine's mood."""
    return statistics.median(a[what] / b[what] for a, b in zip(of, to, strict=True))


def median(of: list[dict[str, float]], what: str) -> float:
    """The median over the rounds."""
    return statistics.median(each[what] for each in of)


def ready_to_count() -> str:
    """What is missing for counting instructions; nothing if it can be done."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    if shutil.which("cc") is None:
        return "there is no C compiler"
    with tempfile.TemporaryDirectory() as place:
        try:
            _compile_shim(Path(place))
        except Failed as exc:
            return f"the shim for valgrind does not compile ({exc})"
    return ""


def count(names: Iterable[str], feed: Feed, *, warm: int, events: int) -> dict[str, float]:
    """Instructions per event, of all threads, without the kernel's.

    Repeats agree within 1 to 2 per cent, however busy the machine is. The feed should be paced
    so slowly that every subject keeps up under callgrind: one event at a time, as in real life.
    """
    found = {}
    with _feeder(feed, warm, events) as port, tempfile.TemporaryDirectory() as place:
        shim = _compile_shim(Path(place))
        for name in names:
            output = Path(place) / name
            command = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
            command.append(f"--callgrind-out-file={output}")
            command += _probe(name, port, warm=warm, events=events)
            _run([*command, str(shim)])
            found[name] = _total(output) / events
    return found


def imports(rounds: int) -> Rounds:
    """Processor milliseconds that imports take, each in a fresh process."""
    found: Rounds = {name: [] for name in IMPORTS}
    with tempfile.TemporaryDirectory() as cache:  # compiled files must be there, and stay off ours
        for statement in IMPORTS.values():
            _run(_timed(statement), PYTHONPYCACHEPREFIX=cache)
        for number in range(rounds):
            for name in list(found) if number % 2 == 0 else reversed(found):
                spent = _run(_timed(IMPORTS[name]), PYTHONPYCACHEPREFIX=cache)
                found[name].append({"cpu": float(spent)})
    return found


def _timed(statement: str) -> list[str]:
    code = f"from time import process_time as t; a = t(); {statement}; print((t() - a) * 1e3)"
    return [sys.executable, "-c", code]


def _probe(name: str, port: int, *, warm: int, events: int) -> list[str]:
    module = [sys.executable, "-m", "benchmarks.probe"]
    return [*module, name, str(port), str(warm), str(events)]


def _environment() -> Mapping[str, str]:
    # Nobody's proxy or settings, and the same order of every set in every run.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("INWORLD_", "PYTHON"))
    }
    return {**inherited, "PYTHONHASHSEED": "0"}


def _run(command: list[str], **environment: str) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as exc:
        raise Failed(f"{' '.join(command)}: still running after {PATIENCE:g} s") from exc
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout


@contextlib.contextmanager
def _feeder(feed: Feed, warm: int, events: int) -> Iterator[int]:
    """A feeder in a process of its own; gives its port."""
    command = [sys.executable, "-m", "benchmarks.feeder"]
    command += ["--milliseconds", str(feed.milliseconds), "--interval", str(feed.interval)]
    command += ["--warm", str(warm), "--events", str(events)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _compile_shim(place: Path) -> Path:
    library = place / "shim.so"
    source = Path(__file__).with_name("shim.c")
    _run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)])
    return library


def _total(output: Path) -> int:
    """The sum in callgrind's file of the measured span; other spans have files of their own."""
    for path in output.parent.glob(f"{output.name}*"):
        text = path.read_text()
        if "Client Request: measured" in text:
            totals = next(line for line in text.splitlines() if line.startswith("totals:"))
            return int(totals.split()[1])
    raise Failed(f"callgrind did not write {output.name}")
