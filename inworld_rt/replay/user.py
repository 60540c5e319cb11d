"""The user of a recording: what was done then is done again, with a client of today."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inworld_rt import wire
from inworld_rt.config import SessionConfig
from inworld_rt.errors import ServerError, WaitTimeout
from inworld_rt.events import (
    Event,
    InputAudioAppend,
    InputAudioClear,
    InputAudioCommit,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from inworld_rt.link import Link
from inworld_rt.recording import Entry, Recorded
from inworld_rt.workers import Deadline, wait_on

if TYPE_CHECKING:
    from typing_extensions import Self

    from inworld_rt.client import Client

__all__ = ["APPEND", "first_settings", "play"]

APPEND = "input_audio_buffer.append"

# What the service must have said before the user goes on: as often as then. Whatever a call waits
# for by itself needs no place here.
_MILESTONES = (
    "input_audio_buffer.committed",
    "conversation.item.added",
    "response.created",
    "response.done",
)


def first_settings(recorded: Recorded) -> SessionConfig:
    """The settings with which a recorded session began, for ``Client(config=...)``.

    Args:
        recorded: the recording; in one of the last minute only, they may be missing.
    """
    first = _first_update(recorded)
    return SessionConfig.from_dict(first.event.get("session") or {}) if first else SessionConfig()


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
    told: Counter[str] = Counter()
    first, begin = _first_update(recorded), time.monotonic()
    start = recorded.entries[0].t if recorded.entries else 0.0
    link: Link = client._link  # noqa: SLF001, it goes below what has a call of its own
    with _Progress(link) as progress:
        for entry in recorded.entries:
            if entry.way == "received":
                known = wire.SERVER.get(entry.type)  # by its modern name
                told[known.wire_name if known else entry.type] += 1
            elif entry.way == "sent" and entry is not first:
                progress.wait(told, timeout, late)
                if realtime:
                    time.sleep(max(0.0, begin + entry.t - start - time.monotonic()))
                try:
                    _repeat(client, link, wire.decode_client(recorded.message(entry)))
                except ServerError as error:
                    refused(error)
                except WaitTimeout as error:
                    late(str(error))
            elif entry.way == "note" and entry.type == "lost":
                progress.wait_for_end(timeout, late)
        progress.wait(told, timeout, late)


class _Progress:
    """How far the service has come; a watcher of the link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._counts: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()  # not waited for a second time
        self._changed = threading.Condition()  # guards the counts
        self._over = False

    def saw(self, event: Event, orders: Any) -> None:
        """See :class:`~inworld_rt.link.Watcher`."""
        if event.type in _MILESTONES:
            with self._changed:
                self._counts[event.type] += 1
                self._changed.notify_all()

    def over(self) -> None:
        """See :class:`~inworld_rt.link.Watcher`."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def wait(self, told: Counter[str], timeout: float, late: Callable[[str], object]) -> None:
        """Wait until the service has said all of it as often as it had then."""
        deadline = Deadline(timeout)
        for kind in _MILESTONES:
            with self._changed:
                wanted = told[kind] - self._missed[kind]
                while self._counts[kind] < wanted and not self._over:
                    if not wait_on(self._changed, deadline):
                        break
                missing = wanted - self._counts[kind]
            if missing > 0:
                self._link.check()
                self._missed[kind] += missing
                late(f"{kind} came {told[kind]} times then, {wanted - missing} times now")

    def wait_for_end(self, timeout: float, late: Callable[[str], object]) -> None:
        """Wait until the connection is lost; raises that."""
        deadline = Deadline(timeout)
        with self._changed:
            while not self._over and wait_on(self._changed, deadline):
                pass
        self._link.check()
        late("the connection was lost then, and is not now")

    def __enter__(self) -> Self:
        self._link.watch(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._link.unwatch(self)


def _first_update(recorded: Recorded) -> Entry | None:
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
