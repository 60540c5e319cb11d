"""Whether an answer can be played here."""

from __future__ import annotations

import pytest

pytest.importorskip("click", reason="the command line needs click")

from inworld_rt.cli import sound


@pytest.mark.parametrize("backend", ["wav", "null"])
def test_files_can_always_be_played_into(backend, monkeypatch):
    monkeypatch.setenv("INWORLD_RT_AUDIO", backend)
    assert sound.why_silent() == ""


def test_without_pyaudio_it_says_what_to_type(monkeypatch):
    monkeypatch.setattr(sound, "find_spec", lambda name: None)
    assert "pip install" in sound.why_silent() and "inworld_rt[audio]" in sound.why_silent()


def test_without_a_loudspeaker(monkeypatch):
    pytest.importorskip("pyaudio")
    monkeypatch.setattr("inworld_rt.audio.portaudio.has_output", lambda: False)
    assert sound.why_silent() == "There is no loudspeaker here."
    monkeypatch.setattr("inworld_rt.audio.portaudio.has_output", lambda: True)
    assert sound.why_silent() == ""
