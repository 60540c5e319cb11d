"""What several tables have in common: an answer, an item, speech (protocol: sequences)."""

from __future__ import annotations

from typing import Any

from tests.support.sequences import (
    HEARD,
    TEXT,
    C,
    FromServer,
    Json,
    Later,
    One,
    S,
    any_order,
    later,
    many,
    maybe,
    mixed,
)

__all__ = [
    "BOTH",
    "QUESTION",
    "SETTINGS",
    "TRANSCRIPT",
    "WEATHER",
    "Steps",
    "answer",
    "began",
    "calls",
    "closes",
    "committed",
    "cut",
    "ends",
    "flows",
    "heard",
    "item",
    "noted",
    "output",
    "speech",
]

Steps = tuple[Any, ...]

QUESTION: Json = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "one two"}],
}
SETTINGS: Json = {
    "type": "realtime",
    "output_modalities": ["audio", "text"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "inworld/inworld-stt-1"},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}},
    },
    "providerData": {"auto_tool_response": False},
}
BOTH = ("audio", "text")
TRANSCRIPT = "conversation.item.input_audio_transcription."


def item(name: str, **fields: Any) -> Steps:
    """An item is there."""
    about = {"id": f"@{name}", **fields}
    return (
        S("conversation.item.added", item=about),
        S("conversation.item.done", item=about),
    )


def began(r: str = "r1", a: str = "a1", kind: str = "audio", after: str | None = None) -> Steps:
    """11.2, steps 4 to 7: an answer begins."""
    behind = {} if after is None else {"previous_item_id": f"@{after}"}
    return (
        S("response.created", response={"id": f"@{r}", "status": "in_progress", "output": []}),
        maybe(S("rate_limits.updated")),
        S("response.output_item.added", response_id=f"@{r}", item=_message(a, "in_progress")),
        S("conversation.item.added", item=_message(a, "in_progress"), **behind),
        S("response.content_part.added", **_place(r, a), part={"type": kind}),
        *((maybe(S("output_audio_buffer.started")),) if kind == "audio" else ()),
    )


def flows(r: str = "r1", a: str = "a1", modalities: tuple[str, ...] = BOTH) -> Steps:
    """11.2, step 8."""
    place = _place(r, a)
    if "audio" not in modalities:
        return (mixed(S("response.output_text.delta", **place)),)
    steps = [
        S("response.output_audio_transcript.delta", **place),
        S("response.output_audio.delta", **place),
    ]
    if "text" in modalities:
        steps.append(maybe(S("response.output_text.delta", **place)))
    return (mixed(*steps),)


def closes(
    r: str = "r1",
    a: str = "a1",
    modalities: tuple[str, ...] = BOTH,
    text: Any = TEXT,
    status: str = "completed",
) -> Steps:
    """11.2, steps 9 and 10: all that was opened is closed."""
    place = _place(r, a)
    spoken = "audio" in modalities
    done: list[FromServer] = []
    if spoken:
        done.append(S("response.output_audio.done", **place))
        done.append(S("response.output_audio_transcript.done", **place, transcript=text))
        if "text" in modalities:
            done.append(maybe(S("response.output_text.done", **place, text=text)))
    else:
        done.append(S("response.output_text.done", **place, text=text))
    part: Json = (
        {"type": One(("output_audio", "audio")), "transcript": text}
        if spoken
        else {"type": One(("output_text", "text")), "text": text}
    )
    made = _message(a, status) | {"content": [part]}
    return (
        any_order(*done),
        S("response.content_part.done", **place, part={"type": "audio" if spoken else "text"}),
        any_order(
            S("response.output_item.done", response_id=f"@{r}", item=made),
            S("conversation.item.done", item=made),
        ),
    )


def ends(r: str = "r1", status: str = "completed", reason: str | None = None) -> Steps:
    """11.2, steps 11 and 12."""
    state: Json = {"id": f"@{r}", "status": status, "output": ...}
    if reason:
        state["status_details"] = {"type": status, "reason": reason}
    after = "cleared" if status == "cancelled" else "stopped"
    return (S("response.done", response=state), maybe(S(f"output_audio_buffer.{after}")))


def answer(
    r: str = "r1",
    a: str = "a1",
    modalities: tuple[str, ...] = BOTH,
    text: Any = TEXT,
    after: str | None = None,
) -> Steps:
    """11.2, steps 4 to 12."""
    kind = "audio" if "audio" in modalities else "text"
    end = ends(r) if kind == "audio" else ends(r)[:1]
    return (
        *began(r, a, kind, after),
        *flows(r, a, modalities),
        *closes(r, a, modalities, text),
        *end,
    )


