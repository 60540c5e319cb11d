"""A room around the virtual sound card: what the loudspeaker plays comes back in the microphone.

It is late, quieter, without lows and highs as from a small loudspeaker, and reverberates. A person
can speak in it as well. It stands on the sinks ``speaker`` and ``mic`` of :mod:`support.soundcard`.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from typing import Any

__all__ = ["Room"]

RATE = 24000  # of both sinks, so that nothing is converted on the way
BLOCK = RATE // 100
SMALL_SPEAKER = (300, 3400)  # hertz
REVERBERATION = 0.08  # seconds
SHARPNESS = 0.01  # seconds on either side that the band-pass takes
PATIENCE = 20.0  # seconds; a bound against hanging

_FORM = ["--raw", "--format=s16le", "--channels=1"]


class Room:
    """Echo from a sink to another, as long as the ``with`` lasts.

    A process of its own makes it, so that it goes on whatever the test does.

    Args:
        delay_ms: from the loudspeaker to the loudest part of the echo, at least 40. It is true
            to about 10 ms, and then stays as it is.
        level_db: of speech in the microphone, relative to that in the loudspeaker.
        monitor: the source that gives what is played.
        sink: where the echo is played.
        seed: another number makes another room.
    """

    def __init__(
        self,
        delay_ms: int = 80,
        level_db: float = -12.0,
        *,
        monitor: str = "speaker.monitor",
        sink: str = "mic",
        seed: int = 1,
    ) -> None:
        how = [str(delay_ms), str(level_db), monitor, sink, str(seed)]
        self._command = [sys.executable, "-I", __file__, *how]

    def __enter__(self) -> Room:
        """Start; returns when there is echo."""
        # In a session of its own it hears no Ctrl-C, which is for the test.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if said != b"ready\n":
            said += self._process.stdout.read()
            self.__exit__()
            raise AssertionError(f"there is no echo: {said.decode().strip()}")
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()  # it waits for that
        self._process.wait(PATIENCE)
        self._process.stdout.close()

    @staticmethod
    def speak(pcm: bytes, rate: int = RATE, sink: str = "mic") -> None:
        """A person speaks; returns when the last sample was played."""
        subprocess.run(
            ["pacat", f"--device={sink}", *_FORM, f"--rate={rate}", "--latency-msec=20"],
            input=pcm,
            timeout=PATIENCE + len(pcm) / 2 / rate,
            check=True,
        )


# --- in the process -------------------------------------------------------------------------------


def response(seed: int) -> Any:
    """What a click becomes: the direct sound, then the walls. The average power of what is within
    the band is kept."""
    import numpy

    random = numpy.random.default_rng(seed)
    count = int(REVERBERATION * RATE)
    walls = random.standard_normal(count) * numpy.exp(-5 * numpy.arange(count) / count) / 3
    walls[0] = 1
    side = int(SHARPNESS * RATE)
    times = numpy.arange(-side, side + 1) / RATE
    low, high = SMALL_SPEAKER
    band = 2 * high * numpy.sinc(2 * high * times) - 2 * low * numpy.sinc(2 * low * times)
    whole = numpy.convolve(band * numpy.hanning(len(times)), walls)
    power = abs(numpy.fft.rfft(whole, RATE)) ** 2  # hertz by hertz
    return whole / numpy.sqrt(power[low:high].mean())


def reflect(ear: int, mouth: int, log: int, echo: Any) -> None:
    """From one pipe to the other, until the standard input is closed."""
    import numpy

    size = 1 << (BLOCK + len(echo)).bit_length()
    spectrum = numpy.fft.rfft(echo, size)
    coming = numpy.zeros(size)
    heard = bytearray()
    while True:
        news = select.select([ear, log, sys.stdin], [], [])[0]
        if sys.stdin in news:
            return
        if log in news and not os.read(log, 65536):  # full, it would stop its writer
            return
        if ear not in news:
            continue
        data = os.read(ear, 65536)
        if not data:
            return
        heard += data
        while len(heard) >= 2 * BLOCK:
            block = numpy.frombuffer(bytes(heard[: 2 * BLOCK]), "<i2")
            del heard[: 2 * BLOCK]
            coming += numpy.fft.irfft(numpy.fft.rfft(block, size) * spectrum, size)
            os.write(mouth, coming[:BLOCK].clip(-32768, 32767).astype("<i2").tobytes())
            coming = numpy.append(coming[BLOCK:], numpy.zeros(BLOCK))


def main(delay_ms: int, level_db: float, monitor: str, sink: str, seed: int) -> None:
    echo = response(seed) * 10 ** (level_db / 20)
    # The delay is what the sound server holds in stock. So neither a late process nor a busy
    # computer changes it, and nothing is ever missing.
    stock = delay_ms - round(1000 * SHARPNESS)
    listen = ["parec", f"--device={monitor}", *_FORM, f"--rate={RATE}", "--latency-msec=10"]
    play = ["pacat", f"--device={sink}", *_FORM, f"--rate={RATE}", f"--latency-msec={stock}", "-v"]
    plain = {**os.environ, "LC_ALL": "C"}
    with (
        subprocess.Popen(listen, stdout=subprocess.PIPE) as ear,
        subprocess.Popen(play, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=plain) as mouth,
    ):
        assert ear.stdout is not None and mouth.stdin is not None and mouth.stderr is not None
        try:
            assert ear.stdout.read(2), "nothing can be heard"
            mouth.stdin.write(bytes(2 * (stock * RATE // 1000)))
            mouth.stdin.flush()
            while b"Stream started" not in (line := mouth.stderr.readline()):
                assert line, "nothing can be played"
            os.set_blocking(ear.stdout.fileno(), False)
            ear.stdout.read()  # only from now on, what is heard is echoed
            os.write(1, b"ready\n")
            reflect(ear.stdout.fileno(), mouth.stdin.fileno(), mouth.stderr.fileno(), echo)
        finally:
            ear.terminate()
            mouth.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]))
