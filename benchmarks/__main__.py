"""``python -m benchmarks``: measure, print the tables, say which promises are kept."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import report
from benchmarks.measure import Failed, Feed, count, imports, ready_to_count, time_
from benchmarks.subjects import SUBJECTS

LENGTHS = (60, 200)  # milliseconds
PACE = 0.004  # seconds; far from any limit, and still done in reasonable time
SLOW_PACE = 0.02  # what every subject keeps up with under callgrind
LATENCY = ("minimal-hop", "client", "minimal-hop-fast", "client-fast", "websockets", "openai")


def main() -> int:
    """Run it; returns 0 whatever was measured, 1 if something could not be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of timing (default: 5)")
    parser.add_argument("--events", type=int, default=1000, help="events per round (default: 1000)")
    parser.add_argument("--quick", action="store_true", help="one short round, nothing counted")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all results there")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.events = 1, 50
    missing = "--quick" if options.quick else ready_to_count()
    print(report.machine(), end="\n\n", flush=True)
    try:
        results = measure(options.rounds, options.events, counting=not missing)
    except Failed as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    print(*report.tables(results), sep="\n", end="\n\n")
    if missing:
        print(f"Instructions were not counted: {missing}. Times are noisy; counts are not.\n")
    verdicts = list(report.targets(results))
    if options.quick:
        print("One short round shows that it runs; it is too little to judge by.")
    for words, measured, limit in () if options.quick else verdicts:
        met = "met" if measured <= limit else "MISSED"
        print(f"  {met:<8}{measured:6.2f}, at most {limit:4.2f}   {words}")
    if options.json:
        body = {
            "machine": report.machine(),
            **results._asdict(),
            "targets": [
                {"target": words, "measured": measured, "limit": limit}
                for words, measured, limit in verdicts
            ],
        }
        options.json.write_text(json.dumps(body, indent=1))
    return 0


def measure(rounds: int, events: int, *, counting: bool) -> report.Results:
    """All of it; leaves out who is not installed."""
    skipped = {name: s.missing for name, s in SUBJECTS.items() if s.missing}
    present = [name for name in SUBJECTS if name not in skipped]
    counts = {}
    if counting:
        for length in LENGTHS:
            _say(f"counting instructions, {length} ms")
            counts[length] = count(present, Feed(length, SLOW_PACE), warm=20, events=100)
    bursts = {}
    for length in LENGTHS:
        _say(f"taking processor time, {length} ms")
        bursts[length] = time_(present, Feed(length, 0.0), rounds=rounds, events=events)
    _say("taking latencies")
    paced = time_(_only(LATENCY, present), Feed(60, PACE), rounds=rounds, events=events // 2)
    _say("importing")
    return report.Results(counts, bursts, paced, imports(2 * rounds + 1), skipped)


def _only(names: Iterable[str], present: list[str]) -> list[str]:
    return [name for name in names if name in present]


def _say(words: str) -> None:
    if sys.stderr.isatty():
        print(f"{words} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
