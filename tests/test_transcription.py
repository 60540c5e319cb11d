"""Speech to text without an answer: the text, its times, and a session that is as before."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt import Client
from inworld_rt.audio import wav
from inworld_rt.errors import (
    AudioError,
    ConfigError,
    ConnectionLost,
    LocalProtocolError,
    ServerError,
    WaitTimeout,
)
from inworld_rt.events import (
    Event,
    InputAudioCommitted,
    SpeechStarted,
    SpeechStopped,
    UserTranscript,
    UserTranscriptDelta,
    UserTranscriptUpdated,
)
from inworld_rt.outcome import ErrorDetails
from inworld_rt.pcm import AudioFormat
from inworld_rt.transcription import Transcript, Utterance, delivery
from inworld_rt.transcription.heard import Heard, News
from tests.support.background import PATIENCE, Background
from tests.support.scripted import SLICE, Json, Scripted

SECOND = SLICE * 20
SERVER_VAD = {"type": "server_vad", "silence_duration_ms": 200}
QUESTION = Path(delivery.__file__).parents[1] / "cli" / "question.wav"

BUFFER = "input_audio_buffer"
WORDS = "conversation.item.input_audio_transcription"


class Ear:
    """A script's hearing. Takes what comes and agrees with all settings."""

    def __init__(self, server: Scripted, *, refuse: bool = False) -> None:
        """Take the beginning of a transcription.

        Args:
            server: the script's.
            refuse: the first settings.
        """
        self.server = server
        self.audio = b""
        self.cleared = 0
        self.settings: list[Json] = []
        server.expect(f"{BUFFER}.clear")
        message = server.expect("session.update")
        if refuse:
            server.error(message)
        else:
            self._agree(message)

    def _agree(self, message: Json) -> None:
        self.settings.append(message["session"].get("audio", {}).get("input", {}))
        self.server.send("session.updated", session=message["session"])

    @property
    def ms(self) -> int:
        return len(self.audio) // 48

    def hear(self, ms: float) -> None:
        """Take audio until there is so much of it."""
        self._take(lambda: self.ms >= ms)

    def finish(self) -> None:
        """Take all up to the settings of before."""
        self._take(lambda: self.cleared > 0)
        self._take(lambda: "turn_detection" in self.settings[-1])

    def _take(self, done: Callable[[], bool]) -> None:
        while not done():
            message = self.server.receive()
            if message["type"] == "session.update":
                self._agree(message)
            elif message["type"] == f"{BUFFER}.clear":
                self.cleared += 1
                self.settings.append({})
            else:
                assert message["type"] == f"{BUFFER}.append"
                self.audio += b64decode(message["audio"])

    def find(self, item_id: str, start_ms: int, end_ms: int) -> None:
        """Tell where speech is."""
        send = self.server.send
        send(f"{BUFFER}.speech_started", item_id=item_id, audio_start_ms=start_ms)
        send(f"{BUFFER}.speech_stopped", item_id=item_id, audio_end_ms=end_ms)
        send(f"{BUFFER}.committed", item_id=item_id)

    def read(self, item_id: str, text: str, **fields: Any) -> None:
        """Tell what was said."""
        self.server.send(f"{WORDS}.completed", item_id=item_id, transcript=text, **fields)


def one_utterance(server: Scripted) -> Ear:
    """A script's whole transcription of a recording of a second."""
    ear = Ear(server)
    ear.hear(1000)
    ear.find("u", 0, 1000)
    ear.read("u", "Hello.")
    ear.finish()
    return ear


