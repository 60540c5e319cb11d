"""A brain on the bench: real small ears and voice, and time that only a test moves."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from inworld_rt import wire
from inworld_rt.events.client import ItemCreate, ResponseCreate, SessionUpdate
from inworld_rt.events.server import AudioDelta
from inworld_rt.items import InputText, Message
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.simulator import incoming
from inworld_rt.simulator.brain import Brain
from inworld_rt.simulator.conversation import echo, pieces
from inworld_rt.simulator.ears import ScriptedEars
from inworld_rt.simulator.quirks import Quirks
from inworld_rt.simulator.voice import Speech
from inworld_rt.wire import Event

PCM = AudioFormat()
WORD_MS = 100


class ToneVoice:
    """Says each word as 100 ms of a tone."""

    def say(
        self,
        text: str | Iterable[str],
        *,
        voice: str = "Dennis",
        speed: float = 1.0,
        language: str | None = None,
        rate: int = 24000,
    ) -> Iterator[Speech]:
        sound = tone(440, WORD_MS, AudioFormat("audio/pcm", rate))
        for piece in [text] if isinstance(text, str) else text:
            for word in pieces(piece):
                yield Speech(word, sound)

    def speak(self, text: str, **how: Any) -> Iterator[bytes]:
        return (piece.pcm for piece in self.say(text, **how))

    def warm_up(self) -> None:
        """Nothing to do."""


def buzz(ms: int, format: AudioFormat = PCM) -> bytes:
    """Something that turn detection takes for a voice: vowel-like, in syllables."""
    from inworld_rt.simulator.voice import find_voice

    pcm = b"".join(find_voice("plain").speak("la " * (ms // 100 + 4), rate=format.rate))
    from inworld_rt.pcm import encode

    return encode(pcm[: AudioFormat("audio/pcm", format.rate).bytes(ms)], format)


class Bench:
    """A brain and a clock."""

    def __init__(
        self,
        replies: Any = echo,
        *,
        quirks: Any = None,
        ears: Any = None,
        heard: Iterable[str] = itertools.repeat("what time is it"),
        **more: Any,
    ) -> None:
        self.now = 1_000_000.0
        numbers = itertools.count(1)
        self.brain = Brain(
            replies,
            ToneVoice(),
            ears or ScriptedEars(heard),
            self.now,
            quirks=Quirks.of(quirks),
            new_id=lambda: f"id-{next(numbers)}",
            **more,
        )
        self.log: list[Event] = self.brain.start()

    def send(self, event: Event | str | dict[str, Any]) -> list[Event]:
        """What is answered at once."""
        if isinstance(event, dict):
            event = json.dumps(event)
        message = incoming.read(event if isinstance(event, str) else wire.encode(event))
        got = self.brain.receive(message, self.now)
        self.log += got
        return got

    def until(self, due: float) -> list[Event]:
        """Let time pass up to a point."""
        got: list[Event] = []
        while (at := self.brain.next_due()) is not None and at <= due:
            self.now = max(self.now, at)
            got += self.brain.advance(self.now)
        self.log += got
        return got

    def pass_time(self, seconds: float) -> list[Event]:
        """Let some time pass."""
        end = self.now + seconds
        got = self.until(end)
        self.now = end
        return got

    def finish(self) -> list[Event]:
        """Let the answers in progress end, but no more than ten seconds pass."""
        return self.until(self.now + 10)

    def configure(self, **session: Any) -> list[Event]:
        return self.send({"type": "session.update", "session": session})

    def write(self, text: str, item_id: str | None = None) -> list[Event]:
        return self.send(ItemCreate(item=Message(id=item_id, content=[InputText(text=text)])))

    def say(self, text: str) -> list[Event]:
        """A whole text turn; the events of the answer."""
        self.write(text)
        return self.send(ResponseCreate()) + self.finish()

    def append(self, pcm: bytes, step_ms: int = 100, format: AudioFormat = PCM) -> list[Event]:
        from inworld_rt.events.client import InputAudioAppend

        got: list[Event] = []
        size = format.bytes(step_ms)
        for start in range(0, len(pcm), size):
            got += self.send(InputAudioAppend(audio=pcm[start : start + size]))
        return got

    def speak(self, ms: int = 1200, silence_ms: int = 1500) -> list[Event]:
        """A spoken turn, up to the silence that ends it."""
        return self.append(buzz(ms) + PCM.silence(silence_ms))

    def set_manual(self) -> None:
        self.send(SessionUpdate(session=_session({"audio": {"input": {"turn_detection": None}}})))


def _session(data: dict[str, Any]) -> Any:
    from inworld_rt.config import SessionConfig

    return SessionConfig.from_dict(data)


def types(events: Iterable[Event]) -> list[str]:
    return [event.type for event in events]


def squeezed(events: Iterable[Event]) -> list[str]:
    """Types, runs of the same deltas once."""
    out: list[str] = []
    for name in types(events):
        if name.endswith(".delta") and name in out[-3:]:
            continue
        out.append(name)
    return out


def one(events: Iterable[Event], name: str) -> Any:
    """The only event of a type."""
    found = [e for e in events if e.type == name]
    assert len(found) == 1, f"{len(found)} of {name} in {types(events)}"
    return found[0]


def sound(events: Iterable[Event]) -> bytes:
    return b"".join(e.audio for e in events if isinstance(e, AudioDelta))


def wired(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [json.loads(wire.encode(e)) for e in events]
