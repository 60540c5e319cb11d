"""How single values of a client's settings are judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from attrs import frozen

from inworld_rt.errors import ConfigError
from inworld_rt.pcm import AudioFormat
from inworld_rt.simulator.refusals import missing, wrong_type, wrong_value

__all__ = [
    "Check",
    "Leaf",
    "Tree",
    "audio_format",
    "chosen_tool",
    "either",
    "list_of",
    "metadata",
    "named",
    "number",
    "of",
    "one_of",
    "tool",
]

Check = Callable[[Any, str], Any]
"""Given a value and its path: the value to keep, or a refusal."""

Tree = dict[str, Any]
"""Field to :class:`Leaf` or to another tree."""


@frozen
class Leaf:
    """How one field is checked."""

    check: Check
    nullable: bool = False
    """Whether ``null`` means something; elsewhere it counts as not given."""


def of(kind: type, says: str) -> Check:
    """A value of one JSON type."""

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, kind):
            raise wrong_type(path, says)
        return value

    return check


def one_of(*values: str) -> Check:
    """One of a few words."""

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, str):
            raise wrong_type(path, "a string")
        if value not in values:
            raise wrong_value(path, "one of " + ", ".join(f"'{v}'" for v in values))
        return value

    return check


def named(fits: Callable[[str], object], says: str) -> Check:
    """A name of the right form."""

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, str):
            raise wrong_type(path, "a string")
        if not fits(value):
            raise wrong_value(path, says)
        return value

    return check


def number(low: float, high: float, *, whole: bool = False) -> Check:
    """A number in a range, the bounds included."""
    says = f"{'an integer' if whole else 'a number'} from {low:g} to {high:g}"

    def check(value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong_type(path, says)
        if not math.isfinite(value) or not low <= value <= high:
            raise wrong_value(path, says)
        if whole and value != int(value):
            raise wrong_type(path, says)
        return int(value) if whole else value

    return check


def list_of(inner: Check, *, least: int = 0) -> Check:
    """An array of values."""

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise wrong_type(path, "an array")
        if len(value) < least:
            raise wrong_value(path, f"at least {least} element")
        return [inner(v, f"{path}[{i}]") for i, v in enumerate(value)]

    return check


def either(first: Check, second: Check, picks_second: type) -> Check:
    """One check for values of a type, another for the rest."""

    def check(value: Any, path: str) -> Any:
        return (second if isinstance(value, picks_second) else first)(value, path)

    return check


def audio_format(value: Any, path: str) -> Any:
    """An audio format, as a name or an object; kept as an object."""
    if not isinstance(value, (str, dict)):
        raise wrong_type(path, "an object or a string")
    try:
        return AudioFormat.of(value).to_wire()
    except ConfigError:
        raise wrong_value(
            path, "audio/pcm with a rate that is offered, audio/pcmu, audio/pcma or audio/float32"
        ) from None


def tool(value: Any, path: str) -> Any:
    """A tool declaration."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an object")
    kind = value.get("type")
    needs = {"function": ("name",), "mcp": ("server_label",), "web_search": ()}.get(str(kind))
    if needs is None:
        raise wrong_value(f"{path}.type", "one of 'function', 'web_search', 'mcp'")
    for name in needs:
        if not isinstance(value.get(name), str) or not value[name]:
            raise missing(f"{path}.{name}")
    if not isinstance(value.get("parameters", {}), (dict, type(None))):
        raise wrong_type(f"{path}.parameters", "an object")
    return value


def chosen_tool(value: Any, path: str) -> Any:
    """The tool choice that names a tool."""
    needed = {"function": "name", "mcp": "server_label"}.get(str(value.get("type")))
    if needed is None:
        raise wrong_value(f"{path}.type", "one of 'function', 'mcp'")
    if not isinstance(value.get(needed), str) or not value[needed]:
        raise missing(f"{path}.{needed}")
    return value


def metadata(value: Any, path: str) -> Any:
    """Free pairs, few and short."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an object")
    if len(value) > 16 or any(len(k) > 64 for k in value):
        raise wrong_value(path, "at most 16 pairs with keys of at most 64 characters")
    for key, text in value.items():
        if not isinstance(text, str):
            raise wrong_type(f"{path}.{key}", "a string")
        if len(text) > 512:
            raise wrong_value(f"{path}.{key}", "at most 512 characters")
    return value
