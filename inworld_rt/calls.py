"""An answer's tool calls: which are run here, which are open (protocol: function call). Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from inworld_rt.answer import Answer
from inworld_rt.codec import UNSET, replace
from inworld_rt.config import FunctionTool, ReplyConfig, SessionConfig
from inworld_rt.items import FunctionCall

__all__ = ["ROUNDS", "Calls", "follow_up"]

ROUNDS = 10
"""How often one answer may call tools; then it has to do without, lest it never ends."""

_REMEMBERED = 1024  # ids of calls, since a server may repeat them


class Calls:
    """The calls of one session. Whoever owns it brings the lock."""

    def __init__(self) -> None:
        self.functions: frozenset[str] = frozenset()
        """Names of the tools that are run here."""
        self._ever = False  # whether there was one
        self.open: dict[Answer, set[str]] = {}
        """Answers that go on when their calls are answered, and the ids of those that are not."""
        self._seen: OrderedDict[str, None] = OrderedDict()

    def run_here(self, names: Iterable[str]) -> None:
        """From now on, these are the names of the tools that are run here."""
        self.functions = frozenset(names)
        self._ever = self._ever or bool(self.functions)

    def take(self, answer: Answer, config: SessionConfig) -> list[FunctionCall]:
        """The calls of an answer that has ended which are to be run here.

        Those of an answer that was cut off or failed are not run. A tool that the user declared
        without a function is the user's business, and so is then what follows. One that nobody
        declared is answered, with an error.

        Args:
            answer: it; goes on, if the calls are all that it waits for, and were not too many.
            config: the session's settings.
        """
        functions = self.functions.union(answer.functions)
        if answer.status != "completed" or not (self._ever or functions):
            return []
        if answer.reply.conversation == "none":
            return []  # its calls are not in the conversation, where they could be answered
        ours, all_ours = [], True
        declared = {tool.name for tool in _tools(answer, config) if isinstance(tool, FunctionTool)}
        for call in answer.new_calls:
            if call.name in declared and call.name not in functions:
                all_ours = False
            elif call.call_id and call.call_id not in self._seen:
                self._remember(call.call_id)
                ours.append(call)
        if ours and all_ours and answer.rounds < ROUNDS:
            self.open[answer] = {call.call_id or "" for call in ours}
            answer.call()
        return ours

    def _remember(self, call_id: str) -> None:
        self._seen[call_id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def close(self, answer: Answer, call_id: str) -> bool:
        """A call is answered; returns whether the answer goes on now."""
        ids = self.open.get(answer)
        if ids is None:
            return False
        ids.discard(call_id)
        if not ids:
            del self.open[answer]
        return not ids

    def give_up(self, answer: Answer) -> None:
        """The answer will not go on; its calls are still to be answered."""
        self.open.pop(answer, None)


def follow_up(answer: Answer, config: SessionConfig) -> ReplyConfig:
    """What to ask for when the calls of an answer are answered: the same as before.

    Only the choice of tools becomes free: a forced one would be made again and again.
    """
    reply = answer.reply or ReplyConfig()
    choice = config.tool_choice if reply.tool_choice is UNSET else reply.tool_choice
    if answer.rounds >= ROUNDS:
        reply = replace(reply, tool_choice="none")
    elif choice not in (UNSET, "auto", "none"):
        reply = replace(reply, tool_choice="auto")
    return replace(reply, input=UNSET)


def _tools(answer: Answer, config: SessionConfig) -> list[object]:
    tools = answer.reply.tools
    return list((config.tools if tools is UNSET else tools) or [])
