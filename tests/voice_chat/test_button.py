"""A button that decides when the user speaks: pressed by code, or a real one by gpiozero, whose own
stand-in for the pins of a Raspberry Pi is used."""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from support.background import PATIENCE, Background
from support.scripted import SLICE, Scripted

from inworld_rt import Client
from inworld_rt.errors import ConfigError, ConnectionClosed, LocalProtocolError
from inworld_rt.link import now
from inworld_rt.pcm import AudioFormat, tone
from inworld_rt.testing import FakeSound
from inworld_rt.voice_chat import VoiceChat, button

PERIOD = 480  # samples of 20 ms


def numbered(*numbers: int) -> bytes:
    """A period for each number, whose samples are all that number."""
    return b"".join(number.to_bytes(2, "little") * PERIOD for number in numbers)


def answer_turns(server: Scripted) -> None:
    """Answer each turn of speech, until the client hangs up."""
    while True:
        message = server.receive()
        if message["type"] == "session.update":
            server.send("session.updated", session=message["session"])
        elif message["type"] == "response.create":
            server.answer("I heard you.")


class Stage:
    """A chat that waits for a button, and its server."""

    def __init__(self, server: Scripted, client: Client, chat: VoiceChat, sound: FakeSound) -> None:
        self.server, self.client, self.chat, self.sound = server, client, chat, sound

    def turns(self) -> list[list[int]]:
        """What was committed, as numbers of periods; at the end."""
        turns: list[list[int]] = []
        turn = b""
        for message in self.server.received:
            if message["type"] == "input_audio_buffer.append":
                turn += b64decode(message["audio"])
            elif message["type"] == "input_audio_buffer.clear":
                turn = b""
            elif message["type"] == "input_audio_buffer.commit":
                turns.append([turn[n] for n in range(0, len(turn), 2 * PERIOD)])
                turn = b""
        return turns

    def end(self) -> None:
        """Let the server read all that was sent."""
        self.chat.close()
        self.client.close()
        self.server.__exit__(None, None, None)


@pytest.fixture
def stage() -> Iterator[Stage]:
    sound = FakeSound()
    with Scripted(answer_turns) as server, server.client() as client:
        with client.voice_chat(audio=sound, push_to_talk=True, echo="none") as chat:
            yield Stage(server, client, chat, sound)


# --- pressed by code ------------------------------------------------------------------------------


def test_a_turn_lasts_as_long_as_it_is_held(stage: Stage) -> None:
    """And a moment longer at its front, as people begin to speak a little early."""
    stage.sound.say(numbered(*range(1, 200)))
    stage.sound.advance(1)
    stage.chat.press()
    assert stage.client.state == "listening"
    stage.sound.advance(0.5)
    response = stage.chat.release()
    stage.sound.advance(1)
    assert response.wait().status == "completed"
    stage.end()
    assert stage.turns() == [[*range(41, 76)]]


def test_nothing_is_sent_between_turns(stage: Stage) -> None:
    stage.sound.say(numbered(*range(1, 200)))
    for _ in range(2):
        stage.sound.advance(0.4)
        with stage.chat.held():
            stage.sound.advance(0.2)
        stage.client.wait_for_response()
    stage.sound.advance(0.4)
    stage.end()
    assert stage.turns() == [[*range(11, 31)], [*range(41, 61)]]
    kinds = [kind for kind in stage.server.types if kind != "input_audio_buffer.append"]
    one_turn = ["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"]
    assert kinds == one_turn * 2


def test_a_touch_by_mistake_is_no_turn(stage: Stage) -> None:
    stage.sound.advance(1)
    stage.chat.press()
    stage.sound.advance(0.08)
    assert stage.chat.release() is None
    assert stage.client.state == "idle"
    stage.end()
    assert stage.turns() == []
    assert "response.create" not in stage.server.types


def test_an_exception_drops_the_turn(stage: Stage) -> None:
    with pytest.raises(ZeroDivisionError), stage.chat.held():
        stage.sound.advance(1)
        raise ZeroDivisionError
    assert stage.client.state == "idle"
    with stage.chat.held():
        stage.sound.say(numbered(7, 8))
        stage.sound.advance(0.2)
    stage.end()
    (turn,) = stage.turns()
    assert turn[-10:] == [7, 8, *[0] * 8]
    assert "input_audio_buffer.clear" in stage.server.types


