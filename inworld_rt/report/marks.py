"""What else happened: speech that the server noticed, waits, breaks, faults. Pure.

What is looked for:

``speech`` (span)
    The server took what it heard for speech (protocol: input audio buffer and VAD). Drawn where the
    speech is in the sound, not where its event came.
``late`` (span)
    An answer's sound had begun, all that had come of it would have been played, and for a tenth of
    a second or more nothing followed: the listener waits in the midst of a sentence.
``quiet`` (span)
    An answer was being made, none of it could be heard yet, and for two seconds or more nothing at
    all came from the server.
``lost`` (span)
    There was no connection.
``cut`` (mark)
    The user cut in.
``underrun`` (mark)
    The loudspeaker had nothing to play, in the midst of an answer.
``device`` (mark)
    A sound device went away, or came back.
``error`` (mark)
    The server complained.
``aside`` (mark)
    The server put a word in while the user spoke (protocol: back-channel).
"""

from __future__ import annotations

import bisect
import math
from typing import Any

from inworld_rt.pcm import AudioFormat
from inworld_rt.report.model import Mark, Span

__all__ = ["LATE", "QUIET", "Marks", "Place"]

LATE = 0.1
"""Seconds without anything to hear after which an answer's sound counts as late."""

QUIET = 2.0
"""Seconds without any message after which the line counts as quiet."""

_STILL = 0.2  # seconds; a microphone sends more often
_PAUSE = 0.1  # seconds; a longer one in what is sent is a pause in the sound, too


class Place:
    """Knows where in time which piece of the sent sound is: the server counts it from the first
    byte of the session, whenever that was sent."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self._runs: list[tuple[float, float]] = []  # seconds of sound before; when that begins
        self._sound = 0.0
        self._end = 0.0
        self._fresh: float | None = None
        self._latest = 0.0  # when something was sent

    def restart(self) -> None:
        """The server counts from zero again."""
        self._runs, self._sound, self._fresh = [], 0.0, None

    def sent(self, t: float, seconds: float) -> None:
        """Sound was sent."""
        if not self._runs or t - self._end > _PAUSE:
            self._end = max(t, self._end)
            self._runs.append((self._sound, self._end))
        if self._fresh is None:
            self._fresh = self._end
        self._sound += seconds
        self._end += seconds
        self._latest = t

    def over(self, t: float) -> float:
        """When the user's speech was over, of which the server says so now: a recording, of which
        nothing more is sent, ends with the last of it."""
        return self._latest if t - self._latest > _STILL else t

    def settled(self) -> float | None:
        """A turn was committed: returns where the sound began that belongs to it."""
        fresh, self._fresh = self._fresh, None
        return fresh

    @property
    def end(self) -> float:
        """Where the sound so far ends."""
        return self._end

    def of(self, ms: Any, otherwise: float) -> float:
        """When that sound is, which the server counts in milliseconds."""
        if not (self._runs and _is_number(ms) and 0 <= ms / 1000 <= self._sound):
            return otherwise
        seconds = float(ms) / 1000
        before, begin = self._runs[bisect.bisect(self._runs, (seconds, math.inf)) - 1]
        return begin + seconds - before


class Marks:
    """Follows what happens and notes what is worth a mark.

    Attributes:
        spans: what lasted.
        marks: what happened at a moment.
        answered: seconds of sound that came for the answers.
    """

    def __init__(self, place: Place) -> None:
        """Nothing happened yet.

        Args:
            place: where the sent sound is in time.
        """
        self.spans: list[Span] = []
        self.marks: list[Mark] = []
        self.answered = 0.0
        self._place = place
        self._format = AudioFormat()
        self._speech: float | None = None
        self._lost: tuple[float, str] | None = None
        self._running: set[str] = set()  # answers that are being made
        self._news = 0.0
        self._sound_end: float | None = None
        self._asides: set[str] = set()

    def note(self, t: float, kind: str, event: dict[str, Any]) -> None:
        """Something that only this side knows of."""
        if kind == "lost":
            self._wait_is_over(t)
            self._running.clear()
            self._sound_end = None
            why = event.get("why")
            self._lost = (t, why if isinstance(why, str) else "")
        elif kind in ("reconnected", "opened"):
            self._back(t)
        elif kind == "cut":
            heard = event["heard_ms"] / 1000
            self.marks.append(Mark("cut", t, f"the user cut in, after {heard:.1f} s of the answer"))
            self._sound_end = None
        elif kind == "underrun":
            seconds = event["ms"] / 1000
            words = f"nothing to play for {round(seconds * 1000)} ms"
            self.marks.append(Mark("underrun", t, words, seconds))
        elif kind in ("device_lost", "device_back"):
            what = "went away" if kind == "device_lost" else "is back"
            self.marks.append(Mark("device", t, f"a sound device {what}"))

    def received(self, t: float, kind: str, event: dict[str, Any]) -> None:
        """A message of the server."""
        self._wait_is_over(t)
        self._news = t
        if kind == "session.created":
            self._place.restart()
        if kind in ("session.created", "session.updated"):
            output = event["session"]["audio"]["output"]
            self._format = AudioFormat.from_wire(output.get("format")) or self._format
        elif kind == "input_audio_buffer.speech_started":
            self._speech = self._place.of(event.get("audio_start_ms"), t)
        elif kind == "input_audio_buffer.speech_stopped":
            self._stopped(self._place.of(event.get("audio_end_ms"), t))
        elif kind == "response.created":
            self._running.add(str(event["response"].get("id")))
            self._sound_end = None
        elif kind == "response.done":
            self._running.discard(str(event["response"].get("id")))
        elif kind in ("response.output_audio.delta", "response.audio.delta"):
            self._sound(t, event.get("delta") or event.get("data"))
        elif kind == "response.backchannel.audio.delta":
            if event.get("backchannel_id") not in self._asides:
                self._asides.add(event["backchannel_id"])
                self.marks.append(Mark("aside", t, "a word put in while the user spoke"))
        elif kind == "error":
            self._error(t, event.get("error"))

    def finish(self, t: float) -> None:
        """That was all."""
        self._wait_is_over(t)
        self._stopped(t)
        self._back(t)

    def _error(self, t: float, error: Any) -> None:
        code = ""
        if isinstance(error, dict):
            code = error.get("code") or error.get("type") or error.get("message") or ""
        words = str(code or error or "no reason given")
        self.marks.append(Mark("error", t, f"the server complained: {words:.80}"))

    def _stopped(self, t: float) -> None:
        if self._speech is not None:
            self.spans.append(Span("speech", self._speech, max(t, self._speech)))
            self._speech = None

    def _back(self, t: float) -> None:
        if self._lost is not None:
            since, why = self._lost
            self.spans.append(Span("lost", since, t, f"no connection{why and f': {why:.80}'}"))
            self._lost = None

    def _sound(self, t: float, sound: Any) -> None:
        if not isinstance(sound, dict):
            return
        seconds = sound["bytes"] / self._format.bytes_per_second
        self.answered += seconds
        end = self._sound_end
        if end is not None and t - end >= LATE:
            self.spans.append(Span("late", end, t, "the answer's sound came late"))
        self._sound_end = max(t, end or t) + seconds

    def _wait_is_over(self, t: float) -> None:
        if self._running and self._sound_end is None and t - self._news >= QUIET:
            self.spans.append(Span("quiet", self._news, t, "no message from the server"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
