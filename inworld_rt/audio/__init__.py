"""The room for sound: devices, WAV files, sample rates, echo.

The arithmetic of audio formats is next door, in ``inworld_rt.pcm``.

At the device::

    backend     what a back end is; `portaudio`, `files` (WAV) and `paced` (null) are three
    engine      the one PortAudio of the process
    quiet       keeps the sound system from writing to the terminal
    hold        notices that a device is gone, and gets it back

Both ends of a conversation::

    microphone  one device, any number of listeners
    speaker     plays answers, knows what was heard of them; `play` plays one sound

Sound itself::

    mixing      louder, together, on all channels
    convert     any coding and rate to those wanted; `resample` does the rates
    wav         WAV files
    echo        what is done about the loudspeaker in the microphone; `cancel` has the engines,
                `system_echo` finds the sound system's own
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.audio.backend import Backend as Backend
    from inworld_rt.audio.backend import Device as Device
    from inworld_rt.audio.backend import devices as devices
    from inworld_rt.audio.microphone import Microphone as Microphone
    from inworld_rt.audio.speaker import Speaker as Speaker

_HOMES: dict[str, tuple[str, ...]] = {
    "backend": ("Backend", "Device", "devices"),
    "microphone": ("Microphone",),
    "speaker": ("Speaker",),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
