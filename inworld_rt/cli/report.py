"""``inworld-rt report``: a recording as a page to look at and listen to, or as a picture."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from inworld_rt import report as reports
from inworld_rt.cli.service import note

__all__ = ["report"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where it goes; default: report.html (or .png) in the recording.",
)
@click.option("--png", is_flag=True, help="Make a picture instead, with no sound and no words.")
@click.option("--open", "open_it", is_flag=True, help="Show it in your browser.")
def report(folder: Path, output: Path | None, png: bool, open_it: bool) -> None:
    """Make a page of the recording in FOLDER, or of the newest below it.

    \b
        inworld-rt talk --record monday
        inworld-rt report monday --open

    The page shows both sides on a time line with what was said, heard and cut, the tools, the gaps,
    and where the time went until each answer. It is one file that needs no network: send it with a
    bug report. It holds all words and the sound, so send it only to whom these may go. With --png
    there are neither.
    """
    made = (reports.write_png if png else reports.write)(folder, output)
    click.echo(made)
    if open_it and not webbrowser.open(made.absolute().as_uri()):
        note("There is no browser here that could show it; open the file yourself.")
