"""Session settings: written by users, read from servers, changed while the session runs."""

from __future__ import annotations

import json
import types

import pytest
from hypothesis import given, settings

from inworld_rt.codec import UNSET, read
from inworld_rt.config import (
    AudioConfig,
    AudioInput,
    AudioOutput,
    FunctionTool,
    McpTool,
    NoiseReduction,
    Prompt,
    ReplyConfig,
    SessionConfig,
    Tool,
    ToolChoice,
    Tracing,
    Transcription,
    Truncation,
    TurnDetection,
    UnknownTool,
    WebSearchTool,
)
from inworld_rt.errors import ConfigError
from inworld_rt.items import ItemReference
from inworld_rt.pcm import AudioFormat
from inworld_rt.provider import ProviderData
from tests.support import declared

PCM = {"type": "audio/pcm", "rate": 24000}
FULL = {
    "type": "realtime",
    "model": "openai/gpt-4.1-mini",
    "instructions": "Short answers.",
    "output_modalities": ["audio", "text"],
    "temperature": 0.7,
    "max_output_tokens": 800,
    "audio": {
        "input": {
            "format": PCM,
            "transcription": {
                "model": "inworld/inworld-stt-1",
                "language": "en",
                "prompt": "names",
                "keywords": ["x"],
                "languages": ["en"],
                "delay": "low",
            },
            "noise_reduction": {"type": "near_field"},
            "turn_detection": {
                "type": "semantic_vad",
                "eagerness": "medium",
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": PCM, "model": "inworld-tts-2", "voice": "Clive", "speed": 1.0},
    },
    "tools": [
        {
            "type": "function",
            "name": "clock",
            "description": "Current time",
            "parameters": {"type": "object", "properties": {}},
        },
        {
            "type": "web_search",
            "providerData": {"engine": "exa", "max_results": 3, "max_steps": 1},
        },
        {
            "type": "mcp",
            "server_label": "s",
            "server_url": "https://example.com",
            "connector_id": "connector_gmail",
            "tunnel_id": "t",
            "server_description": "d",
            "authorization": "a",
            "headers": {"X": "y"},
            "allowed_tools": {"tool_names": ["t"], "read_only": True},
            "require_approval": {"always": {"tool_names": ["t"]}, "never": {"read_only": True}},
            "defer_loading": True,
            "allowed_callers": ["direct", "programmatic"],
        },
    ],
    "tool_choice": {"type": "mcp", "server_label": "s", "name": "t"},
    "truncation": {
        "type": "retention_ratio",
        "retention_ratio": 0.5,
        "token_limits": {"post_instructions": 1000},
    },
    "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}},
    "include": ["item.input_audio_transcription.logprobs"],
    "prompt": {"id": "p", "version": "1", "variables": {"a": "b"}},
    "reasoning": {"effort": "minimal"},
    "parallel_tool_calls": True,
    "providerData": {"auto_tool_response": False},
    "id": "s1",
    "object": "realtime.session",
    "expires_at": 1763000000,
}


# --- made by users --------------------------------------------------------------------------------


def test_every_field_travels_both_ways():
    assert SessionConfig.from_dict(FULL).to_dict() == FULL
    assert read(SessionConfig, FULL).to_dict() == FULL


@pytest.mark.parametrize(
    "field",
    [
        {"tools": [{"type": "mcp", "server_label": "s", "allowed_tools": ["t"]}]},
        {"tools": [{"type": "mcp", "server_label": "s", "require_approval": "never"}]},
        {"tools": []},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "name": "clock"}},
        {"truncation": "disabled"},
        {"tracing": "auto"},
        {"tracing": None},
        {"include": None},
        {"prompt": "a text"},
        {"prompt": None},
        {"instructions": ""},
        {"max_output_tokens": "inf"},
        {"providerData": None},
        {"audio": {"input": {"turn_detection": None}}},
        {"audio": {"input": {"transcription": None, "noise_reduction": None}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": None}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.5,
            "prefix_padding_ms": 300, "silence_duration_ms": 500, "idle_timeout_ms": 6000}}}},
    ],
    ids=str,
)  # fmt: skip
def test_every_alternative_travels_both_ways(field):
    assert SessionConfig.from_dict(field).to_dict() == {"type": "realtime", **field}


