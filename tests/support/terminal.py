"""A program in a terminal of its own, as a person sees it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import termios
import time
from typing import Any

from support.background import PATIENCE

__all__ = ["Terminal"]

# A session's leader takes the terminal for its own; without that, Ctrl-C would mean nothing.
_LEADER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "inworld_rt", *sys.argv[1:]])
"""
_ELSEWHERE = re.compile(r"\x1b\[\d*[AK]")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """``inworld-rt`` with some arguments, in a terminal; ``with`` ends it.

    Attributes:
        raw: all it wrote.
    """

    def __init__(self, *arguments: str, width: int = 100, **environment: str) -> None:
        self.raw = b""
        self._keyboard, self._screen = os.openpty()
        self.before = self.modes
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LEADER, *arguments],
            stdin=self._screen,
            stdout=self._screen,
            stderr=self._screen,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(width), "LINES": "24"} | environment,
        )

    @property
    def modes(self) -> list[Any]:
        """How the terminal is set, echo and all."""
        return termios.tcgetattr(self._screen)

    @property
    def echoes(self) -> bool:
        """Whether what is typed appears by itself."""
        return bool(self.modes[3] & termios.ECHO)

    @property
    def text(self) -> str:
        """What it wrote, one below the other, without the commands to the terminal."""
        return _CONTROL.sub("", _ELSEWHERE.sub("\n", self.raw.decode(errors="replace")))

    @property
    def has_cursor(self) -> bool:
        """Whether the cursor can be seen now."""
        return self.raw.rfind(b"\x1b[?25l") <= self.raw.rfind(b"\x1b[?25h")

    def until(self, words: str, *, after: str = "") -> str:
        """Wait for words.

        Args:
            words: what is waited for.
            after: only behind these, which are there already.

        Returns:
            What was written behind ``after``.
        """
        start = self.text.index(after) + len(after)
        deadline = time.monotonic() + PATIENCE
        while words not in self.text[start:]:
            assert self._read(deadline), f"{words!r} does not come: {self.text[-2000:]!r}"
        return self.text[start:]

    def _read(self, deadline: float) -> bool:
        """Some more of it; False if nothing will come any more."""
        while time.monotonic() < deadline:
            if select.select([self._keyboard], [], [], 0.05)[0]:
                self.raw += os.read(self._keyboard, 65536)
                return True
            if self._process.poll() is not None:
                return False
        return False

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._keyboard, keys.encode())

    def send_signal(self, number: int) -> None:
        """Send it to the program."""
        self._process.send_signal(number)

    def end(self, keys: str = "") -> tuple[int, float]:
        """Press keys and wait for the end.

        Returns:
            The exit status, and how many seconds it took.
        """
        start = time.monotonic()
        self.type(keys)
        while self._read(start + PATIENCE):
            pass
        status = self._process.wait(PATIENCE)
        return status, time.monotonic() - start

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._keyboard)
        os.close(self._screen)
