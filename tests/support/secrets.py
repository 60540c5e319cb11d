"""Watches the whole run for secrets that show: a plugin for pytest.

It remembers every text that is made a credential while the tests run, and looks for these in all
that is logged, warned of, raised and reported. A test in which one shows fails, and is named; the
secret is not.

A test whose "secrets" are words that appear anyway is marked ``own_secrets``: nothing of it is
remembered or looked at.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import inspect
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from inworld_rt.auth import ApiKey, SessionToken, Token
from inworld_rt.errors import InworldError, InworldWarning

__all__ = ["Vault", "Watch", "pytest_configure"]

SHORTEST = 8  # characters; less is a word
KINDS = 6  # different characters at least; less is filling
_OURS = logging.DEBUG - 1  # a level that no test sets, so that it can be told from theirs
VARIABLES = ("INWORLD_API_KEY", "INWORLD_SECRET")

# Read now: the tests' own environment is cleared of them.
_DEVELOPERS = [os.environ[name] for name in VARIABLES if name in os.environ]


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    config.addinivalue_line(
        "markers",
        "own_secrets: its credentials are words that appear anyway; they are not looked for",
    )
    if not config.pluginmanager.has_plugin("watch-for-secrets"):
        config.pluginmanager.register(Watch(), "watch-for-secrets")


class Vault:
    """The secrets so far. To look for all of them costs no more than to look for one."""

    def __init__(self) -> None:
        self._by_start: defaultdict[str, set[str]] = defaultdict(set)

    def learn(self, text: object) -> None:
        """Remember a credential, and the secret in it if it is an API key."""
        if not isinstance(text, str):
            return
        value = text.strip()
        for scheme in ("basic ", "bearer "):
            if value.lower().startswith(scheme):
                value = value[len(scheme) :].strip()
        self._add(value)
        with contextlib.suppress(ValueError):  # it is no API key
            self._add(base64.b64decode(value, altchars=b"-_").decode().partition(":")[2])

    def _add(self, value: str) -> None:
        if len(value) >= SHORTEST and len(set(value)) >= KINDS:
            self._by_start[value[:SHORTEST]].add(value)

    def found(self, text: str) -> set[str]:
        """The secrets that a text holds."""
        starts = self._by_start
        if not starts:
            return set()
        found = set()
        for at in range(len(text) - SHORTEST + 1):
            start = text[at : at + SHORTEST]
            if start in starts:
                found |= {secret for secret in starts[start] if text.startswith(secret, at)}
        return found


class Watch(logging.Handler):
    """The plugin. A logging handler, too, for the package's logger."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.vault = Vault()
        self._shown: list[str] = []
        self._where = "outside of all tests"
        self._off = False
        self._unnoticed: list[str] = []
        self._undo = contextlib.ExitStack()

    # --- what is watched ------------------------------------------------------------------------

    def pytest_sessionstart(self) -> None:
        """Put our ears to the package."""
        for text in _DEVELOPERS:
            self.vault.learn(text)
        for cls in (ApiKey, Token, SessionToken):
            self._wrap(cls, "__attrs_post_init__", self._learn_from)
        for shown in (InworldError, InworldWarning):
            self._wrap(shown, "__init__", self._look_at_exception)
        logger = logging.getLogger("inworld_rt")
        level = logger.level
        logger.addHandler(self)
        logger.addFilter(self._let_through)
        logger.setLevel(_OURS)
        self._undo.callback(logger.setLevel, level)
        self._undo.callback(logger.removeFilter, self._let_through)
        self._undo.callback(logger.removeHandler, self)

    def _let_through(self, record: logging.LogRecord) -> bool:
        """Look at every record, but show others only those that they would see without us."""
        self.emit(record)
        unset = logging.getLogger("inworld_rt").level == _OURS
        return not unset or record.levelno >= logging.getLogger().level

    def _wrap(self, cls: type, name: str, ear: Callable[[Any, tuple[Any, ...]], None]) -> None:
        own = vars(cls).get(name)

        def wrapper(made: Any, *args: Any, **kwargs: Any) -> None:
            ear(made, args)
            go_on = functools.partial(own, made) if own else getattr(super(cls, made), name)
            go_on(*args, **kwargs)

        # There are tests that read signatures.
        wrapper.__signature__ = inspect.signature(lambda self: None)  # type: ignore[attr-defined]
        setattr(cls, name, wrapper)
        if own:
            self._undo.callback(setattr, cls, name, own)
        else:
            self._undo.callback(delattr, cls, name)

    def _learn_from(self, made: Any, args: tuple[Any, ...]) -> None:
        if not self._off:
            self.vault.learn(made._value.reveal())

    def _look_at_exception(self, error: BaseException, args: tuple[Any, ...]) -> None:
        self._look(" ".join(map(str, args)), f"the text of {type(error).__name__}")

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a record as it would be printed, traceback and all."""
        self._look(self.format(record), "the log")

    def handleError(self, record: logging.LogRecord) -> None:
        """A record that cannot be formatted is its own test's business."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: Any) -> None:
        """Look at a warning that pytest caught, before it prints it."""
        text = str(warning_message.message)
        self._look(text, "a warning")
        if not self._off and self.vault.found(text):
            warning_message.message = UserWarning(self._without_secrets(text))

    def _look(self, text: str, what: str) -> None:
        if self._off:
            return
        for name in VARIABLES:
            self.vault.learn(os.environ.get(name))
        if self.vault.found(text):
            self._shown.append(f"{what} ({self._where})")

    # --- what is done about it ------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Know which test runs."""
        self._where, self._off = item.nodeid, item.get_closest_marker("own_secrets") is not None
        try:
            return (yield)
        finally:
            # The last report is done; warnings come after it.
            self._unnoticed += self._shown
            self._shown = []
            self._where, self._off = f"after {item.nodeid}", False

    # Outermost, so that the report is as complete as it gets.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fail the test in which something showed."""
        report = yield
        if self._off:
            return report
        self._look(report.longreprtext, "the report")
        self._look(report.capstderr, "standard error")
        shown, self._shown = self._shown, []
        if shown:
            told = "a secret shows in " + ", ".join(dict.fromkeys(shown))
            if report.longrepr is not None:
                told += f"\n\n{self._without_secrets(report.longreprtext)}"
            report.outcome, report.longrepr = "failed", told
            report.sections = [
                (title, self._without_secrets(text)) for title, text in report.sections
            ]
        return report

    def _without_secrets(self, text: str) -> str:
        for secret in sorted(self.vault.found(text), key=len, reverse=True):
            text = text.replace(secret, "<secret>")
        return text

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What showed after the last report fails the session."""
        self._undo.close()
        self._unnoticed += self._shown
        if self._unnoticed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """And is told."""
        for told in self._unnoticed:
            terminalreporter.write_line(f"a secret shows in {told}", red=True)
