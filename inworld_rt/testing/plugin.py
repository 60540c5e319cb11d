"""Fixtures for pytest: a simulator, a client that is connected to it, and sound devices.

They are there wherever this package and pytest are installed; nothing needs to be declared.

=====================  =====================================================================
``inworld_simulator``  a running :class:`~inworld_rt.simulator.Simulator`
``inworld_client``     a :class:`~inworld_rt.Client` of it, closed after the test
``inworld_sound``      a :class:`~inworld_rt.testing.FakeSound`: microphone and loudspeaker
=====================  =====================================================================

Each test has its own. A test that wants another simulator overrides that fixture, and gets a client
of it::

    @pytest.fixture
    def inworld_simulator():
        with Simulator(replies=scripted(["Yes.", "No."])) as simulator:
            yield simulator
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

# Loaded in every run of pytest, whether it is about this package or not: so it loads nothing else.
if TYPE_CHECKING:
    from inworld_rt.client import Client
    from inworld_rt.simulator.server import Simulator
    from inworld_rt.testing.sound import FakeSound

__all__ = ["inworld_client", "inworld_simulator", "inworld_sound"]


@pytest.fixture
def inworld_simulator() -> Iterator[Simulator]:
    """The service's stand-in, running."""
    from inworld_rt.simulator.server import Simulator

    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def inworld_client(inworld_simulator: Simulator) -> Iterator[Client]:
    """A client of the simulator, connected; closed after the test."""
    from inworld_rt.client import Client

    with Client(url=inworld_simulator.url, credentials=inworld_simulator.api_key) as client:
        yield client


@pytest.fixture
def inworld_sound() -> FakeSound:
    """A microphone and a loudspeaker, both fake, for ``voice_chat(audio=…)``."""
    from inworld_rt.testing.sound import FakeSound

    return FakeSound()
