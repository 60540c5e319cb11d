"""Push-to-talk: the user's turn lasts as long as a button is held (protocol: push-to-talk)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from inworld_rt.audio.microphone import Microphone
from inworld_rt.errors import ConfigError, ConnectionClosed
from inworld_rt.events import InputAudioClear, InputAudioCommit
from inworld_rt.link import Link, now
from inworld_rt.voice_chat.answers import Answers
from inworld_rt.voice_chat.uplink import Uplink
from inworld_rt.workers import wait_for

__all__ = ["Button"]

_PREROLL = 0.2  # seconds before it was pressed: people begin to speak a little early
_SHORTEST = 0.1  # seconds; what was held for less was touched by mistake
_SLICE = 0.2  # seconds between two looks whether the session is over


class Button:
    """The button of one voice chat, real or not. Any thread may press it.

    Attributes:
        held: whether it is pressed.
    """

    def __init__(
        self,
        link: Link,
        microphone: Microphone,
        uplink: Uplink,
        answers: Answers,
        request: Callable[..., Any],
        changed: Callable[[], None],
    ) -> None:
        """Not pressed yet.

        Args:
            link: the session.
            microphone: whose clock counts.
            uplink: what it opens and closes.
            answers: what it interrupts.
            request: sends events and asks for an answer.
            changed: called when it was pressed or let go.
        """
        self.held = False
        self._link = link
        self._microphone = microphone
        self._uplink = uplink
        self._answers = answers
        self._request = request
        self._changed = changed
        self._pressed = 0.0
        self._pressing = threading.RLock()  # two threads may press, or let go, at once

    def press(self) -> None:
        """See :meth:`VoiceChat.press`."""
        with self._pressing:
            if self.held:
                return
            self.held = True
            self._answers.cut(cancel=True)
            self._clear()
            self._pressed = self._microphone.now()
            self._uplink.begin(_PREROLL)
        self._changed()

    def release(self) -> Any:
        """See :meth:`VoiceChat.release`."""
        with self._pressing:
            if not self.held:
                return None
            if self._microphone.now() - self._pressed < _SHORTEST:
                self.drop()
                return None
            released = now()
            self._answers.turn_over()
            self._uplink.end()
            self.held = False
            sent = threading.Event()
            self._uplink.then(sent.set)
            while not wait_for(sent, _SLICE):
                self._link.check()
                if self._uplink.closed:
                    return None
            response = self._request(InputAudioCommit(event_id=self._link.new_id()))
            response.asked_at(released)
        self._changed()
        return response

    @contextlib.contextmanager
    def pressed(self) -> Iterator[None]:
        """See :meth:`VoiceChat.held`."""
        self.press()
        try:
            yield
        except BaseException:
            self.drop()
            raise
        self.release()

    def drop(self) -> None:
        """Let go as if nothing had been said."""
        self.held = False
        self._uplink.stop()
        self._uplink.forget()
        self._clear()
        self._changed()

    def _clear(self) -> None:
        link = self._link
        self._uplink.then(lambda: link.post(InputAudioClear(event_id=link.new_id())))

    def follow(self, real: Any, cleanup: contextlib.ExitStack) -> None:
        """Do as a real button does.

        Args:
            real: calls its ``when_pressed`` and ``when_released``.
            cleanup: puts back what these were.

        Raises:
            ConfigError: it has no such attributes.
        """
        if not (hasattr(real, "when_pressed") and hasattr(real, "when_released")):
            raise ConfigError(
                "a button has when_pressed and when_released, as gpiozero.Button(17) does; "
                f"this is a {type(real).__name__}"
            )
        for name, step in (("when_pressed", self.press), ("when_released", self.release)):
            cleanup.callback(_put_back, real, name, getattr(real, name))
            setattr(real, name, _quietly(step))
        if getattr(real, "is_pressed", False):
            self.press()


def _quietly(step: Callable[[], object]) -> Callable[[], None]:
    def handler() -> None:
        # The end of the session is told to whoever waits for that of the chat.
        with contextlib.suppress(ConnectionClosed):
            step()

    return handler


def _put_back(real: Any, name: str, before: Callable[[], object] | None) -> None:
    if getattr(real, "closed", False):
        return
    if before is not None or getattr(real, name) is not None:  # gpiozero warns of None twice
        setattr(real, name, before)
