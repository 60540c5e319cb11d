"""Our client plays the client's column of every table, to a server that plays its own exactly.

And to servers that differ from it in what real ones do: without the events in parentheses, with
old names, without ids, in another order. The user gets the same from all of them, and the client
sends what is in the table and nothing else.
"""

from __future__ import annotations

import pytest
from attrs import field, frozen

from inworld_rt.errors import ServerError
from inworld_rt.pcm import AudioFormat, tone
from tests.sequences import acts, tables
from tests.sequences.acts import Act, On
from tests.sequences.parts import WEATHER, Steps
from tests.sequences.players import Script, Variant
from tests.support.scripted import SLICE, Scripted
from tests.support.sequences import TEXT, C, Json

SECOND = tone(440, 1000, AudioFormat())
TELEPHONE_SECOND = b"\x80" * 8000


@frozen
class Case:
    """A table, and what a user of the client does in it."""

    steps: Steps
    act: Act
    session: Json = field(factory=dict)
    """Settings besides the usual ones."""
    names: Json = field(factory=dict)
    slice: bytes = SLICE
    tools: bool = False
    telephone: bool = False


# --- the cases ------------------------------------------------------------------------------------

PUSH: Json = {"audio": {"input": {"turn_detection": None}}}
AUTO: Json = {"providerData": {"auto_tool_response": True}}
SEMANTIC: Json = {"type": "semantic_vad", "eagerness": "high"}
SERVER: Json = {"type": "server_vad", "silence_duration_ms": 300}
IDLE: Json = {**SERVER, "idle_timeout_ms": 5000}
ASKED: Json = {"type": "server_vad", "create_response": False}


def turns(rule: Json) -> Json:
    return {"audio": {"input": {"turn_detection": rule}}}


CUT: Json = {"names": {"ms": 1000}, "slice": SECOND}
SHORT = "Audio content of 666ms is already shorter than 1000ms"
CASES = {
    "11.1 connect": Case((), acts.only_connect),
    "11.1 greeting": Case(tables.GREETING, acts.greet),
    "11.2 text turn": Case(tables.TEXT_TURN, acts.ask),
    "11.2 text turn, both": Case(tables.turn_as(("audio", "text")), acts.ask_as("audio", "text")),
    "11.2 text turn, audio": Case(tables.turn_as(("audio",)), acts.ask_as("audio")),
    "11.2 text turn, text": Case(tables.turn_as(("text",)), acts.ask_as("text")),
    "11.3 voice turn, semantic_vad": Case(tables.VOICE_TURN, acts.speak, turns(SEMANTIC)),
    "11.3 voice turn, server_vad": Case(tables.VOICE_TURN, acts.speak, turns(SERVER)),
    "11.3 voice turn, create_response false": Case(
        tables.VOICE_TURN_ASKED, acts.speak, turns(ASKED)
    ),
    "11.4 push-to-talk": Case(tables.PUSH_TO_TALK, acts.push_to_talk, PUSH),
    "11.4 push-to-talk into an answer": Case(tables.PUSH_INTO_AN_ANSWER, acts.push, PUSH, **CUT),
    "11.5 barge-in": Case(tables.BARGE_IN, acts.barge_in, **CUT),
    "11.5 barge-in, truncated too late": Case(
        tables.LEARNED,
        acts.barge_in,
        names={"ms": 1000, "short": SHORT, "less": 333},
        slice=TELEPHONE_SECOND,
        telephone=True,
    ),
    "11.6 one call, manual": Case(tables.ONE_CALL, acts.use_tool(1), tools=True),
    "11.6 several calls, manual": Case(tables.SEVERAL_CALLS, acts.use_tool(2), tools=True),
    "11.6 one call, automatic": Case(tables.AUTO_CALL, acts.use_tool(1), AUTO, tools=True),
    "11.6 several calls, automatic": Case(tables.AUTO_CALLS, acts.use_tool(2), AUTO, tools=True),
    "11.6 a call that is cut off": Case(tables.CALL_CUT_OFF, acts.lose_a_call, tools=True),
    "11.7 cancel": Case(tables.CANCEL, acts.cancel, names={"ms": 50}),
    "11.7 acts.cancel, too late": Case(tables.CANCEL_TOO_LATE, acts.cancel_too_late),
    "11.8 items": Case(tables.ITEMS, acts.items, names={"ms": 50, "parts": []}),
    "11.8 no such item": Case(tables.NO_SUCH_ITEM, acts.ask_for_nobody),
    "11.8 beyond the audio": Case(
        tables.BEYOND_THE_AUDIO, acts.truncate_too_late, names={"short": SHORT}
    ),
    "11.9 update while the agent speaks": Case(
        tables.UPDATE_MEANWHILE, acts.update_meanwhile, names={"said": "One two. One two."}
    ),
    "11.10 a telephone call": Case(
        tables.VOICE_TURN, acts.speak, slice=TELEPHONE_SECOND, telephone=True
    ),
    "11.11 back-channel": Case(tables.BACKCHANNEL, acts.hear_mm_hm),
    "11.11 back-channel, skipped": Case(tables.SKIPPED, acts.hear_mm_hm),
    "11.11 filler": Case(tables.FILLER, acts.hear_filler),
    "11.12 out-of-band": Case(tables.OUT_OF_BAND, acts.ask_aside),
    "11.13 idle timeout": Case(tables.IDLE, acts.fall_silent, turns(IDLE)),
}

