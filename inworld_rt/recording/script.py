"""Who said what when: a conversation as text, from the events of its recording. Pure."""

from __future__ import annotations

import json
from typing import Any

from attrs import define

from inworld_rt.conversation import merge_transcript
from inworld_rt.pcm import AudioFormat
from inworld_rt.wording import heard

__all__ = ["Script"]

_USER = "conversation.item.input_audio_transcription."
_DELTAS = {
    "response.output_audio_transcript.delta": True,
    "response.audio_transcript.delta": True,
    "response.output_text.delta": False,
    "response.text.delta": False,
}
_SOUND = ("response.output_audio.delta", "response.audio.delta")
_TEXTS = ("input_text", "text", "output_text")
_LONG = 500  # characters of a line about a tool


@define
class _Line:
    """What somebody said or did.

    Attributes:
        at: seconds from the beginning.
        who: whose it is.
        words: what was written.
        spoken: what was spoken; often the same words come in both ways.
        ms: milliseconds of its sound that came.
        heard_ms: what was heard of it, where it was cut.
        cut: whether it was cut off.
        is_heard: whether its time is that of its first sound at the loudspeaker.
    """

    at: float
    who: str
    words: str = ""
    spoken: str = ""
    ms: float = 0.0
    heard_ms: float | None = None
    cut: bool = False
    is_heard: bool = False

    @property
    def text(self) -> str:
        """The line's own words."""
        words = " ".join((self.spoken or self.words).split())
        if self.heard_ms is not None and words:
            part = " ".join(heard(words, self.heard_ms, self.ms).split())
            if part != words:
                return f'{words} […] (cut; heard: "{part}")' if part else f"{words} […] (not heard)"
        return f"{words} […] (cut)" if self.cut and words else words


