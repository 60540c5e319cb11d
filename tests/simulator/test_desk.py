"""Requests and answers beside the WebSocket (protocol: neighbouring HTTP endpoints)."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.simulator import fields
from inworld_rt.simulator.desk import MODELS, PAGE, Desk, Request
from inworld_rt.simulator.handshake import PATH, Doorkeeper
from inworld_rt.simulator.tokens import EXAMPLES, ONE_TIME, PORTAL, Mint, sign
from inworld_rt.simulator.voice import CATALOGUE

API_KEY = "dGVzdGtleTp0ZXN0c2VjcmV0"  # testkey:testsecret
BASIC = f"Basic {API_KEY}"
NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=timezone.utc).timestamp()
SENT = "20250102030405"
PORTAL_PATH = "/v1/sessionTokens/token:generate"
EXAMPLES_PATH = "/auth/v1/tokens/token:generate"
PORTAL_BODY = {"api_key": "testkey"}
EXAMPLES_BODY = {"key": "testkey", "resources": ["workspaces/default-workspace"]}
CATALOGUES = ("/voices/v1/voices", "/llm/v1alpha/models", "/v1/models")

each_way = pytest.mark.parametrize(
    ("path", "scheme", "body"),
    [(PORTAL_PATH, PORTAL, PORTAL_BODY), (EXAMPLES_PATH, EXAMPLES, EXAMPLES_BODY)],
    ids=["portal", "examples"],
)


def desk(api_key=API_KEY, **options):
    return Desk(Doorkeeper(api_key, mint=Mint(600), **options), API_KEY)


def signed(scheme, nonce="00112233445566778899aabbccddeeff", secret="testsecret"):
    nonce = nonce[: scheme.digits]
    signature = sign(secret, SENT, scheme.host, scheme.method, nonce)
    return f"IW1-HMAC-SHA256 ApiKey=testkey,DateTime={SENT},Nonce={nonce},Signature={signature}"


def post(desk, path, scheme, body, now=NOW, **options):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return desk.answer(
        Request("POST", path, authorization=signed(scheme, **options), body=content), now
    )


def get(desk, target, authorization=BASIC, now=NOW):
    return desk.answer(Request("GET", target, authorization=authorization), now)


def content(answer, status=200):
    """What an answer says, once its outside is as it has to be."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Date"] == "Thu, 02 Jan 2025 03:04:05 GMT"
    said = json.loads(answer.body)
    if status != 200:
        assert list(said) == ["error"]
        assert said["error"]["message"]
    return said


@each_way
def test_a_signed_request_gets_a_token_that_opens_until_it_expires(path, scheme, body):
    here = desk()
    said = content(post(here, path, scheme, body))
    assert said["type"] == "Bearer"
    assert said["sessionId"]
    assert said["expirationTime"] == "2025-01-02T03:14:05.000Z"
    bearer = f"Bearer {said['token']}"
    content(get(here, "/v1/models", bearer))
    rejection = here._door.admit(bearer, NOW + 600)
    assert (rejection.status, "expired" in rejection.message) == (401, True)


@each_way
def test_the_same_request_again_gets_none(path, scheme, body):
    here = desk()
    content(post(here, path, scheme, body))
    assert "nonce" in content(post(here, path, scheme, body), 401)["error"]["message"]
    content(post(here, path, scheme, body, nonce="f" * 32))


@each_way
def test_a_wrong_secret_or_clock_gets_none_but_the_date(path, scheme, body):
    content(post(desk(), path, scheme, body, secret="other"), 401)
    late = post(desk(), path, scheme, body, now=NOW + 301)
    assert (late.status, late.headers["Date"]) == (401, "Thu, 02 Jan 2025 03:09:06 GMT")


