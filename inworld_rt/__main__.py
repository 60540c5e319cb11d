"""The console script ``inworld-rt``, which is also ``python -m inworld_rt``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from inworld_rt.extras import install_command

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; where the packages for it are missing, say how to install them.

    Args:
        argv: the words after the program's name; ``sys.argv[1:]`` by default.

    Returns:
        The exit status: 0 all is well, 1 it failed, 2 wrong use or not installed, 130 Ctrl-C.
    """
    try:
        from inworld_rt.cli import run
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "click":
            raise  # a mistake of ours, not a missing extra
        sys.stderr.write(
            f"inworld-rt: the package {exc.name!r} is needed for the command line; "
            f"install it with: {install_command('cli')}\n"
        )
        return 2
    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
