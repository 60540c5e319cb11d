"""What is done about echo, on made-up sound: the decisions, not the engines."""

from __future__ import annotations

import logging
import random
from array import array
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.audio import cancel
from inworld_rt.audio.echo import Echo, Gate, Leak, Reference
from inworld_rt.audio.mixing import mix, scale
from inworld_rt.errors import BackendMissing, ConfigError
from inworld_rt.pcm import level

RATE = 8000
FRAME = RATE // 50
SILENCE = bytes(2 * FRAME)


def noise(gain: float, seed: object = 0) -> bytes:
    """A period of noise; full scale is about -10 dBFS."""
    draw = random.Random(repr(seed))
    return array("h", [int(gain * draw.uniform(-17000, 17000)) for _ in range(FRAME)]).tobytes()


def babble(seed: int, periods: int) -> list[bytes]:
    """Something with the rhythm of speech: syllables and pauses of its own."""
    draw = random.Random(seed)
    out: list[bytes] = []
    while len(out) < periods:
        loud = draw.uniform(0.2, 1.0)
        out += [noise(loud, (seed, len(out), n)) for n in range(draw.randint(4, 12))]
        out += [SILENCE] * draw.randint(2, 8)
    return out[:periods]


def late(sound: list[bytes], periods: int, gain: float) -> list[bytes]:
    return [SILENCE] * periods + [scale(frame, gain) for frame in sound[: len(sound) - periods]]


class TestGate:
    def run(self, near: list[bytes], far: list[bytes]) -> list[bytes]:
        gate = Gate()
        pairs = zip(near, far, strict=True)
        return [gate.pass_on(n, f, i * 0.02) for i, (n, f) in enumerate(pairs)]

    def test_nothing_is_changed_while_nothing_is_played(self) -> None:
        near = babble(1, 200)
        assert self.run(near, [SILENCE] * 200) == near

    @pytest.mark.parametrize("gain", [0.02, 0.1, 0.25, 0.5])
    def test_no_echo_gets_through(self, gain: float) -> None:
        far = babble(1, 500)
        assert self.run(late(far, 5, gain), far) == [SILENCE] * 500

    def test_the_room_is_still_sounding_when_the_answer_is_over(self) -> None:
        far = babble(1, 100) + [SILENCE] * 50
        out = self.run(late(far, 10, 0.2), far)
        assert out[:115] == [SILENCE] * 115
        assert len(out[-1]) == len(SILENCE)

    @pytest.mark.parametrize("gain", [0.02, 0.1, 0.25])
    def test_a_loud_voice_gets_through_with_its_beginning(self, gain: float) -> None:
        far = babble(1, 400)
        echo = late(far, 5, gain)
        voice = [SILENCE] * 300 + [noise(1.0, n) for n in range(100)]
        out = self.run([mix(e, v) for e, v in zip(echo, voice, strict=True)], far)
        assert out[:300] == [SILENCE] * 300
        assert level(b"".join(out[300:330])) > -20
        first = next(n for n in range(300, 400) if out[n] != SILENCE)
        assert first < 300 + 15
        assert len(out[first]) > len(SILENCE)  # what opened it comes as well

    def test_a_click_does_not_open_it(self) -> None:
        far = babble(1, 400)
        near = late(far, 5, 0.1)
        near[300] = near[301] = noise(1.0)
        assert self.run(near, far) == [SILENCE] * 400


class TestLeak:
    def measure(self, near: list[bytes], far: list[bytes]) -> Leak:
        leak = Leak()
        for n, f in zip(near, far, strict=True):
            leak.add(n, f, 0.02)
        return leak

    @pytest.mark.parametrize(("periods", "db"), [(2, -6), (5, -12), (20, -20)])
    def test_it_finds_the_echo_and_measures_it(self, periods: int, db: float) -> None:
        far = babble(1, 300)
        room = [mix(e, noise(0.002, n)) for n, e in enumerate(late(far, periods, 10 ** (db / 20)))]
        found = self.measure(room, far).verdict()
        assert found.echo
        assert found.db == pytest.approx(db, abs=2)
        assert found.ms == pytest.approx(periods * 20, abs=20)

    @pytest.mark.parametrize("gain", [0.0, 0.002])
    def test_a_headset_has_none(self, gain: float) -> None:
        far = babble(1, 300)
        assert not self.measure([noise(gain, n) for n in range(300)], far).verdict().echo

    def test_a_voice_is_no_echo(self) -> None:
        """Somebody who speaks meanwhile has another rhythm."""
        assert not self.measure(babble(2, 300), babble(1, 300)).verdict().echo

    def test_it_takes_a_second_of_speech(self) -> None:
        leak = self.measure([SILENCE] * 50, [SILENCE] * 50)
        assert not leak.enough and not leak.verdict().echo
        far = babble(1, 200)
        assert self.measure(far, far).enough


