"""JSON text to event objects and back: the registry, :func:`decode`, :func:`encode`.

Liberal in: unknown types become :class:`UnknownEvent`, odd fields keep their defaults, and whatever
arrives gives an event or a :class:`RemoteProtocolError`, nothing else. Strict out: what is wrong
raises :class:`ConfigError` before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from attrs import field

from inworld_rt.codec import Shape, reader, shape, wire, write
from inworld_rt.errors import ConfigError, RemoteProtocolError
from inworld_rt.rules import encode64

try:  # several times faster, used when present, never needed
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment,unused-ignore]

__all__ = [
    "Event",
    "UnknownEvent",
    "append_message",
    "client",
    "decode",
    "decode_client",
    "encode",
    "server",
]

E = TypeVar("E", bound="type[Event]")


@shape
class Event(Shape):
    """One message, either way (protocol: envelope and general rules)."""

    wire_name: ClassVar[str] = ""
    """The value of ``type`` on the wire; the modern spelling where there are several."""

    event_id: str | None = None
    """An opaque id. A client's comes back in the error that answers it; a server's may miss."""

    keeps_raw: ClassVar[bool] = True
    """Whether :attr:`raw` is filled; not for audio, which would be held twice."""

    raw: Mapping[str, Any] | None = field(default=None, metadata=wire(local=True))
    """The message as it arrived, for fields not declared here; ``None`` where it holds audio."""

    @property
    def type(self) -> str:
        """The value of ``type`` on the wire."""
        return self.wire_name


@shape
class UnknownEvent(Event):
    """A message of a type that this version does not know, or without any type."""

    @property
    def type(self) -> str:
        """The value of ``type`` on the wire, or an empty text."""
        return _text((self.raw or {}).get("type")) or ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UnknownEvent):
            return NotImplemented
        return self.raw == other.raw

    __hash__ = Event.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}(type={self.type!r})"


SERVER: dict[str, type[Event]] = {}
CLIENT: dict[str, type[Event]] = {}


def _register(registry: dict[str, type[Event]], names: tuple[str, ...]) -> Callable[[E], E]:
    def decorate(cls: E) -> E:
        cls.wire_name = names[0]
        for name in names:
            registry[name] = cls
        return cls

    return decorate


def server(*names: str) -> Callable[[E], E]:
    """Class decorator: a server event, by its wire name and any older names."""
    return _register(SERVER, names)


def client(*names: str) -> Callable[[E], E]:
    """Class decorator: a client event, by its wire name and any older names."""
    return _register(CLIENT, names)


def decode(message: bytes | str) -> Event:
    """Read a server's message.

    Raises:
        RemoteProtocolError: it is not UTF-8, not JSON or not an object.
    """
    return _decode(message, SERVER)


def decode_client(message: bytes | str) -> Event:
    """Read a client's message, as a server does.

    Raises:
        RemoteProtocolError: as :func:`decode`, or a field that the event cannot do without is
            missing.
    """
    return _decode(message, CLIENT)


def encode(event: Event) -> bytes:
    """Write an event as UTF-8 JSON.

    Raises:
        ConfigError: a field holds the wrong type or value; names the field and what is allowed.
    """
    body = event.raw if isinstance(event, UnknownEvent) else {"type": event.type}
    if not isinstance(body, dict):
        raise ConfigError(f"raw: expected the message to send, got {type(body).__name__}")
    if not isinstance(event, UnknownEvent):
        body.update(write(event, ""))
    try:
        return _dumps(body).encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(
            f"{event.type}: the text holds half a character (a lone surrogate), which cannot be "
            "sent; read your input as UTF-8"
        ) from None
    except (TypeError, ValueError, RecursionError) as exc:
        raise ConfigError(f"{event.type}: not plain JSON data ({type(exc).__name__})") from None


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def append_message(audio: bytes) -> bytes:
    """An ``input_audio_buffer.append`` message, ready to send.

    The most frequent thing that a client sends; base64 needs no escaping, so a template does, at
    little more than half the cost.
    """
    return b'{"type":"input_audio_buffer.append","audio":"' + encode64(audio) + b'"}'


# json.loads() without the search for blanks around the text, which servers do not send.
_raw_decode = json.JSONDecoder().raw_decode


def _decode(message: bytes | str, registry: dict[str, type[Event]]) -> Event:
    data = _parse(message)
    tag = data.get("type")
    cls = registry.get(tag) if isinstance(tag, str) else None
    if cls is None:
        return UnknownEvent(event_id=_text(data.get("event_id")), raw=data)
    try:
        event: Event = reader(cls)(data)
    except ValueError as exc:
        raise RemoteProtocolError(f"{tag}: {exc} is missing ({len(message)} bytes)") from exc
    if cls.keeps_raw:
        # The one write to a frozen object, before anybody else has seen it.
        object.__setattr__(event, "raw", data)
    return event


def _parse(message: bytes | str) -> dict[str, Any]:
    try:
        data = _loads(message)
    # RecursionError: absurd nesting.
    except (ValueError, RecursionError) as exc:
        raise RemoteProtocolError(
            f"a message of {len(message)} bytes is not readable as JSON ({type(exc).__name__})"
        ) from None
    if not isinstance(data, dict):
        raise RemoteProtocolError(
            f"a message of {len(message)} bytes is a JSON {type(data).__name__}, not an object"
        )
    return data


def _loads(message: bytes | str) -> Any:
    if orjson is not None:
        try:
            return orjson.loads(message)
        except ValueError:
            pass  # orjson also refuses lone surrogates and NaN: let the standard library decide
    # Decoded first: json.loads(bytes) would let raw surrogates through.
    text = message if isinstance(message, str) else str(message, "utf-8")
    try:
        data, end = _raw_decode(text)
        if end == len(text):
            return data
    except ValueError:
        pass
    return json.loads(text)  # with blanks around it, or not JSON


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
