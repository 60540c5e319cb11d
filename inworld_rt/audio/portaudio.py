"""The back end ``pyaudio``: the system's sound devices, through PortAudio.

Streams have a callback, which PortAudio calls from a thread of its own; streams that block,
instead, hang for ever on a stalled device. A device that is unplugged or stalls raises nothing and
says nothing: PortAudio just no longer calls, which whoever opened it has to notice.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import evolve

from inworld_rt.audio import quiet
from inworld_rt.audio.backend import (
    PERIODS_PER_SECOND,
    Deliver,
    Device,
    Pull,
    Stream,
    choose,
)
from inworld_rt.audio.engine import engine, said
from inworld_rt.audio.mixing import spread
from inworld_rt.errors import DeviceError
from inworld_rt.pcm import RATES

__all__ = ["PortAudio", "close", "has_output", "version"]

_LONGEST_LATENCY = 10.0  # seconds; what a device reports beyond is a mistake
# Tried after the rates asked for and the device's own: none is refused for a rate.
_RATES = (48000, 44100, 32000, 16000, 24000, 8000, 96000, 192000, 88200, 22050, 12000, 11025)
_MOST_CHANNELS = 32

_INT16, _CONTINUE = 8, 0  # paInt16, paContinue
_INPUT_OVERFLOW, _OUTPUT_UNDERFLOW = 2, 4  # in a callback's status
_INVALID_RATE, _INVALID_CHANNELS = -9997, -9998
TO_TRY = {
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
        with engine.running() as pa:
            pa.get_default_output_device_info()
        return True
    except Exception:  # for whatever reason there is none, the answer is no
        return False


def version() -> str:
    """PortAudio's version, such as ``19.7.0-devel``. Starts it.

    Raises:
        BackendMissing: PyAudio is not installed.
        DeviceError: PortAudio does not start.
    """
    with engine.running():
        import pyaudio

        text: str = pyaudio.get_portaudio_version_text()
    return text.partition(",")[0].removeprefix("PortAudio V")


def close() -> None:
    """Close whatever is open and end PortAudio; the next use starts it afresh. Done at exit."""
    engine.close()


class PortAudio:
    """The system's microphones and loudspeakers."""

    name = "pyaudio"

    def open_source(
        self, device: int | str | None, rates: Sequence[int], deliver: Deliver
    ) -> Stream:
        """See :meth:`Backend.open_source`."""
        return _Opened(device, "input", rates, lambda stream: _listening(stream, deliver))

    def open_sink(self, device: int | str | None, rates: Sequence[int], pull: Pull) -> Stream:
        """See :meth:`Backend.open_sink`."""
        return _Opened(device, "output", rates, lambda stream: _playing(stream, pull))

    def devices(self, *, probe: bool = False) -> list[Device]:
        """See :meth:`Backend.devices`."""
        with engine.running() as pa:
            return [_probed(pa, found) if probe else found for found in _listed(pa)]

    def refresh(self) -> None:
        """See :meth:`Backend.refresh`."""
        engine.refresh()


class _Opened:
    """An open device, which the engine may close and open again under way."""

    def __init__(
        self,
        device: int | str | None,
        kind: str,
        rates: Sequence[int],
        callback: Callable[[_Opened], Callable[..., Any]],
    ) -> None:
        self.rate, self.channels = 0, 0
        self.latency = 3 / PERIODS_PER_SECOND
        self.complaints = 0
        self.failure: BaseException | None = None
        self.exhausted = False
        self._kind = kind
        self._callback = callback(self)
        self._stream: Any = None
        with engine.running() as pa:
            found = choose(_listed(pa), device, kind)
            self.name = found.name
            # A rate is set before the stream runs, as its callback begins before open() returns.
            self._stream = self._take(pa, found, _attempts(found, kind, rates))
            engine.add(self)
        self.latency = self._told_latency()

    def _told_latency(self) -> float:
        told = getattr(self._stream, f"get_{self._kind}_latency")()
        return float(told) if 0 < told <= _LONGEST_LATENCY else 3 / PERIODS_PER_SECOND

    def time(self, times: dict[str, float]) -> float:
        """PortAudio's time, now; for its callbacks.

        Only differences of it are of use: which clock it is depends on PortAudio's version, and the
        usual one jumps when the computer learns the time of day. What the callback is told is the
        time before it had to wait for Python. Some systems do not know and say 0.
        """
        stream = self._stream
        return float(stream.get_time()) if stream is not None else times["current_time"]

    @property
    def running(self) -> bool:
        """See :attr:`Stream.running`."""
        stream = self._stream
        with contextlib.suppress(OSError):  # closed under way, by a refresh
            return stream is None or bool(stream.is_active())
        return True

    def now(self) -> float:
        """See :meth:`Stream.now`."""
        return time.monotonic()

    def close(self) -> None:
        """See :meth:`Stream.close`."""
        engine.remove(self)
        self.suspend()

    def suspend(self) -> None:
        """Let go of the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(OSError):  # closed already, with its PortAudio: as wanted
                stream.close()

    def resume(self, pa: Any) -> None:
        """Take it again as it was; where that fails, nothing more comes, which gets noticed."""
        with contextlib.suppress(DeviceError):
            found = choose(_listed(pa), self.name, self._kind)
            self._stream = self._take(pa, found, [(self.rate, self.channels)])

    def _take(self, pa: Any, device: Device, attempts: Iterable[tuple[int, int]]) -> Any:
        """A running stream, in the first rate and channels that the device takes. Asking it what
        it takes is of no use: some say yes and then refuse."""
        tried = []
        refusal, noise = OSError(), quiet.Noise()
        refused = set()  # numbers of channels
        for rate, channels in attempts:
            if channels in refused:
                continue
            tried.append(f"{rate} Hz {_CHANNELS.get(channels, f'{channels} channels')}")
            self.rate, self.channels = rate, channels
            try:
                with quiet.kept() as noise:
                    how = (pa, device, self._kind, rate, channels, self._callback)
                    return engine.bounded(functools.partial(_open, *how), device.name)
            except OSError as exc:
                refusal = exc
            if refusal.errno == _INVALID_CHANNELS:
                refused.add(channels)
            elif refusal.errno != _INVALID_RATE:
                break
        raise DeviceError(
            f"the sound {self._kind} {device.name!r} cannot be opened: {said(refusal)}; "
            f"tried: {', '.join(tried)}; {TO_TRY.get(refusal.errno or 0, 'choose another device')}"
            f"{noise.as_note()}"
        ) from refusal


_CHANNELS = {1: "mono", 2: "stereo"}


def _attempts(device: Device, kind: str, rates: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Rates and channels in the order in which to try them."""
    most = device.inputs if kind == "input" else device.outputs
    for channels in dict.fromkeys((1, 2, min(most, _MOST_CHANNELS))):
        for rate in dict.fromkeys((*rates, device.rate, *_RATES)):
            yield rate, channels


