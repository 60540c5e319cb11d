"""The sequences, codes and clocks of the service (protocol: sequences; errors)."""

from __future__ import annotations

import base64
import json

import pytest

from inworld_rt.events.client import (
    InputAudioAppend,
    InputAudioClear,
    InputAudioCommit,
    ItemCreate,
    ItemTruncate,
    OutputAudioClear,
    ResponseCancel,
    ResponseCreate,
)
from inworld_rt.items import FunctionCall, FunctionCallOutput, InputAudio, InputText, Message
from inworld_rt.pcm import AudioFormat, encode
from inworld_rt.simulator import incoming
from inworld_rt.simulator.conversation import Conversation, ToolCall, scripted
from tests.support.brains import PCM, WORD_MS, Bench, buzz, one, sound, squeezed, types, wired

SPOKEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "output_audio_buffer.started",
    "response.output_audio_transcript.delta",
    "response.output_text.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
    "output_audio_buffer.stopped",
]
CANCEL = ["response.output_audio.done", "response.output_audio_transcript.done"]
CANCEL += ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
CANCEL += ["conversation.item.done", "response.done", "output_audio_buffer.cleared"]
TOOL = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CLOCK = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}
PARIS = ToolCall("weather", {"city": "Paris"})


def first_steps(events):
    """Types, each once, in the order in which they first came."""
    return list(dict.fromkeys(types(events)))


# --- sequences -----------------------------------------------------------------------------------


def test_connecting_shows_the_defaults_then_takes_an_update():
    bench = Bench()
    assert types(bench.log) == ["session.created"]
    assert bench.log[0].session.audio.output.voice == "Dennis"
    assert bench.log[0].session.expires_at == 1_003_600
    got = bench.configure(audio={"output": {"voice": "Clive"}})
    assert types(got) == ["session.updated"]
    assert got[0].session.audio.output.voice == "Clive"
    assert got[0].session.audio.output.speed == 1.0


def test_a_text_turn_answered_by_speech():
    bench = Bench()
    assert types(bench.write("one two three")) == [
        "conversation.item.added",
        "conversation.item.done",
    ]
    got = bench.send(ResponseCreate()) + bench.finish()
    assert first_steps(got) == SPOKEN
    done = one(got, "response.done").response
    assert done.status == "completed"
    assert done.output[0].content[0].type == "audio"
    assert done.output[0].text == "one two three"
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens
    assert len(sound(got)) == PCM.bytes(3 * WORD_MS + 5)


def test_words_come_in_step_with_their_sound():
    got = Bench().say("one two three")
    deltas = [t for t in types(got) if t.endswith("delta")]
    word = ["response.output_audio_transcript.delta", "response.output_text.delta"]
    assert deltas == [*word, "response.output_audio.delta"] * 3 + ["response.output_audio.delta"]


def test_speech_is_sent_five_times_as_fast_as_it_sounds_and_at_once():
    bench = Bench(scripted(["one two three four"]))
    begun = bench.now
    bench.send(ResponseCreate())
    while not sound(bench.log):
        bench.until(bench.brain.next_due())
    assert bench.now == begun
    bench.finish()
    assert bench.now == pytest.approx(begun + 4 * WORD_MS / 1000 / 5)


def test_text_only():
    bench = Bench()
    bench.configure(output_modalities=["text"])
    got = bench.say("one two")
    assert squeezed(got) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert one(got, "response.content_part.added").part.type == "text"


def test_audio_only_has_no_text_events():
    bench = Bench()
    bench.configure(output_modalities=["audio"])
    assert not [t for t in types(bench.say("one two")) if "output_text" in t]


