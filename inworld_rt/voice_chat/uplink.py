"""The user's speech on its way to the server, whatever the network does."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from inworld_rt import pcm
from inworld_rt.audio.microphone import Listener, Microphone
from inworld_rt.audio.resample import Resampler
from inworld_rt.errors import ConnectionClosed
from inworld_rt.link import Link
from inworld_rt.workers import Worker, wait_for

__all__ = ["BATCH_MS", "KEPT_S", "Uplink"]

BATCH_MS = 60
"""Milliseconds per message: the service asks for 60 to 100."""

KEPT_S = 5.0
"""Seconds of speech that wait for a slow network; of more, the oldest are dropped."""

_LAST_WITHIN = 0.3  # seconds in which the last of the speech has to come from the device
_STOP_WITHIN = 1.0


class Uplink:
    """Takes what the microphone hears, and sends it from a thread of its own.

    So the microphone never waits for the network, nor do its other listeners.

    Attributes:
        muted: whether silence is sent instead, so that the stream stays alive.
        dropped_ms: milliseconds that were dropped because the network was too slow.
    """

    def __init__(
        self, link: Link, microphone: Microphone, failed: Callable[[BaseException], None]
    ) -> None:
        """Nothing is sent before :meth:`begin`.

        Args:
            link: where to.
            microphone: where from.
            failed: told if sending breaks down; the end of the session is told by others.
        """
        self.muted = False
        self.dropped_ms = 0.0
        self._link = link
        self._microphone = microphone
        self._size = 2 * (microphone.rate * BATCH_MS // 1000)
        self._rate = microphone.rate
        self._resampler = Resampler(self._rate, self._rate)
        self._batch = bytearray()
        self._queue: deque[bytes | Callable[[], None]] = deque()
        # Around the two above; the device's thread never wants it.
        self._news = threading.Condition()
        self._listener: Listener | None = None
        self._until: float | None = None
        self._complete = threading.Event()
        self._worker = Worker("uplink", self._send, failed)
        self._worker.start()

    # --- the microphone's thread -----------------------------------------------------------------

    def _hear(self, sound: bytes, at: float) -> None:
        with self._news:
            if self._until is not None and at >= self._until:
                self._complete.set()
                return
            self._batch += bytes(len(sound)) if self.muted else sound
            if len(self._batch) >= self._size:
                self._flush()

    def _flush(self) -> None:
        self._queue.append(bytes(self._batch))
        self._batch.clear()
        sounds = [item for item in self._queue if isinstance(item, bytes)]
        if sum(map(len, sounds)) > 2 * self._microphone.rate * KEPT_S:
            self._queue.remove(sounds[0])
            self.dropped_ms += len(sounds[0]) / 2 / self._microphone.rate * 1000
        self._news.notify_all()

    # --- anybody's -------------------------------------------------------------------------------

    def begin(self, preroll: float = 0.0) -> None:
        """Send what is heard from now on.

        Args:
            preroll: seconds of what was heard just before that are sent first.
        """
        self.stop()
        self._complete.clear()
        with self._news:
            self._until = None
        self._listener = self._microphone.listen(self._hear, preroll)

    def end(self) -> None:
        """Send no more than what has been heard up to now; blocks until the device has given it,
        for some hundredths of a second."""
        with self._news:
            self._until = self._microphone.now()
        wait_for(self._complete, _LAST_WITHIN)
        self.stop()
        with self._news:
            if self._batch:
                self._flush()

    def stop(self) -> None:
        """Send nothing from now on."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def forget(self) -> None:
        """Drop what was not sent yet."""
        with self._news:
            self._batch.clear()
            kept = [item for item in self._queue if not isinstance(item, bytes)]
            self._queue.clear()
            self._queue.extend(kept)

    def then(self, step: Callable[[], None]) -> None:
        """Do something in the sending thread, as soon as all that was heard so far is sent."""
        with self._news:
            self._queue.append(step)
            self._news.notify_all()

    @property
    def waiting_ms(self) -> float:
        """Milliseconds of speech that wait for the network."""
        with self._news:
            size = sum(len(item) for item in self._queue if isinstance(item, bytes))
        return size / 2 / self._microphone.rate * 1000

    @property
    def closed(self) -> bool:
        """Whether nothing is sent any more."""
        return self._worker.stopping.is_set()

    def close(self) -> None:
        """End it. A message that the network does not take is left to the end of the session."""
        self.stop()
        self._worker.stopping.set()
        with self._news:
            self._news.notify_all()
        self._worker.join(_STOP_WITHIN)

    # --- our thread ------------------------------------------------------------------------------

    def _send(self, stopping: threading.Event) -> None:
        while True:
            with self._news:
                while not self._queue and not stopping.is_set():
                    self._news.wait()
                if stopping.is_set():
                    return
                item = self._queue.popleft()
            try:
                if isinstance(item, bytes):
                    self._send_sound(item)
                else:
                    item()
            except ConnectionClosed:
                return  # the reader tells why

    def _send_sound(self, sound: bytes) -> None:
        format = self._link.session.input_format
        if format.rate != self._rate:  # the user has changed it meanwhile
            self._rate = format.rate
            self._resampler = Resampler(self._microphone.rate, format.rate)
        sound = self._resampler.push(sound)
        if sound:
            self._link.send_audio(pcm.encode(sound, format))
