"""Who may open a session, or look into the catalogues (protocol: transport; authentication;
handshake failures)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from attrs import field, frozen

from inworld_rt.simulator.tokens import Mint, Standing

__all__ = ["PATH", "Doorkeeper", "Rejection", "fake_api_key", "rejected"]

PATH = "/api/v1/realtime/session"

_MESSAGES = {
    400: "The request is not valid.",
    401: "Invalid authorization credentials",
    402: "The account has no credit for Realtime.",
    403: "The credential does not permit Realtime.",
    404: "There is nothing at this path.",
    429: "Too many sessions; try again later.",
    500: "Something went wrong on our side.",
    502: "Bad gateway.",
    503: "The service is not available.",
}


class Rejection(NamedTuple):
    """An HTTP answer in place of the upgrade."""

    status: int
    message: str


def fake_api_key() -> str:
    """A key of the right form that obviously opens nothing real: base64 of ``keyId:secret``."""
    return base64.b64encode(b"simulator-key-id:not-a-real-secret").decode("ascii")


@frozen
class Doorkeeper:
    """Judges opening requests, and the credentials of others. Any thread may ask.

    Args:
        api_key: the only key that opens; ``None`` lets in everything that looks like a credential.
        statuses: credentials that are refused, with the HTTP status for each.
        status: the status that answers everybody; 101 lets in.
        mint: knows the tokens that open as well.
    """

    api_key: str | None = field(default=None, repr=False)
    statuses: Mapping[str, int] = field(factory=dict, repr=False)
    status: int = 101
    mint: Mint = field(factory=Mint, repr=False)

    def judge(
        self, target: str, authorization: str | None, subprotocols: str, now: float
    ) -> Rejection | None:
        """Decide who may open a session.

        Args:
            target: path and query.
            authorization: the header's value.
            subprotocols: the value of ``Sec-WebSocket-Protocol``.
            now: seconds since 1970.

        Returns:
            ``None`` to let in.
        """
        ordered = self.ordered()
        if ordered is not None:
            return ordered
        url = urlsplit(target)
        if url.path != PATH:
            return rejected(404)
        query = parse_qs(url.query, keep_blank_values=True)
        if not query.get("key", [""])[0].strip():
            return Rejection(400, "The query parameter 'key' is required.")
        offered = {name.strip() for name in subprotocols.split(",")}
        protocol = query.get("protocol", ["realtime" if "realtime" in offered else ""])[0]
        if protocol != "realtime":
            return Rejection(400, "The query parameter 'protocol' must be 'realtime'.")
        return self.admit(authorization or "", now)

    def ordered(self, *credentials: str) -> Rejection | None:
        """The answer that was ordered for everybody, or else for one of these credentials."""
        if self.status != 101:
            return rejected(self.status)
        statuses = [self.statuses[name] for name in credentials if name in self.statuses]
        return rejected(statuses[0]) if statuses else None

    def admit(self, authorization: str, now: float) -> Rejection | None:
        """Judge a credential, wherever it is for.

        Args:
            authorization: the header's value.
            now: seconds since 1970.

        Returns:
            ``None`` to let in.
        """
        scheme, _, credential = authorization.strip().partition(" ")
        scheme, credential = scheme.lower(), credential.strip()
        if scheme not in ("basic", "bearer") or not credential:
            return rejected(401)
        ordered = self.ordered(credential)
        if ordered is not None or credential == self.api_key:
            return ordered
        standing = Standing.FOREIGN
        if scheme == "bearer":
            standing = self.mint.standing(credential, now)
        if standing is Standing.ONE_TIME:
            return Rejection(403, "One-time tokens do not open Realtime; use a session token.")
        if standing is Standing.EXPIRED:
            return Rejection(401, "The token has expired; ask for a new one.")
        return None if standing is Standing.GOOD or self.api_key is None else rejected(401)


def rejected(status: int) -> Rejection:
    """A status with the words that go with it."""
    return Rejection(status, _MESSAGES.get(status, "Refused."))
