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
    "UnknownTool",
    "WebSearchOptions",
    "WebSearchTool",
]

Modality = Literal["audio", "text"]
MaxTokens = Annotated[int, Between(1, 4096)] | Literal["inf"]
Temperature = Annotated[float, Between(0, 2)]
Count = Annotated[int, Between(0)]
Milliseconds = Count


# --- tools ---------------------------------------------------------------------------------------


@shape
class Tool(Shape):
    """Something the model may use (protocol: tools and tool choice)."""

    kinds: ClassVar[Kinds] = {}

    type: str = ""
    """The wire's word for what this is."""


@kind("function")
@shape
class FunctionTool(Tool):
    """A function that the client runs."""

    type: Literal["function"] = "function"
    name: str
    """What the model calls it by."""
    description: Setting[str] = UNSET
    """Tells the model when to use it."""
    parameters: Setting[dict[str, Any]] = UNSET
    """JSON Schema of an object, the arguments."""


@shape
class WebSearchOptions(Shape):
    """How the server searches."""

    engine: Setting[Literal["exa", "google", "native"]] = UNSET
    """The search engine; default ``exa``."""
    max_results: Setting[Annotated[int, Between(1, 20)]] = UNSET
    """1 to 20, default 3."""
    max_steps: Setting[Annotated[int, Between(1)]] = UNSET
    """Searches in a row, 1 or more."""


@kind("web_search")
@shape
class WebSearchTool(Tool):
    """Search by the server."""

    type: Literal["web_search"] = "web_search"
    provider_data: Setting[WebSearchOptions] = field(default=UNSET, metadata=wire("providerData"))
    """``providerData`` on the wire."""


@shape
class AllowedTools(Shape):
    """A choice among an MCP server's tools (GA schema)."""

    tool_names: Setting[list[str]] = UNSET
    """These only."""
    read_only: Setting[bool] = UNSET
    """Only those that change nothing."""


@shape
class RequireApproval(Shape):
    """Which MCP tools need a yes first (GA schema)."""

    always: Setting[AllowedTools] = UNSET
    """Ask before these."""
    never: Setting[AllowedTools] = UNSET
    """Do not ask before these."""


@kind("mcp")
@shape
class McpTool(Tool):
    """An MCP server that the service talks to (GA schema).

    It is found by one of ``server_url``, ``connector_id`` and ``tunnel_id``.
    """

    type: Literal["mcp"] = "mcp"
    server_label: str
    """Names the server in items and in the tool choice."""
    server_url: Setting[str] = UNSET
    """Its address."""
    connector_id: Setting[str] = UNSET
    """One of the service's own connectors, ``connector_…``; not expected on Inworld."""
    tunnel_id: Setting[str] = UNSET
    """A tunnel that leads to it."""
    server_description: Setting[str] = UNSET
    """Tells the model what it is for."""
    authorization: Setting[str] = field(default=UNSET, metadata=wire(secret=True))
    """A token that the service hands to it; never printed."""
    headers: Setting[dict[str, str] | None] = field(default=UNSET, metadata=wire(secret=True))
    """HTTP headers for it; never printed."""
    allowed_tools: Setting[list[str] | AllowedTools | None] = UNSET
    """Names of the tools that may be used, or a choice of them; left out: all."""
    require_approval: Setting[RequireApproval | Literal["always", "never"] | None] = UNSET
    """Which calls wait for an :class:`~inworld_rt.items.McpApprovalResponse`."""
    defer_loading: Setting[bool] = UNSET
    """Whether its tools are looked up only when they are needed."""
    allowed_callers: Setting[list[Literal["direct", "programmatic"]]] = UNSET
    """Who may call: the model itself, or a program that it writes."""


@kind("")
@shape
class UnknownTool(Tool):
    """A tool of a kind that this version does not know."""


@shape
class ToolChoice(Shape):
    """Makes the model use one tool."""

    type: Literal["function", "mcp"] = "function"
    """The kind of tool."""
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
    """Words to expect. OpenAI's models only."""
    languages: Setting[list[str]] = UNSET
    """Candidate languages. OpenAI's models only."""
    delay: Setting[Literal["minimal", "low", "medium", "high", "xhigh"]] = UNSET
    """Later is surer. OpenAI's models only."""


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
    """A name from the catalogue (``Dennis``, the default, ``Clive``, ``Sarah``, …) or a cloned
    voice's id; may change at any time."""
    model: Setting[str] = UNSET
    """The synthesis model, for example ``inworld-tts-2`` (Inworld only)."""
    speed: Setting[Annotated[float, Between(0.25, 1.5)]] = UNSET
    """0.25 to 1.5; 1.0 is normal and the default."""


