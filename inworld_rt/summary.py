"""What an answer took and cost, as rows to print."""

from __future__ import annotations

from inworld_rt.link import Stats
from inworld_rt.outcome import Usage
from inworld_rt.response import Response

__all__ = ["rows"]


def rows(response: Response, stats: Stats | None = None) -> list[tuple[str, str]]:
    """What is known of an answer so far, and of its session. Does not block.

    Args:
        response: the answer.
        stats: ``client.stats``; ``None`` leaves the session out.

    Returns:
        Rows of two: what it is, and how much. What did not happen, or the server did not tell, has
        none.
    """
    found = [(words, f"{seconds:.2f} s") for words, seconds in response.latency.stages()]
    found += _tokens("tokens", response.usage)
    if stats is not None:
        found += [
            ("answers of the session", f"{stats.responses} in {stats.duration:.1f} s"),
            ("sound sent", f"{stats.seconds_sent:.1f} s"),
            ("sound received", f"{stats.seconds_received:.1f} s"),
        ]
        found += _tokens("tokens of the session", stats.usage)
    return found


def _tokens(what: str, usage: Usage | None) -> list[tuple[str, str]]:
    if usage is None:
        return []
    parts = [(usage.input_tokens, "in"), (usage.output_tokens, "out")]
    told = [(count, way) for count, way in parts if count is not None]
    count = usage.total_tokens
    if count is None and told:
        count = sum(tokens for tokens, _ in told)
    if count is None:
        return []
    split = ", ".join(f"{tokens} {way}" for tokens, way in told)
    return [(what, f"{count} ({split})" if split else f"{count}")]
