"""A phone call as sound devices: what a carrier's media stream brings, and what it takes.

Twilio, Telnyx, Plivo and their like hand a call to a program as messages over a web socket, each
with 20 ms of sound in G.711, mostly in base64, and take the answers in the same form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence

from inworld_rt.audio.backend import Deliver, Device, Pull, Stream
from inworld_rt.audio.paced import Clock, Paced, RealClock
from inworld_rt.errors import ConfigError
from inworld_rt.pcm import AudioFormat, Carry, decode, encode

__all__ = ["PhoneCall"]

# Seconds without sound from the carrier after which silence stands in for it. Less would tear words
# apart when the network stumbles.
_HOLE = 0.2


class PhoneCall:
    """One call. It is a back end: the caller is both microphone and loudspeaker of a voice chat.

    ::

        call = PhoneCall(send)
        formats = {"input_format": "g711_ulaw", "output_format": "g711_ulaw"}
        with Client(config=formats) as client, client.voice_chat(audio=call, echo="none"):
            for message in websocket:
                event = json.loads(message)
                if event["event"] == "media":
                    call.hear(event["media"]["payload"])

    The chat does the rest (protocol: G.711 telephony): it sends 60 ms at a time, plays answers at
    the speed of speech, stops when the caller cuts in, and tells the server how much was heard.
    ``echo="none"``, since carriers cancel the echo of the line. With the session's formats as above
    the service speaks G.711 itself, and nothing is converted on the way but mu-law's second zero,
    which becomes the first; without them, PCM of the call's rate goes over the wire.

    A carrier that collects what it has not played yet should forget that when the caller speaks:
    tell it so in ``client.when_listening``.

    Attributes:
        format: how the carrier's sound is coded.
    """

    name = "phone"

    def __init__(
        self,
        send: Callable[[bytes], object],
        format: AudioFormat | str | int = "g711_ulaw",
        clock: Clock | None = None,
    ) -> None:
        """Nothing flows before the voice chat begins.

        Args:
            send: is given what the caller is to hear: 20 ms in ``format`` (160 bytes of G.711),
                fifty times a second, silence too; in a thread of its own. What it raises ends the
                chat, and is raised by ``chat.wait()``.
            format: of both directions: ``g711_ulaw``, ``g711_alaw``, or whatever else
                :meth:`AudioFormat.of <inworld_rt.AudioFormat.of>` takes, such as ``16000``.
            clock: whose time it is; default: the computer's.

        Raises:
            ConfigError: there is no such format.
        """
        self.format = AudioFormat.of(format)
        self._send = send
        self._clock = clock or RealClock()
        self._carry = Carry(self.format.bytes_per_frame)
        self._deliver: Deliver | None = None
        self._latest = 0.0  # when sound came

    def hear(self, sound: bytes | bytearray | memoryview | str) -> None:
        """The caller's sound has come. Never blocks; what comes without a voice chat is dropped.

        Where nothing comes, silence is sent in its stead, as the server has to hear that the caller
        has finished.

        Args:
            sound: the next of it in :attr:`format`, usually 20 ms, or the same in base64.

        Raises:
            ConfigError: it is neither bytes nor base64.
        """
        if isinstance(sound, str):
            try:
                sound = base64.b64decode(sound, validate=True)
            except (binascii.Error, ValueError):
                raise ConfigError(f"sound: {len(sound)} characters that are no base64") from None
        elif not isinstance(sound, (bytes, bytearray, memoryview)):
            raise ConfigError(f"sound: expected bytes or base64, got {type(sound).__name__}")
        whole = self._carry.push(bytes(sound))
        if whole and self._deliver is not None:
            self._latest = self._clock.now()
            self._deliver(decode(whole, self.format), self._latest)

    # --- what a back end does --------------------------------------------------------------------

    def open_source(
        self, device: int | str | None, rates: Sequence[int], deliver: Deliver
    ) -> Stream:
        """See :meth:`Backend.open_source <inworld_rt.audio.backend.Backend.open_source>`."""
        self._carry.clear()
        self._latest = self._clock.now()
        self._deliver = deliver
        return Paced("caller", self.format.rate, self._fill, self._clock)

    def open_sink(self, device: int | str | None, rates: Sequence[int], pull: Pull) -> Stream:
        """See :meth:`Backend.open_sink <inworld_rt.audio.backend.Backend.open_sink>`."""

        def period(frames: int, at: float) -> None:
            self._send(encode(pull(frames, at), self.format))

        return Paced("caller", self.format.rate, period, self._clock)

    def devices(self, *, probe: bool = False) -> list[Device]:
        """See :meth:`Backend.devices <inworld_rt.audio.backend.Backend.devices>`."""
        rate = self.format.rate
        rates = (rate,) if probe else ()
        return [Device(0, "caller", 1, 1, rate, True, True, rates, rates)]

    def refresh(self) -> None:
        """Nothing to do."""

    def _fill(self, frames: int, at: float) -> None:
        """The clock's 20 ms: silence, if nothing has come for long."""
        if self._deliver is not None and at - self._latest > _HOLE:
            self._deliver(bytes(2 * frames), at)
