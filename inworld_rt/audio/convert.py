"""From a recording to the bytes of the wire."""

from __future__ import annotations

from inworld_rt import pcm
from inworld_rt.audio.resample import resample
from inworld_rt.audio.wav import Recording

__all__ = ["recording_to"]


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
