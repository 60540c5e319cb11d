"""What a server sends (protocol: server events).

Everything may be missing: a text is then empty, all else ``None``. Times in milliseconds count from
the first audio byte that the session received.
"""

from __future__ import annotations

from typing import Any

from attrs import field

from inworld_rt.codec import Shape, shape, wire
from inworld_rt.config import SessionConfig
from inworld_rt.items import ContentPart, Item
from inworld_rt.outcome import (
    ErrorDetails,
    Logprob,
    RateLimit,
    ResponseState,
    TimestampInfo,
    TranscriptionUsage,
    Usage,
)
from inworld_rt.wire import Event, server

__all__ = [
    "AudioDelta",
    "AudioDone",
    "BackchannelDelta",
    "BackchannelDone",
    "BackchannelSkipped",
    "CallArgumentsDelta",
    "CallArgumentsDone",
    "ContentPartAdded",
    "ContentPartDone",
    "ConversationCreated",
    "ConversationInfo",
    "DtmfReceived",
    "ErrorEvent",
    "InputAudioCleared",
    "InputAudioCommitted",
    "InputTimeout",
    "ItemAdded",
    "ItemDeleted",
    "ItemDone",
    "ItemRetrieved",
    "ItemTruncated",
    "McpArgumentsDelta",
    "McpArgumentsDone",
    "McpCallCompleted",
    "McpCallFailed",
    "McpCallInProgress",
    "McpListCompleted",
    "McpListFailed",
    "McpListInProgress",
    "OutputAudioCleared",
    "OutputAudioStarted",
    "OutputAudioStopped",
    "OutputItemAdded",
    "OutputItemDone",
    "Ping",
    "RateLimitsUpdated",
    "ResponseCancelled",
    "ResponseCreated",
    "ResponseDone",
    "SessionCreated",
    "SessionUpdated",
    "SpeechStarted",
    "SpeechStopped",
    "TextDelta",
    "TextDone",
    "TranscriptDelta",
    "TranscriptDone",
    "TurnSuggestion",
    "TurnSuggestionRevoked",
    "UserTranscript",
    "UserTranscriptDelta",
    "UserTranscriptFailed",
    "UserTranscriptSegment",
    "UserTranscriptUpdated",
]


# --- session and conversation ----------------------------------------------------------------


@server("session.created")
@shape
class SessionCreated(Event):
    """The first event: the default settings."""

    session: SessionConfig | None = None


@server("session.updated")
@shape
class SessionUpdated(Event):
    """All settings in force; after an accepted update, and unasked after a memory cycle."""

    session: SessionConfig | None = None


@shape
class ConversationInfo(Shape):
    """The conversation's own object."""

    id: str | None = None
    object: str | None = None


@server("conversation.created")
@shape
class ConversationCreated(Event):
    """May follow ``session.created``; may never come."""

    conversation: ConversationInfo | None = None


@server("conversation.item.added", "conversation.item.created")
@shape
class ItemAdded(Event):
    """An item was made, by the client, a commit or the model; its content may still be empty."""

    item: Item | None = None
    previous_item_id: str | None = field(default=None, metadata=wire(nullable=True))
    """The item before it; ``None`` means at the end."""


@server("conversation.item.done")
@shape
class ItemDone(Event):
    """An item is final; comes for every item."""

    item: Item | None = None
    previous_item_id: str | None = field(default=None, metadata=wire(nullable=True))


@server("conversation.item.retrieved")
@shape
class ItemRetrieved(Event):
    """The item asked for, with its audio."""

    keeps_raw = False
    item: Item | None = None


@server("conversation.item.deleted")
@shape
class ItemDeleted(Event):
    """An item is gone."""

    item_id: str = ""


@server("conversation.item.truncated")
@shape
class ItemTruncated(Event):
    """An answer was cut."""

    item_id: str = ""
    content_index: int | None = None
    audio_end_ms: int | None = None
    """Milliseconds that remain."""


# --- input audio buffer and turn detection -----------------------------------------------------


@server("input_audio_buffer.speech_started")
@shape
class SpeechStarted(Event):
    """The user began to speak."""

    item_id: str = ""
    """The item that the speech will become."""
    audio_start_ms: int | None = None
    """Includes the padding before the speech."""


@server("input_audio_buffer.speech_stopped")
@shape
class SpeechStopped(Event):
    """The user finished."""

    item_id: str = ""
    audio_end_ms: int | None = None


@server("input_audio_buffer.committed")
@shape
class InputAudioCommitted(Event):
    """The speech became an item."""

    item_id: str = ""
    previous_item_id: str | None = field(default=None, metadata=wire(nullable=True))


@server("input_audio_buffer.cleared")
@shape
class InputAudioCleared(Event):
    """The buffer is empty."""


@server("input_audio_buffer.timeout_triggered")
@shape
class InputTimeout(Event):
    """Nobody spoke for ``idle_timeout_ms``; the agent will."""

    item_id: str = ""
    """The item that the silence becomes."""
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None


