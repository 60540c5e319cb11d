"""A phone call as sound devices: what a carrier brings arrives, and what it gets is exact."""

from __future__ import annotations

import importlib
import threading
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.background import PATIENCE

from inworld_rt import Client
from inworld_rt.audio import wav
from inworld_rt.audio.resample import resample
from inworld_rt.cli.demo import QUESTION
from inworld_rt.errors import ConfigError
from inworld_rt.events import InputAudioCommitted, ItemTruncated
from inworld_rt.items import AudioPart, InputAudio, Message
from inworld_rt.pcm import AudioFormat, encode, tone
from inworld_rt.playback import Playback
from inworld_rt.simulator import Simulator
from inworld_rt.simulator.ears import DeafEars
from inworld_rt.simulator.voice import SLICE_MS, Speech
from inworld_rt.telephony import PhoneCall
from inworld_rt.testing import FakeClock
from inworld_rt.voice_chat import VoiceChat

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    audioop: Any = importlib.import_module("audioop")

ULAW, ALAW = AudioFormat("audio/pcmu"), AudioFormat("audio/pcma")
QUIET = b"\xff"  # in mu-law

formats = st.sampled_from(
    [ULAW, ALAW, AudioFormat(rate=8000), AudioFormat(rate=16000), AudioFormat("audio/float32")]
)


@st.composite
def cut(draw: st.DrawFn, size: int) -> list[bytes]:
    """Bytes, cut anywhere."""
    whole = draw(st.binary(max_size=size))
    edges = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    return [whole[a:b] for a, b in pairwise([0, *edges, len(whole)])]


class Ends:
    """A call's devices, open, on a clock that the test moves."""

    def __init__(self, format: AudioFormat | str) -> None:
        self.clock = FakeClock()
        self.sent: list[bytes] = []
        self.heard: list[bytes] = []
        self.times: list[float] = []
        self.call = PhoneCall(self.sent.append, format, self.clock)
        self.playback = Playback(self.call.format.rate)
        self.source = self.call.open_source(None, (24000,), self.deliver)
        self.sink = self.call.open_sink(None, (24000,), self.playback.pull)

    def deliver(self, sound: bytes, at: float) -> None:
        self.heard.append(sound)
        self.times.append(at)


# --- from the carrier -----------------------------------------------------------------------------


@given(cut(2000), st.sampled_from([ULAW, ALAW]), st.data())
def test_what_comes_is_heard_once_and_in_order(
    chunks: list[bytes], format: AudioFormat, data: st.DataObject
) -> None:
    """Bytes or base64, in pieces of any size."""
    ends = Ends(format)
    for chunk in chunks:
        is_text = data.draw(st.booleans())
        ends.call.hear(b64encode(chunk).decode() if is_text else chunk)
    decoded = (audioop.ulaw2lin if format is ULAW else audioop.alaw2lin)(b"".join(chunks), 2)
    assert b"".join(ends.heard) == decoded


