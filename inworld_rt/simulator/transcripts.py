"""What the client is told of the user's words (protocol: user transcription)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field

from inworld_rt.codec import replace
from inworld_rt.events.server import UserTranscript, UserTranscriptDelta, UserTranscriptFailed
from inworld_rt.items import InputAudio, Message
from inworld_rt.outcome import ErrorDetails, TranscriptionUsage
from inworld_rt.pcm import decode
from inworld_rt.simulator.ears import Ears
from inworld_rt.simulator.history import Entry, Sound
from inworld_rt.simulator.input_buffer import Utterance
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.settings import Settings
from inworld_rt.wire import Event

__all__ = ["Transcripts"]

_PROFILE: dict[str, list[dict[str, Any]]] = {
    "age": [{"label": "adult", "confidence": 0.81}, {"label": "young", "confidence": 0.17}],
    "gender": [{"label": "female", "confidence": 0.62}, {"label": "male", "confidence": 0.38}],
    "emotion": [{"label": "calm", "confidence": 0.8}, {"label": "happy", "confidence": 0.1}],
    "vocal_style": [{"label": "normal", "confidence": 0.9}],
    "accent": [{"label": "american", "confidence": 0.7}, {"label": "british", "confidence": 0.2}],
}
"""Always the same person: nobody here can tell."""

_TOP_PROFILE: dict[str, list[dict[str, Any]]] = {
    "emotion": _PROFILE["emotion"],
    "pitch": [{"label": "medium", "confidence": 0.7}, {"label": "high", "confidence": 0.2}],
    "vocalStyle": _PROFILE["vocal_style"],
}
"""The same person as another place and spelling has it."""


@define
class Transcripts:
    """One session's transcripts of the user."""

    settings: Settings
    quirks: Quirks
    _sent: dict[str, str] = field(factory=dict)
    """What the client was told so far of an utterance in progress."""
    _last: UserTranscript | None = None

    @property
    def _wanted(self) -> bool:
        return self.settings.input["transcription"] is not None

    def partial(self, utterance: Utterance) -> Iterator[Event]:
        """The text so far has changed."""
        if not self._wanted:
            return
        text, sent = utterance.said, self._sent.get(utterance.item_id, "")
        if text == sent:
            return
        delta = text
        if not self.quirks.rolling_transcripts:
            if not text.startswith(sent):
                return  # an increment cannot take words back; the final text will
            delta = text[len(sent) :]
        self._sent[utterance.item_id] = text
        yield UserTranscriptDelta(item_id=utterance.item_id, content_index=0, delta=delta)

    def final(self, utterance: Utterance, entry: Entry) -> Iterator[Event]:
        """Read a committed utterance, and note in its item what was said."""
        text = utterance.finish()
        entry.heard = text
        if isinstance(entry.item, Message):
            part = InputAudio(transcript=text)
            entry.item = replace(entry.item, content=[part])
        if not self._wanted:
            return
        if utterance.failed:
            error = ErrorDetails(
                type="server_error",
                code="transcription_failed",
                message="The speech could not be transcribed.",
            )
            yield UserTranscriptFailed(item_id=utterance.item_id, content_index=0, error=error)
            return
        if not self.quirks.rolling_transcripts or utterance.item_id not in self._sent:
            yield from self.partial(utterance)
        self._sent.pop(utterance.item_id, None)
        self._last = self._completed(utterance, text)
        yield self._last

    def _completed(self, utterance: Utterance, text: str) -> UserTranscript:
        usage = TranscriptionUsage(type="duration", seconds=round(utterance.seconds, 3))
        wanted = self.settings.branch("stt").get("voice_profile")
        top = wanted and self.quirks.top_voice_profile
        profile = wanted and self.quirks.provider_data and not top
        return UserTranscript(
            item_id=utterance.item_id,
            content_index=0,
            transcript=text,
            usage=None if self.quirks.omit_transcription_usage else usage,
            provider_data={"voiceProfile": _PROFILE} if profile else None,
            voice_profile=_TOP_PROFILE if top else None,
        )

    def revised(self) -> Iterator[Event]:
        """After the answer: the same again, a little better, if a quirk says so."""
        last, self._last = self._last, None
        if last is not None and self.quirks.repeat_completed:
            text = last.transcript
            better = text[:-1] if text.endswith((".", "?", "!")) else f"{text}."
            yield replace(last, transcript=better)

    def read(self, sound: Sound, ears: Ears) -> str:
        """Hear a whole recording at once."""
        listening = ears.listen(sound.format.rate)
        listening.hear(decode(bytes(sound.data), sound.format))
        return listening.finish()
