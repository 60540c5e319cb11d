"""A byte stream with deadlines: TCP, and TLS on top of it.

Both kinds serve one reading and one writing thread at the same time. Neither kind may be used by
two readers, or by two writers, at once: the transport's locks see to that.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["PlainStream", "Stream", "TlsStream"]

CHUNK = 65536  # bytes asked for per read; several 60 ms audio events fit

# "Do not block" for one call, so that a socket that blocks for its reader can be written with a
# deadline. Windows has no such flag; there the socket stays non-blocking for good.
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class Stream(Protocol):
    """What the WebSocket layer reads from and writes to."""

    def read_before(self, deadline: float) -> bytes:
        """At least one byte, or ``b""`` at the end.

        Args:
            deadline: on the clock of ``time.monotonic``.

        Raises:
            TimeoutError: the deadline passed.
            OSError: the connection broke.
        """

    def watch(self, tick: float, on_silence: Callable[[float], None]) -> None:
        """Prepare for :meth:`read`, which calls ``on_silence(seconds)`` every ``tick`` seconds."""

    def read(self) -> bytes:
        """At least one byte, or ``b""`` at the end; waits as long as ``on_silence`` allows."""

    def write(self, data: bytes, timeout: float) -> None:
        """Hand all bytes to the kernel.

        Raises:
            TimeoutError: not done within ``timeout`` seconds; a part may have left.
            OSError: the connection broke.
        """

    def linger(self, seconds: float) -> None:
        """Say that nothing more comes, and drop what still arrives, until the peer is done or the
        time is up. The reading thread only.

        Closing with unread bytes would make the kernel reset the connection, and the peer could
        lose what it was sent last.
        """

    def cut(self) -> None:
        """Break the connection; wakes a blocked reader and writer. Any thread; never waits."""

    def close(self) -> None:
        """Free the descriptor. Only when no other thread is inside a call."""


class PlainStream:
    """TCP.

    Args:
        sock: connected; this object owns it from now on.
        kernel_waits: let the kernel bound each read (``SO_RCVTIMEO``), which makes one system call
            per read instead of two or three. Windows documents a socket as unusable after such a
            timeout, so there, and where the option is refused, reads wait in poll or select.
    """

    def __init__(self, sock: socket.socket, *, kernel_waits: bool = sys.platform != "win32"):
        self._sock = sock
        self._recv = sock.recv
        self._may_use_kernel = kernel_waits and bool(_DONT_WAIT)
        self._kernel_waits = False
        self._tick = 0.0
        self._on_silence: Callable[[float], None] = _ignore
        sock.setblocking(False)

    def read_before(self, deadline: float) -> bytes:
        """See :class:`Stream`."""
        while True:
            # Checked before each read, so that a peer that drips bytes cannot outlive it.
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline passed")
            try:
                return self._recv(CHUNK)
            except BlockingIOError:
                _wait(self._sock, left, reading=True)

    def watch(self, tick: float, on_silence: Callable[[float], None]) -> None:
        """See :class:`Stream`."""
        self._tick = tick
        self._on_silence = on_silence
        if self._may_use_kernel and _set_receive_timeout(self._sock, tick):
            self._sock.setblocking(True)
            self._kernel_waits = True

    def read(self) -> bytes:
        """See :class:`Stream`."""
        silent = 0.0
        while True:
            try:
                return self._recv(CHUNK)
            except BlockingIOError:  # nothing came: for a whole tick, or not yet
                if self._kernel_waits or not _wait(self._sock, self._tick, reading=True):
                    silent += self._tick
                    self._on_silence(silent)

    def write(self, data: bytes, timeout: float) -> None:
        """See :class:`Stream`."""
        left = memoryview(data)
        deadline = None  # the clock is read only when the kernel's buffer is full
        while True:
            try:
                sent = self._sock.send(left, _DONT_WAIT)
            except BlockingIOError:
                sent = 0
            if sent == len(left):
                return
            left = left[sent:]
            now = time.monotonic()
            deadline = now + timeout if deadline is None else deadline
            if now >= deadline or not _wait(self._sock, deadline - now, reading=False):
                raise TimeoutError(f"could not send for {timeout:g} s")

    def linger(self, seconds: float) -> None:
        """See :class:`Stream`."""
        deadline = time.monotonic() + seconds
        # The time being up, or the connection broken, is as good an end as any.
        with contextlib.suppress(OSError):
            self._sock.setblocking(False)  # from waiting in the kernel, if it did
            self._sock.shutdown(socket.SHUT_WR)
            while self.read_before(deadline):
                pass

    def cut(self) -> None:
        """See :class:`Stream`."""
        # Already disconnected or closed is what we want.
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """See :class:`Stream`."""
        self._sock.close()


class TlsStream:
    """TLS over a :class:`PlainStream`, with the cipher work in memory.

    The socket carries sealed bytes only; OpenSSL sees two memory buffers. So one lock around every
    call into OpenSSL is held for microseconds and never while waiting for the network, no two
    threads are ever inside one TLS object (that breaks healthy connections), and a read costs one
    system call as on plain TCP.

    Args:
        plain: the connected stream underneath; owned from now on.
        context: certificates and versions to accept.
        host: the server's name, sent (SNI) and checked against its certificate.
    """

    def __init__(self, plain: PlainStream, context: ssl.SSLContext, host: str):
        self._plain = plain
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._io = threading.Lock()

    def handshake(self, deadline: float) -> None:
        """Agree on keys and check the certificate.

        Raises:
            ssl.SSLError: no agreement, or the certificate is refused.
            TimeoutError: the deadline passed.
            OSError: the connection broke.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(deadline)
            except ssl.SSLError:
                # The alert tells the server why; if it cannot be sent, our own error matters more.
                with contextlib.suppress(OSError):
                    self._flush(deadline)
                raise
            else:
                self._flush(deadline)
                return
            sealed = self._plain.read_before(deadline)
            if not sealed:
                raise ConnectionResetError("the server hung up during the TLS handshake")
            self._incoming.write(sealed)

    def read_before(self, deadline: float) -> bytes:
        """See :class:`Stream`."""
        return self._read(lambda: self._plain.read_before(deadline))

    def watch(self, tick: float, on_silence: Callable[[float], None]) -> None:
        """See :class:`Stream`."""
        self._plain.watch(tick, on_silence)

    def read(self) -> bytes:
        """See :class:`Stream`."""
        return self._read(self._plain.read)

    def write(self, data: bytes, timeout: float) -> None:
        """See :class:`Stream`."""
        left = memoryview(data)
        with self._io:  # OpenSSL is not to be entered by the reader meanwhile
            while left:
                left = left[self._tls.write(left) :]
            # Also holds what a read made OpenSSL want to say, in the right order.
            sealed = self._outgoing.read()
        self._plain.write(sealed, timeout)

    def linger(self, seconds: float) -> None:
        """See :class:`Stream`."""
        self._plain.linger(seconds)

    def cut(self) -> None:
        """See :class:`Stream`."""
        self._plain.cut()

    def close(self) -> None:
        """See :class:`Stream`."""
        self._plain.close()

    def _read(self, read_sealed: Callable[[], bytes]) -> bytes:
        sealed = b""
        while True:
            with self._io:  # never while waiting: read_sealed is called outside
                if sealed:
                    self._incoming.write(sealed)
                if self._incoming.pending or self._tls.pending():
                    try:
                        return self._tls.read(CHUNK)
                    except ssl.SSLWantReadError:
                        pass  # half a record so far
                    except ssl.SSLZeroReturnError:
                        return b""  # the peer said that nothing more comes
            sealed = read_sealed()
            if not sealed:
                return b""

    def _flush(self, deadline: float) -> None:
        if self._outgoing.pending:
            self._plain.write(self._outgoing.read(), max(0.0, deadline - time.monotonic()))


def _wait(sock: socket.socket, timeout: float, *, reading: bool) -> bool:
    """Wait until the socket is ready, or broken, for at most ``timeout`` seconds."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN if reading else select.POLLOUT)
        return bool(poll.poll(timeout * 1000))
    readers, writers = ([sock], []) if reading else ([], [sock])  # Windows
    return any(select.select(readers, writers, writers, timeout))


def _set_receive_timeout(sock: socket.socket, seconds: float) -> bool:
    """Let the kernel end a blocked read after some seconds; ``False`` where it cannot."""
    whole = int(seconds)
    fraction = int((seconds - whole) * 1_000_000)
    # struct timeval: two C longs, or two 64-bit numbers on 32-bit systems with 64-bit time.
    for layout in ("@ll", "@qq"):
        try:
            timeval = struct.pack(layout, whole, fraction)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
        except OSError:
            continue
        return True
    return False


def _ignore(silent: float) -> None:
    """No one watches yet."""