@given(cut(500))
def test_samples_that_are_cut_are_put_together(chunks: list[bytes]) -> None:
    ends = Ends(AudioFormat(rate=16000))
    for chunk in chunks:
        ends.call.hear(chunk)
    whole = b"".join(chunks)
    assert b"".join(ends.heard) == whole[: len(whole) // 2 * 2]


@given(st.sampled_from([ULAW, ALAW]), st.binary(min_size=1))
def test_what_was_heard_goes_out_as_it_came(format: AudioFormat, sound: bytes) -> None:
    """Decoding and coding again changes nothing, but for mu-law's second zero."""
    ends = Ends(format)
    ends.call.hear(sound)
    expected = sound.replace(b"\x7f", b"\xff") if format is ULAW else sound
    assert encode(b"".join(ends.heard), format) == expected


def test_times_are_those_of_the_arrival() -> None:
    ends = Ends(ULAW)
    for _ in range(3):
        ends.call.hear(bytes(160))
        ends.clock.advance(0.02)
    assert ends.times == pytest.approx([0, 0.02, 0.04])


def test_where_nothing_comes_there_is_silence() -> None:
    """After a moment, as the network may have stumbled; until something comes again."""
    ends = Ends(ULAW)
    ends.call.hear(b"\x80" * 160)
    ends.clock.advance(0.2)
    assert len(ends.heard) == 1
    ends.clock.advance(1)
    assert ends.heard[1:] == [bytes(320)] * 50
    ends.call.hear(b"\x80" * 160)
    ends.clock.advance(0.2)
    assert len(ends.heard) == 52
    ends.source.close()
    ends.clock.advance(1)
    assert len(ends.heard) == 52


def test_before_the_chat_it_is_dropped() -> None:
    PhoneCall(list[bytes]().append).hear(b"\x80" * 160)


@pytest.mark.parametrize(
    ("sound", "says"),
    [
        ("not base64!", "11 characters that are no base64"),
        ("ä", "no base64"),
        (None, "expected bytes or base64, got NoneType"),
        ([1, 2], "expected bytes or base64, got list"),
    ],
)
def test_what_is_no_sound_is_told(sound: Any, says: str) -> None:
    call = PhoneCall(list[bytes]().append)
    with pytest.raises(ConfigError, match=says) as caught:
        call.hear(sound)
    assert "base64!" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_all_kinds_of_bytes(kind: Callable[[bytes], Any]) -> None:
    ends = Ends(ALAW)
    ends.call.hear(kind(b"\x80\x81"))
    assert b"".join(ends.heard) == audioop.alaw2lin(b"\x80\x81", 2)


@pytest.mark.parametrize("format", ["opus", 22050, None])
def test_a_wrong_format_is_told_at_once(format: Any) -> None:
    with pytest.raises(ConfigError):
        PhoneCall(list[bytes]().append, format)


# --- to the carrier -------------------------------------------------------------------------------


@given(formats, st.lists(st.integers(0, 1200), max_size=12))
def test_frames_are_exact_and_hold_all_that_was_said(format: AudioFormat, sizes: list[int]) -> None:
    """20 ms each, one each 20 ms, whatever the slices were; the last is filled with silence."""
    ends = Ends(format)
    said = tone(440, sum(sizes) * 1000 / format.rate, AudioFormat(rate=format.rate))
    place = 0
    for size in sizes:
        ends.playback.push(said[2 * place : 2 * (place + size)])
        place += size
    ends.playback.finish()
    ends.clock.advance(2)
    assert {len(frame) for frame in ends.sent} == {format.bytes(20)}
    assert len(ends.sent) == 100
    pcm = AudioFormat(rate=format.rate)
    everything = said + bytes(pcm.bytes(2000) - len(said))
    assert b"".join(ends.sent) == encode(everything, format)


def test_it_offers_the_rate_of_the_call_alone() -> None:
    call = PhoneCall(list[bytes]().append, 16000)
    (device,) = call.devices(probe=True)
    assert device.default_input and device.default_output
    assert device.input_rates == device.output_rates == (16000,)
    ends = Ends(AudioFormat(rate=16000))
    assert ends.source.rate == ends.sink.rate == 16000


# --- a call ---------------------------------------------------------------------------------------

BEEP = tone(400, 800, AudioFormat(rate=8000))
LONG = tone(400, 2000, AudioFormat(rate=8000))


class Tone:
    """A voice that says a sound, whatever it is to say."""

    def __init__(self, sound: bytes) -> None:
        self.sound = sound

    def say(self, text: str | Iterable[str], *, rate: int = 24000, **_: Any) -> Iterator[Speech]:
        words = text if isinstance(text, str) else "".join(text)
        sound, size = resample(self.sound, 8000, rate), 2 * (rate * SLICE_MS // 1000)
        for place in range(0, len(sound), size):
            yield Speech("" if place else words, sound[place : place + size])

    def speak(self, text: str, **_: Any) -> Iterator[bytes]:
        yield self.sound

    def warm_up(self) -> None: ...


class Carrier:
    """The other end of the line, in real time."""

    def __init__(self) -> None:
        self.sent = b""
        self._news = threading.Condition()

    def take(self, frame: bytes) -> None:
        with self._news:
            self.sent += frame
            self._news.notify_all()

    def until(self, done: Callable[[bytes], bool]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: done(self.sent), PATIENCE)


class Call:
    """A call from a carrier to the simulator."""

    def __init__(self, cleanup: ExitStack, voice: bytes, config: Any, **quirks: bool) -> None:
        pytest.importorskip("websockets", reason="the simulator needs websockets")
        pytest.importorskip("soxr", reason="soxr is not installed")
        quirks = {"zero_tail": False, **quirks}
        server = cleanup.enter_context(
            Simulator(voice=Tone(voice), ears=DeafEars(), quirks=quirks, pace=1000)
        )
        self.client: Client = cleanup.enter_context(
            Client(url=server.url, credentials=server.api_key, config=config, timeout=PATIENCE)
        )
        self.carrier = Carrier()
        format = config.get("input_format", "g711_ulaw")
        self.call = PhoneCall(self.carrier.take, format)
        self.chat: VoiceChat = cleanup.enter_context(
            self.client.voice_chat(audio=self.call, echo="none")
        )
        recording = wav.read(QUESTION)
        rate = self.call.format.rate
        pcm = resample(recording.pcm, recording.rate, rate)
        self.question = encode(pcm, self.call.format)

    def ask(self) -> None:
        """The caller speaks, and is silent; in frames, faster than one speaks."""
        format = self.call.format
        sound, size = self.question + format.silence(2000), format.bytes(20)
        for place in range(0, len(sound), size):
            frame = sound[place : place + size]
            self.call.hear(b64encode(frame).decode() if place % 40 else frame)

    def sound_of(self, item_id: str) -> bytes:
        """What the server keeps of an item."""
        item = self.client.retrieve_item(item_id)
        assert isinstance(item, Message)
        (part,) = item.content
        assert isinstance(part, InputAudio | AudioPart) and part.audio is not None
        return part.audio


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("format", [ULAW, ALAW, AudioFormat(rate=16000)], ids=lambda f: f.type)
def test_a_call_is_exact_in_both_directions(format: AudioFormat, cleanup: ExitStack) -> None:
    """The server gets the caller's bytes, the carrier gets the server's."""
    on = Call(cleanup, BEEP, {"input_format": format, "output_format": format})
    audio = on.client.session.audio
    assert (audio.input.format, audio.output.format) == (format, format)
    on.ask()
    item_id = on.client.wait_for(InputAudioCommitted, PATIENCE).item_id
    response = on.client.wait_for_response(PATIENCE)

    kept = on.sound_of(item_id)
    assert len(kept) > 0.8 * len(on.question)
    assert kept in format.silence(1000) + on.question + format.silence(2000)

    assert response.format == format
    assert len(response.audio) == format.bytes(800)
    on.carrier.until(lambda sent: response.audio in sent)
    assert len(on.carrier.sent) % format.bytes(20) == 0


def test_without_formats_in_the_settings_the_rate_of_the_call_is_used(cleanup: ExitStack) -> None:
    on = Call(cleanup, BEEP, {})
    audio = on.client.session.audio
    assert audio.input.format == audio.output.format == AudioFormat(rate=8000)
    response = on.client.say("Hello.").wait()
    on.carrier.until(lambda sent: audioop.lin2ulaw(response.audio, 2) in sent)


@pytest.mark.parametrize("div24", [False, True])
def test_the_caller_cuts_in(div24: bool, cleanup: ExitStack) -> None:
    """The carrier gets silence at once, and is told to forget; the server learns what was played,
    also where its own milliseconds are three times as long."""
    config = {"input_format": "g711_ulaw", "output_format": "g711_ulaw"}
    no_answer = {"type": "semantic_vad", "create_response": False}
    on = Call(cleanup, LONG, {**config, "turn_detection": no_answer}, truncate_div24=div24)
    cleared = threading.Event()
    on.client.when_listening = cleared.set
    story = on.client.say("Tell me a story.").wait()
    on.carrier.until(lambda sent: len(sent.strip(QUIET)) > 7200)
    on.ask()
    cut = on.client.wait_for(ItemTruncated, PATIENCE)
    assert cleared.wait(PATIENCE)

    on.carrier.until(lambda sent: sent.endswith(QUIET * 800))
    played = on.carrier.sent.strip(QUIET)[: len(story.audio)]
    kept = on.sound_of(str(cut.item_id))
    assert story.audio.strip(QUIET).startswith(played)
    assert len(played) < len(story.audio) - 4000
    # A strip may take some samples at a zero of the wave. Two milliseconds are lost in counting,
    # and where it is learned how the server counts, as many of its own.
    assert abs(len(kept) - len(played)) <= 8 * (7 if div24 else 3)
    assert story.heard_text != story.text


def test_a_carrier_that_is_gone_ends_the_chat(cleanup: ExitStack) -> None:
    on = Call(cleanup, BEEP, {})
    on.chat.close()

    def gone(frame: bytes) -> None:
        raise BrokenPipeError("the carrier is gone")

    with (
        on.client.voice_chat(audio=PhoneCall(gone), echo="none") as chat,
        pytest.raises(BrokenPipeError, match="the carrier is gone"),
    ):
        chat.wait(PATIENCE)
