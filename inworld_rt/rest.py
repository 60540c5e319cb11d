"""Small questions to the service over HTTPS: JSON there, JSON back (protocol: neighbouring HTTP
endpoints).

The connection is made as a session's is: the same proxies, certificates and time limit.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import ssl
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from attrs import evolve, field, frozen

from inworld_rt._version import __version__
from inworld_rt.arguments import seconds
from inworld_rt.errors import AuthError, ConfigError, ConnectError
from inworld_rt.transport.answer import Answer
from inworld_rt.transport.dial import Target, dial
from inworld_rt.transport.ending import printable
from inworld_rt.transport.endpoint import PATH, endpoint
from inworld_rt.transport.handshake import target_of
from inworld_rt.transport.stream import Stream

__all__ = ["MAX_ANSWER", "Request", "base_url", "content", "date_of", "exchange", "request_json"]

MAX_ANSWER = 4 * 2**20
"""The longest answer that is read, in bytes."""

_WORDS = 65536  # bytes of a refusal that are looked at for its words
_HUNG_UP = "hung up before it had answered; check the URL (https:// or http://?) and try again"
_SHORT = 8  # characters; pieces of a secret below that are ordinary words


@frozen
class Request:
    """A question to the service."""

    method: str
    """``GET`` or ``POST``."""
    url: str
    """With scheme, host, path and query."""
    authorization: str = field(repr=False)
    """The header's value; no message shows it."""
    source: str
    """Where the credential came from, for messages."""
    what: str
    """What is asked for, for messages: completes "the server refused"."""
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    """Sent as JSON."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What else no message shows, should the server know it."""


def base_url(url: str | None = None) -> str:
    """Where the service answers plain requests: the host of its sessions.

    Args:
        url: a session's address, as :class:`~inworld_rt.Client` takes it; default: the environment
            variable ``INWORLD_REALTIME_URL``, else the public service.

    Returns:
        ``https`` for ``wss`` and ``http`` for ``ws``, with host, port and what stands before
        the fixed path; no slash at the end.

    Raises:
        ConfigError: the address cannot be used.
    """
    parts = urlsplit(endpoint(url, "none"))
    scheme = {"ws": "http", "wss": "https"}[parts.scheme]
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix(PATH), "", ""))


def request_json(
    request: Request, *, timeout: float = 10.0, ssl_context: ssl.SSLContext | None = None
) -> dict[str, Any]:
    """Ask, and read the answer; see :func:`exchange` and :func:`content`."""
    return content(request, exchange(request, timeout=timeout, ssl_context=ssl_context))


def exchange(
    request: Request, *, timeout: float = 10.0, ssl_context: ssl.SSLContext | None = None
) -> Answer:
    """Send a request and read the answer, whatever its status. Blocks until then.

    Proxies are taken from the environment as for a session; redirects are not followed.

    Args:
        request: the question.
        timeout: seconds for all of it. Only the system's look-up of the name cannot be bounded.
        ssl_context: TLS settings; default: the ones that all sessions share.

    Returns:
        The answer; its body may be anything.

    Raises:
        ConfigError: ``http://`` to another machine, or a header that cannot be sent; nothing was.
        ConnectError: the server cannot be reached, is too slow, or does not speak HTTP.
    """
    timeout = seconds("timeout", timeout)
    deadline = time.monotonic() + timeout
    target = _target(request.url)
    message = _message(request)  # a bad header is found before anything is sent
    stream = dial(target, deadline=deadline, context=ssl_context, dead_after=timeout)
    try:
        answer, failure = _ask(stream, message, request.method, deadline)
    finally:
        stream.close()
    if answer is not None:
        return answer
    # Outside of any handler, so not chained: such exceptions quote what the server sent, and that
    # could be our header.
    raise ConnectError(f"{target} {failure}")


def content(request: Request, answer: Answer) -> dict[str, Any]:
    """The JSON object in an answer.

    Args:
        request: what was asked; its ``Authorization`` is kept out of all messages.
        answer: what came back.

    Raises:
        AuthError: the status is 401, 402 or 403.
        ConnectError: any other status that is no success, or an answer that is no JSON object.
    """
    if not 200 <= answer.status < 300:
        raise _refusal(request, answer)
    if not answer.body.strip():
        raise ConnectError(f"the server's answer to {request.what} is empty; check the URL")
    data = _parsed(answer.body)
    if isinstance(data, dict):
        return data
    kind = printable(answer.headers.get("content-type", "").partition(";")[0], 40)
    raise ConnectError(
        f"the server's answer to {request.what} is no JSON object "
        f"({len(answer.body)} bytes{kind and f' of {_clean(kind, request)}'}); check the URL, and "
        "that no login page of the network stands in between"
    )


def date_of(answer: Answer) -> datetime | None:
    """The server's time when it answered; ``None`` where it does not tell."""
    try:
        date = parsedate_to_datetime(answer.headers["date"])
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)


# --- asking --------------------------------------------------------------------------------------


