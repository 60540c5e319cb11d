"""What the server tells of an answer, also where it tells it oddly."""

from __future__ import annotations

import pytest

from inworld_rt.codec import read, write
from inworld_rt.items import FunctionCall, Message
from inworld_rt.outcome import (
    CachedTokens,
    ErrorDetails,
    InputTokens,
    OutputTokens,
    RateLimit,
    ResponseAudio,
    ResponseAudioOutput,
    ResponseError,
    ResponseState,
    StatusDetails,
    TimestampInfo,
    TranscriptionUsage,
    Usage,
)
from inworld_rt.pcm import AudioFormat

FULL = {
    "id": "r2",
    "object": "realtime.response",
    "status": "cancelled",
    "status_details": {"type": "cancelled", "reason": "turn_detected"},
    "output": [{"type": "message", "id": "a1", "role": "assistant", "content": []}],
    "conversation_id": "c",
    "output_modalities": ["audio", "text"],
    "max_output_tokens": 800,
    "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "Clive"}},
    "metadata": {"a": "b"},
    "usage": {
        "total_tokens": 42,
        "input_tokens": 30,
        "output_tokens": 12,
        "input_token_details": {
            "text_tokens": 1,
            "audio_tokens": 2,
            "image_tokens": 3,
            "cached_tokens": 4,
            "cached_tokens_details": {"text_tokens": 5, "audio_tokens": 6, "image_tokens": 7},
        },
        "output_token_details": {"text_tokens": 8, "audio_tokens": 9},
    },
}
STATE = ResponseState(
    id="r2",
    object="realtime.response",
    status="cancelled",
    status_details=StatusDetails(type="cancelled", reason="turn_detected"),
    output=[Message(id="a1", role="assistant")],
    conversation_id="c",
    output_modalities=["audio", "text"],
    max_output_tokens=800,
    audio=ResponseAudio(
        output=ResponseAudioOutput(format=AudioFormat("audio/pcmu"), voice="Clive")
    ),
    metadata={"a": "b"},
    usage=Usage(
        total_tokens=42,
        input_tokens=30,
        output_tokens=12,
        input_token_details=InputTokens(
            text_tokens=1,
            audio_tokens=2,
            image_tokens=3,
            cached_tokens=4,
            cached_tokens_details=CachedTokens(text_tokens=5, audio_tokens=6, image_tokens=7),
        ),
        output_token_details=OutputTokens(text_tokens=8, audio_tokens=9),
    ),
)


def test_a_whole_response_travels_both_ways():
    assert read(ResponseState, FULL) == STATE
    assert write(STATE, "response") == FULL


@pytest.mark.parametrize(
    "status", ["in_progress", "completed", "cancelled", "failed", "incomplete"]
)
def test_every_status_is_read(status):
    assert read(ResponseState, {"status": status}).status == status


@pytest.mark.parametrize(
    ("data", "details"),
    [
        (None, None),
        ({}, StatusDetails()),
        ({"type": "incomplete", "reason": "max_output_tokens"},
         StatusDetails(type="incomplete", reason="max_output_tokens")),
        ({"type": "failed", "reason": "server_error", "error": {"type": "t", "code": None}},
         StatusDetails(type="failed", reason="server_error", error=ResponseError(type="t"))),
        ({"error": "boom"}, StatusDetails()),
        ("failed", None),
    ],
)  # fmt: skip
def test_the_details_of_a_status_may_be_anything(data, details):
    assert read(ResponseState, {"status_details": data}).status_details == details


@pytest.mark.parametrize("limit", [800, "inf", None])
def test_a_limit_of_tokens_is_a_number_or_a_word(limit):
    assert read(ResponseState, {"max_output_tokens": limit}).max_output_tokens == limit


def test_a_format_in_the_older_spelling_is_understood_and_a_foreign_one_is_not():
    assert read(ResponseAudioOutput, {"format": "g711_ulaw"}).format == AudioFormat("audio/pcmu")
    assert read(ResponseAudioOutput, {"format": "opus", "voice": "x"}) == ResponseAudioOutput(
        voice="x"
    )


def test_an_empty_response_has_no_output():
    assert read(ResponseState, {}).output == []
    assert read(ResponseState, {"output": None}).output == []
    call = {"type": "function_call", "arguments": ""}
    assert read(ResponseState, {"output": [None, call]}).output == [FunctionCall()]


def test_what_a_transcription_costs_is_counted_in_tokens_or_seconds():
    assert read(TranscriptionUsage, {"type": "duration", "seconds": 2}).seconds == 2
    tokens = {"type": "tokens", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert read(TranscriptionUsage, tokens).total_tokens == 3


def test_an_error_says_null_where_it_knows_nothing():
    assert write(ErrorDetails(type="t", message="m"), "error") == {
        "type": "t",
        "message": "m",
        "code": None,
        "param": None,
        "event_id": None,
    }


def test_a_limit_may_be_half_told():
    assert read(RateLimit, {"name": "tokens", "limit": "many"}) == RateLimit(name="tokens")


def test_times_and_words_stay_in_step_or_are_left_out():
    info = read(
        TimestampInfo,
        {"word_alignment": {"words": ["a", "b"], "word_start_time_seconds": [0.0, None]}},
    )
    assert info.word_alignment.words == ["a", "b"]
    assert info.word_alignment.word_start_time_seconds == []
