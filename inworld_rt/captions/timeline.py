"""From the times that a server sends to words with times in the answer's audio. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from inworld_rt.captions.alignment import Token, are_words, first_start, is_text, split, tokens
from inworld_rt.captions.words import Caption, Viseme, join, neat, spaceless
from inworld_rt.outcome import TimestampInfo
from inworld_rt.steering import cuts

__all__ = ["Timeline"]

_NEARLY = 0.05  # seconds; times that differ by less are the same


class Timeline:
    """Takes the timing of an answer as it comes, gives its words. Whoever owns it brings the lock.

    The server's times begin at 0 with every segment that it synthesises (protocol: assistant
    audio). Where each one begins is found here: a message with times that go back begins one, at
    the audio received before it. Timing that comes by itself is of audio that came before; what
    begins a segment then begins where the audio ended when the last timing came.

    A word is given when it is certainly complete, which may take the next message.

    Attributes:
        captions: all words so far, in order; they do not overlap.
    """

    def __init__(self) -> None:
        self.captions: list[Caption] = []
        self._fresh = True  # what comes next begins a segment
        self._offset = 0.0  # where the segment begins in the answer
        self._reached = 0.0  # up to where the segment's times went
        self._received = 0.0  # seconds of audio when the last timing came
        self._end = 0.0  # of the last word, in the answer
        self._waiting: list[Token] = []  # in the answer's times
        self._spaced: bool | None = None  # whether white space is among the tokens, once known
        self._tagged: list[Caption] = []  # words that may be a part of a tag

    def add(self, info: TimestampInfo, *, before: float, length: float) -> list[Caption]:
        """Take the timing of one message.

        Args:
            info: the timing.
            before: seconds of the answer's audio that came before the message.
            length: seconds of audio in the message; 0 for timing that comes by itself.

        Returns:
            Words that are complete now, in order.
        """
        new = tokens(info, self._reached)
        if not new:
            return []
        start = first_start(info)
        again = self._again(start)
        new[0].first = again.first if again else self._segment(start, before, length)
        if is_text(info) or any(t.text[:1].isspace() or t.text[-1:].isspace() for t in new):
            self._spaced = True
        for token in new:
            self._place(token, before + length if length > 0 else 0.0)
        self._received = before + length
        return self._give(last=False)

    def close(self) -> list[Caption]:
        """The server has finished; what comes after this, if anything, is another segment.

        Returns:
            The words that waited for more.
        """
        self._fresh = True
        return self._give(last=True)

    def forget(self, seconds: float) -> None:
        """Drop the words from that time of the answer's audio on: it will come anew."""
        kept = [word for word in self.captions if word.start < seconds]
        del self.captions[len(kept) :]
        self._waiting.clear()
        self._tagged.clear()
        self._fresh = True
        self._offset = self._reached = 0.0
        self._received = seconds
        self._end = kept[-1].end if kept else 0.0

    # --- where it belongs ------------------------------------------------------------------------

    def _segment(self, start: float | None, before: float, length: float) -> bool:
        """Whether times from ``start`` on begin a segment; finds where that is."""
        if start is None or not (self._fresh or start < self._reached - _NEARLY):
            return False
        offset = before if length > 0 else self._received
        if self._fresh and start >= offset:
            offset = 0.0  # a server whose times count from the start of the answer
        elif length <= 0 and offset < self._end - _NEARLY:
            offset = self._end
        self._fresh, self._offset, self._reached = False, offset, 0.0
        return True

    def _again(self, start: float | None) -> Token | None:
        """Take back the word that was partial, if the message that starts there repeats it."""
        last = self._waiting[-1] if self._waiting else None
        if last is None or not last.partial or start is None:
            return None
        if abs(self._offset + start - last.start) > _NEARLY:
            return None
        self._end, self._reached = last.start, start
        return self._waiting.pop()

    def _place(self, token: Token, received: float) -> None:
        """Give a token its time in the answer; without an end, it lasts as long as the audio."""
        token = token.shifted(self._offset)
        token.end = max(token.start, received if token.end is None else token.end)
        self._reached = max(self._reached, token.end - self._offset)
        if token.text.strip():
            token.start = max(token.start, self._end)
            token.end = self._end = max(token.start, token.end)
        self._waiting.append(token)

    # --- what is complete ------------------------------------------------------------------------

    def _give(self, last: bool) -> list[Caption]:
        words = [word for parts in self._complete(last) if (word := _word(parts)).text]
        out = self._untagged(words, last)
        self.captions += out
        return out

    def _complete(self, last: bool) -> list[list[Token]]:
        """Take the words that are complete out of the waiting tokens."""
        if self._spaced is None and are_words(self._waiting):
            self._spaced = False
        words, over = split(self._waiting, self._spaced is not False)
        keep = 0
        if words and not last and not over:
            end = words[-1][-1]
            if self._spaced is None:  # nothing is certain but the segments
                keep = next(
                    (n for n, word in enumerate(reversed(words), 1) if word[0].first), len(words)
                )
            elif self._spaced or end.partial or spaceless(end.text[-1]):
                keep = 1
        place = len(words) - keep
        self._waiting = [token for word in words[place:] for token in word]
        return words[:place]

    def _untagged(self, words: Sequence[Caption], last: bool) -> list[Caption]:
        """Leave out what steers the voice; it may go over several words."""
        out = []
        for word in words:
            if self._tagged or "[" in word.text:
                self._tagged.append(word)
                out += self._release(whole=False)
            else:
                out.append(word)
        return out + self._release(whole=True) if last and self._tagged else out

    def _release(self, whole: bool) -> list[Caption]:
        out = []
        at = place = 0
        text = join(word.text for word in self._tagged)
        spans, certain = cuts(text + " ", whole=whole)  # a word is complete, so no "(" follows
        for word in self._tagged:
            at = text.index(word.text, at)
            end = at + len(word.text)
            if end > certain:
                break
            gone = {n for start, stop in spans for n in range(max(start, at), min(stop, end))}
            left = "".join(text[n] for n in range(at, end) if n not in gone).strip()
            if left:
                out.append(attrs.evolve(word, text=left))
            at = end
            place += 1
        del self._tagged[:place]
        return out


def _word(parts: Sequence[Token]) -> Caption:
    start, end = parts[0].start, parts[-1].end or 0.0
    visemes: list[Viseme] = []
    at = start
    for viseme in (v for part in parts for v in part.visemes):
        begin = min(max(at, viseme.start), end)
        at = min(max(begin, viseme.end), end)
        visemes.append(attrs.evolve(viseme, start=begin, end=at))
    return Caption(neat("".join(part.text for part in parts)), start, end, tuple(visemes))
