"""The lists of voices and models: whole, tolerant, and asked for with the right credential."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.background import PATIENCE
from support.certificates import client_context, server_context
from support.httpdesk import HttpDesk, said

from inworld_rt.auth import RenewingToken, mint_token
from inworld_rt.catalogue import Model, Voice, models, voices
from inworld_rt.codec import read
from inworld_rt.errors import AuthError, ConfigError, ConnectError

KEY = "dGVzdGtleTp0ZXN0c2VjcmV0"
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.c2VjcmV0LXNpZ25hdHVyZQ"
CLIVE = {
    "name": "workspaces/w/voices/Clive",
    "voiceId": "Clive",
    "displayName": "Clive",
    "langCode": "EN_US",
    "description": "A calm voice",
    "gender": "male",
    "source": "SYSTEM",
}


def paged(*pages):
    """A server with these pages: entries, and the token of the next."""

    def answer(asked):
        token = parse_qs(urlsplit(asked.target).query).get("pageToken", [""])[0]
        entries, following = pages[int(token or 0)]
        return said({"voices": entries, "nextPageToken": following})

    return HttpDesk(answer)


def named(*names):
    return [{"voiceId": name} for name in names]


# --- voices ---------------------------------------------------------------------------------------


def test_a_voice():
    with paged(([CLIVE], "")) as desk:
        (voice,) = voices(credentials=KEY, url=desk.url)
    assert voice == Voice(
        name="workspaces/w/voices/Clive",
        voice_id="Clive",
        display_name="Clive",
        language="EN_US",
        description="A calm voice",
        gender="male",
        source="SYSTEM",
    )
    assert desk.asked[0][:2] == ("GET", "/voices/v1/voices?pageSize=2000")


def test_all_pages_are_joined_in_order():
    with paged((named("a", "b"), "1"), ([], "2"), (named("c"), "")) as desk:
        assert [v.voice_id for v in voices(credentials=KEY, url=desk.url)] == ["a", "b", "c"]
    assert len(desk.asked) == 3


def test_a_page_token_is_quoted():
    def answer(asked):
        first = len(desk.asked) == 1
        return said({"voices": [], "nextPageToken": "a&b=/ ä" if first else None})

    with HttpDesk(answer) as desk:
        assert voices(credentials=KEY, url=desk.url) == []
    query = parse_qs(urlsplit(desk.asked[1].target).query)
    assert query == {"pageSize": ["2000"], "pageToken": ["a&b=/ ä"]}


@pytest.mark.parametrize("following", [["0"], ["1", "1"], ["1", "2", "1"], [7]])
def test_pages_that_go_in_circles(following):
    """They would never end; that the list is not whole is not hidden."""
    pages = [(named("a"), token) for token in following]
    with paged(*pages, *pages) as desk, pytest.raises(ConnectError, match="has no end"):
        voices(credentials=KEY, url=desk.url)
    assert len(desk.asked) <= len(following) + 1


def test_pages_without_end_end_with_the_time():
    """The timeout is for all of them."""
    count = iter(range(10**9))
    with (
        HttpDesk(lambda asked: said({"voices": [], "nextPageToken": str(next(count))})) as desk,
        pytest.raises(ConnectError, match="in time"),
    ):
        voices(credentials=KEY, url=desk.url, timeout=0.2)


@pytest.mark.parametrize(
    ("mine", "language", "speaks"),
    [
        ("EN_US", "en", True),
        ("EN_US", "EN", True),
        ("EN_US", "en-us", True),
        ("EN_US", "en_US", True),
        ("en-US", "en", True),
        ("EN", "en", True),
        ("EN_US", "en-GB", False),
        ("EN", "en-US", False),
        ("ENX_US", "en", False),
        ("", "en", False),
        ("EN_US", "us", False),
    ],
)
def test_languages(mine, language, speaks):
    assert Voice(language=mine).speaks(language) is speaks
    with paged(([{"langCode": mine}], "")) as desk:
        assert len(voices(credentials=KEY, url=desk.url, language=language)) == speaks


@pytest.mark.parametrize("language", ["", 5, b"en"])
def test_what_is_no_language(language):
    with pytest.raises(ConfigError, match="language"):
        voices(credentials=KEY, url="ws://127.0.0.1:9", language=language)


# --- models ---------------------------------------------------------------------------------------


def test_a_model():
    content = {
        "models": [
            {
                "model": "gpt-5.4",
                "provider": "openai",
                "modelCreator": "openai",
                "isSupported": False,
            }
        ]
    }
    with HttpDesk(lambda asked: said(content)) as desk:
        (model,) = models(credentials=KEY, url=desk.url)
    assert (model.id, model.supported) == ("openai/gpt-5.4", False)
    assert model == Model(model="gpt-5.4", provider="openai", creator="openai", supported=False)
    assert [asked[:2] for asked in desk.asked] == [("GET", "/llm/v1alpha/models")]


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("gpt-5.4", "openai", "openai/gpt-5.4"),
        ("openai/gpt-5.4", "openai", "openai/gpt-5.4"),
        ("openai/gpt-oss", "groq", "groq/openai/gpt-oss"),
        ("openai-mini", "openai", "openai/openai-mini"),
        ("gpt-5.4", "", "gpt-5.4"),
        ("openai/gpt-5.4", "", "openai/gpt-5.4"),
    ],
)
def test_ids(model, provider, name):
    """``provider/model``, unless the model begins with its provider already."""
    assert Model(model=model, provider=provider).id == name


def test_the_openai_list_is_taken_where_the_other_is_not_there():
    def answer(asked):
        if asked.target != "/v1/models":
            return said({}, 404)
        ids = ["openai/gpt-5.4", "inworld/models/x", "plain"]
        return said({"data": [{"id": name, "object": "model"} for name in ids]})

    with HttpDesk(answer) as desk:
        found = models(credentials=KEY, url=desk.url)
    assert [model.id for model in found] == ["openai/gpt-5.4", "inworld/models/x", "plain"]
    assert [model.provider for model in found] == ["openai", "inworld", ""]
    assert all(model.supported for model in found)


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_other_refusals_are_not_passed_over(status):
    with HttpDesk(lambda asked: said({}, status)) as desk, pytest.raises(ConnectError) as info:
        models(credentials=KEY, url=desk.url)
    assert len(desk.asked) == 1
    assert info.value.status == status
    assert "the request for the models" in str(info.value)


def test_neither_list_is_there():
    with HttpDesk(lambda asked: said({}, 404)) as desk, pytest.raises(ConnectError, match="404"):
        models(credentials=KEY, url=desk.url)
    assert len(desk.asked) == 2


# --- both -----------------------------------------------------------------------------------------

both = pytest.mark.parametrize("ask", [voices, models])


@both
@pytest.mark.parametrize(("given", "header"), [(KEY, f"Basic {KEY}"), (JWT, f"Bearer {JWT}")])
def test_the_credential_is_sent_as_what_it_is(ask, given, header, monkeypatch):
    with HttpDesk(lambda asked: said({})) as desk:
        ask(credentials=given, url=desk.url)
        monkeypatch.setenv("INWORLD_API_KEY", given)
        monkeypatch.setenv("INWORLD_REALTIME_URL", desk.url)
        ask()
    assert [asked.headers["authorization"] for asked in desk.asked] == [header, header]


@both
def test_without_a_credential_nothing_is_asked(ask):
    with HttpDesk(lambda asked: said({})) as desk, pytest.raises(ConfigError, match="no API key"):
        ask(url=desk.url)
    assert desk.asked == []


@both
def test_a_refused_credential_is_named(ask, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    with HttpDesk(lambda asked: said({}, 401)) as desk, pytest.raises(AuthError) as info:
        ask(url=desk.url)
    assert "INWORLD_API_KEY is not valid here" in str(info.value)


@both
def test_over_tls(ask):
    with HttpDesk(lambda asked: said({}), tls=server_context()) as desk:
        assert ask(credentials=KEY, url=desk.url, ssl_context=client_context()) == []
        with pytest.raises(ConnectError, match="certificate"):
            ask(credentials=KEY, url=desk.url)


@both
@pytest.mark.parametrize("content", [{"other": []}, {"voices": {}, "models": "x"}, {"voices": 5}])
def test_an_answer_without_a_list(ask, content):
    with (
        HttpDesk(lambda asked: said(content)) as desk,
        pytest.raises(ConnectError, match=f"no list of {ask.__name__}"),
    ):
        ask(credentials=KEY, url=desk.url)


@both
def test_entries_may_lack_anything(ask):
    """What is missing or of another type is empty; what is no entry is passed over."""
    entries = [{}, None, 5, "x", [], {"voiceId": 7, "model": ["x"], "gender": None, "new": 1}]
    with HttpDesk(lambda asked: said({"voices": entries, "models": entries})) as desk:
        found = ask(credentials=KEY, url=desk.url)
    assert found == [type(found[0])()] * 2


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
wire_names = st.sampled_from([*CLIVE, "model", "provider", "modelCreator", "isSupported"])


@given(st.dictionaries(wire_names, json_values))
def test_any_entry_can_be_read_and_used(entry):
    voice, model = read(Voice, entry), read(Model, entry)
    assert isinstance(model.id, str)
    assert isinstance(model.supported, bool)
    assert {type(getattr(voice, name)) for name in ("voice_id", "language", "source")} == {str}
    assert voice.speaks("en") in (True, False)


# --- the simulator --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulator():
    pytest.importorskip("websockets", reason="the simulator needs websockets")
    from inworld_rt.simulator import Simulator

    with Simulator(api_key=KEY) as server:
        yield server


def test_the_simulators_voices(simulator):
    found = voices(credentials=KEY, url=simulator.url, timeout=PATIENCE)
    names = [voice.voice_id for voice in found]
    assert {"Clive", "Sarah", "Olivia"} < set(names)
    assert len(set(names)) == len(names)
    british = voices(credentials=KEY, url=simulator.url, language="en-GB", timeout=PATIENCE)
    assert {voice.voice_id for voice in british} == {
        voice.voice_id for voice in found if voice.language == "EN_GB"
    }


def test_the_simulators_models(simulator):
    found = models(credentials=KEY, url=simulator.url, timeout=PATIENCE)
    assert "openai/gpt-4.1-nano" in [model.id for model in found]
    assert sum(not model.supported for model in found) == 1


def test_a_minted_token_opens_the_catalogue(simulator):
    fresh = RenewingToken(lambda: mint_token(KEY, url=simulator.url, timeout=PATIENCE))
    found = voices(credentials=fresh, url=simulator.url, timeout=PATIENCE)
    assert found == voices(credentials=KEY, url=simulator.url, timeout=PATIENCE)


def test_a_wrong_key_does_not(simulator):
    with pytest.raises(AuthError):
        voices(credentials="d3Jvbmc6a2V5", url=simulator.url, timeout=PATIENCE)
