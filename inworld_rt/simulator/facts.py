"""What a user's words tell about the user, as short sentences (protocol: memory)."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["facts_in", "is_question", "merged", "name_in", "to_the_user"]

_NAME = re.compile(
    r"\b(?:my name is|my name's|call me|i am called|i'm called)\s+(?P<name>[^\W\d_][\w'’-]*)",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"\bmy (?P<what>(?!name\b)[\w' ]{2,30}?) (?P<verb>is|are) (?P<rest>[^.!?,;]+)", re.IGNORECASE
)
_DOES = re.compile(
    r"\bI (?P<verb>like|love|hate|live|work|have|prefer|play|speak|come|learn|study) "
    r"(?P<rest>[^.!?,;]+?)(?= and I\b|[.!?,;]|$)",
    re.IGNORECASE,
)
_IS = re.compile(r"\bI(?: am|'m) (?P<rest>(?!called\b)[^.!?,;]+?)(?= and I\b|[.!?,;]|$)")
_QUESTION = re.compile(
    r"(?:who|what|when|where|why|how|which|is|are|do|does|did|can|could|will|would|please|tell)\b",
    re.IGNORECASE,
)
_THIRD = {"have": "has", "study": "studies"}
_SECOND = {third: verb for verb, third in _THIRD.items()}


def is_question(text: str) -> bool:
    """Whether something is asked or wanted, so that it tells nothing about the user."""
    return text.rstrip().endswith("?") or _QUESTION.match(text.strip()) is not None


def facts_in(text: str) -> list[str]:
    """The facts in one utterance.

    Args:
        text: for example ``"My name is Anna and I like tea."``.

    Returns:
        For example ``["The user's name is Anna.", "The user likes tea."]``.
    """
    if is_question(text):
        return []
    found = []
    if name := _NAME.search(text):
        found.append(f"The user's name is {name['name'][:1].upper()}{name['name'][1:]}.")
    for own in _OWN.finditer(text):
        found.append(f"The user's {own['what']} {own['verb'].lower()} {own['rest'].strip()}.")
    for does in _DOES.finditer(text):
        verb = does["verb"].lower()
        found.append(f"The user {_THIRD.get(verb, verb + 's')} {does['rest'].strip()}.")
    for is_ in _IS.finditer(text):
        found.append(f"The user is {is_['rest'].strip()}.")
    return found


def merged(facts: Iterable[str]) -> list[str]:
    """Facts without those that a later one repeats or, such as a name, replaces."""
    latest: dict[str, str] = {}
    for fact in facts:
        key = fact.partition(" is ")[0] if fact.startswith("The user's ") else fact
        latest.pop(key, None)
        latest[key] = fact
    return list(latest.values())


def name_in(facts: Iterable[str]) -> str | None:
    """The user's name, if one of the facts tells it."""
    names = [
        found[1] for fact in facts if (found := re.match(r"The user's name is (.+?)\.?$", fact))
    ]
    return names[-1] if names else None


def to_the_user(fact: str) -> str:
    """A fact as one tells it to the user: ``You like tea.``"""
    if fact.startswith("The user's "):
        return "Your " + fact.removeprefix("The user's ")
    if not fact.startswith("The user "):
        return fact
    verb, _, rest = fact.removeprefix("The user ").partition(" ")
    if verb == "is":
        verb = "are"
    elif verb != "said:":
        verb = _SECOND.get(verb, verb.removesuffix("s"))
    return f"You {verb} {rest}"
