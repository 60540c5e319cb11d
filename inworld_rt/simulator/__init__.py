"""A faithful local simulator of the service: for lessons, tests and work without a network.

::

    from inworld_rt.simulator import Simulator

    with Simulator() as simulator:
        print(simulator.url, simulator.api_key)

Names are loaded when first used. The rooms, from the socket inwards:

At the socket::

    server         sockets and threads; hands frames to a session and sends what comes back
    handshake      who may open a session, and the HTTP status for the others
    http           plain HTTP on the same port; lets WebSocket requests through
    desk           what it answers: tokens, voices, models
    tokens         signed requests, and the tokens made for them
    scenes         scripted faults: silence, delay, garbage, a broken connection
    brain          a session: which event is answered by what, and when; no socket, no clock
    incoming       a client's frame, read and checked
    outgoing       the last step before the socket: ids, older names, odd frames
    refusals       the error events
    quirks         the switches, one row each

What was agreed on::

    settings       defaults, and how an update is laid over them
    fields         every field of a session and of response.create, with what it may hold
    checks         the kinds of check that fields is written with
    memory         providerData.memory; facts finds them in what the user says
    mcp            tools of type mcp: listed, approved and called by the server

The conversation::

    history        the items, in order, with their audio; truncation
    item_requests  creating, deleting, retrieving, truncating; which tool calls are open
    media          pictures and Opus in the client's items

Listening::

    turns          the user's turns, from audio to items
    input_buffer   audio that came in, on its way to an item
    vad            when a turn begins and ends
    ears           speech to text; sphinx is the recogniser
    transcripts    what the client is told of the user's words
    interjections  back-channel and turn suggestions, while the user speaks
    dtmf           telephone keys

Answering::

    answer         one response: its events, their order and pace
    answer_plan    what is decided before it begins: voice, format, tools, filler
    answer_source  what it is made of: words and calls, with a budget
    answer_items   its messages and calls, from opening to closing
    answer_mcp     its calls over MCP
    answer_timing  which word is spoken when; phones guesses a word's sounds
    answer_oddities  odd cuts in its sound, steering tags among its words
    voice          text to speech; the engines are in voices

What is said::

    conversation   what a reply source gets and gives
    replies        the built-in one, a lesson; numbers and tool_use and knowledge help it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.simulator.conversation import Conversation as Conversation
    from inworld_rt.simulator.conversation import ToolCall as ToolCall
    from inworld_rt.simulator.conversation import Turn as Turn
    from inworld_rt.simulator.conversation import echo as echo
    from inworld_rt.simulator.conversation import scripted as scripted
    from inworld_rt.simulator.quirks import Quirks as Quirks
    from inworld_rt.simulator.replies import lesson as lesson
    from inworld_rt.simulator.scenes import Cue as Cue
    from inworld_rt.simulator.scenes import Scene as Scene
    from inworld_rt.simulator.server import Simulator as Simulator

_HOMES: dict[str, tuple[str, ...]] = {
    "conversation": ("Conversation", "ToolCall", "Turn", "echo", "scripted"),
    "quirks": ("Quirks",),
    "replies": ("lesson",),
    "scenes": ("Cue", "Scene"),
    "server": ("Simulator",),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
