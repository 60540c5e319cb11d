"""The blocking client: connect, say something, get an answer."""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from inworld_rt.answer import Answer
from inworld_rt.arguments import DEFAULTS, message, seconds, settings
from inworld_rt.auth import Credentials, find_credentials
from inworld_rt.backlog import Backlog
from inworld_rt.codec import UNSET, Setting
from inworld_rt.config import ReplyConfig, SessionConfig
from inworld_rt.conversation import Conversation
from inworld_rt.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    ConnectionClosed,
    ConnectionClosedOK,
    LocalProtocolError,
    ServerError,
    WaitTimeout,
)
from inworld_rt.eventlog import Kind, matcher
from inworld_rt.events import (
    Event,
    InputAudioClear,
    InputAudioCommit,
    ItemCreate,
    ItemDelete,
    ItemDeleted,
    ItemRetrieve,
    ItemRetrieved,
    ItemTruncate,
    ItemTruncated,
    ResponseCreate,
    SessionUpdate,
    SessionUpdated,
)
from inworld_rt.hooks import Hook, Hooks
from inworld_rt.items import Item
from inworld_rt.link import Link, Stats
from inworld_rt.response import Response
from inworld_rt.session import Orders, Request
from inworld_rt.transport import Transport, connect, endpoint, new_session_id
from inworld_rt.update import answer_to
from inworld_rt.upload import Recorded, samples, send_recording
from inworld_rt.workers import Deadline, Inbox

if TYPE_CHECKING:
    from typing_extensions import Self

    from inworld_rt.audio.backend import Backend
    from inworld_rt.voice_chat import VoiceChat

__all__ = ["Client"]

E = TypeVar("E", bound=Event)


