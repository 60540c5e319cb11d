"""The simulator plays the server's column of every table, to a client that knows nothing of us.

With the service's usual oddities and without any of them. Events in parentheses may be absent.
"""

from __future__ import annotations

import itertools
import re
from array import array
from base64 import b64decode, b64encode
from typing import Any

import pytest
from attrs import field, frozen

from inworld_rt.simulator import Simulator, ToolCall, scripted
from inworld_rt.simulator.ears import ScriptedEars
from inworld_rt.simulator.quirks import Quirks
from tests.sequences import tables
from tests.sequences.parts import WEATHER, Steps, began, flows
from tests.sequences.players import APPEND, raw_client, spoken
from tests.support.brains import ToneVoice
from tests.support.sequences import HEARD, TEXT, C, FromServer, Json, S

LONG = "word " * 100
OSLO = ToolCall("weather", {"city": "Oslo"})
ROME = ToolCall("weather", {"city": "Rome"})
TURNS = {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}}}


def turns(kind: str = "semantic_vad", **more: Any) -> Json:
    return {"audio": {"input": {"turn_detection": {"type": kind, **more}}}}


@frozen
class Case:
    """A table, and what the simulator is made to say in it."""

    steps: Steps
    says: list[Any] = field(factory=lambda: [TEXT])
    session: Json | None = None
    names: Json = field(factory=dict)
    quirks: Json = field(factory=dict)
    pace: float = 50


PUSH = {"audio": {"input": {"turn_detection": None}}}
MANUAL = {"tools": [WEATHER], "providerData": {"auto_tool_response": False}}
AUTO = {"tools": [WEATHER]}
CUT = {"names": {"ms": 50}, "says": [LONG, TEXT], "pace": 5}
BACKCHANNEL = {"backchannel": {"enabled": True}}
IDLE = turns("server_vad", idle_timeout_ms=1)
FILLER = {
    "enabled": True,
    "enable_filler_on_first_assistant_reply": True,
    "initial_wait_timeout_ms": 1,
}

CASES = {
    "11.1 connect": Case((tables.CONNECT[1], *tables.ACCEPTED)),
    "11.1 connect, refused": Case(tables.REFUSED[1:]),
    "11.1 greeting": Case(tables.GREETING),
    "11.2 text turn": Case(tables.TEXT_TURN),
    "11.2 text turn, both": Case(tables.turn_as(("audio", "text"))),
    "11.2 text turn, audio": Case(tables.turn_as(("audio",))),
    "11.2 text turn, text": Case(tables.turn_as(("text",))),
    "11.3 voice turn, semantic_vad": Case(tables.VOICE_TURN, session=turns()),
    "11.3 voice turn, server_vad": Case(tables.VOICE_TURN, session=turns("server_vad")),
    "11.3 voice turn, create_response false": Case(
        tables.VOICE_TURN_ASKED, session=turns(create_response=False)
    ),
    "11.3 voice turn, asked for twice": Case(
        tables.VOICE_TURN_ASKED_TWICE, ["word " * 20], turns(), pace=5
    ),
    "11.4 push-to-talk": Case(tables.PUSH_TO_TALK, session=PUSH),
    "11.4 push-to-talk into an answer": Case(tables.PUSH_INTO_AN_ANSWER, session=PUSH, **CUT),
    "11.5 barge-in": Case(tables.BARGE_IN, session=TURNS, **CUT),
    "11.5 barge-in, truncated too late": Case(
        tables.LEARNED, session=TURNS, **{**CUT, "names": {"ms": 99999, "less": 50}}
    ),
    "11.6 one call, manual": Case(tables.ONE_CALL, [[OSLO], TEXT], MANUAL),
    "11.6 several calls, manual": Case(tables.SEVERAL_CALLS, [[OSLO, ROME], TEXT], MANUAL),
    "11.6 one call, automatic": Case(tables.AUTO_CALL, [[OSLO], TEXT], AUTO),
    "11.6 several calls, automatic": Case(tables.AUTO_CALLS, [[OSLO, ROME], TEXT], AUTO),
    "11.7 cancel": Case(tables.CANCEL, **CUT),
    "11.7 nothing to cancel": Case(tables.NOTHING_TO_CANCEL),
    "11.8 items": Case(tables.ITEMS, names={"ms": 100}),
    "11.8 no such item": Case(tables.NO_SUCH_ITEM),
    "11.8 beyond the audio": Case(tables.BEYOND_THE_AUDIO),
    "11.9 update while the agent speaks": Case(tables.UPDATE_MEANWHILE, ["word " * 20], pace=5),
    "11.11 back-channel": Case(
        tables.BACKCHANNEL,
        session={"providerData": BACKCHANNEL},
        quirks={"backchannel_script": ("Mm-hm.",)},
    ),
    "11.11 back-channel, skipped": Case(
        tables.SKIPPED,
        session={"providerData": {"backchannel": {"enabled": True, "allowed_phrases": ["Yes."]}}},
        quirks={"backchannel_script": ("Mm-hm.",)},
    ),
    "11.11 filler": Case(
        tables.FILLER,
        session={"providerData": {"responsiveness": FILLER}},
        quirks={"filler_script": ("Let me see.",)},
    ),
    "11.12 out-of-band": Case(tables.OUT_OF_BAND, quirks={"out_of_band": True}),
    "11.13 idle timeout": Case(tables.IDLE, session=IDLE),
}


def simulator(case: Case, quirks: Any) -> Simulator:
    return Simulator(
        replies=scripted(case.says),
        voice=ToneVoice(),
        ears=ScriptedEars(itertools.repeat(HEARD)),
        quirks=Quirks.of(quirks, **case.quirks),
        pace=case.pace,
    )


