"""A program's surroundings, in the hands of a test: terminal, sound devices, a Raspberry Pi's pins.

The program runs in this process and in the main thread, as Ctrl-C reaches only that; what happens
to it meanwhile is a scene: a function on a thread of its own.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from inworld_rt.audio import backend
from inworld_rt.testing import FakeSound
from inworld_rt.workers import Deadline, Inbox
from support.background import PATIENCE, Background

__all__ = ["Scene", "Stage", "staged"]

QUESTION = Path(backend.__file__).parent.parent / "cli" / "question.wav"
_STEP = 0.1  # seconds of sound that pass,
_PAUSE = 0.01  # while the network and the simulator have so many real ones
_REST = 4  # seconds of sound after which nothing more is expected

_running: list[Stage] = []


class Stage:
    """One program's.

    Attributes:
        screen: what it has printed so far.
        sound: its microphone and loudspeaker.
    """

    def __init__(self) -> None:
        self.screen = _Screen()
        self.sound = FakeSound()
        self._keyboard: Inbox[str] = Inbox()
        self._over = threading.Event()

    # --- what a scene does -----------------------------------------------------------------------

    def until(self, words: str, times: int = 1) -> None:
        """Wait until the program has printed something."""
        deadline = Deadline(PATIENCE)
        while self.screen.getvalue().count(words) < times:
            self._check(deadline, f"{words!r} is not printed")
            with self.screen.news:
                self.screen.news.wait(_PAUSE)

    def type(self, line: str) -> None:
        """Write a line and press Enter."""
        self._keyboard.put(line + "\n")

    def ask(self, recording: str | Path = QUESTION) -> None:
        """Speak into the microphone, until all is said."""
        self.sound.advance(self.sound.say(recording))

    def time_passes(self, until: Callable[[], object]) -> None:
        """Let sound flow, ten times as fast as in life."""
        deadline = Deadline(PATIENCE)
        while not until():
            self._check(deadline, "what was waited for does not happen")
            self.sound.advance(_STEP)
            self._over.wait(_PAUSE)

    @property
    def audible(self) -> bool:
        """Whether anything was played."""
        return bool(self.sound.heard.strip(b"\0"))

    @property
    def finished(self) -> bool:
        """Whether something was played, and after it nothing for a while."""
        played = self.sound.heard
        tail = _REST * 2 * self.sound.speaker_rate
        return self.audible and not played[-tail:].strip(b"\0")

    @property
    def over(self) -> bool:
        """Whether the program has ended."""
        return self._over.is_set()

    def pin(self, number: int) -> Any:
        """A pin of the Raspberry Pi: ``drive_low()`` presses a button, ``state`` shows a lamp."""
        from gpiozero import Device

        return Device.pin_factory.pin(number)

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait until the program has ended."""
        assert not self.over
        self._signal(signal.SIGINT)
        deadline = Deadline(PATIENCE)
        while not self._over.wait(_PAUSE):
            assert deadline.left(), "Ctrl-C does not end the program"
            # A signal that comes in the moment before a wait does not wake it; this one does.
            self._signal(signal.SIGUSR1)

    def _signal(self, number: int) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, number)

    def _check(self, deadline: Deadline, trouble: str) -> None:
        assert deadline.left(), f"{trouble}; there is: {self.screen.getvalue()!r}"
        assert not self.over, f"{trouble}, and the program has ended"

    # --- the program -----------------------------------------------------------------------------

    def run(self, program: Path, arguments: Sequence[str], scene: Scene | None) -> str:
        """Run it to its end; returns what it printed."""
        sys.argv[:] = [str(program), *arguments]
        acting = Background(lambda: self._act(scene)) if scene else None
        try:
            with contextlib.redirect_stdout(self.screen):
                runpy.run_path(str(program), run_name="__main__")
        finally:
            self._over.set()
            if acting is not None:
                acting.result()
        return self.screen.getvalue()

    def _act(self, scene: Scene) -> None:
        try:
            scene(self)
        except BaseException:
            if not self.over:
                self.interrupt()  # nobody else would
            raise

    def readline(self) -> str:
        """What ``input()`` asks for."""
        return self._keyboard.get(PATIENCE)


Scene = Callable[[Stage], None]


class _Screen(io.StringIO):
    """Tells when something was printed."""

    def __init__(self) -> None:
        super().__init__()
        self.news = threading.Condition()

    def write(self, text: str) -> int:
        with self.news:
            self.news.notify_all()
            return super().write(text)


def current_sound() -> FakeSound:
    """The back end of the program that runs."""
    return _running[-1].sound


@contextlib.contextmanager
def staged(monkeypatch: pytest.MonkeyPatch, folder: Path, **environment: str) -> Iterator[Stage]:
    """A stage for a program that runs in a folder.

    Args:
        monkeypatch: puts everything back.
        folder: where it runs.
        environment: what it finds there, besides the usual.
    """
    stage = Stage()
    with monkeypatch.context() as change:
        change.setitem(backend.BACKENDS, "staged", f"{__name__}:current_sound")
        change.setenv("INWORLD_RT_AUDIO", "staged")
        for name, value in environment.items():
            change.setenv(name, value)
        change.chdir(folder)
        change.setattr(sys, "argv", [])
        change.setattr(sys, "stdin", stage)
        before = signal.signal(signal.SIGUSR1, lambda number, frame: None)
        try:
            _running.append(stage)
            with _pins():
                yield stage
        finally:
            _running.remove(stage)
            signal.signal(signal.SIGUSR1, before)


@contextlib.contextmanager
def _pins() -> Iterator[None]:
    """Pins that are no real ones, and new for each program."""
    try:
        from gpiozero import Device
        from gpiozero.pins.mock import MockFactory
    except ImportError:  # then no program can use them
        yield
        return
    Device.pin_factory = MockFactory()
    try:
        yield
    finally:
        Device.pin_factory.reset()
        Device.pin_factory.close()
        Device.pin_factory = None
