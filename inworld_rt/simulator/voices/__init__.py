"""The engines a simulated agent can speak with, and what they have in common."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

__all__ = ["Engine", "Manner"]


@frozen
class Manner:
    """How one speaker differs from an engine's own voice."""

    pitch: float = 1.0
    """Pitch of the voice, relative to the engine's own."""
    colour: float = 1.0
    """Where its formants lie, relative to the engine's own: below 1 is a bigger, darker speaker."""
    tempo: float = 1.0
    """How fast it talks, relative to the engine's own."""
    accent: str = "en-US"
    """The language tag it speaks when the session names no language."""


class Engine(Protocol):
    """Turns one clause into sound. Any thread may call; an engine that minds has its own lock."""

    name: str

    def pcm(self, text: str, manner: Manner, speed: float, language: str, rate: int) -> bytes:
        """Speak a clause.

        Args:
            text: a few words without markup, never empty.
            manner: the speaker.
            speed: 1.0 is normal, 0.5 half as fast. Changes the tempo and leaves the pitch.
            language: a language tag such as ``"en-US"``.
            rate: the wanted sample rate in Hz.

        Returns:
            16-bit little-endian mono samples without silence around them; ``b""`` when the engine
            cannot pronounce the text.
        """

    def speaks(self, language: str) -> bool:
        """Whether the engine has this language (a tag such as ``"de-DE"``)."""
