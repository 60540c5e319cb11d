"""Many rows, one answer each: texts or WAV files in; sound, words and a table of results out.

::

    from inworld_rt import batch

    summary = batch.run("lines.csv", "spoken", workers=8, voice="Clive")
    print(summary)

For every row there are ``spoken/<id>.wav`` and ``spoken/<id>.txt``, and for all of them
``spoken/results.jsonl``. The same call again does only what is missing. On the command line it is
``inworld-rt batch``.

Each row has a session of its own. A session that is used again would be quicker by a handshake, a
fraction of an answer's length; but an answer depends on all that was said before in its session,
and neither way around that, answers outside of the conversation or deleted items, is sure to work
on the service (protocol: out-of-band responses).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.batch.limits import Limits as Limits
    from inworld_rt.batch.result import Progress as Progress
    from inworld_rt.batch.result import Result as Result
    from inworld_rt.batch.result import Summary as Summary
    from inworld_rt.batch.running import run as run

_HOMES: dict[str, tuple[str, ...]] = {
    "limits": ("Limits",),
    "result": ("Progress", "Result", "Summary"),
    "running": ("run",),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
