"""The blocking client against scripted servers."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inworld_rt import Client, SessionConfig
from inworld_rt.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    ConnectionClosed,
    ConnectionClosedOK,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    ServerError,
    WaitTimeout,
)
from inworld_rt.eventlog import KEPT
from inworld_rt.events import (
    AudioDelta,
    ItemAdded,
    Ping,
    ResponseCreated,
    ResponseDone,
    SessionUpdated,
    SpeechStarted,
    UnknownEvent,
)
from inworld_rt.items import InputText, Message
from inworld_rt.transport import MemoryTransport
from tests.support.background import PATIENCE, Background
from tests.support.scripted import SCRIPT_OVER, Scripted, text_of


def answer_all(server: Scripted) -> None:
    server.answer_all()


def silent(server: Scripted) -> None:
    server.silence()


def settle(client: Client) -> None:
    """Wait until the client has taken in all that the script sent, without this thread's mark."""
    Background(lambda: client.wait_for(SCRIPT_OVER, PATIENCE)).result()


class TestStart:
    def start(self, script: Callable[[Scripted], None], **settings: Any) -> BaseException:
        """What a failing constructor raises; it must leave no thread and hang up."""
        before = threading.active_count()
        with Scripted(script, start=False) as server:
            with pytest.raises(Exception) as caught:
                server.client(**settings)
            assert threading.active_count() <= before + 1
            with pytest.raises(ConnectionClosed):
                server.transport.send("x")
        return caught.value

    def test_asks_for_the_settings_and_waits_for_the_answer(self) -> None:
        config = SessionConfig.of(temperature=0.5, voice="Sarah")
        with (
            Scripted(silent) as server,
            server.client(voice="Clive", instructions="Be brief.", config=config) as client,
        ):
            assert client.session.audio.output.voice == "Clive"
            assert client.session.temperature == 0.5
            assert (client.state, client.closed) == ("idle", False)
        asked = server.received[0]["session"]
        assert asked["instructions"] == "Be brief."
        assert asked["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
        assert asked["providerData"] == {"auto_tool_response": False}
        assert (server.code, client.state, client.closed) == (1000, "closed", True)

    def test_settings_may_be_a_dict(self) -> None:
        with Scripted(silent) as server, server.client(config={"temperature": 1}):
            assert server.received[0]["session"]["temperature"] == 1

    def test_settings_that_the_server_does_not_tell_are_as_asked_for(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("session.update")
            server.send("session.updated")

        with Scripted(script, start=False) as server, server.client(voice="Clive") as client:
            assert client.session.audio.output.voice == "Clive"

    def test_works_with_a_server_that_never_sends_session_created(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings()
            server.answer_all()

        with Scripted(script, start=False) as server, server.client() as client:
            assert client.ask("Hello") == "You said Hello. "

    @pytest.mark.parametrize("named", [True, False])
    @pytest.mark.parametrize(
        "details",
        [
            {"code": "invalid_value", "param": "session.audio.output.voice"},
            {"code": "invalid_value", "param": "session.model"},
            {"message": "unknown author", "code": None},
        ],
    )
    def test_an_unknown_voice_or_model_is_told(self, named: bool, details: dict[str, Any]) -> None:
        def script(server: Scripted) -> None:
            message = server.expect("session.update")
            server.error(message if named else None, **details)

        error = self.start(script, voice="Nobody")
        assert isinstance(error, ServerError)
        assert error.param == details.get("param")

    @pytest.mark.parametrize(
        "details", [{"code": "invalid_api_key"}, {"type": "authentication_error"}]
    )
    def test_late_refusal_of_the_key(self, details: dict[str, Any]) -> None:
        error = self.start(lambda server: server.error(**details))
        assert isinstance(error, AuthError) and isinstance(error.__cause__, ServerError)

    def test_refusal_of_the_key_before_anything_could_be_sent(self) -> None:
        transport, line = MemoryTransport.pair()
        error = {"type": "authentication_error", "message": "This key has expired."}
        line.send(json.dumps({"type": "error", "error": error}))
        line.begin_close(1008)
        with pytest.raises(AuthError, match="expired"):
            Client(transport=transport)

    def test_a_session_id_is_never_made_up_for_a_wrong_one(self) -> None:
        for session_id in ("", 5):
            with pytest.raises(ConfigError, match="session_id"):
                Client(session_id=session_id, credentials="c2VjcmV0", url="ws://[::1]:1")  # type: ignore[arg-type]

    def test_a_server_that_closes(self) -> None:
        error = self.start(lambda server: server.close(4001, "not today"))
        assert isinstance(error, ConnectionLost)
        assert (error.code, error.reason) == (4001, "not today")

    def test_a_server_that_says_why_and_closes(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("session.update")
            server.send("error", error={"message": "no such model", "event_id": "another"})
            server.close(1008)

        error = self.start(script)
        assert isinstance(error, ConnectionLost) and "no such model" in str(error)
        assert isinstance(error.__cause__, ServerError)

    def test_a_server_that_drops_the_line(self) -> None:
        assert isinstance(self.start(Scripted.abort), ConnectionLost)

    def test_a_silent_server(self) -> None:
        error = self.start(silent, connect_timeout=0.05)
        assert isinstance(error, ConnectError) and isinstance(error.__cause__, WaitTimeout)

    def test_a_server_that_sends_garbage(self) -> None:
        assert isinstance(self.start(Scripted.garbage), RemoteProtocolError)

    def test_a_thread_that_cannot_be_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: object) -> None:
            raise RuntimeError("can't start new thread")

        transport, line = MemoryTransport.pair()
        monkeypatch.setattr("inworld_rt.workers.Worker.start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            Client(transport=transport)
        with pytest.raises(ConnectionClosed):
            line.recv()

    def test_reconnecting_is_not_promised_before_it_is_there(self) -> None:
        with pytest.raises(ConfigError, match="reconnect"):
            Client(reconnect=True, transport=MemoryTransport.pair()[0])

    @pytest.mark.parametrize("seconds", [0, -1, math.nan, "5", None, True])
    @pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
    def test_times_are_checked(self, name: str, seconds: object) -> None:
        with pytest.raises(ConfigError, match=name):
            Client(**{name: seconds})  # type: ignore[arg-type]

    def test_times_may_be_endless(self) -> None:
        with (
            Scripted(answer_all) as server,
            server.client(timeout=math.inf, connect_timeout=math.inf) as client,
        ):
            assert client.ask("Hello")

    @pytest.mark.parametrize(
        "settings",
        [{"voice": 5}, {"config": {"voices": "x"}}, {"config": 5}, {"instructions": ["x"]}],
    )
    def test_wrong_settings_are_found_before_any_connection(self, settings: dict[str, Any]) -> None:
        with pytest.raises(ConfigError):
            Client(url="ws://127.0.0.1:1/x", credentials="a2V5OnNlY3JldA==", **settings)

    @pytest.mark.parametrize("key", [None, "", "   ", " a2V5OnNlY3JldA== ", "not base64!", "a\nb"])
    def test_a_missing_or_malformed_key_is_told_without_showing_it(self, key: str | None) -> None:
        # Nobody listens at that port: a key that passes (padded ones may) ends in ConnectError.
        with pytest.raises((ConfigError, ConnectError)) as caught:
            Client(url="ws://127.0.0.1:9/x", credentials=key, connect_timeout=5)
        assert not isinstance(caught.value, ConnectError) or key in (" a2V5OnNlY3JldA== ", None)
        if key and key.strip():
            assert key.strip() not in str(caught.value)


class TestSay:
    def test_sends_text_and_request_back_to_back(self) -> None:
        with Scripted(answer_all) as server, server.client() as client:
            assert client.say("Hello").text == "You said Hello. "
            assert client.ask("Bye") == "You said Bye. "
        assert server.types == ["conversation.item.create", "response.create"] * 2

    def test_a_second_one_waits_for_the_first_answer(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.expect("response.create")
            name = server.begin()
            server.wait_for_go()
            assert len(server.received) == 3
            server.done(name)
            server.answer_all()

        with Scripted(script) as server, server.client() as client:
            first, second = client.say("one"), client.say("two")
            assert second.status == "waiting"
            server.go()
            assert second.text == "You said two. " and first.done

    def test_a_second_one_goes_on_after_the_first_failed(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.error(server.expect("response.create"))
            server.answer_all()

        with Scripted(script) as server, server.client() as client:
            first, second = client.say("one"), client.say("two")
            assert second.text == "You said two. "
            with pytest.raises(ServerError):
                first.wait()

    @pytest.mark.parametrize(
        "text", ["", "  \n", None, 5, b"bytes", "half \ud800 character", "x" * 3_000_000]
    )
    def test_bad_text_is_refused_and_leaves_nothing_behind(self, text: Any) -> None:
        with Scripted(answer_all) as server, server.client() as client:
            for send in (client.say, client.ask, client.send_text):
                with pytest.raises(ConfigError):
                    send(text)
            assert not client._backlog._responses
            assert client.ask("Hello") == "You said Hello. "
        assert len(server.types) == 2

    def test_a_megabyte_arrives(self) -> None:
        text = "é" * 1_000_000
        with Scripted(lambda s: s.answer_say()) as server, server.client() as client:
            client.say(text).wait()
        assert text_of(server.received[1]) == text

    def test_from_many_threads_each_gets_its_own_answer(self) -> None:
        def talk(n: int) -> list[str]:
            return [client.ask(f"{n}.{m}") for m in range(10)]

        with Scripted(answer_all) as server, server.client() as client:
            talks = [Background(partial(talk, n)) for n in range(4)]
            for n, one in enumerate(talks):
                assert one.result() == [f"You said {n}.{m}. " for m in range(10)]
            assert client.stats.responses == 40

    def test_an_interrupt_while_sending_frees_the_floor(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Scripted(answer_all) as server, server.client() as client:
            with monkeypatch.context() as patch:

                def interrupted(*messages: bytes) -> None:
                    raise KeyboardInterrupt

                patch.setattr(client._link, "send", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    client.say("one")
            assert client.ask("two") == "You said two. "


class TestCreateResponse:
    def test_with_settings_of_its_own(self) -> None:
        with Scripted(answer_all) as server, server.client() as client:
            client.create_response(instructions="Whisper.", output_modalities=["text"]).wait()
            client.create_response().wait()
        first, second = server.received[1:]
        assert first["response"] == {"instructions": "Whisper.", "output_modalities": ["text"]}
        assert "response" not in second

    @pytest.mark.parametrize("overrides", [{"nonsense": 1}, {"instructions": 5}])
    def test_wrong_settings_are_refused(self, overrides: dict[str, Any]) -> None:
        with Scripted(silent) as server, server.client() as client:
            with pytest.raises(ConfigError):
                client.create_response(**overrides)
            assert not client._backlog._responses
        assert server.types == []


class TestCancelResponse:
    def test_with_nothing_to_stop(self) -> None:
        with Scripted(silent) as server, server.client() as client:
            client.cancel_response()
        assert server.types == []

    def test_stops_what_is_being_made(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.expect("response.create")
            name = server.begin()
            assert server.expect("response.cancel")["response_id"] == name
            server.done(name, "cancelled")

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            client.wait_for("response.created")
            client.cancel_response()
            assert answer.wait().status == "cancelled"

    def test_stops_what_is_about_to_begin(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.expect("response.create")
            server.wait_for_go()
            name = server.begin()
            server.expect("response.cancel")
            server.done(name, "cancelled")

        with Scripted(script) as server, server.client() as client:
            answer = client.say("Go")
            client.cancel_response()
            server.go()
            assert answer.wait().status == "cancelled"


class TestParts:
    def test_text_item_and_audio(self) -> None:
        with Scripted(silent) as server, server.client() as client:
            client.send_text("Be kind.", "system")
            client.send_text("I am.", "assistant")
            client.send_item(Message(content=[InputText(text="x")]), "root")
            client.send_audio(memoryview(bytes(4)))  # type: ignore[arg-type]
            client.commit_audio()
            client.clear_audio()
        sent = server.received[1:]
        assert [m["type"].split(".", 1)[-1] for m in sent] == [
            "item.create", "item.create", "item.create", "append", "commit", "clear",
        ]  # fmt: skip
        assert [m["item"]["role"] for m in sent[:3]] == ["system", "assistant", "user"]
        assert [m["item"]["content"][0]["type"] for m in sent[:2]] == ["input_text", "output_text"]
        assert sent[2]["previous_item_id"] == "root"

    @pytest.mark.parametrize("role", ["tool", "robot", None, 5])
    def test_an_unknown_role_is_refused(self, role: Any) -> None:
        with Scripted(silent) as server, server.client() as client, pytest.raises(ConfigError):
            client.send_text("x", role)
        assert server.types == []

    @pytest.mark.parametrize("pcm", [b"", b"odd", "text", None, 5])
    def test_bad_audio_is_refused(self, pcm: Any) -> None:
        with Scripted(silent) as server, server.client() as client, pytest.raises(ConfigError):
            client.send_audio(pcm)
        assert server.types == []


class TestWaitForResponse:
    def test_gives_the_one_in_progress_finished(self) -> None:
        with Scripted(answer_all) as server, server.client() as client:
            answer = client.say("Go")
            assert client.wait_for_response() is answer and answer.done

    def test_gives_the_next_one_that_the_server_begins(self) -> None:
        def script(server: Scripted) -> None:
            server.wait_for_go()
            server.answer("Anybody there?")

        with Scripted(script) as server, server.client() as client:
            waiting = Background(client.wait_for_response)
            server.go()
            assert waiting.result().text == "Anybody there? "

    def test_gives_one_that_ended_unnoticed_once(self) -> None:
        with Scripted(lambda s: s.answer("Hello.")) as server, server.client() as client:
            settle(client)
            assert client.wait_for_response(0).text == "Hello. "
            with pytest.raises(WaitTimeout):
                client.wait_for_response(0.01)

    def test_gives_none_that_was_waited_for_in_another_way(self) -> None:
        with Scripted(answer_all) as server, server.client() as client:
            client.ask("one")
            list(client.say("two"))
            list(client.say("three").text_stream())
            with pytest.raises(WaitTimeout):
                client.wait_for_response(0.01)

    def test_raises_what_the_response_failed_with_once(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.error(server.expect("response.create"))

        with Scripted(script) as server, server.client() as client:
            client.say("Go")
            with pytest.raises(ServerError):
                client.wait_for_response()
            with pytest.raises(WaitTimeout):
                client.wait_for_response(0.01)

    def test_an_unfinished_older_one_is_not_forgotten(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            create = server.expect("response.create")
            other = server.begin()  # to speech, though it seems to be the answer to the text
            server.error(create, code="conversation_already_has_active_response")
            server.words(other, "Speech.")
            server.done(other)
            server.wait_for_go()
            server.answer("Text.")

        with Scripted(script) as server, server.client() as client:
            mine = client.say("Go")
            client.wait_for("response.done", PATIENCE)
            spoken = next(r for r in client._backlog._responses if r is not mine)
            assert spoken.wait().text == "Speech."
            server.go()
            assert mine.text == "Text. "
            assert not client._backlog._responses

    def test_does_not_give_up_while_things_happen(self) -> None:
        def script(server: Scripted) -> None:
            server.wait_for_go()
            server.answer("At last.")

        with Scripted(script) as server, server.client(timeout=0.2) as client:
            waiting = Background(client.wait_for_response)
            for _ in range(5):
                server.send("input_audio_buffer.turn_suggestion")
                with pytest.raises(WaitTimeout):
                    client.wait_for("x.never", 0.1)
            server.go()
            assert waiting.result().text == "At last. "

    def test_gives_up_when_nothing_happens(self) -> None:
        with Scripted(silent) as server, server.client(timeout=0.02) as client:
            with pytest.raises(WaitTimeout, match="quiet"):
                client.wait_for_response()
            assert client._link._arrivals == []

    def test_what_nobody_collects_is_bounded(self) -> None:
        def script(server: Scripted) -> None:
            for _ in range(50):
                server.answer("Hello.")

        with Scripted(script) as server, server.client() as client:
            settle(client)
            assert len(client._backlog._responses) == 16


class TestEvents:
    def test_wait_for_misses_nothing_between_sending_and_waiting(self) -> None:
        def script(server: Scripted) -> None:
            for name in ("a", "b"):
                server.expect("conversation.item.create")
                server.send("conversation.item.added", item={"type": "message", "id": name})

        with Scripted(script) as server, server.client() as client:
            client.send_text("one")
            client.send_text("two")
            settle(client)
            found = [client.wait_for(ItemAdded, 0), client.wait_for("conversation.item.created", 0)]
            assert [getattr(event, "item", None).id for event in found] == ["a", "b"]  # type: ignore[union-attr]
            with pytest.raises(WaitTimeout):
                client.wait_for(ItemAdded, 0)

    def test_wait_for_passes_over_answers_that_were_waited_for(self) -> None:
        with Scripted(answer_all) as server, server.client() as client:
            client.say("Go").wait()
            answer = client.say("Go on")
            event = client.wait_for(ResponseDone, PATIENCE)
            assert event.response is not None and event.response.id == answer.wait().id
            for kind in (ResponseCreated, ResponseDone):
                with pytest.raises(WaitTimeout):
                    client.wait_for(kind, 0)

    def test_waiting_for_an_answer_hides_nothing_but_its_own_events(self) -> None:
        heard = "conversation.item.input_audio_transcription.completed"

        def script(server: Scripted) -> None:
            server.skip_to("response.create")
            name = server.begin()
            server.send(heard, item_id="u", transcript="What time is it?")
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            client.say("Go").wait()
            assert client.wait_for(heard, PATIENCE).type == heard
            with pytest.raises(WaitTimeout):
                client.wait_for(ResponseCreated, 0)

    def test_unknown_ones_can_be_waited_for(self) -> None:
        def script(server: Scripted) -> None:
            server.send("x.new", value=5)

        with Scripted(script) as server, server.client() as client:
            event = client.wait_for("x.new")
            assert isinstance(event, UnknownEvent) and event.raw is not None
            assert event.raw["value"] == 5

    def test_all_or_some(self) -> None:
        def script(server: Scripted) -> None:
            server.send("ping")
            server.answer("Hi.")
            server.close()

        with Scripted(script) as server, server.client() as client:
            stream = client.events()
            some = client.events(Ping, "response.done")
            assert [type(event) for event in some] == [Ping, ResponseDone]
            kinds = [event.type for event in stream]
            assert kinds[:3] == ["session.created", "session.updated", "ping"]
            assert kinds[-1] == "response.done"
            assert list(client.events()) == []

    def test_a_break_is_raised(self) -> None:
        with Scripted(Scripted.abort) as server, server.client() as client:
            stream = client.events("x.never")
            with pytest.raises(ConnectionLost):
                next(stream)
            with pytest.raises(ConnectionLost):
                client.wait_for("x.never")

    def test_a_slow_reader_is_told(self) -> None:
        def script(server: Scripted) -> None:
            server.wait_for_go()
            for _ in range(KEPT + 5):
                server.send("ping")

        with Scripted(script) as server, server.client() as client:
            stream = client.events()
            next(stream)
            server.go()
            settle(client)
            with pytest.raises(LocalProtocolError, match="missed"):
                next(stream)

    def test_a_reader_that_comes_late_begins_with_what_is_left(self) -> None:
        def script(server: Scripted) -> None:
            for _ in range(KEPT + 5):
                server.send("ping")

        with Scripted(script) as server, server.client() as client:
            settle(client)
            stream = client.events()
            server.send("x.more")
            Background(lambda: client.wait_for("x.more", PATIENCE)).result()
            assert isinstance(next(stream), Ping)

    def test_each_wait_has_a_timeout(self) -> None:
        with Scripted(silent) as server, server.client() as client, pytest.raises(WaitTimeout):
            next(client.events("x.never", timeout=0.01))

    @pytest.mark.parametrize("kind", ["response.create", int, 5])
    def test_what_no_server_sends_is_refused_at_once(self, kind: Any) -> None:
        with Scripted(silent) as server, server.client() as client:
            with pytest.raises(ConfigError):
                client.wait_for(kind)
            with pytest.raises(ConfigError):
                client.events(kind)


class TestUpdateSession:
    def test_blocks_until_accepted(self) -> None:
        def script(server: Scripted) -> None:
            server.accept_settings(model="b/model")

        with Scripted(script) as server, server.client(voice="Clive") as client:
            session = client.update_session(speed=1.2)
            assert (session.model, session.audio.output.speed) == ("b/model", 1.2)
            assert session.audio.output.voice == "Clive"
            assert client.session == session
        assert server.received[1]["session"]["audio"] == {"output": {"speed": 1.2}}

    @pytest.mark.parametrize("named", [True, False])
    def test_a_refusal_is_raised(self, named: bool) -> None:
        def script(server: Scripted) -> None:
            message = server.expect("session.update")
            details = {"code": "invalid_value", "param": "session.audio.output.voice"}
            server.error(message if named else None, **details)
            server.answer_all()

        with Scripted(script) as server, server.client(voice="Clive") as client:
            with pytest.raises(ServerError, match="voice"):
                client.update_session(voice="Nobody")
            assert client.session.audio.output.voice == "Clive"
            assert client.ask("Hello")

    @pytest.mark.parametrize("fields", [{"speed": 7}, {"nonsense": 1}])
    def test_wrong_settings_are_not_sent(self, fields: dict[str, Any]) -> None:
        with Scripted(silent) as server, server.client() as client:
            with pytest.raises(ConfigError):
                client.update_session(**fields)
        assert len(server.received) == 1

    def test_a_silent_server(self) -> None:
        with Scripted(silent) as server, server.client(timeout=0.02) as client:
            with pytest.raises(WaitTimeout, match=r"session\.update"):
                client.update_session(speed=1)

    def test_a_renewal_of_the_memory_is_no_answer(self) -> None:
        def remembers(turns: int, **more: Any) -> dict[str, Any]:
            memory = {"enabled": True, "state": {"total_turns": turns}}
            return {
                "model": "a/model",
                "expires_at": turns,
                "providerData": {"memory": memory},
            } | more

        def script(server: Scripted) -> None:
            server.greet(**remembers(1))
            server.send("session.updated", session=remembers(2))
            message = server.expect("session.update")
            server.send("session.updated", session=remembers(3))
            server.error(message, message="no such voice")
            server.expect("session.update")
            server.send("session.updated", session=remembers(4))
            server.send("session.updated", session=remembers(5, temperature=1))
            server.expect("session.update")  # one about the memory itself
            server.send("session.updated", session=remembers(6))

        with Scripted(script, start=False) as server, server.client() as client:
            client.wait_for(SessionUpdated)
            with pytest.raises(ServerError, match="no such voice"):
                client.update_session(voice="Nobody")
            assert client.update_session(temperature=1).temperature == 1
            session = client.update_session(provider_data={"memory": {"enabled": True}})
            assert session.provider_data.memory.state.total_turns == 6  # type: ignore[union-attr]

    def test_from_several_threads_each_gets_its_own_answer(self) -> None:
        def script(server: Scripted) -> None:
            for _ in range(8):
                message = server.expect("session.update")
                if message["session"]["temperature"] == 0:
                    server.error(message)
                else:
                    server.send("session.updated", session=message["session"])

        with Scripted(script) as server, server.client() as client:
            updates = {
                n: Background(partial(client.update_session, temperature=n % 2)) for n in range(8)
            }
            for n, update in updates.items():
                if n % 2:
                    assert update.result().temperature == 1
                else:
                    assert isinstance(update.error(), ServerError)


class TestItems:
    def test_retrieve_delete_truncate(self) -> None:
        def script(server: Scripted) -> None:
            server.answer_say("one two three", slices=20)
            item_id = server.expect("conversation.item.retrieve")["item_id"]
            server.send("conversation.item.retrieved", item={"type": "message", "id": "another"})
            content = [{"type": "output_audio", "audio": "AAAA"}]
            item = {"type": "message", "id": item_id, "role": "assistant", "content": content}
            server.send("conversation.item.retrieved", item=item)
            message = server.expect("conversation.item.truncate")
            server.error(message, param="audio_end_ms")
            server.expect("conversation.item.delete")
            server.send("conversation.item.deleted", item_id="another")
            server.send("conversation.item.deleted", item_id=item_id)

        with Scripted(script) as server, server.client() as client:
            client.ask("Go")
            item = client.retrieve_item("i")
            assert isinstance(item, Message) and item.id == "i"
            with pytest.raises(ServerError, match="audio_end_ms"):
                client.truncate_item("i", 10**6)
            client.delete_item("i")

    def test_the_conversation_is_a_copy(self) -> None:
        def script(server: Scripted) -> None:
            content = [{"type": "input_text", "text": "Hello"}]
            item = {"type": "message", "id": "a", "role": "user", "content": content}
            server.send("conversation.item.added", item=item)

        with Scripted(script) as server, server.client() as client:
            client.wait_for(ItemAdded)
            before = client.conversation
            assert str(before) == "user: Hello" and "a" in before
            client._link.session.conversation.remove("a")
            assert len(before) == 1


class TestState:
    def test_follows_the_talk(self) -> None:
        def script(server: Scripted) -> None:
            server.send("input_audio_buffer.speech_started")
            server.wait_for_go()
            server.send("input_audio_buffer.committed")
            name = server.begin()
            server.wait_for_go()
            server.sound(name)
            server.wait_for_go()
            server.done(name)

        with Scripted(script) as server, server.client() as client:
            seen = []
            for kind in (SpeechStarted, ResponseCreated, AudioDelta, ResponseDone):
                client.wait_for(kind)
                seen.append(client.state)
                server.go()
            assert seen == ["listening", "thinking", "speaking", "idle"]
            assert repr(client) == "<Client idle>"
        assert repr(client) == "<Client closed>"


class TestAfterClose:
    CALLS: dict[str, Callable[[Client], Any]] = {
        "say": lambda c: c.say("x"),
        "ask": lambda c: c.ask("x"),
        "send_text": lambda c: c.send_text("x"),
        "send_audio": lambda c: c.send_audio(bytes(2)),
        "send_recording": lambda c: c.send_recording(bytes(2)),
        "commit_audio": lambda c: c.commit_audio(),
        "clear_audio": lambda c: c.clear_audio(),
        "create_response": lambda c: c.create_response(),
        "cancel_response": lambda c: c.cancel_response(),
        "wait_for_response": lambda c: c.wait_for_response(),
        "wait_for": lambda c: c.wait_for("x.never"),
        "update_session": lambda c: c.update_session(speed=1),
        "retrieve_item": lambda c: c.retrieve_item("i"),
        "delete_item": lambda c: c.delete_item("i"),
        "truncate_item": lambda c: c.truncate_item("i", 1),
    }

    @pytest.mark.parametrize("name", CALLS)
    def test_every_call_says_so(self, name: str) -> None:
        with Scripted(silent) as server:
            client = server.client()
            client.close()
            client.close()
            errors = []
            for _ in range(2):
                with pytest.raises(ConnectionClosedOK, match="closed") as caught:
                    self.CALLS[name](client)
                errors.append(caught.value)
            assert errors[0] is not errors[1]
            assert list(client.events("x.never")) == []
            assert not client._backlog._responses

    @pytest.mark.parametrize("name", CALLS)
    def test_every_call_raises_what_broke_the_session(self, name: str) -> None:
        with Scripted(lambda s: s.close(1011, "oops")) as server:
            client = server.client()
            try:
                with pytest.raises(ConnectionLost):
                    client.wait_for("x.never")
                with pytest.raises(ConnectionLost, match="oops"):
                    self.CALLS[name](client)
            finally:
                client.close()

    def test_leaving_with_an_error_does_not_wait_for_goodbye(self) -> None:
        with Scripted(silent) as server:
            with pytest.raises(ZeroDivisionError), server.client():
                raise ZeroDivisionError
            with pytest.raises(ConnectionClosed):
                server._line.send("x")
        assert server.code == 1006


@pytest.mark.slow
def test_a_users_program_is_well_typed(tmp_path: Path) -> None:
    """Under ``mypy --strict``, without a cast or an ``assert isinstance``."""
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(
        """\
from inworld_rt import Client
from inworld_rt.events import AudioDelta, ResponseDone

with Client(config={"temperature": 1}) as client:
    size: int = sum(len(chunk) for chunk in client.say("Hello"))
    voice: str = client.session.audio.output.voice or "the usual one"
    client.update_session({"voice": "Sarah"})
    client.send_audio(bytearray(4800))
    response = client.wait_for(ResponseDone).response
    name: str = client.wait_for("session.updated").type
    for event in client.events(AudioDelta):
        size += len(event.audio)
    for anything in client.events():
        name = anything.type
"""
    )
    command = [sys.executable, "-m", "mypy", "--strict", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout
