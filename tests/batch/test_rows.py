"""Rows, and which names they may have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.audio import wav
from inworld_rt.batch.rows import Row, fingerprint, read, unused
from inworld_rt.errors import AudioError, ConfigError


def problem(*rows):
    with pytest.raises(ConfigError) as raised:
        read(list(rows))
    return str(raised.value)


def test_a_row_without_a_name_is_named_by_its_number():
    rows = [{"text": "a"}, {"id": " "}, {"id": None}, {"id": 7, "text": ""}, {"id": " b "}]
    assert [row.id for row in read(rows)] == ["00001", "00002", "00003", "7", "b"]


def test_what_a_row_may_have():
    row = {"id": "a", "text": "", "wav": "b.wav", "voice": "Clive", "instructions": "", "note": 1}
    assert read([row]) == [Row("a", "", Path("b.wav"), "Clive", None)]


def test_sound_is_looked_for_beside_the_table(tmp_path):
    table = tmp_path / "in.csv"
    table.write_text(f"wav\na.wav\n{tmp_path / 'b.wav'}\n")
    assert [row.wav for row in read(table)] == [tmp_path / "a.wav", tmp_path / "b.wav"]
    wav.write(tmp_path / "a.wav", b"\0\1", 8000)
    first, second = read(str(table))
    assert first.sound() == (tmp_path / "a.wav").read_bytes()
    assert Row("a", "text").sound() is None
    with pytest.raises(FileNotFoundError):
        second.sound()
    (tmp_path / "b.wav").write_bytes(b"raw samples")
    with pytest.raises(AudioError, match=r"b\.wav has no WAV header"):
        second.sound()


def test_spaces_beside_a_separator_are_no_part_of_a_name():
    row = {"id": " a ", "wav": " b.wav", "voice": "Clive ", "instructions": "Say: "}
    assert read([row]) == [Row("a", None, Path("b.wav"), "Clive", "Say: ")]
    assert read([{"text": "a", "wav": " ", "voice": " "}]) == [Row("00001", "a")]


@pytest.mark.parametrize(
    "name",
    ["../up", "a/b", "a\\b", "C:x", "..", ".hidden", "end.", "a\0b", "a\nb", "what?", "x" * 201],
)
def test_a_name_that_is_none_for_a_file_is_refused(name):
    words = problem({"text": "a"}, {"id": name, "text": "b"})
    assert words.startswith("rows, row 2: the id ") and "file" in words


@pytest.mark.parametrize("name", ["CON", "nul.x", "lpt1"])
def test_a_name_that_windows_keeps_for_itself_is_refused(name):
    assert "Windows" in problem({"id": name, "text": "a"})


@pytest.mark.parametrize("other", ["Anna", "anna", "ANNA"])
def test_two_rows_of_one_name_are_refused_also_for_disks_that_see_no_case(other):
    words = problem({"id": "Anna", "text": "a"}, {"text": "b"}, {"id": other, "text": "c"})
    assert words == f"rows, row 3: the id {other!r} is taken already, by row 1"
    assert "taken" in problem({"id": "é", "text": "a"}, {"id": "e\u0301", "text": "b"})


def test_all_problems_are_counted_and_the_first_is_told():
    assert problem(*[{"id": "a/b", "text": ""}] * 4).endswith("(and 3 more like it)")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Hello.", "expected an object"),
        ({"id": [1]}, "the id is a text, not list"),
        ({"wav": 5}, "wav is a text, not int"),
        ({"text": "a", "voice": {"name": "Clive"}}, "voice is a text, not dict"),
        ({"wav": "a\0.wav"}, "is no path"),
        ({"wav": "\ud800.wav"}, "is no path"),
    ],
)
def test_what_is_no_row_is_told(row, words):
    assert words in problem(row)


def test_a_table_without_rows_is_refused(tmp_path):
    table = tmp_path / "in.csv"
    table.write_text("id,text\n")
    with pytest.raises(ConfigError, match="there are no rows"):
        read(table)
    with pytest.raises(ConfigError, match=r"in\.csv, line 3: the id 'a/b'"):
        table.write_text("id,text\na,b\na/b,c\n")
        read(table)


def test_columns_that_mean_nothing_are_told(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a", "note": 1}\n{"lang": "de", "id": "b"}\n')
    assert unused(tmp_path / "in.jsonl") == ["note", "lang"]
    (tmp_path / "in.csv").write_text("text;;\nHello.;;\n")
    assert unused(tmp_path / "in.csv") == []
    (tmp_path / "in.jsonl").write_text('"text"\n')
    assert unused(tmp_path / "in.jsonl") == []


@given(st.text(max_size=300))
def test_whatever_the_name_is_its_file_is_in_the_folder(name):
    try:
        (row,) = read([{"id": name, "text": "a"}])
    except ConfigError:
        return
    path = os.path.normpath(os.path.join("/out", f"{row.id}.wav"))
    assert os.path.dirname(path) == "/out" and not os.path.basename(path).startswith(".")


def test_a_row_is_the_same_as_long_as_its_answer_would_be():
    row, common = Row("a", "Hello."), {"session": {"model": "x"}}
    same = fingerprint(row, None, common)
    assert fingerprint(Row("b", "Hello."), None, {"session": {"model": "x"}}) == same
    others = [
        fingerprint(Row("a", "Hello!"), None, common),
        fingerprint(Row("a", "Hello.", voice="Clive"), None, common),
        fingerprint(Row("a", "Hello.", instructions="Clive"), None, common),
        fingerprint(row, b"sound", common),
        fingerprint(row, None, {"session": {"model": "y"}}),
    ]
    assert len({same, *others}) == 6
