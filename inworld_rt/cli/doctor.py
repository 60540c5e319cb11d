"""``inworld-rt doctor``: what works here, what does not, and what to type."""

from __future__ import annotations

import platform
import shutil
import sys
import textwrap
import time
from pathlib import Path

import click

from inworld_rt import extras
from inworld_rt.cli.checks import machine, report
from inworld_rt.cli.checks.report import Privacy
from inworld_rt.cli.checks.steps import Visit
from inworld_rt.cli.checks.table import Check, Finding, chosen, examine
from inworld_rt.cli.checks.verdict import BAD
from inworld_rt.cli.keys import can_draw
from inworld_rt.cli.options import Choices, shared

__all__ = ["doctor"]

_PASTE = "For a bug report, say what happened, and paste:"


@click.command()
@shared("microphone", "speaker")
@click.option("--no-sound", is_flag=True, help="Leave microphone and loudspeaker out.")
@click.option("--json", "as_json", is_flag=True, help="Print it for programs.")
def doctor(choices: Choices, no_sound: bool, as_json: bool) -> int:
    """Find out what works on this computer, and what to type where something does not.

    It looks at Python and what is installed, listens to the microphone for a second, plays a short
    melody, and has a session with the service in which it asks one thing; with --simulator, no
    account is needed. It takes 20 seconds at most.

    What it prints is meant for bug reports: it shows no key, and no name of yours.

    Exit status: 0 if all works, perhaps not well; 1 if something does not.
    """
    system = machine.this_system()
    secret, _ = machine.key_text(None)
    privacy = Privacy(str(Path.home()), (secret,) if secret else (), system.os == "windows")
    visit = Visit(
        system,
        microphone=choices.microphone,
        speaker=choices.speaker,
        url=choices.url,
        simulator=choices.simulator,
    )
    checks = chosen(simulator=choices.simulator, sound=not no_sound)
    show = _gather if as_json else _draw if can_draw(sys.stdout) else _print
    began = time.monotonic()
    with visit.cleanup:
        findings = show(visit, checks, privacy)
    took = time.monotonic() - began
    python = platform.python_version()
    if as_json:
        click.echo(report.as_json(findings, system, privacy, seconds=took, python=python))
    else:
        width = report.WIDTH
        if can_draw(sys.stdout):
            width = min(width, shutil.get_terminal_size().columns - 1)
        options = " ".join(("--simulator",) * choices.simulator + ("--no-sound",) * no_sound)
        click.echo(textwrap.fill(f"{report.summary(findings, took)} {_PASTE}", width))
        for line in report.block(
            findings, system, privacy, options=options, python=python, width=width
        ):
            click.echo(line)
    return int(any(finding.verdict.mark == BAD for finding in findings))


def _gather(visit: Visit, checks: tuple[Check, ...], privacy: Privacy) -> list[Finding]:
    """Say nothing before the end."""
    return list(examine(visit, checks))


def _print(visit: Visit, checks: tuple[Check, ...], privacy: Privacy) -> list[Finding]:
    """For a file or pipe: a line each."""
    findings = []
    for finding in examine(visit, checks):
        click.echo(report.line(finding, privacy))
        findings.append(finding)
    return findings


def _draw(visit: Visit, checks: tuple[Check, ...], privacy: Privacy) -> list[Finding]:
    """For people."""
    extras.load("rich", extra="cli", purpose="draw on a terminal")
    from inworld_rt.cli.checks.screen import Screen  # only for those who have one

    findings = []
    with Screen(privacy) as screen:
        for finding in examine(visit, checks, screen.began):
            screen.found(finding)
            findings.append(finding)
    return findings