@pytest.mark.parametrize(
    ("path", "scheme", "body", "status"),
    [
        (PORTAL_PATH, PORTAL, b"", 400),
        (PORTAL_PATH, PORTAL, b"\xff{", 400),
        (PORTAL_PATH, PORTAL, b"[" * 60000, 400),
        (PORTAL_PATH, PORTAL, [], 400),
        (PORTAL_PATH, PORTAL, {}, 400),
        (PORTAL_PATH, PORTAL, {"api_key": 1}, 400),
        (PORTAL_PATH, PORTAL, {"api_key": ""}, 400),
        (PORTAL_PATH, PORTAL, {"key": "testkey"}, 400),
        (PORTAL_PATH, PORTAL, {"api_key": "testkey", "resource_id": 1}, 400),
        (PORTAL_PATH, PORTAL, {"api_key": "other"}, 401),
        (PORTAL_PATH, EXAMPLES, PORTAL_BODY, 401),
        (PORTAL_PATH, PORTAL, {"api_key": "testkey", "resource_id": "workspaces/w"}, 200),
        (EXAMPLES_PATH, EXAMPLES, {"key": "testkey"}, 400),
        (EXAMPLES_PATH, EXAMPLES, {"key": "testkey", "resources": []}, 400),
        (EXAMPLES_PATH, EXAMPLES, {"key": "testkey", "resources": "workspaces/w"}, 400),
        (EXAMPLES_PATH, EXAMPLES, {"key": "testkey", "resources": ["workspaces/"]}, 400),
        (EXAMPLES_PATH, EXAMPLES, {"key": "testkey", "resources": [1]}, 400),
        (EXAMPLES_PATH, EXAMPLES, {"key": "other", "resources": ["workspaces/w"]}, 401),
        (EXAMPLES_PATH, PORTAL, EXAMPLES_BODY, 401),
    ],
)
def test_what_a_request_for_a_token_has_to_say(path, scheme, body, status):
    content(post(desk(), path, scheme, body), status)


@each_way
def test_without_a_key_of_its_own_the_given_one_still_gets_tokens_and_no_other(path, scheme, body):
    """Doors that let every credential in do not make tokens for everybody."""
    content(post(desk(api_key=None), path, scheme, body))
    content(post(desk(api_key=None), path, scheme, body, secret="other"), 401)


@pytest.mark.parametrize("target", CATALOGUES)
@pytest.mark.parametrize("authorization", ["", "Basic", "Basic abc", "Digest abc", "Bearer a.b.c"])
def test_the_catalogues_want_a_credential(target, authorization):
    content(get(desk(), target, authorization), 401)
    content(get(desk(), target))


@pytest.mark.parametrize("status", [402, 403, 429, 500, 503])
def test_the_ordered_status_answers_everybody_or_one_credential(status):
    for one in (API_KEY, "testkey"):
        here = desk(statuses={one: status})
        content(post(here, PORTAL_PATH, PORTAL, PORTAL_BODY), status)
    here = desk(statuses={API_KEY: status})
    for target in CATALOGUES:
        answer = get(here, target)
        content(answer, status)
        assert ("Retry-After" in answer.headers) is (status in (429, 503))
    here = desk(status=status)
    content(post(here, EXAMPLES_PATH, EXAMPLES, EXAMPLES_BODY), status)
    content(get(here, CATALOGUES[0]), status)


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        ("GET", "/", 404, None),
        ("GET", "/v1/models/", 404, None),
        ("POST", PATH + "/more", 404, None),
        ("GET", "http://[", 404, None),
        ("GET", PORTAL_PATH, 405, "POST"),
        ("PUT", EXAMPLES_PATH, 405, "POST"),
        ("POST", "/v1/models?a=1", 405, "GET"),
        ("HEAD", "/voices/v1/voices", 405, "GET"),
        ("POST", PATH, 405, "GET"),
        ("GET", PATH, 426, None),
    ],
)
def test_other_paths_and_methods(method, target, status, allow):
    answer = desk().answer(Request(method, target, authorization=BASIC), NOW)
    content(answer, status)
    assert answer.headers.get("Allow") == allow


# --- who may come in ---------------------------------------------------------------------------


def door_and_tokens():
    mint = Mint(600)
    tokens = {
        "own": mint.make("testkey", NOW).value,
        "expired": mint.make("testkey", NOW - 600).value,
        "one-time": mint.make("testkey", NOW, ONE_TIME).value,
        "foreign": Mint(600).make("testkey", NOW).value,
        "foreign one-time": Mint(600).make("testkey", NOW, ONE_TIME).value,
        "rubbish": "aa.bb.cc",
    }
    return mint, tokens


