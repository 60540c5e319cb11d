"""Messages taken apart and put together."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inworld_rt.recording.messages import RAW, line, put_together, take_apart
from inworld_rt.recording.scrubber import Scrubber

WORDS = st.sampled_from(
    ["type", "delta", "audio", "data", "file", "content", "raw", "item", "part", "x"]
)
SOUND = st.binary(min_size=1, max_size=20).map(lambda data: base64.b64encode(data).decode())
KINDS = st.sampled_from(
    [
        "input_audio_buffer.append",
        "response.output_audio.delta",
        "response.audio.delta",
        "response.backchannel.audio.delta",
        "input_audio",
        "output_audio",
        "audio",
        "response.output_text.delta",
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), SOUND, KINDS
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(), inner),
    max_leaves=20,
)
OBJECTS = st.dictionaries(WORDS | st.text(), JSON)


class Tape:
    """Keeps sound."""

    def __init__(self) -> None:
        self.sound = b""

    def store(self, sound: bytes) -> dict[str, Any]:
        self.sound += sound
        return {"file": "sent.raw", "at": len(self.sound) - len(sound), "bytes": len(sound)}

    def fetch(self, reference: dict[str, Any]) -> bytes:
        return self.sound[reference["at"] :][: reference["bytes"]]


def apart(message: bytes | dict[str, Any], *secrets: str) -> tuple[dict[str, Any], Tape]:
    tape = Tape()
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return take_apart(data, Scrubber(secrets), tape.store), tape


@given(OBJECTS)
@example({RAW: "x"})
@example({"type": "audio", "audio": {"file": "sent.raw", "at": 0, "bytes": 0}})
@example({"type": "input_audio_buffer.append", "audio": "AAB="})  # not as we would write it
@example({"type": "session.update", "text": "\ud800"})  # half a character
@example({"type": {"secret": "0"}})
def test_what_is_taken_apart_comes_together_again(message: dict[str, Any]) -> None:
    """Any message, also those that no server sends, is the same after its way through a file, but
    for what looks like a secret."""
    kept, tape = apart(message)
    read = json.loads(line(kept))
    assert json.loads(put_together(read, tape.fetch)) == Scrubber().clean(message)


@given(st.binary())
def test_what_is_no_json_object_comes_back_to_the_byte(message: bytes) -> None:
    kept, tape = apart(b"\xff" + message)
    assert put_together(kept, tape.fetch) == b"\xff" + message
    kept, tape = apart(b"[1, 2]")
    assert put_together(kept, tape.fetch) == b"[1, 2]"


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ({"type": "input_audio_buffer.append"}, "audio"),
        ({"type": "response.output_audio.delta", "item_id": "i"}, "delta"),
        ({"type": "response.audio.delta"}, "data"),
        ({"type": "response.backchannel.audio.delta"}, "delta"),
    ],
)
def test_the_sound_of_an_event_is_a_reference(event: dict[str, Any], place: str) -> None:
    kept, tape = apart({**event, place: "AAEC"})
    assert kept == {**event, place: {"file": "sent.raw", "at": 0, "bytes": 3}}
    assert tape.sound == b"\0\1\2"


def test_the_sound_of_a_part_is_one_wherever_the_part_is() -> None:
    part = {"type": "input_audio", "audio": "AAEC", "transcript": "oh"}
    event = {"type": "conversation.item.create", "item": {"content": [part]}}
    kept, tape = apart(event)
    assert kept["item"]["content"][0]["audio"] == {"file": "sent.raw", "at": 0, "bytes": 3}
    assert json.loads(put_together(kept, tape.fetch)) == event
    assert kept["item"]["content"][0]["audio"]["at"] == 0  # it was not changed by that


def test_words_that_look_like_base64_stay_words() -> None:
    event = {"type": "response.output_text.delta", "delta": "beef"}
    assert apart(event)[0] == event


def test_absurd_nesting_is_kept_whole() -> None:
    message = b'{"x":' * 100_000 + b"1" + b"}" * 100_000
    kept, tape = apart(message)
    assert set(kept) == {RAW}
    assert put_together(kept, tape.fetch) == message


def test_what_is_no_message_keeps_no_secret_either() -> None:
    kept, tape = apart(b"no json but abcdefgh", "abcdefgh")
    assert put_together(kept, tape.fetch) == b"no json but <hidden>"
    kept, tape = apart({RAW: "abcdefgh"}, "abcdefgh")
    assert b"abcdefgh" not in put_together(kept, tape.fetch)
