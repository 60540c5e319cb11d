"""``providerData``: Inworld's extensions, their spelling, ranges and null."""

from __future__ import annotations

import pytest

from inworld_rt.codec import UNSET, merge, read, write
from inworld_rt.config import SessionConfig
from inworld_rt.errors import ConfigError
from inworld_rt.provider import (
    Backchannel,
    Memory,
    MemoryState,
    ProviderData,
    SttOptions,
    TextGeneration,
    TextGenerationReasoning,
    TtsOptions,
)

# Every field there is, with a value that is allowed.
FULL = {
    "auto_tool_response": False,
    "user_id": "u",
    "metadata": {"sdk": "x"},
    "stt": {
        "prompt": "names",
        "voice_profile": True,
        "language_hints": ["en"],
        "end_of_turn_confidence_threshold": 0.5,
        "vad_threshold": 1,
        "min_end_of_turn_silence": 0,
        "max_turn_silence": 2400,
    },
    "tts": {
        "segmenter_strategy": "fast_start",
        "steering_handling": "emit_once",
        "language": "en-US",
        "delivery_mode": "BALANCED",
        "conversational": True,
        "user_turn_mode": "audio_only",
        "timestamp_type": "WORD",
        "timestamp_transport_strategy": "ASYNC",
    },
    "memory": {
        "enabled": True,
        "turn_interval": 5,
        "max_memory_length": 2000,
        "max_transcript_items": 20,
        "max_facts": 10,
        "trim_after_summarize": True,
        "state": {
            "version": 3,
            "facts": ["likes tea"],
            "summary": "s",
            "context_text": "c",
            "turns_since_gen": 1,
            "total_turns": 9,
            "items_trimmed": 4,
        },
    },
    "backchannel": {
        "enabled": True,
        "small_model": "",
        "eval_interval_ms": 800,
        "min_speech_ms": 800,
        "min_gap_ms": 4000,
        "max_per_turn": 3,
        "hard_deadline_ms": 1500,
        "history_tail_items": 4,
        "temperature": 0.7,
        "max_tokens": 6,
        "volume_gain": 1.5,
        "require_pause": False,
        "allowed_phrases": ["mm-hm"],
        "prompt_template": "p",
        "decider_kind": "rule",
        "rule_fire_probability": 0.25,
    },
    "responsiveness": {
        "enabled": True,
        "small_model": "m",
        "initial_wait_timeout_ms": 1200,
        "hard_deadline_ms": 2000,
        "history_tail_items": 4,
        "temperature": 0.7,
        "max_tokens": 12,
        "min_filler_gap_ms": 8000,
        "max_initial_per_turn": 1,
        "max_buffer_deltas": 3,
        "enable_filler_on_first_assistant_reply": False,
        "prompt_template": "p",
        "pause_text": "",
    },
    "caching": {"enabled": True, "ttl": "5m", "cache_instructions": True, "cache_tools": False},
    "text_generation_config": {
        "maxNewTokens": 100,
        "temperature": 1,
        "topP": 0.9,
        "frequencyPenalty": 0.1,
        "presencePenalty": -0.1,
        "repetitionPenalty": 1.1,
        "stopSequences": ["\n"],
        "seed": 7,
        "logitBias": [{"token": 5, "bias": -1}],
        "reasoning": {"effort": "LOW", "maxTokens": 64, "exclude": True},
    },
}


def test_every_field_travels_both_ways():
    for path in (None, "providerData"):
        assert write(read(ProviderData, FULL, path), "providerData") == FULL


def test_the_list_above_is_complete():
    def bare(shape, path=""):
        from inworld_rt.codec import Shape, _plan

        for f in _plan(type(shape)).fields:
            value = getattr(shape, f.name)
            if value is UNSET:
                yield path + f.wire
            elif isinstance(value, Shape):
                yield from bare(value, f"{path}{f.wire}.")

    assert list(bare(read(ProviderData, FULL))) == []


