"""The demo on a virtual sound card."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.soundcard import Soundcard

from inworld_rt import pcm
from inworld_rt.audio import wav
from inworld_rt.cli import run


def loud_seconds(samples: bytes, rate: int) -> float:
    """How long there is speech in a recording."""
    step = rate // 50 * 2  # bytes of 20 ms
    slices = (samples[i : i + step] for i in range(0, len(samples), step))
    return sum(pcm.level(s[: len(s) // 2 * 2]) > -45.0 for s in slices) / 50


@pytest.mark.slow
def test_the_answers_are_heard(
    soundcard: Soundcard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As much speech as it saved comes out of the loudspeaker."""
    with soundcard.listen() as ear:
        assert run(["demo", "--out", str(tmp_path)]) == 0
        heard = loud_seconds(bytes(ear.hear_out()), ear.rate)
    saved = sum(loud_seconds(r.pcm, r.rate) for r in map(wav.read, tmp_path.glob("*.wav")))
    assert saved > 1.0
    assert heard == pytest.approx(saved, rel=0.1)
    assert "Not played" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_stuck_loudspeaker_does_not_end_it(
    soundcard: Soundcard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first answer tells why nothing is heard; the second does not try again."""
    soundcard.control("suspend-sink", "speaker", "1")
    try:
        assert run(["demo", "--out", str(tmp_path)]) == 0
    finally:
        soundcard.control("suspend-sink", "speaker", "0")
    assert capsys.readouterr().out.count("has not answered") == 1
    assert len(list(tmp_path.glob("*.wav"))) == 2
