"""The user's speech on its way to the server: complete, in order, and never in anybody's way."""

from __future__ import annotations

import queue
import threading
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.background import PATIENCE, Background
from support.scripted import Scripted

from inworld_rt.audio.microphone import Microphone
from inworld_rt.errors import ConnectionClosed
from inworld_rt.pcm import AudioFormat, decode, encode
from inworld_rt.testing import FakeSound
from inworld_rt.transport import Transport
from inworld_rt.voice_chat import uplink as module
from inworld_rt.voice_chat.uplink import BATCH_MS, KEPT_S, Uplink

PERIOD = 480  # samples of 20 ms
BATCH = BATCH_MS // 20  # periods


def numbered(*numbers: int) -> bytes:
    """A period for each number, whose samples are all that number."""
    return b"".join(number.to_bytes(2, "little") * PERIOD for number in numbers)


def sent(server: Scripted) -> list[bytes]:
    """The messages with sound that the server got."""
    appended = [m for m in server.received if m["type"] == "input_audio_buffer.append"]
    return [b64decode(m["audio"]) for m in appended]


def numbers(sound: bytes) -> list[int]:
    """Of whole periods."""
    assert len(sound) % (2 * PERIOD) == 0
    found = [sound[n : n + 2 * PERIOD] for n in range(0, len(sound), 2 * PERIOD)]
    assert all(part == part[:2] * PERIOD for part in found)
    return [int.from_bytes(part[:2], "little") for part in found]


class Stalling:
    """A network that may stall."""

    def __init__(self, line: Transport) -> None:
        self._line = line
        self._flows = threading.Event()
        self._flows.set()
        self.blocked = threading.Event()
        self.recv, self.begin_close = line.recv, line.begin_close

    def stall(self) -> None:
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def send(self, message: str | bytes) -> None:
        if not self._flows.is_set():
            self.blocked.set()
            assert self._flows.wait(PATIENCE)
        self._line.send(message)

    def abort(self) -> None:
        self._flows.set()
        self._line.abort()


class Stage:
    """All that it takes, without a loudspeaker."""

    def __init__(self, **settings: Any) -> None:
        self.server = Scripted(lambda server: None)
        self.sound = FakeSound()
        self.failures: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self._settings = settings

    def __enter__(self) -> Stage:
        self.server.__enter__()
        self.network = Stalling(self.server.transport)
        self.client = self.server.client(transport=self.network, **self._settings)
        self.link = self.client._link
        self.microphone = Microphone(self.sound, rate=self.link.session.input_format.rate)
        self.microphone.start()
        self.uplink = Uplink(self.link, self.microphone, self.failures.put)
        return self

    def flush(self) -> None:
        """Wait until all that was heard is sent."""
        done = threading.Event()
        self.uplink.then(done.set)
        assert done.wait(PATIENCE)

    def __exit__(self, *error: Any) -> None:
        self.uplink.close()
        self.microphone.close()
        self.client.close()
        self.server.__exit__(*(error or (None, None, None)))


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


# --- what is sent ---------------------------------------------------------------------------------


def test_all_that_is_heard_is_sent_in_messages_of_60_ms() -> None:
    with Stage() as stage:
        stage.sound.say(numbered(1, 2, 3, 4, 5, 6, 7))
        stage.uplink.begin()
        stage.sound.advance(0.2)
        stage.flush()
    messages = sent(stage.server)
    assert [numbers(message) for message in messages] == [[1, 2, 3], [4, 5, 6], [7, 0, 0]]
    assert stage.failures.empty()


def test_nothing_is_sent_before_it_begins_and_after_it_stops() -> None:
    with Stage() as stage:
        stage.sound.say(numbered(*range(1, 20)))
        stage.sound.advance(0.1)
        stage.uplink.begin()
        stage.sound.advance(0.06)
        stage.uplink.stop()
        stage.uplink.stop()
        stage.sound.advance(0.1)
        stage.flush()
    assert numbers(b"".join(sent(stage.server))) == [6, 7, 8]


