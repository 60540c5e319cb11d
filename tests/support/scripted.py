"""A server that does what a test's script says, over the transport in memory.

The script is a function of the :class:`Scripted` server. It runs on a thread of its own and reads
like the conversation it plays: ``server.expect("response.create")``, ``server.answer("Hello")``.
Leaving the ``with`` block hangs up, joins the thread and raises what failed in the script. The
client hanging up ends a script quietly; what it must have seen by then, a test asserts on
:attr:`Scripted.received`.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable
from types import TracebackType
from typing import Any

from inworld_rt import Client
from inworld_rt.errors import ConnectionClosed
from inworld_rt.transport import MemoryTransport
from tests.support.background import PATIENCE

__all__ = ["SCRIPT_OVER", "SLICE", "Scripted", "text_of"]

SCRIPT_OVER = "x.script_over"
"""An event of this unknown type is the last that a script sends, if it comes to its end."""

SLICE = b"\x01\x02" * 1200
"""50 ms of sound at the usual rate."""

Json = dict[str, Any]
Script = Callable[["Scripted"], object]


class Scripted:
    """A server with a script; :attr:`transport` is the client's end of the line."""

    def __init__(self, script: Script, *, start: bool = True) -> None:
        """Prepare it.

        Args:
            script: what it does.
            start: greet and accept the first settings before the script.
        """
        self.transport, self._line = MemoryTransport.pair()
        self._script = script
        self._start = start
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="test-scripted")
        self.received: list[Json] = []
        """All that the client sent."""
        self.ended = ""
        """How the client hung up."""
        self.code = 0
        self._answers = 0
        self._go = threading.Event()
        self.reached = threading.Event()
        """For scripts to set, where a test has to know how far they are."""

    # --- the test's side -------------------------------------------------------------------------

    def client(self, **settings: Any) -> Client:
        """A client that talks to it; a call without a timeout gives up after a moment."""
        return Client(**{"transport": self.transport, "timeout": PATIENCE, **settings})

    def go(self) -> None:
        """Let the script pass :meth:`wait_for_go`."""
        self._go.set()

    @property
    def types(self) -> list[str]:
        """The kinds of messages received so far, without the settings at the start."""
        return [m["type"] for m in self.received if m["type"] != "session.update"]

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._go.set()
        self.transport.abort()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the script hangs"
        if self._error is not None and error is None:
            raise self._error

    def _main(self) -> None:
        try:
            if self._start:
                self.greet()
            self._script(self)
            self.send(SCRIPT_OVER)
            self.silence()
        except ConnectionClosed as closed:
            self.ended, self.code = str(closed), closed.code
        except BaseException as exc:
            self._error = exc
            self._line.abort()

    # --- the script's side -----------------------------------------------------------------------

    def greet(self, **session: Any) -> None:
        """Say hello and accept the first settings."""
        self.send("session.created", session={"model": "a/model", **session})
        self.accept_settings()

    def accept_settings(self, **also: Any) -> Json:
        """Take a ``session.update`` and echo its settings."""
        message = self.expect("session.update")
        self.send("session.updated", session={**message["session"], **also})
        return message

    def receive(self) -> Json:
        """The client's next message, whatever it is."""
        message: Json = json.loads(self._line.recv())
        self.received.append(message)
        return message

    def expect(self, kind: str) -> Json:
        """The client's next message, of this type."""
        message = self.receive()
        assert message["type"] == kind, f"expected {kind}, got {message['type']}"
        return message

    def skip_to(self, kind: str) -> Json:
        """The next message of this type; others before it are read and left aside."""
        while (message := self.receive())["type"] != kind:
            pass
        return message

    def wait_for_go(self) -> None:
        """Wait until the test says so."""
        assert self._go.wait(PATIENCE), "the test never said go"
        self._go.clear()

    def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        self._line.send(json.dumps({"type": kind, **fields}))

    def garbage(self, message: bytes = b"\xff{not json") -> None:
        """Send something unreadable."""
        self._line.send(message)

    def error(self, request: Json | None = None, **fields: Any) -> None:
        """Complain, about a request if one is given."""
        details = {"type": "invalid_request_error", "message": "no", **fields}
        if request:
            details["event_id"] = request["event_id"]
        self.send("error", error=details)

    def silence(self) -> None:
        """Read, and say nothing more, until the client hangs up."""
        while True:
            self.receive()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, and see the client go."""
        self._line.begin_close(code, reason)
        self.silence()

    def abort(self) -> None:
        """Drop the line."""
        self._line.abort()

    # --- answers ---------------------------------------------------------------------------------

    def begin(self) -> str:
        """Begin an answer; returns its id."""
        self._answers += 1
        name = f"resp_{self._answers}"
        self.send("response.created", response={"id": name, "status": "in_progress"})
        return name

    def sound(self, name: str, pcm: bytes = SLICE, **fields: Any) -> None:
        """Send a slice of sound."""
        data = {"item_id": f"item_{name}", "content_index": 0, **fields}
        self.send(
            "response.output_audio.delta", response_id=name, delta=b64encode(pcm).decode(), **data
        )

    def words(self, name: str, text: str, **fields: Any) -> None:
        """Send a piece of what is being said."""
        data = {"item_id": f"item_{name}", "content_index": 0, **fields}
        self.send("response.output_audio_transcript.delta", response_id=name, delta=text, **data)

    def done(self, name: str, status: str = "completed", **fields: Any) -> None:
        """End an answer."""
        self.send("response.done", response={"id": name, "status": status, **fields})

    def calls(
        self, *calls: tuple[str, str, str], status: str = "completed", words: str = ""
    ) -> str:
        """An answer that calls tools, each given by call id, name and arguments; returns its id."""
        name = self.begin()
        if words:
            self.words(name, words)
            self.sound(name)
        output = []
        for call_id, tool, arguments in calls:
            item = {"id": f"item_{name}_{call_id}", "type": "function_call", "name": tool}
            item |= {"call_id": call_id, "arguments": arguments, "status": "completed"}
            self.send(
                "response.output_item.added", response_id=name, item={**item, "arguments": ""}
            )
            self.send(
                "response.function_call_arguments.done",
                response_id=name,
                call_id=call_id,
                arguments=arguments,
            )
            self.send("response.output_item.done", response_id=name, item=item)
            output.append(item)
        self.done(name, status, output=output)
        return name

    def output(self) -> tuple[str, str]:
        """Take the result of a tool: call id and text."""
        item = self.expect("conversation.item.create")["item"]
        assert item["type"] == "function_call_output", item
        return item["call_id"], item["output"]

    def answer(self, text: str = "Hello there.", slices: int = 2) -> str:
        """A whole answer; returns its id."""
        name = self.begin()
        for word in text.split(" "):
            self.words(name, f"{word} ")
        for _ in range(slices):
            self.sound(name)
        self.done(name)
        return name

    def asked(self) -> Json:
        """Take a ``say()``; returns the user's item."""
        message = self.expect("conversation.item.create")
        self.expect("response.create")
        return message

    def answer_say(self, text: str = "Hello there.", slices: int = 2) -> Json:
        """Take a ``say()`` and answer it; returns the user's item."""
        message = self.asked()
        self.answer(text, slices)
        return message

    def answer_all(self) -> None:
        """Answer every request with what was said, until the client hangs up."""
        said = ""
        while True:
            message = self.receive()
            if message["type"] == "conversation.item.create":
                said = text_of(message)
            elif message["type"] == "response.create":
                self.answer(f"You said {said}.")
            elif message["type"] == "session.update":
                self.send("session.updated", session=message["session"])


def text_of(message: Json) -> str:
    """The text in a ``conversation.item.create``."""
    text: str = message["item"]["content"][0]["text"]
    return text
