"""The fields of a session and of a request for an answer, with what each may hold
(protocol: session object; providerData; response.create).
"""

from __future__ import annotations

import re
from typing import Any

from inworld_rt.simulator.checks import (
    Check,
    Leaf,
    Tree,
    audio_format,
    chosen_tool,
    either,
    list_of,
    metadata,
    named,
    number,
    of,
    one_of,
    tool,
)
from inworld_rt.simulator.voice import CATALOGUE

__all__ = [
    "LOCKED",
    "NULL_IS_OFF",
    "REPLY",
    "SESSION",
    "TRANSCRIPTION",
    "TRANSCRIPTION_FIELDS",
    "VAD",
    "VAD_FIELDS",
]

TRANSCRIPTION = {"model": "inworld/inworld-stt-1"}
VAD: dict[str, dict[str, Any]] = {
    "semantic_vad": {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    },
    "server_vad": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    },
}

_ANY: Check = lambda value, path: value  # noqa: E731 - the empty check, beside its sisters
_TEXT = Leaf(of(str, "a string"))
_FLAG = Leaf(of(bool, "a boolean"))
_OBJECT = Leaf(of(dict, "an object"))
_COUNT = Leaf(number(0, 2**31 - 1, whole=True))
_SHARE = Leaf(number(0, 1))
_TEXTS = Leaf(list_of(of(str, "a string")))
_TEMPERATURE = Leaf(number(0, 2), nullable=True)
_NAME = of(str, "a string")


STT_MODELS = (
    "inworld/inworld-stt-1",
    "assemblyai/u3-rt-pro",
    "assemblyai/universal-streaming-english",
    "assemblyai/universal-streaming-multilingual",
    "soniox/stt-rt-v4",
    "soniox/stt-rt-v5",
)
"""The streaming recognisers. An unknown one is the service's own example of a refused update."""

TTS_MODELS = (
    "inworld-tts-2",
    "inworld-tts-2-flash",
    "inworld-tts-1.5-max",
    "inworld-tts-1.5-mini",
    "inworld-tts-1",
    "inworld-tts-1-max",
)
"""The synthesis models."""

# Models come and go, so those of a known provider are let in; so are voices that somebody cloned,
# whose ids are two names with two underscores between (our choice; the service's form is not told).
_PROVIDERS = "google-ai-studio|openai|anthropic|groq|deepinfra|inworld"
_LLM_NAME = re.compile(rf"(?:{_PROVIDERS})(?:/[\w.:-]+)+|claude-[\w.-]+")
_CLONED = re.compile(r"[\w-]+__[\w-]+")


def _is_voice(name: str) -> bool:
    return name in CATALOGUE or _CLONED.fullmatch(name) is not None


_VOICE = Leaf(named(_is_voice, f"a cloned voice's id, or one of {', '.join(CATALOGUE)}"))
_MODALITIES = Leaf(list_of(one_of("audio", "text"), least=1))
_MAX_TOKENS = Leaf(either(number(1, 4096, whole=True), one_of("inf"), str))
_TOOLS = Leaf(list_of(tool))
_TOOL_CHOICE = Leaf(either(one_of("auto", "none", "required"), chosen_tool, dict))


VAD_FIELDS: Tree = {
    "type": Leaf(one_of(*VAD)),
    "eagerness": Leaf(one_of("low", "medium", "high", "auto")),
    "threshold": _SHARE,
    "prefix_padding_ms": _COUNT,
    "silence_duration_ms": _COUNT,
    "idle_timeout_ms": Leaf(number(0, 2**31 - 1, whole=True), nullable=True),
    "create_response": _FLAG,
    "interrupt_response": _FLAG,
}

TRANSCRIPTION_FIELDS: Tree = {
    "model": Leaf(one_of(*STT_MODELS)),
    "language": Leaf(_NAME, nullable=True),
    "prompt": Leaf(_NAME, nullable=True),
    "keywords": _TEXTS,
    "languages": _TEXTS,
    "delay": Leaf(one_of("minimal", "low", "medium", "high", "xhigh")),
}

