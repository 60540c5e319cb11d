"""Judges microphone, loudspeaker, and the one in the other. Pure."""

from __future__ import annotations

import math

from attrs import frozen

from inworld_rt.audio.backend import Device
from inworld_rt.audio.echo import Verdict as Leak
from inworld_rt.cli.checks.system import System
from inworld_rt.cli.checks.verdict import Failure, Verdict, bad, ok, warn

__all__ = [
    "Cards",
    "Heard",
    "Played",
    "Returned",
    "judge_cards",
    "judge_heard",
    "judge_played",
    "judge_returned",
]

_VOICE = -55.0  # dBFS; what is louder is somebody who speaks, or a noisy room
_TOO_QUIET = -75.0  # even a quiet room is louder
_CLIPPED = 0.001  # part of the samples
_TOO_LOUD = 0.0  # dB of the echo above what is played
_LATE = 2  # times that may be chance
_NAME = 15  # characters


@frozen
class Cards:
    """The devices there are.

    Attributes:
        found: all.
        microphone: the one to use, or ``None``.
        speaker: the same.
        failure: why one of them is ``None``.
        denied: whether there are cards that this user may not use.
    """

    found: tuple[Device, ...] = ()
    microphone: Device | None = None
    speaker: Device | None = None
    failure: Failure | None = None
    denied: bool = False


def judge_cards(facts: Cards, system: System) -> Verdict:
    """One of each kind."""
    if facts.denied and not facts.found:
        return bad(
            "you may not use the sound cards; join them, then log in again", system.join_audio()
        )
    if not facts.found:
        return bad(
            "there is no sound device; plug in a headset, or leave sound out with --no-sound",
            system.show_cards(),
        )
    if facts.failure is not None:
        return bad(facts.failure.words, system.list_devices())
    assert facts.microphone is not None and facts.speaker is not None
    mic, horn = facts.microphone, facts.speaker
    rates = f"{_khz(mic.rate)}/{_khz(horn.rate)}"
    return ok(
        f"mic {_called(mic)} {mic.rate / 1000:g}, speaker {_called(horn)} {_khz(horn.rate)}", rates
    )


def _called(device: Device) -> str:
    name = device.name if len(device.name) <= _NAME else f"{device.name[: _NAME - 1]}…"
    return f'"{name}"'


def _khz(rate: int) -> str:
    return f"{rate / 1000:g} kHz"


@frozen
class Heard:
    """What the microphone heard in a second.

    Attributes:
        rate: samples per second.
        db: its level on the whole, dBFS.
        loudest: that of its loudest moment.
        clipped: the part of its samples, 0 to 1, that are as loud as can be.
        failure: why it could not be listened to.
        muted: whether the sound server says so; ``None`` where it is not known.
    """

    rate: int = 0
    db: float = -math.inf
    loudest: float = -math.inf
    clipped: float = 0.0
    failure: Failure | None = None
    muted: bool | None = None


def judge_heard(facts: Heard, system: System) -> Verdict:
    """Neither nothing nor too much."""
    if facts.failure is not None:
        return bad(facts.failure.words, facts.failure.command or system.list_devices())
    if math.isinf(facts.loudest):
        return _judge_zeros(facts, system)
    level = f"{facts.db:.0f} dB"
    if facts.clipped > _CLIPPED:
        return warn(f"{level}, clipping: it is set too loud", system.set_level("microphone", 60))
    if facts.loudest < _TOO_QUIET:
        return warn(f"{level}: too quiet to hear anybody", system.set_level("microphone", 100))
    heard = "it hears something" if facts.loudest > _VOICE else "nobody spoke"
    return ok(f"{level}, at most {facts.loudest:.0f} dB: {heard}; {_khz(facts.rate)}", level)


def _judge_zeros(facts: Heard, system: System) -> Verdict:
    if facts.muted:
        return bad("nothing but zeros: it is muted", system.unmute("microphone"))
    if system.os == "linux":
        return bad(
            "nothing but zeros: muted by a switch of its own, or not the one you mean",
            system.list_devices(),
        )
    return bad(
        "nothing but zeros: this program may not use it (see the system's settings), or it is "
        "muted, or not the one you mean",
        system.allow_microphone(),
    )


@frozen
class Played:
    """The test sound.

    Attributes:
        rate: samples per second.
        failure: why it could not be played.
        muted: whether the sound server says that the loudspeaker is; ``None``: not known.
        late: how often it stuttered.
    """

    rate: int = 0
    failure: Failure | None = None
    muted: bool | None = None
    late: int = 0


def judge_played(facts: Played, system: System) -> Verdict:
    """Whether it was heard, only people know."""
    if facts.failure is not None:
        return bad(facts.failure.words, facts.failure.command or system.list_devices())
    if facts.muted:
        return warn("played, but it is muted", system.unmute("speaker"))
    if facts.late > _LATE:
        return warn(
            f"played, but it stuttered {facts.late} times: this computer was too busy",
            system.again(),
        )
    return ok(f"a melody was played; {_khz(facts.rate)}")


@frozen
class Returned:
    """The loudspeaker in the microphone.

    Attributes:
        leak: what was measured; ``None`` if there was too little to tell.
        engine: what would cancel it, or an empty string.
        failure: why there is none.
        system: whether the sound system cancels echo itself.
    """

    leak: Leak | None = None
    engine: str = ""
    failure: Failure | None = None
    system: bool = False


def judge_returned(facts: Returned, system: System) -> Verdict:
    """What a conversation will do about it."""
    if facts.failure is not None and facts.leak is None:
        return bad(facts.failure.words, facts.failure.command or system.list_devices())
    if facts.leak is None:
        return warn("too little came back to tell", system.again())
    if not facts.leak.echo:
        if facts.system:
            return ok("cancelled by the sound system itself", "system")
        return ok("the microphone does not hear the loudspeaker: nothing to do", "none")
    leak = f"{facts.leak.db:.0f} dB, {facts.leak.ms:.0f} ms late"
    if facts.leak.db > _TOO_LOUD:
        return warn(f"{leak}: louder than it is played", system.set_level("speaker", 50))
    if facts.system:
        return ok(f"{leak}, left over by the sound system, which cancels it", f"system {leak}")
    if facts.engine:
        return ok(f"{leak}: will be cancelled ({facts.engine})", f"{facts.engine} {leak}")
    command = facts.failure.command if facts.failure is not None else ""
    return warn(
        f"{leak}, and nothing to cancel it with: while it speaks, only loud voices get through",
        command or system.extra("echo"),
    )
