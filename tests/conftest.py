"""What holds for every test: a clean environment, no thread left behind, repeatable properties."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import hypothesis
import pytest
from support import secrets
from support.service import client, served
from support.soundcard import bare_sound, echo_module, fixed_rate, pulse, soundcard, stick

__all__ = [
    "bare_sound",
    "client",
    "echo_module",
    "fixed_rate",
    "pulse",
    "served",
    "soundcard",
    "stick",
]

THREAD_PREFIX = "inworld-rt-"
SOUND = {"bare_sound", "pulse"}
THREADS_MAY_TAKE = 3.0  # seconds; close() promises 2

hypothesis.settings.register_profile("default", max_examples=50, deadline=None)
# Derandomised: what is red in CI must be red for everybody. No deadline: CI machines pause.
hypothesis.settings.register_profile("ci", max_examples=150, derandomize=True, deadline=None)
hypothesis.settings.register_profile("few", max_examples=20, derandomize=True, deadline=None)

_outer_environment = dict(os.environ)


def pytest_configure(config: pytest.Config) -> None:
    """Take the developer's own settings away, before any fixture of any scope sees them.

    A test that wants such a variable sets it with ``monkeypatch``. A key in the environment must
    never turn a test into a call to the real service, nor a proxy redirect the loopback.
    """
    for name in list(os.environ):
        if name.startswith("INWORLD_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["INWORLD_RT_HOME"] = os.devnull  # no config file can be in it
    # A job that a shell started in the background ignores Ctrl-C, and so would all that it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    secrets.pytest_configure(config)
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what listens to a sound card, since that wants a machine which is not busy.

    One that is tears the sound: then it is tried once more.
    """
    for item in items:
        if SOUND.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("sound")
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=".*"))


@pytest.fixture(scope="session")
def outer_environment() -> dict[str, str]:
    """The environment pytest was started in, for tools such as pip that may need its proxy."""
    return dict(_outer_environment)


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test after which one of our threads is still running.

    Fixtures of wider scope may keep theirs: only threads born during the test count.
    """
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREADS_MAY_TAKE
    born = [t for t in threading.enumerate() if t not in before]
    ours = [t for t in born if t.name.startswith(THREAD_PREFIX)]
    for thread in ours:
        thread.join(max(0.0, deadline - time.monotonic()))
    alive = sorted(t.name for t in ours if t.is_alive())
    if alive:
        pytest.fail(f"still running after the test: {', '.join(alive)}")


@pytest.fixture(scope="module")  # tests of other modules count the threads that are there
def service() -> Iterator[dict[str, str]]:
    """A running simulator, as the environment variables of a program that is to talk to it."""
    from inworld_rt.simulator import Simulator

    with Simulator() as server:
        yield {"INWORLD_REALTIME_URL": server.url, "INWORLD_API_KEY": server.api_key}
