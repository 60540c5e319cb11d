"""The latest events and the places of their readers."""

from __future__ import annotations

import pytest

from inworld_rt import events
from inworld_rt.errors import ConfigError, ConnectionLost, LocalProtocolError, WaitTimeout
from inworld_rt.eventlog import KEPT, EventLog, matcher
from inworld_rt.events import Event, Ping, ResponseCreate, TextDelta, UnknownEvent
from tests.support.background import Background


def anything(event: Event) -> bool:
    return True


def delta(n: int) -> TextDelta:
    return TextDelta(delta=str(n))


class TestMatcher:
    def test_without_kinds_takes_all(self) -> None:
        assert matcher(())(Ping())

    @pytest.mark.parametrize(
        "kind", [TextDelta, "response.output_text.delta", "response.text.delta"]
    )
    def test_by_class_name_and_old_name(self, kind: object) -> None:
        wanted = matcher((kind,))
        assert wanted(TextDelta())
        assert not wanted(Ping())

    def test_of_several(self) -> None:
        wanted = matcher((Ping, "response.output_text.delta"))
        assert wanted(TextDelta()) and wanted(Ping())
        assert not wanted(events.ResponseDone())

    def test_by_a_name_that_this_version_does_not_know(self) -> None:
        wanted = matcher(("x.new",))
        assert wanted(UnknownEvent(raw={"type": "x.new"}))
        assert not wanted(UnknownEvent(raw={"type": "x.other"}))
        assert matcher((UnknownEvent,))(UnknownEvent(raw={}))

    @pytest.mark.parametrize("kind", [ResponseCreate, "response.create", int, 5, None, Ping()])
    def test_refuses_what_no_server_sends(self, kind: object) -> None:
        with pytest.raises(ConfigError, match=r"response\.done"):
            matcher((kind,))


class TestEventLog:
    def test_gives_events_from_a_place_on(self) -> None:
        log = EventLog()
        for n in range(3):
            log.add(delta(n))
        assert log.next(0, anything, 0) == (delta(0), 1)
        assert log.next(2, anything, 0) == (delta(2), 3)
        assert log.next(0, lambda e: e == delta(1), 0) == (delta(1), 2)

    def test_waits_for_one(self) -> None:
        log = EventLog()
        log.add(Ping())
        waiting = Background(lambda: log.next(0, matcher((TextDelta,)), None))
        log.add(Ping())
        log.add(delta(1))
        assert waiting.result() == (delta(1), 3)

    def test_gives_up(self) -> None:
        with pytest.raises(WaitTimeout, match=r"0\.001 s"):
            EventLog().next(0, anything, 0.001)

    def test_forgets_the_oldest_and_says_so(self) -> None:
        log = EventLog()
        for n in range(KEPT + 10):
            log.add(delta(n))
        assert log.next(0, anything, 0) == (delta(10), 11)
        with pytest.raises(LocalProtocolError, match="10 events were missed"):
            log.next(0, anything, 0, strict=True)
        assert log.next(10, anything, 0, strict=True) == (delta(10), 11)

    def test_ends_behind_what_is_left_with_a_fresh_exception(self) -> None:
        log = EventLog()
        log.add(delta(1))
        log.close(lambda: ConnectionLost("first"))
        log.close(lambda: ConnectionLost("second"))
        assert log.next(0, anything, None) == (delta(1), 1)
        errors = []
        for _ in range(2):
            with pytest.raises(ConnectionLost, match="first") as caught:
                log.next(1, anything, None)
            errors.append(caught.value)
        assert errors[0] is not errors[1]

    def test_wakes_who_waits_at_the_end(self) -> None:
        log = EventLog()
        waiting = [Background(lambda: log.next(0, anything, None)) for _ in range(3)]
        log.close(lambda: ConnectionLost("over"))
        assert all(isinstance(one.error(), ConnectionLost) for one in waiting)

    def test_marks_belong_to_threads_and_go_forward_only(self) -> None:
        log = EventLog()
        log.mark = 5
        log.mark = 3
        assert log.mark == 5
        assert Background(lambda: log.mark).result() == 0
