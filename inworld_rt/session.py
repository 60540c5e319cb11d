"""What both sides agreed on: settings, conversation, who has the floor. Pure.

Events go in, orders come out; there is no socket, thread, clock or device here. The server allows
one answer at a time, so requests take turns: a :class:`Request` waits until the floor is free, then
its events are sent, and the next answer that begins is its own.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from attrs import define

from inworld_rt.answer import Answer
from inworld_rt.codec import UNSET
from inworld_rt.config import SessionConfig, TurnDetection
from inworld_rt.conversation import ROLLING_MODELS, Conversation, merge_transcript
from inworld_rt.errors import ServerError
from inworld_rt.events import (
    AudioDelta,
    CallArgumentsDone,
    ContentPartAdded,
    ContentPartDone,
    ErrorEvent,
    Event,
    InputAudioCommitted,
    ItemAdded,
    ItemDeleted,
    ItemDone,
    ItemTruncated,
    OutputItemAdded,
    OutputItemDone,
    ResponseCancel,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
    UserTranscript,
    UserTranscriptDelta,
    UserTranscriptUpdated,
)
from inworld_rt.outcome import ErrorDetails
from inworld_rt.pcm import AudioFormat

__all__ = ["Expectation", "Order", "Request", "Session", "server_error"]

_REMEMBERED = 256  # finished answers whose late events are still recognised
_ATTEMPTS = 5  # sends of one request that the server finds busy although nothing is known to run


@define(eq=False)
class Request:
    """A wish for an answer.

    Attributes:
        answer: the answer to come.
        events: what to send when the floor is free; the last one is the ``response.create``.
            Empty where the server itself will answer speech that is still to be sent.
        speech_end_ms: for speech: where it ends, in milliseconds of audio sent in the session.
            Answers to earlier parts of it, which the server cut off itself, are not the one meant.
    """

    answer: Answer
    events: tuple[Event, ...] = ()
    speech_end_ms: float | None = None
    owner: Any = None
    """Whoever waits for the floor; not used here."""
    attempts: int = 0
    unwanted: bool = False
    """Cancel it as soon as it begins."""

    def sent(self, event_id: str) -> bool:
        """Whether one of its events has that id."""
        return any(e.event_id == event_id for e in self.events)


@define(eq=False)
class Expectation:
    """A reply that somebody waits for: the first event that ``accept`` takes, or an error."""

    event_id: str
    accept: Callable[[Event], bool]
    about: tuple[str, ...] = ("",)
    """Words in the ``param`` or ``code`` of errors without an id that concern it."""
    owner: Any = None
    """Whoever waits; not used here."""


@define(eq=False)
class _Sounding:
    """How much audio came for an item, and in which answer."""

    answer: Answer
    nbytes: int = 0


class Order(NamedTuple):
    """Something to be done: ``do`` names it, the other two are what with.

    =========  ==============================  =================================================
    ``do``     ``subject``                     ``detail``
    =========  ==============================  =================================================
    send       an event                        None
    granted    a :class:`Request`              None: it has the floor, its speech may be sent
    began      an :class:`Answer`              None
    audio      an :class:`Answer`              whole samples
    text       an :class:`Answer`              words that are new at the end
    restarted  an :class:`Answer`              None: forget what came
    ended      an :class:`Answer`              None, or the exception that it ended with
    met        an :class:`Expectation`         the event
    failed     an :class:`Expectation`         the exception
    =========  ==============================  =================================================
    """

    do: str
    subject: Any
    detail: Any = None


Orders = list[Order]


class Session:
    """The state of one session. Not thread-safe: whoever owns it brings the lock."""

    def __init__(self) -> None:
        self.config = SessionConfig()
        """The settings in force, as far as the server told them."""
        self.conversation = Conversation()
        self.live: Answer | None = None
        """The answer being made."""
        self.last_error: ServerError | None = None
        """The latest error event; the reason, where the connection ends after it."""
        self.audio_sent_ms = 0
        """Milliseconds of speech sent so far; the clock of the server's turn detection."""
        self.speaking = False
        """Whether the user is speaking, by the server's ear."""
        self.speeches = 0
        """How often the user began to speak."""
        self._turn: Request | None = None
        self._waiting: deque[Request] = deque()
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._expected: list[Expectation] = []
        self._speech_ms = float("inf")  # where the latest speech began
        self._sounding: OrderedDict[str, _Sounding] = OrderedDict()
        self._handlers: dict[type[Event], Callable[[Any], Orders]] = {
            AudioDelta: self._audio,
            TextDelta: self._words,
            TranscriptDelta: self._words,
            TextDone: self._words,
            TranscriptDone: self._words,
            ContentPartAdded: self._touch,
            ContentPartDone: self._words,
            CallArgumentsDone: self._touch,
            OutputItemAdded: self._touch,
            OutputItemDone: self._output_item,
            ResponseCreated: self._created,
            ResponseDone: self._done,
            SessionCreated: self._settings,
            SessionUpdated: self._settings,
            ItemAdded: self._item,
            ItemDone: self._item,
            ItemDeleted: self._deleted,
            ItemTruncated: self._truncated,
            SpeechStarted: self._speech_started,
            SpeechStopped: self._speech_over,
            InputAudioCommitted: self._speech_over,
            UserTranscriptDelta: self._user_words,
            UserTranscriptUpdated: self._user_words,
            UserTranscript: self._user_words,
            ErrorEvent: self._error,
        }

    # --- what is asked of it ---------------------------------------------------------------------

    @property
    def output_format(self) -> AudioFormat:
        """How the server's audio is coded."""
        return self.config.audio.output.format or AudioFormat()

    @property
    def input_format(self) -> AudioFormat:
        """How the server expects audio."""
        return self.config.audio.input.format or AudioFormat()

    @property
    def turn_detection(self) -> TurnDetection | None:
        """Who ends the user's turn; ``None`` is push-to-talk. Inworld's default is semantic."""
        found = self.config.audio.input.turn_detection
        return TurnDetection(type="semantic_vad") if found is UNSET else found

    def ask(self, request: Request) -> Orders:
        """Take a request in; it is sent now, or when the floor is free."""
        self._waiting.append(request)
        return self._next()

    def withdraw(self, request: Request) -> Orders:
        """Forget a request whose speech never became a turn; frees the floor."""
        if request in self._waiting:
            self._waiting.remove(request)
        if self._turn is request:
            self._turn = None
        return self._next()

    @property
    def phase(self) -> str:
        """``listening``, ``speaking``, ``thinking`` or ``idle``."""
        if self.speaking:
            return "listening"
        if self.live and self.live.received:
            return "speaking"
        return "thinking" if self.current else "idle"

    def cancel(self, answer: Answer) -> Orders:
        """Stop an answer, wherever it stands."""
        if answer is self.live:
            return [Order("send", ResponseCancel(response_id=answer.id))]
        if self._turn and self._turn.answer is answer and self._turn.events:
            self._turn.unwanted = True  # on its way: without an id, another might be hit
            return []
        for request in (*self._waiting, self._turn):
            if request and request.answer is answer:
                answer.status = "cancelled"
                return [Order("ended", answer), *self.withdraw(request)]
        return []

    def expect(self, expectation: Expectation) -> None:
        """Wait for a reply; call this before the request is sent."""
        self._expected.append(expectation)

    def forget(self, expectation: Expectation) -> None:
        """Wait no longer."""
        if expectation in self._expected:
            self._expected.remove(expectation)

    @property
    def current(self) -> Answer | None:
        """The answer in progress, or the one that has the floor and is about to begin."""
        return self.live or (self._turn.answer if self._turn else None)

    def abandon(self) -> tuple[list[Answer], list[Any]]:
        """The connection is over.

        Returns:
            The answers that will never come, and the owners of all who wait for something else.
        """
        requests = [r for r in (self._turn, *self._waiting) if r]
        lost = [r.answer for r in requests]
        if self.live and self.live not in lost:
            lost.insert(0, self.live)
        owners = [r.owner for r in requests] + [e.owner for e in self._expected]
        owners = [owner for owner in owners if owner is not None]
        self._turn = self.live = None
        self._waiting.clear()
        self._expected.clear()
        for answer in lost:
            answer.status = "lost"
        return lost, owners

    # --- what the server says --------------------------------------------------------------------

    def receive(self, event: Event) -> Orders:
        """Take an event in; returns what to do about it."""
        handler = self._handlers.get(type(event))
        orders = handler(event) if handler else []
        if self._expected:
            self._meet(event, orders)
        return orders

    def _meet(self, event: Event, orders: Orders) -> None:
        if isinstance(event, ErrorEvent):
            return
        for expectation in self._expected:
            if expectation.accept(event):
                self._expected.remove(expectation)
                orders.append(Order("met", expectation, event))
                return

    def _next(self) -> Orders:
        """Give the floor to the first who waits, if it is free."""
        if self._turn or self.live or not self._waiting:
            return []
        self._turn = self._waiting.popleft()
        self._turn.attempts += 1
        return [*(Order("send", e) for e in self._turn.events), Order("granted", self._turn)]

    # --- answers ---------------------------------------------------------------------------------

    def _created(self, event: ResponseCreated) -> Orders:
        response_id = event.response.id if event.response else None
        if response_id is not None and response_id in self._finished:
            return []
        if self.live is not None and response_id in (None, self.live.id):
            return []
        return self._begin(response_id)

    def _begin(self, response_id: str | None) -> Orders:
        """An answer starts: the one of the request that has the floor, or one nobody asked for."""
        request = self._turn
        if request and request.answer.status == "waiting":
            answer = request.answer
        else:
            answer, request = Answer(), None
        answer.begin(response_id, self.output_format)
        self.live = answer
        orders = [Order("began", answer)]
        if request and request.unwanted:
            orders.append(Order("send", ResponseCancel(response_id=response_id)))
        return orders

    def _find(self, response_id: str | None, orders: Orders) -> Answer | None:
        """The answer that an event belongs to; ``None`` for one that ended or is unknown."""
        live = self.live
        if live is not None and (response_id is None or live.id == response_id):
            return live
        if live is not None and live.id is None and response_id not in self._finished:
            live.id = response_id  # its beginning came without an id
            return live
        if response_id is None or response_id in self._finished or live is not None:
            return None
        if self._turn and self._turn.answer.status == "waiting":
            orders += self._begin(response_id)  # a server that left out response.created
            return self.live
        return None

    def _audio(self, event: AudioDelta) -> Orders:
        orders: Orders = []
        answer = self._find(event.response_id, orders)
        if answer is None:
            return orders
        pcm = answer.sound(event)
        if pcm:
            if event.item_id is not None:
                self._count(event.item_id, answer, len(pcm))
            orders.append(Order("audio", answer, pcm))
        return orders

    def _count(self, item_id: str, answer: Answer, nbytes: int) -> None:
        known = self._sounding.get(item_id)
        # An id may come again in a later answer, whose audio counts from zero.
        if known is None or known.answer is not answer:
            known = self._sounding[item_id] = _Sounding(answer)
            if len(self._sounding) > _REMEMBERED:
                self._sounding.popitem(last=False)
        known.nbytes += nbytes

    def _touch(self, event: Any) -> Orders:
        orders: Orders = []
        self._find(event.response_id, orders)
        return orders

    def _words(self, event: Any) -> Orders:
        orders: Orders = []
        answer = self._find(event.response_id, orders)
        if answer is not None and (piece := answer.words(event)):
            orders.append(Order("text", answer, piece))
        return orders

    def _output_item(self, event: OutputItemDone) -> Orders:
        orders: Orders = []
        answer = self._find(event.response_id, orders)
        if answer is not None:
            answer.add_item(event.item)
            self.conversation.put(event.item, None)
        return orders

    def _done(self, event: ResponseDone) -> Orders:
        orders: Orders = []
        answer = self._find(event.response.id if event.response else None, orders)
        if answer is None:
            return orders  # a late duplicate
        if answer.id is not None:
            self._finished[answer.id] = None
            if len(self._finished) > _REMEMBERED:
                self._finished.popitem(last=False)
        answer.finish(event)
        for item in answer.items:
            self.conversation.put(item, None)
        self.live = None
        if self._turn and self._turn.answer is answer:
            if self._goes_on(self._turn):
                answer.reset()
                return [*orders, Order("restarted", answer)]
            self._turn = None
        orders.append(Order("ended", answer))
        return orders + self._next()

    def _goes_on(self, request: Request) -> bool:
        """Whether the answer was cut by more of the speech that it answers.

        A recording with a pause in it is two turns to the server, which answers the first, then
        hears the second and stops itself.
        """
        answer = request.answer
        cut = answer.status == "cancelled" and answer.details is not None
        return bool(
            cut
            and answer.details
            and answer.details.reason == "turn_detected"
            and request.speech_end_ms is not None
            and self._speech_ms < request.speech_end_ms
        )

    def _speech_started(self, event: SpeechStarted) -> Orders:
        self._speech_ms = -1.0 if event.audio_start_ms is None else event.audio_start_ms
        self.speaking = True
        self.speeches += 1
        return []

    def _speech_over(self, event: SpeechStopped | InputAudioCommitted) -> Orders:
        self.speaking = False
        return []

    # --- settings and items ----------------------------------------------------------------------

    def _settings(self, event: SessionCreated | SessionUpdated) -> Orders:
        if event.session is not None:
            # Laid over, not replaced: a server may tell only what changed.
            self.config = self.config.merged(event.session)
        return []

    def _item(self, event: ItemAdded | ItemDone) -> Orders:
        self.conversation.put(event.item, event.previous_item_id)
        return []

    def _deleted(self, event: ItemDeleted) -> Orders:
        self.conversation.remove(event.item_id)
        return []

    def _truncated(self, event: ItemTruncated) -> Orders:
        known = self._sounding.get(event.item_id)
        if known is not None:
            known.answer.cut_ms = event.audio_end_ms
            total = known.answer.format.ms(known.nbytes)
            self.conversation.truncate(event.item_id, event.audio_end_ms, total)
        return []

    def _user_words(self, event: Any) -> Orders:
        words = self.conversation.transcript(event.item_id)
        if isinstance(event, UserTranscriptDelta):
            words = merge_transcript(words, event.delta, self._rolling)
        else:
            words = event.transcript
        self.conversation.hear(event.item_id, words)
        return []

    @property
    def _rolling(self) -> bool:
        transcription = self.config.audio.input.transcription
        return str((transcription and transcription.model) or "").startswith(ROLLING_MODELS)

    # --- errors ----------------------------------------------------------------------------------

    def _error(self, event: ErrorEvent) -> Orders:
        error = server_error(event.error)
        self.last_error = error
        if error.code == "response_cancel_not_active":
            return []  # harmless: it ended by itself first
        expectation = self._expectation_of(error)
        if expectation:
            self._expected.remove(expectation)
            return [Order("failed", expectation, error)]
        request = self._request_of(error)
        if request is None:
            return []
        if error.code == "conversation_already_has_active_response" and self._try_again(request):
            return self._next()
        return self._fail(request, error)

    def _expectation_of(self, error: ServerError) -> Expectation | None:
        """Who waits for the reply that this error is instead.

        By its ``event_id``; servers that give none are understood by what they complain about.
        """
        for expectation in self._expected:
            if error.event_id == expectation.event_id:
                return expectation
        if error.event_id is None:
            told = f"{error.param or ''} {error.code or ''}"
            return next((e for e in self._expected if any(w in told for w in e.about)), None)
        return None

    def _request_of(self, error: ServerError) -> Request | None:
        request = self._turn
        if request is None:
            return None
        if error.event_id is None:
            return request if request.events and request.answer.status == "waiting" else None
        return request if request.sent(error.event_id) else None

    def _try_again(self, request: Request) -> bool:
        """The server was busy with an answer of its own: ask again after it.

        What had begun as this request's answer is then that other one.
        """
        if self.live is None and request.attempts >= _ATTEMPTS:
            return False
        if self.live is request.answer:
            other = Answer()
            other.begin(request.answer.id, request.answer.format)
            self.live = other
        request.answer.reset()
        # Only the answer is asked for again: the items before it have arrived.
        request.events = tuple(e for e in request.events if isinstance(e, ResponseCreate))
        self._turn = None
        self._waiting.appendleft(request)
        return True

    def _fail(self, request: Request, error: ServerError) -> Orders:
        answer = request.answer
        create = next((e for e in request.events if isinstance(e, ResponseCreate)), None)
        if answer.status == "waiting" and create and error.event_id not in (None, create.event_id):
            # Its item was refused, but the server will still answer; nobody wants that answer.
            request.unwanted = True
            request.answer = Answer()
            answer.status = "failed"
            return [Order("ended", answer, error)]
        answer.status = "failed"
        if self.live is answer:
            self.live = None
        self._turn = None
        return [Order("ended", answer, error), *self._next()]


def server_error(details: ErrorDetails | None) -> ServerError:
    """The exception for an ``error`` event."""
    details = details or ErrorDetails()
    words = details.message or details.code or details.type or "the server reports an error"
    about = f" (about {details.param})" if details.param else ""
    return ServerError(
        f"{words}{about}",
        type=details.type,
        code=details.code,
        param=details.param,
        event_id=details.event_id,
    )
