"""Two sides in one file."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.audio import wav
from inworld_rt.pcm import AudioFormat, encode
from inworld_rt.recording.loading import _side
from inworld_rt.recording.sound import LEFT, RIGHT, Live, Stereo, Track

PCM = AudioFormat()
_numbers = itertools.count()


def ramp(frames: int, first: int = 1) -> bytes:
    """No two frames are alike, and none is silent."""
    return b"".join((first + n).to_bytes(2, "little") for n in range(frames))


def silence(seconds: float, rate: int = 24000) -> bytes:
    return bytes(2 * round(seconds * rate))


@pytest.fixture
def stereo(tmp_path: Path) -> Iterator[Stereo]:
    stereo = Stereo(tmp_path / "both.wav")
    yield stereo
    stereo.close()


def sides(stereo: Stereo, *tracks: Track) -> tuple[bytes, bytes]:
    """What a reader finds."""
    for track in tracks:
        track.flush()
    stereo.close()
    both = wav.read(stereo._file.name)
    assert (both.channels, both.rate) == (2, stereo.rate)
    return _side(both.pcm, LEFT), _side(both.pcm, RIGHT)


def test_each_side_has_its_sound_at_its_time(stereo: Stereo) -> None:
    user, answers = Track(stereo, LEFT), Track(stereo, RIGHT)
    user.lay(0.5, ramp(240), PCM)
    answers.lay(0.25, ramp(480, 1000), PCM)
    left, right = sides(stereo, user, answers)
    assert left == silence(0.5) + ramp(240)
    assert right == silence(0.25) + ramp(480, 1000) + silence(0.24)


def test_what_comes_faster_than_it_is_heard_is_laid_end_to_end(stereo: Stereo) -> None:
    track = Track(stereo, RIGHT)
    for n in range(3):
        track.lay(1.0 + n / 100, ramp(2400, 2400 * n), PCM)
    track.lay(1.35, ramp(10), PCM)  # a little late
    track.lay(2.0, ramp(10), PCM)
    right = sides(stereo, track)[RIGHT]
    assert right[: len(silence(1))] == silence(1)
    assert right[len(silence(1)) :] == ramp(7200, 0) + ramp(10) + silence(0.7)[20:] + ramp(10)


@given(
    st.lists(
        st.tuples(st.sampled_from([LEFT, RIGHT]), st.integers(0, 40), st.binary(max_size=20)),
        max_size=8,
    )
)
def test_sound_may_be_put_anywhere_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[int, int, bytes]]
) -> None:
    """As if each side were a list; where there is sound already, both are heard."""
    stereo = Stereo(tmp_path_factory.getbasetemp() / f"{next(_numbers)}.wav")
    expected = [[0] * 60, [0] * 60]
    length = 0
    for side, first, data in pieces:
        # Halved, so that nothing is too loud.
        sound = b"".join(
            (sample // 16).to_bytes(2, "little", signed=True)
            for sample in memoryview(data[: len(data) // 2 * 2]).cast("h")
        )
        stereo.put(side, first, sound)
        for n, sample in enumerate(memoryview(sound).cast("h")):
            expected[side][first + n] += sample
        length = max(length, first + len(sound) // 2 if sound else 0)
    stereo.close()
    assert stereo.frames == length
    if length:
        both = wav.read(stereo._file.name)
        for side in (LEFT, RIGHT):
            assert list(memoryview(_side(both.pcm, side)).cast("h")) == expected[side][:length]


def test_a_side_can_be_made_silent(stereo: Stereo) -> None:
    stereo.put(LEFT, 0, ramp(100))
    stereo.put(RIGHT, 50, ramp(100))
    stereo.blank(RIGHT)
    assert sides(stereo) == (ramp(100) + bytes(100), bytes(300))


def test_the_header_is_true_in_between(stereo: Stereo) -> None:
    stereo.put(LEFT, 0, ramp(100))
    stereo.sync()
    stereo.put(LEFT, 100, ramp(100))
    assert _side(wav.read(stereo._file.name).pcm, LEFT) == ramp(100)
    stereo.close()
    stereo.close()


def test_a_file_grows_only_as_far_as_its_header_can_count(stereo: Stereo) -> None:
    stereo.put(LEFT, 1 << 30, ramp(100))
    assert stereo.frames == 0


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma", "audio/float32"])
def test_other_codings_become_samples(stereo: Stereo, kind: str) -> None:
    rate = 24000 if kind == "audio/float32" else 8000
    stereo.rate = rate
    format = AudioFormat(kind, rate)
    track = Track(stereo, LEFT)
    coded = encode(silence(0.1, rate), format)
    for start in range(0, len(coded), 3):  # not at whole frames
        track.lay(0.0, coded[start : start + 3], format)
    track.flush()
    assert stereo.frames == rate // 10


def test_another_rate_is_converted(stereo: Stereo) -> None:
    pytest.importorskip("soxr")
    track = Track(stereo, LEFT)
    for n in range(10):
        track.lay(1 + n / 10, ramp(1600), AudioFormat(rate=16000))
    track.lay(3.0, ramp(2400), PCM)
    sides(stereo, track)
    assert stereo.rate == 24000
    assert abs(stereo.frames - 3.1 * 24000) <= 2


def test_without_the_package_for_it_the_file_has_the_rate_of_the_sound(
    stereo: Stereo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what has yet another one is in time, though it sounds rough."""
    monkeypatch.setitem(__import__("sys").modules, "soxr", None)
    user, answers = Track(stereo, LEFT), Track(stereo, RIGHT)
    user.lay(1.0, ramp(16000), AudioFormat(rate=16000))
    user.write()
    for n in range(8):
        answers.lay(1 + n / 10, ramp(2400), PCM)
    left, right = sides(stereo, user, answers)
    assert stereo.rate == 16000
    assert left == silence(1, 16000) + ramp(16000)
    assert len(right.rstrip(b"\0")) == pytest.approx(2 * 1.8 * 16000, abs=4)
    assert right[32000 : 32000 + 8] == b"\1\0\2\0\4\0\5\0"


