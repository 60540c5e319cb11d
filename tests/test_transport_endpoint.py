"""The address of a session."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.errors import ConfigError
from inworld_rt.transport import endpoint, new_session_id

FIXED = "/api/v1/realtime/session"


def test_default_is_the_public_service():
    """Nothing set: the documented address."""
    assert endpoint(None, "abc") == (
        "wss://api.inworld.ai/api/v1/realtime/session?key=abc&protocol=realtime"
    )


def test_environment_overrides_the_default_only(monkeypatch):
    """INWORLD_REALTIME_URL counts where no url was given; empty counts as unset."""
    monkeypatch.setenv("INWORLD_REALTIME_URL", "ws://127.0.0.1:5000")
    assert endpoint(None, "a").startswith(f"ws://127.0.0.1:5000{FIXED}?")
    assert endpoint("wss://x.example", "a").startswith(f"wss://x.example{FIXED}?")
    monkeypatch.setenv("INWORLD_REALTIME_URL", "")
    assert endpoint(None, "a").startswith("wss://api.inworld.ai/")


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ("https://h.example", f"wss://h.example{FIXED}?key="),
        ("http://localhost:8080", f"ws://localhost:8080{FIXED}?key="),
        ("WSS://h.example/", f"wss://h.example{FIXED}?key="),
        ("wss://h.example/a/b/", f"wss://h.example/a/b{FIXED}?key="),
        (f"wss://h.example/a{FIXED}", f"wss://h.example/a{FIXED}?key="),
        (f"wss://h.example{FIXED}/", f"wss://h.example{FIXED}?key="),
        ("ws://[::1]:99/x", f"ws://[::1]:99/x{FIXED}?key="),
        ("wss://h.example?region=eu", f"wss://h.example{FIXED}?region=eu&key="),
        (f"wss://h.example{FIXED}?key=old&a=b&protocol=x", f"wss://h.example{FIXED}?a=b&key=k&p"),
        ("wss://h.example/#part", f"wss://h.example{FIXED}?key="),
    ],
)
def test_what_is_kept_and_what_is_added(given, start):
    """Scheme mapped, prefix and query kept, fixed path appended when missing."""
    assert endpoint(given, "k").startswith(start)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("ftp://h.example", "wss://"),
        ("h.example", "wss://"),
        ("h.example:443", "wss://"),
        ("", "wss://"),
        ("wss://", "host"),
        ("wss:///path", "host"),
        ("wss://h.example:0", "port"),
        ("wss://h.example:99999", "valid"),
        ("wss://h.example:port", "valid"),
        ("wss://[::1", "valid"),
        ("wss://h.example/a b", "space"),
        ("wss://h.example\r\nX: y", "space"),
        (b"wss://h.example", "string"),
    ],
)
def test_unusable_addresses(url, part):
    """Each slip is named, together with the field and an example."""
    with pytest.raises(ConfigError, match=part) as info:
        endpoint(url, "k")
    assert str(info.value).startswith("url ")
    assert "wss://api.inworld.ai" in str(info.value)


def test_an_unusable_override_names_the_variable(monkeypatch):
    """So that nobody searches the program for it."""
    monkeypatch.setenv("INWORLD_REALTIME_URL", "api.inworld.ai")
    with pytest.raises(ConfigError, match=r"^INWORLD_REALTIME_URL "):
        endpoint(None, "k")


@pytest.mark.parametrize("url", ["wss://user:hunter2@h.example", "wss://hunter2@h.example"])
def test_no_login_in_the_address(url):
    """It is refused, and not shown."""
    with pytest.raises(ConfigError, match="credentials") as info:
        endpoint(url, "k")
    assert "hunter2" not in str(info.value)


@pytest.mark.parametrize("session_id", ["", None, 5])
def test_a_session_id_is_needed(session_id):
    """An empty key would be refused by the server, later and less clearly."""
    with pytest.raises(ConfigError, match="session_id"):
        endpoint(None, session_id)


@given(st.text(min_size=1).filter(lambda text: text.encode("utf-8", "ignore").decode() == text))
def test_any_session_id_survives(session_id):
    """Whatever it holds, the server reads the same value."""
    query = urlsplit(endpoint("wss://h.example?x=1", session_id)).query
    assert parse_qsl(query) == [("x", "1"), ("key", session_id), ("protocol", "realtime")]


def test_session_ids_are_fresh():
    """Unique, and without characters that need escaping."""
    ids = {new_session_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"inworld-rt-[0-9a-f]{32}", one) for one in ids)
