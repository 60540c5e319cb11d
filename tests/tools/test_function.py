"""Functions as tools: what the model is told, and what becomes of its arguments."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import decimal
import enum
import functools
import importlib.util
import json
import sys
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from inworld_rt.codec import UNSET
from inworld_rt.config import SessionConfig
from inworld_rt.errors import BackendMissing, ConfigError, InworldError, ToolError
from inworld_rt.tools import DEFAULT_TIMEOUT, Tool, encode_result
from tests.support.declared import SAFE, json_values, texts

reads_signatures = pytest.mark.skipif(
    importlib.util.find_spec("msgspec") is None
    or importlib.util.find_spec("docstring_parser") is None,
    reason="needs the packages of the extra 'tools'",
)
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
SECRET = "very-private"
UNDECLARED: Any = object()


# --- a vocabulary of our own ---------------------------------------------------------------------


class Unit(enum.Enum):
    """What degrees are."""

    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass(frozen=True)
class Point:
    """A place on the map.

    Attributes:
        x: to the east.
        y: to the north.
    """

    x: int
    y: Annotated[float, "upwards"] = 0.5


@attrs.define
class Route:
    start: Point
    via: list[Point] = attrs.field(factory=list)
    unit: Optional[Unit] = None  # noqa: UP045


class Pair(NamedTuple):
    first: int
    second: str = "x"


class Options(TypedDict, total=False):
    title: Annotated[str, "what it is called"]
    size: int


class Empty(TypedDict, total=False):
    """Nothing yet."""


@dataclasses.dataclass
class Tree:
    children: list[Tree]


@dataclasses.dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number == 13:
            raise ToolError("thirteen brings bad luck")
        if self.number == 15:
            raise KeyError(self.number)
        if self.number % 2:
            raise ValueError(f"{self.number} is odd")


class Foo:
    """Nothing that could be described."""


POINT = {
    "type": "object",
    "description": "A place on the map.",
    "properties": {
        "x": {"type": "integer", "description": "to the east."},
        "y": {"type": "number", "description": "upwards", "default": 0.5},
    },
    "required": ["x"],
}
UNIT = {"enum": ["celsius", "kelvin"], "description": "What degrees are."}
NULL = {"type": "null"}


def taking(hint: Any, *default: Any) -> Callable[..., Any]:
    """A function of one argument of a kind, which it returns."""

    def take(x: Any) -> Any:
        return x

    take.__annotations__ = {} if hint is UNDECLARED else {"x": hint}
    take.__defaults__ = default
    return take


def schema(function: Callable[..., Any]) -> Any:
    return Tool.of(function).declaration.parameters


@functools.cache
def tool_taking(hint: Any) -> Tool:
    return Tool.of(taking(hint))


def given_as(hint: Any, text: str) -> Any:
    """What a function gets whose argument has a type hint, when the model writes a text."""
    return tool_taking(hint).arguments(f'{{"x": {text}}}')()


def weather(city: str, days: int = 1, unit: Unit = Unit.CELSIUS) -> Any:
    """Tell what the weather will be like.

    Use it for cities only.

    Args:
        city: the place, as one would
            say it.
        days: how far ahead.

    Returns:
        What one would say.
    """
    return city, days, unit


# --- what the model is told ----------------------------------------------------------------------


@reads_signatures
class TestADeclaration:
    def test_is_made_of_name_docstring_and_signature(self) -> None:
        tool = Tool.of(weather)
        assert (tool.name, tool.timeout, tool.function) == ("weather", DEFAULT_TIMEOUT, weather)
        declared = tool.declaration
        assert declared.name == "weather"
        assert declared.description == (
            "Tell what the weather will be like.\n\nUse it for cities only."
        )
        assert declared.parameters == {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "the place, as one would say it."},
                "days": {"type": "integer", "description": "how far ahead.", "default": 1},
                "unit": {**UNIT, "default": "celsius"},
            },
            "required": ["city"],
        }

    def test_can_be_sent(self) -> None:
        (sent,) = SessionConfig(tools=[Tool.of(weather).declaration]).to_dict()["tools"]
        assert json.loads(json.dumps(sent))["parameters"]["required"] == ["city"]

    def test_without_parameters_is_an_empty_object(self) -> None:
        assert schema(lambda_named(lambda: 1)) == {"type": "object", "properties": {}}

    def test_what_is_given_goes_over_what_is_found(self) -> None:
        tool = Tool.of(weather, name="sky-2", description="Look up.", parameters=CITY, timeout=None)
        assert (tool.name, tool.timeout) == ("sky-2", None)
        assert tool.declaration.description == "Look up."
        assert tool.declaration.parameters is CITY

    def test_nothing_said_is_nothing_told(self) -> None:
        assert Tool.of(taking(int)).declaration.description is UNSET


def lambda_named(function: Callable[..., Any], name: str = "f") -> Callable[..., Any]:
    function.__name__ = name
    return function


GOOGLE = """Move the robot.

