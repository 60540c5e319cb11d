"""Sound devices, through PortAudio: plays an answer while it is still being made.

PortAudio is started when first needed, once per process, and ended at exit: a program that ends
with a stream open may crash in its last moment. Streams have a callback, which PortAudio calls from
a thread of its own; streams that block, instead, hang for ever on a stalled device.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from inworld_rt import extras, pcm, workers
from inworld_rt.audio import quiet
from inworld_rt.audio.resample import Resampler
from inworld_rt.errors import BackendMissing, ConfigError, DeviceError
from inworld_rt.pcm import AudioFormat
from inworld_rt.playback import Playback

__all__ = ["Output", "close", "has_output", "play"]

_PERIODS_PER_SECOND = 50  # 20 ms: shorter ones stutter beside a busy thread of Python
_AHEAD = 2.0  # seconds of speech fetched in advance; the rest is left to whoever makes it
_LOST_AFTER = 1.0  # seconds without a call from the device
_SLICE = 0.2  # seconds of one wait
_TAIL = 0.04  # seconds kept open after the end: a sound server may have a buffer more than it tells
_LONGEST_LATENCY = 10.0  # seconds; what a device reports beyond is a mistake
_RATES = (48000, 44100, 32000, 16000)

_Prepare = Callable[[int, int], Callable[..., Any]]  # rate, channels -> callback

_INT16, _CONTINUE = 8, 0  # paInt16, paContinue
_INVALID_RATE, _INVALID_CHANNELS = -9997, -9998
_TO_TRY = {
    -9985: "another program is using it: close that, or choose another device",
    -9993: "it has been unplugged, or the sound server has ended: check it and try again",
    -9996: "it has been unplugged: check it and try again",
    -9999: "it has been unplugged, or the sound server has ended: check it and try again",
}


def has_output() -> bool:
    """Whether sound can be played: PyAudio is installed and there is a default output device.

    Never raises and never prints. The first call starts PortAudio: a quarter of a second at most.
    """
    try:
        return _engine.has_output()
    except Exception:  # for whatever reason there is none, the answer is no
        return False


def close() -> None:
    """Close whatever is open and end PortAudio; the next call starts it afresh.

    PortAudio sees only devices that were there when it started; it is also started afresh after a
    device was lost or could not be opened. Called at exit.
    """
    _engine.close()


def play(chunks: Iterable[bytes], format: AudioFormat, *, device: int | str | None = None) -> None:
    """Play sound while it is being made; returns when its last sample was heard.

    The device is opened first: where it cannot be, no chunk is taken. Speech begins when 120 ms of
    it are there, and after a gap in the supply goes on when there are as many again. Ctrl-C and an
    exception from ``chunks`` stop it at once.

    Args:
        chunks: sound in ``format``, cut anywhere. Taken two seconds ahead of the ear.
        format: any coding and rate; converted where the device wants another.
        device: PortAudio's number, a part of its name, or ``None`` for the system's default.

    Raises:
        BackendMissing: PyAudio is not installed; or the rates differ and the resampling package
            is not.
        DeviceError: there is no such device, it cannot be opened, or it stopped taking sound.
        ConfigError: a chunk is no bytes.
    """
    with Output(device, format.rate) as output:
        shape = _Shape(format, output.rate, output.channels)
        for chunk in chunks:
            output.feed(shape.push(chunk))
        output.feed(shape.flush())
        output.drain()


class Output:
    """An open output device that plays what is in its playback.

    ``with`` closes it, which stops the sound within milliseconds.

    Attributes:
        name: the device's name.
        rate: frames per second that it takes, possibly not those asked for.
        channels: 1, or 2 where it does not take 1.
        playback: what it plays, in that rate and with those channels; its clock is
            ``time.monotonic``.
    """

    def __init__(self, device: int | str | None, rate: int) -> None:
        """Open it; from then on silence is played.

        Args:
            device: PortAudio's number, a part of its name, or ``None`` for the system's default.
            rate: frames per second of the sound.

        Raises:
            BackendMissing: PyAudio is not installed.
            DeviceError: there is no such device, or it cannot be opened.
        """
        self.rate, self.channels = rate, 1
        self.playback = Playback(rate)
        self._latency = 3 / _PERIODS_PER_SECOND
        self._called = time.monotonic()
        self._failure: BaseException | None = None
        self._lost = False
        self._stream, self.name = _engine.open(device, rate, self._prepare)
        self._latency = self._stream.get_output_latency()

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the sound and close the device; may be called twice."""
        _engine.release(self._stream, self._lost)

    def feed(self, frames: bytes) -> None:
        """Add sound; blocks while there are two seconds of it in advance.

        Args:
            frames: whole frames in the device's rate and channels.

        Raises:
            DeviceError: the device stopped taking sound.
        """
        self.playback.push(frames)
        most = int(_AHEAD * self.rate)
        self._wait(lambda: self.playback.waiting <= most)

    def drain(self) -> None:
        """Block until all that was fed was heard, however little it is.

        Raises:
            DeviceError: the device stopped taking sound.
        """
        self.playback.finish()
        self._wait(lambda: self.playback.heard_all(time.monotonic() - _TAIL))

    def _wait(self, done: Callable[[], bool]) -> None:
        """Block until it is done, or the device is lost.

        A device that is unplugged or stalls raises nothing and says nothing: PortAudio just no
        longer calls. What counts is the time in which we were awake to be called, so that a
        process that was stopped, or a notebook that slept, has not lost its device.
        """
        changed, in_vain = self.playback.changed, 0
        with changed:
            while not (done() and time.monotonic() - self._called < _LOST_AFTER):
                if self._failure is not None:
                    raise self._failure
                calls = self.playback.pulls
                workers.wait_on(changed, workers.Deadline(_SLICE))
                in_vain = in_vain + 1 if self.playback.pulls == calls else 0
                if in_vain * _SLICE > _LOST_AFTER:
                    self._lost = True
                    raise DeviceError(
                        f"the sound output {self.name!r} has taken no sound for more than "
                        f"{_LOST_AFTER:g} s; {_TO_TRY[-9999]}"
                    )

    def _prepare(self, rate: int, channels: int) -> Callable[..., Any]:
        """Be ready for a stream like this; called before each attempt to open one."""
        self.rate, self.channels = rate, channels
        self.playback = Playback(rate, 2 * channels)
        return self._callback

    def _callback(
        self, _: None, frames: int, times: dict[str, float], status: int
    ) -> tuple[bytes, int]:
        """PortAudio wants sound. It may neither wait nor raise, and short data would end the
        stream."""
        try:
            self._called = time.monotonic()
            # Only the difference is of use: which clock these are of depends on PortAudio's
            # version, and in the usual one it jumps when the computer learns the time of day.
            # Some systems do not know and say 0.
            ahead = times["output_buffer_dac_time"] - times["current_time"]
            if not 0 <= ahead <= _LONGEST_LATENCY:
                ahead = self._latency
            return self.playback.pull(frames, self._called + ahead), _CONTINUE
        except BaseException as exc:  # raised by the next feed() or drain() instead
            self._failure = exc
            return bytes(2 * self.channels * frames), _CONTINUE