@pytest.mark.parametrize(
    ("name", "with_key", "without"),
    [
        ("own", None, None),
        ("expired", 401, 401),
        ("one-time", 403, 403),
        ("foreign one-time", 403, 403),
        ("foreign", 401, None),
        ("rubbish", 401, None),
    ],
)
def test_tokens_at_the_door(name, with_key, without):
    mint, tokens = door_and_tokens()
    for api_key, status in ((API_KEY, with_key), (None, without)):
        door = Doorkeeper(api_key, mint=mint)
        for rejection in (
            door.admit(f"Bearer {tokens[name]}", NOW),
            door.judge(f"{PATH}?key=k&protocol=realtime", f"bearer {tokens[name]}", "", NOW),
        ):
            assert (rejection and rejection.status) == status
            assert ("expired" in rejection.message if rejection else False) is (name == "expired")


def test_nothing_secret_is_shown():
    mint, tokens = door_and_tokens()
    door = Doorkeeper(API_KEY, {tokens["own"]: 403}, mint=mint)
    request = Request("POST", "/", authorization=BASIC, body=tokens["own"].encode())
    shown = repr(door) + repr(request)
    for name in (API_KEY, "testsecret", tokens["own"]):
        assert name not in shown


# --- catalogues --------------------------------------------------------------------------------


def pages(size):
    here, token, sizes, voices = desk(), "", [], []
    while True:
        said = content(get(here, f"/voices/v1/voices?pageSize={size}&pageToken={token}"))
        sizes.append(len(said["voices"]))
        voices += said["voices"]
        token = said["nextPageToken"]
        if not token:
            return sizes, voices


@given(st.integers(1, 3000))
def test_the_pages_joined_are_all_voices_each_once(size):
    sizes, voices = pages(size)
    assert [voice["voiceId"] for voice in voices] == sorted(CATALOGUE)
    assert set(sizes[:-1]) <= {size}
    assert 0 < sizes[-1] <= size


@pytest.mark.parametrize("query", ["", "?pageSize=0", "?pageSize="])
def test_a_page_is_small_unless_another_size_is_asked_for(query):
    said = content(get(desk(), "/voices/v1/voices" + query))
    assert len(said["voices"]) == PAGE
    assert said["nextPageToken"]


@pytest.mark.parametrize(
    "query", ["pageSize=-1", "pageSize=x", "pageSize=1.5", "pageSize=" + "9" * 5000, "pageToken=x"]
)
def test_wrong_pages(query):
    content(get(desk(), f"/voices/v1/voices?{query}"), 400)


def test_a_voice_says_what_the_service_says_of_one():
    voices = {voice["voiceId"]: voice for voice in pages(2000)[1]}
    wanted = "name voiceId displayName langCode description gender source".split()
    for voice in voices.values():
        assert list(voice) == wanted
        assert all(voice.values())
        assert voice["source"] == "SYSTEM"
    assert (voices["Clive"]["langCode"], voices["Clive"]["gender"]) == ("EN_US", "male")
    assert (voices["Olivia"]["langCode"], voices["Olivia"]["gender"]) == ("EN_GB", "female")


def test_models_make_the_realtime_ids_by_the_documented_rule():
    """Some already begin with their provider, one has a slash of its own, one is not supported."""
    models = content(get(desk(), "/llm/v1alpha/models"))["models"]
    ids, whole = [], 0
    for model in models:
        assert list(model) == ["model", "provider", "modelCreator", "isSupported"]
        begun = model["model"].startswith(f"{model['provider']}/")
        whole += begun
        ids.append(model["model"] if begun else f"{model['provider']}/{model['model']}")
    assert ids == list(MODELS)
    assert 0 < whole < len(models)
    assert [model["isSupported"] for model in models].count(False) == 1


def test_the_openai_list_has_the_supported_ids_and_a_session_takes_each():
    said = content(get(desk(), "/v1/models"))
    assert said["object"] == "list"
    ids = [model["id"] for model in said["data"]]
    assert len(ids) == len(MODELS) - 1
    assert {model["object"] for model in said["data"]} == {"model"}
    assert [name for name in ids if not fields._LLM_NAME.fullmatch(name)] == []
