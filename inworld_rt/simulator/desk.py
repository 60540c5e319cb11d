"""What the service's host answers beside the WebSocket: tokens, voices, models (protocol:
neighbouring HTTP endpoints). A request in, an answer out; no socket, no clock.

=====================================  ==========================================================
``POST /v1/sessionTokens/...``         a token for a request signed by scheme B
``POST /auth/v1/tokens/...``           a token for a request signed by scheme A
``GET /voices/v1/voices``              the voices, in pages
``GET /llm/v1alpha/models``            the language models; one of them is not supported
``GET /v1/models``                     those that are, in OpenAI's form
=====================================  ==========================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from attrs import field, frozen

from inworld_rt.simulator.handshake import PATH, Doorkeeper, rejected
from inworld_rt.simulator.tokens import EXAMPLES, PORTAL, Denied, Scheme, Signatures
from inworld_rt.simulator.voice import CATALOGUE

__all__ = ["MODELS", "PAGE", "Answer", "Desk", "Request", "refusal"]

PAGE = 5
"""Voices on a page, unless a client asks for another number."""
MOST = 2000
"""The largest page (protocol: voice catalogue)."""

MODELS = {
    "google-ai-studio/gemini-2.5-flash": "google",
    "google-ai-studio/gemini-3.1-flash-lite": "google",
    "openai/gpt-4o-mini": "openai",
    "openai/gpt-4.1-nano": "openai",
    "openai/gpt-4.1-mini": "openai",
    "openai/gpt-5.4": "openai",
    "openai/gpt-5.4-mini": "openai",
    "openai/gpt-5.4-nano": "openai",
    "anthropic/claude-sonnet-4-6": "anthropic",
    "groq/gpt-oss-120b": "openai",
    "deepinfra/openai/gpt-oss-120b": "openai",
    "deepinfra/MiniMaxAI/MiniMax-M2.5": "MiniMaxAI",
    "inworld/models/gemma-4-26b-a4b-it": "google",
    "inworld/models/deepseek-v4-flash": "deepseek",
    "inworld/models/GLM-5.1": "zai",
    "inworld/latency-optimizer-ab-test": "inworld",
    "inworld/auto": "inworld",
}
"""The realtime ids of the language models (protocol: names seen in sources), and who made each."""
_UNSUPPORTED = {"deepinfra/MiniMaxAI/MiniMax-M2.5"}
# These list a model under its whole id, the others without the provider: the service has both.
_WHOLE = {"groq", "inworld"}

_WOMEN = {"Ashley", "Deborah", "Luna", "Olivia", "Priya", "Sarah", "Wendy"}


@frozen
class Request:
    """An HTTP request, read."""

    method: str
    target: str
    """Path and query."""
    authorization: str = field(default="", repr=False)
    """The header's value."""
    host: str = ""
    """The header's value."""
    body: bytes = field(default=b"", repr=False)


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    """JSON."""


