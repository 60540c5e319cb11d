"""``providerData``: what Inworld adds to a session (protocol: providerData).

Every field may be left out to inherit the server's default. Most act from the next audio chunk or
turn; the ones marked *locked* count only in the first configuration of a session. Inner names are
snake_case on the wire, except inside :class:`TextGeneration`.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Annotated, Any, Literal

from attrs import field

from inworld_rt.codec import UNSET, Between, Setting, Shape, read, shape, wire, write
from inworld_rt.errors import ConfigError

__all__ = [
    "LOCKED",
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
Count = Annotated[int, Between(0)]


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
    """Grows with every cycle; a state without one counts as new."""
    facts: Setting[list[str]] = UNSET
    """What was learnt about the user."""
    summary: Setting[str] = UNSET
    """The conversation so far, in short."""
    context_text: Setting[str] = UNSET
    """What is put before the system prompt."""
    turns_since_gen: Setting[int] = UNSET
    """Turns since the last cycle."""
    total_turns: Setting[int] = UNSET
    """Turns since the beginning."""
    items_trimmed: Setting[int] = UNSET
    """Items that gave way to the summary."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Keep it in a JSON file, for ``Client(memory=path)``. Nobody else should read it: it holds
        what the user said.

        The file appears whole or not at all; only its owner may read it.

        Raises:
            OSError: it cannot be written.
        """
        folder, name = os.path.split(os.path.abspath(path))
        number, part = tempfile.mkstemp(prefix=f".{name}-", dir=folder)
        try:
            with open(number, "w", encoding="utf-8") as file:
                json.dump(write(self, "memory"), file, ensure_ascii=False, indent=2)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> MemoryState:
        """Read what :meth:`save` wrote.

        Raises:
            OSError: the file cannot be read.
            ConfigError: it holds something else.
        """
        with open(path, encoding="utf-8") as file:
            try:
                data = json.load(file)
            except ValueError:
                data = None
        state = read(cls, data) if isinstance(data, dict) else cls()
        if state == cls() and data != {}:
            raise ConfigError(f"{os.fspath(path)}: this file holds no memory of a session")
        return state


@shape
class Memory(Shape):
    """Periodic fact extraction and a rolling summary."""

    enabled: Setting[bool] = UNSET
    """Default off."""
    turn_interval: Setting[Count] = UNSET
    """Turns between two cycles."""
    max_memory_length: Setting[Count] = UNSET
    """Bound of summary and context text."""
    max_transcript_items: Setting[Count] = UNSET
    """Items of the transcript that are kept."""
    max_facts: Setting[Count] = UNSET
    """Bound of :attr:`MemoryState.facts`."""
    trim_after_summarize: Setting[bool] = UNSET
    """Remove summarised items from the context."""
    state: Setting[MemoryState | None] = UNSET
    """Seed of a new session; comes back in ``session.updated``."""


@shape
class Backchannel(Shape):
    """Short interjections while the user is still speaking; the account must be enabled for it."""

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
    """In one turn of the user; default 3."""
    hard_deadline_ms: Setting[Count] = UNSET
    """Milliseconds for deciding and synthesis; default 1500."""
    history_tail_items: Setting[Count] = UNSET
    """Items shown to the decider; default 4."""
    temperature: Setting[Annotated[float, Between(0, 2)]] = UNSET
    """0 to 2, of the deciding model; default 0.7."""
    max_tokens: Setting[Count] = UNSET
    """Of the deciding model; default 6."""
    volume_gain: Setting[Annotated[float, Between(0)]] = UNSET
    """Linear gain; default 0.6; 0 synthesises without delivering, above 1 amplifies."""
    require_pause: Setting[bool] = UNSET
    """Only in a short pause; default off."""
    allowed_phrases: Setting[list[str]] = UNSET
    """Nothing but these; left out: anything."""
    prompt_template: Setting[str] = UNSET
    """What the deciding model is told; left out: the server's own."""
    decider_kind: Setting[Literal["llm", "rule"]] = UNSET
    """Who decides: a model, the default, or chance."""
    rule_fire_probability: Setting[Fraction] = UNSET
    """0 to 1, only for ``rule``."""


