"""Options that mean the same in every command, and the session that they ask for.

::

    @click.command()
    @shared("voice", "model")
    def greet(choices: Choices) -> None:
        with choices.client() as client:
            client.say("Hello!").play()

``--url`` and ``--simulator`` are always among them. What is not said on the command line is looked
up in the environment, then in the config file.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import frozen
from click.core import ParameterSource

from inworld_rt import Client
from inworld_rt.auth import Credentials
from inworld_rt.cli.configfile import SharedOption, quoted
from inworld_rt.cli.service import note, service
from inworld_rt.transport.endpoint import URL_VARIABLE

__all__ = ["SHARED", "Choices", "shared"]

F = TypeVar("F", bound=Callable[..., Any])


@frozen(kw_only=True)
class Choices:
    """What was chosen; ``None`` where it is left to the service, or the command has no such option.

    Attributes:
        url: where to connect; ``None`` also for what the environment says.
        simulator: use the simulator, although there is a key.
        voice: who answers.
        model: the language model.
        instructions: what to be like.
        microphone: a device's number or a part of its name.
        speaker: the same for the loudspeaker.
        record: a folder for a recording of the session.
    """

    url: str | None = None
    simulator: bool = False
    voice: str | None = None
    model: str | None = None
    instructions: str | None = None
    microphone: int | str | None = None
    speaker: int | str | None = None
    record: Path | None = None

    @contextlib.contextmanager
    def service(self, *, apart: bool = False) -> Iterator[tuple[str | None, Credentials | str]]:
        """Where to connect, and with which key: see :func:`~inworld_rt.cli.service.service`."""
        with service(self.simulator, apart=apart, url=self.url) as place:
            yield place

    @contextlib.contextmanager
    def client(self, *, apart: bool = False, **options: Any) -> Iterator[Client]:
        """A session with the voice and so on that were chosen.

        Args:
            apart: see :func:`~inworld_rt.cli.service.service`.
            options: others of :class:`~inworld_rt.Client`.

        Raises:
            InworldError: as the client.
        """
        named = {name: getattr(self, name) for name in ("voice", "model", "instructions")}
        if self.record is not None:
            options["recording"] = self.record
        with self.service(apart=apart) as (url, key):
            client = Client(url=url, credentials=key, **named, **options)
            try:
                with client:
                    yield client
            finally:
                if self.record is not None:
                    _tell_recording(client)


def _tell_recording(client: Client) -> None:
    assert client.recording is not None
    if client.recording_failure is not None:
        words = client.recording_failure.strerror or "it could not be written"
        note(f"The recording in {client.recording} ends early: {words}.", err=True)
    else:
        note(f"Kept; to look at it: inworld-rt report {quoted(client.recording)}", err=True)


class DeviceName(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A sound device: its number, or a part of its name."""

    name = "device"
    toml = (str, int)  # what the config file may say

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """A number where it is one."""
        text = str(value).strip()
        if not text:
            self.fail(
                "a device is a number or a part of a name; see inworld-rt devices", param, ctx
            )
        return int(text) if text.isdecimal() else text


def _unless_from_environment(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """The client reads that itself, and names the variable when its value is wrong."""
    source = ctx.get_parameter_source(param.name or "")
    return None if source is ParameterSource.ENVIRONMENT else value


_option = functools.partial(click.option, cls=SharedOption)

_OPTIONS: dict[str, Callable[[F], F]] = {
    "voice": _option(
        "--voice",
        metavar="NAME",
        envvar="INWORLD_RT_VOICE",
        default="Sarah",
        show_default=True,
        help="Who answers; see inworld-rt voices.",
    ),
    "model": _option(
        "--model",
        metavar="PROVIDER/NAME",
        envvar="INWORLD_RT_MODEL",
        help="The language model; see inworld-rt models.",
    ),
    "instructions": _option(
        "--instructions",
        metavar="TEXT",
        envvar="INWORLD_RT_INSTRUCTIONS",
        help="What to be like, told to who answers.",
    ),
    "microphone": _option(
        "--mic",
        "--microphone",
        "microphone",
        type=DeviceName(),
        metavar="NAME|INDEX",
        envvar="INWORLD_RT_MICROPHONE",
        help="The microphone; see inworld-rt devices.",
    ),
    "speaker": _option(
        "--speaker",
        type=DeviceName(),
        metavar="NAME|INDEX",
        envvar="INWORLD_RT_SPEAKER",
        help="The loudspeaker; see inworld-rt devices.",
    ),
    "record": _option(
        "--record",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Keep all of it there: sound, words and events.",
    ),
    "url": _option(
        "--url",
        metavar="URL",
        envvar=URL_VARIABLE,
        callback=_unless_from_environment,
        help="Where the service is.",
    ),
    "simulator": _option(
        "--simulator", is_flag=True, help="Use the simulator, even if there is an API key."
    ),
}

SHARED = ("voice", "model", "instructions", "microphone", "speaker", "url")
"""Those that the config file may set for all commands at once."""


def shared(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options that several commands have; a decorator.

    Args:
        names: ``voice``, ``model``, ``instructions``, ``microphone``, ``speaker``, ``record``.

    Returns:
        It. The function gets all of them as one argument, ``choices``.
    """
    wanted = (*names, "url", "simulator")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def gathered(**values: Any) -> Any:
            choices = Choices(**{name: values.pop(name) for name in wanted})
            return function(choices=choices, **values)

        for name in reversed(wanted):
            gathered = _OPTIONS[name](gathered)
        return gathered

    return decorate
