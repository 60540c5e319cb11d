"""Who may speak when: a scripted server, sound devices of a fake, and what goes over the wire."""

from __future__ import annotations

import os
import signal
import sys
import threading
from array import array
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.background import PATIENCE, Background
from support.scripted import Json, Scripted

from inworld_rt import Client
from inworld_rt.cli.demo import QUESTION
from inworld_rt.config import SessionConfig
from inworld_rt.errors import ConnectionLost
from inworld_rt.events import ItemTruncated
from inworld_rt.link import now
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.simulator import Simulator
from inworld_rt.testing import FakeClock, FakeSound
from inworld_rt.voice_chat import VoiceChat

SECOND = tone(400, 1000, AudioFormat())
HALF = SECOND[:24000]
TURNS = "input_audio_buffer."
WORDS = "conversation.item.input_audio_transcription.delta"


class Stage:
    """A chat, the sound it makes, and the server, which is played by the test itself."""

    def __init__(self, server: Scripted, client: Client, chat: VoiceChat, sound: FakeSound) -> None:
        self.server, self.client, self.chat, self.sound = server, client, chat, sound

    def send(self, kind: str, **fields: Any) -> None:
        """The server says something; returns when the client has taken it in."""
        self.server.send(kind, **fields)
        self.sync()

    def sync(self) -> None:
        before = self.client.stats.events_received
        self.server.send("x.sync")
        self.client.wait_for("x.sync", PATIENCE)
        assert self.client.stats.events_received > before

    def speaks(self, seconds: float = 3, name: str = "r", item: str = "i") -> str:
        """An answer arrives, all at once as from the service; it is not complete yet."""
        self.server.send("response.created", response={"id": name, "status": "in_progress"})
        self.server.words(name, "one two three four five six", item_id=item)
        for _ in range(int(2 * seconds)):
            self.server.sound(name, HALF, item_id=item)
        self.sync()
        return name

    def received(self, *kinds: str) -> list[Json]:
        """What the client sent of these kinds; what is on its way is waited for."""
        if not self.chat.closed:
            sent = threading.Event()
            self.chat.uplink.then(sent.set)
            assert sent.wait(PATIENCE)
        self.client.clear_audio()
        while self.server.receive()["type"] != "input_audio_buffer.clear":
            pass
        return [m for m in self.server.received if m["type"] in kinds]

    def truncations(self) -> list[tuple[str, int]]:
        found = self.received("conversation.item.truncate")
        return [(m["item_id"], m["audio_end_ms"]) for m in found]


@contextmanager
def stage(
    config: Any = None,
    rates: tuple[int, ...] = (),
    updates: int = 0,
    clock: FakeClock | None = None,
    **options: Any,
) -> Iterator[Stage]:
    """A chat whose beginning needs so many changes of settings."""
    over = threading.Event()

    def script(server: Scripted) -> None:
        for _ in range(updates):
            server.accept_settings()
        assert over.wait(10 * PATIENCE)

    sound = FakeSound(clock, rates=rates)
    with Scripted(script) as server:
        try:
            with (
                server.client(config=config) as client,
                client.voice_chat(audio=sound, **{"echo": "none", **options}) as chat,
            ):
                yield Stage(server, client, chat, sound)
        finally:
            over.set()


def milliseconds(heard: bytes) -> int:
    """How much of it sounds."""
    samples = array("h", heard)
    loud = [n for n, sample in enumerate(samples) if abs(sample) > 500]
    return round((loud[-1] - loud[0]) / 24) if loud else 0


# --- barge-in -------------------------------------------------------------------------------------


def test_speech_stops_the_answer_and_the_server_learns_what_was_heard() -> None:
    with stage() as on:
        on.speaks()
        on.sound.advance(1)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.sound.advance(1)
        assert milliseconds(on.sound.heard) == pytest.approx(1000, abs=3)
        assert on.truncations() == [("i", 1000)]
        assert on.received("response.cancel") == []  # the server stops by itself


