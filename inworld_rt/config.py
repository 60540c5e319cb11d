"""Session settings (protocol: session object).

A field left :data:`~inworld_rt.codec.UNSET` is not sent and keeps its value; ``None`` is sent as
``null``, which switches the thing off. Settings are checked when they are sent, before any I/O.

The common ones need no nesting: ``SessionConfig.of(voice="Clive", turn_detection=None)``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from attrs import field

from inworld_rt.codec import (
    UNSET,
    Between,
    Kinds,
    Setting,
    Shape,
    kind,
    merge,
    read,
    shape,
    wire,
    write,
)
from inworld_rt.errors import ConfigError
from inworld_rt.items import Item
from inworld_rt.pcm import AudioFormat
from inworld_rt.provider import ProviderData

__all__ = [
    "UNSET",
    "AllowedTools",
    "AudioConfig",
    "AudioInput",
    "AudioOutput",
    "FunctionTool",
    "McpTool",
    "NoiseReduction",
    "Prompt",
    "ProviderData",
    "Reasoning",
    "ReplyAudio",
    "ReplyAudioOutput",
    "ReplyConfig",
    "RequireApproval",
    "SessionConfig",
    "TokenLimits",
    "Tool",
    "ToolChoice",
    "Tracing",
    "Transcription",
    "Truncation",
    "TurnDetection",
    "WebSearchOptions",
    "WebSearchTool",
]

Modality = Literal["audio", "text"]
MaxTokens = Annotated[int, Between(1, 4096)] | Literal["inf"]
Temperature = Annotated[float, Between(0, 2)]
Milliseconds = Annotated[int, Between(0, 2**31 - 1)]


# --- tools ---------------------------------------------------------------------------------------


@shape
class Tool(Shape):
    """Something the model may use (protocol: tools and tool choice)."""

    kinds: ClassVar[Kinds] = {}

    type: str = ""


@kind("function")
@shape
class FunctionTool(Tool):
    """A function that the client runs."""

    type: Literal["function"] = "function"
    name: str
    description: Setting[str] = UNSET
    """Tells the model when to use it."""
    parameters: Setting[dict[str, Any]] = UNSET
    """JSON Schema of an object."""


@shape
class WebSearchOptions(Shape):
    """How the server searches."""

    engine: Setting[Literal["exa", "google", "native"]] = UNSET
    """Default ``exa``."""
    max_results: Setting[Annotated[int, Between(1, 20)]] = UNSET
    """Default 3."""
    max_steps: Setting[Annotated[int, Between(1, 100)]] = UNSET


@kind("web_search")
@shape
class WebSearchTool(Tool):
    """Search by the server."""

    type: Literal["web_search"] = "web_search"
    provider_data: Setting[WebSearchOptions] = field(default=UNSET, metadata=wire("providerData"))


@shape
class AllowedTools(Shape):
    """A choice among an MCP server's tools (GA schema)."""

    tool_names: Setting[list[str]] = UNSET
    read_only: Setting[bool] = UNSET


@shape
class RequireApproval(Shape):
    """Which MCP tools need a yes first (GA schema)."""

    always: Setting[AllowedTools] = UNSET
    never: Setting[AllowedTools] = UNSET


