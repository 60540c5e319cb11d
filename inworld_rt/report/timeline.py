"""A recording as what is drawn of it. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from inworld_rt.pcm import AudioFormat
from inworld_rt.recording import Entry
from inworld_rt.report.marks import Marks, Place
from inworld_rt.report.model import Timeline
from inworld_rt.report.turns import Turns

__all__ = ["read"]

_APPEND = "input_audio_buffer.append"


def read(
    header: dict[str, Any],
    entries: Iterable[Entry],
    *,
    complete: bool = True,
    sound_seconds: float = 0.0,
) -> Timeline:
    """Make a timeline of what was recorded.

    A message that is not as it should be adds what can be understood of it; it never stops the
    report.

    Args:
        header: of the recording.
        entries: all that happened, in order of time.
        complete: whether the recording goes to the end of its session.
        sound_seconds: how long its sound is, which may go on after the last event.
    """
    place = Place()
    turns, marks = Turns(place), Marks(place)
    sending = AudioFormat()
    end = 0.0
    for entry in entries:
        t, kind, event = entry.t, entry.type, entry.event
        end = max(end, t)
        if entry.way == "note":
            _try(marks.note, t, kind, event)
            _try(turns.note, t, kind, event)
        elif entry.way == "received":
            if kind in ("session.created", "session.updated"):
                sending = _input_format(event) or sending
            _try(marks.received, t, kind, event)
            _try(turns.received, t, kind, event)
        elif kind == _APPEND:
            _try(_append, t, kind, event, place, sending)
        else:
            _try(turns.sent, t, kind, event)
    marks.finish(end)
    end = max(end, sound_seconds)
    url = str(header.get("url") or "")
    return Timeline(
        began=str(header.get("began") or ""),
        host=urlsplit(url).netloc,
        version=str(header.get("inworld_rt") or ""),
        voice=turns.voice,
        played=header.get("sound") == "played",
        complete=complete,
        seconds=end,
        turns=turns.finished(end),
        spans=tuple(sorted(marks.spans, key=lambda span: span.start)),
        marks=tuple(marks.marks),
        spoken=sum(span.seconds for span in marks.spans if span.kind == "speech"),
        answered=marks.answered,
        responses=turns.responses,
        usage=turns.usage,
    )


def _append(t: float, kind: str, event: dict[str, Any], place: Place, sending: AudioFormat) -> None:
    place.sent(t, event["audio"]["bytes"] / sending.bytes_per_second)


def _input_format(event: dict[str, Any]) -> AudioFormat | None:
    value: Any = event.get("session")
    for key in ("audio", "input", "format"):
        value = value.get(key) if isinstance(value, dict) else None
    return AudioFormat.from_wire(value)


def _try(take: Callable[..., None], *args: Any) -> None:
    # An oddity of a server must not cost the report.
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        take(*args)
