"""The simulated long-term memory: facts and a summary, every so many turns (protocol: memory)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define

from inworld_rt.simulator.conversation import Turn
from inworld_rt.simulator.settings import Settings

__all__ = ["Memory"]

TURN_INTERVAL = 5
MAX_FACTS = 20
MAX_LENGTH = 2000


@define
class Memory:
    """One session's memory; its state lives in the settings, where the client can seed it."""

    settings: Settings

    @property
    def enabled(self) -> bool:
        """Whether the session asked for it."""
        return bool(self.settings.branch("memory").get("enabled"))

    def turn(self, turns: Sequence[Turn]) -> bool:
        """A turn was completed.

        Returns:
            Whether a cycle was completed, too, so that the client has to be told.
        """
        if not self.enabled:
            return False
        options = self.settings.branch("memory")
        state: dict[str, Any] = dict(options.get("state") or {})
        state["total_turns"] = _count(state, "total_turns") + 1
        state["turns_since_gen"] = _count(state, "turns_since_gen") + 1
        due = bool(state["turns_since_gen"] >= max(1, options.get("turn_interval", TURN_INTERVAL)))
        if due:
            facts = [f"The user said: {t.text}" for t in turns if t.role == "user" and t.text]
            most = options.get("max_memory_length", MAX_LENGTH)
            wanted = options.get("max_facts", MAX_FACTS)
            summary = f"So far there were {state['total_turns']} turns."[:most]
            state |= {
                "version": _count(state, "version") + 1,
                "facts": facts[-wanted:] if wanted else [],
                "summary": summary,
                "context_text": summary,
                "turns_since_gen": 0,
                "items_trimmed": _count(state, "items_trimmed"),
            }
        self.settings.update({"providerData": {"memory": {"state": state}}})
        return due


def _count(state: dict[str, Any], name: str) -> int:
    value = state.get(name, 0)
    return value if isinstance(value, int) else 0
