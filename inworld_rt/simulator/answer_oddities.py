"""What quirks do to an answer on its way: odd cuts in its sound, tags among its words
(protocol: assistant audio; TTS-2 text conventions).
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from inworld_rt.simulator.answer_timing import ends_sentence

__all__ = ["Odd", "Steering"]

_TAG = "laugh"


@define
class Steering:
    """The tags of one message: one ahead of every sentence, in turn."""

    script: tuple[str, ...] = ()
    """Without brackets; an empty one stands for the usual. None of them: no tags."""
    once: bool = False
    """Whether only the first sentence has one (``steering_handling`` is ``emit_once``)."""
    _count: int = 0
    _at_start: bool = True

    def before(self, word: str) -> Iterator[str]:
        """The tag that comes before a word, if one does: two pieces, cut within the tag."""
        starts, self._at_start = self._at_start, ends_sentence(word)
        if not starts or not self.script or (self.once and self._count):
            return
        tag = f"[{self.script[self._count % len(self.script)] or _TAG}] "
        self._count += 1
        yield tag[: len(tag) // 2]
        yield tag[len(tag) // 2 :]


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
