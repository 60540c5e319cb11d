"""Tables as people have them, and plain words for those that cannot be read."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.batch.tables import read
from inworld_rt.errors import ConfigError

# Line breaks become what the system likes; a lone surrogate is in no file.
cells = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('",;\t|\n'))
tables = st.lists(st.tuples(cells, cells), max_size=5)


def rows(tmp_path, data, name="in.csv", encoding=None):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read(path, encoding))


def problem(tmp_path, data, name="in.csv", encoding=None):
    with pytest.raises(ConfigError) as raised:
        rows(tmp_path, data, name, encoding)
    return str(raised.value)


@pytest.mark.parametrize(
    "data",
    [
        "id,text\nA,Größe\n",
        "ID ; Text \r\nA;Größe\r\n",
        "id\ttext\nA\tGröße",
        "id|text\nA|Größe\n\n  |  \n",
        "sep=;\r\nid;text\r\nA;Größe\r\n",
        '"id","text"\n"A","Größe"\n',
        "\ufeffid,text\nA,Größe\n",
        "\ufeffid;text\nA;Größe\n".encode("utf-16-le"),
        "\ufeffid\ttext\nA\tGröße\n".encode("utf-16-be"),
    ],
    ids=["plain", "Germany", "tabs", "bars", "sep", "quotes", "BOM", "UTF-16", "big-endian"],
)
def test_the_forms_of_spreadsheets_are_understood(tmp_path, data):
    (row,) = [row for _, row in rows(tmp_path, data)]
    assert row == {"id": "A", "text": "Größe"}


def test_another_encoding_is_said(tmp_path):
    data = "text\nGröße\n".encode("cp1252")
    assert rows(tmp_path, data, encoding="cp1252") == [("line 2", {"text": "Größe"})]
    words = problem(tmp_path, b"text\nfine\n" + data)
    assert "in.csv, line 4: this is not UTF-8" in words and "cp1252" in words
    assert "there is no encoding 'klingon'" in problem(tmp_path, data, encoding="klingon")


def test_what_is_no_text_is_said(tmp_path):
    assert "no plain text" in problem(tmp_path, "id,text\nA,b\n".encode("utf-16-le"))
    assert "UTF-16" in problem(tmp_path, b"\xff\xfea")


def test_lines_are_counted_as_an_editor_does(tmp_path):
    data = 'sep=,\ntext\n"one\ntwo"\n\nthree\n'
    assert [where for where, _ in rows(tmp_path, data)] == ["line 3", "line 6"]


def test_missing_columns_are_named_with_those_that_are_there(tmp_path):
    words = problem(tmp_path, "name,line\nA,Hello\n")
    assert "neither a column text nor a column wav" in words and "'name', 'line'" in words
    assert "here it has: none" in problem(tmp_path, "")
    assert "two columns 'text'" in problem(tmp_path, "text,text\na,b\n")


def test_short_lines_lack_columns_and_long_ones_lack_quotes(tmp_path):
    assert rows(tmp_path, "text,voice\nHello\n") == [("line 2", {"text": "Hello"})]
    assert rows(tmp_path, "text\nHello,,\n") == [("line 2", {"text": "Hello"})]
    words = problem(tmp_path, "text\nHello, world\n")
    assert "line 2: it has 2 fields, and there are 1 columns" in words and "quotes" in words


@pytest.mark.parametrize("row", ['"never closed\nmore\n', '"He" said\n', '"many"\n"\n' * 2])
def test_quotes_that_do_not_match_swallow_nothing(tmp_path, row):
    words = problem(tmp_path, f'sep=,\ntext\n"two\nlines"\n{row}')
    assert "stands in double quotes" in words
    assert f"line {6 if row.count(chr(34)) > 2 else 5}: " in words, "where they begin"


def test_a_text_may_be_long(tmp_path):
    before = csv.field_size_limit()
    text = "word " * 100_000
    assert rows(tmp_path, f"id,text\na,{text}\n") == [("line 2", {"id": "a", "text": text})]
    assert "neither a column text nor" in problem(tmp_path, text)
    assert csv.field_size_limit() == before


def test_lines_of_json(tmp_path):
    data = '\ufeff{"text": "Hello."}\r\n\n{"id": 7, "wav": "a.wav"}'
    found = rows(tmp_path, data, "in.jsonl")
    assert found == [("line 1", {"text": "Hello."}), ("line 3", {"id": 7, "wav": "a.wav"})]
    words = problem(tmp_path, '{"text": "Hello."}\n{text: 1}\n', "in.ndjson")
    assert "in.ndjson, line 2: this is no JSON" in words
    assert "nested too deeply" in problem(tmp_path, "[" * 200_000, "in.jsonl")


def test_other_files_are_refused_and_missing_ones_are_named(tmp_path):
    assert "ends in .csv or .jsonl" in problem(tmp_path, "x", "in.xlsx")
    with pytest.raises(FileNotFoundError) as raised:
        read(tmp_path / "none.csv")
    assert raised.value.filename == str(tmp_path / "none.csv")


@given(
    tables,
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_as_csv_is_read_again(tmp_path_factory, rows, separator, encoding, end):
    path = tmp_path_factory.getbasetemp() / "property.csv"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "text"), *rows])
    path.write_bytes(text.getvalue().encode(encoding))
    told = [(name, words) for name, words in rows if name.strip() or words.strip()]
    assert [(row["id"], row["text"]) for _, row in read(path)] == told


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text()), max_size=5))
def test_what_is_written_as_json_is_read_again(tmp_path_factory, objects):
    path = tmp_path_factory.getbasetemp() / "property.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in objects), encoding="utf-8")
    assert [row for _, row in read(path)] == objects
