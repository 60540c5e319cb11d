"""What the server says of an answer: the response object, its usage, errors, limits
(protocol: response object; errors).

Read-only for a client. ``None`` means "not there".
"""

from __future__ import annotations

from typing import Any

from attrs import field

from inworld_rt.codec import Shape, shape, wire
from inworld_rt.items import Item
from inworld_rt.pcm import AudioFormat

__all__ = [
    "CachedTokens",
    "ErrorDetails",
    "InputTokens",
    "Logprob",
    "OutputTokens",
    "RateLimit",
    "ResponseAudio",
    "ResponseAudioOutput",
    "ResponseError",
    "ResponseState",
    "StatusDetails",
    "TranscriptionUsage",
    "Usage",
]


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
    code: str | None = None
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
    cached_tokens_details: CachedTokens | None = None


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
    output_token_details: OutputTokens | None = None


@shape
class TranscriptionUsage(Shape):
    """What a transcription cost: tokens, or a duration."""

    type: str = ""
    """``tokens`` or ``duration``."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_token_details: InputTokens | None = None
    seconds: float | None = None
    """For ``duration``."""


@shape
class Logprob(Shape):
    """How sure the recogniser is of one token."""

    token: str = ""
    bytes: list[int] | None = None
    """The token in UTF-8."""
    logprob: float = 0.0
    """Natural logarithm of the probability."""


@shape
class ResponseAudioOutput(Shape):
    """How a response sounds."""

    format: AudioFormat | None = None
    voice: str | None = None


@shape
class ResponseAudio(Shape):
    """The ``audio`` member of a response."""

    output: ResponseAudioOutput | None = None


@shape
class ResponseState(Shape):
    """The server's ``response`` object."""

    id: str | None = None
    object: str | None = None
    """``realtime.response``."""
    status: str | None = None
    """``in_progress``, ``completed``, ``cancelled``, ``failed`` or ``incomplete``."""
    status_details: StatusDetails | None = field(default=None, metadata=wire(nullable=True))
    output: list[Item] = field(factory=list)
    """What was made; empty on ``response.created``."""
    conversation_id: str | None = None
    """``None`` for an answer outside the conversation."""
    output_modalities: list[str] | None = None
    max_output_tokens: int | str | None = None
    """A number, or ``inf``."""
    audio: ResponseAudio | None = None
    metadata: dict[str, Any] | None = field(default=None, metadata=wire(nullable=True))
    """As given in the request."""
    usage: Usage | None = field(default=None, metadata=wire(nullable=True))


@shape
class RateLimit(Shape):
    """One entry of ``rate_limits.updated`` (GA schema)."""

    name: str = ""
    """``requests`` or ``tokens``."""
    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None
    """Seconds until it is full again."""
