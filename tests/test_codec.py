"""Declarations to JSON and back: what is read, what is refused, and in which words."""

from __future__ import annotations

import base64
import binascii
import copy
import functools
import pickle
import sys
from typing import Annotated, Any, ClassVar, Literal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_rt import rules
from inworld_rt.codec import (
    UNSET,
    Between,
    Kinds,
    Setting,
    Shape,
    Unset,
    kind,
    merge,
    read,
    replace,
    shape,
    wire,
    write,
)
from inworld_rt.errors import ConfigError
from inworld_rt.pcm import AudioFormat
from tests.support import declared

SECRET = "sk-" + "very-private-" * 5


# --- a vocabulary of our own, with every kind of annotation -------------------------------------


@shape
class Pet(Shape):
    kinds: ClassVar[Kinds] = {}
    type: str = ""


@kind("cat", "tomcat")
@shape
class Cat(Pet):
    type: Literal["cat", "tomcat"] = "cat"
    lives: int = 9


@kind("dog")
@shape
class Dog(Pet):
    type: Literal["dog"] = "dog"
    name: str


@kind("")
@shape
class UnknownPet(Pet):
    pass


@shape
class Street(Shape):
    name: Setting[str] = UNSET
    number: Setting[int | None] = UNSET
    zones: Setting[dict[str, str]] = UNSET


@shape
class Town(Shape):
    """One field of each sort."""

    text: str = ""
    flag: bool | None = None
    whole: int | None = None
    real: float | None = None
    size: Annotated[int, Between(1, 9)] | None = None
    open_size: Annotated[int, Between(0)] | None = None
    share: Annotated[float, Between(0, 1)] | None = None
    word: Literal["a", "b"] | None = None
    long_word: Literal["x", "y", "z"] | None = None
    sound: bytes | None = None
    free: Any = None
    names: list[str] | None = None
    streets: list[Street] | None = None
    labels: dict[str, str] | None = None
    mixed: int | Literal["inf"] | None = None
    either: Street | Literal["auto"] | None = None
    main: Street | None = None
    pet: Pet | None = None
    format: AudioFormat | None = None
    dated: str | None = attrs.field(default=None, metadata=wire("dated", "old", "oldest"))
    null: str | None = attrs.field(default=None, metadata=wire(nullable=True))
    token: str | None = attrs.field(default=None, metadata=wire(secret=True))
    here: str | None = attrs.field(default=None, metadata=wire(local=True))


# field, JSON, Python: the same both ways
PAIRS = [
    ("text", "hé", "hé"),
    ("flag", True, True),
    ("flag", False, False),
    ("whole", 3, 3),
    ("real", 2.5, 2.5),
    ("real", 2, 2),
    ("size", 9, 9),
    ("open_size", 10**9, 10**9),
    ("share", 0.0, 0.0),
    ("word", "b", "b"),
    ("long_word", "z", "z"),
    ("sound", "AAEC", b"\0\1\2"),
    ("sound", "", b""),
    ("free", {"a": [1, None, True, 2.5, "x"]}, {"a": [1, None, True, 2.5, "x"]}),
    ("names", ["a", "b"], ["a", "b"]),
    ("names", [], []),
    ("streets", [{"name": "S"}, {}], [Street(name="S"), Street()]),
    ("labels", {"k": "v"}, {"k": "v"}),
    ("mixed", 5, 5),
    ("mixed", "inf", "inf"),
    ("either", "auto", "auto"),
    ("either", {"number": 1}, Street(number=1)),
    ("main", {"number": None}, Street(number=None)),
    ("pet", {"type": "dog", "name": "Rex"}, Dog(name="Rex")),
    ("pet", {"type": "tomcat", "lives": 7}, Cat(type="tomcat", lives=7)),
    ("format", {"type": "audio/pcm", "rate": 16000}, AudioFormat("audio/pcm", 16000)),
    ("format", {"type": "audio/pcmu"}, AudioFormat("audio/pcmu")),
    ("dated", "x", "x"),
]

