"""The one PortAudio of a process: its absence, its beginning and its end."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.soundcard import Soundcard

from inworld_rt.audio import engine
from inworld_rt.errors import BackendMissing

WITHOUT = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyaudio":
            {how}
sys.meta_path.insert(0, Block())
from inworld_rt.audio import portaudio
from inworld_rt.audio.play import play
from inworld_rt.errors import BackendMissing
from inworld_rt.pcm import AudioFormat
assert not portaudio.has_output()
try:
    play([], AudioFormat())
except BackendMissing as exc:
    sys.stderr.write(str(exc))
"""


@pytest.mark.parametrize(
    "how",
    [
        "raise ModuleNotFoundError(name)",
        "print('Could not import the C module'); raise ImportError('libportaudio.so.2')",
    ],
    ids=["not installed", "its library is missing"],
)
def test_without_pyaudio(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(how=how)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert done.stderr.startswith(
        "the package 'pyaudio' is needed to use the sound devices; install it with:"
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("system", "apt", "python", "command"),
    [
        ("linux", True, "/home/me/.venv/bin/python", "sudo apt install portaudio19-dev"),
        ("linux", False, "/home/me/.venv/bin/python", "/home/me/.venv/bin/python -m pip"),
        ("linux", True, "/usr/bin/python3", "sudo apt install python3-pyaudio"),
        ("darwin", False, "/usr/local/bin/python3", "brew install portaudio &&"),
        ("win32", False, "python.exe", "python.exe -m pip install"),
    ],
)
def test_the_command_for_each_system(
    monkeypatch: pytest.MonkeyPatch, system: str, apt: bool, python: str, command: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix if "venv" not in python else "/home/me")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/apt-get" if apt else None)
    assert engine._command().startswith(command)


def test_missing_is_an_import_error_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(BackendMissing) as caught:
        engine._load()
    assert isinstance(caught.value.__cause__, ImportError)


FORGOTTEN = """
from inworld_rt.audio.portaudio import PortAudio
sink = PortAudio().open_sink(None, [24000], lambda frames, at: bytes(2 * frames))
"""


def test_a_program_may_forget_to_close(soundcard: Soundcard) -> None:
    """PortAudio may crash a program that ends with a stream open."""
    done = subprocess.run([sys.executable, "-c", FORGOTTEN], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
