"""Tools: plain functions that the model may call (protocol: function call).

A function becomes a :class:`Tool`: what the model is told of it, and how the model's arguments
become those of the function. What it returns or raises becomes text for the model again.
"""

from __future__ import annotations

from inworld_rt.tools.function import DEFAULT_TIMEOUT, Tool
from inworld_rt.tools.result import encode_error, encode_result

__all__ = ["DEFAULT_TIMEOUT", "Tool", "encode_error", "encode_result"]
