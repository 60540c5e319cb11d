"""``inworld-rt talk``: a conversation by microphone and loudspeaker, and all that goes on in it."""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from inworld_rt import Client
from inworld_rt.cli.keys import GONE, Keys, is_terminal, keys
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.screen import Screen, View, find_screen
from inworld_rt.cli.scribe import KINDS, Scribe
from inworld_rt.cli.service import note, one_line, printable
from inworld_rt.errors import ConfigError, ConnectionClosed, WaitTimeout
from inworld_rt.voice_chat import VoiceChat
from inworld_rt.workers import Deadline

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["talk"]

ECHO = ("auto", "none", "half", "cancel")
TICK = 0.1  # seconds between two pictures
FADE = 0.7  # of a meter, from one picture to the next
STUCK_MS = 300  # milliseconds of speech that wait for the network
LAST_WORDS = 0.3  # seconds in which the service tells the end of an answer that Ctrl-C cut off


@click.command()
@click.option("--ptt", is_flag=True, help="Push to talk: the space bar begins and ends your turn.")
@click.option(
    "--echo",
    type=click.Choice(ECHO),
    default="auto",
    show_default=True,
    help="Against the loudspeaker in the microphone: none for headphones; half listens to loud "
    "voices only while it speaks; cancel computes it away; auto finds out.",
)
@click.option(
    "--volume", type=click.FloatRange(0, 10), default=1.0, show_default=True, help="Of the answers."
)
@shared("voice", "model", "instructions", "microphone", "speaker", "record")
def talk(ptt: bool, choices: Choices, **options: Any) -> None:
    """Talk by microphone and loudspeaker, until Ctrl-C.

    With INWORLD_API_KEY set it talks to the service, else to the simulator in the box.
    """
    if ptt and not is_terminal(sys.stdin):
        raise ConfigError(
            "--ptt: the space bar cannot be read, because standard input is no terminal; run it in "
            "a terminal, or leave --ptt away to talk hands-free"
        )
    with (
        _told() as news,
        Stop() as stop,
        choices.client(apart=True) as client,
        client.voice_chat(choices.microphone, choices.speaker, push_to_talk=ptt, **options) as chat,
    ):
        try:
            turns = Talk(client, chat, stop, news, ptt).run()
            why = chat.stats.why
        finally:
            stop.closing()
            client.close()  # before the chat, which it frees from a network that takes nothing
    click.echo(f"{turns} turn{'' if turns == 1 else 's'}. {why}")


