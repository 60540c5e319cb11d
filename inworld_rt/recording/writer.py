"""Puts what happened into the files of a recording, in order of time."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from inworld_rt._version import __version__
from inworld_rt.pcm import AudioFormat
from inworld_rt.recording.folder import (
    EVENTS,
    RECEIVED,
    SENT,
    SOUND,
    TRANSCRIPT,
    claim,
    not_writable,
)
from inworld_rt.recording.messages import line, sound_of, take_apart
from inworld_rt.recording.script import Script
from inworld_rt.recording.scrubber import Scrubber, bare_url
from inworld_rt.recording.sound import LEFT, RIGHT, Live, Stereo, Track

__all__ = ["VERSION", "Happening", "Start", "Writer"]

VERSION = 1
"""Of the layout of a recording."""

_TRANSCRIPT_EVERY = 10.0  # seconds
# As long as each other, so that the one can be written over the other.
_AS_RECEIVED, _AS_PLAYED = '"sound": "received"', '"sound": "played"  '


class Happening(NamedTuple):
    """Something to keep.

    Attributes:
        at: when, on the monotonic clock.
        wall: when, as Unix time.
        way: ``sent`` or ``received``: a message; ``note``: a dict; ``listening``: a loudspeaker is
            in use from now on; ``played``: what it played; ``live``: a microphone is, or no more.
        content: the message; the dict; of what was played the samples; whether a microphone is in
            use.
        source: of what was played: which loudspeaker.
        rate: of what was played: samples per second.
    """

    at: float
    wall: float
    way: str
    content: Any
    source: int = 0
    rate: int = 0


class Start(NamedTuple):
    """Where the time of a recording begins.

    Attributes:
        at: on the monotonic clock.
        wall: as Unix time.
        url: the server's address; what may be secret in it is left out.
    """

    at: float
    wall: float
    url: str


class Writer:
    """The files of one recording. One thread only.

    Attributes:
        folder: where they are.
    """

    def __init__(self, wanted: str | os.PathLike[str], start: Start, scrubber: Scrubber) -> None:
        """Make the folder and begin the files.

        Args:
            wanted: its path; if there is a recording, a number is added.
            start: where its time begins.
            scrubber: takes secrets out.

        Raises:
            ConfigError: no folder can be made there, or written to.
        """
        self._start, self._scrubber = start, scrubber
        self._latest = 0.0
        self._formats = {"input": AudioFormat(), "output": AudioFormat()}
        self._lines: list[bytes] = []
        self._sizes = {SENT: 0, RECEIVED: 0}
        self._listening = False
        self._items: dict[str | None, str] = {}  # the first that sounded, of each answer
        self._speakers: dict[int, Track] = {}
        self._script = Script()
        self._script_due = 0.0
        self._files: dict[str, BinaryIO] = {}
        with contextlib.ExitStack() as cleanup:
            self.folder, self._events = claim(wanted)
            cleanup.callback(self._events.close)
            try:
                for name in self._sizes:
                    self._files[name] = open(self.folder / name, "xb")
                    cleanup.callback(self._files[name].close)
                self._stereo = Stereo(self.folder / SOUND)
                cleanup.callback(self._stereo.close)
                self._write_header()
            except OSError as exc:
                raise not_writable(self.folder, exc) from exc
            self._cleanup = cleanup.pop_all()
        self._user, self._answers = Live(self._stereo, LEFT), Track(self._stereo, RIGHT)
        self._asides = Track(self._stereo, RIGHT)

    def _write_header(self) -> None:
        began = datetime.datetime.fromtimestamp(self._start.wall, datetime.timezone.utc)
        header = {
            "recording": VERSION,
            "inworld_rt": __version__,
            "python": platform.python_version(),
            "began": began.isoformat(timespec="microseconds"),
            "url": bare_url(self._start.url).partition("?")[0],
        }
        words = line(header).decode()[:-1] + f", {_AS_RECEIVED}}}\n"
        self._head = words.encode()
        self._events.write(self._head)

    # --- what happens ----------------------------------------------------------------------------

    def keep(self, happening: Happening) -> None:
        """Take something in; :meth:`write` brings it to the files."""
        at = max(0.0, happening.at - self._start.at)
        way = happening.way
        if way == "played":
            self._played(at, happening)
            return
        if way == "listening":
            self._listen()
            return
        if way == "live":
            self._user.is_live = happening.content
            return
        if way == "note":
            event = self._scrubber.clean(happening.content)
            if "item_id" not in event and (item := self._items.get(event.get("response_id"))):
                event["item_id"] = item
        else:
            event = self._message(at, way, happening.content)
        self._latest = at = max(at, self._latest)
        self._script.saw(at, way, event)
        entry = {"t": round(at, 6), "wall": round(happening.wall, 6), "way": way, "event": event}
        self._lines.append(line(entry) + b"\n")

    def _message(self, at: float, way: str, message: bytes) -> dict[str, Any]:
        name = SENT if way == "sent" else RECEIVED
        sounds: list[bytes] = []

        def store(sound: bytes) -> dict[str, Any]:
            sounds.append(sound)
            self._files[name].write(sound)
            place, self._sizes[name] = self._sizes[name], self._sizes[name] + len(sound)
            return {"file": name, "at": place, "bytes": len(sound)}

        event = take_apart(message, self._scrubber, store)
        if sounds:
            self._sound(at, way, event, sounds)
        elif way == "received":
            self._agree(event)
        return event

    def _agree(self, event: dict[str, Any]) -> None:
        """Learn the formats from the server's settings."""
        if event.get("type") not in ("session.created", "session.updated"):
            return
        for name in self._formats:
            value: Any = event.get("session")
            for key in ("audio", name, "format"):
                value = value.get(key) if isinstance(value, dict) else None
            self._formats[name] = AudioFormat.from_wire(value) or self._formats[name]

    # --- sound -----------------------------------------------------------------------------------

    def _sound(self, at: float, way: str, event: dict[str, Any], sounds: list[bytes]) -> None:
        if way == "sent":
            for sound in sounds:
                self._user.add(at, sound, self._formats["input"])
            return
        kind = sound_of(event)
        if kind == "speech" and isinstance(event.get("item_id"), str):
            self._items.setdefault(str(event.get("response_id")), event["item_id"])
        if kind and not self._listening:
            track = self._answers if kind == "speech" else self._asides
            track.lay(at, sounds[0], self._formats["output"])

    def _listen(self) -> None:
        """A loudspeaker is in use: from now on, what counts is what it plays."""
        if not self._listening:
            self._answers.flush()
            self._asides.flush()
            self._stereo.blank(RIGHT)
            self._listening = True
            self._events.seek(0)
            self._events.write(self._head.replace(_AS_RECEIVED.encode(), _AS_PLAYED.encode()))
            self._events.seek(0, os.SEEK_END)

    def _played(self, at: float, happening: Happening) -> None:
        track = self._speakers.get(happening.source)
        if track is None:
            track = self._speakers[happening.source] = Track(self._stereo, RIGHT)
        track.lay(at, happening.content, AudioFormat(rate=happening.rate))

    # --- the files -------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the events; a killed process keeps them.

        Raises:
            OSError: the disk is full, and so on.
        """
        if self._lines:
            for file in self._files.values():  # first: the lines refer to it
                file.flush()
            data, self._lines = memoryview(b"".join(self._lines)), []
            while data:
                data = data[self._events.write(data) :]

    @property
    def _tracks(self) -> list[Track]:
        return [self._user, self._answers, self._asides, *self._speakers.values()]

    def sync(self, now: float) -> None:
        """Write the sound, too, and every few seconds the transcript.

        Args:
            now: all that happened up to this time has been taken in.

        Raises:
            OSError: as :meth:`write`.
        """
        os.stat(self.folder / EVENTS)  # what was removed would take everything in silence
        self.write()
        self._user.settle(now - self._start.at)
        for track in self._tracks:
            track.write()
        self._stereo.sync()
        if self._script.changed and now >= self._script_due:
            self._script_due = now + _TRANSCRIPT_EVERY
            self._write_script()

    def _write_script(self) -> None:
        path = Path(self.folder / TRANSCRIPT)
        draft = path.with_name(f".{TRANSCRIPT}.part")
        draft.write_text(self._script.text(), encoding="utf-8", errors="replace")
        draft.replace(path)

    def close(self) -> None:
        """Complete the files.

        Raises:
            OSError: as :meth:`write`.
        """
        self.write()
        self._user.settle()
        for track in self._tracks:
            track.flush()
        self._write_script()
        self._cleanup.close()

    def abandon(self) -> None:
        """Let go of the files, as they are."""
        with contextlib.suppress(OSError):
            self._cleanup.close()
