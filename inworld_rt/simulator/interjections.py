"""What the agent does while the user is still speaking: back-channel and turn suggestions.

Both come from a script, not from listening (protocol: back-channel; input audio buffer and VAD).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator

from attrs import define

from inworld_rt.events.server import (
    BackchannelDelta,
    BackchannelDone,
    BackchannelSkipped,
    TurnSuggestion,
    TurnSuggestionRevoked,
)
from inworld_rt.pcm import AudioFormat, encode
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.settings import Settings
from inworld_rt.simulator.voice import Voice
from inworld_rt.wire import Event

__all__ = ["Interjections"]

SUGGESTED_MS, REVOKED_MS = 400, 600
"""How long somebody has spoken when a suggestion is made, and when it is taken back."""

_PHRASE = "Mm-hm."


@define
class Interjections:
    """One session's interjections."""

    settings: Settings
    quirks: Quirks
    voice: Voice
    new_id: Callable[[], str]
    _count: int = 0
    _last_ms: float = -math.inf
    _next_check_ms: float = 0.0
    _suggested: int = 0
    _stage: int = 0

    def begin(self) -> None:
        """The user begins to speak."""
        options = self.settings.branch("backchannel")
        self._count = 0
        self._last_ms = -math.inf
        self._next_check_ms = options.get("min_speech_ms", 800)
        self._stage = 0

    def go_on(self, item_id: str, spoken_ms: int) -> Iterator[Event]:
        """The user has been speaking for so many milliseconds."""
        if self.quirks.turn_suggestions:
            yield from self._suggestions(item_id, spoken_ms)
        options = self.settings.branch("backchannel")
        if not self.quirks.backchannel_script or not options.get("enabled"):
            return
        if spoken_ms >= self._next_check_ms:
            self._next_check_ms = spoken_ms + max(1, options.get("eval_interval_ms", 800))
            yield from self._backchannel(spoken_ms)

    def end(self, item_id: str, spoken_ms: int, trailing_ms: int) -> Iterator[Event]:
        """The user has finished."""
        if self.quirks.turn_suggestions:
            yield self._suggestion(item_id, 0.92, spoken_ms, trailing_ms)

    def _suggestions(self, item_id: str, spoken_ms: int) -> Iterator[Event]:
        if self._stage == 0 and spoken_ms >= SUGGESTED_MS:
            self._stage = 1
            yield self._suggestion(item_id, 0.55, spoken_ms, 0)
        elif self._stage == 1 and spoken_ms >= REVOKED_MS:
            self._stage = 2
            yield TurnSuggestionRevoked(item_id=item_id, utterance_index=self._suggested - 1)

    def _suggestion(self, item_id: str, sure: float, spoken: int, trailing: int) -> Event:
        self._suggested += 1
        return TurnSuggestion(
            item_id=item_id,
            utterance_index=self._suggested - 1,
            probability=sure,
            trailing_silence_ms=trailing,
            audio_duration_ms=spoken,
            inference_ms=12.0,
        )

    def _backchannel(self, spoken_ms: int) -> Iterator[Event]:
        options = self.settings.branch("backchannel")
        if self._count >= options.get("max_per_turn", 3):
            return
        name = self.new_id()
        if spoken_ms - self._last_ms < options.get("min_gap_ms", 4000):
            yield BackchannelSkipped(reason="min_gap_not_elapsed", backchannel_id=name)
            return
        script = self.quirks.backchannel_script
        phrase = script[self._count % len(script)] or _PHRASE
        allowed = options.get("allowed_phrases")
        if allowed and phrase not in allowed:
            yield BackchannelSkipped(reason="no_phrase", backchannel_id=name)
            return
        self._count += 1
        self._last_ms = spoken_ms
        gain = options.get("volume_gain", 0.6)
        if gain == 0:
            return  # made, but not delivered
        yield from self._spoken(name, phrase, gain)

    def _spoken(self, name: str, phrase: str, gain: float) -> Iterator[Event]:
        output = self.settings.output
        format = AudioFormat.of(output["format"])
        for pcm in self.voice.speak(
            phrase, voice=output["voice"], speed=output["speed"], rate=format.rate
        ):
            yield BackchannelDelta(backchannel_id=name, audio=encode(_louder(pcm, gain), format))
        yield BackchannelDone(backchannel_id=name, phrase=phrase)


def _louder(pcm: bytes, gain: float) -> bytes:
    layout = f"<{len(pcm) // 2}h"
    samples = struct.unpack(layout, pcm)
    return struct.pack(layout, *(max(-32768, min(32767, round(s * gain))) for s in samples))
