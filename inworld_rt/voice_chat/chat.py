"""A spoken conversation: client, microphone and loudspeaker, and who may speak when."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inworld_rt.audio import system_echo
from inworld_rt.audio.backend import Backend, find_backend
from inworld_rt.audio.echo import MODES, Echo
from inworld_rt.audio.microphone import Microphone
from inworld_rt.audio.speaker import Speaker
from inworld_rt.config import SessionConfig, TurnDetection
from inworld_rt.errors import ConfigError, DeviceError, LocalProtocolError, ServerError
from inworld_rt.hooks import Hooks
from inworld_rt.link import Link
from inworld_rt.pcm import RATES, AudioFormat
from inworld_rt.voice_chat.answers import Answers
from inworld_rt.voice_chat.button import Button
from inworld_rt.voice_chat.recorder import Recorder
from inworld_rt.voice_chat.stats import AudioStats
from inworld_rt.voice_chat.uplink import Uplink
from inworld_rt.workers import wait_for

if TYPE_CHECKING:
    from typing_extensions import Self

    from inworld_rt.captions import Caption

__all__ = ["Home", "VoiceChat"]

_MOST = 10  # of volume, and of seconds of lead-in
_QUIET = 3.0  # seconds of peace after which a conversation with a recording is over
_SWITCH = 0.001  # seconds for which a busy thread may keep the sound waiting, instead of 0.005


@frozen
class Home:
    """What a chat needs of its client.

    Attributes:
        link: the session.
        update_session: changes settings.
        request: sends events and asks for an answer.
        changed: is told that the state may be another one.
        hooks: calls the user's functions.
    """

    link: Link
    update_session: Callable[..., SessionConfig]
    request: Callable[..., Any]
    changed: Callable[[], None]
    hooks: Hooks


class VoiceChat:
    """A conversation through microphone and loudspeaker. Made by ``client.voice_chat()``.

    ::

        with client.voice_chat() as chat:
            chat.wait()

    It runs in the background, until it is closed or the session ends. All answers are played, also
    those to ``client.say()``. When the user begins to speak, or something is said by text, the
    answer in progress stops at once, and the server is told how much of it was heard.

    Any method may be called from any thread.

    Attributes:
        microphone: the open :class:`~inworld_rt.audio.microphone.Microphone`.
        speaker: the open :class:`~inworld_rt.audio.speaker.Speaker`.
        uplink: the user's speech on its way to the server.
        when_device_lost: function that is called, with its name, when a device is away.
        when_device_back: the same when it is back.
    """

    def __init__(
        self,
        home: Home,
        *,
        microphone: int | str | None = None,
        speaker: int | str | None = None,
        audio: str | Backend | None = None,
        echo: str = "auto",
        push_to_talk: bool = False,
        muted: bool = False,
        volume: float = 1.0,
        lead_in: float = 0.0,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        """Not for users: see ``client.voice_chat()``, which has the same arguments."""
        if echo not in MODES:
            raise ConfigError(f"echo: expected one of {', '.join(MODES)}, got {echo!r:.40}")
        for name, value in (("volume", volume), ("lead_in", lead_in)):
            if type(value) not in (int, float) or not 0 <= value <= _MOST:
                raise ConfigError(f"{name}: expected a number from 0 to {_MOST}, got {value!r:.40}")
        self.when_device_lost: Callable[[str], object] | None = None
        self.when_device_back: Callable[[str], object] | None = None
        link = home.link
        self._home, self._link = home, link
        self._connecting = True
        self._away: set[str] = set()
        self._quiet_since: float | None = None
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._closing = threading.Lock()  # closing happens once
        self._closed = False
        with ExitStack() as cleanup:
            cleanup.callback(home.changed)
            link.chat = self
            cleanup.callback(setattr, link, "chat", None)
            home.changed()
            self._answers = Answers(link, lambda: self.speaker, self._over.set)
            self._open(cleanup, audio, microphone, speaker, echo, volume, lead_in)
            self._agree(push_to_talk)
            self._start(cleanup, echo, record)
            self.uplink.muted = muted
            self._button = (
                Button(
                    link, self.microphone, self.uplink, self._answers, home.request, home.changed
                )
                if push_to_talk
                else None
            )
            if not push_to_talk:
                self.uplink.begin()
            self._connecting = False
            self._cleanup = cleanup.pop_all()
        home.changed()

    def _open(
        self,
        cleanup: ExitStack,
        audio: str | Backend | None,
        microphone: int | str | None,
        speaker: int | str | None,
        echo: str,
        volume: float,
        lead_in: float,
    ) -> None:
        """Open both devices, in the session's rates where they take them."""
        backend = find_backend(audio)
        session = self._link.session
        self._system = None
        if echo in ("auto", "cancel") and backend.name == "pyaudio":
            if microphone is None and speaker is None:
                self._system = system_echo.find()
        # To the end of the chat: what is unplugged shall come back in the same way.
        cleanup.enter_context(system_echo.chosen(self._system))
        self.speaker = Speaker(
            backend,
            speaker,
            session.output_format.rate,
            volume=volume,
            lead_in=lead_in,
            started=self._answers.heard_first,
            changed=lambda: self._device_changed("speaker"),
        )
        cleanup.callback(self.speaker.close)
        self.microphone = Microphone(
            backend,
            microphone,
            session.input_format.rate,
            changed=lambda: self._device_changed("microphone"),
        )
        cleanup.callback(self.microphone.close)

    def _agree(self, push_to_talk: bool) -> None:
        """Ask the server for the devices' own rates, and for the turns that are wanted."""
        session = self._link.session
        formats: dict[str, Any] = {}
        for name, now, rate in (
            ("input_format", session.input_format, self.microphone.rate),
            ("output_format", session.output_format, self.speaker.rate),
        ):
            if now.type == "audio/pcm" and now.rate != rate and rate in RATES:
                formats[name] = AudioFormat(rate=rate)
        turns: dict[str, Any] = {}
        if push_to_talk and session.turn_detection is not None:
            turns["turn_detection"] = None
        elif not push_to_talk and session.turn_detection is None:
            turns["turn_detection"] = TurnDetection(type="semantic_vad")
        try:
            if formats or turns:
                self._home.update_session(**formats, **turns)
        except ServerError:
            if not formats:
                raise
            if turns:  # it does not speak these rates: then they are converted here
                self._home.update_session(**turns)

    def _start(self, cleanup: ExitStack, echo: str, record: str | os.PathLike[str] | None) -> None:
        """Let sound flow."""
        link = self._link
        rate = link.session.input_format.rate
        self._echo = Echo("none" if self._system else echo, self.speaker.rate, rate)
        cleanup.callback(self._echo.close)
        cleanup.callback(self.microphone.close)  # before what its thread uses
        cleanup.callback(self.speaker.tap(self._echo.played))
        if link.ears is not None:
            cleanup.callback(link.ears.chat(self.speaker))
        self.microphone.start(rate, self._echo.clean)
        if record is not None:
            cleanup.callback(Recorder(record, self.microphone, self.speaker).close)
        self.uplink = Uplink(link, self.microphone, self._fail)
        cleanup.callback(self.uplink.close)
        self.microphone.listen(self._notice_end)
        link.watch(self._answers)
        cleanup.callback(link.unwatch, self._answers)
        # A thread that computes must not keep the sound waiting; put back at the end.
        switch = sys.getswitchinterval()
        sys.setswitchinterval(min(switch, _SWITCH))
        cleanup.callback(sys.setswitchinterval, switch)

    # --- turns -----------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Stop the answer in progress, and tell the server how much of it was heard.

        Raises:
            ConnectionClosed: the session is over.
        """
        if not self._connecting:
            self._answers.cut(cancel=True)

    def press(self) -> None:
        """The button is pressed: the user speaks. Stops the answer in progress.

        Raises:
            LocalProtocolError: the chat is hands-free.
            ConnectionClosed: the session is over.
        """
        self._open_button().press()

    def release(self) -> Any:
        """The button is let go: the turn is complete, and an answer is asked for.

        Blocks until the speech is sent, a tenth of a second with a good network.

        Returns:
            The :class:`~inworld_rt.Response`; ``None`` if the button was only touched.

        Raises:
            LocalProtocolError: the chat is hands-free.
            ConnectionClosed: the session is over.
        """
        return self._need_button().release()

    def held(self) -> AbstractContextManager[None]:
        """``with chat.held():`` the button is pressed; an exception in the block drops the turn.

        Raises:
            LocalProtocolError: the chat is hands-free.
            ConnectionClosed: the session is over.
        """
        return self._open_button().pressed()

    def use_button(self, button: Any) -> None:
        """Let a real button decide when the user speaks.

        Args:
            button: anything that calls its ``when_pressed`` and ``when_released``, such as a
                ``Button`` of gpiozero. What these were is put back at the end of the chat.

        Raises:
            LocalProtocolError: the chat is hands-free.
            ConfigError: it is no such button.
        """
        self._open_button().follow(button, self._cleanup)

    def _need_button(self) -> Button:
        if self._button is None:
            raise LocalProtocolError(
                "this chat is hands-free; for a button, start it with push_to_talk=True"
            )
        return self._button

    def _open_button(self) -> Button:
        if self._closed:
            raise LocalProtocolError("this chat is closed; start another with client.voice_chat()")
        return self._need_button()

    def mute(self) -> None:
        """Send silence instead of what the microphone hears; other listeners go on hearing."""
        self.uplink.muted = True

    def unmute(self, preroll: float = 0.0) -> None:
        """Send what the microphone hears again.

        Args:
            preroll: seconds of what was said just before that are sent first, at most 2; for those
                who speak on behind a wake word.
        """
        self.uplink.muted = False
        if preroll and self._button is None:
            self.uplink.begin(preroll)

    @property
    def muted(self) -> bool:
        """Whether silence is sent."""
        return self.uplink.muted

    # --- state -----------------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """What the state of the client is, as far as the chat knows; else an empty string."""
        if self._connecting:
            return "connecting"
        if self._away or self._failure is not None:
            return "error"
        if self._is_held or self._link.session.speaking:
            return "listening"
        return "speaking" if self.speaker.sounding else ""

    @property
    def _is_held(self) -> bool:
        return self._button is not None and self._button.held

    @property
    def latency(self) -> float | None:
        """Seconds from the end of the user's latest turn, by the server's ear or by the button, to
        the first sound of the answer; ``None`` before there was one."""
        return self._answers.latency

    @property
    def echo(self) -> str:
        """What is done about echo: ``none``, ``half``, ``cancel``, with the engine behind it; or
        ``auto`` while that is being found out."""
        if self._system is not None:
            return "cancel (the system)"
        return f"{self._echo.mode} ({self._echo.engine})" if self._echo.engine else self._echo.mode

    @property
    def level(self) -> float:
        """How loud it is at the microphone right now, 0 to 1, muted or not."""
        return self.microphone.level

    def levels(self) -> Iterator[float]:
        """How loud it is, 0 to 1, for a lamp: the microphone or the loudspeaker, whichever is
        louder. One for each 20 ms, as they pass; ends, with a 0, when the chat does."""
        for level in self.microphone.levels():
            yield max(0.0 if self.muted else level, self.speaker.level)
        yield 0.0

    def captions(self) -> Iterator[Caption]:
        """The words of all answers from now on, each when it begins to be heard; what is cut off
        is left out. Blocks until the next word; ends when the chat does.

        There are none unless the session asks for times: see :meth:`Response.captions`.
        """
        return self._answers.captions()

    @property
    def stats(self) -> AudioStats:
        """How well the sound goes; its ``why`` says it in a sentence."""
        speaker, microphone = self.speaker, self.microphone
        return AudioStats(
            underruns=speaker.gaps,
            longest_gap=speaker.longest_gap,
            late=speaker.late,
            underflows=speaker.underflows,
            start_ms=speaker.speech.start_ms,
            overflows=microphone.overflows,
            mic_dropped_ms=microphone.dropped_ms,
            network_dropped_ms=self.uplink.dropped_ms,
            waiting_in_ms=speaker.speech.waiting * 1000 / speaker.rate,
            waiting_out_ms=self.uplink.waiting_ms,
            losses=speaker.losses + microphone.losses,
        )

    def _device_changed(self, which: str) -> None:
        """In a device's thread: sound began or ceased, or a device is away or back."""
        device: Any = getattr(self, which, None)
        if device is None or self._connecting:
            return
        try:
            device.check()
        except BaseException as exc:
            self._fail(exc)
        if device.lost != (which in self._away):
            (self._away.add if device.lost else self._away.discard)(which)
            if self._link.ears is not None:
                self._link.ears.note(
                    "device_lost" if device.lost else "device_back", device=device.name
                )
            if not device.lost:
                self._echo.measure_again()  # it may be another one
            hook = self.when_device_lost if device.lost else self.when_device_back
            if hook is not None:
                told: Callable[[str], object] = hook
                self._home.hooks.do(lambda: told(device.name))
        self._home.changed()

    def _fail(self, exc: BaseException) -> None:
        self._failure = self._failure or exc
        self._over.set()

    # --- the end ---------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the chat is over: it or the client was closed, or, where a recording is the
        microphone, three quiet seconds after its end.

        Args:
            timeout: seconds; default: for ever.

        Returns:
            Whether it is over.

        Raises:
            ConnectionClosed: the session ended by itself.
            AudioError: sound broke down.
        """
        over = wait_for(self._over, timeout)
        if self._failure is not None:
            raise self._failure
        if over and not self._link.closing:
            self._link.check()
        return over

    def wait_until_heard(self, timeout: float | None = None) -> bool:
        """Block until the answer in progress, if there is one, was heard to its last sample.

        Args:
            timeout: seconds; default: for ever.

        Returns:
            Whether it was.

        Raises:
            DeviceError: the loudspeaker is away.
        """

        if self._connecting:
            return True  # nothing is played yet

        def done() -> bool:
            if self.speaker.lost:
                raise DeviceError(f"the loudspeaker {self.speaker.name!r} is away: plug it in")
            answering = self._link.session.current is not None
            return self._over.is_set() or not (self.speaker.sounding or answering)

        return self.speaker.wait(done, timeout)

    def _notice_end(self, sound: bytes, at: float) -> None:
        """Where the microphone is a recording, its end ends the chat after a while."""
        if not self.microphone.exhausted or self._busy():
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = at
        elif at - self._quiet_since > _QUIET:
            self._over.set()

    def _busy(self) -> bool:
        session = self._link.session
        return bool(self._is_held or session.unfinished or session.current or self.speaker.sounding)

    def close(self) -> None:
        """End it: both devices are let go of, and the session goes on. May be called twice.

        Blocks for a moment, at most two seconds. Settings that it changed stay as they are.
        """
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._over.set()
        self._answers.close()
        self._cleanup.close()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<VoiceChat {self.microphone.name!r} {self.speaker.name!r}>"