@kind("mcp")
@shape
class McpTool(Tool):
    """An MCP server that the service talks to (GA schema)."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    server_url: Setting[str] = UNSET
    connector_id: Setting[str] = UNSET
    tunnel_id: Setting[str] = UNSET
    server_description: Setting[str] = UNSET
    authorization: Setting[str] = UNSET
    headers: Setting[dict[str, str] | None] = UNSET
    allowed_tools: Setting[list[str] | AllowedTools | None] = UNSET
    require_approval: Setting[RequireApproval | Literal["always", "never"] | None] = UNSET
    defer_loading: Setting[bool] = UNSET
    allowed_callers: Setting[list[Literal["direct", "programmatic"]]] = UNSET


@kind("")
@shape
class UnknownTool(Tool):
    """A tool of a kind that this version does not know."""


@shape
class ToolChoice(Shape):
    """Makes the model use one tool."""

    type: Literal["function", "mcp"] = "function"
    name: Setting[str] = UNSET
    """The function; for ``mcp`` optional."""
    server_label: Setting[str] = UNSET
    """Only for ``mcp``."""


AnyToolChoice = Literal["auto", "none", "required"] | ToolChoice


# --- audio ---------------------------------------------------------------------------------------


@shape
class Transcription(Shape):
    """How the user's speech becomes text."""

    model: Setting[str] = UNSET
    """Default ``inworld/inworld-stt-1``. With an unknown one the whole update is refused."""
    language: Setting[str | None] = UNSET
    """For example ``en`` or ``en-US``; found out if left out."""
    prompt: Setting[str | None] = UNSET
    """Vocabulary or context to expect."""
    keywords: Setting[list[str]] = UNSET
    """OpenAI's models only."""
    languages: Setting[list[str]] = UNSET
    """OpenAI's models only."""
    delay: Setting[Literal["minimal", "low", "medium", "high", "xhigh"]] = UNSET
    """OpenAI's models only."""


@shape
class NoiseReduction(Shape):
    """Cleaning of the microphone's sound."""

    type: Setting[Literal["near_field", "far_field"] | None] = UNSET
    """A headset, or a microphone on the table."""


@shape
class TurnDetection(Shape):
    """Who decides that the user has finished (protocol: turn detection)."""

    type: Setting[Literal["semantic_vad", "server_vad"]] = UNSET
    """``semantic_vad`` judges by meaning, ``server_vad`` by silence; Inworld's default is the
    first."""
    eagerness: Setting[Literal["low", "medium", "high", "auto"]] = UNSET
    """Only ``semantic_vad``: waits at most 8, 4 or 2 seconds; ``auto`` is ``medium``."""
    threshold: Setting[Annotated[float, Between(0, 1)]] = UNSET
    """Only ``server_vad``: 0 to 1, default 0.5; higher needs louder speech."""
    prefix_padding_ms: Setting[Milliseconds] = UNSET
    """Only ``server_vad``: milliseconds kept from before the speech, default 300."""
    silence_duration_ms: Setting[Milliseconds] = UNSET
    """Only ``server_vad``: milliseconds of silence that end the turn, default 500."""
    idle_timeout_ms: Setting[Milliseconds | None] = UNSET
    """Only ``server_vad``: milliseconds of silence after which the agent speaks up."""
    create_response: Setting[bool] = UNSET
    """Whether the server answers by itself; default on."""
    interrupt_response: Setting[bool] = UNSET
    """Whether speech cuts the running answer; default on."""


@shape
class AudioInput(Shape):
    """What the client sends."""

    format: Setting[AudioFormat] = UNSET
    """Default 16-bit PCM at 24000 hertz."""
    transcription: Setting[Transcription | None] = UNSET
    """``None`` switches transcripts of the user off."""
    noise_reduction: Setting[NoiseReduction | None] = UNSET
    """``None`` is off."""
    turn_detection: Setting[TurnDetection | None] = UNSET
    """``None`` is push-to-talk: the client commits."""


@shape
class AudioOutput(Shape):
    """What the server sends."""

    format: Setting[AudioFormat] = UNSET
    """Default 16-bit PCM at 24000 hertz."""
    voice: Setting[str] = UNSET
    """A name from the catalogue (``Dennis``, ``Clive``, ``Sarah``, …) or a cloned voice's id."""
    model: Setting[str] = UNSET
    """The synthesis model, for example ``inworld-tts-2``."""
    speed: Setting[Annotated[float, Between(0.25, 1.5)]] = UNSET
    """1.0 is normal."""


@shape
class AudioConfig(Shape):
    """Both directions of sound."""

    input: Setting[AudioInput] = UNSET
    output: Setting[AudioOutput] = UNSET


