"""Recorded speech as the user's turn, whoever decides where a turn ends (protocol: sequences)."""

from __future__ import annotations

import io
import os

from inworld_rt.answer import Answer
from inworld_rt.audio import convert, wav
from inworld_rt.config import TurnDetection
from inworld_rt.errors import ConfigError, WaitTimeout
from inworld_rt.events import InputAudioClear, InputAudioCommit, InputAudioCommitted, ResponseCreate
from inworld_rt.link import Link, now
from inworld_rt.pcm import AudioFormat
from inworld_rt.session import Expectation, Request
from inworld_rt.workers import Inbox

__all__ = ["Recorded", "samples", "send_recording"]

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
    size, whole = len(data), format.bytes_per_frame
    if not size:
        raise ConfigError("audio: there are no samples in it")
    if size % whole:
        raise ConfigError(
            f"audio: {size} bytes end within a sample; {format.type} has {whole} bytes per sample"
        )
    return bytes(data)


def send_recording(
    link: Link, recording: Recorded, answer: Answer, *, realtime: bool, timeout: float
) -> None:
    """Send recorded speech and ask for the answer to it.

    Blocks until the speech is sent and, with turn detection, until the server heard its end.

    Args:
        link: the session.
        recording: a WAV file's path, or its bytes, or samples in the session's input format.
        answer: the answer to come.
        realtime: send at the speed of speech.
        timeout: seconds of the server's silence to put up with while an earlier answer is made.

    Raises:
        InworldError, OSError: see ``Client.send_recording``.
    """
    format = link.session.input_format
    data = _read(recording, format)
    inbox: Inbox[object] = Inbox()
    request = Request(answer, owner=inbox)
    link.check()
    link.apply(lambda session: session.ask(request))
    try:
        _wait_for_floor(link, inbox, timeout)
        turns = link.session.turn_detection
        if turns is None:
            link.post(InputAudioClear(event_id=link.new_id()))
            _stream(link, data, format, inbox, realtime)
            _finish(link, request, InputAudioCommit(event_id=link.new_id()))
        else:
            with link.lock:
                sent = link.session.audio_sent_ms
                request.speech_end_ms = sent + format.ms(len(data))
            _speak(link, data, format, inbox, turns, realtime)
            if turns.create_response is False:
                _finish(link, request)
    except BaseException:
        # Whatever went wrong, the floor must not stay taken.
        link.apply(lambda session: session.withdraw(request))
        raise


def _read(recording: object, format: AudioFormat) -> bytes:
    if isinstance(recording, str | os.PathLike):
        return convert.recording_to(format, wav.read(recording))
    if isinstance(recording, bytes | bytearray | memoryview) and bytes(recording[:4]) == b"RIFF":
        return convert.recording_to(format, wav.read(io.BytesIO(recording)))
    return samples(recording, format)


def _wait_for_floor(link: Link, inbox: Inbox[object], timeout: float) -> None:
    while True:
        life = link.life
        try:
            inbox.get(timeout)
            return
        except WaitTimeout:
            if link.life == life:
                raise WaitTimeout(
                    f"an earlier answer does not end: the server has been quiet for {timeout:g} s"
                ) from None


def _finish(link: Link, request: Request, *before: InputAudioCommit) -> None:
    """Ask for the answer to speech that is complete."""
    create = ResponseCreate(event_id=link.new_id())
    request.events = (*before, create)  # so that an error finds its way back
    link.post(*before, create)


def _stream(
    link: Link, data: bytes, format: AudioFormat, inbox: Inbox[object], realtime: bool
) -> None:
    """Send samples in slices."""
    step = format.bytes(SLICE_MS)
    begin = now()
    for place in range(0, len(data), step):
        if realtime:
            _pause(inbox, begin + format.ms(place) / 1000 - now())
        link.send_audio(data[place : place + step])


def _pause(inbox: Inbox[object], seconds: float) -> object:
    """Wait, unless something comes first; raises if the session ends meanwhile."""
    try:
        return inbox.get(max(0.0, seconds))
    except WaitTimeout:
        return None


def _speak(
    link: Link,
    data: bytes,
    format: AudioFormat,
    inbox: Inbox[object],
    turns: TurnDetection,
    realtime: bool,
) -> None:
    """Send speech, then silence until the server has found the end of the turn."""
    usual, longest = _silences(turns)
    commit: Inbox[object] = Inbox()
    expected = Expectation(
        event_id="",
        accept=lambda event: isinstance(event, InputAudioCommitted),
        about=("audio",),
        owner=commit,
    )
    with link.lock:
        link.session.expect(expected)
        speeches = link.session.speeches
    try:
        _stream(link, data, format, inbox, realtime)
        _stream(link, format.silence(usual), format, inbox, realtime)
        waited = usual
        heard_end = None
        # The detector needs silence to hear that the speech is over, so go on sending some.
        while heard_end is None or link.session.speaking:
            heard_end = heard_end or _pause(commit, SLICE_MS / 1000)
            if heard_end is not None and not link.session.speaking:
                return
            if waited > longest:
                heard = link.session.speeches > speeches
                link.post(InputAudioClear(event_id=link.new_id()))
                raise WaitTimeout(
                    "the server did not find the end of the speech in the recording"
                    if heard
                    else "the server heard no speech in the recording"
                )
            link.send_audio(format.silence(SLICE_MS))
            waited += SLICE_MS
    finally:
        with link.lock:
            link.session.forget(expected)


def _silences(turns: TurnDetection) -> tuple[int, int]:
    """Milliseconds of silence to send at once, and at most."""
    if turns.type == "server_vad":
        usual = longest = turns.silence_duration_ms or 500
    else:
        usual, longest = _SEMANTIC.get(turns.eagerness or "medium", _SEMANTIC["medium"])
    return usual + _MARGIN_MS, longest + _PATIENCE_MS
