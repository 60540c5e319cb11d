"""Noticing that a device is gone, and getting it back; in time that only the test moves."""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.audio import hold as module
from inworld_rt.audio.backend import Device, Stream, choose
from inworld_rt.audio.hold import LOST_AFTER, Hold
from inworld_rt.audio.paced import Null, Paced
from inworld_rt.errors import DeviceError
from inworld_rt.testing import FakeClock, FakeSound


class Watched(FakeSound):
    """Knows when devices were looked for, and looked for afresh."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.time = clock
        self.looked: list[float] = []
        self.refreshed: list[float] = []

    def devices(self, *, probe: bool = False) -> list[Device]:
        self.looked.append(self.time.now())
        return super().devices(probe=probe)

    def refresh(self) -> None:
        self.refreshed.append(self.time.now())


class Held:
    """A loudspeaker that is held on to."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.sound = Watched(clock)
        self.hold = Hold(self.sound, self._open)
        self.periods = 0

    def _open(self, device: int | str | None) -> Stream:
        return self.sound.open_sink(device, [24000], self._pull)

    def _pull(self, frames: int, at: float) -> bytes:
        self.periods += 1
        return bytes(2 * frames)

    def regain(self, seconds: float, *, stalled: bool = False) -> bool:
        """Whether it is back within some seconds of ten looks each."""
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            if not stalled:
                self.sound.advance(0.1)
            if self.hold.regain(self.periods):
                return True
        return False


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    clock = FakeClock(100)
    monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=clock.now))
    held = Held(clock)
    yield held
    held.hold.close()


def test_it_is_opened_as_the_user_said_and_known_by_its_name(held: Held) -> None:
    stream = held.hold.open(None)
    assert held.hold.stream is stream
    assert held.hold.name == "fake speaker"
    held.hold.close()
    held.hold.close()
    assert held.hold.stream is None
    assert held.hold.losses == 0


def test_opening_fails_as_the_back_end_does(held: Held) -> None:
    held.sound.unplug()
    with pytest.raises(DeviceError):
        held.hold.open(None)


def test_it_is_lost_after_a_second_without_a_period(held: Held) -> None:
    held.hold.open(None)
    lived = []
    for periods in (1, 2, *[3] * 12):
        held.clock.advance(0.1)
        lived.append(held.hold.alive(periods))
    assert lived == [True] * 12 + [False] * 2


looks = st.lists(st.tuples(st.integers(1, 200), st.booleans()), max_size=40)


@given(looks)
def test_any_period_within_a_second_keeps_it(looks: list[tuple[int, bool]]) -> None:
    """Looked at several times a second, as it is to be."""
    clock, periods, idle = FakeClock(), 0, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", types.SimpleNamespace(monotonic=clock.now))
        hold = Hold(FakeSound(clock), lambda device: pytest.fail("nothing is opened"))
        for ms, period in looks:
            clock.advance(ms / 1000)
            periods += period
            idle = 0 if period else idle + ms
            if abs(idle / 1000 - LOST_AFTER) > 1e-6:  # sums of tenths are not exact
                assert hold.alive(periods) == (idle / 1000 < LOST_AFTER)
            else:
                return


def test_a_computer_that_slept_has_not_lost_it(held: Held) -> None:
    """We look again before the device has had the time to do anything."""
    held.hold.open(None)
    held.clock.advance(0.1)
    assert held.hold.alive(1)
    held.clock.advance(8 * 3600)
    assert held.hold.alive(1)


def test_what_is_lost_is_closed_and_told(held: Held) -> None:
    held.hold.open(None)
    held.sound.advance(1)
    error = held.hold.lost()
    assert held.hold.stream is None
    held.sound.advance(1)
    assert len(held.sound.heard) == 48000
    assert held.hold.losses == 1
    assert str(error) == (
        "the sound device 'fake speaker' has not answered for more than 1 s; it has been "
        "unplugged, or the sound server has ended: check it and try again"
    )


