"""What is going on, and what the user wants done when that changes."""

from __future__ import annotations

from collections.abc import Callable

from inworld_rt.client.base import Base
from inworld_rt.events import Event
from inworld_rt.hooks import Hook
from inworld_rt.link import Stats
from inworld_rt.request import Orders

__all__ = ["States"]


class States(Base):
    """The part of the client that tells how things are."""

    @property
    def state(self) -> str:
        """What is going on, one of these words:

        ``listening`` (the user speaks), ``thinking`` (an answer is on its way), ``speaking`` (its
        sound arrives; during a voice chat, it is heard), ``idle``; ``connecting`` (a voice chat
        begins), ``error`` (the connection broke off, or a device is away), ``closed``.
        """
        if self._link.over:
            return "error" if self._link.broken else "closed"
        chat = self._link.chat
        told: str = chat.phase if chat is not None else ""
        if told:
            return told
        with self._link.lock:
            return self._link.session.phase

    when_connecting = Hook("Called when a voice chat begins to open its devices.")
    when_idle = Hook("Called when nobody speaks any more, and nothing is on its way.")
    when_listening = Hook("Called when the user begins to speak.")
    when_thinking = Hook("Called when an answer is on its way.")
    when_speaking = Hook("Called when an answer sounds.")
    when_error = Hook("Called when the connection broke off, or a sound device is away.")
    when_closed = Hook("Called when the session was closed.")

    def _follow(self) -> None:
        """Tell the hooks of every change from now on."""
        if self._follower is None:
            self._follower = _Follower(self._state_changed)
            self._link.watch(self._follower)

    def _state_changed(self) -> None:
        if self._hooks:
            with self._telling:  # two threads must not swap what they saw
                self._hooks.tell(self.state)

    @property
    def stats(self) -> Stats:
        """Counts of the session so far: events, answers, errors, tokens, seconds of sound."""
        return self._link.stats

    @property
    def closed(self) -> bool:
        """Whether the session is over, for whatever reason."""
        return self._link.over


class _Follower:
    """Passes on that something happened."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.over = changed
        self._changed = changed

    def saw(self, event: Event, orders: Orders) -> None:
        self._changed()