class TestText:
    def run(self, script: Callable[[Ear], object], **options: Any) -> Transcript:
        """What comes of a recording of two seconds."""

        def whole(server: Scripted) -> None:
            ear = Ear(server)
            script(ear)
            ear.finish()
            server.answer_all()

        with Scripted(whole) as server, server.client() as client:
            transcript: Transcript = client.transcribe(SECOND * 2, **options)
            assert client.ask("Hello") == "You said Hello. "
        return transcript

    def test_is_that_of_the_utterances_joined(self) -> None:
        def script(ear: Ear) -> None:
            ear.hear(2000)
            ear.find("a", 100, 900)
            ear.find("b", 1000, 2000)
            ear.read("a", "Hello.", languages=["en"])
            ear.read("b", "How are you?")

        transcript = self.run(script)
        assert transcript == transcript.text == "Hello. How are you?"
        assert type(transcript.text) is str
        first, second = transcript.utterances
        assert (first.text, first.start, first.end, first.item_id) == ("Hello.", 0.1, 0.9, "a")
        assert first.event is not None and first.event.languages == ["en"]
        assert (second.start, second.end) == (1.0, 2.0)

    def test_is_in_the_order_of_the_recording_whatever_is_read_first(self) -> None:
        def script(ear: Ear) -> None:
            ear.hear(2000)
            ear.find("a", 0, 900)
            ear.find("b", 1000, 2000)
            ear.read("b", "two")
            ear.read("a", "one")

        assert self.run(script) == "one two"

    def test_a_repeated_reading_replaces_the_earlier(self) -> None:
        def script(ear: Ear) -> None:
            ear.hear(2000)
            ear.find("a", 0, 900)
            ear.read("a", "Hollow.")
            ear.read("a", "Hello.")
            ear.find("b", 1000, 2000)
            ear.read("b", "There.")

        assert self.run(script) == "Hello. There."

    def test_what_cannot_be_read_is_noted_and_costs_nothing_else(self) -> None:
        def script(ear: Ear) -> None:
            ear.hear(2000)
            ear.find("a", 0, 900)
            ear.server.send(f"{WORDS}.delta", item_id="a", delta="Hol")
            ear.server.send(f"{WORDS}.failed", item_id="a", error={"code": "unintelligible"})
            ear.find("b", 1000, 2000)
            ear.read("b", "There.")

        transcript = self.run(script)
        assert transcript == "There."
        assert [(one.text, one.start) for one in transcript.utterances] == [("", 0), ("There.", 1)]
        assert transcript.utterances[0].error == ErrorDetails(code="unintelligible")
        assert transcript.utterances[1].error is None

    def test_a_noise_is_no_utterance(self) -> None:
        def script(ear: Ear) -> None:
            ear.hear(2000)
            ear.find("a", 0, 2000)
            ear.read("a", "")

        assert self.run(script).utterances == []

    def test_is_empty_where_nobody_speaks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delivery, "_SETTLE", 0.0)
        monkeypatch.setattr(delivery, "_SHARE", 0.0)
        transcript = self.run(lambda ear: None)
        assert transcript == "" and transcript.utterances == []

    def test_speech_that_is_found_late_is_waited_for(self) -> None:
        """A server that has read all of the audio need not have heard it yet."""

        def script(ear: Ear) -> None:
            ear._take(lambda: ear.settings[-1] == {})  # the question behind the audio
            ear.find("a", 0, 2000)
            ear.read("a", "Late.")

        assert self.run(script) == "Late."

    def test_times_are_those_of_the_recording(self) -> None:
        """The server counts from the first sound of the session."""

        def script(server: Scripted) -> None:
            server.expect(f"{BUFFER}.append")
            ear = Ear(server)
            ear.hear(2000)
            ear.find("a", 900, 1400)  # speech begins with a little of what was before
            ear.find("b", 2000, 3100)
            ear.read("a", "one")
            ear.read("b", "two")
            ear.finish()

        with Scripted(script) as server, server.client() as client:
            client.send_audio(SECOND)
            transcript = client.transcribe(SECOND * 2)
        times = [(one.start, one.end) for one in transcript.utterances]
        assert times == [(0.0, 0.4), (1.0, 2.0)]

    def test_partial_text_and_progress(self) -> None:
        texts: list[str] = []
        shares: list[float] = []
        threads = set()
        seen = threading.Event()

        def partial(text: str) -> None:
            texts.append(text)
            if text == "One. Tow":
                seen.set()
            threads.add(threading.current_thread())

        def progress(share: float) -> None:
            shares.append(share)
            threads.add(threading.current_thread())

        def script(ear: Ear) -> None:
            ear.hear(2000)
            ear.find("a", 0, 900)
            ear.read("a", "One.")
            ear.server.send(f"{BUFFER}.speech_started", item_id="b", audio_start_ms=1000)
            ear.server.send(f"{WORDS}.delta", item_id="b", delta="Tow")
            assert seen.wait(PATIENCE)
            ear.server.send(f"{WORDS}.delta", item_id="b", delta="Two is")
            ear.find("b", 1000, 2000)
            ear.read("b", "Two is more.")

        self.run(script, on_partial=partial, on_progress=progress)
        assert texts[-1] == "One. Two is more."
        assert "Tow" not in "".join(texts[texts.index("One. Tow") + 1 :])
        assert shares == sorted(set(shares))
        assert 0.0 < shares[0] < 0.1 and shares[-1] == 1.0
        assert threads == {threading.current_thread()}


