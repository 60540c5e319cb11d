"""``inworld-rt token``: a session token, for a machine that must not hold the API key."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone

import click

from inworld_rt.auth import SessionToken, mint_jwt, mint_token
from inworld_rt.cli.configfile import key_at_hand
from inworld_rt.cli.keys import is_terminal
from inworld_rt.cli.options import Choices, shared

__all__ = ["token"]


@click.command()
@click.option(
    "--jwt", is_flag=True, help="Ask in the way of the service's examples (INWORLD_KEY, …)."
)
@click.option(
    "--expiry", is_flag=True, help="Say until when it is valid; a terminal is told anyway."
)
@click.option("--json", "as_json", is_flag=True, help="Print token, expirationTime and seconds.")
@shared()
def token(jwt: bool, expiry: bool, as_json: bool, choices: Choices) -> None:
    """Print a session token made with your API key.

    In a classroom, the teacher's API key never sits on a pupil's machine. The teacher makes a
    token, which opens sessions for some hours and then is worthless:

    \b
        inworld-rt token                    where INWORLD_API_KEY is the key

    and the pupils use it in the key's place:

    \b
        export INWORLD_API_KEY='...'        the token

    It has all permissions of the key, so make it from a key that may use Realtime only. Nothing but
    the token goes to standard output: TOKEN=$(inworld-rt token) works. For longer than a lesson,
    see samples/classroom_token.py, whose pupils fetch a new one when they need it.

    With --jwt, INWORLD_KEY and INWORLD_SECRET are the two parts of the key; INWORLD_WORKSPACE,
    INWORLD_HOST and INWORLD_ENGINE_HOST are read as well.
    """
    made = _mint(choices, jwt)
    if as_json:
        told = {
            "token": made.token,
            "expirationTime": _iso(made.expires),
            "seconds": int(made.left()),
        }
        click.echo(json.dumps(told))
    else:
        click.echo(made.token)
    if expiry or is_terminal(sys.stderr):
        click.echo(f"valid until {made.expires:%Y-%m-%d %H:%M:%S} UTC, {_life(made)}", err=True)


def _mint(choices: Choices, jwt: bool) -> SessionToken:
    if choices.simulator:  # a token that shows what one is like
        with choices.service() as (url, any_key):
            return mint_token(str(any_key), url=url)
    if jwt:
        return mint_jwt(url=choices.url)
    key = key_at_hand()  # of another kind, it is refused there
    return mint_token(key, url=choices.url)  # type: ignore[arg-type]


def _iso(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _life(made: SessionToken) -> str:
    minutes, seconds = divmod(round(made.left()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"for {hours} h {minutes} min" if hours else f"for {minutes} min {seconds} s"
