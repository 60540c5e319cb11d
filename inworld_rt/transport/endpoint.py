"""The address of a session: which server, which path, and a fresh session id."""

from __future__ import annotations

import os
from urllib.parse import quote, urlsplit, urlunsplit

from inworld_rt.errors import ConfigError

__all__ = ["DEFAULT_URL", "URL_VARIABLE", "endpoint", "new_session_id"]

URL_VARIABLE = "INWORLD_REALTIME_URL"
PATH = "/api/v1/realtime/session"
DEFAULT_URL = f"wss://api.inworld.ai{PATH}"

_OURS = ("key", "protocol")
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def new_session_id() -> str:
    """A fresh session id for one connection (protocol: the ``key`` parameter).

    Returns:
        ``inworld-rt-`` and 32 random hexadecimal digits.
    """
    return f"inworld-rt-{os.urandom(16).hex()}"


def endpoint(url: str | None, session_id: str) -> str:
    """The full WebSocket URL of one connection.

    Args:
        url: a server's address, with or without the fixed path; ``http`` and ``https`` mean ``ws``
            and ``wss``; a path prefix and a query are kept. ``None``: the environment variable
            ``INWORLD_REALTIME_URL``, else the public service.
        session_id: the value of ``key``; unique per connection, see :func:`new_session_id`.

    Returns:
        The URL with the fixed path, ``key`` and ``protocol`` (protocol: endpoint).

    Raises:
        ConfigError: the address or the session id cannot be used; names the field to mend.
    """
    given: object = session_id
    if not isinstance(given, str) or not given:
        raise ConfigError("session_id must be a non-empty string; leave it out for a fresh one")
    address, name = _address(url)
    scheme, netloc, path, query = _parts(address, name)
    path = path.rstrip("/")
    if not path.endswith(PATH):
        path += PATH
    # A pasted full address holds an old key: a session id is for one connection only.
    pairs = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in _OURS]
    pairs += [f"key={quote(session_id, safe='')}", "protocol=realtime"]
    return urlunsplit((scheme, netloc, path, "&".join(pairs), ""))


def _address(url: str | None) -> tuple[str, str]:
    """The address and the name of the field that it came from."""
    if url is not None:
        return url, "url"
    found = os.environ.get(URL_VARIABLE)
    return (found, URL_VARIABLE) if found else (DEFAULT_URL, "url")


def _parts(address: object, name: str) -> tuple[str, str, str, str]:
    """Scheme, host and port, path, query; checked."""
    example = f"for example {DEFAULT_URL}"
    if not isinstance(address, str):
        raise ConfigError(f"{name} must be a string, {example}")
    if any(char.isspace() or not char.isprintable() for char in address):
        raise ConfigError(f"{name} has a space or a control character in it; {example}")
    try:
        parts = urlsplit(address)
        port = parts.port  # a property: this is where a bad port is noticed
    except ValueError as exc:
        raise ConfigError(f"{name} is not a valid address ({exc}); {example}") from None
    if "@" in parts.netloc:
        # Not shown: what stands before the @ may be a key.
        raise ConfigError(
            f"{name} must not hold a user name, password or key before the host; "
            f"pass credentials= instead, {example}"
        )
    if parts.scheme not in _SCHEMES:
        raise ConfigError(f"{name} must start with wss:// or ws://, {example}")
    if not parts.hostname or port == 0:
        raise ConfigError(f"{name} names no host or no usable port; {example}")
    return _SCHEMES[parts.scheme], parts.netloc, parts.path, parts.query