def cut(r: str = "r1", a: str = "a1", reason: str = "turn_detected") -> Steps:
    """11.5, step 4, and 11.7, step 2: an answer ends early."""
    return (*closes(r, a, text="@said", status="incomplete"), *ends(r, "cancelled", reason))


def _message(a: str, status: str) -> Json:
    return {"id": f"@{a}", "type": "message", "role": "assistant", "status": status}


def _place(r: str, a: str) -> Json:
    return {
        "response_id": f"@{r}",
        "item_id": f"@{a}",
        "output_index": 0,
        "content_index": 0,
    }


def heard(u: str) -> Later:
    """11.3, steps 3 and 4: what comes while the user speaks."""
    return later(
        many(maybe(S(f"{TRANSCRIPT}delta", item_id=f"@{u}"))),
        many(maybe(S("input_audio_buffer.turn_suggestion", item_id=f"@{u}"))),
        many(maybe(S("input_audio_buffer.turn_suggestion_revoked", item_id=f"@{u}"))),
    )


def speech(u: str = "u1", *between: Any) -> Steps:
    """11.3, steps 2 to 5: the user is heard; the words come meanwhile."""
    return (
        S("input_audio_buffer.speech_started", item_id=f"@{u}", audio_start_ms=...),
        heard(u),
        *between,
        S("input_audio_buffer.speech_stopped", item_id=f"@{u}", audio_end_ms=...),
    )


def committed(u: str = "u1") -> Steps:
    """11.3, steps 6 to 8."""
    return (
        S("input_audio_buffer.committed", item_id=f"@{u}"),
        *item(u, type="message", role="user", content=[{"type": "input_audio"}]),
        later(
            many(maybe(S(f"{TRANSCRIPT}delta", item_id=f"@{u}"))),
            many(S(f"{TRANSCRIPT}completed", item_id=f"@{u}", transcript=HEARD)),
            many(maybe(S(f"{TRANSCRIPT}completed", item_id=f"@{u}"))),  # revised
        ),
    )


# --- 11.6: calls of a tool ------------------------------------------------------------------------

WEATHER: Json = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def call(f: str, k: str, city: str, index: int = 0, r: str = "r1") -> Steps:
    """Step 2: a call of the tool."""
    arguments = f'{{"city": "{city}"}}'
    place: Json = {
        "response_id": f"@{r}",
        "item_id": f"@{f}",
        "output_index": index,
        "call_id": f"@{k}",
    }
    about = _call(f, k)
    made = about | {"arguments": arguments, "status": "completed"}
    return (
        S(
            "response.output_item.added",
            response_id=f"@{r}",
            output_index=index,
            item=about | {"status": "in_progress"},
        ),
        S("conversation.item.added", item=about),
        mixed(maybe(S("response.function_call_arguments.delta", **place))),
        S("response.function_call_arguments.done", **place, arguments=arguments),
        any_order(
            S("response.output_item.done", response_id=f"@{r}", output_index=index, item=made),
            S("conversation.item.done", item=made),
        ),
    )


def _call(f: str, k: str) -> Json:
    return {"id": f"@{f}", "type": "function_call", "name": "weather", "call_id": f"@{k}"}


def calls(*cities: str, status: str = "completed") -> Steps:
    """Steps 1 to 3: an answer of calls and no words."""
    begun = {"id": "@r1", "status": "in_progress", "output": []}
    steps = [S("response.created", response=begun), maybe(S("rate_limits.updated"))]
    for i, city in enumerate(cities):
        steps += call(f"f{i}", f"k{i}", city, i)
    made = [
        _call(f"f{i}", f"k{i}") | {"arguments": f'{{"city": "{city}"}}', "status": "completed"}
        for i, city in enumerate(cities)
    ]
    state = {"id": "@r1", "status": status, "output": made}
    return (*steps, S("response.done", response=state))


def output(k: str, city: str) -> Any:
    """Step 4: what came of a call."""
    told = f'{{"sky":"Sunny in {city}"}}'
    item = {"type": "function_call_output", "call_id": f"@{k}", "output": told}
    return C("conversation.item.create", item=item)


def noted(name: str) -> Steps:
    """Step 5."""
    return item(name, type="function_call_output")
