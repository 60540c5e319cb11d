"""What the user wants to say: words of the command line, or standard input."""

from __future__ import annotations

import codecs
import locale
import sys
from collections.abc import Sequence

import click

from inworld_rt.cli.keys import is_terminal
from inworld_rt.errors import ConfigError

__all__ = ["STDIN", "wanted"]

STDIN = "-"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),  # which PowerShell writes into files
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def wanted(words: Sequence[str]) -> str:
    """The text that is to be said.

    Args:
        words: of the command line. Of ``-`` alone, or of none where something is piped in, it is
            standard input, read to its end.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    if list(words) == [STDIN] or not (words or is_terminal(sys.stdin)):
        text = _standard_input().strip()
        if not text:
            raise ConfigError("there is no text on standard input")
        return text
    if not words:
        context = click.get_current_context()
        raise click.UsageError(f"Say what? For example: {context.command_path} Tell me a joke.")
    text = " ".join(words)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError("the text is not in UTF-8, as this terminal expects it") from None
    return text


def _standard_input() -> str:
    if sys.stdin is None:
        return ""
    return decoded(sys.stdin.buffer.read())


def decoded(data: bytes) -> str:
    """A text from elsewhere, in UTF-8, marked as UTF-16, or in the way of this system.

    Raises:
        ConfigError: it is none of these.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    for encoding in dict.fromkeys((marked, locale.getpreferredencoding(False))):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigError("standard input is no text, or in another encoding than UTF-8")
