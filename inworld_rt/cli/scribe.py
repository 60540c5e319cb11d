"""Who says what in a voice chat, as it goes on: out of the session's events."""

from __future__ import annotations

from collections import deque
from typing import Any

from attrs import define, field

from inworld_rt import Client, Response
from inworld_rt.answer import Answer
from inworld_rt.cli.service import one_line
from inworld_rt.errors import ConnectionClosed, InworldError, ResponseFailed, WaitTimeout
from inworld_rt.events import (
    ContentPartDone,
    ErrorEvent,
    Event,
    InputAudioCommitted,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
    UserTranscript,
    UserTranscriptDelta,
    UserTranscriptFailed,
    UserTranscriptUpdated,
)
from inworld_rt.voice_chat import VoiceChat
from inworld_rt.workers import Deadline

__all__ = ["KINDS", "Scribe", "Utterance"]

_USER = (
    SpeechStarted,
    InputAudioCommitted,
    UserTranscriptDelta,
    UserTranscriptUpdated,
    UserTranscript,
    UserTranscriptFailed,
)
_WORDS = (TranscriptDelta, TranscriptDone, TextDelta, TextDone, ContentPartDone)
KINDS: tuple[type[Event], ...] = (*_USER, *_WORDS, ResponseCreated, ResponseDone, ErrorEvent)
"""The events that it wants."""

_REVISED_WITHIN = 1.5  # seconds in which a recogniser may still change its mind
# Complaints that are part of the course of things, see :mod:`inworld_rt.session`.
_HARMLESS = ("response_cancel_not_active", "conversation_already_has_active_response")
_ABOUT_CUTS = ("truncate", "audio_end_ms")


@define(eq=False)
class Utterance:
    """What one of the two says.

    Attributes:
        who: the name to show.
        is_answer: whether it is the assistant's.
        words: so far; of an answer that was cut off, those that were heard.
        unheard: the others.
        latency: seconds after which an answer began to be heard, or ``None``.
        over: whether nothing more will come; from a recogniser perhaps a better reading.
    """

    who: str
    is_answer: bool = False
    words: str = ""
    unheard: str = ""
    latency: float | None = None
    over: bool = False
    _patience: Deadline = field(factory=lambda: Deadline(_REVISED_WITHIN))

    def end(self) -> None:
        """Nothing more will come."""
        self.over = True
        self._patience = Deadline(_REVISED_WITHIN)

    @property
    def settled(self) -> bool:
        """Whether it has been over for a while."""
        return self.over and self._patience.left() == 0.0


@define(eq=False)
class _Saying:
    """An answer on its way from the server's mouth to the user's ear."""

    utterance: Utterance
    answer: Answer = field(factory=Answer)
    response: Response | None = None
    complete: bool = False

    def listen(self) -> bool:
        """Take over what is known of its words; returns whether the user cut it off."""
        words = self.answer.text
        heard = self.response.heard_text if self.response else words
        cut = len(heard) < len(words) and words.startswith(heard)
        self.utterance.words = one_line(heard if cut else words)
        self.utterance.unheard = one_line(words[len(heard) :]) if cut else ""
        return cut