def test_late_slices_are_not_heard() -> None:
    with stage() as on:
        name = on.speaks()
        on.sound.advance(1)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.server.sound(name, HALF, item_id="i")
        on.server.done(name, "cancelled")
        on.server.sound(name, HALF, item_id="i")
        on.sync()
        on.sound.advance(2)
        assert milliseconds(on.sound.heard) == pytest.approx(1000, abs=3)
        assert on.client.conversation is not None


def test_words_of_the_user_stop_it_as_well() -> None:
    """Some servers tell them before they tell that somebody speaks."""
    with stage() as on:
        on.speaks()
        on.sound.advance(1)
        on.send(WORDS, item_id="u", delta="stop")
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.sound.advance(1)
        assert milliseconds(on.sound.heard) == pytest.approx(1000, abs=3)
        assert on.truncations() == [("i", 1000)]


def test_words_of_an_earlier_turn_do_not() -> None:
    """They may come long after the answer to them has begun."""
    with stage() as on:
        on.send(TURNS + "committed", item_id="u")
        on.speaks(2)
        on.sound.advance(1)
        on.send(WORDS, item_id="u", delta="What time")
        on.sound.advance(2)
        assert milliseconds(on.sound.heard) == pytest.approx(2000, abs=3)


def test_an_answer_that_is_complete_but_not_heard_is_cut_as_well() -> None:
    with stage() as on:
        on.server.done(on.speaks())
        on.sync()
        response = on.client.wait_for_response(PATIENCE)
        on.sound.advance(0.5)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        assert on.truncations() == [("i", 500)]
        assert response.heard_text == "one"
        assert response.status == "completed"


def test_what_was_heard_to_its_end_is_not_cut() -> None:
    with stage() as on:
        on.server.done(on.speaks(1))
        on.sync()
        on.sound.advance(2)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        assert on.truncations() == []
        assert on.client.wait_for_response(PATIENCE).heard_text == "one two three four five six"


def test_not_where_it_is_switched_off() -> None:
    turns = {"type": "semantic_vad", "interrupt_response": False}
    with stage(SessionConfig.of(turn_detection=turns)) as on:
        on.speaks(2)
        on.sound.advance(1)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.send(WORDS, item_id="u", delta="stop")
        on.sound.advance(2)
        assert milliseconds(on.sound.heard) == pytest.approx(2000, abs=3)
        assert on.truncations() == []


def test_typed_words_stop_it_and_the_server_is_told_to() -> None:
    with stage() as on:
        on.speaks(name="r")
        on.sound.advance(1)
        on.client.say("And now?")
        (cancel,) = on.received("response.cancel")
        assert cancel["response_id"] == "r"
        assert on.truncations() == [("i", 1000)]
        assert on.received("conversation.item.create") == []  # the floor is not free yet
        on.server.done("r", "cancelled")
        on.sync()
        assert len(on.received("conversation.item.create")) == 1
        on.sound.advance(1)
        assert milliseconds(on.sound.heard) == pytest.approx(1000, abs=3)


def test_the_measure_of_the_server_is_learned_over_the_wire() -> None:
    with stage(SessionConfig.of(output_format="g711_ulaw"), rates=(8000,), updates=1) as on:
        on.server.send("response.created", response={"id": "r", "status": "in_progress"})
        on.server.sound("r", b"\x80" * 24000, item_id="i")
        on.sync()
        on.sound.advance(1.5)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        (cut,) = on.received("conversation.item.truncate")
        assert cut["audio_end_ms"] == 1500
        on.server.error(cut, message="Audio content of 1000ms is already shorter than 1500ms")
        on.sync()
        assert on.truncations() == [("i", 1500), ("i", 500)]


def test_an_interjection_plays_on_and_does_not_count() -> None:
    """It comes while the user speaks; it is mixed in and never cut."""
    with stage() as on:
        on.speaks(3)
        on.sound.advance(0.5)
        delta = b64encode(HALF).decode()
        on.send("response.backchannel.audio.delta", backchannel_id="b", delta=delta)
        on.send("response.backchannel.audio.done", backchannel_id="b", phrase="mm-hm")
        on.sound.advance(0.2)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.sound.advance(1)
        assert milliseconds(on.sound.heard) == pytest.approx(1000, abs=25)
        assert on.truncations() == [("i", 700)]
        alone, both = on.sound.heard[9600:14400], on.sound.heard[25000:29800]
        assert max(array("h", both)) > 1.5 * max(array("h", alone))


