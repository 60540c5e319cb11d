"""Who said what when."""

from __future__ import annotations

from typing import Any

import pytest

from inworld_rt.recording.script import Script

SETTINGS = {
    "type": "session.updated",
    "session": {"audio": {"output": {"voice": "Clive", "format": "pcm16"}}},
}
USER = "conversation.item.input_audio_transcription"


def text(*events: tuple[float, str, dict[str, Any]]) -> str:
    script = Script()
    for at, way, event in ((0.0, "received", SETTINGS), *events):
        script.saw(at, way, event)
    return script.text()


def words(at: float, delta: str, item: str = "a") -> tuple[float, str, dict[str, Any]]:
    kind = "response.output_audio_transcript.delta"
    event = {"type": kind, "item_id": item, "response_id": f"of {item}", "delta": delta}
    return at, "received", event


def sound(at: float, ms: int, item: str = "a") -> tuple[float, str, dict[str, Any]]:
    reference = {"file": "received.raw", "at": 0, "bytes": 48 * ms}
    event = {"type": "response.output_audio.delta", "item_id": item, "delta": reference}
    return at, "received", event


def received(at: float, kind: str, **fields: Any) -> tuple[float, str, dict[str, Any]]:
    return at, "received", {"type": kind, **fields}


def note(at: float, kind: str, **fields: Any) -> tuple[float, str, dict[str, Any]]:
    return at, "note", {"note": kind, **fields}


def test_a_spoken_conversation() -> None:
    """A line has the time when the words began to be spoken, or heard."""
    assert text(
        received(3.21, "input_audio_buffer.speech_started", item_id="u"),
        received(4.0, f"{USER}.delta", item_id="u", delta="what is"),
        received(5.0, f"{USER}.completed", item_id="u", transcript="What is a whale?"),
        words(5.2, "A whale "),
        sound(5.3, 1000),
        words(5.4, "is a mammal."),
        note(5.56, "first_heard", item_id="a"),
        received(6.0, "response.done", response={"id": "of a", "status": "completed"}),
        words(64.0, "Anything else?", "b"),
    ) == (
        "00:03.2  You    What is a whale?\n"
        "00:05.6  Clive  A whale is a mammal.\n"
        "01:04.0  Clive  Anything else?\n"
    )


def test_what_was_heard_of_an_answer_that_was_cut() -> None:
    said = (words(1.0, "A whale is a mammal that lives in the sea"), sound(1.1, 4000))
    assert text(*said, note(3.0, "cut", item_id="a", heard_ms=2000)) == (
        "00:01.0  Clive  A whale is a mammal that lives in the sea […] "
        '(cut; heard: "A whale is a mammal")\n'
    )
    truncate = {"type": "conversation.item.truncate", "item_id": "a", "audio_end_ms": 2000}
    odd = (3.1, "sent", {**truncate, "audio_end_ms": 700})  # in a server's own milliseconds
    assert 'heard: "A whale is a mammal"' in text(
        *said, note(3.0, "cut", item_id="a", heard_ms=2000), odd
    )
    assert 'heard: "A whale is a mammal"' in text(*said, (3.0, "sent", truncate))
    assert "(not heard)" in text(*said, note(3.0, "cut", item_id="a", heard_ms=0))
    cancelled = received(3.0, "response.done", response={"id": "of a", "status": "cancelled"})
    assert text(*said, cancelled).endswith("in the sea […] (cut)\n")


def test_what_is_written_and_what_tools_do() -> None:
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    told = {**message, "role": "system"}
    output = {"type": "function_call_output", "call_id": "c", "output": "sunny"}
    call = {
        "type": "function_call",
        "call_id": "c",
        "name": "weather",
        "arguments": '{"city": "Köln", "days": 2}',
    }
    assert text(
        (1.0, "sent", {"type": "conversation.item.create", "item": message}),
        (1.5, "sent", {"type": "conversation.item.create", "item": told}),
        received(2.0, "response.function_call_arguments.done", call_id="c", arguments="{}"),
        received(2.1, "response.done", response={"id": "r", "output": [call]}),
        (2.5, "sent", {"type": "conversation.item.create", "item": output}),
        received(3.0, "response.output_text.delta", item_id="t", delta="Nice\nweather."),
    ) == (
        "00:01.0  You     Hi\n"
        "00:01.5  System  Hi\n"
        '00:02.1  tool    weather(city="Köln", days=2)\n'
        "00:02.5  tool    -> sunny\n"
        "00:03.0  Clive   Nice weather.\n"
    )


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.done", "response": None},
        {"type": "response.done", "response": {"output": [None]}},
        {"type": "session.updated", "session": 3},
        {"type": "response.output_audio_transcript.delta", "item_id": [], "delta": 3},
        {"type": f"{USER}.completed"},
        {"type": ["odd"]},
        {},
    ],
)
def test_a_servers_oddities_are_passed_over(event: dict[str, Any]) -> None:
    assert text((1.0, "received", event), (1.0, "sent", event), words(2.0, "Hi.")) == (
        "00:02.0  Clive  Hi.\n"
    )
