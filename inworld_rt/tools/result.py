"""What a tool returns or raises, as text for the model (protocol: function call)."""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from collections.abc import Mapping, Set, ValuesView
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import attrs

from inworld_rt.errors import ToolError
from inworld_rt.rules import with_article

__all__ = ["dumps", "encode_error", "encode_result"]

_MOST = 500  # characters of an exception's message


def encode_result(result: object, name: str) -> str:
    """The text that answers a call.

    Args:
        result: what the function returned. Text stays as it is; all else becomes JSON.
        name: the tool, for the message.

    Returns:
        Text that is never empty.

    Raises:
        ToolError: JSON cannot hold it.
    """
    if isinstance(result, Enum):
        result = result.value
    if isinstance(result, str):
        return str.__str__(result) or '""'  # nothing at all would be no answer
    try:
        return dumps(result)
    except TypeError as exc:
        problem = str(exc)
        verb = "is" if problem == with_article(type(result).__name__) else "holds"
    except ValueError as exc:
        verb = "holds"
        problem = "itself" if "ircular" in str(exc) else "a number that is not finite, or too long"
    except RecursionError:
        verb, problem = "is", "too deeply nested"
    raise ToolError(
        f"the result of {name}() {verb} {problem}, which JSON cannot hold; return text, numbers, "
        "lists or dicts"
    )


def encode_error(error: BaseException) -> str:
    """The text that answers a call which failed: type and message, as JSON; no traceback.

    Args:
        error: what was raised; of a long message only the beginning is told.
    """
    told = {"type": type(error).__name__}
    try:
        message = str(error)
    except Exception:  # the user's own __str__; the call must be answered all the same
        message = ""
    if len(message) > _MOST:
        message = message[:_MOST] + "…"
    if message:
        # A path that is not Unicode, for example, would come with halves of characters.
        told["message"] = message.encode("utf-8", "backslashreplace").decode("utf-8")
    return dumps({"error": told})


def dumps(value: object) -> str:
    """JSON text of plain data, and of the objects that have an obvious form in JSON.

    The standard library does it, so that a result is the same whatever is installed.

    Raises:
        TypeError: something has no such form; the message is its kind, with an article.
        ValueError: a number is not finite or too long, or something contains itself.
        RecursionError: it is nested too deeply.
    """
    try:
        return _encode(value)
    except TypeError as exc:
        if str(exc).startswith("keys must be"):
            raise TypeError("a dict whose keys are no text") from None
        raise


def _plain(value: Any) -> Any:
    """One step towards plain data."""
    kind = type(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(kind):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}
    if attrs.has(kind):
        return {field.name: getattr(value, field.name) for field in attrs.fields(kind)}
    if hasattr(kind, "__struct_fields__"):  # msgspec
        return {name: getattr(value, name) for name in kind.__struct_fields__}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (Set, ValuesView, deque, range)):
        return list(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, PurePath)):
        return str(value)
    raise TypeError(with_article(kind.__name__))


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
).encode
