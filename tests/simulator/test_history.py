"""Order, cutting and deleting of items (protocol: conversation items; truncation time base)."""

from __future__ import annotations

import pytest

from inworld_rt.items import AudioPart, FunctionCallOutput, InputText, Message
from inworld_rt.pcm import AudioFormat
from inworld_rt.simulator.history import Entry, History, Sound
from inworld_rt.simulator.refusals import Refusal


def text(name):
    return Entry(Message(id=name, content=[InputText(text=name)]))


def spoken(name="a", format=AudioFormat(), words=10):  # noqa: B008 - frozen
    sound = Sound(format, bytearray(format.silence(words * 100)))
    sound.words = [(n * 100, f"w{n} ") for n in range(words)]
    part = AudioPart(transcript="".join(w for _, w in sound.words))
    return Entry(Message(id=name, role="assistant", content=[part]), {0: sound})


def test_items_go_to_the_end_the_start_or_behind_another():
    history = History()
    assert history.add(text("b")) is None
    assert history.add(text("d")) == "b"
    assert history.add(text("a"), "root") is None
    assert history.add(text("c"), "b") == "b"
    assert [e.id for e in history.entries] == ["a", "b", "c", "d"]


def test_behind_an_unknown_item_nothing_is_added():
    history = History()
    with pytest.raises(Refusal):
        history.add(text("a"), "nobody")
    assert history.entries == []


def test_a_cut_answer_keeps_the_words_that_were_heard():
    history = History([spoken()])
    history.truncate("a", 0, 250)
    assert history.turns()[0].text == "w0 w1 w2"
    assert len(history.find("a").with_audio().content[0].audio) == AudioFormat().bytes(250)
    history.truncate("a", 0, 0)
    assert history.turns()[0].text == ""


def test_a_cut_behind_the_end_names_both_times():
    with pytest.raises(Refusal, match=r"^Audio content of 1000ms is already shorter than 1001ms$"):
        History([spoken()]).truncate("a", 0, 1001)


def test_mu_law_counted_as_the_service_was_seen_to():
    history = History([spoken(format=AudioFormat("audio/pcmu"))])
    history.truncate("a", 0, 1000)
    history = History([spoken(format=AudioFormat("audio/pcmu"))])
    with pytest.raises(Refusal, match="content of 333ms is"):
        history.truncate("a", 0, 1000, div24=True)
    history.truncate("a", 0, 166, div24=True)
    assert history.turns()[0].text == "w0 w1 w2 w3 w4"


@pytest.mark.parametrize(
    ("entry", "index", "ms", "param"),
    [
        (text("a"), 0, 0, "item_id"),
        (spoken(), 1, 0, "content_index"),
        (spoken(), 0, -1, "audio_end_ms"),
        (Entry(FunctionCallOutput(id="a", call_id="c")), 0, 0, "item_id"),
    ],
)
def test_what_cannot_be_cut(entry, index, ms, param):
    with pytest.raises(Refusal) as caught:
        History([entry]).truncate("a", index, ms)
    assert caught.value.fault.param == param


def test_deleting_takes_the_latest_of_an_id_used_twice():
    first, second = spoken(), spoken()
    history = History([first, second])
    history.delete("a")
    assert history.entries == [first]
    assert history.entries[0] is first
