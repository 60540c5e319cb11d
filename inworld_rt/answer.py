"""One answer as it is being made: words, sound, items, status. Pure; the blocking face of it is
:class:`~inworld_rt.Response`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from inworld_rt.codec import UNSET, Setting
from inworld_rt.config import ReplyConfig
from inworld_rt.events import (
    AudioDelta,
    ContentPartDone,
    Event,
    ResponseDone,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
)
from inworld_rt.items import FunctionCall, Item
from inworld_rt.outcome import StatusDetails, Usage, total
from inworld_rt.pcm import AudioFormat, Carry
from inworld_rt.steering import shown

if TYPE_CHECKING:
    from inworld_rt.captions import Caption, Timeline

__all__ = ["Answer", "heard"]

# Which family of events an event belongs to. The same words may arrive in both (protocol:
# assistant text), so the family of the first delta is kept and the other ignored.
_TEXT, _SPOKEN = "text", "transcript"
_IDEOGRAPHS = "\u2e80"  # from here on, scripts that put no spaces between words

PartKey = tuple[str | None, int]


@define(eq=False)
class Answer:
    """The state of one answer.

    An answer that calls tools goes on in another response of the server's, when they have run; to
    the user it is one.

    Attributes:
        format: how its audio is coded.
        id: the server's id; ``None`` until it began. The latest, where tools were called.
        status: ``waiting``, then the server's words: ``in_progress``, ``completed``, ``cancelled``,
            ``failed``, ``incomplete``; ``calling`` while tools run; or ``lost``, where the
            connection ended first.
        reply: what was asked for besides the session's settings.
        rounds: how often tools were run for it.
        items: what was made, in order.
        received: bytes of audio so far.
        cut_ms: milliseconds after which the user heard no more of it, or ``None``.
        interrupted: whether the user cut it off; what still comes of it is dropped.
        owner: whoever shows it to the user; not used here.
    """

    format: AudioFormat = field(factory=AudioFormat)
    reply: Setting[ReplyConfig] = UNSET
    rounds: int = 0
    id: str | None = None
    status: str = "waiting"
    details: StatusDetails | None = None
    usage: Usage | None = None
    items: list[Item] = field(factory=list)
    received: int = 0
    cut_ms: float | None = None
    interrupted: bool = False
    owner: Any = None
    _family: str | None = None
    _parts: dict[PartKey, str] = field(factory=dict)
    _settled: set[PartKey] = field(factory=set)
    """Parts that are final."""
    _carries: dict[PartKey, Carry] = field(factory=dict)
    _frame: int = 1  # bytes of a whole sample
    _timeline: Timeline | None = None
    _kept: _Kept = field(factory=lambda: _Kept())

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.status not in ("waiting", "in_progress", "calling")

    @property
    def text(self) -> str:
        """The words so far, without what steers the voice."""
        # A copy: another thread may be adding to it.
        return _join([*self._kept.texts, *map(self._shown, list(self._parts))])

    def _shown(self, key: PartKey) -> str:
        return shown(self._parts[key], whole=key in self._settled)

    @property
    def captions(self) -> list[Caption]:
        """Its words with their times, where the server tells them."""
        return list(self._timeline.captions) if self._timeline else []

    @property
    def calls(self) -> list[FunctionCall]:
        """The tools that it wants to be run."""
        return [item for item in self.items if isinstance(item, FunctionCall)]

    @property
    def new_calls(self) -> list[FunctionCall]:
        """Those of the latest response."""
        new = self.items[len(self._kept.items) :]
        return [item for item in new if isinstance(item, FunctionCall)]

    def begin(self, response_id: str | None, format: AudioFormat) -> None:
        """The server started it."""
        self.id, self.format, self.status = response_id, format, "in_progress"
        self._frame = format.bytes_per_frame
        if self.rounds:  # the user may have cut off what was said before the tools ran
            self.interrupted, self.cut_ms = False, None

    def call(self) -> None:
        """It waits for tools: what came so far stays, whatever comes of the rest."""
        self.status = "calling"
        self.rounds += 1
        texts = [*self._kept.texts, *map(self._shown, self._parts)]
        self._kept = _Kept(texts, list(self.items), self.received, self.usage)
        self._new_response()

    def _new_response(self) -> None:
        self._family = None
        for collected in (self._parts, self._settled, self._carries):
            collected.clear()

    def reset(self) -> None:
        """Forget what came, apart from what came before tools were called: it belonged to another
        answer."""
        kept = self._kept
        self.id, self.status, self.received = None, "waiting", kept.received
        self.details = self.cut_ms = None
        self.interrupted = False
        self.items, self.usage = list(kept.items), kept.usage
        if self._timeline:
            self._timeline.forget(self.format.ms(kept.received) / 1000)
        self._new_response()

    def sound(self, event: AudioDelta) -> bytes:
        """Take a slice of audio; returns its whole samples, an odd rest waits for the next slice
        (deltas are not promised to end on a sample)."""
        pcm = event.audio
        if self._carries or len(pcm) % self._frame:
            # Numbers of parts may be missing, even on some events of a part only.
            key = (event.item_id, event.content_index or 0)
            carry = self._carries.get(key)
            if carry is None:
                carry = self._carries[key] = Carry(self._frame)
            pcm = carry.push(pcm)
        self.received += len(pcm)
        return pcm

    def timing(self, event: AudioDelta, nbytes: int) -> list[Caption]:
        """Take the times of words that came with a slice of audio, which has been taken.

        Args:
            event: the slice.
            nbytes: of its whole samples.

        Returns:
            The words that are complete now.
        """
        from inworld_rt.captions import Timeline  # only for those who asked for times

        if event.timestamp_info is None:
            return []
        if self._timeline is None:
            self._timeline = Timeline()
        rate = self.format.bytes_per_second
        return self._timeline.add(
            event.timestamp_info, before=(self.received - nbytes) / rate, length=nbytes / rate
        )

    def close_captions(self) -> list[Caption]:
        """No more times will come; returns the words that waited for more of them."""
        return self._timeline.close() if self._timeline else []

    def words(self, event: Event) -> str:
        """Take a piece of text, or the final text that replaces the pieces.

        Returns:
            What is new at the end of the text; empty where nothing is.
        """
        if isinstance(event, TextDelta | TranscriptDelta):
            key = self._key(event, _TEXT if isinstance(event, TextDelta) else _SPOKEN)
            if key is None:
                return ""
            return self._set(key, self._parts.get(key, "") + event.delta)
        if isinstance(event, TextDone):
            return self._settle(event, _TEXT, event.text)
        if isinstance(event, TranscriptDone):
            return self._settle(event, _SPOKEN, event.transcript)
        if isinstance(event, ContentPartDone):
            text = getattr(event.part, "text", None)
            if text:
                return self._settle(event, _TEXT, text)
            return self._settle(event, _SPOKEN, getattr(event.part, "transcript", None) or "")
        return ""

    def _key(self, event: Any, family: str) -> PartKey | None:
        """Where the event's words belong; ``None`` if its family is not the chosen one."""
        if self._family is None:
            self._family = family
        if family != self._family:
            return None
        item_id, index = event.item_id, event.content_index or 0
        if item_id is None:  # of the part that came last
            return next(reversed(self._parts), (None, index))
        if (None, index) in self._parts:  # now its item is known
            self._parts = {
                (item_id, index) if key == (None, index) else key: words
                for key, words in self._parts.items()
            }
        return item_id, index

    def _settle(self, event: Any, family: str, text: str) -> str:
        """Replace the pieces of a part by its final text."""
        if not text:
            return ""
        key = self._key(event, family)
        if key is None:
            return ""
        return self._set(key, text, final=True)

    def _set(self, key: PartKey, text: str, final: bool = False) -> str:
        """Set a part's words; returns what is new, as it continues :attr:`text`."""
        held_back = "" if key in self._parts else self._settle_all()
        before = self._shown(key) if key in self._parts else ""
        earlier = "" if before else self.text
        self._parts[key] = text
        if final:
            self._settled.add(key)
        after = self._shown(key)
        gap = "" if before else _gap(earlier, after)
        new = gap + after[len(before) :] if after.startswith(before) else ""
        return held_back + new

    def _settle_all(self) -> str:
        """The parts so far are final; returns what was held back of them."""
        held_back = ""
        for key in self._parts:
            before = self._shown(key)
            self._settled.add(key)
            held_back += self._shown(key)[len(before) :]
        return held_back

    def finish(self, event: ResponseDone) -> str:
        """The server ended it. What the final object says replaces what was collected.

        Returns:
            Words that only the final object has.
        """
        state = event.response
        self.status = (state and state.status) or "completed"
        if not self.finished:  # a sloppy server; "done" is done
            self.status = "completed"
        self.details = state.status_details if state else None
        # Some servers put the usage beside the response instead of into it.
        usage = (state and state.usage) or event.usage
        self.usage = total(self._kept.usage, usage)
        before = self._kept.items
        if state and state.output:
            self.items = [*before, *state.output]
        if self._parts:
            return self._settle_all()
        made = enumerate(self.items[len(before) :])
        parts = [((item.id, i), text) for i, item in made if (text := getattr(item, "text", ""))]
        return "".join(self._set(key, text, final=True) for key, text in parts)

    def add_item(self, item: Item | None) -> None:
        """An item of the answer is final."""
        if item is None:
            return
        for i, known in enumerate(self.items):
            if known.id is not None and known.id == item.id:
                self.items[i] = item
                return
        self.items.append(item)


@define
class _Kept:
    """What came before tools were called."""

    texts: list[str] = field(factory=list)
    items: list[Item] = field(factory=list)
    received: int = 0
    usage: Usage | None = None


def heard(text: str, heard_ms: float, total_ms: float) -> str:
    """The part of a text that was spoken in the first ``heard_ms`` of ``total_ms``.

    Speech is taken to run evenly over the letters; a word that was not finished is left out
    (scripts without spaces are cut at a letter).

    Args:
        text: all the words.
        heard_ms: milliseconds that were heard.
        total_ms: milliseconds that all of it takes.
    """
    if total_ms <= 0 or heard_ms >= total_ms:
        return text
    end = int(len(text) * max(0.0, heard_ms) / total_ms)
    while 0 < end < len(text) and not text[end].isspace() and text[end] < _IDEOGRAPHS:
        end -= 1
    return text[:end].rstrip()


def _join(texts: list[str]) -> str:
    """Parts in order, with a space where neither side has one."""
    out = ""
    for text in texts:
        out += _gap(out, text) + text
    return out


def _gap(before: str, after: str) -> str:
    touch = before and after and not before[-1].isspace() and not after[0].isspace()
    return " " if touch else ""
