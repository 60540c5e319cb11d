"""Playing one sound, from its first sample to its last."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inworld_rt.audio.backend import Backend, find_backend
from inworld_rt.audio.speaker import Speaker
from inworld_rt.pcm import AudioFormat

__all__ = ["play"]

_AHEAD = 2.0  # seconds of speech fetched in advance; the rest is left to whoever makes it


def play(
    chunks: Iterable[bytes],
    format: AudioFormat,
    *,
    device: int | str | None = None,
    backend: str | Backend | None = None,
    opened: Callable[[Speaker], object] = lambda speaker: None,
    started: Callable[[float], None] = lambda seconds: None,
) -> None:
    """Play sound while it is being made; returns when its last sample was heard.

    The device is opened first: where it cannot be, no chunk is taken. Speech begins when 120 ms of
    it are there, and after a gap in the supply goes on when there are as many again or more. Ctrl-C
    and an exception from ``chunks`` stop it at once.

    Args:
        chunks: sound in ``format``, cut anywhere. Taken two seconds ahead of the ear.
        format: any coding and rate; converted where the device wants another.
        device: its number, a part of its name, or ``None`` for the default.
        backend: which one; see :func:`~inworld_rt.audio.backend.find_backend`.
        opened: is told which loudspeaker it is, before the first chunk is taken.
        started: is told in how many seconds the first sample is heard, less than 0 if it was; in a
            thread of the loudspeaker.

    Raises:
        BackendMissing: a package is not installed.
        DeviceError: there is no such device, it cannot be opened, or it stopped taking sound.
        ConfigError: a chunk is no bytes.
    """
    with Speaker(
        find_backend(backend),
        device,
        format.rate,
        started=lambda key, at: started(at - speaker.now()),
        keep=False,
    ) as speaker:
        opened(speaker)
        speech = speaker.speech
        most = int(_AHEAD * speaker.rate)
        for chunk in chunks:
            speaker.say(None, chunk, format)
            speaker.wait(lambda: speech.waiting <= most)
        speaker.finish()
        speaker.wait(lambda: not speaker.sounding)
