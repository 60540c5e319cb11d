"""The WebSocket transport, on websocket-client. The only module that imports it.

websocket-client makes the HTTP handshake and builds and checks frames. Around it stand our own
stream (deadlines, TLS under one lock, a ping when the line is silent) and our own frame reader
(one read per message, size limits, fragments joined in linear time).
"""

from __future__ import annotations

import logging
import math
import ssl
import struct
import time

import websocket
from websocket import ABNF

from inworld_rt._version import __version__
from inworld_rt.errors import ConfigError
from inworld_rt.transport.dial import dial
from inworld_rt.transport.ending import Ending, closed_by_peer, cut_text, sendable_code
from inworld_rt.transport.frames import FrameReader, FrameRefused, PeerGone
from inworld_rt.transport.handshake import AUTHORIZATION, HandshakeSocket, explain, target_of
from inworld_rt.transport.line import Line, NotOpen
from inworld_rt.transport.stream import Stream

__all__ = ["MAX_MESSAGE", "WebSocketTransport", "connect"]

MAX_MESSAGE = 16 * 2**20  # bytes
_LINGER = 0.3  # seconds for the peer to read why its message was refused
_CLOSE_PATIENCE = 1.0  # seconds that a close frame may wait for its turn and for the network

_logger = logging.getLogger("inworld_rt")


class _Connection(websocket.WebSocket):
    """A WebSocket of websocket-client whose frames come from a :class:`FrameReader`."""

    frames: FrameReader

    def __init__(self) -> None:
        # Its check of UTF-8 is slow Python code; the decoder of messages checks strictly in C.
        super().__init__(skip_utf8_validation=True)

    def open(self, url: str, sock: HandshakeSocket) -> Exception | None:
        """Upgrade from HTTP; what went wrong, if anything."""
        try:
            self.connect(  # type: ignore[no-untyped-call]
                url,
                socket=sock,
                header=[AUTHORIZATION, f"User-Agent: inworld_rt/{__version__}"],
                suppress_origin=True,  # we are no web page
                redirect_limit=0,  # another host must not be given the key
            )
        except websocket.WebSocketTimeoutException as exc:
            return TimeoutError(str(exc))
        # The last two: its parser on an answer that is not HTTP, depending on its version.
        except (websocket.WebSocketException, OSError, ValueError, LookupError) as exc:
            return exc
        if self.getstatus() != 101:  # older versions take a redirect that they may not follow
            return websocket.WebSocketException("the server did not upgrade the connection")
        return None

    def recv_frame(self) -> ABNF:
        """The next frame, checked."""
        final, opcode, payload = self.frames.frame()
        frame = ABNF(int(final), 0, 0, 0, opcode, 0, payload)
        try:
            frame.validate(True)
        except websocket.WebSocketProtocolException as exc:  # a bad close frame
            raise FrameRefused(f"the server broke the WebSocket protocol: {exc}", 1002) from exc
        return frame


