"""What is decided before an answer begins: from the settings and the request to a plan
(protocol: response.create).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, frozen

from inworld_rt.codec import read
from inworld_rt.items import Item
from inworld_rt.pcm import AudioFormat
from inworld_rt.simulator.conversation import Conversation
from inworld_rt.simulator.history import Entry, History, input_tokens
from inworld_rt.simulator.item_requests import entry_of
from inworld_rt.simulator.memory import remembered
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.refusals import wrong_value
from inworld_rt.simulator.settings import Settings, check_reply

__all__ = ["Plan", "Planner"]

FILLER = "Let me see."


@frozen(kw_only=True)
class Plan:
    """What is decided before an answer begins."""

    response_id: str
    modalities: tuple[str, ...]
    format: AudioFormat
    voice: str
    speed: float = 1.0
    language: str | None = None
    max_tokens: int | None = None
    tools: tuple[dict[str, Any], ...] = ()
    metadata: dict[str, Any] | None = None
    in_conversation: bool = True
    timestamps: str | None = None
    """``WORD``, ``CHARACTER`` or none."""
    asynchronous: bool = False
    """Whether the timestamps come in messages of their own."""
    whole: bool = False
    """Whether all is synthesised at once, so that it is one segment for the timestamps."""
    steer_once: bool = False
    """Whether only the first segment begins with a steering tag."""
    pace: float = 5.0
    """How much faster than it sounds the speech is sent."""
    filler: tuple[str, ...] = ()
    filler_wait_s: float = 0.0
    input_tokens: tuple[int, int] = (0, 0)
    """Of text and of audio."""


@define
class Planner:
    """One session's plans."""

    settings: Settings
    history: History
    quirks: Quirks
    pace: float
    _answers: int = 0
    _last_filler: float = float("-inf")

    def checked(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Check a request.

        Raises:
            Refusal: a field holds a wrong type or value.
        """
        request = check_reply(data)
        if self.quirks.out_of_band and "input" in request:
            request["input"] = [
                self._entry(item, f"response.input[{i}]") for i, item in enumerate(request["input"])
            ]
        else:
            request.pop("input", None)  # not in the service's own list: passed over
        return request

    def _entry(self, item: Mapping[str, Any], path: str) -> Entry:
        if item.get("type") == "item_reference":
            found = self.history.find(str(item.get("id")))
            if found is None:
                raise wrong_value(f"{path}.id", "the id of an item")
            return found
        typed = read(Item, dict(item))
        return entry_of(typed, item, self.settings.input_format, lambda: path)

    def plan(
        self,
        request: Mapping[str, Any],
        response_id: str,
        now: float,
        *,
        aside: bool = False,
        turn: bool = False,
    ) -> tuple[Plan, Conversation]:
        """Decide on an answer.

        Args:
            request: what :meth:`checked` gave.
            response_id: its id.
            now: seconds.
            aside: whether it stays out of the conversation.
            turn: whether it answers the user's speech, so that a filler may come first.
        """
        given = {**self.settings.session, **request}
        history = History(request["input"]) if "input" in request else self.history
        filler, wait = self._filler(now) if turn else ((), 0.0)
        self._answers += 1
        limit = given["max_output_tokens"]
        memory = remembered(self.settings)
        instructions = _with_memory(given["instructions"], memory)
        plan = Plan(
            response_id=response_id,
            modalities=tuple(given["output_modalities"]),
            max_tokens=None if limit == "inf" else limit,
            tools=tuple(given["tools"]),
            metadata=request.get("metadata"),
            in_conversation=not aside,
            filler=filler,
            filler_wait_s=wait,
            input_tokens=input_tokens(history, instructions),
            **self._sound(request),
        )
        conversation = Conversation(
            turns=history.turns(),
            instructions=instructions,
            tools=plan.tools,
            tool_choice=given["tool_choice"],
            facts=tuple(memory.get("facts") or ()),
            summary=memory.get("summary") or "",
        )
        return plan, conversation

    def _sound(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a plan that is about its sound."""
        output = self.settings.output
        wanted = request.get("audio", {}).get("output", {})
        tts = self.settings.branch("tts")
        return {
            "format": AudioFormat.of(wanted.get("format", output["format"])),
            "voice": request.get("voice") or wanted.get("voice") or output["voice"],
            "speed": output["speed"],
            "language": tts.get("language"),
            "timestamps": tts.get("timestamp_type"),
            "asynchronous": tts.get("timestamp_transport_strategy") == "ASYNC",
            "whole": tts.get("segmenter_strategy") == "full_turn",
            "steer_once": tts.get("steering_handling") == "emit_once",
            "pace": self.pace,
        }

    def _filler(self, now: float) -> tuple[tuple[str, ...], float]:
        """What to say while the model thinks, and how long to wait before."""
        options = self.settings.branch("responsiveness")
        script = self.quirks.filler_script
        if not script or not options.get("enabled"):
            return (), 0.0
        if not self._answers and not options.get("enable_filler_on_first_assistant_reply"):
            return (), 0.0
        if now - self._last_filler < options.get("min_filler_gap_ms", 8000) / 1000:
            return (), 0.0
        self._last_filler = now
        phrases = tuple(phrase or FILLER for phrase in script)
        phrases = phrases[: options.get("max_initial_per_turn", 1)]
        return phrases, options.get("initial_wait_timeout_ms", 1200) / 1000


def _with_memory(instructions: str, memory: Mapping[str, Any]) -> str:
    """The instructions behind what the memory holds."""
    known = memory.get("context_text")
    if not known:
        known = " ".join([*(memory.get("facts") or []), memory.get("summary") or ""]).strip()
    return f"{known}\n\n{instructions}".strip() if known else instructions