@server("input_audio_buffer.turn_suggestion")
@shape
class TurnSuggestion(Event):
    """The turn model thinks that the user has finished (Inworld only)."""

    item_id: str = ""
    utterance_index: int | None = None
    """Counts the utterances."""
    probability: float | None = None
    """0 to 1."""
    trailing_silence_ms: int | None = None
    """Silence since the last word."""
    audio_duration_ms: int | None = None
    """Length of the utterance."""
    inference_ms: float | None = None
    """How long the turn model took."""


@server("input_audio_buffer.turn_suggestion_revoked")
@shape
class TurnSuggestionRevoked(Event):
    """The user went on speaking (Inworld only)."""

    item_id: str = ""
    utterance_index: int | None = None


@server("input_audio_buffer.dtmf_event_received")
@shape
class DtmfReceived(Event):
    """A telephone key was pressed (SIP only)."""

    event: str = ""
    """The key."""
    received_at: float | None = None
    """Unix seconds."""


# --- the user's words --------------------------------------------------------------------------

_USER = "conversation.item.input_audio_transcription"


@server(
    f"{_USER}.delta", "input_audio_transcription.delta", "input_audio_buffer.transcription.delta"
)
@shape
class UserTranscriptDelta(Event):
    """Words as they are recognised: an increment, or the whole text so far, by recogniser."""

    item_id: str = ""
    delta: str = ""
    content_index: int | None = None
    logprobs: list[Logprob] | None = None


@server(f"{_USER}.updated")
@shape
class UserTranscriptUpdated(Event):
    """A better reading that replaces the text so far."""

    item_id: str = ""
    transcript: str = ""


@server(f"{_USER}.completed")
@shape
class UserTranscript(Event):
    """The reading; may come again, revised, for the same item."""

    item_id: str = ""
    transcript: str = ""
    content_index: int | None = None
    usage: TranscriptionUsage | None = None
    """What it cost; Inworld does not tell."""
    logprobs: list[Logprob] | None = None
    """How sure the recogniser is, token by token."""
    languages: list[Any] | None = None
    """The languages that were heard."""
    provider_data: dict[str, Any] | None = field(default=None, metadata=wire("providerData"))
    """Holds ``voiceProfile`` where that was asked for: ``age``, ``gender``, ``emotion``,
    ``vocal_style`` and ``accent``, each a list of ``label`` and ``confidence``, likeliest first."""
    voice_profile: dict[str, Any] | None = field(
        default=None, metadata=wire("voiceProfile", "voice_profile")
    )
    """The same, where a server puts it at the top."""


@server(f"{_USER}.failed")
@shape
class UserTranscriptFailed(Event):
    """The speech could not be read; the session goes on."""

    item_id: str = ""
    content_index: int | None = None
    error: ErrorDetails | None = None


@server(f"{_USER}.segment")
@shape
class UserTranscriptSegment(Event):
    """A piece of speech with its speaker."""

    item_id: str = ""
    content_index: int | None = None
    id: str = ""
    speaker: str = ""
    """Who is speaking, by a label."""
    start: float | None = None
    """Seconds."""
    end: float | None = None
    """Seconds."""
    text: str = ""
    """What is said in it."""


# --- an answer's life --------------------------------------------------------------------------


@server("response.created")
@shape
class ResponseCreated(Event):
    """An answer begins."""

    response: ResponseState | None = None


@server("response.done")
@shape
class ResponseDone(Event):
    """An answer ended, one way or another; always the last of it."""

    response: ResponseState | None = None
    usage: Usage | None = None
    """Where a server puts it beside ``response`` instead of into it."""


@server("response.cancelled")
@shape
class ResponseCancelled(Event):
    """A hint that some servers give before ``response.done``."""

    response_id: str | None = None


@server("response.output_item.added")
@shape
class OutputItemAdded(Event):
    """The answer gained an item."""

    response_id: str | None = None
    output_index: int | None = None
    item: Item | None = None


@server("response.output_item.done")
@shape
class OutputItemDone(Event):
    """An item of the answer is final."""

    response_id: str | None = None
    output_index: int | None = None
    item: Item | None = None


@shape
class _InAnswer(Event):
    """Where in an answer something belongs."""

    response_id: str | None = None
    item_id: str | None = None
    output_index: int | None = None
    content_index: int | None = None


@server("response.content_part.added")
@shape
class ContentPartAdded(_InAnswer):
    """An item of the answer gained a part."""

    part: ContentPart | None = None


@server("response.content_part.done")
@shape
class ContentPartDone(_InAnswer):
    """A part is final; its text replaces what was collected."""

    part: ContentPart | None = None


@server("rate_limits.updated")
@shape
class RateLimitsUpdated(Event):
    """What is left of the account's limits (GA schema)."""

    rate_limits: list[RateLimit] | None = None


# --- an answer's words and sound ---------------------------------------------------------------


@server("response.output_text.delta", "response.text.delta")
@shape
class TextDelta(_InAnswer):
    """A piece of text; with sound, the same words come as :class:`TranscriptDelta` too."""

    delta: str = ""


@server("response.output_text.done", "response.text.done")
@shape
class TextDone(_InAnswer):
    """The whole text; replaces the pieces."""

    text: str = ""


