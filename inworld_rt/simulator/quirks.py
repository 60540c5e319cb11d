"""The ways in which the real service differs from the OpenAI schema, each as a switch.

The fields of :class:`Quirks` are the table; everything else here reads it. Switched off, all of
them, the simulator's events are those of the OpenAI GA schema (protocol: quirk switches).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs

from inworld_rt.errors import ConfigError

__all__ = ["Quirks", "Switch", "parse", "table"]

_WORDS = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


class _Kind(NamedTuple):
    """What values a switch takes."""

    says: str
    off: Any
    read: Callable[[Any], Any]  # raises ValueError


def _read_flag(value: Any) -> bool:
    if isinstance(value, str):
        value = _WORDS.get(value.strip().lower())
    if not isinstance(value, bool):
        raise ValueError
    return value


def _read_number(value: Any, kind: type, most: float) -> Any:
    if value is False or (isinstance(value, str) and _WORDS.get(value.strip().lower()) is False):
        return kind(0)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    number = kind(value)
    if not 0 <= number <= most or (isinstance(value, float) and number != value):
        raise ValueError
    return number


def _read_status(value: Any) -> int:
    status = 101 if value is False else int(_read_number(value, int, 599)) or 101
    if status not in _STATUSES:
        raise ValueError
    return status


def _read_script(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        word = _WORDS.get(value.strip().lower())
        value = value.split("|") if word is None else word
    if isinstance(value, bool):
        return ("",) if value else ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise ValueError
    return tuple(v.strip() for v in value)


_STATUSES = (101, 400, 401, 402, 403, 404, 429, 500, 502, 503)
_FLAG = _Kind("on or off", False, _read_flag)
_COUNT = _Kind(
    "off or a whole number from 0 up", 0, lambda value: _read_number(value, int, 2**31 - 1)
)
_SECONDS = _Kind("off or a number of seconds", 0.0, lambda value: _read_number(value, float, 86400))
_STATUS = _Kind("one of " + ", ".join(map(str, _STATUSES)), 101, _read_status)
_SCRIPT = _Kind("off, on, or phrases separated by |", (), _read_script)


def _switch(kind: _Kind, default: Any, effect: str) -> Any:
    return attrs.field(default=default, metadata={"kind": kind, "effect": effect})


@attrs.frozen(kw_only=True)
class Quirks:
    """One session's switches. Build it with :meth:`of`, which checks."""

    rolling_transcripts: bool = _switch(
        _FLAG, True, "each delta of the user's transcript is the whole text so far"
    )
    repeat_completed: bool = _switch(
        _FLAG, False, "a second, revised transcript of the user comes after the answer"
    )
    dual_text: bool = _switch(
        _FLAG, True, "with both modalities, the words also come as response.output_text.*"
    )
    omit_call_name: bool = _switch(_FLAG, True, "function_call_arguments.done has no name")
    empty_arguments: bool = _switch(
        _FLAG, True, "a call of a tool without parameters has empty arguments"
    )
    usage_on_event: bool = _switch(_FLAG, False, "response.done has usage beside response")
    omit_transcription_usage: bool = _switch(
        _FLAG, True, "the user's transcript comes without usage"
    )
    short_content_types: bool = _switch(
        _FLAG, True, "finished parts are called text and audio, not output_text and output_audio"
    )
    null_previous_for_calls: bool = _switch(
        _FLAG, True, "function call items have previous_item_id null"
    )
    late_deltas: bool = _switch(
        _FLAG, False, "two deltas of a cancelled answer come after its response.done"
    )
    late_speech_started: bool = _switch(
        _FLAG, False, "speech_started comes only after the first words of the transcript"
    )
    zero_tail: bool = _switch(_FLAG, True, "the last audio delta is a few milliseconds of silence")
    odd_chunks: bool = _switch(_FLAG, False, "audio deltas of PCM end within a sample")
    truncate_div24: bool = _switch(
        _FLAG, False, "truncation counts mu-law as 24 bytes per millisecond"
    )
    no_response_id_on_output_buffer: bool = _switch(
        _FLAG, True, "output_audio_buffer.* have no response_id"
    )
    reuse_item_ids: bool = _switch(_FLAG, False, "every answer's message has the same item id")
    typeless_frame: bool = _switch(
        _FLAG, False, "frames without type come at the start and before answers"
    )
    legacy_event_names: bool = _switch(_FLAG, False, "events have the names of the beta schema")
    missing_event_id: bool = _switch(_FLAG, False, "server events have no event_id")
    unknown_event: bool = _switch(
        _FLAG, False, "events of type x.unknown come at the start and before answers"
    )
    memory_update: bool = _switch(
        _FLAG, True, "with memory on, session.updated comes unasked every turn_interval turns"
    )
    tools_plan_denied: bool = _switch(
        _FLAG, False, "every answer fails with server_error once tools are set"
    )
    backchannel_script: tuple[str, ...] = _switch(
        _SCRIPT, (), "says these phrases while the user speaks, if the session enabled it"
    )
    filler_script: tuple[str, ...] = _switch(
        _SCRIPT, (), "makes the model slow and says these first, if the session enabled it"
    )
    turn_suggestions: bool = _switch(
        _FLAG, False, "turn_suggestion and turn_suggestion_revoked come while the user speaks"
    )
    camel_timestamps: bool = _switch(
        _FLAG, False, "the members of timestamp_info, and its own name, are in camelCase"
    )
    short_alignments: bool = _switch(
        _FLAG, False, "the lists of times in timestamp_info are shorter than the list of words"
    )
    steering_tags: tuple[str, ...] = _switch(
        _SCRIPT, (), "each sentence begins with one of these in brackets, which is not spoken"
    )
    top_voice_profile: bool = _switch(
        _FLAG, False, "voiceProfile stands at the top of the user's transcript, in camelCase"
    )
    repeat_calls: bool = _switch(
        _FLAG, False, "every function call comes twice, as two items with one call_id"
    )
    bad_base64: bool = _switch(_FLAG, False, "an extra audio delta in every answer is not base64")
    mcp: bool = _switch(
        _FLAG, False, "tools of type mcp are listed, called and asked approval for (GA schema)"
    )
    dtmf_script: tuple[str, ...] = _switch(
        _SCRIPT, (), "these telephone keys are pressed, one for every 500 ms of audio received"
    )
    handshake_status: int = _switch(_STATUS, 101, "the HTTP status that answers every handshake")
    drop_after_n_events: int = _switch(
        _COUNT, 0, "the connection breaks off after so many server events"
    )
    # Not in the protocol notes' list, but choices of the same kind.
    ping: float = _switch(_SECONDS, 20.0, "seconds between two ping events")
    provider_data: bool = _switch(_FLAG, True, "session events carry providerData")
    failure_reason: bool = _switch(
        _FLAG, True, "failed answers have the reason server_error, which is not in the GA schema"
    )
    out_of_band: bool = _switch(_FLAG, False, 'response.create takes conversation "none" and input')
    conversation_created: bool = _switch(
        _FLAG, False, "conversation.created comes after session.created"
    )
    rate_limits: bool = _switch(_FLAG, False, "rate_limits.updated comes after response.created")

    @classmethod
    def of(cls, wanted: Quirks | Mapping[str, Any] | str | None = None, **more: Any) -> Quirks:
        """Make switches, strictly.

        Args:
            wanted: changes to the defaults, name to value; ``"none"`` for all off; ``None`` or
                ``"default"`` for the defaults; or finished switches.
            more: further changes, on top.

        Raises:
            ConfigError: an unknown name or a value that the switch does not take.
        """
        if isinstance(wanted, str):
            if wanted not in ("none", "default"):
                raise ConfigError(
                    f"quirks: expected 'none', 'default' or a mapping, got {wanted!r}"
                )
            base = cls(**_all_off()) if wanted == "none" else cls()
            changes: dict[str, Any] = {}
        elif isinstance(wanted, Quirks):
            base, changes = wanted, {}
        else:
            base, changes = cls(), dict(wanted or {})
        return base.changed(**changes, **more)

    def changed(self, **changes: Any) -> Quirks:
        """These switches with some of them set differently.

        Raises:
            ConfigError: an unknown name or a value that the switch does not take.
        """
        return attrs.evolve(self, **{name: _read(name, value) for name, value in changes.items()})