class Scribe:
    """Follows a voice chat.

    Attributes:
        pending: what is being said, oldest first.
        troubles: complaints of the server that nobody has taken yet.
        turns: how often the user had his say.
    """

    def __init__(self, client: Client, chat: VoiceChat, user: str, assistant: str) -> None:
        """Begin.

        Args:
            client: whose conversation.
            chat: its chat.
            user: what to call the one.
            assistant: what to call the other.
        """
        self.pending: list[Utterance] = []
        self.troubles: list[str] = []
        self.turns = 0
        self._client, self._chat = client, chat
        self._user, self._assistant = user, assistant
        self._speeches: dict[str, Utterance] = {}  # by item
        self._sayings: dict[str | None, _Saying] = {}  # by response
        self._finished: set[str] = set()  # answers, some events of which may come late
        self._asked: deque[Response] = deque(maxlen=4)
        self._latency: float | None = None

    def asked(self, response: Response) -> None:
        """An answer was asked for."""
        self._asked.append(response)

    def saw(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, _USER):
            self._heard(event)
        elif isinstance(event, _WORDS):
            if saying := self._saying(event.response_id):
                saying.answer.words.take(event)
                saying.listen()
        elif isinstance(event, ResponseCreated):
            self._saying(event.response.id if event.response else None)
        elif isinstance(event, ResponseDone):
            self._ended(event)
        elif isinstance(event, ErrorEvent) and event.error is not None:
            told = f"{event.error.param} {event.error.code}"
            if event.error.code not in _HARMLESS and not any(word in told for word in _ABOUT_CUTS):
                self.troubles.append(one_line(f"The service reports: {event.error.message}"))

    def settle(self, *, all: bool = False) -> list[Utterance]:
        """What will not change any more, in order; it is forgotten here.

        Args:
            all: the conversation is over, so that nothing will.
        """
        for response_id, saying in list(self._sayings.items()):
            cut = saying.listen()
            heard = cut or not self._chat.speaker.sounding
            if all or (saying.complete and heard):
                self._forget(response_id, saying)
        done = []
        while self.pending and (all or self._is_final(*self.pending[:2])):
            done.append(self.pending.pop(0))
        return [said for said in done if said.words or said.unheard]

    @staticmethod
    def _is_final(first: Utterance, second: Utterance | None = None) -> bool:
        if first.is_answer:
            return first.over
        # A better reading of the user's words may still come, until the answer does.
        return (first.over and (second is not None or first.settled)) or bool(
            second and second.settled
        )

    @property
    def expects(self) -> bool:
        """Whether the end of an answer is still to come."""
        return any(not saying.complete for saying in self._sayings.values())

    # --- the user --------------------------------------------------------------------------------

    def _heard(self, event: Any) -> None:
        said = self._speeches.get(event.item_id)
        if said is None:
            said = self._speeches[event.item_id] = Utterance(self._user)
            self.pending.append(said)
        if isinstance(event, InputAudioCommitted):
            self.turns += 1
        said.words = one_line(self._client.conversation.transcript(event.item_id)) or said.words
        if isinstance(event, UserTranscriptFailed):
            said.words = said.words or "(not understood)"
        if isinstance(event, UserTranscript | UserTranscriptFailed):
            said.end()

    # --- the assistant ---------------------------------------------------------------------------

    def _saying(self, response_id: str | None) -> _Saying | None:
        """The answer with that id; ``None`` for one that is over."""
        if response_id in self._finished:
            return None
        saying = self._sayings.get(response_id)
        if saying is None:
            saying = self._sayings[response_id] = _Saying(Utterance(self._assistant, True))
            self.pending.append(saying.utterance)
        return None if saying.complete else saying

    def _ended(self, event: ResponseDone) -> None:
        response_id = event.response.id if event.response else None
        saying = self._saying(response_id)
        if saying is not None:
            saying.answer.finish(event)
            saying.complete = True
            saying.response = self._response(response_id)
            if saying.answer.status == "failed":
                error = saying.answer.details and saying.answer.details.error
                self.troubles.append(
                    one_line(f"The answer failed. {(error and error.message) or ''}")
                )

    def _response(self, response_id: str | None) -> Response | None:
        """The response that has just ended; it knows what was heard of it."""
        for response in self._asked:
            if response.id == response_id:
                return response
        while True:
            try:
                response = self._client.wait_for_response(timeout=0)
            except ResponseFailed as exc:
                response = exc.response
            except (ConnectionClosed, WaitTimeout):
                return None
            except InworldError:  # of an older one
                continue
            if response.id == response_id:
                return response

    def _forget(self, response_id: str | None, saying: _Saying) -> None:
        said = saying.utterance
        if self._chat.latency != self._latency and said.words:
            said.latency = self._latency = self._chat.latency
        said.end()
        del self._sayings[response_id]
        if response_id is not None:
            self._finished.add(response_id)
