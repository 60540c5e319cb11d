"""What happened, in files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted import SLICE

from inworld_rt.recording import load
from inworld_rt.recording.scrubber import Scrubber
from inworld_rt.recording.writer import Happening, Start, Writer
from inworld_rt.rules import encode64

ANSWER = json.dumps(
    {
        "type": "response.output_audio.delta",
        "response_id": "r",
        "item_id": "i",
        "delta": encode64(SLICE).decode(),
    }
).encode()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "kept", Start(0.0, 1e9, "wss://host"), Scrubber(["simsalabim"]))
    yield writer
    writer.abandon()


def test_once_a_loudspeaker_is_in_use_only_what_it_plays_counts(writer: Writer) -> None:
    """What was received before may never have been heard."""
    played = SLICE[::-1]
    writer.keep(Happening(0.5, 1e9, "received", ANSWER))
    writer.keep(Happening(1.0, 1e9, "listening", None))
    writer.keep(Happening(1.5, 1e9, "received", ANSWER))
    writer.keep(Happening(2.0, 1e9, "played", played, 1, 24000))
    writer.close()
    recording = load(writer.folder)
    assert recording.header["sound"] == "played"
    assert recording.sound()[1] == bytes(96000) + played
    assert recording.audio(recording.entries[1].event["delta"]) == SLICE


def test_two_loudspeakers_are_heard_at_once(writer: Writer) -> None:
    for source in (1, 2):
        writer.keep(Happening(0.0, 1e9, "listening", None))
        writer.keep(Happening(1.0, 1e9, "played", b"\1\0" * 100, source, 24000))
    writer.close()
    assert load(writer.folder).sound()[1] == bytes(48000) + b"\2\0" * 100


def test_notes_keep_no_secret(writer: Writer) -> None:
    writer.keep(Happening(0.5, 1e9, "note", {"note": "lost", "why": "simsalabim is wrong"}))
    writer.close()
    (note,) = load(writer.folder).entries
    assert note.event["why"] == "<hidden> is wrong"


def test_the_first_sound_of_an_answer_is_that_of_its_item(writer: Writer) -> None:
    writer.keep(Happening(0.5, 1e9, "received", ANSWER))
    writer.keep(Happening(0.6, 1e9, "note", {"note": "first_heard", "response_id": "r"}))
    writer.close()
    assert load(writer.folder).entries[1].event["item_id"] == "i"


def test_what_is_told_late_does_not_break_the_order(writer: Writer) -> None:
    writer.keep(Happening(0.5, 1e9, "received", ANSWER))
    writer.keep(Happening(0.4, 1e9, "note", {"note": "first_heard", "item_id": "i"}))
    writer.keep(Happening(-1.0, 1e9, "note", {"note": "opened"}))
    writer.close()
    assert [entry.t for entry in load(writer.folder).entries] == [0.5, 0.5, 0.5]
