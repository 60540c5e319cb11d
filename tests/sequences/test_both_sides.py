"""Our client and the simulator over a real socket, with every oddity that the service is known for.

What is counted here is what tables cannot show: that nobody asked twice, and that no error came.
"""

from __future__ import annotations

import itertools
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from inworld_rt import Client
from inworld_rt.events import (
    BackchannelDone,
    BackchannelSkipped,
    InputTimeout,
    ItemTruncated,
    ResponseCreated,
)
from inworld_rt.items import InputText, Message
from inworld_rt.simulator import Simulator, ToolCall, scripted
from inworld_rt.simulator.ears import ScriptedEars
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.testing import FakeSound
from tests.sequences.players import RECORDED, spoken
from tests.support.background import PATIENCE, Background
from tests.support.brains import ToneVoice
from tests.support.sequences import HEARD, TEXT, Json

ODD: Json = {
    "bad_base64": True,
    "conversation_created": True,
    "late_deltas": True,
    "legacy_event_names": True,
    "missing_event_id": True,
    "odd_chunks": True,
    "rate_limits": True,
    "repeat_calls": True,
    "repeat_completed": True,
    "turn_suggestions": True,
    "typeless_frame": True,
    "unknown_event": True,
    "usage_on_event": True,
}
LONG = "word " * 100


@pytest.fixture(params=[{}, "none", ODD], ids=["usual", "none", "odd"])
def quirks(request: pytest.FixtureRequest) -> Any:
    return request.param


@contextmanager
def session(
    quirks: Any, *says: Any, pace: float = 50, more: Json | None = None, **options: Any
) -> Iterator[Client]:
    simulator = Simulator(
        replies=scripted(says or [TEXT]),
        voice=ToneVoice(),
        ears=ScriptedEars(itertools.repeat(HEARD)),
        quirks=Quirks.of(quirks, **(more or {})),
        pace=pace,
    )
    with simulator as server:
        with Client(url=server.url, credentials=server.api_key, timeout=PATIENCE, **options) as c:
            yield c


def answers(client: Client) -> int:
    """How many answers the server has begun."""
    client.retrieve_item(next(iter(client.conversation)).id or "")  # all before it has arrived
    client.close()
    # In another thread: this one passes over the events of answers that it has waited for.
    begun: list[ResponseCreated] = Background(lambda: list(client.events(ResponseCreated))).result()
    return len(begun)


def turns(rule: Json | None) -> Json:
    return {"config": {"audio": {"input": {"turn_detection": rule}}}}


@pytest.mark.parametrize("modalities", [["audio", "text"], ["audio"], ["text"]], ids=str)
def test_a_text_turn(quirks: Any, modalities: list[str]) -> None:
    with session(quirks, config={"output_modalities": modalities}) as client:
        response = client.say("one two").wait()
        assert (response.text, response.status) == (TEXT, "completed")
        assert len(response.audio) in ((9600, 9840) if "audio" in modalities else (0,))
        assert response.usage and response.usage.total_tokens
        assert (answers(client), client.stats.errors) == (1, 0)


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "semantic_vad", "eagerness": "high"},
        {"type": "server_vad"},
        {"type": "server_vad", "create_response": False},
        None,
    ],
    ids=["semantic", "server", "asked", "push-to-talk"],
)
def test_a_spoken_turn(quirks: Any, rule: Json | None) -> None:
    with session(quirks, **turns(rule)) as client:
        assert client.send_recording(RECORDED).text == TEXT
        assert HEARD.rstrip("?") in str(client.conversation)
        assert (answers(client), client.stats.errors) == (1, 0)


@pytest.mark.parametrize("automatic", [False, True], ids=["manual", "automatic"])
@pytest.mark.parametrize("count", [1, 3])
def test_calls_of_tools(quirks: Any, automatic: bool, count: int) -> None:
    """However many are called, there is one answer that calls and one that follows."""
    cities = ["Oslo", "Rome", "Bonn"][:count]
    asked: list[str] = []

    def weather(city: str) -> str:
        """Tell the weather."""
        asked.append(city)
        return "sunny"

    config = {"providerData": {"auto_tool_response": automatic}}
    calls = [ToolCall("weather", {"city": city}) for city in cities]
    with session(quirks, calls, TEXT, config=config, tools=[weather]) as client:
        assert client.ask("one two") == TEXT
        assert sorted(asked) == sorted(cities)
        assert (answers(client), client.stats.errors) == (2, 0)


