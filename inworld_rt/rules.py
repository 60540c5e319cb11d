"""What an annotation allows, as functions that read and write a value."""

from __future__ import annotations

import base64
import binascii
import functools
import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import attrs

from inworld_rt.errors import ConfigError

__all__ = [
    "BYTES",
    "SIMPLE",
    "Between",
    "Mismatch",
    "Rule",
    "at",
    "between",
    "encode64",
    "list_of",
    "object_of",
    "one_of",
    "optional",
    "refuse",
    "self_made",
    "union",
    "with_article",
]

# Base64 is the largest part of reading speech. All are strict: the lenient default drops foreign
# characters, which shifts every later sample.
encode64: Callable[[bytes | bytearray | memoryview], bytes]
_decode64: Callable[[str], bytes]
try:  # several times faster, used when present, never needed
    import pybase64

    encode64, _decode64 = pybase64.b64encode, functools.partial(pybase64.b64decode, validate=True)
except ImportError:
    encode64 = base64.b64encode
    if sys.version_info >= (3, 11):
        _decode64 = functools.partial(binascii.a2b_base64, strict_mode=True)
    else:
        _decode64 = functools.partial(base64.b64decode, validate=True)


class Mismatch(ValueError):
    """Data that does not fit an annotation; its text says what would."""


class Rule(NamedTuple):
    """What one annotation allows.

    Attributes:
        says: the same in words, for messages.
        read: takes JSON-shaped data and a path: ``None`` to be liberal, else strict, and where in
            the user's data it is.
        write: the reverse; always strict.
        plain: types whose values liberal reading takes as they are, so that ``read`` need not be
            asked; nearly everything that a server sends is of them.
    """

    says: str
    read: Callable[[Any, str | None], Any]
    write: Callable[[Any, str], Any]
    plain: frozenset[type] = frozenset()


@attrs.frozen
class Between:
    """The inclusive range of a number, for use in ``Annotated``; open above by default."""

    low: float
    high: float = math.inf


def at(path: str, name: Any) -> str:
    """The path of something within something."""
    name = str(name)
    if len(name) > _SHOWN:
        name = f"<{len(name)} characters>"
    return f"{path}.{name}" if path else name


def with_article(name: str) -> str:
    """A class's name in a sentence."""
    return f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"


def refuse(path: str, says: str, value: Any) -> NoReturn:
    """Raise the error for a value that is not what it should be."""
    raise ConfigError(f"{path}: expected {says}, got {_shown(value)}")


_SHOWN = 40


def _shown(value: Any) -> str:
    """Short words and numbers help; longer text might be somebody's speech or secret."""
    if isinstance(value, (str, int, float, type(None))):
        try:
            if len(text := repr(value)) <= _SHOWN:
                return text
        except ValueError:
            pass  # Python refuses to print a number of thousands of digits
    name = type(value).__name__
    return f"{name} of {len(value)}" if hasattr(value, "__len__") else name


def _simple(
    says: str,
    fits: Callable[[Any], bool],
    allowed: Callable[[Any], bool] | None = None,
    convert: Callable[[Any], Any] | None = None,
    plain: tuple[type, ...] = (),
) -> Rule:
    """A rule for values that look the same in Python and in JSON.

    ``fits`` is asked of everything, ``allowed`` only of what we send.
    """

    def read_value(value: Any, path: str | None) -> Any:
        if not fits(value):
            if path is None:
                raise Mismatch(says)
            refuse(path, says, value)
        if path is not None and allowed is not None and not allowed(value):
            refuse(path, says, value)
        return convert(value) if convert else value

    return Rule(says, read_value, read_value, frozenset(plain))


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _json_fits(value: Any) -> bool:
    """Whether plain data can travel as JSON."""
    if isinstance(value, dict):
        return all(type(k) is str and _json_fits(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_json_fits, value))
    return value is None or type(value) in (str, bool) or _is_number(value)


SIMPLE: dict[Any, Rule] = {
    str: _simple("text", lambda v: isinstance(v, str), plain=(str,)),
    bool: _simple("True or False", lambda v: type(v) is bool, plain=(bool,)),
    # Servers may count milliseconds in fractions; what we send is whole.
    int: _simple("a whole number", _is_number, lambda v: v == int(v), int, plain=(int,)),
    float: _simple("a number", _is_number, plain=(int,)),
    Any: _simple("plain JSON data", lambda v: True, _json_fits),
    type(None): _simple("None", lambda v: v is None, plain=(type(None),)),
}
"""The rules of the types that need no compiling."""


