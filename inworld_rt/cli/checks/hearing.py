"""Looks at the sound devices: listens, plays a melody, measures how much of it comes back."""

from __future__ import annotations

import contextlib
import glob
import math
import os
import queue
import sys
import threading
from array import array
from collections.abc import Iterator

from inworld_rt import pcm
from inworld_rt.audio import cancel, system_echo
from inworld_rt.audio.backend import Backend, choose
from inworld_rt.audio.echo import Leak, Reference
from inworld_rt.audio.microphone import Microphone
from inworld_rt.audio.mixing import mix, scale
from inworld_rt.audio.speaker import Speaker
from inworld_rt.audio.system_echo import EchoPair
from inworld_rt.cli.checks import machine
from inworld_rt.cli.checks.sound import Cards, Heard, Played, Returned
from inworld_rt.cli.checks.verdict import Failure
from inworld_rt.errors import AudioError, BackendMissing, DeviceError
from inworld_rt.pcm import AudioFormat
from inworld_rt.workers import Deadline

__all__ = ["cards", "listen", "melody", "play"]

SECONDS = 1.0
"""How long the microphone is listened to."""

_SETTLING = 0.1  # seconds at first that do not count: some devices begin with a click
_RATE = 24000  # samples per second that conversations ask for
_FULL = 32700  # samples from which on it is clipped
_PATIENCE = 2.5  # seconds in which a device has to give or take what it should in one
_ECHO_AFTER = Leak.LATEST + 0.1  # seconds; nothing comes back later
_SLICE = 0.1  # seconds of one wait
# Pitch, seconds that it sounds, seconds of silence behind it. Uneven, as speech is: by its rhythm
# it is known again in the microphone.
_NOTES = (
    (523.3, 0.24, 0.06), (659.3, 0.16, 0.12), (784.0, 0.34, 0.05), (587.3, 0.14, 0.16),
    (698.5, 0.22, 0.07), (523.3, 0.42, 0.10),
)  # fmt: skip
_OVERTONES = ((1, 0.2), (2, 0.1), (3, 0.05))  # small loudspeakers have no low notes
_FADE = 0.01  # seconds; without it, notes click


def cards(backend: Backend, microphone: int | str | None, speaker: int | str | None) -> Cards:
    """Which devices there are, and the two to use."""
    try:
        backend.refresh()
        found = tuple(backend.devices())
    except AudioError as exc:
        return Cards(failure=Failure.of(exc))
    chosen, failure = {}, None
    for kind, wanted in (("output", speaker), ("input", microphone)):
        try:
            chosen[kind] = choose(found, wanted, kind)
        except DeviceError as exc:
            failure = Failure.of(exc)
    return Cards(found, chosen.get("input"), chosen.get("output"), failure, _denied())


def _denied() -> bool:
    """Whether there are sound cards that Linux keeps from this user."""
    files = glob.glob("/dev/snd/pcm*")
    return bool(files) and not any(os.access(file, os.R_OK | os.W_OK) for file in files)


def listen(
    backend: Backend, device: int | str | None, pair: EchoPair | None, stopping: threading.Event
) -> Heard:
    """Listen to a microphone for a second.

    Args:
        backend: whose it is.
        device: which.
        pair: the sound system's own canceller, or ``None``.
        stopping: gives up when it is set.
    """
    try:
        with system_echo.chosen(pair), Microphone(backend, device) as microphone:
            periods = list(_periods(microphone, stopping))
            rate = microphone.rate
    except AudioError as exc:
        return Heard(failure=Failure.of(exc))
    sound = b"".join(periods)
    muted = None
    if not sound.strip(b"\0") and device is None:
        muted = machine.muted("microphone")
    return Heard(
        rate,
        pcm.level(sound),
        max(map(pcm.level, periods), default=-math.inf),
        _clipped(sound),
        muted=muted,
    )


def _periods(microphone: Microphone, stopping: threading.Event) -> Iterator[bytes]:
    """What it hears in a second, period by period."""
    sounds: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    microphone.listen(lambda sound, at: sounds.put(sound))
    microphone.start()
    deadline = Deadline(_PATIENCE)
    frames = 0
    while frames < (_SETTLING + SECONDS) * microphone.rate and not stopping.is_set():
        microphone.check()
        if microphone.lost or deadline.left() == 0.0:
            raise DeviceError("it can be opened, but gives nothing: unplugged, or in use elsewhere")
        with contextlib.suppress(queue.Empty):
            sound = sounds.get(timeout=_SLICE)
            frames += len(sound) // 2
            if frames > _SETTLING * microphone.rate:
                yield sound


