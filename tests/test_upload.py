"""Recorded speech as the user's turn, whoever decides where the turn ends."""

from __future__ import annotations

import io
import struct
import time
import wave
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inworld_rt import Client, upload
from inworld_rt.errors import (
    AudioError,
    ConfigError,
    ConnectionLost,
    ServerError,
    WaitTimeout,
)
from inworld_rt.pcm import AudioFormat, tone
from tests.support.background import PATIENCE, Background
from tests.support.scripted import Scripted

SERVER_VAD = {"type": "server_vad", "silence_duration_ms": 200}
SPEECH = b"\x01\x10" * 4800  # 200 ms


class Ear:
    """A script's hearing: takes audio in, and knows how much came and what of it was silence."""

    def __init__(self, server: Scripted) -> None:
        self.server = server
        self.audio = b""

    @property
    def ms(self) -> int:
        return len(self.audio) // 48

    @property
    def silence_ms(self) -> int:
        """Silence at the end."""
        return (len(self.audio) - len(self.audio.rstrip(b"\0"))) // 48

    def hear(self, done: Callable[[], bool]) -> None:
        """Take audio until ``done``."""
        while not done():
            self.audio += b64decode(self.server.expect("input_audio_buffer.append")["audio"])

    def turn(self, **started: Any) -> None:
        """Say that speech began and became a turn."""
        self.server.send("input_audio_buffer.speech_started", **started)
        self.over()

    def over(self) -> None:
        for kind in ("speech_stopped", "committed"):
            self.server.send(f"input_audio_buffer.{kind}")


def wav(frames: bytes, rate: int, width: int, channels: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, rate, 0, "NONE", ""))
        out.writeframes(frames)
    return file.getvalue()


def float_wav(samples: list[float], rate: int) -> bytes:
    data = struct.pack(f"<{len(samples)}f", *samples)
    fmt = struct.pack("<HHIIHH", 3, 1, rate, rate * 4, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def take_push_to_talk(server: Scripted) -> bytes:
    """A turn of push-to-talk; returns the speech."""
    server.expect("input_audio_buffer.clear")
    speech = b""
    while (message := server.receive())["type"] == "input_audio_buffer.append":
        speech += b64decode(message["audio"])
    assert message["type"] == "input_audio_buffer.commit"
    server.expect("response.create")
    return speech


class TestPushToTalk:
    def send(self, recording: Any, **settings: Any) -> bytes:
        """What arrives of a recording."""
        heard: list[bytes] = []

        def script(server: Scripted) -> None:
            heard.append(take_push_to_talk(server))
            server.answer("Understood.")

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": None, **settings}) as client,
        ):
            assert client.send_recording(recording).text == "Understood. "
        return heard[0]

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_samples_arrive_as_they_are(self, kind: Callable[[bytes], Any]) -> None:
        assert self.send(kind(SPEECH)) == SPEECH

    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "speech.wav"
        path.write_bytes(wav(SPEECH, 24000, 2, 1))
        assert self.send(path) == self.send(str(path)) == SPEECH

    def test_the_bytes_of_a_file(self) -> None:
        assert self.send(wav(SPEECH, 24000, 2, 1)) == SPEECH

    @pytest.mark.parametrize(
        ("recording", "ms"),
        [
            (wav(b"\x80\x90" * 800, 8000, 1, 1), 200),
            (wav(bytes(4) * 9600, 96000, 2, 2), 100),
            (wav(bytes(6) * 1600, 16000, 3, 2), 100),
            (float_wav([0.1, -0.1] * 2205, 44100), 100),
        ],
        ids=["8-bit", "96 kHz stereo", "24-bit stereo", "32-bit float"],
    )
    def test_other_kinds_are_converted(self, recording: bytes, ms: int) -> None:
        pytest.importorskip("soxr")
        assert AudioFormat().ms(len(self.send(recording))) == pytest.approx(ms, abs=1)

    def test_into_the_sessions_format(self) -> None:
        pytest.importorskip("soxr")
        speech = self.send(wav(SPEECH, 24000, 2, 1), input_audio_format="g711_ulaw")
        assert len(speech) == 1600  # 200 ms at 8000 bytes a second

    def test_a_refused_commit_is_raised_by_the_response(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("input_audio_buffer.clear")
            commit = server.skip_to("input_audio_buffer.commit")
            server.error(commit, code="input_audio_buffer_commit_empty")
            server.expect("response.create")
            name = server.begin()
            assert server.expect("response.cancel")["response_id"] == name
            server.done(name, "cancelled")
            server.answer_all()

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": None}) as client,
        ):
            answer = client.send_recording(SPEECH)
            with pytest.raises(ServerError):
                answer.wait()
            assert client.ask("Hello") == "You said Hello. "

    def test_waits_for_the_answer_in_progress(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.expect("response.create")
            name = server.begin()
            server.wait_for_go()
            server.done(name)
            take_push_to_talk(server)
            server.answer("Heard.")

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": None}) as client,
        ):
            client.say("Go")
            sending = Background(lambda: client.send_recording(SPEECH).text)
            server.go()
            assert sending.result() == "Heard. "

    def test_gives_up_when_the_answer_in_progress_does_not_end(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.expect("response.create")
            server.begin()

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": None}, timeout=0.05) as client,
        ):
            client.say("Go")
            with pytest.raises(WaitTimeout, match="earlier answer"):
                client.send_recording(SPEECH)
            assert len(client._backlog._responses) == 1 and not client._link.session._waiting
        assert "input_audio_buffer.append" not in server.types

    def test_cancelled_on_the_way_sends_no_request(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("input_audio_buffer.clear")
            server.expect("input_audio_buffer.append")
            server.send("x.heard")
            server.skip_to("input_audio_buffer.clear")
            server.answer_all()

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": None}) as client,
        ):
            # Long enough that the cancel comes first, whoever is slow.
            sending = Background(lambda: client.send_recording(SPEECH * 500, realtime=True))
            client.wait_for("x.heard", PATIENCE)
            client.cancel_response()
            assert sending.result().wait().status == "cancelled"
            assert client.ask("Hello") == "You said Hello. "
        assert "input_audio_buffer.commit" not in server.types

    def test_in_real_time_is_never_ahead_of_the_clock(self) -> None:
        begun = time.monotonic()
        ahead: list[float] = []

        def script(server: Scripted) -> None:
            server.expect("input_audio_buffer.clear")
            for sent in range(3):  # slices of 100 ms, the first of them at once
                server.expect("input_audio_buffer.append")
                ahead.append(sent * 0.1 - (time.monotonic() - begun))
            server.skip_to("response.create")
            server.answer()

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": None}) as client,
        ):
            client.send_recording(SPEECH + SPEECH[:4800], realtime=True).wait()
        assert all(seconds <= 0 for seconds in ahead)


