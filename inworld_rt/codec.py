"""Declared classes to and from JSON-shaped data; the declarations themselves are elsewhere.

A *shape* is an attrs class whose annotations say what each field may hold. From them one plan per
class is made, on first use, and serves both directions:

* :func:`read` is liberal: missing, extra, null and mistyped fields never hurt; a field that cannot
  be read keeps its default. With ``path`` it is strict, for what a user wrote.
* :func:`write` is strict: a wrong type or value raises :class:`ConfigError` naming the field's path
  and what is allowed.

Two defaults mean "not there". :data:`UNSET` (settings) is not sent, while ``None`` is sent as
``null``, because the service tells them apart there. ``None`` (everything else) is not sent, unless
the field is declared with ``wire(nullable=True)``.
"""

from __future__ import annotations

import difflib
import enum
import functools
import math
import types
from collections.abc import Callable, Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    NamedTuple,
    NoReturn,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from inworld_rt.errors import ConfigError

try:  # several times faster, used when present, never needed
    import pybase64 as base64
except ImportError:
    import base64  # type: ignore[no-redef]

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        """Stand-in at run time: only type checkers use the real one."""
        return lambda decorator: decorator


__all__ = [
    "UNSET",
    "Between",
    "Setting",
    "Shape",
    "Unset",
    "kind",
    "merge",
    "read",
    "replace",
    "shape",
    "wire",
    "write",
]

C = TypeVar("C", bound=type)
S = TypeVar("S", bound="Shape")
T = TypeVar("T")


class Unset(enum.Enum):
    """The type of :data:`UNSET`."""

    UNSET = "unset"

    def __bool__(self) -> Literal[False]:
        return False

    def __getattr__(self, name: str) -> Any:
        # What lies within something untold is untold as well, so that reading, for example,
        # client.session.audio.output.voice needs no checks on the way.
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    @property
    def name(self) -> Unset:  # type: ignore[override]
        """As any other field: an enum's own ``name`` must not pass for a setting's."""
        return self

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""A setting that is left as it is: not sent, or not told by the server. Counts as false."""

Setting = Union[T, Unset]  # noqa: UP007 - a generic alias cannot be spelled with "|" on 3.10
"""A field that may be left out, for which ``None`` has a meaning of its own (or is refused)."""


Kinds = dict[str, Any]
"""Value of ``type`` to class. (A class with a field ``type`` cannot say ``type[…]`` itself.)"""


@attrs.frozen
class Between:
    """The inclusive range of a number, for use in ``Annotated``; open above by default."""

    low: float
    high: float = math.inf


@dataclass_transform(
    kw_only_default=True, frozen_default=True, eq_default=True, field_specifiers=(attrs.field,)
)
def shape(cls: C) -> C:
    """Class decorator: a frozen, keyword-only attrs class.

    Comparison and printing are inherited from :class:`Shape`: with a hundred classes, generating
    them per class would be most of the import time.
    """
    return attrs.frozen(cls, kw_only=True, repr=False, eq=False)


def kind(*tags: str) -> Callable[[C], C]:
    """Class decorator: a member of a tagged family, by its values of ``type``.

    The family is the nearest base class with a ``kinds`` table; the tag ``""`` takes what has no
    other class.
    """

    def decorate(cls: C) -> C:
        kinds: Kinds = next(
            vars(b)["kinds"] for b in cls.__mro__ if vars(b).get("kinds") is not None
        )
        kinds.update(dict.fromkeys(tags, cls))
        return cls

    return decorate


def wire(
    *names: str, nullable: bool = False, local: bool = False, secret: bool = False
) -> dict[str, Any]:
    """Metadata for a field whose wire form needs more than its annotation.

    Args:
        names: the name on the wire, then older spellings that are also read; default: its own.
        nullable: send ``None`` as ``null`` instead of leaving the field out.
        local: the field never travels.
        secret: ``repr`` does not show the value.
    """
    return {"wire": names, "nullable": nullable, "local": local, "secret": secret}


class Shape:
    """Base of everything that travels: comparable by value, printed without noise."""

    __slots__ = ()

    kinds: ClassVar[Kinds | None] = None
    """For the base of a tagged family: value of ``type`` to class."""

    flat: ClassVar[frozenset[str]] = frozenset()
    """Names that only :meth:`upgrade` knows, to be suggested for misspelt ones."""

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(
            getattr(self, f.name) == getattr(other, f.name) for f in _plan(type(self)).fields
        )

    def __hash__(self) -> int:
        # Fields may hold lists and dictionaries, so a hash by value would fail only sometimes.
        raise TypeError(f"unhashable type: {type(self).__name__!r}")

    def __repr__(self) -> str:
        shown = []
        for f in _plan(type(self)).fields:
            value = getattr(self, f.name)
            if isinstance(value, (bytes, bytearray, memoryview)):
                shown.append(f"{f.name}=<{len(value)} bytes>")
            elif value is not None and value is not UNSET:
                shown.append(f"{f.name}={'<secret>' if f.secret else repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def upgrade(cls, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Rewrite an older wire form into today's; the base does nothing."""
        return data


