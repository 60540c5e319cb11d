"""A change of settings, and which of the server's events answers it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inworld_rt.codec import UNSET, replace
from inworld_rt.config import SessionConfig
from inworld_rt.events import Event, SessionUpdated

__all__ = ["answer_to"]


def answer_to(change: SessionConfig, known: SessionConfig) -> Callable[[Event], bool]:
    """A test for the answer to a change: not every ``session.updated`` is one.

    Those that the server sends because its memory was renewed change nothing but that
    (protocol: session life).

    Args:
        change: what is asked for.
        known: the settings in force.
    """
    renewable = _memory(known) and not _memory(change)

    def accept(event: Event) -> bool:
        nonlocal known
        if not isinstance(event, SessionUpdated):
            return False
        before, known = known, known.merged(event.session) if event.session else known
        renewed = renewable and _memory(before) != _memory(known)
        return not renewed or _others(before) != _others(known)

    return accept


def _memory(config: SessionConfig) -> Any:
    return config.provider_data.memory if config.provider_data else UNSET


def _others(config: SessionConfig) -> SessionConfig:
    """The settings without what a renewal of the memory changes."""
    data = config.provider_data
    if data:
        data = replace(data, memory=UNSET)
    return replace(config, provider_data=data, expires_at=UNSET)