# --- the rest ------------------------------------------------------------------------------------


@shape
class TokenLimits(Shape):
    """Bounds for truncation (GA schema)."""

    post_instructions: Setting[int] = UNSET


@shape
class Truncation(Shape):
    """How an overlong conversation is shortened (GA schema)."""

    type: Literal["retention_ratio"] = "retention_ratio"
    retention_ratio: Annotated[float, Between(0, 1)] = 0.8
    """The share that is kept."""
    token_limits: Setting[TokenLimits] = UNSET


@shape
class Tracing(Shape):
    """Labels for the server's traces (GA schema)."""

    workflow_name: Setting[str] = UNSET
    group_id: Setting[str] = UNSET
    metadata: Setting[dict[str, Any]] = UNSET


@shape
class Prompt(Shape):
    """A stored prompt (GA schema)."""

    id: str
    version: Setting[str | None] = UNSET
    variables: Setting[dict[str, Any] | None] = UNSET


@shape
class Reasoning(Shape):
    """How much the model thinks first (GA schema)."""

    effort: Setting[Literal["minimal", "low", "medium", "high", "xhigh"]] = UNSET


_SHORTCUTS: dict[str, tuple[str, ...]] = {
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "tts_model": ("audio", "output", "model"),
    "output_format": ("audio", "output", "format"),
    "input_format": ("audio", "input", "format"),
    "transcription": ("audio", "input", "transcription"),
    "noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
}
"""Flat names for settings that lie deeper; also how users of older APIs spell them."""

