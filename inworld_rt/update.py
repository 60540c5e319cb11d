"""A change of settings: what may be changed, and which of the server's events answers it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inworld_rt.codec import UNSET, replace
from inworld_rt.config import AudioConfig, AudioInput, SessionConfig, Transcription
from inworld_rt.errors import ConfigError
from inworld_rt.events import Event, SessionUpdated
from inworld_rt.provider import LOCKED

__all__ = ["answer_to", "check_locked", "without_recogniser"]


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


def check_locked(change: SessionConfig, known: SessionConfig) -> None:
    """Refuse what counts only when a session opens (protocol: providerData, tts).

    Args:
        change: what is asked for.
        known: the settings in force.

    Raises:
        ConfigError: a locked field would get another value, which the server would ignore.
    """
    for branch, name in LOCKED:
        wanted = getattr(getattr(change.provider_data, branch, UNSET), name, UNSET)
        if wanted not in (UNSET, getattr(getattr(known.provider_data, branch, UNSET), name, UNSET)):
            raise ConfigError(
                f"session.providerData.{branch}.{name}: it is fixed when a session opens; give it "
                "to a new Client(config=...)"
            )


def without_recogniser(change: SessionConfig, refused: str | None) -> SessionConfig | None:
    """What is left of a change whose recogniser was refused; the server drops all of it then
    (protocol: session object, update semantics).

    Args:
        change: what was asked for.
        refused: the path of the field that the server complained about.

    Returns:
        The rest; ``None`` if there is none, or if something else was refused.
    """
    audio = change.audio or AudioConfig()
    speech = audio.input or AudioInput()
    if not (refused or "").endswith("transcription.model") or not speech.transcription:
        return None
    kept = replace(speech.transcription, model=UNSET)
    speech = replace(speech, transcription=UNSET if kept == Transcription() else kept)
    audio = replace(audio, input=UNSET if speech == AudioInput() else speech)
    rest = replace(change, audio=UNSET if audio == AudioConfig() else audio)
    return None if rest == SessionConfig() else rest
