"""Recordings, read again: whole ones, torn ones, and what is none."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.errors import ConfigError
from inworld_rt.recording import Entry, find, load
from inworld_rt.recording.scrubber import Scrubber
from inworld_rt.recording.writer import Happening, Start, Writer

HELLO = {"type": "input_audio_buffer.append", "audio": "AAECAw=="}


def write(folder: Path, *happenings: Any, wall: float = 1e9) -> Path:
    """A recording of messages, by way, and of notes."""
    writer = Writer(folder, Start(0.0, wall, "wss://host/path?key=x"), Scrubber())
    for n, (way, content) in enumerate(happenings, 1):
        data = content if way == "note" else json.dumps(content).encode()
        writer.keep(Happening(n / 8, wall + n / 8, way, data))
    writer.close()
    return writer.folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield write(
        tmp_path / "kept", ("sent", HELLO), ("sent", HELLO), ("note", {"note": "closed", "code": 1})
    )


def test_a_recording_is_read(folder: Path) -> None:
    recording = load(str(folder))
    assert recording.folder == folder
    assert recording.header["began"] == "2001-09-09T01:46:40.000000+00:00"
    assert recording.header["url"] == "wss://host/path"
    assert recording.header["sound"] == "received"
    reference = {"file": "sent.raw", "at": 4, "bytes": 4}
    kept = {"type": "input_audio_buffer.append", "audio": reference}
    assert recording.entries[1] == Entry(0.25, 1e9 + 0.25, "sent", kept)
    assert recording.audio(reference) == b"\0\1\2\3"
    assert json.loads(recording.message(recording.entries[1])) == HELLO
    assert recording.complete
    with pytest.raises(ConfigError, match="'closed' is no message"):
        recording.message(recording.entries[2])
    assert "<3>" in repr(recording)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5))
def test_any_messages_come_back(
    tmp_path_factory: pytest.TempPathFactory, messages: list[dict[str, Any]]
) -> None:
    """Except for what is named like a secret, which these are not."""
    safe = [{f"x {key}": value for key, value in one.items()} for one in messages]
    folder = write(
        tmp_path_factory.getbasetemp() / "any",
        *(("received" if n % 2 else "sent", message) for n, message in enumerate(safe)),
    )
    recording = load(folder)
    assert [json.loads(recording.message(entry)) for entry in recording.entries] == safe


# --- torn and broken ------------------------------------------------------------------------------


@pytest.mark.parametrize("torn", [1, 10, 40])
def test_a_last_line_that_is_torn_is_left_out(folder: Path, torn: int) -> None:
    events = folder / "events.jsonl"
    os.truncate(events, events.stat().st_size - torn)
    recording = load(folder)
    assert not recording.complete
    assert len(recording.entries) == 2


def test_a_last_line_that_is_broken_is_left_out(folder: Path) -> None:
    """As a computer leaves it that lost its power."""
    with open(folder / "events.jsonl", "ab") as file:
        file.write(bytes(100) + b"\n")
    recording = load(folder)
    assert len(recording.entries) == 3 and not recording.complete


def test_a_recording_without_its_end_is_incomplete(tmp_path: Path) -> None:
    assert not load(write(tmp_path / "kept", ("sent", HELLO))).complete
    assert not load(write(tmp_path / "empty")).complete


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"t": 1, "wall": 1, "way": "sideways", "event": {}}',
        b'{"t": "1", "wall": 1, "way": "sent", "event": {}}',
        b'{"t": 1, "wall": 1, "way": "sent", "event": []}',
    ],
)
def test_a_line_that_is_broken_is_told(folder: Path, line: bytes) -> None:
    events = folder / "events.jsonl"
    lines = events.read_bytes().split(b"\n")
    events.write_bytes(b"\n".join([*lines[:2], line, *lines[2:]]))
    with pytest.raises(ConfigError, match=r"events\.jsonl, line 3, is broken"):
        load(folder)


@pytest.mark.parametrize("line", [b"", b"[1]", b'{"recording": "1"}', b'{"inworld_rt": "1"}'])
def test_a_header_that_is_broken_is_told(folder: Path, line: bytes) -> None:
    (folder / "events.jsonl").write_bytes(line)
    with pytest.raises(ConfigError, match="line 1, is broken"):
        load(folder)


def test_a_newer_version_is_told(folder: Path) -> None:
    (folder / "events.jsonl").write_text('{"recording": 2, "inworld_rt": "9.5"}\n')
    with pytest.raises(ConfigError, match=r"newer version, inworld_rt 9\.5; install"):
        load(folder)


def test_sound_that_is_missing_is_told(folder: Path) -> None:
    recording = load(folder)
    os.truncate(folder / "sent.raw", 6)
    with pytest.raises(ConfigError, match=r"sent\.raw ends before byte 8"):
        recording.message(recording.entries[1])
    (folder / "sent.raw").unlink()
    with pytest.raises(ConfigError, match=r"sent\.raw: No such file"):
        recording.message(recording.entries[1])
    for wrong in ({}, {"file": "../key", "at": 0, "bytes": 1}, {"file": "sent.raw", "at": -1}):
        with pytest.raises(ConfigError, match="no reference"):
            recording.audio(wrong)
    (folder / "conversation.wav").write_bytes(bytes(100))
    with pytest.raises(ConfigError, match="the sound of the recording"):
        recording.sound()
    (folder / "conversation.wav").unlink()
    with pytest.raises(ConfigError, match="the sound of the recording"):
        recording.sound()


def test_no_sound_is_none(tmp_path: Path) -> None:
    assert load(write(tmp_path / "kept")).sound() == (b"", b"", 24000)
    folder = write(tmp_path / "kept")
    (folder / "transcript.txt").unlink()
    assert load(folder).transcript == ""


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="there is no recording in"):
            load(place)
        with pytest.raises(ConfigError, match="there is no recording in"):
            find(place)


def test_the_newest_is_found(tmp_path: Path) -> None:
    """By when it began, whatever was touched or copied later."""
    old = write(tmp_path / "b", wall=1e9)
    new = write(tmp_path / "a", wall=1.1e9)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "events.jsonl").write_bytes(b"")
    os.utime(old / "events.jsonl", (time.time() + 60,) * 2)
    assert find(tmp_path) == new
    assert find(old) == old