# field, JSON that does not fit, and what a strict reader is told about it
MISFITS = [
    ("text", 5, "expected text, got 5"),
    ("flag", 1, "expected True or False or None, got 1"),
    ("flag", "true", "expected True or False or None, got 'true'"),
    ("whole", "3", "expected a whole number or None, got '3'"),
    ("whole", True, "expected a whole number or None, got True"),
    ("real", "2.5", "expected a number or None, got '2.5'"),
    ("real", float("nan"), "expected a number or None, got nan"),
    ("real", float("inf"), "expected a number or None, got inf"),
    ("whole", float("inf"), "expected a whole number or None, got inf"),
    ("word", 1, "expected 'a' or 'b' or None, got 1"),
    ("long_word", [], "expected one of 'x', 'y', 'z' or None, got list of 0"),
    ("sound", 5, "expected base64 text"),
    ("sound", "????", "expected base64 text"),
    ("sound", "AAA", "expected base64 text"),
    ("sound", "AA AA", "expected base64 text"),
    ("sound", "é", "expected base64 text"),
    ("names", "ab", "expected a list of text or None, got 'ab'"),
    ("names", ["a", 5], "names[1]: expected text, got 5"),
    ("streets", [5], "streets[0]: expected a Street, got 5"),
    ("labels", {"k": 1}, "labels.k: expected text, got 1"),
    ("labels", [], "expected an object of text or None, got list of 0"),
    ("mixed", None, None),
    ("mixed", [], "expected a whole number or 'inf' or None, got list of 0"),
    ("either", 5, "expected a Street or 'auto' or None, got 5"),
    ("main", [], "expected a Street or None, got list of 0"),
    ("pet", "cat", "expected a Pet or None, got 'cat'"),
    ("pet", {"type": "dog"}, "pet.name: missing; a Dog needs it"),
    ("format", "mp3", "town.format: unknown audio type 'mp3'; choose one of"),
    ("size", "x", "expected a whole number from 1 to 9 or None, got 'x'"),
]

# Fits by type, not by value: a server may be newer than we are, a user may not.
FOREIGN = [
    ("whole", 3.5, 3, "expected a whole number or None, got 3.5"),
    ("size", 10, 10, "expected a whole number from 1 to 9 or None, got 10"),
    ("size", 0, 0, "expected a whole number from 1 to 9 or None, got 0"),
    ("open_size", -1, -1, "expected a whole number of at least 0 or None, got -1"),
    ("share", 1.01, 1.01, "expected a number from 0 to 1 or None, got 1.01"),
    ("word", "c", "c", "expected 'a' or 'b' or None, got 'c'"),
    ("either", "off", "off", "expected a Street or 'auto' or None, got 'off'"),
    ("format", {"type": "audio/pcm", "rate": 11025}, AudioFormat("audio/pcm", 11025), "11025 Hz"),
    ("pet", {"type": "fish"}, UnknownPet(type="fish"), "expected one of 'cat', 'tomcat', 'dog'"),
    ("pet", {}, UnknownPet(), "pet.type: expected one of 'cat', 'tomcat', 'dog', got None"),
]


# --- reading and writing --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data", "value"), PAIRS)
@pytest.mark.parametrize("path", [None, "", "town"])
def test_what_fits_is_read_and_written_the_same(name, data, value, path):
    town = read(Town, {name: data}, path)
    assert getattr(town, name) == value
    assert town == Town(**{name: value})
    assert write(town, "town") == {"text": "", "null": None, name: data}


@pytest.mark.parametrize(("name", "data", "words"), MISFITS)
def test_a_liberal_reader_leaves_out_what_does_not_fit(name, data, words):
    town = read(Town, {name: data, "word": "a"} if name != "word" else {name: data})
    expected = {"names": None, "streets": [], "word": None}.get(name, getattr(Town(), name))
    assert getattr(town, name) == expected
    assert town.word == (None if name == "word" else "a")


@pytest.mark.parametrize(("name", "data", "words"), [m for m in MISFITS if m[2]])
def test_a_strict_reader_names_the_place_and_what_is_allowed(name, data, words):
    with pytest.raises(ConfigError) as caught:
        read(Town, {name: data}, "town")
    assert str(caught.value).startswith(f"town.{name}")
    assert words in str(caught.value)


