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
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from inworld_rt.errors import ConfigError
from inworld_rt.rules import (
    BYTES,
    SIMPLE,
    Between,
    Mismatch,
    Rule,
    at,
    between,
    list_of,
    object_of,
    one_of,
    optional,
    refuse,
    self_made,
    union,
    with_article,
)

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
    "reader",
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

    __str__ = __repr__


UNSET: Final = Unset.UNSET
"""A setting that is left as it is: not sent, or not told by the server. Counts as false."""

Setting = Union[T, Unset]  # noqa: UP007 - a generic alias cannot be spelled with "|" on 3.10
"""A field that may be left out, for which ``None`` has a meaning of its own (or is refused)."""


Kinds = dict[str, Any]
"""Value of ``type`` to class. (A class with a field ``type`` cannot say ``type[…]`` itself.)"""


@dataclass_transform(
    kw_only_default=True, frozen_default=True, eq_default=True, field_specifiers=(attrs.field,)
)
def shape(cls: C) -> C:
    """Class decorator: a frozen, keyword-only attrs class.

    Comparison and printing are inherited from :class:`Shape`: with a hundred classes, generating
    them per class would be most of the import time.
    """
    # No slots: an object is then made in two thirds of the time, and there are many.
    return attrs.frozen(cls, kw_only=True, repr=False, eq=False, slots=False)


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


class FieldPlan(NamedTuple):
    """One field of a shape, compiled."""

    name: str
    wire: str
    older: tuple[str, ...]
    read: Callable[[Any, str | None], Any]
    write: Callable[[Any, str], Any]
    default: Any
    factory: Callable[[], Any] | None
    required: bool
    send_none: bool
    secret: bool
    plain: frozenset[type]


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


def _compile(annotation: Any) -> Rule:
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    if annotation is bytes:
        return BYTES
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        limits = next((m for m in args[1:] if isinstance(m, Between)), None)
        return between(_rule(args[0]), limits) if limits else _rule(args[0])
    if origin is Literal:
        return one_of(args)
    if origin in (Union, types.UnionType):
        members = tuple(_rule(a) for a in args if a not in (Unset, type(None)))
        rule = members[0] if len(members) == 1 else union(members)
        return optional(rule) if type(None) in args else rule
    if origin is list:
        of_objects = isinstance(args[0], type) and issubclass(args[0], Shape)
        return list_of(_rule(args[0]), of_objects)
    if origin is dict:
        return object_of(_rule(args[1]))
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return _tagged(annotation) if "kinds" in vars(annotation) else _object(annotation)
    if hasattr(annotation, "from_wire"):
        return self_made(annotation)
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
                default=a.default,
                factory=getattr(a.default, "factory", None) if a.default is not UNSET else None,
                required=a.default is attrs.NOTHING,
                send_none=a.default is not None or a.metadata.get("nullable", False),
                secret=a.metadata.get("secret", False),
                plain=rule.plain,
            )
        )
    return Plan(tuple(fields), cls.flat.union(*((f.wire, *f.older) for f in fields)))


_plan = cast("Callable[[type[Shape]], Plan]", functools.cache(_compile_shape))


def _object(cls: Any) -> Rule:
    says = with_article(cls.__name__)

    def read_object(data: Any, path: str | None) -> Any:
        if isinstance(data, cls) and path is not None:
            return data
        if not isinstance(data, dict):
            if path is None:
                raise Mismatch(says)
            refuse(path, says, data)
        if path is None:
            return reader(cls)(data)
        plan = _plan(cls)
        data = cls.upgrade(data)
        _refuse_unknown(plan, data, path)
        values = {}
        for f in plan.fields:
            value = data.get(f.wire, UNSET)
            for name in f.older:
                if value is UNSET or value is None:
                    value = data.get(name, value)
            if value is not UNSET:
                values[f.name] = f.read(value, at(path, f.wire))
            elif f.required:
                raise ConfigError(f"{at(path, f.wire)}: missing; {says} needs it")
        return cls(**values)

    def write_object(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, cls):
            value = read_object(value, path)  # a dict in place of the class is fine
        out: dict[str, Any] = {}
        for f in _plan(type(value)).fields:
            part = getattr(value, f.name)
            if part is UNSET or (part is None and not f.send_none):
                continue
            out[f.wire] = f.write(part, at(path, f.wire))
        return out

    return Rule(says, read_object, write_object)


