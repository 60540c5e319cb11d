"""A plain function as a tool: what the model is told of it, and its call with checked arguments."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import frozen

from inworld_rt.arguments import seconds
from inworld_rt.codec import UNSET
from inworld_rt.config import FunctionTool
from inworld_rt.errors import ConfigError, ToolError
from inworld_rt.rules import with_article
from inworld_rt.tools.schema import Schema, documentation

__all__ = ["DEFAULT_TIMEOUT", "Tool"]

DEFAULT_TIMEOUT = 20.0  # seconds
"""How long the model waits for a tool."""

_EXAMPLE = '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'
_LATER = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


@frozen(eq=False)
class Tool:
    """A function that the model may call.

    Attributes:
        name: what the model calls it by.
        declaration: what the session is told of it.
        timeout: seconds that the model waits for it; ``None``: for ever.
        function: the function itself.
    """

    name: str
    declaration: FunctionTool
    timeout: float | None
    function: Callable[..., object]
    _signature: inspect.Signature | None
    _schema: Schema | None

    @classmethod
    def of(
        cls,
        function: Callable[..., object],
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: dict[str, Any] | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> Tool:
        """Make a tool of a function, a method or an object that can be called.

        Args:
            function: it. Its type hints become the schema of the arguments;
                ``Annotated[int, "what it is"]`` describes one, and so does the docstring.
            name: what the model calls it by; default: the function's name.
            description: what it is for; default: what the docstring says before its sections.
            parameters: a JSON Schema of an object, the arguments, to be used as it is. They are
                then not checked by it, and given to the function as JSON has them.
            timeout: seconds that the model waits for it; ``None``: for ever.

        Raises:
            ConfigError: it cannot be a tool as it is; says why and what would do.
            BackendMissing: ``parameters`` was left out, and the packages that read signatures are
                not installed; says what to type.
        """
        _check_kind(function)
        name = _name(function, name)
        if timeout is not None:
            timeout = seconds("timeout", timeout)
        signature = _signature(function, name)
        target, schema = _target(function), None
        text, about = documentation(inspect.getdoc(target), needed=parameters is None)
        if parameters is None:
            if signature is None:
                raise ConfigError(f"{name}() does not tell what it takes; tell it: parameters=")
            schema = Schema.of(signature, getattr(target, "__globals__", {}), about, name)
            parameters = schema.json
        _check_parameters(parameters)
        declaration = FunctionTool(
            name=name,
            description=(text or UNSET) if description is None else description,
            parameters=parameters,
        )
        return cls(name, declaration, timeout, function, signature, schema)

    def arguments(self, text: str) -> Callable[[], object]:
        """Read the arguments of a call; the function is not called yet.

        Args:
            text: a JSON object; an empty text is one without members (protocol: function call).

        Returns:
            The call, ready to be made.

        Raises:
            ToolError: the arguments are wrong; tells the model where and what was expected, never
                what was given.
        """
        values = _members(text)
        if self._schema is not None:
            values = self._schema.read(values)
        if self._signature is None:
            return partial(self.function, **values)
        # What is positional only is taken out by name, and cannot be left out before others.
        first = []
        for parameter in self._signature.parameters.values():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                value = values.pop(parameter.name, parameter.default)
                if value is parameter.empty:
                    break
                first.append(value)
        try:
            bound = self._signature.bind(*first, **values)
        except TypeError as exc:
            raise ToolError(f"the arguments do not fit: {exc}") from None
        return partial(self.function, *bound.args, **bound.kwargs)


def _check_kind(function: Any) -> None:
    if not callable(function):
        raise ConfigError(
            f"a tool is made of a function, not of {with_article(type(function).__name__)}; if the "
            "function was called here, leave the brackets behind its name away"
        )
    if isinstance(function, type):
        raise ConfigError(
            f"{function.__name__} is a class; make a tool of a function, or of one of its methods"
        )
    if any(is_later(f) for is_later in _LATER for f in (function, function.__call__)):
        raise ConfigError(
            "an async function or a generator cannot be a tool, since this client is synchronous; "
            "use a plain function that returns its result"
        )


def _name(function: Any, name: str | None) -> str:
    if name is None:
        name = getattr(function, "__name__", "<lambda>")
        if name == "<lambda>":
            raise ConfigError('this function has no name of its own; give it one: name="weather"')
    if not isinstance(name, str) or not re.fullmatch("[A-Za-z0-9_-]{1,64}", name):
        raise ConfigError(
            f"{name!r:.80} cannot be the name of a tool; give one of 1 to 64 letters from A to Z, "
            'digits, "_" and "-": name="weather"'
        )
    return name


def _target(function: Any) -> Any:
    """The function behind decorators, ``functools.partial`` and ``__call__``."""
    function = inspect.unwrap(function)
    while isinstance(function, partial):
        function = inspect.unwrap(function.func)
    if not inspect.isroutine(function):
        function = type(function).__call__
    return getattr(function, "__func__", function)


def _signature(function: Any, name: str) -> inspect.Signature | None:
    """The parameters that are left to the model; ``None`` if they cannot be known."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError, NameError):  # some builtins; hints of names that are not there
        return None
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].name == "self":
        raise ConfigError(
            f"{name}() is a method without its object; make a tool of the object's method, as in "
            f"client.add_tool(robot.{name})"
        )
    fixed = function.keywords if isinstance(function, partial) else ()
    return signature.replace(parameters=[p for p in parameters if p.name not in fixed])


def _check_parameters(parameters: Any) -> None:
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise ConfigError(f"parameters: expected the JSON Schema of an object, as {_EXAMPLE}")


def _members(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        data = json.loads(text, parse_constant=int)  # which refuses NaN and Infinity
    except (ValueError, RecursionError):
        raise ToolError("the arguments are not JSON; send a JSON object") from None
    if not isinstance(data, dict):
        raise ToolError("the arguments are JSON, but no object; send a JSON object")
    return data
