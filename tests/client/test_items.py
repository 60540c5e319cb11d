"""Seeding, inserting, showing: items that the client adds, and waits for."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from inworld_rt import Client
from inworld_rt.errors import ConfigError, ServerError, WaitTimeout
from inworld_rt.items import FunctionCall, FunctionCallOutput, InputAudio, InputImage, Message
from tests.support.scripted import Scripted

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


def take(server: Scripted, count: int, **fields: Any) -> list[dict[str, Any]]:
    """Take that many items, then echo them."""
    messages = [server.expect("conversation.item.create") for _ in range(count)]
    for message in messages:
        server.send("conversation.item.added", item=message["item"])
        server.send("conversation.item.done", item=message["item"])
    return messages


class TestAddItems:
    def test_sends_all_back_to_back_and_returns_their_ids(self) -> None:
        seen: list[dict[str, Any]] = []
        with Scripted(lambda server: seen.extend(take(server, 5))) as server:
            with server.client() as client:
                ids = client.add_items(
                    ("system", "Be kind."),
                    ("user", "My name is Anna."),
                    ("assistant", "Hello, Anna!"),
                    FunctionCall(id="mine", call_id="c1", name="weather"),
                    FunctionCallOutput(call_id="c1", output="sunny"),
                )
                assert [item.id for item in client.conversation] == ids
        assert [m["item"]["id"] for m in seen] == ids and ids[3] == "mine"
        assert [m["item"].get("role") for m in seen[:3]] == ["system", "user", "assistant"]
        assert all("previous_item_id" not in m for m in seen)

    def test_at_a_place_they_follow_each_other(self) -> None:
        seen: list[dict[str, Any]] = []
        with Scripted(lambda server: seen.extend(take(server, 3))) as server:
            with server.client() as client:
                ids = client.add_items(
                    ("user", "a"), ("user", "b"), ("user", "c"), previous_item_id="root"
                )
        assert [m["previous_item_id"] for m in seen] == ["root", *ids[:2]]

    def test_none_is_none(self) -> None:
        with Scripted(lambda server: None) as server, server.client() as client:
            assert client.add_items() == []

    def test_a_refusal_is_raised_here(self) -> None:
        def script(server: Scripted) -> None:
            server.error(server.expect("conversation.item.create"), param="previous_item_id")

        with Scripted(script) as server, server.client() as client:
            with pytest.raises(ServerError) as caught:
                client.add_items(("user", "Hi"), previous_item_id="nowhere")
        assert caught.value.param == "previous_item_id"

    def test_a_wrong_item_is_found_before_anything_is_sent(self) -> None:
        with Scripted(lambda server: server.silence()) as server, server.client() as client:
            with pytest.raises(ConfigError, match="empty"):
                client.add_items(("user", "Hi"), ("user", ""))
            with pytest.raises(ConfigError, match="role"):
                client.add_items(("nobody", "Hi"))
        assert server.types == []

    def test_gives_up_on_a_silent_server(self) -> None:
        with Scripted(lambda server: server.silence()) as server:
            with server.client(timeout=0.05) as client, pytest.raises(WaitTimeout):
                client.add_items(("user", "Hi"))


class TestImages:
    @pytest.mark.parametrize(("data", "kind"), [(PNG, "png"), (JPEG, "jpeg")])
    def test_from_bytes_and_files(self, data: bytes, kind: str, tmp_path: Path) -> None:
        path = tmp_path / "picture"
        path.write_bytes(data)
        seen: list[dict[str, Any]] = []

        def script(server: Scripted) -> None:
            for _ in range(2):
                seen.extend(take(server, 1))

        with Scripted(script) as server, server.client() as client:
            client.send_image(data)
            client.send_image(path, "What is this?", detail="low")
        url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        assert seen[0]["item"]["content"] == [{"type": "input_image", "image_url": url}]
        assert seen[1]["item"]["content"] == [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": url, "detail": "low"},
        ]

    @pytest.mark.parametrize("image", [b"GIF89a", b"", 7])
    def test_others_are_refused(self, image: Any) -> None:
        with Scripted(lambda server: None) as server, server.client() as client:
            with pytest.raises(ConfigError, match="image:"):
                client.send_image(image)

    def test_a_missing_file_is_the_usual_error(self, tmp_path: Path) -> None:
        with Scripted(lambda server: None) as server, server.client() as client:
            with pytest.raises(FileNotFoundError):
                client.send_image(tmp_path / "none.png")


@pytest.fixture
def simulated(service: dict[str, str]) -> Any:
    """A client of the simulator."""
    with Client(
        url=service["INWORLD_REALTIME_URL"], credentials=service["INWORLD_API_KEY"]
    ) as client:
        yield client


class TestWithTheSimulator:
    """The whole road: what is added is there, where it was put, and can be had back."""

    def test_a_conversation_is_seeded_ordered_and_changed(self, simulated: Client) -> None:
        client = simulated
        first, last = client.add_items(("user", "one"), ("assistant", "three"))
        (middle,) = client.add_items(("user", "two"), previous_item_id=first)
        (top,) = client.add_items(("system", "zero"), previous_item_id="root")
        assert [item.id for item in client.conversation] == [top, first, middle, last]
        assert str(client.conversation).split("\n")[2] == "user: two"

        client.delete_item(middle)
        assert middle not in client.conversation
        for call in (client.retrieve_item, client.delete_item):
            with pytest.raises(ServerError):
                call(middle)
        with pytest.raises(ServerError):
            client.add_items(("user", "x"), previous_item_id=middle)

    def test_speech_is_retrieved_as_it_was_sent(self, simulated: Client) -> None:
        for sound in (bytes(range(200)) * 24, b"OggS" + bytes(31)):  # samples; Opus
            part = InputAudio(audio=sound, transcript="Hello")
            (item_id,) = simulated.add_items(Message(content=[part]))
            item = simulated.retrieve_item(item_id)
            assert isinstance(item, Message)
            assert [getattr(part, "audio", None) for part in item.content] == [sound]

    def test_pictures_are_taken(self, simulated: Client) -> None:
        item = simulated.retrieve_item(simulated.send_image(PNG, "What is this?"))
        assert isinstance(item, Message)
        assert isinstance(item.content[1], InputImage)

    def test_an_answer_is_cut_and_not_beyond_its_end(self, simulated: Client) -> None:
        answer = simulated.say("Please count to five.").wait()
        item_id = answer.items[0].id or ""
        with pytest.raises(ServerError) as caught:
            simulated.truncate_item(item_id, 10**6)
        assert "already shorter" in str(caught.value)
        simulated.truncate_item(item_id, 400)
        assert len(answer.heard_text) < len(answer.text)
        with pytest.raises(ServerError):
            simulated.truncate_item("nowhere", 1)
