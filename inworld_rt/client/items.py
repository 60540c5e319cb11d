"""The parts of a conversation: items, and the user's speech slice by slice."""

from __future__ import annotations

import os
import uuid
from functools import partial
from typing import Literal

from inworld_rt.arguments import message, picture
from inworld_rt.client.base import Base
from inworld_rt.codec import replace
from inworld_rt.conversation import Conversation
from inworld_rt.errors import ConfigError
from inworld_rt.events import (
    Event,
    InputAudioClear,
    InputAudioCommit,
    ItemAdded,
    ItemCreate,
    ItemDelete,
    ItemDeleted,
    ItemDone,
    ItemRetrieve,
    ItemRetrieved,
    ItemTruncate,
    ItemTruncated,
)
from inworld_rt.items import Item, Message
from inworld_rt.profile import VoiceProfile
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
        event = self._creating(item, previous_item_id)
        self._link.post(replace(event, event_id=self._link.new_id()))

    def add_items(
        self, *items: Item | tuple[str, str], previous_item_id: str | None = None
    ) -> list[str]:
        """Add items to the conversation, one behind the other, and wait until the server has them.

        ::

            client.add_items(
                ("user", "My name is Anna."),
                ("assistant", "Hello, Anna!"),
                FunctionCall(call_id="c1", name="weather", arguments='{"city": "Oslo"}'),
                FunctionCallOutput(call_id="c1", output="sunny"),
            )

        Args:
            items: items of :mod:`inworld_rt.items`; or who says it (``user``, ``system`` or
                ``assistant``) and the text. An ``InputAudio`` part holds samples in the session's
                input format, or the bytes of an Opus file, which the service may refuse.
            previous_item_id: the item before the first, or ``"root"`` for the first place; default:
                the end.

        Returns:
            Their ids, to retrieve, delete or find them later.

        Raises:
            ConfigError: an item is wrong; nothing was sent.
            ServerError: the server refused one, or there is no such ``previous_item_id``.
            WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        requests, ids = [], []
        for thing in items:
            item = message(thing[1], thing[0]) if isinstance(thing, tuple) else thing
            event = self._creating(item, previous_item_id)
            item_id = event.item.id or ""
            requests.append((event, partial(_is_about, item_id)))
            ids.append(item_id)
            if previous_item_id is not None:
                previous_item_id = item_id
        self._link.exchanges(requests, ("item",), self.timeout)
        return ids

    def _creating(self, item: Item, previous_item_id: str | None) -> ItemCreate:
        if not item.id:
            item = replace(item, id=f"item_{uuid.uuid4().hex[:24]}")
        if previous_item_id is not None:
            with self._link.lock:
                self._link.session.place(item.id or "", previous_item_id)
        return ItemCreate(item=item, previous_item_id=previous_item_id)

    def send_image(
        self,
        image: str | os.PathLike[str] | bytes,
        text: str | None = None,
        *,
        detail: Literal["auto", "low", "high"] | None = None,
    ) -> str:
        """Show the model a picture, without asking for an answer; waits until the server has it.

        Pictures are in the GA schema only: Inworld may refuse them, or its model may not see them.

        Args:
            image: a PNG or JPEG file, or its bytes.
            text: what the user says to it.
            detail: how closely to look.

        Returns:
            The item's id.

        Raises:
            OSError: the file cannot be read.
            ConfigError: it is neither PNG nor JPEG.
            ServerError: the server does not take it.
            WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        said = message(text, "user") if text is not None else Message(role="user")
        shown = replace(said, content=[*said.content, picture(image, detail)])
        return self.add_items(shown)[0]

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

    @property
    def voice_profile(self) -> VoiceProfile | None:
        """What the recogniser makes of the user's voice: age, emotion and more, by the latest
        transcript that told. ``None`` before that; the session must ask for it with
        ``stt={"voice_profile": True}`` in ``provider_data``.
        """
        return self._link.session.voice_profile

    def retrieve_item(self, item_id: str | Item) -> Item:
        """Fetch an item from the server, audio included where it gives it.

        Args:
            item_id: its id; or an item that has one, such as those of a response.

        Raises:
            ConfigError: the item has no id.
            ServerError: there is no such item.
            WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        item_id = _id_of(item_id)
        event = self._link.exchange(
            ItemRetrieve(item_id=item_id),
            lambda e: isinstance(e, ItemRetrieved) and e.item is not None and e.item.id == item_id,
            ("item",),
            self.timeout,
        )
        assert isinstance(event, ItemRetrieved) and event.item is not None
        return event.item

    def delete_item(self, item_id: str | Item) -> None:
        """Remove an item from the conversation.

        Args:
            item_id: its id, or the item.

        Raises:
            ConfigError: the item has no id.
            ServerError, WaitTimeout, ConnectionClosed: as :meth:`retrieve_item`.
        """
        item_id = _id_of(item_id)
        self._link.exchange(
            ItemDelete(item_id=item_id),
            lambda e: isinstance(e, ItemDeleted) and e.item_id == item_id,
            ("item",),
            self.timeout,
        )

    def truncate_item(self, item_id: str | Item, audio_end_ms: int, content_index: int = 0) -> None:
        """Cut an answer to what was heard of it, so that the model knows.

        Args:
            item_id: the answer's item, or its id.
            audio_end_ms: milliseconds of it that were heard; not more than the server sent.
            content_index: the part; 0 for all known servers.

        Raises:
            ServerError: no such item, or it is shorter than that.
            WaitTimeout, ConnectionClosed: as :meth:`retrieve_item`.
        """
        item_id = _id_of(item_id)
        self._link.exchange(
            ItemTruncate(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index),
            lambda e: isinstance(e, ItemTruncated) and e.item_id == item_id,
            ("item", "audio_end_ms"),
            self.timeout,
        )


def _is_about(item_id: str | None, event: Event) -> bool:
    """Whether an event tells that the server has an item."""
    return (
        isinstance(event, ItemAdded | ItemDone)
        and event.item is not None
        and event.item.id == item_id
    )


def _id_of(item: str | Item) -> str:
    found = item if isinstance(item, str) else item.id
    if not found:
        raise ConfigError("item_id: expected an item's id, or an item that has one")
    return found
