"""Secrets, taken out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.recording.scrubber import HIDDEN, Scrubber, bare_url

SECRET = "c291bmQ6dGVzdA=="


@pytest.mark.parametrize(
    "data",
    [
        {"api_key": "x"},
        {"apiKey": "x"},
        {"Authorization": "x"},
        {"nested": [{"client-secret": "x"}]},
        {"password": "x"},
        {"token": "x"},
        {"type": "mcp", "headers": {"X-Anything": "x"}},
        {"type": "mcp", "headers": "x"},
        {"client_secret": {"value": "x", "expires_at": 1}},
    ],
)
def test_what_is_named_like_a_secret_is_hidden(data: dict[str, Any]) -> None:
    clean = json.dumps(Scrubber().clean(data))
    assert HIDDEN in clean
    assert '"x"' not in clean


@pytest.mark.parametrize(
    "data",
    [
        {"total_tokens": 3, "token_details": {"text_tokens": 1}},
        {"properties": {"password": {"type": "string"}}},  # a function that asks for one
        {"token": " whale", "logprob": -0.1, "bytes": [32]},  # a piece of a word
        {"headers": {"x": "y"}},  # of nothing that is spoken to
        {"password": None, "token": ""},
        {"image_url": "data:image/png;base64,AA?="},
    ],
)
def test_what_only_looks_like_one_stays(data: dict[str, Any]) -> None:
    assert Scrubber().clean(data) == data


@given(
    st.recursive(
        st.text() | st.just(SECRET) | st.just(f"Basic {SECRET}!"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(SECRET), inner),
        max_leaves=10,
    )
)
def test_a_known_secret_is_nowhere(data: Any) -> None:
    scrubber = Scrubber([SECRET, ""])
    assert SECRET not in json.dumps(scrubber.clean(data), ensure_ascii=False)
    assert SECRET.encode() not in scrubber.text(json.dumps(data).encode())


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://host/path?key=x", "https://host/path?<hidden>"),
        ("wss://me:x@host/path?key=x#y", "wss://host/path?<hidden>"),
        ("HTTPS://host", "HTTPS://host"),
        ("no address?x", "no address?x"),
    ],
)
def test_an_address_keeps_only_where_it_is(url: str, bare: str) -> None:
    assert bare_url(url) == bare
    assert Scrubber().clean({"server_url": url}) == {"server_url": bare}
