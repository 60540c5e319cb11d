"""The server's ear: the input buffer, turn detection, and reading what was said.

Audio goes in; records come out that say what happened, in order. What follows from them
(cancelling, committing, answering) is the brain's business (protocol: voice turn; push-to-talk).
"""

from __future__ import annotations

import logging
import math
from typing import Any

from attrs import define, field, frozen

from inworld_rt.pcm import AudioFormat, Carry, decode, encode
from inworld_rt.simulator.ears import Ears, Listening
from inworld_rt.simulator.refusals import Refusal, wrong_value
from inworld_rt.simulator.settings import Settings
from inworld_rt.simulator.vad import SpeechStarted, TurnDetector, TurnSettings

__all__ = ["Began", "Ended", "InputBuffer", "Partial", "Progress", "Utterance"]

log = logging.getLogger("inworld_rt")

STEP_MS = 100
"""Long pieces are heard in steps of so many milliseconds, so that nothing is noticed late."""
KEPT_MS = 30_000
"""What is kept of the time in which nobody spoke, for a commit by hand."""
LONGEST_MS = 600_000
MOST_BYTES = 15 * 1024 * 1024
"""The largest piece of audio in one event."""


@define
class Utterance:
    """Speech on its way to becoming an item."""

    item_id: str
    format: AudioFormat
    start_ms: int
    listening: Listening | None
    pcm: bytearray = field(factory=bytearray)
    said: str = ""
    """The text so far."""
    failed: bool = False

    def hear(self, pcm: bytes) -> str | None:
        """Take more; gives the text so far if it has changed."""
        self.pcm += pcm
        if self.listening is None:
            return None
        try:
            text = self.listening.hear(pcm)
        except Exception as exc:  # ears are other people's code; the session goes on
            self._give_up(exc)
            return None
        if text is None or text == self.said:
            return None
        self.said = text
        return text

    def finish(self) -> str:
        """The final text; empty where it could not be read."""
        if self.listening is not None:
            try:
                self.said = self.listening.finish()
            except Exception as exc:
                self._give_up(exc)
            self.listening = None
        return self.said

    def drop(self) -> None:
        """Forget it."""
        if self.listening is not None:
            self.listening.close()
            self.listening = None

    def _give_up(self, exc: Exception) -> None:
        log.warning("the simulator's ears failed: %s", type(exc).__name__)
        self.failed = True
        self.listening = None

    @property
    def wire(self) -> bytearray:
        """The sound as the client sent it."""
        return bytearray(encode(bytes(self.pcm), self.format))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / 2 / self.format.rate


@frozen
class Began:
    """Somebody began to speak."""

    utterance: Utterance


@frozen
class Partial:
    """The text so far has changed."""

    utterance: Utterance
    text: str


@frozen
class Progress:
    """Somebody is still speaking."""

    utterance: Utterance
    spoken_ms: int


@frozen
class Ended:
    """The turn is over."""

    utterance: Utterance
    end_ms: int
    trailing_ms: int
    """The silence that ended it."""


Record = Began | Partial | Progress | Ended


