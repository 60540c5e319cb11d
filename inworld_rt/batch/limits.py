"""What an account may do (protocol: limits), and the bucket that keeps within it. Pure."""

from __future__ import annotations

import math
from typing import Any

import attrs
from attrs import frozen

from inworld_rt.errors import ConfigError

__all__ = ["Bucket", "Limits"]


def _is_above_zero(instance: Any, attribute: attrs.Attribute[float], value: object) -> None:
    if type(value) not in (int, float) or not value > 0:  # type: ignore[operator]
        raise ConfigError(f"{attribute.name}: expected a number above 0, got {value!r:.40}")


def _is_count(instance: Any, attribute: attrs.Attribute[int], value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigError(f"{attribute.name}: expected a whole number from 1 up, got {value!r:.40}")


@frozen(kw_only=True)
class Limits:
    """What the account may do; the defaults are those that the service has told of.

    They hold for this batch; all programs that use the account share them, so leave some room.

    Attributes:
        sessions: how many may be open at once.
        requests_per_second: how many answers may be asked for in a second; ``math.inf`` is without
            limit.
        packets_per_second: how many messages one session may send in a second.

    Raises:
        ConfigError: a number is not above 0.
    """

    sessions: int = attrs.field(default=20, validator=_is_count)
    requests_per_second: float = attrs.field(default=25.0, validator=_is_above_zero)
    packets_per_second: float = attrs.field(default=1000.0, validator=_is_above_zero)


class Bucket:
    """A token bucket: whatever happens, no second sees more than the limit.

    It knows no clock; whoever asks says what time it is. Its tokens are a tenth of the limit, so
    that a wait is worth it where many small things are limited, and what flows in is so much less
    that a full bucket and a second's inflow together are the limit.
    """

    def __init__(self, per_second: float) -> None:
        """Begin with a full one.

        Args:
            per_second: the limit; ``math.inf`` is none.
        """
        self._size = max(1, int(per_second / 10)) if per_second < math.inf else 1
        self._rate = per_second - self._size + 1
        self._tokens = float(self._size)
        self._at = -math.inf

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 if there is one.

        Args:
            now: seconds on any clock that does not go back.
        """
        if self._rate == math.inf:
            return 0.0
        passed = max(0.0, now - self._at)
        self._tokens = min(float(self._size), self._tokens + passed * self._rate)
        self._at = max(self._at, now)
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def take(self, now: float) -> float:
        """Take a token, at once or in advance.

        Args:
            now: as for :meth:`wait`.

        Returns:
            Seconds to wait before doing what it is for.
        """
        seconds = self.wait(now)
        self._tokens -= 1.0
        return seconds
