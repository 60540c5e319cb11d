"""Each switch alone, and any of them together (protocol: quirk switches)."""

from __future__ import annotations

import base64
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt import wire
from inworld_rt.errors import ConfigError
from inworld_rt.events.client import (
    InputAudioCommit,
    ItemCreate,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
)
from inworld_rt.items import FunctionCallOutput
from inworld_rt.pcm import AudioFormat
from inworld_rt.simulator.conversation import ToolCall, scripted
from inworld_rt.simulator.quirks import Quirks, parse, table
from tests.support.brains import PCM, Bench, buzz, one, sound, types, wired

LISTED = """rolling_transcripts repeat_completed dual_text omit_call_name empty_arguments
usage_on_event omit_transcription_usage short_content_types null_previous_for_calls late_deltas
late_speech_started zero_tail odd_chunks truncate_div24 no_response_id_on_output_buffer
reuse_item_ids typeless_frame legacy_event_names missing_event_id unknown_event memory_update
tools_plan_denied backchannel_script filler_script turn_suggestions handshake_status
drop_after_n_events camel_timestamps short_alignments steering_tags top_voice_profile repeat_calls
bad_base64 mcp dtmf_script""".split()

USER = "conversation.item.input_audio_transcription"


def with_quirk(name, value=True, replies=None, **more):
    """A bench on which only this switch is on."""
    quirks = Quirks.of("none", **{name: value})
    return Bench(**({"replies": replies} if replies else {}), quirks=quirks, **more)


# --- the table -----------------------------------------------------------------------------------


def test_every_switch_is_in_the_table():
    assert set(LISTED) <= {switch.name for switch in table()}
    assert all(switch.effect and switch.values for switch in table())


@pytest.mark.parametrize("switch", table(), ids=lambda s: s.name)
def test_every_default_is_a_value_that_the_switch_takes(switch):
    assert Quirks.of({switch.name: switch.default}) == Quirks()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("late_deltas=on", ("late_deltas", True)),
        ("late-deltas", ("late_deltas", True)),
        ("zero_tail=off", ("zero_tail", False)),
        ("handshake_status=429", ("handshake_status", 429)),
        ("ping=0.5", ("ping", 0.5)),
        ("ping=off", ("ping", 0.0)),
        ("drop_after_n_events=3", ("drop_after_n_events", 3)),
        ("filler_script=Well...|Hm.", ("filler_script", ("Well...", "Hm."))),
        ("filler_script=off", ("filler_script", ())),
    ],
)
def test_the_command_lines_form(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["nope=on", "late_deltas=maybe", "handshake_status=200", "ping=-1", "ping=x", "=on"]
)
def test_wrong_switches_are_refused(text):
    with pytest.raises(ConfigError):
        parse(text)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="rolling_transcripts"):
        Quirks.of({"rolling": True})
    with pytest.raises(ConfigError):
        Quirks.of("some")


# --- one by one ----------------------------------------------------------------------------------


def partials(bench):
    return [e.delta for e in bench.speak() if e.type == f"{USER}.delta"]


def test_rolling_transcripts():
    assert partials(with_quirk("rolling_transcripts"))[:2] == ["what", "what time"]
    words = partials(with_quirk("zero_tail"))
    assert words[:2] == ["what", " time"]


def test_repeat_completed():
    bench = with_quirk("repeat_completed", heard=["hello"])
    got = bench.speak() + bench.finish()
    assert [e.transcript for e in got if e.type == f"{USER}.completed"] == ["hello", "hello."]
    names = types(got)
    assert names.index("response.done") < len(names) - names[::-1].index(f"{USER}.completed")
    assert names.index(f"{USER}.completed") < names.index("response.created")


def test_dual_text():
    both = with_quirk("dual_text").say("one two")
    assert [e.delta for e in both if e.type == "response.output_text.delta"] == ["one ", "two"]
    assert not [t for t in types(Bench(quirks="none").say("one")) if "output_text" in t]


def call(bench):
    bench.configure(tools=[{"type": "function", "name": "clock"}])
    return bench.say("time?")


def test_omit_call_name():
    got = call(with_quirk("omit_call_name", replies=scripted([ToolCall("clock")])))
    assert one(got, "response.function_call_arguments.done").name is None
    got = call(with_quirk("zero_tail", replies=scripted([ToolCall("clock")])))
    assert one(got, "response.function_call_arguments.done").name == "clock"


def test_empty_arguments():
    got = call(with_quirk("empty_arguments", replies=scripted([ToolCall("clock")])))
    assert one(got, "response.done").response.output[0].arguments == ""
    got = call(with_quirk("zero_tail", replies=scripted([ToolCall("clock")])))
    assert one(got, "response.done").response.output[0].arguments == "{}"


