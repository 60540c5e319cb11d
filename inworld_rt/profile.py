"""What the recogniser makes of a voice (protocol: user transcription, voice profile). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from inworld_rt.wire import Event

__all__ = ["Estimate", "VoiceProfile", "profile_of"]


@frozen
class Estimate:
    """A guess.

    Attributes:
        label: for example ``"calm"``.
        confidence: 0 to 1; ``None`` where it is not told.
    """

    label: str
    confidence: float | None = None


@frozen
class VoiceProfile:
    """Guesses about a voice, the likeliest first; empty where nothing is told."""

    age: tuple[Estimate, ...] = ()
    gender: tuple[Estimate, ...] = ()
    emotion: tuple[Estimate, ...] = ()
    vocal_style: tuple[Estimate, ...] = ()
    accent: tuple[Estimate, ...] = ()
    pitch: tuple[Estimate, ...] = ()

    def __str__(self) -> str:
        """The likeliest of each, for example ``age: adult, emotion: calm``."""
        return ", ".join(
            f"{name.replace('_', ' ')}: {guesses[0].label}"
            for name in _SPELLINGS
            if (guesses := getattr(self, name))
        )


# The service was seen to write both, in two places (protocol: contradictions).
_PLACES = ("providerData", "provider_data")
_NAMES = ("voiceProfile", "voice_profile")
_SPELLINGS = {
    "age": ("age",),
    "gender": ("gender",),
    "emotion": ("emotion",),
    "vocal_style": ("vocal_style", "vocalStyle"),
    "accent": ("accent",),
    "pitch": ("pitch",),
}


def profile_of(event: Event) -> VoiceProfile | None:
    """The voice profile that an event carries, in whichever place and spelling.

    Args:
        event: of the server; usually a :class:`~inworld_rt.events.UserTranscript`. The session must
            ask for profiles: ``stt={"voice_profile": True}`` in ``provider_data``.

    Returns:
        It; ``None`` if there is none.
    """
    raw: Mapping[str, Any] = event.raw or {}
    for place in (*(raw.get(name) for name in _PLACES), raw):
        for name in _NAMES:
            data = place.get(name) if isinstance(place, Mapping) else None
            if isinstance(data, Mapping) and data:
                return VoiceProfile(
                    **{field: _guesses(data, names) for field, names in _SPELLINGS.items()}
                )
    return None


def _guesses(data: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Estimate, ...]:
    value = next((data[name] for name in names if data.get(name)), ())
    found = [_guess(one) for one in (value if isinstance(value, list) else [value])]
    return tuple(one for one in found if one is not None)


def _guess(value: object) -> Estimate | None:
    """One entry: an object, or only a word."""
    label = value.get("label") if isinstance(value, Mapping) else value
    sure = value.get("confidence") if isinstance(value, Mapping) else None
    if not isinstance(label, str) or not label:
        return None
    return Estimate(label, float(sure) if isinstance(sure, int | float) else None)
