"""Words from elsewhere, whatever their encoding."""

from __future__ import annotations

import locale

import pytest

pytest.importorskip("click", reason="the command line needs click")

from inworld_rt.cli.typed import decoded
from inworld_rt.errors import ConfigError


@pytest.mark.parametrize("text", ["", "hello", "Grüße, 你好\r\n", "\x00", "👩\u200d🚀"])
def test_utf_8_comes_as_it_was(text):
    assert decoded(text.encode()) == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marked_as_windows_does(encoding):
    assert decoded("Grüße, 你好".encode(encoding)) == "Grüße, 你好"


def test_the_systems_own_encoding(monkeypatch):
    monkeypatch.setattr(locale, "getpreferredencoding", lambda do_setlocale: "cp1252")
    assert decoded("Grüße".encode("cp1252")) == "Grüße"


def test_what_is_no_text(monkeypatch):
    monkeypatch.setattr(locale, "getpreferredencoding", lambda do_setlocale: "utf-8")
    with pytest.raises(ConfigError, match="UTF-8"):
        decoded(b"\x80\x81")
