"""What the faces of the client share: the session, and how an answer is asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from inworld_rt.answer import Answer
from inworld_rt.backlog import Backlog
from inworld_rt.codec import UNSET, Setting
from inworld_rt.config import ReplyConfig
from inworld_rt.events import Event, ResponseCreate
from inworld_rt.hooks import Hooks
from inworld_rt.link import Link
from inworld_rt.request import Request
from inworld_rt.response import Response
from inworld_rt.tools.function import Tool
from inworld_rt.tools.toolbox import Toolbox

__all__ = ["Base"]


class Base:
    """The attributes, which :class:`~inworld_rt.Client` sets, and two steps that several use."""

    timeout: float
    """Seconds of the server's silence after which a call gives up."""
    _link: Link
    _backlog: Backlog
    _hooks: Hooks
    _toolbox: Toolbox
    _updating: threading.Lock
    _telling: threading.Lock
    _follower: object | None

    def _request(
        self,
        *before: Event,
        reply: Setting[ReplyConfig] = UNSET,
        functions: Mapping[str, Tool] | None = None,
        polite: bool = False,
    ) -> Response:
        link = self._link
        create = ResponseCreate(response=reply, event_id=link.new_id())
        answer = Answer(
            link.session.output_format,
            reply=reply,
            parent=link.calling,
            functions=functions or {},
        )
        request = Request(answer, (*before, create), polite=polite)
        link.check()
        response = self._respond(request.answer)
        try:
            link.request(request)
        except BaseException:
            link.give_up(request)
            self._backlog.drop(response)
            raise
        return response

    def _respond(self, answer: Answer) -> Response:
        response = Response(self._link, answer, self.timeout, self._backlog.collect)
        self._backlog.add(response)
        return response

    def _adopt(self, answer: Answer) -> None:
        if answer.owner is None:
            self._respond(answer)