def test_usage_on_event():
    done = one(with_quirk("usage_on_event").say("hi"), "response.done")
    assert done.response.usage is None
    assert done.usage.total_tokens > 0


def test_omit_transcription_usage():
    got = (bench := with_quirk("omit_transcription_usage")).speak() + bench.finish()
    assert one(got, f"{USER}.completed").usage is None
    got = (bench := with_quirk("zero_tail")).speak() + bench.finish()
    assert one(got, f"{USER}.completed").usage.seconds > 0.5


def test_short_content_types():
    for value, name in ((True, "audio"), (False, "output_audio")):
        done = one(with_quirk("short_content_types", value).say("hi"), "response.done")
        assert done.response.output[0].content[0].type == name


def test_null_previous_for_calls():
    for value in (True, False):
        bench = with_quirk("null_previous_for_calls", value, scripted([ToolCall("clock")]))
        added = [e for e in bench.say("hi") if e.type == "conversation.item.added"]
        assert (added[-1].previous_item_id is None) is value


def test_late_deltas():
    bench = with_quirk("late_deltas", replies=scripted(["one two three"]))
    bench.send(ResponseCreate())
    bench.pass_time(0.02)
    names = types(bench.send(ResponseCancel()))
    late = names[names.index("response.done") + 2 :]
    assert late == ["response.output_audio_transcript.delta", "response.output_audio.delta"]


def test_late_speech_started():
    names = types(with_quirk("late_speech_started").speak())
    assert names[:2] == [f"{USER}.delta", "input_audio_buffer.speech_started"]
    names = types(with_quirk("late_speech_started", heard=[]).speak())
    assert names[:2] == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]


def test_zero_tail():
    slices = [e.audio for e in with_quirk("zero_tail").say("one two") if "audio.delta" in e.type]
    assert slices[-1] == bytes(240)
    assert len(sound(Bench(quirks="none").say("one two"))) == PCM.bytes(200)


def test_odd_chunks():
    got = with_quirk("odd_chunks").say("one two three")
    sizes = [len(e.audio) for e in got if e.type == "response.output_audio.delta"]
    assert sizes[0] % 2 == 1
    assert sound(got) == sound(Bench(quirks="none").say("one two three"))
    assert sum(size % 2 for size in sizes) >= 2


def test_truncate_div24():
    bench = with_quirk("truncate_div24")
    bench.configure(audio={"output": {"format": "g711_ulaw"}})
    item = one(bench.say("one two three"), "response.done").response.output[0].id
    got = bench.send(ItemTruncate(item_id=item, audio_end_ms=200))
    error = one(got, "error").error
    assert error.message == "Audio content of 100ms is already shorter than 200ms"
    assert (error.code, error.param) == ("invalid_value", "audio_end_ms")


def test_no_response_id_on_output_buffer():
    for value in (True, False):
        got = with_quirk("no_response_id_on_output_buffer", value).say("hi")
        assert (one(got, "output_audio_buffer.started").response_id is None) is value


def test_reuse_item_ids():
    bench = with_quirk("reuse_item_ids")
    ids = {one(bench.say("hi"), "response.done").response.output[0].id for _ in range(2)}
    assert len(ids) == 1


def test_typeless_frame():
    bench = with_quirk("typeless_frame")
    bench.say("hi")
    odd = [e for e in wired(bench.log) if "type" not in e]
    assert odd == [{"errorType": "SESSION_RESOURCES_EXHAUSTED"}] * 2


def test_legacy_event_names():
    bench = with_quirk("legacy_event_names")
    names = {e["type"] for e in wired(bench.say("hi"))}
    assert {"response.audio.delta", "response.audio_transcript.done"} <= names
    assert "conversation.item.created" in names
    assert not [n for n in names if "output_audio." in n]


def test_missing_event_id():
    bench = with_quirk("missing_event_id")
    bench.say("hi")
    assert not [e for e in wired(bench.log) if "event_id" in e]
    bench = Bench(quirks="none")
    bench.say("hi")
    ids = [e["event_id"] for e in wired(bench.log)]
    assert len(set(ids)) == len(ids)


def test_unknown_event():
    bench = with_quirk("unknown_event")
    assert "x.unknown" in [e["type"] for e in wired(bench.say("hi"))]


