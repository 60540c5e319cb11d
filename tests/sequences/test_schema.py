"""Without quirks, every event of the simulator is in the schema of the package ``openai``.

The usual quirks differ from it where they say so (protocol: quirk switches).
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt.events.client import (
    InputAudioClear,
    InputAudioCommit,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    OutputAudioClear,
    ResponseCancel,
    ResponseCreate,
)
from inworld_rt.items import FunctionCallOutput
from inworld_rt.simulator import ToolCall, scripted
from inworld_rt.simulator.quirks import Quirks, table
from tests.sequences.schema import TOOL, conforms
from tests.support.brains import Bench, buzz, one, types, wired

pydantic = pytest.importorskip("pydantic")


def text_turn(bench):
    bench.configure(output_modalities=["text"], temperature=0.5, tools=[TOOL])
    bench.say("one two")


def voice_turn(bench):
    bench.speak()
    bench.finish()


def server_vad_turn(bench):
    rule = {"type": "server_vad", "idle_timeout_ms": 2000}
    bench.configure(audio={"input": {"turn_detection": rule}})
    bench.speak()
    bench.pass_time(8)


def manual_turn(bench):
    bench.set_manual()
    bench.append(buzz(300))
    bench.send(InputAudioCommit())
    bench.send(ResponseCreate())
    bench.finish()
    bench.append(buzz(300))
    bench.send(InputAudioClear())
    bench.send(OutputAudioClear())


def telephone_turn(bench):
    bench.configure(audio={"input": {"format": "g711_ulaw"}, "output": {"format": "g711_alaw"}})
    bench.say("one two")


def tool_turn(bench):
    bench.configure(tools=[TOOL])
    call = one(bench.say("call"), "response.done").response.output[-1]
    bench.send(ItemCreate(item=FunctionCallOutput(call_id=call.call_id, output="{}")))
    bench.finish()


def cancel(bench):
    bench.send(ResponseCreate())
    bench.pass_time(0.02)
    bench.send(ResponseCancel())
    bench.send(ResponseCancel())


def barge_in(bench):
    bench.send(ResponseCreate())
    bench.pass_time(0.02)
    bench.speak()
    bench.finish()


def items(bench):
    item = one(bench.say("one two"), "response.done").response.output[0].id
    bench.send(ItemTruncate(item_id=item, audio_end_ms=100))
    bench.send(ItemTruncate(item_id=item, audio_end_ms=9999))
    bench.send(ItemRetrieve(item_id=item))
    bench.send(ItemDelete(item_id=item))
    bench.send(ItemDelete(item_id=item))
    bench.send({"type": "nonsense"})
    bench.send("{")


def too_long(bench):
    bench.send({"type": "response.create", "response": {"max_output_tokens": 1}})
    bench.finish()


def seeded(bench):
    for role, kind in (("system", "input_text"), ("assistant", "output_text")):
        item = {"type": "message", "role": role, "content": [{"type": kind, "text": "x"}]}
        bench.send({"type": "conversation.item.create", "item": item})


SCENARIOS = {
    "text": (text_turn, "hello there", "conversation.item.done"),
    "voice": (voice_turn, "hello there", "input_audio_buffer.speech_stopped"),
    "server_vad": (server_vad_turn, "hello", "input_audio_buffer.timeout_triggered"),
    "manual": (manual_turn, "hello there", "input_audio_buffer.cleared"),
    "telephone": (telephone_turn, "hello there", "response.output_audio.delta"),
    "tool": (tool_turn, ["Wait. ", ToolCall("weather")], "response.function_call_arguments.done"),
    "cancel": (cancel, "hello there you", "error"),
    "barge_in": (barge_in, "hello there you", "output_audio_buffer.cleared"),
    "items": (items, "hello there", "conversation.item.retrieved"),
    "too_long": (too_long, "hello there", "response.done"),
    "seeded": (seeded, "x", "conversation.item.added"),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_quirks_every_event_is_in_the_schema(name):
    play, reply, proof = SCENARIOS[name]
    bench = Bench(scripted([reply]), quirks="none")
    play(bench)
    assert proof in types(bench.log)
    conforms(wired(bench.log))


def test_the_check_notices_what_is_wrong():
    good = wired(Bench(quirks="none").log)
    conforms(good)
    for change in ({"surprise": 1}, {"event_id": 5}, {"type": "x"}):
        with pytest.raises((AssertionError, pydantic.ValidationError)):
            conforms([{**good[0], **change}])
    with pytest.raises((AssertionError, pydantic.ValidationError)):
        conforms(wired(Bench().log))  # has providerData


ITEMS = "conversation.item."
DIFFERENCES = {
    "omit_call_name": {"response.function_call_arguments.done"},
    "omit_transcription_usage": {f"{ITEMS}input_audio_transcription.completed"},
    "short_content_types": {
        f"{ITEMS}added",  # of a seeded answer
        f"{ITEMS}done",
        f"{ITEMS}retrieved",
        "response.output_item.done",
        "response.done",
    },
    "no_response_id_on_output_buffer": {
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "output_audio_buffer.cleared",
    },
    "ping": {"ping"},
    "provider_data": {"session.created", "session.updated"},
}
"""The events that a switch, which is on by default, takes out of the schema. All others leave it
as it is: what they change is allowed there."""


def unlike(quirks):
    """The kinds of events that are not in the schema, of all scenarios."""
    found = set()
    for play, reply, _ in SCENARIOS.values():
        bench = Bench(scripted([reply]), quirks=quirks)
        play(bench)
        bench.pass_time(25)  # for a ping
        for data in wired(bench.log):
            try:
                conforms([data])
            except (AssertionError, pydantic.ValidationError):
                found.add(data["type"])
    return found


OFF = Quirks.of("none")
USUAL = [switch for switch in table() if getattr(OFF, switch.name) != switch.default]


@pytest.mark.parametrize("switch", USUAL, ids=lambda switch: switch.name)
def test_each_usual_oddity_differs_where_it_says_so(switch):
    quirks = Quirks.of("none", **{switch.name: switch.default})
    assert unlike(quirks) == DIFFERENCES.get(switch.name, set())


def test_all_usual_oddities_together_differ_nowhere_else():
    assert unlike(None) == set().union(*DIFFERENCES.values())


@settings(max_examples=40)
@given(st.lists(st.sampled_from(sorted(SCENARIOS)), max_size=3))
def test_nor_after_one_another(names):
    bench = Bench(scripted(["hello there you", [ToolCall("weather")]]), quirks="none")
    for name in names:
        if name not in ("tool", "items"):  # these read a certain reply
            SCENARIOS[name][0](bench)
    conforms(wired(bench.log))
