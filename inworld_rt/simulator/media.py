"""Pictures and Opus in what a client sends: recognised, not looked at nor heard
(protocol: content parts).

Our choices, where the service is silent: a picture is a data URI whose base64 begins as a PNG or
JPEG file does; Opus comes in an Ogg container, told by the four letters at its start.
"""

from __future__ import annotations

import base64
import binascii
import re

__all__ = ["is_opus", "is_picture", "opus_seconds", "picture_kind"]

_URI = re.compile(r"data:image/(?P<kind>png|jpe?g);base64,", re.IGNORECASE)
_BEGINNINGS = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff"}
_OPUS_RATE = 48000
"""Ogg counts Opus in samples of this rate, whatever was recorded."""


def picture_kind(uri: str) -> str:
    """What a data URI says that it holds: ``PNG`` or ``JPEG``; ``""`` where it is no picture."""
    found = _URI.match(uri)
    return "" if found is None else "PNG" if found["kind"].lower() == "png" else "JPEG"


def is_picture(uri: str) -> bool:
    """Whether this is a data URI with a PNG or JPEG in it."""
    found = _URI.match(uri)
    if found is None:
        return False
    try:
        data = base64.b64decode(uri[found.end() :], validate=True)
    except (binascii.Error, ValueError):
        return False
    return data.startswith(_BEGINNINGS[picture_kind(uri)])


def is_opus(data: bytes) -> bool:
    """Whether this is a file of Ogg Opus rather than samples."""
    return data.startswith(b"OggS")


def opus_seconds(data: bytes) -> float:
    """How long a file of Ogg Opus says to be; 0.0 where it does not say."""
    page = data.rfind(b"OggS")
    position = int.from_bytes(data[page + 6 : page + 14], "little", signed=True)
    return max(0, position) / _OPUS_RATE
