"""One response: what it sends, in which order and when (protocol: text turn; audio arithmetic).

An answer is a generator of events and of the times to wait for; nothing in it knows a clock. It can
be stopped anywhere, and then still closes what it opened.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterable, Iterator

from inworld_rt.events.server import (
    ErrorEvent,
    OutputAudioCleared,
    OutputAudioStarted,
    OutputAudioStopped,
    RateLimitsUpdated,
    ResponseCreated,
    ResponseDone,
)
from inworld_rt.items import FunctionCall
from inworld_rt.outcome import (
    InputTokens,
    OutputTokens,
    RateLimit,
    ResponseAudio,
    ResponseAudioOutput,
    ResponseError,
    ResponseState,
    StatusDetails,
    Usage,
)
from inworld_rt.pcm import encode
from inworld_rt.simulator.answer_items import CallMaker, House, Maker, MessageMaker
from inworld_rt.simulator.answer_mcp import ApprovalMaker, McpCallMaker
from inworld_rt.simulator.answer_oddities import Odd, Steering
from inworld_rt.simulator.answer_plan import Plan
from inworld_rt.simulator.answer_source import Asked, Piece, Ran, Source, cost
from inworld_rt.simulator.answer_timing import Timing
from inworld_rt.simulator.conversation import ToolCall, pieces
from inworld_rt.simulator.history import text_tokens
from inworld_rt.simulator.refusals import Fault
from inworld_rt.simulator.voice import Voice
from inworld_rt.wire import Event

__all__ = ["Answer"]

log = logging.getLogger("inworld_rt")

WRITING_MS = 60
"""What writing a word takes, compared with speaking it, for the pace of a text answer."""

TAIL_MS = 5
MODEL_DELAY_S = 0.8
"""How much later than the filler a slow model answers."""

MCP_S = 0.05
"""What a call over MCP takes."""


class Answer:
    """A response in progress.

    Args:
        plan: what was decided.
        reply: the words and calls.
        house: what the session shares.
        speaker: the voice.
        now: seconds.
    """

    def __init__(
        self,
        plan: Plan,
        reply: Iterable[Piece],
        house: House,
        speaker: Voice,
        now: float,
    ) -> None:
        self.plan = plan
        self.due: float | None = now
        """When to go on; ``None`` once it is finished."""
        self.status = "in_progress"
        self.audio_ms = 0
        """Milliseconds of speech so far."""
        self._reply = reply
        self._house = house
        self._speaker = speaker
        self._now = now
        self._start: float | None = None
        self._makers: list[Maker] = []
        self._open: Maker | None = None
        self._sounding = False
        self._steps = self._run()

    @property
    def id(self) -> str:
        """The response's id."""
        return self.plan.response_id

    @property
    def calls(self) -> list[str]:
        """The ids of the calls it made."""
        return [m.final.call_id or "" for m in self._makers if isinstance(m.final, FunctionCall)]

    def advance(self, now: float) -> list[Event]:
        """Go on to the next pause.

        Args:
            now: seconds.

        Returns:
            What is to be sent.
        """
        self._now = now
        events: list[Event] = []
        for step in self._steps:
            if isinstance(step, float):
                self.due = step
                return events
            events.append(step)
        self.due = None
        return events

    def stop(self, reason: str) -> list[Event]:
        """Cancel it.

        Args:
            reason: ``turn_detected`` or ``client_cancelled``.

        Returns:
            The closing events.
        """
        self._steps.close()
        self.due = None
        cut = self._open
        events = list(self._ending("cancelled", StatusDetails(type="cancelled", reason=reason)))
        if isinstance(cut, MessageMaker) and self._house.quirks.late_deltas:
            events += cut.late()
        return events

    # --- the whole ----------------------------------------

    def _run(self) -> Generator[Event | float, None, None]:
        quirks = self._house.quirks
        yield ResponseCreated(response=self._state("in_progress", None))
        if quirks.rate_limits:
            limits = (("requests", 1000, 999), ("tokens", 50000, 49950))
            yield RateLimitsUpdated(
                rate_limits=[
                    RateLimit(name=name, limit=most, remaining=left, reset_seconds=0.06)
                    for name, most, left in limits
                ]
            )
        if quirks.tools_plan_denied and self.plan.tools:
            yield from self._failure("tool calling is restricted on this plan")
            return
        yield self._now
        budget = math.inf if self.plan.max_tokens is None else self.plan.max_tokens
        source = Source(iter(()), budget)
        try:
            source.pieces = iter(self._reply)
            yield from self._items(source)
        except Exception as exc:  # a reply source or a voice is other people's code
            log.warning("the simulator's answer failed: %s", type(exc).__name__)
            fault = Fault("The model failed while it was answering.", type="server_error")
            yield ErrorEvent(error=fault.details())
            yield from self._failure(fault.message)
            return
        if source.over:
            details = StatusDetails(type="incomplete", reason="max_output_tokens")
            yield from self._ending("incomplete", details)
        else:
            yield from self._ending("completed", StatusDetails(type="completed"))

    def _items(self, source: Source) -> Iterator[Event | float]:
        if self.plan.filler:
            yield self._now + self.plan.filler_wait_s
        while (piece := source.peek()) is not None or (self.plan.filler and not self._makers):
            if piece is None or isinstance(piece, str):
                yield from self._message(source)
                continue
            source.take()
            if isinstance(piece, ToolCall):
                yield from self._call(piece)
            else:
                yield from self._remote(piece)

    def _ending(self, status: str, details: StatusDetails) -> Iterator[Event]:
        if self._open is not None:
            yield from self._open.close("completed" if status == "completed" else "incomplete")
            self._open = None
        self.status = status
        usage = self._usage()
        beside = self._house.quirks.usage_on_event
        state = self._state(status, details, None if beside else usage)
        yield ResponseDone(response=state, usage=usage if beside else None)
        if self._sounding:
            after = OutputAudioCleared if status == "cancelled" else OutputAudioStopped
            yield after(response_id=self._buffer_id)

    def _failure(self, message: str) -> Iterator[Event]:
        details = StatusDetails(
            type="failed",
            reason="server_error" if self._house.quirks.failure_reason else None,
            error=ResponseError(type="server_error", code="server_error", message=message),
        )
        return self._ending("failed", details)

    def _state(
        self, status: str, details: StatusDetails | None, usage: Usage | None = None
    ) -> ResponseState:
        plan = self.plan
        return ResponseState(
            id=plan.response_id,
            object="realtime.response",
            status=status,
            status_details=details,
            output=[m.final for m in self._makers if m.final is not None],
            conversation_id=self._house.conversation_id if plan.in_conversation else None,
            output_modalities=list(plan.modalities),
            max_output_tokens="inf" if plan.max_tokens is None else plan.max_tokens,
            audio=ResponseAudio(output=ResponseAudioOutput(format=plan.format, voice=plan.voice)),
            metadata=plan.metadata,
            usage=usage,
        )

    def _usage(self) -> Usage:
        text_in, audio_in = self.plan.input_tokens
        text_out = 0
        for maker in self._makers:
            if isinstance(maker, MessageMaker):
                text_out += sum(cost(word) for word in maker.texts)
            elif isinstance(maker, CallMaker):
                text_out += text_tokens(maker.arguments) + 4
        audio_out = self.audio_ms // 50
        return Usage(
            total_tokens=text_in + audio_in + text_out + audio_out,
            input_tokens=text_in + audio_in,
            output_tokens=text_out + audio_out,
            input_token_details=InputTokens(
                text_tokens=text_in, audio_tokens=audio_in, cached_tokens=0
            ),
            output_token_details=OutputTokens(text_tokens=text_out, audio_tokens=audio_out),
        )

    @property
    def _buffer_id(self) -> str | None:
        return None if self._house.quirks.no_response_id_on_output_buffer else self.id

    # --- one item ----------------------------------------

    def _message(self, source: Source) -> Iterator[Event | float]:
        spoken = "audio" in self.plan.modalities
        maker = MessageMaker(
            *self._place(),
            self._house.constant_id if self._house.quirks.reuse_item_ids else self._house.new_id(),
            format=self.plan.format,
            spoken=spoken,
            dual=spoken and "text" in self.plan.modalities and self._house.quirks.dual_text,
            timing=self._timing(),
            steering=Steering(self._house.quirks.steering_tags, self.plan.steer_once),
        )
        first = not self._makers
        self._makers.append(maker)
        self._open = maker
        yield from maker.open()
        yield self._now  # what is known goes out before the work of speaking begins
        tell = self._spoken if spoken else self._written
        if first and self.plan.filler:
            yield from tell(maker, (f"{phrase} " for phrase in self.plan.filler))
            yield self._now + MODEL_DELAY_S
        yield from tell(maker, source.words())
        if spoken and self._house.quirks.zero_tail and self.audio_ms:
            yield maker.slice(self.plan.format.silence(TAIL_MS))
        yield from maker.close("incomplete" if source.over else "completed")
        self._open = None

    def _written(self, maker: MessageMaker, words: Iterator[str]) -> Iterator[Event | float]:
        for word in words:
            yield from maker.word(word)
            self._start = self._now if self._start is None else self._start
            done = len(maker.texts) * WRITING_MS
            yield self._start + done / 1000 / self.plan.pace

    def _spoken(self, maker: MessageMaker, words: Iterator[str]) -> Iterator[Event | float]:
        plan = self.plan
        odd = Odd() if self._house.quirks.odd_chunks and plan.format.type == "audio/pcm" else None
        said = self._speaker.say(
            words,
            voice=plan.voice,
            speed=plan.speed,
            language=plan.language,
            rate=plan.format.rate,
        )
        for piece in said:
            begun = list(pieces(piece.text)) or ([piece.text] if piece.text else [])
            data = encode(piece.pcm, plan.format)
            if data and not self._sounding:
                self._sounding = True
                yield OutputAudioStarted(response_id=self._buffer_id)
            for word in begun:
                yield from maker.word(word)
            if not data:
                continue
            for late in maker.timing.before(begun):
                yield maker.slice(b"", late)
            timing = maker.timing.slice(len(data))
            self._start = self._now if self._start is None else self._start
            self.audio_ms += plan.format.ms(len(data))
            yield maker.slice(odd.cut(data) if odd else data, timing)
            yield self._start + self.audio_ms / 1000 / plan.pace
        if odd and odd.rest:
            yield maker.slice(odd.rest)
        for late in maker.timing.end():
            yield maker.slice(b"", late)

    def _timing(self) -> Timing:
        plan = self.plan
        return Timing(
            plan.timestamps,
            plan.format.bytes_per_second,
            asynchronous=plan.asynchronous,
            whole=plan.whole,
            uneven=self._house.quirks.short_alignments,
        )

    def _call(self, call: ToolCall) -> Iterator[Event]:
        declared = next((t for t in self.plan.tools if t.get("name") == call.name), None)
        call_id = self._house.new_id()
        for _ in range(2 if self._house.quirks.repeat_calls else 1):
            maker = CallMaker(
                *self._place(), self._house.new_id(), call=call, call_id=call_id, tool=declared
            )
            self._makers.append(maker)
            self._open = maker
            yield from maker.open()
            yield from maker.deltas()
            yield from maker.close("completed")
            self._open = None

    def _remote(self, piece: Ran | Asked) -> Iterator[Event | float]:
        maker: McpCallMaker | ApprovalMaker
        if isinstance(piece, Ran):
            maker = McpCallMaker(*self._place(), self._house.new_id(), ran=piece)
        else:
            maker = ApprovalMaker(*self._place(), piece.request_id, asked=piece)
        self._makers.append(maker)
        self._open = maker
        yield from maker.open()
        if isinstance(maker, McpCallMaker):
            yield from maker.run()
            yield self._now + MCP_S
        yield from maker.close("completed")
        self._open = None

    def _place(self) -> tuple[House, str, int, bool]:
        """What every item's maker is told first."""
        return self._house, self.id, len(self._makers), self.plan.in_conversation