class TestSettings:
    @pytest.mark.parametrize(
        ("before", "meanwhile"),
        [
            ({"type": "semantic_vad", "eagerness": "low"}, {"eagerness": "low"}),
            ({**SERVER_VAD, "idle_timeout_ms": 5000}, {**SERVER_VAD, "idle_timeout_ms": None}),
            ({**SERVER_VAD, "create_response": False}, SERVER_VAD),
            (None, {"type": "semantic_vad"}),
        ],
        ids=["semantic", "server", "no answers", "push-to-talk"],
    )
    def test_turns_are_found_but_not_answered_and_then_as_before(
        self, before: Json | None, meanwhile: Json
    ) -> None:
        ears: list[Ear] = []
        config = {"turn_detection": before}
        with (
            Scripted(lambda server: ears.append(one_utterance(server))) as server,
            server.client(config=config) as client,
        ):
            assert client.transcribe(SECOND) == "Hello."
            after = client.session.audio.input.turn_detection
        asked = ears[0].settings[0]["turn_detection"]
        assert asked.items() >= {"create_response": False, "interrupt_response": False}.items()
        assert asked.items() >= meanwhile.items()
        if before is None:
            assert after is None
        else:
            assert after is not None and after.type == before["type"]
            assert after.create_response is before.get("create_response", True)
            assert after.interrupt_response is True
            assert (after.idle_timeout_ms or None) == before.get("idle_timeout_ms")

    def test_a_server_that_tells_nothing_of_turns_answers_again(self) -> None:
        with Scripted(one_utterance) as server, server.client() as client:
            client.transcribe(SECOND)
            after = client.session.audio.input.turn_detection
            assert after is not None and after.create_response is True

    def test_transcription_is_on_meanwhile(self) -> None:
        ears: list[Ear] = []
        with (
            Scripted(lambda server: ears.append(one_utterance(server))) as server,
            server.client(config={"transcription": None}) as client,
        ):
            client.transcribe(SECOND)
            assert client.session.audio.input.transcription is None
        assert ears[0].settings[0]["transcription"] == {"model": "inworld/inworld-stt-1"}

    def test_a_recogniser_that_was_chosen_stays(self) -> None:
        ears: list[Ear] = []
        with (
            Scripted(lambda server: ears.append(one_utterance(server))) as server,
            server.client(config={"transcription": {"model": "soniox/stt-rt-v4"}}) as client,
        ):
            client.transcribe(SECOND)
        assert "transcription" not in ears[0].settings[0]

    def failing(
        self, script: Callable[[Ear], object], error: type[BaseException], **kind: Any
    ) -> None:
        """One that fails leaves a session that is as before, and is ready."""
        ears: list[Ear] = []

        def whole(server: Scripted) -> None:
            ears.append(Ear(server, refuse=kind.get("refuse", False)))
            script(ears[0])
            ears[0].finish()
            server.answer_all()

        with (
            Scripted(whole) as server,
            server.client(
                config={"turn_detection": None}, timeout=kind.get("timeout", PATIENCE)
            ) as client,
        ):
            with pytest.raises(error, match=kind.get("match")):
                client.transcribe(SECOND, on_progress=kind.get("on_progress"))
            assert client.session.audio.input.turn_detection is None
            client.timeout = PATIENCE
            client.update_session(instructions="Be brief.")
            assert client.ask("Hello") == "You said Hello. "
            assert client._link.watchers == () and client._link.session._expected == []
        assert ears[0].settings[-1] == {"turn_detection": None}

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
    def test_are_as_before_when_it_is_interrupted(self, error: type[BaseException]) -> None:
        def interrupt(share: float) -> None:
            raise error

        self.failing(lambda ear: None, error, on_progress=interrupt)

    def test_are_as_before_when_they_are_refused(self) -> None:
        self.failing(lambda ear: None, ServerError, refuse=True)

    def test_are_as_before_when_the_audio_is_refused(self) -> None:
        def script(ear: Ear) -> None:
            ear.hear(100)
            ear.server.error(code="invalid_value", param="input_audio_buffer.audio")

        self.failing(script, ServerError, match="input_audio_buffer")

    def test_are_as_before_when_the_words_do_not_come(self) -> None:
        def script(ear: Ear) -> None:
            ear.hear(1000)
            ear.find("u", 0, 1000)

        self.failing(script, WaitTimeout, match="what was said", timeout=0.3)

    def test_are_as_before_when_speech_does_not_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delivery, "silences", lambda turns: (100, 200))
        monkeypatch.setattr(delivery, "AHEAD_MS", 0)

        def script(ear: Ear) -> None:
            ear.hear(100)
            ear.server.send(f"{BUFFER}.speech_started", item_id="u")

        self.failing(script, WaitTimeout, match="did not find the end")

    def test_a_server_that_stops_answering(self) -> None:
        def script(server: Scripted) -> None:
            Ear(server)
            server.silence()

        with Scripted(script) as server, server.client(timeout=0.3) as client:
            with pytest.raises(WaitTimeout, match="server has been quiet"):
                client.transcribe(SECOND)


