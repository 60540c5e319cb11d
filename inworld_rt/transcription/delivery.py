"""A recording on its way, until the server has heard and read all of it.

The server never says how much of the audio it has heard: the places where speech began and ended
are the only signs, and the order in which it answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from attrs import define, field

from inworld_rt.config import SessionConfig, TurnDetection
from inworld_rt.errors import WaitTimeout
from inworld_rt.events import SessionUpdate, SessionUpdated
from inworld_rt.link import Link, now
from inworld_rt.pcm import AudioFormat
from inworld_rt.request import Expectation
from inworld_rt.transcription.heard import Heard, News
from inworld_rt.upload import SLICE_MS, silences
from inworld_rt.workers import Inbox

__all__ = ["Delivery", "post_update"]

AHEAD_MS = 30_000
"""Milliseconds of audio that are sent at once."""

PACE = 4
"""How many times as fast as speech is sent what goes beyond that, until the server is known to have
heard more: within a long speech, or a long silence, it does not tell. That makes 40 messages a
second, where the service's recogniser takes 50 (protocol: limits)."""

# Seconds without news after which the server, which has read all of the audio, has heard it as
# well: some, and a share of the time that the rest of it lasts.
_SETTLE = 1.0
_SHARE = 0.1


@define
class Reply:
    """Whether the server has answered, one way or another."""

    came: bool = False

    def put(self, event: object) -> None:
        """It agrees."""
        self.came = True

    def close(self, end: object) -> None:
        """It refuses, or the session has ended."""
        self.came = True


def post_update(link: Link, change: SessionConfig) -> Reply:
    """Change settings without waiting for it; nobody else takes the answer for theirs.

    Raises:
        ConnectionClosed: the session is over.
    """
    update = SessionUpdate(session=change, event_id=link.new_id())
    reply = Reply()
    expectation = Expectation(
        update.event_id or "",
        accept=lambda event: isinstance(event, SessionUpdated),
        about=("session",),
        owner=reply,
    )
    with link.lock:
        link.session.expect(expectation)
    link.post(update)
    return reply


@define(eq=False)
class Delivery:
    """A recording on its way; all of it happens in the caller's thread."""

    link: Link
    data: bytes
    format: AudioFormat
    heard: Heard
    inbox: Inbox[News]
    timeout: float
    realtime: bool
    on_partial: Callable[[str], object] | None
    on_progress: Callable[[float], object] | None
    _reply: Reply | None = field(default=None, init=False)
    """To what was sent behind the audio: when it comes, the server has read all of that."""
    _latest: float = field(factory=now, init=False)
    """When the latest news came, on the clock of :func:`link.now`."""
    _text: str = field(default="", init=False)
    _done: float = field(default=-1.0, init=False)

    def send(self) -> None:
        """Send the recording, and the silence in which the server usually finds its end."""
        begin, step = now(), self.format.bytes(SLICE_MS)
        data = self.data + self.format.silence(self._silences[0])
        for place in range(0, len(data), step):
            if place >= len(self.data) and self._over:
                return
            self._hold(begin + self.format.ms(place) / 1000)
            self.link.send_audio(data[place : place + step])
            self._tell_share()

    @property
    def _silences(self) -> tuple[int, int]:
        return silences(self.link.session.turn_detection or TurnDetection())

    @property
    def _over(self) -> bool:
        return self.heard.complete and not self.heard.speaking

    @property
    def _ahead_ms(self) -> float:
        """Milliseconds of audio that the server may not have heard yet."""
        return self.link.session.audio_sent_ms - self.heard.heard_ms

    def _hold(self, spoken: float) -> None:
        """Wait until the next slice may be sent.

        Args:
            spoken: when it would be spoken.
        """
        self._follow()
        due = spoken if self.realtime else now() + SLICE_MS / 1000 / PACE
        while self.realtime or self._ahead_ms > AHEAD_MS:
            left = due - now()
            if left <= 0:
                return
            self._follow(left)

    def hear_out(self) -> None:
        """Send silence until the server has heard the recording, and found the end of its speech.

        Raises:
            WaitTimeout: it did not, or was quiet for :attr:`timeout` seconds.
        """
        silence = self.format.silence(SLICE_MS)
        self._latest = due = now()
        while not self._heard_out():
            if now() >= due:
                self.link.send_audio(silence)
                due += SLICE_MS / 1000
            self._follow(due - now())

    def _heard_out(self) -> bool:
        heard = self.heard
        if self._over:
            return True
        if self._reply is None:
            self._reply = post_update(self.link, SessionConfig())  # changes nothing
        quiet = now() - self._latest
        if not self._reply.came:
            if quiet > self.timeout:
                raise self.link.too_quiet("the end of the recording", self.timeout)
            return False
        rest = min(self._ahead_ms, AHEAD_MS) / 1000
        if not heard.speaking:
            return quiet > _SETTLE + rest * _SHARE
        if quiet > self._silences[1] / 1000 + rest:
            raise WaitTimeout("the server did not find the end of the speech in the recording")
        return False

    def read_out(self) -> None:
        """Wait for the words of all that was heard.

        Raises:
            WaitTimeout: the server was quiet for :attr:`timeout` seconds.
        """

        def step(seconds: float) -> None:
            if not self._follow(seconds):
                raise WaitTimeout

        while self.heard.unread or not (self._reply is None or self._reply.came):
            self.link.patiently(step, self.timeout, "the text of what was said")
        self._tell_share(1.0)

    def _follow(self, seconds: float = 0.0) -> bool:
        """Take in what the server tells.

        Args:
            seconds: to wait for the first news.

        Returns:
            Whether there were any.
        """
        came = False
        with contextlib.suppress(WaitTimeout):
            while True:
                news = self.inbox.get(0.0 if came else seconds)
                came = True
                self.heard.take(news)
        if came:
            self._latest = now()
            self._tell_words()
            self._tell_share()
        return came

    def _tell_words(self) -> None:
        text = self.heard.text
        if self.on_partial is not None and text != self._text:
            self._text = text
            self.on_partial(text)

    def _tell_share(self, done: float | None = None) -> None:
        done = self._share if done is None else done
        if self.on_progress is not None and done > self._done:
            self._done = done
            self.on_progress(done)

    @property
    def _share(self) -> float:
        """How much is done: sent, and heard, which is known only now and then."""
        begin, end = self.heard.begin_ms, self.heard.end_ms
        sent, heard = self.link.session.audio_sent_ms, self.heard.heard_ms
        place = sent if self.realtime else (sent + heard) / 2
        return min(1.0, (place - begin) / (end - begin))