@pytest.mark.parametrize("kind", ["semantic_vad", "server_vad"])
def test_a_voice_turn(kind):
    bench = Bench()
    bench.configure(audio={"input": {"turn_detection": {"type": kind}}})
    got = bench.speak() + bench.finish()
    user = "conversation.item.input_audio_transcription"
    assert first_steps(got)[:8] == [
        "input_audio_buffer.speech_started",
        f"{user}.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{user}.completed",
        "response.created",
    ]
    item_ids = {e.item_id for e in got if e.type.startswith(("input_audio_buffer", user))}
    assert len(item_ids) == 1
    assert one(got, f"{user}.completed").transcript == "what time is it"
    assert one(got, "response.done").response.output[0].text == "what time is it"
    start = one(got, "input_audio_buffer.speech_started").audio_start_ms
    assert 0 <= start < one(got, "input_audio_buffer.speech_stopped").audio_end_ms


@pytest.mark.parametrize(
    ("stt", "silence_ms"),
    [({}, 1000), ({"max_turn_silence": 200}, 200), ({"min_end_of_turn_silence": 1300}, 1300)],
)
def test_the_recognisers_own_limits_of_silence(stt, silence_ms):
    bench = Bench(quirks={"turn_suggestions": True})
    bench.configure(providerData={"stt": stt})
    got = [e for e in bench.speak() if e.type == "input_audio_buffer.turn_suggestion"]
    assert got[-1].trailing_silence_ms == pytest.approx(silence_ms, abs=20)


def test_without_create_response_the_turn_is_committed_and_no_more():
    bench = Bench()
    bench.configure(audio={"input": {"turn_detection": {"create_response": False}}})
    got = bench.speak() + bench.finish()
    assert "input_audio_buffer.committed" in types(got)
    assert "response.created" not in types(got)
    assert "response.done" in types(bench.send(ResponseCreate()) + bench.finish())


def test_push_to_talk():
    bench = Bench()
    bench.set_manual()
    assert types(bench.send(InputAudioClear())) == ["input_audio_buffer.cleared"]
    assert bench.append(buzz(500)) == []
    got = bench.send(InputAudioCommit())
    assert types(got) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    got = bench.send(ResponseCreate()) + bench.finish()
    assert types(got)[1].endswith("transcription.completed")
    assert one(got, "response.done").response.output[0].text == "what time is it"


def test_a_commit_alone_makes_no_answer():
    bench = Bench()
    bench.set_manual()
    bench.append(buzz(500))
    bench.send(InputAudioCommit())
    assert "response.created" not in types(bench.finish())


@pytest.mark.parametrize("name", ["pcm16", "g711_ulaw", "g711_alaw", "audio/float32"])
def test_every_format_is_heard_and_spoken(name):
    bench = Bench()
    bench.configure(audio={"input": {"format": name}, "output": {"format": name}})
    format = AudioFormat.of(name)
    speech = encode(buzz(1200, AudioFormat("audio/pcm", format.rate)), format)
    got = bench.append(speech + format.silence(1500), format=format) + bench.finish()
    assert len(sound(got)) == format.bytes(4 * WORD_MS) + format.bytes(5)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 44100, 48000])
def test_every_rate_is_spoken(rate):
    bench = Bench()
    bench.configure(audio={"output": {"format": {"type": "audio/pcm", "rate": rate}}})
    format = AudioFormat("audio/pcm", rate)
    assert len(sound(bench.say("one two"))) == format.bytes(200) + format.bytes(5)


def test_barge_in():
    bench = Bench(scripted(["one two three four five six seven eight"]))
    bench.send(ResponseCreate())
    bench.pass_time(0.05)
    got = bench.append(buzz(1200))
    assert first_steps(got)[: 1 + len(CANCEL)] == ["input_audio_buffer.speech_started", *CANCEL]
    done = one(got, "response.done").response
    assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
    assert done.output[0].status == "incomplete"
    assert bench.brain.history.entries[0].item.status == "incomplete"
    item = done.output[0].id
    cut = bench.send(ItemTruncate(item_id=item, audio_end_ms=150))
    assert types(cut) == ["conversation.item.truncated"]
    assert bench.brain.history.find(item).item.text == "one two"
    rest = bench.append(PCM.silence(1500)) + bench.finish()
    assert one(rest, "response.done").response.status == "completed"