class TestFloor:
    def test_waits_for_the_answer_in_progress(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.expect("response.create")
            name = server.begin()
            server.wait_for_go()
            server.done(name)
            one_utterance(server)

        with Scripted(script) as server, server.client() as client:
            client.say("Go")
            transcribing = Background(lambda: client.transcribe(SECOND))
            server.go()
            assert transcribing.result() == "Hello."

    def test_gives_up_when_the_answer_does_not_end(self) -> None:
        def script(server: Scripted) -> None:
            server.expect("conversation.item.create")
            server.expect("response.create")
            server.begin()

        with Scripted(script) as server, server.client(timeout=0.05) as client:
            client.say("Go")
            with pytest.raises(WaitTimeout, match="earlier answer"):
                client.transcribe(SECOND)
            assert not client._link.session._waiting
        assert f"{BUFFER}.clear" not in server.types

    def test_others_wait_meanwhile_and_count_no_answer_of_it(self) -> None:
        asked = threading.Event()
        answers: list[str] = []

        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(1000)
            server.reached.set()
            assert asked.wait(PATIENCE)
            ear.find("u", 0, 1000)
            ear.read("u", "Hello.")
            ear.finish()  # takes nothing of an answer
            server.answer_all()

        def ask() -> None:
            response = client.say("Hi")
            asked.set()
            answers.append(response.text)

        with Scripted(script) as server, server.client() as client:
            transcribing = Background(lambda: client.transcribe(SECOND))
            assert server.reached.wait(PATIENCE)
            asking = Background(ask)
            assert transcribing.result() == "Hello."
            asking.result()
            assert client.stats.responses == 1
        assert answers == ["You said Hi. "]

    @pytest.mark.parametrize("recording", [b"", b"odd", "nothing.wav", 7])
    def test_nothing_is_sent_of_what_is_no_recording(self, recording: Any) -> None:
        with Scripted(Scripted.silence) as server, server.client() as client:
            with pytest.raises((ConfigError, OSError)):
                client.transcribe(recording)
        assert server.types == []

    def test_nothing_is_sent_of_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "empty.wav").touch()
        with Scripted(Scripted.silence) as server, server.client() as client:
            with pytest.raises(AudioError, match="empty"):
                client.transcribe(tmp_path / "empty.wav")
        assert server.types == []


class TestConnection:
    @pytest.mark.parametrize("realtime", [True, False])
    @pytest.mark.parametrize("heard", [False, True])
    def test_that_breaks(self, realtime: bool, heard: bool) -> None:
        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(100)
            if heard:
                ear.find("u", 0, 50)
            server.abort()

        with Scripted(script) as server, server.client() as client:
            with pytest.raises(ConnectionLost):
                client.transcribe(SECOND, realtime=realtime)
            with pytest.raises(ConnectionLost):
                client.transcribe(SECOND)

    def test_that_breaks_while_the_words_are_waited_for(self) -> None:
        def script(server: Scripted) -> None:
            ear = Ear(server)
            ear.hear(1000)
            ear.find("u", 0, 1000)
            server.abort()

        with Scripted(script) as server, server.client() as client:
            with pytest.raises(ConnectionLost):
                client.transcribe(SECOND)


