"""The watch for secrets is watched: it would be a pity if it saw nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.secrets import Vault

ROOT = Path(__file__).parent.parent
SECRET = "c2VjcmV0LWtleTpzZWNyZXQtcGFydC01MTUw"  # secret-key:secret-part-5150

START = f"""
import logging, sys, threading, warnings
import pytest
from inworld_rt.auth import ApiKey, SessionToken, Token
from inworld_rt.errors import ConfigError, ConnectError, DeviceError, InworldWarning

KEY = "{SECRET[:9]}" + "{SECRET[9:]}"
LOG = logging.getLogger("inworld_rt")
ApiKey(KEY)
"""


def run(folder: Path, test: str, **environment: str) -> tuple[int, str]:
    """What pytest says of a test module that is watched; it never says the secret."""
    (folder / "test_it.py").write_text(START + test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "support.secrets", "--strict-markers"]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
    )
    assert SECRET not in done.stdout + done.stderr
    return done.returncode, done.stdout


# One way to show a secret per test.
SHOWING = {
    "the log": 'LOG.warning("it is %s", KEY)',
    "the log, though nobody would see it": 'LOG.debug("it is %s", KEY)',
    "the log of a module": 'logging.getLogger("inworld_rt.audio").debug("it is %s", KEY)',
    "the log of an exception": """
    try:
        raise ValueError(KEY)
    except ValueError:
        LOG.exception("it failed")""",
    "the log of a thread": """
    thread = threading.Thread(target=LOG.info, args=[KEY])
    thread.start()
    thread.join()""",
    "a warning": "warnings.warn(KEY)",
    "a warning that was expected": """
    with pytest.warns(InworldWarning):
        warnings.warn(f"the key {KEY}", InworldWarning)""",
    "an exception that was expected": """
    with pytest.raises(ConnectError):
        raise ConnectError(f"refused: {KEY}", status=401)""",
    "a system's exception": """
    with pytest.raises(DeviceError):
        raise DeviceError(f"refused: {KEY}")""",
    "the report": "raise RuntimeError(f'wrong {KEY}')",
    "standard error": "print(KEY, file=sys.stderr)",
    "the secret in a key": 'LOG.info("secret-part-5150")',
    "a token": """
    Token("aaaabbbb.ccccdddd.eeeeffff")
    LOG.info("aaaabbbb.ccccdddd.eeeeffff")""",
}


@pytest.mark.slow
def test_a_test_that_shows_a_secret_fails(tmp_path: Path) -> None:
    tests = [f"def test_{n}():\n    {code.strip()}\n" for n, code in enumerate(SHOWING.values())]
    # The key is made when the module is read, in front of every test.
    status, said = run(tmp_path, "\n".join(tests))
    assert status == 1
    # Warnings that nobody expected come after the last report, and so fail the session.
    assert f"{len(SHOWING) - 1} failed, 1 passed" in said, said
    assert "a secret shows in a warning (test_it.py::test_5)" in said
    for number in range(len(SHOWING)):
        assert f"test_it.py::test_{number}" in said
    assert "a secret shows in the log (test_it.py::test_0)" in said
    assert "a secret shows in the report (test_it.py::test_9)" in said
    assert "wrong <secret>" in said  # what else the report says stays


HARMLESS = """
import pickle

def test_its_name_in_the_log(caplog):
    LOG.warning("%s", ApiKey(KEY))
    assert caplog.records[-1].name == "inworld_rt"

def test_errors_of_ours():
    with pytest.raises(ConfigError, match="starts with the word"):
        ApiKey(f"Basic {KEY}")
    with pytest.raises(TypeError):
        pickle.dumps(ApiKey(KEY))
    assert ConnectError("x", status=5).status == 5
    assert DeviceError("x").args == ("x",)
    assert str(DeviceError("x")) == str(ConnectError("x")) == "x"

def test_standard_output():
    print(KEY)

def test_words_and_filling():
    ApiKey("password"[:7]), ApiKey("0" * 12)
    LOG.warning("password %s", "0" * 12)

def test_debug_is_not_seen_by_others(caplog):
    LOG.debug("quiet")
    assert caplog.records == []
    caplog.set_level(logging.DEBUG)
    LOG.debug("loud")
    assert len(caplog.records) == 1

def test_debug_is_seen_where_it_was_asked_for(caplog):
    caplog.set_level(logging.DEBUG, "inworld_rt")
    LOG.debug("loud")
    assert len(caplog.records) == 1

@pytest.mark.own_secrets
def test_its_own_secrets():
    ApiKey("connection")
    LOG.warning("connection, %s", KEY)

def test_which_are_not_remembered():
    LOG.warning("connection")
"""


@pytest.mark.slow
def test_all_else_passes(tmp_path: Path) -> None:
    """Nor is anything changed for the tests."""
    status, said = run(tmp_path, HARMLESS)
    assert (status, "8 passed" in said) == (0, True), said


@pytest.mark.slow
def test_a_key_of_the_environment_is_known_from_the_start(tmp_path: Path) -> None:
    showing = "def test_it():\n    LOG.info('open-sesame-7')\n"
    assert run(tmp_path, showing, INWORLD_SECRET="open-sesame-7")[0] == 1
    assert run(tmp_path, showing)[0] == 0


@pytest.mark.slow
def test_what_shows_after_the_last_report_fails_the_session(tmp_path: Path) -> None:
    late = """
def pytest_sessionfinish():
    import logging
    from inworld_rt.auth import ApiKey
    logging.getLogger("inworld_rt").error("%s", ApiKey("bGF0ZXItb246b25l").header())
"""
    (tmp_path / "conftest.py").write_text(late, encoding="utf-8")
    status, said = run(tmp_path, "def test_it():\n    pass\n")
    assert status == 1
    assert "1 passed" in said
    assert "a secret shows in the log (after test_it.py::test_it)" in said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("first-secret-1", {"first-secret-1"}),
        ("xfirst-secret-1y", {"first-secret-1"}),
        ("first-secret-12", {"first-secret-1", "first-secret-12"}),
        ("first-secret-", set()),
        ("FIRST-SECRET-1", set()),
        ("", set()),
        ("a second-secret", {"second-secret"}),
    ],
)
def test_what_is_found(text: str, found: set[str]) -> None:
    vault = Vault()
    for secret in ("first-secret-1", "first-secret-12", "Bearer second-secret", "short", None, 7):
        vault.learn(secret)
    assert vault.found(text) == found