def test_without_interrupt_response_the_answer_goes_on_and_the_next_cannot_start():
    bench = Bench(scripted(["one two three"]), pace=0.01)
    bench.configure(audio={"input": {"turn_detection": {"interrupt_response": False}}})
    bench.send(ResponseCreate())
    got = bench.speak() + bench.pass_time(0)
    assert "response.done" not in types(got)
    assert one(got, "error").error.code == "conversation_already_has_active_response"


def test_a_cancelled_answer_closes_what_it_opened():
    bench = Bench(scripted(["one two three four"]))
    bench.send(ResponseCreate())
    bench.pass_time(0.02)
    answer = one(bench.log, "response.created").response.id
    got = bench.send(ResponseCancel(response_id=answer))
    assert types(got) == CANCEL
    assert one(got, "response.done").response.status_details.reason == "client_cancelled"
    assert bench.finish() == []


def test_one_call():
    bench = Bench(scripted([PARIS, "It rains."]))
    bench.configure(tools=[TOOL])
    got = bench.say("weather?")
    assert squeezed(got) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    added = one(got, "response.output_item.added").item
    assert (added.name, added.status, added.arguments) == ("weather", "in_progress", "")
    done = one(got, "response.function_call_arguments.done")
    assert (done.name, done.arguments) == (None, '{"city": "Paris"}')


def test_the_agent_goes_on_once_every_call_has_its_output():
    bench = Bench(scripted([[PARIS, ToolCall("clock")], "Both are done."]))
    bench.configure(tools=[TOOL, CLOCK])
    calls = one(bench.say("both"), "response.done").response.output
    assert [c.arguments for c in calls] == ['{"city": "Paris"}', ""]
    for last, call in ((False, calls[0]), (True, calls[1])):
        item = FunctionCallOutput(call_id=call.call_id, output="{}")
        got = bench.send(ItemCreate(item=item)) + bench.finish()
        assert types(got)[:2] == ["conversation.item.added", "conversation.item.done"]
        assert ("response.done" in types(got)) is last


def test_with_auto_tool_response_off_the_client_asks():
    bench = Bench(scripted([PARIS, "It rains."]))
    bench.configure(tools=[TOOL], providerData={"auto_tool_response": False})
    call = one(bench.say("weather?"), "response.done").response.output[0]
    bench.send(ItemCreate(item=FunctionCallOutput(call_id=call.call_id, output="{}")))
    assert bench.finish() == []
    assert one(bench.send(ResponseCreate()) + bench.finish(), "response.done")


def test_words_and_calls_in_one_answer():
    bench = Bench(scripted([["Let me look. ", PARIS]]))
    got = bench.say("weather?")
    assert [i.type for i in one(got, "response.done").response.output] == [
        "message",
        "function_call",
    ]
    assert [e.output_index for e in got if e.type == "response.output_item.added"] == [0, 1]


def test_the_tool_sees_its_output_under_its_name():
    seen: list[Conversation] = []

    def replies(conversation):
        seen.append(conversation)
        yield PARIS if len(seen) == 1 else "ok"

    bench = Bench(replies)
    call = one(bench.say("weather?"), "response.done").response.output[0]
    bench.send(ItemCreate(item=FunctionCallOutput(call_id=call.call_id, output="rain")))
    bench.finish()
    assert [(t.role, t.text, t.name) for t in seen[1].turns] == [
        ("user", "weather?", None),
        ("tool", "rain", "weather"),
    ]


def test_idle_timeout():
    bench = Bench()
    rule = {"type": "server_vad", "idle_timeout_ms": 3000}
    bench.configure(audio={"input": {"turn_detection": rule}})
    bench.write("one two")
    bench.send(ResponseCreate())
    said = bench.pass_time(0.04)
    assert types(said)[-2:] == ["response.done", "output_audio_buffer.stopped"]
    # Counted from the end of the 200 ms that the client still plays.
    assert bench.pass_time(3.19) == []
    got = bench.pass_time(0.02)
    assert first_steps(got)[:4] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert "response.created" in types(got)
    empty = one(got, "input_audio_buffer.committed").item_id
    assert bench.brain.history.find(empty).item.content[0].transcript == ""


