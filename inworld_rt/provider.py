"""``providerData``: what Inworld adds to a session (protocol: providerData).

Every field may be left out to inherit the server's default. Most act from the next audio chunk or
turn; the ones marked *locked* count only in the first configuration of a session. Inner names are
snake_case on the wire, except inside :class:`TextGeneration`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from attrs import field

from inworld_rt.codec import UNSET, Between, Setting, Shape, shape, wire

__all__ = [
    "Backchannel",
    "Caching",
    "Memory",
    "MemoryState",
    "ProviderData",
    "Responsiveness",
    "SttOptions",
    "TextGeneration",
    "TextGenerationReasoning",
    "TtsOptions",
]

Fraction = Annotated[float, Between(0, 1)]
Count = Annotated[int, Between(0, 2**31 - 1)]


@shape
class SttOptions(Shape):
    """Recogniser options."""

    prompt: Setting[str] = UNSET
    """Vocabulary or context to expect."""
    voice_profile: Setting[bool] = UNSET
    """Adds estimates of age, gender, emotion, style and accent to transcripts."""
    language_hints: Setting[list[str]] = UNSET
    """Candidate languages, BCP-47 or ISO codes."""
    end_of_turn_confidence_threshold: Setting[Fraction] = UNSET
    """0 to 1; higher means fewer early cuts and slower turns."""
    vad_threshold: Setting[Fraction] = UNSET
    """0 to 1; speech detector threshold."""
    min_end_of_turn_silence: Setting[Count] = UNSET
    """Milliseconds of silence needed when the model is confident."""
    max_turn_silence: Setting[Count] = UNSET
    """Milliseconds of silence that always end the turn."""


@shape
class TtsOptions(Shape):
    """Synthesis options."""

    segmenter_strategy: Setting[
        Literal["auto", "balanced", "sentence", "full_turn", "fast_start", "per_segment_context"]
    ] = UNSET
    """How tokens are grouped into synthesis calls; ``full_turn`` has the best prosody and the
    slowest start, ``fast_start`` and ``sentence`` favour latency."""
    steering_handling: Setting[Literal["repeat_each_chunk", "emit_once"]] = UNSET
    """Whether a leading steering tag is repeated for every segment."""
    language: Setting[str] = UNSET
    """BCP-47 code of the language spoken."""
    delivery_mode: Setting[Literal["STABLE", "BALANCED", "CREATIVE"]] = UNSET
    """Expressiveness (TTS-2)."""
    conversational: Setting[bool] = UNSET
    """Keeps a context over several turns (TTS-2). *Locked.*"""
    user_turn_mode: Setting[Literal["both", "audio_only", "text_only", "none"]] = UNSET
    """What of the user's turns enters that context. *Locked.*"""
    timestamp_type: Setting[Literal["WORD", "CHARACTER"]] = UNSET
    """Turns on timing data; costs roughly 100 ms."""
    timestamp_transport_strategy: Setting[Literal["SYNC", "ASYNC"]] = UNSET
    """Timing inside the audio message, or in later ones."""


@shape
class MemoryState(Shape):
    """What the memory holds; give it back to seed the next session."""

    version: Setting[int] = UNSET
    facts: Setting[list[str]] = UNSET
    summary: Setting[str] = UNSET
    context_text: Setting[str] = UNSET
    turns_since_gen: Setting[int] = UNSET
    total_turns: Setting[int] = UNSET
    items_trimmed: Setting[int] = UNSET


@shape
class Memory(Shape):
    """Periodic fact extraction and a rolling summary."""

    enabled: Setting[bool] = UNSET
    turn_interval: Setting[Count] = UNSET
    """Turns between two cycles."""
    max_memory_length: Setting[Count] = UNSET
    """Bound of summary and context text."""
    max_transcript_items: Setting[Count] = UNSET
    max_facts: Setting[Count] = UNSET
    trim_after_summarize: Setting[bool] = UNSET
    """Remove summarised items from the context."""
    state: Setting[MemoryState | None] = UNSET
    """Seed of a new session; comes back in ``session.updated``."""