class TestPace:
    def arrivals(self, seconds: int, **options: Any) -> list[float]:
        """When the slices of a recording arrive, counted from when the first may be sent."""
        times: list[float] = []
        begun: list[float] = []

        def script(server: Scripted) -> None:
            begun.append(time.monotonic())
            ear = Ear(server)
            for n in range(1, seconds * 10 + 1):
                ear.hear(n * 100)
                times.append(time.monotonic() - begun[0])
            ear.find("u", 0, seconds * 1000)
            ear.read("u", "Hello.")
            ear.finish()

        with Scripted(script) as server, server.client() as client:
            assert client.transcribe(SECOND * seconds, **options) == "Hello."
        return times

    def test_in_real_time_is_never_ahead_of_the_clock(self) -> None:
        times = self.arrivals(1, realtime=True)
        assert all(when >= n * 0.1 for n, when in enumerate(times))

    def test_is_held_back_when_the_server_may_be_far_behind(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "AHEAD_MS", 500)
        times = self.arrivals(1)
        late = 0.1 / delivery.PACE
        assert all(when >= n * late for n, when in enumerate(times[6:], 1))

    def test_goes_on_at_once_when_the_server_has_heard_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "AHEAD_MS", 500)
        monkeypatch.setattr(delivery, "PACE", 1e-6)  # it would never come

        def script(server: Scripted) -> None:
            ear = Ear(server)
            for end in range(500, 2001, 500):
                ear.hear(end)
                ear.find(f"u{end}", end - 500, end)
                ear.read(f"u{end}", str(end))
            ear.finish()

        with Scripted(script) as server, server.client() as client:
            assert client.transcribe(SECOND * 2) == "500 1000 1500 2000"


# --- what the server leaves out -------------------------------------------------------------------


def told(*events: Event, sent_ms: float = 10_000.0) -> Heard:
    """What is known after some events about a recording of ten seconds."""
    heard = Heard(0.0, 10_000.0)
    words: dict[str, str] = {}
    for event in events:
        if isinstance(event, UserTranscriptDelta):
            words[event.item_id] = event.delta
        heard.take(News(event, words.get(getattr(event, "item_id", ""), ""), sent_ms))
    return heard


def outline(heard: Heard) -> list[tuple[str, float, float]]:
    return [(one.text, one.start, one.end) for one in heard.utterances()]


class TestGaps:
    def test_no_ids(self) -> None:
        heard = told(
            SpeechStarted(audio_start_ms=1000),
            SpeechStopped(audio_end_ms=2000),
            InputAudioCommitted(),
            SpeechStarted(audio_start_ms=3000),
            UserTranscript(transcript="one"),
            SpeechStopped(audio_end_ms=4000),
            InputAudioCommitted(),
            UserTranscript(transcript="two"),
        )
        assert outline(heard) == [("one", 1.0, 2.0), ("two", 3.0, 4.0)]
        assert not heard.unread

    def test_an_id_only_at_the_end(self) -> None:
        heard = told(
            UserTranscriptDelta(item_id="a", delta="on"),
            SpeechStarted(audio_start_ms=1000),
            SpeechStopped(audio_end_ms=2000),
            InputAudioCommitted(item_id="a"),
            UserTranscript(item_id="a", transcript="one"),
        )
        assert outline(heard) == [("one", 1.0, 2.0)]

    def test_no_beginning(self) -> None:
        heard = told(
            SpeechStarted(item_id="a", audio_start_ms=0),
            SpeechStopped(item_id="a", audio_end_ms=2000),
            InputAudioCommitted(item_id="a"),
            UserTranscript(item_id="b", transcript="two"),
            InputAudioCommitted(item_id="b"),
            UserTranscript(item_id="a", transcript="one"),
        )
        assert outline(heard) == [("one", 0.0, 2.0), ("two", 2.0, 10.0)]

    def test_no_places(self) -> None:
        heard = told(
            SpeechStarted(item_id="a"),
            SpeechStopped(item_id="a"),
            InputAudioCommitted(item_id="a"),
            UserTranscript(item_id="a", transcript="one"),
            sent_ms=5000.0,
        )
        assert outline(heard) == [("one", 0.0, 5.0)]
        assert not heard.complete

    def test_no_commit(self) -> None:
        heard = told(
            SpeechStarted(item_id="a", audio_start_ms=0),
            UserTranscript(item_id="a", transcript="one"),
        )
        assert not heard.speaking and outline(heard) == [("one", 0.0, 10.0)]

    def test_speech_that_went_on_under_another_name(self) -> None:
        heard = told(
            SpeechStarted(item_id="a", audio_start_ms=1000),
            SpeechStopped(item_id="a", audio_end_ms=2000),
            SpeechStarted(item_id="b", audio_start_ms=2500),
            SpeechStopped(item_id="b", audio_end_ms=4000),
            InputAudioCommitted(item_id="b"),
            UserTranscript(item_id="b", transcript="one and two"),
        )
        assert outline(heard) == [("one and two", 1.0, 4.0)]
        assert not heard.unread

    def test_words_of_an_earlier_turn_do_not_count(self) -> None:
        heard = told(UserTranscript(item_id="before", transcript="no"))
        assert outline(heard) == [] and not heard.unread

    def test_places_that_cannot_be_do_not_count(self) -> None:
        heard = told(SpeechStopped(item_id="a", audio_end_ms=99_000))
        assert heard.heard_ms == 0.0

    def test_words_that_come_late(self) -> None:
        heard = told(
            InputAudioCommitted(item_id="a"),
            UserTranscript(item_id="a", transcript="One."),
            UserTranscriptDelta(item_id="a", delta="on"),
        )
        assert heard.text == "One."
        heard.take(News(UserTranscriptUpdated(item_id="a", transcript="One!"), "", 0.0))
        assert heard.text == "One!"

    @given(st.data())
    def test_the_order_of_the_news_does_not_matter(self, data: st.DataObject) -> None:
        """As long as that of each utterance is as it must be, and speech is found in order."""
        count = data.draw(st.integers(1, 4))
        queues: list[list[Event]] = [[]]
        for n in range(count):
            item_id = f"u{n}"
            queues[0] += [
                SpeechStarted(item_id=item_id, audio_start_ms=n * 1000),
                SpeechStopped(item_id=item_id, audio_end_ms=n * 1000 + 500),
                InputAudioCommitted(item_id=item_id),
            ]
            queues.append(
                [
                    UserTranscriptDelta(item_id=item_id, delta="x"),
                    UserTranscript(item_id=item_id, transcript="y"),
                    UserTranscript(item_id=item_id, transcript=f"word {n}"),
                ]
            )
        events: list[Event] = []
        while any(queues):
            events.append(data.draw(st.sampled_from([q for q in queues if q])).pop(0))
        heard = told(*events)
        assert outline(heard) == [(f"word {n}", n + 0.0, n + 0.5) for n in range(count)]
        assert not heard.unread and not heard.speaking