class _ClosedByPeer(Exception):
    """A close frame came and was answered; holds the ending."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending


class _Silence(Exception):
    """Nothing came for too long."""


class WebSocketTransport:
    """An open WebSocket; see :class:`~inworld_rt.transport.Transport`. Made by :func:`connect`.

    Args:
        connection: after the handshake, with its frame reader.
        stream: what it reads from.
        ping_interval: seconds of silence after which the peer is asked for a sign of life.
        dead_after: seconds of silence after which the connection counts as lost.
        write_timeout: seconds that a send may take.
    """

    def __init__(
        self,
        connection: _Connection,
        stream: Stream,
        *,
        ping_interval: float,
        dead_after: float,
        write_timeout: float,
    ) -> None:
        self._connection = connection
        self._frames = connection.frames
        self._line = Line(stream)
        self._dead_after = dead_after
        self._write_timeout = write_timeout
        # Whole ticks, so that the last one falls on dead_after.
        self._tick = dead_after / math.ceil(dead_after / ping_interval)
        stream.watch(self._tick, self._on_silence)

    def recv(self) -> bytes:
        """See :meth:`Transport.recv <inworld_rt.transport.Transport.recv>`.

        When nothing comes for ``ping_interval`` seconds it sends a ping; when nothing comes for
        ``dead_after`` seconds the connection is lost.
        """
        line = self._line
        with line.reading:
            if line.ending is None:
                try:
                    # Asked here first: nearly always it is all there is to do.
                    message = self._frames.whole()
                    return self._next_message() if message is None else message
                except _ClosedByPeer as end:
                    line.finish(end.ending)
                except FrameRefused as exc:
                    self._refuse(exc)
                except (PeerGone, _Silence, OSError) as exc:
                    line.finish(_lost(exc))
        line.release()
        raise line.over.for_reader()

    def send(self, message: str | bytes) -> None:
        """See :meth:`Transport.send <inworld_rt.transport.Transport.send>`."""
        line = self._line
        frame = _frame(message, ABNF.OPCODE_TEXT)
        try:
            line.transmit(frame, self._write_timeout)
            return
        except NotOpen:
            ending = line.over
        except TimeoutError as exc:
            line.finish(_lost(exc))  # half a frame may be out, so nothing may follow it
            ending = line.over
        except OSError as exc:
            # The end, too. But the reader may still find a close frame that tells why; it notices
            # the broken connection at once, and decides.
            line.begin_closing(_lost(exc))
            ending = line.over
        line.release()
        raise ending.for_sender()

    def begin_close(self, code: int = 1000, reason: str = "") -> None:
        """See :meth:`Transport.begin_close <inworld_rt.transport.Transport.begin_close>`."""
        if not sendable_code(code):
            raise ConfigError(f"a close frame cannot hold the code {code}; use 1000")
        why = Ending("this side is closing the connection", code, reason, ok=True)
        if self._line.begin_closing(why, asked=True):
            self._send_close(struct.pack("!H", code) + cut_text(reason, 123))

    def abort(self) -> None:
        """See :meth:`Transport.abort <inworld_rt.transport.Transport.abort>`."""
        self._line.finish(Ending("this side cut the connection"))
        self._line.release()

    def _next_message(self) -> bytes:
        """The next message, the slow way: what is next is no frame that came whole."""
        message: bytes | None = None
        while message is None:
            frame = self._connection.recv_frame()
            if frame.opcode < ABNF.OPCODE_CLOSE:
                message = self._frames.join(bool(frame.fin), _payload(frame))
            else:
                self._obey(frame)
                message = self._frames.whole()
        return message

    def _obey(self, frame: ABNF) -> None:
        """Do what a control frame asks for; a pong asks for nothing."""
        payload = _payload(frame)
        if frame.opcode == ABNF.OPCODE_PING:
            self._send_sign_of_life(payload, ABNF.OPCODE_PONG)
        elif frame.opcode == ABNF.OPCODE_CLOSE:
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            reason = payload[2:].decode("utf-8", "replace")
            ending = closed_by_peer(code, reason, asked=self._line.asked)
            if self._line.begin_closing(ending):
                self._send_close(payload[:2])
            raise _ClosedByPeer(ending)

    def _on_silence(self, seconds: float) -> None:
        """Called on the reader's thread, every tick without a byte."""
        if seconds > self._dead_after - self._tick / 2:
            raise _Silence(f"nothing was received for {self._dead_after:g} s")
        _logger.debug("%% nothing received for %g s: ping", seconds)
        # Behind a sender that is stuck or busy a ping would help no one.
        if not self._line.busy:
            self._send_sign_of_life(b"", ABNF.OPCODE_PING)

    def _send_sign_of_life(self, payload: bytes, opcode: int) -> None:
        """Send a ping or a pong, from the reader's thread; bounded by the write deadline."""
        try:
            self._line.transmit(_frame(payload, opcode), self._write_timeout)
        except NotOpen:
            return  # closing: no frame may follow the close frame

    def _send_close(self, payload: bytes) -> None:
        """Send our close frame, if that goes quickly."""
        try:
            self._line.transmit(_frame(payload, ABNF.OPCODE_CLOSE), _CLOSE_PATIENCE, closing=True)
        except (NotOpen, OSError) as exc:
            # The peer is stuck or gone: the reader, a stuck sender or abort() ends it.
            _logger.debug("! no close frame sent: %s", type(exc).__name__)

    def _refuse(self, refused: FrameRefused) -> None:
        """The peer broke a rule: tell it, and be done."""
        ending = Ending(str(refused), refused.code, violation=True, cause=_bare(refused))
        if self._line.begin_closing(ending):
            self._send_close(struct.pack("!H", refused.code))
            self._line.linger(_LINGER)
        self._line.finish(ending)


