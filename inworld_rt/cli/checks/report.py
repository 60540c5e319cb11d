"""What was found, as text: for people, for bug reports, for programs. Pure."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from inworld_rt._version import __version__
from inworld_rt.cli.checks.system import System
from inworld_rt.cli.checks.table import Finding
from inworld_rt.cli.checks.verdict import BAD, OK, SKIP, WARN

__all__ = ["Privacy", "as_json", "block", "line", "summary"]

WIDTH = 78  # columns of a block that is pasted


@frozen
class Privacy:
    """Takes out what is nobody's business.

    Attributes:
        home: the user's folder, which has their name in it; shown as ``~``.
        secrets: what must never be seen, should it turn up anywhere.
        windows: whether paths are written with backslashes, in upper or lower case alike.
    """

    home: str = ""
    secrets: tuple[str, ...] = ()
    windows: bool = False

    def clean(self, text: str) -> str:
        """The same without it, in one line."""
        for secret in self.secrets:
            text = text.replace(secret, "***") if secret else text
        if len(self.home) > 1:
            home = re.compile(
                rf"(?<![\w.-])(?P<quote>['\"]?){re.escape(self.home)}(?=[/\\\s'\",;:)]|$)",
                re.IGNORECASE if self.windows else 0,
            )
            # In quotes, a shell takes ~ for a letter like any other.
            text = home.sub(lambda found: f"{found['quote']}$HOME" if found["quote"] else "~", text)
        text = " ".join(text.split())
        return "".join(c for c in text if c.isprintable())


def line(finding: Finding, privacy: Privacy) -> str:
    """A finding in one line, without colour."""
    check, verdict = finding.check, finding.verdict
    words = f"{verdict.mark.upper() if verdict.mark == BAD else verdict.mark:<5}{check.title:<12}"
    words += privacy.clean(verdict.found)
    if not verdict.command:
        return words
    return f"{words}{'' if words[-1] in '.?!' else '.'} Type: {privacy.clean(verdict.command)}"


def summary(findings: Sequence[Finding], seconds: float) -> str:
    """All of it in a few words."""
    marks = [finding.verdict.mark for finding in findings]
    bad, warnings = marks.count(BAD), marks.count(WARN)
    took = f"({seconds:.1f} s)"
    if not bad and not warnings:
        return f"All is well {took}."
    said = []
    if bad:
        said.append(f"{bad} {'thing does' if bad == 1 else 'things do'} not work")
    if warnings:
        said.append(f"{warnings} could be better")
    return f"{', '.join(said)} {took}."


def block(
    findings: Sequence[Finding],
    system: System,
    privacy: Privacy,
    *,
    options: str,
    python: str,
    width: int = WIDTH,
) -> list[str]:
    """What to paste into a bug report.

    Args:
        findings: all of them.
        system: the computer.
        privacy: what to leave out.
        options: how it was called.
        python: the version of Python.
        width: columns that its lines take at most, where words allow it.
    """
    about = [f"inworld_rt {__version__}", f"Python {python}", system.kernel, system.title]
    about += [system.board, options]
    paragraphs = [", ".join(filter(None, about))]
    well = [
        f"{one.check.name} ({one.verdict.brief})" if one.verdict.brief else one.check.name
        for one in findings
        if one.verdict.mark == OK
    ]
    paragraphs.append(f"ok: {', '.join(well)}")
    for mark in (BAD, WARN):
        paragraphs += [
            f"{mark}: {one.check.name}: {one.verdict.found}"
            for one in findings
            if one.verdict.mark == mark
        ]
    skipped = [one.check.name for one in findings if one.verdict.mark == SKIP]
    paragraphs += [f"skip: {', '.join(skipped)}"] if skipped else []
    lines: list[str] = []
    for words in paragraphs:
        lines += textwrap.wrap(
            privacy.clean(words), width, break_long_words=False, break_on_hyphens=False,
            subsequent_indent="  ",
        )  # fmt: skip
    return lines


def as_json(
    findings: Sequence[Finding], system: System, privacy: Privacy, *, seconds: float, python: str
) -> str:
    """All of it for programs, in one JSON object."""
    checks = [
        {
            "name": one.check.name,
            "mark": one.verdict.mark,
            "found": privacy.clean(one.verdict.found),
            "command": privacy.clean(one.verdict.command),
        }
        for one in findings
    ]
    told: dict[str, Any] = {
        "ok": all(one.verdict.mark != BAD for one in findings),
        "inworld_rt": __version__,
        "python": python,
        "system": ", ".join(filter(None, (system.kernel, system.title, system.board))),
        "seconds": round(seconds, 3),
        "checks": checks,
    }
    return json.dumps(told, indent=2, ensure_ascii=False)
