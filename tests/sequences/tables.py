"""The tables of the protocol notes (there: sequences), in their order and with their numbers."""

from __future__ import annotations

from typing import Any

from tests.sequences.parts import (
    QUESTION,
    SETTINGS,
    TRANSCRIPT,
    Steps,
    answer,
    began,
    calls,
    closes,
    committed,
    cut,
    ends,
    flows,
    heard,
    item,
    noted,
    output,
    speech,
)
from tests.support.sequences import (
    HERE,
    TEXT,
    C,
    Json,
    S,
    Speak,
    any_order,
    later,
    many,
    maybe,
    mixed,
)

# --- 11.1 Connect ---------------------------------------------------------------------------------

GREETED = (S("session.created", session=...),)
CREATED = maybe(S("conversation.created"))
ACCEPTED = (CREATED, S("session.updated", session=...))


def connect_with(settings: Json) -> Steps:
    """Connecting with some settings, which are echoed."""
    return (
        *GREETED,
        C("session.update", session=settings),
        CREATED,
        S("session.updated", session=settings),
    )


CONNECT = connect_with(SETTINGS)
CONNECT_AT_ONCE = (C("session.update", session=SETTINGS), *GREETED, *ACCEPTED)
UNHEARD: Json = {
    **SETTINGS,
    "audio": {
        **SETTINGS["audio"],
        "input": {**SETTINGS["audio"]["input"], "transcription": {"model": "nobody/nothing"}},
    },
}
REFUSED = (
    *GREETED,
    C("session.update", session=UNHEARD),
    CREATED,
    S(
        "error",
        error={
            "type": "invalid_request_error",
            "code": "invalid_value",
            "param": "session.audio.input.transcription.model",
            "event_id": "@asked",
        },
    ),
)

# --- 11.2 Text turn -------------------------------------------------------------------------------

ASK = (
    C("conversation.item.create", item=QUESTION),
    C("response.create"),
    *item("u1", **QUESTION),
)
TEXT_TURN = (*ASK, *answer(after="u1"))
GREETING = (
    C("conversation.item.create", item=QUESTION),
    *item("u1", **QUESTION),
    C("response.create"),
    *answer(),
)


def turn_as(modalities: tuple[str, ...]) -> Steps:
    """A turn whose answer is asked for in some modalities."""
    return (
        C("conversation.item.create", item=QUESTION),
        *item("u1", **QUESTION),
        C("response.create", response={"output_modalities": list(modalities)}),
        *answer(modalities=modalities, after="u1"),
    )


# --- 11.3 Voice turn ------------------------------------------------------------------------------

VOICE_TURN = (Speak(silence_ms=1500), *speech(), *committed(), *answer(after="u1"))
VOICE_TURN_ASKED = (
    Speak(silence_ms=1500),
    *speech(),
    *committed(),
    C("response.create"),
    *answer(),
)

BUSY = {"code": "conversation_already_has_active_response", "event_id": "@asked"}
VOICE_TURN_ASKED_TWICE = (
    Speak(silence_ms=1500),
    *speech(),
    *committed(),
    *began(after="u1"),
    *flows(),
    C("response.create"),
    S("error", error=BUSY),
    *flows(),
    *closes(text="@said"),
    *ends(),
)

# --- 11.4 Push-to-talk ----------------------------------------------------------------------------

PUSH_TO_TALK = (
    C("input_audio_buffer.clear"),
    S("input_audio_buffer.cleared"),
    Speak(500, goes_on=False),
    C("input_audio_buffer.commit"),
    C("response.create"),
    *committed(),
    *answer(),
)
PUSH_INTO_AN_ANSWER = (
    *ASK,
    *began(),
    *flows(),
    HERE,
    any_order(
        C("response.cancel", response_id="@r1"),
        C("conversation.item.truncate", item_id="@a1", content_index=0, audio_end_ms="@ms"),
        C("input_audio_buffer.clear"),
    ),
    *cut(reason="client_cancelled"),
    S("conversation.item.truncated", item_id="@a1", content_index=0, audio_end_ms="@ms"),
    S("input_audio_buffer.cleared"),
    Speak(500, goes_on=False),
    C("input_audio_buffer.commit"),
    C("response.create"),
    *committed("u2"),
    *answer("r2", "a2", after="u2"),
)

