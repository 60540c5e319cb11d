"""From a recording or a stream of chunks to the samples that are wanted."""

from __future__ import annotations

from inworld_rt import pcm
from inworld_rt.audio.resample import Resampler, resample
from inworld_rt.audio.wav import Recording
from inworld_rt.errors import ConfigError

__all__ = ["Converter", "recording_to"]


def recording_to(format: pcm.AudioFormat, recording: Recording) -> bytes:
    """Mix a recording to mono, bring it to the format's rate and code it.

    Args:
        format: coding and rate wanted.
        recording: any rate, any number of channels.

    Returns:
        Whole frames in ``format``, as long as the recording to within a frame.

    Raises:
        BackendMissing: the rates differ and the resampling package is not installed.
    """
    mono = pcm.to_mono(recording.pcm, recording.channels)
    return pcm.encode(resample(mono, recording.rate, format.rate), format)


class Converter:
    """A stream of chunks in some format, to PCM of another rate. For one thread at a time."""

    def __init__(self, format: pcm.AudioFormat, rate: int) -> None:
        """Begin one.

        Args:
            format: what comes.
            rate: samples per second wanted.

        Raises:
            BackendMissing: the rates differ and the resampling package is not installed.
        """
        self.format = format
        self._carry = pcm.Carry(format.bytes_per_frame)
        self._resampler = Resampler(format.rate, rate)

    def push(self, chunk: bytes) -> bytes:
        """Add a chunk, cut anywhere, and take what is ready.

        Raises:
            ConfigError: it is no bytes.
        """
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise ConfigError(f"sound is given as chunks of bytes, not of {type(chunk).__name__}")
        whole = self._carry.push(bytes(chunk))
        return self._resampler.push(pcm.decode(whole, self.format))

    def flush(self) -> bytes:
        """Take what is held back; the next chunk begins another stream."""
        self._carry.clear()
        return self._resampler.flush()

    def clear(self) -> None:
        """Drop what is held back."""
        self._carry.clear()
        self._resampler.clear()