def test_pings_come_every_twenty_seconds():
    bench = Bench()
    got = bench.pass_time(60)
    assert types(got) == ["ping"] * 3
    assert got[0].timestamp == 1_000_020_000


def test_a_session_expires_with_an_error_and_a_close():
    bench = Bench(quirks={"ping": 0}, lifetime=100)
    bench.pass_time(50)
    bench.configure(instructions="longer")
    assert bench.pass_time(99) == []
    got = bench.pass_time(2)
    assert one(got, "error").error.code == "session_expired"
    assert bench.brain.ended.code == 1001
    assert bench.brain.next_due() is None


def test_max_output_tokens_makes_an_answer_incomplete():
    bench = Bench(scripted(["one two three four five six"]))
    got = bench.send({"type": "response.create", "response": {"max_output_tokens": 3}})
    got += bench.finish()
    done = one(got, "response.done").response
    assert (done.status, done.status_details.reason) == ("incomplete", "max_output_tokens")
    assert len(done.output[0].text.split()) == 2
    assert done.output[0].status == "incomplete"


@pytest.mark.parametrize(
    "override", [{"voice": "Clive"}, {"audio": {"output": {"voice": "Clive"}}}]
)
def test_one_answer_with_another_voice(override):
    bench = Bench(scripted(["one"]))
    got = bench.send({"type": "response.create", "response": {**override, "metadata": {"a": "b"}}})
    bench.finish()
    response = one(got, "response.created").response
    assert response.audio.output.voice == "Clive"
    assert response.metadata == {"a": "b"}
    assert bench.brain.settings.output["voice"] == "Dennis"


def test_instructions_tools_and_modalities_of_one_answer():
    seen = []

    def replies(conversation):
        seen.append(conversation)
        yield "hi"

    bench = Bench(replies)
    asked = {"instructions": "Be brief.", "tools": [TOOL], "output_modalities": ["text"]}
    bench.send({"type": "response.create", "response": {**asked, "tool_choice": "none"}})
    assert "response.output_text.done" in types(bench.finish())
    assert (seen[0].instructions, seen[0].tool_choice) == ("Be brief.", "none")
    assert seen[0].tools[0]["name"] == "weather"


def test_an_answer_outside_the_conversation():
    bench = Bench(quirks={"out_of_band": True})
    request = {
        "conversation": "none",
        "metadata": {"topic": "x"},
        "output_modalities": ["text"],
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "aside"}],
            }
        ],
    }
    bench.write("main main main")
    bench.send(ResponseCreate())
    got = bench.send({"type": "response.create", "response": request}) + bench.finish()
    aside = next(e.response for e in got if e.type == "response.done" and e.response.metadata)
    assert (aside.conversation_id, aside.output[0].text) == (None, "aside")
    sent = next(e["response"] for e in wired(got) if e.get("response", {}).get("metadata"))
    assert sent["conversation_id"] is None
    assert len(bench.brain.history.entries) == 2
    assert types(got).count("response.done") == 2


def test_an_answer_outside_the_conversation_about_a_part_of_it():
    bench = Bench(quirks={"out_of_band": True})
    bench.write("first", "mine")
    bench.write("second")
    request = {"conversation": "none", "input": [{"type": "item_reference", "id": "mine"}]}
    got = bench.send({"type": "response.create", "response": request}) + bench.finish()
    assert one(got, "response.done").response.output[0].text == "first"
    for wrong in ("nobody", None):
        request["input"] = [{"type": "item_reference", "id": wrong}]
        error = one(bench.send({"type": "response.create", "response": request}), "error").error
        assert (error.code, error.param) == ("invalid_value", "response.input[0].id")
    request["input"] = []
    got = bench.send({"type": "response.create", "response": request}) + bench.finish()
    assert one(got, "response.done").response.output == []