@attrs.frozen
class Switch:
    """One row of the table."""

    name: str
    default: Any
    values: str
    """What it takes, in words."""
    effect: str


def table() -> tuple[Switch, ...]:
    """Every switch, in order."""
    return tuple(
        Switch(f.name, f.default, f.metadata["kind"].says, f.metadata["effect"])
        for f in attrs.fields(Quirks)
    )


def parse(text: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``, as a command line has it.

    Returns:
        The name and the checked value. ``NAME`` alone switches it on.

    Raises:
        ConfigError: an unknown name or a value that the switch does not take.
    """
    name, _, value = text.partition("=")
    name = name.strip().replace("-", "_")
    return name, _read(name, value.strip() or "on")


def _kinds() -> dict[str, _Kind]:
    return {f.name: f.metadata["kind"] for f in attrs.fields(Quirks)}


def _all_off() -> dict[str, Any]:
    return {name: kind.off for name, kind in _kinds().items()}


def _read(name: str, value: Any) -> Any:
    kind = _kinds().get(name)
    if kind is None:
        raise ConfigError(f"there is no quirk {name!r}; known: {', '.join(sorted(_kinds()))}")
    try:
        return kind.read(value)
    except (ValueError, OverflowError):
        shown = repr(value) if len(repr(value)) <= 40 else type(value).__name__
        raise ConfigError(f"quirk {name}: expected {kind.says}, got {shown}") from None
