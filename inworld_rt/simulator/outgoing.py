"""The last step before the socket: ids, names and the odd frames in between (protocol: quirks)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from inworld_rt.codec import replace
from inworld_rt.events.server import (
    AudioDelta,
    DtmfReceived,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
)
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.wire import Event, UnknownEvent, encode

__all__ = ["LEGACY_NAMES", "Sender"]

LEGACY_NAMES = {
    "conversation.item.added": "conversation.item.created",
    "conversation.item.input_audio_transcription.delta": "input_audio_transcription.delta",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}

_NOTICED_AFTER = (SessionCreated, ResponseCreated)
"""Events after which the odd frames come."""


NOT_BASE64 = "this is ~not~ base64!"


@define
class Sender:
    """Gives events their ids and, where a quirk says so, another form."""

    quirks: Quirks
    new_id: Callable[[], str]
    _spoilt: set[str | None] = field(factory=set)
    """Answers in progress that had their malformed delta."""

    def finish(self, events: Iterable[Event]) -> list[Event]:
        """Make events ready to be sent.

        Args:
            events: as the brain made them, without ids.
        """
        ready: list[Event] = []
        for event in events:
            ready.append(self._ready(event))
            if isinstance(event, _NOTICED_AFTER):
                ready.extend(self._oddities())
            if self.quirks.bad_base64:
                ready.extend(self._malformed(event))
        return ready

    def _ready(self, event: Event) -> Event:
        # A key pressed is the one event that has no id in the schema.
        if not self.quirks.missing_event_id and not isinstance(event, DtmfReceived):
            event = replace(event, event_id=self.new_id())
        older = LEGACY_NAMES.get(event.type) if self.quirks.legacy_event_names else None
        camel = self.quirks.camel_timestamps and getattr(event, "timestamp_info", None) is not None
        if older is None and not camel:
            return event
        raw = {**json.loads(encode(event)), "type": older or event.type}
        if camel:
            raw |= _camel({"timestamp_info": raw.pop("timestamp_info")})
        return UnknownEvent(raw=raw)

    def _malformed(self, event: Event) -> Iterable[Event]:
        """The delta that cannot be read, beside an answer's first good one."""
        if isinstance(event, ResponseDone):
            self._spoilt.discard(event.response and event.response.id)
        elif isinstance(event, AudioDelta) and event.response_id not in self._spoilt:
            self._spoilt.add(event.response_id)
            twin = self._ready(replace(event, timestamp_info=None))
            yield UnknownEvent(raw={**json.loads(encode(twin)), "delta": NOT_BASE64})

    def _oddities(self) -> Iterable[Event]:
        if self.quirks.typeless_frame:
            yield UnknownEvent(raw={"errorType": "SESSION_RESOURCES_EXHAUSTED"})
        if self.quirks.unknown_event:
            body: dict[str, Any] = {"type": "x.unknown", "note": "nothing to see here"}
            if not self.quirks.missing_event_id:
                body["event_id"] = self.new_id()
            yield UnknownEvent(raw=body)


def _camel(data: Any) -> Any:
    """The same with every member's name in camelCase, however deep."""
    if isinstance(data, list):
        return [_camel(part) for part in data]
    if not isinstance(data, dict):
        return data
    out = {}
    for name, value in data.items():
        first, *rest = name.split("_")
        out[first + "".join(map(str.capitalize, rest))] = _camel(value)
    return out
