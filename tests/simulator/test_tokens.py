"""Signed requests and the tokens given for them (protocol: authentication, schemes A and B)."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.simulator.tokens import (
    EXAMPLES,
    ONE_TIME,
    PORTAL,
    WINDOW_S,
    Denied,
    Mint,
    Signatures,
    Standing,
    key_parts,
    sign,
)

API_KEY = "dGVzdGtleTp0ZXN0c2VjcmV0"  # testkey:testsecret
NONCES = {EXAMPLES: "0123456789a", PORTAL: "00112233445566778899aabbccddeeff"}
NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=timezone.utc).timestamp()
SENT = "20250102030405"
each_scheme = pytest.mark.parametrize("scheme", [EXAMPLES, PORTAL], ids=["examples", "portal"])


def signed(scheme, *, key_id="testkey", secret="testsecret", sent=SENT, nonce=None, host=None):
    nonce = nonce or NONCES[scheme]
    signature = sign(secret, sent, scheme.host if host is None else host, scheme.method, nonce)
    return f"IW1-HMAC-SHA256 ApiKey={key_id},DateTime={sent},Nonce={nonce},Signature={signature}"


def checked(scheme, header, host="", now=NOW):
    return Signatures(API_KEY).check(header, scheme, host, now)


@pytest.mark.parametrize(
    ("scheme", "signature"),
    [
        (EXAMPLES, "a4b0a50eb69d94f6c205f9a6f63c802adfa5558883acdbf863ff9524884cc282"),
        (PORTAL, "8f18fb945499f6d11a122fd9d790503249a4ef9b45a18a49db9948c123f95182"),
    ],
    ids=["examples", "portal"],
)
def test_the_protocols_test_vectors(scheme, signature):
    assert sign("testsecret", SENT, scheme.host, scheme.method, NONCES[scheme]) == signature
    header = f"ApiKey=testkey,DateTime={SENT},Nonce={NONCES[scheme]},Signature={signature}"
    assert checked(scheme, f"IW1-HMAC-SHA256 {header}") == "testkey"


@each_scheme
@pytest.mark.parametrize("folded", ["127.0.0.1:8765", "127.0.0.1"])
def test_the_host_that_was_asked_may_stand_for_the_services(scheme, folded):
    header = signed(scheme, host=folded)
    assert checked(scheme, header, host="127.0.0.1:8765") == "testkey"
    with pytest.raises(Denied, match="host"):
        checked(scheme, header, host="127.0.0.2:8765")


@pytest.mark.parametrize("folded", ["[::1]:80", "[::1]", "::1"])
def test_hosts_of_ipv6(folded):
    assert checked(PORTAL, signed(PORTAL, host=folded), host="[::1]:80") == "testkey"


def test_without_a_host_header_the_host_is_not_left_out_of_the_signature():
    with pytest.raises(Denied, match="host"):
        checked(PORTAL, signed(PORTAL, host=""), host="")


GOOD = signed(PORTAL)
OTHER_KEY = base64.b64encode(b"other:testsecret").decode()


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "Authorization header"),
        (f"Basic {API_KEY}", "Authorization header"),
        (GOOD.replace("IW1-HMAC-SHA256", "IW1-HMAC-SHA1"), "Authorization header"),
        (GOOD.replace(",", ", "), "Authorization header"),
        (GOOD.replace("Signature=", "Signature=00"), "Authorization header"),
        (GOOD.replace(SENT, "2025-01-02"), "Authorization header"),
        (GOOD + ",More=1", "Authorization header"),
        (signed(PORTAL, key_id="other"), "no API key"),
        (signed(PORTAL, secret="other"), "signature"),
        (signed(PORTAL, host="example.org"), "signature"),
        (signed(EXAMPLES), "signature"),
        (GOOD.replace(SENT, "20250102030406"), "signature"),
        (signed(PORTAL, nonce="0123456789a"), "32"),
        (signed(PORTAL, nonce="A" * 32), "32"),
        (signed(PORTAL, sent="20251399000000"), "YYYYMMDDHHMMSS"),
    ],
)
def test_what_is_denied(header, reason):
    with pytest.raises(Denied, match=reason) as caught:
        checked(PORTAL, header)
    assert caught.value.status == 401
    assert "testsecret" not in caught.value.message


@pytest.mark.parametrize("api_key", ["plain", "", "a2V5", OTHER_KEY])
def test_a_key_of_another_form_signs_nothing(api_key):
    with pytest.raises(Denied, match="no API key"):
        Signatures(api_key).check(GOOD, PORTAL, "", NOW)


@pytest.mark.parametrize("off", [-WINDOW_S, 0, WINDOW_S])
def test_a_clock_may_be_five_minutes_off(off):
    assert checked(PORTAL, GOOD, now=NOW + off) == "testkey"


@pytest.mark.parametrize("off", [-WINDOW_S - 1, WINDOW_S + 1, 86400])
def test_and_no_more(off):
    with pytest.raises(Denied, match="clock"):
        checked(PORTAL, GOOD, now=NOW + off)


@given(st.floats(-WINDOW_S, WINDOW_S), st.floats(0, 3 * WINDOW_S))
def test_a_signature_counts_once_whenever_it_comes_again(first, later):
    signatures = Signatures(API_KEY)
    signatures.check(GOOD, PORTAL, "", NOW + first)
    with pytest.raises(Denied):
        signatures.check(GOOD, PORTAL, "", NOW + first + later)


def test_a_denied_signature_uses_no_nonce_up():
    signatures = Signatures(API_KEY)
    with pytest.raises(Denied):
        signatures.check(signed(PORTAL, secret="other"), PORTAL, "", NOW)
    assert signatures.check(GOOD, PORTAL, "", NOW) == "testkey"


def test_nonces_are_forgotten_when_they_no_longer_matter():
    signatures = Signatures(API_KEY)
    for minute in range(60):
        sent = f"202501020{minute // 60}{minute % 60:02}00"
        now = datetime.strptime(sent + "+0000", "%Y%m%d%H%M%S%z").timestamp()
        signatures.check(signed(PORTAL, sent=sent, nonce=f"{minute:032x}"), PORTAL, "", now)
    assert len(signatures._seen) <= 1 + WINDOW_S / 60


names = st.text(min_size=1).filter(lambda text: ":" not in text and text.isprintable())


@given(names, names, st.booleans(), st.booleans())
def test_the_parts_of_a_key_in_any_base64(key_id, secret, urlsafe, padded):
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    api_key = encode(f"{key_id}:{secret}".encode()).decode()
    assert key_parts(api_key if padded else api_key.rstrip("=")) == (key_id, secret)


@pytest.mark.parametrize("text", [b"", b"key", b"key:", b":secret", b"a:b:c", b"\xff:\xff"])
def test_what_is_no_key(text):
    assert key_parts(base64.b64encode(text).decode()) is None


# --- tokens ----------------------------------------------------------------------------------


def test_a_token_is_a_jwt_that_tells_whose_it_is_and_how_long():
    token = Mint(60).make("testkey", NOW)
    head, claims, _ = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.value.split(".")
    )
    assert json.loads(head) == {"alg": "HS256", "typ": "JWT"}
    claims = json.loads(claims)
    assert (claims["sub"], claims["typ"]) == ("testkey", "session")
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 60)
    assert token.expires == NOW + 60
    assert token.session_id
    assert token.value not in repr(token)


def test_no_two_tokens_are_the_same():
    mint = Mint()
    tokens = [mint.make("testkey", NOW) for _ in range(10)]
    assert len({token.value for token in tokens}) == 10
    assert len({token.session_id for token in tokens}) == 10


@given(st.floats(0.01, 1e8), st.floats(0, 2e8))
def test_a_token_is_good_until_it_expires_and_then_says_so(seconds, later):
    mint = Mint(seconds)
    token = mint.make("testkey", NOW)
    wanted = Standing.GOOD if NOW + later < token.expires else Standing.EXPIRED
    assert mint.standing(token.value, NOW + later) is wanted


@given(st.data())
def test_a_token_with_one_letter_changed_is_not_known(data):
    mint = Mint()
    value = mint.make("testkey", NOW).value
    place = data.draw(st.integers(0, len(value) - 1))
    letter = data.draw(st.sampled_from("aB3-._"))
    changed = value[:place] + letter + value[place + 1 :]
    wanted = Standing.GOOD if changed == value else Standing.FOREIGN
    assert mint.standing(changed, NOW) is wanted


@given(st.text() | st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]+", fullmatch=True))
def test_anything_else_is_foreign(text):
    assert Mint().standing(text, NOW) is Standing.FOREIGN


def test_a_mint_knows_only_its_own():
    assert Mint().standing(Mint().make("testkey", NOW).value, NOW) is Standing.FOREIGN


@pytest.mark.parametrize("kind", [ONE_TIME, "ONE_TIME", "one_time"])
def test_a_one_time_token_says_so_whoever_made_it(kind):
    mint = Mint()
    assert mint.standing(mint.make("testkey", NOW, kind).value, NOW) is Standing.ONE_TIME
    assert mint.standing(Mint().make("testkey", NOW, kind).value, NOW) is Standing.ONE_TIME


@pytest.mark.parametrize("claims", [b"[" * 9999, b"[1]", b"\xff", b"{"])
def test_claims_that_cannot_be_read_are_none(claims):
    part = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
    assert Mint().standing(f"aa.{part}.cc", NOW) is Standing.FOREIGN
