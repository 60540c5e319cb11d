"""The reader and what it does with the state, driven over a line in memory."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from inworld_rt import link as link_module
from inworld_rt.answer import Answer
from inworld_rt.errors import (
    ConfigError,
    ConnectionClosed,
    ConnectionClosedOK,
    ConnectionLost,
    InworldError,
    RemoteProtocolError,
    ServerError,
    WaitTimeout,
)
from inworld_rt.events import ItemDelete, ItemDeleted, Ping, ResponseCreate, SessionUpdate
from inworld_rt.link import Link
from inworld_rt.request import Request
from inworld_rt.transport import MemoryTransport
from tests.support.background import PATIENCE, Background


class Owner:
    """Notes what happens to an answer."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.failure: Any = None
        self.ended = threading.Event()

    def sounds(self, pcm: bytes) -> None:
        self.seen.append("sound")

    def says(self, words: str) -> None:
        self.seen.append(words)

    def restarts(self) -> None:
        self.seen.append("restart")

    def ends(self, failure: Any, *, by_event: bool = False) -> None:
        self.failure = failure
        self.ended.set()


class Peer:
    """A link and the other end of its line."""

    def __init__(self) -> None:
        transport, self.line = MemoryTransport.pair()
        self.link = Link(transport, self.adopt)
        self.adopted: list[Answer] = []
        self.link.start()

    def adopt(self, answer: Answer) -> None:
        answer.owner = answer.owner or Owner()
        self.adopted.append(answer)

    def send(self, kind: str, **fields: Any) -> None:
        self.line.send(json.dumps({"type": kind, **fields}))

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.line.recv())
        return message

    def ask(self) -> tuple[Request, Owner]:
        owner = Owner()
        create = ResponseCreate(event_id=self.link.new_id())
        request = Request(Answer(owner=owner), (create,))
        self.link.request(request)
        return request, owner

    def seen(self, name: str = "seen") -> None:
        """Wait until the link has taken in all that was sent so far."""
        self.send("x.mark", name=name)
        log = self.link.log
        log.next(0, lambda e: (e.raw or {}).get("name") == name, PATIENCE)

    def over(self) -> BaseException:
        """Wait for the end; what every later call raises."""
        with pytest.raises(InworldError):
            self.link.log.next(self.link.log.count, lambda e: False, PATIENCE)
        with pytest.raises(InworldError) as caught:
            self.link.check()
        return caught.value


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.link.close(polite=False)


class TestSending:
    def test_ids_are_never_the_same(self, peer: Peer) -> None:
        other = Peer()
        ids = [link.new_id() for link in (peer.link, other.link) for _ in range(3)]
        other.link.close()
        assert len(set(ids)) == 6

    def test_what_cannot_be_sent_is_refused_before_any_of_it(self, peer: Peer) -> None:
        request = Request(Answer(), (ResponseCreate(), SessionUpdate(session=5)))  # type: ignore[arg-type]
        with pytest.raises(ConfigError):
            peer.link.request(request)
        with pytest.raises(ConfigError):
            peer.link.post(*request.events)
        peer.link.post(ResponseCreate(event_id="good"))
        assert peer.receive()["event_id"] == "good"

    def test_the_events_of_a_request_stay_together(self, peer: Peer) -> None:
        def talk(name: str) -> None:
            for n in range(50):
                peer.link.send(*(json.dumps([name, n, part]).encode() for part in range(3)))

        talkers = [Background(partial(talk, name)) for name in ("a", "b", "c")]
        got = [tuple(json.loads(peer.line.recv())) for _ in range(3 * 50 * 3)]
        for talker in talkers:
            talker.result()
        for first, second, third in zip(got[::3], got[1::3], got[2::3], strict=True):
            assert first[:2] == second[:2] == third[:2]
            assert (first[2], second[2], third[2]) == (0, 1, 2)

    def test_long_audio_goes_in_pieces_and_is_counted(
        self, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link_module, "_PIECE", 4800)
        peer.link.send_audio(bytes(12_000))
        assert [len(peer.receive()["audio"]) for _ in range(3)] == [6400, 6400, 3200]
        assert peer.link.session.audio_sent_ms == 250

    def test_odd_slices_of_audio_do_not_shift_the_clock(self, peer: Peer) -> None:
        for _ in range(480):
            peer.link.send_audio(bytes(2 * 101))
        assert peer.link.session.audio_sent_ms == pytest.approx(480 * 101 / 24)

    def test_counts(self, peer: Peer) -> None:
        peer.link.post(ResponseCreate())
        peer.send("error", error={"message": "no"})
        peer.send("response.created", response={"id": "r"})
        peer.send("response.done", response={"id": "r"})
        peer.seen()
        stats = peer.link.stats
        assert (stats.events_sent, stats.errors, stats.responses) == (1, 1, 1)
        assert stats.events_received == 4
        assert stats.bytes_sent == len(b'{"type":"response.create"}') < stats.bytes_received

    def test_counts_are_a_copy(self, peer: Peer) -> None:
        before = peer.link.stats
        peer.link.send_audio(bytes(4800))
        assert (before.events_sent, before.seconds_sent) == (0, 0)
        assert peer.link.stats.seconds_sent == pytest.approx(0.1)


