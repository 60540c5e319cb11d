"""Every audio format of the service, in both directions, over real sockets (protocol: audio
formats; audio arithmetic; truncation time base)."""

from __future__ import annotations

import importlib
import math
import operator
import struct
import warnings
import wave
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.background import PATIENCE

from inworld_rt import Client
from inworld_rt.audio import wav
from inworld_rt.audio.resample import resample
from inworld_rt.cli.demo import QUESTION
from inworld_rt.errors import ConfigError
from inworld_rt.events import InputAudioCommitted, ItemTruncated
from inworld_rt.items import AudioPart, InputAudio, Message
from inworld_rt.pcm import RATES, AudioFormat, decode, level
from inworld_rt.simulator import Simulator
from inworld_rt.simulator.ears import DeafEars
from inworld_rt.simulator.voice import SLICE_MS, Speech, find_voice
from inworld_rt.testing import FakeSound

pytest.importorskip("websockets", reason="the simulator needs websockets")
pytest.importorskip("soxr", reason="soxr is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    audioop: Any = importlib.import_module("audioop")

FORMATS = [
    *(AudioFormat("audio/pcm", rate) for rate in RATES),
    AudioFormat("audio/pcmu"),
    AudioFormat("audio/pcma"),
    *(AudioFormat("audio/float32", rate) for rate in (8000, 24000, 48000)),
]
every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f"{f.type[6:]}-{f.rate}")
SPELLINGS = {
    "pcm16": AudioFormat(),
    "audio/pcm": AudioFormat(),
    "g711_ulaw": AudioFormat("audio/pcmu"),
    "audio/pcmu": AudioFormat("audio/pcmu"),
    "g711_alaw": AudioFormat("audio/pcma"),
    "audio/pcma": AudioFormat("audio/pcma"),
    "float32": AudioFormat("audio/float32"),
    "audio/float32": AudioFormat("audio/float32"),
}
LEAST_SNR = {"audio/pcm": math.inf, "audio/float32": math.inf, "audio/pcmu": 33, "audio/pcma": 33}
"""Decibels of speech above what its coding adds to it."""


@cache
def speech(rate: int) -> bytes:
    """The recorded question at another rate."""
    recording = wav.read(QUESTION)
    return resample(recording.pcm, recording.rate, rate)


