"""Takes secrets out of what is kept: those that are known, and whatever is named like one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["HIDDEN", "Scrubber", "bare_url"]

HIDDEN = "<hidden>"
"""What stands for a secret."""

_NAMES = frozenset(
    "authorization proxyauthorization apikey xapikey token accesstoken refreshtoken sessiontoken "
    "secret clientsecret password passphrase credential credentials cookie".split()
)
_LEAST = 4  # characters of a known secret: what is shorter stands in many a word
_ADDRESS = re.compile(r"(wss?|https?)://", re.IGNORECASE)


class Scrubber:
    """Knows the secrets of one client."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Remember them.

        Args:
            secrets: what must not appear anywhere; the longest goes first.
        """
        known = {secret for secret in secrets if len(secret) >= _LEAST}
        self._known = sorted(known, key=len, reverse=True)

    def text(self, message: bytes) -> bytes:
        """Bytes of any kind without the known secrets."""
        for secret in self._known:
            message = message.replace(secret.encode(), HIDDEN.encode())
        return message

    def clean(self, data: Any) -> Any:
        """JSON data without secrets, as a copy.

        Hidden are the known ones wherever they stand, and strings under a name like ``token`` or
        ``password``; of an address its query; of an MCP tool its headers, too.
        """
        if isinstance(data, str):
            return self._words(data)
        if isinstance(data, list):
            return [self.clean(value) for value in data]
        if not isinstance(data, dict):
            return data
        return {self._words(key): self._value(key, value, data) for key, value in data.items()}

    def _value(self, key: str, value: Any, holder: dict[str, Any]) -> Any:
        name = key.lower().replace("_", "").replace("-", "")
        if name == "headers" and holder.get("type") == "mcp":
            return {self._words(k): HIDDEN for k in value} if isinstance(value, dict) else HIDDEN
        if name in _NAMES and "logprob" not in holder:  # there a token is a piece of a word
            if isinstance(value, str):
                return HIDDEN if value else value
            if name == "clientsecret" and isinstance(value, dict):
                return {k: HIDDEN if k == "value" else self.clean(v) for k, v in value.items()}
        if name.endswith("url") and isinstance(value, str):
            value = bare_url(value)
        return self.clean(value)

    def _words(self, text: str) -> str:
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text


def bare_url(url: str) -> str:
    """An address without the places where keys stand: before the host, and behind the path."""
    scheme = _ADDRESS.match(url)
    if scheme is None:
        return url
    rest = url[scheme.end() :]
    rest, mark, _ = rest.partition("#")[0].partition("?")
    host, slash, path = rest.partition("/")
    return f"{scheme[0]}{host.rpartition('@')[2]}{slash}{path}" + (f"?{HIDDEN}" if mark else "")