class _Shape:
    """From the chunks of the caller to the frames of the device."""

    def __init__(self, format: AudioFormat, rate: int, channels: int) -> None:
        self._format = format
        self._carry = pcm.Carry(format.bytes_per_frame)
        self._resampler = Resampler(format.rate, rate)
        self._channels = channels

    def push(self, chunk: bytes) -> bytes:
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise ConfigError(f"sound is given as chunks of bytes, not of {type(chunk).__name__}")
        whole = self._carry.push(bytes(chunk))
        return self._spread(self._resampler.push(pcm.decode(whole, self._format)))

    def flush(self) -> bytes:
        return self._spread(self._resampler.flush())

    def _spread(self, mono: bytes) -> bytes:
        """The same on all channels."""
        if self._channels == 1:
            return mono
        frames = bytearray(len(mono) * self._channels)
        for byte in range(2 * self._channels):
            frames[byte :: 2 * self._channels] = mono[byte % 2 :: 2]
        return bytes(frames)


class _Engine:
    """The one PortAudio of the process."""

    def __init__(self) -> None:
        # PortAudio crashes when two threads start, end or list devices at once. No callback ever
        # wants this lock; closing a stream, which waits for its callback, is done outside it.
        self._lock = threading.Lock()
        self._pa: Any = None
        self._streams: set[Any] = set()

    def has_output(self) -> bool:
        with self._lock:
            try:
                self._start().get_default_output_device_info()
            except OSError:
                self._end_if_idle()  # so that a device plugged in later will be seen
                return False
            return True

    def open(self, device: int | str | None, rate: int, prepare: _Prepare) -> tuple[Any, str]:
        """Open and start an output stream; the device's name comes with it.

        ``prepare`` is called with the rate and the channels of each attempt, for its callback.
        """
        with self._lock:
            try:
                info = _find_output(self._start(), device)
                stream = _open_output(self._pa, info, rate, prepare)
            except BaseException:
                self._end_if_idle()  # the next attempt shall see what is there by then
                raise
            self._streams.add(stream)
            return stream, str(info["name"])

    def release(self, stream: Any, lost: bool) -> None:
        """Close a stream; after a loss, look for devices again at the next opportunity."""
        with contextlib.suppress(OSError):  # closed already, with its PortAudio: as wanted
            stream.close()
        with self._lock:
            self._streams.discard(stream)
            if lost:
                self._end_if_idle()

    def close(self) -> None:
        # A bound, as this runs at exit: a driver that never returns must not keep the program.
        if not self._lock.acquire(timeout=2):
            return
        try:
            while self._streams:
                with contextlib.suppress(OSError):  # it is over anyway
                    self._streams.pop().close()
            self._end_if_idle()
        finally:
            self._lock.release()

    def _start(self) -> Any:
        if self._pa is None:
            library = _load()
            try:
                with quiet.kept():
                    self._pa = library.PyAudio()
            except OSError as exc:
                raise DeviceError(f"PortAudio does not start: {_said(exc)}") from exc
            atexit.register(self.close)
        return self._pa

    def _end_if_idle(self) -> None:
        if self._pa is not None and not self._streams:
            self._pa.terminate()
            self._pa = None
            atexit.unregister(self.close)


