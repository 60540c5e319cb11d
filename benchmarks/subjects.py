"""Who is measured: each receives audio events and hands their samples over, by its own means."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import minimal
from benchmarks.minimal import Take

__all__ = ["FAST", "SUBJECTS", "Subject"]

FAST = ("orjson", "pybase64")
"""The packages that take the place of the standard library's parsers where they are installed."""

_AUDIO = "response.output_audio.delta"
_GO = '{"type":"response.create"}'
_KEY = "a2V5OnNlY3JldA=="  # looks like one


class Subject(NamedTuple):
    """One way to receive.

    Attributes:
        label: for people.
        run: receives from a port and gives the samples of each audio event to a function, for ever.
        hop: whether the samples come to the caller's thread from another one.
        fast: whether :data:`FAST` does the parsing; else they are hidden, installed or not.
        floor: the subject that it is compared with: the minimal one with the same hop and parser.
        needs: packages that may be missing.
        slow: so slow that fewer events will do.
    """

    label: str
    run: Callable[[int, Take], None]
    hop: bool
    fast: bool
    floor: str
    needs: tuple[str, ...] = ()
    slow: bool = False

    @property
    def missing(self) -> list[str]:
        """The packages that would have to be installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def hide_fast_parsers() -> None:
    """Let this process run as where :data:`FAST` is not installed."""
    for name in FAST:
        sys.modules[name] = None  # type: ignore[assignment]  # what import takes for "there is none"


def _client(port: int, take: Take) -> None:
    from inworld_rt import Client

    client = Client(url=f"ws://127.0.0.1:{port}", credentials=_KEY)
    for chunk in client.create_response():
        take(chunk)


def _reader_only(port: int, take: Take) -> None:
    """All that the client's reader does, with a function in the place of the response's queue."""
    from inworld_rt.answer import Answer
    from inworld_rt.events import ResponseCreate
    from inworld_rt.link import Link
    from inworld_rt.transport import connect

    class Owner:
        sounds = staticmethod(take)

    def adopt(answer: Answer) -> None:
        answer.owner = Owner

    transport = connect(f"ws://127.0.0.1:{port}", credentials_header=f"Basic {_KEY}")
    link = Link(transport, adopt)
    link.start()
    link.post(ResponseCreate())
    threading.Event().wait()


def _websockets(port: int, take: Take) -> None:
    from base64 import b64decode

    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}", max_size=None) as connection:
        connection.send(_GO)
        for message in connection:
            event = json.loads(message)
            if event["type"] == _AUDIO:
                take(b64decode(event["delta"]))


def _openai(port: int, take: Take) -> None:
    from base64 import b64decode

    from openai import OpenAI

    client: Any = OpenAI(api_key="none", websocket_base_url=f"ws://127.0.0.1:{port}")
    with client.realtime.connect(model="none") as connection:
        connection.response.create()
        for event in connection:
            if event.type == _AUDIO:
                take(b64decode(event.delta))


def _websocket_client(port: int, take: Take) -> None:
    from base64 import b64decode

    import websocket

    connection: Any = websocket.WebSocket()
    connection.connect(f"ws://127.0.0.1:{port}")
    connection.send(_GO)
    while True:
        event = json.loads(connection.recv())
        if event["type"] == _AUDIO:
            take(b64decode(event["delta"]))


_ALONE = functools.partial(minimal.run, fast=False)
_ALONE_FAST = functools.partial(minimal.run, fast=True)
_HOP = functools.partial(minimal.run_with_hop, fast=False)
_HOP_FAST = functools.partial(minimal.run_with_hop, fast=True)

SUBJECTS = {
    "minimal": Subject("hand-minimal", _ALONE, False, False, "minimal"),
    "reader": Subject("inworld_rt, reader only", _reader_only, False, False, "minimal"),
    "websocket-client": Subject(
        "websocket-client, defaults", _websocket_client, False, False, "minimal", slow=True
    ),
    "minimal-fast": Subject("hand-minimal", _ALONE_FAST, False, True, "minimal-fast", FAST),
    "reader-fast": Subject(
        "inworld_rt, reader only", _reader_only, False, True, "minimal-fast", FAST
    ),
    "minimal-hop": Subject("hand-minimal", _HOP, True, False, "minimal-hop"),
    "client": Subject("inworld_rt.Client", _client, True, False, "minimal-hop"),
    "websockets": Subject(
        "websockets (sync)", _websockets, True, False, "minimal-hop", ("websockets",)
    ),
    "openai": Subject("openai (sync realtime)", _openai, True, False, "minimal-hop", ("openai",)),
    "minimal-hop-fast": Subject("hand-minimal", _HOP_FAST, True, True, "minimal-hop-fast", FAST),
    "client-fast": Subject("inworld_rt.Client", _client, True, True, "minimal-hop-fast", FAST),
}
