"""A token that is always fresh: made anew before it expires."""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from inworld_rt.auth.credentials import Credentials
from inworld_rt.auth.minted import SessionToken, read_time
from inworld_rt.errors import ConfigError, ConnectError

__all__ = ["RenewingToken"]

_FOR_EVER = 1e9  # seconds; a date can tell so many

_logger = logging.getLogger("inworld_rt")


class RenewingToken(Credentials):
    """Credentials that fetch a token when there is none, or when it is about to expire.

    ::

        Client(credentials=RenewingToken(mint_token))           # where the API key is
        Client(credentials=RenewingToken(ask_the_teacher))      # where it is not

    Any thread may use it. One of them fetches the token, in its own call of :meth:`header`; the
    others wait for it.

    Args:
        mint: fetches a token. Returns a :class:`SessionToken`, or a pair: the token's text, and how
            many seconds it has left. Instead of the seconds, the time when it expires will do (with
            a zone, or as ISO 8601 text), if this machine's clock is right.
        margin: a token with fewer seconds left than these is replaced.

    Raises:
        ConfigError: ``mint`` is no function, or the margin no number of seconds.
    """

    def __init__(
        self,
        mint: Callable[[], SessionToken | tuple[str, datetime | str | float]],
        *,
        margin: float = 60.0,
    ) -> None:
        if not callable(mint):
            raise ConfigError(f"mint: expected a function, got {type(mint).__name__}")
        if type(margin) not in (int, float) or not 0 <= margin < math.inf:
            raise ConfigError(f"margin: expected a number of seconds, got {margin!r:.40}")
        # Not the function itself, which may hold a key and show it (functools.partial does).
        self._mint: Callable[[], object] = lambda: mint()
        self._margin = margin
        self._token: SessionToken | None = None
        self._minting = threading.Lock()

    @property
    def source(self) -> str:
        """Where the token came from that :meth:`header` gave last."""
        token = self._token
        return "a token that is yet to be fetched" if token is None else token.source

    def header(self) -> str:
        """``Bearer`` and a token that is still valid. Blocks while a new one is fetched.

        If that fails, the old token is used for as long as it is valid.

        Raises:
            Exception: what the function raised, and no token is valid.
            ConfigError: it returned something else than a token.
            ConnectError: it returned one that has expired.
        """
        with self._minting:
            token = self._token
            if token is None or token.left() < self._margin:
                token = self._token = self._renewed(token)
            return token.header()

    def _renewed(self, old: SessionToken | None) -> SessionToken:
        try:
            return _checked(self._mint())
        except Exception as exc:
            if old is None or not old.left():
                raise
            # Only the kind: the text is another program's.
            _logger.info(
                "no new token (%s); the old one is good for %.0f s", type(exc).__name__, old.left()
            )
            return old


def _checked(made: object) -> SessionToken:
    """What a function of the user's returned, as a token that is valid."""
    if isinstance(made, tuple) and len(made) == 2:
        made = _from_pair(*made)
    if not isinstance(made, SessionToken):
        raise ConfigError(
            f"mint returned {type(made).__name__}; it must return a SessionToken, or the token's "
            "text and the seconds it has left"
        )
    if not made.left():
        raise ConnectError(
            "the new token has expired already; check the clocks of this computer and of the one "
            "that it comes from, or return the seconds that it has left"
        )
    return made


def _from_pair(text: Any, expiry: Any) -> SessionToken:
    if not isinstance(text, str) or not re.fullmatch(r"[!-~]+", text):
        raise ConfigError("mint returned a pair that does not begin with a token's text")
    now = datetime.now(timezone.utc)
    if isinstance(expiry, str):
        expiry = read_time(expiry)
    if isinstance(expiry, datetime) and expiry.tzinfo is not None:
        expiry = (expiry - now).total_seconds()
    if type(expiry) not in (int, float) or math.isnan(expiry):
        raise ConfigError(
            "mint returned a pair that does not end with when the token expires: the seconds it "
            "has left, a datetime with a zone, or that as ISO 8601 text"
        )
    left = min(max(0.0, float(expiry)), _FOR_EVER)
    return SessionToken(
        value=text,
        expires=now + timedelta(seconds=left),
        until=time.monotonic() + left,
        source="a token that was fetched",
    )
