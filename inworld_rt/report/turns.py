"""Who said what, and how long the answers took: the turns of a conversation. Pure.

A turn begins when the user does: with speech, or with a typed message. The next answer belongs to
it; and so do those that only go on with it, after a tool. An answer that nobody asked for, such as
a greeting, is a turn of its own.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field

from inworld_rt.conversation import merge_transcript
from inworld_rt.errors import RemoteProtocolError
from inworld_rt.events import ResponseDone
from inworld_rt.latency import Latency
from inworld_rt.outcome import Usage, total
from inworld_rt.pcm import AudioFormat
from inworld_rt.report.calls import Calls
from inworld_rt.report.marks import Place
from inworld_rt.report.model import Turn
from inworld_rt.steering import shown
from inworld_rt.wire import decode
from inworld_rt.wording import Words, heard

__all__ = ["Turns"]

_TEXT = ("response.output_text.delta", "response.text.delta")
_SPOKEN = ("response.output_audio_transcript.delta", "response.audio_transcript.delta")
_FINAL = (
    "response.output_text.done",
    "response.text.done",
    "response.output_audio_transcript.done",
    "response.audio_transcript.done",
    "response.content_part.done",
)
_SOUND = ("response.output_audio.delta", "response.audio.delta")
_WRITTEN = ("input_text", "text", "output_text")


@define(eq=False)
class _Answer:
    """One response of the server."""

    created: float
    words: Words = field(factory=Words)
    items: dict[str, float] = field(factory=dict)  # milliseconds of sound that came for each
    first_text: float | None = None
    first_audio: float | None = None
    first_heard: float | None = None
    done: float | None = None
    status: str = "in_progress"
    reason: str = ""
    heard_ms: float | None = None
    cut_at: float | None = None
    sound_end: float = 0.0

    @property
    def heard(self) -> str | None:
        """The words that were heard, if it was cut."""
        if self.heard_ms is None:
            return None
        return heard(self.words.own, self.heard_ms, sum(self.items.values()))

    def cut(self, item_id: str, heard_ms: float, t: float) -> None:
        """Only so much was heard."""
        before = 0.0
        for name, ms in self.items.items():
            if name == item_id:
                break
            before += ms
        self.heard_ms, self.cut_at = before + heard_ms, t


@define(eq=False)
class _Turn:
    """A turn that is not over yet."""

    number: int
    start: float
    asked: str = ""
    user: str = ""
    known: float | None = None
    over: float | None = None  # when the user had finished; None: not yet
    request: float | None = None
    answers: list[_Answer] = field(factory=list)
    goes_on: bool = False  # a tool's result was sent: the next answer is of this turn


class Turns:
    """Follows the events, in order, and takes them for turns.

    Attributes:
        voice: the name of who answers.
        usage: what all answers cost.
    """

    def __init__(self, place: Place) -> None:
        """Nobody said anything yet.

        Args:
            place: where the sent sound is in time.
        """
        self.voice = ""
        self.usage: Usage | None = None
        self._place = place
        self._calls = Calls()
        self._format = AudioFormat()
        self._turns: list[_Turn] = []
        self._of_item: dict[str, _Turn] = {}
        self._answers: dict[str, _Answer] = {}
        self._answer_of: dict[str, _Answer] = {}  # by item
        self._request: float | None = None
        self._commit: float | None = None

    @property
    def responses(self) -> int:
        """How many answers there were."""
        return len(self._answers)

    # --- what this side did ----------------------------------------------------------------------

    def sent(self, t: float, kind: str, event: dict[str, Any]) -> None:
        """A message of this side."""
        if kind == "response.create":
            self._request = t
        elif kind == "conversation.item.create":
            self._gave(t, event["item"])
        elif kind == "conversation.item.truncate":
            self._cut(t, event["item_id"], event["audio_end_ms"])
        elif kind == "input_audio_buffer.commit":
            self._commit = t

    def _gave(self, t: float, item: dict[str, Any]) -> None:
        if item.get("type") == "function_call_output":
            self._calls.ended(str(item.get("call_id")), t, item.get("output"))
            if self._turns:
                self._turns[-1].goes_on = True
        elif item.get("type") == "message" and item.get("role") == "user":
            parts = [part for part in item.get("content") or () if isinstance(part, dict)]
            typed = any(part.get("type") in _WRITTEN for part in parts)
            turn = self._begin(t, "typed" if typed else "spoken")
            turn.user = _words(parts)
            turn.over = t
            if isinstance(item.get("id"), str):
                self._of_item[item["id"]] = turn

    def note(self, t: float, kind: str, event: dict[str, Any]) -> None:
        """Something that only this side knows of."""
        if kind == "first_heard":
            answer = self._answer_of[event["item_id"]]
            if answer.first_heard is None:
                answer.first_heard = t
                answer.sound_end = t + sum(answer.items.values()) / 1000
        elif kind == "cut":
            self._cut(t, event["item_id"], event["heard_ms"])
        elif kind == "lost":
            for answer in self._answers.values():
                if answer.done is None:
                    answer.done, answer.status, answer.reason = t, "failed", "connection lost"

    def _cut(self, t: float, item_id: str, heard_ms: float) -> None:
        answer = self._answer_of.get(item_id)
        if answer is not None and answer.heard_ms is None:
            answer.cut(item_id, heard_ms, t)

    # --- what the server said --------------------------------------------------------------------

    def received(self, t: float, kind: str, event: dict[str, Any]) -> None:
        """A message of the server."""
        if kind in ("session.created", "session.updated"):
            output = event["session"]["audio"]["output"]
            self.voice = str(output.get("voice") or self.voice)
            self._format = AudioFormat.from_wire(output.get("format")) or self._format
        elif kind.startswith("input_audio_buffer."):
            self._user(t, kind, event)
        elif "transcription." in kind:
            self._heard(t, kind, event)
        elif kind.startswith("response.") and not kind.startswith("response.backchannel."):
            self._answering(t, kind, event)

    def _user(self, t: float, kind: str, event: dict[str, Any]) -> None:
        item_id = event.get("item_id")
        if kind == "input_audio_buffer.speech_started":
            self._speaker(item_id, self._place.of(event.get("audio_start_ms"), t))
        elif kind == "input_audio_buffer.speech_stopped":
            self._speaker(item_id, t).over = self._place.over(t)
        elif kind == "input_audio_buffer.committed":
            fresh = self._place.settled()
            turn = self._speaker(item_id, t if fresh is None else fresh)
            if turn.over is None:  # the server did not say so before: no VAD
                turn.over = t if self._commit is None else self._commit
            self._commit = None

    def _open(self) -> _Turn | None:
        """A turn in which the user speaks."""
        turn = self._turns[-1] if self._turns else None
        return turn if turn is not None and turn.asked == "spoken" and turn.over is None else None

    def _speaker(self, item_id: Any, start: float) -> _Turn:
        """The turn of an item of the user."""
        turn = self._of_item.get(item_id) if isinstance(item_id, str) else self._open()
        if turn is None:
            turn = self._begin(start, "spoken")
            if isinstance(item_id, str):
                self._of_item[item_id] = turn
        return turn

    def _heard(self, t: float, kind: str, event: dict[str, Any]) -> None:
        turn = self._speaker(event.get("item_id"), t)
        if kind.endswith(".delta"):
            turn.user = merge_transcript(turn.user, event["delta"])
        elif isinstance(event.get("transcript"), str):
            turn.user = event["transcript"]
            if turn.known is None and kind.endswith(".completed"):
                turn.known = t

    # --- an answer -------------------------------------------------------------------------------

    def _answering(self, t: float, kind: str, event: dict[str, Any]) -> None:
        response_id = event.get("response_id")
        if kind in ("response.created", "response.done"):
            response_id = event["response"].get("id")
        answer = self._answers.get(str(response_id)) if response_id else self._latest()
        if answer is None:
            answer = self._created(t, str(response_id))
        if kind in _TEXT or kind in _SPOKEN or kind in _FINAL:
            if answer.first_text is None and event.get("delta"):
                answer.first_text = t
            answer.words.take(_typed(event))
        elif kind in _SOUND:
            self._sound(t, answer, event)
        elif kind == "response.done":
            self._done(t, answer, event)
        elif isinstance(event.get("item"), dict):
            name = event["item"].get("id")
            if isinstance(name, str):
                self._answer_of.setdefault(name, answer)
        self._calls.received(t, kind, event, self._turn_of(answer).number)

    def _latest(self) -> _Answer | None:
        return next(reversed(self._answers.values()), None)

    def _turn_of(self, answer: _Answer) -> _Turn:
        return next(turn for turn in reversed(self._turns) if answer in turn.answers)

    def _created(self, t: float, response_id: str) -> _Answer:
        answer = self._answers[response_id] = _Answer(t)
        waiting = [turn for turn in self._turns[-3:] if turn.over is not None and not turn.answers]
        going_on = [turn for turn in self._turns[-3:] if turn.goes_on]
        request, self._request = self._request, None
        if waiting:
            turn = waiting[-1]
            turn.request = request
        elif going_on:
            turn = going_on[-1]
        else:
            turn = self._begin(t if request is None else request, "")
            turn.over = turn.start
        turn.goes_on = False
        turn.answers.append(answer)
        return answer

    def _sound(self, t: float, answer: _Answer, event: dict[str, Any]) -> None:
        sound = event.get("delta") or event.get("data")
        if not isinstance(sound, dict):
            return
        ms = sound["bytes"] * 1000 / self._format.bytes_per_second
        name = str(event.get("item_id"))
        self._answer_of.setdefault(name, answer)
        answer.items[name] = answer.items.get(name, 0.0) + ms
        if answer.first_audio is None:
            answer.first_audio = t
        answer.sound_end = max(answer.sound_end, t) + ms / 1000

    def _done(self, t: float, answer: _Answer, event: dict[str, Any]) -> None:
        if answer.status not in ("in_progress", "failed"):
            return  # a late copy
        response = event["response"]
        details = response.get("status_details") or {}
        answer.done = t
        answer.status = str(response.get("status") or "completed")
        error = details.get("error") or {}
        answer.reason = str(error.get("code") or error.get("type") or details.get("reason") or "")
        told = _typed(event)
        if isinstance(told, ResponseDone):
            own = told.usage or (told.response and told.response.usage)
            self.usage = total(self.usage, own or None)

    # --- what came of it -------------------------------------------------------------------------

    def _begin(self, start: float, asked: str) -> _Turn:
        turn = _Turn(len(self._turns) + 1, start, asked)
        self._turns.append(turn)
        return turn

    def finished(self, end: float) -> tuple[Turn, ...]:
        """All turns.

        Args:
            end: where the recording ends.
        """
        return tuple(self._finish(turn, end) for turn in self._turns)

    def _finish(self, turn: _Turn, end: float) -> Turn:
        answers = turn.answers
        last = answers[-1] if answers else None
        # Heard until its sound ends; a later turn may begin before that, as a barge-in does.
        ends = [answer.cut_at or answer.sound_end for answer in answers]
        ends += [answer.done or 0.0 for answer in answers] + [
            end if turn.over is None else turn.over
        ]
        cut = any(answer.heard_ms is not None or answer.status == "cancelled" for answer in answers)
        base = turn.over if turn.asked == "spoken" or turn.request is None else turn.request
        whole = " ".join(filter(None, (_settled(answer.words) for answer in answers)))
        return Turn(
            number=turn.number,
            start=turn.start,
            end=max(turn.start, min(max(ends), end)),
            asked=turn.asked,
            user=" ".join(shown(turn.user, whole=True).split()),
            answer=whole,
            heard=_heard_of(answers),
            cut=cut,
            problem=_problem(last, cut),
            base=base if answers else None,
            stages=_stages(turn, base) if base is not None and answers else Latency(),
            tools=self._calls.of(turn.number),
        )


def _typed(event: dict[str, Any]) -> Any:
    """The event as the client reads it."""
    try:
        return decode(json.dumps(event))
    except RemoteProtocolError:
        return None


def _words(parts: list[dict[str, Any]]) -> str:
    texts = [part.get("text") or part.get("transcript") for part in parts]
    return " ".join(text for text in texts if isinstance(text, str))


def _settled(words: Words) -> str:
    words.settle_all()
    return " ".join(words.own.split())


def _heard_of(answers: list[_Answer]) -> str | None:
    """The words that were heard; ``None`` where all were, or it is not known."""
    if all(answer.heard_ms is None for answer in answers):
        return None
    parts: list[str] = []
    for answer in answers:
        told = answer.heard
        parts.append(_settled(answer.words) if told is None else " ".join(told.split()))
        if told is not None:
            break
    return " ".join(filter(None, parts))


def _problem(answer: _Answer | None, cut: bool) -> str:
    if answer is None:
        return "no answer"
    if answer.status == "in_progress":
        return "the recording ends before the answer does"
    if answer.status in ("completed", "cancelled") or cut:
        return ""
    why = f": {answer.reason:.80}" if answer.reason else ""
    what = "failed" if answer.status == "failed" else f"is {answer.status}"
    return f"the answer {what}{why}"


def _stages(turn: _Turn, base: float) -> Latency:
    def first(name: str) -> float | None:
        moments = [getattr(answer, name) for answer in turn.answers]
        return next((max(0.0, moment - base) for moment in moments if moment is not None), None)

    done = turn.answers[-1].done
    return Latency(
        transcript=None if turn.known is None else max(0.0, turn.known - base),
        first_text=first("first_text"),
        first_audio=first("first_audio"),
        first_heard=first("first_heard"),
        total=None if done is None else max(0.0, done - base),
    )