_OLDER: dict[str, tuple[str, ...]] = {
    "modelId": ("model",),
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "voice": ("audio", "output", "voice"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "turn_detection": ("audio", "input", "turn_detection"),
}
"""Top-level names of the beta schema that some servers still emit (protocol: top-level fields)."""


def _placed(data: Mapping[str, Any], table: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A copy of ``data`` whose keys in ``table`` are moved to their paths, unless those are set."""
    out = {k: v for k, v in data.items() if k not in table}
    for key, path in table.items():
        if key not in data:
            continue
        place = out
        for step in path[:-1]:
            inner = place.get(step)
            place[step] = dict(inner) if isinstance(inner, Mapping) else {}
            place = place[step]
        place.setdefault(path[-1], data[key])
    return out


@shape
class SessionConfig(Shape):
    """The settings of a session, or a change to them."""

    type: Setting[Literal["realtime"]] = "realtime"
    model: Setting[str] = UNSET
    """The language model, ``provider/model``; default ``google-ai-studio/gemini-2.5-flash``."""
    instructions: Setting[str] = UNSET
    """The system prompt; an empty text clears it."""
    output_modalities: Setting[list[Modality]] = UNSET
    """``["audio", "text"]``, ``["audio"]`` or ``["text"]``."""
    temperature: Setting[Temperature] = UNSET
    """0 to 2."""
    max_output_tokens: Setting[MaxTokens] = UNSET
    """1 to 4096 per answer, or ``"inf"``."""
    audio: Setting[AudioConfig] = UNSET
    tools: Setting[list[Tool]] = UNSET
    tool_choice: Setting[AnyToolChoice] = UNSET
    truncation: Setting[Truncation | Literal["auto", "disabled"]] = UNSET
    tracing: Setting[Tracing | Literal["auto"] | None] = UNSET
    include: Setting[list[str] | None] = UNSET
    """``item.input_audio_transcription.logprobs``."""
    prompt: Setting[str | Prompt | None] = UNSET
    reasoning: Setting[Reasoning | None] = UNSET
    parallel_tool_calls: Setting[bool] = UNSET
    provider_data: Setting[ProviderData | None] = field(
        default=UNSET, metadata=wire("providerData")
    )
    """Inworld's extensions; ``providerData`` on the wire, exactly so."""
    id: Setting[str] = UNSET
    """From the server."""
    object: Setting[str] = UNSET
    """From the server: ``realtime.session``."""
    expires_at: Setting[int] = UNSET
    """From the server: unix seconds."""

    @classmethod
    def upgrade(cls, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Move the names of the older, flat schema to their modern places."""
        return _placed(data, _OLDER) if any(k in data for k in _OLDER) else data

    @classmethod
    def of(cls, **fields: Any) -> SessionConfig:
        """Make settings from keyword arguments, strictly.

        Args:
            fields: fields of this class, or the flat names ``voice``, ``speed``, ``tts_model``,
                ``output_format``, ``input_format``, ``transcription``, ``noise_reduction`` and
                ``turn_detection``. A value may be a settings object or a dict.

        Raises:
            ConfigError: an unknown name or a wrong value, with the path and what is allowed.
        """
        placed = _placed(fields, _SHORTCUTS)
        if "provider_data" in placed:  # the Python name of the one camelCase field
            placed["providerData"] = placed.pop("provider_data")
        return cls.from_dict(placed)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SessionConfig:
        """Make settings from data in the wire's form, strictly.

        Raises:
            ConfigError: an unknown name or a wrong value, with the path and what is allowed.
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"session: expected an object, got {type(data).__name__}")
        return read(cls, _plain(data), "session")

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> SessionConfig:
        """Make settings from a JSON file in the wire's form, strictly.

        Raises:
            ConfigError: the file is no JSON object, or holds an unknown name or a wrong value.
            OSError: it cannot be read.
        """
        try:
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
        except (ValueError, RecursionError) as exc:
            raise ConfigError(f"{os.fspath(path)}: not a JSON file ({exc})") from exc
        try:
            return cls.from_dict(data)
        except ConfigError as exc:
            raise ConfigError(f"{os.fspath(path)}: {exc}") from exc

    def to_dict(self) -> dict[str, Any]:
        """The wire form, checked.

        Raises:
            ConfigError: a field holds a wrong type or value.
        """
        data: dict[str, Any] = write(self, "session")
        return data

    def merged(self, change: SessionConfig) -> SessionConfig:
        """These settings with another's laid over them, field by field."""
        return merge(self, change)


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _plain(v) if isinstance(v, Mapping) else v for k, v in data.items()}


# --- one answer ----------------------------------------------------------------------------------


@shape
class ReplyAudioOutput(Shape):
    """The GA place for one answer's voice and format; Inworld has no per-answer format."""

    format: Setting[AudioFormat] = UNSET
    voice: Setting[str] = UNSET


@shape
class ReplyAudio(Shape):
    """The GA place for one answer's sound."""

    output: Setting[ReplyAudioOutput] = UNSET


@shape
class ReplyConfig(Shape):
    """Settings for one answer only: the ``response`` member of ``response.create``."""

    output_modalities: Setting[list[Modality]] = UNSET
    instructions: Setting[str] = UNSET
    voice: Setting[str] = UNSET
    """Flat, as Inworld has it."""
    conversation: Setting[str] = UNSET
    """``auto``, ``none`` (may be refused) or an id."""
    max_output_tokens: Setting[MaxTokens] = UNSET
    tools: Setting[list[Tool]] = UNSET
    tool_choice: Setting[AnyToolChoice] = UNSET
    temperature: Setting[Temperature] = UNSET
    audio: Setting[ReplyAudio] = UNSET
    """GA schema; not listed by Inworld."""
    input: Setting[list[Item]] = UNSET
    """GA schema: a context of its own; may be refused."""
    metadata: Setting[dict[str, str] | None] = UNSET
    """GA schema: up to 16 pairs, echoed in the response."""
    prompt: Setting[str | Prompt | None] = UNSET
    reasoning: Setting[Reasoning] = UNSET
    parallel_tool_calls: Setting[bool] = UNSET

    @classmethod
    def of(cls, **fields: Any) -> ReplyConfig:
        """Make settings from keyword arguments, strictly.

        Raises:
            ConfigError: an unknown name or a wrong value, with the path and what is allowed.
        """
        return read(cls, _plain(fields), "response")
