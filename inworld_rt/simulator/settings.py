"""A session's settings as the server holds them: defaults, merging, checking.

The wire's own nested dictionaries are the working form, so that what a client sends is judged as it
was sent (protocol: session object). An update is applied whole or not at all.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from inworld_rt.codec import Shape, read, write
from inworld_rt.config import ReplyConfig, SessionConfig
from inworld_rt.errors import ConfigError
from inworld_rt.pcm import AudioFormat
from inworld_rt.simulator.checks import Leaf, Tree
from inworld_rt.simulator.fields import (
    LOCKED,
    NULL_IS_OFF,
    REPLY,
    SESSION,
    TRANSCRIPTION,
    TRANSCRIPTION_FIELDS,
    VAD,
    VAD_FIELDS,
)
from inworld_rt.simulator.refusals import wrong_type, wrong_value

__all__ = ["Settings", "check_reply", "defaults", "tellable"]


def defaults() -> dict[str, Any]:
    """What ``session.created`` shows (protocol: session.created for the simulator)."""
    return {
        "object": "realtime.session",
        "type": "realtime",
        "model": "google-ai-studio/gemini-2.5-flash",
        "instructions": "",
        "output_modalities": ["audio", "text"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": dict(TRANSCRIPTION),
                "noise_reduction": None,
                "turn_detection": dict(VAD["semantic_vad"]),
            },
            "output": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "voice": "Dennis",
                "model": "inworld-tts-2",
                "speed": 1.0,
            },
        },
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": None,
        "prompt": None,
        "include": None,
        "providerData": {},
    }


def _merged(tree: Tree, old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Any:
    """Lay an update over settings, checking it."""
    out = dict(old)
    for name, value in new.items():
        rule = tree.get(name)
        if rule is None:
            continue  # unknown fields are ignored, without a word
        here = f"{path}.{name}"
        if isinstance(rule, Leaf):
            if value is not None:
                out[name] = rule.check(value, here)
            elif rule.nullable:
                out[name] = None
        elif value is None:
            if here in NULL_IS_OFF:
                out[name] = None
            elif path == "session.providerData":
                out.pop(name, None)
        elif not isinstance(value, dict):
            raise wrong_type(here, "an object")
        elif rule is VAD_FIELDS:
            out[name] = _turn_detection(out.get(name), value, here)
        else:
            base = TRANSCRIPTION if rule is TRANSCRIPTION_FIELDS else {}
            out[name] = _merged(rule, out.get(name) or base, value, here)
    return out


def _turn_detection(old: Any, new: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Merge turn detection, where each type has fields of its own."""
    checked = _merged(VAD_FIELDS, {}, new, path)
    kind = checked.get("type") or (old or {}).get("type", "semantic_vad")
    fields = VAD[kind]
    kept = {k: v for k, v in (old or {}).items() if k in fields}
    return {**fields, **kept, **{k: v for k, v in checked.items() if k in fields}, "type": kind}


def tellable(data: Any, shape: type[Shape], path: str) -> None:
    """Make sure that the client can be told what it said; a last check, stricter than the rest.

    Raises:
        Refusal: some value deep inside is none that the protocol has.
    """
    try:
        write(read(shape, data) if isinstance(data, dict) else data, path)
    except ConfigError as exc:
        where, _, wanted = str(exc).partition(": ")
        raise wrong_value(where, wanted.removeprefix("expected ").partition(", got")[0]) from None


def check_reply(data: Mapping[str, Any]) -> dict[str, Any]:
    """Check the ``response`` member of ``response.create``.

    Returns:
        The known fields, normalised.

    Raises:
        Refusal: a field holds a wrong type or value.
    """
    reply: dict[str, Any] = _merged(REPLY, {}, data, "response")
    tellable({k: v for k, v in reply.items() if k != "input"}, ReplyConfig, "response")
    return reply


@define
class Settings:
    """One session's settings."""

    session: dict[str, Any] = field(factory=defaults)
    updates: int = 0
    """How many updates were accepted."""

    def update(self, change: Mapping[str, Any]) -> None:
        """Apply an update, whole or not at all.

        Args:
            change: the ``session`` member of ``session.update``.

        Raises:
            Refusal: a field holds a wrong type or value; nothing was changed.
        """
        change = self._without_locked(copy.deepcopy(dict(change)))
        session = _merged(SESSION, self.session, change, "session")
        if session.get("temperature", 0) is None:
            del session["temperature"]
        tellable(session, SessionConfig, "session")
        self.session = session
        self.updates += 1

    def _without_locked(self, change: dict[str, Any]) -> dict[str, Any]:
        if self.updates:
            for branch, name in LOCKED:
                data = (change.get("providerData") or {}) if _is_object(change) else {}
                if isinstance(data, dict) and isinstance(data.get(branch), dict):
                    data[branch].pop(name, None)
        return change

    @property
    def input(self) -> dict[str, Any]:
        """``audio.input``."""
        found: dict[str, Any] = self.session["audio"]["input"]
        return found

    @property
    def output(self) -> dict[str, Any]:
        """``audio.output``."""
        found: dict[str, Any] = self.session["audio"]["output"]
        return found

    @property
    def input_format(self) -> AudioFormat:
        """What the client sends."""
        return AudioFormat.of(self.input["format"])

    @property
    def turn_detection(self) -> dict[str, Any] | None:
        """The rule for turns; ``None`` where the client commits."""
        found: dict[str, Any] | None = self.input["turn_detection"]
        return found

    def branch(self, name: str) -> dict[str, Any]:
        """A branch of ``providerData``; empty where it was not sent."""
        return self.session["providerData"].get(name) or {}

    @property
    def auto_tool_response(self) -> bool:
        """Whether the server goes on by itself after a tool's output."""
        return bool(self.session["providerData"].get("auto_tool_response", True))


def _is_object(change: Mapping[str, Any]) -> bool:
    return isinstance(change.get("providerData"), dict)