class Client:
    """A session with the Realtime API. Any method may be called from any thread.

    ::

        with Client(voice="Clive") as client:
            client.say("Tell me a joke.").save("joke.wav")

    The constructor connects: when it returns, the session is configured and ready; when it fails,
    it raises. Leaving ``with`` closes it.

    Answers take turns, since the server makes one at a time: a second :meth:`say` waits until the
    first answer is complete. When the connection breaks, the call that waits raises, and so does
    every call after it.
    """

    def __init__(
        self,
        *,
        instructions: str | None = None,
        voice: str | None = None,
        model: str | None = None,
        config: SessionConfig | dict[str, Any] | None = None,
        credentials: Credentials | str | None = None,
        url: str | None = None,
        session_id: str | None = None,
        connect_timeout: float = 15.0,
        timeout: float = 60.0,
        reconnect: bool = False,
        transport: Transport | None = None,
        insecure_host: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Connect and configure.

        Blocks until the server has accepted the settings: one round trip after the handshake.

        Args:
            instructions: the system prompt.
            voice: a voice's name or id, for example ``"Clive"``.
            model: the language model, ``provider/model``.
            config: any other settings; the three above win over it. A dict in the wire's form will
                do, too.
            credentials: an API key or token; default: the environment's ``INWORLD_API_KEY``.
            url: where to connect; default: ``INWORLD_REALTIME_URL``, or the service.
            session_id: names this session in the URL; default: a fresh unique one.
            connect_timeout: seconds for all of connecting and configuring.
            timeout: seconds of the server's silence after which other calls give up.
            reconnect: connecting again by itself is not there yet, so only ``False`` will do.
            transport: an open connection to use instead of making one, for tests.
            insecure_host: the one host that is no loopback address and may be spoken to without
                encryption (``ws://``). The key then travels in clear.
            ssl_context: for certificates of your own; default: the system's.

        Raises:
            ConfigError: a setting, the key or the URL is wrong; nothing was sent.
            AuthError: the server refused the credentials or the account.
            ConnectError: no connection came about.
            ServerError: the server refused the settings, for example an unknown voice.
            ConnectionClosed: the server closed instead of answering them.
        """
        if reconnect:
            raise ConfigError("reconnect: not there yet; leave it out, and connect again yourself")
        self.timeout = seconds("timeout", timeout)
        connect_timeout = seconds("connect_timeout", connect_timeout)
        deadline = Deadline(connect_timeout)
        plain = {"instructions": instructions, "voice": voice, "model": model}
        plain = {name: value for name, value in plain.items() if value is not None}
        wanted = DEFAULTS.merged(settings(config, plain))
        wanted.to_dict()  # a wrong setting is found before any I/O
        if transport is None:
            key = find_credentials(credentials)
            transport = connect(
                endpoint(url, new_session_id() if session_id is None else session_id),
                credentials_header=key.header(),
                credential_source=key.source,
                connect_timeout=connect_timeout,
                ssl_context=ssl_context,
                insecure_host=insecure_host,
            )
        self._backlog = Backlog()
        self._follower: _Follower | None = None
        self._telling = threading.Lock()
        self._hooks = Hooks(self._follow)
        self._link = Link(transport, self._adopt)
        # One settings change at a time: the server's answer does not say which one it belongs to.
        self._updating = threading.Lock()
        try:
            self._configure(wanted, deadline.left() or 0.0, ("",), start=True)
        except BaseException as exc:
            self._link.close(polite=not isinstance(exc, (ConnectionClosed, KeyboardInterrupt)))
            meant = _start_error(exc)
            if meant is exc:
                raise
            raise meant from exc

    # --- saying and asking -----------------------------------------------------------------------

    def say(self, text: str) -> Response:
        """Send a text as the user's turn and ask for the answer.

        Does not wait for it: iterate the response, or take its ``text``. During a voice chat, the
        answer in progress is interrupted.

        Raises:
            ConfigError: the text is empty or no text.
            ConnectionClosed: the session is over.
        """
        item = ItemCreate(item=message(text, "user"), event_id=self._link.new_id())
        if self._link.chat is not None:
            self._link.chat.interrupt()
        return self._request(item)

    def ask(self, text: str) -> str:
        """Say something and wait for the answer.

        Returns:
            The answer's words.

        Raises:
            InworldError: as :meth:`say` and :meth:`Response.wait`.
        """
        return self.say(text).text

    def send_recording(self, recording: Recorded, *, realtime: bool = False) -> Response:
        """Send recorded speech as the user's turn, and get the answer to it.

        Works with semantic and server turn detection, which hear its end by themselves, and with
        push-to-talk. Blocks while it is sent; if an answer is being made, until that is complete.

        Args:
            recording: a WAV file of any rate, width and number of channels, or bytes: of such a
                file, or of samples in the session's input format.
            realtime: send it as fast as it would be spoken, instead of at once.

        Raises:
            FileNotFoundError: there is no such file.
            AudioError: it is no WAV file, or has no sound in it.
            BackendMissing: its rate has to be converted, and the package for that is missing.
            ConfigError: the samples are incomplete or empty.
            WaitTimeout: the server heard no speech in it, or did not find its end.
            ConnectionClosed: the session is, or went, over.
        """
        answer = Answer(self._link.session.output_format)
        response = self._respond(answer)
        try:
            send_recording(
                self._link,
                recording,
                answer,
                realtime=realtime,
                timeout=self.timeout,
                spoken=response.asked_now,
            )
        except BaseException:
            self._backlog.drop(response)
            raise
        return response

    def create_response(self, **overrides: Any) -> Response:
        """Ask for an answer to the conversation as it is.

        Args:
            overrides: settings for this answer only, for example ``instructions="Whisper."`` or
                ``output_modalities=["text"]``: fields of
                :class:`~inworld_rt.config.ReplyConfig`.

        Raises:
            ConfigError: an override is unknown or wrong.
            ConnectionClosed: the session is over.
        """
        return self._request(reply=ReplyConfig.of(**overrides) if overrides else UNSET)

    def cancel_response(self) -> None:
        """Stop the answer in progress, or the one about to begin; nothing to stop is fine.

        Raises:
            ConnectionClosed: the session is over.
        """
        self._link.check()
        self._link.apply(lambda s: s.cancel(s.current) if s.current else [])

    def _request(self, *before: Event, reply: Setting[ReplyConfig] = UNSET) -> Response:
        link = self._link
        create = ResponseCreate(response=reply, event_id=link.new_id())
        request = Request(Answer(link.session.output_format), (*before, create))
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

    # --- the parts -------------------------------------------------------------------------------

    def send_text(self, text: str, role: str = "user") -> None:
        """Add a text to the conversation, without asking for an answer.

        Args:
            text: the text.
            role: who says it: ``user``, ``system`` or ``assistant``.

        Raises:
            ConfigError: the text is empty, or the role is none of these.
            ConnectionClosed: the session is over.
        """
        self._link.post(ItemCreate(item=message(text, role), event_id=self._link.new_id()))

    def send_item(self, item: Item, previous_item_id: str | None = None) -> None:
        """Add any item to the conversation, without asking for an answer.

        Args:
            item: the item.
            previous_item_id: the item before it, or ``"root"`` for the first place; default: the
                end.

        Raises:
            ConfigError: a field of the item is wrong.
            ConnectionClosed: the session is over.
        """
        event = ItemCreate(
            item=item, previous_item_id=previous_item_id, event_id=self._link.new_id()
        )
        self._link.post(event)

    def send_audio(self, pcm: bytes | bytearray | memoryview) -> None:
        """Send a slice of the user's speech.

        Blocks only while the network does.

        Args:
            pcm: samples in the session's input format (default: 16-bit little-endian mono at
                24000 hertz), whole ones.

        Raises:
            ConfigError: it is empty, or ends within a sample.
            ConnectionClosed: the session is over.
        """
        self._link.send_audio(samples(pcm, self._link.session.input_format))

    def commit_audio(self) -> None:
        """Declare the user's turn complete (push-to-talk); asks for no answer.

        Raises:
            ConnectionClosed: the session is over.
        """
        self._link.post(InputAudioCommit(event_id=self._link.new_id()))

    def clear_audio(self) -> None:
        """Drop the speech that was sent and not yet committed.

        Raises:
            ConnectionClosed: the session is over.
        """
        self._link.post(InputAudioClear(event_id=self._link.new_id()))

    # --- live voice ------------------------------------------------------------------------------

    def voice_chat(
        self,
        microphone: int | str | None = None,
        speaker: int | str | None = None,
        *,
        audio: str | Backend | None = None,
        echo: str = "auto",
        push_to_talk: bool = False,
        muted: bool = False,
        volume: float = 1.0,
        lead_in: float = 0.0,
        record: str | os.PathLike[str] | None = None,
    ) -> VoiceChat:
        """Begin to talk: microphone in, loudspeaker out, in the background.

        ::

            with client.voice_chat() as chat:
                chat.wait()

        The server is asked for the sample rates of the devices; only where it does not have them,
        they are converted here. Leaving ``with`` ends it.

        Args:
            microphone: a device's number or a part of its name; default: the system's. See
                :func:`inworld_rt.audio.devices`.
            speaker: the same for the loudspeaker.
            audio: ``pyaudio`` (sound devices), ``wav`` (files are the devices: give their paths),
                ``null`` (nothing is heard), or a back end of your own; default: what the
                environment's ``INWORLD_RT_AUDIO`` says, else ``pyaudio``.
            echo: against the loudspeaker in the microphone. ``none`` for headphones; ``half``
                sends silence while an answer is played, and only loud voices get through;
                ``cancel`` takes it out of the sound; ``auto`` finds out with the first answer.
            push_to_talk: the user's turns are between ``chat.press()`` and ``chat.release()``;
                else the server finds them.
            muted: begin muted; see ``chat.unmute()``.
            volume: of the answers; 1 is as they come.
            lead_in: seconds of silence before an answer after a rest, for loudspeakers that fall
                asleep and swallow the first word.
            record: a folder for ``microphone.wav`` and ``speaker.wav``.

        Raises:
            BackendMissing: PyAudio is not installed; says what to type.
            DeviceError: a device is not there or cannot be opened.
            LocalProtocolError: there is a voice chat already.
            ConfigError: an argument is wrong.
            ServerError, WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        from inworld_rt.voice_chat.chat import Home, VoiceChat  # only for those who talk

        self._link.check()
        if self._link.chat is not None:
            raise LocalProtocolError("there is a voice chat already; close it before the next")
        self._follow()
        home = Home(
            self._link, self.update_session, self._request, self._state_changed, self._hooks
        )
        return VoiceChat(
            home,
            microphone=microphone,
            speaker=speaker,
            audio=audio,
            echo=echo,
            push_to_talk=push_to_talk,
            muted=muted,
            volume=volume,
            lead_in=lead_in,
            record=record,
        )

    def talk(
        self, microphone: int | str | None = None, speaker: int | str | None = None, **options: Any
    ) -> None:
        """Talk until Ctrl-C, which ends the conversation, not the program.

        Args:
            microphone: see :meth:`voice_chat`.
            speaker: see there.
            options: the others there.

        Raises:
            InworldError: as :meth:`voice_chat`, and what ended the conversation unasked.
        """
        with (
            contextlib.suppress(KeyboardInterrupt),
            self.voice_chat(microphone, speaker, **options) as chat,
        ):
            chat.wait()

    def talk_while(self, button: Any, **options: Any) -> None:
        """Talk while a button is held, until Ctrl-C.

        ::

            client.talk_while(gpiozero.Button(17))

        Args:
            button: anything that calls its ``when_pressed`` and ``when_released``.
            options: those of :meth:`voice_chat`.

        Raises:
            ConfigError: it is no such button.
            InworldError: as :meth:`talk`.
        """
        with (
            contextlib.suppress(KeyboardInterrupt),
            self.voice_chat(push_to_talk=True, **options) as chat,
        ):
            chat.use_button(button)
            chat.wait()

    # --- waiting ---------------------------------------------------------------------------------

    def wait_for_response(self, timeout: float | None = None) -> Response:
        """Wait for the answer in progress, or else for the next one.

        An answer that ended unnoticed a moment ago counts, once: nothing that was asked for is
        missed by asking a little late.

        Args:
            timeout: seconds; default: until the server has been quiet for the client's ``timeout``.

        Returns:
            The response, finished.

        Raises:
            WaitTimeout: there is none, or it goes on.
            InworldError: as :meth:`Response.wait`.
        """
        deadline = Deadline(timeout)
        with self._link.arrivals() as arrivals:
            response = self._at_hand() or self._next(arrivals, timeout)
        return response.wait(deadline.left())

    def _at_hand(self) -> Response | None:
        with self._link.lock:
            current = self._link.session.current
        if current is not None and current.owner is not None:
            found: Response = current.owner
            return found
        return self._backlog.first()

    def _next(self, arrivals: Inbox[Response], timeout: float | None) -> Response:
        self._link.check()
        if timeout is not None:
            return arrivals.get(timeout)
        return self._link.patiently(arrivals.get, self.timeout, "an answer")

    @overload
    def wait_for(self, event_type: type[E], timeout: float | None = None) -> E: ...

    @overload
    def wait_for(self, event_type: str, timeout: float | None = None) -> Event: ...

    def wait_for(self, event_type: Kind, timeout: float | None = None) -> Event:
        """Wait for an event.

        Looks from where this thread's last ``wait_for()`` or ``events()`` ended, at first from the
        session's beginning, so that nothing is missed between sending and waiting. Events of
        answers (``response.…``) that this thread has already waited for are passed over. The
        latest 1000 events are kept.

        Args:
            event_type: a class of :mod:`inworld_rt.events`, or a name such as ``"response.done"``.
            timeout: seconds; default: the client's ``timeout``.

        Raises:
            WaitTimeout: none came in time.
            ConnectionClosed: the session ended first.
        """
        log = self._link.log
        seconds = self.timeout if timeout is None else timeout
        event, log.mark = log.next(log.mark, matcher((event_type,)), seconds)
        return event

    @overload
    def events(self, *, timeout: float | None = None) -> Iterator[Event]: ...

    @overload
    def events(self, *types: type[E], timeout: float | None = None) -> Iterator[E]: ...

    @overload
    def events(self, *types: Kind, timeout: float | None = None) -> Iterator[Event]: ...

    def events(self, *types: Kind, timeout: float | None = None) -> Iterator[Event]:
        """Iterate over events, of some types or all, beginning as :meth:`wait_for` does.

        Ends when the session was closed in good order.

        Args:
            types: classes or names, as for :meth:`wait_for`.
            timeout: seconds to wait for each; default: for ever.

        Raises:
            WaitTimeout: none came in time.
            LocalProtocolError: the loop is so slow that events were missed.
            ConnectionClosed: the session broke off.
        """
        log = self._link.log
        return self._events(matcher(types), log.mark, timeout)

    def _events(
        self, wanted: Callable[[Event], bool], place: int, timeout: float | None
    ) -> Iterator[Event]:
        log = self._link.log
        begun = False  # what is gone before the first was not missed by reading slowly
        while True:
            try:
                event, place = log.next(place, wanted, timeout, strict=begun)
            except ConnectionClosedOK:
                return
            log.mark, begun = place, True
            yield event

    # --- settings and items ----------------------------------------------------------------------

    def update_session(
        self, config: SessionConfig | dict[str, Any] | None = None, **fields: Any
    ) -> SessionConfig:
        """Change settings, and wait until the server has accepted them.

        ::

            client.update_session(voice="Sarah", speed=1.2)
            client.update_session(turn_detection=None)      # push-to-talk

        Args:
            config: the changes; what is not in it stays as it is.
            fields: changes by name, as for :meth:`SessionConfig.of`.

        Returns:
            All settings now in force.

        Raises:
            ConfigError: a setting is unknown or wrong; nothing was sent.
            ServerError: the server refused; nothing was changed.
            WaitTimeout: it did not answer within the client's ``timeout``.
            ConnectionClosed: the session is, or went, over.
        """
        change = settings(config, fields)
        return self._configure(change, self.timeout, ("session",))

    def _configure(
        self, change: SessionConfig, timeout: float, about: tuple[str, ...], start: bool = False
    ) -> SessionConfig:
        with self._updating:
            accept = answer_to(change, self.session)
            update = SessionUpdate(session=change)
            event = self._link.exchange(update, accept, about, timeout, start)
            assert isinstance(event, SessionUpdated)
            with self._link.lock:
                # What the server does not tell is as it was asked for.
                session = self._link.session
                asked = session.config.merged(change)
                session.config = asked.merged(event.session) if event.session else asked
                return session.config

    @property
    def session(self) -> SessionConfig:
        """The settings in force, as the server tells them. What it does not tell is ``UNSET``."""
        return self._link.session.config

    @property
    def conversation(self) -> Conversation:
        """The conversation as it is now: a copy, to iterate, print, or ask for items by id."""
        with self._link.lock:
            return self._link.session.conversation.copy()

    def retrieve_item(self, item_id: str) -> Item:
        """Fetch an item from the server, audio included where it gives it.

        Raises:
            ServerError: there is no such item.
            WaitTimeout, ConnectionClosed: as :meth:`update_session`.
        """
        event = self._link.exchange(
            ItemRetrieve(item_id=item_id),
            lambda e: isinstance(e, ItemRetrieved) and e.item is not None and e.item.id == item_id,
            ("item",),
            self.timeout,
        )
        assert isinstance(event, ItemRetrieved) and event.item is not None
        return event.item

    def delete_item(self, item_id: str) -> None:
        """Remove an item from the conversation.

        Raises:
            ServerError, WaitTimeout, ConnectionClosed: as :meth:`retrieve_item`.
        """
        self._link.exchange(
            ItemDelete(item_id=item_id),
            lambda e: isinstance(e, ItemDeleted) and e.item_id == item_id,
            ("item",),
            self.timeout,
        )

    def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> None:
        """Cut an answer to what was heard of it, so that the model knows.

        Args:
            item_id: the answer's item.
            audio_end_ms: milliseconds of it that were heard; not more than the server sent.
            content_index: the part; 0 for all known servers.

        Raises:
            ServerError: no such item, or it is shorter than that.
            WaitTimeout, ConnectionClosed: as :meth:`retrieve_item`.
        """
        self._link.exchange(
            ItemTruncate(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index),
            lambda e: isinstance(e, ItemTruncated) and e.item_id == item_id,
            ("item", "audio_end_ms"),
            self.timeout,
        )

    # --- state and end ---------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """What is going on, one of these words:

        ``listening`` (the user speaks), ``thinking`` (an answer is on its way), ``speaking`` (its
        sound arrives; during a voice chat, it is heard), ``idle``; ``connecting`` (a voice chat
        begins), ``error`` (the connection broke off, or a device is away), ``closed``.
        """
        if self._link.over:
            return "error" if self._link.broken else "closed"
        chat = self._link.chat
        told: str = chat.phase if chat is not None else ""
        if told:
            return told
        with self._link.lock:
            return self._link.session.phase

    when_connecting = Hook("Called when a voice chat begins to open its devices.")
    when_idle = Hook("Called when nobody speaks any more, and nothing is on its way.")
    when_listening = Hook("Called when the user begins to speak.")
    when_thinking = Hook("Called when an answer is on its way.")
    when_speaking = Hook("Called when an answer sounds.")
    when_error = Hook("Called when the connection broke off, or a sound device is away.")
    when_closed = Hook("Called when the session was closed.")

    def _follow(self) -> None:
        """Tell the hooks of every change from now on."""
        if self._follower is None:
            self._follower = _Follower(self._state_changed)
            self._link.watch(self._follower)

    def _state_changed(self) -> None:
        if self._hooks:
            with self._telling:  # two threads must not swap what they saw
                self._hooks.tell(self.state)

    @property
    def stats(self) -> Stats:
        """Counts of events, bytes, answers and errors so far."""
        return self._link.stats

    @property
    def closed(self) -> bool:
        """Whether the session is over, for whatever reason."""
        return self._link.over

    def close(self) -> None:
        """End the session. Any thread, any number of times.

        Whoever waits is woken and told. Blocks at most 2 seconds, whatever the server does.

        Raises:
            WorkerStuck: the background thread did not end in that time.
        """
        self._close()

    def _close(self, polite: bool = True) -> None:
        chat = self._link.chat
        self._link.close(polite=polite)  # first: it also ends what the chat may be blocked in
        if chat is not None:
            chat.close()
        self._hooks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # After an error in the block nobody should have to wait for a polite goodbye.
        self._close(polite=kind is None)

    def __repr__(self) -> str:
        return f"<Client {self.state}>"


class _Follower:
    """Passes on that something happened."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.over = changed
        self._changed = changed

    def saw(self, event: Event, orders: Orders) -> None:
        self._changed()


def _start_error(error: BaseException) -> BaseException:
    """What a failed start raises; a late refusal of the credentials is told as such."""
    if isinstance(error, ServerError):
        told = f"{error.type} {error.code}".lower()
        if "auth" in told or "api_key" in told:
            return AuthError(f"the server refused the credentials: {error}")
    if isinstance(error, WaitTimeout):
        return ConnectError("connected, but the server did not answer the settings in time")
    return error
