"""The service's behaviour: client events in, server events out.

Pure: time is told to it in seconds, and it says when it wants to be asked again. It has no socket,
thread, sleep or clock; the server beside it has (protocol: sections 3 to 14).
"""

from __future__ import annotations

import copy
import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from inworld_rt.codec import read
from inworld_rt.config import SessionConfig
from inworld_rt.events import client, server
from inworld_rt.simulator.answer import Answer
from inworld_rt.simulator.answer_items import House
from inworld_rt.simulator.answer_plan import Planner
from inworld_rt.simulator.answer_source import Piece
from inworld_rt.simulator.conversation import ReplySource
from inworld_rt.simulator.dtmf import Keypad
from inworld_rt.simulator.ears import Ears
from inworld_rt.simulator.history import History
from inworld_rt.simulator.incoming import Malformed, check, member
from inworld_rt.simulator.input_buffer import InputBuffer
from inworld_rt.simulator.interjections import Interjections
from inworld_rt.simulator.item_requests import ItemRequests, OpenCalls
from inworld_rt.simulator.mcp import Mcp
from inworld_rt.simulator.memory import Memory
from inworld_rt.simulator.outgoing import Sender
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.refusals import Fault, Refusal, wrong_value
from inworld_rt.simulator.settings import Settings
from inworld_rt.simulator.transcripts import Transcripts
from inworld_rt.simulator.turns import Turns
from inworld_rt.simulator.voice import Voice
from inworld_rt.wire import Event, UnknownEvent

__all__ = ["Brain", "Hangup"]

NEVER = math.inf


class Hangup(NamedTuple):
    """The server ends the session."""

    code: int
    reason: str


def _new_id() -> str:
    return str(uuid.uuid4())


