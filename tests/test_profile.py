"""What the recogniser makes of a voice, wherever and however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inworld_rt import wire
from inworld_rt.profile import Estimate, VoiceProfile, profile_of
from inworld_rt.wire import Event
from tests.support.scripted import Scripted

COMPLETED = "conversation.item.input_audio_transcription.completed"
RANKED = {"emotion": [{"label": "calm", "confidence": 0.8}, {"label": "happy", "confidence": 0.1}]}
PROFILE = VoiceProfile(emotion=(Estimate("calm", 0.8), Estimate("happy", 0.1)))


def completed(**fields: Any) -> Event:
    return wire.decode(json.dumps({"type": COMPLETED, "item_id": "u1", **fields}).encode())


@pytest.mark.parametrize(
    "fields",
    [
        {"providerData": {"voiceProfile": RANKED}},
        {"providerData": {"voice_profile": RANKED}},
        {"provider_data": {"voiceProfile": RANKED}},
        {"voiceProfile": RANKED},
        {"voice_profile": RANKED},
        {"providerData": {}, "voiceProfile": RANKED},
        {"providerData": "odd", "voiceProfile": RANKED},
    ],
)
def test_both_places_and_spellings(fields: dict[str, Any]) -> None:
    assert profile_of(completed(**fields)) == PROFILE


def test_on_other_events_too() -> None:
    message = json.dumps({"type": "input_audio_buffer.speech_stopped", "voiceProfile": RANKED})
    assert profile_of(wire.decode(message.encode())) == PROFILE


def test_names_with_capitals() -> None:
    found = profile_of(
        completed(voiceProfile={"vocalStyle": "soft", "pitch": ["low", 3, None, ""]})
    )
    assert found == VoiceProfile(vocal_style=(Estimate("soft"),), pitch=(Estimate("low"),))
    assert str(found) == "vocal style: soft, pitch: low"


@pytest.mark.parametrize("fields", [{}, {"providerData": None}, {"voiceProfile": []}])
def test_none_is_none(fields: dict[str, Any]) -> None:
    assert profile_of(completed(**fields)) is None


def test_the_client_keeps_the_latest() -> None:
    def script(server: Scripted) -> None:
        server.send(COMPLETED, item_id="u1", transcript="a", voiceProfile=RANKED)
        server.send(COMPLETED, item_id="u2", transcript="b")

    with Scripted(script) as server, server.client() as client:
        client.wait_for("x.script_over")
        assert client.voice_profile == PROFILE