@shape
class AudioConfig(Shape):
    """Both directions of sound."""

    input: Setting[AudioInput] = UNSET
    """From the user to the server."""
    output: Setting[AudioOutput] = UNSET
    """From the server to the user."""


# --- the rest ------------------------------------------------------------------------------------


@shape
class TokenLimits(Shape):
    """Bounds for truncation (GA schema)."""

    post_instructions: Setting[Count] = UNSET
    """Tokens of conversation kept behind the instructions."""


@shape
class Truncation(Shape):
    """How an overlong conversation is shortened (GA schema)."""

    type: Literal["retention_ratio"] = "retention_ratio"
    """The one kind there is."""
    retention_ratio: Setting[Annotated[float, Between(0, 1)]] = UNSET
    """0 to 1: the share that is kept. The server wants it."""
    token_limits: Setting[TokenLimits] = UNSET
    """Bounds beside the share."""


@shape
class Tracing(Shape):
    """Labels for the server's traces (GA schema)."""

    workflow_name: Setting[str] = UNSET
    """What the traces are filed under."""
    group_id: Setting[str] = UNSET
    """Joins the traces of several sessions."""
    metadata: Setting[dict[str, Any]] = UNSET
    """Free tags."""


@shape
class Prompt(Shape):
    """A stored prompt (GA schema)."""

    id: str
    version: Setting[str | None] = UNSET
    """Left out: the newest."""
    variables: Setting[dict[str, Any] | None] = UNSET
    """What is filled into its gaps, by name."""


@shape
class Reasoning(Shape):
    """How much the model thinks first (GA schema)."""

    effort: Setting[Literal["minimal", "low", "medium", "high", "xhigh"]] = UNSET
    """More is slower."""


_FLAT: dict[str, tuple[str, ...]] = {
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "tts_model": ("audio", "output", "model"),
    "output_format": ("audio", "output", "format"),
    "input_format": ("audio", "input", "format"),
    "transcription": ("audio", "input", "transcription"),
    "noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    # The beta schema, which some servers still emit; older pages; seen there by mistake.
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "modelId": ("model",),
    "text_generation_config": ("providerData", "text_generation_config"),
}
"""Flat names for settings that lie deeper, and names that were used before (protocol: top-level
fields)."""


