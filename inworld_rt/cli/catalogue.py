"""``inworld-rt voices`` and ``inworld-rt models``: what there is to choose from."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from inworld_rt import catalogue, extras
from inworld_rt.catalogue import Model, Voice
from inworld_rt.cli.keys import is_terminal
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.service import printable

__all__ = ["models", "voices"]

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.option("--language", metavar="CODE", help="Only those that speak it: en, en-US, …")
@_json
@shared()
def voices(language: str | None, as_json: bool, choices: Choices) -> int:
    """List the voices that an answer can have.

    The first column is what --voice and Client(voice=...) take.
    """
    with choices.service() as (url, key):
        found = catalogue.voices(url=url, credentials=key)
    chosen = [voice for voice in found if language is None or voice.speaks(language)]
    if language is not None and not chosen:
        spoken = ", ".join(sorted({printable(voice.language) for voice in found}))
        click.echo(f"No voice speaks {language!r}; there are: {spoken}", err=True)
        return 1
    if as_json:
        _print_json([_voice_fields(voice) for voice in chosen])
    else:
        names = ("voice", "name", "language", "gender", "source", "description")
        _show(names, [_voice_row(voice) for voice in chosen])
    return 0


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those that are not supported.")
@_json
@shared()
def models(everything: bool, as_json: bool, choices: Choices) -> None:
    """List the language models that can think of an answer.

    The first column is what --model and Client(model=...) take.
    """
    with choices.service() as (url, key):
        found = catalogue.models(url=url, credentials=key)
    chosen = [model for model in found if model.supported or everything]
    if as_json:
        _print_json([_model_fields(model) for model in chosen])
    else:
        _show(("model", "made by", "supported"), [_model_row(model) for model in chosen])


# --- what is shown -------------------------------------------------------------------------------


def _voice_fields(voice: Voice) -> dict[str, object]:
    return {
        "voice_id": voice.voice_id,
        "display_name": voice.display_name,
        "language": voice.language,
        "gender": voice.gender,
        "description": voice.description,
        "source": voice.source,
        "name": voice.name,
    }


def _voice_row(voice: Voice) -> list[str]:
    row = [voice.voice_id, voice.display_name, voice.language, voice.gender, voice.source]
    return [*row, voice.description]


def _model_fields(model: Model) -> dict[str, object]:
    return {
        "id": model.id,
        "provider": model.provider,
        "creator": model.creator,
        "supported": model.supported,
    }


def _model_row(model: Model) -> list[str]:
    return [model.id, model.creator, "yes" if model.supported else "no"]


def _print_json(entries: Sequence[dict[str, object]]) -> None:
    click.echo(json.dumps(entries, indent=2))


def _show(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    rows = [[printable(cell) for cell in row] for row in rows]
    if not is_terminal(sys.stdout):  # for programs: a line each, with tabs between
        click.echo("\n".join("\t".join(row) for row in [names, *rows]))
        return
    extras.load("rich", extra="cli", purpose="draw on a terminal")
    from inworld_rt.cli.terminal import print_table

    print_table(names, rows)
