"""What the server says of an answer: the response object, its usage, errors, limits, timing
(protocol: response object; errors; assistant audio).

Read-only for a client. ``None`` means "not there".
"""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
from attrs import field

from inworld_rt.codec import Shape, replace, shape, wire
from inworld_rt.items import Item
from inworld_rt.pcm import AudioFormat

__all__ = [
    "CachedTokens",
    "CharacterAlignment",
    "ErrorDetails",
    "InputTokens",
    "Logprob",
    "OutputTokens",
    "Phone",
    "PhoneticDetails",
    "RateLimit",
    "ResponseAudio",
    "ResponseAudioOutput",
    "ResponseError",
    "ResponseState",
    "StatusDetails",
    "TimestampInfo",
    "TranscriptionUsage",
    "Usage",
    "WordAlignment",
    "total",
]

S = TypeVar("S", bound=Shape)


@shape
class ErrorDetails(Shape):
    """The ``error`` member of an ``error`` event and of a failed transcription."""

    type: str = ""
    """``invalid_request_error``, ``server_error``, …; an open set."""
    message: str = ""
    """The server's words."""
    code: str | None = field(default=None, metadata=wire(nullable=True))
    """A finer word, for example ``invalid_value``."""
    param: str | None = field(default=None, metadata=wire(nullable=True))
    """The path of the field that is complained about."""
    event_id: str | None = field(default=None, metadata=wire(nullable=True))
    """The client event that failed."""


@shape
class ResponseError(Shape):
    """Why a response failed."""

    type: str | None = None
    """As in :class:`ErrorDetails`."""
    code: str | None = None
    """As in :class:`ErrorDetails`."""
    message: str | None = None
    """Not in the GA schema; read where it comes."""


@shape
class StatusDetails(Shape):
    """Why a response ended as it did."""

    type: str | None = None
    """Repeats the status."""
    reason: str | None = None
    """``turn_detected``, ``client_cancelled``, ``max_output_tokens``, ``content_filter``,
    ``server_error``, …"""
    error: ResponseError | None = None
    """Only with the status ``failed``."""


@shape
class CachedTokens(Shape):
    """Input tokens that came from a cache, by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


@shape
class InputTokens(Shape):
    """Input tokens by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    """How many of them came from a cache."""
    cached_tokens_details: CachedTokens | None = None
    """The same by kind."""


@shape
class OutputTokens(Shape):
    """Output tokens by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None


@shape
class Usage(Shape):
    """What a response cost, in tokens."""

    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: InputTokens | None = None
    """By kind."""
    output_token_details: OutputTokens | None = None
    """By kind."""


def total(one: S | None, other: S | None) -> S | None:
    """The sum of two costs, field by field; what only one of them tells is taken as it is."""
    if one is None or other is None:
        return other if one is None else one
    changes: dict[str, Any] = {}
    for part in attrs.fields(type(one)):  # type: ignore[arg-type]
        ours, theirs = getattr(one, part.name), getattr(other, part.name)
        both = isinstance(ours, int) and isinstance(theirs, int)
        changes[part.name] = ours + theirs if both else total(ours, theirs)
    return replace(one, **changes)


@shape
class TranscriptionUsage(Shape):
    """What a transcription cost: tokens, or a duration."""

    type: str = ""
    """``tokens`` or ``duration``."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_token_details: InputTokens | None = None
    """By kind."""
    seconds: float | None = None
    """For ``duration``: how much speech."""


@shape
class Logprob(Shape):
    """How sure the recogniser is of one token."""

    token: str = ""
    """The token as text."""
    bytes: list[int] | None = None
    """The token in UTF-8."""
    logprob: float = 0.0
    """Natural logarithm of the probability."""


@shape
class ResponseAudioOutput(Shape):
    """How a response sounds."""

    format: AudioFormat | None = None
    """``None`` also where it cannot be understood."""
    voice: str | None = None
    """A name from the catalogue or a cloned voice's id."""


@shape
class ResponseAudio(Shape):
    """The ``audio`` member of a response."""

    output: ResponseAudioOutput | None = None
    """From the server to the user."""


