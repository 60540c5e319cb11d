"""Subtitles: words put together to what is shown at once, as WebVTT and SubRip. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import define, frozen

from inworld_rt.captions.words import Caption, join, neat

__all__ = ["Cue", "cues", "srt", "webvtt"]

_LINE, _LINES = 42, 2  # characters, lines: what is read at a glance
_LONGEST = 6.0  # seconds
_SHORTEST = 1.0
_PAUSE = 0.7
_ENDS, _CLOSES = tuple(".!?…。！？؟۔।"), "\"'”’»)]」』"
_ABBREVIATION = re.compile(r"[(\"'“]*(?:Mr|Mrs|Ms|Dr|Prof|St|vs|[A-Z]|e\.g|i\.e)\.")
_ARROW = re.compile("-{2,}>")


@frozen
class Cue:
    """What is shown at once."""

    text: str
    """One line or several."""
    start: float
    """Seconds from the start of the answer's audio, in whole milliseconds."""
    end: float


@define
class _Group:
    """Words for one cue."""

    texts: list[str]
    start: float
    end: float

    def lines(self, *more: str) -> list[str]:
        """The text in lines, with more words or as it is."""
        lines = [""]
        for piece in join([*self.texts, *more]).split(" "):
            if lines[-1] and len(lines[-1]) + 1 + len(piece) <= _LINE:
                lines[-1] += f" {piece}"
                continue
            if lines[-1]:
                lines.append("")
            while len(piece) > _LINE and not piece.isascii():  # a script without spaces
                lines[-1:] = [piece[:_LINE], ""]
                piece = piece[_LINE:]
            lines[-1] = piece
        return lines

    def takes(self, text: str, word: Caption) -> bool:
        """Whether a word still belongs to it."""
        if word.start - self.end > _PAUSE or word.end - self.start > _LONGEST:
            return False
        last = self.texts[-1]
        ended = last.rstrip(_CLOSES).endswith(_ENDS) and not _ABBREVIATION.fullmatch(last)
        if ended and word.start - self.start >= _SHORTEST:
            return False
        return len(self.lines(text)) <= _LINES


def cues(captions: Iterable[Caption]) -> list[Cue]:
    """Words put together for reading.

    A cue ends with a sentence, at a pause, when it has two lines of 42 characters, and after six
    seconds; only a single word may be longer than that. It is shown for at least a second where
    the next one leaves the time. Cues do not overlap.
    """
    groups: list[_Group] = []
    for word in captions:
        text = neat(word.text)
        if not text:
            continue
        if groups and groups[-1].takes(text, word):
            groups[-1].texts.append(text)
            groups[-1].end = word.end
        else:
            groups.append(_Group([text], word.start, word.end))
    return _timed(groups)


def _timed(groups: Sequence[_Group]) -> list[Cue]:
    out = []
    at = 0
    for group, following in zip(groups, [*groups[1:], None], strict=False):
        start = max(at, round(group.start * 1000))
        end = max(round(group.end * 1000), start + round(_SHORTEST * 1000))
        if following is not None:
            end = min(end, round(following.start * 1000))
        at = max(end, start + 1)  # players refuse a cue without any length
        out.append(Cue("\n".join(group.lines()), start / 1000, at / 1000))
    return out


def webvtt(captions: Iterable[Caption]) -> str:
    """Words as the content of a WebVTT file, for web pages (write it as UTF-8)."""
    blocks = ["WEBVTT\n"]
    for cue in cues(captions):
        text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{text}\n")
    return "\n".join(blocks)


def srt(captions: Iterable[Caption]) -> str:
    """Words as the content of a SubRip file, for video players (write it as UTF-8).

    The format has no way to write an arrow ``-->`` in a text; it becomes ``->``.
    """
    blocks = []
    for number, cue in enumerate(cues(captions), 1):
        text = _ARROW.sub("->", cue.text)
        times = f"{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}"
        blocks.append(f"{number}\n{times}\n{text}\n")
    return "\n".join(blocks)


def _clock(seconds: float, point: str) -> str:
    minutes, ms = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"
