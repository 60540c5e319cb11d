"""Messages without their sound and their secrets, and with the sound again. Pure.

Sound is base64 in JSON strings; a recording keeps it as bytes in a file of its own, and a reference
in its place. What comes back is the same message: a string that is no base64 as we write it stays
where it is.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from inworld_rt.recording.scrubber import Scrubber
from inworld_rt.rules import BYTES, encode64

__all__ = ["RAW", "line", "put_together", "sound_of", "take_apart"]

RAW = "raw"
"""The one key of what stands for a message that is no JSON object: its base64."""

_FILE = "file"
_SOUND = {
    "input_audio_buffer.append": ("audio",),
    "response.output_audio.delta": ("delta", "data"),
    "response.audio.delta": ("delta", "data"),
    "response.backchannel.audio.delta": ("delta",),
}
_ROLES = {
    "response.output_audio.delta": "speech",
    "response.audio.delta": "speech",
    "response.backchannel.audio.delta": "aside",
}
_PARTS = ("input_audio", "output_audio", "audio")

Store = Callable[[bytes], dict[str, Any]]
"""Keeps sound and gives the reference to it."""


def sound_of(event: dict[str, Any]) -> str:
    """What the sound of a server's event is: ``speech`` of an answer, an ``aside`` that is said
    while the user speaks, or nothing that is to be heard now."""
    kind = event.get("type")
    return _ROLES.get(kind, "") if isinstance(kind, str) else ""


def take_apart(message: bytes, scrubber: Scrubber, store: Store) -> dict[str, Any]:
    """A message as a recording keeps it.

    Args:
        message: as on the wire.
        scrubber: takes its secrets out.
        store: is given its sound, in order.

    Returns:
        The message; or, where it is no JSON object, one with :data:`RAW` alone.
    """
    try:
        event = json.loads(str(message, "utf-8"))
    except (ValueError, RecursionError):
        return _whole(scrubber.text(message))
    if not isinstance(event, dict):
        return _whole(scrubber.text(message))
    try:
        if set(event) == {RAW} or _has_reference(event):  # would be mistaken for one of ours
            return _whole(json.dumps(scrubber.clean(event)).encode())
        for holder, key in _places(event):
            sound = _sound(holder.get(key))
            if sound:
                holder[key] = store(sound)
        clean: dict[str, Any] = scrubber.clean(event)
    except RecursionError:  # absurd nesting
        return _whole(scrubber.text(message))
    return clean


def put_together(event: dict[str, Any], fetch: Callable[[dict[str, Any]], bytes]) -> bytes:
    """The message again, as JSON.

    Args:
        event: what :func:`take_apart` gave.
        fetch: gives the sound for a reference.
    """
    if set(event) == {RAW}:
        whole: bytes = BYTES.read(event[RAW], RAW)
        return whole
    event = copy.deepcopy(event)
    for holder, key in _places(event):
        if _is_reference(holder.get(key)):
            holder[key] = encode64(fetch(holder[key])).decode("ascii")
    return line(event)


def line(data: dict[str, Any]) -> bytes:
    """JSON in one line, without its end."""
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a character
        return json.dumps(data, separators=(",", ":")).encode()


def _whole(message: bytes) -> dict[str, Any]:
    return {RAW: encode64(message).decode("ascii")}


def _sound(value: Any) -> bytes:
    if not isinstance(value, str):
        return b""
    try:
        sound: bytes = BYTES.read(value, None)
    except ValueError:
        return b""
    return sound if encode64(sound).decode("ascii") == value else b""


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and _FILE in value


def _has_reference(event: dict[str, Any]) -> bool:
    return any(_is_reference(holder.get(key)) for holder, key in _places(event))


def _places(event: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where sound may stand: who holds it, and under which key."""
    kind = event.get("type")
    for key in _SOUND.get(kind, ()) if isinstance(kind, str) else ():
        yield event, key
    left: list[Any] = list(event.values())
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if value.get("type") in _PARTS:
                yield value, "audio"
            left += value.values()
        elif isinstance(value, list):
            left += value
