"""Merging, null rules and refusals of session updates (protocol: session object)."""

from __future__ import annotations

import copy

import pytest

from inworld_rt.simulator.refusals import Refusal
from inworld_rt.simulator.settings import Settings, defaults


def updated(*changes):
    settings = Settings()
    for change in changes:
        settings.update(change)
    return settings.session


def audio_in(**fields):
    return {"audio": {"input": fields}}


def audio_out(**fields):
    return {"audio": {"output": fields}}


_TEXT = "providerData.text_generation_config"


def test_text_generation_is_kept_member_by_member():
    session = updated(
        {"providerData": {"text_generation_config": {"topP": 0.5, "reasoning": {"effort": "LOW"}}}},
        {"providerData": {"text_generation_config": {"seed": 7, "reasoning": {"exclude": True}}}},
    )
    assert session["providerData"]["text_generation_config"] == {
        "topP": 0.5,
        "seed": 7,
        "reasoning": {"effort": "LOW", "exclude": True},
    }


def test_objects_merge_and_arrays_are_replaced():
    tool = {"type": "function", "name": "a"}
    session = updated({"tools": [tool, tool]}, audio_out(speed=1.2), audio_out(voice="Clive"))
    assert session["audio"]["output"]["speed"] == 1.2
    assert session["audio"]["output"]["voice"] == "Clive"
    assert len(session["tools"]) == 2
    assert updated({"tools": [tool]}, {"tools": []})["tools"] == []


def test_unknown_fields_are_passed_over():
    assert updated({"provider_data": {"tts": {}}, "nonsense": 1, "audio": {"x": 2}}) == defaults()


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        (audio_in(turn_detection=None), ("audio", "input", "turn_detection"), None),
        (audio_in(transcription=None), ("audio", "input", "transcription"), None),
        (audio_in(noise_reduction=None), ("audio", "input", "noise_reduction"), None),
        ({"instructions": ""}, ("instructions",), ""),
        ({"prompt": None}, ("prompt",), None),
        ({"model": None}, ("model",), "google-ai-studio/gemini-2.5-flash"),
        ({"audio": None}, ("audio", "output", "voice"), "Dennis"),
    ],
)
def test_null(change, path, expected):
    value = updated({"instructions": "x", "prompt": "p"}, change)
    for step in path:
        value = value[step]
    assert value == expected


def test_null_resets_a_branch_of_provider_data():
    session = updated(
        {"providerData": {"tts": {"language": "de"}, "stt": {"prompt": "x"}}},
        {"providerData": {"tts": None}},
    )
    assert session["providerData"] == {"stt": {"prompt": "x"}}


def test_another_kind_of_turn_detection_drops_the_fields_of_the_old_one():
    session = updated(
        audio_in(turn_detection={"eagerness": "low", "create_response": False}),
        audio_in(turn_detection={"type": "server_vad", "threshold": 0.7}),
    )
    rule = session["audio"]["input"]["turn_detection"]
    assert "eagerness" not in rule
    assert (rule["threshold"], rule["silence_duration_ms"]) == (0.7, 500)
    assert rule["create_response"] is False


def test_turn_detection_comes_back_with_its_defaults():
    session = updated(audio_in(turn_detection=None), audio_in(turn_detection={}))
    assert session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("pcm16", {"type": "audio/pcm", "rate": 24000}),
        ("g711_ulaw", {"type": "audio/pcmu"}),
        ({"type": "audio/pcma"}, {"type": "audio/pcma"}),
        ({"type": "audio/pcm", "rate": 16000}, {"type": "audio/pcm", "rate": 16000}),
        ("float32", {"type": "audio/float32", "rate": 24000}),
    ],
)
def test_formats_are_kept_as_objects(given, kept):
    assert updated(audio_in(format=given))["audio"]["input"]["format"] == kept