# --- push-to-talk ---------------------------------------------------------------------------------


def test_the_order_of_a_pushed_turn() -> None:
    """As the protocol has it; what was said just before is sent, too."""
    with stage(updates=1, push_to_talk=True) as on:
        on.speaks()
        on.sound.say(SECOND)
        on.sound.advance(1)
        on.chat.press()
        assert on.client.state == "listening"
        on.sound.advance(0.5)
        answers: list[Any] = []
        finger = threading.Thread(target=lambda: answers.append(on.chat.release()))
        finger.start()
        while finger.is_alive():
            on.sound.advance(0.02)
            finger.join(0.01)
        on.server.done("r", "cancelled")
        on.sync()
        on.server.skip_to("response.create")
        sent = [m for m in on.server.received if m["type"] == "input_audio_buffer.append"]
        kinds = [kind for kind in on.server.types if kind != "input_audio_buffer.append"]
        assert kinds == [
            "response.cancel",
            "conversation.item.truncate",
            "input_audio_buffer.clear",
            "input_audio_buffer.commit",
            "response.create",
        ]
        assert on.server.types[3] == on.server.types[-3] == "input_audio_buffer.append"
        size = sum(len(m["audio"]) * 3 / 4 for m in sent) / 48
        assert 690 <= size <= 900  # 200 ms before it was pressed, 500 ms held, and a little
        assert answers[0].status == "waiting"


def test_a_touch_is_no_turn() -> None:
    with stage(updates=1, push_to_talk=True) as on:
        on.chat.press()
        on.sound.advance(0.05)
        assert on.chat.release() is None
        assert on.received("input_audio_buffer.commit", "response.create") == []
        assert on.client.state == "idle"


def test_an_exception_drops_the_turn() -> None:
    with stage(updates=1, push_to_talk=True) as on:
        with pytest.raises(ZeroDivisionError), on.chat.held():
            on.sound.advance(0.5)
            raise ZeroDivisionError
        assert on.received("input_audio_buffer.commit", "response.create") == []


# --- loudspeaker ----------------------------------------------------------------------------------


def test_volume_and_lead_in() -> None:
    with stage(volume=0.5, lead_in=0.3) as on:
        on.speaks(1)
        on.sound.advance(2)
        samples = array("h", on.sound.heard)
        first = next(n for n, sample in enumerate(samples) if sample)
        assert first / 24000 == pytest.approx(0.3, abs=0.03)
        assert max(samples) == pytest.approx(max(array("h", SECOND)) / 2, abs=2)


def test_a_server_that_does_not_speak_the_rate_of_the_device() -> None:
    """Then it is converted here, in both directions."""
    pytest.importorskip("soxr", reason="soxr is not installed")
    over = threading.Event()

    def script(server: Scripted) -> None:
        server.error(server.expect("session.update"), code="invalid_value", param="session.audio")
        assert over.wait(10 * PATIENCE)

    sound = FakeSound(rates=(48000,))
    with Scripted(script) as server:
        try:
            with server.client() as client, client.voice_chat(audio=sound, echo="none") as chat:
                assert chat.speaker.rate == 48000
                on = Stage(server, client, chat, sound)
                on.speaks(1)
                sound.say(SECOND)
                sound.advance(2)
                assert milliseconds(sound.heard) / 2 == pytest.approx(1000, abs=30)
                sent = on.received("input_audio_buffer.append")
                size = sum(len(m["audio"]) * 3 / 4 for m in sent) / 48
                assert size == pytest.approx(2000, abs=100)
        finally:
            over.set()


