"""The parts of a conversation: items, and the user's speech slice by slice."""

from __future__ import annotations

from inworld_rt.arguments import message
from inworld_rt.client.base import Base
from inworld_rt.conversation import Conversation
from inworld_rt.events import (
    InputAudioClear,
    InputAudioCommit,
    ItemCreate,
    ItemDelete,
    ItemDeleted,
    ItemRetrieve,
    ItemRetrieved,
    ItemTruncate,
    ItemTruncated,
)
from inworld_rt.items import Item
from inworld_rt.upload import samples

__all__ = ["Items"]


class Items(Base):
    """The part of the client that makes, fetches and changes single items."""

    def send_text(self, text: str, role: str = "user") -> None:
        """Add a text to the conversation, without asking for an answer.

        Args:
            text: the text.
            role: who says it: ``user``, ``system`` or ``assistant``.

        Raises:
            ConfigError: the text is empty, or the role is none of these.
            ConnectionClosed: the session is over.
        """
        self._link.post(ItemCreate(item=message(text, role), event_id=self._link.new_id()))

    def send_item(self, item: Item, previous_item_id: str | None = None) -> None:
        """Add any item to the conversation, without asking for an answer.

        Args:
            item: the item.
            previous_item_id: the item before it, or ``"root"`` for the first place; default: the
                end.

        Raises:
            ConfigError: a field of the item is wrong.
            ConnectionClosed: the session is over.
        """
        event = ItemCreate(
            item=item, previous_item_id=previous_item_id, event_id=self._link.new_id()
        )
        self._link.post(event)

    def send_audio(self, pcm: bytes | bytearray | memoryview) -> None:
        """Send a slice of the user's speech.

        Blocks only while the network does.

        Args:
            pcm: samples in the session's input format (default: 16-bit little-endian mono at
                24000 hertz), whole ones.

        Raises:
            ConfigError: it is empty, or ends within a sample.
            ConnectionClosed: the session is over.
        """
        self._link.send_audio(samples(pcm, self._link.session.input_format))

    def commit_audio(self) -> None:
        """Declare the user's turn complete (push-to-talk); asks for no answer.

        Raises:
            ConnectionClosed: the session is over.
        """
        self._link.post(InputAudioCommit(event_id=self._link.new_id()))

    def clear_audio(self) -> None:
        """Drop the speech that was sent and not yet committed.

        Raises:
            ConnectionClosed: the session is over.
        """
        self._link.post(InputAudioClear(event_id=self._link.new_id()))

    @property
    def conversation(self) -> Conversation:
        """The conversation as it is now: a copy, to iterate, print, or ask for items by id."""
        with self._link.lock:
            return self._link.session.conversation.copy()

    def retrieve_item(self, item_id: str) -> Item:
        """Fetch an item from the server, audio included where it gives it.

        Raises:
            ServerError: there is no such item.
            WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        event = self._link.exchange(
            ItemRetrieve(item_id=item_id),
            lambda e: isinstance(e, ItemRetrieved) and e.item is not None and e.item.id == item_id,
            ("item",),
            self.timeout,
        )
        assert isinstance(event, ItemRetrieved) and event.item is not None
        return event.item

    def delete_item(self, item_id: str) -> None:
        """Remove an item from the conversation.

        Raises:
            ServerError, WaitTimeout, ConnectionClosed: as :meth:`retrieve_item`.
        """
        self._link.exchange(
            ItemDelete(item_id=item_id),
            lambda e: isinstance(e, ItemDeleted) and e.item_id == item_id,
            ("item",),
            self.timeout,
        )

    def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> None:
        """Cut an answer to what was heard of it, so that the model knows.

        Args:
            item_id: the answer's item.
            audio_end_ms: milliseconds of it that were heard; not more than the server sent.
            content_index: the part; 0 for all known servers.

        Raises:
            ServerError: no such item, or it is shorter than that.
            WaitTimeout, ConnectionClosed: as :meth:`retrieve_item`.
        """
        self._link.exchange(
            ItemTruncate(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index),
            lambda e: isinstance(e, ItemTruncated) and e.item_id == item_id,
            ("item", "audio_end_ms"),
            self.timeout,
        )