def _clipped(sound: bytes) -> float:
    samples = array("h", sound)
    if sys.byteorder == "big":
        samples.byteswap()
    loud = sum(sample >= _FULL or sample <= -_FULL for sample in samples)
    return loud / max(1, len(samples))


def melody(rate: int) -> bytes:
    """Two seconds of music, 16-bit mono, at about -17 dBFS.

    Args:
        rate: samples per second.
    """
    return b"".join(
        _note(pitch, seconds, rate) + bytes(2 * int(rest * rate)) for pitch, seconds, rest in _NOTES
    )


def _note(pitch: float, seconds: float, rate: int) -> bytes:
    frames, steps = int(seconds * rate), int(_FADE * rate)
    sound = bytes(2 * frames)
    for number, volume in _OVERTONES:
        tone = pcm.tone(number * pitch, seconds * 1000, AudioFormat(rate=rate), volume)
        sound = mix(sound, tone[: 2 * frames].ljust(2 * frames, b"\0"))
    rise = b"".join(scale(sound[2 * n : 2 * n + 2], n / steps) for n in range(steps))
    fall = b"".join(
        scale(sound[2 * n : 2 * n + 2], (frames - n) / steps) for n in range(frames - steps, frames)
    )
    return rise + sound[2 * steps : 2 * (frames - steps)] + fall


def play(
    backend: Backend,
    speaker: int | str | None,
    microphone: int | str | None,
    pair: EchoPair | None,
    stopping: threading.Event,
    *,
    deaf: bool = False,
) -> tuple[Played, Returned]:
    """Play the melody, and listen to it.

    Args:
        backend: whose devices they are.
        speaker: which loudspeaker.
        microphone: which microphone.
        pair: the sound system's own canceller, or ``None``.
        stopping: gives up when it is set.
        deaf: do not listen.
    """
    try:
        with system_echo.chosen(pair), Speaker(backend, speaker, _RATE, keep=False) as horn:
            returned = Returned()
            if deaf:
                _sound(horn, stopping)
            else:
                returned = _overhear(backend, horn, microphone, pair, stopping)
            late, rate = horn.late, horn.rate
    except AudioError as exc:
        return Played(failure=Failure.of(exc)), Returned()
    muted = machine.muted("speaker") if speaker is None and backend.name == "pyaudio" else None
    return Played(rate, muted=muted, late=late), returned


def _sound(speaker: Speaker, stopping: threading.Event) -> None:
    """Play it to the end."""
    speaker.say(None, melody(speaker.rate), AudioFormat(rate=speaker.rate))
    speaker.finish()
    if not speaker.wait(lambda: not speaker.sounding or stopping.is_set(), 2 + _PATIENCE):
        raise DeviceError("it can be opened, but takes no sound: choose another")


def _overhear(
    backend: Backend,
    speaker: Speaker,
    which: int | str | None,
    pair: EchoPair | None,
    stopping: threading.Event,
) -> Returned:
    """Play it, and measure how much of it the microphone hears."""
    leak = Leak()
    try:
        with Microphone(backend, which, _RATE) as microphone:
            reference = Reference(speaker.rate, microphone.rate)

            def hear(sound: bytes, at: float) -> None:
                far = reference.take(len(sound) // 2, at)
                leak.add(sound, far, len(sound) / 2 / microphone.rate)

            microphone.listen(hear)
            microphone.start()
            untap = speaker.tap(reference.played)
            _sound(speaker, stopping)
            stopping.wait(_ECHO_AFTER)
            untap()
            rate = microphone.rate
    except DeviceError:
        raise
    except AudioError as exc:
        failure = Failure.of(exc)
        _sound(speaker, stopping)
        return Returned(failure=failure)
    if not leak.enough:
        return Returned()
    found = leak.verdict()
    engine, missing = _canceller(rate) if found.echo and pair is None else ("", None)
    return Returned(found, engine, missing, pair is not None)


def _canceller(rate: int) -> tuple[str, Failure | None]:
    """What a conversation would cancel echo with; or why it would not."""
    try:
        found = cancel.find(rate)
    except BackendMissing as exc:
        return "", Failure.of(exc)
    found.close()
    return found.name, None
