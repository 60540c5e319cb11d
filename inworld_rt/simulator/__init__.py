"""A faithful local simulator of the service: for lessons, tests and work without a network.

::

    from inworld_rt.simulator import Simulator

    with Simulator() as simulator:
        print(simulator.url, simulator.api_key)

Names are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.simulator.conversation import Conversation as Conversation
    from inworld_rt.simulator.conversation import ToolCall as ToolCall
    from inworld_rt.simulator.conversation import Turn as Turn
    from inworld_rt.simulator.conversation import echo as echo
    from inworld_rt.simulator.conversation import scripted as scripted
    from inworld_rt.simulator.quirks import Quirks as Quirks
    from inworld_rt.simulator.replies import lesson as lesson
    from inworld_rt.simulator.scenes import Cue as Cue
    from inworld_rt.simulator.scenes import Scene as Scene
    from inworld_rt.simulator.server import Simulator as Simulator

_HOMES: dict[str, tuple[str, ...]] = {
    "conversation": ("Conversation", "ToolCall", "Turn", "echo", "scripted"),
    "quirks": ("Quirks",),
    "replies": ("lesson",),
    "scenes": ("Cue", "Scene"),
    "server": ("Simulator",),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