class TestTurnDetection:
    @pytest.mark.parametrize("turns", [SERVER_VAD, {"type": "semantic_vad", "eagerness": "high"}])
    @pytest.mark.parametrize("fields", [{"audio_start_ms": 0, "item_id": "u"}, {}])
    def test_silence_follows_until_the_server_has_heard_the_end(
        self, turns: dict[str, Any], fields: dict[str, Any]
    ) -> None:
        silence = 200 if turns is SERVER_VAD else 500

        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(lambda: ear.ms > 200 and ear.silence_ms >= silence)
            assert ear.audio.startswith(SPEECH)
            ear.turn(**fields)
            server.wait_for_go()
            server.answer("Understood.")

        with Scripted(script) as server, server.client(config={"turn_detection": turns}) as client:
            answer = client.send_recording(SPEECH)
            server.go()
            assert answer.text == "Understood. "
        assert set(server.types) == {"input_audio_buffer.append"}

    def test_more_silence_is_sent_while_the_server_hesitates(self) -> None:
        def script(server: Scripted) -> None:
            ear = Ear(server)
            server.send("input_audio_buffer.speech_started")
            ear.hear(lambda: ear.silence_ms >= 900)  # 200 and the margin of 500 come at once
            ear.over()
            server.wait_for_go()
            server.answer("Understood.")

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": SERVER_VAD}) as client,
        ):
            answer = client.send_recording(SPEECH)
            server.go()
            assert answer.text == "Understood. "

    def test_a_pause_within_the_recording(self) -> None:
        """Two turns to the server, which cuts its answer to the first: one answer to us."""

        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(lambda: ear.silence_ms >= 700)
            ear.turn(audio_start_ms=0)
            first = server.begin()
            server.words(first, "Too early")
            server.send("input_audio_buffer.speech_started", audio_start_ms=150)
            details = {"type": "cancelled", "reason": "turn_detected"}
            server.done(first, "cancelled", status_details=details)
            ear.over()
            server.wait_for_go()
            server.answer("Now.")

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": SERVER_VAD}) as client,
        ):
            answer = client.send_recording(SPEECH)
            server.go()
            assert answer.text == "Now. " and answer.status == "completed"

    def test_goes_on_when_speech_begins_again_before_it_looked(self) -> None:
        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(lambda: ear.ms > 0)
            ear.turn()
            server.send("input_audio_buffer.speech_started")
            ear.hear(lambda: ear.silence_ms >= 900)
            ear.over()
            server.wait_for_go()
            server.answer("Now.")

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": SERVER_VAD}) as client,
        ):
            answer = client.send_recording(SPEECH)
            server.go()
            assert answer.text == "Now. "

    def test_that_does_not_answer_by_itself_is_asked(self) -> None:
        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(lambda: ear.silence_ms >= 200)
            ear.turn()
            server.skip_to("response.create")
            server.answer("Understood.")

        turns = {**SERVER_VAD, "create_response": False}
        with Scripted(script) as server, server.client(config={"turn_detection": turns}) as client:
            assert client.send_recording(SPEECH).text == "Understood. "
        assert server.types.count("response.create") == 1

    def test_a_server_that_leaves_out_speech_started(self) -> None:
        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(lambda: ear.silence_ms >= 200)
            server.send("input_audio_buffer.committed")
            server.wait_for_go()
            server.answer("Understood.")

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": SERVER_VAD}) as client,
        ):
            answer = client.send_recording(SPEECH)
            server.go()
            assert answer.text == "Understood. "

    @pytest.mark.parametrize(
        ("heard", "words"), [(False, "heard no speech"), (True, "did not find the end")]
    )
    def test_gives_up_and_frees_the_floor(
        self, monkeypatch: pytest.MonkeyPatch, heard: bool, words: str
    ) -> None:
        monkeypatch.setattr(upload, "_PATIENCE_MS", 600)

        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(lambda: ear.ms > 0)
            if heard:
                server.send("input_audio_buffer.speech_started")
            server.skip_to("input_audio_buffer.clear")
            server.answer_all()

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": SERVER_VAD}) as client,
        ):
            with pytest.raises(WaitTimeout, match=words):
                client.send_recording(bytes(4800))
            assert client._link.session._expected == [] and not client._backlog._responses
            assert client.ask("Hello") == "You said Hello. "

    def test_an_error_about_the_audio_is_raised(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("input_audio_buffer.append")
            server.error(code="invalid_value", param="input_audio_buffer.audio")

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": SERVER_VAD}) as client,
        ):
            with pytest.raises(ServerError, match="input_audio_buffer"):
                client.send_recording(SPEECH)

    @pytest.mark.parametrize("realtime", [True, False])
    def test_a_line_that_breaks(self, realtime: bool) -> None:
        def script(server: Scripted) -> None:
            server.expect("input_audio_buffer.append")
            server.abort()

        with (
            Scripted(script) as server,
            server.client(config={"turn_detection": SERVER_VAD}) as client,
        ):
            with pytest.raises(ConnectionLost):
                client.send_recording(SPEECH * 100, realtime=realtime)


