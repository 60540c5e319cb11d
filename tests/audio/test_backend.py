"""Choosing a back end, and a device of it."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.audio import backend
from inworld_rt.audio.backend import BACKENDS, Device, choose, find_backend
from inworld_rt.audio.paced import Null
from inworld_rt.errors import ConfigError, DeviceError
from inworld_rt.testing import FakeSound

# --- back ends ------------------------------------------------------------------------------------


def test_sound_devices_are_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_backend().name == "pyaudio"
    monkeypatch.setenv("INWORLD_RT_AUDIO", "")
    assert find_backend().name == "pyaudio"


@pytest.mark.parametrize("name", BACKENDS)
def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("INWORLD_RT_AUDIO", name)
    assert find_backend().name == name


def test_the_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INWORLD_RT_AUDIO", "wav")
    assert find_backend("null").name == "null"
    mine = Null()
    assert find_backend(mine) is mine


def test_an_unknown_one_is_refused_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as caught:
        find_backend("alsa")
    assert str(caught.value) == "audio: expected one of pyaudio, wav, null, got 'alsa'"
    monkeypatch.setenv("INWORLD_RT_AUDIO", "pulse")
    with pytest.raises(ConfigError, match=r"INWORLD_RT_AUDIO: expected one of .*, got 'pulse'"):
        find_backend()
    with pytest.raises(ConfigError, match="audio: expected one of"):
        find_backend("")


def test_devices_are_listed_as_they_are_now() -> None:
    sound = FakeSound()
    refreshed: list[None] = []
    sound.refresh = lambda: refreshed.append(None)  # type: ignore[method-assign]
    assert [d.name for d in backend.devices(audio=sound)] == ["fake microphone", "fake speaker"]
    sound.unplug("speaker")
    assert [d.name for d in backend.devices(audio=sound, probe=True)] == ["fake microphone"]
    assert len(refreshed) == 2
    assert [d.name for d in backend.devices(audio="null")] == ["null"]


# --- devices --------------------------------------------------------------------------------------

DEVICES = [
    Device(0, "Built-in Audio", inputs=2, outputs=2, default_output=True, host="ALSA"),
    Device(1, "USB Mic", inputs=1, default_input=True, host="ALSA"),
    Device(2, "USB Speaker", outputs=2, host="ALSA"),
    Device(3, "Loopback 1", inputs=2, outputs=2, host="ALSA"),
    Device(4, "Loopback 10", inputs=2, outputs=2, host="ALSA"),
]


def index(wanted: int | str | None, kind: str = "input", devices: list[Device] = DEVICES) -> int:
    return choose(devices, wanted, kind).index


def test_the_default() -> None:
    assert index(None) == 1
    assert index(None, "output") == 0


@pytest.mark.parametrize(
    ("wanted", "kind", "found"),
    [
        (1, "input", 1),
        (0, "output", 0),
        ("USB Mic", "input", 1),
        ("usb", "input", 1),
        ("usb", "output", 2),
        ("IN AUD", "input", 0),
        ("Loopback 1", "input", 3),
        ("10", "input", 4),
    ],
)
def test_by_number_name_or_part(wanted: int | str, kind: str, found: int) -> None:
    """A whole name wins over a part of another's."""
    assert index(wanted, kind) == found


def test_a_whole_name_in_other_letters() -> None:
    assert index("LOOPBACK 1") == 3


@pytest.mark.parametrize(
    ("wanted", "kind", "listed"),
    [
        ("webcam", "input", "0 (Built-in Audio), 1 (USB Mic), 3 (Loopback 1), 4 (Loopback 10)"),
        (1, "output", "0 (Built-in Audio), 2 (USB Speaker), 3 (Loopback 1), 4 (Loopback 10)"),
        (99, "input", "0 (Built-in Audio), 1 (USB Mic), 3 (Loopback 1), 4 (Loopback 10)"),
        (-1, "input", "0 (Built-in Audio), 1 (USB Mic), 3 (Loopback 1), 4 (Loopback 10)"),
        ("", "input", "0 (Built-in Audio), 1 (USB Mic), 3 (Loopback 1), 4 (Loopback 10)"),
    ],
)
def test_a_missing_one_is_refused_with_the_choices(
    wanted: int | str, kind: str, listed: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        choose(DEVICES, wanted, kind)
    assert str(caught.value) == f"there is no sound {kind} {wanted!r}; there are: {listed}"


def test_several_are_refused_with_their_names() -> None:
    with pytest.raises(DeviceError) as caught:
        choose(DEVICES, "loop", "input")
    assert str(caught.value) == (
        "several sound inputs match 'loop': 3 (Loopback 1), 4 (Loopback 10); say more"
    )


def test_no_default() -> None:
    with pytest.raises(DeviceError) as caught:
        choose([DEVICES[3]], None, "input")
    assert str(caught.value) == (
        "there is no device to record with; connect one, or send a recording instead; "
        "there are: 3 (Loopback 1)"
    )


def test_no_device_at_all() -> None:
    with pytest.raises(DeviceError, match="play sound on; connect one, or save the sound to a fil"):
        choose([], None, "output")
    with pytest.raises(DeviceError, match=r"no sound output 'USB'; there are: none$"):
        choose([DEVICES[1]], "USB", "output")


def test_the_same_device_under_several_sound_systems() -> None:
    """As on Windows, where MME even cuts the names off: the one of the system's default is it."""
    devices = [
        Device(0, "Microphone (USB Audio Devic", inputs=1, host="MME", default_input=True),
        Device(1, "Headset (Bluetooth)", inputs=1, host="MME"),
        Device(2, "Microphone (USB Audio Device)", inputs=1, host="WASAPI"),
        Device(3, "Headset (Bluetooth)", inputs=1, host="WASAPI"),
        Device(4, "Webcam", inputs=1, host="WASAPI"),
        Device(5, "Webcam", inputs=1, host="WDM"),
    ]
    assert index("usb", devices=devices) == 0
    assert index("Headset (Bluetooth)", devices=devices) == 1
    assert index("Microphone (USB Audio Device)", devices=devices) == 2
    assert index(3, devices=devices) == 3
    with pytest.raises(DeviceError, match=r"4 \(Webcam\), 5 \(Webcam\); say more"):
        index("webcam", devices=devices)


names = st.text("abAB 1", max_size=4)
lists = st.lists(
    st.builds(
        Device,
        index=st.just(0),
        name=names,
        inputs=st.integers(0, 2),
        outputs=st.integers(0, 2),
        default_input=st.booleans(),
        default_output=st.booleans(),
        host=st.sampled_from(["one", "other"]),
    ),
    max_size=6,
)


@given(lists, st.none() | st.integers(-1, 6) | names, st.sampled_from(["input", "output"]))
def test_it_finds_one_that_fits_or_says_why_not(
    devices: list[Device], wanted: int | str | None, kind: str
) -> None:
    """What is chosen can do it, and is what was asked for; every choice has been named."""
    devices = [evolve(device, index=n) for n, device in enumerate(devices)]
    able = [d for d in devices if getattr(d, f"{kind}s")]
    try:
        found = choose(devices, wanted, kind)
    except DeviceError as exc:
        told = str(exc)
        if isinstance(wanted, int):
            assert wanted not in {d.index for d in able}
        if "several" not in told:
            assert all(f"{d.index} ({d.name})" in told for d in able)
        return
    assert found in able
    if wanted is None:
        assert getattr(found, f"default_{kind}")
    elif isinstance(wanted, int):
        assert found.index == wanted
    else:
        assert wanted.lower() in found.name.lower()
