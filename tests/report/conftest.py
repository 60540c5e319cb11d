"""Recordings made by hand, of which all is known: what was said, when, and what went wrong."""

from __future__ import annotations

import json
import math
import wave
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inworld_rt.recording import Entry

RATE = 24000
HEADER = {
    "recording": 1,
    "inworld_rt": "0.5.0",
    "python": "3.13.0",
    "began": "2026-11-24T14:50:03.123456+00:00",
    "url": "wss://api.inworld.ai/api/v1/realtime/session",
    "sound": "played",
}
USAGE = {
    "total_tokens": 300,
    "input_tokens": 200,
    "output_tokens": 100,
    "input_token_details": {"text_tokens": 120, "audio_tokens": 80, "cached_tokens": 40},
    "output_token_details": {"text_tokens": 30, "audio_tokens": 70},
}


class Story:
    """Tells what happened, line by line; each line at its time in seconds."""

    def __init__(self, **header: Any) -> None:
        self.header = {**HEADER, **header}
        self.entries: list[Entry] = []
        self.sounds: list[tuple[int, float, float]] = []  # side, start, seconds
        self._bytes = {"sent.raw": 0, "received.raw": 0}
        self._count = 0
        self._sent_until = 0.0

    # --- single lines ---

    def note(self, t: float, note: str, **fields: Any) -> None:
        self._add(t, "note", {"note": note, **fields})

    def sent(self, t: float, kind: str, **fields: Any) -> None:
        self._add(t, "sent", {"type": kind, **fields})

    def received(self, t: float, kind: str, **fields: Any) -> None:
        self._add(t, "received", {"type": kind, **fields})

    def _add(self, t: float, way: str, event: dict[str, Any]) -> None:
        self.entries.append(Entry(round(t, 6), 1795531803.0 + t, way, event))

    def _sound(self, file: str, seconds: float) -> dict[str, Any]:
        size = 2 * round(RATE * seconds)
        place, self._bytes[file] = self._bytes[file], self._bytes[file] + size
        return {"file": file, "at": place, "bytes": size}

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    # --- what usually comes together ---

    def begin(self, t: float = 0.0, voice: str = "Clive") -> None:
        """A session is opened."""
        self.note(t, "opened")
        form = {"type": "audio/pcm", "rate": RATE}
        audio = {"input": {"format": form}, "output": {"format": form, "voice": voice}}
        self.received(t + 0.01, "session.created", session={"audio": audio})
        self._sent_until = t + 0.02

    def listen(self, until: float) -> None:
        """The microphone is on."""
        while self._sent_until < until - 1e-9:
            seconds = min(0.1, until - self._sent_until)
            audio = self._sound("sent.raw", seconds)
            self.sent(self._sent_until, "input_audio_buffer.append", audio=audio)
            self._sent_until = round(self._sent_until + seconds, 6)

    def speech(self, t: float, seconds: float, words: str, known: float = 0.15) -> float:
        """The user speaks; returns when the server says that it was over."""
        item, begin = self._id("user"), self.entries[0].t + 0.02
        self.sounds.append((0, t, seconds))
        self.listen(t + 0.2)
        ms = round((t - begin) * 1000)
        name = "input_audio_buffer.speech_started"
        self.received(t + 0.2, name, audio_start_ms=ms, item_id=item)
        over = t + seconds + 0.4
        self.listen(over)
        name, ms = "input_audio_buffer.speech_stopped", ms + round(seconds * 1000)
        self.received(over, name, audio_end_ms=ms, item_id=item)
        self.received(over + 0.001, "input_audio_buffer.committed", item_id=item)
        name = "conversation.item.input_audio_transcription.completed"
        self.received(over + known, name, item_id=item, transcript=words)
        return over

    def typed(self, t: float, words: str) -> float:
        """The user writes."""
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": words}],
        }
        self.sent(t, "conversation.item.create", item=item)
        self.sent(t + 0.001, "response.create")
        return t

    def answer(
        self,
        t: float,
        words: str,
        *,
        text: float = 0.4,
        audio: float = 0.6,
        heard: float | None = 0.65,
        seconds: float | None = None,
        slices: int = 4,
        late: float = 0.0,
        cut: float | None = None,
        status: str = "completed",
        usage: dict[str, Any] | None = USAGE,
        **details: Any,
    ) -> float:
        """It answers; the times are after ``t``. Returns when the sound is over."""
        response, item = self._id("response"), self._id("item")
        seconds = len(words) / 15 if seconds is None else seconds
        lines: list[tuple[float, str, str, dict[str, Any]]] = []
        ids = {"response_id": response, "item_id": item}

        def say(at: float, way: str, kind: str, **fields: Any) -> None:
            lines.append((at, way, kind, fields))

        say(t + 0.05, "received", "response.created", response={"id": response, "output": []})
        added = {"id": item, "type": "message", "role": "assistant"}
        say(t + 0.06, "received", "response.output_item.added", response_id=response, item=added)
        pieces = words.split(" ")
        for n, word in enumerate(pieces):
            delta = word + (" " if n + 1 < len(pieces) else "")
            name = "response.output_audio_transcript.delta"
            say(t + text + 0.02 * n, "received", name, **ids, delta=delta)
        for n in range(slices if seconds else 0):
            at = t + audio + 0.1 * n + (late if n else 0.0)
            sound = self._sound("received.raw", seconds / slices)
            say(at, "received", "response.output_audio.delta", **ids, delta=sound)
        end = max(at for at, *_ in lines) + 0.05
        played = t + (audio if heard is None else heard)
        if heard is not None:
            say(played, "note", "first_heard", item_id=item)
        if cut is not None:
            say(played + cut, "note", "cut", item_id=item, heard_ms=round(cut * 1000))
            end = min(end, played + cut + 0.1) if status == "cancelled" else end
        told = {"id": response, "status": status, **details}
        say(end, "received", "response.done", response={**told, "usage": usage})
        for at, way, kind, fields in sorted(lines, key=lambda line: line[0]):
            if at <= end or way == "note":
                getattr(self, way)(at, kind, **fields)
        if seconds:
            self.sounds.append((1, played, seconds if cut is None else cut))
        return played + (seconds if cut is None else cut)

    def call(self, t: float, name: str, arguments: str, seconds: float, output: str) -> float:
        """The model calls a tool; returns when its result is sent."""
        response, call = self._id("response"), self._id("call")
        item = {"id": call, "type": "function_call", "name": name, "call_id": call}
        self.received(t, "response.created", response={"id": response})
        self.received(t + 0.2, "response.output_item.added", response_id=response, item=item)
        done = {"response_id": response, "call_id": call, "item_id": call, "arguments": arguments}
        self.received(t + 0.25, "response.function_call_arguments.done", **done)
        told = {"id": response, "status": "completed", "output": [], "usage": USAGE}
        self.received(t + 0.27, "response.done", response=told)
        over = t + 0.25 + seconds
        result = {"type": "function_call_output", "call_id": call, "output": output}
        self.sent(over, "conversation.item.create", item=result)
        return over

    def end(self, t: float) -> None:
        self.note(t, "closed", code=1000)

    # --- as files ---

    def save(self, folder: Path, *, sound: bool = True) -> Path:
        """The recording on disk."""
        folder.mkdir(parents=True, exist_ok=True)
        self.entries.sort(key=lambda entry: entry.t)
        lines = [json.dumps(self.header), *(json.dumps(e._asdict()) for e in self.entries)]
        (folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if sound:
            self._write_sound(folder / "conversation.wav")
        return folder

    def _write_sound(self, path: Path) -> None:
        ends = [start + seconds for _, start, seconds in self.sounds]
        end = max([0.0, *ends, *(entry.t for entry in self.entries)])
        sides = [array("h", bytes(2 * round(RATE * end))) for _ in range(2)]
        for side, start, seconds in self.sounds:
            voice, first = _voice(side, seconds), round(RATE * start)
            sides[side][first : first + len(voice)] = voice
        both = array("h", bytes(4 * len(sides[0])))
        both[0::2], both[1::2] = (side[: len(both) // 2] for side in sides)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(both.tobytes())


def _voice(side: int, seconds: float) -> array[int]:
    """A hum with the loudness of syllables and words."""
    count, pitch = round(RATE * seconds), (140, 105)[side]
    cycle = [math.sin(2 * math.pi * n * pitch / RATE) for n in range(RATE // 5)]  # whole periods
    samples = array("h")
    for start in range(0, count, 240):
        at = start / RATE
        word = max(0.0, math.sin(math.pi * at / 0.7 % math.pi + 0.2)) ** 0.6
        loud = 12000 * word * (0.35 + 0.65 * abs(math.sin(at * 11 + 3 * math.sin(at * 1.7))))
        n = start % len(cycle)
        part = cycle[n : n + 240]
        samples.extend(int(loud * value) for value in part[: count - start])
    return samples


@pytest.fixture(scope="session")
def story() -> Callable[..., Story]:
    """Begins a recording made by hand."""
    return Story


@pytest.fixture(scope="session")
def eventful() -> Story:
    """Everything that a report shows is in it, at times that are known."""
    s = Story()
    s.begin()
    s.answer(0.2, "Good afternoon, I am Clive. How can I help you?", text=0.3, audio=0.5, heard=0.6)
    over = s.speech(4.8, 1.9, "What is a whale?")
    s.answer(over, WHALE, text=0.35, audio=0.55, heard=0.62, cut=3.68)
    over = s.speech(11.2, 2.2, "And how is the weather in Bergen?", known=0.25)
    over2 = s.call(over, "look_up_weather", '{"city": "Bergen"}', 1.8, '{"sky": "rain", "c": 7}')
    s.answer(over2, "It is raining in Bergen, at seven degrees. Take an umbrella.")
    over = s.speech(23.0, 1.5, "<script>alert(1)</script> & <b>bold</b>")
    s.answer(over, "That is <i>HTML</i>, and it does nothing here.", late=1.4, slices=3)
    s.note(29.6, "underrun", ms=180)
    s.note(30.1, "underrun", ms=60)
    over = s.typed(33.0, "Tell me about the sea, please.")
    s.answer(over, "The sea is blue because water swallows red light first.", text=3.1, audio=3.4,
             heard=3.5)  # fmt: skip
    s.note(44.0, "lost", why="the network is unreachable")
    s.note(46.5, "reconnected")
    s.begin(46.5)
    over = s.typed(47.5, "Are you still there?")
    s.answer(over, "Yes, I am.", status="failed", seconds=0.6,
             status_details={"error": {"code": "rate_limit"}})  # fmt: skip
    s.received(49.0, "error", error={"code": "rate_limit", "message": "too fast"})
    s.note(50.0, "device_lost", device="USB headset")
    s.note(51.0, "device_back", device="USB headset")
    over = s.typed(52.0, "Thank you, goodbye!")
    s.answer(over, "Goodbye, and mind the whales.")
    s.end(57.0)
    return s


WHALE = (
    "A whale is a mammal that lives in the sea. It breathes air, and the largest of all, the blue "
    "whale, is as long as three buses."
)