_Reader = Callable[[Mapping[str, Any]], Any]


def _compile_reader(cls: Any) -> _Reader:
    """Liberal reading, written out as code, as attrs does with ``__init__``.

    Every event from the server comes through here; a loop over the fields costs three times as
    much. Only names of ours go into the code, nothing of what is read.
    """
    names: dict[str, Any] = {"cls": cls, "new": cls.__new__, "init": cls.__init__, "odd": _odd}
    names["UNSET"] = UNSET
    lines = ["def read_fields(data):"]
    if cls.upgrade.__func__ is not vars(Shape)["upgrade"].__func__:
        lines.append(" data = cls.upgrade(data)")
    lines.append(" get = data.get")
    fields = _plan(cls).fields
    for i, f in enumerate(fields):
        v, may_be_none = f"v{i}", type(None) in f.plain
        names[f"f{i}"], names[f"plain{i}"] = f, f.plain
        # Where None is the default, what is missing need not be told from it.
        missing = "None" if may_be_none and f.default is None else "UNSET"
        lines.append(f" {v} = get({f.wire!r}, {missing})")
        lines += [f" if {v} is None or {v} is UNSET: {v} = get({n!r}, {v})" for n in f.older]
        unless_none = f"{v} is not None and " if may_be_none else ""
        lines.append(f" if {unless_none}type({v}) not in plain{i}: {v} = odd(f{i}, {v})")
    given = ", ".join(f"{f.name}=v{i}" for i, f in enumerate(fields))
    # Not cls(...), which packs the arguments into a dictionary on the way to __init__.
    lines += [" made = new(cls)", f" init(made, {given})", " return made"]
    exec("\n".join(lines), names)
    made: _Reader = names["read_fields"]
    return made


reader = cast(
    "Callable[[type[Shape]], Callable[[Mapping[str, Any]], Any]]", functools.cache(_compile_reader)
)
"""The liberal reader of a shape that is no family: JSON object in, shape out."""


def _odd(f: FieldPlan, value: Any) -> Any:
    """The value of a field that is missing, or not of a plain type."""
    if value is not UNSET:
        try:
            return f.read(value, None)
        except Mismatch:
            pass  # as if it were not there
    if f.required:
        raise Mismatch(f.wire)
    return f.default if f.factory is None else f.factory()


def _refuse_unknown(plan: Plan, data: Mapping[str, Any], path: str) -> None:
    for key in data:
        if key not in plan.known:
            near = difflib.get_close_matches(str(key), plan.known, n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(plan.known))}"
            )
            raise ConfigError(f"{at(path, key)}: unknown field; {hint}")


def _tagged(base: type[Shape]) -> Rule:
    """A family of shapes told apart by ``type``; ``base.kinds[""]`` takes the unknown ones."""
    says = with_article(base.__name__)

    def read_tagged(data: Any, path: str | None) -> Any:
        if isinstance(data, base) and path is not None:
            return data
        if not isinstance(data, dict):
            if path is None:
                raise Mismatch(says)
            refuse(path, says, data)
        kinds = base.kinds or {}
        tag = data.get("type")
        cls = kinds.get(tag) if isinstance(tag, str) and tag else None
        if cls is None:
            if path is not None:
                refuse(at(path, "type"), "one of " + ", ".join(repr(k) for k in kinds if k), tag)
            cls = kinds.get("")
            if cls is None:
                raise Mismatch(says)
        return _rule(cls).read(data, path)

    def write_tagged(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            value = read_tagged(value, path)
        if not isinstance(value, base) or type(value) is base:
            refuse(path, f"{says} of a certain type", value)
        return _rule(type(value)).write(value, path)

    return Rule(says, read_tagged, write_tagged)
