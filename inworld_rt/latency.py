"""How long an answer took, stage by stage. Pure."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Latency"]

_NAMES = {
    "transcript": "your words known",
    "first_text": "first word",
    "first_audio": "first sound received",
    "first_heard": "first sound heard",
    "total": "complete",
}


@frozen
class Latency:
    """Seconds from the request for an answer; to speech, from where the speech ended: when the
    server said so (``speech_stopped``), when the button was let go, or when the last of a recording
    was sent, whichever came first. Of an answer that the server begins with nobody having spoken,
    from its beginning.

    ``None`` is what did not happen, or has not yet.

    Attributes:
        transcript: until the words that the user spoke were known. Recognisers are in no hurry: it
            may be later than the answer.
        first_text: until the first words arrived.
        first_audio: until the first slice of sound arrived.
        first_heard: until the first of it left the loudspeaker, in a voice chat or by
            :meth:`Response.play <inworld_rt.Response.play>`.
        total: until the answer ended. It usually arrives faster than it is heard.
    """

    transcript: float | None = None
    first_text: float | None = None
    first_audio: float | None = None
    first_heard: float | None = None
    total: float | None = None

    def stages(self) -> list[tuple[str, float]]:
        """What happened, in plain words, each with its seconds; always in the order above, so that
        the tables of two answers can be laid side by side."""
        found = ((words, getattr(self, name)) for name, words in _NAMES.items())
        return [(words, seconds) for words, seconds in found if seconds is not None]