def test_without_the_switch_an_answer_outside_the_conversation_is_refused():
    bench = Bench()
    request = {"conversation": "none", "input": [], "metadata": {"topic": "x"}}
    got = bench.send({"type": "response.create", "response": request}) + bench.finish()
    assert one(got, "error").error.param == "response.conversation"
    assert "response.created" not in types(got)


def pair(output="rain"):
    """A call and its output, as a client writes them for history."""
    call = FunctionCall(id="call", call_id="c1", name="weather", arguments="{}")
    return call, FunctionCallOutput(call_id="c1", output=output)


def test_a_seeded_call_with_its_output_asks_for_nothing():
    seen = []

    def replies(conversation):
        seen.append(conversation)
        yield "ok"

    bench = Bench(replies)
    call, output = pair()
    assert types(bench.send(ItemCreate(item=call)))[0] == "conversation.item.added"
    bench.send(ItemCreate(item=output))
    assert bench.finish() == []
    bench.say("and now?")
    assert [(t.role, t.text, t.name) for t in seen[0].turns] == [
        ("tool", "rain", "weather"),
        ("user", "and now?", None),
    ]


def test_a_seeded_pair_is_put_where_it_belongs():
    bench = Bench()
    bench.write("last", "last")
    call, output = pair()
    got = bench.send(ItemCreate(item=call, previous_item_id="root"))
    assert got[0].previous_item_id is None
    got = bench.send(ItemCreate(item=output, previous_item_id="call"))
    assert got[0].previous_item_id == "call"
    assert [e.item.type for e in bench.brain.history.entries] == [
        "function_call",
        "function_call_output",
        "message",
    ]
    error = one(bench.send(ItemCreate(item=output, previous_item_id="nobody")), "error").error
    assert (error.code, error.param) == ("invalid_value", "previous_item_id")
    assert len(bench.brain.history.entries) == 3


def test_an_output_that_comes_before_the_answer_has_ended_counts():
    bench = Bench(scripted([[PARIS, "One moment please."], "It rains."]))
    bench.write("weather?")
    bench.send(ResponseCreate())
    while "response.function_call_arguments.done" not in types(bench.log):
        bench.until(bench.brain.next_due())
    call = one(bench.log, "response.function_call_arguments.done").call_id
    bench.send(ItemCreate(item=FunctionCallOutput(call_id=call, output="rain")))
    texts = [e.response.output[-1].text for e in bench.finish() if e.type == "response.done"]
    assert texts == ["One moment please.", "It rains."]


def test_recorded_speech_in_an_item():
    bench = Bench()
    got = bench.send(ItemCreate(item=Message(content=[InputAudio(audio=buzz(300))])))
    assert "audio" not in wired(got)[0]["item"]["content"][0]
    got = bench.send(ResponseCreate()) + bench.finish()
    assert one(got, "response.done").response.output[0].text == "what time is it"
    item = bench.brain.history.entries[0].id
    back = bench.send({"type": "conversation.item.retrieve", "item_id": item})
    assert back[0].item.content[0].audio == buzz(300)


def test_a_failing_reply_source_fails_the_answer_not_the_session():
    def replies(conversation):
        yield "one "
        raise RuntimeError("boom")

    bench = Bench(replies)
    bench.configure(output_modalities=["text"])
    got = bench.say("x")
    assert one(got, "error").error.type == "server_error"
    assert one(got, "response.done").response.status == "failed"
    assert types(bench.write("still there"))[0] == "conversation.item.added"


def test_output_audio_clear_is_acknowledged():
    assert types(Bench().send(OutputAudioClear())) == ["output_audio_buffer.cleared"]


def test_a_timed_voice():
    bench = Bench()
    bench.configure(providerData={"tts": {"timestamp_type": "WORD"}})
    got = bench.say("one two")
    infos = [e.timestamp_info for e in got if e.type == "response.output_audio.delta"]
    words = [i.word_alignment.words for i in infos if i]
    assert words == [["one"], ["two"]]
    assert infos[1].word_alignment.word_start_time_seconds == [0.1]