def _placed(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``data`` whose flat names are moved to their places, unless those are taken."""
    out = {k: v for k, v in data.items() if k not in _FLAT}
    for key, path in _FLAT.items():
        if key not in data:
            continue
        place = out
        for depth, step in enumerate(path[:-1], start=1):
            inner = place.get(step) or {}
            if isinstance(inner, Shape):
                inner = write(inner, ".".join(("session", *path[:depth])))
            if not isinstance(inner, Mapping):
                break  # nonsense: who reads it will complain of it, or leave it out
            place[step] = dict(inner)
            place = place[step]
        else:
            place.setdefault(path[-1], data[key])
    return out


@shape
class SessionConfig(Shape):
    """The settings of a session, or a change to them."""

    flat = frozenset(_FLAT)
    type: Setting[Literal["realtime"]] = "realtime"
    """The kind of session."""
    model: Setting[str] = UNSET
    """The language model, ``provider/model``; default ``google-ai-studio/gemini-2.5-flash``."""
    instructions: Setting[str] = UNSET
    """The system prompt; an empty text clears it."""
    output_modalities: Setting[list[Modality]] = UNSET
    """``["audio", "text"]``, ``["audio"]`` or ``["text"]``."""
    temperature: Setting[Temperature] = UNSET
    """0 to 2; how freely the model chooses its words."""
    max_output_tokens: Setting[MaxTokens] = UNSET
    """1 to 4096 per answer, or ``"inf"``, the default."""
    audio: Setting[AudioConfig] = UNSET
    """Formats, voice, turn detection, transcripts."""
    tools: Setting[list[Tool]] = UNSET
    """What the model may use; replaced as a whole, an empty list clears it."""
    tool_choice: Setting[AnyToolChoice] = UNSET
    """Whether it uses them; default ``auto``."""
    truncation: Setting[Truncation | Literal["auto", "disabled"]] = UNSET
    """What happens to an overlong conversation; default ``auto``."""
    tracing: Setting[Tracing | Literal["auto"] | None] = UNSET
    """``None``, the default, is off; once on it cannot be changed (GA schema)."""
    include: Setting[list[Literal["item.input_audio_transcription.logprobs"]] | None] = UNSET
    """What the server tells besides."""
    prompt: Setting[str | Prompt | None] = UNSET
    """A stored prompt; ``None`` clears it. Inworld's clients give a text, the GA schema an
    object."""
    reasoning: Setting[Reasoning | None] = UNSET
    """How much the model thinks first (GA schema)."""
    parallel_tool_calls: Setting[bool] = UNSET
    """Whether one answer may hold several tool calls (GA schema)."""
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
        """Move flat and older names to their places."""
        return data if cls.flat.isdisjoint(data) else _placed(data)

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
        if "provider_data" in fields:  # the Python name of the one camelCase field
            fields["providerData"] = fields.pop("provider_data")
        return cls.from_dict(fields)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SessionConfig:
        """Make settings from data in the wire's form, strictly; flat names are fine as well.

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
            # Editors on Windows put a byte order mark in front.
            with open(path, encoding="utf-8-sig") as file:
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


def _plain(data: Any) -> Any:
    """Any mapping as a dict, however deep; a list as a copy."""
    if isinstance(data, Mapping):
        return {k: _plain(v) for k, v in data.items()}
    return [_plain(v) for v in data] if isinstance(data, (list, tuple)) else data


# --- one answer ----------------------------------------------------------------------------------


@shape
class ReplyAudioOutput(Shape):
    """The GA place for one answer's voice and format; Inworld has no per-answer format."""

    format: Setting[AudioFormat] = UNSET
    """As in :class:`AudioOutput`."""
    voice: Setting[str] = UNSET
    """As in :class:`AudioOutput`; Inworld reads :attr:`ReplyConfig.voice` instead."""


@shape
class ReplyAudio(Shape):
    """The GA place for one answer's sound."""

    output: Setting[ReplyAudioOutput] = UNSET
    """From the server to the user."""


@shape
class ReplyConfig(Shape):
    """Settings for one answer only: the ``response`` member of ``response.create``."""

    output_modalities: Setting[list[Modality]] = UNSET
    """``["audio", "text"]``, ``["audio"]`` or ``["text"]``."""
    instructions: Setting[str] = UNSET
    """In place of the session's."""
    voice: Setting[str] = UNSET
    """Flat, as Inworld has it."""
    conversation: Setting[str] = UNSET
    """``auto``, ``none`` (GA schema; may be refused) or an id."""
    max_output_tokens: Setting[MaxTokens] = UNSET
    """1 to 4096, or ``"inf"``."""
    tools: Setting[list[Tool]] = UNSET
    """In place of the session's."""
    tool_choice: Setting[AnyToolChoice] = UNSET
    """In place of the session's."""
    temperature: Setting[Temperature] = UNSET
    """0 to 2; may be ignored."""
    audio: Setting[ReplyAudio] = UNSET
    """GA schema; not listed by Inworld."""
    input: Setting[list[Item]] = UNSET
    """GA schema: a context of its own, instead of the conversation; may be refused."""
    metadata: Setting[dict[str, str] | None] = UNSET
    """GA schema: up to 16 pairs, names of 64 and values of 512 characters at most; echoed in the
    response."""
    prompt: Setting[str | Prompt | None] = UNSET
    """GA schema: a stored prompt."""
    reasoning: Setting[Reasoning | None] = UNSET
    """GA schema: how much the model thinks first."""
    parallel_tool_calls: Setting[bool] = UNSET
    """GA schema: whether the answer may hold several tool calls."""

    @classmethod
    def of(cls, **fields: Any) -> ReplyConfig:
        """Make settings from keyword arguments, strictly.

        Raises:
            ConfigError: an unknown name or a wrong value, with the path and what is allowed.
        """
        return read(cls, _plain(fields), "response")
