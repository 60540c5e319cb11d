"""The user of a recording: what was done then is done again, with a client of today."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from inworld_rt import wire
from inworld_rt.codec import UNSET, replace
from inworld_rt.config import SessionConfig
from inworld_rt.errors import ConnectionClosed, ServerError, WaitTimeout
from inworld_rt.events import (
    Event,
    InputAudioAppend,
    InputAudioClear,
    InputAudioCommit,
    ItemAdded,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
)
from inworld_rt.link import Link
from inworld_rt.recording import Entry, Recorded
from inworld_rt.recording.recorder import CUT_BY_US
from inworld_rt.replay.names import Names
from inworld_rt.workers import Deadline

if TYPE_CHECKING:
    from inworld_rt.client import Client

__all__ = ["APPEND", "first_settings", "play", "start_of"]

APPEND = "input_audio_buffer.append"

# What the service must have said before the user goes on: as often as then. Whatever a call waits
# for by itself needs no place here, but in the next table.
_MILESTONES = (
    "input_audio_buffer.committed",
    "conversation.item.added",
    "response.created",
    "response.done",
)

# Calls that wait for their answer. A microphone went on meanwhile.
_ANSWERS = {
    SessionUpdate.wire_name: "session.updated",
    ItemTruncate.wire_name: "conversation.item.truncated",
    ItemDelete.wire_name: "conversation.item.deleted",
    ItemRetrieve.wire_name: "conversation.item.retrieved",
}


def first_settings(recorded: Recorded) -> SessionConfig:
    """The settings with which a recorded session began, for ``Client(config=...)``.

    Args:
        recorded: the recording; of one of the last minute, what the service told.
    """
    first = start_of(recorded)
    if first is not None:
        return SessionConfig.from_dict(first.event.get("session") or {})
    for entry in recorded.entries:
        if entry.way == "received" and entry.type in ("session.created", "session.updated"):
            told = wire.decode(recorded.message(entry))
            if isinstance(told, (SessionCreated, SessionUpdated)) and told.session:
                return replace(told.session, id=UNSET, object=UNSET, expires_at=UNSET)
    return SessionConfig()


def play(
    recorded: Recorded,
    client: Client,
    *,
    realtime: bool = False,
    timeout: float = 10.0,
    refused: Callable[[ServerError], object] = lambda error: None,
    late: Callable[[str], object] = lambda what: None,
) -> None:
    """Do with a client what was done in a recorded session, call by call, in its order.

    The settings of its start are the client's business: see :func:`first_settings`. Before each
    call it waits until the service has come as far as it had then: as many answers begun and ended,
    for example. Blocks until all is done, and the last answer with it.

    Args:
        recorded: the recording.
        client: a client, of whatever service.
        realtime: take as much time between the calls as the user did; default: none.
        timeout: seconds to wait for the service; then it goes on nevertheless.
        refused: told what the service has refused, which it may have done then as well.
        late: told what the service did not say in time.

    Raises:
        ConnectionClosed: the session ended before the recording did.
    """
    first, begin = start_of(recorded), time.monotonic()
    start = recorded.entries[0].t if recorded.entries else 0.0
    link: Link = client._link  # noqa: SLF001, it goes below what has a call of its own
    progress = _Progress(link, timeout, late)
    for entry in _in_turn(recorded.entries):
        if entry.way == "received":
            progress.then(entry)
        elif entry.way == "sent" and entry is not first:
            progress.wait()
            if realtime:
                progress.wait_till(begin + entry.t - start)
            try:
                _repeat(client, link, progress.today(recorded.message(entry)))
            except ServerError as error:
                refused(error)
            except WaitTimeout as error:
                late(str(error))
        elif ended_by_service(entry):
            progress.wait_for_end()
    progress.wait()


class _Progress:
    """How far the service has come, by the events of the session."""

    def __init__(self, link: Link, timeout: float, late: Callable[[str], object]) -> None:
        self._log, self._place = link.log, 0
        self._timeout, self._late = timeout, late
        self._then: Counter[str] = Counter()
        self._now: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()  # not waited for a second time
        self._begun: set[str] = set()  # answers
        # Today's service has names of its own for what is in the conversation.
        self._names = Names()
        self._items_then: deque[Any] = deque()
        self._items_now: deque[Any] = deque()

    def then(self, entry: Entry) -> None:
        """The service said this then."""
        kind = _modern(entry)
        response = entry.event.get("response")
        name = str(response.get("id")) if isinstance(response, dict) else ""
        if kind == "response.created":
            self._begun.add(name)
        elif kind == "response.done" and name not in self._begun:
            return  # it had begun before the recording did
        self._then[kind] += 1
        if kind == ItemAdded.wire_name:
            self._items_then.append(entry.event.get("item"))

    def today(self, message: bytes) -> Event:
        """A recorded message of the user, for today's service."""
        while self._items_then and self._items_now:
            self._names.learn(self._items_then.popleft(), self._items_now.popleft())
        return wire.decode_client(json.dumps(self._names.translate(json.loads(message))))

    def wait(self) -> None:
        """Wait until the service has said all of it as often as it had then."""
        deadline = Deadline(self._timeout)
        with contextlib.suppress(ConnectionClosed):  # matters only if something is missing
            while self._read(0):
                pass
        for kind in _MILESTONES:
            wanted = self._then[kind] - self._missed[kind]
            while self._now[kind] < wanted and self._read(deadline.left()):
                pass
            missing = wanted - self._now[kind]
            if missing > 0:
                self._missed[kind] += missing
                times = f"{self._then[kind]} times then, {wanted - missing} times now"
                self._late(f"{kind} came {times}")

    def wait_till(self, moment: float) -> None:
        """Let time pass, up to a moment of the monotonic clock."""
        while (left := moment - time.monotonic()) > 0 and self._read(left):
            pass

    def wait_for_end(self) -> None:
        """Wait until the connection is over; raises that."""
        deadline = Deadline(self._timeout)
        while self._read(deadline.left()):
            pass
        self._late("the connection was lost then, and is not now")

    def _read(self, seconds: float | None) -> bool:
        """Take in what the service says next; returns whether that came in time."""
        try:
            event, self._place = self._log.next(self._place, _is_milestone, seconds)
        except WaitTimeout:
            return False
        self._now[event.type] += 1
        if isinstance(event, ItemAdded):
            names = ("id", "call_id")
            self._items_now.append({name: getattr(event.item, name, None) for name in names})
        return True


