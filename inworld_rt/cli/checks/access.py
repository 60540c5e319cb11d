"""Judges the config file and the key. Pure: the key's text goes in, and nothing of it comes out."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from attrs import frozen

from inworld_rt.auth import API_KEY_VARIABLE
from inworld_rt.cli.checks.system import KEYS_PAGE, System
from inworld_rt.cli.checks.verdict import Failure, Verdict, bad, ok, warn

__all__ = ["Key", "Settings", "examine_key", "judge_key", "judge_settings"]

_SOON = 300.0  # seconds
_QUOTES = "\"'`“”„‘’«»"
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_JWT = re.compile(r"([A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+")
# What documentation writes where a key is meant.
_STAND_IN = re.compile(
    r"[.…*x<>_ -]*|.*(your|paste|insert|change|example).*|<.*>|\{.*\}|\$.*"
    r"|((my|the|api|inworld)[ _-]?)*key",
    re.IGNORECASE,
)
_STANDARD = str.maketrans("-_", "+/")

_FLAWS = {
    "none": "there is none",
    "empty": "it is empty",
    "quotes": "it has quotes around it, which belong to the shell and not to the key",
    "stand-in": "it is not a key, but the words that stand for one in some example",
    "scheme": 'it begins with the word "Basic" or "Bearer", which has to be left out',
    "spaces": "it has a space or a line break in it",
    "encoding": "it is not Base64: perhaps it was cut off, or is the key's name or secret alone",
    "content": "it is Base64, but not of a key: perhaps it was encoded twice, or cut off",
}


@frozen
class Settings:
    """The config file.

    Attributes:
        path: where it is, or would be.
        exists: whether it is there.
        names: what it sets.
        failure: what is wrong with it.
        open_to_others: whether others can read the key in it.
    """

    path: str
    exists: bool = False
    names: tuple[str, ...] = ()
    failure: Failure | None = None
    open_to_others: bool = False


def judge_settings(facts: Settings, system: System) -> Verdict:
    """None, or one without mistakes."""
    if facts.failure is not None:
        return bad(facts.failure.words, facts.failure.command or system.edit())
    if not facts.exists:
        return ok(f"none; it would be {facts.path}")
    if facts.open_to_others:
        return warn(
            f"{facts.path}: others on this computer can read the key in it", system.hide(facts.path)
        )
    names = " ".join(facts.names) or "nothing"
    return ok(f"{facts.path} sets {names}", f"sets {names}")


@frozen
class Key:
    """What can be told of a key without showing it.

    Attributes:
        source: where it comes from.
        in_file: whether that is the config file.
        kind: ``key`` or ``token``.
        flaw: what is wrong with it; empty if nothing.
        left: seconds for which a token is valid yet; ``None`` where it does not say.
    """

    source: str = API_KEY_VARIABLE
    in_file: bool = False
    kind: str = "key"
    flaw: str = ""
    left: float | None = None


def examine_key(text: str | None, now: float, *, source: str, in_file: bool = False) -> Key:
    """Look at a key.

    Args:
        text: the key; ``None`` if there is none.
        now: seconds since 1970.
        source: where it comes from, for messages.
        in_file: whether that is the config file.
    """
    if text is not None and _JWT.fullmatch(text):
        expires = _claims(text).get("exp")
        left = float(expires) - now if isinstance(expires, (int, float)) else None
        return Key(source, in_file, "token", left=left)
    return Key(source, in_file, flaw=_flaw(text))


def _flaw(text: str | None) -> str:
    if text is None:
        return "none"
    bare = text.strip()
    if not bare:
        return "empty"
    digits = text.rstrip("=")
    whole = len(text) % 4 == 0 if digits != text else len(digits) % 4 != 1
    base64ed = _BASE64.fullmatch(text) and whole
    if base64ed and b":" in _decoded(text):
        return ""  # first of all: any word can be in a key
    if bare[0] in _QUOTES or bare[-1] in _QUOTES:
        return "quotes"
    if re.match(r"(basic|bearer)\s", bare, re.IGNORECASE):
        return "scheme"
    if _STAND_IN.fullmatch(bare):
        return "stand-in"
    if re.search(r"\s", text):
        return "spaces"
    return "content" if base64ed else "encoding"


def _decoded(text: str) -> bytes:
    digits = text.translate(_STANDARD).rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    except ValueError:
        return b""


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says; nothing where that cannot be read."""
    try:
        claims = json.loads(_decoded(token.split(".")[1]))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def judge_key(facts: Key, system: System) -> Verdict:
    """One that could be right; whether it is, the service knows."""
    said = f"{facts.source}: {_FLAWS.get(facts.flaw, '')}"
    if facts.flaw == "none":
        return bad(
            f"{said}; make one at {KEYS_PAGE} and copy its Base64 form, or try all this with "
            "--simulator",
            system.export(API_KEY_VARIABLE, "the key"),
        )
    mend = system.edit() if facts.in_file else system.export(API_KEY_VARIABLE, "the key")
    if facts.flaw == "content":
        return warn(f"{said}; copy its Base64 form from {KEYS_PAGE}", mend)
    if facts.flaw:
        return bad(f"{said}; copy its Base64 form from {KEYS_PAGE}", mend)
    if facts.kind == "key":
        return ok(f"an API key in Base64, from {facts.source}", f"API key, {facts.source}")
    if facts.left is None:
        return ok(f"a token, from {facts.source}", f"token, {facts.source}")
    renew = system.edit() if facts.in_file else system.export(API_KEY_VARIABLE, "a new token")
    if facts.left <= 0:
        return bad(
            f"{facts.source}: the token expired {_span(-facts.left)} ago by this machine's "
            "clock; ask for a new one (inworld-rt token)",
            renew,
        )
    said = f"a token from {facts.source}, valid for {_span(facts.left)}"
    return warn(said, renew) if facts.left < _SOON else ok(said, f"token, {facts.source}")


def _span(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