IDS = frozenset({"event_id", "previous_item_id", "response_id", "output_index", "content_index"})
AGAIN = frozenset(
    {
        "response.done",
        "conversation.item.added",
        "response.output_item.done",
        "response.function_call_arguments.done",
        "conversation.item.input_audio_transcription.completed",
        "input_audio_buffer.speech_stopped",
    }
)
VARIANTS = [
    Variant("exact"),
    Variant("bare", optional=False),
    Variant("legacy", legacy=True),
    Variant("without ids", without=IDS),
    Variant("nameless", without=IDS, nameless=True),
    Variant("backwards", backwards=True),
    Variant("short types", last=True),
    Variant("twice", twice=AGAIN),
    Variant("odd", odd=True),
    Variant("all", False, True, IDS, True, True),
]


def merged(below: Json, above: Json) -> Json:
    """One object over another."""
    out = dict(below)
    for name, value in above.items():
        both = name != "format" and isinstance(value, dict) and isinstance(out.get(name), dict)
        out[name] = merged(out[name], value) if both else value
    return out


def play(case: Case, variant: Variant) -> None:
    session = merged(tables.TELEPHONE if case.telephone else {}, case.session)
    expected = merged(tables.SETTINGS, session)
    if case.tools:
        expected["tools"] = [WEATHER]
    steps = (*tables.connect_with(expected), *case.steps)
    script = Script(steps, variant, {"said": TEXT, **case.names}, case.slice)
    ran = []

    def weather(city: str) -> dict[str, str]:
        """Tell the weather."""
        ran.append(city)
        return {"sky": f"Sunny in {city}"}

    with Scripted(script, start=False) as server:
        try:
            with server.client(config=session, tools=[weather] if case.tools else []) as client:
                case.act(On(server, client))
        except BaseException:
            if script.error is not None:
                raise script.error from None
            raise
    assert script.played
    assert script.more(server) == []
    assert len(ran) == sum("function_call_output" in str(m) for m in server.received)


def possible(case: Case, variant: Variant) -> bool:
    """What has no id cannot be truncated."""
    return not (variant.nameless and "ms" in case.names)


@pytest.mark.parametrize(
    ("name", "variant"),
    [(name, v) for name, case in CASES.items() for v in VARIANTS if possible(case, v)],
    ids=str,
)
def test_the_client_keeps_to_the_table(name: str, variant: Variant) -> None:
    play(CASES[name], variant)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if not v.odd], ids=str)
def test_settings_that_are_refused_fail_the_start(variant: Variant) -> None:
    """11.1, step 6': and nothing else is sent."""
    script = Script(tables.REFUSED, variant)
    with Scripted(script, start=False) as server:
        with pytest.raises(ServerError) as caught:
            server.client(
                config={"audio": {"input": {"transcription": {"model": "nobody/nothing"}}}}
            )
        assert caught.value.param == "session.audio.input.transcription.model"
    assert script.played and script.more(server) == []


def test_settings_are_sent_before_the_greeting() -> None:
    """11.1: nobody waits for a greeting that may not come."""
    script = Script(tables.CONNECT_AT_ONCE, VARIANTS[0])
    with Scripted(script, start=False) as server, server.client() as client:
        On(server, client).over()
    assert script.played and script.more(server) == []


def test_the_check_notices_what_the_client_sends_otherwise() -> None:
    wrong = C("response.create", response={"voice": "Sarah"})
    steps = [wrong if step == C("response.create") else step for step in tables.TEXT_TURN]
    with pytest.raises(AssertionError, match="Sarah"):
        play(Case(tuple(steps), acts.ask), VARIANTS[0])


def test_the_check_notices_what_the_client_sends_besides() -> None:
    def act(on: On) -> None:
        acts.ask(on)
        on.client.clear_audio()

    with pytest.raises(AssertionError, match="clear"):
        play(Case(tables.TEXT_TURN, act), VARIANTS[0])