@shape
class Backchannel(Shape):
    """Short interjections while the user is still speaking."""

    enabled: Setting[bool] = UNSET
    """Default off."""
    small_model: Setting[str] = UNSET
    """The deciding model; empty for the server's."""
    eval_interval_ms: Setting[Count] = UNSET
    """Milliseconds between two checks; default 800."""
    min_speech_ms: Setting[Count] = UNSET
    """Milliseconds of speech before the first; default 800."""
    min_gap_ms: Setting[Count] = UNSET
    """Milliseconds between two in one turn; default 4000."""
    max_per_turn: Setting[Count] = UNSET
    """Default 3."""
    hard_deadline_ms: Setting[Count] = UNSET
    """Milliseconds for deciding and synthesis; default 1500."""
    history_tail_items: Setting[Count] = UNSET
    """Items shown to the decider; default 4."""
    temperature: Setting[Annotated[float, Between(0, 2)]] = UNSET
    """Default 0.7."""
    max_tokens: Setting[Count] = UNSET
    """Default 6."""
    volume_gain: Setting[Annotated[float, Between(0, 100)]] = UNSET
    """Linear gain; default 0.6; 0 synthesises without delivering."""
    require_pause: Setting[bool] = UNSET
    """Only in a short pause; default off."""
    allowed_phrases: Setting[list[str]] = UNSET
    prompt_template: Setting[str] = UNSET
    decider_kind: Setting[Literal["llm", "rule"]] = UNSET
    """Default ``llm``."""
    rule_fire_probability: Setting[Fraction] = UNSET
    """0 to 1, only for ``rule``."""


@shape
class Responsiveness(Shape):
    """Filler speech between the user's turn and the model's first words."""

    enabled: Setting[bool] = UNSET
    """Default off."""
    small_model: Setting[str] = UNSET
    initial_wait_timeout_ms: Setting[Count] = UNSET
    """Milliseconds to wait for the main model first."""
    hard_deadline_ms: Setting[Count] = UNSET
    """Milliseconds at most for the filler."""
    history_tail_items: Setting[Count] = UNSET
    temperature: Setting[Annotated[float, Between(0, 2)]] = UNSET
    max_tokens: Setting[Count] = UNSET
    min_filler_gap_ms: Setting[Count] = UNSET
    """Milliseconds between two fillers."""
    max_initial_per_turn: Setting[Count] = UNSET
    max_buffer_deltas: Setting[Count] = UNSET
    """Deltas of the main model held back meanwhile."""
    enable_filler_on_first_assistant_reply: Setting[bool] = UNSET
    prompt_template: Setting[str] = UNSET
    pause_text: Setting[str] = UNSET
    """Between filler and answer."""


@shape
class Caching(Shape):
    """Prompt caching."""

    enabled: Setting[bool] = UNSET
    """Default off."""
    ttl: Setting[Literal["", "5m", "1h"]] = UNSET
    """How long; empty for the provider's default."""
    cache_instructions: Setting[bool] = UNSET
    """Default on."""
    cache_tools: Setting[bool] = UNSET
    """Default on."""


@shape
class TextGenerationReasoning(Shape):
    """How much the model thinks first."""

    effort: Setting[Literal["NONE", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"]] = UNSET
    max_tokens: Setting[Count] = field(default=UNSET, metadata=wire("maxTokens"))
    exclude: Setting[bool] = UNSET
    """Keep the reasoning out of the output."""


@shape
class TextGeneration(Shape):
    """Sampling of the language model; camelCase on the wire."""

    max_new_tokens: Setting[Count] = field(default=UNSET, metadata=wire("maxNewTokens"))
    temperature: Setting[Annotated[float, Between(0, 2)]] = UNSET
    top_p: Setting[Fraction] = field(default=UNSET, metadata=wire("topP"))
    frequency_penalty: Setting[float] = field(default=UNSET, metadata=wire("frequencyPenalty"))
    presence_penalty: Setting[float] = field(default=UNSET, metadata=wire("presencePenalty"))
    repetition_penalty: Setting[float] = field(default=UNSET, metadata=wire("repetitionPenalty"))
    stop_sequences: Setting[list[str]] = field(default=UNSET, metadata=wire("stopSequences"))
    seed: Setting[int] = UNSET
    logit_bias: Setting[list[dict[str, Any]]] = field(default=UNSET, metadata=wire("logitBias"))
    reasoning: Setting[TextGenerationReasoning] = UNSET


@shape
class ProviderData(Shape):
    """The branches, each independent, and the scalars at the root."""

    stt: Setting[SttOptions | None] = UNSET
    tts: Setting[TtsOptions | None] = UNSET
    memory: Setting[Memory | None] = UNSET
    backchannel: Setting[Backchannel | None] = UNSET
    responsiveness: Setting[Responsiveness | None] = UNSET
    auto_tool_response: Setting[bool] = UNSET
    """Whether the server answers a tool's output by itself; default on."""
    user_id: Setting[str] = UNSET
    """The end user, for attribution."""
    metadata: Setting[dict[str, str]] = UNSET
    """Free tags."""
    caching: Setting[Caching | None] = UNSET
    text_generation_config: Setting[TextGeneration | None] = UNSET
