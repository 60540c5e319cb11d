"""Echo cancellation: takes what the loudspeaker plays out of what the microphone hears.

Two engines do it; both find out by themselves how the sound gets from the one to the other.
WebRTC's learns within a second and copes with cheap loudspeakers. Speex's is tiny, on nearly every
Linux, and takes some seconds. Better than both is a sound system that cancels echo itself, as it
knows best what is played and when: see :mod:`inworld_rt.audio.system_echo`.
"""

from __future__ import annotations

import atexit
import ctypes
import ctypes.util
import functools
import platform
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from inworld_rt import extras
from inworld_rt.errors import AudioError, BackendMissing, ConfigError

__all__ = ["ENGINES", "Canceller", "Speex", "WebRtc", "find"]

_PURPOSE = "cancel echo"
_RATES = range(8000, 384001, 100)  # what is not whole in 10 ms would make WebRTC end the process
_WHEELS = ("x86_64", "AMD64", "aarch64", "arm64", "ARM64")  # processors that `livekit` is made for
_LAST_WORDS = 0.02  # seconds that livekit's farewell may take; it takes one or two milliseconds
_TAIL_MS = 300  # of echo that Speex learns
_SPEEX_COMMAND = (
    "brew install speexdsp" if sys.platform == "darwin" else "sudo apt install libspeexdsp1"
)
_SET_RATE, _SET_ECHO_STATE = 24, 24  # of Speex's two parts, each with its own numbers


class Canceller(Protocol):
    """Takes the echo out of one stream. One thread at a time may call :meth:`process`.

    Attributes:
        name: the engine's name.
    """

    name: str

    def process(self, near: bytes, far: bytes) -> bytes:
        """Add sound and take as much.

        Args:
            near: what the microphone heard: signed 16-bit little-endian samples, mono, any number
                of them. Whole multiples of 20 ms are best.
            far: what the loudspeaker played at about the same time, in the same form and length.
                It must not come later than its own echo.

        Returns:
            What the microphone would have heard without the echo, as many bytes as ``near``. It
            is late by the engine's own delay: 8 to 11 ms (WebRTC) or 20 ms (Speex). From the first
            chunk on that is no multiple of a frame, it is late by one frame more, 10 or 20 ms;
            silence fills the gap.

        Raises:
            ConfigError: the two have different lengths, or end inside a sample.
            AudioError: it is closed.
        """

    def close(self) -> None:
        """Free the engine; from any thread, and as often as you like."""


class _Framed:
    """From chunks of any length to an engine's frames and back."""

    def __init__(
        self, frame: int, cancel: Callable[[bytes, bytes], bytes], free: Callable[[], object]
    ) -> None:
        self._size = 2 * frame
        self._near, self._far, self._out = bytearray(), bytearray(), bytearray()
        self._cancel: Callable[[bytes, bytes], bytes] | None = cancel
        self._free = free
        self._lock = threading.Lock()  # the engine must not be freed while it works

    def process(self, near: bytes, far: bytes) -> bytes:
        """See :meth:`Canceller.process`."""
        if len(near) != len(far) or len(near) % 2:
            raise ConfigError(
                "the sound of microphone and loudspeaker has to be of one length and in whole "
                f"samples of 2 bytes, not {len(near)} and {len(far)} bytes"
            )
        with self._lock:
            if self._cancel is None:
                raise AudioError("the echo canceller is closed")
            self._near += near
            self._far += far
            whole = len(self._near) // self._size * self._size
            for at in range(0, whole, self._size):
                there = slice(at, at + self._size)
                self._out += self._cancel(bytes(self._near[there]), bytes(self._far[there]))
            del self._near[:whole], self._far[:whole]
            if len(self._out) < len(near):
                # Held back is always less than a frame, so this is needed only once.
                self._out[:0] = bytes(self._size)
            ready = bytes(self._out[: len(near)])
            del self._out[: len(near)]
            return ready

    def close(self) -> None:
        """See :meth:`Canceller.close`."""
        with self._lock:
            self._cancel = None
        self._free()


