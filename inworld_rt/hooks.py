"""What the user wants done when the conversation changes its state, on a thread of its own."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from inworld_rt.errors import ConfigError, InworldWarning, WaitTimeout
from inworld_rt.workers import Deadline, Inbox, Worker, call

__all__ = ["STATES", "Hook", "Hooks"]

STATES = ("connecting", "idle", "listening", "thinking", "speaking", "error", "closed")
"""All states of a client."""

_SETTLED = 0.05  # seconds; between two states it is often idle for a moment, which is no news
_STOP_WITHIN = 1.0

Action = Callable[[], object]


class Hooks:
    """Functions to call, by name. Any thread may say what happened; only one thread calls."""

    def __init__(self, begin: Callable[[], None] = lambda: None) -> None:
        """None is set.

        Args:
            begin: called when one is, to have changes told.
        """
        self._begin = begin
        self._actions: dict[str, Action] = {}
        self._news: Inbox[str | Action] = Inbox()
        self._worker: Worker | None = None
        self._lock = threading.Lock()  # around making the worker
        self._told = ""

    def __bool__(self) -> bool:
        return bool(self._actions)

    def get(self, name: str) -> Action | None:
        """The function for a name."""
        return self._actions.get(name)

    def set(self, name: str, action: object) -> None:
        """Set or, with ``None``, take away the function for a name.

        Raises:
            ConfigError: it is no function.
        """
        if action is None:
            if self._actions.pop(name, None) is None:
                warnings.warn(
                    f"when_{name} was set to None, which it was already; if that was the result of "
                    "a call, as in led.on(), leave the brackets away: led.on",
                    InworldWarning,
                    stacklevel=3,  # the line that sets it
                )
            return
        if not callable(action):
            raise ConfigError(
                f"when_{name}: expected a function, got {type(action).__name__}; leave away the "
                "brackets behind its name"
            )
        self._actions[name] = action
        self._start()
        self._begin()

    def tell(self, state: str) -> None:
        """A state began. Never blocks."""
        self._news.put(state)

    def do(self, action: Action) -> None:
        """Call a function, in its turn. Never blocks."""
        self._news.put(action)
        self._start()

    def _start(self) -> None:
        with self._lock:
            if self._worker is None:
                self._worker = Worker("hooks", self._run, lambda exc: None)
                self._worker.start()

    def close(self, timeout: float | None = None) -> None:
        """Call what has been told so far, such as the end of the session, and nothing more.

        Args:
            timeout: seconds to wait for that at most.
        """
        self._news.close(StopIteration)
        with self._lock:
            worker = self._worker
        if worker is not None:
            # A function of the user's may take its time.
            worker.join(_STOP_WITHIN if timeout is None else min(timeout, _STOP_WITHIN))

    def _run(self, stopping: threading.Event) -> None:
        idle: Deadline | None = None  # when it is to be told
        while True:
            try:
                news = self._news.get(None if idle is None else idle.left())
            except WaitTimeout:
                idle = None
                self._enter("idle")
                continue
            except StopIteration:
                return
            if callable(news):
                call(news)
            elif news == "idle":
                idle = idle or Deadline(_SETTLED)
            else:
                idle = None
                self._enter(news)

    def _enter(self, state: str) -> None:
        if state != self._told:
            self._told = state
            action = self._actions.get(state)
            if action is not None:
                call(action)


class Hook:
    """An attribute ``when_…`` of a class that has :class:`Hooks` in ``_hooks``."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name.removeprefix("when_")

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else vars(instance)["_hooks"].get(self._name)

    def __set__(self, instance: Any, action: Action | None) -> None:
        vars(instance)["_hooks"].set(self._name, action)
