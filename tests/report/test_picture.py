"""The picture."""

from __future__ import annotations

import struct

import pytest

pytest.importorskip("matplotlib", reason="the report's picture needs matplotlib")

from inworld_rt import report
from inworld_rt.errors import ConfigError
from inworld_rt.latency import Latency
from inworld_rt.report import picture
from inworld_rt.report.model import Timeline, Turn


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])  # type: ignore[return-value]


def test_it_shows_what_is_there(eventful, tmp_path):
    folder = eventful.save(tmp_path / "a")
    path = report.write_png(folder)
    assert path == folder / "report.png"
    width, height = size(path.read_bytes())
    assert width == 1210 and 900 < height < 1300


def test_an_empty_recording(story, tmp_path):
    path = report.write_png(story().save(tmp_path / "a", sound=False), tmp_path / "b.png")
    assert size(path.read_bytes())[0] == 1210


def test_names_of_any_kind(story, tmp_path):
    """Dollar signs are no formulas; letters that the font lacks give no warning."""
    s = story()
    s.begin(voice="$x^$ 語 🐋")
    s.call(s.typed(1.0, "x"), "$\\frac$", "{}", 1.5, "y")
    s.answer(3.0, "Yes.")
    assert report.write_png(s.save(tmp_path / "a")).stat().st_size > 1000


def test_of_many_turns_the_slowest_are_drawn():
    turns = [
        Turn(n + 1, n, n + 1, base=float(n), stages=Latency(first_text=0.5 + n % 50 / 100))
        for n in range(300)
    ]
    told = Timeline(seconds=301.0, turns=tuple(turns))
    assert size(picture.draw(told, None))[1] < 1500


def test_a_place_that_cannot_be_written(eventful, tmp_path):
    folder = eventful.save(tmp_path / "a", sound=False)
    with pytest.raises(ConfigError, match="make it first"):
        report.write_png(folder, tmp_path / "missing" / "a.png")