class Script:
    """Follows the events, in order, and writes the play.

    Attributes:
        changed: whether there is something new since :meth:`text` was called.
    """

    def __init__(self) -> None:
        self.changed = False
        self._lines: dict[str, _Line] = {}
        self._voice = ""
        self._format = AudioFormat()
        self._items_of: dict[str, set[str]] = {}  # by response
        self._sent = 0

    def text(self) -> str:
        """All of it: time, who, words; a line for each."""
        self.changed = False
        lines = sorted((one for one in self._lines.values() if one.text), key=lambda one: one.at)
        width = max((len(one.who) for one in lines), default=0)
        return "".join(f"{_clock(one.at)}  {one.who:<{width}}  {one.text}\n" for one in lines)

    def saw(self, at: float, way: str, event: dict[str, Any]) -> None:
        """Take in an event.

        Args:
            at: seconds from the beginning.
            way: ``sent``, ``received`` or ``note``.
            event: as a recording keeps it.
        """
        try:
            if way == "note":
                self._note(at, event)
            elif way == "sent":
                self._sent_one(at, event)
            else:
                self._received(at, str(event.get("type")), event)
        except (AttributeError, TypeError, KeyError, ValueError):
            return  # a server's oddity must not end the recording

    # --- the user --------------------------------------------------------------------------------

    def _sent_one(self, at: float, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "conversation.item.truncate":
            self._cut(str(event["item_id"]), float(event["audio_end_ms"]))
        if kind != "conversation.item.create":
            return
        item = event["item"]
        self._sent += 1
        name = item.get("id") or f"sent {self._sent}"
        if item["type"] == "function_call_output":
            self._add(f"{name} output", at, "tool", f"-> {_short(item.get('output'))}")
        elif item["type"] == "message":
            words = _written(item)
            who = {"system": "System", "assistant": self._voice or "It"}.get(item["role"], "You")
            self._add(name, at, who, words)

    def _received_of_user(self, at: float, kind: str, event: dict[str, Any]) -> bool:
        if kind == "input_audio_buffer.speech_started":
            self._line(event["item_id"], at, "You")
        elif kind.startswith(_USER) or kind.endswith("transcription.delta"):
            line = self._line(event["item_id"], at, "You")
            if kind.endswith(".delta"):
                line.spoken = merge_transcript(line.spoken, event["delta"])
            elif "transcript" in event:
                line.spoken = event["transcript"]
        else:
            return False
        self.changed = True
        return True

    # --- the answers -----------------------------------------------------------------------------

    def _received(self, at: float, kind: str, event: dict[str, Any]) -> None:
        if kind in ("session.created", "session.updated"):
            output = event["session"]["audio"]["output"]
            self._voice = str(output.get("voice") or self._voice)
            self._format = AudioFormat.from_wire(output.get("format")) or self._format
        elif kind in _DELTAS:
            line = self._answer(at, event)
            name = "spoken" if _DELTAS[kind] else "words"
            setattr(line, name, getattr(line, name) + event["delta"])
            self.changed = True
        elif kind in _SOUND:
            sound = event.get("delta") or event.get("data")
            if isinstance(sound, dict):
                line = self._answer(at, event)
                line.ms += sound["bytes"] * 1000 / self._format.bytes_per_second
        elif kind.startswith("response.function_call"):
            if kind.endswith(".done"):
                self._called(at, event)
        elif kind == "response.done":
            self._done(at, event)
        elif kind == "conversation.item.truncated":
            self._cut(event["item_id"], float(event["audio_end_ms"]))
        elif not self._received_of_user(at, kind, event) and kind.startswith("response.mcp_call"):
            self._called(at, event)

    def _answer(self, at: float, event: dict[str, Any]) -> _Line:
        name = event["item_id"]
        self._items_of.setdefault(str(event.get("response_id")), set()).add(name)
        return self._line(name, at, self._voice or "It")

    def _called(self, at: float, event: dict[str, Any]) -> None:
        if event.get("name"):
            words = f"{event['name']}({_arguments(event.get('arguments'))})"
            self._add(str(event.get("call_id") or event.get("item_id")), at, "tool", words)

    def _done(self, at: float, event: dict[str, Any]) -> None:
        response = event["response"]
        for item in response.get("output") or ():
            if item.get("type") == "function_call":  # the event before may lack the name
                name = str(item.get("call_id") or item.get("id"))
                if name not in self._lines:
                    self._called(at, {**item, "call_id": name})
        if response.get("status") in ("cancelled", "incomplete"):
            for name in self._items_of.get(str(response.get("id")), ()):
                self._lines[name].cut = self.changed = True

    # --- what was heard of it --------------------------------------------------------------------

    def _note(self, at: float, event: dict[str, Any]) -> None:
        line = self._lines.get(str(event.get("item_id")))
        if line is None:
            return
        if event["note"] == "first_heard" and not line.is_heard:
            line.at, line.is_heard, self.changed = at, True, True
        elif event["note"] == "cut":
            self._cut(event["item_id"], float(event["heard_ms"]))

    def _cut(self, name: str, heard_ms: float) -> None:
        line = self._lines.get(name)
        # Only the first counts, which is our own: a server may count its milliseconds in its way.
        if line is not None and line.heard_ms is None:
            line.heard_ms, line.cut, self.changed = heard_ms, True, True

    def _line(self, name: str, at: float, who: str) -> _Line:
        return self._lines.setdefault(name, _Line(at, who))

    def _add(self, name: str, at: float, who: str, words: str) -> None:
        self._line(name, at, who).words = words
        self.changed = True


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600:02d}:{tenths % 600 / 10:04.1f}"


def _written(item: dict[str, Any]) -> str:
    parts = item.get("content") or ()
    return " ".join(
        part.get("text") or part.get("transcript") or ""
        for part in parts
        if part.get("type") in _TEXTS or part.get("transcript")
    )


def _arguments(text: Any) -> str:
    try:
        values = json.loads(text)
        shown = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in values.items())
    except (ValueError, TypeError, AttributeError):
        shown = text if isinstance(text, str) else ""
    return _short(shown)


def _short(text: Any) -> str:
    words = " ".join(text.split()) if isinstance(text, str) else ""
    return words if len(words) <= _LONG else f"{words[:_LONG]}…"