class Mismatch(ValueError):
    """Data that does not fit an annotation; its text says what would."""


class Rule(NamedTuple):
    """One annotation, compiled. ``path`` is ``None`` for liberal reading."""

    says: str
    read: Callable[[Any, str | None], Any]
    write: Callable[[Any, str], Any]


class FieldPlan(NamedTuple):
    """One field of a shape, compiled."""

    name: str
    wire: str
    older: tuple[str, ...]
    read: Callable[[Any, str | None], Any]
    write: Callable[[Any, str], Any]
    required: bool
    send_none: bool
    secret: bool


class Plan(NamedTuple):
    """One shape, compiled. ``fields`` are all that count for equality and printing."""

    fields: tuple[FieldPlan, ...]
    known: frozenset[str]


def read(cls: type[S], data: Any, path: str | None = None) -> S:
    """Build a shape from JSON-shaped data.

    Args:
        cls: the class, or the base of a tagged family.
        data: what ``json.loads`` gave.
        path: ``None`` to be liberal; else strict, and the name to begin error messages with
            (empty where the fields' own names are enough).

    Raises:
        ConfigError: strict, and something does not fit.
        ValueError: liberal, and ``data`` is no object or lacks a field that has no default.
    """
    result: S = _rule(cls).read(data, path)
    return result


def write(value: Any, path: str) -> Any:
    """Turn a shape into JSON-shaped data, checking every field.

    Args:
        value: an instance of a shape.
        path: the name to begin error messages with, for example ``"session"``.

    Raises:
        ConfigError: a field holds the wrong type or value; says which and what is allowed.
    """
    try:
        return _rule(type(value)).write(value, path)
    except RecursionError:
        raise ConfigError(
            f"{path or type(value).__name__}: nested too deeply, or within itself"
        ) from None


def merge(old: S, new: S) -> S:
    """Lay the settings of ``new`` over ``old``: set fields win, shapes merge field by field.

    A shape whose ``type`` is another replaces the old one whole: its fields mean other things.
    """
    kinds = (getattr(old, "type", UNSET), getattr(new, "type", UNSET))
    if type(old) is not type(new) or (kinds[0] != kinds[1] and UNSET not in kinds):
        return new
    changes: dict[str, Any] = {}
    for f in _plan(type(new)).fields:
        theirs, ours = getattr(new, f.name), getattr(old, f.name)
        if theirs is UNSET:
            continue
        changes[f.name] = merge(ours, theirs) if isinstance(theirs, Shape) else theirs
    return replace(old, **changes)


def replace(old: S, **changes: Any) -> S:
    """A copy of a shape with some fields changed."""
    copy: S = attrs.evolve(old, **changes)  # type: ignore[misc]
    return copy


# --- one rule per annotation -------------------------------------------------------------------


def _at(path: str, name: Any) -> str:
    name = str(name)
    if len(name) > _SHOWN:
        name = f"<{len(name)} characters>"
    return f"{path}.{name}" if path else name


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _refuse(path: str, says: str, value: Any) -> NoReturn:
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
) -> Rule:
    """A rule for values that look the same in Python and in JSON.

    ``fits`` is asked of everything, ``allowed`` only of what we send.
    """

    def read_value(value: Any, path: str | None) -> Any:
        if not fits(value):
            if path is None:
                raise Mismatch(says)
            _refuse(path, says, value)
        if path is not None and allowed is not None and not allowed(value):
            _refuse(path, says, value)
        return convert(value) if convert else value

    return Rule(says, read_value, read_value)


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _json_fits(value: Any) -> bool:
    """Whether plain data can travel as JSON."""
    if isinstance(value, dict):
        return all(type(k) is str and _json_fits(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_json_fits, value))
    return value is None or type(value) in (str, bool) or _is_number(value)


