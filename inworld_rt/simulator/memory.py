"""The simulated long-term memory: facts and a summary, every so many turns (protocol: memory).

Our choices, where the service is silent: facts are what :mod:`inworld_rt.simulator.facts` finds in
the user's words, else the words themselves; ``trim_after_summarize`` leaves all items but the last
``max_transcript_items`` (4, if nothing is said) out of what the model sees, and only there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from inworld_rt.simulator.facts import facts_in, is_question, merged
from inworld_rt.simulator.history import History
from inworld_rt.simulator.settings import Settings

__all__ = ["Memory", "remembered"]

TURN_INTERVAL = 5
MAX_FACTS = 20
MAX_LENGTH = 2000
KEPT_ITEMS = 4


def remembered(settings: Settings) -> dict[str, Any]:
    """The state that the model knows of; empty where memory is off or new."""
    options = settings.branch("memory")
    return dict(options.get("state") or {}) if options.get("enabled") else {}


@define
class Memory:
    """One session's memory; its state lives in the settings, where the client can seed it."""

    settings: Settings
    history: History

    @property
    def enabled(self) -> bool:
        """Whether the session asked for it."""
        return bool(self.settings.branch("memory").get("enabled"))

    def turn(self) -> bool:
        """A turn was completed.

        Returns:
            Whether a cycle was completed, too, so that the client has to be told.
        """
        if not self.enabled:
            return False
        options = self.settings.branch("memory")
        state = remembered(self.settings)
        state["total_turns"] = _count(state, "total_turns") + 1
        state["turns_since_gen"] = _count(state, "turns_since_gen") + 1
        due = bool(state["turns_since_gen"] >= max(1, options.get("turn_interval", TURN_INTERVAL)))
        if due:
            state |= self._generated(state, options)
        self.settings.update({"providerData": {"memory": {"state": state}}})
        return due

    def _generated(self, state: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """What a cycle makes of the state and the conversation."""
        said = [t.text for t in self.history.turns() if t.role == "user" and t.text]
        facts = [*(state.get("facts") or []), *(fact for text in said for fact in _facts(text))]
        wanted = options.get("max_facts", MAX_FACTS)
        facts = merged(facts)[-wanted:] if wanted else []
        most = options.get("max_memory_length", MAX_LENGTH)
        summary = f"So far there were {state['total_turns']} turns."
        if said:
            summary += f" The user last said: {said[-1]}"
        return {
            "version": _count(state, "version") + 1,
            "facts": facts,
            "summary": summary[:most],
            "context_text": " ".join([*facts, summary])[:most],
            "turns_since_gen": 0,
            "items_trimmed": _count(state, "items_trimmed") + self._trim(options),
        }

    def _trim(self, options: Mapping[str, Any]) -> int:
        """Leave old items out of the model's sight; gives how many."""
        if not options.get("trim_after_summarize"):
            return 0
        kept = options.get("max_transcript_items", KEPT_ITEMS)
        shown = [entry for entry in self.history.entries if not entry.trimmed]
        gone = shown[: max(0, len(shown) - kept)]
        for entry in gone:
            entry.trimmed = True
        return len(gone)


def _facts(text: str) -> list[str]:
    return facts_in(text) or ([] if is_question(text) else [f"The user said: {text}"])


def _count(state: Mapping[str, Any], name: str) -> int:
    value = state.get(name, 0)
    return value if isinstance(value, int) else 0
