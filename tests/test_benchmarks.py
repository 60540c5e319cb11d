"""The benchmarks run and report; what they measure is no matter of tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.timeout(240)  # it computes, and others may as well
def test_a_quick_run_reports_every_subject_and_target(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")
    assert "inworld_rt.Client" in done.stdout
    assert "Instructions were not counted" in done.stdout
    results = json.loads(file.read_text())
    for length in ("60", "200"):
        measured = set(results["bursts"][length])
        assert {"minimal", "reader", "minimal-hop", "client"} <= measured
        assert measured.isdisjoint(results["skipped"])
    assert all(row["p50"] > 0 for rows in results["paced"].values() for row in rows)
    assert all(target["measured"] > 0 for target in results["targets"])
