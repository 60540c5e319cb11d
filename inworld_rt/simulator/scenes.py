"""Scripted scenes: what goes wrong, and when. For tests of clients.

A scene is data: cues, each with what it waits for and what is done then. ``Stage`` plays a
scene around a brain; like the brain it is pure, and its actions are for the server to carry out.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field, frozen

from inworld_rt.errors import ConfigError
from inworld_rt.events.server import ResponseCreated
from inworld_rt.simulator.brain import Brain
from inworld_rt.simulator.incoming import Malformed
from inworld_rt.wire import Event, encode

__all__ = [
    "SCENES",
    "Action",
    "Close",
    "Cue",
    "Delay",
    "Drop",
    "Scene",
    "Send",
    "Silence",
    "Stage",
    "find_scene",
]


@frozen
class Send:
    """Send this frame as it is; text, or ``bytes`` for a binary frame."""

    data: str | bytes


@frozen
class Delay:
    """Hold back everything that follows for so many seconds."""

    seconds: float


@frozen
class Drop:
    """Break the connection off, without a closing handshake."""


@frozen
class Close:
    """Close the connection."""

    code: int = 1000
    reason: str = ""


@frozen
class Silence:
    """Send nothing more, but stay connected."""


Step = Send | Delay | Drop | Close | Silence
Action = Send | Drop | Close
"""What the server does; the other steps are the stage's own."""


@frozen(kw_only=True)
class Cue:
    """When to do what."""

    on: str | None = None
    """``open``, or the type of a client or server event."""
    nth: int = 1
    """The how manieth of them; within the answer, where ``answer`` is given."""
    answer: int | None = None
    """Only during the how manieth answer of the session."""
    at: float | None = None
    """Instead of an event: seconds after the start."""
    instead: bool = False
    """Whether the steps replace the event: a client's is not seen, a server's not sent."""
    do: tuple[Step, ...] = ()


@frozen
class Scene:
    """A number of cues, each played once."""

    cues: tuple[Cue, ...] = ()


_REFUSAL = (
    '{"type":"error","event_id":"scene-1","error":{"type":"invalid_request_error",'
    '"code":"invalid_value","message":"Unknown transcription model.",'
    '"param":"session.audio.input.transcription.model","event_id":null}}'
)
_DELTA = "response.output_audio.delta"

SCENES: Mapping[str, Scene] = {
    "hang_up_mid_answer": Scene((Cue(on=_DELTA, nth=3, do=(Drop(),)),)),
    "close_mid_answer": Scene((Cue(on=_DELTA, nth=3, do=(Close(1011, "server error"),)),)),
    "silent_after_ready": Scene((Cue(on="session.updated", do=(Silence(),)),)),
    "silent_mid_answer": Scene((Cue(on=_DELTA, nth=3, do=(Silence(),)),)),
    "garbage_frame": Scene(
        (Cue(on="response.created", do=(Send('{"type": "resp'), Send("[]"), Send("\u2603"))),)
    ),
    "refuse_update": Scene((Cue(on="session.update", instead=True, do=(Send(_REFUSAL),)),)),
    "slow_start": Scene((Cue(on="open", do=(Delay(0.5),)),)),
}
"""Some scenes by name."""


def find_scene(scene: Scene | str | None) -> Scene:
    """A scene, by its name or as it is.

    Raises:
        ConfigError: there is none of this name.
    """
    if scene is None:
        return Scene()
    if isinstance(scene, Scene):
        return scene
    found = SCENES.get(scene)
    if found is None:
        raise ConfigError(f"there is no scene {scene!r}; known: {', '.join(sorted(SCENES))}")
    return found


@define
class Stage:
    """A session as it is seen from the socket: the brain, and what the scene does around it."""

    brain: Brain
    scene: Scene = Scene()
    drop_after: int = 0
    """Break off after so many frames; 0 is never."""
    _start: float = 0.0
    _seen: Counter[str] = field(factory=Counter)
    _in_answer: Counter[str] = field(factory=Counter)
    _answers: int = 0
    _played: set[int] = field(factory=set)
    _outbox: deque[Step] = field(factory=deque)
    _gate: float = -math.inf
    _silent: bool = False
    _over: bool = False
    _sent: int = 0

    def open(self, now: float) -> list[Action]:
        """The connection is open.

        Args:
            now: seconds.

        Returns:
            What to do at once.
        """
        self._start = now
        self._cue("open")
        self._offer(self.brain.start())
        return self._flush(now)

    def receive(self, event: Event | Malformed, now: float) -> list[Action]:
        """A frame came; see :meth:`Brain.receive <inworld_rt.simulator.brain.Brain.receive>`."""
        if isinstance(event, Malformed) or not self._cue(event.type):
            self._offer(self.brain.receive(event, now))
        return self._flush(now)

    def advance(self, now: float) -> list[Action]:
        """Time has passed; see :meth:`Brain.advance <inworld_rt.simulator.brain.Brain.advance>`."""
        for index, cue in enumerate(self.scene.cues):
            if cue.at is not None and index not in self._played and now >= self._start + cue.at:
                self._played.add(index)
                self._outbox.extend(cue.do)
        due = self.brain.next_due()
        if due is not None and due <= now:
            self._offer(self.brain.advance(now))
        return self._flush(now)

    def next_due(self) -> float | None:
        """When :meth:`advance` wants to be called."""
        dues = [
            self._start + cue.at
            for index, cue in enumerate(self.scene.cues)
            if cue.at is not None and index not in self._played
        ]
        if self._outbox:
            dues.append(self._gate)
        due = self.brain.next_due()
        if due is not None:
            dues.append(due)
        return min(dues, default=None)

    def _offer(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, ResponseCreated):
                self._answers += 1
                self._in_answer.clear()
            frame = Send(encode(event).decode())
            position = len(self._outbox)
            if not self._cue(event.type):
                self._outbox.insert(position, frame)
        if self.brain.ended is not None:
            self._outbox.append(Close(*self.brain.ended))

    def _cue(self, name: str) -> bool:
        """Note that something happened; gives whether the scene replaces it."""
        self._seen[name] += 1
        self._in_answer[name] += 1
        replaced = False
        for index, cue in enumerate(self.scene.cues):
            if cue.on != name or index in self._played:
                continue
            if cue.answer not in (None, self._answers):
                continue
            count = self._seen if cue.answer is None else self._in_answer
            if count[name] == cue.nth:
                self._played.add(index)
                self._outbox.extend(cue.do)
                replaced = replaced or cue.instead
        return replaced

    def _flush(self, now: float) -> list[Action]:
        actions: list[Action] = []
        while self._outbox and self._gate <= now and not self._over:
            step = self._outbox.popleft()
            if isinstance(step, Delay):
                self._gate = now + step.seconds
            elif isinstance(step, Silence):
                self._silent = True
            elif not isinstance(step, Send):
                self._over = True
                actions.append(step)
            elif not self._silent:
                actions.append(step)
                self._sent += 1
                if self._sent == self.drop_after:
                    self._over = True
                    actions.append(Drop())
        return actions


def scene_for(scenes: Scene | str | Sequence[Scene | str | None] | None, connection: int) -> Scene:
    """The scene of the n-th connection, counted from 0.

    One scene is played for every connection; of several, each for one, then none.
    """
    if scenes is None or isinstance(scenes, (Scene, str)):
        return find_scene(scenes)
    return find_scene(scenes[connection] if connection < len(scenes) else None)