@pytest.mark.parametrize("rate", [11025, 22050, 96000])
def test_a_device_with_a_rate_that_no_server_has(rate: int) -> None:
    pytest.importorskip("soxr", reason="soxr is not installed")
    with stage(rates=(rate,)) as on:
        on.server.done(on.speaks(1))  # which lets go of what the resampler holds back
        on.sync()
        on.sound.say(SECOND)
        on.sound.advance(2)
        heard = array("h", on.sound.heard)
        loud = [n for n, sample in enumerate(heard) if abs(sample) > 500]
        assert (loud[-1] - loud[0]) / rate == pytest.approx(1, abs=0.02)
        sent = on.received("input_audio_buffer.append")
        assert sum(len(m["audio"]) * 3 / 4 for m in sent) / 48 == pytest.approx(2000, abs=100)


def test_the_format_may_be_changed_in_mid_call() -> None:
    pytest.importorskip("soxr", reason="soxr is not installed")
    over = threading.Event()

    def script(server: Scripted) -> None:
        server.wait_for_go()
        server.send("session.updated", session=server.skip_to("session.update")["session"])
        assert over.wait(10 * PATIENCE)

    sound = FakeSound()
    with Scripted(script) as server:
        try:
            with server.client() as client, client.voice_chat(audio=sound, echo="none") as chat:
                server.go()
                client.update_session(input_format="g711_ulaw")
                sound.advance(2)
                sent = Stage(server, client, chat, sound).received("input_audio_buffer.append")
                size = sum(len(m["audio"]) * 3 / 4 for m in sent) / 8
                assert size == pytest.approx(2000, abs=100)
        finally:
            over.set()


def test_latency_is_from_the_end_of_the_turn_to_the_first_sound() -> None:
    with stage() as on:
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.send(TURNS + "speech_stopped", item_id="u", audio_end_ms=0)
        on.sound.advance(0.6)
        on.speaks()
        assert on.chat.latency is None
        on.sound.advance(0.1)
        on.chat.speaker.wait(lambda: on.chat.latency is not None, PATIENCE)
        assert on.chat.latency == pytest.approx(0.6, abs=0.05)


def test_a_response_knows_when_it_was_first_heard() -> None:
    """By the computer's clock, whatever the loudspeaker's says; also if it was complete before."""
    with stage(clock=FakeClock(1e9)) as on:
        begin = now()
        response = on.client.say("Go")
        name = on.speaks()
        on.server.done(name)
        assert response.wait(PATIENCE).latency.first_heard is None
        on.sound.advance(0.1)
        on.chat.speaker.wait(lambda: response.latency.first_heard is not None, PATIENCE)
        latency, seconds = response.latency, now() - begin
        assert latency.first_audio is not None and latency.first_heard is not None
        assert latency.first_audio <= latency.first_heard <= seconds + 0.1
        on.sound.advance(4)
        assert response.latency == latency


def test_what_was_cut_before_it_sounded_was_never_heard() -> None:
    with stage() as on:
        response = on.client.say("Go")
        on.speaks()
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.speaks(1, "s", "j")
        on.sound.advance(0.5)
        on.server.done("r", "cancelled")
        on.server.done("s")
        assert response.wait(PATIENCE).latency.first_heard is None
        other = on.client.wait_for_response(PATIENCE)
        on.chat.speaker.wait(lambda: other.latency.first_heard is not None, PATIENCE)


def test_the_response_and_the_chat_tell_the_same_latency() -> None:
    """At real speed, on a loudspeaker that nobody hears."""
    over = threading.Event()
    with Scripted(lambda server: over.wait(PATIENCE)) as server, server.client() as client:
        with client.voice_chat(audio="null", echo="none") as chat:
            server.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
            server.send(TURNS + "speech_stopped", item_id="u", audio_end_ms=0)
            server.send(TURNS + "committed", item_id="u")
            server.answer(slices=4)
            response = client.wait_for_response(PATIENCE)
            chat.speaker.wait(lambda: chat.latency is not None, PATIENCE)
            assert response.latency.first_heard == pytest.approx(chat.latency, abs=0.05)
        over.set()


# --- the end --------------------------------------------------------------------------------------


