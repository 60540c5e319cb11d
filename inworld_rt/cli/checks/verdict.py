"""What a judge says. Pure."""

from __future__ import annotations

from attrs import frozen

from inworld_rt.errors import BackendMissing

__all__ = ["BAD", "OK", "SKIP", "WARN", "Failure", "Verdict", "bad", "ok", "skip", "warn"]

OK, WARN, BAD, SKIP = "ok", "warn", "bad", "skip"

_COMMAND_FOLLOWS = "install it with: "


@frozen
class Verdict:
    """How something is.

    Attributes:
        mark: ``ok``, ``warn`` (it works, but not well), ``bad``, or ``skip`` (not looked at).
        found: what was found, in words.
        command: what to type to mend it; never empty with ``warn`` and ``bad``.
        brief: what a bug report should say of it where all is well; often nothing.
    """

    mark: str
    found: str
    command: str = ""
    brief: str = ""


def ok(found: str, brief: str = "") -> Verdict:
    """It is as it should be."""
    return Verdict(OK, found, brief=brief)


def warn(found: str, command: str) -> Verdict:
    """It works, but could be better."""
    return Verdict(WARN, found, command)


def bad(found: str, command: str) -> Verdict:
    """It does not work."""
    return Verdict(BAD, found, command)


def skip(why: str) -> Verdict:
    """It was not looked at."""
    return Verdict(SKIP, why)


@frozen
class Failure:
    """An exception, as a fact.

    Attributes:
        words: what happened.
        command: what to type, where the exception says so; else empty.
    """

    words: str
    command: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Take what an exception says apart."""
        words, follows, command = str(error).partition(_COMMAND_FOLLOWS)
        if follows and isinstance(error, BackendMissing):
            return cls(words.rstrip("; "), command.strip())
        return cls(str(error).partition("\n")[0] or type(error).__name__)