class Desk:
    """Answers requests. One thread at a time.

    Args:
        door: judges the credentials; its mint makes the tokens.
        api_key: the only key that a token is made for.
    """

    def __init__(self, door: Doorkeeper, api_key: str) -> None:
        self._door = door
        self._api_key = api_key
        self._signatures = Signatures(api_key)
        self._routes: dict[str, tuple[str, Callable[[Request, float], dict[str, Any]]]] = {
            "/v1/sessionTokens/token:generate": ("POST", self._portal_token),
            "/auth/v1/tokens/token:generate": ("POST", self._examples_token),
            "/voices/v1/voices": ("GET", self._voices),
            "/llm/v1alpha/models": ("GET", self._models),
            "/v1/models": ("GET", self._openai_models),
            PATH: ("GET", self._websocket),
        }

    def answer(self, request: Request, now: float) -> Answer:
        """Answer one.

        Args:
            request: it.
            now: seconds since 1970; the ``Date`` header of the answer.

        Returns:
            The answer; refusals, too, are one: ``{"error": {"message": ...}}``.
        """
        try:
            ordered = self._door.ordered()
            if ordered is not None:
                raise Denied(*ordered)
            path = request.target.partition("?")[0]
            if path not in self._routes:
                raise Denied(*rejected(404))
            method, handle = self._routes[path]
            if request.method != method:
                message = f"This path takes {method}."
                return refusal(405, message, now, Allow=method)
            return _answer(200, handle(request, now), now)
        except Denied as denied:
            return refusal(denied.status, denied.message, now)

    # --- tokens --------------------------------------------------------------------------------

    def _portal_token(self, request: Request, now: float) -> dict[str, Any]:
        key_id = self._signed(request, PORTAL, "api_key", now)
        resource = _json_object(request.body).get("resource_id", "")
        if not isinstance(resource, str):
            raise Denied(400, "'resource_id' must be a string.")
        return self._token(key_id, now)

    def _examples_token(self, request: Request, now: float) -> dict[str, Any]:
        key_id = self._signed(request, EXAMPLES, "key", now)
        resources = _json_object(request.body).get("resources")
        if not isinstance(resources, list) or not resources or not all(map(_workspace, resources)):
            raise Denied(400, "'resources' must be a list of workspaces/<id>.")
        return self._token(key_id, now)

    def _signed(self, request: Request, scheme: Scheme, name: str, now: float) -> str:
        key_id = self._signatures.check(request.authorization, scheme, request.host, now)
        named = _json_object(request.body).get(name)
        if not isinstance(named, str) or not named:
            raise Denied(400, f"{name!r} must be the id of the API key, a string.")
        if named != key_id:
            raise Denied(401, f"{name!r} is not the key that the request is signed with.")
        ordered = self._door.ordered(key_id, self._api_key)
        if ordered is not None:
            raise Denied(*ordered)
        return key_id

    def _token(self, key_id: str, now: float) -> dict[str, Any]:
        token = self._door.mint.make(key_id, now)
        expires = datetime.fromtimestamp(token.expires, timezone.utc)
        return {
            "token": token.value,
            "type": "Bearer",
            "expirationTime": expires.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "sessionId": token.session_id,
        }

    # --- catalogues ----------------------------------------------------------------------------

    def _admit(self, request: Request, now: float) -> None:
        rejection = self._door.admit(request.authorization, now)
        if rejection is not None:
            raise Denied(*rejection)

    def _voices(self, request: Request, now: float) -> dict[str, Any]:
        self._admit(request, now)
        query = parse_qs(request.target.partition("?")[2])
        size = query.get("pageSize", ["0"])[0]
        if not (size.isascii() and size.isdigit() and len(size) < 10):
            raise Denied(400, "'pageSize' must be a whole number from 0 up.")
        names = sorted(CATALOGUE)
        begin = _page_begin(query.get("pageToken", [""])[0], len(names))
        end = begin + min(int(size) or PAGE, MOST)
        return {
            "voices": [_voice(name) for name in names[begin:end]],
            "nextPageToken": _page_token(end) if end < len(names) else "",
        }

    def _models(self, request: Request, now: float) -> dict[str, Any]:
        self._admit(request, now)
        return {"models": [_model(name, creator) for name, creator in MODELS.items()]}

    def _openai_models(self, request: Request, now: float) -> dict[str, Any]:
        self._admit(request, now)
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": creator}
            for name, creator in MODELS.items()
            if name not in _UNSUPPORTED
        ]
        return {"object": "list", "data": data}

    def _websocket(self, request: Request, now: float) -> dict[str, Any]:
        raise Denied(426, "There is a WebSocket at this path.")


def refusal(status: int, message: str, now: float, **headers: str) -> Answer:
    """An answer that says no.

    Args:
        status: the HTTP status.
        message: the reason.
        now: seconds since 1970.
        headers: more of them.
    """
    if status in (429, 503):
        headers["Retry-After"] = "1"
    if status == 426:
        headers["Upgrade"] = "websocket"
    return _answer(status, {"error": {"message": message}}, now, **headers)


def _answer(status: int, content: dict[str, Any], now: float, **headers: str) -> Answer:
    body = json.dumps(content).encode()
    always = {
        "Date": formatdate(now, usegmt=True),
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
    }
    return Answer(status, {**always, **headers}, body)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Denied(400, "The body must be a JSON object.")
    return content


def _workspace(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("workspaces/") and len(value) > 11


def _voice(name: str) -> dict[str, str]:
    manner, gender = CATALOGUE[name], "female" if name in _WOMEN else "male"
    pace = "slow" if manner.tempo < 0.95 else "quick" if manner.tempo > 1.05 else "calm"
    return {
        "name": f"workspaces/simulator/voices/{name}",
        "voiceId": name,
        "displayName": name,
        "langCode": manner.accent.upper().replace("-", "_"),
        "description": f"A {pace} {gender} voice",
        "gender": gender,
        "source": "SYSTEM",
    }


def _model(name: str, creator: str) -> dict[str, Any]:
    provider, _, rest = name.partition("/")
    return {
        "model": name if provider in _WHOLE else rest,
        "provider": provider,
        "modelCreator": creator,
        "isSupported": name not in _UNSUPPORTED,
    }


def _page_token(begin: int) -> str:
    return hashlib.sha256(f"voices from {begin}".encode()).hexdigest()[:16]


def _page_begin(token: str, count: int) -> int:
    if not token:
        return 0
    for begin in range(1, count):
        if _page_token(begin) == token:
            return begin
    raise Denied(400, "The 'pageToken' is not one that was given out.")