@pytest.mark.parametrize(("name", "data", "value", "words"), FOREIGN)
def test_values_of_tomorrow_are_read_but_not_taken_from_a_user(name, data, value, words):
    assert getattr(read(Town, {name: data}), name) == value
    with pytest.raises(ConfigError, match=r"^town"):
        read(Town, {name: data}, "town")
    with pytest.raises(ConfigError) as caught:
        read(Town, {name: data}, "town")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("text", None, "town.text: expected text, got None"),
        ("text", b"x", "town.text: expected text, got bytes of 1"),
        ("whole", 3.5, "a whole number"),
        ("size", 10, "from 1 to 9"),
        ("word", "c", "'a' or 'b'"),
        ("sound", "text", "town.sound: expected bytes"),
        ("free", {1: 2}, "plain JSON data"),
        ("free", {"a": {1, 2}}, "plain JSON data"),
        ("free", float("nan"), "plain JSON data"),
        ("free", b"x", "plain JSON data"),
        ("names", "ab", "a list of text"),
        ("streets", [Street(number="x")], "town.streets[0].number: expected a whole number"),
        ("labels", {"a": {"b": 1}}, "town.labels.a: expected text"),
        ("main", Dog(name="x"), "town.main: expected a Street"),
        ("main", {"nmae": "x"}, "town.main.nmae: unknown field; did you mean 'name'?"),
        ("pet", Street(), "town.pet: expected a Pet"),
        ("pet", Pet(type="cat"), "town.pet: expected a Pet of a certain type"),
        ("either", {"zones": {"a": 5}}, "town.either.zones.a: expected text, got 5"),
        ("format", "mp3", "town.format: unknown audio type 'mp3'; choose one of"),
    ],
)
def test_a_writer_refuses_what_does_not_fit(name, value, words):
    with pytest.raises(ConfigError) as caught:
        write(Town(**{name: value}), "town")
    assert words in str(caught.value)


def test_whole_numbers_may_be_written_as_floats():
    assert write(Town(whole=3.0), "t")["whole"] == 3
    assert type(write(Town(whole=3.0), "t")["whole"]) is int


def test_a_dict_in_place_of_a_shape_is_fine():
    assert write(Town(main={"name": "S"}, pet={"type": "cat"}), "t") == {
        "text": "",
        "main": {"name": "S"},
        "pet": {"type": "cat", "lives": 9},
        "null": None,
    }


def test_tuples_are_lists_and_other_buffers_are_bytes():
    out = write(Town(names=("a",), sound=memoryview(b"\0\0\0"), free=(1,)), "t")
    assert (out["names"], out["sound"]) == (["a"], "AAAA")
    assert write(Town(sound=bytearray(b"\0\0\0")), "t")["sound"] == "AAAA"
    assert read(Town, {"names": ("a",)}).names == ["a"]


def test_objects_within_strict_data_are_taken_as_they_are():
    street, dog = Street(name="S"), Dog(name="Rex")
    town = read(Town, {"main": street, "pet": dog}, "")
    assert town.main is street
    assert town.pet is dog


def test_a_local_field_never_travels():
    assert "here" not in write(Town(here="x"), "t")
    assert read(Town, {"here": "x"}).here is None
    with pytest.raises(ConfigError, match=r"t\.here: unknown field"):
        read(Town, {"here": "x"}, "t")


def test_older_names_are_read_the_modern_one_wins_and_is_written():
    assert read(Town, {"oldest": "z"}).dated == "z"
    assert read(Town, {"old": "y", "oldest": "z"}).dated == "y"
    assert read(Town, {"dated": "x", "old": "y"}).dated == "x"
    assert read(Town, {"dated": None, "old": "y"}).dated == "y"
    assert read(Town, {"old": "y"}, "").dated == "y"
    assert write(Town(dated="x"), "t")["dated"] == "x"


def test_extra_fields_are_ignored_by_a_liberal_reader_and_refused_by_a_strict_one():
    assert read(Town, {"text": "x", "novelty": 1}) == Town(text="x")
    with pytest.raises(ConfigError, match=r"^t\.txt: unknown field; did you mean 'text'\?$"):
        read(Town, {"txt": "x"}, "t")
    with pytest.raises(ConfigError, match=r"^qqqq: unknown field; known: name, number, zones$"):
        read(Street, {"qqqq": 1}, "")


def test_lists_of_objects_lose_only_what_is_unreadable():
    town = read(Town, {"streets": [{"name": "A"}, 5, {"name": "B"}]})
    assert [s.name for s in town.streets] == ["A", "B"]


def test_lists_of_words_are_read_whole_or_not_at_all_to_stay_in_step():
    assert read(Town, {"names": ["a", None, "b"]}).names is None


