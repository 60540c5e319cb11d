"""What came of a row: one line of ``results.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["DONE", "FAILED", "Result"]

DONE, FAILED = "done", "failed"


@frozen
class Result:
    """One row's result.

    Attributes:
        id: the row's name.
        status: ``done`` or ``failed``.
        attempts: how often it was tried, in the run that ended it.
        seconds: of sound.
        words: how many there are in the answer.
        text: the answer's words.
        heard: what the service understood of a WAV file; ``None`` for a text.
        usage: what the service says that it cost, in its own form.
        latency: seconds from the request to several points of the answer.
        files: the names and sizes in bytes of the files that belong to it.
        error: ``type`` and ``message`` of what went wrong at last; ``None`` if it is done.
        hash: tells whether the row is still the same.
    """

    id: str
    status: str
    attempts: int = 0
    seconds: float = 0.0
    words: int = 0
    text: str = field(default="", repr=False)
    heard: str | None = field(default=None, repr=False)
    usage: dict[str, Any] | None = field(default=None, repr=False)
    latency: dict[str, float | None] | None = field(default=None, repr=False)
    files: dict[str, int] = field(factory=dict, repr=False)
    error: dict[str, str] | None = None
    hash: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is done."""
        return self.status == DONE

    def line(self) -> str:
        """It as a line of JSON, without the line's end."""
        return json.dumps(attrs.asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, line: str) -> Result:
        """It back from such a line; members that this version does not know are left out.

        Raises:
            ValueError: it is no result.
        """
        data = json.loads(line)
        if not isinstance(data, Mapping):
            raise ValueError("no object")
        known = {f.name: data[f.name] for f in attrs.fields(cls) if f.name in data}
        name, status, files = known.get("id"), known.get("status"), known.get("files", {})
        if not isinstance(name, str) or status not in (DONE, FAILED) or type(files) is not dict:
            raise ValueError("no result")
        return cls(**known)
