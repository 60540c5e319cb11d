"""A session, opened and closed."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

from inworld_rt.arguments import DEFAULTS, message, seconds, settings
from inworld_rt.auth import Credentials, find_credentials
from inworld_rt.backlog import Backlog
from inworld_rt.client.answers import Answers
from inworld_rt.client.items import Items
from inworld_rt.client.states import States
from inworld_rt.client.tools import Tools
from inworld_rt.client.voice import Voice
from inworld_rt.client.watching import Watching
from inworld_rt.codec import UNSET, replace
from inworld_rt.config import SessionConfig, Tool
from inworld_rt.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    ConnectionClosed,
    ServerError,
    WaitTimeout,
)
from inworld_rt.events import ItemCreate
from inworld_rt.hooks import Hooks
from inworld_rt.link import CLOSE_BOUND, Link
from inworld_rt.provider import Memory, MemoryState, ProviderData
from inworld_rt.tools.runner import Runner
from inworld_rt.tools.toolbox import Toolbox
from inworld_rt.transport import Transport, connect, endpoint, new_session_id
from inworld_rt.workers import Deadline

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from inworld_rt.recording.last_minute import LastMinute, Ring
    from inworld_rt.recording.recorder import Recorder

__all__ = ["Client"]


class Client(Answers, Items, Tools, Voice, Watching, States):
    """A session with the Realtime API. Any method may be called from any thread.

    ::

        with Client(voice="Clive") as client:
            client.say("Tell me a joke.").save("joke.wav")

    The constructor connects: when it returns, the session is configured and ready; when it fails,
    it raises. Leaving ``with`` closes it.

    Answers take turns, since the server makes one at a time: a second :meth:`say` waits until the
    first answer is complete. When the connection breaks, the call that waits raises, and so does
    every call after it.
    """

    def __init__(
        self,
        *,
        instructions: str | None = None,
        voice: str | None = None,
        model: str | None = None,
        config: SessionConfig | dict[str, Any] | None = None,
        tools: Sequence[Callable[..., Any] | Tool] = (),
        memory: str | os.PathLike[str] | MemoryState | None = None,
        credentials: Credentials | str | None = None,
        url: str | None = None,
        session_id: str | None = None,
        connect_timeout: float = 15.0,
        timeout: float = 60.0,
        reconnect: bool = False,
        recording: str | os.PathLike[str] | LastMinute | None = None,
        transport: Transport | None = None,
        insecure_host: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Connect and configure.

        Blocks until the server has accepted the settings: one round trip after the handshake.

        Args:
            instructions: the system prompt.
            voice: a voice's name or id, for example ``"Clive"``.
            model: the language model, ``provider/model``.
            config: any other settings; the three above win over it. A dict in the wire's form will
                do, too.
            tools: functions that the model may call, see :meth:`tool`; or declarations.
            memory: switches the service's memory on. A file's name: what the session before
                remembered is read from it, if it is there, and what this one remembers is written
                to it when the client is closed. Or a state, see :attr:`memory`.
            credentials: an API key or token; default: the environment's ``INWORLD_API_KEY``.
            url: where to connect; default: ``INWORLD_REALTIME_URL``, or the service.
            session_id: names this session in the URL; default: a fresh unique one.
            connect_timeout: seconds for all of connecting and configuring.
            timeout: seconds of the server's silence after which other calls give up.
            reconnect: connecting again by itself is not there yet, so only ``False`` will do.
            recording: a folder, made where it is missing, in which the conversation is kept: all
                events, the sound of both sides, and who said what. If it holds a recording, a
                number is added; see :attr:`recording`. Or a
                :class:`~inworld_rt.recording.LastMinute`, which is only written if something goes
                wrong. No secrets are in it.
            transport: an open connection to use instead of making one, for tests.
            insecure_host: the one host that is no loopback address and may be spoken to without
                encryption (``ws://``). The key then travels in clear.
            ssl_context: for certificates of your own; default: the system's.

        Raises:
            ConfigError: a setting, the key or the URL is wrong, or the recording's folder cannot be
                written to; nothing was sent.
            AuthError: the server refused the credentials or the account.
            ConnectError: no connection came about.
            ServerError: the server refused the settings, for example an unknown voice.
            ConnectionClosed: the server closed instead of answering them.
            BackendMissing: ``tools`` has functions, and the packages that read their signatures
                are missing; says what to type.
            OSError: the memory's file is there and cannot be read.
        """
        if reconnect:
            raise ConfigError("reconnect: not there yet; leave it out, and connect again yourself")
        self.timeout = seconds("timeout", timeout)
        connect_timeout = seconds("connect_timeout", connect_timeout)
        deadline = Deadline(connect_timeout)
        plain = {"instructions": instructions, "voice": voice, "model": model}
        plain = {name: value for name, value in plain.items() if value is not None}
        wanted = DEFAULTS.merged(settings(config, plain))
        self._toolbox = Toolbox(lambda names: self._link.session.calls.run_here(names))
        functions: dict[str, Any] = {}
        if tools:
            declared, functions = self._toolbox.read([*(wanted.tools or ()), *tools])
            wanted = replace(wanted, tools=declared)
        self._memory_path: str | None = None
        if memory is not None:
            wanted = wanted.merged(self._recall(memory))
        wanted.to_dict()  # a wrong setting is found before any I/O
        address = header = ""
        if transport is None:
            key = find_credentials(credentials)
            header = key.header()
            address = endpoint(url, new_session_id() if session_id is None else session_id)
        self._backlog = Backlog()
        self._follower = None
        self._telling = threading.Lock()
        # One settings change at a time: the server's answer does not say which one it belongs to.
        self._updating = threading.Lock()
        with ExitStack() as undo:
            recorder = self._recorder = _recorder(recording, address, header)
            if recorder is not None:
                undo.callback(recorder.close)

            def dial() -> Transport:
                if transport is not None:
                    return transport
                return connect(
                    address,
                    credentials_header=header,
                    credential_source=key.source,
                    connect_timeout=connect_timeout,
                    ssl_context=ssl_context,
                    insecure_host=insecure_host,
                )

            line = dial() if recorder is None else recorder.ears.connected(dial)
            self._hooks = Hooks(self._follow)
            self._link = Link(line, self._adopt)
            self._link.ears = recorder and recorder.ears
            self._runner = Runner(self._link, lambda: self._toolbox.functions, self._tell)
            self._start(wanted, functions, deadline)
            undo.pop_all()

    def _start(self, wanted: SessionConfig, functions: dict[str, Any], deadline: Deadline) -> None:
        """Begin to read, and have the settings accepted."""
        try:
            with self._toolbox.offered(functions):
                self._configure(wanted, deadline.left() or 0.0, ("",), start=True)
        except BaseException as exc:
            self._link.close(polite=not isinstance(exc, (ConnectionClosed, KeyboardInterrupt)))
            meant = _start_error(exc)
            if meant is exc:
                raise
            raise meant from exc

    def _recall(self, memory: str | os.PathLike[str] | MemoryState) -> SessionConfig:
        """The settings for a memory."""
        if isinstance(memory, MemoryState):
            options = Memory(enabled=True, state=memory)
        else:
            path = self._memory_path = os.path.abspath(os.fspath(memory))
            known = os.path.exists(path)  # else this is the first session with it
            options = Memory(enabled=True, state=MemoryState.load(path) if known else UNSET)
        return SessionConfig(provider_data=ProviderData(memory=options))

    def _tell(self, text: str) -> None:
        """Tell the model something that happened meanwhile; it says what follows from it."""
        item = ItemCreate(item=message(text, "system"), event_id=self._link.new_id())
        self._request(item, polite=True)

    def close(self) -> None:
        """End the session. Any thread, any number of times.

        Whoever waits is woken and told. Blocks at most 2 seconds, whatever the server does; tools
        that are running then are left to themselves. (A disk that hangs may hold up the end of a
        recording for 2 more.)

        Raises:
            WorkerStuck: the background thread did not end in that time.
            OSError: the memory cannot be written to its file.
        """
        self._close()

    def _close(self, error: BaseException | None = None) -> None:
        chat, deadline = self._link.chat, Deadline(CLOSE_BOUND)
        with ExitStack() as steps:  # from the last to the first; what one raises stops no other
            if self._recorder is not None:
                steps.callback(self._recorder.close, error)
            steps.callback(self._keep_memory)
            steps.callback(lambda: self._hooks.close(deadline.left()))
            steps.callback(lambda: self._runner.close(deadline.left()))
            if chat is not None:
                steps.callback(chat.close)
            # First: it also ends what the chat may be blocked in. After an error in the block
            # nobody should have to wait for a polite goodbye.
            self._link.close(polite=error is None)

    def _keep_memory(self) -> None:
        path, self._memory_path = self._memory_path, None
        if path is not None and self.memory != MemoryState():
            self.memory.save(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(error)

    @property
    def recording(self) -> Path | None:
        """The folder in which the conversation is kept; ``None`` if it is not, or not yet."""
        return self._recorder.folder if self._recorder is not None else None

    @property
    def recording_failure(self) -> OSError | None:
        """Why the recording ended early, such as a full disk; the conversation goes on."""
        return self._recorder.failure if self._recorder is not None else None

    def __repr__(self) -> str:
        return f"<Client {self.state}>"


def _recorder(
    recording: str | os.PathLike[str] | LastMinute | None, url: str, header: str
) -> Recorder | Ring | None:
    """Begin the recording that is wanted."""
    if recording is None:
        return None
    from inworld_rt.recording.last_minute import begin  # only for those who record

    return begin(recording, url, (header, header.partition(" ")[2]))


def _start_error(error: BaseException) -> BaseException:
    """What a failed start raises; a late refusal of the credentials is told as such."""
    if isinstance(error, ServerError):
        told = f"{error.type} {error.code}".lower()
        if "auth" in told or "api_key" in told:
            return AuthError(f"the server refused the credentials: {error}")
    if isinstance(error, WaitTimeout):
        return ConnectError("connected, but the server did not answer the settings in time")
    return error
