"""How a connection ended: remembered once, raised as a fresh exception for every caller."""

from __future__ import annotations

from attrs import frozen

from inworld_rt.errors import (
    ConnectionClosed,
    ConnectionClosedOK,
    ConnectionLost,
    InworldError,
    RemoteProtocolError,
)

__all__ = ["NORMAL_CODES", "Ending", "closed_by_peer", "cut_text", "printable", "sendable_code"]

NORMAL_CODES = (1000, 1001)
_NEVER_SENT = (1004, 1005, 1006)  # reserved: they describe the lack of a close frame


@frozen
class Ending:
    """The first cause of a connection's end.

    Attributes:
        message: what happened, in a sentence.
        code: the WebSocket close code; 1006 where no close frame came.
        reason: the peer's words.
        ok: this side asked for the end, or the peer ended as agreed.
        violation: the peer broke the protocol or a limit; ``recv`` says so itself.
        cause: the exception underneath, if any.
    """

    message: str
    code: int = 1006
    reason: str = ""
    ok: bool = False
    violation: bool = False
    cause: BaseException | None = None

    def for_reader(self) -> InworldError:
        """A fresh exception for ``recv``, chained to the cause."""
        if self.violation:
            error = RemoteProtocolError(self.message)
            error.__cause__ = self.cause
            return error
        return self.for_sender()

    def for_sender(self) -> ConnectionClosed:
        """A fresh exception for ``send``, chained to the cause; always a ConnectionClosed."""
        if self.ok:
            closed: ConnectionClosed = ConnectionClosedOK(
                self.message, code=self.code, reason=self.reason
            )
        else:
            closed = ConnectionLost(self.message, code=self.code, reason=self.reason)
        closed.__cause__ = RemoteProtocolError(self.message) if self.violation else self.cause
        return closed


def closed_by_peer(code: int, reason: str, *, asked: bool) -> Ending:
    """The ending that a peer's close frame stands for.

    Args:
        code: from the frame; 1005 where it held none.
        reason: from the frame.
        asked: whether this side had sent its close frame before.
    """
    told = f" ({printable(reason)})" if reason else ""
    if asked:
        return Ending(f"this side closed the connection; code {code}{told}", code, reason, ok=True)
    message = f"the server closed the connection with code {code}{told}"
    return Ending(message, code, reason, ok=code in NORMAL_CODES)


def sendable_code(code: int) -> bool:
    """Whether a close frame may hold this code (RFC 6455, 7.4)."""
    return (1000 <= code <= 1014 and code not in _NEVER_SENT) or 3000 <= code <= 4999


def cut_text(text: str, size: int) -> bytes:
    """UTF-8 of at most ``size`` bytes, not cut inside a character."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore").encode()


def printable(text: str, limit: int = 300) -> str:
    """The peer's words, fit for a message: one line, no control characters, a sane length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[:limit]}…"
