"""Running tools: each call on a thread of its own, and every call answered exactly once."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial

from attrs import define, field

from inworld_rt.answer import Answer
from inworld_rt.arguments import MAX_TEXT
from inworld_rt.errors import ConnectionClosed, ToolError, WaitTimeout
from inworld_rt.events import ItemCreate
from inworld_rt.items import FunctionCall, FunctionCallOutput
from inworld_rt.link import Link
from inworld_rt.tools.function import Tool
from inworld_rt.tools.result import encode_error, encode_result
from inworld_rt.workers import Deadline, Inbox, Worker, call

__all__ = ["Runner"]

_STOP_WITHIN = 0.5  # seconds that close() leaves to running tools, which nothing can stop
_UNANSWERED = 3.0  # seconds after which the server will not answer the user's turn any more

_STILL_WORKING = (
    '{"status": "still working", "message": "There is no result yet. It will be told later; until '
    'then, do not call this tool again."}'
)
_LATE = "The tool {name}, which was still working, has finished. Its result is: {output}"

logger = logging.getLogger("inworld_rt")


@define(eq=False)
class _Run:
    """A call that is running."""

    answer: Answer
    call: FunctionCall
    deadline: Deadline = field(factory=lambda: Deadline(None))
    told: bool = False
    """Whether the model was told that it is still working."""

    @property
    def name(self) -> str:
        return self.call.name or ""


class Runner:
    """The tools of a session.

    One thread, ``inworld-rt-tools``, starts the calls, watches their time and answers them; it
    alone decides what a call is answered, so that no call is answered twice.
    """

    def __init__(
        self, link: Link, tools: Callable[[], Mapping[str, Tool]], late: Callable[[str], object]
    ) -> None:
        """Nothing runs before a tool is called.

        Args:
            link: the session.
            tools: gives those that there are, by name.
            late: adds a text to the conversation and asks for an answer to it; for results that
                come after the model was told to wait no longer.
        """
        self._link = link
        self._tools = tools
        self._late = late
        self._news: Inbox[Callable[[], None]] = Inbox()
        self._running: list[_Run] = []
        self._threads: list[Worker] = []
        self._numbers = itertools.count(1)
        self._worker: Worker | None = None
        self._over = False
        link.run_tool = self.run

    def run(self, answer: Answer, called: FunctionCall) -> None:
        """Have a call run. Never blocks; only the reader's thread calls this."""
        self._news.put(partial(self._start, _Run(answer, called)))
        if self._worker is None:
            self._worker = Worker("tools", self._manage, lambda exc: None)
            self._worker.start()

    def close(self, timeout: float | None) -> None:
        """Start no more; wait a moment for those that run.

        Args:
            timeout: seconds to wait at most.
        """
        self._news.close(StopIteration)
        deadline = Deadline(_STOP_WITHIN if timeout is None else min(timeout, _STOP_WITHIN))
        for worker in (self._worker, *self._threads):
            if worker is not None:
                worker.join(deadline.left())

    # --- in the thread that manages --------------------------------------------------------------

    def _manage(self, stopping: threading.Event) -> None:
        while not self._over:
            try:
                step = self._news.get(self._patience())
            except WaitTimeout:
                step = self._look_at_the_time
            except StopIteration:
                return
            # Whatever goes wrong with one call, the others must still be answered.
            call(self._do, step)

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except ConnectionClosed:
            self._over = True  # whoever waits for the answers is told that

    def _patience(self) -> float | None:
        waits = [left for run in self._running if (left := run.deadline.left()) is not None]
        if self._link.session.held:
            waits.append(_UNANSWERED)
        return min(waits, default=None)

    def _start(self, run: _Run) -> None:
        tool = run.answer.functions.get(run.name) or self._tools().get(run.name)
        if tool is None:
            known = ", ".join({**self._tools(), **run.answer.functions}) or "none"
            error = ToolError(f"there is no tool of this name; there are: {known}")
            self._answer(run, encode_error(error))
            return
        run.deadline = Deadline(tool.timeout)
        self._running.append(run)
        self._count()
        number = next(self._numbers)
        logger.debug("= tool %s runs as number %d", tool.name, number)
        worker = Worker(f"tool-{number}", partial(self._work, run, tool), lambda exc: None)
        self._threads = [w for w in self._threads if not w.join(0)] + [worker]
        try:
            worker.start()
        except RuntimeError as exc:  # the system has no more threads
            self._finish(run, encode_error(exc))

    def _look_at_the_time(self) -> None:
        for run in self._running:
            if run.deadline.left() == 0.0:
                run.deadline, run.told = Deadline(None), True
                self._count()
                logger.debug("= tool %s takes longer than its timeout", run.name)
                self._answer(run, _STILL_WORKING)
        if self._link.session.held:
            self._link.apply(lambda session: session.hold_no_longer())

    def _finish(self, run: _Run, output: str) -> None:
        self._running.remove(run)
        self._count()
        if run.told:
            self._late(_LATE.format(name=run.name, output=output))
        else:
            self._answer(run, output)

    def _count(self) -> None:
        # Nobody waits any longer for those that the model was told of.
        self._link.working = sum(not run.told for run in self._running)

    def _answer(self, run: _Run, output: str) -> None:
        link, call_id = self._link, run.call.call_id
        item = FunctionCallOutput(call_id=call_id, output=output)
        event = ItemCreate(item=item, event_id=link.new_id())
        create_id = link.new_id()
        link.life += 1

        def go_on() -> None:
            link.apply(lambda session: session.answered(run.answer, call_id or "", create_id))

        if link.session.goes_on_by_itself:
            go_on()  # first: what the server begins then is this answer's
            link.post(event)
        else:
            link.post(event)  # first: nothing may be asked for before the last result is told
            go_on()

    # --- in a tool's thread ----------------------------------------------------------------------

    def _work(self, run: _Run, tool: Tool, stopping: threading.Event) -> None:
        self._link.here.answer = run.answer
        output = ""

        def work() -> None:
            nonlocal output
            try:
                result = tool.arguments(run.call.arguments)()
            except ToolError as exc:  # meant for the model
                output = encode_error(exc)
                return
            except BaseException as exc:
                output = encode_error(exc)
                raise
            try:
                output = encode_result(result, tool.name)
            except BaseException as exc:  # the developer's mistake
                output = encode_error(exc)
                raise

        try:
            call(work)  # what went wrong is shown to the developer, too
        finally:  # a tool may even try to exit
            self._news.put(partial(self._finish, run, _sendable(output, tool.name)))


def _sendable(output: str, name: str) -> str:
    """A result as it is, or what to say instead: the call must be answered all the same."""
    try:
        size = len(output.encode("utf-8"))
    except UnicodeEncodeError:  # half a surrogate pair
        return encode_error(ToolError(f"the result of {name}() is a text that cannot be sent"))
    if size > MAX_TEXT:
        words = f"the result of {name}() has {size} bytes; {MAX_TEXT} are possible"
        return encode_error(ToolError(words))
    return output
