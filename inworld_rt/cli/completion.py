"""``inworld-rt completion``: what a shell needs to complete commands, options and values."""

from __future__ import annotations

import os
from pathlib import PurePath

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")

# After the script: for zsh its first line means something.
HOW = {
    "bash": """
# To have it in every new shell, put this line at the end of ~/.bashrc:
#   eval "$(inworld-rt completion bash)"
# Or, quicker, since it starts no Python each time:
#   inworld-rt completion bash > ~/.inworld-rt.bash     and into ~/.bashrc:  . ~/.inworld-rt.bash
""",
    "zsh": """
# To have it in every new shell, put this line at the end of ~/.zshrc, below `compinit`:
#   eval "$(inworld-rt completion zsh)"
# Or write this into a file _inworld-rt in a folder of your $fpath.
""",
    "fish": """
# To have it in every new shell, type once:
#   inworld-rt completion fish > ~/.config/fish/completions/inworld-rt.fish
""",
}


@click.command()
@click.argument("shell", required=False, type=click.Choice(SHELLS))
def completion(shell: str | None) -> None:
    """Print what makes your shell complete commands, options and values with the Tab key.

    \b
    eval "$(inworld-rt completion bash)"      to try it; zsh has the same
    inworld-rt completion fish | source       to try it in fish

    What is printed ends with how to have it always. Without SHELL, it is the one of $SHELL.
    """
    shell = shell or PurePath(os.environ.get("SHELL", "")).name
    root = click.get_current_context().find_root()
    kind = get_completion_class(shell) if shell in SHELLS else None
    if kind is None:
        raise click.UsageError(f"Which shell? One of {', '.join(SHELLS)}.")
    name = root.info_name or "inworld-rt"
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    click.echo(
        kind(root.command, {}, name, variable).source().strip() + "\n" + HOW[shell], nl=False
    )
