"""Optional packages: imported when first needed, missed with the one command to type."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import sysconfig
from typing import Any

from inworld_rt.errors import BackendMissing

__all__ = ["install_command", "load"]


def install_command(extra: str) -> str:
    """The one command that installs an extra into this Python.

    Args:
        extra: the extra's name, for example ``"simulator"``.

    Returns:
        A command line to type. On a system whose Python refuses pip (PEP 668: Debian, Raspberry
        Pi OS) it makes a virtual environment first.
    """
    windows = sys.platform == "win32"
    quote = '"' if windows else "'"
    wanted = f"{quote}inworld_rt[{extra}]{quote}"
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    if not windows and sys.prefix == sys.base_prefix and os.path.exists(marker):
        return f"python3 -m venv .venv && .venv/bin/pip install {wanted}"
    return f"{_this_python()} -m pip install {wanted}"


def _this_python() -> str:
    """What to type for the Python that runs: its name alone, if that is what the shell finds."""
    python = sys.executable or "python"
    name = os.path.basename(python)
    if shutil.which(name) == python:
        return name
    return f'"{python}"' if " " in python else python


def load(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional module.

    Args:
        module: the dotted module name, for example ``"soxr"``.
        extra: the extra of this package that brings it.
        purpose: what it is needed for; completes "to ...".

    Returns:
        The module.

    Raises:
        BackendMissing: it is not installed, or its own libraries are missing.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as exc:  # OSError: a wheel whose shared library will not load
        raise BackendMissing(
            f"the package {module.partition('.')[0]!r} is needed to {purpose}; "
            f"install it with: {install_command(extra)}"
        ) from exc