class TestBadRecordings:
    @pytest.mark.parametrize(
        ("recording", "kind"),
        [
            (b"", ConfigError),
            (b"odd", ConfigError),
            (None, ConfigError),
            (["list"], ConfigError),
            (b"RIFF", AudioError),
            (b"RIFF\x04\0\0\0WAVE", AudioError),
            (b"RIFF\x04\0\0\0AVI ", AudioError),
            (wav(b"", 24000, 2, 1), AudioError),
            ("no-such-file.wav", FileNotFoundError),
            (Path(__file__), AudioError),
            (Path(__file__).parent, ConfigError),
        ],
    )
    def test_are_refused_before_anything_is_sent(
        self, recording: Any, kind: type[Exception]
    ) -> None:
        with Scripted(Scripted.answer_all) as server, server.client() as client:
            with pytest.raises(kind):
                client.send_recording(recording)
            assert not client._backlog._responses
            assert client.ask("Hello") == "You said Hello. "
        assert len(server.types) == 2

    def test_an_empty_file(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.wav"
        path.touch()
        with Scripted(Scripted.silence) as server, server.client() as client:
            with pytest.raises(AudioError, match="empty"):
                client.send_recording(path)


def test_samples_counts_bytes_not_elements() -> None:
    words = memoryview(tone(440, 10, AudioFormat())).cast("h")
    assert upload.samples(words, AudioFormat()) == bytes(words)


def test_the_client_is_ready_for_more_after_a_recording() -> None:
    def script(server: Scripted) -> None:
        for _ in range(2):
            take_push_to_talk(server)
            server.answer("Heard.")
        server.answer_all()

    with Scripted(script) as server:
        client: Client
        with server.client(config={"turn_detection": None}) as client:
            for _ in range(2):
                assert client.send_recording(SPEECH).text == "Heard. "
            assert client.ask("Bye") == "You said Bye. "
