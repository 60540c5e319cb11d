"""Who plays a table: a raw client against a real server, and a scripted server for our client."""

from __future__ import annotations

import json
import wave
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from websockets.sync.client import ClientConnection, connect

from inworld_rt.simulator import Simulator
from tests.support.background import PATIENCE
from tests.support.scripted import SLICE, Scripted
from tests.support.sequences import (
    EVENTS,
    WORDS,
    AnyOrder,
    FromClient,
    FromServer,
    Here,
    Json,
    Later,
    Mixed,
    One,
    Speak,
    fits,
    misshapen,
)

__all__ = ["APPEND", "LEGACY", "RawClient", "Script", "Variant", "raw_client", "spoken"]

APPEND = "input_audio_buffer.append"
STEP = 4800  # bytes in one append
RECORDED = Path(__file__).parents[2] / "inworld_rt/cli/question.wav"


def spoken(ms: int) -> bytes:
    """Somebody who speaks for so long: 16-bit samples, 24000 per second."""
    with wave.open(str(RECORDED)) as recording:
        recording.setpos(7200)  # silence
        speech = recording.readframes(21600)
    return (speech * (ms // 900 + 1))[: 48 * ms]


# --- the client's column, against a server --------------------------------------------------------


@contextmanager
def raw_client(server: Simulator, **names: Any) -> Iterator[RawClient]:
    """A connection to a server, by another maker's library.

    Args:
        server: it.
        names: what names in the table stand for.
    """
    with connect(
        f"{server.url}?key=k-1&protocol=realtime",
        additional_headers={"Authorization": f"Basic {server.api_key}"},
        compression=None,
        close_timeout=1,
    ) as socket:
        yield RawClient(socket, names)


@define
class RawClient:
    """Sends what a table says, by hand, and checks what comes back."""

    socket: ClientConnection
    names: Json
    """What the names in the table stand for."""
    received: list[Json] = field(factory=list)
    _kept: list[Json] = field(factory=list)
    _open: list[FromServer] = field(factory=list)
    """What may still come, but need not."""
    _later: list[FromServer] = field(factory=list)
    _missing: list[FromServer] = field(factory=list)
    """Those of them that still have to come."""

    def play(self, *steps: Any) -> None:
        """Play some steps of a table."""
        for step in steps:
            if isinstance(step, FromServer):
                self._expect(step)
            elif isinstance(step, FromClient):
                self.send(step.kind, **_filled(step.fields, self.names, step.fields))
            elif isinstance(step, Mixed):
                self._all_of(step.steps)
                self._open = list(step.steps)
            elif isinstance(step, AnyOrder):
                if isinstance(step.steps[0], FromClient):
                    self.play(*step.steps)
                else:
                    self._all_of(step.steps)
            elif isinstance(step, Later):
                self._later += step.steps
                self._missing += [s for s in step.steps if s.least]
            elif isinstance(step, Speak):
                self.speak(spoken(step.ms) + bytes(48 * step.silence_ms))

    def finish(self) -> None:
        """The table is at its end, and nothing more comes."""
        while self._missing:
            self._stray(self._receive(), "something that is still to come")
        self.send("x.end")
        while (event := self._receive())["type"] != "error":
            self._stray(event, "the end")
        assert event["error"]["code"] == "unknown_event_type", event

    def send(self, kind: str, **fields: Any) -> None:
        """Send an event; its id is ``@asked`` from now on."""
        self.names["asked"] = f"e-{len(self.received)}-{kind}"
        self.socket.send(json.dumps({"type": kind, "event_id": self.names["asked"], **fields}))

    def until(self, kind: str, count: int = 1) -> list[Json]:
        """What comes up to an event of a type."""
        got: list[Json] = []
        while sum(event["type"] == kind for event in got) < count:
            got.append(self._receive())
        return got

    def speak(self, data: bytes) -> None:
        """Send sound."""
        for start in range(0, len(data), STEP):
            self.send(APPEND, audio=b64encode(data[start : start + STEP]).decode())

    def _receive(self) -> Json:
        if self._kept:
            return self._kept.pop()
        event: Json = json.loads(self.socket.recv(PATIENCE))
        if event["type"] == "ping":  # keep-alive, which may come at any time
            return self._receive()
        self.received.append(event)
        assert event["type"] in EVENTS, f"{event['type']} is in no table of the protocol"
        wrong = misshapen({"event_id": "", **EVENTS[event["type"]]}, event)
        assert not wrong, f"{event['type']}: {wrong}"
        if event["type"].endswith("audio.delta"):
            b64decode(event["delta"], validate=True)
        return event

    def _takes(self, step: FromServer, event: Json) -> bool:
        names = dict(self.names)
        if step.kind != event["type"] or not fits(step.fields, event, names):
            return False
        self.names.update(names)
        return True

    def _stray(self, event: Json, wanted: object) -> None:
        """An event that is not the next in the table: may it come here?"""
        for step in (*self._open, *self._later):
            if self._takes(step, event):
                if step.most == 1 and step in self._open:
                    self._open.remove(step)
                self._missing = [s for s in self._missing if s is not step]
                return
        raise AssertionError(f"expected {wanted}, got {event}")

    def _expect(self, step: FromServer) -> None:
        if not step.least:
            self._open.append(step)
            return
        while not self._takes(step, event := self._receive()):
            self._stray(event, step)
        self._open = []

    def _all_of(self, steps: tuple[Any, ...]) -> None:
        """Until each that must come has come once."""
        left, before = list(steps), self._open
        while any(step.least for step in left):
            event = self._receive()
            step = next((s for s in steps if self._takes(s, event)), None)
            if step is None:
                self._stray(event, " or ".join(s.kind for s in left))
                continue
            assert step in left or step.most > 1, f"again: {event}"
            left = [s for s in left if s is not step]
            if self._open is before:
                self._open = []
        self._open = left


# --- the server's column, for our client ----------------------------------------------------------

LEGACY = {
    "conversation.item.added": "conversation.item.created",
    "conversation.item.input_audio_transcription.delta": "input_audio_transcription.delta",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}
"""Names that Inworld's samples and others still handle (protocol: assistant text)."""


@frozen
class Variant:
    """A way in which servers differ without being wrong."""

    name: str
    optional: bool = True
    """Whether the events in parentheses come."""
    legacy: bool = False
    """Whether events have their old names."""
    without: frozenset[str] = frozenset()
    """Fields that are left out."""
    backwards: bool = False
    """Whether what may come in any order, or later, comes as late as it can."""
    last: bool = False
    """Which of the spellings of a value: the first, or the last."""
    nameless: bool = False
    """Whether the events of answers do without the ids of items."""
    twice: frozenset[str] = frozenset()
    """Events that come twice."""
    odd: bool = False
    """Whether sound is cut within a sample."""

    def __str__(self) -> str:
        return self.name


@define
class Script:
    """The server's side of a table, as a script for a :class:`Scripted` server."""

    steps: tuple[Any, ...]
    variant: Variant
    names: Json = field(factory=dict)
    slice: bytes = SLICE
    """The sound of each delta."""
    played: bool = False
    """Whether it came to its end."""
    error: BaseException | None = None
    listening: bool = False
    """Whether the client may send sound at any time."""
    taken: int = 0
    """How many messages it expected."""
    sound: int = 0
    """Bytes of sound that came."""
    _kept: list[Json] = field(factory=list)
    _late: list[FromServer] = field(factory=list)
    _count: int = 0

    def __call__(self, server: Scripted) -> None:
        try:
            for step in self.steps:
                self._play(server, step)
            for late in self._late:
                self._send(server, late)
            self.played = True
        except AssertionError as exc:
            self.error = exc
            raise
        finally:
            self.taken = len(server.received) - len(self._kept)

    def more(self, server: Scripted) -> list[str]:
        """What the client sent that is not in the table."""
        extra = [m["type"] for m in [*self._kept, *server.received[self.taken :]]]
        return [kind for kind in extra if not (self.listening and kind == APPEND)]

    def _play(self, server: Scripted, step: Any) -> None:
        if isinstance(step, FromServer):
            self._send(server, step)
        elif isinstance(step, FromClient):
            self._take(server, (step,))
        elif isinstance(step, Mixed):
            for number, _ in enumerate(WORDS):
                for one in step.steps:
                    self._send(server, one, number)
        elif isinstance(step, AnyOrder):
            if isinstance(step.steps[0], FromClient):
                self._take(server, step.steps)
            else:
                for one in reversed(step.steps) if self.variant.backwards else step.steps:
                    self._send(server, one)
        elif isinstance(step, Later):
            if self.variant.backwards:
                self._late += step.steps
            else:
                for one in step.steps:
                    self._send(server, one)
        elif isinstance(step, Speak):
            self._listen(server, step)
        elif isinstance(step, Here):
            server.send("x.here")
            server.wait_for_go()
        elif isinstance(step, dict):  # as it is
            server.garbage(json.dumps(step).encode())

    def _send(self, server: Scripted, step: FromServer, number: int = 0) -> None:
        variant = self.variant
        if not step.least and not variant.optional:
            return
        self._count += 1
        example = {"event_id": f"s-{self._count}", **EVENTS[step.kind]}
        if step.kind.endswith(("transcript.delta", "text.delta")):
            example["delta"] = WORDS[number]
        elif step.kind.endswith("audio.delta"):
            example["delta"] = b64encode(self._sound(number)).decode()
        data = _filled(step.fields, self.names, example, last=variant.last)
        if variant.nameless and step.kind.startswith("response."):
            data.pop("item_id", None)
        kind = LEGACY.get(step.kind, step.kind) if variant.legacy else step.kind
        for _ in range(2 if step.kind in variant.twice else 1):
            server.send(kind, **_stripped(data, variant.without))

    def _sound(self, number: int) -> bytes:
        if not self.variant.odd:
            return self.slice
        return self.slice[-1:] + self.slice if number else self.slice[:-1]

    def _receive(self, server: Scripted) -> Json:
        while True:
            message = self._kept.pop() if self._kept else server.receive()
            if message["type"] != APPEND:
                return message
            self._hear(message)

    def _hear(self, message: Json) -> None:
        assert self.listening, "sound that is not in the table"
        assert message.keys() == {"type", "audio"}
        self.sound += len(b64decode(message["audio"], validate=True))

    def _take(self, server: Scripted, steps: tuple[Any, ...]) -> None:
        left = list(steps)
        while left:
            message = self._receive(server)
            body = {k: v for k, v in message.items() if k not in ("type", "event_id")}
            for step in left:
                names = dict(self.names)
                if step.kind == message["type"] and fits(step.fields, body, names, exact=True):
                    break
            else:
                raise AssertionError(f"expected {' or '.join(map(str, left))}, got {message}")
            left.remove(step)
            self.names = {**names, "asked": message.get("event_id")}

    def _listen(self, server: Scripted, step: Speak) -> None:
        if self.listening:
            return  # it never ceased
        self.listening = True
        message = server.receive()
        assert message["type"] == APPEND, f"expected sound, got {message['type']}"
        self._hear(message)
        if not step.goes_on:
            self._kept.append(self._receive(server))
            self.listening = False


def _filled(fields: Any, names: Json, example: Any, *, last: bool = False) -> Any:
    """What a table says as it goes over the wire; an example has the rest."""
    if fields is ...:
        return example
    if isinstance(fields, One):
        return fields.values[-1 if last else 0]
    if isinstance(fields, str) and fields.startswith("@"):
        return names.setdefault(fields[1:], fields[1:])
    if isinstance(fields, list):
        return [_filled(one, names, {}, last=last) for one in fields]
    if not isinstance(fields, dict):
        return fields
    base = dict(example) if isinstance(example, dict) else {}
    return base | {k: _filled(v, names, base.get(k), last=last) for k, v in fields.items()}


def _stripped(data: Any, without: frozenset[str]) -> Any:
    """The same without some fields, however deep."""
    if isinstance(data, dict):
        return {k: _stripped(v, without) for k, v in data.items() if k not in without}
    return data
