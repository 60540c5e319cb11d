"""Whatever a recording holds, there is a timeline."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from inworld_rt.recording import Entry
from inworld_rt.report.summary import findings
from inworld_rt.report.timeline import read


def test_the_facts_of_its_head(eventful):
    told = read(eventful.header, eventful.entries, sound_seconds=58.0)
    assert (told.host, told.version, told.voice) == ("api.inworld.ai", "0.5.0", "Clive")
    assert (told.played, told.seconds, told.responses) == (True, 58.0, 8)
    assert [turn.number for turn in told.turns] == [1, 2, 3, 4, 5, 6, 7]


def test_nothing_at_all():
    told = read({}, [])
    assert (told.turns, told.spans, told.marks, told.seconds) == ((), (), (), 0.0)
    assert findings(told) == []


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=3,
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "item_id": st.sampled_from(["a", "b"]) | _JUNK,
        "response_id": st.sampled_from(["r", "q"]) | _JUNK,
        "call_id": st.sampled_from(["c"]) | _JUNK,
        "delta": st.text(max_size=5)
        | st.fixed_dictionaries({"file": st.just("received.raw"), "bytes": st.integers(0, 99999)})
        | _JUNK,
        "transcript": st.text(max_size=5) | _JUNK,
        "item": st.fixed_dictionaries(
            {"type": st.sampled_from(["message", "function_call", "function_call_output"])},
            optional={"id": st.just("a"), "role": st.just("user"), "content": _JUNK},
        )
        | _JUNK,
        "response": st.fixed_dictionaries(
            {"id": st.sampled_from(["r", "q"])},
            optional={"status": st.text(max_size=3) | _JUNK, "output": _JUNK, "usage": _JUNK},
        )
        | _JUNK,
        "audio_start_ms": _JUNK,
        "heard_ms": _JUNK,
        "ms": _JUNK,
        "session": _JUNK,
        "error": _JUNK,
    },
)
_KINDS = [
    "session.created",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.create",
    "conversation.item.truncate",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "response.create",
    "response.created",
    "response.output_item.added",
    "response.output_text.delta",
    "response.output_audio.delta",
    "response.content_part.done",
    "response.function_call_arguments.done",
    "response.mcp_call.completed",
    "response.backchannel.audio.delta",
    "response.done",
    "error",
    "first_heard",
    "cut",
    "underrun",
    "lost",
    "reconnected",
    "device_lost",
]
_ENTRY = st.tuples(
    st.floats(0, 5), st.sampled_from(["sent", "received", "note"]), st.sampled_from(_KINDS), _FIELDS
)


@given(st.lists(_ENTRY, max_size=8))
def test_no_event_however_odd_stops_it(lines: list[tuple[float, str, str, dict[str, Any]]]) -> None:
    t, entries = 0.0, []
    for pause, way, kind, fields in lines:
        t += pause
        name = "note" if way == "note" else "type"
        entries.append(Entry(t, t, way, {name: kind, **fields}))
    told = read({"url": "x"}, entries)
    for turn in told.turns:
        assert 0 <= turn.start <= turn.end
        assert all(value is None or value >= 0 for value in (turn.wait, turn.stages.total))
    assert all(span.start <= span.end for span in told.spans)
    findings(told)