def mu_law(pcm: bytes) -> bytes:
    """Every third sample, as a telephone has it."""
    out = bytearray()
    for sample in array("h", pcm)[::3]:
        sign, size = (0x80, -sample) if sample < 0 else (0, sample)
        size = min(size, 32635) + 132
        exponent = size.bit_length() - 8
        out.append(~(sign | exponent << 4 | (size >> (exponent + 3)) & 15) & 0xFF)
    return bytes(out)


CHATTY = {
    "conversation_created": True,
    "odd_chunks": True,
    "rate_limits": True,
    "repeat_completed": True,
    "turn_suggestions": True,
    "usage_on_event": True,
}
"""Switches that change nothing of what the tables say, but much besides."""


@pytest.mark.parametrize("quirks", ["default", "none", CHATTY], ids=["usual", "none", "chatty"])
@pytest.mark.parametrize("name", CASES)
def test_the_server_keeps_to_the_table(name: str, quirks: Any) -> None:
    case = CASES[name]
    with simulator(case, quirks) as server, raw_client(server, **case.names) as raw:
        raw.play(*tables.GREETED, tables.CREATED)
        if case.session is not None:
            raw.play(C("session.update", session=case.session), S("session.updated"))
        raw.play(*case.steps)
        raw.finish()


def test_settings_may_be_sent_before_the_greeting_was_read() -> None:
    """11.1: several clients do, and it works."""
    with simulator(Case(()), "default") as server, raw_client(server) as raw:
        raw.play(*tables.CONNECT_AT_ONCE)
        raw.finish()


@pytest.mark.parametrize("format", ["g711_ulaw", "audio/pcmu", {"type": "audio/pcmu"}])
def test_a_telephone_call(format: Any) -> None:
    """11.10: what the carrier sends goes in, and what comes out is the carrier's format."""
    session = {"audio": {"input": {"format": format}, "output": {"format": format}}}
    case = Case(())
    with simulator(case, "default") as server, raw_client(server) as raw:
        raw.play(*tables.GREETED, C("session.update", session=session), tables.CALL_UP[-1])
        sound = spoken(1000) + bytes(48 * 1500)
        for start in range(0, len(sound), 2400):  # 50 ms
            raw.send(APPEND, audio=b64encode(mu_law(sound[start : start + 2400])).decode())
        raw.play(*tables.VOICE_TURN[1:])
        raw.finish()
        deltas = [e for e in raw.received if e["type"] == "response.output_audio.delta"]
        sound = b"".join(b64decode(e["delta"]) for e in deltas)
        assert 1600 <= len(sound) <= 1700  # two words of 100 ms, and a little silence


def test_a_telephone_call_is_cut_in_the_servers_own_milliseconds() -> None:
    """12.3: some count as if mu-law had 24 bytes in each; the error says so."""
    case = Case((), quirks={"truncate_div24": True})
    session = {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}
    with simulator(case, "default") as server, raw_client(server, ms=150, less=50) as raw:
        raw.play(*tables.GREETED, C("session.update", session=session), *tables.ACCEPTED)
        raw.play(*tables.TEXT_TURN, tables.TRUNCATE, S("error", error=tables.TOO_LONG))
        bytes_sent = sum(
            len(b64decode(e["delta"]))
            for e in raw.received
            if e["type"] == "response.output_audio.delta"
        )
        told = re.fullmatch(
            r"Audio content of (\d+)ms is already shorter than 150ms", raw.names["short"]
        )
        assert told and int(told[1]) == bytes_sent // 24
        raw.play(*tables.LEARNED_LESS)
        raw.finish()


def test_what_was_retrieved_has_its_audio() -> None:
    """11.8: unlike the item events, which leave it out."""
    with simulator(Case(()), "default") as server, raw_client(server, ms=100) as raw:
        raw.play(*tables.GREETED, *tables.ITEMS)
        raw.finish()
        (part,) = raw.names["parts"]
        assert part["transcript"] == "One"
        assert len(b64decode(part["audio"], validate=True)) == 4800  # 100 ms of it are left
        for event in raw.received:
            if event["type"] in ("conversation.item.added", "conversation.item.done"):
                assert not any("audio" in part for part in event["item"]["content"])


def test_an_answer_aside_runs_beside_the_main_one() -> None:
    """11.12: two answers at once, each in its own order, told apart by their ids."""
    case = Case((), ["word " * 20, TEXT], quirks={"out_of_band": True}, pace=5)
    with simulator(case, "default") as server, raw_client(server) as raw:
        raw.play(*tables.GREETED, *tables.ASK, *began(), *flows())
        raw.send("response.create", response=tables.ASIDE)
        got = raw.until("response.done", 2)
        ids = [e["response"]["id"] for e in got if e["type"] == "response.done"]
        assert len(set(ids)) == 2 and ids[1] == raw.names["r1"]  # the short one ends first
        aside = [
            e for e in got if ids[0] in (e.get("response_id"), e.get("response", {}).get("id"))
        ]
        assert [e["type"] for e in aside if "delta" not in e["type"]] == [
            step.kind for step in tables.OUT_OF_BAND if getattr(step, "least", 0)
        ][1:]


@pytest.mark.parametrize(
    "place", [n for n, s in enumerate(tables.TEXT_TURN) if isinstance(s, FromServer) and s.least]
)
def test_the_check_notices_a_step_too_many(place: int) -> None:
    """For the server sends it and the table has it not."""
    steps = [*tables.TEXT_TURN[:place], *tables.TEXT_TURN[place + 1 :]]
    with simulator(Case(()), "default") as server, raw_client(server) as raw:
        with pytest.raises(AssertionError):
            raw.play(*tables.GREETED, *steps)
            raw.finish()
