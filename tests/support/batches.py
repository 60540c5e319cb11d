"""Batches of rows, a simulator that answers them the same each time, and what came of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from inworld_rt.batch import Limits
from inworld_rt.batch.store import RESULTS
from inworld_rt.simulator import Simulator
from inworld_rt.simulator.conversation import Conversation, pieces
from support.brains import ToneVoice

__all__ = ["FAST", "server", "texts", "told"]

FAST = Limits(requests_per_second=math.inf)


def replies(conversation: Conversation) -> list[str]:
    """What it hears; or how many questions it has heard so far; or nothing, if it is bad."""
    if "bad" in conversation.heard:
        raise ValueError("this question is bad")
    if "how many" in conversation.heard:
        return list(pieces(f"{sum(turn.role == 'user' for turn in conversation.turns)}."))
    return list(pieces(f"{conversation.instructions}{conversation.heard}"))


def server(**options: Any) -> Simulator:
    """A simulator, quick and always the same."""
    options = {"replies": replies, "voice": ToneVoice(), "pace": 1000, "quirks": "none", **options}
    return Simulator(**options)


def texts(count: int) -> list[dict[str, Any]]:
    """Rows."""
    return [{"id": f"r{number}", "text": f"Line number {number}"} for number in range(count)]


def told(out: Path) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """What is in a folder, but for what differs from one time to the next."""
    results = []
    for line in (out / RESULTS).read_text("utf-8").splitlines():
        results.append(json.loads(line) | {"latency": None, "attempts": None})
    return results, {
        path.name: path.read_bytes() for path in out.glob("*.*") if path != out / RESULTS
    }