def test_a_voice_profile_where_it_is_asked_for():
    bench = Bench()
    bench.configure(providerData={"stt": {"voice_profile": True}})
    got = bench.speak() + bench.finish()
    done = one(got, "conversation.item.input_audio_transcription.completed")
    assert done.provider_data["voiceProfile"]["emotion"][0]["label"]


def test_no_transcripts_where_transcription_is_off():
    bench = Bench()
    bench.configure(audio={"input": {"transcription": None}})
    got = bench.speak() + bench.finish()
    assert not [t for t in types(got) if "transcription" in t]
    assert one(got, "response.done").response.output[0].text == "what time is it"


def test_ears_that_fail_are_reported():
    class Broken:
        def listen(self, rate, language=None, prompt=None):
            raise OSError("no ears")

        def warm_up(self):
            pass

    got = (bench := Bench(ears=Broken())).speak() + bench.finish()
    failed = one(got, "conversation.item.input_audio_transcription.failed")
    assert failed.error.type == "server_error"


def test_changing_the_input_format_within_a_turn_waits_for_its_end():
    bench = Bench()
    bench.append(buzz(800))
    got = bench.configure(audio={"input": {"format": "g711_ulaw", "turn_detection": None}})
    assert got[0].session.audio.input.turn_detection is None
    got = bench.append(PCM.silence(1500))
    assert "input_audio_buffer.committed" in types(got)


def test_the_other_word_for_a_tools_output():
    item = {"type": "function_call_result", "call_id": "c", "content": "rain"}
    got = Bench().send({"type": "conversation.item.create", "item": item})
    assert (got[0].item.type, got[0].item.output) == ("function_call_output", "rain")


def test_half_a_character_is_refused():
    bench = Bench()
    frame = wired([ItemCreate(item=Message(content=[InputText(text="XX")]))])[0]
    got = bench.send(json.dumps(frame).replace("XX", "\\ud800"))
    assert one(got, "error").error.code == "invalid_json"
    got = bench.send(json.dumps(frame).replace("XX", "\\ud83d\\ude00"))
    assert got[0].item.text == "\U0001f600"


# --- errors --------------------------------------------------------------------------------------

PCM64 = base64.b64encode(bytes(480)).decode()

