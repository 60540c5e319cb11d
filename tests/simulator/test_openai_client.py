"""Independence: another maker's client and another maker's schema judge the simulator."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any, get_args

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
from inworld_rt.simulator import Simulator, ToolCall, echo, scripted
from inworld_rt.simulator.ears import ScriptedEars
from tests.support.brains import PCM, Bench, ToneVoice, buzz, one, types, wired

openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

from openai._models import FinalRequestOptions  # noqa: E402 - only where it is installed
from openai.types.realtime import RealtimeServerEvent  # noqa: E402

# Their client opens the socket in a way that their WebSocket library is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:connect\\(\\) must be used:DeprecationWarning")

TIMEOUT = 10


class Elsewhere(openai.OpenAI):  # type: ignore[misc,name-defined]
    """Their client, led to another address by the hook that it has for that."""

    def __init__(self, server: Simulator) -> None:
        super().__init__(api_key=server.api_key, max_retries=0)
        self._server = server

    def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        options = super()._prepare_options(options)
        options.url = f"{self._server.url}?key=openai-1&protocol=realtime"
        options.headers = {"Authorization": f"Basic {self._server.api_key}"}
        return options


@pytest.fixture
def connection():
    ears = ScriptedEars(itertools.repeat("what time is it"))
    options = {"replies": echo, "voice": ToneVoice(), "ears": ears, "api_key": "a2V5OnNlY3JldA=="}
    with Simulator(quirks="none", pace=50, **options) as server:
        with Elsewhere(server) as client, client.realtime.connect() as connection:
            assert connection.recv().type == "session.created"
            yield connection


def until(connection, name):
    got = []
    while not got or got[-1].type != name:
        got.append(connection.recv())
        assert got[-1].type != "error", got[-1]
    return got


def test_a_text_turn(connection):
    connection.session.update(session={"type": "realtime", "instructions": "Hi."})
    assert connection.recv().session.instructions == "Hi."
    content = [{"type": "input_text", "text": "one two"}]
    connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": content}
    )
    connection.response.create()
    got = until(connection, "response.done")
    assert got[-1].response.output[0].content[0].transcript == "one two"
    sound = [base64.b64decode(e.delta) for e in got if e.type == "response.output_audio.delta"]
    assert len(b"".join(sound)) == PCM.bytes(200)


def send_sound(connection, pcm):
    for start in range(0, len(pcm), PCM.bytes(100)):
        piece = pcm[start : start + PCM.bytes(100)]
        connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())


def test_a_spoken_turn_found_by_the_server(connection):
    rule = {"type": "server_vad", "silence_duration_ms": 300}
    connection.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": rule}}}
    )
    until(connection, "session.updated")
    send_sound(connection, buzz(1000) + PCM.silence(600))
    got = until(connection, "response.done")
    names = [e.type for e in got]
    assert names[0] == "input_audio_buffer.speech_started"
    assert "conversation.item.input_audio_transcription.completed" in names
    assert got[-1].response.output[0].content[0].transcript == "what time is it"


def test_a_spoken_turn_committed_by_hand(connection):
    connection.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    )
    until(connection, "session.updated")
    send_sound(connection, buzz(500))
    connection.input_audio_buffer.commit()
    connection.response.create()
    got = until(connection, "response.done")
    assert got[0].type == "input_audio_buffer.committed"
    assert got[-1].response.output[0].content[0].transcript == "what time is it"


# --- the schema --------------------------------------------------------------------------------


def _classes() -> dict[str, type[Any]]:
    union = get_args(get_args(RealtimeServerEvent)[0]) or get_args(RealtimeServerEvent)
    return {get_args(cls.model_fields["type"].annotation)[0]: cls for cls in union}


CLASSES = _classes()

INWORLD_ADDS = {
    "session.id",
    "session.object",
    "session.expires_at",
    "session.temperature",
    "session.audio.output.model",
}
"""What Inworld's session has besides the schema."""


def undeclared(parsed: Any, path: str = "") -> list[str]:
    """Paths of fields that the schema does not know."""
    if isinstance(parsed, list):
        return [p for i, v in enumerate(parsed) for p in undeclared(v, path)]
    if not isinstance(parsed, pydantic.BaseModel):
        return []
    found = [f"{path}{name}" for name in parsed.model_extra or {}]
    for name in type(parsed).model_fields:
        found += undeclared(getattr(parsed, name), f"{path}{name}.")
    return found


def conforms(events: list[dict[str, Any]]) -> None:
    for data in events:
        cls = CLASSES.get(data["type"])
        assert cls is not None, f"{data['type']} is not in the schema"
        # From JSON, where numbers and texts cannot be taken for one another.
        parsed = pydantic.TypeAdapter(cls).validate_json(json.dumps(data), strict=True)
        extra = set(undeclared(parsed)) - INWORLD_ADDS
        assert not extra, f"{data['type']}: {extra}"


TOOL = {"type": "function", "name": "weather", "description": "d", "parameters": {"type": "object"}}


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


@settings(max_examples=40)
@given(st.lists(st.sampled_from(sorted(SCENARIOS)), max_size=3))
def test_nor_after_one_another(names):
    bench = Bench(scripted(["hello there you", [ToolCall("weather")]]), quirks="none")
    for name in names:
        if name not in ("tool", "items"):  # these read a certain reply
            SCENARIOS[name][0](bench)
    conforms(wired(bench.log))
