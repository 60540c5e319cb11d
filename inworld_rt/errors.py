"""Every exception and warning of the package, drawn first::

    InworldError
    ├── ConfigError (ValueError)             a bad argument or environment, before any I/O
    ├── ConnectError (OSError)               no session came about: name, TLS, proxy, HTTP status
    │   └── AuthError                        401, 402, 403; names the variable read, never the key
    ├── ConnectionClosed                     .code .reason
    │   ├── ConnectionClosedOK               we asked, or 1000/1001; iteration just stops
    │   └── ConnectionLost (ConnectionError) anything else; chained to its cause
    ├── ProtocolError
    │   ├── LocalProtocolError (RuntimeError)  you asked for what the state forbids
    │   └── RemoteProtocolError              unreadable message; type and size, never content
    ├── ServerError                          an ``error`` event that answers our request
    ├── ResponseFailed                       .response .reason
    ├── WaitTimeout (TimeoutError)
    ├── ToolError
    ├── AudioError
    │   ├── BackendMissing (ImportError)     with the one command to type on this system
    │   └── DeviceError (OSError)
    └── WorkerStuck (RuntimeError)

    InworldWarning (UserWarning)

The second parent is the builtin a beginner would guess, so ``except ValueError`` works. No message
holds a key, a token, a transcript or audio.

Exceptions with an ``OSError`` parent hand exactly one argument to it: given two, it would take the
first for an error number.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AudioError",
    "AuthError",
    "BackendMissing",
    "ConfigError",
    "ConnectError",
    "ConnectionClosed",
    "ConnectionClosedOK",
    "ConnectionLost",
    "DeviceError",
    "InworldError",
    "InworldWarning",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "ResponseFailed",
    "ServerError",
    "ToolError",
    "WaitTimeout",
    "WorkerStuck",
]


class InworldWarning(UserWarning):
    """Something works, but not as well as it could; the text says how to mend it."""


class InworldError(Exception):
    """The parent of every exception that this package raises on purpose."""


class ConfigError(InworldError, ValueError):
    """An argument, a setting or the environment is wrong; nothing was sent.

    Scenarios: no API key, a setting of the wrong type, an unknown value of ``eagerness``.
    """


class ConnectError(InworldError, OSError):
    """No session came about.

    Scenarios: the name does not resolve, TLS fails, a proxy refuses, the server answers with an
    HTTP status or not at all.

    Attributes:
        status: the HTTP status of the server's answer, or ``None``.
        retry_after: seconds that the server asked us to wait, or ``None``.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class AuthError(ConnectError):
    """The server refused the credentials (401, 403) or the account (402)."""


class ConnectionClosed(InworldError):
    """The session is over.

    Attributes:
        code: the WebSocket close code (1006 where no close frame came).
        reason: the peer's words, possibly empty.
    """

    def __init__(self, message: str, *, code: int = 1006, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class ConnectionClosedOK(ConnectionClosed):
    """The session ended as agreed: we closed it, or the server said 1000 or 1001.

    Scenarios: use after ``close()``, or of an answer that the end cut off.
    """


class ConnectionLost(ConnectionClosed, ConnectionError):
    """The session broke off; ``__cause__`` tells why where that is known."""


class ProtocolError(InworldError):
    """Never raised itself: one of its two children is."""


class LocalProtocolError(ProtocolError, RuntimeError):
    """The call is not possible in this state.

    Scenarios: an iterator of events that is read too slowly.
    """


class RemoteProtocolError(ProtocolError):
    """The server sent something that cannot be read. Shows type and size, never content."""


class ServerError(InworldError):
    """The server answered a request with an ``error`` event (protocol: errors).

    Attributes:
        type: the kind, for example ``invalid_request_error``.
        code: a finer word such as ``invalid_value``, or ``None``.
        param: the path of the field it complains about, or ``None``.
        event_id: the id of the client event that failed, or ``None``.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str = "",
        code: str | None = None,
        param: str | None = None,
        event_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.type = type
        self.code = code
        self.param = param
        self.event_id = event_id


class ResponseFailed(InworldError):
    """A response ended without being completed.

    Attributes:
        response: the :class:`~inworld_rt.Response`.
        reason: the server's reason, for example ``server_error``, or ``None``.
    """

    def __init__(self, message: str, *, response: Any = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.response = response
        self.reason = reason


class WaitTimeout(InworldError, TimeoutError):
    """What was waited for did not happen in time; the session goes on."""


class ToolError(InworldError):
    """A tool is declared wrongly, or failed."""


class AudioError(InworldError):
    """Sound could not be read, converted, recorded or played."""


class BackendMissing(AudioError, ImportError):
    """An optional package is not installed; the message holds the command to type."""


class DeviceError(AudioError, OSError):
    """A sound device cannot be used: which one, what was tried, what to try."""


class WorkerStuck(InworldError, RuntimeError):
    """A background thread did not end in time."""
