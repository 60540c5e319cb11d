"""Whether an answer can be played here."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("click", reason="the command line needs click")

from inworld_rt.audio.engine import engine
from inworld_rt.cli import sound


@pytest.mark.parametrize("backend", ["wav", "null"])
def test_files_can_always_be_played_into(backend, monkeypatch):
    monkeypatch.setenv("INWORLD_RT_AUDIO", backend)
    assert sound.why_silent() == ""


def test_without_pyaudio_it_says_what_to_type(monkeypatch):
    """All of it: PyAudio alone cannot be compiled everywhere."""
    engine.close()
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys, "platform", "linux")
    words = sound.why_silent()
    assert "'pyaudio' is needed" in words
    assert "apt install" in words and "audio" in words.partition("install it with: ")[2]


def test_without_a_loudspeaker(monkeypatch):
    monkeypatch.setattr("inworld_rt.audio.portaudio.version", lambda: "19")
    monkeypatch.setattr("inworld_rt.audio.portaudio.has_output", lambda: False)
    assert sound.why_silent() == "there is no loudspeaker here"
    monkeypatch.setattr("inworld_rt.audio.portaudio.has_output", lambda: True)
    assert sound.why_silent() == ""
