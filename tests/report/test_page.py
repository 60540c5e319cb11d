"""The page, as text; how it behaves in a browser is in test_browser."""

from __future__ import annotations

import base64
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("plotly", reason="the report's page needs plotly")
pytest.importorskip("numpy", reason="the report needs numpy, which matplotlib brings")

from inworld_rt import report
from inworld_rt.errors import ConfigError
from inworld_rt.recording import load
from inworld_rt.report.timeline import read


class Page(HTMLParser):
    """What a browser would see: elements, and the text of each kind of them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.text[tag] = self.text.get(tag, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def recorded(eventful, tmp_path_factory) -> Path:
    return eventful.save(tmp_path_factory.mktemp("recordings") / "monday")


@pytest.fixture(scope="module")
def page(recorded: Path) -> Page:
    return Page(report.write(recorded))


def test_it_goes_into_the_recording_unless_told_otherwise(recorded, tmp_path):
    assert report.write(recorded) == recorded / "report.html"
    wanted = tmp_path / "a.html"
    assert report.write(recorded.parent, wanted) == wanted  # the newest below the folder
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_both_sides_and_what_was_not_heard_are_in_it(page):
    said = page.text["ol"]
    assert "What is a whale?" in said
    assert "It is raining in Bergen" in said
    assert "look_up_weather({&quot" not in said and 'look_up_weather({"city": "Bergen"})' in said
    assert page.text["del"].startswith(" air, and the largest of all")
    assert len(page.all("h3")) == 7


def test_nothing_of_the_conversation_becomes_markup(page):
    assert "<script>alert(1)</script> & <b>bold</b>" in page.text["ol"]
    assert [one.get("type") for one in page.all("script")] == ["application/json", None, None]
    assert page.all("i") == []


def test_it_asks_no_network(page):
    """Neither its elements nor its style name another place; a policy forbids it anyway."""
    places = [
        value or ""
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data", "poster")
    ]
    assert places
    assert all(place.startswith(("data:", "#")) for place in places)
    assert "url(" not in page.text["style"] and "@import" not in page.text["style"]
    (policy,) = [m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_its_sound_is_the_recordings(page, recorded):
    (audio,) = page.all("audio")
    data = base64.b64decode((audio["src"] or "").removeprefix("data:audio/wav;base64,"))
    assert data[44:] == (recorded / "conversation.wav").read_bytes()[44:]


def test_the_marks_of_good_manners(page):
    assert page.all("html") == [{"lang": "en"}]
    assert page.text["title"] == page.text["h1"] == "A conversation with Clive"
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all("aria-label" in one for one in page.all("div") if one.get("role") == "img")


def test_the_numbers_are_in_it(page):
    words = " ".join(page.text["main"].split())
    assert "until an answer was heard (median)" in words
    assert "The slowest was turn 5, 3.50 s" in words
    assert "2 400" in words  # a thin space


@pytest.mark.parametrize("what", ["empty", "no sound", "text only", "cut off", "odd head"])
def test_there_is_a_page_whatever_is_missing(what, story, tmp_path):
    s = story()
    if what != "empty":
        s.begin()
        s.answer(s.typed(1.0, "Hello."), "Good day.", heard=None, seconds=0)
    if what == "odd head":
        s.header |= {"began": "yesterday", "url": 7, "inworld_rt": None}
    folder = s.save(tmp_path / "a", sound=what not in ("no sound", "text only"))
    if what == "cut off":
        events = folder / "events.jsonl"
        events.write_bytes(events.read_bytes()[:-40])
    page = Page(report.write(folder))
    assert page.all("audio") == []
    assert "This recording has no sound." in page.text["main"]
    if what == "empty":
        assert "Nobody said anything" in page.text["main"]
        assert page.all("ol") == []
    else:
        assert "Good day." in page.text["ol"]
    assert "The recording breaks off" in page.text["main"]  # nobody closed it


def test_an_hour_stays_small(story, tmp_path):
    s = story()
    s.begin()
    for turn in range(400):
        s.answer(s.typed(9.0 * turn, "Tell me more."), "More and more of it, and so on. " * 5)
    s.listen(3600.0)
    size = report.write(s.save(tmp_path / "a", sound=False)).stat().st_size
    assert size < 6_500_000  # 5 of which are plotly


def test_sound_that_does_not_fit_is_named(story, tmp_path, monkeypatch):
    from inworld_rt.report import sound

    s = story()
    s.begin()
    s.answer(s.typed(1.0, "Hello."), "Good day.", seconds=1.0)
    s.answer(s.typed(8.0, "Hello."), "Good night.", seconds=1.0)
    monkeypatch.setattr(sound.read, "__kwdefaults__", {"copy": True, "most": 40_000})
    page = Page(report.write(s.save(tmp_path / "a")))
    assert "Only the first 5.00 s of 9.65 s fit into a page" in page.text["footer"]
    hear = [one for one in page.all("button") if one.get("class") == "hear"]
    assert [one["aria-label"] for one in hear] == ["Play turn 1"]


def test_a_recording_that_cannot_be_read(story, tmp_path):
    with pytest.raises(ConfigError, match="no recording"):
        report.write(tmp_path)
    newer = story(recording=2).save(tmp_path / "a", sound=False)
    with pytest.raises(ConfigError, match="newer version"):
        report.write(newer)
    assert [path.name for path in newer.iterdir()] == ["events.jsonl"]


@pytest.mark.parametrize("where", [".", "missing/a.html", "file/a.html"])
def test_a_place_that_cannot_be_written(where, recorded, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^report: .*(name a file|make it first)"):
        report.write(recorded, tmp_path / where)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_there_stays_when_writing_fails(recorded, tmp_path, monkeypatch):
    old = tmp_path / "a.html"
    old.write_text("old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(ConfigError, match="cannot write"):
        report.write(recorded, old)
    assert old.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_a_real_conversation(tmp_path):
    """Over a socket: the page's words and numbers are those that the client gave."""
    pytest.importorskip("websockets", reason="the simulator needs websockets")
    from inworld_rt import Client
    from inworld_rt.simulator import Simulator

    with Simulator() as server:
        options = {"url": server.url, "credentials": server.api_key, "recording": tmp_path / "a"}
        with Client(voice="Clive", **options) as client:
            first = client.say("What is a whale?").wait()
            second = client.say("Tell me a long story.")
            next(iter(second))
            second.cancel()
            second.wait()
    told = load(tmp_path / "a")
    turns = read(told.header, told.entries).turns
    assert [turn.user for turn in turns] == ["What is a whale?", "Tell me a long story."]
    assert turns[0].answer == first.text
    assert [turn.cut for turn in turns] == [False, True]
    for name in ("first_text", "first_audio", "total"):
        found = getattr(turns[0].stages, name)
        assert found == pytest.approx(getattr(first.latency, name), abs=0.05)
    page = Page(report.write(tmp_path))
    assert first.text in page.text["ol"]
    assert len(page.all("audio")) == 1


def test_the_data_in_it_is_json(recorded):
    text = (recorded / "report.html").read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert set(json.loads(data)) == {"overview", "latencies", "seconds"}
