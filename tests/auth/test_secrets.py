"""Nothing that holds a secret shows it: whatever is printed, logged, copied or taken apart."""

from __future__ import annotations

import base64
import copy
import functools
import inspect
import io
import logging
import pickle
import pprint
import time
import traceback
import warnings
from datetime import datetime, timezone

import attrs
import pytest
from support.httpdesk import HttpDesk, said

from inworld_rt.auth import ApiKey, RenewingToken, SessionToken, Token, mint_token
from inworld_rt.auth.hidden import Hidden, hide
from inworld_rt.errors import InworldError

SECRET = "very-secret-indeed-5150"
KEY = base64.b64encode(f"key-id:{SECRET}".encode()).decode()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MzU3ODcwNDV9.c2VjcmV0LXNpZ25hdHVyZQ"


def session_token() -> SessionToken:
    expires = datetime(2025, 1, 2, tzinfo=timezone.utc)
    return SessionToken(value=JWT, expires=expires, until=time.monotonic() + 100)


def renewing() -> RenewingToken:
    made = RenewingToken(functools.partial(lambda key: session_token(), KEY))
    made.header()
    return made


def parts_of(thing: object) -> str:
    """What a debugger or a crash report would read of an object, without calling its methods."""
    names = {*dir(type(thing)), *getattr(thing, "__dict__", {})}
    shown = []
    for name in names:
        static = inspect.getattr_static(thing, name)
        if name.startswith("__") or isinstance(static, property):
            continue
        shown.append(f"{name} = {getattr(thing, name)!r}")
    return "\n".join(shown)


def all_that_shows(thing: object) -> str:
    shown = [repr(thing), str(thing), f"{thing}", "%s %r" % (thing, thing), repr([thing])]  # noqa: UP031
    shown += [pprint.pformat({"it": thing}), parts_of(thing)]
    if attrs.has(type(thing)):
        shown += [
            repr(attrs.asdict(thing)),
            repr(attrs.astuple(thing)),
            repr(attrs.fields(type(thing))),
        ]
    else:
        shown += [repr(vars(thing))]
    if hasattr(thing, "__getstate__"):
        shown += [repr(thing.__getstate__())]
    log = io.StringIO()
    logger = logging.Logger("a test's own")
    logger.addHandler(logging.StreamHandler(log))
    logger.debug("%s", thing)
    logger.error("%r", thing)
    with pytest.warns(UserWarning) as caught:
        warnings.warn(f"{thing}", stacklevel=1)
    shown += [log.getvalue(), str(caught[0].message)]
    return "\n".join(shown)


THINGS = {
    "key": lambda: ApiKey(KEY),
    "token": lambda: Token(JWT),
    "session token": session_token,
    "renewing": renewing,
}
each = pytest.mark.parametrize("make", THINGS.values(), ids=THINGS)


@each
def test_nothing_shows_it(make):
    thing = make()
    value = thing.header().partition(" ")[2]
    shown = all_that_shows(thing)
    assert type(thing).__name__ in shown
    for secret in (value, KEY, SECRET, JWT):
        assert secret not in shown


@each
def test_no_copy_is_another_object_and_none_is_pickled(make):
    thing = make()
    assert copy.copy(thing) is copy.deepcopy([thing])[0] is thing
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled") as info:
            pickle.dumps(thing, protocol)
        text = "".join(traceback.format_exception(info.value))
        assert KEY not in text and JWT not in text


@each
def test_no_error_of_a_connection_shows_it(make):
    """Neither the server's words, if it repeats what it was sent, nor what stands behind them."""
    from inworld_rt.catalogue import voices

    def blab(asked):
        return said({"message": f"{asked.headers}"}, 401)

    thing = make()
    with HttpDesk(blab) as desk, pytest.raises(InworldError) as info:
        voices(credentials=thing, url=desk.url)
    value = thing.header().partition(" ")[2]
    assert f"{value}" in desk.asked[0].headers["authorization"]
    text = "".join(traceback.format_exception(info.value)) + repr(vars(info.value))
    assert thing.source in text
    assert value not in text


def test_a_changed_copy_keeps_it():
    """attrs.evolve makes an object anew, from what it finds in the old one."""
    key = attrs.evolve(ApiKey(KEY), source="my vault")
    assert (key.header(), key.source) == (f"Basic {KEY}", "my vault")
    token = session_token()
    other = attrs.evolve(token, source="my vault")
    assert other.header() == token.header()
    assert token.left() - other.left() < 1


def test_the_log_of_minting_is_silent(caplog):
    caplog.set_level(logging.DEBUG)
    with HttpDesk(lambda asked: said({"token": JWT, "expirationTime": "2999-01-01"})) as desk:
        with pytest.raises(InworldError):
            mint_token(KEY, url=desk.url)
    for secret in (KEY, SECRET, JWT):
        assert secret not in caplog.text


def test_hidden_text():
    one, other = Hidden("open sesame"), hide("open sesame")
    assert one == other != Hidden("open")
    assert hash(one) == hash(other)
    assert one != "open sesame"
    assert hide(one) is one
    assert one.reveal() == "open sesame"
    assert "sesame" not in repr(one) + str(one) + parts_of(one)
    assert copy.copy(one) is copy.deepcopy(one) is one
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(one)
