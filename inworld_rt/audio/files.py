"""The back end ``wav``: a recording is the microphone, and what is played becomes a recording.

Both run at the speed of the clock, as devices do: for tests, for gadgets without a sound card, for
trying a conversation again.
"""

from __future__ import annotations

import contextlib
import os
import wave
from collections.abc import Sequence

from inworld_rt.audio import wav
from inworld_rt.audio.backend import Deliver, Device, Pull, Stream
from inworld_rt.audio.paced import Clock, Paced, RealClock
from inworld_rt.errors import AudioError, ConfigError, DeviceError
from inworld_rt.pcm import RATES

__all__ = ["MICROPHONE", "SPEAKER", "Tape", "WavFiles"]

MICROPHONE, SPEAKER = "microphone.wav", "speaker.wav"
"""The files of the default devices."""


class WavFiles:
    """Devices are named by the paths of their files."""

    name = "wav"

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or RealClock()

    def open_source(
        self, device: int | str | None, rates: Sequence[int], deliver: Deliver
    ) -> Stream:
        """See :meth:`Backend.open_source`. After the recording's end there is silence."""
        path = _path(device, MICROPHONE, "microphone")
        try:
            recording = wav.read(path)
        except (OSError, AudioError, ConfigError) as exc:
            raise DeviceError(f"the recording that is to be the microphone: {exc}") from exc
        return _Player(path, recording, deliver, self._clock)

    def open_sink(self, device: int | str | None, rates: Sequence[int], pull: Pull) -> Stream:
        """See :meth:`Backend.open_sink`. The file is complete when the sink is closed."""
        path = _path(device, SPEAKER, "speaker")
        try:
            tape = Tape(path, rates[0])
        except OSError as exc:
            raise DeviceError(f"the file for what is played, {path}: {exc.strerror}") from exc
        return _Recorder(path, rates[0], tape, pull, self._clock)

    def devices(self, *, probe: bool = False) -> list[Device]:
        """See :meth:`Backend.devices`. The default ones; any other file will do, too."""
        rates = RATES if probe else ()
        return [
            Device(0, MICROPHONE, inputs=1, rate=24000, default_input=True, input_rates=rates),
            Device(1, SPEAKER, outputs=1, rate=24000, default_output=True, output_rates=rates),
        ]

    def refresh(self) -> None:
        """Nothing to do."""


class _Player(Paced):
    """A source that reads a recording aloud."""

    def __init__(self, path: str, sound: wav.Recording, deliver: Deliver, clock: Clock) -> None:
        self._sound, self._place, self._deliver = sound, 0, deliver
        super().__init__(path, sound.rate, self._read, clock, sound.channels)

    def _read(self, frames: int, at: float) -> None:
        size = 2 * self.channels * frames
        data = self._sound.pcm[self._place : self._place + size]
        self._place += len(data)
        self.exhausted = len(data) < size
        self._deliver(data + bytes(size - len(data)), at)


class _Recorder(Paced):
    """A sink that keeps what it plays."""

    def __init__(self, path: str, rate: int, tape: Tape, pull: Pull, clock: Clock) -> None:
        self._tape = tape
        super().__init__(path, rate, lambda n, at: tape.write(pull(n, at)), clock)

    def close(self) -> None:
        super().close()
        self._tape.close()


class Tape:
    """A WAV file (16-bit, mono) that grows; valid after :meth:`close`."""

    def __init__(self, path: str | os.PathLike[str], rate: int) -> None:
        """Begin it.

        Args:
            path: where; a file of that name is replaced.
            rate: samples per second.

        Raises:
            OSError: it cannot be written.
        """
        with contextlib.ExitStack() as cleanup:
            file = cleanup.enter_context(open(path, "wb"))
            self._wave = wave.open(file, "wb")
            self._file = file
            self._wave.setnchannels(1)
            self._wave.setsampwidth(2)
            self._wave.setframerate(rate)
            cleanup.pop_all()

    def write(self, pcm: bytes) -> None:
        """Add samples; raises ``OSError`` if the disk is full."""
        self._wave.writeframesraw(pcm)

    def close(self) -> None:
        """Complete the file; may be called twice."""
        try:
            self._wave.close()
        finally:
            self._file.close()


def _path(device: int | str | None, default: str, kind: str) -> str:
    if isinstance(device, int):
        raise DeviceError(f"the {kind} of the back end 'wav' is a file: give its path")
    return device or default