def test_a_stream_that_says_so_is_lost_at_once(held: Held) -> None:
    held.hold.open(None)
    held.clock.advance(0.04)
    held.sound.unplug()
    assert held.hold.alive(0)
    held.clock.advance(0.04)
    assert not held.hold.alive(0)


def test_it_is_looked_for_twice_a_second(held: Held) -> None:
    """Or afresh, ever more seldom, as that is felt by what is open."""
    held.hold.open(None)
    held.sound.unplug()
    held.hold.lost()
    assert not held.regain(40)
    looks = sorted({*held.sound.looked[1:], *held.sound.refreshed})
    gaps = [b - a for a, b in itertools.pairwise(looks)]
    assert gaps == pytest.approx([0.5] * len(gaps), abs=0.11)
    gaps = [b - a for a, b in itertools.pairwise([100.0, *held.sound.refreshed])]
    assert gaps == pytest.approx([1, 2, 4, 8, 8, 8], abs=0.7)


def test_it_comes_back(held: Held) -> None:
    held.hold.open(None)
    held.sound.unplug("speaker")
    held.hold.lost()
    assert not held.regain(3)
    held.sound.plug("speaker")
    assert held.regain(2)
    assert held.hold.stream is not None
    held.clock.advance(0.9)
    assert held.hold.alive(held.periods)  # its second begins now
    before = len(held.sound.heard)
    held.sound.advance(1)
    assert len(held.sound.heard) == before + 48000


def test_a_device_that_stalls_is_not_back(held: Held) -> None:
    """It can be opened, but nothing comes of it."""
    held.hold.open(None)
    held.hold.lost()
    assert not held.regain(5, stalled=True)
    assert held.regain(2)


def test_after_the_next_loss_it_is_looked_for_as_often_again(held: Held) -> None:
    held.hold.open(None)
    for _ in range(2):
        held.sound.unplug()
        held.hold.lost()
        lost, known = held.clock.now(), len(held.sound.refreshed)
        assert not held.regain(4)
        assert held.sound.refreshed[known] - lost == pytest.approx(1, abs=0.7)
        held.sound.plug()
        assert held.regain(2)
    assert held.hold.losses == 2


class Shelf(Null):
    """Devices as they are put there."""

    def __init__(self, *names: str) -> None:
        super().__init__(FakeClock())
        self.names: Sequence[str] = names
        self.opened: list[int | str | None] = []

    def devices(self, *, probe: bool = False) -> list[Device]:
        return [Device(n, name, outputs=1) for n, name in enumerate(self.names)]

    def open(self, device: int | str | None) -> Stream:
        found = choose(self.devices(), device, "output")
        self.opened.append(found.index)
        return Paced(found.name, 24000, lambda frames, at: None, FakeClock())


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (["HDMI", "USB (hw:2,0)"], ["USB (hw:2,0)", "HDMI"], 0),
        (["HDMI", "USB (hw:2,0)"], ["HDMI", "Loopback (hw:2,0)", "USB (hw:3,0)"], 2),
        (["HDMI", "USB (hw:2,0)"], ["HDMI", "USB Audio (hw:2,0)"], None),
        (["HDMI", "USB (hw:2,0)"], [], None),
    ],
)
def test_the_same_device_at_another_place(
    before: list[str], after: list[str], found: int | None
) -> None:
    """Its number and the number of its plug may be others; but it is no other device."""
    shelf = Shelf(*before)
    with pytest.MonkeyPatch.context() as patch:
        clock = FakeClock(100)
        patch.setattr(module, "time", types.SimpleNamespace(monotonic=clock.now))
        hold = Hold(shelf, shelf.open)
        hold.open(1)
        hold.lost()
        shelf.names = after
        clock.advance(1)
        assert not hold.regain(0)
        assert hold.regain(1) is (found is not None)
    assert shelf.opened == [1] + ([] if found is None else [found])
