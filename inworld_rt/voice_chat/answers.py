"""Answers on their way to the loudspeaker, and what stops them."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from inworld_rt.answer import Answer
from inworld_rt.audio.speaker import Speaker
from inworld_rt.config import TurnDetection
from inworld_rt.events import (
    AudioDone,
    BackchannelDelta,
    BackchannelDone,
    Event,
    InputAudioCommitted,
    SpeechStarted,
    SpeechStopped,
    UserTranscriptDelta,
)
from inworld_rt.link import Link, now
from inworld_rt.pcm import AudioFormat
from inworld_rt.request import Orders
from inworld_rt.session import Session
from inworld_rt.workers import Inbox

if TYPE_CHECKING:
    from inworld_rt.captions import Caption

__all__ = ["Answers"]

_TURNS = 64  # of the user that are remembered

Timed = tuple[Answer, int, float, "Caption"]
"""A word: of which answer and round, and the seconds of its sound before that round."""


class Answers:
    """Plays what the server says until the user cuts in (protocol: barge-in).

    A watcher of the link, so it is called in the reader's thread.

    Attributes:
        latency: seconds from the end of the user's latest turn to the first sound of the answer;
            ``None`` before there was one.
    """

    def __init__(
        self, link: Link, speaker: Callable[[], Speaker], over: Callable[[], None]
    ) -> None:
        """Nothing is played before the link has it as a watcher.

        Args:
            link: the session.
            speaker: gives the loudspeaker.
            over: called when the session has ended.
        """
        self.latency: float | None = None
        self._over = over
        self._closed = False
        self._readers: weakref.WeakSet[Inbox[Timed]] = weakref.WeakSet()  # gone when unused
        # Around several steps on the set above: readers come and go in any thread.
        self._reading = threading.Lock()
        self._link = link
        self._speaker = speaker
        self._turn_over: float | None = None
        self._first: str | None = None  # the item whose sound began last
        self._came = 0.0  # when the latest sound did
        self._committed: deque[str] = deque(maxlen=_TURNS)
        self._reactions: dict[type[Event], Callable[[Any], None]] = {
            SpeechStarted: self._speech_started,
            SpeechStopped: lambda event: self.turn_over(),
            UserTranscriptDelta: self._words,
            InputAudioCommitted: lambda event: self._committed.append(event.item_id),
            AudioDone: lambda event: self._speaker().finish(),
            BackchannelDelta: self._interjection,
            BackchannelDone: lambda event: self._speaker().finish_interjection(),
        }

    def saw(self, event: Event, orders: Orders) -> None:
        """Follow an event."""
        for do, subject, detail in orders:
            if do == "audio":
                self._play(subject, event, detail)
            elif do in ("ended", "call"):
                self._speaker().finish()
            elif do == "captions":
                place = (subject, subject.round, subject.begin_ms / 1000)
                with self._reading:
                    for reader in self._readers:
                        for word in detail:
                            reader.put((*place, word))
        react = self._reactions.get(type(event))
        if react is not None:
            react(event)

    def _play(self, answer: Answer, event: Any, sound: bytes) -> None:
        with self._link.lock:  # so that nothing of it comes behind a cut
            if not answer.interrupted:
                # Most have no recording; this is for each slice of sound.
                say = self._speaker().say if self._link.ears is None else self._say_and_note
                say((answer, event.item_id, answer.round), sound, answer.format)

    def _say_and_note(self, key: Any, sound: bytes, format: AudioFormat) -> None:
        speaker = self._speaker()
        gaps, before, self._came = speaker.gaps, self._came, speaker.now()
        speaker.say(key, sound, format)
        if speaker.gaps > gaps:
            self._note("underrun", ms=round((self._came - before) * 1000))

    def _interjection(self, event: BackchannelDelta) -> None:
        self._speaker().interject(event.audio, self._link.session.output_format)

    def over(self) -> None:
        """The session has ended."""
        self.close()
        self._over()

    def close(self) -> None:
        """No more words will be heard."""
        with self._reading:
            self._closed = True
            for reader in self._readers:
                reader.close(StopIteration)

    # --- the words -------------------------------------------------------------------------------

    def captions(self) -> Iterator[Caption]:
        """Words, each when it begins to be heard; see :meth:`VoiceChat.captions`."""
        inbox: Inbox[Timed] = Inbox()
        with self._reading:
            self._readers.add(inbox)
            if self._closed:
                inbox.close(StopIteration)
        return self._as_heard(inbox)

    def _as_heard(self, inbox: Inbox[Timed]) -> Iterator[Caption]:
        while True:
            try:
                answer, number, begin, word = inbox.get()
            except StopIteration:
                return
            ms = (word.start - begin) * 1000  # in its round
            self._speaker().wait(partial(self._due, answer, number, ms))
            cut = answer.cuts.get(number)
            if not self._closed and (cut is None or ms < cut):
                yield word

    def _due(self, answer: Answer, number: int, ms: float) -> bool:
        if self._closed or number in answer.cuts:
            return True
        heard = self._speaker().heard(lambda key: key[0] is answer and key[2] == number)
        # Where nothing is known of its sound, that is over already: times may come after it.
        return heard is None or heard >= ms

    # --- cutting in ------------------------------------------------------------------------------

    def _speech_started(self, event: SpeechStarted) -> None:
        self._turn_over = None
        if self._interruptible(self._link.session.turn_detection):
            self.cut(cancel=False)

    def _words(self, event: UserTranscriptDelta) -> None:
        """Words of the user may come before it is said that he speaks (protocol: barge-in). Those
        of an earlier turn, which come late, do not count."""
        if (
            event.item_id
            and event.item_id not in self._committed
            and self._speaker().sounding
            and self._interruptible(self._link.session.turn_detection)
        ):
            self.cut(cancel=False)

    @staticmethod
    def _interruptible(turns: TurnDetection | None) -> bool:
        return turns is not None and turns.interrupt_response is not False

    def cut(self, *, cancel: bool) -> None:
        """Fall silent at once, and tell the server how much was heard. Any thread.

        Args:
            cancel: tell the server to stop, too; with turn detection it does so by itself.

        Raises:
            ConnectionClosed: the session is over; in the reader's thread it is not raised.
        """
        if cancel:
            self._link.check()

        def step(session: Session) -> Orders:
            heard = [(*piece.key[:2], piece.ms) for piece in self._speaker().cut()]
            orders = session.interrupt(heard, cancel=cancel)
            cut = {getattr(subject, "item_id", None) for do, subject, _ in orders if do == "send"}
            for _, item_id, ms in heard:
                if ms < 1 or item_id in cut:  # else it was heard to its end
                    self._note("cut", item_id=item_id, heard_ms=round(ms))
            return orders

        self._link.apply(step)

    def _note(self, note: str, **facts: Any) -> None:
        if self._link.ears is not None:
            self._link.ears.note(note, **facts)

    # --- how long it took ------------------------------------------------------------------------

    def turn_over(self) -> None:
        """The user's turn ends now."""
        self._turn_over = self._speaker().now()

    def heard_first(self, key: Any, at: float) -> None:
        """A piece of an answer begins to be heard; in the loudspeaker's thread."""
        if self._link.ears is not None and key[1] != self._first:
            self._first = key[1]
            self._link.ears.heard(key[1], at)
        in_seconds = at - self._speaker().now()  # the loudspeaker has a clock of its own
        with self._link.lock:
            self._link.session.heard_first(key[0], key[1], now() + in_seconds)
        if self._turn_over is not None:
            self.latency = at - self._turn_over
            self._turn_over = None
