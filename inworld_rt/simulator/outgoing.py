"""The last step before the socket: ids, names and the odd frames in between (protocol: quirks)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from attrs import frozen

from inworld_rt.codec import replace
from inworld_rt.events.server import ResponseCreated, SessionCreated
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


@frozen
class Sender:
    """Gives events their ids and, where a quirk says so, another form."""

    quirks: Quirks
    new_id: Callable[[], str]

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
        return ready

    def _ready(self, event: Event) -> Event:
        if not self.quirks.missing_event_id:
            event = replace(event, event_id=self.new_id())
        older = LEGACY_NAMES.get(event.type) if self.quirks.legacy_event_names else None
        if older is None:
            return event
        return UnknownEvent(raw={**json.loads(encode(event)), "type": older})

    def _oddities(self) -> Iterable[Event]:
        if self.quirks.typeless_frame:
            yield UnknownEvent(raw={"errorType": "SESSION_RESOURCES_EXHAUSTED"})
        if self.quirks.unknown_event:
            body: dict[str, Any] = {"type": "x.unknown", "note": "nothing to see here"}
            if not self.quirks.missing_event_id:
                body["event_id"] = self.new_id()
            yield UnknownEvent(raw=body)
