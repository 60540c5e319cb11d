"""Results and errors of tools as text: what the model is told, and what JSON cannot hold."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import types
import uuid
from collections import OrderedDict, deque
from typing import Any, NamedTuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.errors import InworldError, ToolError
from inworld_rt.tools.result import encode_error, encode_result
from tests.support.declared import json_values


class Unit(enum.Enum):
    CELSIUS = "celsius"
    KELVIN = 3


class Word(str, enum.Enum):
    YES = "yes"


class Number(enum.IntEnum):
    TWO = 2


@dataclasses.dataclass
class Place:
    x: int
    tags: set[str] = dataclasses.field(default_factory=set)


@attrs.define
class Trip:
    start: Place
    unit: Unit = Unit.CELSIUS
    _secret: int = 7


class Pair(NamedTuple):
    a: int
    b: str


class Foo:
    """Nothing that JSON knows."""


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("It is sunny.", "It is sunny."),
        ('{"already": "JSON"}', '{"already": "JSON"}'),
        (" ", " "),
        ("", '""'),
        ("Grüße, 世界", "Grüße, 世界"),
        (None, "null"),
        (False, "false"),
        (True, "true"),
        (0, "0"),
        (-2.5, "-2.5"),
        ([], "[]"),
        ({}, "{}"),
        ((), "[]"),
        (["ü", 1, None], '["ü",1,null]'),
        ({"b": 1, "a": {"c": [2]}}, '{"b":1,"a":{"c":[2]}}'),
        ({1: "one", None: "none", False: "no"}, '{"1":"one","null":"none","false":"no"}'),
        ({Word.YES: 1}, '{"yes":1}'),
        (Unit.CELSIUS, "celsius"),
        (Unit.KELVIN, "3"),
        (Word.YES, "yes"),
        (Number.TWO, "2"),
        ([Unit.CELSIUS, Word.YES, Number.TWO], '["celsius","yes",2]'),
        (Place(1), '{"x":1,"tags":[]}'),
        (Trip(Place(1, {"a"})), '{"start":{"x":1,"tags":["a"]},"unit":"celsius","_secret":7}'),
        (Pair(1, "x"), '[1,"x"]'),
        ({3}, "[3]"),
        (frozenset("a"), '["a"]'),
        (deque([1, 2]), "[1,2]"),
        (range(3), "[0,1,2]"),
        ({"a": 1}.keys(), '["a"]'),
        ({"a": 1}.values(), "[1]"),
        (OrderedDict(a=1), '{"a":1}'),
        (types.MappingProxyType({"a": 1}), '{"a":1}'),
        (datetime.date(2026, 1, 2), '"2026-01-02"'),
        (datetime.time(3, 4), '"03:04:00"'),
        (datetime.datetime(2026, 1, 2, 3, 4), '"2026-01-02T03:04:00"'),
        (decimal.Decimal("1.50"), '"1.50"'),
        (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (pathlib.PurePosixPath("/tmp/x"), '"/tmp/x"'),
    ],
)
def test_results(result: object, text: str) -> None:
    """Text stays as it is; all else is JSON, never empty."""
    assert encode_result(result, "weather") == text


def test_structs_of_msgspec() -> None:
    msgspec = pytest.importorskip("msgspec")
    point = msgspec.defstruct("Point", [("x", int), ("inner", Any, None)])
    assert encode_result(point(1, point(2)), "f") == '{"x":1,"inner":{"x":2,"inner":null}}'


def circle() -> list[Any]:
    items: list[Any] = []
    items.append({"again": items})
    return items


def deep() -> list[Any]:
    items: list[Any] = []
    for _ in range(100_000):
        items = [items]
    return items


@dataclasses.dataclass
class Node:
    next: Any = None


def ring() -> Node:
    node = Node()
    node.next = node
    return node


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (Foo(), "is a Foo"),
        ([{"x": Foo()}], "holds a Foo"),
        (Place(Foo()), "holds a Foo"),  # type: ignore[arg-type]
        (b"abc", "is a bytes"),
        ({"sound": bytearray(b"abc")}, "holds a bytearray"),
        (memoryview(b"abc"), "is a memoryview"),
        (1j, "is a complex"),
        (Foo, "is a type"),
        (Place, "is a type"),
        (len, "is a builtin_function_or_method"),
        ((x for x in [1]), "is a generator"),
        (float("nan"), "not finite"),
        ([1, float("inf")], "not finite"),
        ({"a": -float("inf")}, "not finite"),
        ({float("nan"): 1}, "not finite"),
        (10**5000, "too long"),
        ({(1, 2): 3}, "keys are no text"),
        ({datetime.date(2026, 1, 2): 3}, "keys are no text"),
        (circle(), "holds itself"),
        (ring(), "holds itself"),
        (deep(), "too deeply nested"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_json_cannot_hold(result: object, problem: str) -> None:
    """The message tells whose result it is, what is wrong and what would do; it holds no value."""
    with pytest.raises(ToolError, match=problem) as caught:
        encode_result(result, "weather")
    message = str(caught.value)
    assert message.startswith("the result of weather() ")
    assert message.endswith("return text, numbers, lists or dicts")
    assert "abc" not in message


@given(json_values)
def test_json_comes_back(value: Any) -> None:
    text = encode_result(value, "f")
    assert (text if isinstance(value, str) and value else json.loads(text)) == value


@given(json_values)
def test_a_tuple_a_list_and_a_dataclass_hold_the_same(value: Any) -> None:
    inside = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert encode_result((value,), "f") == encode_result([value], "f") == f"[{inside}]"
    assert encode_result(Node(value), "f") == f'{{"next":{inside}}}'


# --- errors --------------------------------------------------------------------------------------


class Special(ToolError):
    """A user's own."""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Wordless(Exception):
    def __str__(self) -> str:
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no such city"), {"type": "ValueError", "message": "no such city"}),
        (ToolError("try another"), {"type": "ToolError", "message": "try another"}),
        (Special("x"), {"type": "Special", "message": "x"}),
        (InworldError("ü"), {"type": "InworldError", "message": "ü"}),
        (KeyError("city"), {"type": "KeyError", "message": "'city'"}),
        (ValueError(), {"type": "ValueError"}),
        (KeyboardInterrupt(), {"type": "KeyboardInterrupt"}),
        (SystemExit(3), {"type": "SystemExit", "message": "3"}),
        (Unspeakable("x"), {"type": "Unspeakable"}),
        (Wordless("x"), {"type": "Wordless"}),
        (OSError("\udcff.txt"), {"type": "OSError", "message": "\\udcff.txt"}),
        (ValueError("x" * 500), {"type": "ValueError", "message": "x" * 500}),
        (ValueError("x" * 501), {"type": "ValueError", "message": "x" * 500 + "…"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_errors(error: BaseException, told: dict[str, str]) -> None:
    """Type and message, nothing more."""
    assert json.loads(encode_error(error)) == {"error": told}


def test_no_traceback_is_told() -> None:
    try:
        json.loads("{}")["private"]
    except KeyError as exc:
        error = ValueError("outer")
        error.__cause__ = exc
        assert "private" not in encode_error(error)


@given(st.text(st.characters(codec=None)))
def test_every_message_can_be_sent(message: str) -> None:
    """Half a character of two would break the connection's UTF-8."""
    assert json.loads(encode_error(ValueError(message)).encode("utf-8"))["error"]["type"]
