"""The user's spoken turns: from audio that comes in to items that hold what was said
(protocol: voice turn; push-to-talk; idle timeout).

What a turn means for the answer is not decided here; two functions given at the start are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import define, field

from inworld_rt.events import client, server
from inworld_rt.items import InputAudio, Message
from inworld_rt.simulator.history import Entry, History, Sound
from inworld_rt.simulator.input_buffer import (
    Began,
    Ended,
    InputBuffer,
    Partial,
    Progress,
    Record,
    Utterance,
)
from inworld_rt.simulator.interjections import Interjections
from inworld_rt.simulator.settings import Settings
from inworld_rt.simulator.transcripts import Transcripts
from inworld_rt.wire import Event

__all__ = ["Turns"]


@define
class _Heard:
    """A committed utterance that still has to be read."""

    utterance: Utterance
    entry: Entry
    respond: bool


@define
class Turns:
    """One session's spoken turns."""

    settings: Settings
    history: History
    buffer: InputBuffer
    interjections: Interjections
    transcripts: Transcripts
    on_voice: Callable[[], Iterable[Event]]
    """The user begins to speak."""
    on_turn: Callable[[], Iterable[Event]]
    """The user has spoken, and it was read; an answer is wanted."""
    _heard: list[_Heard] = field(factory=list)
    _records: dict[type[Record], Callable[[Any], Iterable[Event]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._records = {
            Began: self._began,
            Partial: lambda r: self.transcripts.partial(r.utterance),
            Progress: lambda r: self.interjections.go_on(r.utterance.item_id, r.spoken_ms),
            Ended: self._ended,
        }

    @property
    def waiting(self) -> bool:
        """Whether something was committed that is still to be read."""
        return bool(self._heard)

    def close(self) -> None:
        """Give back the recognisers."""
        self.buffer.drop()
        for heard in self._heard:
            heard.utterance.drop()

    # --- the client's events ----------------------------------------

    def append(self, event: client.InputAudioAppend) -> Iterator[Event]:
        """More audio came."""
        for record in self.buffer.append(event.audio):
            yield from self._records[type(record)](record)

    def commit(self, event: client.InputAudioCommit) -> Iterator[Event]:
        """The client says that the turn is over."""
        yield from self._commit(self.buffer.commit(), respond=False)

    def clear(self, event: client.InputAudioClear) -> Iterator[Event]:
        """The client drops what was not committed."""
        self.buffer.clear()
        yield server.InputAudioCleared()

    # --- what happens by itself ----------------------------------------

    def idle(self) -> Iterator[Event]:
        """Nobody spoke for so long that the agent takes the turn."""
        utterance = self.buffer.silence()
        yield server.InputTimeout(
            item_id=utterance.item_id,
            audio_start_ms=utterance.start_ms,
            audio_end_ms=self.buffer.position_ms,
        )
        yield from self._commit(utterance, respond=True)

    def settle(self) -> Iterator[Event]:
        """Read what was committed; an answer depends on it."""
        while self._heard:
            heard = self._heard.pop(0)
            yield from self.transcripts.final(heard.utterance, heard.entry)
            if heard.respond:
                yield from self.on_turn()

    def _began(self, record: Began) -> Iterator[Event]:
        self.interjections.begin()
        yield server.SpeechStarted(
            item_id=record.utterance.item_id, audio_start_ms=record.utterance.start_ms
        )
        yield from self.on_voice()

    def _ended(self, record: Ended) -> Iterator[Event]:
        item_id = record.utterance.item_id
        spoken = record.end_ms - record.utterance.start_ms
        yield from self.interjections.end(item_id, spoken, record.trailing_ms)
        yield server.SpeechStopped(item_id=item_id, audio_end_ms=record.end_ms)
        rule = self.settings.turn_detection or {}
        yield from self._commit(record.utterance, respond=rule.get("create_response", True))

    def _commit(self, utterance: Utterance, *, respond: bool) -> Iterator[Event]:
        item = Message(
            id=utterance.item_id,
            object="realtime.item",
            status="completed",
            role="user",
            content=[InputAudio()],
        )
        entry = Entry(item, {0: Sound(utterance.format, utterance.wire)}, heard="")
        previous = self.history.add(entry)
        self._heard.append(_Heard(utterance, entry, respond))
        yield server.InputAudioCommitted(item_id=item.id or "", previous_item_id=previous)
        yield server.ItemAdded(item=item, previous_item_id=previous)
        yield server.ItemDone(item=item, previous_item_id=previous)
