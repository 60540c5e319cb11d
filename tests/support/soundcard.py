"""Sound cards without hardware: private sound servers whose outputs go nowhere but to us.

What is played into a sink of PulseAudio comes out of its monitor, bit by bit and in real time.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from inworld_rt.audio import portaudio
from support.background import PATIENCE

__all__ = [
    "Ear",
    "FixedRate",
    "Soundcard",
    "Stick",
    "bare_sound",
    "echo_module",
    "fixed_rate",
    "pulse",
    "soundcard",
    "stick",
]

# A sink's default is to render two seconds ahead while it is idle; then nothing is in time.
_SINKS = {
    "speaker": "rate=24000 norewinds=1",
    "fine": "rate=48000 norewinds=1",
    "mic": "rate=24000 norewinds=1",
}

# What is played into the sink `mic` is what the microphone hears.
_ALSA = """
pcm.speaker { type pulse device speaker }
pcm.fine { type pulse device fine }
pcm.mic { type pulse device mic.monitor }
pcm.!default { type asym playback.pcm speaker capture.pcm mic }
"""

_STICK = "rate=24000 norewinds=1"
_ALSA_STICK = """
pcm.stick { type pulse server "unix:FOLDER/native" device stick }
pcm.stick_mic { type pulse server "unix:FOLDER/native" device stick.monitor }
"""

# JACK takes no rate but its own. What is played into its loopback comes out there; the microphone
# hears nothing.
_ALSA_JACK = """
pcm.!default {
    type jack
    playback_ports { 0 loopback:playback_1 1 loopback:playback_2 }
    capture_ports { 0 system:capture_1 1 system:capture_2 }
}
pcm.ear {
    type jack
    playback_ports { 0 system:playback_1 1 system:playback_2 }
    capture_ports { 0 loopback:capture_1 1 loopback:capture_2 }
}
"""

# In a process of its own, which nothing but the end of its pipe keeps from reading.
_RECORDER = """
import pyaudio, sys
pa = pyaudio.PyAudio()
found = map(pa.get_device_info_by_index, range(pa.get_device_count()))
(ear,) = (info["index"] for info in found if info["name"] == "ear")
stream = pa.open(
    48000, 1, pyaudio.paInt16, input=True, input_device_index=ear, frames_per_buffer=960
)
while True:
    sys.stdout.buffer.write(stream.read(960, exception_on_overflow=False))
    sys.stdout.buffer.flush()
"""


class Ear:
    """Listens to a sink, from the moment it is made; ``with`` ends it.

    The monitor of a sink gives silence where nothing is played, so it never dries up.
    """

    def __init__(self, command: Sequence[str], rate: int) -> None:
        self.rate = rate
        self._pcm = bytearray()
        self._times: list[tuple[float, int]] = []  # when so many bytes were there
        self._news = threading.Condition()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._thread = threading.Thread(target=self._listen, name="test-ear")
        self._thread.start()
        self.wait(lambda pcm: len(pcm) > 0)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 4096):
            with self._news:
                self._pcm += data
                self._times.append((time.monotonic(), len(self._pcm)))
                self._news.notify_all()

    def wait(self, done: Callable[[bytearray], bool]) -> bytes:
        """What was heard so far, as soon as ``done`` says yes to it."""
        with self._news:
            assert self._news.wait_for(lambda: done(self._pcm), PATIENCE)
            return bytes(self._pcm)

    def hear_out(self, ms: int = 150) -> bytes:
        """What was heard so far and the next ``ms`` milliseconds."""
        with self._news:
            enough = len(self._pcm) + 2 * self.rate * ms // 1000
        return self.wait(lambda pcm: len(pcm) >= enough)

    def when(self, byte: int) -> float:
        """The time (monotonic) at which that byte had been heard."""
        return next(at for at, count in self._times if count > byte)

    def __enter__(self) -> Ear:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._thread.join(PATIENCE)
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Soundcard:
    """The running PulseAudio."""

    def listen(self, sink: str = "speaker") -> Ear:
        rate = 48000 if sink == "fine" else 24000
        return Ear(
            [
                "parec", f"--device={sink}.monitor", "--raw", "--format=s16le", "--channels=1",
                f"--rate={rate}", "--latency-msec=10",
            ],
            rate,
        )  # fmt: skip

    def control(self, *words: str) -> str:
        """Run ``pactl``; what it prints."""
        done = subprocess.run(
            ["pactl", *words], check=True, timeout=PATIENCE, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    def speak(self, sound: bytes, rate: int = 24000, sink: str = "mic") -> None:
        """Play samples into a sink; returns when they were played."""
        subprocess.run(
            [
                "pacat", "--playback", f"--device={sink}", "--raw", "--format=s16le",
                "--channels=1", f"--rate={rate}", "--latency-msec=20",
            ],
            input=sound, check=True, timeout=PATIENCE,
        )  # fmt: skip


def need(*programs: str, plugin: str) -> None:
    """Skip the test where one of the programs, or ALSA's plug-in for their server, is missing."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    name = f"alsa-lib/libasound_module_pcm_{plugin}.so"
    if not [*Path("/usr").glob(f"lib*/{name}"), *Path("/usr").glob(f"lib*/*/{name}")]:
        pytest.skip("ALSA's plug-ins (Debian: libasound2-plugins) are not installed")


