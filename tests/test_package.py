"""The package as users get it: what it loads, what it exports, what it requires, how it builds."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
import tarfile
import types
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import inworld_rt

REPO = Path(__file__).parent.parent
SETUP = configparser.ConfigParser(interpolation=None)
SETUP.read(REPO / "setup.cfg", encoding="utf-8")
EXTRAS = {
    name: [Requirement(line) for line in text.splitlines() if line]
    for name, text in SETUP["options.extras_require"].items()
}
CORE = [Requirement(line) for line in SETUP["options"]["install_requires"].splitlines() if line]
# The modules whose names the changelog's promise covers; those that exist yet.
PUBLIC_MODULES = [
    name
    for name in (
        "inworld_rt",
        "inworld_rt.audio",
        "inworld_rt.auth",
        "inworld_rt.batch",
        "inworld_rt.catalogue",
        "inworld_rt.config",
        "inworld_rt.errors",
        "inworld_rt.events",
        "inworld_rt.recording",
        "inworld_rt.replay",
        "inworld_rt.report",
        "inworld_rt.simulator",
        "inworld_rt.testing",
    )
    if importlib.util.find_spec(name)
]
RUNTIME_EXTRAS = {
    "audio",
    "batch",
    "cli",
    "echo",
    "fast",
    "report",
    "resample",
    "simulator",
    "tools",
}

# Names of modules users may import: no part begins with an underscore.
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(inworld_rt.__path__, "inworld_rt.", onerror=lambda _: None)
    if not any(part.startswith("_") for part in info.name.split("."))
)


def bare_environment() -> dict[str, str]:
    """The environment without coverage's hooks, which import things in every child."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=bare_environment(),
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
    )


# --- what it loads --------------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["", "Client", "Client, Response, AudioFormat, SessionConfig"])
def test_import_is_light(names: str) -> None:
    """Nothing optional, nothing large; orjson and pybase64 are meant to be used when present."""
    unwanted = {
        "asyncio", "click", "cryptography", "hibari_tts", "nanotts", "numpy", "onnxruntime",
        "openai", "pocketsphinx", "py_nanotts", "pyaudio", "rich", "sounddevice", "soxr",
        "webrtcvad", "websockets", "inworld_rt.cli", "inworld_rt.simulator", "inworld_rt.testing",
    }  # fmt: skip
    statement = f"from inworld_rt import {names}" if names else "import inworld_rt"
    done = python(f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))")
    assert done.stderr == ""
    assert unwanted & set(json.loads(done.stdout)) == set()


def test_import_sets_up_no_logging_and_no_thread() -> None:
    done = python(
        "import logging, threading, inworld_rt\n"
        "assert not logging.getLogger().handlers\n"
        "assert threading.active_count() == 1\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- what it exports ------------------------------------------------------------------------------


def module_or_skip(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if (exc.name or "").startswith("inworld_rt"):
            raise
        pytest.skip(f"needs {exc.name}")


@pytest.mark.parametrize("name", ["inworld_rt", *MODULES])
def test_all_is_unique_and_true(name: str) -> None:
    """Its order is the linter's business."""
    module = module_or_skip(name)
    exported: list[str] = getattr(module, "__all__", [])
    assert len(exported) == len(set(exported))
    assert [entry for entry in exported if not hasattr(module, entry)] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_complete(name: str) -> None:
    """A public class or function that is made in a public module is in its ``__all__``."""
    module = module_or_skip(name)
    made_here = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
    }
    assert made_here - set(module.__all__) == set()


def test_modules_say_what_they_are_for() -> None:
    bare = []
    for name in MODULES:
        path = REPO.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))):
            bare.append(name)
    assert bare == []


# --- what it says about itself --------------------------------------------------------------------


def test_the_version_is_the_same_everywhere() -> None:
    version = inworld_rt.__version__
    assert importlib.metadata.version("inworld_rt") == version
    newest = re.search(r"^(\d\S*) \(.+\)\n-+$", (REPO / "CHANGELOG.rst").read_text("utf-8"), re.M)
    assert newest is not None
    assert newest[1] == version


def test_it_says_that_it_is_typed() -> None:
    assert (REPO / "inworld_rt" / "py.typed").exists()


# --- what it requires -----------------------------------------------------------------------------


def test_the_core_needs_only_two_packages() -> None:
    assert {r.name for r in CORE} == {"attrs", "websocket-client"}


