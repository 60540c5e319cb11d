"""Single keys of a terminal, without Enter and without echo."""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import time
from collections.abc import Iterator

__all__ = ["GONE", "can_draw", "is_terminal", "keys"]

GONE = "\x04"
"""The key that is read when the terminal is no more: Ctrl-D."""

_MOST = 64  # bytes read at once
_KEY = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?|.", re.DOTALL)  # arrows and such have several


def is_terminal(stream: object) -> bool:
    """Whether a stream, such as ``sys.stdin``, leads to a person."""
    return bool(stream and getattr(stream, "isatty", lambda: False)())


def can_draw(stream: object) -> bool:
    """Whether it leads to a terminal on which more can be shown than line below line."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


if sys.platform == "win32":
    import msvcrt

    class Keys:
        """The keys pressed, in order."""

        def read(self, timeout: float) -> str:
            """The next key, or an empty string if none is pressed in so many seconds."""
            end = time.monotonic() + timeout
            while not msvcrt.kbhit():
                if time.monotonic() >= end:
                    return ""
                time.sleep(0.01)  # Windows has nothing to wait with that knows of keys
            return msvcrt.getwch()

    @contextlib.contextmanager
    def keys() -> Iterator[Keys]:
        """Read keys; a console of Windows needs no preparation."""
        yield Keys()

else:
    import termios
    import tty

    class Keys:
        """The keys pressed, in order."""

        def __init__(self, fd: int) -> None:
            self._fd = fd
            self._waiting: list[str] = []

        def read(self, timeout: float) -> str:
            """The next key, or an empty string if none is pressed in so many seconds.

            A key that sends several characters, such as an arrow, is one string.
            """
            if not self._waiting and select.select([self._fd], [], [], timeout)[0]:
                try:
                    data = os.read(self._fd, _MOST)
                except OSError:  # the window was closed
                    data = b""
                self._waiting += _KEY.findall(data.decode(errors="replace")) or [GONE]
            return self._waiting.pop(0) if self._waiting else ""

    @contextlib.contextmanager
    def keys() -> Iterator[Keys]:
        """Read keys of standard input, which is a terminal; it is as it was afterwards.

        Ctrl-C is Ctrl-C still. Ctrl-Z does nothing: a suspended program would leave the shell a
        terminal that neither echoes nor has a cursor.
        """
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        try:
            tty.setcbreak(fd, termios.TCSANOW)
            now = termios.tcgetattr(fd)
            now[6][termios.VSUSP] = bytes([os.fpathconf(fd, "PC_VDISABLE")])
            termios.tcsetattr(fd, termios.TCSANOW, now)
            yield Keys(fd)
        finally:
            # What was typed for us is not for the shell. Not TCSADRAIN: that waits for ever where
            # the output was stopped by Ctrl-S.
            with contextlib.suppress(termios.error):  # the window was closed
                termios.tcflush(fd, termios.TCIFLUSH)
                termios.tcsetattr(fd, termios.TCSANOW, before)