class Brain:
    """One session.

    Args:
        replies: what the agent answers.
        voice: how it sounds.
        ears: how it hears.
        now: seconds since 1970; every later time is measured the same way.
        quirks: the switches.
        pace: how much faster than it sounds speech is sent.
        lifetime: seconds from the last update to the end of the session.
        new_id: makes ids.
    """

    def __init__(
        self,
        replies: ReplySource,
        voice: Voice,
        ears: Ears,
        now: float,
        *,
        quirks: Quirks = Quirks(),  # noqa: B008 - frozen
        pace: float = 5.0,
        lifetime: float = 3600.0,
        new_id: Callable[[], str] = _new_id,
    ) -> None:
        self.settings = Settings()
        self.history = History()
        self.ended: Hangup | None = None
        """Set once the session is to be closed."""
        self._quirks = quirks
        self._replies = replies
        self._voice = voice
        self._new_id = new_id
        self._now = now
        self._lifetime = lifetime
        self._session_id = new_id()
        self._house = House(quirks, self.history, new_id, new_id(), new_id())
        self._planner = Planner(self.settings, self.history, quirks, pace)
        self._sender = Sender(quirks, new_id)
        self._active: Answer | None = None
        self._aside: list[Answer] = []
        self._calls = OpenCalls()
        self._furnish(ears)
        self._last_response: str | None = None
        self._timers = {
            self._ping: now + quirks.ping if quirks.ping else NEVER,
            self._idle: NEVER,
            self._expire: now + lifetime,
        }
        self._handlers = self._routes()

    def _furnish(self, ears: Ears) -> None:
        """The rooms that do the work."""
        quirks, new_id = self._quirks, self._new_id
        self._buffer = InputBuffer(self.settings, ears, new_id, late=quirks.late_speech_started)
        self._keypad = Keypad(quirks.dtmf_script)
        self._transcripts = Transcripts(self.settings, quirks)
        self._turns = Turns(
            self.settings,
            self.history,
            self._buffer,
            Interjections(self.settings, quirks, self._voice, new_id),
            self._transcripts,
            self._voice_began,
            self._turn_ended,
        )
        self._memory = Memory(self.settings, self.history)
        self._mcp = Mcp(self.settings, self.history, new_id, quirks.mcp)
        self._items = ItemRequests(
            self.settings,
            self.history,
            quirks,
            self._calls,
            self._mcp,
            self._transcripts,
            ears,
            new_id,
        )

    def _routes(self) -> dict[type[Event], Callable[[Any], Iterable[Event]]]:
        """Client event to what handles it."""
        return {
            client.SessionUpdate: self._update,
            client.ItemCreate: self._items.create,
            client.ItemDelete: self._items.delete,
            client.ItemRetrieve: self._items.retrieve,
            client.ItemTruncate: self._items.truncate,
            client.InputAudioAppend: self._append,
            client.InputAudioCommit: self._turns.commit,
            client.InputAudioClear: self._turns.clear,
            client.ResponseCreate: self._response_create,
            client.ResponseCancel: self._response_cancel,
            client.OutputAudioClear: self._output_clear,
        }

    # --- from outside ----------------------------------------

    def start(self) -> list[Event]:
        """The session opens; gives its first events."""
        events: list[Event] = [server.SessionCreated(session=self._session())]
        if self._quirks.conversation_created:
            info = server.ConversationInfo(
                id=self._house.conversation_id, object="realtime.conversation"
            )
            events.append(server.ConversationCreated(conversation=info))
        return self._sender.finish(events)

    def receive(self, event: Event | Malformed, now: float) -> list[Event]:
        """A client event came.

        Args:
            event: it, or why it is none.
            now: seconds.

        Returns:
            What is to be sent at once.
        """
        self._now = now
        if isinstance(event, Malformed):
            return self._sender.finish([self._error(event.fault, event.event_id)])
        events: list[Event] = []
        try:
            if isinstance(event, UnknownEvent):
                check(event)
            handler = self._handlers[type(event)]
            # One by one, so that what was sent before a refusal is not lost.
            for answer in handler(event):
                events.append(answer)
        except Refusal as refusal:
            unknown = refusal.fault.code == "unknown_event_type"
            events.append(self._error(refusal.fault, None if unknown else event.event_id))
        return self._sender.finish(events)

    def next_due(self) -> float | None:
        """When :meth:`advance` wants to be called; ``None`` where only a client event helps."""
        if self.ended:
            return None
        if self._turns.waiting or (self._active is None and self._calls.ready):
            return self._now
        dues = [a.due for a in self._answers() if a.due is not None]
        due = min([*dues, *self._timers.values()])
        return None if due == NEVER else due

    def advance(self, now: float) -> list[Event]:
        """Time has passed; do what is due.

        Args:
            now: seconds.

        Returns:
            What is to be sent at once. There may be more to do at once: ask :meth:`next_due`.
        """
        self._now = now
        if self.ended:
            return []
        events = list(self._turns.settle())
        if self._active is None and self._calls.ready:
            events += self._begin({})
        for answer in self._answers():
            if answer.due is not None and answer.due <= now:
                events += answer.advance(now)
                events += self._after(answer)
        for handler, due in list(self._timers.items()):
            if due <= now:
                self._timers[handler] = NEVER
                events += handler()
        return self._sender.finish(events)

    def close(self) -> None:
        """Give back what was borrowed, the recognisers; nothing else may be asked afterwards."""
        self._turns.close()

    # --- timers ----------------------------------------

    def _ping(self) -> Iterator[Event]:
        self._timers[self._ping] = self._now + self._quirks.ping
        yield server.Ping(timestamp=math.floor(self._now * 1000))

    def _expire(self) -> Iterator[Event]:
        self.ended = Hangup(1001, "session expired")
        yield self._error(Fault("Your session has expired.", "session_expired"), None)

    def _idle(self) -> Iterator[Event]:
        if self._active is not None or self._buffer.speaking:
            return
        yield from self._turns.idle()

    # --- session ----------------------------------------

    def _session(self) -> SessionConfig:
        data = copy.deepcopy(self.settings.session)
        data["id"] = self._session_id
        data["expires_at"] = math.floor(self._now + self._lifetime)
        if not self._quirks.provider_data:
            del data["providerData"]
        return read(SessionConfig, data)

    def _update(self, event: client.SessionUpdate) -> Iterator[Event]:
        self.settings.update(member(event, "session", event.session))
        self._buffer.configure()
        if not (self.settings.turn_detection or {}).get("idle_timeout_ms"):
            self._timers[self._idle] = NEVER
        self._timers[self._expire] = self._now + self._lifetime
        yield server.SessionUpdated(session=self._session())
        yield from self._mcp.listed()

    # --- input audio ----------------------------------------

    def _append(self, event: client.InputAudioAppend) -> Iterator[Event]:
        yield from self._turns.append(event)
        yield from self._keypad.heard(self._buffer.position_ms, self._now)

    def _voice_began(self) -> Iterator[Event]:
        self._timers[self._idle] = NEVER
        rule = self.settings.turn_detection or {}
        if self._active is not None and rule.get("interrupt_response", True):
            yield from self._cancel(self._active, "turn_detected")

    def _turn_ended(self) -> Iterator[Event]:
        if self._active is not None:
            yield self._error(_ACTIVE, None)
        else:
            yield from self._begin({}, turn=True)

    # --- answers ----------------------------------------

    def _answers(self) -> list[Answer]:
        return [*([self._active] if self._active else []), *self._aside]

    def _response_create(self, event: client.ResponseCreate) -> Iterator[Event]:
        yield from self._turns.settle()
        request = self._planner.checked(member(event, "response", event.response))
        conversation = request.get("conversation", "auto")
        if conversation == "none" and self._quirks.out_of_band:
            yield from self._begin(request, aside=True)
        elif conversation not in ("auto", self._house.conversation_id):
            raise wrong_value("response.conversation", "'auto' or this conversation's id")
        elif self._active is not None:
            raise Refusal(_ACTIVE.message, _ACTIVE.code)
        else:
            yield from self._begin(request)

    def _begin(
        self, request: Mapping[str, Any], *, aside: bool = False, turn: bool = False
    ) -> Iterator[Event]:
        """Start an answer; its first events are sent at once."""
        plan, conversation = self._planner.plan(
            request, self._new_id(), self._now, aside=aside, turn=turn
        )

        def reply() -> Iterator[Piece]:
            # The model is asked only when the answer is under way.
            yield from self._mcp.reply(self._replies, conversation, aside=aside)

        answer = Answer(plan, reply(), self._house, self._voice, self._now)
        self._last_response = answer.id
        if aside:
            self._aside.append(answer)
        else:
            self._active = answer
            self._calls.asked = False
            self._timers[self._idle] = NEVER
        yield from answer.advance(self._now)
        yield from self._after(answer)

    def _after(self, answer: Answer) -> Iterator[Event]:
        """What follows from an answer's end, if this is it."""
        if answer.due is not None:
            return
        if answer is not self._active:
            self._aside = [a for a in self._aside if a is not answer]
            return
        self._active = None
        completed = answer.status == "completed"
        self._calls.ended(answer.calls if completed else [])
        yield from self._transcripts.revised()
        rule = self.settings.turn_detection or {}
        if rule.get("idle_timeout_ms"):
            quiet = answer.audio_ms + rule["idle_timeout_ms"]
            self._timers[self._idle] = self._now + quiet / 1000
        if completed and not answer.calls and self._memory.turn():
            if self._quirks.memory_update:
                yield server.SessionUpdated(session=self._session())

    def _cancel(self, answer: Answer, reason: str) -> Iterator[Event]:
        yield from answer.stop(reason)
        yield from self._after(answer)

    def _response_cancel(self, event: client.ResponseCancel) -> Iterator[Event]:
        wanted = event.response_id
        found = self._active
        if wanted is not None:
            found = next((a for a in self._answers() if a.id == wanted), None)
        if found is None:
            raise Refusal(
                "Cancellation failed: no active response found.", "response_cancel_not_active"
            )
        return self._cancel(found, "client_cancelled")

    def _output_clear(self, event: client.OutputAudioClear) -> Iterator[Event]:
        shown = not self._quirks.no_response_id_on_output_buffer
        yield server.OutputAudioCleared(response_id=(self._last_response or "") if shown else None)

    def _error(self, fault: Fault, event_id: str | None) -> Event:
        return server.ErrorEvent(error=fault.details(event_id))


_ACTIVE = Fault(
    "Conversation already has an active response in progress.",
    "conversation_already_has_active_response",
)