@pytest.mark.parametrize(
    ("fields", "path", "value"),
    [
        ({"voice": "Clive"}, "audio.output.voice", "Clive"),
        ({"speed": 1.2}, "audio.output.speed", 1.2),
        ({"tts_model": "inworld-tts-2"}, "audio.output.model", "inworld-tts-2"),
        ({"output_format": "pcm16"}, "audio.output.format", AudioFormat()),
        ({"input_format": 16000}, "audio.input.format", AudioFormat("audio/pcm", 16000)),
        ({"input_format": AudioFormat("audio/pcma")}, "audio.input.format.rate", 8000),
        ({"transcription": {"language": "de"}}, "audio.input.transcription",
         Transcription(language="de")),
        ({"transcription": None}, "audio.input.transcription", None),
        ({"noise_reduction": NoiseReduction(type="far_field")}, "audio.input.noise_reduction.type",
         "far_field"),
        ({"turn_detection": None}, "audio.input.turn_detection", None),
        ({"turn_detection": TurnDetection(eagerness="low")}, "audio.input.turn_detection.eagerness",
         "low"),
        ({"provider_data": {"user_id": "u"}}, "provider_data", ProviderData(user_id="u")),
        ({"providerData": ProviderData(user_id="u")}, "provider_data", ProviderData(user_id="u")),
        ({"model": "m", "voice": "Clive"}, "model", "m"),
    ],
)  # fmt: skip
def test_common_settings_need_no_nesting(fields, path, value):
    found = SessionConfig.of(**fields)
    for step in path.split("."):
        found = getattr(found, step)
    assert found == value


@pytest.mark.parametrize(
    "audio",
    [
        AudioConfig(output=AudioOutput(speed=1.2)),
        {"output": AudioOutput(speed=1.2)},
        {"output": {"speed": 1.2}},
        types.MappingProxyType({"output": types.MappingProxyType({"speed": 1.2})}),
    ],
)
def test_a_short_cut_goes_together_with_nested_settings(audio):
    config = SessionConfig.of(audio=audio, voice="Clive", turn_detection=None)
    assert config.to_dict()["audio"] == {
        "output": {"speed": 1.2, "voice": "Clive"},
        "input": {"turn_detection": None},
    }


def test_the_nested_setting_wins_over_its_short_cut():
    config = SessionConfig.of(audio={"output": {"voice": "Sarah"}}, voice="Clive")
    assert config.audio.output.voice == "Sarah"


def test_nothing_set_is_hardly_anything_sent():
    assert SessionConfig().to_dict() == {"type": "realtime"}
    assert SessionConfig.of() == SessionConfig()
    assert SessionConfig(type=UNSET).to_dict() == {}


def test_settings_made_by_the_constructor_are_checked_when_they_are_sent():
    config = SessionConfig(temperature=3)
    with pytest.raises(ConfigError, match=r"session\.temperature: expected a number from 0 to 2"):
        config.to_dict()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"voise": "Clive"}, "session.voise: unknown field; did you mean 'voice'?"),
        ({"turndetection": None}, "did you mean 'turn_detection'?"),
        ({"temprature": 1}, "did you mean 'temperature'?"),
        ({"provider_date": {}}, "did you mean 'providerData'?"),
        ({"audio": {"ouput": {}}}, "session.audio.ouput: unknown field; did you mean 'output'?"),
        ({"turn_detection": {"eagernes": "low"}}, "turn_detection.eagernes: unknown field"),
        ({"zzz": 1}, "session.zzz: unknown field; known: audio"),
        ({"audio": 5, "voice": "x"}, "session.audio: expected an AudioConfig, got 5"),
    ],
)
def test_a_misspelt_name_is_refused_with_a_suggestion(fields, words):
    for make in (lambda f: SessionConfig.of(**f), SessionConfig.from_dict):
        with pytest.raises(ConfigError) as caught:
            make(fields)
        assert words in str(caught.value)