def _read_base64(value: Any, path: str | None) -> bytes:
    if isinstance(value, str):
        try:
            return _decode64(value)
        except ValueError:
            pass
    if path is None:
        raise Mismatch("base64")
    refuse(path, "base64 text", value)


def _write_base64(value: Any, path: str) -> str:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        refuse(path, "bytes", value)
    return encode64(value).decode("ascii")


def one_of(values: tuple[Any, ...]) -> Rule:
    """One of some words or numbers."""
    says = (
        " or ".join(map(repr, values))
        if len(values) < 3
        else "one of " + ", ".join(map(repr, values))
    )
    kinds = tuple({type(v) for v in values})
    # Liberal reading takes any word: tomorrow's value must not break today's client.
    return _simple(says, lambda v: type(v) in kinds, lambda v: v in values, plain=kinds)


def between(inner: Rule, limits: Between) -> Rule:
    """A number within limits."""
    if limits.high == math.inf:
        says = f"{inner.says} of at least {limits.low:g}"
    else:
        says = f"{inner.says} from {limits.low:g} to {limits.high:g}"

    def read_value(value: Any, path: str | None) -> Any:
        if path is None:
            return inner.read(value, None)
        try:
            number = inner.read(value, path)
        except ConfigError:
            refuse(path, says, value)
        if not limits.low <= number <= limits.high:
            refuse(path, says, value)
        return number

    return Rule(says, read_value, read_value, inner.plain)


def list_of(inner: Rule, of_objects: bool) -> Rule:
    """A list."""
    says = f"a list of {inner.says}"

    def read_list(value: Any, path: str | None) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            if path is None:
                raise Mismatch(says)
            refuse(path, says, value)
        if path is not None:
            return [inner.read(v, f"{path}[{i}]") for i, v in enumerate(value)]
        if not of_objects:  # all or nothing: lists may run in parallel, and must stay in step
            return [inner.read(v, None) for v in value]
        items = []
        for v in value:
            try:
                items.append(inner.read(v, None))
            except ValueError:
                continue  # one unreadable object must not hide the others
        return items

    def write_list(value: Any, path: str) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            refuse(path, says, value)
        return [inner.write(v, f"{path}[{i}]") for i, v in enumerate(value)]

    return Rule(says, read_list, write_list)


def object_of(inner: Rule) -> Rule:
    """A JSON object with any keys."""
    says = f"an object of {inner.says}"

    def each(step: Callable[[Any, Any], Any], value: Any, path: str | None) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(type(k) is str for k in value):
            if path is None:
                raise Mismatch(says)
            refuse(path, says, value)
        return {k: step(v, None if path is None else at(path, k)) for k, v in value.items()}

    return Rule(says, functools.partial(each, inner.read), functools.partial(each, inner.write))


def union(rules: tuple[Rule, ...]) -> Rule:
    """The first rule that fits wins."""
    says = " or ".join(rule.says for rule in rules)

    def first(step: str, value: Any, path: str | None) -> Any:
        problems = []
        for rule in rules:
            try:
                return getattr(rule, step)(value, path)
            except ValueError as exc:  # Mismatch or ConfigError
                problems.append(exc)
        if path is None:
            raise Mismatch(says)
        # A complaint that says more than "not that", say from inside an object, is the better one.
        for rule, problem in zip(rules, problems, strict=True):
            if not str(problem).startswith(f"{path}: expected {rule.says}, got "):
                raise problem
        refuse(path, says, value)

    return Rule(says, functools.partial(first, "read"), functools.partial(first, "write"))


def optional(inner: Rule) -> Rule:
    """``None``, or what fits the rule."""
    both = union((inner, SIMPLE[type(None)]))

    def read_value(value: Any, path: str | None) -> Any:
        if path is None:
            return None if value is None else inner.read(value, None)
        return both.read(value, path)

    return Rule(both.says, read_value, both.write, inner.plain | {type(None)})


def self_made(cls: Any) -> Rule:
    """A class with a wire form of its own: ``of`` (strict), ``from_wire``, ``to_wire``."""

    def read_value(value: Any, path: str | None) -> Any:
        if path is None:
            found = cls.from_wire(value)
            if found is None:
                raise Mismatch(cls.__name__)
            return found
        return checked(value, path)

    def checked(value: Any, path: str) -> Any:
        try:
            return cls.of(value)
        except ConfigError as exc:
            raise ConfigError(f"{path}: {exc}") from exc

    return Rule(cls.__name__, read_value, lambda v, path: checked(v, path).to_wire())


BYTES = Rule("bytes", _read_base64, _write_base64)
"""Samples, which travel as base64."""