def test_locked_fields_count_only_in_the_first_update():
    first = {"providerData": {"tts": {"conversational": True, "language": "en"}}}
    later = {"providerData": {"tts": {"conversational": False, "language": "de"}}}
    assert updated(first, later)["providerData"]["tts"] == {
        "conversational": True,
        "language": "de",
    }


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        (
            audio_in(transcription={"model": "x/y"}),
            "invalid_value",
            "audio.input.transcription.model",
        ),
        (audio_in(format="mp3"), "invalid_value", "audio.input.format"),
        (audio_in(format={"type": "audio/pcm", "rate": 7}), "invalid_value", "audio.input.format"),
        (
            audio_in(turn_detection={"type": "x"}),
            "invalid_value",
            "audio.input.turn_detection.type",
        ),
        (audio_in(turn_detection=5), "invalid_type", "audio.input.turn_detection"),
        (audio_out(voice="Nobody"), "invalid_value", "audio.output.voice"),
        (audio_out(voice="clive"), "invalid_value", "audio.output.voice"),
        (audio_out(voice="No Such Voice"), "invalid_value", "audio.output.voice"),
        (audio_out(voice=""), "invalid_value", "audio.output.voice"),
        (audio_out(voice={"id": "x"}), "invalid_type", "audio.output.voice"),
        (audio_out(model="tts-0"), "invalid_value", "audio.output.model"),
        (audio_out(speed=2), "invalid_value", "audio.output.speed"),
        ({"model": "gpt"}, "invalid_value", "model"),
        ({"model": "openai/"}, "invalid_value", "model"),
        ({"tool_choice": {"type": "function"}}, "missing_required_parameter", "tool_choice.name"),
        ({"tool_choice": {"name": "f"}}, "invalid_value", "tool_choice.type"),
        ({"temperature": 3}, "invalid_value", "temperature"),
        ({"temperature": float("nan")}, "invalid_value", "temperature"),
        ({"max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
        ({"max_output_tokens": "all"}, "invalid_value", "max_output_tokens"),
        ({"output_modalities": []}, "invalid_value", "output_modalities"),
        ({"output_modalities": ["smell"]}, "invalid_value", "output_modalities[0]"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].name"),
        ({"tools": [{"type": "x"}]}, "invalid_value", "tools[0].type"),
        ({"include": ["x"]}, "invalid_value", "include[0]"),
        (
            {"providerData": {"memory": {"enabled": 1}}},
            "invalid_type",
            "providerData.memory.enabled",
        ),
        *(
            ({"providerData": {"text_generation_config": {name: value}}}, code, f"{_TEXT}.{path}")
            for name, value, code, path in (
                ("maxNewTokens", "9", "invalid_type", "maxNewTokens"),
                ("temperature", 3, "invalid_value", "temperature"),
                ("topP", 1.1, "invalid_value", "topP"),
                ("frequencyPenalty", "high", "invalid_type", "frequencyPenalty"),
                ("stopSequences", "END", "invalid_type", "stopSequences"),
                ("seed", 1.5, "invalid_type", "seed"),
                ("logitBias", [1], "invalid_type", "logitBias[0]"),
                ("reasoning", "HIGH", "invalid_type", "reasoning"),
                ("reasoning", {"effort": "high"}, "invalid_value", "reasoning.effort"),
                ("reasoning", {"maxTokens": -1}, "invalid_value", "reasoning.maxTokens"),
                ("reasoning", {"exclude": 0}, "invalid_type", "reasoning.exclude"),
            )
        ),
        ({"type": "transcription"}, "invalid_value", "type"),
    ],
)
def test_a_refused_update_changes_nothing(change, code, param):
    settings = Settings()
    before = copy.deepcopy(settings.session)
    with pytest.raises(Refusal) as caught:
        settings.update({"instructions": "not kept", **change})
    assert (caught.value.fault.code, caught.value.fault.param) == (code, f"session.{param}")
    assert settings.session == before


@pytest.mark.parametrize("voice", ["Clive", "Priya", "default-abc__my_voice"])
def test_voices_of_the_catalogue_and_cloned_ones(voice):
    assert updated(audio_out(voice=voice))["audio"]["output"]["voice"] == voice


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o-mini",
        "inworld/auto",
        "inworld/models/GLM-5.1",
        "claude-sonnet-4-6",
    ],
)
def test_models_of_known_providers(model):
    assert updated({"model": model})["model"] == model


@pytest.mark.parametrize("model", ["inworld-tts-2", "inworld-tts-1.5-mini"])
def test_known_speech_models(model):
    assert updated(audio_out(model=model))["audio"]["output"]["model"] == model


@pytest.mark.parametrize(
    ("change", "param"),
    [
        (audio_out(voice="NoSuchVoice"), "audio.output.voice"),
        (audio_out(voice="clive"), "audio.output.voice"),
        (audio_out(model="inworld-tts-99"), "audio.output.model"),
        ({"model": "no-such/model"}, "model"),
        ({"model": "gpt-4o"}, "model"),
    ],
)
def test_unknown_names_are_refused(change, param):
    with pytest.raises(Refusal) as caught:
        Settings().update(change)
    assert (caught.value.fault.code, caught.value.fault.param) == (
        "invalid_value",
        f"session.{param}",
    )
