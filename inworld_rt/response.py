"""One answer, as the user holds it: sound and words while they come, and all of it afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from inworld_rt import pcm
from inworld_rt.answer import Answer
from inworld_rt.errors import (
    AudioError,
    ConfigError,
    InworldError,
    LocalProtocolError,
    ResponseFailed,
    WaitTimeout,
)
from inworld_rt.items import FunctionCall, Item
from inworld_rt.latency import Latency
from inworld_rt.link import Link, now
from inworld_rt.outcome import StatusDetails, Usage
from inworld_rt.pcm import AudioFormat
from inworld_rt.stream import Stream
from inworld_rt.workers import Inbox, wait_for

if TYPE_CHECKING:
    from typing_extensions import Self

    from inworld_rt.captions import Caption

T = TypeVar("T")
Sliced = TypeVar("Sliced", str, bytes)

__all__ = ["MAX_SECONDS", "Latency", "Response"]

MAX_SECONDS = 1800.0
"""Seconds of audio that one answer may hold; what is longer is cancelled and fails."""

# Seen on accounts whose plan lacks tools (protocol: tools and tool choice).
_NO_TOOLS = (
    "; the session has tools, and on a plan without them every answer fails: to find out, take "
    "them away with update_session(tools=[])"
)


class Response:
    """An answer. Iterate it for slices of audio (``bytes``) while it is still being made.

    ::

        for chunk in client.say("Tell me a joke."):
            loudspeaker.write(chunk)

    Iterating ends when the answer does. If it failed, or the connection broke, that is raised in
    the iteration, by :meth:`wait`, and by everything that waits. A cancelled answer just ends.

    Waiting without a ``timeout`` of its own gives up with :class:`WaitTimeout` when the server has
    been quiet for the client's ``timeout``; the response stays usable.
    """

    def __init__(
        self,
        link: Link,
        answer: Answer,
        timeout: float,
        collected: Callable[[Response], None],
    ) -> None:
        """Not for users: ``client.say()`` and its like make responses.

        Args:
            link: the session.
            answer: the state of the answer.
            timeout: seconds of the server's silence to put up with.
            collected: told when the user has waited for the end.
        """
        self._link = link
        self._collected = collected
        self._answer = answer
        self._timeout = timeout
        self._asked = now()
        self._first_audio: float | None = None
        self._first_text: float | None = None
        self._ended: float | None = None
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._limit = 0.0
        self._overlong = False
        self._sound: Inbox[bytes] = Inbox()
        self._words: Stream[str] = Stream()
        self._captions: Stream[Caption] = Stream()
        self._done = threading.Event()
        self._failure: Callable[[], BaseException] | None = None
        self._log_mark = 0
        answer.owner = self

    def __repr__(self) -> str:
        return f"<Response {self.id or 'without id'} {self.status}>"

    def asked_at(self, moment: float) -> None:
        """Latencies count from here, as the user's speech was over. Not for users.

        Args:
            moment: on the clock of :func:`inworld_rt.link.now`.
        """
        self._asked = moment

    def _heard_in(self, seconds: float) -> None:
        if self._answer.heard_at is None:
            self._answer.heard_at = now() + seconds
            if self._link.ears is not None:
                self._link.ears.heard_in(seconds, self.id)

    # --- called by the reader's thread; none of them blocks --------------------------------------

    def sounds(self, chunk: bytes) -> None:
        """Take a slice of audio. Not for users."""
        if self._overlong:
            return  # the server was told to stop
        if self._first_audio is None:
            self._first_audio = now()
            self._limit = MAX_SECONDS * self.format.bytes_per_second
        self._chunks.append(chunk)
        self._bytes += len(chunk)
        self._sound.put(chunk)
        if self._bytes > self._limit:
            self._overlong = True
            self.cancel()

    def says(self, piece: str) -> None:
        """Take some words. Not for users."""
        if self._first_text is None:
            self._first_text = now()
        self._words.put(piece)

    def captioned(self, words: list[Caption]) -> None:
        """Take words with their times. Not for users."""
        for word in words:
            self._captions.put(word)

    def restarts(self, other: Response | None = None) -> None:
        """What came answered only a part of the speech, or belonged to another answer; a whole
        answer follows. Not for users.

        Args:
            other: the other, which has it now.
        """
        answer, came = self._answer, self._chunks
        self._overlong = False
        self._bytes = answer.received
        self._chunks = came[: _fitting(came, answer.received)]
        for chunk in self._chunks[len(came) - len(self._sound.drain()) :]:
            self._sound.put(chunk)
        self._words.keep(_fitting(self._words.pieces, len(answer.text)))
        self._captions.keep(len(answer.captions))
        if not answer.rounds:
            self._first_audio = self._first_text = None
        if other is not None:
            for chunk in came[len(self._chunks) :]:
                other.sounds(chunk)
            if words := other.heard_text:  # all so far
                other.says(words)

    def ends(self, failure: Callable[[], BaseException] | None, *, by_event: bool = False) -> None:
        """The answer is over. Not for users.

        Args:
            failure: makes the exception to raise; ``None`` if the server ended it itself.
            by_event: whether an event ended it, which is the next to be written.
        """
        self._log_mark = self._link.log.count + by_event
        if failure is None and (self.status == "failed" or self._overlong):
            failure = self._failed
        self._failure = failure
        self._ended = now()
        end = self._failure or StopIteration
        for stream in (self._sound, self._words, self._captions):
            stream.close(end)
        self._done.set()

    def _failed(self) -> BaseException:
        details = self._answer.details
        reason = details.reason if details else None
        error = details.error if details else None
        if self._overlong:
            reason = f"longer than {MAX_SECONDS:g} s, so it was cancelled"
        code = error.code if error else None
        words = (error.message if error else None) or code or reason or "no reason given"
        if self._link.session.tools_in_doubt and "server_error" in (reason, code):
            words += _NO_TOOLS
        return ResponseFailed(f"the answer failed: {words}", response=self, reason=reason or code)

    # --- waiting ---------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the answer has ended, in whatever way.

        Args:
            timeout: seconds for all of it. ``None``: until the server has been quiet for the
                client's ``timeout``.

        Returns:
            This response.

        Raises:
            WaitTimeout: it goes on; try again, or :meth:`cancel` it.
            ResponseFailed: the server could not make it.
            ServerError: the server refused the request.
            ConnectionClosed: the connection ended first.
            LocalProtocolError: it waits for the very tool that calls this.
        """
        self._patiently(self._until_done, timeout)
        self._seen()
        if self._failure is not None:
            raise self._failure()
        return self

    def _until_done(self, seconds: float | None) -> None:
        if not wait_for(self._done, seconds):
            raise WaitTimeout("the answer is still being made")

    def _seen(self) -> None:
        """The user knows that it ended: its events, and older responses, are old news."""
        self._link.log.answered = self._log_mark
        self._collected(self)

    def _patiently(self, step: Callable[[float | None], T], timeout: float | None) -> T:
        """Do a blocking step; without a timeout of its own, go on while the server is alive."""
        self._check_tool()
        if timeout is not None:
            return step(timeout)
        goal = "the rest of an answer" if self.status == "in_progress" else "an answer"
        return self._link.patiently(step, self._timeout, goal)

    def __iter__(self) -> Self:
        return self

    def _check_tool(self) -> None:
        """Whoever waits for an answer in a tool must not be what that answer waits for."""
        waiting = self._link.calling
        while waiting is not None:
            if waiting is self._answer and waiting.status == "calling":
                raise LocalProtocolError(
                    "this answer goes on when the tool has returned; a tool cannot wait for it"
                )
            waiting = waiting.parent

    def __next__(self) -> bytes:
        """The next slice of audio, in :attr:`format`; blocks until it is there."""
        life = self._link.life
        if self._answer.status == "calling":
            self._check_tool()
        try:
            return self._sound.get(self._timeout)  # the usual case, without ceremony
        except WaitTimeout:
            if not self._link.alive(life):
                raise self._link.too_quiet("the rest of an answer", self._timeout) from None
            return self._next(self._sound)
        except (StopIteration, InworldError):
            self._seen()
            raise

    def _next(self, inbox: Inbox[T]) -> T:
        try:
            return self._patiently(inbox.get, None)
        except WaitTimeout:
            raise
        except (StopIteration, InworldError):
            self._seen()
            raise

    def text_stream(self) -> Iterator[str]:
        """The words as they come, from the beginning; each call is a stream of its own.

        Blocks and raises like iterating.
        """
        return self._read(self._words.open())

    def captions(self) -> Iterator[Caption]:
        """The words with their times in seconds of the answer's audio, as they come, from the
        beginning; each call is a stream of its own.

        They come before the sound is heard, as the sound itself does. There are none unless the
        session asks for them: ``tts={"timestamp_type": "WORD"}`` (or ``"CHARACTER"``) in
        ``provider_data`` (protocol: assistant audio). In a voice chat, ``chat.captions()`` gives
        each word when it is heard.

        Blocks and raises like iterating.
        """
        return self._read(self._captions.open())

    def _read(self, reader: Inbox[T]) -> Iterator[T]:
        while True:
            try:
                piece = self._next(reader)
            except StopIteration:
                return
            yield piece

    # --- what it holds ---------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """All words. Blocks until the answer has ended; raises like :meth:`wait`."""
        self.wait()
        return self._answer.text

    @property
    def audio(self) -> bytes:
        """All audio, in :attr:`format`, whether it was iterated or not.

        Blocks until the answer has ended; raises like :meth:`wait`.
        """
        self.wait()
        return b"".join(self._chunks)

    @property
    def id(self) -> str | None:
        """The server's id; ``None`` before it began."""
        return self._answer.id

    @property
    def done(self) -> bool:
        """Whether the answer has ended. Does not block."""
        return self._done.is_set()

    @property
    def status(self) -> str:
        """``waiting``, ``in_progress``, ``calling`` (tools run), ``completed``, ``cancelled``,
        ``failed``, ``incomplete`` or ``lost``. Does not block."""
        return self._answer.status

    @property
    def status_details(self) -> StatusDetails | None:
        """Why it ended as it did. Does not block."""
        return self._answer.details

    @property
    def format(self) -> AudioFormat:
        """How its audio is coded. Does not block."""
        return self._answer.format

    @property
    def usage(self) -> Usage | None:
        """What it cost, once it has ended. Does not block."""
        return self._answer.usage

    @property
    def items(self) -> list[Item]:
        """The items made so far. Does not block."""
        return list(self._answer.items)

    @property
    def tool_calls(self) -> list[FunctionCall]:
        """The tools that it called, among the items so far. Does not block.

        Those given to ``client.tool`` or ``add_tool`` are run, and the answer goes on with what
        comes of them."""
        return self._answer.calls

    @property
    def heard_text(self) -> str:
        """The words up to where the user cut the answer off or it was truncated, else all so far.

        Goes by the times of the words where there are :meth:`captions`; else speech is taken to
        run evenly over the letters. Does not block.
        """
        return self._answer.heard_text

    @property
    def latency(self) -> Latency:
        """How long things took, so far. Does not block."""
        answer, asked = self._answer, self._asked
        turn = None if answer.typed else answer.turn
        if turn is not None and turn.over is not None:
            asked = min(asked, turn.over)
        came, heard = self._first_audio, answer.heard_at
        if came is not None and heard is not None:
            heard = max(came, heard)  # the clock of a test's loudspeaker jumps

        def since(moment: float | None) -> float | None:
            # A server may begin before all of a recording is sent.
            return None if moment is None else max(0.0, moment - asked)

        return Latency(
            transcript=since(turn.known if turn else None),
            first_text=since(self._first_text),
            first_audio=since(came),
            first_heard=since(heard),
            total=since(self._ended),
        )

    # --- what can be done with it ----------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Self:
        """Wait for the end, then write the audio as a WAV file (16-bit, mono).

        The file appears whole or not at all.

        Raises:
            OSError: it cannot be written.
            AudioError: the answer has no audio.
            InworldError: as :meth:`wait`.
        """
        from inworld_rt.audio import wav  # only for those who save

        sound = self.audio
        if not sound:
            raise AudioError("the answer has no audio; was it asked for as text only?")
        wav.write(path, pcm.decode(sound, self.format), self.format.rate)
        return self

    def save_captions(self, path: str | os.PathLike[str]) -> Self:
        """Wait for the end, then write the :meth:`captions` for a video player or a web page.

        Args:
            path: what ends in ``.srt`` becomes SubRip, all else WebVTT.

        Raises:
            OSError: it cannot be written.
            ConfigError: there are none; says how to ask for them.
            InworldError: as :meth:`wait`.
        """
        from inworld_rt import captions  # only for those who save them

        self.wait()
        words = self._captions.pieces
        if not words:
            raise ConfigError(
                "the answer has no captions; ask for the times of words with "
                'update_session(provider_data={"tts": {"timestamp_type": "WORD"}})'
            )
        write = captions.srt if os.fspath(path).lower().endswith(".srt") else captions.webvtt
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(write(words))
        return self

    def play(self, device: int | str | None = None) -> Self:
        """Play the answer, starting before it is complete.

        Blocks until the last sample was heard. What was iterated before is not played. During a
        voice chat, which plays it anyway, it only waits for that.

        Args:
            device: a loudspeaker's number, or a part of its name; default: the system's.

        Raises:
            BackendMissing: PyAudio is not installed; says what to type.
            DeviceError: there is no usable loudspeaker, or none of that name.
            InworldError: as :meth:`wait`.
        """
        from inworld_rt.audio.play import play  # only for those who play

        chat, ears = self._link.chat, self._link.ears
        if chat is None:
            opened = {} if ears is None else {"opened": ears.listen}
            play(self, self.format, device=device, started=self._heard_in, **opened)
        else:
            self.wait()
            chat.wait_until_heard()
        return self

    def cancel(self) -> None:
        """Stop the answer, if it is still being made; what came stays. Does not wait for the end.

        Raises:
            ConnectionClosed: the session is over.
        """
        if self.done:
            return
        self._link.apply(lambda session: session.cancel(self._answer))


def _fitting(pieces: list[Sliced], size: int) -> int:
    """How many of the first pieces have this size together."""
    count = 0
    while count < len(pieces) and size >= len(pieces[count]):
        size -= len(pieces[count])
        count += 1
    return count
