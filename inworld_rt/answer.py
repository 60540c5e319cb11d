"""One answer as it is being made: words, sound, items, status. Pure; the blocking face of it is
:class:`~inworld_rt.Response`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from inworld_rt.codec import UNSET, Setting, replace
from inworld_rt.config import ReplyConfig
from inworld_rt.events import AudioDelta, CallArgumentsDone, Event, OutputItemAdded, ResponseDone
from inworld_rt.items import FunctionCall, Item
from inworld_rt.outcome import StatusDetails, Usage, total
from inworld_rt.pcm import AudioFormat, Carry
from inworld_rt.spoken import Turn
from inworld_rt.wording import PartKey, Words, heard, join

if TYPE_CHECKING:
    from inworld_rt.captions import Caption, Timeline

__all__ = ["Answer", "cost"]


@define
class _Kept:
    """What came before tools were called, in earlier responses of the same answer."""

    items: tuple[Item, ...] = ()
    received: int = 0
    usage: Usage | None = None
    heard: str = ""
    """The words that the user heard of them."""


@define(eq=False)
class Answer:
    """The state of one answer.

    An answer that calls tools goes on in another response of the server's, when they have run; to
    the user it is one. Each of these responses is a *round*.

    Attributes:
        format: how its audio is coded.
        reply: what was asked for besides the session's settings.
        parent: the answer that waits for the tool which asked for this one, if one did.
        functions: tools that are run for this answer only, by name; not used here.
        id: the server's id; ``None`` until it began. The latest round's.
        status: ``waiting``, then the server's words: ``in_progress``, ``completed``, ``cancelled``,
            ``failed``, ``incomplete``; ``calling`` while tools run; or ``lost``, where the
            connection ended first.
        rounds: how often tools were run for it.
        round: which one is being made, or was made last.
        items: what was made, in order.
        received: bytes of audio so far.
        cuts: by round, the milliseconds of it after which the user heard no more.
        interrupted: whether the user cut it off; what still comes of this round is dropped.
        typed: whether what it answers was sent as text with the request for it.
        turn: what the user spoke before it began; what it answers, unless that was typed.
        heard_at: when the first of its sound left the loudspeaker, in seconds; written down by
            whoever plays it.
        owner: whoever shows it to the user; not used here.
    """

    format: AudioFormat = field(factory=AudioFormat)
    reply: Setting[ReplyConfig] = UNSET
    parent: Answer | None = None
    functions: Mapping[str, Any] = field(factory=dict)
    id: str | None = None
    status: str = "waiting"
    details: StatusDetails | None = None
    usage: Usage | None = None
    rounds: int = 0
    round: int = 0
    items: list[Item] = field(factory=list)
    received: int = 0
    cuts: dict[int, float] = field(factory=dict)
    interrupted: bool = False
    typed: bool = False
    turn: Turn | None = None
    heard_at: float | None = None
    owner: Any = None
    words: Words = field(factory=Words)
    """What is said."""
    _calls: dict[str, FunctionCall] = field(factory=dict)
    """Calls of this round, from the events before they are complete."""
    _carries: dict[PartKey, Carry] = field(factory=dict)
    _frame: int = 1  # bytes of a whole sample
    _timeline: Timeline | None = None
    _kept: _Kept = field(factory=_Kept)

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.status not in ("waiting", "in_progress", "calling")

    @property
    def text(self) -> str:
        """The words so far, without what steers the voice."""
        return self.words.text

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
        """Those of this round."""
        new = self.items[len(self._kept.items) :]
        return [item for item in new if isinstance(item, FunctionCall)]

    @property
    def begin_ms(self) -> float:
        """Milliseconds of its sound that came before this round."""
        return self._ms(self._kept.received)

    @property
    def ms_of_round(self) -> float:
        """Milliseconds of sound that came in this round."""
        return self._ms(self.received - self._kept.received)

    def follows_from(self, other: Answer) -> bool:
        """Whether a tool of the other answer asked for it, at whatever remove."""
        parent = self.parent
        while parent is not None and parent is not other:
            parent = parent.parent
        return parent is other

    @property
    def cut_ms(self) -> float | None:
        """Milliseconds of this round after which the user heard no more; or ``None``."""
        return self.cuts.get(self.round)

    @property
    def heard_text(self) -> str:
        """The words up to where the user cut it off, else all so far."""
        kept = self._kept
        cut, own = self.cut_ms, self.words.own
        if cut is not None:
            begin = self.begin_ms
            timed = [word for word in self.captions if word.start * 1000 >= begin - 1]
            if not cut:
                own = ""
            elif timed:
                from inworld_rt import captions  # there are some, so it has been loaded

                own = captions.heard(timed, (begin + cut) / 1000)
            else:
                own = heard(own, cut, self._ms(self.received) - begin)
        return join([kept.heard, own])

    def _ms(self, nbytes: int) -> float:
        return nbytes * 1000 / self.format.bytes_per_second

    # --- its rounds ------------------------------------------------------------------------------

    def begin(self, response_id: str | None, format: AudioFormat) -> None:
        """The server started it, or its next round."""
        if self.rounds > self.round:
            # What came so far stays, whatever comes of the rest.
            kept = _Kept(tuple(self.items), self.received, self.usage, self.heard_text)
            self.round = self.rounds
            self.interrupted = False
            self._renew(self.text)
            self._kept = kept  # last, as it is read first: no words twice
        self.id, self.format, self.status = response_id, format, "in_progress"
        self._frame = format.bytes_per_frame

    def call(self) -> None:
        """It waits for tools, and then goes on."""
        self.status = "calling"
        self.rounds += 1

    def _renew(self, before: str) -> None:
        # New ones, as other threads may be reading the old.
        self.words, self._calls, self._carries = Words(before), {}, {}

    def reset(self) -> None:
        """Forget what came in this round: it belonged to another answer."""
        kept = self._kept
        self.id, self.status, self.received = None, "waiting", kept.received
        self.details, self.interrupted = None, False
        self.cuts.pop(self.round, None)
        self.items, self.usage = list(kept.items), kept.usage
        if self._timeline:
            self._timeline.forget(self.begin_ms / 1000)
        if not self.rounds:
            self.turn = self.heard_at = None
        self._renew(self.words.before)

    def handed_over(self) -> Answer:
        """Another answer, which has what came in this round."""
        other = Answer()
        other.begin(self.id, self.format)
        other.words = self.words.handed_over()
        other.received = self.received - self._kept.received
        other.items = self.items[len(self._kept.items) :]
        other._calls, other._carries = self._calls, self._carries
        if not self.rounds:
            other.turn, other.heard_at = self.turn, self.heard_at
        return other

    # --- what comes ------------------------------------------------------------------------------

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

    def note_call(self, event: Event) -> None:
        """Take what an early event tells of a call; the final item may lack it (protocol: function
        calls)."""
        if isinstance(event, OutputItemAdded) and isinstance(event.item, FunctionCall):
            self._calls[event.item.call_id or ""] = event.item
        elif isinstance(event, CallArgumentsDone):
            call_id = event.call_id or ""
            known = self._calls.get(call_id) or FunctionCall(id=event.item_id, call_id=call_id)
            self._calls[call_id] = replace(
                known,
                name=event.name or known.name,
                arguments=event.arguments or known.arguments,
            )

    def add_item(self, item: Item | None) -> None:
        """An item of the answer is final."""
        if item is None:
            return
        for i in range(len(self._kept.items), len(self.items)):
            if item.id is not None and self.items[i].id == item.id:
                self.items[i] = item
                return
        self.items.append(item)

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
        self.usage = total(self._kept.usage, cost(event))
        before = len(self._kept.items)
        made = list(state.output) if state and state.output else self.items[before:]
        made = self._with_calls(made)
        self.items = [*self._kept.items, *made]
        if self.words:
            return self.words.settle_all()
        texts = [((item.id, i), getattr(item, "text", "")) for i, item in enumerate(made)]
        return "".join(self.words.put(key, text, final=True) for key, text in texts if text)

    def _with_calls(self, items: list[Item]) -> list[Item]:
        """The items of this round, with what early events told of the calls among them."""
        noted, out = dict(self._calls), []
        for item in items:
            if isinstance(item, FunctionCall):
                known = noted.pop(item.call_id or "", item)
                item = replace(
                    item,
                    name=item.name or known.name,
                    arguments=item.arguments or known.arguments,
                )
            out.append(item)
        if self.status != "completed":
            return out
        return [*out, *(call for call in noted.values() if call.call_id and call.name)]


def cost(event: ResponseDone) -> Usage | None:
    """What one response cost; some servers tell it beside the response instead of in it."""
    return (event.response and event.response.usage) or event.usage
