"""What is asked of the server, what answers it, and what is to be done about it. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from attrs import define

from inworld_rt.answer import Answer
from inworld_rt.errors import ServerError
from inworld_rt.events import Event, InputAudioCommit, ResponseCreate
from inworld_rt.outcome import ErrorDetails, ResponseState

__all__ = ["BUSY", "Expectation", "Order", "Orders", "Request", "mentions", "order", "server_error"]

BUSY = "conversation_already_has_active_response"
_WORDS = 500  # characters of a server's complaint that are passed on

# What an error without an id names when it is not about a request for an answer.
_OTHER_MATTERS = ("session", "retrieve", "delete", "truncate", "audio_end_ms", "call_id")


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
    polite: bool = False
    """Whether it waits until nobody speaks: the user did not ask for it just now."""
    attempts: int = 0
    unwanted: bool = False
    """Cancel it as soon as it begins."""

    @property
    def create_id(self) -> str | None:
        """The id of its ``response.create``, if it has one."""
        return next((e.event_id for e in self.events if isinstance(e, ResponseCreate)), None)

    def may_be(self, state: ResponseState | None) -> bool:
        """Whether an answer that begins may be the one that was asked for: one outside of the
        conversation may be made beside another (protocol: out-of-band responses)."""
        aside = self.answer.reply.conversation == "none"
        return not (aside and state is not None and state.conversation_id is not None)

    def concerns(self, error: ErrorDetails) -> bool:
        """Whether an error may be about it; servers do not always say what theirs is about."""
        if error.event_id:
            return any(e.event_id == error.event_id for e in self.events)
        if not self.events or error.code == BUSY:
            return bool(self.events)
        speech = any(isinstance(e, InputAudioCommit) for e in self.events)
        others = _OTHER_MATTERS if speech else (*_OTHER_MATTERS, "input_audio")
        return self.answer.status == "waiting" and not mentions(error, others)


@define(eq=False)
class Expectation:
    """A reply that somebody waits for: the first event that ``accept`` takes, or an error."""

    event_id: str
    accept: Callable[[Event], bool]
    about: tuple[str, ...] = ("",)
    """Words in the ``param`` or ``code`` of errors without an id that concern it."""
    owner: Any = None
    """Whoever waits; not used here."""


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
    captions   an :class:`Answer`              words with their times
    call       an :class:`Answer`              a call of a tool to run
    spoken     a :class:`Turn` of the user     None: it is over now
    known      a :class:`Turn` of the user     None: its words are known now
    restarted  an :class:`Answer`              None: forget what came; or the one whose it is
    ended      an :class:`Answer`              None, or the details of the error that ended it
    met        an :class:`Expectation`         the event
    failed     an :class:`Expectation`         the error's details
    =========  ==============================  =================================================
    """

    do: str
    subject: Any
    detail: Any = None


Orders = list[Order]

# Order(...) without its Python-level constructor, for the one that is made all the time.
order: Callable[[tuple[str, Any, Any]], Order] = functools.partial(tuple.__new__, Order)


def server_error(error: ErrorDetails) -> ServerError:
    """A fresh exception for the details of an ``error`` event."""
    words = error.message or error.code or error.type or "the server reports an error"
    words = " ".join(words.split())[:_WORDS]
    about = f" (about {error.param})" if error.param else ""
    return ServerError(
        f"{words}{about}",
        type=error.type,
        code=error.code,
        param=error.param,
        event_id=error.event_id,
    )


def mentions(error: ErrorDetails, words: tuple[str, ...]) -> bool:
    told = f"{error.param or ''} {error.code or ''}"
    return any(word in told for word in words)