VAD = ("audio", "input", "turn_detection")
BAD = [
    (("type",), "transcription", "expected 'realtime', got 'transcription'"),
    (("model",), 5, "expected text"),
    (("model",), None, "expected text"),
    (("instructions",), None, "expected text"),
    (("output_modalities",), "audio", "expected a list of 'audio' or 'text'"),
    (("output_modalities",), ["video"], "[0]: expected 'audio' or 'text', got 'video'"),
    (("temperature",), 2.1, "expected a number from 0 to 2"),
    (("temperature",), -0.1, "from 0 to 2"),
    (("temperature",), "hot", "from 0 to 2"),
    (("temperature",), True, "from 0 to 2"),
    (("max_output_tokens",), 0, "expected a whole number from 1 to 4096 or 'inf'"),
    (("max_output_tokens",), 4097, "from 1 to 4096 or 'inf'"),
    (("max_output_tokens",), "all", "from 1 to 4096 or 'inf'"),
    (("max_output_tokens",), 1.5, "from 1 to 4096 or 'inf'"),
    (("tools",), {}, "expected a list of a Tool"),
    (("tools",), [{"name": "x"}], "[0].type: expected one of 'function', 'web_search', 'mcp'"),
    (("tools",), [{"type": "function"}], "[0].name: missing"),
    (("tools",), [{"type": "function", "name": "x", "parameters": "{}"}], "[0].parameters"),
    (("tools",), [{"type": "function", "function": {}}], "[0].function: unknown field"),
    (("tools",), [{"type": "web_search", "providerData": {"engine": "bing"}}],
     "[0].providerData.engine: expected one of 'exa', 'google', 'native'"),
    (("tools",), [{"type": "web_search", "providerData": {"max_results": 21}}], "from 1 to 20"),
    (("tools",), [{"type": "web_search", "providerData": {"max_steps": 0}}], "at least 1"),
    (("tools",), [{"type": "mcp"}], "[0].server_label: missing"),
    (("tools",), [{"type": "mcp", "server_label": "s", "require_approval": "maybe"}],
     "[0].require_approval: expected a RequireApproval or 'always' or 'never' or None"),
    (("tools",), [{"type": "mcp", "server_label": "s", "allowed_callers": ["me"]}],
     "[0].allowed_callers[0]: expected 'direct' or 'programmatic'"),
    (("tool_choice",), "maybe", "expected one of 'auto', 'none', 'required' or a ToolChoice"),
    (("tool_choice",), {"type": "web"}, ".type: expected 'function' or 'mcp'"),
    (("truncation",), "never", "'auto' or 'disabled'"),
    (("truncation",), {"retention_ratio": 1.5}, ".retention_ratio: expected a number from 0 to 1"),
    (("truncation",), {"token_limits": {"post_instructions": -1}}, "at least 0"),
    (("tracing",), "on", "expected a Tracing or 'auto' or None"),
    (("include",), ["x"], "'item.input_audio_transcription.logprobs'"),
    (("prompt",), {"version": "1"}, ".id: missing"),
    (("reasoning",), {"effort": "max"}, ".effort: expected one of 'minimal', 'low'"),
    (("parallel_tool_calls",), 1, "True or False"),
    (("audio",), None, "expected an AudioConfig"),
    (("audio", "input", "format"), "mp3", "unknown audio type 'mp3'"),
    (("audio", "input", "format"), {"type": "audio/pcm", "rate": 11025}, "11025 Hz"),
    (("audio", "input", "transcription"), "en", "expected a Transcription or None"),
    (("audio", "input", "transcription", "model"), None, "expected text"),
    (("audio", "input", "transcription", "delay"), "long", "expected one of 'minimal'"),
    (("audio", "input", "noise_reduction", "type"), "loud", "'near_field' or 'far_field'"),
    ((*VAD, "type"), "none", "'semantic_vad' or 'server_vad'"),
    ((*VAD, "eagerness"), "eager", "one of 'low', 'medium', 'high', 'auto'"),
    ((*VAD, "threshold"), 1.1, "from 0 to 1"),
    ((*VAD, "prefix_padding_ms"), -1, "a whole number of at least 0"),
    ((*VAD, "silence_duration_ms"), 0.5, "a whole number of at least 0"),
    ((*VAD, "idle_timeout_ms"), -1, "at least 0"),
    ((*VAD, "create_response"), None, "True or False"),
    ((*VAD, "interrupt_response"), "no", "True or False"),
    (("audio", "output", "format"), 12345, "12345 Hz"),
    (("audio", "output", "voice"), {"id": "x"}, "expected text"),
    (("audio", "output", "model"), None, "expected text"),
    (("audio", "output", "speed"), 0.2, "from 0.25 to 1.5"),
    (("audio", "output", "speed"), 1.6, "from 0.25 to 1.5"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "words"), BAD, ids=lambda v: str(v)[:40])
def test_every_range_and_choice_is_kept_to(path, value, words):
    data = value
    for step in reversed(path):
        data = {step: data}
    with pytest.raises(ConfigError) as caught:
        SessionConfig.from_dict(data)
    assert str(caught.value).startswith(".".join(("session", *path)))
    assert words in str(caught.value)