_SIMPLE: dict[Any, Rule] = {
    str: _simple("text", lambda v: isinstance(v, str)),
    bool: _simple("True or False", lambda v: type(v) is bool),
    # Servers may count milliseconds in fractions; what we send is whole.
    int: _simple("a whole number", _is_number, lambda v: v == int(v), convert=int),
    float: _simple("a number", _is_number),
    Any: _simple("plain JSON data", lambda v: True, _json_fits),
    type(None): _simple("None", lambda v: v is None),
}


def _read_base64(value: Any, path: str | None) -> bytes:
    if isinstance(value, str):
        try:
            # Validating: the lenient default drops foreign characters, which shifts every later
            # sample.
            return base64.b64decode(value, validate=True)
        except ValueError:
            pass
    if path is None:
        raise Mismatch("base64")
    _refuse(path, "base64 text", value)


def _write_base64(value: Any, path: str) -> str:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        _refuse(path, "bytes", value)
    return base64.b64encode(value).decode("ascii")


def _literal(values: tuple[Any, ...]) -> Rule:
    says = (
        " or ".join(map(repr, values))
        if len(values) < 3
        else "one of " + ", ".join(map(repr, values))
    )
    kinds = tuple({type(v) for v in values})
    # Liberal reading takes any word: tomorrow's value must not break today's client.
    return _simple(says, lambda v: type(v) in kinds, lambda v: v in values)


def _between(inner: Rule, limits: Between) -> Rule:
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
            _refuse(path, says, value)
        if not limits.low <= number <= limits.high:
            _refuse(path, says, value)
        return number

    return Rule(says, read_value, read_value)


def _list(inner: Rule, of_objects: bool) -> Rule:
    says = f"a list of {inner.says}"

    def read_list(value: Any, path: str | None) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            if path is None:
                raise Mismatch(says)
            _refuse(path, says, value)
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
            _refuse(path, says, value)
        return [inner.write(v, f"{path}[{i}]") for i, v in enumerate(value)]

    return Rule(says, read_list, write_list)


def _mapping(inner: Rule) -> Rule:
    says = f"an object of {inner.says}"

    def each(step: Callable[[Any, Any], Any], value: Any, path: str | None) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(type(k) is str for k in value):
            if path is None:
                raise Mismatch(says)
            _refuse(path, says, value)
        return {k: step(v, None if path is None else _at(path, k)) for k, v in value.items()}

    return Rule(says, functools.partial(each, inner.read), functools.partial(each, inner.write))


def _union(rules: tuple[Rule, ...]) -> Rule:
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
        _refuse(path, says, value)

    return Rule(says, functools.partial(first, "read"), functools.partial(first, "write"))


def _optional(inner: Rule) -> Rule:
    """``None``, or what fits the rule; for the hot path, without trying both."""
    both = _union((inner, _SIMPLE[type(None)]))

    def read_value(value: Any, path: str | None) -> Any:
        if path is None:
            return None if value is None else inner.read(value, None)
        return both.read(value, path)

    return Rule(both.says, read_value, both.write)


def _foreign(cls: Any) -> Rule:
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


def _compile(annotation: Any) -> Rule:
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if annotation is bytes:
        return Rule("bytes", _read_base64, _write_base64)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        limits = next((m for m in args[1:] if isinstance(m, Between)), None)
        return _between(_rule(args[0]), limits) if limits else _rule(args[0])
    if origin is Literal:
        return _literal(args)
    if origin in (Union, types.UnionType):
        members = tuple(_rule(a) for a in args if a not in (Unset, type(None)))
        rule = members[0] if len(members) == 1 else _union(members)
        return _optional(rule) if type(None) in args else rule
    if origin is list:
        of_objects = isinstance(args[0], type) and issubclass(args[0], Shape)
        return _list(_rule(args[0]), of_objects)
    if origin is dict:
        return _mapping(_rule(args[1]))
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return _tagged(annotation) if "kinds" in vars(annotation) else _object(annotation)
    if hasattr(annotation, "from_wire"):
        return _foreign(annotation)
    raise TypeError(f"no rule for {annotation!r}")