def test_memory_update():
    for value in (True, False):
        bench = with_quirk("memory_update", value)
        bench = Bench(quirks=Quirks.of("none", memory_update=value, provider_data=True))
        bench.configure(providerData={"memory": {"enabled": True, "turn_interval": 2}})
        assert "session.updated" not in types(bench.say("I am Ann"))
        got = bench.say("I like tea")
        assert ("session.updated" in types(got)) is value
        if value:
            state = one(got, "session.updated").session.provider_data.memory.state
            assert (state.version, state.total_turns, state.turns_since_gen) == (1, 2, 0)
            assert len(state.facts) == 2


def test_tools_plan_denied():
    bench = with_quirk("tools_plan_denied")
    assert one(bench.say("hi"), "response.done").response.status == "completed"
    bench.configure(tools=[{"type": "function", "name": "clock"}])
    got = bench.say("hi")
    assert types(got)[-2:] == ["response.created", "response.done"]
    assert got[-1].response.status == "failed"
    assert got[-1].response.status_details.error.type == "server_error"


def test_backchannel_script():
    bench = with_quirk("backchannel_script", ("Mm-hm.", "I see."))
    quiet = bench.append(buzz(2000))
    assert not [t for t in types(quiet) if "backchannel" in t]  # the session did not ask for it
    bench.append(PCM.silence(1500))
    bench.configure(providerData={"backchannel": {"enabled": True, "min_gap_ms": 1000}})
    got = bench.append(buzz(5000))
    names = types(got)
    assert names.index("response.backchannel.audio.delta") > names.index(
        "input_audio_buffer.speech_started"
    )
    assert [e.phrase for e in got if e.type.endswith("channel.audio.done")][:2] == [
        "Mm-hm.",
        "I see.",
    ]
    assert "min_gap_not_elapsed" in [e.reason for e in got if e.type.endswith("skipped")]


def test_filler_script():
    bench = with_quirk("filler_script", ("Well,",))
    bench.configure(
        providerData={
            "responsiveness": {
                "enabled": True,
                "enable_filler_on_first_assistant_reply": True,
                "initial_wait_timeout_ms": 400,
            }
        }
    )
    got = bench.speak()
    begun = bench.now
    while not sound(got):
        got += bench.until(bench.brain.next_due())
    assert bench.now - begun == pytest.approx(0.4)
    got += bench.finish()
    assert one(got, "response.done").response.output[0].text == "Well, what time is it"


def test_turn_suggestions():
    names = [t for t in types(with_quirk("turn_suggestions").speak()) if "turn_" in t]
    assert names == [
        "input_audio_buffer.turn_suggestion",
        "input_audio_buffer.turn_suggestion_revoked",
        "input_audio_buffer.turn_suggestion",
    ]


def timed(name, value, kind="WORD"):
    """The wire's form of a timed answer's audio deltas."""
    bench = with_quirk(name, value, scripted(["One two."]))
    bench.configure(providerData={"tts": {"timestamp_type": kind}})
    return [e for e in wired(bench.say("x")) if e["type"] == "response.output_audio.delta"]


def test_camel_timestamps():
    first = timed("camel_timestamps", True)[0]
    assert "timestamp_info" not in first
    words = first["timestampInfo"]["wordAlignment"]
    assert set(words) == {"words", "wordStartTimeSeconds", "wordEndTimeSeconds", "phoneticDetails"}
    assert set(words["phoneticDetails"][0]["phones"][0]) == {
        "phoneSymbol",
        "visemeSymbol",
        "startTimeSeconds",
        "durationSeconds",
    }
    first = timed("camel_timestamps", False, "CHARACTER")[0]
    assert "character_alignment" in first["timestamp_info"]
    assert "event_id" in first


def test_short_alignments():
    for kind, lists in (
        ("WORD", ("words", "word_start_time_seconds", "word_end_time_seconds")),
        (
            "CHARACTER",
            ("characters", "character_start_time_seconds", "character_end_time_seconds"),
        ),
    ):
        for value in (True, False):
            (found,) = timed("short_alignments", value, kind)[0]["timestamp_info"].values()
            sizes = [len(found[name]) for name in lists]
            assert sizes[0] == sizes[1] == sizes[2] + value


@pytest.mark.parametrize("modalities", [["audio"], ["text"]])
def test_steering_tags(modalities):
    bench = with_quirk("steering_tags", ("laugh", "speak slowly"), scripted(["One two. Three."]))
    bench.configure(output_modalities=modalities, providerData={"tts": {"timestamp_type": "WORD"}})
    got = bench.say("x")
    text = "[laugh] One two. [speak slowly] Three."
    assert one(got, "response.done").response.output[0].text == text
    deltas = [e.delta for e in got if e.type.endswith(("transcript.delta", "text.delta"))]
    assert "".join(deltas) == text
    assert "[laugh] " not in deltas
    if modalities == ["audio"]:
        assert len(sound(got)) == PCM.bytes(300)  # the words alone
        timing = [e.timestamp_info for e in got if getattr(e, "timestamp_info", None)]
        words = [word for info in timing for word in info.word_alignment.words]
        assert words == ["One", "two.", "Three."]


