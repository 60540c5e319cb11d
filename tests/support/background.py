"""A call on another thread, whose result or exception comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

__all__ = ["PATIENCE", "Background"]

PATIENCE = 20.0  # seconds; a bound against hanging, never a duration that a test needs


class Background:
    """Run ``call`` on a thread of its own, at once; :meth:`result` joins it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="test-background")
        self._thread.start()

    def _main(self) -> None:
        try:
            self._value = self._call()
        except BaseException as exc:
            self._error = exc

    def result(self) -> Any:
        """What the call returned; or what it raised, raised."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the background call hangs"
        if self._error is not None:
            raise self._error
        return self._value

    def error(self) -> BaseException:
        """What the call raised."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the background call hangs"
        assert self._error is not None, "the background call succeeded"
        return self._error
