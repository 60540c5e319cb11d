"""The session's settings."""

from __future__ import annotations

from typing import Any

from inworld_rt.arguments import settings
from inworld_rt.client.base import Base
from inworld_rt.config import SessionConfig
from inworld_rt.events import SessionUpdate, SessionUpdated
from inworld_rt.update import answer_to

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