@shape
class ResponseState(Shape):
    """The server's ``response`` object."""

    id: str | None = None
    object: str | None = None
    """``realtime.response``."""
    status: str | None = None
    """``in_progress``, ``completed``, ``cancelled``, ``failed`` or ``incomplete``."""
    status_details: StatusDetails | None = field(default=None, metadata=wire(nullable=True))
    """Why it has this status."""
    output: list[Item] = field(factory=list)
    """What was made; empty on ``response.created``."""
    conversation_id: str | None = field(default=None, metadata=wire(nullable=True))
    """``None`` for an answer outside the conversation."""
    output_modalities: list[str] | None = None
    """``audio``, ``text`` or both, as asked for."""
    max_output_tokens: int | str | None = None
    """A number, or ``inf``."""
    audio: ResponseAudio | None = None
    """How it sounds."""
    metadata: dict[str, Any] | None = field(default=None, metadata=wire(nullable=True))
    """As given in the request."""
    usage: Usage | None = field(default=None, metadata=wire(nullable=True))
    """What it cost; may stand beside the response in its ``response.done`` instead."""


@shape
class RateLimit(Shape):
    """One entry of ``rate_limits.updated`` (GA schema)."""

    name: str = ""
    """``requests`` or ``tokens``."""
    limit: int | None = None
    """How many are allowed."""
    remaining: int | None = None
    """How many are left."""
    reset_seconds: float | None = None
    """Seconds until it is full again."""


@shape
class Phone(Shape):
    """One sound of a word."""

    phone_symbol: str = field(default="", metadata=wire("phone_symbol", "phoneSymbol"))
    """In the phonetic alphabet."""
    viseme_symbol: str = field(default="", metadata=wire("viseme_symbol", "visemeSymbol"))
    """The shape of the mouth."""
    start_time_seconds: float | None = field(
        default=None, metadata=wire("start_time_seconds", "startTimeSeconds")
    )
    duration_seconds: float | None = field(
        default=None, metadata=wire("duration_seconds", "durationSeconds")
    )


@shape
class PhoneticDetails(Shape):
    """The sounds of one word."""

    word_index: int | None = field(default=None, metadata=wire("word_index", "wordIndex"))
    """Its place in :attr:`WordAlignment.words`."""
    is_partial: bool | None = field(default=None, metadata=wire("is_partial", "isPartial"))
    """Whether more of the word may follow."""
    phones: list[Phone] = field(factory=list)
    """In order."""


@shape
class WordAlignment(Shape):
    """When each word is spoken; the lists run in parallel."""

    words: list[str] = field(factory=list)
    """The words."""
    word_start_time_seconds: list[float] = field(
        factory=list, metadata=wire("word_start_time_seconds", "wordStartTimeSeconds")
    )
    word_end_time_seconds: list[float] = field(
        factory=list, metadata=wire("word_end_time_seconds", "wordEndTimeSeconds")
    )
    phonetic_details: list[PhoneticDetails] | None = field(
        default=None, metadata=wire("phonetic_details", "phoneticDetails")
    )
    """For moving lips."""


@shape
class CharacterAlignment(Shape):
    """When each character is spoken; the lists run in parallel."""

    characters: list[str] = field(factory=list)
    """The characters."""
    character_start_time_seconds: list[float] = field(
        factory=list, metadata=wire("character_start_time_seconds", "characterStartTimeSeconds")
    )
    character_end_time_seconds: list[float] = field(
        factory=list, metadata=wire("character_end_time_seconds", "characterEndTimeSeconds")
    )


@shape
class TimestampInfo(Shape):
    """Timing of what is spoken (with the setting ``timestamp_type``).

    The times begin at 0 again for every synthesised segment: add the length of the earlier ones.
    """

    word_alignment: WordAlignment | None = field(
        default=None, metadata=wire("word_alignment", "wordAlignment")
    )
    """For ``WORD``."""
    character_alignment: CharacterAlignment | None = field(
        default=None, metadata=wire("character_alignment", "characterAlignment")
    )
    """For ``CHARACTER``."""
