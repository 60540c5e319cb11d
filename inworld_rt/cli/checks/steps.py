"""The steps of a visit to the doctor: each looks at something and has it judged, and leaves behind
what the later ones need."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from contextlib import ExitStack

from attrs import define, field

from inworld_rt.audio import system_echo
from inworld_rt.audio.backend import find_backend
from inworld_rt.auth import Credentials, find_credentials
from inworld_rt.cli.checks import access, hearing, machine, network, packages, reaching, sound
from inworld_rt.cli.checks.system import System
from inworld_rt.cli.checks.verdict import BAD, Verdict, bad, ok, skip
from inworld_rt.cli.configfile import ConfigFile
from inworld_rt.cli.service import service
from inworld_rt.errors import ConnectError
from inworld_rt.transport import WebSocketTransport
from inworld_rt.transport.dial import Target
from inworld_rt.transport.endpoint import URL_VARIABLE

__all__ = [
    "Visit",
    "answered",
    "cards",
    "clock",
    "engine",
    "heard",
    "key",
    "line",
    "looked",
    "opened",
    "package",
    "played",
    "python",
    "returned",
    "settings",
    "simulator",
    "way",
]

LINE, SESSION, ANSWER = 5.0, 6.0, 8.0
"""Seconds that connecting may take; opening a session; an answer."""

_SPARE = 0.5  # seconds of these for telling what came of it


@define
class Visit:
    """What is known so far, for the checks that come later.

    Attributes:
        system: the computer.
        microphone: the one asked for; ``None`` is the system's.
        speaker: the same.
        url: where the service is, if that was said.
        url_source: who said so.
        simulator: whether it is the simulator.
        stopping: set when nobody waits any more.
        cleanup: what is to be closed in the end.
    """

    system: System
    microphone: int | str | None = None
    speaker: int | str | None = None
    url: str | None = None
    url_source: str = "--url"
    simulator: bool = False
    stopping: threading.Event = field(factory=threading.Event)
    cleanup: ExitStack = field(factory=ExitStack)
    file: ConfigFile | None = None
    cards: sound.Cards = field(factory=sound.Cards)
    pair: system_echo.EchoPair | None = None
    deaf: bool = True
    returned: sound.Returned = field(factory=sound.Returned)
    credentials: Credentials | str | None = field(default=None, repr=False)
    in_file: bool = False
    way: network.Way = field(factory=network.Way)
    target: Target | None = None
    line: network.Line = field(factory=network.Line)
    opened: network.Opened = field(factory=network.Opened)
    transport: WebSocketTransport | None = None


def python(visit: Visit) -> Verdict:
    return packages.judge_python(machine.python(), visit.system)


def package(visit: Visit) -> Verdict:
    return packages.judge_package(machine.package(), visit.system)


def settings(visit: Visit) -> Verdict:
    facts, visit.file = machine.settings()
    if visit.file is not None:
        said = visit.file.settings
        visit.microphone = said.get("microphone") if visit.microphone is None else visit.microphone
        visit.speaker = said.get("speaker") if visit.speaker is None else visit.speaker
        if visit.url is None and "url" in said and not os.environ.get(URL_VARIABLE):
            visit.url, visit.url_source = said["url"], "the config file"
    return access.judge_settings(facts, visit.system)


def engine(visit: Visit) -> Verdict:
    return packages.judge_engine(machine.engine(), visit.system)


def cards(visit: Visit) -> Verdict:
    visit.cards = hearing.cards(find_backend(), visit.microphone, visit.speaker)
    if visit.microphone is None and visit.speaker is None:
        visit.pair = system_echo.find()
    return sound.judge_cards(visit.cards, visit.system)


def heard(visit: Visit) -> Verdict:
    if visit.cards.microphone is None:
        return skip("there is no microphone to listen to")
    facts = hearing.listen(find_backend(), visit.microphone, visit.pair, visit.stopping)
    verdict = sound.judge_heard(facts, visit.system)
    visit.deaf = verdict.mark == BAD
    return verdict


def played(visit: Visit) -> Verdict:
    if visit.cards.speaker is None:
        return skip("there is no loudspeaker to play on")
    both = visit.speaker, visit.microphone
    facts, visit.returned = hearing.play(
        find_backend(), *both, visit.pair, visit.stopping, deaf=visit.deaf
    )
    return sound.judge_played(facts, visit.system)


def returned(visit: Visit) -> Verdict:
    return sound.judge_returned(visit.returned, visit.system)


def way(visit: Visit) -> Verdict:
    visit.way, visit.target = reaching.way(visit.url, visit.url_source)
    return network.judge_way(visit.way, visit.system)


def looked(visit: Visit) -> Verdict:
    return network.judge_looked(reaching.look_up(visit.way), visit.way, visit.system)


def line(visit: Visit) -> Verdict:
    assert visit.target is not None
    visit.line = reaching.line(visit.target, visit.way, LINE - _SPARE)
    return network.judge_line(visit.line, visit.way, visit.system)


def clock(visit: Visit) -> Verdict:
    if visit.line.off is None:
        silent = visit.line.state == "open"
        return skip("the server does not tell the time" if silent else "there is no connection")
    return network.judge_clock(visit.line.off, visit.system)


def key(visit: Visit) -> Verdict:
    facts = machine.key(visit.file)
    verdict = access.judge_key(facts, visit.system)
    if verdict.mark != BAD:
        visit.in_file = facts.in_file
        file = visit.file if facts.in_file else None
        visit.credentials = file.credentials() if file else find_credentials()
    return verdict


def simulator(visit: Visit) -> Verdict:
    try:
        # It would be told in the midst of what we show.
        with contextlib.redirect_stderr(io.StringIO()):
            place = service(True, apart=True)
            visit.url, visit.credentials = visit.cleanup.enter_context(place)
    except ConnectError as exc:
        return bad(str(exc), visit.system.extra("simulator"))
    visit.url_source = "the simulator"
    visit.way, visit.target = reaching.way(visit.url, visit.url_source)
    return ok("runs on this machine, in the service's place", "in place of the service")


def opened(visit: Visit) -> Verdict:
    credentials = find_credentials(visit.credentials)
    how = (visit.url, credentials, visit.in_file, SESSION - _SPARE)
    visit.opened, visit.transport = reaching.open_session(*how)
    if visit.transport is not None:
        visit.cleanup.callback(visit.transport.abort)
    return network.judge_opened(visit.opened, visit.way, visit.system)


def answered(visit: Visit) -> Verdict:
    assert visit.transport is not None
    facts = reaching.answer(visit.transport, visit.opened.seconds, ANSWER - _SPARE)
    return network.judge_answered(facts, visit.system)
