"""Fixtures for pytest: a simulator, a client that is connected to it, and sound devices.

In a test module, or in ``conftest.py``::

    pytest_plugins = ["inworld_rt.testing.plugin"]

=====================  =====================================================================
``inworld_simulator``  a running :class:`~inworld_rt.simulator.Simulator`
``inworld_client``     a :class:`~inworld_rt.Client` of it, closed after the test
``inworld_sound``      a :class:`~inworld_rt.testing.FakeSound`
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

import pytest

from inworld_rt.client import Client
from inworld_rt.simulator.server import Simulator
from inworld_rt.testing.sound import FakeSound

__all__ = ["inworld_client", "inworld_simulator", "inworld_sound"]


@pytest.fixture
def inworld_simulator() -> Iterator[Simulator]:
    """The service's stand-in, running."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def inworld_client(inworld_simulator: Simulator) -> Iterator[Client]:
    """A client of the simulator."""
    with Client(url=inworld_simulator.url, credentials=inworld_simulator.api_key) as client:
        yield client


@pytest.fixture
def inworld_sound() -> FakeSound:
    """A microphone and a loudspeaker, both there, for ``audio=``."""
    return FakeSound()