def test_ctrl_c_ends_the_talk_and_not_the_program() -> None:
    def script(server: Scripted) -> None:
        server.wait_for_go()
        os.kill(os.getpid(), signal.SIGINT)
        server.silence()

    with Scripted(script) as server, server.client() as client:
        client.when_idle = server.go  # it has begun
        client.talk(audio="null")
        assert client.state == "idle"
        with client.voice_chat(audio="null"):
            pass


def test_the_connection_breaks() -> None:
    """Whoever waits is told, and so is the lamp."""

    def script(server: Scripted) -> None:
        server.wait_for_go()
        server.abort()

    told = threading.Event()
    with Scripted(script) as server, server.client() as client:
        client.when_error = told.set
        with client.voice_chat(audio=FakeSound(), echo="none") as chat:
            server.go()
            with pytest.raises(ConnectionLost):
                chat.wait(PATIENCE)
            with pytest.raises(ConnectionLost):
                chat.interrupt()
            assert client.state == "error"
        assert told.wait(PATIENCE)


def test_closing_the_client_closes_the_chat_also_from_a_hook() -> None:
    closed = threading.Event()
    with stage() as on:

        def close() -> None:
            on.client.close()
            closed.set()

        on.client.when_speaking = close
        on.speaks()
        on.sound.advance(0.3)
        assert closed.wait(PATIENCE)
        assert on.chat.closed and on.client.state == "closed"
        assert on.chat.wait(0)


def test_with_all_the_oddities_of_the_service() -> None:
    """A server that tells late who speaks, sends slices behind the end, and counts in milliseconds
    of its own; heard end to end through its real ears."""
    pytest.importorskip("websockets", reason="the simulator needs websockets")
    quirks = {"late_speech_started": True, "late_deltas": True, "truncate_div24": True}
    sound = FakeSound(rates=(8000,))
    config = SessionConfig.of(output_format="g711_ulaw")
    with (
        Simulator(quirks=quirks) as server,
        Client(url=server.url, credentials=server.api_key, config=config) as client,
        client.voice_chat(audio=sound, echo="none"),
    ):
        story = client.say("Please tell me a long story.")
        received = 0
        while received < 4 * 8000:  # four seconds, so that there is something to cut
            received += len(next(story))
        sound.advance(0.8)
        sound.say(QUESTION)
        sound.advance(1.2)
        event = client.wait_for(ItemTruncated, PATIENCE)
        story.wait()
        assert story.heard_text and story.text.startswith(story.heard_text)
        assert story.heard_text != story.text
        # A third of it where the server refused more; it does not if it had sent a lot by then.
        assert event.audio_end_ms is not None and event.audio_end_ms <= 2000


# --- captions -------------------------------------------------------------------------------------


def _times(*words: tuple[str, float]) -> Json:
    lists = {
        "words": [word for word, _ in words],
        "word_start_time_seconds": [start for _, start in words],
        "word_end_time_seconds": [start + 0.1 for _, start in words],
    }
    return {"timestamp_info": {"word_alignment": lists}}


def test_each_word_comes_when_it_is_heard_and_not_when_it_is_cut() -> None:
    with stage() as on:
        captions = on.chat.captions()
        on.server.send("response.created", response={"id": "r", "status": "in_progress"})
        words = (("one", 0.2), ("two", 1.0), ("three", 1.8))
        on.server.sound("r", SECOND + SECOND, item_id="i", **_times(*words))
        on.sync()
        on.sound.advance(0.5)
        assert next(captions).text == "one"
        following = Background(lambda: next(captions).text)
        on.sound.advance(0.7)
        assert following.result() == "two"
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)  # at 1.2 s
        on.send("response.done", response={"id": "r", "status": "cancelled"})
        on.speaks(1, "s", "j")
        on.server.sound("s", HALF, item_id="j", **_times(("four", 0.1), ("five", 0.3)))
        on.sync()
        last = Background(lambda: next(captions).text)
        on.sound.advance(1.5)
        assert last.result() == "four"


def test_the_words_end_with_the_chat() -> None:
    with stage() as on:
        waiting = Background(lambda: list(on.chat.captions()))
        on.chat.close()
        assert waiting.result() == []
        assert list(on.chat.captions()) == []