@server("response.output_audio_transcript.delta", "response.audio_transcript.delta")
@shape
class TranscriptDelta(_InAnswer):
    """A piece of what is being said."""

    delta: str = ""


@server("response.output_audio_transcript.done", "response.audio_transcript.done")
@shape
class TranscriptDone(_InAnswer):
    """All that is said; replaces the pieces."""

    transcript: str = ""


@server("response.output_audio.delta", "response.audio.delta")
@shape
class AudioDelta(_InAnswer):
    """A slice of speech, of any size, possibly empty or cut within a sample."""

    keeps_raw = False
    audio: bytes = field(default=b"", metadata=wire("delta", "data"))
    """Samples in the session's output format."""
    timestamp_info: TimestampInfo | None = field(
        default=None, metadata=wire("timestamp_info", "timestampInfo")
    )
    """Timing of the words, where it was asked for; may come later than their sound."""


@server("response.output_audio.done", "response.audio.done")
@shape
class AudioDone(_InAnswer):
    """The speech of a part is complete."""


# --- function calls ----------------------------------------------------------------------------


@server("response.function_call_arguments.delta", "response.function_calls_arguments.delta")
@shape
class CallArgumentsDelta(_InAnswer):
    """A piece of a call's arguments."""

    call_id: str | None = None
    delta: str = ""


@server("response.function_call_arguments.done", "response.function_calls_arguments.done")
@shape
class CallArgumentsDone(_InAnswer):
    """A call's arguments, whole; run it only once its answer is completed."""

    call_id: str | None = None
    name: str | None = None
    """May be missing: the item of the call has it."""
    arguments: str = ""
    """A JSON object as text, or empty."""


# --- MCP (GA schema) -----------------------------------------------------------------------------


@server("mcp_list_tools.in_progress")
@shape
class McpListInProgress(Event):
    """The server is asking an MCP server for its tools."""

    item_id: str = ""


@server("mcp_list_tools.completed")
@shape
class McpListCompleted(Event):
    """The tools are known."""

    item_id: str = ""


@server("mcp_list_tools.failed")
@shape
class McpListFailed(Event):
    """The MCP server did not tell its tools."""

    item_id: str = ""


@server("response.mcp_call_arguments.delta")
@shape
class McpArgumentsDelta(_InAnswer):
    """A piece of an MCP call's arguments."""

    delta: str = ""
    obfuscation: str | None = None
    """Padding that hides the length."""


@server("response.mcp_call_arguments.done")
@shape
class McpArgumentsDone(_InAnswer):
    """An MCP call's arguments, whole."""

    arguments: str = ""
    """A JSON object as text."""


@server("response.mcp_call.in_progress")
@shape
class McpCallInProgress(_InAnswer):
    """The server runs an MCP tool."""


@server("response.mcp_call.completed")
@shape
class McpCallCompleted(_InAnswer):
    """The MCP tool has answered."""


@server("response.mcp_call.failed")
@shape
class McpCallFailed(_InAnswer):
    """The MCP tool failed."""


# --- Inworld's back-channel ----------------------------------------------------------------------


@server("response.backchannel.audio.delta")
@shape
class BackchannelDelta(Event):
    """A slice of an interjection while the user speaks; belongs to no answer."""

    keeps_raw = False
    backchannel_id: str | None = None
    audio: bytes = field(default=b"", metadata=wire("delta"))
    """Samples in the session's output format."""


@server("response.backchannel.audio.done")
@shape
class BackchannelDone(Event):
    """The interjection is complete."""

    backchannel_id: str | None = None
    phrase: str | None = None
    """What was said."""


@server("response.backchannel.skipped")
@shape
class BackchannelSkipped(Event):
    """No interjection this time."""

    reason: str = ""
    """``deadline_missed``, ``min_gap_not_elapsed``, ``no_phrase``, …"""
    backchannel_id: str | None = None


# --- output buffer, ping, errors -----------------------------------------------------------------


@server("output_audio_buffer.started")
@shape
class OutputAudioStarted(Event):
    """The server began to emit sound."""

    response_id: str | None = None


@server("output_audio_buffer.stopped")
@shape
class OutputAudioStopped(Event):
    """The server's output buffer is drained."""

    response_id: str | None = None


@server("output_audio_buffer.cleared")
@shape
class OutputAudioCleared(Event):
    """The server's output buffer was dropped."""

    response_id: str | None = None


@server("ping")
@shape
class Ping(Event):
    """Keep-alive; needs no reply."""

    timestamp: float | None = None
    """Milliseconds."""


@server("error")
@shape
class ErrorEvent(Event):
    """Something went wrong; mostly the session goes on (protocol: errors)."""

    error: ErrorDetails | None = None
    """What; of the odd shapes too."""

    @classmethod
    def upgrade(cls, data: Any) -> Any:
        """Read the shapes seen besides the documented one: plain text, message at the top."""
        error = data.get("error")
        if isinstance(error, str):
            error = {"message": error}
        elif not isinstance(error, dict):
            error = {}
        if not error.get("message"):
            error = {**error, **{k: data[k] for k in ("message", "code", "param") if k in data}}
        return {**data, "error": error} if error else data
