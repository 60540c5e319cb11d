"""Changes of settings: what may not be changed, and what is left of a refused one."""

from __future__ import annotations

from typing import Any

import pytest

from inworld_rt import SessionConfig
from inworld_rt.errors import ConfigError, ServerError
from inworld_rt.provider import LOCKED
from inworld_rt.update import check_locked, without_recogniser
from tests.support.scripted import Scripted

MODEL = "session.audio.input.transcription.model"
VALUES: dict[str, Any] = {"conversational": True, "user_turn_mode": "none"}


def tts(**fields: Any) -> SessionConfig:
    return SessionConfig.of(provider_data={"tts": fields})


class TestLockedFields:
    @pytest.mark.parametrize(("branch", "name"), LOCKED)
    def test_may_not_change_later(self, branch: str, name: str) -> None:
        change = SessionConfig.of(provider_data={branch: {name: VALUES[name]}})
        with pytest.raises(ConfigError, match=f"providerData.{branch}.{name}: .*new Client"):
            check_locked(change, SessionConfig())

    def test_may_be_said_again(self) -> None:
        check_locked(tts(conversational=True), tts(conversational=True, language="en"))

    @pytest.mark.parametrize(
        "change",
        [
            SessionConfig(),
            SessionConfig.of(provider_data=None),
            SessionConfig.of(provider_data={"tts": None}),
            tts(language="de"),
        ],
    )
    def test_others_may_change(self, change: SessionConfig) -> None:
        check_locked(change, tts(conversational=True))

    def test_count_at_the_start_and_are_refused_before_anything_is_sent(self) -> None:
        with Scripted(lambda server: server.silence()) as server:
            with server.client(config=tts(conversational=True)) as client:
                with pytest.raises(ConfigError, match="fixed when a session opens"):
                    client.update_session(provider_data={"tts": {"conversational": False}})
        assert len(server.received) == 1


class TestARefusedRecogniser:
    def test_leaves_the_rest(self) -> None:
        change = SessionConfig.of(
            voice="Sarah", transcription={"model": "no/such", "language": "en"}, speed=1.2
        )
        rest = without_recogniser(change, MODEL)
        assert rest is not None
        assert rest.to_dict() == {
            "type": "realtime",
            "audio": {
                "input": {"transcription": {"language": "en"}},
                "output": {"voice": "Sarah", "speed": 1.2},
            },
        }

    @pytest.mark.parametrize(
        ("change", "refused"),
        [
            ({"transcription": {"model": "no/such"}}, MODEL),
            ({"transcription": {"model": "a/b"}, "voice": "X"}, "session.audio.output.voice"),
            ({"transcription": {"model": "a/b"}, "voice": "X"}, None),
            ({"transcription": None, "voice": "X"}, MODEL),
            ({"voice": "X"}, MODEL),
        ],
    )
    def test_nothing_is_left_or_it_is_another_matter(
        self, change: dict[str, Any], refused: str | None
    ) -> None:
        assert without_recogniser(SessionConfig.of(**change), refused) is None

    def test_the_rest_is_sent_again_and_the_refusal_told(self) -> None:
        """The service drops the whole update (protocol: session object)."""

        def script(server: Scripted) -> None:
            server.error(server.expect("session.update"), code="invalid_value", param=MODEL)
            server.accept_settings()

        with Scripted(script) as server, server.client() as client:
            with pytest.raises(ServerError, match="the other changes were made") as caught:
                client.update_session(voice="Sarah", transcription={"model": "no/such"})
            assert client.session.audio.output.voice == "Sarah"
        assert (caught.value.param, caught.value.code) == (MODEL, "invalid_value")
