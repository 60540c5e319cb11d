"""Cuts a stream of bytes into WebSocket frames and messages (RFC 6455, 5.2 to 5.5).

Reads ahead: one read per audio event in the steady state. Pure but for the ``read`` callable.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["FrameReader", "FrameRefused", "PeerGone"]

_WHOLE_TEXT = 0x81  # FIN and opcode
_WHOLE_BINARY = 0x82
_CONTINUATION = 0x0
_DATA = (0x0, 0x1, 0x2)
_CONTROL = (0x8, 0x9, 0xA)


class PeerGone(Exception):
    """The stream ended without a close frame."""


class FrameRefused(Exception):
    """A frame that must not be accepted.

    Attributes:
        code: the close code that tells the peer why.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class FrameReader:
    """Frames and messages, one after the other.

    Args:
        read: at least one byte, or ``b""`` at the end of the stream; may block.
        limit: the longest message to accept, in bytes; a longer one is refused by its announced
            length, before memory is taken for it.
        ahead: bytes that were read already.
    """

    def __init__(self, read: Callable[[], bytes], limit: int, ahead: bytes = b"") -> None:
        self._read = read
        self._limit = limit
        self._chunk = ahead
        self._at = 0  # how much of the chunk is used up
        self._joined: bytearray | None = None  # the fragments so far, while a message is split

    def whole(self) -> bytes | None:
        """The next message, if it is one frame that came whole: nearly always.

        Returns:
            The payload; or ``None``, and then :meth:`frame` must be called.

        Raises:
            PeerGone: the stream ended.
        """
        chunk = self._chunk
        at = self._at
        if at == len(chunk):
            chunk = self._fetch()
            at = 0
        end = len(chunk)
        first = chunk[at]
        if (first != _WHOLE_TEXT and first != _WHOLE_BINARY) or end - at < 4:
            return None
        size = chunk[at + 1]
        if size < 126:
            start = at + 2
        elif size == 126:
            start = at + 4
            size = chunk[at + 2] << 8 | chunk[at + 3]
        else:
            return None  # long or masked
        stop = start + size
        if stop > end or size > self._limit or self._joined is not None:
            return None
        self._at = stop
        return chunk[start:stop]

    def frame(self) -> tuple[bool, int, bytes]:
        """The next frame.

        Returns:
            Whether it is the last of its message, its opcode, and its payload.

        Raises:
            FrameRefused: it breaks the protocol or the size limit.
            PeerGone: the stream ended.
        """
        first, second = self._take(2)
        final, opcode, size = bool(first & 0x80), first & 0x0F, second & 0x7F
        if second & 0x80:
            raise FrameRefused("the server sent a masked frame", 1002)
        if first & 0x70:
            raise FrameRefused("the server sent a compressed or otherwise reserved frame", 1002)
        if size == 126:
            size = int.from_bytes(self._take(2), "big")
        elif size == 127:
            size = int.from_bytes(self._take(8), "big")
        if opcode in _CONTROL:
            if not final or size > 125:
                raise FrameRefused("the server sent a control frame in parts or too long", 1002)
        elif opcode in _DATA:
            self._check_data(opcode, size)
        else:
            raise FrameRefused(f"the server sent a frame of the unknown kind {opcode}", 1002)
        return final, opcode, self._take(size)

    def join(self, final: bool, payload: bytes) -> bytes | None:
        """Add a data frame from :meth:`frame` to its message.

        Returns:
            The message once it is complete.
        """
        if self._joined is None:
            if final:
                return payload
            self._joined = bytearray()
        # One growing buffer: adding bytes to bytes would copy all of it for every fragment.
        self._joined += payload
        if not final:
            return None
        message = bytes(self._joined)
        self._joined = None
        return message

    def _check_data(self, opcode: int, size: int) -> None:
        if (opcode == _CONTINUATION) != (self._joined is not None):
            raise FrameRefused("the server mixed up the parts of a message", 1002)
        total = size + len(self._joined or b"")
        if total > self._limit:
            raise FrameRefused(
                f"the server sent a message of {total} bytes or more; the limit is "
                f"{self._limit} bytes (max_message)",
                1009,
            )

    def _take(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        chunk, at = self._chunk, self._at
        if at + size <= len(chunk):
            self._at = at + size
            return chunk[at : at + size]
        parts = [chunk[at:]]
        missing = size - len(parts[0])
        while missing > 0:
            chunk = self._fetch()
            parts.append(chunk[:missing])
            self._at = min(missing, len(chunk))
            missing -= len(chunk)
        return b"".join(parts)

    def _fetch(self) -> bytes:
        self._chunk = chunk = self._read()
        self._at = 0
        if not chunk:
            raise PeerGone("the stream ended without a close frame")
        return chunk
