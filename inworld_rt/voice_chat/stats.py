"""How well the sound went, in numbers and in one plain sentence. Pure."""

from __future__ import annotations

from attrs import frozen

__all__ = ["AudioStats"]


@frozen
class AudioStats:
    """Counts of one voice chat so far; ``str()`` gives :attr:`why`.

    Attributes:
        underruns: how often an answer stopped because more of it had not come yet.
        longest_gap: seconds of the longest such wait.
        late: how often this computer served the loudspeaker too late.
        underflows: how often the sound system complained of that.
        start_ms: milliseconds that are collected before an answer begins; grows with underruns.
        overflows: how often the sound system lost sound of the microphone.
        mic_dropped_ms: milliseconds of the microphone that this computer was too slow for.
        network_dropped_ms: milliseconds of the microphone that the network was too slow for.
        waiting_in_ms: milliseconds of answers that wait for the loudspeaker now.
        waiting_out_ms: milliseconds of speech that wait for the network now.
        losses: how often a device was lost.
    """

    underruns: int = 0
    longest_gap: float = 0.0
    late: int = 0
    underflows: int = 0
    start_ms: float = 0.0
    overflows: int = 0
    mic_dropped_ms: float = 0.0
    network_dropped_ms: float = 0.0
    waiting_in_ms: float = 0.0
    waiting_out_ms: float = 0.0
    losses: int = 0

    @property
    def why(self) -> str:
        """Why the sound was choppy, or that it was not."""
        if self.losses:
            return f"A sound device was away {_times(self.losses)}: check its plug and its cable."
        if self.underruns:
            return (
                f"Answers stopped {_times(self.underruns)}, for up to {self.longest_gap:.1f} s, "
                "because more of them had not arrived: the network or the service was too slow."
            )
        if self.network_dropped_ms:
            return (
                f"{self.network_dropped_ms / 1000:.1f} s of your speech were not sent, because the "
                "network was too slow."
            )
        if self.late or self.underflows:
            return (
                f"The loudspeaker was served too late {_times(max(self.late, self.underflows))}, "
                "because this computer was too busy."
            )
        if self.overflows or self.mic_dropped_ms:
            return "Some of your speech was lost, because this computer was too busy."
        return "The sound never faltered."

    def __str__(self) -> str:
        return self.why


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
