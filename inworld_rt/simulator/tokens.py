"""Proof that somebody holds an API key, and the tokens given for it (protocol: authentication,
schemes A and B).

A client signs a request with its key's secret; :class:`Signatures` checks it. :class:`Mint` makes
the token that it gets, and knows its own again. Written apart from the client's code: the two must
not share a mistake.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
import uuid
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from attrs import field, frozen

__all__ = [
    "EXAMPLES",
    "ONE_TIME",
    "PORTAL",
    "SESSION",
    "WINDOW_S",
    "Denied",
    "Mint",
    "Scheme",
    "Signatures",
    "Standing",
    "Token",
    "key_parts",
    "sign",
]

WINDOW_S = 300.0
"""How far a client's clock may be off, and how long a signature could be used again."""
SESSION, ONE_TIME = "session", "one-time"
"""What the claim ``typ`` of a token says."""

_HEADER = re.compile(
    r"IW1-HMAC-SHA256 ApiKey=([^,\s]+),DateTime=([0-9]{14}),Nonce=([0-9A-Za-z]+),"
    r"Signature=([0-9a-f]{64})"
)
_JWT = re.compile(r"([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class Denied(Exception):
    """Ends a request; answered with an HTTP status.

    Args:
        status: the HTTP status.
        message: for the client's programmer; holds no secret.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@frozen
class Scheme:
    """What a way of signing folds into the signature, beside secret, time and nonce."""

    host: str
    method: str
    digits: int
    """How many hexadecimal digits its nonce has."""


EXAMPLES = Scheme("api-engine.inworld.ai", "ai.inworld.engine.WorldEngine/GenerateToken", 11)
"""Scheme A, of the service's example programs."""
PORTAL = Scheme("api.inworld.ai", "ai.inworld.engine.v1.SessionTokens/GenerateSessionToken", 32)
"""Scheme B, of the portal's documents."""


def sign(secret: str, *parts: str) -> str:
    """Fold a request's parts into a signature.

    Args:
        secret: the key's.
        parts: time, host, method and nonce, in this order.

    Returns:
        64 hexadecimal digits.
    """
    digest = f"IW1{secret}".encode()
    for part in (*parts, "iw1_request"):
        digest = hmac.digest(digest, part.encode(), "sha256")
    return digest.hex()


def key_parts(api_key: str) -> tuple[str, str] | None:
    """The id and the secret in an API key; ``None`` where it is not base64 of ``id:secret``."""
    digits = api_key.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        text = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True).decode()
    except ValueError:
        return None
    key_id, _, secret = text.partition(":")
    return (key_id, secret) if key_id and secret and ":" not in secret else None


class Signatures:
    """Checks signed requests. Remembers the nonces of the last minutes; one thread at a time.

    Args:
        api_key: the key that signs; one of another form signs nothing.
    """

    def __init__(self, api_key: str) -> None:
        self._parts = key_parts(api_key)
        self._seen: dict[str, float] = {}  # nonce: until when it matters

    def check(self, authorization: str, scheme: Scheme, host: str, now: float) -> str:
        """Check one.

        Args:
            authorization: the header's value.
            scheme: how it has to be signed.
            host: the request's ``Host`` header; it may stand for the scheme's own, with or
                without the port.
            now: seconds since 1970.

        Returns:
            The id of the key that signed it.

        Raises:
            Denied: 401, with the reason.
        """
        match = _HEADER.fullmatch(authorization.strip())
        if match is None:
            raise Denied(
                401,
                "The Authorization header must be IW1-HMAC-SHA256 ApiKey=...,DateTime=...,"
                "Nonce=...,Signature=... with commas without spaces.",
            )
        key_id, sent, nonce, signature = match.groups()
        if self._parts is None or self._parts[0] != key_id:
            raise Denied(401, "There is no API key with this id.")
        hosts = {scheme.host, *_hosts(host)}
        folded = [sign(self._parts[1], sent, name, scheme.method, nonce) for name in hosts]
        if not any(hmac.compare_digest(signature, wanted) for wanted in folded):
            raise Denied(
                401, "The signature is wrong: check the key's secret, the host and the method."
            )
        if not re.fullmatch(f"[0-9a-f]{{{scheme.digits}}}", nonce):
            raise Denied(401, f"The nonce must be {scheme.digits} lowercase hexadecimal digits.")
        self._once(nonce, _seconds(sent), now)
        return key_id

    def _once(self, nonce: str, sent: float, now: float) -> None:
        if abs(now - sent) > WINDOW_S:
            raise Denied(
                401,
                "The DateTime is more than 5 minutes off: set this machine's clock, "
                "or go by the Date header of this answer.",
            )
        self._seen = {known: until for known, until in self._seen.items() if until >= now}
        if nonce in self._seen:
            raise Denied(401, "This nonce was used before: sign every request anew.")
        self._seen[nonce] = sent + WINDOW_S


@frozen
class Token:
    """A token, just made."""

    value: str = field(repr=False)
    """A JWT: three Base64url parts joined by dots."""
    expires: float
    """In seconds since 1970."""
    session_id: str


class Standing(Enum):
    """What a mint says of a token."""

    GOOD = "good"
    EXPIRED = "expired"
    ONE_TIME = "one-time"
    """It says so itself; whoever made it."""
    FOREIGN = "foreign"
    """Made elsewhere, or no token at all."""


class Mint:
    """Makes tokens and knows them again. Any thread may use it.

    Args:
        seconds: how long they live.
    """

    def __init__(self, seconds: float = 3600.0) -> None:
        self._seconds = seconds
        self._secret = secrets.token_bytes(32)

    def make(self, key_id: str, now: float, kind: str = SESSION) -> Token:
        """Make one.

        Args:
            key_id: the id of the key that it stands for.
            now: seconds since 1970.
            kind: the claim ``typ``: :data:`SESSION` or :data:`ONE_TIME`.
        """
        expires, session_id = round(now + self._seconds, 3), str(uuid.uuid4())
        claims = {"sub": key_id, "typ": kind, "iat": round(now, 3), "exp": expires}
        claims["jti"] = session_id
        content = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        return Token(f"{content}.{self._signed(content)}", expires, session_id)

    def standing(self, token: str, now: float) -> Standing:
        """Judge one.

        Args:
            token: what a client brought.
            now: seconds since 1970.
        """
        match = _JWT.fullmatch(token)
        if match is None:
            return Standing.FOREIGN
        claims = _claims(match[1].partition(".")[2])
        if str(claims.get("typ")).lower().replace("_", "-") == ONE_TIME:
            return Standing.ONE_TIME
        if not hmac.compare_digest(self._signed(match[1]), match[2]):
            return Standing.FOREIGN
        return Standing.GOOD if now < claims["exp"] else Standing.EXPIRED

    def _signed(self, content: str) -> str:
        return _base64url(hmac.digest(self._secret, content.encode(), "sha256"))


def _hosts(header: str) -> set[str]:
    """A ``Host`` header as it is, without the port, and without an IPv6 address's brackets."""
    bare = re.sub(r":[0-9]*$", "", header)
    return {header, bare, bare.strip("[]")} - {""}


def _seconds(sent: str) -> float:
    try:
        moment = datetime.strptime(sent, "%Y%m%d%H%M%S")
    except ValueError:
        raise Denied(401, "The DateTime must be the UTC time as YYYYMMDDHHMMSS.") from None
    return moment.replace(tzinfo=timezone.utc).timestamp()


def _claims(part: str) -> dict[str, Any]:
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _part(content: dict[str, Any]) -> str:
    return _base64url(json.dumps(content, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