def connect(
    url: str,
    *,
    credentials_header: str,
    credential_source: str = "INWORLD_API_KEY",
    connect_timeout: float = 15.0,
    ssl_context: ssl.SSLContext | None = None,
    insecure_host: str | None = None,
    ping_interval: float = 5.0,
    dead_after: float = 15.0,
    write_timeout: float = 10.0,
    max_message: int = MAX_MESSAGE,
) -> WebSocketTransport:
    """Open a WebSocket. Blocks until it is open or cannot be.

    Proxies are taken from ``http_proxy``, ``https_proxy`` and ``no_proxy``, except for this
    machine's own addresses. Redirects are not followed.

    Args:
        url: the full address; see :func:`~inworld_rt.transport.endpoint`.
        credentials_header: the value of the ``Authorization`` header. It appears in no message,
            log line or exception.
        credential_source: where the credential came from, for messages.
        connect_timeout: seconds for the whole: TCP, proxy, TLS and HTTP. Only the system's look-up
            of the name cannot be bounded.
        ssl_context: TLS settings; by default one shared context with the system's certificates,
            host name checked, TLS 1.2 or newer.
        insecure_host: a host, literally as in the URL, that may be reached by ``ws://`` although it
            is not this machine.
        ping_interval: seconds of silence after which a ping is sent.
        dead_after: seconds of silence after which the connection is lost; more than
            ``ping_interval``.
        write_timeout: seconds that one send may block.
        max_message: the longest message to accept, in bytes.

    Returns:
        The open transport.

    Raises:
        ConfigError: a bad argument, or ``ws://`` to another machine; nothing was sent.
        AuthError: HTTP 401, 402 or 403.
        ConnectError: any other failure; its text says what to do.
    """
    _check_seconds(
        connect_timeout=connect_timeout, ping_interval=ping_interval, write_timeout=write_timeout
    )
    if not ping_interval < dead_after < math.inf:
        raise ConfigError("dead_after must be longer than ping_interval, in seconds")
    target = target_of(url, insecure_host)
    deadline = time.monotonic() + connect_timeout
    stream = dial(target, deadline=deadline, context=ssl_context, dead_after=dead_after)
    try:
        sock = HandshakeSocket(stream, deadline, credentials_header)
        connection = _Connection()
        failure = connection.open(url, sock)
        if failure is not None:
            raise explain(sock, target, failure, credential_source)
        connection.frames = FrameReader(stream.read, max_message, sock.rest)
        return WebSocketTransport(
            connection,
            stream,
            ping_interval=ping_interval,
            dead_after=dead_after,
            write_timeout=write_timeout,
        )
    except BaseException:
        stream.close()
        raise


def _check_seconds(**given: float) -> None:
    for name, seconds in given.items():
        if not 0 < seconds < math.inf:
            raise ConfigError(f"{name} must be a positive number of seconds, not {seconds!r}")


def _frame(payload: str | bytes, opcode: int) -> bytes:
    """A frame, masked as clients must."""
    return ABNF.create_frame(payload, opcode).format()


def _payload(frame: ABNF) -> bytes:
    assert isinstance(frame.data, bytes)  # our reader gives nothing else
    return frame.data


def _lost(cause: Exception) -> Ending:
    if isinstance(cause, _Silence):
        text = f"{cause}, not even an answer to a ping; the network or the server is gone"
    elif isinstance(cause, PeerGone):
        text = "the server hung up without a close frame"
    elif isinstance(cause, TimeoutError):
        text = "the server took no data any more; it or the network is stuck"
    else:
        text = f"the connection broke ({getattr(cause, 'strerror', None) or cause})"
    return Ending(f"{text}. Connect again", cause=_bare(cause))


def _bare(cause: Exception) -> Exception:
    """A cause to keep: its traceback would keep frames, and the last message, alive."""
    return cause.with_traceback(None)