@pytest.mark.parametrize("data", [None, 5, "x", [], [("model", "x")]])
def test_settings_are_an_object(data):
    with pytest.raises(ConfigError, match="session: expected an object, got"):
        SessionConfig.from_dict(data)


def test_the_data_handed_in_is_not_changed_and_not_kept():
    hints = ["en"]
    data = {"voice": "Clive", "audio": {"output": {"speed": 1.0}},
            "providerData": {"stt": {"language_hints": hints}}}  # fmt: skip
    before = json.dumps(data)
    config = SessionConfig.from_dict(data)
    assert json.dumps(data) == before
    hints.append("de")
    assert config.provider_data.stt.language_hints == ["en"]


def test_a_token_for_an_mcp_server_is_not_printed():
    tool = McpTool(server_label="s", authorization="hush", headers={"Authorization": "hush"})
    assert "hush" not in repr(SessionConfig(tools=[tool]))
    assert SessionConfig(tools=[tool]).to_dict()["tools"][0]["authorization"] == "hush"


# --- from a file ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_settings_come_from_a_file(tmp_path, encoding):
    path = tmp_path / "agent.json"
    path.write_text(json.dumps(FULL | {"instructions": "Řekni"}, ensure_ascii=False), encoding)
    assert SessionConfig.from_json(path).instructions == "Řekni"
    assert SessionConfig.from_json(str(path)).to_dict()["tools"] == FULL["tools"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a JSON file"),
        (b"model: x", "not a JSON file"),
        (b"\xff\xfe", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[]", "session: expected an object, got list"),
        (b'{"modl": "x"}', "session.modl: unknown field; did you mean 'model'?"),
        (b'{"temperature": NaN}', "session.temperature: expected a number from 0 to 2, got nan"),
    ],
    ids=lambda v: str(v)[:20],
)
def test_a_file_that_is_no_settings_is_refused_by_its_name(tmp_path, content, words):
    path = tmp_path / "agent.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        SessionConfig.from_json(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        SessionConfig.from_json(tmp_path / "missing.json")


# --- from a server --------------------------------------------------------------------------------


def test_the_flat_schema_of_older_servers_is_understood():
    config = read(
        SessionConfig,
        {
            "modelId": "m",
            "modalities": ["text"],
            "voice": "Clive",
            "input_audio_format": "pcm16",
            "output_audio_format": "g711_ulaw",
            "input_audio_transcription": {"model": "inworld/inworld-stt-1"},
            "turn_detection": {"type": "server_vad"},
            "max_response_output_tokens": "inf",
            "text_generation_config": {"seed": 1},
        },
    )
    assert config == SessionConfig.of(
        model="m",
        output_modalities=["text"],
        max_output_tokens="inf",
        audio=AudioConfig(
            input=AudioInput(
                format=AudioFormat(),
                transcription=Transcription(model="inworld/inworld-stt-1"),
                turn_detection=TurnDetection(type="server_vad"),
            ),
            output=AudioOutput(format=AudioFormat("audio/pcmu"), voice="Clive"),
        ),
        provider_data={"text_generation_config": {"seed": 1}},
    )


def test_the_modern_place_wins_over_the_older_one():
    data = {"model": "new", "modelId": "old", "voice": "old", "audio": {"output": {"voice": "new"}}}
    config = read(SessionConfig, data)
    assert (config.model, config.audio.output.voice) == ("new", "new")


@pytest.mark.parametrize("audio", [None, 5, [], {"output": 5}])
def test_nonsense_in_the_place_of_an_older_name_is_no_harm(audio):
    assert read(SessionConfig, {"voice": "x", "audio": audio, "model": "m"}).model == "m"


def test_what_a_server_invents_does_not_hide_the_rest():
    config = read(
        SessionConfig,
        {
            "type": "transcription",
            "model": None,
            "temperature": 9,
            "output_modalities": ["audio", "video"],
            "audio": {"output": {"voice": {"id": "v"}, "speed": 3, "format": "opus"}},
            "tools": [
                {"type": "hologram"},
                {"type": "function"},
                {"type": "function", "name": "f"},
            ],
            "tool_choice": "perhaps",
            "providerData": {"memory": {"state": {"version": "new", "summary": "s"}}},
        },
    )
    assert (config.type, config.model, config.temperature) == ("transcription", UNSET, 9)
    assert config.output_modalities == ["audio", "video"]
    assert config.audio.output == AudioOutput(speed=3)
    assert config.tools == [UnknownTool(type="hologram"), FunctionTool(name="f")]
    assert config.tool_choice == "perhaps"
    assert config.provider_data.memory.state.version is UNSET
    assert config.provider_data.memory.state.summary == "s"