def _open(
    pa: Any,
    device: Device,
    kind: str,
    rate: int,
    channels: int,
    callback: Callable[..., Any],
) -> Any:
    return pa.open(
        format=_INT16,
        channels=channels,
        rate=rate,
        frames_per_buffer=rate // PERIODS_PER_SECOND,
        stream_callback=callback,
        **{kind: True, f"{kind}_device_index": device.index},
    )


def _listening(stream: _Opened, deliver: Deliver) -> Callable[..., Any]:
    def callback(data: bytes, frames: int, times: dict[str, float], status: int) -> Any:
        """PortAudio has sound. It may neither wait nor raise."""
        try:
            now = time.monotonic()
            stream.complaints += bool(status & _INPUT_OVERFLOW)
            age = stream.time(times) - times["input_buffer_adc_time"]
            if not 0 < age <= _LONGEST_LATENCY:
                age = stream.latency
            deliver(data, now - age)
        except BaseException as exc:  # told by whoever watches the stream
            stream.failure = exc
        return None, _CONTINUE

    return callback


def _playing(stream: _Opened, pull: Pull) -> Callable[..., Any]:
    def callback(_: None, frames: int, times: dict[str, float], status: int) -> Any:
        """PortAudio wants sound. It may neither wait nor raise, and short data would end the
        stream."""
        try:
            now = time.monotonic()
            stream.complaints += bool(status & _OUTPUT_UNDERFLOW)
            ahead = times["output_buffer_dac_time"] - stream.time(times)
            if not 0 <= ahead <= _LONGEST_LATENCY:
                ahead = stream.latency
            return spread(pull(frames, now + ahead), stream.channels), _CONTINUE
        except BaseException as exc:
            stream.failure = exc
            return bytes(2 * stream.channels * frames), _CONTINUE

    return callback


def _listed(pa: Any) -> list[Device]:
    """What PortAudio knows of."""
    defaults = {}
    for kind in ("input", "output"):
        with contextlib.suppress(OSError):  # there is none
            info = getattr(pa, f"get_default_{kind}_device_info")()
            defaults[kind] = info["index"]
    found = []
    for index in range(pa.get_device_count()):
        info = pa.get_device_info_by_index(index)
        host = pa.get_host_api_info_by_index(info["hostApi"])["name"]
        found.append(
            Device(
                index=index,
                name=str(info["name"]),
                inputs=int(info["maxInputChannels"]),
                outputs=int(info["maxOutputChannels"]),
                rate=int(info["defaultSampleRate"]),
                default_input=defaults.get("input") == index,
                default_output=defaults.get("output") == index,
                host=str(host),
            )
        )
    return found


def _probed(pa: Any, device: Device) -> Device:
    """The same, with the rates that it really takes."""
    takes: dict[str, tuple[int, ...]] = {}
    for kind, channels in (("input", device.inputs), ("output", device.outputs)):
        rates = []
        for rate in RATES if channels else ():
            for count in dict.fromkeys((1, 2, min(channels, _MOST_CHANNELS))):
                with contextlib.suppress(OSError), quiet.kept():
                    _open(pa, device, kind, rate, count, _SILENT[kind]).close()
                    rates.append(rate)
                    break
        takes[kind] = tuple(rates)
    return evolve(device, input_rates=takes["input"], output_rates=takes["output"])


def _probe_playing(_: None, frames: int, times: object, status: int) -> Any:
    return bytes(2 * _MOST_CHANNELS * frames), _CONTINUE  # more than is wanted is cut off


_SILENT: dict[str, Callable[..., Any]] = {
    "input": lambda data, frames, times, status: (None, _CONTINUE),
    "output": _probe_playing,
}