class TestExchange:
    def exchange(self, peer: Peer, timeout: float = PATIENCE) -> Background:
        return Background(
            lambda: peer.link.exchange(
                ItemDelete(item_id="x"), lambda e: isinstance(e, ItemDeleted), ("item",), timeout
            )
        )

    def test_gives_the_reply(self, peer: Peer) -> None:
        asking = self.exchange(peer)
        peer.receive()
        peer.send("conversation.item.deleted", item_id="x")
        assert asking.result() == ItemDeleted(item_id="x")

    def test_raises_the_refusal_of_this_request_only(self, peer: Peer) -> None:
        asking = self.exchange(peer)
        message = peer.receive()
        peer.send("error", error={"message": "another's", "event_id": "c-0-0"})
        peer.send("error", error={"message": "mine", "event_id": message["event_id"]})
        error = asking.error()
        assert isinstance(error, ServerError) and str(error) == "mine"

    def test_gives_up_and_leaves_nothing_behind(self, peer: Peer) -> None:
        error = self.exchange(peer, 0.01).error()
        assert isinstance(error, WaitTimeout) and "conversation.item.delete" in str(error)
        assert peer.link.session._expected == []

    def test_ends_with_the_session(self, peer: Peer) -> None:
        asking = self.exchange(peer)
        peer.receive()
        peer.line.begin_close(1011, "oops")
        error = asking.error()
        assert isinstance(error, ConnectionLost) and (error.code, error.reason) == (1011, "oops")

    def test_an_interrupt_leaves_nothing_behind(
        self, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(self: object, timeout: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("inworld_rt.workers.Inbox.get", interrupted)
        with pytest.raises(KeyboardInterrupt):
            peer.link.exchange(ItemDelete(item_id="x"), lambda e: True, (), 1)
        assert peer.link.session._expected == []


class TestAnswers:
    def test_reach_their_owners(self, peer: Peer) -> None:
        _, owner = peer.ask()
        peer.receive()
        peer.send("response.created", response={"id": "r"})
        peer.send("response.output_text.delta", response_id="r", delta="Hi")
        peer.send("response.output_audio.delta", response_id="r", delta="AAAA")
        peer.send("response.done", response={"id": "r"})
        assert owner.ended.wait(PATIENCE)
        assert owner.seen == ["Hi", "sound"] and owner.failure is None

    def test_failures_are_fresh(self, peer: Peer) -> None:
        _, owner = peer.ask()
        event_id = peer.receive()["event_id"]
        peer.send("error", error={"message": "no", "event_id": event_id})
        assert owner.ended.wait(PATIENCE)
        one, other = owner.failure(), owner.failure()
        assert isinstance(one, ServerError) and one is not other and str(one) == str(other)

    def test_that_wait_are_sent_by_the_reader(self, peer: Peer) -> None:
        peer.ask()
        second, _ = peer.ask()
        peer.receive()
        peer.send("response.created", response={"id": "r"})
        peer.send("response.done", response={"id": "r"})
        assert peer.receive()["event_id"] == second.create_id

    def test_arrivals_are_told(self, peer: Peer) -> None:
        with peer.link.arrivals() as arrivals:
            peer.send("response.created", response={"id": "r"})
            assert arrivals.get(PATIENCE) is peer.adopted[0].owner
        assert peer.link._arrivals == []

    def test_arrivals_end_with_the_session_before_and_after(self, peer: Peer) -> None:
        with peer.link.arrivals() as arrivals:
            peer.line.abort()
            with pytest.raises(ConnectionLost):
                arrivals.get(PATIENCE)
        with peer.link.arrivals() as arrivals, pytest.raises(ConnectionLost):
            arrivals.get(PATIENCE)

    def test_a_request_taken_back_frees_the_floor(self, peer: Peer) -> None:
        first, owner = peer.ask()
        second, _ = peer.ask()
        peer.link.give_up(first)
        assert owner.ended.is_set()
        assert [peer.receive()["event_id"] for _ in range(2)] == [first.create_id, second.create_id]

    def test_giving_up_never_raises(self, peer: Peer) -> None:
        first, _ = peer.ask()
        peer.link.close(polite=False)
        peer.link.give_up(first)


class TestPatience:
    def waits(self, seconds: float) -> None:
        raise WaitTimeout("too long")

    def test_ends_when_nothing_comes(self, peer: Peer) -> None:
        with pytest.raises(WaitTimeout, match="waiting for godot"):
            peer.link.patiently(self.waits, 0.01, "godot")

    def test_goes_on_while_events_come_but_not_for_pings(self, peer: Peer) -> None:
        steps: list[str] = ["x.life", "x.life", "ping", "never"]

        def step(seconds: float) -> None:
            kind = steps.pop(0)
            before = peer.link.log.count
            peer.send(kind)
            peer.link.log.next(before, lambda e: True, PATIENCE)
            raise WaitTimeout("too long")

        with pytest.raises(WaitTimeout):
            peer.link.patiently(step, 1, "godot")
        assert steps == ["never"]
        assert isinstance(peer.link.log.next(2, lambda e: True, 0)[0], Ping)


class TestTheEnd:
    def test_is_raised_fresh_each_time(self, peer: Peer) -> None:
        peer.line.begin_close(1011, "oops")
        one = peer.over()
        with pytest.raises(ConnectionLost) as caught:
            peer.link.post(ResponseCreate())
        assert caught.value is not one
        assert (caught.value.code, caught.value.reason) == (1011, "oops")
        assert isinstance(caught.value.__cause__, ConnectionClosed)

    def test_of_a_dropped_line(self, peer: Peer) -> None:
        peer.line.abort()
        error = peer.over()
        assert isinstance(error, ConnectionLost) and error.code == 1006

    def test_in_good_order(self, peer: Peer) -> None:
        peer.line.begin_close(1001, "going away")
        error = peer.over()
        assert isinstance(error, ConnectionClosedOK) and error.code == 1001

    @pytest.mark.parametrize("message", [b"\xff\xfe", b"{", b"[]", b'"' + b"s" * 99, b""])
    def test_of_garbage_is_told_to_both_sides(self, peer: Peer, message: bytes) -> None:
        _, owner = peer.ask()
        peer.receive()
        peer.line.send(message)
        error = peer.over()
        assert isinstance(error, RemoteProtocolError)
        assert "sss" not in str(error)
        assert isinstance(owner.failure(), RemoteProtocolError)
        with pytest.raises(ConnectionLost) as caught:
            peer.line.recv()
        assert caught.value.code == 1007

    def test_of_garbage_is_known_before_the_line_goes_down(
        self, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A send that fails because of the goodbye is told of the garbage, too."""
        told: list[BaseException] = []

        def send_meanwhile(code: int) -> None:
            with pytest.raises(InworldError) as caught:
                peer.link.post(ResponseCreate())
            told.append(caught.value)

        monkeypatch.setattr(peer.link._transport, "begin_close", send_meanwhile)
        peer.line.send(b"{")
        peer.over()
        assert [type(error) for error in told] == [RemoteProtocolError]

    def test_is_explained_to_a_send_that_notices_it_first(
        self, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, owner = peer.ask()
        busy, go_on = threading.Event(), threading.Event()

        def says(words: str) -> None:
            busy.set()
            assert go_on.wait(PATIENCE)

        monkeypatch.setattr(owner, "says", says)
        peer.send("response.created", response={"id": "r"})
        peer.send("response.output_text.delta", response_id="r", delta="Hi")
        assert busy.wait(PATIENCE)
        peer.send("error", error={"message": "Out of credit."})
        peer.line.begin_close(1008)
        sender = Background(lambda: peer.link.post(ResponseCreate()))
        go_on.set()
        error = sender.error()
        assert isinstance(error, ConnectionLost) and "Out of credit" in str(error)

    def test_of_a_fault_of_ours_ends_the_session_too(
        self, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, owner = peer.ask()
        peer.receive()
        monkeypatch.setattr(owner, "says", None)
        peer.send("response.created", response={"id": "r"})
        peer.send("response.output_text.delta", response_id="r", delta="Hi")
        error = peer.over()
        assert type(error) is InworldError and "TypeError" in str(error)
        assert isinstance(error.__cause__, TypeError)
        assert owner.ended.is_set()
        with pytest.raises(ConnectionLost) as caught:
            peer.line.recv()
        assert caught.value.code == 1011

    def test_reaches_all_who_wait(self, peer: Peer) -> None:
        owners = [peer.ask()[1] for _ in range(3)]
        peer.send("response.created", response={"id": "r"})
        peer.send("response.created", response={"id": "server's"})
        peer.seen()
        peer.line.abort()
        peer.over()
        assert all(isinstance(owner.failure(), ConnectionLost) for owner in owners)
        assert isinstance(peer.adopted[-1].owner.failure(), ConnectionLost)

    def test_a_request_after_it_is_refused(self, peer: Peer) -> None:
        peer.line.abort()
        peer.over()
        with pytest.raises(ConnectionLost):
            peer.ask()


class TestBlame:
    """Which error event is named as the reason of the end."""

    def complain(self, peer: Peer, **fields: Any) -> None:
        peer.send("error", error={"type": "t", "message": "time is up", **fields})

    def cause(self, peer: Peer) -> tuple[str, BaseException | None]:
        peer.line.begin_close(1011)
        error = peer.over()
        return str(error), error.__cause__

    def test_one_just_before(self, peer: Peer) -> None:
        self.complain(peer, code="session_expired")
        peer.send("ping")
        words, cause = self.cause(peer)
        assert "time is up" in words
        assert isinstance(cause, ServerError) and cause.code == "session_expired"

    def test_not_one_after_which_things_went_on(self, peer: Peer) -> None:
        self.complain(peer)
        peer.send("response.created", response={"id": "r"})
        words, cause = self.cause(peer)
        assert "time is up" not in words and isinstance(cause, ConnectionClosed)

    def test_not_one_long_ago(self, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(link_module, "_BLAMED", 0.0)
        self.complain(peer)
        assert isinstance(self.cause(peer)[1], ConnectionClosed)

    @pytest.mark.parametrize(
        "code", ["response_cancel_not_active", "conversation_already_has_active_response"]
    )
    def test_not_a_harmless_one(self, peer: Peer, code: str) -> None:
        self.complain(peer, code=code)
        assert isinstance(self.cause(peer)[1], ConnectionClosed)


class TestClose:
    def test_says_goodbye(self, peer: Peer) -> None:
        peer.link.close()
        with pytest.raises(ConnectionClosedOK) as caught:
            peer.line.recv()
        assert caught.value.code == 1000
        assert peer.link.over
        with pytest.raises(ConnectionClosedOK, match="this client is closed"):
            peer.link.check()

    def test_without_manners(self, peer: Peer) -> None:
        peer.link.close(polite=False)
        with pytest.raises(ConnectionLost):
            peer.line.recv()

    def test_twice_at_once_stays_polite(self, peer: Peer) -> None:
        closers = [Background(peer.link.close) for _ in range(4)]
        for closer in closers:
            closer.result()
        with pytest.raises(ConnectionClosedOK):
            peer.line.recv()

    def test_before_it_started(self) -> None:
        transport, _line = MemoryTransport.pair()
        Link(transport, lambda answer: None).close()

    def test_in_the_readers_thread(self, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
        _, owner = peer.ask()
        monkeypatch.setattr(owner, "says", lambda words: peer.link.close())
        peer.send("response.created", response={"id": "r"})
        peer.send("response.output_text.delta", response_id="r", delta="Hi")
        assert owner.ended.wait(PATIENCE)
        assert isinstance(owner.failure(), ConnectionClosedOK)

    def test_logs_no_content(self, peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "inworld_rt")
        peer.send("error", error={"message": "SECRET", "code": "c"})
        peer.seen()
        peer.link.close()
        assert "code=c" in caplog.text and "SECRET" not in caplog.text
