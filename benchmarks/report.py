"""What the measurements say, for people: tables, and the targets that are met or missed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import IMPORTS, Rounds, median, ratio
from benchmarks.subjects import SUBJECTS

__all__ = ["Results", "machine", "tables", "targets"]

PACKAGES = ("websocket-client", "attrs", "websockets", "openai", "orjson", "pybase64")


class Results(NamedTuple):
    """All that was measured; lengths of slices are in milliseconds.

    Attributes:
        instructions: by length, then subject: per event. Empty where they could not be counted.
        bursts: by length: rounds in which the events came as fast as they were taken.
        paced: rounds in which they came one by one.
        imports: rounds of imports.
        skipped: subjects left out, and what they lack.
    """

    instructions: dict[int, dict[str, float]]
    bursts: dict[int, Rounds]
    paced: Rounds
    imports: Rounds
    skipped: dict[str, list[str]]


class Target(NamedTuple):
    """A promise: what ``subject`` costs is at most ``limit`` times what ``reference`` costs."""

    subject: str
    reference: str
    limit: float
    milliseconds: int = 60


RECEIVING = (
    Target("reader", "minimal", 1.25),
    Target("client", "minimal-hop", 1.25),
    Target("client", "websockets", 0.9),
    Target("client", "openai", 0.3),
    Target("reader", "minimal", 1.12, 200),
    Target("client", "minimal-hop", 1.12, 200),
    # What is left of the floor is next to nothing there, so the same work is more times it.
    Target("reader-fast", "minimal-fast", 2.0),
    Target("client-fast", "minimal-hop-fast", 2.0),
)
LATENCY = (Target("client", "minimal-hop", 1.25), Target("client", "websockets", 0.9))
# Of the package itself; its classes are loaded when they are first used, and are shown beside it.
IMPORTING = 1.4


def machine() -> str:
    """Where this was measured, and what with."""
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}\n" + (
        ", ".join([python, *versions])
    )


def _processor() -> str:
    with_names = Path("/proc/cpuinfo")
    if with_names.exists():
        for line in with_names.read_text().splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def tables(results: Results) -> Iterable[str]:
    """The lines of all tables."""
    for milliseconds, rounds in results.bursts.items():
        yield f"Receiving a slice of {milliseconds} ms, from the socket to samples in the hand"
        yield ""
        yield from _receiving(rounds, results.instructions.get(milliseconds, {}))
        yield ""
    yield "From the server's send to the caller's hand, one 60 ms slice every 4 ms"
    yield ""
    yield from _latency(results.paced)
    yield ""
    yield "Importing, in a fresh process"
    yield ""
    for name, rows in results.imports.items():
        times = ratio(rows, results.imports[next(iter(IMPORTS))], "cpu")
        yield f"  {name:<32}{median(rows, 'cpu'):8.1f} ms{times:7.2f}"
    yield ""
    yield "fast: with orjson and pybase64; the others with what comes with Python."
    for name, missing in results.skipped.items():
        yield ""
        yield f"{SUBJECTS[name].label} was left out: pip install {' '.join(missing)}"


def _receiving(rounds: Rounds, instructions: dict[str, float]) -> Iterable[str]:
    yield (
        f"  {'':<34}{'instructions':^32}{'processor time':^34}".rstrip()
        if instructions
        else f"  {'':<34}{'processor time':^34}".rstrip()
    )
    columns = f"{'x floor':>10}{'x openai':>10}"
    counted = f"{'thousand':>10}{columns}  " if instructions else ""
    yield f"  {'':<34}{counted}{'µs':>10}{columns}"
    section = None
    for name, rows in rounds.items():
        subject = SUBJECTS[name]
        if subject.hop != section:
            section = subject.hop
            yield "  in a thread of its own, then a queue" if section else "  in one thread"
        line = f"    {_labelled(name):<32}"
        if instructions:
            line += f"{instructions[name] / 1e3:10.1f}"
            for other in (subject.floor, "openai"):
                line += _times(instructions, name, other)
            line += "  "
        line += f"{median(rows, 'cpu'):10.1f}"
        for other in (subject.floor, "openai"):
            known = other in rounds
            line += f"{ratio(rows, rounds[other], 'cpu'):10.2f}" if known else f"{'-':>10}"
        yield line


def _labelled(name: str) -> str:
    subject = SUBJECTS[name]
    return f"{subject.label}, fast" if subject.fast else subject.label


def _times(values: dict[str, float], name: str, other: str) -> str:
    return f"{values[name] / values[other]:10.2f}" if other in values else f"{'-':>10}"


def _latency(rounds: Rounds) -> Iterable[str]:
    yield f"  {'':<34}{'median µs':>10}{'x floor':>10}{'99 % µs':>10}{'CPU µs':>10}"
    for name, rows in rounds.items():
        times = ratio(rows, rounds[SUBJECTS[name].floor], "p50")
        line = f"    {_labelled(name):<32}{median(rows, 'p50'):10.0f}{times:10.2f}"
        yield f"{line}{median(rows, 'p99'):10.0f}{median(rows, 'cpu'):10.0f}"


def targets(results: Results) -> Iterable[tuple[str, float, float]]:
    """Each promise in words, what was measured, and the limit."""
    for target in RECEIVING:
        counts = results.instructions.get(target.milliseconds)
        rounds = results.bursts.get(target.milliseconds, {})
        what = "instructions" if counts else "CPU time"
        words = f"{what}, {target.milliseconds} ms: {_against(target)}"
        if target.subject not in rounds or target.reference not in rounds:
            continue
        if counts:
            yield words, counts[target.subject] / counts[target.reference], target.limit
        else:
            measured = ratio(rounds[target.subject], rounds[target.reference], "cpu")
            yield words, measured, target.limit
    for target in LATENCY:
        if target.reference in results.paced:
            rows = results.paced
            measured = ratio(rows[target.subject], rows[target.reference], "p50")
            yield f"median latency: {_against(target)}", measured, target.limit
    floor, package = (results.imports[name] for name in ("websocket, attrs", "inworld_rt"))
    yield "import: inworld_rt to websocket, attrs", ratio(package, floor, "cpu"), IMPORTING


def _against(target: Target) -> str:
    return f"{_labelled(target.subject)} to {SUBJECTS[target.reference].label}"
