"""The utterances of a recording, as the server tells of them. Pure.

What it does not tell is guessed: it may leave out places, ids, and even the beginning of speech.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from attrs import define

from inworld_rt.events import (
    Event,
    InputAudioCommitted,
    SpeechStarted,
    SpeechStopped,
    UserTranscript,
    UserTranscriptDelta,
    UserTranscriptFailed,
    UserTranscriptUpdated,
)
from inworld_rt.outcome import ErrorDetails
from inworld_rt.transcription.transcript import Utterance, joined

__all__ = ["SPEECH", "WORDS", "Heard", "News"]

SPEECH = (SpeechStarted, SpeechStopped, InputAudioCommitted)
"""Events that tell where speech is."""

WORDS = (UserTranscript, UserTranscriptDelta, UserTranscriptFailed, UserTranscriptUpdated)
"""Events that tell what is said."""


class News(NamedTuple):
    """An event, and what was the case when it came."""

    event: Event
    words: str
    """What is known to be said in its item."""
    sent_ms: float
    """Milliseconds of audio sent in the session."""


@define(eq=False)
class _Piece:
    """An utterance on its way."""

    item_id: str
    start_ms: float
    end_ms: float | None = None
    committed: bool = False
    text: str = ""
    event: UserTranscript | None = None
    error: ErrorDetails | None = None

    @property
    def read(self) -> bool:
        """Whether its words are known, or never will be."""
        return self.event is not None or self.error is not None

    @property
    def open(self) -> bool:
        """Whether its end was not found yet."""
        return not (self.committed or self.read)


class Heard:
    """The utterances so far. Places are milliseconds of audio sent in the session.

    Attributes:
        begin_ms: where the recording begins.
        end_ms: where it ends.
        heard_ms: until where the server is known to have heard.
    """

    def __init__(self, begin_ms: float, end_ms: float) -> None:
        """Nothing was heard yet.

        Args:
            begin_ms: where the recording begins.
            end_ms: where it ends.
        """
        self.heard_ms = self.begin_ms = begin_ms
        self.end_ms = end_ms
        self._pieces: list[_Piece] = []
        self._early: list[News] = []  # about items whose speech was not told of yet
        self._reactions: dict[type[Event], Callable[[Any, News], None]] = {
            SpeechStarted: self._started,
            SpeechStopped: self._stopped,
            InputAudioCommitted: self._committed,
        }

    @property
    def complete(self) -> bool:
        """Whether the server is known to have heard all of the recording."""
        return self.heard_ms >= self.end_ms

    @property
    def speaking(self) -> bool:
        """Whether there is speech whose end was not found yet."""
        return any(piece.open for piece in self._pieces)

    @property
    def unread(self) -> bool:
        """Whether there are words still to come."""
        return not all(piece.read for piece in self._pieces)

    @property
    def text(self) -> str:
        """The words so far."""
        return joined(piece.text for piece in self._sorted())

    def utterances(self) -> Iterator[Utterance]:
        """Those with words, and those that could not be read."""
        for piece in self._sorted():
            if piece.text or piece.error:  # else it was a noise
                start, end = self._seconds(piece.start_ms), self._seconds(piece.end_ms)
                yield Utterance(
                    piece.text, start, max(start, end), piece.item_id, piece.event, piece.error
                )

    def _sorted(self) -> list[_Piece]:
        return sorted(self._pieces, key=lambda piece: piece.start_ms)

    def _seconds(self, ms: float | None) -> float:
        ms = self.end_ms if ms is None else ms
        return (min(max(ms, self.begin_ms), self.end_ms) - self.begin_ms) / 1000

    # --- events ----------------------------------------------------------------------------------

    def take(self, news: News) -> None:
        """Something happened."""
        react = self._reactions.get(type(news.event))
        if react is not None:
            react(news.event, news)
        elif isinstance(news.event, WORDS):
            self._read(news)

    def _reach(self, ms: int | None, sent_ms: float) -> None:
        # A server that counts otherwise than it should may be anywhere.
        if ms is not None and ms <= sent_ms:
            self.heard_ms = max(self.heard_ms, ms)

    def _started(self, event: SpeechStarted, news: News) -> None:
        self._reach(event.audio_start_ms, news.sent_ms)
        if self._find(event.item_id) is None:
            self._add(event.item_id, event.audio_start_ms)

    def _stopped(self, event: SpeechStopped, news: News) -> None:
        self._reach(event.audio_end_ms, news.sent_ms)
        end = event.audio_end_ms
        self._at(event.item_id).end_ms = news.sent_ms if end is None else end

    def _committed(self, event: InputAudioCommitted, news: News) -> None:
        piece = self._at(event.item_id)
        piece.committed = True
        if piece.end_ms is None:
            piece.end_ms = news.sent_ms
        # It is all that was heard since the last one, under whatever names.
        for earlier in self._pieces[: self._pieces.index(piece)]:
            if earlier.open:
                piece.start_ms = min(piece.start_ms, earlier.start_ms)
                self._pieces.remove(earlier)

    def _read(self, news: News) -> None:
        event: Any = news.event
        piece = self._find(event.item_id)
        if piece is None and not event.item_id:
            piece = next((p for p in self._pieces if not p.read), None)
        if piece is None:
            if event.item_id:
                self._early.append(news)
            return
        if isinstance(event, UserTranscriptFailed):
            piece.text, piece.event, piece.error = "", None, event.error or ErrorDetails()
        elif isinstance(event, UserTranscript):
            piece.text, piece.event, piece.error = event.transcript, event, None
        elif isinstance(event, UserTranscriptUpdated):
            piece.text = event.transcript
        elif not piece.read:  # else it is late
            piece.text = news.words or piece.text

    # --- pieces ----------------------------------------------------------------------------------

    def _find(self, item_id: str) -> _Piece | None:
        return next((p for p in self._pieces if item_id and p.item_id == item_id), None)

    def _at(self, item_id: str) -> _Piece:
        """The one that an end belongs to: the server may leave out ids, or even the beginning."""
        piece = self._find(item_id)
        if piece is None:
            latest = self._pieces[-1] if self._pieces else None
            if latest is None or not latest.open or (item_id and latest.item_id):
                return self._add(item_id, None)
            piece, latest.item_id = latest, item_id or latest.item_id
            self._catch_up()
        return piece

    def _add(self, item_id: str, start_ms: float | None) -> _Piece:
        if start_ms is None:
            ends = (p.end_ms for p in self._pieces)
            start_ms = max((end for end in ends if end is not None), default=self.begin_ms)
        piece = _Piece(item_id, start_ms)
        self._pieces.append(piece)
        self._catch_up()
        return piece

    def _catch_up(self) -> None:
        early, self._early = self._early, []
        for news in early:
            self._read(news)
