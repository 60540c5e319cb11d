"""Signed requests for tokens (protocol: authentication, schemes A and B). Pure: the time and the
nonce are arguments.

The two schemes fold other parts into the signature, in the same way.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timezone

from attrs import frozen

__all__ = ["EXAMPLES", "PORTAL", "Scheme", "authorization", "fold", "stamp"]


@frozen
class Scheme:
    """One of the two ways to sign."""

    method: str
    """The name of what is asked for."""
    digits: int
    """The length of the nonce, in hexadecimal digits."""


EXAMPLES = Scheme("ai.inworld.engine.WorldEngine/GenerateToken", 11)
"""Scheme A, of the service's examples."""
PORTAL = Scheme("ai.inworld.engine.v1.SessionTokens/GenerateSessionToken", 32)
"""Scheme B, of the portal's documentation."""


def fold(secret: str, parts: Iterable[str]) -> str:
    """The chain of hashes: each digest is the key of the next.

    Args:
        secret: the secret part of an API key.
        parts: what is signed, in order.

    Returns:
        The last digest, 64 hexadecimal digits.
    """
    key = f"IW1{secret}".encode()
    for part in parts:
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key.hex()


def stamp(when: datetime) -> str:
    """A time as ``YYYYMMDDHHMMSS`` in UTC.

    Args:
        when: with a time zone.
    """
    return when.astimezone(timezone.utc).strftime("%Y%m%d%H%M%S")


def authorization(
    scheme: Scheme, key_id: str, secret: str, *, host: str, when: str, nonce: str
) -> str:
    """The ``Authorization`` header of a request for a token.

    Args:
        scheme: which of the two.
        key_id: the public part of an API key.
        secret: the other part.
        host: the host that the scheme signs; not always the one that is asked.
        when: see :func:`stamp`.
        nonce: as many hexadecimal digits as the scheme wants, never used before.
    """
    signature = fold(secret, [when, host, scheme.method, nonce, "iw1_request"])
    return f"IW1-HMAC-SHA256 ApiKey={key_id},DateTime={when},Nonce={nonce},Signature={signature}"
