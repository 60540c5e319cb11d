"""The client's requests about single items (protocol: conversation items)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field

from inworld_rt.events import client, server
from inworld_rt.items import FunctionCallOutput, InputAudio, Item, Message
from inworld_rt.simulator.ears import Ears
from inworld_rt.simulator.faults import wrong_value
from inworld_rt.simulator.history import Entry, History
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.requests import entry_of
from inworld_rt.simulator.scribe import Scribe
from inworld_rt.simulator.settings import Settings, tellable
from inworld_rt.wire import Event

__all__ = ["Desk", "Tools"]


@define
class Tools:
    """Which calls wait for their output."""

    open: set[str] = field(factory=set)
    answered: set[str] = field(factory=set)
    asked: bool = False
    """Whether an output came, so that the agent should go on by itself."""

    @property
    def ready(self) -> bool:
        """Whether it can go on now."""
        return self.asked and not self.open - self.answered


@define
class Desk:
    """Creates, deletes, gives back and cuts items."""

    settings: Settings
    history: History
    quirks: Quirks
    tools: Tools
    scribe: Scribe
    ears: Ears
    new_id: Callable[[], str]

    def create(self, event: client.ItemCreate) -> Iterator[Event]:
        """The client adds an item."""
        entry = entry_of(
            event.item,
            event.raw["item"] if event.raw else None,
            self.settings.input_format,
            self.new_id,
            short_types=self.quirks.short_content_types,
        )
        tellable(entry.item, Item, "item")
        if self.history.find(entry.id) is not None:
            raise wrong_value("item.id", "an id that no other item has")
        previous = self.history.add(entry, event.previous_item_id)
        self._read_recording(entry)
        yield server.ItemAdded(item=entry.item, previous_item_id=previous)
        yield server.ItemDone(item=entry.item, previous_item_id=previous)
        if isinstance(entry.item, FunctionCallOutput):
            self.tools.answered.add(entry.item.call_id or "")
            self.tools.asked = self.settings.auto_tool_response

    def _read_recording(self, entry: Entry) -> None:
        """Hear the audio in a message, for the model's sake only."""
        item = entry.item
        if not isinstance(item, Message) or not entry.sounds:
            return
        texts = []
        for index, part in enumerate(item.content):
            if isinstance(part, InputAudio) and part.transcript is None:
                texts.append(self.scribe.read(entry.sounds[index], self.ears))
            else:
                texts.append(getattr(part, "text", None) or getattr(part, "transcript", "") or "")
        entry.heard = " ".join(filter(None, texts))

    def delete(self, event: client.ItemDelete) -> Iterator[Event]:
        """The client removes an item."""
        self.history.delete(event.item_id)
        yield server.ItemDeleted(item_id=event.item_id)

    def retrieve(self, event: client.ItemRetrieve) -> Iterator[Event]:
        """The client wants an item with its audio."""
        yield server.ItemRetrieved(item=self.history.need(event.item_id, "retrieve").with_audio())

    def truncate(self, event: client.ItemTruncate) -> Iterator[Event]:
        """The client tells how much of an answer was heard."""
        self.history.truncate(
            event.item_id,
            event.content_index,
            event.audio_end_ms,
            div24=self.quirks.truncate_div24,
        )
        yield server.ItemTruncated(
            item_id=event.item_id,
            content_index=event.content_index,
            audio_end_ms=event.audio_end_ms,
        )
