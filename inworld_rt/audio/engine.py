"""The one PortAudio of the process: started when first needed, ended at exit.

A program that ends with a stream open may crash in its last moment, and so does one in which two
threads start, end or list devices at once. PortAudio sees only devices that were there when it
started; :meth:`Engine.refresh` starts it afresh.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from inworld_rt import extras
from inworld_rt.audio import quiet
from inworld_rt.errors import BackendMissing, DeviceError, WaitTimeout
from inworld_rt.workers import Inbox, Worker

__all__ = ["Engine", "engine", "said"]


_OPEN_WITHIN = 3.0  # seconds


class Held(Protocol):
    """Something open that the engine may have to close and open again."""

    def suspend(self) -> None:
        """Let go of the device."""

    def resume(self, pa: Any) -> None:
        """Take it again, from this PyAudio; never raises."""


class Engine:
    """PyAudio's ``PyAudio()``, and what is open in it."""

    def __init__(self) -> None:
        # Held around everything that starts, ends, lists or opens. No callback ever wants it.
        self._lock = threading.RLock()
        self._pa: Any = None
        self._open: list[Held] = []
        self._stuck = False

    @contextlib.contextmanager
    def running(self) -> Iterator[Any]:
        """PyAudio for the length of the block, in which no other thread has it.

        Raises:
            BackendMissing: PyAudio is not installed.
            DeviceError: PortAudio does not start.
        """
        with self._lock:
            try:
                yield self._start()
            except BaseException:
                if not self._open:
                    self._end()  # the next block shall see what is there by then
                raise

    def bounded(self, open: Callable[[], Any], name: str) -> Any:
        """Open a device, which may take for ever; within :meth:`running`.

        A device that can be opened but not started, such as the monitor of a loudspeaker that is
        to play, makes PortAudio on ALSA wait for a thread that has already ended.

        Args:
            open: opens it.
            name: the device's.

        Raises:
            DeviceError: it took too long; PortAudio is then not ended any more.
            OSError: what ``open`` raises.
        """
        result: Inbox[Any] = Inbox()
        Worker("open", lambda stopping: result.put(open()), result.put).start()
        try:
            opened = result.get(_OPEN_WITHIN)
        except WaitTimeout:
            self._stuck = True
            raise DeviceError(
                f"the sound device {name!r} does not start; choose another device"
            ) from None
        if isinstance(opened, BaseException):
            raise opened
        return opened

    def add(self, held: Held) -> None:
        """Something was opened; within :meth:`running`."""
        self._open.append(held)

    def remove(self, held: Held) -> None:
        """It was closed."""
        with self._lock:
            if held in self._open:
                self._open.remove(held)

    def refresh(self) -> None:
        """See which devices are there now. What is open is closed and opened again."""
        with self._lock:
            for held in self._open:
                held.suspend()
            self._end()
            if self._open:
                with contextlib.suppress(DeviceError):  # their owners notice that nothing comes
                    pa = self._start()
                    for held in self._open:
                        held.resume(pa)

    def close(self) -> None:
        """Close whatever is open and end PortAudio; the next use starts it afresh."""
        # A bound, as this runs at exit: a driver that never returns must not keep the program.
        if not self._lock.acquire(timeout=2):
            return
        try:
            while self._open:
                self._open.pop().suspend()
            self._end()
        finally:
            self._lock.release()

    def _start(self) -> Any:
        if self._pa is None:
            library = _load()
            try:
                with quiet.kept():
                    self._pa = library.PyAudio()
            except OSError as exc:
                raise DeviceError(f"PortAudio does not start: {said(exc)}") from exc
            atexit.register(self.close)
        return self._pa

    def _end(self) -> None:
        if self._pa is not None and not self._stuck:
            self._pa.terminate()
            self._pa = None
            quiet.loud()
            atexit.unregister(self.close)


engine = Engine()
"""The one of this process."""


def said(exc: OSError) -> str:
    """PortAudio's number and words."""
    return str(exc) if exc.errno is None else f"PortAudio error {exc.errno}, {exc.strerror}"


def _load() -> Any:
    """PyAudio, which needs a library that pip does not bring."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):  # it prints when its own library is missing
            library = extras.load("pyaudio", extra="audio", purpose="use the sound devices")
    except BackendMissing as exc:
        raise BackendMissing(
            "the package 'pyaudio' is needed to use the sound devices; "
            f"install it with: {_command()}"
        ) from exc.__cause__
    if printed.getvalue() and sys.stdout:  # another thread's, then
        sys.stdout.write(printed.getvalue())
    return library


def _command() -> str:
    """The one command that installs PyAudio here."""
    pip = extras.install_command("audio")
    if sys.platform == "darwin":
        return f"brew install portaudio && {pip}"
    if sys.platform == "win32" or not shutil.which("apt-get"):
        return pip
    if sys.prefix == sys.base_prefix and os.path.dirname(sys.executable) == "/usr/bin":
        return "sudo apt install python3-pyaudio"  # the system's Python has the system's packages
    return f"sudo apt install portaudio19-dev python3-dev gcc && {pip}"