class TestTranscript:
    SAID = (Utterance("Hello.", 0.0, 1.0), Utterance("", 1.0, 1.5), Utterance("You.", 2.0, 3.0))

    @pytest.mark.parametrize(
        "copied", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
    )
    def test_can_be_copied(self, copied: Callable[[Transcript], Transcript]) -> None:
        twin = copied(Transcript(self.SAID))
        assert twin == "Hello. You."
        assert twin.utterances == list(self.SAID)

    def test_an_utterance_does_not_show_its_words(self) -> None:
        assert "Hello" not in repr(self.SAID[0])


# --- the real road --------------------------------------------------------------------------------


class TestSimulator:
    def test_reads_a_file_and_answers_nothing(self, client: Client) -> None:
        before = client.session.audio.input
        transcript = client.transcribe(QUESTION)
        (said,) = transcript.utterances
        assert transcript == said.text != ""
        assert 0.0 <= said.start < 0.5 and 1.0 < said.end <= wav.read(QUESTION).seconds
        assert client.stats.responses == 0
        assert client.session.audio.input == before
        assert client.ask("Hello")

    def test_understands_it(self, client: Client) -> None:
        pytest.importorskip("pocketsphinx")
        assert client.transcribe(QUESTION) == "What time is it?"

    @pytest.mark.slow
    def test_hears_all_of_a_recording_with_pauses(self, client: Client) -> None:
        """Long ones included: the end may be silent for longer than a turn's end takes."""
        question = wav.read(QUESTION)
        silence = bytes(2 * question.rate)  # a second
        speech = question.pcm + silence * 2 + question.pcm + silence * 3
        first, second = client.transcribe(speech).utterances
        assert first.start < 0.5 and abs(second.start - question.seconds - 2.0) < 0.5

    def test_push_to_talk_comes_back(self, client: Client) -> None:
        client.update_session(turn_detection=None)
        assert len(client.transcribe(QUESTION).utterances) == 1
        assert client.session.audio.input.turn_detection is None
        assert client.send_recording(QUESTION).text

    def test_in_a_telephones_format(self, client: Client) -> None:
        pytest.importorskip("soxr")
        client.update_session(input_format=AudioFormat("audio/pcmu"))
        (said,) = client.transcribe(QUESTION).utterances
        assert 1.0 < said.end < 2.0

    def test_not_during_a_voice_chat(self, client: Client) -> None:
        with client.voice_chat(audio="null"):
            with pytest.raises(LocalProtocolError, match="close the chat"):
                client.transcribe(QUESTION)
        assert client.transcribe(QUESTION)