class Recorded:
    """A voice that says the recorded question, whatever it is to say."""

    def say(self, text: str | Iterable[str], *, rate: int = 24000, **_: Any) -> Iterator[Speech]:
        words = text if isinstance(text, str) else "".join(text)
        sound, size = speech(rate), 2 * (rate * SLICE_MS // 1000)
        for place in range(0, len(sound), size):
            yield Speech("" if place else words, sound[place : place + size])

    def speak(self, text: str, *, rate: int = 24000, **_: Any) -> Iterator[bytes]:
        yield speech(rate)

    def warm_up(self) -> None: ...


def coded(pcm: bytes, format: AudioFormat) -> bytes:
    """What somebody else's code makes of samples."""
    if format.type == "audio/pcmu":
        return bytes(audioop.lin2ulaw(pcm, 2))
    if format.type == "audio/pcma":
        return bytes(audioop.lin2alaw(pcm, 2))
    if format.type == "audio/pcm":
        return pcm
    values = [s / (32767 if s > 0 else 32768) for (s,) in struct.iter_unpack("<h", pcm)]
    return struct.pack(f"<{len(values)}f", *values)


def snr(sound: bytes, original: bytes) -> float:
    """Decibels of the original above the difference."""
    a, b = array("h", sound), array("h", original)
    wrong = [x - y for x, y in zip(a, b, strict=True)]
    noise = sum(map(operator.mul, wrong, wrong))
    return 10 * math.log10(sum(map(operator.mul, b, b)) / noise) if noise else math.inf


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    """It says the recorded question, hears no words, and cuts its slices at odd places."""
    quirks = {"zero_tail": False, "odd_chunks": True}
    with Simulator(voice=Recorded(), ears=DeafEars(), quirks=quirks, pace=1000) as server:
        yield server


Connect = Callable[..., AbstractContextManager[Client]]


@pytest.fixture
def connect(server: Simulator) -> Connect:
    """Makes clients."""
    return lambda **config: Client(
        url=server.url, credentials=server.api_key, config=config, timeout=PATIENCE
    )


# --- from the server ------------------------------------------------------------------------------


@every_format
def test_an_answer_is_the_same_speech_in_every_format(
    format: AudioFormat, connect: Connect
) -> None:
    """To the bit: what arrives is what another coder makes of the voice."""
    with connect(output_format=format) as client:
        assert client.session.audio.input.format == AudioFormat()
        response = client.say("Hello.").wait()
        assert response.format == format
        assert response.audio == coded(speech(format.rate), format)
    heard = decode(response.audio, format)
    assert len(heard) == len(speech(format.rate))
    assert snr(heard, speech(format.rate)) >= LEAST_SNR[format.type]
    # And the rate is the right one: in the band that all rates have it is what the usual one gives.
    band, usual = resample(heard, format.rate, 8000), resample(speech(24000), 24000, 8000)
    assert abs(len(band) - len(usual)) <= 4  # two samples
    both = min(len(band), len(usual))
    assert level(band) == pytest.approx(level(usual), abs=0.1)
    assert snr(band[:both], usual[:both]) > 30


@every_format
def test_slices_are_whole_samples_and_make_the_whole(format: AudioFormat, connect: Connect) -> None:
    with connect(output_format=format) as client:
        response = client.say("Hello.")
        slices = list(response)
    assert {len(chunk) % format.bytes_per_frame for chunk in slices} == {0}
    assert b"".join(slices) == response.audio


@every_format
def test_a_saved_answer_is_a_right_wav_file(
    format: AudioFormat, connect: Connect, tmp_path: Path
) -> None:
    with connect(output_format=format) as client:
        response = client.say("Hello.").save(tmp_path / "answer.wav")
    with wave.open(str(tmp_path / "answer.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert file.getframerate() == format.rate
        assert file.readframes(10**7) == decode(response.audio, format)


@every_format
def test_the_voice_that_is_always_there_speaks_all_formats_alike(format: AudioFormat) -> None:
    """It makes each rate anew, so equal are only length and loudness."""
    voice = find_voice("plain")
    with (
        Simulator(voice=voice, ears=DeafEars(), pace=1000) as server,
        Client(
            url=server.url, credentials=server.api_key, config={"output_format": format}
        ) as client,
    ):
        response = client.say("What is two plus two?")
        heard, words = decode(response.audio, format), response.text
    usual = b"".join(voice.speak(words))
    assert len(heard) / format.rate == pytest.approx(len(usual) / 24000, rel=0.02)
    assert level(heard) == pytest.approx(level(usual), abs=1)


# --- to the server --------------------------------------------------------------------------------


@every_format
def test_a_recording_arrives_in_every_format(format: AudioFormat, connect: Connect) -> None:
    """The server has the very bytes that another coder makes of the recording."""
    with connect(input_format=format, turn_detection=None) as client:
        assert client.session.audio.output.format == AudioFormat()
        client.send_recording(QUESTION).wait()
        item_id = client.wait_for(InputAudioCommitted, PATIENCE).item_id
        assert sound_of(client, item_id) == coded(speech(format.rate), format)


@every_format
def test_samples_of_ones_own_arrive_as_they_are(format: AudioFormat, connect: Connect) -> None:
    """In slices of any size, each of whole samples."""
    sound = coded(speech(format.rate), format)[: format.bytes(500)]
    cuts = sorted({0, len(sound), *(n * format.bytes_per_frame for n in (1, 7, 160, 1001))})
    with connect(input_format=format, turn_detection=None) as client:
        for begin, end in pairwise(cuts):
            client.send_audio(sound[begin:end])
        client.commit_audio()
        item_id = client.wait_for(InputAudioCommitted, PATIENCE).item_id
        assert sound_of(client, item_id) == sound


def sound_of(client: Client, item_id: str) -> bytes:
    """What the server keeps of an item."""
    item = client.retrieve_item(item_id)
    assert isinstance(item, Message)
    (part,) = item.content
    assert isinstance(part, InputAudio | AudioPart) and part.audio is not None
    return part.audio


@pytest.fixture(scope="module")
def listener() -> Iterator[Simulator]:
    """A simulator with real ears."""
    pytest.importorskip("pocketsphinx", reason="the simulator's ears need pocketsphinx")
    with Simulator(voice=Recorded(), pace=1000) as server:
        yield server


@pytest.mark.slow
@every_format
def test_a_recorded_question_is_understood(format: AudioFormat, listener: Simulator) -> None:
    """Turn and words are found in every format. The recogniser was made for 16000 Hz, and mistakes
    some of the words where there is less."""
    config = {"input_format": format, "output_modalities": ["text"]}
    with Client(url=listener.url, credentials=listener.api_key, config=config) as client:
        client.send_recording(QUESTION).wait(PATIENCE)
        question = next(iter(client.conversation))
    assert isinstance(question, Message) and question.role == "user"
    if format.rate >= 16000:
        assert question.text == "What time is it?"
    else:
        assert question.text.startswith("What ")


# --- both -----------------------------------------------------------------------------------------


def test_both_directions_are_independent(connect: Connect) -> None:
    there, back = AudioFormat("audio/pcmu"), AudioFormat("audio/float32", 48000)
    with connect(input_format=there, output_format=back, turn_detection=None) as client:
        response = client.send_recording(QUESTION).wait()
        item_id = client.wait_for(InputAudioCommitted, PATIENCE).item_id
        assert sound_of(client, item_id) == coded(speech(8000), there)
    assert (response.format, response.audio) == (back, coded(speech(48000), back))


def test_a_change_counts_from_the_next_answer(connect: Connect) -> None:
    with connect() as client:
        before = client.say("Hello.").wait()
        client.update_session(output_format="g711_alaw")
        after = client.say("Hello.").wait()
    assert (before.format, before.audio) == (AudioFormat(), speech(24000))
    assert after.audio == coded(speech(8000), AudioFormat("audio/pcma"))


@pytest.mark.parametrize("field", ["input_format", "output_format"])
def test_spellings(field: str, connect: Connect) -> None:
    """All names that were ever seen; the server tells the object form."""
    direction = field.partition("_")[0]
    with connect() as client:
        for spelling, format in SPELLINGS.items():
            told = client.update_session(**{field: spelling})
            assert getattr(told.audio, direction).format == format
            told = client.update_session(**{field: {**format.to_wire()}})
            assert getattr(told.audio, direction).format == format


WRONG = [
    (22050, "22050 Hz is not offered by the service; choose one of 8000, 16000"),
    ({"type": "audio/pcm", "rate": 96000}, "choose one of 8000, 16000"),
    ({"type": "audio/float32", "rate": 11025}, "choose one of 8000, 16000"),
    ({"type": "audio/pcmu", "rate": 16000}, "audio/pcmu is always 8000 Hz"),
    ({"type": "audio/pcma", "rate": 24000}, "audio/pcma is always 8000 Hz"),
    ({"type": "audio/pcm", "rate": "24000"}, "positive whole number"),
    ("opus", "unknown audio type 'opus'"),
    ("g711", "g711_ulaw"),
]


@pytest.mark.parametrize("field", ["input_format", "output_format"])
@pytest.mark.parametrize(("value", "says"), WRONG)
def test_a_wrong_format_is_told_before_anything_is_sent(
    field: str, value: Any, says: str, connect: Connect
) -> None:
    with pytest.raises(ConfigError, match=says):
        Client(url="ws://127.0.0.1:9/", credentials="ZGVtbzpkZW1v", config={field: value})
    with connect() as client:
        sent = client.stats.events_sent
        with pytest.raises(ConfigError, match=f"format.*{says}"):
            client.update_session(**{field: value})
        assert client.stats.events_sent == sent


# --- what was heard -------------------------------------------------------------------------------


@pytest.mark.parametrize("div24", [False, True])
@every_format
def test_an_interrupted_answer_is_cut_to_what_was_heard(format: AudioFormat, div24: bool) -> None:
    """Also where the server counts in milliseconds of its own; then the second cut is right at
    once."""
    sound = FakeSound()
    quirks = {"truncate_div24": div24}
    with (
        Simulator(voice=Recorded(), ears=DeafEars(), quirks=quirks, pace=1000) as server,
        Client(
            url=server.url,
            credentials=server.api_key,
            config={"output_format": format},
            timeout=PATIENCE,
        ) as client,
        client.voice_chat(audio=sound, echo="none") as chat,
    ):
        assert chat.speaker.rate == format.rate
        assert client.session.audio.output.format == format
        measure = 3 if div24 and format.type == "audio/pcmu" else 1
        for ms in (1000, 1200):
            response = client.say("Hello.").wait()  # all of it is there, and not yet heard
            sound.advance(ms / 1000)
            chat.interrupt()
            cut = client.wait_for(ItemTruncated, PATIENCE)
            # What is learned is learned from whole milliseconds, so it may be one too few.
            assert cut.audio_end_ms is not None
            assert 0 <= ms // measure - cut.audio_end_ms <= (measure > 1)
            kept = sound_of(client, str(cut.item_id))
            assert 0 <= ms - format.ms(len(kept)) < 2 * measure
            assert response.audio.startswith(kept)
            assert client.stats.errors == (measure > 1)  # it is learned once
