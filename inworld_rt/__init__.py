"""A synchronous, threaded client for Inworld's Realtime API: speech to speech, no asyncio.

::

    from inworld_rt import Client

    with Client(voice="Clive") as client:
        client.say("Tell me a joke.").save("joke.wav")

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt._version import __version__ as __version__
from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.auth import ApiKey as ApiKey
    from inworld_rt.auth import Credentials as Credentials
    from inworld_rt.auth import RenewingToken as RenewingToken
    from inworld_rt.auth import SessionToken as SessionToken
    from inworld_rt.auth import Token as Token
    from inworld_rt.client import Client as Client
    from inworld_rt.config import SessionConfig as SessionConfig
    from inworld_rt.config import TurnDetection as TurnDetection
    from inworld_rt.errors import AudioError as AudioError
    from inworld_rt.errors import AuthError as AuthError
    from inworld_rt.errors import BackendMissing as BackendMissing
    from inworld_rt.errors import ConfigError as ConfigError
    from inworld_rt.errors import ConnectError as ConnectError
    from inworld_rt.errors import ConnectionClosed as ConnectionClosed
    from inworld_rt.errors import ConnectionClosedOK as ConnectionClosedOK
    from inworld_rt.errors import ConnectionLost as ConnectionLost
    from inworld_rt.errors import DeviceError as DeviceError
    from inworld_rt.errors import InworldError as InworldError
    from inworld_rt.errors import InworldWarning as InworldWarning
    from inworld_rt.errors import LocalProtocolError as LocalProtocolError
    from inworld_rt.errors import ProtocolError as ProtocolError
    from inworld_rt.errors import RemoteProtocolError as RemoteProtocolError
    from inworld_rt.errors import ResponseFailed as ResponseFailed
    from inworld_rt.errors import ServerError as ServerError
    from inworld_rt.errors import ToolError as ToolError
    from inworld_rt.errors import WaitTimeout as WaitTimeout
    from inworld_rt.errors import WorkerStuck as WorkerStuck
    from inworld_rt.pcm import AudioFormat as AudioFormat
    from inworld_rt.response import Response as Response
    from inworld_rt.transcription import Transcript as Transcript
    from inworld_rt.transcription import Utterance as Utterance
    from inworld_rt.voice_chat import VoiceChat as VoiceChat

_HOMES: dict[str, tuple[str, ...]] = {
    "auth": ("ApiKey", "Credentials", "RenewingToken", "SessionToken", "Token"),
    "client": ("Client",),
    "config": ("SessionConfig", "TurnDetection"),
    "errors": (
        "AudioError",
        "AuthError",
        "BackendMissing",
        "ConfigError",
        "ConnectError",
        "ConnectionClosed",
        "ConnectionClosedOK",
        "ConnectionLost",
        "DeviceError",
        "InworldError",
        "InworldWarning",
        "LocalProtocolError",
        "ProtocolError",
        "RemoteProtocolError",
        "ResponseFailed",
        "ServerError",
        "ToolError",
        "WaitTimeout",
        "WorkerStuck",
    ),
    "pcm": ("AudioFormat",),
    "response": ("Response",),
    "transcription": ("Transcript", "Utterance"),
    "voice_chat": ("VoiceChat",),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