_engine = _Engine()


def _find_output(pa: Any, device: int | str | None) -> dict[str, Any]:
    """PortAudio's description of the device."""
    try:
        if device is None:
            default: dict[str, Any] = pa.get_default_output_device_info()
            return default
        found = [pa.get_device_info_by_index(i) for i in range(pa.get_device_count())]
    except OSError as exc:
        raise DeviceError(
            "there is no device to play sound on; connect one, or save the sound to a file instead"
        ) from exc
    found = [info for info in found if info["maxOutputChannels"] > 0]
    for info in found:
        if device in (info["index"], info["name"]):
            return dict(info)
    for info in found:
        if isinstance(device, str) and device and device.lower() in info["name"].lower():
            return dict(info)
    names = ", ".join(f"{info['index']} ({info['name']})" for info in found) or "none"
    raise DeviceError(f"there is no sound output {device!r}; there are: {names}")


def _open_output(pa: Any, info: dict[str, Any], rate: int, prepare: _Prepare) -> Any:
    """A running stream, in the first rate and channels that the device takes. Asking it what it
    takes is of no use: some say yes and then refuse."""
    tried = []
    refusal, noise = OSError(), quiet.Noise()
    rates = iter(dict.fromkeys((rate, int(info["defaultSampleRate"]), *_RATES)))
    each, channels = next(rates), 1
    while each:
        tried.append(f"{each} Hz {'mono' if channels == 1 else 'stereo'}")
        try:
            with quiet.kept() as noise:
                return pa.open(
                    format=_INT16,
                    channels=channels,
                    rate=each,
                    output=True,
                    output_device_index=info["index"],
                    frames_per_buffer=each // _PERIODS_PER_SECOND,
                    stream_callback=prepare(each, channels),
                )
        except OSError as exc:
            refusal = exc
        if refusal.errno == _INVALID_CHANNELS and channels == 1:
            channels = 2
        elif refusal.errno in (_INVALID_RATE, _INVALID_CHANNELS):
            each = next(rates, 0)
        else:
            break
    raise DeviceError(
        f"the sound output {info['name']!r} cannot be opened: {_said(refusal)}; "
        f"tried: {', '.join(tried)}; {_TO_TRY.get(refusal.errno or 0, 'choose another device')}"
        f"{noise.as_note()}"
    ) from refusal


def _said(exc: OSError) -> str:
    """PortAudio's number and words."""
    return str(exc) if exc.errno is None else f"PortAudio error {exc.errno}, {exc.strerror}"


def _load() -> Any:
    """PyAudio, which needs a library that pip does not bring."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):  # it prints when its own library is missing
            library = extras.load("pyaudio", extra="audio", purpose="play sound")
    except BackendMissing as exc:
        raise BackendMissing(
            f"the package 'pyaudio' is needed to play sound; install it with: {_command()}"
        ) from exc.__cause__
    if printed.getvalue() and sys.stdout:  # another thread's, then
        sys.stdout.write(printed.getvalue())
    return library


def _command() -> str:
    """The one command that installs PyAudio here."""
    pip = extras.install_command("audio")
    if sys.platform == "darwin":
        return f"brew install portaudio && {pip}"
    if sys.platform == "win32" or not shutil.which("apt-get"):
        return pip
    if sys.prefix == sys.base_prefix and os.path.dirname(sys.executable) == "/usr/bin":
        return "sudo apt install python3-pyaudio"  # the system's Python has the system's packages
    return f"sudo apt install portaudio19-dev python3-dev gcc && {pip}"