# --- what is sent ---------------------------------------------------------------------------------


def test_a_file_that_is_sent_at_once_begins_where_it_is_sent(stereo: Stereo) -> None:
    user = Live(stereo, LEFT)
    for n in range(10):
        user.add(1 + n / 1000, ramp(2400), PCM)
    user.add(3.0, ramp(48000, 0), PCM)
    user.settle()
    left = sides(stereo, user)[LEFT]
    assert left == silence(1) + 10 * ramp(2400) + silence(1) + ramp(48000, 0)


def test_what_a_stopped_network_held_back_was_said_before(stereo: Stereo) -> None:
    """A microphone goes on meanwhile, so nothing is a pause, and nothing is late for ever."""
    user = Live(stereo, LEFT)
    user.is_live = True
    sound = ramp(50 * 1200, 0)
    for n in range(50):  # 50 ms each; those of the second second come all at once
        at = 2.05 + n / 1000 if 20 <= n < 40 else 0.1 + n / 20
        user.add(at, sound[2400 * n :][:2400], PCM)
    user.settle()
    assert sides(stereo, user)[LEFT] == silence(0.05) + sound


def test_a_pause_of_a_microphone_is_a_pause(stereo: Stereo) -> None:
    user = Live(stereo, LEFT)
    user.is_live = True
    for n in (*range(10), *range(20, 30)):
        user.add(1 + n / 20, ramp(1200), PCM)
    user.settle()
    assert sides(stereo, user)[LEFT] == silence(0.95) + 10 * ramp(1200) + silence(0.5) + (
        10 * ramp(1200)
    )


def test_the_latest_is_held_back_until_more_of_it_could_have_come(stereo: Stereo) -> None:
    user = Live(stereo, LEFT)
    user.add(1.0, ramp(100), PCM)
    user.settle(1.1)
    assert user.end == 0
    user.settle(1.3)
    assert user.end > 1


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files there")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_no_file_stays_open_where_it_cannot_even_begin(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError):
            Stereo(tmp_path / "kept.wav")
        gc.collect()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
