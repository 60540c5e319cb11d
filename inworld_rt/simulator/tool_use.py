"""When the simulated agent calls a tool, with which arguments, and what it makes of the result.

There is no understanding here, only words: those of the tool's name and description against those
of the user, and the values that the parameters' JSON schema lets us find in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from inworld_rt.simulator.conversation import Conversation, ToolCall, Turn
from inworld_rt.simulator.numbers import numbers_in

__all__ = ["arguments_for", "choose_calls", "tell_results"]

_EMPTY = frozenset(
    "a an and any are as at be by can could do does for from function get give gets has have i if "
    "in into is it its me my new of on one or our out please return returns run set so some take "
    "tell that the their them this to tool up use used user using value want what when where which "
    "who will with would you your current given now called name named".split()
)
_LINKS = "in into at for to of about from on called named with by is as near".split()
_NO = frozenset("off no not don't stop close without false disable never".split())
_LINK_OF_NAME = {
    "from": ("from",),
    "origin": ("from",),
    "source": ("from",),
    "start": ("from",),
    "to": ("to", "into"),
    "destination": ("to", "into"),
    "target": ("to", "into"),
    "recipient": ("to",),
    "city": ("in", "for", "at"),
    "location": ("in", "for", "at", "near"),
    "place": ("in", "for", "at", "near"),
    "room": ("in",),
    "topic": ("about", "of"),
    "subject": ("about", "of"),
}
_AND = re.compile(r"[,;]?\s+(?:and(?: then| also)?|then|also)\s+|[,;.!?]\s+", re.IGNORECASE)
_WORKING = re.compile(
    r"\bstill (?:working|running|busy)\b|"
    r"\"(?:status|state)\":\s*\"(?:pending|running|working|in[_ ]progress)\"",
    re.IGNORECASE,
)
ENOUGH = 2
"""Points for a call: a word of a tool's name has two, one of its description one."""


def choose_calls(conversation: Conversation) -> list[ToolCall]:
    """The calls to make before answering.

    Args:
        conversation: its tools, its tool choice and what was said last.

    Returns:
        One call for each tool that the words ask for, in their order; none to answer with words.
        Nor is a tool called again whose output came since the user spoke.
    """
    choice = conversation.tool_choice
    tools = list(_callable(conversation))
    if not tools:
        return []
    text = conversation.heard
    calls = _one_by_one(tools, text)
    if len(calls) > 1:
        return calls
    best = max(tools, key=lambda tool: _points(tool, text))
    if choice == "required" or isinstance(choice, dict) or _points(best, text) >= ENOUGH:
        return [ToolCall(best["name"], arguments_for(best, text))]
    return []


def _callable(conversation: Conversation) -> Iterator[dict[str, Any]]:
    """The tools that may be called now."""
    choice = conversation.tool_choice
    for tool in conversation.tools:
        fits = choice != "none" and tool.get("type") in ("function", "mcp_tool")
        if isinstance(choice, dict) and choice.get("type") == "mcp":
            fits = fits and tool.get("server_label") == choice.get("server_label")
            fits = fits and choice.get("name") in (None, tool.get("name"))
        elif isinstance(choice, dict):
            fits = fits and tool.get("name") == choice.get("name")
        if fits and tool.get("name") not in conversation.answered:
            yield tool


def _one_by_one(tools: list[dict[str, Any]], text: str) -> list[ToolCall]:
    """The calls that the parts of a sentence ask for, each of another tool."""
    calls: dict[str, ToolCall] = {}
    for part in _AND.split(text):
        best = max(tools, key=lambda tool: _points(tool, part))
        if _points(best, part) >= ENOUGH and best["name"] not in calls:
            calls[best["name"]] = ToolCall(best["name"], arguments_for(best, part))
    return list(calls.values())


def _points(tool: dict[str, Any], text: str) -> int:
    said = set(_stems(text))
    name = re.sub(r"([a-z])([A-Z])", r"\1 \2", str(tool.get("name", ""))).replace("_", " ")
    in_name = set(_stems(name.replace("-", " ")))
    in_description = set(_stems(str(tool.get("description") or ""))) - in_name
    return 2 * len(said & in_name) + len(said & in_description)


def _stems(text: str) -> Iterator[str]:
    """The words that mean something, without their endings: lights, lighting, light."""
    for word in re.findall(r"[^\W_]+", text.lower()):
        if word not in _EMPTY:
            yield re.sub(r"(?<=[^\W_]{3})(?:ings?|ed|es|s|er|e)$", "", word)


# -- arguments --------------------------------------------------------------------------------


