"""An HTTP answer where a WebSocket was hoped for: read, and turned into advice."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from attrs import frozen

from inworld_rt.errors import AuthError, ConnectError
from inworld_rt.transport.ending import printable

__all__ = ["Answer", "refusal"]

_AUTH = (401, 402, 403)


@frozen
class Answer:
    """The head of an HTTP response and as much of its body as came.

    Attributes:
        status: the HTTP status.
        headers: by lower-case name; of repeated ones the last.
        body: with a chunked encoding removed.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, received: bytes) -> Answer | None:
        """Read what the server sent.

        Returns:
            The answer; ``None`` where it is not HTTP, or its head is not complete.
        """
        head, separator, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if not separator or not first.startswith("HTTP/1.") or len(words) < 2:
            return None
        if not (len(words[1]) == 3 and words[1].isdigit()):
            return None
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = _unchunked(body)
        return cls(int(words[1]), headers, body)

    @property
    def wanted(self) -> int | None:
        """How long the body is said to be, in bytes; ``None`` where that is not said."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    def message(self, secret: str) -> str:
        """The server's own words: ``error.message``, ``message`` or the raw text, one line.

        Args:
            secret: never shown, even if the server repeats it.
        """
        text = self.body.decode("utf-8", "replace")
        try:
            found = _message_in(json.loads(text))
        except (ValueError, RecursionError):
            found = None
        text = found if found is not None else text
        # The scheme word is common; what follows it is the secret.
        for part in (secret, secret.partition(" ")[2]):
            text = text.replace(part, "***") if part else text
        return printable(text)

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks us to wait: from a number or a date."""
        value = self.headers.get("retry-after")
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            return _seconds_until(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None


def refusal(answer: Answer, *, secret: str, credential_source: str) -> ConnectError:
    """The exception for an answer other than 101 (protocol: handshake failures).

    Args:
        answer: what the server said.
        secret: the ``Authorization`` header, to be kept out of the message.
        credential_source: where the credential came from, to be named.
    """
    status = answer.status
    words = answer.message(secret)
    said = f': "{words}"' if words else ""
    what = f"the server refused the connection with HTTP {status}{said}"
    if status in _AUTH:
        return AuthError(f"{what}. {_auth_advice(status, credential_source)}", status=status)
    wait = answer.retry_after
    return ConnectError(f"{what}. {_advice(answer, wait)}", status=status, retry_after=wait)


def _auth_advice(status: int, source: str) -> str:
    if status == 401:
        return f"The credential from {source} is not valid here; check it for a slip, or renew it"
    if status == 402:
        return f"The account of the credential from {source} cannot be billed; check its plan"
    return f"The credential from {source} may not use Realtime; give it that permission"


def _advice(answer: Answer, wait: float | None) -> str:
    status = answer.status
    if status == 404:
        return "Check the path of the URL, or leave url= out for the public service"
    if status == 407:
        return "A proxy wants a login; put user:password into the proxy's variable"
    if status == 429:
        when = f"after {wait:g} s" if wait is not None else "in a while"
        return f"Too many sessions or requests for this account; try again {when}"
    if 300 <= status < 400:
        target = printable(answer.headers.get("location", "another address").partition("?")[0])
        return f"It points to {target}; redirects are not followed, so give the final URL"
    if status >= 500:
        return "The server has trouble; try again in a while"
    if status >= 400:
        return "Check the URL and its parameters"
    return "This is no WebSocket server; check the URL"


def _message_in(data: Any) -> str | None:
    """``error.message``, then ``message``; ``error`` itself where it is a plain string."""
    if not isinstance(data, dict):
        return None
    error = data.get("error")
    inner = error.get("message") if isinstance(error, dict) else error
    for found in (inner, data.get("message")):
        if isinstance(found, str) and found.strip():
            return found
    return None


def _seconds_until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime  # rare, and slow to import

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _unchunked(body: bytes) -> bytes:
    """A chunked body's content, as far as it came and makes sense."""
    parts = []
    while body:
        line, _, body = body.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            break
        if size <= 0:
            break
        parts.append(body[:size])
        body = body[size + 2 :]  # the chunk's own line end
    return b"".join(parts)
