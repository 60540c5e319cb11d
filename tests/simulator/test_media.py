"""Pictures and Opus in the client's items (protocol: content parts)."""

from __future__ import annotations

import base64

import pytest

from inworld_rt.events.client import ItemCreate, ResponseCreate
from inworld_rt.items import InputAudio, InputImage, InputText, Message
from inworld_rt.simulator.media import is_picture, opus_seconds, picture_kind
from inworld_rt.simulator.replies import lesson
from tests.support.brains import Bench, one, types, wired


def uri(kind, data):
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


PNG = uri("png", b"\x89PNG\r\n\x1a\n" + bytes(20))
JPEG = uri("jpeg", b"\xff\xd8\xff\xe0" + bytes(20))


def page(samples):
    """The beginning of an Ogg page that ends after so many samples."""
    return b"OggS\x00\x04" + samples.to_bytes(8, "little") + bytes(14)


def show(bench, *parts):
    return bench.send(ItemCreate(item=Message(content=list(parts))))


def answer(bench):
    got = bench.send(ResponseCreate()) + bench.finish()
    return one(got, "response.done").response.output[0].text


@pytest.mark.parametrize(
    ("given", "kind", "whole"),
    [
        (PNG, "PNG", True),
        (JPEG, "JPEG", True),
        (JPEG.replace("jpeg", "JPG"), "JPEG", True),
        (JPEG.replace("jpeg", "png"), "PNG", False),
        (PNG + "?", "PNG", False),
        ("data:image/gif;base64,R0lGODlh", "", False),
        ("https://example.com/a.png", "", False),
        ("", "", False),
    ],
)
def test_what_is_a_picture(given, kind, whole):
    assert (picture_kind(given), is_picture(given)) == (kind, whole)


def test_a_picture_is_taken_and_spoken_of():
    bench = Bench(lesson)
    got = show(bench, InputImage(image_url=PNG, detail="low"))
    assert types(got) == ["conversation.item.added", "conversation.item.done"]
    assert wired(got)[0]["item"]["content"][0]["image_url"] == PNG
    assert answer(bench) == "I can see a PNG picture."


def test_pictures_with_words():
    bench = Bench(lesson)
    two = (InputImage(image_url=PNG), InputImage(image_url=JPEG))
    show(bench, InputText(text="What do you see?"), *two)
    assert answer(bench) == "I can see two pictures: PNG and JPEG."
    show(bench, InputText(text="How are you?"), *two)
    assert answer(bench).startswith("I am very well")


@pytest.mark.parametrize(
    "given", ["https://example.com/a.png", PNG + "?", "data:image/gif;base64,"]
)
def test_anything_else_is_refused(given):
    bench = Bench()
    error = one(show(bench, InputText(text="Look"), InputImage(image_url=given)), "error").error
    assert (error.code, error.param) == ("invalid_value", "item.content[1].image_url")
    assert bench.brain.history.entries == []


def test_only_a_user_shows_pictures():
    bench = Bench()
    item = Message(role="system", content=[InputImage(image_url=PNG)])
    error = one(bench.send(ItemCreate(item=item)), "error").error
    assert error.param == "item.content[0].type"


def test_opus_is_taken_as_it_is_and_not_heard():
    bench = Bench(lesson)
    opus = page(0) + page(86_400) + b"odd"
    got = show(bench, InputAudio(audio=opus))
    back = bench.send({"type": "conversation.item.retrieve", "item_id": got[0].item.id})
    assert back[0].item.content[0].audio == opus
    assert answer(bench).startswith("I heard you speak for 1.8 seconds")


def test_opus_with_a_transcript_is_understood():
    bench = Bench(lesson)
    show(bench, InputAudio(audio=page(4800), transcript="How are you?"))
    assert answer(bench).startswith("I am very well")


def test_the_length_of_opus():
    assert opus_seconds(page(0) + page(24_000)) == 0.5
    assert opus_seconds(b"OggS") == 0.0
    assert opus_seconds(page(2**64 - 1)) == 0.0
