"""What a client sends (protocol: client events). Each takes an optional ``event_id``."""

from __future__ import annotations

from typing import Annotated

from inworld_rt.codec import UNSET, Between, Setting, shape
from inworld_rt.config import ReplyConfig, SessionConfig
from inworld_rt.items import Item
from inworld_rt.wire import Event, client

__all__ = [
    "InputAudioAppend",
    "InputAudioClear",
    "InputAudioCommit",
    "ItemCreate",
    "ItemDelete",
    "ItemRetrieve",
    "ItemTruncate",
    "OutputAudioClear",
    "ResponseCancel",
    "ResponseCreate",
    "SessionUpdate",
]


@client("session.update")
@shape
class SessionUpdate(Event):
    """Change settings; answered by ``session.updated``, or ``error``."""

    session: SessionConfig
    """What changes; the rest stays."""


@client("input_audio_buffer.append")
@shape
class InputAudioAppend(Event):
    """A slice of the user's speech; not answered. At most 15 MiB."""

    keeps_raw = False
    audio: bytes
    """Samples in the session's input format."""


@client("input_audio_buffer.commit")
@shape
class InputAudioCommit(Event):
    """The user's turn is complete; only without turn detection. Makes an item, no answer."""


@client("input_audio_buffer.clear")
@shape
class InputAudioClear(Event):
    """Drop the speech that is not committed yet."""


@client("conversation.item.create")
@shape
class ItemCreate(Event):
    """Add an item; answered by ``conversation.item.added`` and ``conversation.item.done``."""

    item: Item
    """A message, or the output of a tool."""
    previous_item_id: str | None = None
    """Where: left out at the end, ``root`` at the start, else behind that item."""


@client("conversation.item.truncate")
@shape
class ItemTruncate(Event):
    """Cut an answer where the user stopped hearing it."""

    item_id: str
    """A message of the assistant that has sound."""
    audio_end_ms: Annotated[int, Between(0)]
    """Milliseconds of it that were heard; not more than the server sent."""
    content_index: int = 0
    """Which part; the service knows only 0."""


@client("conversation.item.delete")
@shape
class ItemDelete(Event):
    """Remove an item."""

    item_id: str


@client("conversation.item.retrieve")
@shape
class ItemRetrieve(Event):
    """Ask for an item with its audio; answered by ``conversation.item.retrieved``."""

    item_id: str


@client("response.create")
@shape
class ResponseCreate(Event):
    """Ask for an answer; the server allows one at a time."""

    response: Setting[ReplyConfig] = UNSET
    """Settings for this answer only."""


@client("response.cancel")
@shape
class ResponseCancel(Event):
    """Stop an answer; answered by ``response.done`` with status ``cancelled``."""

    response_id: str | None = None
    """Which one; naming it cannot hit the next."""


@client("output_audio_buffer.clear")
@shape
class OutputAudioClear(Event):
    """Drop what the server still holds for output, back-channel included."""
