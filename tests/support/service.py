"""The simulator in a process of its own, so that its hearing and speaking, which are hard work, do
not hold up the sound of the process under test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from inworld_rt import Client
from support.background import PATIENCE

__all__ = ["KEY", "client", "served"]

KEY = "c291bmQ6dGVzdA=="


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The URL of a running simulator."""
    pytest.importorskip("websockets", reason="the simulator needs websockets")
    pytest.importorskip("click", reason="the command line needs click")
    command = [sys.executable, "-m", "inworld_rt", "simulate", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
def client(served: str) -> Iterator[Client]:
    """A client of it."""
    with Client(url=served, credentials=KEY, timeout=PATIENCE) as client:
        yield client
