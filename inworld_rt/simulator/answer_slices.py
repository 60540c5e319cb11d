"""The slices of an answer's sound: odd cuts, and which word is spoken when
(protocol: assistant audio).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define

__all__ = ["Odd", "alignment"]


def alignment(
    kind: str | None, words: Sequence[str], start_ms: int, length_ms: int
) -> dict[str, Any] | None:
    """The ``timestamp_info`` of a slice of speech.

    Args:
        kind: ``WORD``, ``CHARACTER`` or ``None``.
        words: those that begin in the slice, with their spaces.
        start_ms: where the slice begins, in milliseconds from the start of the speech.
        length_ms: how long it is.

    Returns:
        The object; ``None`` where nothing was asked for or nothing begins.
    """
    if kind is None or not words:
        return None
    bare = [word.strip() for word in words]
    if kind == "WORD":
        starts, ends = _spread(len(bare), start_ms, length_ms)
        return {
            "word_alignment": {
                "words": bare,
                "word_start_time_seconds": starts,
                "word_end_time_seconds": ends,
            }
        }
    characters = list(" ".join(bare))
    starts, ends = _spread(len(characters), start_ms, length_ms)
    return {
        "character_alignment": {
            "characters": characters,
            "character_start_time_seconds": starts,
            "character_end_time_seconds": ends,
        }
    }


def _spread(count: int, start_ms: int, length_ms: int) -> tuple[list[float], list[float]]:
    """Share a stretch of time evenly; in seconds."""
    marks = [round((start_ms + length_ms * n / max(1, count)) / 1000, 3) for n in range(count + 1)]
    return marks[:-1], marks[1:]


@define
class Odd:
    """Cuts PCM so that every slice ends within a sample."""

    rest: bytes = b""

    def cut(self, data: bytes) -> bytes:
        """Add samples, take an odd number of bytes."""
        data = self.rest + data
        keep = 1 - len(data) % 2
        self.rest = data[len(data) - keep :]
        return data[: len(data) - keep]