class TestReference:
    """What was played comes out in the time in which the microphone hears."""

    def test_in_step(self) -> None:
        far = babble(1, 100)
        reference = Reference(RATE, RATE)
        out = []
        for n, frame in enumerate(far):
            reference.played(frame, 100 + n * 0.02)
            if n >= 5:  # the loudspeaker is served ahead of its time
                out.append(reference.take(FRAME, 100 + (n - 5) * 0.02))
        together, played = b"".join(out), b"".join(far)
        start = int(0.03 * RATE) * 2
        assert together == played[start : start + len(together)]
        assert reference.jumps == 1

    @given(st.lists(st.floats(-0.003, 0.003), min_size=60, max_size=60))
    def test_uneven_times_do_no_harm(self, jitter: list[float]) -> None:
        """Each jump would have to be learned anew by a canceller."""
        far = babble(1, 60)
        reference = Reference(RATE, RATE)
        for n, (frame, off) in enumerate(zip(far, jitter, strict=True)):
            reference.played(frame, 100 + n * 0.02 + off)
            if n >= 5:
                assert len(reference.take(FRAME, 100 + (n - 5) * 0.02 - off)) == len(frame)
        assert reference.jumps <= 1

    def test_before_and_after_anything_was_played(self) -> None:
        reference = Reference(RATE, RATE)
        assert reference.take(FRAME, 100.0) == SILENCE
        reference.played(noise(1), 101.0)
        assert reference.take(FRAME, 100.5) == SILENCE
        assert reference.take(FRAME, 200.0) == SILENCE

    def test_of_another_rate(self) -> None:
        pytest.importorskip("soxr", reason="soxr is not installed")
        reference = Reference(48000, 16000)
        for n in range(100):
            reference.played(bytes(2 * 960), n * 0.02)
            assert len(reference.take(320, n * 0.02 - 0.1)) == 640


def nobody(rate: int) -> cancel.Canceller:
    raise BackendMissing("there is nothing to cancel with")


class Plain:
    """A canceller that says what it was given."""

    name = "plain"

    def __init__(self, rate: int) -> None:
        self.closed = 0

    def process(self, near: bytes, far: bytes) -> bytes:
        return far

    def close(self) -> None:
        self.closed += 1


class TestEcho:
    def run(self, echo: Echo, near: list[bytes], far: list[bytes]) -> list[bytes]:
        """Both sides for a while; the loudspeaker is served five periods ahead."""
        out = []
        for n, (heard, played) in enumerate(zip(near, far, strict=True)):
            echo.played(played, 100 + n * 0.02)
            out.append(echo.clean(heard, 100 + n * 0.02))
        return out

    def test_none_changes_nothing(self) -> None:
        near = babble(2, 50)
        assert self.run(Echo("none", RATE, RATE), near, babble(1, 50)) == near

    def test_half_is_silent_while_it_plays(self) -> None:
        far = babble(1, 300)
        assert self.run(Echo("half", RATE, RATE), late(far, 5, 0.2), far) == [SILENCE] * 300

    def test_cancel_takes_the_best_there_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cancel, "ENGINES", {"none": nobody, "plain": Plain})
        echo = Echo("cancel", RATE, RATE)
        assert (echo.mode, echo.engine) == ("cancel", "plain")
        assert any(frame.strip(b"\0") for frame in self.run(echo, [SILENCE] * 50, babble(1, 50)))
        echo.close()

    def test_cancel_without_a_canceller_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cancel, "ENGINES", {"none": nobody})
        with pytest.raises(BackendMissing):
            Echo("cancel", RATE, RATE)

    @pytest.mark.parametrize(
        ("engines", "mode", "words"),
        [
            ({"plain": Plain}, "cancel", "cancelling it (plain)"),
            ({"none": nobody}, "half", "only loud voices get through (there is nothing"),
        ],
    )
    def test_auto_decides_with_the_first_answer(
        self,
        engines: dict[str, Callable[[int], cancel.Canceller]],
        mode: str,
        words: str,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(cancel, "ENGINES", engines)
        caplog.set_level(logging.INFO)
        far = babble(1, 300)
        echo = Echo("auto", RATE, RATE)
        assert echo.mode == "auto"
        out = self.run(echo, late(far, 5, 0.2), far)
        assert echo.mode == mode
        assert out[:50] == [SILENCE] * 50  # until then it is half
        (line,) = (r.getMessage() for r in caplog.records)
        assert line.startswith("echo: the microphone hears the loudspeaker, at -1")
        assert words in line
        echo.close()

    def test_auto_leaves_a_headset_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        far = babble(1, 300)
        echo = Echo("auto", RATE, RATE)
        self.run(echo, [noise(0.002, n) for n in range(300)], far)
        assert echo.mode == "none"
        assert "does not hear the loudspeaker" in caplog.text
        voice = babble(2, 20)
        assert self.run(echo, voice, far[:20]) == voice
        echo.measure_again()  # another device
        assert echo.mode == "auto"

    def test_an_unknown_mode_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="echo: expected one of auto, none, half, cancel"):
            Echo("full", RATE, RATE)