# Its wheels for some Pythons are in an older release; without the ceiling pip would compile.
CEILINGS = {"pocketsphinx"}


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_requirements_are_floors(extra: str) -> None:
    """A ceiling in a library makes it impossible to install next to something else, one day."""
    for requirement in [*CORE, *EXTRAS[extra]]:
        if requirement.name not in {"inworld_rt", *CEILINGS}:
            assert [s.operator for s in requirement.specifier] == [">="], requirement


def test_the_extra_all_brings_every_extra_for_users() -> None:
    (requirement,) = EXTRAS["all"]
    assert requirement.name == "inworld_rt"
    assert requirement.extras == RUNTIME_EXTRAS
    assert set(EXTRAS) == RUNTIME_EXTRAS | {"all", "dev", "docs", "test"}


def test_a_package_has_the_same_floor_in_every_extra() -> None:
    floors: dict[tuple[str, str], set[str]] = {}
    for requirement in [*CORE, *(r for rows in EXTRAS.values() for r in rows)]:
        key = canonicalize_name(requirement.name), str(requirement.marker or "")
        floors.setdefault(key, set()).add(str(requirement.specifier))
    assert {name: found for name, found in floors.items() if len(found) > 1} == {}


def test_messages_name_extras_that_exist() -> None:
    named = set()
    for path in (REPO / "inworld_rt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                named |= {
                    keyword.value.value
                    for keyword in node.keywords
                    if keyword.arg == "extra" and isinstance(keyword.value, ast.Constant)
                }
    assert named <= set(EXTRAS)


def test_nothing_required_is_under_the_gpl() -> None:
    """Everything users are asked to install, and what that brings along, as far as it is here.

    soxr alone may be under the LGPL: it is used as a library, unchanged, and can be replaced.
    """
    waiting = [*CORE, *(r for extra in RUNTIME_EXTRAS for r in EXTRAS[extra])]
    seen: dict[str, str] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # `License` may hold a whole licence text; its first line is its name.
        seen[name] = " ".join(
            [
                *(text.strip().partition("\n")[0] for text in metadata.get_all("License", [])),
                *metadata.get_all("License-Expression", []),
                *(c for c in metadata.get_all("Classifier", []) if c.startswith("License")),
            ]
        )
        waiting += [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    assert {"attrs", "websocket-client"} <= set(seen)
    gpl = {name for name, text in seen.items() if re.search(r"GPL|General Public", text)}
    assert gpl <= {"soxr"}


# --- how it builds --------------------------------------------------------------------------------


LIST = """
import importlib.metadata, json
names = [d.metadata["Name"].lower().replace("_", "-") for d in importlib.metadata.distributions()]
print(json.dumps(names))
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_builds_installs_and_runs_in_an_empty_environment(
    tmp_path: Path, outer_environment: dict[str, str]
) -> None:
    """sdist, a wheel out of that sdist, an empty virtual environment with nothing but the core."""
    env = {k: v for k, v in outer_environment.items() if not k.startswith(("COV", "PYTHON"))}

    def run(*command: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    pytest.importorskip("build")
    run(sys.executable, "-m", "build", "--outdir", tmp_path / "dist", REPO)
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    (wheel,) = (tmp_path / "dist").glob("*.whl")

    with tarfile.open(sdist) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"LICENSE", "CHANGELOG.rst", "README.rst", "setup.cfg", "tests/conftest.py"} <= names
    assert {"benchmarks/shim.c", "scripts/setup.sh", "samples/hello.py", ".ci/run"} <= names
    assert {name for name in names if name.endswith(".pyc")} == set()

    with zipfile.ZipFile(wheel) as zipped:
        names = set(zipped.namelist())
    assert {"inworld_rt/py.typed", "inworld_rt/cli/question.wav"} <= names
    sources = {path.relative_to(REPO).as_posix() for path in REPO.glob("inworld_rt/**/*.py")}
    assert sources <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"inworld_rt"}

    venv.create(tmp_path / "empty", with_pip=True, symlinks=os.name != "nt")
    binaries = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin")
    empty_python = binaries / "python"
    before = set(json.loads(run(empty_python, "-c", LIST).stdout))
    run(empty_python, "-m", "pip", "install", "--quiet", wheel)
    after = set(json.loads(run(empty_python, "-c", LIST).stdout))
    assert after - before == {"inworld-rt", "attrs", "websocket-client"}

    done = run(empty_python, "-c", "import inworld_rt\nfrom inworld_rt import *\nClient")
    assert (done.stdout, done.stderr) == ("", "")
    done = run(binaries / "inworld-rt", "--version", status=2)
    assert done.stdout == ""
    assert "inworld_rt[cli]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