class InputBuffer:
    """One session's ear.

    Args:
        settings: the session's settings, read whenever they count.
        ears: the recogniser.
        new_id: makes item ids.
        late: whether to tell of speech only once there are words of it.
    """

    def __init__(self, settings: Settings, ears: Ears, new_id: Any, *, late: bool = False) -> None:
        self._settings = settings
        self._ears = ears
        self._new_id = new_id
        self._late = late
        self._format = settings.input_format
        self._carry = Carry(self._format.bytes_per_frame)
        self._detector = TurnDetector(self._format.rate, _rule(settings))
        self._buffer = bytearray()  # PCM that no utterance has
        self._current: Utterance | None = None
        self._held: Began | None = None

    @property
    def speaking(self) -> bool:
        """Whether turn detection is within a turn."""
        return self._detector.speaking

    @property
    def position_ms(self) -> int:
        """Audio time: milliseconds from the first byte of the session."""
        return math.floor(self._detector.position_ms)

    def configure(self) -> None:
        """Follow changed settings; a turn in progress is finished under the old ones."""
        self._detector.configure(_rule(self._settings))
        if not self.speaking:
            self._follow_format()

    def _follow_format(self) -> None:
        wanted = self._settings.input_format
        if wanted == self._format:
            return
        self.drop()
        self._format = wanted
        self._carry = Carry(wanted.bytes_per_frame)
        self._detector.change_rate(wanted.rate)

    def drop(self) -> None:
        """Forget what was not committed, and stop listening to it."""
        self._buffer.clear()
        self._held = None
        if self._current is not None:
            self._current.drop()
            self._current = None

    # --- the client's events ---------------------------------------------------------------------

    def append(self, data: bytes) -> list[Record]:
        """More audio came.

        Raises:
            Refusal: the piece is too large, or more than the buffer holds was never committed.
        """
        if len(data) > MOST_BYTES:
            raise wrong_value("audio", "at most 15 MiB at a time")
        pcm = decode(self._carry.push(data), self._format)
        records: list[Record] = []
        step = self._format.rate * STEP_MS // 1000 * 2
        for start in range(0, len(pcm), step):
            self._hear(pcm[start : start + step], records)
        return records

    def commit(self) -> Utterance:
        """The client says that the turn is over.

        Raises:
            Refusal: there is no audio.
        """
        utterance = self._current
        if utterance is None:
            if not self._buffer:
                raise Refusal(
                    "The input audio buffer is empty; there is nothing to commit.",
                    "input_audio_buffer_commit_empty",
                )
            utterance = self._utterance(self.position_ms - self._ms(self._buffer))
            utterance.hear(bytes(self._buffer))
        self._end_turn()
        self._detector.reset()
        return utterance

    def clear(self) -> None:
        """Forget what was not committed."""
        self.drop()
        self._carry.clear()
        self._detector.reset()
        self._follow_format()

    def silence(self) -> Utterance:
        """An utterance without sound, for the idle timeout."""
        return Utterance(self._new_id(), self._format, self.position_ms, None)

    # --- listening -------------------------------------------------------------------------------

    def _ms(self, pcm: bytes | bytearray) -> int:
        return len(pcm) // 2 * 1000 // self._format.rate

    def _utterance(self, start_ms: int) -> Utterance:
        transcription = self._settings.input["transcription"] or {}
        stt = self._settings.branch("stt")
        hints = stt.get("language_hints") or [None]
        try:
            listening: Listening | None = self._ears.listen(
                self._format.rate,
                transcription.get("language") or hints[0],
                transcription.get("prompt") or stt.get("prompt"),
            )
        except Exception as exc:
            log.warning("the simulator's ears failed: %s", type(exc).__name__)
            listening = None
        return Utterance(
            self._new_id(), self._format, start_ms, listening, failed=listening is None
        )

    def _hear(self, pcm: bytes, records: list[Record]) -> None:
        marks = self._detector.hear(pcm)
        if self._current is None:
            self._buffer += pcm
        else:
            self._listen(pcm, records)
        for mark in marks:
            if isinstance(mark, SpeechStarted):
                self._begin(mark.audio_start_ms, records)
            elif self._current is not None:
                if self._held is not None:
                    records.append(self._held)
                end = mark.audio_end_ms
                records.append(Ended(self._current, end, end - mark.voice_end_ms))
                self._end_turn()
        if self._current is None:
            self._keep_little()

    def _keep_little(self) -> None:
        if self._detector.settings is None:
            # By hand: read along, so that the text is there soon after the commit.
            self._current = self._utterance(self.position_ms - self._ms(self._buffer))
            self._current.hear(bytes(self._buffer))
            self._buffer.clear()
        else:
            most = self._format.rate * KEPT_MS // 1000 * 2
            if len(self._buffer) > most:
                del self._buffer[:-most]

    def _begin(self, start_ms: int, records: list[Record]) -> None:
        if self._current is not None:  # sound that came before turn detection was switched on
            self._buffer[:0] = self._current.pcm
            self._current.drop()
        samples = round((self._detector.position_ms - start_ms) * self._format.rate / 1000)
        first = bytes(self._buffer[-2 * samples :] if samples > 0 else b"")
        self._buffer.clear()
        self._current = self._utterance(start_ms)
        began = Began(self._current)
        if self._late:
            self._held = began
        else:
            records.append(began)
        self._listen(first, records)

    def _listen(self, pcm: bytes, records: list[Record]) -> None:
        utterance = self._current
        if utterance is None:
            return
        if self._ms(utterance.pcm) > LONGEST_MS:
            raise Refusal("The input audio buffer is full.", "input_audio_buffer_full")
        text = utterance.hear(pcm)
        if not self.speaking:
            return
        if text is not None:
            records.append(Partial(utterance, text))
            if self._held is not None:
                records.append(self._held)
                self._held = None
        records.append(Progress(utterance, self._ms(utterance.pcm)))

    def _end_turn(self) -> None:
        self._current = None
        self._held = None
        self._buffer.clear()
        self._follow_format()


def _rule(settings: Settings) -> TurnSettings | None:
    """The rule for turns, with what ``providerData.stt`` says besides."""
    rule = TurnSettings.of(settings.turn_detection)
    stt = settings.branch("stt")
    limits = {"vad_threshold", "min_end_of_turn_silence", "max_turn_silence"}
    if rule is None or not limits & stt.keys():
        return rule
    silence = max(rule.silence_ms, stt.get("min_end_of_turn_silence", 0))
    return TurnSettings(
        kind="server_vad",  # the kind that has numbers of its own
        threshold=stt.get("vad_threshold", rule.sensitivity),
        prefix_padding_ms=rule.prefix_padding_ms,
        silence_duration_ms=min(silence, stt.get("max_turn_silence", silence)),
    )
