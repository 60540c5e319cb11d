"""The road through an HTTP proxy: found in the environment, opened with ``CONNECT``."""

from __future__ import annotations

import ipaddress
import os
from base64 import b64encode
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from inworld_rt.errors import ConnectError

__all__ = ["Proxy", "find_proxy"]


@frozen
class Proxy:
    """An HTTP proxy.

    Attributes:
        host: its name or address.
        port: its TCP port.
        variable: the environment variable that named it, for messages.
    """

    host: str
    port: int
    variable: str
    _user: str = field(default="", repr=False)
    _password: str = field(default="", repr=False)

    def request(self, host: str, port: int) -> bytes:
        """The request for a tunnel. Holds the proxy's password: never log it."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self._user:
            login = b64encode(f"{self._user}:{self._password}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {login}")
        return "\r\n".join([*lines, "", ""]).encode()


def find_proxy(host: str, *, secure: bool) -> Proxy | None:
    """The proxy that the environment asks for.

    ``https_proxy`` counts for wss, ``http_proxy`` for ws, in lower or upper case; ``no_proxy``
    lists hosts, domains, and networks such as ``10.0.0.0/8`` to reach directly, or ``*``.

    Raises:
        ConnectError: the variable holds something that is not an HTTP proxy.
    """
    variable = "https_proxy" if secure else "http_proxy"
    if variable not in os.environ:
        variable = variable.upper()
    value = os.environ.get(variable, "").strip()
    if not value or _is_direct(host):
        return None
    try:
        # Many write host:port without a scheme.
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 0
    # https:// is taken for http://, since that is what such settings nearly always mean.
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # The value is not shown: it may hold a password.
        raise ConnectError(
            f"the environment variable {variable} does not hold an HTTP proxy such as "
            "http://proxy.example:3128; correct it, or list the server in no_proxy"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(parts.hostname, port, variable, user, password)


def _is_direct(host: str) -> bool:
    listed = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    names = [name for name in listed.lower().replace(" ", "").split(",") if name]
    host = host.lower()
    return any(_covers(name, host) for name in names)


def _covers(name: str, host: str) -> bool:
    """Whether an entry of ``no_proxy`` means this host."""
    if name == "*" or name == host:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a name, so the entry is a domain
        return host.endswith(f".{name.lstrip('.')}") or host == name.lstrip(".")
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
