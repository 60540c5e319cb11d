"""The folder with the results: whole at any time, and one owner at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from inworld_rt.audio import wav
from inworld_rt.batch.result import DONE, FAILED, Result
from inworld_rt.batch.store import RESULTS, Store
from inworld_rt.errors import ConfigError

SOUND = b"\1\0" * 12000


@pytest.fixture
def out(tmp_path):
    return tmp_path / "some" / "where"


def keep(store, name="a", hash="1", text="Hello."):
    files = store.keep_files(name, SOUND, 24000, text)
    result = Result(name, DONE, seconds=0.5, text=text, files=files, hash=hash)
    store.add(result)
    return result


def lines(out):
    return [json.loads(line) for line in (out / RESULTS).read_text("utf-8").splitlines()]


def test_a_row_becomes_sound_words_and_a_line(out):
    with Store(out) as store:
        assert not store.kept("a")
        keep(store, text="Größe")
        assert store.kept("a") == "1"
    assert sorted(os.listdir(out)) == ["a.txt", "a.wav", RESULTS]
    assert wav.read(out / "a.wav").pcm == SOUND
    assert (out / "a.txt").read_text("utf-8") == "Größe\n"
    (line,) = lines(out)
    assert line["id"] == "a" and line["text"] == "Größe" and line["status"] == "done"
    assert line["files"] == {"a.wav": 24044, "a.txt": 8}


def test_what_is_done_is_known_the_next_time(out):
    with Store(out) as store:
        result = keep(store)
    with Store(out) as store:
        assert store.results == {"a": result} and store.kept("a") == "1"
        assert not store.kept("b")


@pytest.mark.parametrize("change", [os.unlink, lambda path: path.write_bytes(b"RIFF")])
def test_a_row_whose_file_is_gone_or_cut_off_is_not_done(out, change):
    with Store(out) as store:
        keep(store)
    change(out / "a.wav")
    with Store(out) as store:
        assert not store.kept("a")


def test_a_row_that_failed_is_not_done_and_keeps_no_older_files(out):
    with Store(out) as store:
        keep(store)
        store.drop_files("a")
        store.add(Result("a", FAILED, error={"type": "WaitTimeout", "message": "x"}, hash="1"))
        assert not store.kept("a")
    assert os.listdir(out) == [RESULTS]
    with Store(out) as store:
        assert not store.kept("a") and not store.results["a"].ok


def test_files_that_only_a_forged_line_names_are_left_alone(out, tmp_path):
    out.mkdir(parents=True)
    (tmp_path / "precious.txt").write_text("x")
    (out / "b.wav").write_text("x")
    forged = Result("a", DONE, files={"../../precious.txt": 1, "b.wav": 1})
    (out / RESULTS).write_text(f"{forged.line()}\n")
    with Store(out) as store:
        store.drop_files("a")
    assert (tmp_path / "precious.txt").exists() and (out / "b.wav").exists()


def test_what_a_killed_run_left_is_cleaned_up(out):
    with Store(out) as store:
        result = keep(store)
    whole = (out / RESULTS).read_bytes()
    (out / RESULTS).write_bytes(whole + b'{"id": "b", "sta')
    drafts = [".0123456789abcdef.wav.part", ".0123456789abcdef.txt.part"]
    for name in [*drafts, ".somebody.part", ".0123456789abcdef.wav"]:
        (out / name).write_bytes(b"RIFF")
    with Store(out) as store:
        assert store.results == {"a": result}
        assert (out / RESULTS).read_bytes() == whole
        keep(store, "b")
    assert [line["id"] for line in lines(out)] == ["a", "b"]
    left = {".somebody.part", ".0123456789abcdef.wav"}
    assert set(os.listdir(out)) == {"a.txt", "a.wav", "b.txt", "b.wav", RESULTS} | left


def test_wherever_a_line_was_cut_off_the_lines_before_it_count(out):
    out.mkdir(parents=True)
    line = Result("a", DONE, usage={"total_tokens": 1}, text="Größe").line().encode() + b"\n"
    for size in range(len(line)):
        (out / RESULTS).write_bytes(line + line[:size].replace(b'"a"', b'"b"'))
        with Store(out) as store:
            assert list(store.results) == ["a"]
        assert (out / RESULTS).read_bytes() == line


def test_the_latest_line_counts_and_lines_come_in_the_order_of_rows(out):
    with Store(out) as store:
        for name in "cbxa":
            keep(store, name)
        keep(store, "b", hash="2")
        assert len(lines(out)) == 5
        store.sort(["a", "b", "c", "d"])
    assert [(line["id"], line["hash"]) for line in lines(out)] == [
        ("x", "1"),  # of another table
        ("a", "1"),
        ("b", "2"),
        ("c", "1"),
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="how to see what is open")
def test_no_file_is_replaced_while_it_is_open(out, monkeypatch):
    """Windows would refuse."""
    replace, replaced = os.replace, []

    def watched(source, target):
        fds = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
        assert str(target) not in [os.readlink(fd) for fd in fds if os.path.islink(fd)]
        replaced.append(os.path.basename(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    with Store(out) as store:
        keep(store, "b")
        keep(store, "a")
        store.sort(["a", "b"])
    assert replaced == ["b.wav", "b.txt", "a.wav", "a.txt", RESULTS]


def test_nothing_is_written_where_nothing_changes(out):
    with Store(out) as store:
        keep(store)
        before = (out / RESULTS).stat()
        store.sort(["a"])
        assert (out / RESULTS).stat().st_ino == before.st_ino


@pytest.mark.parametrize("line", ["Hello.", "[]", '{"id": 1, "status": "done"}', '{"id": "a"}', ""])
def test_a_file_of_somebody_else_is_not_touched(out, line):
    out.mkdir(parents=True)
    (out / RESULTS).write_text(f"{line}\n")
    with pytest.raises(ConfigError, match=r"line 1: this is no result of a batch"), Store(out):
        pass
    assert (out / RESULTS).read_text() == f"{line}\n"


@pytest.mark.parametrize("text", ["Hello.", '{"a": 1}', '[\n{"id": "a"}]'])
def test_nor_one_that_does_not_end_with_a_line(out, text):
    out.mkdir(parents=True)
    (out / RESULTS).write_text(text)
    with pytest.raises(ConfigError, match="this is no result of a batch"), Store(out):
        pass
    assert (out / RESULTS).read_text() == text


def test_members_of_a_later_version_are_left_out():
    result = Result("a", DONE, hash="1")
    assert Result.read(json.dumps({**json.loads(result.line()), "mood": "good"})) == result


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
def test_two_batches_do_not_share_a_folder(out):
    with Store(out):
        with pytest.raises(ConfigError, match="another batch is writing"), Store(out):
            pass
    with Store(out):
        pass


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OSError) as raised, Store(path):
            pass
        assert raised.value.filename == str(path) and raised.value.strerror


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it has no such folder")
def test_a_folder_where_nothing_can_be_written_is_named():
    from pathlib import Path

    with pytest.raises(OSError) as raised, Store(Path("/proc/sys")):  # not even by root
        pass
    assert raised.value.filename == f"/proc/sys/{RESULTS}"


@pytest.fixture
def small_disk(tmp_path):
    """A disk with room for two sounds and a half."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or not sys.platform.startswith("linux") or os.geteuid():
        pytest.skip("only root can make a small disk")
    command = [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine does not let root make a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_named_and_leaves_nothing_half(small_disk):
    with Store(small_disk) as store:
        keep(store, "a")
        keep(store, "b")
        with pytest.raises(OSError) as raised:
            keep(store, "c")
        assert raised.value.strerror == "No space left on device"
        assert raised.value.filename == str(small_disk / "c.wav")
    names = {"a.txt", "a.wav", "b.txt", "b.wav", RESULTS}
    assert set(os.listdir(small_disk)) == names
    with Store(small_disk) as store:
        assert store.kept("a") == "1" and store.kept("b") == "1"


def test_words_that_do_not_fit_leave_no_part_of_them(small_disk):
    with Store(small_disk) as store:
        with pytest.raises(OSError) as raised:
            keep(store, text="x" * 100_000)
        assert raised.value.filename == str(small_disk / "a.txt")
        assert not store.kept("a")
    assert set(os.listdir(small_disk)) == {"a.wav", RESULTS}


def test_a_line_that_does_not_fit_leaves_no_part_of_it(small_disk):
    with Store(small_disk) as store:
        keep(store)
        before = (small_disk / RESULTS).read_bytes()
        with pytest.raises(OSError) as raised:
            store.add(Result("b", DONE, text="x" * 100_000))
        assert raised.value.filename == str(small_disk / RESULTS)
        assert (small_disk / RESULTS).read_bytes() == before
        assert "b" not in store.results