# The casts: type checkers take a class whose *instances* have no hash for one that has none itself.
_rule = cast("Callable[[Any], Rule]", functools.cache(_compile))


# --- shapes --------------------------------------------------------------------------------------


def _compile_shape(cls: type[Shape]) -> Plan:
    hints = get_type_hints(cls, include_extras=True)
    fields = []
    for a in attrs.fields(cls):  # type: ignore[arg-type]
        if a.metadata.get("local"):
            continue
        names = a.metadata.get("wire") or (a.name,)
        rule = _rule(hints[a.name])
        fields.append(
            FieldPlan(
                name=a.name,
                wire=names[0],
                older=names[1:],
                read=rule.read,
                write=rule.write,
                required=a.default is attrs.NOTHING,
                send_none=a.default is not None or a.metadata.get("nullable", False),
                secret=a.metadata.get("secret", False),
            )
        )
    return Plan(tuple(fields), cls.flat.union(*((f.wire, *f.older) for f in fields)))


_plan = cast("Callable[[type[Shape]], Plan]", functools.cache(_compile_shape))


def _object(cls: Any) -> Rule:
    says = _a(cls.__name__)

    def read_object(data: Any, path: str | None) -> Any:
        if isinstance(data, cls) and path is not None:
            return data
        if not isinstance(data, dict):
            if path is None:
                raise Mismatch(says)
            _refuse(path, says, data)
        plan = _plan(cls)
        data = cls.upgrade(data)
        if path is not None:
            _refuse_unknown(plan, data, path)
        values = {}
        for name, key, older, read_field, _, required, _, _ in plan.fields:
            value = data.get(key, UNSET)
            if older and (value is UNSET or value is None):
                value = next((data[n] for n in older if n in data), value)
            if value is not UNSET:
                try:
                    values[name] = read_field(value, None if path is None else _at(path, key))
                    continue
                except Mismatch:
                    pass  # only when liberal
            if required:
                if path is None:
                    raise Mismatch(f"{key} in {says}")
                raise ConfigError(f"{_at(path, key)}: missing; {says} needs it")
        return cls(**values)

    def write_object(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, cls):
            value = read_object(value, path)  # a dict in place of the class is fine
        out: dict[str, Any] = {}
        for f in _plan(type(value)).fields:
            part = getattr(value, f.name)
            if part is UNSET or (part is None and not f.send_none):
                continue
            out[f.wire] = f.write(part, _at(path, f.wire))
        return out

    return Rule(says, read_object, write_object)


def _refuse_unknown(plan: Plan, data: Mapping[str, Any], path: str) -> None:
    for key in data:
        if key not in plan.known:
            near = difflib.get_close_matches(str(key), plan.known, n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(plan.known))}"
            )
            raise ConfigError(f"{_at(path, key)}: unknown field; {hint}")


def _tagged(base: type[Shape]) -> Rule:
    """A family of shapes told apart by ``type``; ``base.kinds[""]`` takes the unknown ones."""
    says = _a(base.__name__)

    def read_tagged(data: Any, path: str | None) -> Any:
        if isinstance(data, base) and path is not None:
            return data
        if not isinstance(data, dict):
            if path is None:
                raise Mismatch(says)
            _refuse(path, says, data)
        kinds = base.kinds or {}
        tag = data.get("type")
        cls = kinds.get(tag) if isinstance(tag, str) and tag else None
        if cls is None:
            if path is not None:
                _refuse(_at(path, "type"), "one of " + ", ".join(repr(k) for k in kinds if k), tag)
            cls = kinds.get("")
            if cls is None:
                raise Mismatch(says)
        return _rule(cls).read(data, path)

    def write_tagged(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            value = read_tagged(value, path)
        if not isinstance(value, base) or type(value) is base:
            _refuse(path, f"{says} of a certain type", value)
        return _rule(type(value)).write(value, path)

    return Rule(says, read_tagged, write_tagged)
