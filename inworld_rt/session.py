"""What both sides agreed on: settings, conversation, who has the floor. Pure.

Events go in, orders come out; there is no socket, thread, clock or device here. The server allows
one answer at a time, so requests take turns: a :class:`Request` waits until the floor is free, then
its events are sent, and the next answer that begins is its own.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

from inworld_rt.answer import Answer, cost
from inworld_rt.calls import Calls, follow_up
from inworld_rt.codec import UNSET, Setting
from inworld_rt.config import ReplyConfig, SessionConfig, TurnDetection
from inworld_rt.conversation import ROLLING_MODELS, Conversation, merge_transcript
from inworld_rt.events import (
    AudioDelta,
    CallArgumentsDone,
    ContentPartAdded,
    ContentPartDone,
    ErrorEvent,
    Event,
    InputAudioCleared,
    InputAudioCommitted,
    ItemAdded,
    ItemCreate,
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
from inworld_rt.hearing import Hearing
from inworld_rt.items import Item
from inworld_rt.outcome import ErrorDetails, ResponseState, Usage, total
from inworld_rt.pcm import AudioFormat
from inworld_rt.profile import VoiceProfile, profile_of
from inworld_rt.request import (
    BUSY,
    Expectation,
    Order,
    Orders,
    Request,
    mentions,
    order,
)
from inworld_rt.spoken import Turns

__all__ = ["Session"]

_REMEMBERED = 256  # finished answers whose late events are still recognised
_ATTEMPTS = 5  # sends of one request that the server finds busy although nothing is known to run


class Session:
    """The state of one session. Not thread-safe: whoever owns it brings the lock."""

    def __init__(self) -> None:
        self.config = SessionConfig()
        """The settings in force, as far as the server told them."""
        self.conversation = Conversation()
        self.live: Answer | None = None
        """The answer being made; should the server make several, the one that began last."""
        self.audio_sent_ms = 0.0
        """Milliseconds of speech sent so far; the clock of the server's turn detection."""
        self.usage = Usage()
        """What all responses that ended have cost."""
        self.speaking = False
        """Whether the user is speaking, by the server's ear."""
        self.speeches = 0
        """How often the user began to speak."""
        self.turns = 0
        """How often speech became an item."""
        self.unfinished = False
        """Whether speech was heard that is not an item yet."""
        self.voice_profile: VoiceProfile | None = None
        """Of the user, by the latest transcript that had one."""
        self._lives: dict[str | None, Answer] = {}  # all that are being made
        self._nameless = True  # the server has given no answer an id yet; maybe it never does
        self._turn: Request | None = None
        self._waiting: deque[Request] = deque()
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._expected: list[Expectation] = []
        self._answer_due = False  # the server is to answer the user's turn by itself
        self._places: dict[str, str] = {}  # where items belong that are on their way
        self._speech_ms = float("inf")  # where the latest speech began
        self._received_ms = 0.0  # of sound, in responses that are over
        self._spoken = Turns()
        self._hearing = Hearing(self.conversation)
        self.calls = Calls()
        self._tools_work = False
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
            SpeechStopped: self._speech_stopped,
            InputAudioCommitted: self._committed,
            InputAudioCleared: self._cleared,
            UserTranscriptDelta: self._user_words,
            UserTranscriptUpdated: self._user_words,
            UserTranscript: self._understood,
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

    @property
    def speaks(self) -> bool:
        """Whether answers have sound."""
        wanted = self.config.output_modalities
        return wanted is UNSET or "audio" in wanted

    @property
    def tools_in_doubt(self) -> bool:
        """Whether tools are declared, and no answer has shown yet that the account may have any."""
        return bool(self.config.tools) and not self._tools_work

    @property
    def audio_received_ms(self) -> float:
        """Milliseconds of the answers' sound so far."""
        return self._received_ms + sum(answer.ms_of_round for answer in self._lives.values())

    @property
    def _answers_turns(self) -> bool:
        """Whether the server answers the user's turns by itself."""
        turns = self.turn_detection
        return turns is not None and turns.create_response is not False

    def ask(self, request: Request) -> Orders:
        """Take a request in; it is sent now, or when the floor is free."""
        answer = request.answer
        answer.typed = any(isinstance(event, ItemCreate) for event in request.events)
        if self._answers_turns and not answer.typed:
            self._spoken.take()  # it is not to what the server left unanswered
        self._waiting.append(request)
        return self._next()

    def withdraw(self, request: Request) -> Orders:
        """Give up a request whose answer has not begun; frees the floor."""
        if request in self._waiting:
            self._waiting.remove(request)
        if self._turn is request:
            self._turn = None
        orders: Orders = []
        if request.answer.status == "waiting":
            request.answer.status = "cancelled"
            orders.append(Order("ended", request.answer))
        return orders + self._next()

    @property
    def phase(self) -> str:
        """``listening``, ``speaking``, ``thinking`` or ``idle``."""
        if self.speaking:
            return "listening"
        live = self.live
        if live and live.received and not live.interrupted:
            return "speaking"
        return "thinking" if self.current or self.unfinished else "idle"

    def cancel(self, answer: Answer) -> Orders:
        """Stop an answer, wherever it stands."""
        if answer.status == "in_progress":
            return [Order("send", ResponseCancel(response_id=answer.id))]
        turn = self._turn
        if turn and turn.answer is answer and (turn.events or answer.rounds):
            turn.unwanted = True  # on its way: without an id, another might be hit
            return []
        for request in (*self._waiting, self._turn):
            if request and request.answer is answer:
                return self.withdraw(request)
        if answer.status != "calling":
            return []
        self.calls.give_up(answer)
        answer.status = "cancelled"
        return [Order("ended", answer), *self._next()]

    @property
    def goes_on_by_itself(self) -> bool:
        """Whether the server, when it has the result of a tool, goes on without being asked."""
        data = self.config.provider_data
        return bool(data and data.auto_tool_response)

    def answered(self, answer: Answer, call_id: str, create_id: str) -> Orders:
        """The result of a tool has been told, or, where the server goes on by itself, is about to
        be. When it was the last, the answer goes on.

        Args:
            answer: which called the tool.
            call_id: the call.
            create_id: the id for the request that makes it go on, once for all its calls.
        """
        if not self.calls.close(answer, call_id):
            return self._next()
        answer.status = "waiting"
        request = Request(answer, polite=True)
        if not self.goes_on_by_itself:
            reply: Setting[ReplyConfig] = follow_up(answer, self.config)
            if reply == ReplyConfig():
                reply = UNSET
            request.events = (ResponseCreate(response=reply, event_id=create_id),)
        self._waiting.appendleft(request)
        return self._next()

    @property
    def held(self) -> bool:
        """Whether a request waits for the user's turn to be over, and for the answer to it."""
        return any(request.polite for request in self._waiting)

    def hold_no_longer(self) -> Orders:
        """The server has not answered the user's turn for so long that it never will."""
        self._answer_due = False
        return self._next()

    def interrupt(
        self, heard: Sequence[tuple[Answer, str | None, float]], *, cancel: bool
    ) -> Orders:
        """The user cuts in (protocol: barge-in): what is being made, or still to be heard, is over.

        Args:
            heard: what was being played: answers, their items, and milliseconds heard of each.
            cancel: tell the server to stop; with turn detection it does so by itself.
        """
        orders: Orders = []
        if cancel:  # what waits for tools, or has just got what it waited for
            waiting = [r.answer for r in (*self._waiting, self._turn) if r and r.answer.rounds]
            for answer in (*self.calls.open, *waiting):
                if answer.status != "in_progress":
                    orders += self.cancel(answer)
        for answer in set(self._lives.values()):
            answer.interrupted = True
            if self.speaks and answer.ms_of_round == 0:
                answer.cuts[answer.round] = 0.0
            if cancel:
                orders.append(Order("send", ResponseCancel(response_id=answer.id)))
        return orders + [Order("send", event) for event in self._hearing.cut(heard)]

    def heard_first(self, answer: Answer, item_id: str | None, moment: float) -> None:
        """The sound of an item begins to be heard.

        Args:
            answer: which it came for.
            item_id: the item.
            moment: when, in seconds.
        """
        # What came may have turned out to be another answer's.
        if answer.heard_at is None and self._hearing.belongs(item_id, answer):
            answer.heard_at = moment

    def expect(self, expectation: Expectation) -> None:
        """Wait for a reply, if not yet done; call this before the request is sent."""
        if expectation not in self._expected:
            self._expected.append(expectation)

    def forget(self, expectation: Expectation) -> None:
        """Wait no longer."""
        if expectation in self._expected:
            self._expected.remove(expectation)

    @property
    def current(self) -> Answer | None:
        """The answer in progress, or the one that has the floor and is about to begin."""
        if self.live or self._turn:
            return self.live or (self._turn.answer if self._turn else None)
        return next(iter(self.calls.open), None)

    def abandon(self) -> tuple[list[Answer], list[Any]]:
        """The connection is over.

        Returns:
            The answers that will never come, and the owners of all who wait for something else.
        """
        requests = [r for r in (self._turn, *self._waiting) if r]
        self._received_ms = self.audio_received_ms
        lost = list(self._lives.values())
        lost += [r.answer for r in requests if r.answer.status == "waiting"]
        lost += self.calls.open
        owners = [r.owner for r in requests] + [e.owner for e in self._expected]
        owners = [owner for owner in owners if owner is not None]
        self._turn = self.live = None
        for answers in (self._lives, self.calls.open, self._waiting):
            answers.clear()
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
        if self._turn or self._lives or not self._waiting:
            return []
        request = next((r for r in self._waiting if self._may_go(r)), None)
        if request is None:
            return []
        self._waiting.remove(request)
        self._turn = request
        self._turn.attempts += 1
        return [*(Order("send", e) for e in self._turn.events), Order("granted", self._turn)]

    def _may_go(self, request: Request) -> bool:
        if request.polite and (self.speaking or self.unfinished or self._answer_due):
            return False
        # The conversation goes on when tools have run; but a tool may ask for something itself.
        return all(request.answer.follows_from(waiting) for waiting in self.calls.open)

    # --- answers ---------------------------------------------------------------------------------

    def _created(self, event: ResponseCreated) -> Orders:
        state = event.response
        response_id = state.id if state else None
        if response_id in self._lives or (response_id is None and self._lives):
            return []
        if response_id is not None:
            self._finished.pop(response_id, None)  # a server that gives an id again
        output = state.audio.output if state and state.audio else None
        return self._begin(response_id, output.format if output else None, state)

    def _begin(
        self,
        response_id: str | None,
        format: AudioFormat | None = None,
        state: ResponseState | None = None,
    ) -> Orders:
        """An answer starts: the one of the request that has the floor, or one nobody asked for."""
        request = self._turn
        if request and request.answer.status == "waiting" and request.may_be(state):
            answer = request.answer
        else:
            answer, request = Answer(), None
        answer.begin(response_id, format or self.output_format)
        if not answer.rounds and answer.reply.conversation != "none":
            answer.turn = self._spoken.take()
        self._lives[response_id] = self.live = answer
        self._answer_due = False
        self._nameless = self._nameless and response_id is None
        if request and request.unwanted:
            return [Order("send", ResponseCancel(response_id=response_id))]
        return [Order("began", answer)]

    def _find(self, response_id: str | None, orders: Orders, starts: bool = True) -> Answer | None:
        """The answer that an event belongs to; ``None`` for one that ended or is unknown.

        A server may leave out ``response.created``; then the first event of an answer begins it,
        if it ``starts`` one.
        """
        answer = self._lives.get(response_id)
        if answer is not None:
            return answer
        waits = self._turn is not None and self._turn.answer.status == "waiting"
        if response_id is None:
            # Behind an answer's end, words without an id are late ones, where others have ids.
            starts = waits and self._nameless
            if self._lives or not starts:
                return self.live
        elif response_id in self._finished:
            return None
        elif None in self._lives:  # its beginning came without an id
            answer = self._lives[response_id] = self._lives.pop(None)
            answer.id, self._nameless = response_id, False
            return answer
        if self._lives or not (starts or waits):
            return None
        orders += self._begin(response_id)
        return self.live

    def _audio(self, event: AudioDelta) -> Orders:
        orders: Orders = []
        answer = self._lives.get(event.response_id) or self._find(event.response_id, orders)
        if answer is None or answer.interrupted:
            return orders
        pcm = answer.sound(event)
        if pcm:
            self._hearing.add(answer, event.item_id, len(pcm))
            orders.append(order(("audio", answer, pcm)))
        if event.timestamp_info is not None and (words := answer.timing(event, len(pcm))):
            orders.append(Order("captions", answer, words))
        return orders

    def _touch(self, event: Any) -> Orders:
        orders: Orders = []
        answer = self._find(event.response_id, orders)
        if answer is not None:
            answer.note_call(event)
        return orders

    def _words(self, event: Any) -> Orders:
        orders: Orders = []
        answer = self._find(event.response_id, orders)
        if answer is not None and not answer.interrupted and (piece := answer.words.take(event)):
            orders.append(Order("text", answer, piece))
        return orders

    def _output_item(self, event: OutputItemDone) -> Orders:
        orders: Orders = []
        answer = self._find(event.response_id, orders)
        if answer is not None:
            answer.add_item(event.item)
            self._mirror(answer, event.item)
        return orders

    def _done(self, event: ResponseDone) -> Orders:
        orders: Orders = []
        answer = self._find(event.response.id if event.response else None, orders, starts=False)
        if answer is None:
            return orders  # a late duplicate
        del self._lives[answer.id]
        self._received_ms += answer.ms_of_round
        self.usage = total(self.usage, cost(event)) or self.usage
        self.live = next(reversed(self._lives.values()), None)
        if answer.id is not None:
            self._finished[answer.id] = None
            if len(self._finished) > _REMEMBERED:
                self._finished.popitem(last=False)
        if words := answer.finish(event):
            orders.append(Order("text", answer, words))
        if answer.status == "completed" and self.config.tools:
            self._tools_work = True
        if captions := answer.close_captions():
            orders.append(Order("captions", answer, captions))
        for item in answer.items:
            self._mirror(answer, item)
        if self._turn and self._turn.answer is answer:
            if self._goes_on(self._turn):
                answer.reset()
                return [*orders, Order("restarted", answer)]
            self._turn = None
        orders += [Order("call", answer, call) for call in self.calls.take(answer, self.config)]
        if answer.status != "calling":
            orders.append(Order("ended", answer))
        return orders + self._next()

    def _mirror(self, answer: Answer, item: Item | None) -> None:
        if answer.reply.conversation != "none":
            self._hearing.mirror(item, None)

    def _goes_on(self, request: Request) -> bool:
        """Whether the answer was cut by more of the speech that it answers.

        A recording with a pause in it is two turns to the server, which answers the first, then
        hears the second and stops itself.
        """
        answer = request.answer
        return (
            answer.status == "cancelled"
            and answer.details is not None
            and answer.details.reason == "turn_detected"
            and not request.events  # else the server does not answer the rest unasked
            and request.speech_end_ms is not None
            and self._speech_ms < request.speech_end_ms
        )

    def _speech_started(self, event: SpeechStarted) -> Orders:
        self._speech_ms = -1.0 if event.audio_start_ms is None else event.audio_start_ms
        self.speaking = self.unfinished = True
        self.speeches += 1
        return []

    def _speech_stopped(self, event: SpeechStopped) -> Orders:
        return [Order("spoken", self._spoken.stopped(event.item_id)), *self._speech_over(event)]

    def _committed(self, event: InputAudioCommitted) -> Orders:
        self.turns += 1
        self._answer_due = self._answers_turns
        turn = self._spoken.committed(event.item_id)
        orders = [] if turn is None else [Order("spoken", turn)]
        return orders + self._speech_over(event)

    def _cleared(self, event: InputAudioCleared) -> Orders:
        self._spoken.cleared()
        return self._speech_over(event)

    def _speech_over(self, event: Event) -> Orders:
        self.speaking = False
        self.unfinished = self.unfinished and isinstance(event, SpeechStopped)
        return self._next()

    # --- settings and items ----------------------------------------------------------------------

    def _settings(self, event: SessionCreated | SessionUpdated) -> Orders:
        if event.session is not None:
            # Laid over, not replaced: a server may tell only what changed.
            self.config = self.config.merged(event.session)
        return []

    def _item(self, event: ItemAdded | ItemDone) -> Orders:
        item_id = (event.item and event.item.id) or ""
        # The server's null may mean the first place, or that it does not say.
        previous = event.previous_item_id or self._places.get(item_id)
        self._hearing.mirror(event.item, previous)
        if isinstance(event, ItemDone):
            self._places.pop(item_id, None)
        return []

    def place(self, item_id: str, previous_item_id: str) -> None:
        """An item is about to be put there."""
        self._places[item_id] = previous_item_id
        if len(self._places) > _REMEMBERED:  # of those that were refused
            del self._places[next(iter(self._places))]

    def _deleted(self, event: ItemDeleted) -> Orders:
        self.conversation.remove(event.item_id)
        return []

    def _truncated(self, event: ItemTruncated) -> Orders:
        self._hearing.truncated(event)
        return []

    def _user_words(self, event: Any) -> Orders:
        words = self.conversation.transcript(event.item_id)
        if isinstance(event, UserTranscriptDelta):
            words = merge_transcript(words, event.delta, self._rolling)
        else:
            words = event.transcript
        self.conversation.hear(event.item_id, words)
        self.voice_profile = profile_of(event) or self.voice_profile
        return []

    def _understood(self, event: UserTranscript) -> Orders:
        turn = self._spoken.read(event.item_id)
        return self._user_words(event) + ([] if turn is None else [Order("known", turn)])

    @property
    def _rolling(self) -> bool:
        transcription = self.config.audio.input.transcription
        return str((transcription and transcription.model) or "").startswith(ROLLING_MODELS)

    # --- errors ----------------------------------------------------------------------------------

    def _error(self, event: ErrorEvent) -> Orders:
        error = event.error or ErrorDetails()
        if error.code == "response_cancel_not_active":
            return []  # harmless: it ended by itself first
        expectation = self._expectation_of(error)
        if expectation:
            self._expected.remove(expectation)
            return [Order("failed", expectation, error)]
        again = self._hearing.refused(error)
        if again is not None:
            return [Order("send", cut) for cut in again]
        request = self._turn
        if request is None or not request.concerns(error):
            return []
        return (self._busy if error.code == BUSY else self._fail)(request, error)

    def _expectation_of(self, error: ErrorDetails) -> Expectation | None:
        """Who waits for the reply that this error is instead.

        By its ``event_id``; servers that give none are understood by what they complain about.
        """
        for expectation in self._expected:
            by_id = error.event_id == expectation.event_id
            if by_id if error.event_id else mentions(error, expectation.about):
                return expectation
        return None

    def _busy(self, request: Request, error: ErrorDetails) -> Orders:
        """The server was busy with an answer of its own: ask again after it."""
        answer = request.answer
        orders: Orders = []
        if answer.status == "in_progress":  # what has begun is that other answer
            other = self._hand_over(answer)
            answer.reset()
            orders = [Order("began", other), Order("restarted", answer, other)]
        if request.unwanted:
            return orders + self.withdraw(request)
        if not self._lives and request.attempts >= _ATTEMPTS:
            return orders + self._fail(request, error)
        # Only the answer is asked for again: the items before it have arrived.
        request.events = tuple(e for e in request.events if isinstance(e, ResponseCreate))
        self._turn = None
        self._waiting.appendleft(request)
        return orders + self._next()

    def _fail(self, request: Request, error: ErrorDetails) -> Orders:
        answer = request.answer
        if answer.status == "in_progress":
            self._hand_over(answer)
        elif error.event_id and request.create_id not in (None, error.event_id):
            # Its item was refused, but the server will still answer; nobody wants that answer.
            request.unwanted = True
            request.answer = Answer()
            answer.status = "failed"
            return [Order("ended", answer, error)]
        answer.status = "failed"
        self._turn = None
        return [Order("ended", answer, error), *self._next()]

    def _hand_over(self, answer: Answer) -> Answer:
        """Make what the server is at nobody's: it has the floor until the server ends it."""
        other = answer.handed_over()
        other.turn = other.turn or self._spoken.take()
        self._hearing.hand_over(answer, other)
        self._lives[answer.id] = other
        if self.live is answer:
            self.live = other
        return other