def test_barge_in(quirks: Any) -> None:
    rule = {"type": "semantic_vad", "eagerness": "high"}
    sound = FakeSound(rates=[24000])
    with session(quirks, LONG, TEXT, pace=20, **turns(rule)) as client:
        with client.voice_chat(audio=sound, echo="none"):
            first = client.say("one two")
            heard_before = iter(first)
            for _ in range(10):
                next(heard_before)
            sound.advance(0.5)
            sound.say(spoken(900))
            sound.advance(2.5)
            cut = client.wait_for(ItemTruncated)
            assert first.wait().status == "cancelled"
            second = client.wait_for_response()
            assert LONG.startswith(first.heard_text) and first.heard_text not in ("", LONG.strip())
            assert cut.audio_end_ms is not None and 400 <= cut.audio_end_ms < 3000
            assert second.text == TEXT
        assert (answers(client), client.stats.errors) == (2, 0)


def test_cancel_and_go_on(quirks: Any) -> None:
    with session(quirks, LONG, TEXT, pace=5) as client:
        first = client.say("one two")
        next(first)
        first.cancel()
        assert first.wait().status == "cancelled"
        assert client.ask("three") == TEXT
        client.cancel_response()  # nothing is there to be cancelled
        assert (answers(client), client.stats.errors) == (2, 0)


def test_truncate_retrieve_delete(quirks: Any) -> None:
    with session(quirks) as client:
        (item,) = client.say("one two").wait().items
        assert item.id is not None
        client.truncate_item(item.id, 90)
        found = client.retrieve_item(item.id)
        assert isinstance(found, Message)
        assert (found.text, len(found.content[0].audio or b"")) == ("One", 4320)  # type: ignore[union-attr]
        client.delete_item(item.id)
        assert item.id not in client.conversation
        assert client.stats.errors == 0


def test_settings_change_while_the_agent_speaks(quirks: Any) -> None:
    with session(quirks, "word " * 20, pace=5) as client:
        response = client.say("one two")
        next(response)
        assert client.update_session(voice="Sarah").audio.output.voice == "Sarah"
        assert not response.done
        assert response.text == "word " * 20
        assert (answers(client), client.stats.errors) == (1, 0)


def test_an_interjection_and_a_filler(quirks: Any) -> None:
    filler = {
        "enabled": True,
        "enable_filler_on_first_assistant_reply": True,
        "initial_wait_timeout_ms": 1,
    }
    config = {"providerData": {"backchannel": {"enabled": True}, "responsiveness": filler}}
    scripts = {"backchannel_script": ("Mm-hm.",), "filler_script": ("Let me see.",)}
    with session(quirks, more=scripts, config=config) as client:
        with wave.open(str(RECORDED)) as recording:
            rest = recording.readframes(recording.getnframes())
        response = client.send_recording(spoken(1500) + rest)
        assert response.text == f"Let me see. {TEXT}"
        assert client.wait_for(BackchannelDone).phrase == "Mm-hm."
        assert (answers(client), client.stats.errors) == (1, 0)


def test_an_answer_aside(quirks: Any) -> None:
    """Beside the main one, with a context of its own, and not in the conversation."""
    with session(quirks, LONG, TEXT, more={"out_of_band": True}) as client:
        main = client.say("one two")
        next(main)
        aside = client.create_response(
            conversation="none",
            input=[Message(role="user", content=[InputText(text="mood?")])],
            metadata={"about": "mood"},
            output_modalities=["text"],
        )
        assert aside.text == TEXT
        assert main.text == LONG
        assert [m.text for m in client.conversation if isinstance(m, Message)] == ["one two", LONG]
        assert (answers(client), client.stats.errors) == (2, 0)


def test_nobody_speaks_any_more(quirks: Any) -> None:
    with session(quirks, **turns({"type": "server_vad", "idle_timeout_ms": 1})) as client:
        first = client.say("one two").wait()
        second = client.wait_for_response()
        assert second.id != first.id
        assert client.wait_for(InputTimeout).item_id in client.conversation


def test_an_interjection_is_skipped_without_a_word(quirks: Any) -> None:
    allowed = {"enabled": True, "allowed_phrases": ["Yes."]}
    config = {"providerData": {"backchannel": allowed}}
    scripts = {"backchannel_script": ("Mm-hm.",)}
    with session(quirks, more=scripts, config=config) as client:
        assert client.send_recording(spoken(1500)).text == TEXT
        assert client.wait_for(BackchannelSkipped).reason == "no_phrase"
