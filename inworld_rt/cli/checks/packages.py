"""Judges Python, and what is installed in it. Pure."""

from __future__ import annotations

from attrs import frozen

from inworld_rt.cli.checks.system import System
from inworld_rt.cli.checks.verdict import Failure, Verdict, bad, ok, skip, warn

__all__ = [
    "EXTRAS",
    "Engine",
    "Package",
    "Python",
    "judge_engine",
    "judge_package",
    "judge_python",
]

EXTRAS = {
    "audio": ("pyaudio", "soxr"),
    "batch": ("distributed",),
    "cli": ("click", "rich"),
    "echo": ("livekit",),
    "fast": ("orjson", "pybase64"),
    "report": ("matplotlib", "plotly"),
    "resample": ("soxr",),
    "simulator": ("soxr", "webrtcvad", "websockets"),
    "tools": ("docstring_parser", "msgspec"),
}
"""The modules by which an extra is known to be there: those that it brings on every system."""


@frozen
class Python:
    """The Python that runs.

    Attributes:
        version: such as ``3.13.2``.
        folder: its virtual environment, or an empty string.
        managed: whether it is the system's own, which refuses pip (PEP 668).
        tested: whether this package is tested with that version.
    """

    version: str
    folder: str = ""
    managed: bool = False
    tested: bool = True


def judge_python(facts: Python, system: System) -> Verdict:
    """A virtual environment where the system wants one."""
    if facts.managed and not facts.folder:
        return warn(
            f"{facts.version} of the system, which refuses pip (PEP 668): make a virtual "
            "environment, and use its programs",
            system.extra("all"),
        )
    where = f"in the virtual environment {facts.folder}" if facts.folder else "without a virtual"
    found = f"{facts.version} {where}{'' if facts.folder else ' environment'}"
    if not facts.tested:
        found += " (newer than all that this was tested with)"
    return ok(found, "" if facts.folder else "no venv")


@frozen
class Package:
    """This package.

    Attributes:
        version: its version.
        extras: those that are there.
        missing: those that are not.
    """

    version: str
    extras: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def judge_package(facts: Package, system: System) -> Verdict:
    """Nothing that is missing here is needed by all."""
    there, away = " ".join(facts.extras), " ".join(facts.missing)
    if not away:
        return ok(f"{facts.version} with all extras")
    if len(facts.missing) <= len(facts.extras):
        return ok(f"{facts.version} with all extras but {away}", f"without {away}")
    return ok(f"{facts.version} with {there or 'no extras'} alone", f"with {there} alone")


@frozen
class Engine:
    """What brings sound in and out.

    Attributes:
        backend: its name; empty where the choice is wrong.
        pyaudio: PyAudio's version.
        portaudio: PortAudio's.
        failure: why it does not run.
        variable: the environment variable that chose it, or an empty string.
    """

    backend: str = "pyaudio"
    pyaudio: str = ""
    portaudio: str = ""
    failure: Failure | None = None
    variable: str = ""


def judge_engine(facts: Engine, system: System) -> Verdict:
    """It runs, in whatever version."""
    if facts.failure is not None:
        command = facts.failure.command or system.restart_sound()
        if not facts.backend:
            command = system.forget(facts.variable)
        return bad(facts.failure.words, command)
    if facts.backend != "pyaudio":
        return skip(f"{facts.variable}={facts.backend}: no sound devices are used")
    versions = f"PyAudio {facts.pyaudio}, PortAudio {facts.portaudio}"
    return ok(versions, versions)
