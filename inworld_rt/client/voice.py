"""Live voice: microphone in, loudspeaker out."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from inworld_rt.client.settings import Settings
from inworld_rt.client.states import States
from inworld_rt.errors import LocalProtocolError

if TYPE_CHECKING:
    from inworld_rt.audio.backend import Backend
    from inworld_rt.voice_chat import VoiceChat

__all__ = ["Voice"]


class Voice(Settings, States):
    """The part of the client that talks aloud."""

    def voice_chat(
        self,
        microphone: int | str | None = None,
        speaker: int | str | None = None,
        *,
        audio: str | Backend | None = None,
        echo: str = "auto",
        push_to_talk: bool = False,
        muted: bool = False,
        volume: float = 1.0,
        lead_in: float = 0.0,
        record: str | os.PathLike[str] | None = None,
    ) -> VoiceChat:
        """Begin to talk: microphone in, loudspeaker out, in the background.

        ::

            with client.voice_chat() as chat:
                chat.wait()

        The server is asked for the sample rates of the devices; only where it does not have them,
        they are converted here. Leaving ``with`` ends it.

        Args:
            microphone: a device's number or a part of its name; default: the system's. See
                :func:`inworld_rt.audio.devices`.
            speaker: the same for the loudspeaker.
            audio: ``pyaudio`` (sound devices), ``wav`` (files are the devices: give their paths),
                ``null`` (nothing is heard), or a back end of your own; default: what the
                environment's ``INWORLD_RT_AUDIO`` says, else ``pyaudio``.
            echo: against the loudspeaker in the microphone. ``none`` for headphones; ``half``
                sends silence while an answer is played, and only loud voices get through;
                ``cancel`` takes it out of the sound; ``auto`` finds out with the first answer.
            push_to_talk: the user's turns are between ``chat.press()`` and ``chat.release()``;
                else the server finds them.
            muted: begin muted; see ``chat.unmute()``.
            volume: of the answers; 1 is as they come.
            lead_in: seconds of silence before an answer after a rest, for loudspeakers that fall
                asleep and swallow the first word.
            record: a folder for ``microphone.wav`` and ``speaker.wav``.

        Raises:
            BackendMissing: PyAudio is not installed; says what to type.
            DeviceError: a device is not there or cannot be opened.
            LocalProtocolError: there is a voice chat already.
            ConfigError: an argument is wrong.
            ServerError, WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        from inworld_rt.voice_chat.chat import Home, VoiceChat  # only for those who talk

        self._link.check()
        if self._link.chat is not None:
            raise LocalProtocolError("there is a voice chat already; close it before the next")
        self._follow()
        home = Home(
            self._link, self.update_session, self._request, self._state_changed, self._hooks
        )
        return VoiceChat(
            home,
            microphone=microphone,
            speaker=speaker,
            audio=audio,
            echo=echo,
            push_to_talk=push_to_talk,
            muted=muted,
            volume=volume,
            lead_in=lead_in,
            record=record,
        )

    def talk(
        self, microphone: int | str | None = None, speaker: int | str | None = None, **options: Any
    ) -> None:
        """Talk until Ctrl-C, which ends the conversation, not the program.

        Args:
            microphone: see :meth:`voice_chat`.
            speaker: see there.
            options: the others there.

        Raises:
            InworldError: as :meth:`voice_chat`, and what ended the conversation unasked.
        """
        with (
            contextlib.suppress(KeyboardInterrupt),
            self.voice_chat(microphone, speaker, **options) as chat,
        ):
            chat.wait()

    def talk_while(self, button: Any, **options: Any) -> None:
        """Talk while a button is held, until Ctrl-C.

        ::

            client.talk_while(gpiozero.Button(17))

        Args:
            button: anything that calls its ``when_pressed`` and ``when_released``.
            options: those of :meth:`voice_chat`.

        Raises:
            ConfigError: it is no such button.
            InworldError: as :meth:`talk`.
        """
        with (
            contextlib.suppress(KeyboardInterrupt),
            self.voice_chat(push_to_talk=True, **options) as chat,
        ):
            chat.use_button(button)
            chat.wait()
