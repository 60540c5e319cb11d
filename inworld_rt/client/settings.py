"""The session's settings."""

from __future__ import annotations

from typing import Any

from inworld_rt.arguments import settings
from inworld_rt.client.base import Base
from inworld_rt.codec import UNSET
from inworld_rt.config import SessionConfig
from inworld_rt.errors import ServerError
from inworld_rt.events import SessionUpdate, SessionUpdated
from inworld_rt.provider import MemoryState
from inworld_rt.update import answer_to, check_locked, without_recogniser

__all__ = ["Settings"]


class Settings(Base):
    """The part of the client that changes how the session behaves."""

    def update_session(
        self, config: SessionConfig | dict[str, Any] | None = None, **fields: Any
    ) -> SessionConfig:
        """Change settings, and wait until the server has accepted them.

        ::

            client.update_session(voice="Sarah", speed=1.2)
            client.update_session(turn_detection=None)      # push-to-talk

        Args:
            config: the changes; what is not in it stays as it is.
            fields: changes by name, as for :meth:`SessionConfig.of`. ``tools`` may have functions
                in it, see ``client.tool``.

        Returns:
            All settings now in force.

        Raises:
            ConfigError: a setting is unknown or wrong, or counts only at a session's start; nothing
                was sent.
            ServerError: the server refused; nothing was changed. If it refused the recogniser's
                model, which makes it drop the whole update, all else was changed nevertheless.
            WaitTimeout: it did not answer within the client's ``timeout``.
            ConnectionClosed: the session is, or went, over.
        """
        if fields.get("tools") is not None:
            with self._toolbox.lock:
                fields["tools"], functions = self._toolbox.read(fields["tools"])
                with self._toolbox.offered(functions):
                    return self._update(settings(config, fields))
        return self._update(settings(config, fields))

    def _update(self, change: SessionConfig) -> SessionConfig:
        check_locked(change, self.session)
        try:
            return self._configure(change, self.timeout, ("session",))
        except ServerError as exc:
            rest = without_recogniser(change, exc.param)
            if rest is None:
                raise
            self._configure(rest, self.timeout, ("session",))
            raise ServerError(
                f"{exc}; the other changes were made",
                type=exc.type,
                code=exc.code,
                param=exc.param,
                event_id=exc.event_id,
            ) from exc

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
            if change.tools is not UNSET:
                self._toolbox.declared = list(change.tools)
            return session.config

    @property
    def session(self) -> SessionConfig:
        """The settings in force, as the server tells them. What it does not tell is ``UNSET``."""
        return self._link.session.config

    @property
    def memory(self) -> MemoryState:
        """What the service remembers of the conversation, as it told last: ``facts``, ``summary``
        and more. Follows the service by itself. ``memory.save(path)`` keeps it for another
        session's ``Client(memory=path)``.

        It is empty until the first cycle, and where memory is off (protocol: memory).
        """
        data = self.session.provider_data
        return (data and data.memory and data.memory.state) or MemoryState()