# --- 11.5 Barge-in --------------------------------------------------------------------------------

TRUNCATE = C("conversation.item.truncate", item_id="@a1", content_index=0, audio_end_ms="@ms")
TRUNCATED = S("conversation.item.truncated", item_id="@a1", content_index=0, audio_end_ms="@ms")
CUT_IN = (
    *ASK,
    *began(),
    *flows(),
    HERE,
    Speak(),
    S("input_audio_buffer.speech_started", item_id="@u2", audio_start_ms=...),
    heard("u2"),
    *cut(),
)
GOES_ON = (
    Speak(0, silence_ms=1500),
    S("input_audio_buffer.speech_stopped", item_id="@u2", audio_end_ms=...),
    *committed("u2"),
    *answer("r2", "a2", after="u2"),
)
BARGE_IN = (*CUT_IN, TRUNCATE, TRUNCATED, *GOES_ON)
TOO_LONG = {
    "type": "invalid_request_error",
    "code": "invalid_value",
    "param": "audio_end_ms",
    "message": "@short",
    "event_id": "@asked",
}
LEARNED_LESS = (
    C("conversation.item.truncate", item_id="@a1", content_index=0, audio_end_ms="@less"),
    S("conversation.item.truncated", item_id="@a1", content_index=0, audio_end_ms="@less"),
)
LEARNED = (*CUT_IN, TRUNCATE, S("error", error=TOO_LONG), *LEARNED_LESS, *GOES_ON)

# --- 11.6 Function calls --------------------------------------------------------------------------

MANUAL = (*ASK, *calls("Oslo"), output("k0", "Oslo"), C("response.create"))
ONE_CALL = (*MANUAL, *noted("o0"), *answer("r2", "a2", after="o0"))
SEVERAL_CALLS = (
    *ASK,
    *calls("Oslo", "Rome"),
    any_order(output("k0", "Oslo"), output("k1", "Rome")),
    C("response.create"),
    *noted("o0"),
    *noted("o1"),
    *answer("r2", "a2", after="o1"),
)
AUTO_CALL = (
    *ASK,
    *calls("Oslo"),
    output("k0", "Oslo"),
    *noted("o0"),
    *answer("r2", "a2", after="o0"),
)
AUTO_CALLS = (
    *ASK,
    *calls("Oslo", "Rome"),
    any_order(output("k0", "Oslo"), output("k1", "Rome")),
    *noted("o0"),
    *noted("o1"),
    *answer("r2", "a2", after="o1"),
)
CALL_CUT_OFF = (*ASK, *calls("Oslo", status="cancelled"))

# --- 11.7 Cancel by the client --------------------------------------------------------------------

CANCEL = (
    *ASK,
    *began(),
    *flows(),
    HERE,
    C("response.cancel", response_id="@r1"),
    *cut(reason="client_cancelled"),
    TRUNCATE,
    TRUNCATED,
)
NOT_ACTIVE = S("error", error={"code": "response_cancel_not_active", "event_id": "@asked"})
NOTHING_TO_CANCEL = (C("response.cancel"), NOT_ACTIVE, *TEXT_TURN)
CANCEL_TOO_LATE = (
    *ASK,
    *began(),
    *flows(),
    HERE,
    C("response.cancel", response_id="@r1"),
    *closes(),
    *ends(),
    NOT_ACTIVE,
)

# --- 11.8 Truncate, delete, retrieve --------------------------------------------------------------

ITEMS = (
    *TEXT_TURN,
    TRUNCATE,
    TRUNCATED,
    C("conversation.item.retrieve", item_id="@a1"),
    S("conversation.item.retrieved", item={"id": "@a1", "role": "assistant", "content": "@parts"}),
    C("conversation.item.delete", item_id="@a1"),
    S("conversation.item.deleted", item_id="@a1"),
)


def refused(kind: str, code: str, param: str, **fields: Any) -> Steps:
    """A request about an item that is answered with an error."""
    about = {"type": "invalid_request_error", "code": code, "param": param, "event_id": "@asked"}
    return (C(f"conversation.item.{kind}", **fields), S("error", error=about))