class WebRtc(_Framed):
    """WebRTC's echo canceller (AEC3), out of the package ``livekit``.

    It takes every rate as it is. A high-pass filter belongs to it. Noise suppression stays off:
    what is left of the echo is below the noise of a room already, and it would cost 1 to 2 dB of a
    voice and 6 ms (measured).

    Args:
        rate: samples per second, a multiple of 100 from 8000 to 384000.

    Raises:
        ConfigError: another rate.
        BackendMissing: ``livekit`` is not installed, or does not run on this system.
    """

    name = "webrtc"

    def __init__(self, rate: int) -> None:
        frame = _checked(rate) // 100
        rtc = extras.load("livekit.rtc", extra="echo", purpose=_PURPOSE)
        _wait_at_exit()
        try:
            engine = rtc.AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)
        except ImportError as exc:  # its library is loaded only now
            raise BackendMissing(
                f"the package 'livekit', needed to {_PURPOSE}, does not run on this system; "
                f"install another engine with: {_SPEEX_COMMAND}"
            ) from exc

        def cancel(near: bytes, far: bytes) -> bytes:
            engine.process_reverse_stream(rtc.AudioFrame(bytearray(far), rate, 1, frame))
            sound = rtc.AudioFrame(bytearray(near), rate, 1, frame)
            engine.process_stream(sound)
            return bytes(sound.data)

        super().__init__(frame, cancel, lambda: atexit.unregister(self.close))
        # livekit ends its library at exit, and complains on standard error about who still uses it.
        # This is registered later, and so called earlier.
        atexit.register(self.close)


@functools.cache
def _wait_at_exit() -> None:
    """Wait a little after livekit has ended, as it registers that later than this.

    A thread of the library then still calls into Python, to log that it ends. If it comes when
    Python is no longer there, it panics all over standard error: without this, 1 time in 100.
    """
    atexit.register(time.sleep, _LAST_WORDS)


class Speex(_Framed):
    """Speex's echo canceller, with its suppression of noise and of what is left of the echo.

    It learns echoes up to 250 ms late.

    Args:
        rate: samples per second, a multiple of 100 from 8000 to 384000.

    Raises:
        ConfigError: another rate.
        BackendMissing: the library is not installed.
    """

    name = "speex"

    def __init__(self, rate: int) -> None:
        frame = _checked(rate) // 50
        library = _speex()
        echo = ctypes.c_void_p(library.speex_echo_state_init(frame, rate * _TAIL_MS // 1000))
        library.speex_echo_ctl(echo, _SET_RATE, ctypes.byref(ctypes.c_int(rate)))
        rest = ctypes.c_void_p(library.speex_preprocess_state_init(frame, rate))
        library.speex_preprocess_ctl(rest, _SET_ECHO_STATE, echo)
        cleaned = ctypes.create_string_buffer(2 * frame)

        def cancel(near: bytes, far: bytes) -> bytes:
            library.speex_echo_cancellation(echo, near, far, cleaned)
            library.speex_preprocess_run(rest, cleaned)
            return cleaned.raw

        def free() -> None:
            library.speex_preprocess_state_destroy(rest)
            library.speex_echo_state_destroy(echo)

        once = weakref.finalize(self, free)
        once.atexit = False  # a thread may still be using it then
        super().__init__(frame, cancel, once)


def _speex() -> Any:
    """Speex's library, with the types of those functions that do not just give back a number."""
    try:
        try:
            library = ctypes.CDLL("libspeexdsp.so.1")
        except OSError:  # only now search for it, as that starts other programs
            library = ctypes.CDLL(ctypes.util.find_library("speexdsp") or "speexdsp")
    except OSError as exc:
        raise BackendMissing(
            f"the library speexdsp is needed to {_PURPOSE}; install it with: {_SPEEX_COMMAND}"
        ) from exc
    for make in (library.speex_echo_state_init, library.speex_preprocess_state_init):
        make.restype = ctypes.c_void_p
    return library


def _checked(rate: object) -> int:
    if not isinstance(rate, int) or rate not in _RATES:
        raise ConfigError(
            "echo can be cancelled at sample rates that are multiples of 100, from 8000 to "
            f"384000, not at {rate!r:.40}"
        )
    return rate


ENGINES: dict[str, Callable[[int], Canceller]] = {"webrtc": WebRtc, "speex": Speex}
"""By name, best first."""


def find(rate: int, engine: str | None = None) -> Canceller:
    """The best echo canceller that is installed.

    Args:
        rate: samples per second, a multiple of 100 from 8000 to 384000.
        engine: one of :data:`ENGINES`, to have no other.

    Returns:
        A new one, to be closed.

    Raises:
        ConfigError: another rate, or an unknown engine.
        BackendMissing: none is installed, or not that one; the text has the command to type.
    """
    if engine is not None:
        if engine not in ENGINES:
            raise ConfigError(f"an echo canceller is one of {', '.join(ENGINES)}; not {engine!r}")
        return ENGINES[engine](rate)
    missing = []
    for make in ENGINES.values():
        try:
            return make(rate)
        except BackendMissing as exc:
            missing.append(exc)
    raise missing[0 if platform.machine() in _WHEELS else -1]