def test_what_was_said_just_before_is_sent_first() -> None:
    with Stage() as stage:
        stage.sound.say(numbered(*range(1, 20)))
        stage.sound.advance(0.2)
        stage.uplink.begin(0.1)
        stage.sound.advance(0.08)
        stage.uplink.end()
        stage.flush()
    assert numbers(b"".join(sent(stage.server))) == [6, 7, 8, 9, 10, 11, 12, 13, 14]


@pytest.mark.parametrize("coding", ["pcmu", "pcma", "float32", "pcm"])
def test_in_the_coding_of_the_session(coding: str) -> None:
    format = AudioFormat(f"audio/{coding}")
    with Stage(config={"audio": {"input": {"format": format.to_wire()}}}) as stage:
        sound = stage.sound
        assert stage.link.session.input_format == format
        sound.say(b"\x00\x20" * format.rate, format.rate)
        stage.uplink.begin()
        sound.advance(0.06)
        stage.flush()
    (message,) = sent(stage.server)
    assert message == encode(b"\x00\x20" * (format.rate * BATCH_MS // 1000), format)
    assert len(decode(message, format)) == 2 * format.rate * BATCH_MS // 1000


def test_while_it_is_muted_silence_is_sent() -> None:
    """As much of it; others go on hearing."""
    heard = bytearray()
    with Stage() as stage:
        stage.sound.say(numbered(*range(1, 10)))
        stage.microphone.listen(lambda sound, at: heard.extend(sound))
        stage.uplink.begin()
        stage.sound.advance(0.06)
        stage.uplink.muted = True
        stage.sound.advance(0.06)
        stage.uplink.muted = False
        stage.sound.advance(0.06)
        stage.flush()
    assert numbers(b"".join(sent(stage.server))) == [1, 2, 3, 0, 0, 0, 7, 8, 9]
    assert numbers(bytes(heard)) == [*range(1, 10)]


# --- the end of a turn ----------------------------------------------------------------------------


class Awaited(threading.Event):
    """An event that tells when somebody begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.awaited.set()
        return super().wait(timeout)


def test_the_end_of_a_turn_is_what_was_captured_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device delivers the last of it a little later, and more that does not belong to it."""
    monkeypatch.setattr(module, "_LAST_WITHIN", PATIENCE)
    with Stage() as stage:
        complete = stage.uplink._complete = Awaited()
        stage.uplink.begin()
        stage.sound.say(numbered(1, 2, 3, 4))
        stage.sound.advance(0.08)
        released = stage.sound.clock.now()
        ending = Background(stage.uplink.end)
        assert complete.awaited.wait(PATIENCE)
        for number, at in ((5, released - 0.03), (6, released - 0.01), (7, released + 0.01)):
            stage.microphone._deliver(numbered(number), at)
        ending.result()
        stage.sound.advance(0.1)
        stage.flush()
    assert numbers(b"".join(sent(stage.server))) == [1, 2, 3, 4, 5, 6]


def test_a_device_that_gives_nothing_more_does_not_hold_up_the_end() -> None:
    with Stage() as stage:
        stage.uplink.begin()
        stage.sound.say(numbered(1, 2))
        stage.sound.advance(0.04)
        stage.uplink.end()  # time stands still
        stage.flush()
    assert numbers(b"".join(sent(stage.server))) == [1, 2]


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), min_size=1, max_size=4))
def test_turns_follow_each_other(turns: list[tuple[int, int]]) -> None:
    """Each is sent to its last period, and what was said between them is not."""
    expected, number = [], 0
    with Stage() as stage:
        stage.sound.say(numbered(*range(1, 100)))
        for spoken, paused in turns:
            stage.uplink.begin()
            stage.sound.advance(spoken * 0.02)
            expected += range(number + 1, number + spoken + 1)
            stage.uplink._complete.set()  # the device has nothing more: do not wait
            stage.uplink.end()
            stage.sound.advance(paused * 0.02)
            number += spoken + paused
        stage.flush()
    assert numbers(b"".join(sent(stage.server))) == expected


