"""What the simulated agent knows from elsewhere than the user's last words: the memory, the web,
pictures, and notes of the system.

All but :func:`tell_notes` are skills, as in :mod:`inworld_rt.simulator.replies`: each gives an
answer or ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from inworld_rt.simulator.conversation import Turn
from inworld_rt.simulator.facts import facts_in, merged, name_in, to_the_user
from inworld_rt.simulator.numbers import in_words
from inworld_rt.simulator.tool_use import tell_results

if TYPE_CHECKING:
    from inworld_rt.simulator.replies import Said

__all__ = ["remember", "search_web", "see", "tell_notes"]

_NEWS = re.compile(r"\b(?:tool|function|call|result|output|finished)\b", re.IGNORECASE)
_OUTPUT = re.compile(r"\b(?:result|output)(?: is)?:\s*(?P<output>.+)", re.IGNORECASE | re.DOTALL)


def tell_notes(notes: Iterable[Turn]) -> str:
    """Put what the system noted about tools into words.

    Args:
        notes: turns with the role ``system``; an instruction among them is none of these.

    Returns:
        A sentence or two for each that speaks of a tool's result.
    """
    told = []
    for note in notes:
        if not _NEWS.search(note.text):
            continue
        output = _OUTPUT.search(note.text)
        told.append(
            f"I have news: {note.text.strip()}"
            if output is None
            else tell_results([Turn("tool", output["output"].strip())])
        )
    return " ".join(told)


_SEARCH = re.compile(
    r"\b(?:search|google|look up)\b(?: (?:on |in )?the (?:web|internet|net))?(?: for)?"
    r"(?: (?:on |in )?the (?:web|internet|net))?(?: for)?\s+(?P<query>[^.!?]+)",
    re.IGNORECASE,
)
MAX_RESULTS = 3


def search_web(said: Said) -> str | None:
    """Search the web for whales. The server does it by itself; nobody sees a call
    (protocol: tools and tool choice).
    """
    talk = said.conversation
    tools = [tool for tool in talk.tools if tool.get("type") == "web_search"]
    asked = _SEARCH.search(said.text)
    if not tools or asked is None or talk.tool_choice == "none":
        return None
    options = tools[0].get("providerData")
    wanted = options.get("max_results") if isinstance(options, dict) else None
    count = wanted if isinstance(wanted, int) and 1 <= wanted <= 20 else MAX_RESULTS
    query = re.sub(r"[\s,]+please$", "", asked["query"].strip(), flags=re.IGNORECASE)
    pages = "one page" if count == 1 else f"{in_words(count)} pages"
    return f"I searched the web for {query} and found {pages} about it."


def see(said: Said) -> str | None:
    """What is in this picture?"""
    turns = [turn for turn in said.conversation.turns if turn.role == "user"]
    pictures = turns[-1].pictures if turns else ()
    looks = r"\b(?:see|look|show|picture|pictures|image|images|photo|photos|describe|this|that)\b"
    if not pictures or (said.plain and not re.search(looks, said.plain)):
        return None
    if len(pictures) == 1:
        return f"I can see a {pictures[0]} picture."
    return f"I can see {in_words(len(pictures))} pictures: {' and '.join(pictures)}."


def remember(said: Said) -> str | None:
    """What is my name? What do you know about me?"""
    talk = said.conversation
    heard = [turn.text for turn in talk.turns if turn.role == "user"]
    facts = merged([*talk.facts, *(fact for text in heard for fact in facts_in(text))])
    if re.search(r"\b(?:what is|what's|know|remember|tell me) my name\b|\bwho am i\b", said.plain):
        name = name_in(facts)
        return f"Your name is {name}." if name else "You have not told me your name."
    if re.search(r"\b(?:know|remember) (?:\w+ )?about me\b", said.plain):
        known = " ".join(map(to_the_user, facts)) or talk.summary
        return known or "I know nothing about you yet."
    if talk.summary and re.search(
        r"\bwhat (?:did|have) we (?:talk|speak|spoke|talked)", said.plain
    ):
        return talk.summary
    return None
