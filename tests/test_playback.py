"""Speech waiting to be heard: nothing is lost, nothing comes twice, and the listener is known."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.background import Background

from inworld_rt.errors import ConfigError
from inworld_rt.playback import MOST_START_MS, START_MS, Playback

RATE = 1000  # a frame is a millisecond


def sound(frames: int) -> bytes:
    """Never silent, and no two of the first 60000 frames are alike."""
    return b"".join((n % 60000 + 1).to_bytes(2, "little") for n in range(frames))


@given(st.lists(st.integers(0, 400), max_size=20), st.integers(1, 90), st.data())
def test_what_is_pushed_comes_out_in_order(
    sizes: list[int], period: int, data: st.DataObject
) -> None:
    """Once, completely, and with nothing but silence around and between."""
    pushed = sound(sum(sizes))
    playback, at, out = Playback(RATE), 0, []
    for frames in sizes:
        playback.push(pushed[at * 2 : (at + frames) * 2])
        at += frames
        for _ in range(data.draw(st.integers(0, 6))):
            out.append(playback.pull(period, 0.0))
    playback.finish()
    while playback.waiting:
        out.append(playback.pull(period, 0.0))
    assert {len(part) for part in out} <= {period * 2}
    heard = b"".join(out)
    frames = [heard[n : n + 2] for n in range(0, len(heard), 2)]
    assert b"".join(frame for frame in frames if frame.strip(b"\0")) == pushed


class Life(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.playback = Playback(RATE)
        self.now = 0.0
        self.last_position = 0

    @rule(frames=st.integers(0, 500))
    def push(self, frames: int) -> None:
        first = self.playback.pushed
        assert self.playback.push(sound(frames)) == first

    @rule(frames=st.integers(1, 300), latency=st.sampled_from([0.0, 0.03, 0.2]))
    def pull(self, frames: int, latency: float) -> None:
        assert len(self.playback.pull(frames, self.now + latency)) == 2 * frames
        self.now += frames / RATE

    @rule()
    def finish(self) -> None:
        self.playback.finish()

    @rule()
    def clear(self) -> None:
        waiting = self.playback.waiting
        assert self.playback.clear() == waiting
        assert self.playback.waiting == 0

    @invariant()
    def nothing_is_lost(self) -> None:
        p = self.playback
        assert p.pushed == p.played + p.dropped + p.waiting
        assert min(p.played, p.dropped, p.waiting) >= 0

    @invariant()
    def the_listener_is_behind_what_was_handed_over(self) -> None:
        p = self.playback
        assert 0 <= p.position(self.now) <= p.played + p.dropped
        if p.heard_all(self.now):
            assert p.waiting == 0


TestLife = Life.TestCase


@given(st.lists(st.integers(1, 50), min_size=1), st.floats(0, 3), st.floats(0, 3))
def test_the_listener_never_goes_back(periods: list[int], one: float, other: float) -> None:
    playback, at = Playback(RATE, start_ms=0), 0.1
    playback.push(sound(1000))
    for frames in periods:
        playback.pull(frames, at)
        at += frames / RATE
    assert playback.position(min(one, other)) <= playback.position(max(one, other))
    assert playback.position(0.1 - 1e-9) == 0
    assert playback.position(at) == playback.played


def test_speech_begins_when_enough_is_there() -> None:
    playback = Playback(RATE)
    playback.push(sound(START_MS - 1))
    assert playback.pull(20, 0.0) == bytes(40)
    playback.push(sound(1))
    assert playback.pull(20, 0.02) == sound(20)
    assert playback.underruns == 0


def test_the_rest_is_played_however_little_it_is() -> None:
    playback = Playback(RATE)
    playback.push(sound(5))
    assert playback.pull(20, 0.0) == bytes(40)
    playback.finish()
    assert playback.pull(20, 0.02) == sound(5) + bytes(30)
    assert playback.pull(20, 0.04) == bytes(40)
    assert playback.underruns == 0


def test_after_a_gap_it_collects_again() -> None:
    playback = Playback(RATE)
    playback.push(sound(START_MS))
    playback.pull(START_MS + 10, 0.0)
    assert playback.underruns == 1
    playback.push(sound(10))
    assert playback.pull(10, 0.2) == bytes(20)
    playback.push(sound(2 * START_MS))
    assert playback.pull(10, 0.3) == sound(10)
    assert playback.underruns == 1


def test_the_next_time_it_collects_more() -> None:
    """As the next gap will be as long as this one; up to a bound."""
    playback = Playback(RATE)
    for expected in (240, 480, 960, MOST_START_MS):
        before = int(playback.start_ms)
        playback.push(sound(before - 1))
        assert playback.pull(10, 0.0) == bytes(20)
        playback.push(sound(1))
        playback.pull(before + 10, 0.0)
        assert playback.start_ms == expected


def test_more_after_the_end_is_a_new_beginning() -> None:
    playback = Playback(RATE)
    playback.push(sound(5))
    playback.finish()
    playback.pull(20, 0.0)
    playback.push(sound(5))
    assert playback.pull(20, 0.0) == bytes(40)


def test_pushing_nothing_is_no_beginning() -> None:
    playback = Playback(RATE)
    playback.push(sound(5))
    playback.finish()
    playback.push(b"")
    assert playback.pull(5, 0.0) == sound(5)


def test_clear_is_silence_at_once_and_no_underrun() -> None:
    playback = Playback(RATE)
    playback.push(sound(300))
    playback.pull(20, 0.0)
    assert playback.clear() == 280
    assert playback.pull(20, 0.02) == bytes(40)
    assert playback.underruns == 0
    assert playback.push(sound(START_MS)) == 300
    assert playback.pull(20, 0.04) == sound(20)


def test_the_position_counts_what_was_dropped() -> None:
    """So that the numbers that push() gave stay true."""
    playback = Playback(RATE)
    playback.push(sound(200))
    playback.pull(100, 1.0)
    assert [playback.position(t) for t in (0.5, 1.0, 1.05, 1.1, 9.0)] == [0, 0, 50, 100, 100]
    playback.clear()
    first = playback.push(sound(200))
    playback.pull(100, 2.0)
    assert first == 200
    assert [playback.position(t) for t in (1.05, 1.5, 2.0, 2.05, 9.0)] == [50, 100, 200, 250, 300]


def test_heard_is_when_the_last_frame_is_over() -> None:
    playback = Playback(RATE)
    assert playback.heard_all(0.0)
    playback.push(sound(130))
    assert not playback.heard_all(99.0)
    playback.pull(150, 1.0)
    assert not playback.heard_all(1.129)
    assert playback.heard_all(1.131)


def test_the_past_is_forgotten() -> None:
    playback = Playback(RATE, start_ms=0)
    for n in range(1000):
        playback.push(sound(20))
        playback.pull(20, n * 0.02)
    assert len(playback._runs) < 300
    assert playback.position(19.99) == 19990
    assert playback.position(0.0) > 0


def test_half_a_sample_is_refused() -> None:
    playback = Playback(RATE)
    with pytest.raises(ConfigError, match="7 bytes"):
        playback.push(bytes(7))
    assert playback.pushed == 0


def test_when_a_frame_is_heard() -> None:
    playback = Playback(RATE)
    playback.push(sound(130))
    assert playback.when(0) is None
    playback.pull(100, 1.0)
    assert playback.when(50) == 1.05
    assert playback.when(100) is None


def test_one_thread_pushes_while_another_pulls() -> None:
    playback, pushed = Playback(RATE, start_ms=0), sound(30000)

    def push() -> None:
        for n in range(0, len(pushed), 34):
            playback.push(pushed[n : n + 34])
        playback.finish()

    pusher, out = Background(push), []
    while not playback._finished or playback.waiting:
        out.append(playback.pull(20, 0.0))
    pusher.result()
    heard = b"".join(out)
    frames = [heard[n : n + 2] for n in range(0, len(heard), 2)]
    assert b"".join(frame for frame in frames if frame != b"\0\0") == pushed


def test_a_pull_wakes_who_waits() -> None:
    playback, ready = Playback(RATE), threading.Event()

    def wait() -> int:
        with playback.changed:
            ready.set()
            while not playback.pulls:
                playback.changed.wait(20)
            return playback.pulls

    waiter = Background(wait)
    assert ready.wait(20)
    playback.pull(1, 0.0)
    assert waiter.result() == 1