def test_a_step_is_done_when_all_before_it_is_sent() -> None:
    steps: list[int] = []
    with Stage() as stage:
        stage.uplink.begin()
        for _ in range(3):
            stage.sound.advance(0.06)
            stage.uplink.then(lambda: steps.append(stage.link.stats.events_sent))
        stage.flush()
        begun = steps[0]
    assert steps == [begun, begun + 1, begun + 2]


def test_what_was_not_sent_yet_can_be_dropped() -> None:
    """But not the steps."""
    done = threading.Event()
    with Stage() as stage:
        stage.uplink.begin()
        stage.sound.say(numbered(*range(1, 20)))
        stage.network.stall()
        stage.sound.advance(0.06)
        assert stage.network.blocked.wait(PATIENCE)
        stage.sound.advance(0.08)
        stage.uplink.then(done.set)
        stage.uplink.forget()
        assert stage.uplink.waiting_ms == 0
        stage.network.flow()
        assert done.wait(PATIENCE)
        stage.sound.advance(0.06)
        stage.flush()
    assert numbers(b"".join(sent(stage.server))) == [1, 2, 3, 8, 9, 10]


# --- a slow network -------------------------------------------------------------------------------


def test_of_more_than_a_network_can_take_the_oldest_is_dropped() -> None:
    """And counted; what is left is in order, up to the latest."""
    with Stage() as stage:
        stage.uplink.begin()
        stage.sound.say(numbered(*range(1, 500)))
        stage.network.stall()
        stage.sound.advance(0.06)
        assert stage.network.blocked.wait(PATIENCE)
        stage.sound.advance(4.98)
        assert stage.uplink.dropped_ms == 0
        assert stage.uplink.waiting_ms == 4980
        stage.sound.advance(3)
        assert stage.uplink.dropped_ms == 3000
        assert stage.uplink.waiting_ms == 4980 <= KEPT_S * 1000
        stage.network.flow()
        stage.flush()
        assert stage.uplink.waiting_ms == 0
    sent_numbers = numbers(b"".join(sent(stage.server)))
    assert sent_numbers == [1, 2, 3, *range(3 + 150 + 1, 3 + 150 + 249 + 1)]


def test_a_stalled_network_keeps_nobody_else_waiting(stage: Stage) -> None:
    heard = bytearray()
    stage.uplink.begin()
    stage.network.stall()
    stage.microphone.listen(lambda sound, at: heard.extend(sound))
    stage.sound.advance(10)
    assert len(heard) == 10 * 48000
    assert stage.microphone.dropped_ms == 0
    stage.network.flow()


def test_it_closes_while_the_network_is_stalled() -> None:
    with Stage() as stage:
        stage.uplink.begin()
        stage.network.stall()
        stage.sound.advance(0.06)
        assert stage.network.blocked.wait(PATIENCE)
        stage.uplink.close()
        stage.network.flow()


# --- trouble --------------------------------------------------------------------------------------


def test_the_end_of_the_session_is_not_told_here() -> None:
    with Stage() as stage:
        stage.uplink.begin()
        stage.client.close()
        stage.sound.advance(0.2)
        stage.uplink._worker.join(PATIENCE)
    assert stage.failures.empty()


def test_what_breaks_down_is_told() -> None:
    with Stage() as stage:
        stage.uplink.then(lambda: 1 / 0)
        assert isinstance(stage.failures.get(timeout=PATIENCE), ZeroDivisionError)


def test_a_step_that_finds_the_session_over_is_no_failure() -> None:
    def step() -> None:
        raise ConnectionClosed("over")

    with Stage() as stage:
        stage.uplink.then(step)
        assert stage.uplink._worker.join(PATIENCE)
    assert stage.failures.empty()
