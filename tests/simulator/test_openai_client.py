"""Independence: another maker's client talks with the simulator; its schema judges each event."""

from __future__ import annotations

import base64
import itertools
import json
from contextlib import contextmanager

import pytest

from inworld_rt.simulator import Simulator, ToolCall, echo, scripted
from inworld_rt.simulator.ears import ScriptedEars
from tests.sequences.schema import TOOL, conforms
from tests.support.brains import PCM, ToneVoice, buzz

openai = pytest.importorskip("openai")

# Their client opens the socket in a way that their WebSocket library is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:connect\\(\\) must be used:DeprecationWarning")


@contextmanager
def connected(*says, quirks="none", **session):
    """Their connection to a simulator that says these things, or what it heard; configured."""
    replies = scripted(says) if says else echo
    ears = ScriptedEars(itertools.repeat("what time is it"))
    options = {"voice": ToneVoice(), "ears": ears, "api_key": "a2V5OnNlY3JldA=="}
    with Simulator(replies=replies, quirks=quirks, pace=50, **options) as server:
        client = openai.OpenAI(api_key="x", websocket_base_url=server.url, max_retries=0)
        manager = client.realtime.connect(
            model="any",  # earlier versions insist on one
            extra_query={"key": "openai-1", "protocol": "realtime"},
            extra_headers={"Authorization": f"Basic {server.api_key}"},
        )
        # Inworld's path has another end than theirs.
        url = manager._prepare_url()
        url = url.copy_with(raw_path=url.raw_path.removesuffix(b"/realtime"))
        manager._prepare_url = lambda: url
        with client, manager as connection:
            judge = quirks == "none"
            assert received(connection, judge).type == "session.created"
            if session:
                connection.session.update(session={"type": "realtime", **session})
                assert received(connection, judge).type == "session.updated"
            yield connection


def received(connection, judge=True):
    """The next event, as their client reads it; and their schema has nothing against it."""
    data = connection.recv_bytes()
    if judge:
        conforms([json.loads(data)])
    return connection.parse_event(data)


def until(connection, name):
    got = []
    while not got or got[-1].type != name:
        got.append(received(connection))
        assert got[-1].type != "error" or name == "error", got[-1]
    return got


def ask(connection, text="one two"):
    content = [{"type": "input_text", "text": text}]
    connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": content}
    )
    connection.response.create()


def said(event):
    return event.response.output[0].content[0].transcript


def test_a_text_turn():
    with connected(instructions="Hi.") as connection:
        ask(connection)
        got = until(connection, "response.done")
        assert said(got[-1]) == "one two"
        sound = [base64.b64decode(e.delta) for e in got if e.type == "response.output_audio.delta"]
        assert len(b"".join(sound)) == PCM.bytes(200)


def send_sound(connection, pcm):
    for start in range(0, len(pcm), PCM.bytes(100)):
        piece = pcm[start : start + PCM.bytes(100)]
        connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())


def test_a_spoken_turn_found_by_the_server():
    rule = {"type": "server_vad", "silence_duration_ms": 300}
    with connected(audio={"input": {"turn_detection": rule}}) as connection:
        send_sound(connection, buzz(1000) + PCM.silence(600))
        got = until(connection, "response.done")
        names = [e.type for e in got]
        assert names[0] == "input_audio_buffer.speech_started"
        assert "conversation.item.input_audio_transcription.completed" in names
        assert said(got[-1]) == "what time is it"


def test_a_spoken_turn_committed_by_hand():
    with connected(audio={"input": {"turn_detection": None}}) as connection:
        connection.input_audio_buffer.clear()
        until(connection, "input_audio_buffer.cleared")
        send_sound(connection, buzz(500))
        connection.input_audio_buffer.commit()
        connection.response.create()
        got = until(connection, "response.done")
        assert got[0].type == "input_audio_buffer.committed"
        assert said(got[-1]) == "what time is it"


