"""Another maker's schema of the server's events, as a judge: that of the package ``openai``."""

from __future__ import annotations

import functools
import json
from typing import Any, get_args

import pytest

pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

from openai.types.realtime import RealtimeServerEvent  # noqa: E402 - only where it is installed

__all__ = ["TOOL", "conforms"]

TOOL = {"type": "function", "name": "weather", "description": "d", "parameters": {"type": "object"}}


def _classes() -> dict[str, type[Any]]:
    union = get_args(get_args(RealtimeServerEvent)[0]) or get_args(RealtimeServerEvent)
    return {get_args(cls.model_fields["type"].annotation)[0]: cls for cls in union}


CLASSES = _classes()


@functools.cache
def judge(kind: str) -> Any:
    """What reads a kind of events; making one takes longer than using it."""
    return pydantic.TypeAdapter(CLASSES[kind])


INWORLD_ADDS = {
    "session.id",
    "session.object",
    "session.expires_at",
    "session.temperature",
    "session.audio.output.model",
}
"""What Inworld's session has besides the schema."""


def undeclared(parsed: Any, path: str = "") -> list[str]:
    """Paths of fields that the schema does not know."""
    if isinstance(parsed, list):
        return [p for i, v in enumerate(parsed) for p in undeclared(v, path)]
    if not isinstance(parsed, pydantic.BaseModel):
        return []
    found = [f"{path}{name}" for name in parsed.model_extra or {}]
    for name in type(parsed).model_fields:
        found += undeclared(getattr(parsed, name), f"{path}{name}.")
    return found


def conforms(events: list[dict[str, Any]]) -> None:
    """Every event is in the schema, and has no field that is not."""
    for data in events:
        assert data["type"] in CLASSES, f"{data['type']} is not in the schema"
        # From JSON, where numbers and texts cannot be taken for one another.
        parsed = judge(data["type"]).validate_json(json.dumps(data), strict=True)
        extra = set(undeclared(parsed)) - INWORLD_ADDS
        assert not extra, f"{data['type']}: {extra}"
