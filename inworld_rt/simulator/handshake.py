"""Who may open a session (protocol: transport; authentication; handshake failures)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from attrs import field, frozen

__all__ = ["PATH", "Doorkeeper", "Rejection", "fake_api_key"]

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
    """Judges opening requests.

    Args:
        api_key: the only key that opens; ``None`` lets in everything that looks like a credential.
        statuses: credentials that are refused, with the HTTP status for each.
        status: the status that answers everybody; 101 lets in.
    """

    api_key: str | None = field(default=None, repr=False)
    statuses: Mapping[str, int] = field(factory=dict, repr=False)
    status: int = 101

    def judge(
        self, target: str, authorization: str | None, subprotocols: str = ""
    ) -> Rejection | None:
        """Decide.

        Args:
            target: path and query.
            authorization: the header's value.
            subprotocols: the value of ``Sec-WebSocket-Protocol``.

        Returns:
            ``None`` to let in.
        """
        if self.status != 101:
            return _rejected(self.status)
        url = urlsplit(target)
        if url.path != PATH:
            return _rejected(404)
        query = parse_qs(url.query, keep_blank_values=True)
        if not query.get("key", [""])[0].strip():
            return Rejection(400, "The query parameter 'key' is required.")
        offered = {name.strip() for name in subprotocols.split(",")}
        protocol = query.get("protocol", ["realtime" if "realtime" in offered else ""])[0]
        if protocol != "realtime":
            return Rejection(400, "The query parameter 'protocol' must be 'realtime'.")
        return self._authorized(authorization or "")

    def _authorized(self, header: str) -> Rejection | None:
        scheme, _, credential = header.strip().partition(" ")
        scheme, credential = scheme.lower(), credential.strip()
        if scheme not in ("basic", "bearer") or not credential:
            return _rejected(401)
        if credential in self.statuses:
            return _rejected(self.statuses[credential])
        if self.api_key is None or credential == self.api_key:
            return None
        # Tokens cannot be checked here: whatever has the form of one is let in.
        is_token = scheme == "bearer" and credential.count(".") == 2
        return None if is_token else _rejected(401)


def _rejected(status: int) -> Rejection:
    return Rejection(status, _MESSAGES.get(status, "Refused."))
