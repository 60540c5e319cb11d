"""Looks at the computer: its system, Python, packages, config file, key."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from importlib import metadata
from pathlib import Path

from inworld_rt import extras
from inworld_rt._version import __version__
from inworld_rt.audio import portaudio
from inworld_rt.audio.backend import find_backend
from inworld_rt.auth import API_KEY_VARIABLE
from inworld_rt.cli import configfile
from inworld_rt.cli.checks.access import Key, Settings, examine_key
from inworld_rt.cli.checks.packages import EXTRAS, Engine, Package, Python
from inworld_rt.cli.checks.system import EXTRA, System
from inworld_rt.cli.checks.verdict import Failure
from inworld_rt.errors import AudioError, ConfigError, InworldError

__all__ = ["engine", "key", "key_text", "muted", "package", "python", "settings", "this_system"]

AUDIO_VARIABLE = "INWORLD_RT_AUDIO"
_TOOLS = (
    "amixer", "apt-get", "arecord", "curl", "dnf", "nmtui", "pacman", "pactl", "ping", "pipewire",
    "pulseaudio", "timedatectl", "xdg-open",
)  # fmt: skip
_SYSTEMS = {"win32": "windows", "darwin": "macos"}
_NEWEST = (3, 13)  # Python that this is tested with
_BOARD = Path("/proc/device-tree/model")
_PATIENCE = 1.0  # seconds for an answer of the sound server


def this_system() -> System:
    """The computer that this runs on."""
    install = extras.install_command(EXTRA)
    python = install.partition(" -m pip")[0] if " -m pip" in install else "python3"
    folder = f"/Applications/Python {sys.version_info[0]}.{sys.version_info[1]}"
    certificates = f"{folder}/Install Certificates.command"
    return System(
        os=_SYSTEMS.get(sys.platform, "linux"),
        title=_title(),
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        board=_board(),
        tools=frozenset(tool for tool in _TOOLS if shutil.which(tool)),
        install=install,
        us="inworld-rt" if shutil.which("inworld-rt") else f"{python} -m inworld_rt",
        is_root=hasattr(os, "geteuid") and os.geteuid() == 0,
        certificates=certificates if os.path.exists(certificates) else "",
    )


def _title() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return ""


def _board() -> str:
    with contextlib.suppress(OSError, ValueError):
        return _BOARD.read_text("ascii").strip("\0\n ")
    return ""


def python() -> Python:
    """The Python that runs."""
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    return Python(
        platform.python_version(),
        sys.prefix if sys.prefix != sys.base_prefix else "",
        os.path.exists(marker),
        sys.version_info[:2] <= _NEWEST,
    )


def package() -> Package:
    """This package."""
    there = {
        name for name, modules in EXTRAS.items() if all(map(importlib.util.find_spec, modules))
    }
    extras = tuple(EXTRAS)
    return Package(
        __version__,
        tuple(name for name in extras if name in there),
        tuple(name for name in extras if name not in there),
    )


def engine() -> Engine:
    """What brings sound in and out."""
    chosen = os.environ.get(AUDIO_VARIABLE, "")
    variable = AUDIO_VARIABLE if chosen else ""
    try:
        backend = find_backend().name
        if backend != "pyaudio":
            return Engine(backend, variable=variable)
        version = portaudio.version()
        return Engine(backend, metadata.version("PyAudio"), version, variable=variable)
    except ConfigError as exc:
        return Engine("", failure=Failure.of(exc), variable=variable)
    except AudioError as exc:
        return Engine(failure=Failure.of(exc), variable=variable)


def muted(kind: str) -> bool | None:
    """Whether the sound server has muted its default ``microphone`` or ``speaker``.

    Returns:
        ``None`` where there is no such server, or it does not say.
    """
    what, name = ("source", "@DEFAULT_SOURCE@")
    if kind == "speaker":
        what, name = ("sink", "@DEFAULT_SINK@")
    try:
        said = subprocess.run(
            ["pactl", f"get-{what}-mute", name],
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_PATIENCE,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return b"yes" in said


def settings() -> tuple[Settings, configfile.ConfigFile | None]:
    """The config file: what can be told of it; and itself, unless it cannot be understood."""
    path = str(configfile.path())
    try:
        file = configfile.load()
        if file.exists:
            from inworld_rt.cli.config import check  # it imports commands, to know their options

            check(file)
        names = tuple(file.settings)
        return Settings(path, file.exists, names, open_to_others=file.open_to_others), file
    except (InworldError, OSError) as exc:
        words = f"{path}: {exc.strerror}" if isinstance(exc, OSError) and exc.strerror else str(exc)
        return Settings(path, True, failure=Failure(words, Failure.of(exc).command)), None


def key_text(file: configfile.ConfigFile | None) -> tuple[str | None, bool]:
    """The key, and whether it comes from the config file. This is the secret: never show it."""
    found = os.environ.get(API_KEY_VARIABLE)
    if not found and file is not None and configfile.KEY in file.settings:
        return str(file.settings[configfile.KEY]), True
    return found, False


def key(file: configfile.ConfigFile | None) -> Key:
    """What can be told of the key."""
    text, in_file = key_text(file)
    return examine_key(
        text,
        time.time(),
        source="the config file" if in_file else API_KEY_VARIABLE,
        in_file=in_file,
    )
