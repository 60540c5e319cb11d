"""Ids of then and of now: a client makes fresh ones each time, and the service repeats them."""

from __future__ import annotations

from typing import Any

__all__ = ["Names"]


class Names:
    """What the ids of a recording are called in the session of today."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}

    def learn(self, then: Any, now: Any, key: str = "") -> None:
        """Compare a message with the one that stands for it in the recording.

        Args:
            then: the recorded one, or a part of it.
            now: today's.
            key: the name under which both were found.
        """
        if isinstance(then, dict) and isinstance(now, dict):
            for name in then.keys() & now.keys():
                self.learn(then[name], now[name], name)
        elif isinstance(then, list) and isinstance(now, list):
            for one, other in zip(then, now, strict=False):
                self.learn(one, other, key)
        elif isinstance(then, str) and isinstance(now, str) and then != now and _is_id(key):
            self._now[then] = now

    def translate(self, message: Any, key: str = "") -> Any:
        """A recorded message with today's ids."""
        if isinstance(message, dict):
            return {name: self.translate(value, name) for name, value in message.items()}
        if isinstance(message, list):
            return [self.translate(value, key) for value in message]
        if isinstance(message, str) and _is_id(key):
            return self._now.get(message, message)
        return message


def _is_id(key: str) -> bool:
    return key == "id" or key.endswith("_id")
