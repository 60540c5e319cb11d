"""``inworld-rt chat``: a conversation by keyboard."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from inworld_rt import Client, Response
from inworld_rt.cli import sound, toolfile
from inworld_rt.cli.answers import print_stats, say_why, words_shown
from inworld_rt.cli.lines import Lines, find_lines
from inworld_rt.cli.options import Choices, shared
from inworld_rt.cli.service import complain, note, printable
from inworld_rt.config import WebSearchTool
from inworld_rt.errors import (
    AudioError,
    ConnectionClosed,
    DeviceError,
    InworldError,
    ResponseFailed,
)
from inworld_rt.items import Message
from inworld_rt.tools.toolbox import label

__all__ = ["chat"]

COMMANDS = {
    "/help": "This list.",
    "/quit": "End; so does Ctrl-D.",
    "/undo": "Take back your last message and the answer to it.",
    "/voice": "NAME: another voice from now on.",
    "/save": "FILE: keep the conversation as text.",
    "/tools": "What the model may use.",
    "/stats": "How quick the last answer was, and what it cost.",
}
_SHOWN = 40  # letters of a message that is taken back


@click.command()
@click.option("--speak", is_flag=True, help="Hear the answers, too.")
@click.option(
    "--tools",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.py",
    help="Let the model call the functions in its list TOOLS.",
)
@click.option("--no-tools", is_flag=True, help="Not even a clock and dice.")
@click.option("--web-search", is_flag=True, help="Let the model search the web.")
@click.option(
    "--memory",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What the service remembers of you from one chat to the next.",
)
@shared("voice", "model", "instructions", "speaker", "record")
def chat(
    choices: Choices,
    speak: bool,
    file: Path | None,
    no_tools: bool,
    web_search: bool,
    memory: Path | None,
) -> int:
    """Talk by keyboard, until Ctrl-D.

    The answers are shown as they come; Ctrl-C stops one. Arrow keys bring back what you typed,
    also in earlier chats. /help lists what can be typed besides; // begins a message with a /.

    Lines may also come from a pipe: then nothing but the answers goes to standard output.

    The model has a clock and dice, and with --tools functions of yours.
    """
    own = toolfile.load(file) if file else []
    tools: list[Any] = [*own, *([] if no_tools else toolfile.harmless())]
    if web_search:
        tools.append(WebSearchTool())
    if speak and (silent := sound.why_silent()):
        raise DeviceError(f"--speak: {silent}")
    config = {} if speak else {"output_modalities": ["text"]}
    lines = find_lines(tuple(COMMANDS))
    with choices.client(apart=speak, config=config, tools=tools, memory=memory) as client:
        talk = Chat(client, lines, speak, choices.speaker)
        talk.unsure = not (own or web_search or no_tools)
        return talk.run()


class Chat:
    """The loop: a line, and what comes of it.

    Attributes:
        unsure: whether nobody asked for the tools, and no answer has come yet with them.
    """

    def __init__(
        self, client: Client, lines: Lines, speak: bool, speaker: int | str | None
    ) -> None:
        """Prepare it.

        Args:
            client: the session.
            lines: what is typed.
            speak: whether the answers are played.
            speaker: on which device.
        """
        self._client, self._lines, self._speak, self._speaker = client, lines, speak, speaker
        self._last: Response | None = None
        self._failed = False
        self.unsure = False

    def run(self) -> int:
        """Until the lines end.

        Returns:
            The exit status: for a pipe, 1 if an answer failed.
        """
        if self._lines.live:
            note("Type, and press Enter. /help tells more, Ctrl-D ends.", err=True)
        for line in self._lines:
            text = line.strip()
            try:
                if text == "/quit":
                    break
                if text.startswith("/") and not text.startswith("//"):
                    self._command(text)
                elif text:
                    self._answer(self._client.say(text.removeprefix("/")))
            except KeyboardInterrupt:
                if not self._lines.live:
                    raise
                note("(stopped)", err=True)
            except ConnectionClosed:
                raise  # nothing will come any more
            except InworldError as exc:
                self._complain(str(exc))
        return 1 if self._failed and not self._lines.live else 0

    def _complain(self, words: str) -> None:
        self._failed = True
        complain(words)

    # --- answers ---------------------------------------------------------------------------------

    def _answer(self, response: Response) -> None:
        """Show an answer while it comes."""
        self._last = response
        try:
            self._show(response)
        except ResponseFailed as exc:
            # Where the plan lacks tools, every answer fails as soon as there are any.
            if not (self.unsure and exc.reason == "server_error"):
                raise
            self.unsure = False
            self._client.update_session(tools=[])
            note("Once more, without tools, which this account may lack.", err=True)
            self._answer(self._client.create_response())
        else:
            self.unsure = False
            say_why(response)
            if used := ", ".join(dict.fromkeys(call.name or "?" for call in response.tool_calls)):
                note(f"(used: {printable(used)})", err=True)

    def _show(self, response: Response) -> None:
        if self._lines.live:
            voice = printable(str(self._client.session.audio.output.voice))
            click.echo(click.style(f"{voice}: ", bold=True), nl=False)
        silent = ""
        with words_shown(response, partial(click.echo, nl=False)):
            if self._speak:
                try:
                    response.play(self._speaker)
                except AudioError as exc:  # its words can be read nevertheless
                    silent, self._speak = str(exc), False
        if silent:
            self._complain(silent)

    # --- commands --------------------------------------------------------------------------------

    def _command(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        does: dict[str, Callable[[str], None]] = {
            "/help": self._help,
            "/undo": self._undo,
            "/voice": self._voice,
            "/save": self._save,
            "/tools": self._tools,
            "/stats": self._stats,
        }
        if name in does:
            does[name](rest.strip())
            return
        near = " or ".join(difflib.get_close_matches(name, COMMANDS))
        hint = (
            f"Did you mean {near}?"
            if near
            else "/help lists what there is; // begins a message with a /."
        )
        note(f"There is no {printable(name)}. {hint}", err=True)

    def _help(self, rest: str) -> None:
        for name, words in COMMANDS.items():
            note(f"{name:8}{words}", err=True)

    def _undo(self, rest: str) -> None:
        items = list(self._client.conversation)
        asked = [i for i, m in enumerate(items) if isinstance(m, Message) and m.role == "user"]
        if not asked:
            note("There is nothing to take back.", err=True)
            return
        for item in reversed(items[asked[-1] :]):
            self._client.delete_item(item)
        text = printable(getattr(items[asked[-1]], "text", ""))
        short = f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
        note(f"Taken back: {short}", err=True)

    def _voice(self, name: str) -> None:
        if name:
            self._client.update_session(voice=name)
        voice = printable(str(self._client.session.audio.output.voice))
        note(f"The voice is {voice}; inworld-rt voices lists others.", err=True)

    def _save(self, name: str) -> None:
        if not name:
            note("Into which file? /save chat.txt", err=True)
            return
        try:
            with open(name, "x", encoding="utf-8") as file:  # never over another
                file.write(f"{self._client.conversation}\n")
        except OSError as exc:
            self._complain(f"{name}: {exc.strerror}")
        else:
            note(f"Kept in {printable(name)}.", err=True)

    def _tools(self, rest: str) -> None:
        names = [printable(label(tool)) for tool in self._client.session.tools or ()]
        note(f"The model may use: {', '.join(names) or 'nothing'}.", err=True)

    def _stats(self, rest: str) -> None:
        if self._last is not None:
            print_stats(self._client, self._last)