def arguments_for(tool: dict[str, Any], text: str) -> dict[str, Any]:
    """Fill a tool's required parameters from what was said.

    Args:
        tool: its declaration; ``parameters`` is a JSON schema.
        text: what the user said.

    Returns:
        A value of the right type for every required parameter, found or made up.
    """
    schema = tool.get("parameters")
    return _Finder(tool, text).record(schema if isinstance(schema, dict) else {})


class _Finder:
    """Hands out the values in a sentence, each one once."""

    def __init__(self, tool: dict[str, Any], text: str) -> None:
        self._text = text.strip()
        self._words = re.findall(r"[^\W_]+(?:[.'’-][^\W_]+)*", self._text)
        self._lower = [word.lower() for word in self._words]
        self._numbers = numbers_in(self._lower)
        self._quoted = re.findall(r"[\"“]([^\"”]+)[\"”]", text)
        self._phrases = list(self._after_links())
        self._own = set(_stems(str(tool.get("name", "")).replace("_", " ")))

    def record(self, schema: dict[str, Any]) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        return {name: self._value(name, properties.get(name)) for name in names}

    def _value(self, name: str, schema: object) -> Any:
        if not isinstance(schema, dict):
            return self._string(name, {})
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self._one_of(schema["enum"])
        kind = schema.get("type", "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "string")
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return not _NO.intersection(self._lower)
        if kind == "array":
            return self._list(name, schema.get("items"))
        if kind == "object":
            return self.record(schema)
        return self._string(name, schema)

    def _one_of(self, values: list[Any]) -> Any:
        said = f" {' '.join(self._lower)} "
        found = [v for v in values if f" {str(v).lower().replace('_', ' ')} " in said]
        return max(found, key=lambda v: len(str(v))) if found else values[0]

    def _number(self, schema: dict[str, Any], *, whole: bool) -> float:
        fallback = schema.get("default", max(1, schema.get("minimum", 1)))
        number = self._numbers.pop(0) if self._numbers else fallback
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None:
            number = max(low, number)
        if high is not None:
            number = min(high, number)
        return int(number) if whole or float(number).is_integer() else float(number)

    def _list(self, name: str, items: object) -> list[Any]:
        if isinstance(items, dict) and items.get("type") in ("integer", "number"):
            return [self._number(items, whole=items["type"] == "integer") for _ in self._numbers[:]]
        return [self._value(name, items)]

    def _string(self, name: str, schema: dict[str, Any]) -> str:
        if self._quoted:
            return str(self._quoted.pop(0))
        links = [link for part in name.lower().split("_") for link in _LINK_OF_NAME.get(part, ())]
        for link in links:
            for phrase in self._phrases:
                if phrase[0] == link:
                    self._phrases.remove(phrase)
                    return phrase[1]
        if self._phrases:
            return self._phrases.pop()[1]
        if isinstance(schema.get("default"), str):
            return str(schema["default"])
        rest = [w for w in self._words if not self._own.intersection(_stems(w))]
        rest = [w for w in rest if w.lower() not in _EMPTY]
        return rest[-1] if rest else self._text

    def _after_links(self) -> Iterator[tuple[str, str]]:
        """What follows "in", "to" and their like, up to the next one: ("in", "New York")."""
        link = ""
        phrase: list[str] = []
        for word in [*self._words, "in"]:
            if word.lower() in _LINKS:
                if link and phrase:
                    yield link, " ".join(phrase)
                link, phrase = word.lower(), []
            elif not (word.lower() in ("the", "a", "an", "my") and not phrase):
                if word.lower() not in ("please", "today", "tomorrow", "now"):
                    phrase.append(word)


# -- results ----------------------------------------------------------------------------------


def tell_results(results: Iterable[Turn]) -> str:
    """Put tool outputs into words.

    Args:
        results: turns with the role ``tool``.

    Returns:
        One sentence for each.
    """
    return " ".join(_sentence(turn.text) for turn in results)


def _sentence(output: str) -> str:
    if _WORKING.search(output):
        return "I am still working on it."
    try:
        value = json.loads(output)
    except ValueError:
        value = output
    if isinstance(value, dict) and set(value) & {"error", "errors"}:
        return f"That did not work: {_said(value.get('error', value.get('errors')))}."
    text = _said(value)
    if not text:
        return "It is done."
    if isinstance(value, dict) and len(value) > 1:
        return f"This is what I found: {text}."
    return f"The result is {text.rstrip('.')}."


def _said(value: object) -> str:
    if isinstance(value, dict):
        if len(value) == 1:
            return _said(next(iter(value.values())))
        parts = [f"{str(key).replace('_', ' ')} {_said(item)}" for key, item in value.items()]
        return ", ".join(parts)
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()
