"""Recorded speech as the user's turn, whoever decides where a turn ends (protocol: sequences)."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

from attrs import define

from inworld_rt.answer import Answer
from inworld_rt.audio import convert, wav
from inworld_rt.config import TurnDetection
from inworld_rt.errors import ConfigError, WaitTimeout
from inworld_rt.events import (
    Event,
    InputAudioClear,
    InputAudioCommit,
    InputAudioCommitted,
    ResponseCreate,
)
from inworld_rt.link import Link, now
from inworld_rt.pcm import AudioFormat
from inworld_rt.request import Expectation, Request
from inworld_rt.workers import Inbox

__all__ = ["SLICE_MS", "Recorded", "read", "samples", "send_recording", "silences"]

Recorded = str | os.PathLike[str] | bytes | bytearray | memoryview

SLICE_MS = 100
"""Milliseconds per message; the service asks for 60 to 100, or 100 to 200."""

# Semantic detection: the silence that usually ends a turn, and the longest the server may wait
# (protocol: turn detection), in milliseconds.
_SEMANTIC = {"low": (2000, 8000), "medium": (1000, 4000), "high": (500, 2000)}
_MARGIN_MS = 500
_PATIENCE_MS = 2000


def samples(data: object, format: AudioFormat) -> bytes:
    """Check a slice of audio that somebody wants to send.

    Raises:
        ConfigError: it is no bytes, is empty, or ends within a sample.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ConfigError(f"audio: expected bytes, got {type(data).__name__}")
    data = bytes(data)  # first: a memoryview may count in other units
    size, whole = len(data), format.bytes_per_frame
    if not size:
        raise ConfigError("audio: there are no samples in it")
    if size % whole:
        raise ConfigError(
            f"audio: {size} bytes end within a sample; {format.type} has {whole} bytes per sample"
        )
    return data


def send_recording(
    link: Link,
    recording: Recorded,
    answer: Answer,
    *,
    realtime: bool,
    timeout: float,
    spoken: Callable[[], None],
) -> None:
    """Send recorded speech and ask for the answer to it.

    Blocks until the speech is sent and, with turn detection, until the server heard its end.

    Args:
        link: the session.
        recording: a WAV file's path, or its bytes, or samples in the session's input format.
        answer: the answer to come.
        realtime: send at the speed of speech.
        timeout: seconds of the server's silence to put up with while an earlier answer is made.
        spoken: called when the last of the speech has been sent; the answer may begin any moment.

    Raises:
        InworldError, OSError: see ``Client.send_recording``.
    """
    format = link.session.input_format
    data = read(recording, format)
    inbox: Inbox[object] = Inbox()
    request = Request(answer, owner=inbox)
    link.check()
    link.apply(lambda session: session.ask(request))
    try:
        link.patiently(inbox.get, timeout, "an earlier answer's end")
        _Upload(link, data, format, request, inbox, realtime, spoken).run()
    except BaseException:
        link.give_up(request)
        raise


def read(recording: object, format: AudioFormat) -> bytes:
    """A recording in a session's input format.

    Args:
        recording: a WAV file's path, or its bytes, or samples that are in the format already.
        format: the session's.

    Raises:
        FileNotFoundError: there is no such file.
        AudioError: it is no WAV file, or has no sound in it.
        BackendMissing: its rate has to be converted, and the package for that is missing.
        ConfigError: the samples are incomplete or empty.
    """
    if isinstance(recording, str | os.PathLike):
        return convert.recording_to(format, wav.read(recording))
    if isinstance(recording, bytes | bytearray | memoryview) and bytes(recording[:4]) == b"RIFF":
        return convert.recording_to(format, wav.read(io.BytesIO(recording)))
    return samples(recording, format)


@define
class _Upload:
    """One recording on its way; the request for its answer has the floor."""

    link: Link
    data: bytes
    format: AudioFormat
    request: Request
    inbox: Inbox[object]
    """Gets nothing more, but ends when the session does."""
    realtime: bool
    spoken: Callable[[], None]

    def run(self) -> None:
        """Send all of it, and ask for the answer where the server does not do so itself."""
        link = self.link
        turns = link.session.turn_detection
        if turns is None:
            link.post(InputAudioClear(event_id=link.new_id()))
            self._stream(self.data)
            self.spoken()
            self._finish(InputAudioCommit(event_id=link.new_id()))
            return
        with link.lock:
            sent = link.session.audio_sent_ms
            self.request.speech_end_ms = sent + self.format.ms(len(self.data))
        self._speak(turns)
        if turns.create_response is False or self._cancelled:
            self._finish()

    def _stream(self, data: bytes) -> None:
        """Send samples in slices."""
        step = self.format.bytes(SLICE_MS)
        begin = now()
        for place in range(0, len(data), step):
            if self._cancelled:
                return
            if self.realtime:
                _pause(self.inbox, begin + self.format.ms(place) / 1000 - now())
            self.link.send_audio(data[place : place + step])

    @property
    def _cancelled(self) -> bool:
        return self.request.answer.status == "cancelled"

    def _finish(self, *before: InputAudioCommit) -> None:
        """Ask for the answer to speech that is complete."""
        link = self.link
        if self._cancelled:
            link.post(InputAudioClear(event_id=link.new_id()))
            return
        create = ResponseCreate(event_id=link.new_id())
        self.request.events = (*before, create)  # so that an error finds its way back
        link.post(*before, create)

    def _speak(self, turns: TurnDetection) -> None:
        """Send speech, then silence until the server has found the end of the turn."""
        link, session = self.link, self.link.session
        usual, longest = silences(turns)
        if not self.realtime:
            # The server may need as long to hear it as it lasts.
            longest += self.format.ms(len(self.data))
        commit: Inbox[Event] = Inbox()
        expected = Expectation(
            event_id="",
            accept=lambda event: isinstance(event, InputAudioCommitted),
            about=("input_audio",),
            owner=commit,
        )
        with link.lock:
            session.expect(expected)
            speeches, turns_before = session.speeches, session.turns
        try:
            self._stream(self.data)
            self.spoken()
            self._stream(self.format.silence(usual))
            silence = self.format.silence(SLICE_MS)
            # The detector needs silence to hear that the speech is over, so go on sending some.
            for _ in range(usual, longest, SLICE_MS):
                _pause(commit, SLICE_MS / 1000)
                with link.lock:
                    session.expect(expected)  # another: there may be a pause in the recording
                    over = session.turns > turns_before and not session.unfinished
                if over or self._cancelled:
                    return
                link.send_audio(silence)
            link.post(InputAudioClear(event_id=link.new_id()))
            raise WaitTimeout(
                "the server did not find the end of the speech in the recording"
                if session.speeches > speeches
                else "the server heard no speech in the recording"
            )
        finally:
            with link.lock:
                session.forget(expected)


def _pause(inbox: Inbox[Any], seconds: float) -> object:
    """Wait, unless something comes first; raises if the session ends meanwhile."""
    try:
        return inbox.get(max(0.0, seconds))
    except WaitTimeout:
        return None


def silences(turns: TurnDetection) -> tuple[int, int]:
    """What has to follow speech, so that the server finds its end.

    Returns:
        Milliseconds of silence to send at once, and at most.
    """
    if turns.type == "server_vad":
        usual = longest = turns.silence_duration_ms or 500
    else:
        usual, longest = _SEMANTIC.get(turns.eagerness or "medium", _SEMANTIC["medium"])
    return usual + _MARGIN_MS, longest + _PATIENCE_MS
