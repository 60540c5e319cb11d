"""``inworld-rt report``."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("plotly", reason="the report's page needs plotly")
pytest.importorskip("matplotlib", reason="the report's picture needs matplotlib")

from inworld_rt.cli import run

HEAD = {"recording": 1, "inworld_rt": "0.5.0", "began": "2026-11-24T14:50:03+00:00"}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A recording of which there is only the head."""
    folder = tmp_path / "recordings" / "monday"
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text(json.dumps(HEAD) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("options", "name", "start"),
    [([], "report.html", b"<!DOC"), (["--png"], "report.png", b"\x89")],
)
def test_it_says_where_it_is(options, name, start, recorded, capsys):
    assert run(["report", str(recorded.parent), *options]) == 0  # the newest below it
    out, err = capsys.readouterr()
    assert (out, err) == (f"{recorded / name}\n", "")
    assert (recorded / name).read_bytes().startswith(start)


def test_another_place(recorded, tmp_path, capsys):
    assert run(["report", str(recorded), "-o", str(tmp_path / "a.html")]) == 0
    assert (tmp_path / "a.html").exists()
    assert not (recorded / "report.html").exists()


@pytest.mark.parametrize("works", [True, False])
def test_it_opens_a_browser(works, recorded, capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(webbrowser, "open", lambda url: shown.append(url) or works)
    assert run(["report", str(recorded), "--open"]) == 0
    assert shown == [(recorded / "report.html").as_uri()]
    assert ("no browser here" in capsys.readouterr().out) == (not works)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{place}"], "no recording"),
        (["{recorded}", "-o", "{place}/missing/a.html"], "make it first"),
        (["{recorded}", "-o", "{place}"], "is a folder"),
    ],
)
def test_what_cannot_be(arguments, words, recorded, tmp_path, capsys):
    place = tmp_path / "empty"
    place.mkdir()
    filled = [one.format(place=place, recorded=recorded) for one in arguments]
    assert run(["report", *filled]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and words in err


def test_a_newer_recording(recorded, capsys):
    (recorded / "events.jsonl").write_text(json.dumps({**HEAD, "recording": 2}) + "\n")
    assert run(["report", str(recorded)]) == 2
    assert "newer version" in capsys.readouterr().err
