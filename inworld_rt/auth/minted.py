"""A token that was made a moment ago, and how long it lives."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone

from attrs import field, frozen

from inworld_rt.auth.credentials import Credentials
from inworld_rt.auth.hidden import Hidden, hide
from inworld_rt.errors import ConfigError

__all__ = ["SessionToken", "read_time"]

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(?:([Zz])|([+-]\d\d):?(\d\d))?",
    re.ASCII,
)


@frozen(repr=False, kw_only=True)
class SessionToken(Credentials):
    """A token for a device that must not hold an API key. Opens sessions until it expires.

    How long it lives is counted on the monotonic clock from the moment it was made: this machine's
    date may be wrong, and may be set meanwhile.

    Args:
        value: the token.
        expires: when it ends, on the clock of whoever made it; with a time zone.
        until: when it ends, on the clock of ``time.monotonic``.
        source: where it came from, for messages.

    Raises:
        ConfigError: the value cannot be a token, or the time has no zone.
    """

    _value: Hidden = field(converter=hide)
    expires: datetime
    """When it ends, on the clock of whoever made it."""
    _until: float = field(eq=False)
    _origin: str = field(default="the token", alias="source")

    def __attrs_post_init__(self) -> None:
        value: object = self._value.reveal()
        # What a header can hold; that it is a JWT is its maker's business.
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
            raise ConfigError(f"{self._origin} is not a token: visible characters without spaces")
        if self.expires.tzinfo is None:
            raise ConfigError("expires: a time with a time zone, for example timezone.utc")

    @property
    def token(self) -> str:
        """The token itself, to be given to a device. This is the secret: never log it."""
        return self._value.reveal()

    @property
    def source(self) -> str:
        """Where it came from, and until when it is valid."""
        until = self.expires.astimezone(timezone.utc)
        return f"{self._origin} (valid until {until:%Y-%m-%d %H:%M:%S} UTC)"

    def header(self) -> str:
        """``Bearer`` and the token."""
        return f"Bearer {self.token}"

    def left(self) -> float:
        """Seconds that it still has to live; zero if it has expired."""
        return max(0.0, self._until - time.monotonic())


def read_time(text: object) -> datetime | None:
    """A time as services write it (ISO 8601), up to nanoseconds; without a zone it is UTC.

    Returns:
        The time in UTC; ``None`` where it cannot be read.
    """
    match = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    day, clock, fraction, _, hours, minutes = match.groups()
    micros = (fraction or "").ljust(6, "0")[:6]
    zone = f"{hours}:{minutes}" if hours else "+00:00"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{micros}{zone}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):  # the 31st of June; the last hour of the year 9999
        return None