@shape
class Responsiveness(Shape):
    """Filler speech between the user's turn and the model's first words; the account must be
    enabled for it. The server has defaults for all; a value here is only usual.
    """

    enabled: Setting[bool] = UNSET
    """Default off."""
    small_model: Setting[str] = UNSET
    """The filler's model; empty for the server's."""
    initial_wait_timeout_ms: Setting[Count] = UNSET
    """Milliseconds to wait for the main model first; for example 1200."""
    hard_deadline_ms: Setting[Count] = UNSET
    """Milliseconds at most for the filler; for example 2000."""
    history_tail_items: Setting[Count] = UNSET
    """Items shown to the filler's model; for example 4."""
    temperature: Setting[Annotated[float, Between(0, 2)]] = UNSET
    """0 to 2, of the filler's model; for example 0.7."""
    max_tokens: Setting[Count] = UNSET
    """Of the filler's model; for example 12."""
    min_filler_gap_ms: Setting[Count] = UNSET
    """Milliseconds between two fillers; for example 8000."""
    max_initial_per_turn: Setting[Count] = UNSET
    """Fillers in one turn; for example 1."""
    max_buffer_deltas: Setting[Count] = UNSET
    """Deltas of the main model held back meanwhile."""
    enable_filler_on_first_assistant_reply: Setting[bool] = UNSET
    """Whether the very first answer may have one too."""
    prompt_template: Setting[str] = UNSET
    """What the filler's model is told; left out: the server's own."""
    pause_text: Setting[str] = UNSET
    """Between filler and answer."""


@shape
class Caching(Shape):
    """Prompt caching."""

    enabled: Setting[bool] = UNSET
    """Default off."""
    ttl: Setting[Literal["", "5m", "1h"]] = UNSET
    """How long: 5 minutes or an hour; empty for the provider's default."""
    cache_instructions: Setting[bool] = UNSET
    """Default on."""
    cache_tools: Setting[bool] = UNSET
    """Default on."""


@shape
class TextGenerationReasoning(Shape):
    """How much the model thinks first."""

    effort: Setting[Literal["NONE", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"]] = UNSET
    """More is slower."""
    max_tokens: Setting[Count] = field(default=UNSET, metadata=wire("maxTokens"))
    """At most so many tokens of thought."""
    exclude: Setting[bool] = UNSET
    """Keep the reasoning out of the output."""


@shape
class TextGeneration(Shape):
    """Sampling of the language model; camelCase on the wire."""

    max_new_tokens: Setting[Count] = field(default=UNSET, metadata=wire("maxNewTokens"))
    """At most so many tokens in an answer."""
    temperature: Setting[Annotated[float, Between(0, 2)]] = UNSET
    """0 to 2; beside :attr:`~inworld_rt.config.SessionConfig.temperature` it is not known which
    one counts."""
    top_p: Setting[Fraction] = field(default=UNSET, metadata=wire("topP"))
    """0 to 1; only the likeliest tokens that make up this share."""
    frequency_penalty: Setting[float] = field(default=UNSET, metadata=wire("frequencyPenalty"))
    """Against tokens by how often they came."""
    presence_penalty: Setting[float] = field(default=UNSET, metadata=wire("presencePenalty"))
    """Against tokens that came at all."""
    repetition_penalty: Setting[float] = field(default=UNSET, metadata=wire("repetitionPenalty"))
    """Against tokens that repeat."""
    stop_sequences: Setting[list[str]] = field(default=UNSET, metadata=wire("stopSequences"))
    """Texts that end the answer."""
    seed: Setting[int] = UNSET
    """The same seed, as far as possible the same answer."""
    logit_bias: Setting[list[dict[str, Any]]] = field(default=UNSET, metadata=wire("logitBias"))
    """For or against certain tokens; handed on as given."""
    reasoning: Setting[TextGenerationReasoning] = UNSET
    """How much the model thinks first."""


@shape
class ProviderData(Shape):
    """The branches, each independent, and the scalars at the root. ``None`` for a branch: the
    server's defaults.
    """

    stt: Setting[SttOptions | None] = UNSET
    """The recogniser."""
    tts: Setting[TtsOptions | None] = UNSET
    """The synthesis."""
    memory: Setting[Memory | None] = UNSET
    """Facts and a summary of what was said."""
    backchannel: Setting[Backchannel | None] = UNSET
    """Interjections while the user speaks."""
    responsiveness: Setting[Responsiveness | None] = UNSET
    """Fillers while the model thinks."""
    auto_tool_response: Setting[bool] = UNSET
    """Whether the server answers a tool's output by itself; default on."""
    user_id: Setting[str] = UNSET
    """The end user, for attribution."""
    metadata: Setting[dict[str, str]] = UNSET
    """Free tags."""
    caching: Setting[Caching | None] = UNSET
    """Of prompts."""
    text_generation_config: Setting[TextGeneration | None] = UNSET
    """Sampling of the language model."""


LOCKED = (("tts", "conversational"), ("tts", "user_turn_mode"))
"""Branch and name of the fields that count only in the first configuration of a session."""
