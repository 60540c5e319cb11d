"""The service of a recording: it answers a client of today as it did then."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from inworld_rt.errors import ConnectionClosed
from inworld_rt.events import SessionUpdate
from inworld_rt.recording import Entry, Recorded, load
from inworld_rt.replay.names import Names
from inworld_rt.replay.user import APPEND, ended_by_service, play, start_of
from inworld_rt.transport import MemoryTransport
from inworld_rt.workers import Worker

if TYPE_CHECKING:
    from typing_extensions import Self

    from inworld_rt.client import Client

__all__ = ["Replay"]

_STOP_WITHIN = 2.0


class Replay:
    """Answers one client as a recording has it, in memory; for tests.

    ::

        def test_the_bug_of_monday():
            with Replay("recordings/monday") as service:
                with Client(transport=service.transport) as client:
                    service.play(client)                # what was done then; or other calls
                    assert "whale" in str(client.conversation)

    Each message is given as soon as the client has sent what it had sent before it then: messages
    of the same types, and as much sound. If it never does, the service is silent, the client gives
    up, and :attr:`waiting_for` tells why. A connection that was lost is lost again.

    Attributes:
        transport: for ``Client(transport=...)``.
        recorded: the recording.
    """

    def __init__(
        self, recording: str | os.PathLike[str] | Recorded, *, realtime: bool = False
    ) -> None:
        """Read it.

        Args:
            recording: its folder; or what :func:`inworld_rt.recording.load` made of it.
            realtime: take as long as the service did; default: be quick.

        Raises:
            ConfigError: there is no recording that can be read.
        """
        self.recorded = recording if isinstance(recording, Recorded) else load(recording)
        self.transport, self._end = MemoryTransport.pair()
        self._realtime = realtime
        self._names = Names()
        self._early: list[dict[str, Any]] = []  # sent before its turn
        self._sound = 0  # bytes
        self._waiting_for = ""
        self._failure: BaseException | None = None
        self._worker = Worker("replay", self._serve, self._failed)

    def play(self, client: Client) -> None:
        """Do with the client what was done with the one of then; see :func:`play`."""
        play(self.recorded, client)

    @property
    def waiting_for(self) -> str:
        """What the client has to send before it hears more; empty if nothing is missing."""
        return self._waiting_for

    @property
    def unexpected(self) -> list[str]:
        """The types of messages that the client has sent, but not then."""
        return [message.get("type", "") for message in tuple(self._early)]

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worker.stopping.set()
        self._end.begin_close()  # it still reads what has come
        self._worker.stop(_STOP_WITHIN)
        if self._failure is not None and kind is None:
            raise self._failure

    # --- our thread ------------------------------------------------------------------------------

    def _serve(self, stopping: threading.Event) -> None:
        sound, before = 0, 0.0
        if start_of(self.recorded) is None:
            self._await_type(SessionUpdate.wire_name)
        for entry in self.recorded.entries:
            if entry.way == "sent" and entry.type == APPEND:
                sound += _sound_of(json.loads(self.recorded.message(entry)))
            elif entry.way == "sent":
                self._names.learn(entry.event, self._await_type(entry.type))
            elif entry.way == "received":
                self._await_sound(sound)
                if self._realtime:
                    stopping.wait(max(0.0, entry.t - before))
                message = self._names.translate(json.loads(self.recorded.message(entry)))
                with contextlib.suppress(ConnectionClosed):  # what the client sent still counts
                    self._end.send(json.dumps(message))
            elif ended_by_service(entry):
                self._hang_up(entry)
                return
            before = entry.t
        while True:  # until the client closes
            self._receive()

    def _hang_up(self, entry: Entry) -> None:
        if entry.type == "lost":
            self._end.abort()
        else:
            self._end.begin_close(1001)

    def _await_type(self, kind: str) -> dict[str, Any]:
        self._waiting_for = kind
        while True:
            for message in self._early:
                if message.get("type") == kind:
                    self._early.remove(message)
                    self._waiting_for = ""
                    return message
            self._receive()

    def _await_sound(self, size: int) -> None:
        while self._sound < size:
            self._waiting_for = f"{APPEND}: {size - self._sound} more bytes"
            self._receive()
        self._waiting_for = ""

    def _receive(self) -> None:
        message = json.loads(self._end.recv())
        if message.get("type") == APPEND:
            self._sound += _sound_of(message)
        else:
            self._early.append(message)

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, ConnectionClosed):  # that is how it ends
            self._failure = error
            self._end.abort()  # nobody shall wait for what will not come


def _sound_of(message: dict[str, Any]) -> int:
    coded = str(message.get("audio", ""))
    return len(coded) // 4 * 3 - coded[-2:].count("=")
