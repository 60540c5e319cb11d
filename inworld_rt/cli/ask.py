"""``inworld-rt ask``: a question, and the answer's words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from inworld_rt.cli.answers import print_json, print_stats, say_why, told, words_shown
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.typed import wanted

__all__ = ["ask"]


@click.command()
@click.argument("text", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON, when it is over.")
@click.option("--stats", is_flag=True, help="Tell how quick it was and what it cost.")
@shared("model", "instructions", "record")
def ask(text: Sequence[str], choices: Choices, as_json: bool, stats: bool) -> None:
    """Print the answer to TEXT as it comes.

    \b
    inworld-rt ask What is a whale?
    inworld-rt ask - < question.txt

    Without TEXT, or of a single -, it is standard input. The answer is asked for as text, without
    any sound, which is quick and cheap. (For its voice there is inworld-rt say.)
    """
    question = wanted(text)
    with choices.client(config={"output_modalities": ["text"]}) as client:
        response = client.say(question)
        if as_json:
            print_json(told(response.wait(), question))
        else:
            with words_shown(response, partial(click.echo, nl=False)):
                pass
        say_why(response)
        if stats:
            print_stats(client, response)