def _target(url: str) -> Target:
    """Who is asked; as for a session, a key goes in clear to this machine only."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ConfigError("url must start with https:// or http://")
    address = urlunsplit(parts._replace(scheme={"http": "ws", "https": "wss"}[parts.scheme]))
    target = target_of(address, parts.hostname)
    if not target.secure and not target.local:
        raise ConfigError(
            f"http:// (or ws://) to {target.host} would send the key in clear over the network; "
            "use https:// (or wss://)"
        )
    return target


def _message(request: Request) -> bytes:
    parts = urlsplit(request.url)
    if not (request.authorization.isascii() and request.authorization.isprintable()):
        raise ConfigError(
            f"the credential from {request.source} cannot be sent: it has a line break or another "
            "odd character in it"
        )
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~") or "/"
    if not parts.netloc.isascii():
        raise ConfigError("url: write the host in its ASCII form, which begins with xn--")
    lines = [
        f"{request.method} {path}{parts.query and f'?{parts.query}'} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"User-Agent: inworld_rt/{__version__}",
        "Accept: application/json",
        "Connection: close",
        f"Authorization: {request.authorization}",
    ]
    body = b""
    if request.body is not None:
        body = json.dumps(request.body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Incoming(io.RawIOBase):
    """What http.client takes for a socket: a stream that is read until a deadline."""

    def __init__(self, stream: Stream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._rest = b""

    def makefile(self, mode: str) -> io.BufferedReader:
        """The only thing that http.client wants of it."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = self._stream.read_before(self._deadline)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _ask(stream: Stream, message: bytes, method: str, deadline: float) -> tuple[Answer | None, str]:
    """The answer, or in words why there is none."""
    incoming: Any = _Incoming(stream, deadline)
    try:
        stream.write(message, max(0.0, deadline - time.monotonic()))
        with HTTPResponse(incoming, method=method) as response:
            response.begin()
            body = response.read(MAX_ANSWER + 1)
            headers = {name.lower(): value for name, value in response.getheaders()}
    except TimeoutError:
        return None, "did not answer in time; check the network, or allow more time"
    except (ConnectionError, IncompleteRead):
        return None, _HUNG_UP
    except (HTTPException, ValueError):
        return None, "did not answer like a web server; check host, port and path"
    except OSError as exc:
        return None, f"broke the connection ({exc.strerror or type(exc).__name__}); try again"
    if len(body) > MAX_ANSWER:
        return None, f"sent more than {MAX_ANSWER // 2**20} MiB, which was not asked for"
    if response.length:  # bytes that were announced and did not come
        return None, _HUNG_UP
    return Answer(response.status, headers, body), ""


# --- what came back ------------------------------------------------------------------------------


def _refusal(request: Request, answer: Answer) -> ConnectError:
    """The exception for an answer that is no success (protocol: handshake failures)."""
    status, wait = answer.status, answer.retry_after
    words = _words(request, answer)
    said = f': "{words}"' if words else ""
    told = f"the server refused {request.what} with HTTP {status}{said}. "
    if status in (401, 402, 403):
        return AuthError(told + _auth_advice(status, request.source), status=status)
    return ConnectError(told + _advice(request, answer), status=status, retry_after=wait)


def _auth_advice(status: int, source: str) -> str:
    if status == 401:
        return f"The credential from {source} is not valid here; check it for a slip, or renew it"
    if status == 402:
        return f"The account of the credential from {source} cannot be billed; check its plan"
    return f"The credential from {source} may not do this; give its key the permission"


def _advice(request: Request, answer: Answer) -> str:
    status, wait = answer.status, answer.retry_after
    if status == 404:
        return "Check the path of the URL, or leave it out for the public service"
    if status == 407:
        return "A proxy wants a login; put user:password into the proxy's variable"
    if status == 429:
        when = "in a while" if wait is None else f"after {wait:g} s"
        return f"Too many requests for this account; try again {when}"
    if 300 <= status < 400:
        place = answer.headers.get("location", "another address").partition("?")[0]
        place = printable(_clean(place, request))
        return f"It points to {place}; redirects are not followed, so give the final URL"
    if status >= 500:
        return "The server has trouble; try again in a while"
    return "Check the URL"


def _words(request: Request, answer: Answer) -> str:
    """The server's own words, even if it repeats our header: without that."""
    body = answer.body[:_WORDS]
    text = body.decode("utf-8", "replace")
    data = _parsed(body)
    if data is not None:  # JSON has many ways to write a word; now it is written in the plain one
        text = json.dumps(data, ensure_ascii=False)
    # Lone surrogates, which JSON can hold.
    text = _clean(text, request).encode("utf-8", "replace").decode()
    return evolve(answer, body=text.encode()).message("")


def _clean(text: str, request: Request) -> str:
    """A text of the server's without our secret and its parts."""
    value = request.authorization
    rest = value.partition(" ")[2].strip()
    parts = {rest.rstrip("="), *rest.split("."), *re.findall(r"\w=([^,\s]+)", rest)}
    with contextlib.suppress(ValueError):  # where it is no API key
        parts |= set(base64.b64decode(rest, altchars=b"-_").decode().split(":"))
    pieces = {value, rest, *request.secrets} | {part for part in parts if len(part) >= _SHORT}
    pieces |= {quote(piece, safe="") for piece in pieces}
    for piece in sorted(pieces - {""}, key=len, reverse=True):
        text = text.replace(piece, "***")
    return text


def _parsed(body: bytes) -> Any:
    """JSON, or ``None``."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