def _is_milestone(event: Event) -> bool:
    return event.type in _MILESTONES


def _in_turn(entries: list[Entry]) -> Iterator[Entry]:
    """The entries in order; but sound that was sent while a call waited comes before that call."""
    early: set[int] = set()
    for n, entry in enumerate(entries):
        if entry.way == "sent" and entry.type in _ANSWERS:
            for m in _meanwhile(entries, n):
                early.add(m)
                yield entries[m]
        if n not in early:
            yield entry


def _meanwhile(entries: list[Entry], n: int) -> Iterator[int]:
    ends = (_ANSWERS[entries[n].type], "error", "lost", "closed")
    for m in range(n + 1, len(entries)):
        if entries[m].way != "sent":
            if _modern(entries[m]) in ends:
                return
        elif entries[m].type != APPEND:
            return
        else:
            yield m


def _modern(entry: Entry) -> str:
    """The modern name of what was received."""
    known = wire.SERVER.get(entry.type)
    return known.wire_name if known else entry.type


def ended_by_service(entry: Entry) -> bool:
    """Whether the connection was lost here, or the service said goodbye."""
    if entry.way != "note":
        return False
    code = entry.event.get("code")
    return entry.type == "lost" or (entry.type == "closed" and code not in (1000, CUT_BY_US))


def start_of(recorded: Recorded) -> Entry | None:
    """The settings that the client sent first of all; ``None`` in one of the last minute."""
    sent = (entry for entry in recorded.entries if entry.way == "sent")
    entry = next(sent, None)
    return entry if entry and entry.type == SessionUpdate.wire_name else None


def _repeat(client: Client, link: Link, event: Event) -> None:
    for cls, do in _CALLS.items():
        if isinstance(event, cls):
            do(client, event)
            return
    link.post(event)  # there is no call for it


def _create_response(client: Client, event: ResponseCreate) -> None:
    raw: Any = json.loads(wire.encode(event)).get("response")
    client.create_response(**(raw or {}))


_CALLS: dict[type[Event], Callable[[Client, Any], object]] = {
    SessionUpdate: lambda client, event: client.update_session(event.session),
    InputAudioAppend: lambda client, event: client.send_audio(event.audio),
    InputAudioCommit: lambda client, event: client.commit_audio(),
    InputAudioClear: lambda client, event: client.clear_audio(),
    ItemCreate: lambda client, event: client.send_item(event.item, event.previous_item_id),
    ItemTruncate: lambda client, event: client.truncate_item(
        event.item_id, event.audio_end_ms, event.content_index
    ),
    ItemDelete: lambda client, event: client.delete_item(event.item_id),
    ItemRetrieve: lambda client, event: client.retrieve_item(event.item_id),
    ResponseCreate: _create_response,
    ResponseCancel: lambda client, event: client.cancel_response(),
}