def call_of(connection):
    """The call in the answer that comes, whose parts fit together."""
    got = until(connection, "response.done")
    (call,) = got[-1].response.output
    pieces = [e.delta for e in got if e.type == "response.function_call_arguments.delta"]
    (done,) = [e for e in got if e.type == "response.function_call_arguments.done"]
    assert "".join(pieces) == done.arguments == call.arguments == '{"city": "Oslo"}'
    assert (done.call_id, done.name, call.name) == (call.call_id, "weather", "weather")
    return call


def put_out(connection, call):
    output = {"type": "function_call_output", "call_id": call.call_id, "output": '{"sky": "blue"}'}
    connection.conversation.item.create(item=output)


OSLO = ToolCall("weather", {"city": "Oslo"})


def test_a_tool_after_whose_output_the_server_goes_on():
    with connected([OSLO], "It is blue.", tools=[TOOL], tool_choice="auto") as connection:
        ask(connection)
        put_out(connection, call_of(connection))
        assert said(until(connection, "response.done")[-1]) == "It is blue."


def test_a_tool_after_whose_output_the_client_asks():
    """Inworld's own switch passes through their client."""
    manual = {"auto_tool_response": False}
    with connected([OSLO], "It is blue.", tools=[TOOL], providerData=manual) as connection:
        ask(connection)
        put_out(connection, call_of(connection))
        connection.input_audio_buffer.clear()
        names = [e.type for e in until(connection, "input_audio_buffer.cleared")]
        assert names[:-1] == ["conversation.item.added", "conversation.item.done"]
        connection.response.create()
        assert said(until(connection, "response.done")[-1]) == "It is blue."


def test_an_answer_is_cancelled():
    with connected("word " * 500) as connection:
        ask(connection)
        started = until(connection, "response.output_audio.delta")
        connection.response.cancel(response_id=started[-1].response_id)
        done = until(connection, "response.done")[-1].response
        assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
        assert done.output[0].status == "incomplete"
        until(connection, "output_audio_buffer.cleared")
        connection.response.cancel()
        assert received(connection).error.code == "response_cancel_not_active"


def test_an_item_is_truncated_fetched_and_deleted():
    with connected() as connection:
        ask(connection)
        item = until(connection, "response.done")[-1].response.output[0].id
        until(connection, "output_audio_buffer.stopped")
        requests = connection.conversation.item
        requests.truncate(item_id=item, content_index=0, audio_end_ms=100)
        cut = received(connection)
        assert (cut.item_id, cut.content_index, cut.audio_end_ms) == (item, 0, 100)
        requests.retrieve(item_id=item)
        (part,) = received(connection).item.content
        assert part.transcript == "one"
        assert len(base64.b64decode(part.audio)) == PCM.bytes(100)
        requests.delete(item_id=item)
        assert received(connection).item_id == item
        for request in (requests.retrieve, requests.delete):
            request(item_id=item, event_id="mine")
            error = received(connection).error
            assert (error.param, error.event_id) == ("item_id", "mine")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        (
            {"audio": {"input": {"transcription": {"model": "nobody/nothing"}}}},
            "session.audio.input.transcription.model",
        ),
        ({"output_modalities": ["smell"]}, "session.output_modalities"),
        ({"max_output_tokens": 0}, "session.max_output_tokens"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
    ],
)
def test_a_refused_change_changes_nothing(change, param):
    with connected(instructions="Before.") as connection:
        connection.session.update(
            session={"type": "realtime", "instructions": "After.", **change}, event_id="mine"
        )
        error = received(connection).error
        assert (error.type, error.event_id) == ("invalid_request_error", "mine")
        assert error.param.startswith(param)
        connection.session.update(session={"type": "realtime"})
        assert received(connection).session.instructions == "Before."


def test_their_client_gets_along_with_the_usual_oddities():
    """It reads leniently, so that a turn looks the same to its user."""
    with connected(quirks="default") as connection:
        ask(connection)
        event = received(connection, judge=False)
        while event.type != "response.done":
            event = received(connection, judge=False)
        assert said(event) == "one two"