def test_a_required_field_is_required():
    with pytest.raises(ValueError, match=r"^name$"):
        read(Dog, {})
    with pytest.raises(ValueError, match=r"^name$"):
        read(Dog, {"name": None})
    with pytest.raises(ConfigError, match=r"^pet\.name: missing; a Dog needs it$"):
        read(Dog, {}, "pet")


@pytest.mark.parametrize("data", [None, 5, "x", [], [{}]])
def test_what_is_no_object_cannot_be_read(data):
    with pytest.raises(ValueError, match="Town"):
        read(Town, data)
    with pytest.raises(ConfigError, match=r"^t: expected a Town"):
        read(Town, data, "t")


def test_a_family_without_a_place_for_the_unknown_cannot_read_it():
    @shape
    class Base(Shape):
        kinds: ClassVar[Kinds] = {}
        type: str = ""

    @kind("one")
    @shape
    class One(Base):
        pass

    assert isinstance(read(Base, {"type": "one"}), One)
    with pytest.raises(ValueError, match="Base"):
        read(Base, {"type": "two"})


def test_an_annotation_that_nobody_wrote_a_rule_for_is_our_mistake():
    @shape
    class Odd(Shape):
        field: complex = 0j

    with pytest.raises(TypeError, match="no rule for"):
        read(Odd, {})


def test_upgrade_comes_before_reading():
    @shape
    class Flat(Shape):
        size: int = 0

        @classmethod
        def upgrade(cls, data):
            return {"size": data["grösse"]} if "grösse" in data else data

    assert read(Flat, {"grösse": 5}) == Flat(size=5)
    assert read(Flat, {"grösse": 5}, "") == Flat(size=5)


@given(data=st.dictionaries(st.sampled_from([f.name for f in attrs.fields(Town)]),
                            declared.json_values, max_size=6))  # fmt: skip
def test_a_liberal_reader_reads_any_object(data):
    assert isinstance(read(Town, data), Town)


@given(data=declared.json_values)
def test_a_strict_reader_gives_a_shape_or_a_config_error(data):
    for name in ("either", "pet", "streets", "labels", "mixed", "format", "sound"):
        try:
            town = read(Town, {name: data}, "t")
        except ConfigError as exc:
            assert str(exc).startswith(f"t.{name}")
        else:
            assert read(Town, write(town, "t"), "t") == town


@settings(max_examples=30)
@given(town=declared.shapes(Town))
def test_what_is_written_reads_as_the_same(town):
    assert read(Town, write(town, "t")) == town


# --- error texts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["whole", "flag", "size", "mixed", "pet", "streets", "sound", "format"]
)
def test_no_error_text_holds_a_long_value(name):
    for value in (SECRET, [SECRET], {"type": SECRET}, {SECRET: SECRET}):
        for attempt in (
            lambda v=value: read(Town, {name: v}, "t"),
            lambda v=value: write(Town(**{name: v}), "t"),
        ):
            with pytest.raises(ConfigError) as caught:
                attempt()
            assert "private" not in str(caught.value)


def test_no_error_text_holds_a_long_name():
    with pytest.raises(ConfigError, match=r"^t\.<68 characters>: unknown field"):
        read(Street, {SECRET: 1}, "t")
    with pytest.raises(ConfigError, match=r"^t\.labels\.<68 characters>: expected text"):
        read(Town, {"labels": {SECRET: 1}}, "t")


def test_a_number_too_long_to_print_is_refused_like_any_other():
    for value in (10**5000, -(10**5000)):
        with pytest.raises(ConfigError, match=r"from 1 to 9 or None, got int$"):
            write(Town(size=value), "t")


def test_data_within_itself_is_refused():
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(ConfigError, match="nested too deeply, or within itself"):
        write(Town(free=ring), "t")


# --- UNSET ----------------------------------------------------------------------------------------


def test_unset_counts_as_false_and_prints_as_itself():
    assert not UNSET
    assert repr(UNSET) == str(UNSET) == f"{UNSET}" == "UNSET"
    assert isinstance(UNSET, Unset)


