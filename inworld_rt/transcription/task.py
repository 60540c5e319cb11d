"""Having a recording read: the session is made ready for it, and is as before afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from inworld_rt.answer import Answer
from inworld_rt.codec import UNSET, replace
from inworld_rt.config import AudioConfig, AudioInput, SessionConfig, Transcription, TurnDetection
from inworld_rt.errors import ConnectionClosed, LocalProtocolError
from inworld_rt.events import ErrorEvent, Event, InputAudioClear, SessionUpdated
from inworld_rt.link import Link
from inworld_rt.request import Expectation, Orders, Request
from inworld_rt.transcription.delivery import Delivery, post_update
from inworld_rt.transcription.heard import SPEECH, WORDS, Heard, News
from inworld_rt.transcription.transcript import Transcript
from inworld_rt.upload import Recorded, read
from inworld_rt.workers import Inbox

__all__ = ["transcribe"]

# The last two may end a wait, though they tell nothing of the speech.
_KINDS = frozenset({*SPEECH, *WORDS, SessionUpdated, ErrorEvent})


def transcribe(
    link: Link,
    update_session: Callable[[SessionConfig], object],
    recording: Recorded,
    *,
    realtime: bool = False,
    timeout: float,
    on_partial: Callable[[str], object] | None = None,
    on_progress: Callable[[float], object] | None = None,
) -> Transcript:
    """Have a recording read; see ``Client.transcribe``.

    Blocks until all of it was heard and read; first, while an answer is being made, until that is
    complete. Audio that was sent before and is no item yet is dropped. Afterwards the session has
    its settings again; after an error, too, though then this is not waited for.

    Args:
        link: the session.
        update_session: changes settings and waits until the server has accepted them.
        recording: a WAV file's path, or its bytes, or samples in the session's input format.
        realtime: send it at the speed of speech.
        timeout: seconds of the server's silence to put up with.
        on_partial: is given the text so far whenever it changes, in the caller's thread.
        on_progress: is given the share that is done, 0 to 1, in the caller's thread.

    Returns:
        The text, which is empty if nobody speaks in the recording.

    Raises:
        FileNotFoundError, AudioError, BackendMissing, ConfigError: see :func:`upload.read`.
        LocalProtocolError: there is a voice chat.
        ServerError: the server refused the settings or the audio.
        WaitTimeout: the end of the speech was not found, or its text did not come.
        ConnectionClosed: the session is, or went, over.
    """
    link.check()
    if link.chat is not None:
        raise LocalProtocolError(
            "a voice chat is going on, and the server listens to one at a time; close the chat "
            "first, or transcribe with another Client"
        )
    data = read(recording, link.session.input_format)
    with _floor(link, timeout), _no_answers(link, update_session), _news(link) as inbox:
        begin = link.session.audio_sent_ms
        format = link.session.input_format
        heard = Heard(begin, begin + format.ms(len(data)))
        run = Delivery(link, data, format, heard, inbox, timeout, realtime, on_partial, on_progress)
        run.send()
        run.hear_out()
        run.read_out()
    return Transcript(heard.utterances())


@contextlib.contextmanager
def _floor(link: Link, timeout: float) -> Iterator[None]:
    """Wait until no answer is being made, and have the others wait meanwhile."""
    inbox: Inbox[object] = Inbox()
    request = Request(Answer(parent=link.calling), owner=inbox)
    request.answer.status = "cancelled"  # so that no answer of the server's is taken for it
    try:
        link.apply(lambda session: session.ask(request))
        link.patiently(inbox.get, timeout, "an earlier answer's end")
        yield
    finally:
        link.give_up(request)


@contextlib.contextmanager
def _no_answers(link: Link, update_session: Callable[[SessionConfig], object]) -> Iterator[None]:
    """Have the server find the turns and read them, and do nothing else."""
    change, back = _changes(link.session.config.audio.input)
    link.post(InputAudioClear(event_id=link.new_id()))
    try:
        update_session(change)
        yield
        # Silence that is left over would be the begin of the next turn of push-to-talk.
        link.post(InputAudioClear(event_id=link.new_id()))
    except BaseException:
        with contextlib.suppress(ConnectionClosed):
            # Speech that is left over must not be answered. Nobody who presses Ctrl-C, or has
            # waited in vain already, wants to wait for this.
            link.post(InputAudioClear(event_id=link.new_id()))
            post_update(link, back)
            with link.lock:
                link.session.config = link.session.config.merged(back)
        raise
    update_session(back)


def _changes(before: Any) -> tuple[SessionConfig, SessionConfig]:
    """The settings that are needed, and those that undo them.

    Args:
        before: the settings of the input, as far as they are known.
    """
    turns: TurnDetection | None = before.turn_detection or None
    finds = replace(
        turns or TurnDetection(type="semantic_vad"), create_response=False, interrupt_response=False
    )
    restored = turns
    if before.turn_detection is UNSET:
        restored = TurnDetection(create_response=True, interrupt_response=True)
    elif turns is not None:
        # What the server does not tell has its default.
        restored = replace(
            turns,
            create_response=turns.create_response is not False,
            interrupt_response=turns.interrupt_response is not False,
        )
    if finds.idle_timeout_ms:  # the agent would speak up in a pause
        finds = replace(finds, idle_timeout_ms=None)
    change, back = AudioInput(turn_detection=finds), AudioInput(turn_detection=restored)
    if not before.transcription:
        change = replace(change, transcription=Transcription(model="inworld/inworld-stt-1"))
        back = replace(back, transcription=before.transcription)
    return _settings(change), _settings(back)


def _settings(input: AudioInput) -> SessionConfig:
    return SessionConfig(audio=AudioConfig(input=input))


class _Watcher:
    """Passes news on; called in the reader's thread."""

    def __init__(self, link: Link, inbox: Inbox[News]) -> None:
        self._link = link
        self._inbox = inbox

    def saw(self, event: Event, orders: Orders) -> None:
        if type(event) in _KINDS:
            session, words = self._link.session, ""
            if isinstance(event, WORDS):
                with self._link.lock:
                    words = session.conversation.transcript(event.item_id)
            self._inbox.put(News(event, words, session.audio_sent_ms))

    def over(self) -> None:
        pass  # the inbox is told, with the reason


@contextlib.contextmanager
def _news(link: Link) -> Iterator[Inbox[News]]:
    """What the server tells from now on; ends with the session, or an error about the audio."""
    inbox: Inbox[News] = Inbox()
    watcher = _Watcher(link, inbox)
    refusal = Expectation(
        event_id="", accept=lambda event: False, about=("input_audio",), owner=inbox
    )
    link.watch(watcher)
    with link.lock:
        link.session.expect(refusal)
    try:
        link.check()  # it may have ended just before somebody could tell the inbox
        yield inbox
    finally:
        link.unwatch(watcher)
        with link.lock:
            link.session.forget(refusal)
