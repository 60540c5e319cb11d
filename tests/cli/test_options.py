"""Options that several commands have: the same words, the same meaning, from three places."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")

import click

from inworld_rt import cli
from inworld_rt.cli.options import SHARED, Choices, shared

TALKS_TO_NOBODY = {"completion", "config", "devices", "report", "simulate"}
NAMES = ("voice", "model", "instructions", "microphone", "speaker", "record")


@pytest.fixture
def chosen(install) -> list[Choices]:
    """What a command was given that has them all."""
    given: list[Choices] = []
    install(click.command("probe")(shared(*NAMES)(lambda choices: given.append(choices))))
    return given


@pytest.mark.parametrize("name", sorted(set(cli.COMMANDS) - TALKS_TO_NOBODY))
def test_every_command_that_talks_to_the_service_can_do_without(name: str) -> None:
    """--simulator, wherever there is a key to be passed over."""
    options = {option for p in cli.load_command(name).params for option in p.opts}
    assert "--simulator" in options


def test_without_any_only_the_voice_is_said(chosen: list[Choices]) -> None:
    assert cli.run(["probe"]) == 0
    assert chosen == [Choices(voice="Sarah")]


def test_all_of_them(chosen: list[Choices]) -> None:
    words = "--voice Clive --model a/b --instructions Hi --mic 2 --speaker usb --record kept"
    assert cli.run(["probe", *words.split(), "--url", "ws://x", "--simulator"]) == 0
    assert chosen == [
        Choices(
            voice="Clive",
            model="a/b",
            instructions="Hi",
            microphone=2,
            speaker="usb",
            record=Path("kept"),
            url="ws://x",
            simulator=True,
        )
    ]


@pytest.mark.parametrize("name", [name for name in SHARED if name != "url"])
def test_the_command_line_wins_then_the_environment_then_the_config_file(
    name: str, chosen: list[Choices], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config.toml").write_text(f'{name} = "from the file"\n')
    assert cli.run(["probe"]) == 0
    monkeypatch.setenv(f"INWORLD_RT_{name.upper()}", "from the environment")
    assert cli.run(["probe"]) == 0
    assert cli.run(["probe", f"--{name}", "from the line"]) == 0
    found = [getattr(choices, name) for choices in chosen]
    assert found == ["from the file", "from the environment", "from the line"]


def test_the_environments_url_is_left_to_the_client(
    chosen: list[Choices], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which names the variable if something is wrong with it; it wins over the file, too."""
    (home / "config.toml").write_text('url = "ws://file"\n')
    assert cli.run(["probe"]) == 0
    monkeypatch.setenv("INWORLD_REALTIME_URL", "ws://environment")
    assert cli.run(["probe"]) == 0
    assert cli.run(["probe", "--url", "ws://line"]) == 0
    assert [choices.url for choices in chosen] == ["ws://file", None, "ws://line"]


@pytest.mark.parametrize("value", ["", " "])
def test_a_device_without_a_name(value: str, chosen: list[Choices], capsys) -> None:
    assert cli.run(["probe", "--speaker", value]) == 2
    assert "inworld-rt devices" in capsys.readouterr().err


def test_a_session_has_what_was_chosen(place: Path, capsys) -> None:
    choices = Choices(voice="Clive", instructions="Be brief.")
    with choices.client(config={"output_modalities": ["text"]}) as client:
        assert client.session.audio.output.voice == "Clive"
        assert client.session.instructions == "Be brief."
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("Connecting to 127.0.0.1:")


def test_a_url_without_a_key_goes_unused_and_that_is_said(capsys) -> None:
    with Choices(url="ws://127.0.0.1:9/").client(config={"output_modalities": ["text"]}):
        pass
    err = capsys.readouterr().err
    assert "The URL goes unused, because INWORLD_API_KEY is not set." in err
    assert "Starting the simulator" in err
