"""All checks in their order, and how they are run: each within its time, and none in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import evolve, frozen

from inworld_rt.cli.checks import steps
from inworld_rt.cli.checks.steps import ANSWER, LINE, SESSION, Visit
from inworld_rt.cli.checks.system import System
from inworld_rt.cli.checks.verdict import BAD, SKIP, Verdict, bad, skip
from inworld_rt.errors import InworldError, WaitTimeout
from inworld_rt.workers import Deadline, Inbox, Worker

__all__ = ["CHECKS", "LIMIT", "Check", "Finding", "chosen", "examine"]

LIMIT = 20.0
"""Seconds for all checks together."""

_LAST_WORDS = 0.5  # seconds for a check to notice that it is stopped


@frozen
class Check:
    """Something to look at.

    Attributes:
        name: for programs.
        title: for people; also the name in a bug report.
        look: looks and judges.
        needs: names of checks without whose success it is in vain.
        seconds: how long it may take.
        stuck: what to type if it takes longer.
        topic: ``machine``, ``sound``, ``account`` or ``session``.
        doing: what to tell people meanwhile.
    """

    name: str
    title: str
    look: Callable[[Visit], Verdict]
    needs: tuple[str, ...] = ()
    seconds: float = 2.0
    stuck: Callable[[System], str] = System.again
    topic: str = "machine"
    doing: str = ""


@frozen
class Finding:
    """A check, and what came of it."""

    check: Check
    verdict: Verdict


# fmt: off
CHECKS = (
    Check("python", "Python", steps.python),
    Check("package", "Package", steps.package),
    Check("settings", "Settings", steps.settings, stuck=System.edit),
    Check("engine", "Sound", steps.engine, (), 4, System.restart_sound, "sound"),
    Check("devices", "Devices", steps.cards, ("engine",), 4, System.restart_sound, "sound"),
    Check("microphone", "Microphone", steps.heard, ("engine",), 4, System.restart_sound, "sound",
          "say something"),
    Check("loudspeaker", "Loudspeaker", steps.played, ("engine",), 8, System.restart_sound,
          "sound", "listen"),
    Check("echo", "Echo", steps.returned, ("microphone", "loudspeaker"), topic="sound"),
    Check("simulator", "Simulator", steps.simulator, (), 12, topic="simulator"),
    Check("server", "Server", steps.way, topic="account"),
    Check("name", "Name", steps.looked, ("server",), 4, System.go_online, "account"),
    Check("connection", "Connection", steps.line, ("server", "name"), LINE, topic="account"),
    Check("clock", "Clock", steps.clock, ("server", "name"), topic="account"),
    Check("key", "Key", steps.key, topic="account"),
    Check("session", "Session", steps.opened, ("simulator", "connection", "key"), SESSION,
          topic="session"),
    Check("answer", "Answer", steps.answered, ("session",), ANSWER, topic="session",
          doing="asking something"),
)
# fmt: on
"""All of them."""


def chosen(*, simulator: bool, sound: bool) -> tuple[Check, ...]:
    """Those that are wanted.

    Args:
        simulator: with the simulator, and without an account.
        sound: with microphone and loudspeaker.
    """
    without = {"account" if simulator else "simulator"} | (set() if sound else {"sound"})
    return tuple(check for check in CHECKS if check.topic not in without)


def examine(
    visit: Visit,
    checks: Sequence[Check],
    began: Callable[[Check], object] = lambda check: None,
    limit: float = LIMIT,
) -> Iterator[Finding]:
    """Look at one thing after the other.

    Args:
        visit: what is known before.
        checks: what to look at.
        began: told before each; not of those that would be in vain.
        limit: seconds for all of it.
    """
    deadline = Deadline(limit)
    lacking: dict[str, str] = {}  # what did not work, and the title of what is to blame
    for check in checks:
        blamed = next((lacking[name] for name in check.needs if name in lacking), "")
        if blamed:
            verdict = skip(f"not looked at: first see to {blamed}")
        else:
            began(check)
            verdict = _within(visit, check, deadline.left() or 0.0, limit)
            verdict = evolve(verdict, command=visit.system.typed(verdict.command))
        if verdict.mark in (BAD, SKIP):
            lacking[check.name] = blamed or check.title
        yield Finding(check, verdict)


def _within(visit: Visit, check: Check, left: float, limit: float) -> Verdict:
    """One check, in a thread of its own, as much of this cannot be given a time limit."""
    seconds = min(check.seconds, left)
    if seconds <= 0:
        return skip(f"not looked at: the {limit:g} s for all of this are over")
    inbox: Inbox[Verdict | BaseException] = Inbox()
    worker = Worker("doctor", lambda stopping: inbox.put(check.look(visit)), inbox.put)
    worker.start()
    try:
        found = inbox.get(seconds)
    except WaitTimeout:
        return bad(f"nothing came of it within {seconds:.0f} s", check.stuck(visit.system))
    except BaseException:  # Ctrl-C: what is open has to be let go of
        visit.stopping.set()
        worker.join(_LAST_WORDS)
        raise
    worker.join(_LAST_WORDS)
    if isinstance(found, InworldError):
        return bad(str(found).partition("\n")[0], visit.system.again())
    if isinstance(found, BaseException):
        return bad(
            f"this check itself failed ({type(found).__name__}); please report it",
            visit.system.upgrade(),
        )
    return found