@contextlib.contextmanager
def _pulseaudio(sinks: dict[str, str], alsa: str) -> Iterator[dict[str, str]]:
    """A PulseAudio with these sinks; gives the environment in which programs find it."""
    need("pulseaudio", "pactl", "parec", plugin="pulse")
    # Not pytest's folder: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="rt-") as folder:
        config = Path(folder, "asound.conf")
        config.write_text(alsa.replace("FOLDER", folder), encoding="utf-8")
        environment = {
            "ALSA_CONFIG_PATH": str(config),
            "JACK_NO_START_SERVER": "1",
            "PULSE_RUNTIME_PATH": folder,
            "PULSE_SERVER": f"unix:{folder}/native",
        }
        modules = ["module-native-protocol-unix"]
        modules += [f"module-null-sink sink_name={name} {how}" for name, how in sinks.items()]
        started = subprocess.run(
            [
                "pulseaudio", "-n", "--daemonize=yes", "--exit-idle-time=-1",
                "--log-target=newfile:" + str(Path(folder, "log")),
                *(f"--load={module}" for module in modules),
            ],
            env={**os.environ, **environment},
            timeout=PATIENCE,
        )  # fmt: skip
        if started.returncode:
            pytest.skip("pulseaudio does not start here")
        try:
            yield environment
        finally:
            server = int(Path(folder, "pid").read_text())
            ended = os.pidfd_open(server)  # it is no child of ours
            os.kill(server, signal.SIGTERM)
            select.select([ended], [], [], PATIENCE)  # it still uses the folder
            os.close(ended)


@pytest.fixture(scope="session")
def pulse() -> Iterator[dict[str, str]]:
    """A PulseAudio of our own; gives the environment in which programs find it."""
    with _pulseaudio(_SINKS, _ALSA) as environment:
        yield environment


@pytest.fixture
def bare_sound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A machine without a sound device, until the test sets other variables with what it gets.

    PortAudio reads them when it starts: so it is ended before and after.
    """
    if sys.platform != "linux":
        pytest.skip("these sound cards are made of ALSA")
    pytest.importorskip("pyaudio", reason="PyAudio is not installed", exc_type=ImportError)
    portaudio.close()
    config = tmp_path / "bare.conf"
    config.write_text(_ALSA, encoding="utf-8")  # PortAudio crashes over an empty one
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nonexistent")
    monkeypatch.setenv("PIPEWIRE_RUNTIME_DIR", "/nonexistent")  # PipeWire stands in for JACK
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    yield monkeypatch
    portaudio.close()


@pytest.fixture
def soundcard(bare_sound: pytest.MonkeyPatch, pulse: dict[str, str]) -> Soundcard:
    """The sound outputs ``speaker`` (the default; 24000 Hz) and ``fine`` (48000 Hz), and a
    microphone that hears what is played into the sink ``mic``."""
    for name, value in pulse.items():
        bare_sound.setenv(name, value)
    return Soundcard()


@pytest.fixture
def echo_module(soundcard: Soundcard) -> Iterator[Soundcard]:
    """A sound card whose server cancels echo, by default."""
    default = soundcard.control("get-default-source")
    try:
        soundcard.control(
            "load-module", "module-echo-cancel", "aec_method=webrtc", "use_volume_sharing=no",
            "source_master=mic.monitor", "sink_master=speaker",
            "source_name=ec_mic", "sink_name=ec_speaker",
        )  # fmt: skip
    except subprocess.CalledProcessError:
        pytest.skip("this PulseAudio has no module-echo-cancel with WebRTC's method")
    soundcard.control("set-default-source", "ec_mic")
    yield soundcard
    soundcard.control("set-default-source", default)
    soundcard.control("unload-module", "module-echo-cancel")


class Stick(Soundcard):
    """A sound stick: the outputs ``stick``, the microphone ``stick_mic``; it can be pulled out."""

    def pull(self) -> None:
        """Unplug it."""
        modules = self.control("list", "short", "modules").splitlines()
        (number,) = (line.split()[0] for line in modules if "sink_name=stick" in line)
        self.control("unload-module", number)

    def plug(self) -> None:
        """Plug it in again."""
        self.control("load-module", "module-null-sink", "sink_name=stick", *_STICK.split())


@pytest.fixture
def stick(bare_sound: pytest.MonkeyPatch, pulse: dict[str, str]) -> Iterator[Stick]:
    """Beside the usual sound card, another one with a server of its own: PulseAudio would let the
    streams of a stick go on on another card."""
    with _pulseaudio({"stick": _STICK}, _ALSA_STICK) as environment:
        for name, value in environment.items():
            bare_sound.setenv(name, value)
        config = Path(environment["ALSA_CONFIG_PATH"])
        usual = _ALSA.replace("type pulse", f'type pulse server "{pulse["PULSE_SERVER"]}"')
        config.write_text(config.read_text() + usual, encoding="utf-8")
        yield Stick()
        portaudio.close()  # before its server


class FixedRate:
    """The running JACK."""

    def listen(self) -> Ear:
        return Ear([sys.executable, "-c", _RECORDER], 48000)


@pytest.fixture
def fixed_rate(bare_sound: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FixedRate]:
    """A default sound device that takes 48000 Hz and nothing else."""
    need("jackd", "jack_wait", plugin="jack")
    (tmp_path / "asound.conf").write_text(_ALSA_JACK, encoding="utf-8")
    name = f"rt-{os.getpid()}"
    bare_sound.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    bare_sound.setenv("JACK_DEFAULT_SERVER", name)
    command = f"jackd --no-realtime -n {name} -L 2 -d dummy -r 48000 -p 480 -C 2 -P 2"
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command.split(), stdout=log, stderr=log)
        try:
            waiting = ["jack_wait", "-w", "-t", "10", "-s", name]
            if subprocess.run(waiting, stdout=log, stderr=log, timeout=PATIENCE).returncode:
                pytest.skip("jackd does not start here")
            yield FixedRate()
            portaudio.close()  # before its server
        finally:
            server.terminate()
            server.wait(PATIENCE)