def test_reading_within_unset_gives_unset():
    assert Town().main is None
    assert Street().name is UNSET
    assert UNSET.audio.output.voice is UNSET
    assert UNSET.name is UNSET  # not the enum's
    with pytest.raises(AttributeError):
        _ = UNSET._private


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_there_is_one_unset_after_copying_and_pickling(protocol):
    assert pickle.loads(pickle.dumps(UNSET, protocol)) is UNSET
    assert copy.copy(UNSET) is UNSET
    assert copy.deepcopy([UNSET]) == [UNSET]
    assert copy.deepcopy(UNSET) is UNSET


def test_unset_is_not_sent_and_none_is_null():
    assert write(Street(), "s") == {}
    assert write(Street(number=None), "s") == {"number": None}
    assert read(Street, {"number": None}).number is None
    assert read(Street, {}).number is UNSET


def test_null_for_a_setting_that_cannot_be_null():
    assert read(Street, {"name": None}).name is UNSET
    with pytest.raises(ConfigError, match=r"s\.name: expected text, got None"):
        read(Street, {"name": None}, "s")
    with pytest.raises(ConfigError, match=r"s\.name: expected text, got None"):
        write(Street(name=None), "s")


def test_none_elsewhere_is_not_sent_unless_it_is_declared_so():
    assert write(Town(), "t") == {"text": "", "null": None}


# --- merge and replace ----------------------------------------------------------------------------


def test_merge_lays_set_fields_over_and_goes_into_shapes():
    old = Street(name="A", number=1, zones={"a": "1", "b": "2"})
    assert merge(old, Street(number=2)) == replace(old, number=2)
    assert merge(old, Street(number=None)).number is None
    assert merge(old, Street()) == old
    # A dictionary is one value.
    assert merge(old, Street(zones={"c": "3"})).zones == {"c": "3"}
    assert old.number == 1


def test_merge_replaces_a_shape_of_another_class_or_type():
    assert merge(Cat(lives=1), Dog(name="Rex")) == Dog(name="Rex")
    assert merge(Cat(type="tomcat", lives=1), Cat()) == Cat()


def test_replace_makes_a_changed_copy():
    street = Street(name="A")
    assert replace(street, number=5) == Street(name="A", number=5)
    assert street.number is UNSET
    with pytest.raises(TypeError):
        replace(street, nmae="B")


# --- shapes as objects ----------------------------------------------------------------------------


def test_shapes_are_compared_by_value_and_class():
    assert Street(name="A") == Street(name="A")
    assert Street(name="A") != Street(name="B")
    assert Cat() != UnknownPet(type="cat")
    assert Street() != {}
    assert Town(here="x") == Town(here="y")  # local: not part of what travels


def test_shapes_are_frozen_and_keyword_only():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Street().name = "A"
    with pytest.raises(TypeError):
        Street("A")


def test_shapes_have_no_hash_rather_than_one_that_sometimes_fails():
    with pytest.raises(TypeError, match="unhashable type: 'Street'"):
        hash(Street())


def test_shapes_survive_copying_and_pickling():
    town = Town(main=Street(number=None), sound=b"\1", pet=Dog(name="x"))
    for other in (copy.copy(town), copy.deepcopy(town), pickle.loads(pickle.dumps(town))):
        assert other == town
        assert other.main.name is UNSET


def test_repr_shows_what_is_set_but_no_sound_and_no_secret():
    town = Town(text="hi", sound=b"secret!", token=SECRET, main=Street(number=None))
    assert repr(town) == "Town(text='hi', sound=<7 bytes>, main=Street(), token=<secret>)"
    assert repr(Town(sound=memoryview(b"ab"))) == "Town(text='', sound=<2 bytes>)"


def test_all_base64_decoders_read_the_same(monkeypatch):
    texts = ["", "AAAA", "AA==", "AAA=", "A", "AA", "AAA", "AA=A", "AA\nAA", "-_-_", "é", "\ud800"]
    decoders = [rules._decode64, functools.partial(base64.b64decode, validate=True)]
    if sys.version_info >= (3, 11):
        decoders.append(functools.partial(binascii.a2b_base64, strict_mode=True))
    results = []
    for decoder in decoders:
        monkeypatch.setattr(rules, "_decode64", decoder)
        results.append([read(Town, {"sound": t}).sound for t in texts])
    assert all(result == results[0] for result in results)
    assert results[0][:5] == [b"", b"\0\0\0", b"\0", b"\0\0", None]


def test_both_base64_encoders_write_the_same():
    data = bytes(range(256))
    assert rules.encode64(data) == base64.b64encode(data)