Gently.

Args:
    x (int): to the
        right
    y: up

Raises:
    ValueError: never
"""
NUMPY = """Move the robot.

Gently.

Parameters
----------
x, other : int
    to the right
y : int
    up

Returns
-------
int
"""
SPHINX = """Move the robot.

Gently.

:param int x: to the
    right
:param y: up
:returns: nothing
"""
EPYDOC = """Move the robot.

Gently.

@param x: to the right
@param y: up
"""


@reads_signatures
class TestDocstrings:
    @pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX, EPYDOC])
    @pytest.mark.parametrize("indent", ["", "        "])
    def test_of_four_styles(self, text: str, indent: str) -> None:
        def move(x: int, y: int) -> None: ...

        first, _, rest = text.partition("\n")
        move.__doc__ = first + "\n" + "\n".join(indent + line for line in rest.split("\n"))
        declared = Tool.of(move).declaration
        assert declared.description == "Move the robot.\n\nGently."
        assert declared.parameters["properties"] == {  # type: ignore[index]
            "x": {"type": "integer", "description": "to the right"},
            "y": {"type": "integer", "description": "up"},
        }

    @pytest.mark.parametrize(
        "hint",
        [
            Annotated[int, "from the hint"],
            Annotated[int, "from the hint"] | None,
            Annotated[Union[int, None], "from the hint"],  # noqa: UP007
            Optional[Annotated[int, "from the hint"]],  # noqa: UP045
            "Annotated[int, 'from the hint']",
            Annotated[Point, "from the hint"],
            Annotated[int, 5, "from the hint"],
        ],
    )
    def test_a_hint_says_it_better(self, hint: Any) -> None:
        function = taking(hint, None)
        function.__doc__ = "Do it.\n\nArgs:\n    x: from the docstring."
        described = schema(function)["properties"]["x"]
        assert (described["description"], described["default"]) == ("from the hint", None)

    def test_constraints_of_msgspec_pass_through(self) -> None:
        msgspec = pytest.importorskip("msgspec")
        hint = Annotated[int, msgspec.Meta(ge=1, le=5, description="stars", title="Stars")]
        function = taking(hint)
        function.__doc__ = "Rate it.\n\nArgs:\n    x: from the docstring."
        assert schema(function)["properties"]["x"] == {
            "type": "integer",
            "minimum": 1,
            "maximum": 5,
            "description": "stars",
        }
        with pytest.raises(ToolError, match=r"\$\.x: expected integer <= 5"):
            Tool.of(function).arguments('{"x": 7}')

    @given(
        st.lists(
            st.sampled_from(["Args:", ":param", "@param", "x", "----", ":", "    ", "\n", "Words"]),
            max_size=12,
        )
    )
    @example([":param", "x", ":"])
    def test_the_oddest_is_no_obstacle(self, words: list[str]) -> None:
        function = taking(int)
        function.__doc__ = " ".join(words)
        assert schema(function)["properties"]["x"]["type"] == "integer"


# --- type hints ----------------------------------------------------------------------------------

HINTS: list[Any] = [
    (UNDECLARED, {}),
    (Any, {}),
    (str, {"type": "string"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (None, NULL),
    ("int", {"type": "integer"}),
    (Literal["a", "b"], {"enum": ["a", "b"]}),
    (Literal[1, 2], {"enum": [1, 2]}),
    (Unit, UNIT),
    (Level, {"enum": [1, 2]}),
    (int | None, {"anyOf": [{"type": "integer"}, NULL]}),
    (Optional[int], {"anyOf": [{"type": "integer"}, NULL]}),  # noqa: UP045
    (Unit | None, {"anyOf": [UNIT, NULL]}),
    (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    (list, {"type": "array"}),
    (list[int], {"type": "array", "items": {"type": "integer"}}),
    (list[list[Unit]], {"type": "array", "items": {"type": "array", "items": UNIT}}),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (dict, {"type": "object"}),
    (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    (dict[str, Point], {"type": "object", "additionalProperties": POINT}),
    (Point, POINT),
    (Point | None, {"anyOf": [POINT, NULL]}),
    (
        Route,
        {
            "type": "object",
            "properties": {
                "start": POINT,
                "via": {"type": "array", "items": POINT},
                "unit": {"anyOf": [UNIT, NULL], "default": None},
            },
            "required": ["start"],
        },
    ),
    (
        Pair,
        {
            "type": "array",
            "prefixItems": [{"type": "integer"}, {"type": "string", "default": "x"}],
            "minItems": 1,
            "maxItems": 2,
        },
    ),
    (
        Options,
        {
            "type": "object",
            "properties": {
                "title": {"type": "string", "description": "what it is called"},
                "size": {"type": "integer"},
            },
        },
    ),
    (Empty, {"type": "object", "properties": {}, "description": "Nothing yet."}),
    (datetime.date, {"type": "string", "format": "date"}),
    (uuid.UUID, {"type": "string", "format": "uuid"}),
    (decimal.Decimal, {"type": "string", "format": "decimal"}),
]


@reads_signatures
class TestTypeHints:
    @pytest.mark.parametrize(("hint", "described"), HINTS, ids=lambda value: str(value)[:20])
    def test_become_a_plain_schema(self, hint: Any, described: dict[str, Any]) -> None:
        function = taking(hint)
        assert schema(function) == {
            "type": "object",
            "properties": {"x": described},
            "required": ["x"],
        }

    @pytest.mark.parametrize("hint", [set[int], frozenset[int], tuple[int, int]])
    def test_sets_and_tuples_are_arrays(self, hint: Any) -> None:
        assert schema(taking(hint))["properties"]["x"]["type"] == "array"

    @pytest.mark.parametrize(
        ("default", "told"),
        [
            (None, None),
            (False, False),
            ((1, 2), [1, 2]),
            (Unit.KELVIN, "kelvin"),
            (Point(1), {"x": 1, "y": 0.5}),
            (datetime.date(2026, 1, 2), "2026-01-02"),
        ],
    )
    def test_defaults_are_told(self, default: Any, told: Any) -> None:
        described = schema(taking(Any, default))
        assert described["properties"]["x"] == {"default": told}
        assert "required" not in described

    @pytest.mark.parametrize("default", [object(), float("nan"), Foo(), b"x", print])
    def test_defaults_that_json_cannot_hold_are_not(self, default: Any) -> None:
        described = schema(taking(Any, default))
        assert described == {"type": "object", "properties": {"x": {}}}
        assert Tool.of(taking(Any, default)).arguments("")() is default

    def test_two_classes_of_one_name_are_kept_apart(self) -> None:
        other = dataclasses.make_dataclass("Point", [("z", int)])

        def move(a: Any, b: Any) -> None: ...

        move.__annotations__ = {"a": Point, "b": other}
        described = schema(move)["properties"]
        assert set(described["a"]["properties"]) == {"x", "y"}
        assert described["b"]["properties"] == {"z": {"type": "integer"}}

    @pytest.mark.parametrize("hint", [Tree, list[Tree], Tree | None])
    def test_what_contains_itself_is_refused(self, hint: Any) -> None:
        with pytest.raises(ConfigError, match=r"take\(\).*'x'.*Tree contains itself.*parameters="):
            Tool.of(taking(hint))

    @pytest.mark.parametrize(
        "hint",
        [Foo, object, complex, list[Foo], Callable[[], int], str | Unit, 5, "5 +", "int.no"],
        ids=str,
    )
    def test_what_cannot_be_described_is_refused(self, hint: Any) -> None:
        """The message names function and parameter, and what would do."""
        with pytest.raises(ConfigError, match=r"take\(\).*'x'.*dataclass.*parameters="):
            Tool.of(taking(hint))

    def test_a_name_that_is_not_there_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"take\(\).*'x'.*'Nowhere'.*top level.*parameters="):
            Tool.of(taking("Nowhere"))

    def test_many_arguments_have_no_schema(self) -> None:
        def many(*numbers: int) -> None: ...
        def named(**numbers: int) -> None: ...

        with pytest.raises(ConfigError, match=r"many\(\).*\*numbers.*one by one.*parameters="):
            Tool.of(many)
        with pytest.raises(ConfigError, match=r"named\(\).*\*\*numbers.*one by one.*parameters="):
            Tool.of(named)


# --- what can be a tool --------------------------------------------------------------------------


class Robot:
    def move(self, steps: int) -> int:
        """Go ahead.

        Args:
            steps: how far.
        """
        return steps

    @staticmethod
    def stop(hard: bool) -> bool:
        """Stand still."""
        return hard

    @classmethod
    def name(cls, short: bool) -> str:
        """Tell its name."""
        return cls.__name__ if short else "A robot"

    def __call__(self, order: str) -> str:
        """Obey."""
        return order


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return [function(*args, **kwargs)]

    return wrapper


@reads_signatures
class TestWhatCanBeATool:
    @pytest.mark.parametrize(
        ("function", "name", "about", "parameters", "arguments", "result"),
        [
            (Robot().move, None, "Go ahead.", ["steps"], '{"steps": 3}', 3),
            (Robot.stop, None, "Stand still.", ["hard"], '{"hard": true}', True),
            (Robot.name, None, "Tell its name.", ["short"], '{"short": true}', "Robot"),
            (Robot(), "robot", "Obey.", ["order"], '{"order": "go"}', "go"),
            (
                functools.partial(weather, "Rome"),
                "rome",
                "Tell what",
                ["days", "unit"],
                '{"days": 2}',
                ("Rome", 2, Unit.CELSIUS),
            ),
            (
                functools.partial(weather, days=7),
                "week",
                "Tell what",
                ["city", "unit"],
                '{"city": "Rome"}',
                ("Rome", 7, Unit.CELSIUS),
            ),
            (
                logged(weather),
                None,
                "Tell what",
                ["city", "days", "unit"],
                '{"city": "Rome"}',
                [("Rome", 1, Unit.CELSIUS)],
            ),
            (functools.lru_cache(Robot.stop), None, "Stand", ["hard"], '{"hard": false}', False),
            (lambda city: city, "city", "", ["city"], '{"city": [1]}', [1]),
        ],
        ids=lambda value: getattr(value, "__name__", "") or type(value).__name__,
    )
    def test_these(
        self,
        function: Any,
        name: str | None,
        about: str,
        parameters: list[str],
        arguments: str,
        result: Any,
    ) -> None:
        tool = Tool.of(function, name=name)
        assert (tool.declaration.description or "").startswith(about)
        assert list(tool.declaration.parameters["properties"]) == parameters  # type: ignore[index]
        assert tool.arguments(arguments)() == result

    def test_positional_and_keyword_only(self) -> None:
        def move(x: int, y: int = 2, z: int = 3, /, *, fast: bool, far: bool = False) -> Any:
            return x, y, z, fast, far

        tool = Tool.of(move)
        assert schema(move)["required"] == ["x", "fast"]
        call = tool.arguments('{"fast": true, "z": 9, "x": 1}')
        assert call() == (1, 2, 9, True, False)

    def test_odd_names_of_parameters(self) -> None:
        """Some would be no names for attributes."""

        def odd(__x: int, größe: int, title: str, mro: int = 1, __init__: int = 2) -> Any:
            return __x, größe, title, mro, __init__

        odd.__annotations__ = dict.fromkeys(["__x", "größe", "title", "mro", "__init__"], Any)
        names = list(schema(odd)["properties"])
        call = Tool.of(odd).arguments(json.dumps(dict.fromkeys(names, 5)))
        assert call() == (5, 5, 5, 5, 5)

    def test_a_decorator_may_make_a_plain_function_of_an_async_one(self) -> None:
        async def slow(x: int) -> int:
            return x

        @functools.wraps(slow)
        def waits(x: int) -> Any:
            return asyncio.run(slow(x))

        assert Tool.of(waits).arguments('{"x": 4}')() == 4


class Later:
    async def __call__(self) -> None: ...


async def later() -> None: ...


def generator() -> Any:
    yield 1


async def later_generator() -> Any:
    yield 1


class TestWhatCannotBeATool:
    @pytest.mark.parametrize("thing", [None, "text", 5, {"a": 1}, [weather]])
    def test_what_cannot_be_called(self, thing: Any) -> None:
        with pytest.raises(ConfigError, match=f"{type(thing).__name__}.*leave the brackets"):
            Tool.of(thing, parameters=CITY)

    @pytest.mark.parametrize(
        "function",
        [later, generator, later_generator, Later(), Later().__call__, functools.partial(later)],
    )
    def test_what_runs_later(self, function: Any) -> None:
        with pytest.raises(ConfigError, match="synchronous; use a plain function"):
            Tool.of(function, name="f", parameters=CITY)

    def test_a_class(self) -> None:
        with pytest.raises(ConfigError, match="Robot is a class"):
            Tool.of(Robot, parameters=CITY)

    def test_a_method_without_its_object(self) -> None:
        with pytest.raises(ConfigError, match=r"move\(\) is a method without.*robot\.move"):
            Tool.of(Robot.move, parameters=CITY)

    @pytest.mark.parametrize("function", [lambda: 1, functools.partial(weather), Robot()])
    def test_what_has_no_name(self, function: Any) -> None:
        with pytest.raises(ConfigError, match='name="weather"'):
            Tool.of(function, parameters=CITY)

    @pytest.mark.parametrize("name", ["", "a b", "größe", "x" * 65, "a.b", "f\n", 5])
    def test_a_name_that_the_service_would_refuse(self, name: Any) -> None:
        with pytest.raises(ConfigError, match=r'64 letters.*name="weather"'):
            Tool.of(weather, name=name, parameters=CITY)
        if name and isinstance(name, str):
            with pytest.raises(ConfigError, match=r'64 letters.*name="weather"'):
                Tool.of(lambda_named(lambda: 1, name), parameters=CITY)

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "5"])
    def test_a_timeout_that_is_none(self, timeout: Any) -> None:
        with pytest.raises(ConfigError, match="timeout: expected a number of seconds above 0"):
            Tool.of(weather, parameters=CITY, timeout=timeout)

    @pytest.mark.parametrize("parameters", [{}, {"city": {"type": "string"}}, [CITY], "city"])
    def test_a_schema_of_no_object(self, parameters: Any) -> None:
        with pytest.raises(ConfigError, match=r'parameters: .*"type": "object"'):
            Tool.of(weather, parameters=parameters)

    @reads_signatures
    def test_what_does_not_tell_what_it_takes(self) -> None:
        with pytest.raises(ConfigError, match=r"max\(\).*parameters="):
            Tool.of(max)


# --- arguments -----------------------------------------------------------------------------------


@reads_signatures
class TestArguments:
    @pytest.mark.parametrize("text", ["", " \n", "{}"])
    def test_none_at_all(self, text: str) -> None:
        assert Tool.of(taking(int, 5)).arguments(text)() == 5

    @pytest.mark.parametrize(
        ("hint", "text", "value"),
        [
            (int, '"5"', 5),
            (int, "5.0", 5),
            (float, "5", 5.0),
            (float, '"2.5"', 2.5),
            (bool, '"true"', True),
            (str, '"5"', "5"),
            (int | str, '"5"', "5"),
            (Unit, '"kelvin"', Unit.KELVIN),
            (Level, '"2"', Level.HIGH),
            (Unit | None, "null", None),
            (Literal["a"], '"a"', "a"),
            (set[int], "[1, 2, 1]", {1, 2}),
            (tuple[int, str], '[1, "a"]', (1, "a")),
            (Point, '{"x": 1, "more": 2}', Point(1)),
            (
                Route,
                '{"start": {"x": 1, "y": 2}, "unit": "celsius"}',
                Route(Point(1, 2), [], Unit.CELSIUS),
            ),
            (Pair, "[1]", Pair(1)),
            (Options, '{"size": "3"}', {"size": 3}),
            (datetime.date, '"2026-01-02"', datetime.date(2026, 1, 2)),
            (decimal.Decimal, '"1.50"', decimal.Decimal("1.50")),
            (UNDECLARED, '{"a": ["5"]}', {"a": ["5"]}),
        ],
    )
    def test_become_what_the_hint_says(self, hint: Any, text: str, value: Any) -> None:
        got = given_as(hint, text)
        assert (got, type(got)) == (value, type(value))

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ('{"city": 5}', "$.city: expected string, got integer"),
            ('{"city": null}', "$.city: expected string, got null"),
            ('{"city": "Rome", "days": 1.5}', "$.days: expected integer, got number"),
            ('{"city": "Rome", "days": []}', "$.days: expected integer, got array"),
            ("{}", "$.city: it is missing"),
            (
                '{"city": "Rome", "town": 1}',
                "$.town: there is no such argument; there are: city, days, unit",
            ),
            ("[]", "the arguments are JSON, but no object; send a JSON object"),
            ('"Rome"', "the arguments are JSON, but no object; send a JSON object"),
            ("Rome", "the arguments are not JSON; send a JSON object"),
            ('{"city": "Rome"', "the arguments are not JSON; send a JSON object"),
            ('{"days": NaN}', "the arguments are not JSON; send a JSON object"),
            ('{"days": -Infinity}', "the arguments are not JSON; send a JSON object"),
            ("[" * 100_000, "the arguments are not JSON; send a JSON object"),
            ('{"days": ' + "9" * 5000 + "}", "the arguments are not JSON; send a JSON object"),
        ],
        ids=lambda value: value[:30],
    )
    def test_complaints(self, text: str, complaint: str) -> None:
        """They say where and what, in words of JSON, not of Python."""
        with pytest.raises(ToolError) as caught:
            Tool.of(weather).arguments(text)
        assert str(caught.value) == complaint

    @pytest.mark.parametrize(
        ("hint", "text", "complaint"),
        [
            (list[int], '[1, "very-private"]', "$.x[1]: expected integer, got string"),
            (int | None, "[]", "$.x: expected integer | null, got array"),
            (dict[str, int], '{"a": "very-private"}', "$.x[...]: expected integer, got string"),
            (dict[int, int], '{"very-private": 1}', "key in $.x: expected integer, got string"),
            (tuple[int, int], "[1]", "$.x: expected array of length 2, got 1"),
            (Point, '{"y": 2}', "$.x.x: it is missing"),
            (
                Route,
                '{"start": {"x": "very-private"}}',
                "$.x.start.x: expected integer, got string",
            ),
            (Even, '{"number": 1717}', "$.x: refused by its own check (ValueError)"),
            (Even, '{"number": 15}', "the arguments cannot be used (KeyError)"),
            (Even, '{"number": 13}', "thirteen brings bad luck"),
            (set[Any], "[[1]]", "the arguments cannot be used (TypeError)"),
            (int, '"\\ud800"', "the arguments cannot be used (UnicodeEncodeError)"),
        ],
    )
    def test_complaints_of_what_lies_deeper(self, hint: Any, text: str, complaint: str) -> None:
        with pytest.raises(ToolError) as caught:
            given_as(hint, text)
        assert str(caught.value) == complaint

    @pytest.mark.parametrize(
        ("hint", "text", "expected"),
        [
            (Unit, '"very-private"', '"enum":["celsius","kelvin"]'),
            (Literal["a", "b"], '"very-private"', '{"enum":["a","b"]}'),
            (list[Unit], '["celsius", "very-private"]', '"enum":["celsius","kelvin"]'),
            (dict[Unit, int], '{"very-private": 1}', '"additionalProperties"'),
            (Route, '{"start": {"x": 1}, "unit": "very-private"}', '"enum":["celsius","kelvin"]'),
            (datetime.date, '"very-private"', '"format":"date"'),
            (uuid.UUID, '"very-private"', '"format":"uuid"'),
            (bytes, '"very-private"', '"contentEncoding":"base64"'),
        ],
    )
    def test_a_value_that_is_not_allowed_is_answered_with_the_schema(
        self, hint: Any, text: str, expected: str
    ) -> None:
        with pytest.raises(ToolError) as caught:
            given_as(hint, text)
        message = str(caught.value)
        assert message.split(":")[0].endswith(("$.x", "$.x[1]", "$.x.unit"))
        assert "this value is not allowed; the schema of the argument is {" in message
        assert expected in message and SECRET not in message

    def test_no_complaint_brings_the_value_along(self) -> None:
        """Not even in what a traceback shows."""
        with pytest.raises(ToolError) as caught:
            given_as(Unit, '"very-private"')
        assert caught.value.__cause__ is None and caught.value.__suppress_context__

    def test_a_long_name_is_cut(self) -> None:
        with pytest.raises(ToolError) as caught:
            Tool.of(weather).arguments(json.dumps({"city": "Rome", "x" * 10_000: 1}))
        assert len(str(caught.value)) < 200

    def test_the_function_runs_only_when_it_is_called(self) -> None:
        runs: list[int] = []

        def note(x: int) -> None:
            runs.append(x)

        call = Tool.of(note).arguments('{"x": 1}')
        assert runs == []
        call()
        call()
        assert runs == [1, 1]

    def test_defaults_are_the_functions_own(self) -> None:
        default: list[int] = []
        assert Tool.of(taking(list[int], default)).arguments("")() is default


# --- laws ----------------------------------------------------------------------------------------

finite = st.floats(allow_nan=False, allow_infinity=False)
points = st.builds(Point, st.integers(-SAFE, SAFE), finite)
VALUES: list[Any] = [
    (str, texts),
    (int, st.integers(-SAFE, SAFE)),
    (float, finite),
    (bool, st.booleans()),
    (None, st.none()),
    (Any, json_values),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (Unit, st.sampled_from(Unit)),
    (Level, st.sampled_from(Level)),
    (str | None, st.none() | texts),
    (int | str, st.integers(-SAFE, SAFE) | texts),
    (bool | float | None, st.booleans() | finite | st.none()),
    (list[int], st.lists(st.integers(-SAFE, SAFE))),
    (set[str], st.sets(texts)),
    (tuple[int, str], st.tuples(st.integers(-SAFE, SAFE), texts)),
    (dict[str, bool], st.dictionaries(texts, st.booleans())),
    (Point, points),
    (Route, st.builds(Route, points, st.lists(points), st.none() | st.sampled_from(Unit))),
    (Pair, st.builds(Pair, st.integers(-SAFE, SAFE), texts)),
    (Options, st.fixed_dictionaries({}, optional={"title": texts, "size": st.integers(0, 9)})),
    (datetime.date, st.dates()),
    (datetime.datetime, st.datetimes()),
    (uuid.UUID, st.uuids()),
    (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (list[Point | None], st.lists(st.none() | points)),
]


@reads_signatures
@pytest.mark.parametrize(("hint", "values"), VALUES, ids=lambda value: str(value)[:30])
@given(data=st.data())
def test_what_a_function_may_take_reaches_it(hint: Any, values: Any, data: st.DataObject) -> None:
    """Written as JSON by the rules for results, read by those for arguments."""
    value = data.draw(values)
    text = encode_result([value], "f")[1:-1]
    got = given_as(hint, text)
    assert got == value and isinstance(got, type(value) if hint is not float else float)


ANYTHING = Tool.of(lambda **anything: anything, name="anything", parameters=CITY)
garbage = st.text(st.characters(codec=None)) | st.text('{}[]":,\\ud8.-0159eEnultrfaINcity \n')
members = st.dictionaries(st.sampled_from(["x", "y", "city"]) | st.text(max_size=3), json_values)


@reads_signatures
@pytest.mark.parametrize("hint", [hint for hint, _ in VALUES], ids=lambda value: str(value)[:30])
@given(text=garbage | members.map(json.dumps))
@example(text='{"x": "\ud800"}')
@example(text='{"x": 1e999}')
@example(text='{"x": ' + "9" * 400 + "}")
def test_garbage_is_a_tool_error_and_nothing_else(hint: Any, text: str) -> None:
    try:
        tool_taking(hint).arguments(text)
    except ToolError as exc:
        assert str(exc)


# --- without the packages ------------------------------------------------------------------------


class TestWithParametersGiven:
    @pytest.fixture(autouse=True)
    def bare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the core is installed."""
        for name in ("msgspec", "docstring_parser"):
            monkeypatch.setitem(sys.modules, name, None)

    def test_the_packages_are_named_where_they_are_needed(self) -> None:
        with pytest.raises(BackendMissing, match=r"parameters=.*inworld_rt\[tools\]"):
            Tool.of(weather)

    def test_a_tool_works_without_them(self) -> None:
        tool = Tool.of(weather, parameters=CITY)
        assert tool.declaration.parameters is CITY
        assert tool.declaration.description == "Tell what the weather will be like."
        assert tool.arguments('{"city": "Rome", "days": "3"}')() == ("Rome", "3", Unit.CELSIUS)

    def test_hints_are_not_looked_at(self) -> None:
        tool = Tool.of(taking("Nowhere"), parameters=CITY)
        assert tool.arguments('{"x": 1}')() == 1

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("{}", "'city'"),
            ('{"city": 1, "town": "very-private"}', "'town'"),
            ("[1]", "send a JSON object"),
            ("Rome", "send a JSON object"),
        ],
    )
    def test_wrong_names_are_found_before_the_call(self, text: str, complaint: str) -> None:
        with pytest.raises(ToolError, match=complaint) as caught:
            Tool.of(weather, parameters=CITY).arguments(text)
        assert SECRET not in str(caught.value)

    def test_positional_only_parameters(self) -> None:
        def move(x: int, y: int = 2, /, z: int = 3) -> Any:
            return x, y, z

        tool = Tool.of(move, parameters=CITY)
        assert tool.arguments('{"z": 9, "x": 1}')() == (1, 2, 9)
        with pytest.raises(ToolError):
            tool.arguments('{"z": 9}')

    def test_any_names(self) -> None:
        assert ANYTHING.arguments('{"self": 1, "func": 2}')() == {"self": 1, "func": 2}

    def test_what_does_not_tell_what_it_takes(self) -> None:
        tool = Tool.of(max, parameters=CITY)
        with pytest.raises(TypeError):
            tool.arguments('{"default": 3}')()

    @given(text=garbage | members.map(json.dumps))
    def test_garbage_is_a_tool_error_and_nothing_else(self, text: str) -> None:
        try:
            got = ANYTHING.arguments(text)()
        except InworldError as exc:
            assert type(exc) is ToolError
        else:
            assume(text.strip())
            assert got == json.loads(text)
