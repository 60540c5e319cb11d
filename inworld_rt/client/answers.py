"""Saying something, and getting the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inworld_rt.answer import Answer
from inworld_rt.arguments import message
from inworld_rt.client.settings import Settings
from inworld_rt.codec import UNSET
from inworld_rt.config import ReplyConfig
from inworld_rt.errors import ConfigError
from inworld_rt.events import ItemCreate
from inworld_rt.link import now
from inworld_rt.response import Response
from inworld_rt.tools.function import Tool
from inworld_rt.upload import Recorded, send_recording
from inworld_rt.workers import Deadline, Inbox

if TYPE_CHECKING:
    from inworld_rt.transcription import Transcript

__all__ = ["Answers"]


class Answers(Settings):
    """The part of the client that asks for answers and waits for them."""

    def say(self, text: str) -> Response:
        """Send a text as the user's turn and ask for the answer.

        Does not wait for it: iterate the response, or take its ``text``. During a voice chat, the
        answer in progress is interrupted.

        Raises:
            ConfigError: the text is empty or no text.
            ConnectionClosed: the session is over.
        """
        item = ItemCreate(item=message(text, "user"), event_id=self._link.new_id())
        if self._link.chat is not None and self._link.calling is None:
            self._link.chat.interrupt()
        return self._request(item)

    def ask(self, text: str) -> str:
        """Say something and wait for the answer.

        Returns:
            The answer's words.

        Raises:
            InworldError: as :meth:`say` and :meth:`Response.wait`.
        """
        return self.say(text).text

    def send_recording(self, recording: Recorded, *, realtime: bool = False) -> Response:
        """Send recorded speech as the user's turn, and get the answer to it.

        Works with semantic and server turn detection, which hear its end by themselves, and with
        push-to-talk. Blocks while it is sent; if an answer is being made, until that is complete.

        Args:
            recording: a WAV file of any rate, width and number of channels, or bytes: of such a
                file, or of samples in the session's input format.
            realtime: send it as fast as it would be spoken, instead of at once.

        Raises:
            FileNotFoundError: there is no such file.
            AudioError: it is no WAV file, or has no sound in it.
            BackendMissing: its rate has to be converted, and the package for that is missing.
            ConfigError: the samples are incomplete or empty.
            WaitTimeout: the server heard no speech in it, or did not find its end.
            ConnectionClosed: the session is, or went, over.
        """
        answer = Answer(self._link.session.output_format, parent=self._link.calling)
        response = self._respond(answer)
        try:
            send_recording(
                self._link,
                recording,
                answer,
                realtime=realtime,
                timeout=self.timeout,
                spoken=lambda: response.asked_at(now()),
            )
        except BaseException:
            self._backlog.drop(response)
            raise
        return response

    def transcribe(
        self,
        recording: Recorded,
        *,
        realtime: bool = False,
        on_partial: Callable[[str], object] | None = None,
        on_progress: Callable[[float], object] | None = None,
    ) -> Transcript:
        """Turn recorded speech into text, without an answer to it.

        Blocks until all of it was heard and read; first, while an answer is being made, until that
        is complete. What is said becomes part of the conversation; sound that was sent before and
        is no item yet is dropped.

        Args:
            recording: as for :meth:`send_recording`.
            realtime: send it as fast as it would be spoken, instead of as fast as the server takes
                it.
            on_partial: function that is given the text so far, whenever it changes.
            on_progress: function that is given the share that is done, from 0 to 1.

        Returns:
            The text, which also knows its ``utterances`` and their times; one that could not be
            read has no text, and its ``error`` says why. Empty if nobody speaks.

        Raises:
            FileNotFoundError, AudioError, BackendMissing, ConfigError: as :meth:`send_recording`.
            LocalProtocolError: there is a voice chat.
            ServerError: the server refused the settings or the audio.
            WaitTimeout: the end of the speech was not found, or its text did not come.
            ConnectionClosed: the session is, or went, over.
        """
        from inworld_rt.transcription import transcribe  # only for those who want that

        return transcribe(
            self._link,
            self.update_session,
            recording,
            realtime=realtime,
            timeout=self.timeout,
            on_partial=on_partial,
            on_progress=on_progress,
        )

    def create_response(self, **overrides: Any) -> Response:
        """Ask for an answer to the conversation as it is.

        Args:
            overrides: settings for this answer only, for example ``instructions="Whisper."`` or
                ``output_modalities=["text"]``: fields of
                :class:`~inworld_rt.config.ReplyConfig`.

        Raises:
            ConfigError: an override is unknown or wrong.
            ConnectionClosed: the session is over.
        """
        functions: dict[str, Tool] = {}
        if overrides.get("tools") is not None:
            overrides["tools"], functions = self._toolbox.read(overrides["tools"])
        if functions and overrides.get("conversation") == "none":
            raise ConfigError(
                "tools: functions are not run for an answer outside of the conversation; leave "
                "them or conversation='none' away"
            )
        reply = ReplyConfig.of(**overrides) if overrides else UNSET
        return self._request(reply=reply, functions=functions)

    def cancel_response(self) -> None:
        """Stop the answer in progress, or the one about to begin; nothing to stop is fine.

        Raises:
            ConnectionClosed: the session is over.
        """
        self._link.check()
        self._link.apply(lambda s: s.cancel(s.current) if s.current else [])

    def wait_for_response(self, timeout: float | None = None) -> Response:
        """Wait for the answer in progress, or else for the next one.

        An answer that ended unnoticed a moment ago counts, once: nothing that was asked for is
        missed by asking a little late.

        Args:
            timeout: seconds; default: until the server has been quiet for the client's ``timeout``.

        Returns:
            The response, finished.

        Raises:
            WaitTimeout: there is none, or it goes on.
            InworldError: as :meth:`Response.wait`.
        """
        deadline = Deadline(timeout)
        with self._link.arrivals() as arrivals:
            response = self._at_hand() or self._next(arrivals, timeout)
        return response.wait(deadline.left())

    def _at_hand(self) -> Response | None:
        nested = self._link.calling is not None  # else a tool would wait for itself
        with self._link.lock:
            session = self._link.session
            current = session.live if nested else session.current
        if current is not None and current.owner is not None:
            found: Response = current.owner
            return found
        return self._backlog.first(waiting=nested)

    def _next(self, arrivals: Inbox[Response], timeout: float | None) -> Response:
        self._link.check()
        if timeout is not None:
            return arrivals.get(timeout)
        return self._link.patiently(arrivals.get, self.timeout, "an answer")