def test_steering_tags_that_are_emitted_once():
    bench = with_quirk("steering_tags", True, scripted(["One. Two."]))
    bench.configure(providerData={"tts": {"steering_handling": "emit_once"}})
    assert one(bench.say("x"), "response.done").response.output[0].text == "[laugh] One. Two."


def test_top_voice_profile():
    for value in (True, False):
        bench = Bench(quirks=Quirks.of("none", top_voice_profile=value, provider_data=True))
        bench.speak()
        bench.finish()
        assert "voiceProfile" not in json.dumps(wired(bench.log))  # not asked for
        bench.configure(providerData={"stt": {"voice_profile": True}})
        bench.speak()
        bench.finish()
        done = next(e for e in reversed(wired(bench.log)) if e["type"] == f"{USER}.completed")
        top = done.get("voiceProfile", {})
        assert set(top) == ({"emotion", "pitch", "vocalStyle"} if value else set())
        assert ("providerData" in done) is not value


def test_repeat_calls():
    bench = with_quirk("repeat_calls", True, scripted([ToolCall("clock"), "It is late."]))
    got = call(bench)
    first, second = one(got, "response.done").response.output
    assert first.call_id == second.call_id
    assert first.id != second.id
    added = [e for e in got if e.type == "response.output_item.added"]
    assert [e.output_index for e in added] == [0, 1]
    bench.send(ItemCreate(item=FunctionCallOutput(call_id=first.call_id, output="{}")))
    assert types(bench.finish()).count("response.done") == 1  # one output answers both


def test_bad_base64():
    bench = with_quirk("bad_base64", True, scripted(["One two."]))
    for _ in range(2):
        deltas = [e for e in wired(bench.say("x")) if e["type"] == "response.output_audio.delta"]
        readable = []
        for delta in deltas:
            try:
                readable.append(len(base64.b64decode(delta["delta"], validate=True)))
            except ValueError:
                readable.append(None)
        assert readable == [PCM.bytes(100), None, PCM.bytes(100)]
    ids = [e["event_id"] for e in wired(bench.log)]
    assert len(set(ids)) == len(ids)


def test_mcp():
    for value in (True, False):
        tool = {"type": "mcp", "server_label": "s", "server_url": "https://example.com"}
        got = with_quirk("mcp", value).configure(tools=[tool])
        assert ("mcp_list_tools.completed" in types(got)) is value


def test_dtmf_script():
    bench = with_quirk("dtmf_script", ("1", "", "#"))
    pressed = [e for e in bench.append(PCM.silence(1400)) if e.type.endswith("dtmf_event_received")]
    assert [e.event for e in pressed] == ["1", "1"]
    assert pressed[0].received_at == bench.now
    assert "event_id" not in wired(pressed)[0]
    pressed = bench.append(PCM.silence(3000))
    assert [e.event for e in pressed if "dtmf" in e.type] == ["#"]


def test_the_others():
    assert "conversation.created" in types(with_quirk("conversation_created").log)
    assert "rate_limits.updated" in types(with_quirk("rate_limits").say("hi"))
    assert types(with_quirk("ping", 5).pass_time(11)) == ["ping", "ping"]
    bench = with_quirk("provider_data", False)
    assert "providerData" not in wired(bench.log)[0]["session"]


# --- any of them, and anything a client can send ------------------------------------------------