_PROVIDER_DATA: Tree = {
    "auto_tool_response": _FLAG,
    "user_id": _TEXT,
    "metadata": _OBJECT,
    "caching": {
        "enabled": _FLAG,
        "ttl": Leaf(one_of("", "5m", "1h")),
        "cache_instructions": _FLAG,
        "cache_tools": _FLAG,
    },
    "text_generation_config": {
        "maxNewTokens": _COUNT,
        "temperature": Leaf(number(0, 2)),
        "topP": _SHARE,
        **dict.fromkeys(
            ("frequencyPenalty", "presencePenalty", "repetitionPenalty"), Leaf(number(-100, 100))
        ),
        "stopSequences": _TEXTS,
        "seed": Leaf(number(-(2**63), 2**63 - 1, whole=True)),
        "logitBias": Leaf(list_of(of(dict, "an object"))),
        "reasoning": {
            "effort": Leaf(one_of("NONE", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")),
            "maxTokens": _COUNT,
            "exclude": _FLAG,
        },
    },
    "stt": {
        "prompt": _TEXT,
        "voice_profile": _FLAG,
        "language_hints": _TEXTS,
        "end_of_turn_confidence_threshold": _SHARE,
        "vad_threshold": _SHARE,
        "min_end_of_turn_silence": _COUNT,
        "max_turn_silence": _COUNT,
    },
    "tts": {
        "segmenter_strategy": Leaf(
            one_of("auto", "balanced", "sentence", "full_turn", "fast_start", "per_segment_context")
        ),
        "steering_handling": Leaf(one_of("repeat_each_chunk", "emit_once")),
        "language": _TEXT,
        "delivery_mode": Leaf(one_of("STABLE", "BALANCED", "CREATIVE")),
        "conversational": _FLAG,
        "user_turn_mode": Leaf(one_of("both", "audio_only", "text_only", "none")),
        "timestamp_type": Leaf(one_of("WORD", "CHARACTER")),
        "timestamp_transport_strategy": Leaf(one_of("SYNC", "ASYNC")),
    },
    "memory": {
        "enabled": _FLAG,
        "turn_interval": _COUNT,
        "max_memory_length": _COUNT,
        "max_transcript_items": _COUNT,
        "max_facts": _COUNT,
        "trim_after_summarize": _FLAG,
        "state": Leaf(of(dict, "an object"), nullable=True),
    },
    "backchannel": {
        "enabled": _FLAG,
        "small_model": _TEXT,
        **dict.fromkeys(
            "eval_interval_ms min_speech_ms min_gap_ms max_per_turn hard_deadline_ms "
            "history_tail_items max_tokens".split(),
            _COUNT,
        ),
        "temperature": Leaf(number(0, 2)),
        "volume_gain": Leaf(number(0, 100)),
        "require_pause": _FLAG,
        "allowed_phrases": _TEXTS,
        "prompt_template": _TEXT,
        "decider_kind": Leaf(one_of("llm", "rule")),
        "rule_fire_probability": _SHARE,
    },
    "responsiveness": {
        "enabled": _FLAG,
        "small_model": _TEXT,
        **dict.fromkeys(
            "initial_wait_timeout_ms hard_deadline_ms history_tail_items max_tokens "
            "min_filler_gap_ms max_initial_per_turn max_buffer_deltas".split(),
            _COUNT,
        ),
        "temperature": Leaf(number(0, 2)),
        "enable_filler_on_first_assistant_reply": _FLAG,
        "prompt_template": _TEXT,
        "pause_text": _TEXT,
    },
}

SESSION: Tree = {
    "type": Leaf(one_of("realtime")),
    "model": Leaf(
        named(_LLM_NAME.fullmatch, "a model of a known provider, in the form provider/model")
    ),
    "instructions": _TEXT,
    "output_modalities": _MODALITIES,
    "temperature": _TEMPERATURE,
    "max_output_tokens": _MAX_TOKENS,
    "audio": {
        "input": {
            "format": Leaf(audio_format),
            "transcription": TRANSCRIPTION_FIELDS,
            "noise_reduction": {"type": Leaf(one_of("near_field", "far_field"), nullable=True)},
            "turn_detection": VAD_FIELDS,
        },
        "output": {
            "format": Leaf(audio_format),
            "voice": _VOICE,
            "model": Leaf(one_of(*TTS_MODELS)),
            "speed": Leaf(number(0.25, 1.5)),
        },
    },
    "tools": _TOOLS,
    "tool_choice": _TOOL_CHOICE,
    "truncation": Leaf(either(one_of("auto", "disabled"), _ANY, dict)),
    "tracing": Leaf(either(one_of("auto"), _ANY, dict), nullable=True),
    "include": Leaf(list_of(_NAME), nullable=True),
    "prompt": Leaf(either(_NAME, _ANY, dict), nullable=True),
    "reasoning": Leaf(of(dict, "an object"), nullable=True),
    "parallel_tool_calls": _FLAG,
    "providerData": _PROVIDER_DATA,
}

NULL_IS_OFF = frozenset(
    {
        "session.audio.input.transcription",
        "session.audio.input.noise_reduction",
        "session.audio.input.turn_detection",
    }
)
"""Objects that ``null`` switches off. (In ``providerData`` it resets a branch instead.)"""

LOCKED = (("tts", "conversational"), ("tts", "user_turn_mode"))
"""Fields of ``providerData`` that count only in the session's first update."""

REPLY: Tree = {
    "output_modalities": _MODALITIES,
    "instructions": _TEXT,
    "voice": _VOICE,
    "conversation": _TEXT,
    "max_output_tokens": _MAX_TOKENS,
    "tools": _TOOLS,
    "tool_choice": _TOOL_CHOICE,
    "temperature": _TEMPERATURE,
    "audio": {"output": {"format": Leaf(audio_format), "voice": _VOICE}},
    "input": Leaf(list_of(of(dict, "an object"))),
    "metadata": Leaf(metadata, nullable=True),
}
