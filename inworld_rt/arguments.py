"""What users write, checked before anything is sent."""

from __future__ import annotations

import os
from typing import Any

from inworld_rt.config import SessionConfig
from inworld_rt.errors import ConfigError
from inworld_rt.items import InputImage, InputText, Message, TextPart
from inworld_rt.pcm import AudioFormat
from inworld_rt.rules import encode64

__all__ = ["DEFAULTS", "MAX_TEXT", "message", "picture", "seconds", "settings"]

DEFAULTS = SessionConfig.of(
    output_modalities=["audio", "text"],
    # Said outright, because sizes and times are counted by them.
    input_format=AudioFormat(),
    output_format=AudioFormat(),
    # Whether transcription is on by itself differs by source (protocol: contradictions).
    transcription={"model": "inworld/inworld-stt-1"},
    # The client answers tool calls in its own time (protocol: function call).
    provider_data={"auto_tool_response": False},
)
"""What is asked for unless the user says otherwise; the rest is left to the server."""

MAX_TEXT = 2_500_000
"""Characters of one text at most: the server's messages end at 15 MiB, and JSON may take six bytes
for a character."""

_PICTURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"))

_FOR_EVER = 1e8  # seconds; what systems make of longer ones, and of infinity, differs


def settings(
    config: SessionConfig | dict[str, Any] | None, fields: dict[str, Any]
) -> SessionConfig:
    """Settings from an object or a dict, with named ones over them; ``None`` is a value there.

    Raises:
        ConfigError: one is unknown or wrong.
    """
    named = SessionConfig.of(**fields)
    if config is None:
        return named
    if not isinstance(config, SessionConfig):
        config = SessionConfig.from_dict(config)
    return config.merged(named)


def seconds(name: str, value: object) -> float:
    """A length of time, above zero; very long ones are made a long one.

    Raises:
        ConfigError: it is none; ``name`` tells which argument it was.
    """
    if type(value) not in (int, float) or not 0 < float(value):  # type: ignore[arg-type]
        raise ConfigError(f"{name}: expected a number of seconds above 0, got {value!r}")
    return min(float(value), _FOR_EVER)  # type: ignore[arg-type]


def message(text: object, role: str) -> Message:
    """A text as an item of the conversation.

    Raises:
        ConfigError: it is no text, empty or too long, or the role may not speak.
    """
    if not isinstance(text, str):
        raise ConfigError(f"text: expected text, got {type(text).__name__}")
    if not text.strip():
        raise ConfigError("text: it is empty; there is nothing to say")
    if len(text) > MAX_TEXT:
        raise ConfigError(f"text: {len(text)} characters are too long; {MAX_TEXT} are possible")
    if role not in ("user", "system", "assistant"):
        raise ConfigError(f"role: expected user, system or assistant, got {role!r:.40}")
    part = TextPart(text=text) if role == "assistant" else InputText(text=text)
    return Message(role=role, content=[part])  # type: ignore[arg-type]  # checked when it is sent


def picture(image: object, detail: str | None = None) -> InputImage:
    """A picture as a part of a message.

    Args:
        image: a file's name, or its bytes.
        detail: how closely to look; checked when it is sent.

    Raises:
        OSError: the file cannot be read.
        ConfigError: it is neither PNG nor JPEG.
    """
    if isinstance(image, str | os.PathLike):
        with open(image, "rb") as file:
            data = file.read()
    elif isinstance(image, bytes | bytearray | memoryview):
        data = bytes(image)
    else:
        raise ConfigError(f"image: expected a file's name or bytes, got {type(image).__name__}")
    kind = next((kind for start, kind in _PICTURES if data.startswith(start)), None)
    if kind is None:
        raise ConfigError("image: this is neither PNG nor JPEG; convert it first")
    url = f"data:image/{kind};base64,{encode64(data).decode('ascii')}"
    return InputImage(image_url=url, detail=detail)  # type: ignore[arg-type]