def test_what_is_not_told_is_unset_however_deep_one_looks():
    config = read(SessionConfig, {})
    assert config.audio.input.turn_detection.eagerness is UNSET
    assert config.tool_choice.name is UNSET
    assert not config.tools


# --- changed --------------------------------------------------------------------------------------


def test_a_change_keeps_what_it_does_not_name():
    config = SessionConfig.of(voice="Clive", speed=1.2, model="m")
    changed = config.merged(SessionConfig.of(voice="Sarah"))
    assert changed == SessionConfig.of(voice="Sarah", speed=1.2, model="m")
    assert config.audio.output.voice == "Clive"
    assert config.merged(SessionConfig()) == config


def test_another_kind_of_turn_detection_replaces_the_old_one():
    config = SessionConfig.of(turn_detection={"type": "semantic_vad", "eagerness": "low"})
    server = config.merged(
        SessionConfig.of(turn_detection={"type": "server_vad", "threshold": 0.4})
    )
    assert server.audio.input.turn_detection == TurnDetection(type="server_vad", threshold=0.4)
    same = config.merged(SessionConfig.of(turn_detection={"create_response": False}))
    assert same.audio.input.turn_detection == TurnDetection(
        type="semantic_vad", eagerness="low", create_response=False
    )
    off = config.merged(SessionConfig.of(turn_detection=None))
    assert off.audio.input.turn_detection is None
    assert off.merged(config) == config


def test_lists_are_replaced_as_a_whole():
    config = SessionConfig(tools=[FunctionTool(name="a"), FunctionTool(name="b")])
    assert config.merged(SessionConfig(tools=[WebSearchTool()])).tools == [WebSearchTool()]
    assert config.merged(SessionConfig(tools=[])).tools == []


def test_alternatives_replace_each_other():
    config = SessionConfig(truncation=Truncation(retention_ratio=0.5), tracing="auto", prompt="p")
    changed = config.merged(
        SessionConfig(truncation="auto", tracing=Tracing(group_id="g"), prompt=Prompt(id="x"))
    )
    assert (changed.truncation, changed.tracing, changed.prompt) == (
        "auto",
        Tracing(group_id="g"),
        Prompt(id="x"),
    )


@settings(max_examples=25)
@given(old=declared.shapes(SessionConfig), new=declared.shapes(SessionConfig))
def test_a_merge_has_all_that_is_new(old, new):
    merged = old.merged(new)
    assert merged.merged(new) == merged
    assert SessionConfig().merged(new) == new
    assert old.merged(SessionConfig()) == old


@settings(max_examples=25)
@given(config=declared.shapes(SessionConfig))
def test_the_wire_form_gives_the_settings_back(config):
    assert read(SessionConfig, json.loads(json.dumps(config.to_dict()))) == config


# --- one answer -----------------------------------------------------------------------------------


def test_settings_for_one_answer_are_strict_and_flat():
    config = ReplyConfig.of(
        output_modalities=["text"],
        instructions="x",
        voice="Sarah",
        conversation="none",
        max_output_tokens="inf",
        tools=[],
        tool_choice=ToolChoice(name="f"),
        temperature=1,
        audio={"output": {"format": "pcm16", "voice": "Sarah"}},
        input=[{"type": "item_reference", "id": "i"}],
        metadata={"a": "b"},
        prompt=None,
        reasoning={"effort": "low"},
        parallel_tool_calls=False,
    )
    assert config.tool_choice == ToolChoice(type="function", name="f")
    assert config.input == [ItemReference(id="i")]
    assert config.audio.output.format == AudioFormat()
    with pytest.raises(
        ConfigError, match=r"response\.modalities: unknown field; did you mean 'out"
    ):
        ReplyConfig.of(modalities=["text"])
    with pytest.raises(ConfigError, match=r"response\.temperature: expected a number from 0 to 2"):
        ReplyConfig.of(temperature=5)
    with pytest.raises(ConfigError, match=r"response\.metadata\.a: expected text, got 1"):
        ReplyConfig.of(metadata={"a": 1})


def test_tools_may_be_given_as_objects_or_dicts():
    config = SessionConfig.of(tools=[FunctionTool(name="a"), {"type": "function", "name": "b"}])
    assert [t.name for t in config.tools] == ["a", "b"]
    assert all(isinstance(t, Tool) for t in config.tools)
