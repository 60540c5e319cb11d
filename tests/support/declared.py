"""Made-up values for whatever the vocabulary declares: a new event is covered without a new line.

Every strategy follows the annotations that the codec follows, and stays within what can be sent.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from inworld_rt.codec import UNSET, Between, Shape, Unset
from inworld_rt.pcm import RATES, AudioFormat

SAFE = 2**53  # beyond it, JSON readers differ
FORMATS = [AudioFormat(t, r) for t in ("audio/pcm", "audio/float32") for r in RATES]
FORMATS += [AudioFormat("audio/pcmu"), AudioFormat("audio/pcma")]
NEW_WORD = "a_word_of_tomorrow"

texts = st.text(max_size=6)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
_PLAIN = {
    str: texts,
    bool: st.booleans(),
    int: st.integers(-SAFE, SAFE),
    float: numbers,
    bytes: st.binary(max_size=6),
    AudioFormat: st.sampled_from(FORMATS),
    Any: json_values,
    type(None): st.none(),
}


def of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values that an annotation allows, without ``UNSET``."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        (limits,) = (a for a in args[1:] if isinstance(a, Between))
        high = min(limits.high, SAFE)
        if args[0] is int:
            return st.integers(int(limits.low), int(high))
        return st.floats(limits.low, high)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, types.UnionType):
        return st.one_of(*(of(a) for a in args if a is not Unset))
    if origin is list:
        return st.lists(of(args[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(texts, of(args[1]), max_size=2)
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        if "kinds" in vars(annotation):
            members = sorted(set(annotation.kinds.values()), key=lambda c: c.__name__)
            return st.one_of(*(shapes(m) for m in members))
        return shapes(annotation)
    raise TypeError(f"no strategy for {annotation!r}")


@st.composite
def shapes(draw: st.DrawFn, cls: Any) -> Any:
    """Instances of a declared class, with all its required fields and a few of the others."""
    hints = get_type_hints(cls, include_extras=True)
    fields = [f for f in attrs.fields(cls) if not f.metadata.get("local")]
    chosen = {f.name for f in fields if f.default is attrs.NOTHING}
    others = sorted({f.name for f in fields} - chosen)
    if others:
        chosen |= draw(st.sets(st.sampled_from(others), max_size=4))
    values = {name: draw(of(hints[name])) for name in sorted(chosen)}
    if cls.__name__.startswith("Unknown"):
        values["type"] = NEW_WORD
    # A field that is None by default is not sent when it is None: nothing to draw apart.
    return cls(**{k: v for k, v in values.items() if v is not UNSET})
