"""The keys of a telephone, pressed as a script says (protocol: input audio buffer and VAD)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from attrs import define

from inworld_rt.events.server import DtmfReceived
from inworld_rt.wire import Event

__all__ = ["Keypad"]

EVERY_MS = 500
_KEY = "1"


@define
class Keypad:
    """One session's keys. Nobody listens for tones: time alone presses them, each once."""

    script: tuple[str, ...] = ()
    """The keys; an empty one stands for some key."""
    _pressed: int = 0

    def heard(self, position_ms: int, now: float) -> Iterator[Event]:
        """So much audio has come, in milliseconds from the start of the session.

        Args:
            position_ms: the audio time.
            now: seconds since 1970.
        """
        while self._pressed < min(len(self.script), position_ms // EVERY_MS):
            key = self.script[self._pressed] or _KEY
            self._pressed += 1
            yield DtmfReceived(event=key, received_at=math.floor(now))
