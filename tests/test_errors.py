"""The tree of exceptions: who is whose child, what each carries, how each prints."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from inworld_rt import errors
from inworld_rt.errors import (
    AudioError,
    AuthError,
    BackendMissing,
    ConfigError,
    ConnectError,
    ConnectionClosed,
    ConnectionClosedOK,
    ConnectionLost,
    DeviceError,
    InworldError,
    InworldWarning,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    ResponseFailed,
    ServerError,
    ToolError,
    WaitTimeout,
    WorkerStuck,
)

PARENTS = {
    InworldError: (Exception,),
    ConfigError: (InworldError, ValueError),
    ConnectError: (InworldError, OSError),
    AuthError: (ConnectError,),
    ConnectionClosed: (InworldError,),
    ConnectionClosedOK: (ConnectionClosed,),
    ConnectionLost: (ConnectionClosed, ConnectionError),
    ProtocolError: (InworldError,),
    LocalProtocolError: (ProtocolError, RuntimeError),
    RemoteProtocolError: (ProtocolError,),
    ServerError: (InworldError,),
    ResponseFailed: (InworldError,),
    WaitTimeout: (InworldError, TimeoutError),
    ToolError: (InworldError,),
    AudioError: (InworldError,),
    BackendMissing: (AudioError, ImportError),
    DeviceError: (AudioError, OSError),
    WorkerStuck: (InworldError, RuntimeError),
    InworldWarning: (UserWarning,),
}
EXCEPTIONS = [cls for cls in PARENTS if issubclass(cls, Exception)]
OS_ERRORS = [cls for cls in PARENTS if issubclass(cls, OSError)]


@pytest.mark.parametrize("cls", PARENTS, ids=lambda c: c.__name__)
def test_each_class_has_the_parents_that_users_catch(cls):
    assert cls.__bases__ == PARENTS[cls]


def test_every_class_of_the_module_is_exported_and_in_the_tree():
    made = {
        c
        for c in vars(errors).values()
        if inspect.isclass(c) and c.__module__ == "inworld_rt.errors"
    }
    assert made == set(PARENTS)
    assert {c.__name__ for c in made} == set(errors.__all__)


def test_the_drawing_on_top_names_every_class():
    drawn = re.findall(r"^    [│├└─ ]*([A-Z]\w+)", errors.__doc__, re.M)
    assert set(drawn) == set(errors.__all__)


@pytest.mark.parametrize("cls", PARENTS, ids=lambda c: c.__name__)
def test_each_class_says_what_it_means(cls):
    assert len(cls.__doc__) > 20
    own = inspect.signature(cls.__init__).parameters if "__init__" in vars(cls) else {}
    for name in own:
        if name not in ("self", "message"):
            assert f"{name}:" in cls.__doc__, name


@pytest.mark.parametrize("cls", EXCEPTIONS, ids=lambda c: c.__name__)
def test_one_text_makes_any_of_them_and_is_what_they_print(cls):
    error = cls("what to do")
    assert str(error) == "what to do"
    assert error.args == ("what to do",)


@pytest.mark.parametrize("cls", OS_ERRORS, ids=lambda c: c.__name__)
def test_an_os_error_takes_nothing_of_ours_for_its_number(cls):
    error = cls("cannot be reached")
    assert (error.errno, error.strerror, error.filename) == (None, None, None)


def test_a_connection_that_fails_tells_the_status_and_the_wait():
    error = AuthError("refused", status=401, retry_after=2.5)
    assert (error.status, error.retry_after, error.errno) == (401, 2.5, None)
    assert (ConnectError("x").status, ConnectError("x").retry_after) == (None, None)


def test_an_end_tells_its_code_and_reason():
    error = ConnectionLost("gone", code=1011, reason="internal")
    assert (error.code, error.reason, error.errno, str(error)) == (1011, "internal", None, "gone")
    assert (ConnectionClosed("x").code, ConnectionClosed("x").reason) == (1006, "")


def test_a_server_error_tells_what_the_server_told():
    error = ServerError("no", type="t", code="c", param="p", event_id="e")
    assert (error.type, error.code, error.param, error.event_id) == ("t", "c", "p", "e")
    assert vars(ServerError("no")) == {"type": "", "code": None, "param": None, "event_id": None}


def test_a_failed_response_keeps_the_response():
    marker = object()
    error = ResponseFailed("failed", response=marker, reason="server_error")
    assert error.response is marker
    assert error.reason == "server_error"


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("a"),
        AuthError("b", status=403),
        ConnectionLost("c", code=1011, reason="r"),
        ServerError("d", type="t", code="c"),
        ResponseFailed("e", reason="r"),
        WaitTimeout("f"),
        BackendMissing("g"),
        DeviceError("h"),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("twin", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_are_the_same_error(error, twin):
    """A process pool sends exceptions across; they must arrive whole."""
    other = twin(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)