NO_SUCH_ITEM = (
    *refused(
        "truncate",
        "item_truncate_invalid_item_id",
        "item_id",
        item_id="nobody",
        content_index=0,
        audio_end_ms=1,
    ),
    *refused("retrieve", "item_retrieve_invalid_item_id", "item_id", item_id="nobody"),
    *refused("delete", "item_delete_invalid_item_id", "item_id", item_id="nobody"),
)
BEYOND_THE_AUDIO = (
    *TEXT_TURN,
    C("conversation.item.truncate", item_id="@a1", content_index=0, audio_end_ms=99999),
    S("error", error=TOO_LONG),
)

# --- 11.9 session.update while the agent speaks ---------------------------------------------------

UPDATE_MEANWHILE = (
    *ASK,
    *began(),
    *flows(),
    HERE,
    C("session.update", session={"type": "realtime", "audio": {"output": {"voice": "Sarah"}}}),
    S("session.updated", session={"audio": {"output": {"voice": "Sarah"}}}),
    *flows(),
    *closes(text="@said"),
    *ends(),
)

# --- 11.10 G.711 telephony ------------------------------------------------------------------------

PHONE = {"type": "audio/pcmu"}
TELEPHONE: Json = {
    **SETTINGS,
    "audio": {
        "input": {
            **SETTINGS["audio"]["input"],
            "format": PHONE,
            "turn_detection": {"type": "semantic_vad", "eagerness": "auto"},
        },
        "output": {"format": PHONE},
    },
}
CALL_UP = (
    *GREETED,
    C("session.update", session=TELEPHONE),
    CREATED,
    S(
        "session.updated",
        session={"audio": {"input": {"format": PHONE}, "output": {"format": PHONE}}},
    ),
)

# --- 11.11 Back-channel and filler ----------------------------------------------------------------

MM_HM = "response.backchannel.audio."
BACKCHANNEL = (
    Speak(1500, silence_ms=1500),
    *speech(
        "u1",
        mixed(S(f"{MM_HM}delta", backchannel_id="@b1")),
        S(f"{MM_HM}done", backchannel_id="@b1", phrase="Mm-hm."),
        later(many(maybe(S("response.backchannel.skipped")))),
    ),
    *committed(),
    *answer(),
)
SKIPPED = (
    Speak(1500, silence_ms=1500),
    *speech("u1", mixed(S("response.backchannel.skipped", reason="no_phrase"))),
    *committed(),
    *answer(),
)
FILLER = (Speak(silence_ms=1500), *speech(), *committed(), *answer(text=f"Let me see. {TEXT}"))

# --- 11.12 Out-of-band responses ------------------------------------------------------------------

ASIDE: Json = {
    "conversation": "none",
    "metadata": {"about": "mood"},
    "input": [QUESTION],
    "output_modalities": ["text"],
}
_STATE: Json = {"id": "@o1", "conversation_id": None, "metadata": {"about": "mood"}}
_PLACE: Json = {"response_id": "@o1", "item_id": "@oa"}
OUT_OF_BAND = (
    C("response.create", response=ASIDE),
    S("response.created", response=_STATE | {"status": "in_progress"}),
    maybe(S("rate_limits.updated")),
    S("response.output_item.added", response_id="@o1", item={"id": "@oa"}),
    S("response.content_part.added", **_PLACE, part={"type": "text"}),
    mixed(S("response.output_text.delta", **_PLACE)),
    S("response.output_text.done", **_PLACE, text=TEXT),
    S("response.content_part.done", **_PLACE, part={"type": "text"}),
    S("response.output_item.done", response_id="@o1", item={"id": "@oa"}),
    S("response.done", response=_STATE | {"status": "completed", "output": ...}),
)

# --- 11.13 Idle timeout ---------------------------------------------------------------------------

IDLE = (
    *TEXT_TURN,
    S(
        "input_audio_buffer.timeout_triggered",
        item_id="@u2",
        audio_start_ms=...,
        audio_end_ms=...,
    ),
    S("input_audio_buffer.committed", item_id="@u2"),
    *item("u2", type="message", role="user"),
    later(many(maybe(S(f"{TRANSCRIPT}completed", item_id="@u2")))),
    *answer("r2", "a2"),
)