@pytest.mark.parametrize(
    ("branch", "name", "value", "words"),
    [
        ("stt", "vad_threshold", 1.5, "a number from 0 to 1"),
        ("stt", "end_of_turn_confidence_threshold", -0.1, "a number from 0 to 1"),
        ("stt", "min_end_of_turn_silence", -1, "a whole number of at least 0"),
        ("stt", "max_turn_silence", 0.5, "a whole number"),
        ("stt", "language_hints", "en", "a list of text"),
        ("stt", "phrase_hints", [], "unknown field"),
        ("tts", "segmenter_strategy", "word", "one of 'auto', 'balanced', 'sentence'"),
        ("tts", "steering_handling", "drop", "'repeat_each_chunk' or 'emit_once'"),
        ("tts", "delivery_mode", "stable", "one of 'STABLE', 'BALANCED', 'CREATIVE'"),
        ("tts", "user_turn_mode", "all", "one of 'both', 'audio_only', 'text_only', 'none'"),
        ("tts", "timestamp_type", "PHONE", "'WORD' or 'CHARACTER'"),
        ("tts", "timestamp_transport_strategy", "LATER", "'SYNC' or 'ASYNC'"),
        ("tts", "conversational", "yes", "True or False"),
        ("memory", "turn_interval", -1, "at least 0"),
        ("memory", "max_facts", "3", "a whole number"),
        ("memory", "state", [], "a MemoryState or None"),
        ("backchannel", "temperature", 2.1, "from 0 to 2"),
        ("backchannel", "volume_gain", -1, "a number of at least 0"),
        ("backchannel", "decider_kind", "dice", "'llm' or 'rule'"),
        ("backchannel", "rule_fire_probability", 2, "from 0 to 1"),
        ("backchannel", "frequency", 2, "unknown field"),
        ("responsiveness", "temperature", -1, "from 0 to 2"),
        ("responsiveness", "hard_deadline_ms", -1, "at least 0"),
        ("caching", "ttl", "2h", "one of '', '5m', '1h'"),
        ("text_generation_config", "topP", 1.1, "from 0 to 1"),
        ("text_generation_config", "temperature", 3, "from 0 to 2"),
        ("text_generation_config", "max_new_tokens", 3, "did you mean 'maxNewTokens'?"),
        ("text_generation_config", "reasoning", {"effort": "low"}, "one of 'NONE', 'MINIMAL'"),
        ("text_generation_config", "logitBias", [5], "logitBias[0]"),
    ],
)
def test_a_bad_value_is_refused_with_its_path(branch, name, value, words):
    with pytest.raises(ConfigError) as caught:
        SessionConfig.from_dict({"providerData": {branch: {name: value}}})
    assert str(caught.value).startswith(f"session.providerData.{branch}.{name}")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "branch", [k for k, v in FULL.items() if isinstance(v, dict) and k != "metadata"]
)
def test_a_branch_may_be_null_to_reset_it(branch):
    data = {branch: None}
    assert write(read(ProviderData, data, "p"), "p") == data


@pytest.mark.parametrize("name", ["auto_tool_response", "user_id", "metadata"])
def test_a_scalar_may_not_be_null(name):
    with pytest.raises(ConfigError, match=f"providerData.{name}: expected"):
        SessionConfig.from_dict({"providerData": {name: None}})


def test_the_snake_case_spelling_that_the_server_drops_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'providerData'"):
        SessionConfig.from_dict({"provider_data": {}})


def test_nothing_set_is_nothing_sent():
    for cls in (ProviderData, SttOptions, TtsOptions, Memory, MemoryState, Backchannel):
        assert write(cls(), "p") == {}


def test_only_text_generation_is_camel_case_on_the_wire():
    config = TextGeneration(max_new_tokens=5, reasoning=TextGenerationReasoning(max_tokens=3))
    assert write(config, "p") == {"maxNewTokens": 5, "reasoning": {"maxTokens": 3}}


def test_branches_merge_field_by_field():
    old = read(ProviderData, {"memory": {"enabled": True, "state": {"version": 1}}, "user_id": "u"})
    new = read(ProviderData, {"memory": {"state": {"version": 2}}})
    assert write(merge(old, new), "p") == {
        "memory": {"enabled": True, "state": {"version": 2}},
        "user_id": "u",
    }
    assert merge(old, ProviderData(memory=None)).memory is None
