"""API keys and tokens, and that they never show themselves."""

from __future__ import annotations

import base64
import copy
import json
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


KEY_PARTS = [
    (b"testkey:testsecret", ("testkey", "testsecret")),
    (b"a:\xc3\xa4", ("a", "ä")),
    (b"\xfb\xff:testsecret", None),
    (b"testkey", None),
    (b"testkey:", None),
    (b":testsecret", None),
    (b"testkey:test:secret", None),
    (b"test,key:testsecret", None),
    (b"test key:testsecret", None),
    (b"test\nkey:testsecret", None),
]


@pytest.mark.parametrize(("raw", "parts"), KEY_PARTS, ids=range(len(KEY_PARTS)))
def test_a_key_is_an_id_and_a_secret(raw, parts):
    """In both alphabets, with and without padding; or it is told that it is not, but not shown."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for value in {encode(raw).decode(), encode(raw).decode().rstrip("=")}:
            key = ApiKey(value, "my vault")
            if parts is not None:
                assert key.parts() == parts
                continue
            with pytest.raises(ConfigError, match="my vault cannot sign") as info:
                key.parts()
            text = "".join(traceback.format_exception(info.value))
            assert value not in text and "testsecret" not in text and "testkey" not in text


def jwt(claims: object) -> str:
    content = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{content}.c2lnbmF0dXJl"


def test_a_token_tells_until_when_it_is_valid():
    """For the message of a refusal; whether that is past is left to the reader."""
    token = Token(jwt({"exp": 1735787045}), "my vault")
    assert token.source == "my vault (valid until 2025-01-02 03:04:05 UTC)"
    assert repr(token) == f"<Token from {token.source}>"
    assert Token(jwt({"exp": 1735787045.5})).source.endswith("03:04:05 UTC)")


@pytest.mark.parametrize(
    "claims",
    [{}, [], None, "exp", *({"exp": it} for it in ("soon", None, 1e300, -1e18, float("nan"), []))],
)
def test_a_token_without_a_time_tells_none(claims):
    assert Token(jwt(claims), "my vault").source == "my vault"


@pytest.mark.parametrize("value", ["a.b.c", "a.____.c", "a.eyJl.c"])
def test_a_token_that_only_looks_like_one_tells_none(value):
    assert Token(value, "my vault").source == "my vault"


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
