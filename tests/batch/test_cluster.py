"""A real Dask cluster on the loopback: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="a cluster needs Dask")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.background import PATIENCE
from support.batches import FAST, server, texts, told

from inworld_rt import batch
from inworld_rt.audio import wav
from inworld_rt.batch import cluster
from inworld_rt.batch.store import RESULTS
from inworld_rt.errors import ConfigError, ConnectError

KEY = "Y2x1c3RlcjprZXktb25l"
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


class Dask:
    """A scheduler and workers; ``with`` ends them.

    Attributes:
        address: the scheduler's.
        scheduler: its process.
        workers: theirs.
    """

    def __init__(self, folder: Path, workers: int, key: str = KEY) -> None:
        self._folder = folder
        self._environment = {**os.environ, "INWORLD_API_KEY": key, "PYTHONPATH": str(ROOT)}
        self._count = workers
        self.workers: list[subprocess.Popen[str]] = []

    def _start(self, part: str, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"distributed.cli.{part}", "--no-dashboard", *options]
        return subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=self._environment, cwd=self._folder
        )

    def __enter__(self) -> Dask:
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        assert self.scheduler.stderr
        for line in self.scheduler.stderr:
            if "Scheduler at:" in line:
                self.address = line.split()[-1]
                break
        for _ in range(self._count):
            self.add_worker()
        return self

    def add_worker(self) -> None:
        self.workers.append(
            self._start("dask_worker", self.address, "--no-nanny", "--nthreads", "2")
        )

    def __exit__(self, *_: object) -> None:
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.communicate(timeout=PATIENCE)


@pytest.fixture
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with Dask(tmp_path_factory.mktemp("dask"), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A simulator that only the cluster's key opens."""
    with server(api_key=KEY, pace=50) as simulator:
        yield simulator.url


def test_a_worker_that_is_killed_in_the_midst_loses_and_doubles_nothing(dask, url, tmp_path):
    """This process has no key at all: it is the workers' own."""
    wav.write(tmp_path / "a.wav", b"\0\1" * 24000, 24000)
    rows = [*texts(40), {"id": "spoken", "wav": str(tmp_path / "a.wav")}]
    ended = []

    def watch(progress):
        if progress.latest:
            ended.append(progress.latest.id)
        if len(ended) == 12:
            dask.workers[0].kill()

    out = tmp_path / "out"
    place = {"scheduler": dask.address, "url": url, "workers": 4, "limits": FAST}
    summary = batch.run(rows, out, on_progress=watch, **place)
    assert dask.workers[0].wait(PATIENCE) != 0
    assert summary.ok and summary.skipped == 0
    assert sorted(ended) == sorted(row["id"] for row in rows)  # each once
    files = {f"{row['id']}.{kind}" for row in rows for kind in ("wav", "txt")}
    assert set(os.listdir(out)) == files | {RESULTS}
    lines = [json.loads(line) for line in (out / RESULTS).read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    # And it is the same as without a cluster: nothing is left to do for this machine.
    here = {"url": url, "limits": FAST, "credentials": KEY}
    assert batch.run(rows, out, **here).skipped == len(rows)
    batch.run(rows, tmp_path / "other", **here)
    assert told(out) == told(tmp_path / "other")


def test_a_cluster_that_goes_away_is_told_and_what_is_done_is_kept(dask, url, tmp_path):
    def watch(progress):
        if progress.done == 5:
            dask.scheduler.kill()

    place = {"scheduler": dask.address, "url": url, "limits": FAST}
    with pytest.raises(ConnectError, match=r"went away.*what is done is kept"):
        batch.run(texts(200), tmp_path, on_progress=watch, **place)
    done = len((tmp_path / RESULTS).read_text().splitlines())
    assert 5 <= done < 200
    assert len(os.listdir(tmp_path)) == 2 * done + 1
    here = {"url": url, "limits": FAST, "credentials": KEY}
    assert batch.run(texts(done + 5), tmp_path, **here).skipped >= 5


def test_a_worker_without_a_key_is_told(tmp_path, url):
    with Dask(tmp_path, workers=1, key="") as dask:
        place = {"scheduler": dask.address, "url": url}
        with pytest.raises(ConfigError, match=r"on a machine of the cluster: .*INWORLD_API_KEY"):
            batch.run(texts(9), tmp_path / "out", **place)


def test_a_cluster_without_workers_is_waited_for(tmp_path, url, monkeypatch):
    monkeypatch.setattr(cluster, "_LOOK_EVERY", 0.1)
    troubles = []

    def watch(progress):
        if progress.trouble and not troubles:
            troubles.append(progress.trouble)
            dask.add_worker()

    with Dask(tmp_path, workers=0) as dask:
        place = {"scheduler": dask.address, "url": url}
        assert batch.run(texts(3), tmp_path / "out", on_progress=watch, **place).ok
        assert troubles == ["the cluster has no workers"]
        dask.workers[0].kill()
        dask.workers[0].wait()
        monkeypatch.setattr(cluster, "_WAIT_FOR_WORKERS", 0.5)
        with pytest.raises(ConnectError, match="has had no workers"):
            batch.run(texts(9), tmp_path / "out", **place)


def test_a_scheduler_that_wants_certificates_is_told_at_once(tmp_path):
    with pytest.raises(ConfigError, match=r"scheduler: tls needs certificates.*distributed\.comm"):
        batch.run(texts(1), tmp_path, scheduler="tls://127.0.0.1:9", url="ws://127.0.0.1:9")


def test_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_S", 1)
    with pytest.raises(ConnectError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9;"):
        batch.run(texts(1), tmp_path, scheduler="tcp://127.0.0.1:9", url="ws://127.0.0.1:9")