def test_words_of_the_next_round_are_heard_after_a_cut_while_a_tool_ran() -> None:
    """Barge-in between a call and what the answer goes on with; what was cut stays unheard."""
    running, go = threading.Event(), threading.Event()

    def tool() -> str:
        running.set()
        assert go.wait(PATIENCE)
        return "ok"

    with stage(updates=1) as on:
        on.client.add_tool(tool, parameters={"type": "object", "properties": {}})
        captions = on.chat.captions()
        response = on.client.say("Go")
        on.server.skip_to("response.create")
        on.server.send("response.created", response={"id": "r", "status": "in_progress"})
        on.server.words("r", "one two ", item_id="i")
        on.server.sound("r", SECOND + SECOND, item_id="i", **_times(("one", 0.2), ("two", 1.8)))
        call = {"id": "f", "type": "function_call", "name": "tool", "call_id": "c"}
        on.server.done("r", output=[call])
        assert running.wait(PATIENCE)
        on.sound.advance(0.5)
        assert next(captions).text == "one"
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        on.send(TURNS + "cleared")
        assert response.heard_text == "one"
        go.set()
        on.server.skip_to("response.create")
        on.server.send("response.created", response={"id": "s", "status": "in_progress"})
        on.server.words("s", "three four", item_id="j")
        on.server.sound("s", SECOND, item_id="j", **_times(("three", 0.1), ("four", 0.3)))
        on.sync()
        following = Background(lambda: [next(captions).text, next(captions).text])
        on.sound.advance(0.6)
        assert following.result() == ["three", "four"]
        on.server.done("s")
        on.sync()
        assert response.heard_text == "one three four"


def test_what_was_heard_to_its_end_is_not_truncated_when_a_tool_follows() -> None:
    go = threading.Event()
    with stage(updates=1) as on:
        on.client.add_tool(
            lambda: go.wait(PATIENCE), name="f", parameters={"type": "object", "properties": {}}
        )
        on.client.say("Go")
        on.server.skip_to("response.create")
        on.server.send("response.created", response={"id": "r", "status": "in_progress"})
        on.server.sound("r", HALF, item_id="i")
        call = {"id": "f", "type": "function_call", "name": "f", "call_id": "c"}
        on.server.done("r", output=[call])
        on.sync()
        on.sound.advance(1)
        on.send(TURNS + "speech_started", item_id="u", audio_start_ms=0)
        assert on.truncations() == []
        go.set()


def test_saying_something_stops_an_answer_that_waits_for_a_tool() -> None:
    go = threading.Event()
    with stage(updates=1) as on:
        on.client.add_tool(
            lambda: go.wait(PATIENCE), name="f", parameters={"type": "object", "properties": {}}
        )
        first = on.client.say("Go")
        on.server.skip_to("response.create")
        on.server.send("response.created", response={"id": "r", "status": "in_progress"})
        call = {"id": "f", "type": "function_call", "name": "f", "call_id": "c"}
        on.server.done("r", output=[call])
        on.sync()
        on.client.say("Never mind.")
        assert first.wait(PATIENCE).status == "cancelled"
        assert on.server.skip_to("conversation.item.create")["item"]["role"] == "user"
        on.server.expect("response.create")
        go.set()
        assert on.server.output()[0] == "c"  # it is answered all the same


def test_captions_and_new_sound_do_not_wait_for_each_other() -> None:
    """The reader of captions, the one of events and the device all want the loudspeaker's locks."""
    pytest.importorskip("soxr", reason="soxr is not installed")
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with stage(rates=(44100,), updates=1) as on:
            texts = on.chat.captions()
            words = Background(lambda: [next(texts).text for _ in range(200)])
            on.server.send("response.created", response={"id": "r", "status": "in_progress"})
            for _ in range(101):
                times = _times(("a", 0.01), ("b", 0.05))
                on.server.sound("r", SECOND[:9600], item_id="i", **times)
                on.sound.advance(0.2)
            on.server.done("r")
            on.sync()
            on.sound.advance(3)
            assert len(words.result()) == 200
    finally:
        sys.setswitchinterval(before)
