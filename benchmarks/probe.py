"""One subject in a process of its own.

``python -m benchmarks.probe SUBJECT PORT WARM EVENTS [SHIM]`` prints what it found as one line of
JSON; with SHIM, the library that switches callgrind on and off, callgrind itself writes the result.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import statistics
import sys
import time

from benchmarks.feeder import STAMP
from benchmarks.minimal import Take
from benchmarks.subjects import SUBJECTS, hide_fast_parsers


def _settle() -> None:
    """Leave the garbage of starting up out of the account."""
    gc.collect()
    gc.freeze()


def _leave() -> None:
    # At once: how a subject closes is not measured, and some would wait for a polite goodbye.
    sys.stdout.flush()
    os._exit(0)


def counted(warm: int, events: int, shim: ctypes.CDLL) -> Take:
    """Count instructions between the event ``warm`` and the one ``events`` later."""
    seen, last = 0, warm + events

    def take(pcm: bytes) -> None:
        nonlocal seen
        seen += 1
        if seen == warm:
            _settle()
            shim.start()
        elif seen == last:
            shim.stop()
            _leave()

    return take


def timed(warm: int, events: int) -> Take:
    """Take the processor time and the latencies of those events."""
    seen, last, began = 0, warm + events, 0.0
    arrivals: list[tuple[int, bytes]] = []
    clock = time.monotonic_ns

    def take(pcm: bytes) -> None:
        nonlocal seen, began
        now = clock()
        seen += 1
        arrivals.append((now, pcm[: STAMP.size]))
        if seen == warm:
            arrivals.clear()
            _settle()
            began = time.process_time()  # user and system, of all threads
        elif seen == last:
            spent = time.process_time() - began
            print(json.dumps({"cpu": spent / events * 1e6, **_latencies(arrivals)}))
            _leave()

    return take


def _latencies(arrivals: list[tuple[int, bytes]]) -> dict[str, float]:
    """Median and 99th percentile in microseconds; nothing where the feeder did not stamp."""
    if not STAMP.unpack(arrivals[0][1])[0]:
        return {}
    waits = sorted((now - STAMP.unpack(stamp)[0]) / 1e3 for now, stamp in arrivals)
    return {"p50": statistics.median(waits), "p99": waits[int(len(waits) * 0.99)]}


def main() -> None:
    """Run one subject."""
    name, port, warm, events, *shim = sys.argv[1:]
    subject = SUBJECTS[name]
    if not subject.fast:
        hide_fast_parsers()
    if shim:
        take = counted(int(warm), int(events), ctypes.CDLL(shim[0]))
    else:
        take = timed(int(warm), int(events))
    subject.run(int(port), take)


if __name__ == "__main__":
    main()