ERRORS = {
    "unknown type": ({"type": "no.such"}, "unknown_event_type", None),
    "no type": ({"event_id": "c"}, "missing_required_parameter", "type"),
    "type is no text": ({"type": 5}, "invalid_type", "type"),
    "not JSON": ("{", "invalid_json", None),
    "not an object": ("[1]", "invalid_json", None),
    "no session": ({"type": "session.update"}, "missing_required_parameter", "session"),
    "session is a list": ({"type": "session.update", "session": []}, "invalid_type", "session"),
    "no audio": ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    "bad base64": ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_value", "audio"),
    "audio is a number": (
        {"type": "input_audio_buffer.append", "audio": 1},
        "invalid_type",
        "audio",
    ),
    "empty commit": (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
    "nothing to cancel": ({"type": "response.cancel"}, "response_cancel_not_active", None),
    "delete nothing": (
        {"type": "conversation.item.delete", "item_id": "x"},
        "item_delete_invalid_item_id",
        "item_id",
    ),
    "retrieve nothing": (
        {"type": "conversation.item.retrieve", "item_id": "x"},
        "item_retrieve_invalid_item_id",
        "item_id",
    ),
    "truncate nothing": (
        {"type": "conversation.item.truncate", "item_id": "x", "audio_end_ms": 1},
        "item_truncate_invalid_item_id",
        "item_id",
    ),
    "no time": (
        {"type": "conversation.item.truncate", "item_id": "x"},
        "missing_required_parameter",
        "audio_end_ms",
    ),
    "no item": (
        {"type": "conversation.item.create"},
        "missing_required_parameter",
        "item",
    ),
    "item without type": (
        {"type": "conversation.item.create", "item": {}},
        "missing_required_parameter",
        "item.type",
    ),
    "unknown item": (
        {"type": "conversation.item.create", "item": {"type": "x"}},
        "invalid_value",
        "item.type",
    ),
    "an item of the server's": (
        {"type": "conversation.item.create", "item": {"type": "mcp_call"}},
        "invalid_value",
        "item.type",
    ),
    "unknown role": (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "x", "content": []},
        },
        "invalid_value",
        "item.role",
    ),
    "assistant audio": (
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "audio": PCM64}],
            },
        },
        "invalid_value",
        "item.content[0].type",
    ),
    "half a sample": (
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_audio", "audio": "AAAA"}],
            },
        },
        "invalid_value",
        "item.content[0].audio",
    ),
    "unknown previous": (
        {
            "type": "conversation.item.create",
            "previous_item_id": "x",
            "item": {"type": "message", "role": "user", "content": []},
        },
        "invalid_value",
        "previous_item_id",
    ),
    "a part without text": (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
        },
        "missing_required_parameter",
        "item.content[0].text",
    ),
    "a part whose text is none": (
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Hi"},
                    {"type": "input_text", "text": 5},
                ],
            },
        },
        "invalid_type",
        "item.content[1].text",
    ),
    "a part that is none": (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": ["Hi"]},
        },
        "invalid_type",
        "item.content[0]",
    ),
    "output for no call": (
        {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "output": ""},
        },
        "missing_required_parameter",
        "item.call_id",
    ),
    "unknown voice": (
        {"type": "response.create", "response": {"voice": "Nobody"}},
        "invalid_value",
        "response.voice",
    ),
    "another conversation": (
        {"type": "response.create", "response": {"conversation": "none"}},
        "invalid_value",
        "response.conversation",
    ),
    "too many tokens": (
        {"type": "response.create", "response": {"max_output_tokens": 5000}},
        "invalid_value",
        "response.max_output_tokens",
    ),
    "unknown recogniser": (
        {
            "type": "session.update",
            "session": {"audio": {"input": {"transcription": {"model": "x/y"}}}},
        },
        "invalid_value",
        "session.audio.input.transcription.model",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_wrong_requests_are_refused_and_the_session_goes_on(case):
    frame, code, param = ERRORS[case]
    bench = Bench()
    if isinstance(frame, dict):
        frame = {"event_id": "mine", **frame}
    got = bench.send(frame)
    error = one(got, "error").error
    assert (error.type, error.code, error.param) == ("invalid_request_error", code, param)
    named = (
        isinstance(frame, dict) and isinstance(frame.get("type"), str) and case != "unknown type"
    )
    assert error.event_id == ("mine" if named else None)
    assert types(bench.say("still there"))[-2] == "response.done"


def test_a_second_answer_is_refused_while_one_is_active():
    bench = Bench(scripted(["one two three"]))
    bench.send(ResponseCreate())
    got = bench.send(ResponseCreate(event_id="second"))
    assert one(got, "error").error.code == "conversation_already_has_active_response"
    assert one(got, "error").error.event_id == "second"
    assert types(bench.finish()).count("response.done") == 1


def test_a_cancel_that_names_another_answer_hits_none():
    bench = Bench(scripted(["one two three"]))
    bench.send(ResponseCreate())
    got = bench.send(ResponseCancel(response_id="other"))
    assert one(got, "error").error.code == "response_cancel_not_active"
    assert one(bench.finish(), "response.done").response.status == "completed"


def test_an_item_id_of_the_client_is_kept_and_not_given_twice():
    bench = Bench()
    assert bench.write("hi", "mine")[0].item.id == "mine"
    assert one(bench.write("hi", "mine"), "error").error.param == "item.id"


def test_binary_frames_are_refused():
    got = Bench().brain.receive(incoming.Malformed(incoming.BINARY_FRAME), 0.0)
    assert got[0].error.type == "invalid_request_error"


def test_a_very_long_append_is_heard_as_if_it_had_come_in_pieces():
    bench = Bench()
    speech = buzz(1000) + PCM.silence(1500)
    got = bench.send(InputAudioAppend(audio=speech * 3)) + bench.finish()
    assert types(got).count("input_audio_buffer.committed") == 3