class Stop:
    """Ctrl-C, in three stages. While things are being opened it ends the program as usual; then it
    is a question that the loop asks, lest it cut a drawing or a message in two; while things are
    being closed, which takes two seconds at most, it is not needed any more.

    Attributes:
        asked: whether it was pressed.
    """

    def __init__(self) -> None:
        self.asked = False
        self._raises, self._closing = True, False
        self._before: dict[int, Any] = {}

    def talking(self) -> None:
        """It is asked from now on; pressed twice, it still raises, should the loop be stuck."""
        self._raises = False

    def closing(self) -> None:
        """It does nothing from now on."""
        self._closing = True

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        if self._closing:
            return
        if self._raises or self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._pressed)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class _News(logging.Handler):
    """Keeps what is logged, so that it does not land in the midst of the picture."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: queue.SimpleQueue[str] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        self._told.put(one_line(record.getMessage()))

    def take(self) -> Iterator[str]:
        """All that is new."""
        while not self._told.empty():
            yield self._told.get()


@contextlib.contextmanager
def _told() -> Iterator[_News]:
    """The warnings of the library and of the simulator, instead of on standard error."""
    logger, news = logging.getLogger("inworld_rt"), _News()
    logger.addHandler(news)
    try:
        yield news
    finally:
        logger.removeHandler(news)
        for words in news.take():
            note(words)


class Talk:
    """The loop: events to the scribe, keys to the chat, all of it to the screen."""

    def __init__(self, client: Client, chat: VoiceChat, stop: Stop, news: _News, ptt: bool) -> None:
        """Prepare it.

        Args:
            client: the session.
            chat: its chat.
            stop: asks for the end.
            news: warnings.
            ptt: whether the space bar is the button.
        """
        self._client, self._chat, self._stop, self._news, self._ptt = client, chat, stop, news, ptt
        voice = printable(str(client.session.audio.output.voice))
        self._scribe = Scribe(client, chat, "You", voice if 0 < len(voice) < 10 else "It")
        self._held = False
        self._finding_out = chat.echo == "auto"
        self._lost: set[str] = set()
        self._hinted: set[str] = set()
        self._levels = [0.0, 0.0]

    def run(self) -> int:
        """Until Ctrl-C, a key, or the end of the chat.

        Returns:
            How many turns the user had.
        """
        screen = find_screen()
        wants_keys = is_terminal(sys.stdin) and (self._ptt or screen.live)
        with screen, keys() if wants_keys else contextlib.nullcontext() as pressed:
            try:
                self._stop.talking()
                self._begin(screen, pressed)
                while not self._stop.asked and not self._chat.wait(0):
                    self._listen(TICK)
                    self._read(pressed)
                    self._tell(screen)
                    screen.draw(self._view(pressed is not None))
            except KeyboardInterrupt:
                pass  # pressed twice
            finally:
                self._stop.closing()
                self._end(screen)
        return self._scribe.turns

    def _begin(self, screen: Screen, pressed: Keys | None) -> None:
        chat = self._chat
        for kind, device in (("Microphone", chat.microphone), ("Loudspeaker", chat.speaker)):
            screen.note(f"{kind}: {printable(device.name)}.")
        if not screen.live:
            screen.note(self._hint(pressed is not None))

    def _end(self, screen: Screen) -> None:
        """What is being said ends here, and only what was heard of it is part of the conversation.
        A network that takes nothing is not asked to."""
        if self._chat.stats.waiting_out_ms < STUCK_MS:
            with contextlib.suppress(ConnectionClosed):
                self._chat.interrupt()
                deadline = Deadline(LAST_WORDS)
                while self._scribe.expects and deadline.left():
                    self._listen(deadline.left() or 0.0)
        for said in self._scribe.settle(all=True):
            screen.utterance(said)

    # --- what goes on ----------------------------------------------------------------------------

    def _listen(self, seconds: float) -> None:
        """Take in what happens in so many seconds, or in less."""
        deadline = Deadline(seconds)
        with contextlib.suppress(WaitTimeout):
            for event in self._client.events(*KINDS, timeout=seconds):
                self._scribe.saw(event)
                if deadline.left() == 0.0:
                    break

    def _read(self, pressed: Keys | None) -> None:
        chat = self._chat
        while pressed is not None and (key := pressed.read(0)):
            if key in ("q", "Q", GONE):
                self._stop.asked = True
            elif key == " " and self._ptt:
                self._held = not self._held
                if self._held:
                    chat.press()
                elif (response := chat.release()) is not None:
                    self._scribe.asked(response)
            elif key == "m" and not self._ptt:
                chat.unmute() if chat.muted else chat.mute()

    # --- what is shown ---------------------------------------------------------------------------

    def _tell(self, screen: Screen) -> None:
        """What stays on the screen."""
        for said in self._scribe.settle():
            screen.utterance(said)
        troubles, self._scribe.troubles = self._scribe.troubles, []
        for words in (*troubles, *self._news.take(), *self._notices()):
            screen.note(words)

    def _notices(self) -> Iterator[str]:
        microphone, speaker = self._chat.microphone, self._chat.speaker
        for kind, device in (("microphone", microphone), ("loudspeaker", speaker)):
            if device.lost != (kind in self._lost):
                self._lost ^= {kind}
                state = "is away; waiting for it" if device.lost else "is back"
                yield f"The {kind} {printable(device.name)!r} {state}."
        if microphone.zeros and not microphone.exhausted and self._once("zeros"):
            yield (
                "The microphone gives pure silence: it is muted, or it is the wrong one; "
                "inworld-rt devices --levels tells which one hears you."
            )
        if self._finding_out and self._chat.echo == "half" and self._once("half"):
            yield (
                "The microphone hears the loudspeaker: while that speaks, only a loud voice gets "
                "through; with headphones every voice does (then say --echo none)."
            )

    def _once(self, what: str) -> bool:
        fresh = what not in self._hinted
        self._hinted.add(what)
        return fresh

    def _view(self, has_keys: bool) -> View:
        chat = self._chat
        now = 0.0 if chat.muted else chat.microphone.level, chat.speaker.level
        self._levels = [max(n, FADE * was) for n, was in zip(now, self._levels, strict=True)]
        state = self._client.state
        return View(
            state="muted" if chat.muted and state in ("idle", "listening") else state,
            mic=self._levels[0],
            speaker=self._levels[1],
            latency=chat.latency,
            echo=chat.echo,
            hint=self._hint(has_keys),
            pending=self._scribe.pending,
        )

    def _hint(self, has_keys: bool) -> str:
        end = "q ends." if has_keys else "Ctrl-C ends."
        if self._ptt:
            space = "sends what you said" if self._held else "begins your turn"
            return f"The space bar {space}; {end}"
        if not has_keys:
            return f"Speak whenever you like; {end}"
        return f"You are muted; m unmutes, {end}" if self._chat.muted else f"Speak; m mutes, {end}"