def test_latency_is_from_where_it_was_let_go(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not from where the last of the speech was sent, or the answer asked for."""
    monkeypatch.setattr(button, "now", lambda: now() - 100)  # that moment is 100 s ago
    stage.sound.advance(1)
    stage.chat.press()
    stage.sound.advance(0.5)
    response = stage.chat.release()
    assert 100 < response.wait().latency.total < 100 + PATIENCE


def test_twice_pressed_and_twice_let_go_is_once(stage: Stage) -> None:
    assert stage.chat.release() is None
    stage.chat.press()
    stage.chat.press()
    stage.sound.advance(0.2)
    assert stage.chat.release() is not None
    assert stage.chat.release() is None
    stage.end()
    assert len(stage.turns()) == 1


def test_two_threads_let_go_at_once(stage: Stage) -> None:
    """There is one turn, and one of them gets the answer."""
    stage.chat.press()
    stage.sound.advance(0.2)
    both = [Background(stage.chat.release) for _ in range(2)]
    responses = [thread.result() for thread in both]
    assert sorted(response is None for response in responses) == [False, True]
    stage.end()
    assert len(stage.turns()) == 1


def test_pressing_stops_the_answer_that_is_heard() -> None:
    sound = FakeSound()

    def script(server: Scripted) -> None:
        server.accept_settings()
        server.expect("conversation.item.create")
        server.expect("response.create")
        name = server.begin()
        for _ in range(10):
            server.sound(name)
        server.send("x.sent")
        assert server.skip_to("response.cancel")["response_id"] == name
        server.reached.set()
        server.done(name, "cancelled")

    with Scripted(script) as server, server.client() as client:
        with client.voice_chat(audio=sound, push_to_talk=True, echo="none") as chat:
            response = client.say("Tell me a story.")
            client.wait_for("x.sent")
            sound.advance(0.2)
            assert client.state == "speaking"
            played = len(sound.heard.strip(b"\0"))
            chat.press()
            sound.advance(0.5)
            assert server.reached.wait(PATIENCE)
            assert client.state == "listening"
            assert len(sound.heard.strip(b"\0")) == played
            response.wait()
    cut = [m for m in server.received if m["type"] == "conversation.item.truncate"]
    assert [m["audio_end_ms"] for m in cut] == [200]
    assert len(SLICE) * 10 > played


def test_after_the_chat_it_does_nothing_and_waits_for_nothing(stage: Stage) -> None:
    stage.chat.press()
    stage.sound.advance(0.2)
    stage.chat.close()
    assert Background(stage.chat.release).result() is None
    assert stage.client.state == "idle"


def test_the_session_ends_while_it_is_held() -> None:
    sound = FakeSound()

    def script(server: Scripted) -> None:
        server.accept_settings()
        server.wait_for_go()
        server.abort()

    with Scripted(script) as server, server.client() as client:
        with client.voice_chat(audio=sound, push_to_talk=True, echo="none") as chat:
            chat.press()
            sound.advance(0.2)
            server.go()
            with pytest.raises(ConnectionClosed):
                chat.wait(PATIENCE)
            with pytest.raises(ConnectionClosed):
                chat.release()


def test_a_hands_free_chat_has_no_button() -> None:
    sound = FakeSound()
    with Scripted(answer_turns) as server, server.client() as client:
        with client.voice_chat(audio=sound) as chat:
            for wrong in (chat.press, chat.release, chat.held, lambda: chat.use_button(object())):
                with pytest.raises(LocalProtocolError, match="push_to_talk=True"):
                    wrong()


# --- real buttons ---------------------------------------------------------------------------------


@pytest.fixture
def pins() -> Iterator[Any]:
    """A Raspberry Pi without a Raspberry Pi."""
    pytest.importorskip("gpiozero", reason="gpiozero is not installed")
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    before, Device.pin_factory = Device.pin_factory, MockFactory(pin_class=MockPWMPin)
    yield Device.pin_factory
    Device.pin_factory.close()
    Device.pin_factory = before


@pytest.fixture
def real(pins: Any) -> Iterator[Any]:
    """A button between pin 17 and ground."""
    from gpiozero import Button

    with Button(17) as button:
        yield button


def test_a_real_button(stage: Stage, real: Any) -> None:
    stage.chat.use_button(real)
    stage.sound.say(numbered(*range(1, 100)))
    for _ in range(2):
        stage.sound.advance(0.4)
        real.pin.drive_low()
        assert stage.client.state == "listening"
        stage.sound.advance(0.2)
        real.pin.drive_high()
        stage.client.wait_for_response()
    stage.end()
    assert stage.turns() == [[*range(11, 31)], [*range(41, 61)]]


def test_a_real_button_that_is_held_already(stage: Stage, real: Any) -> None:
    real.pin.drive_low()
    stage.chat.use_button(real)
    assert stage.client.state == "listening"
    stage.sound.advance(0.2)
    real.pin.drive_high()
    stage.client.wait_for_response()
    stage.end()
    assert len(stage.turns()) == 1


def test_what_the_button_did_before_it_does_again(stage: Stage, real: Any) -> None:
    calls: list[str] = []
    pressed, released = (lambda: calls.append("pressed")), (lambda: calls.append("released"))
    real.when_pressed, real.when_released = pressed, released
    stage.chat.use_button(real)
    real.pin.drive_low()
    real.pin.drive_high()
    assert calls == []
    stage.chat.close()
    assert (real.when_pressed, real.when_released) == (pressed, released)
    real.pin.drive_low()
    real.pin.drive_high()
    assert calls == ["pressed", "released"]


def test_what_did_nothing_before_does_nothing_again(stage: Stage, real: Any) -> None:
    """gpiozero warns of a ``None`` that was ``None``, which would fail this test."""
    stage.chat.use_button(real)
    real.when_released = None
    stage.chat.close()
    assert (real.when_pressed, real.when_released) == (None, None)


def test_a_button_that_is_closed_before_the_chat(stage: Stage, real: Any) -> None:
    real.when_pressed = print
    stage.chat.use_button(real)
    real.close()
    stage.chat.close()


def test_a_button_after_the_end_of_the_session_is_quiet(real: Any) -> None:
    """Who waits for the chat is told; the button's own thread has nobody to tell."""

    def script(server: Scripted) -> None:
        server.accept_settings()
        server.wait_for_go()
        server.abort()

    sound = FakeSound()
    with Scripted(script) as server, server.client() as client:
        with client.voice_chat(audio=sound, push_to_talk=True, echo="none") as chat:
            chat.use_button(real)
            server.go()
            with pytest.raises(ConnectionClosed):
                chat.wait(PATIENCE)
            real.pin.drive_low()
            sound.advance(0.2)
            real.pin.drive_high()


def test_what_is_no_button_is_refused(stage: Stage) -> None:
    with pytest.raises(ConfigError, match=r"as gpiozero.Button\(17\) does; this is a list"):
        stage.chat.use_button([])


class Homemade:
    """A button of one's own."""

    when_pressed: Any = None
    when_released: Any = None


def test_a_button_of_ones_own(stage: Stage) -> None:
    mine = Homemade()
    stage.chat.use_button(mine)
    mine.when_pressed()
    stage.sound.advance(0.2)
    mine.when_released()
    assert stage.client.wait_for_response().text.strip() == "I heard you."
    stage.chat.close()
    assert mine.when_pressed is None


def test_talk_while_a_real_button_is_held(pins: Any) -> None:
    """The whole program of a gadget, but for its thread."""
    from gpiozero import Button

    sound = FakeSound()
    with Scripted(answer_turns) as server, server.client() as client, Button(17) as button:
        listening = threading.Event()
        client.when_listening = listening.set
        button.pin.drive_low()
        program = Background(lambda: client.talk_while(button, audio=sound, echo="none"))
        assert listening.wait(PATIENCE)
        sound.advance(0.2)
        button.pin.drive_high()
        assert client.wait_for_response().text.strip() == "I heard you."
        client.close()
        program.result()
        assert button.when_pressed is None


def test_a_lamp_shows_how_loud_it_is(stage: Stage, pins: Any) -> None:
    """``led.source = chat.levels()``; it goes out at the end."""
    from gpiozero import PWMLED

    bright, out = threading.Event(), threading.Event()

    def watched() -> Iterator[float]:
        for level in stage.chat.levels():
            yield level
            if led.value > 0.8:  # it has been set by now
                bright.set()
        if led.value == 0:
            out.set()

    with PWMLED(18) as led:
        led.source_delay = 0
        stage.sound.say(tone(400, 1000, AudioFormat()))
        stage.sound.advance(0.5)
        led.source = watched()
        assert bright.wait(PATIENCE)
        stage.chat.close()
        assert out.wait(PATIENCE)