ALL = [s for s in table() if s.name not in ("handshake_status", "drop_after_n_events")]
SAMPLES = {"ping": st.sampled_from([0, 1, 20])}
SCRIPT = st.sampled_from([(), ("",), ("Hm.", "Aha.")])
VALUES = {
    s.name: SCRIPT if isinstance(s.default, tuple) else SAMPLES.get(s.name, st.booleans())
    for s in ALL
}
IDS = st.sampled_from(["mine", "id-3", "id-9", "id-14", "no"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
SESSIONS = st.sampled_from(
    [
        {},
        {"output_modalities": ["text"]},
        {"audio": {"input": {"turn_detection": None}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 50}}}},
        {"audio": {"input": {"format": "g711_ulaw"}, "output": {"format": "g711_alaw"}}},
        {"audio": {"output": {"format": {"type": "audio/float32", "rate": 8000}}}},
        {"tools": [{"type": "function", "name": "clock"}]},
        {"providerData": {"memory": {"enabled": True, "turn_interval": 1}}},
        {"providerData": {"backchannel": {"enabled": True, "min_gap_ms": 1}}},
        {"providerData": {"tts": {"timestamp_type": "CHARACTER"}}},
        {
            "providerData": {
                "tts": {"timestamp_type": "WORD", "timestamp_transport_strategy": "ASYNC"}
            }
        },
        {"providerData": {"memory": {"enabled": True, "trim_after_summarize": True}}},
        {
            "providerData": {
                "stt": {"voice_profile": True},
                "tts": {"segmenter_strategy": "full_turn"},
            }
        },
        {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://a"}]},
        {
            "tools": [
                {
                    "type": "mcp",
                    "server_label": "s",
                    "server_url": "https://a",
                    "require_approval": "never",
                }
            ]
        },
        {"providerData": {"responsiveness": {"enabled": True}, "auto_tool_response": False}},
        {"max_output_tokens": 1},
    ]
)
FRAMES = st.one_of(
    st.builds(lambda s: {"type": "session.update", "session": s}, SESSIONS | JSON),
    st.builds(
        lambda i, t: {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "user",
                "id": i,
                "content": [{"type": "input_text", "text": t}],
            },
        },
        IDS,
        st.text(max_size=8),
    ),
    st.builds(lambda i: {"type": "conversation.item.create", "item": i}, JSON),
    st.builds(lambda i: {"type": "conversation.item.delete", "item_id": i}, IDS),
    st.builds(lambda i: {"type": "conversation.item.retrieve", "item_id": i}, IDS),
    st.builds(
        lambda i, ms: {
            "type": "conversation.item.truncate",
            "item_id": i,
            "content_index": 0,
            "audio_end_ms": ms,
        },
        IDS,
        st.integers(-5, 500),
    ),
    st.builds(
        lambda i, yes: {
            "type": "conversation.item.create",
            "item": {"type": "mcp_approval_response", "approval_request_id": i, "approve": yes},
        },
        IDS,
        st.booleans(),
    ),
    st.just({"type": "response.create"}),
    st.builds(lambda r: {"type": "response.create", "response": r}, SESSIONS | JSON),
    st.just({"type": "response.cancel"}),
    st.just({"type": "input_audio_buffer.commit"}),
    st.just({"type": "input_audio_buffer.clear"}),
    st.just({"type": "output_audio_buffer.clear"}),
    st.builds(lambda t: {"type": "input_audio_buffer.append", "audio": t}, JSON),
    st.builds(lambda t, v: {"type": t, "x": v}, st.text(max_size=6), JSON),
)
SPEECH = {ms: buzz(ms) for ms in (60, 700)}
STEPS = st.lists(
    FRAMES
    | st.sampled_from(["speech", "click", "silence", "output"])
    | st.floats(0, 0.3, allow_nan=False),
    max_size=12,
)


def play(bench, step):
    """One step of a client, or some time."""
    if isinstance(step, dict):
        bench.send(json.dumps(step))
    elif isinstance(step, float):
        bench.pass_time(step)
    elif step == "output":
        for entry in list(bench.brain.history.entries):
            if (call_id := getattr(entry.item, "call_id", None)) is not None:
                bench.send(ItemCreate(item=FunctionCallOutput(call_id=call_id, output="{}")))
    else:
        format = bench.brain.settings.input_format
        pcm = {"speech": SPEECH[700], "click": SPEECH[60]}.get(step, PCM.silence(2200))
        size = AudioFormat("audio/pcm").bytes(500)
        for start in range(0, len(pcm), size):
            from inworld_rt.events.client import InputAudioAppend

            bench.send(InputAudioAppend(audio=pcm[start : start + size]))
        assert format is not None


@settings(max_examples=150)
@given(st.fixed_dictionaries({}, optional=VALUES), STEPS)
def test_no_session_ever_crashes_and_every_answer_ends_once(quirks, steps):
    answers = itertools.cycle(
        ["one two. three", ToolCall("clock"), ["Well. ", ToolCall("roll_dice")], "", ToolCall("x")]
    )
    bench = Bench(lambda conversation: scripted([next(answers)])(conversation), quirks=quirks)
    for step in steps:
        play(bench, step)
    bench.send(InputAudioCommit())
    bench.configure(audio={"input": {"turn_detection": None}})  # no more idle timeouts
    bench.finish()
    for event in bench.log:
        wire.encode(event)
    created = [e.response.id for e in bench.log if e.type == "response.created"]
    done = [e.response.id for e in bench.log if e.type == "response.done"]
    assert sorted(created) == sorted(done)
    assert len(set(done)) == len(done)
