"""Credentials, and that they never show themselves."""

from __future__ import annotations

import base64
import copy
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.auth import ApiKey, Credentials, Token, find_credentials
from inworld_rt.errors import ConfigError

KEY = base64.b64encode(b"key-id:very-secret!").decode()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_"


def test_api_key_is_sent_verbatim():
    """It is Base64 already: never encoded again."""
    assert ApiKey(KEY).header() == f"Basic {KEY}"


def test_token_is_a_bearer():
    """A JWT goes out as Bearer."""
    assert Token(JWT).header() == f"Bearer {JWT}"


def test_strings_are_told_apart():
    """Three dotted parts are a token, the rest is a key; the source is the argument."""
    assert find_credentials(JWT) == Token(JWT)
    assert find_credentials(KEY) == ApiKey(KEY)
    assert "credentials" in find_credentials(KEY).source


def test_credentials_pass_through():
    """Own kinds included."""

    class Mine(Credentials):
        source = "my vault"

        def header(self) -> str:
            return "Bearer abc"

    mine = Mine()
    assert find_credentials(mine) is mine
    assert repr(mine) == "<Mine from my vault>"


@pytest.mark.parametrize(("value", "kind"), [(KEY, ApiKey), (JWT, Token)])
def test_environment(monkeypatch, value, kind):
    """INWORLD_API_KEY is read when nothing is given, and named as the source."""
    monkeypatch.setenv("INWORLD_API_KEY", value)
    found = find_credentials()
    assert type(found) is kind
    assert "INWORLD_API_KEY" in found.source
    assert repr(found) == str(found) == f"{found}" == f"<{kind.__name__} from {found.source}>"


def test_nothing_given():
    """Says what to set, where to get it, and that the simulator needs none."""
    with pytest.raises(ConfigError) as info:
        find_credentials()
    for part in ("INWORLD_API_KEY", "https://", "simulator"):
        assert part in str(info.value)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (f" {KEY}", "start or end"),
        (f"{KEY}\n", "start or end"),
        (f"{KEY[:5]} {KEY[5:]}", "inside"),
        (f"{KEY[:5]}\n{KEY[5:]}", "inside"),
        (f"Basic {KEY}", '"Basic"'),
        (f"bearer {JWT}", '"Bearer"'),
        ("key-id:very-secret!", "Base64"),
        (KEY[:9], "Base64"),
        (f"{KEY}==", "Base64"),
        (f"ab=c{KEY}", "Base64"),
        ("ä" * 8, "Base64"),
        ("====", "Base64"),
        (KEY.encode(), "bytes"),
        (17, "int"),
    ],
)
def test_slips_have_their_own_advice(monkeypatch, value, part):
    """For each usual slip one sentence, which never holds the value."""
    with pytest.raises(ConfigError, match=part) as info:
        find_credentials(value)
    shown = str(info.value)
    assert KEY not in shown and "very-secret" not in shown
    if isinstance(value, str):
        monkeypatch.setenv("INWORLD_API_KEY", value)
        with pytest.raises(ConfigError, match=part) as info:
            find_credentials()
        assert "INWORLD_API_KEY" in str(info.value)


@pytest.mark.parametrize("value", ["abcd", "ab_-", "abc+", "ab==", "abc=", "abc", KEY.rstrip("=")])
def test_shapes_of_keys(value):
    """Both alphabets, with and without padding."""
    assert ApiKey(value).header() == f"Basic {value}"


@pytest.mark.parametrize("value", ["a.b", "a.b.c.d", "a..c", "a.b.c=", KEY])
def test_token_must_be_a_jwt(value):
    """And the message does not hold it."""
    with pytest.raises(ConfigError, match="JWT") as info:
        Token(value)
    assert value not in str(info.value) or len(value) < 4


def test_equality_and_hash():
    """By value and kind; the source counts as well."""
    assert ApiKey(KEY) == ApiKey(KEY) != ApiKey("abcd")
    assert hash(ApiKey(KEY)) == hash(ApiKey(KEY))
    assert ApiKey("abcd") != Token("a.b.c")


@pytest.mark.parametrize("credential", [ApiKey(KEY), Token(JWT)])
def test_immutable_copied_but_not_pickled(credential):
    """Copies are the object itself; pickling is refused, without showing the secret."""
    with pytest.raises(AttributeError):
        credential.source = "x"
    assert copy.copy(credential) is credential
    assert copy.deepcopy([credential])[0] is credential
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled") as info:
            pickle.dumps(credential, protocol)
        assert KEY not in str(info.value)


secrets = st.one_of(
    st.binary(min_size=9, max_size=60).map(lambda raw: base64.b64encode(raw).decode()),
    st.binary(min_size=9, max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
    st.lists(st.from_regex(r"\A[A-Za-z0-9_-]{8,20}\Z"), min_size=3, max_size=3).map(".".join),
    st.text(min_size=12, max_size=60),
)


@given(secrets, st.sampled_from(["{}", " {}", "Basic {}", "Bearer {}", "{}\n", "{}=", "{}!"]))
def test_no_secret_is_ever_shown(secret, pattern):
    """Not by repr, str, format, nor by any exception and its traceback."""
    value = pattern.format(secret)
    for make in (find_credentials, ApiKey, Token):
        try:
            credential = make(value)
        except ConfigError as exc:
            shown = "".join(traceback.format_exception(exc))
        else:
            shown = f"{credential} {credential!r} {[credential]} {credential.source}"
            assert credential.header().endswith(value)
        assert secret not in shown
