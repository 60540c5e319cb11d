"""Session tokens made with an API key, for devices that must not hold it (protocol:
authentication).

::

    token = mint_token()        # on the machine that has INWORLD_API_KEY
    give(token.token)           # to the one that has not
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import ssl
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from inworld_rt.arguments import seconds
from inworld_rt.auth.credentials import API_KEY_VARIABLE, ApiKey, find_credentials
from inworld_rt.auth.hidden import Hidden
from inworld_rt.auth.minted import SessionToken, read_time
from inworld_rt.auth.signing import EXAMPLES, PORTAL, Scheme, authorization, stamp
from inworld_rt.errors import AuthError, ConfigError, ConnectError
from inworld_rt.rest import Request, base_url, content, date_of, exchange
from inworld_rt.transport.answer import Answer
from inworld_rt.transport.endpoint import URL_VARIABLE
from inworld_rt.workers import Deadline

__all__ = ["mint_jwt", "mint_token"]

_HOST = "api.inworld.ai"
_ENGINE_HOST = "api-engine.inworld.ai"
_WORKSPACE = "workspaces/default-workspace"
_TOLERANCE = 60.0  # seconds; clocks that differ by more are not the same
_LEAST = 0.001  # seconds that the last request gets, so that it fails for lack of time


@frozen
class _Order:
    """What is to be asked, but for the time and the nonce.

    Attributes:
        url: where the request goes.
        body: what it holds.
        sign: gives the ``Authorization`` header for a time.
        secrets: not sent, and kept out of messages even if the server knows them.
        source: where the key came from, for messages.
    """

    url: str
    body: dict[str, Any]
    sign: Callable[[datetime], str]
    secrets: tuple[Hidden, ...]
    source: str

    def request(self, when: datetime) -> Request:
        """The request, signed with a fresh nonce."""
        what = "the request for a session token"
        return Request(
            "POST",
            self.url,
            authorization=self.sign(when),
            source=self.source,
            what=what,
            body=self.body,
            secrets=tuple(hidden.reveal() for hidden in self.secrets),
        )


def mint_token(
    api_key: str | ApiKey | None = None,
    *,
    url: str | None = None,
    timeout: float = 10.0,
    ssl_context: ssl.SSLContext | None = None,
) -> SessionToken:
    """Make a session token (scheme B, of the portal's documentation). Blocks until it is there.

    It opens any number of sessions until it expires, with all permissions of the key: make it from
    a key that may use Realtime only.

    Args:
        api_key: default: the environment variable ``INWORLD_API_KEY``.
        url: a session's address, whose host is asked; default: ``INWORLD_REALTIME_URL``, or the
            service.
        timeout: seconds for all of it.
        ssl_context: for certificates of your own; default: the system's.

    Returns:
        The token, usable as ``Client(credentials=...)``; its text is :attr:`SessionToken.token`.

    Raises:
        ConfigError: no key, or it is not made of an id and a secret.
        AuthError: the key is refused. If this machine's clock is wrong, which is told apart, a
            second request is signed with the server's time first.
        ConnectError: no answer, or one without a token that is still valid.
    """
    key = find_credentials(api_key)
    if not isinstance(key, ApiKey):
        raise ConfigError(
            f"what comes from {key.source} is a token; an API key is needed to make tokens"
        )
    key_id, secret = key.parts()
    base = base_url(url)
    order = _Order(
        f"{base}/v1/sessionTokens/token:generate",
        {"api_key": key_id},
        _signer(PORTAL, key_id, secret, _signed_host(base)),
        _secrets(key_id, secret),
        key.source,
    )
    return _mint(order, timeout, ssl_context)


def mint_jwt(
    key_id: str | None = None,
    secret: str | None = None,
    workspace: str | None = None,
    *,
    host: str | None = None,
    engine_host: str | None = None,
    url: str | None = None,
    timeout: float = 10.0,
    ssl_context: ssl.SSLContext | None = None,
) -> SessionToken:
    """Make a token in the way of the service's examples (scheme A). Blocks until it is there.

    Prefer :func:`mint_token`, unless you have what this one needs: a key's two parts and a
    workspace.

    Args:
        key_id: default: ``INWORLD_KEY``; with the secret, or else both out of ``INWORLD_API_KEY``.
        secret: default: ``INWORLD_SECRET``.
        workspace: ``workspaces/<id>``; default: ``INWORLD_WORKSPACE``, or the default workspace.
        host: who is asked, by HTTPS; default: ``INWORLD_HOST``, where neither ``url`` nor
            ``INWORLD_REALTIME_URL`` says otherwise.
        engine_host: what is signed in its place; default: ``INWORLD_ENGINE_HOST``, or the
            service's.
        url: a session's address, whose host is asked.
        timeout: seconds for all of it.
        ssl_context: for certificates of your own; default: the system's.

    Returns:
        The token, as :func:`mint_token` does.

    Raises:
        ConfigError, AuthError, ConnectError: as :func:`mint_token`.
    """
    key_id, secret, source = _key_pair(key_id, secret)
    workspace = workspace or os.environ.get("INWORLD_WORKSPACE") or _WORKSPACE
    if not re.fullmatch(r"workspaces/[^\s/]+", workspace):
        raise ConfigError("the workspace (INWORLD_WORKSPACE) must be written as workspaces/<id>")
    engine = engine_host or os.environ.get("INWORLD_ENGINE_HOST") or _ENGINE_HOST
    order = _Order(
        f"{_base_of_jwt(url, host)}/auth/v1/tokens/token:generate",
        {"key": key_id, "resources": [workspace]},
        _signer(EXAMPLES, key_id, secret, engine.removesuffix(":443")),
        _secrets(key_id, secret),
        source,
    )
    return _mint(order, timeout, ssl_context)


# --- what is signed, and where it goes -----------------------------------------------------------


def _signer(scheme: Scheme, key_id: str, secret: str, host: str) -> Callable[[datetime], str]:
    def sign(when: datetime) -> str:
        nonce = secrets.token_hex(scheme.digits // 2 + 1)[: scheme.digits]
        return authorization(scheme, key_id, secret, host=host, when=stamp(when), nonce=nonce)

    return sign


def _secrets(key_id: str, secret: str) -> tuple[Hidden, ...]:
    """The secret of a key, alone and within the Base64 form, in its two alphabets."""
    whole = f"{key_id}:{secret}".encode()
    forms = (base64.b64encode(whole), base64.urlsafe_b64encode(whole))
    return (Hidden(secret), *(Hidden(form.decode().rstrip("=")) for form in forms))


def _signed_host(base: str) -> str:
    """The host of the service itself, also when it is asked through another, a gateway say."""
    host = urlsplit(base).hostname or ""
    return host if host.endswith(".inworld.ai") else _HOST


def _key_pair(key_id: str | None, secret: str | None) -> tuple[str, str, str]:
    """Id and secret, and where they came from."""
    source = "the arguments key_id and secret"
    if key_id is None and secret is None:
        source = "the environment variables INWORLD_KEY and INWORLD_SECRET"
        key_id, secret = os.environ.get("INWORLD_KEY"), os.environ.get("INWORLD_SECRET")
        if key_id is None and secret is None and os.environ.get(API_KEY_VARIABLE):
            key = find_credentials()
            if isinstance(key, ApiKey):
                return *key.parts(), key.source
    if not key_id or not secret:
        raise ConfigError(f"{source}: both are needed, the id and the secret of an API key")
    if not re.fullmatch(r"[!-+.-~\-]+", key_id):
        raise ConfigError(f"{source}: the id has a space, a comma or another odd character in it")
    return key_id, secret, source


def _base_of_jwt(url: str | None, host: str | None) -> str:
    host = host or (None if os.environ.get(URL_VARIABLE) else os.environ.get("INWORLD_HOST"))
    if url is not None or host is None:
        return base_url(url)
    if "/" in host or "@" in host:
        raise ConfigError(
            f"host (INWORLD_HOST) is a name such as {_HOST}, without https:// or path"
        )
    return base_url(f"wss://{host}")


# --- asking --------------------------------------------------------------------------------------


def _mint(order: _Order, timeout: float, context: ssl.SSLContext | None) -> SessionToken:
    """Ask for a token; once more with the server's time if only the clock seems to be wrong."""
    deadline = Deadline(seconds("timeout", timeout))

    def ask(when: datetime) -> tuple[Request, Answer, float, float | None]:
        """What was asked and answered, when (monotonic), and how far the server is ahead."""
        request, asked = order.request(when), time.monotonic()
        left = max(_LEAST, deadline.left() or 0.0)
        answer = exchange(request, timeout=left, ssl_context=context)
        date = date_of(answer)
        ahead = None if date is None else (date - _now()).total_seconds()
        return request, answer, asked, ahead

    request, answer, asked, ahead = ask(_now())
    apart = ahead is not None and abs(ahead) > _TOLERANCE
    if answer.status in (401, 403) and ahead is not None and apart:
        request, answer, asked, _ = ask(_now() + timedelta(seconds=ahead))
        if answer.status in (401, 403):
            raise _with_clock(request, answer, ahead)
    return _token(request, answer, asked)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _with_clock(request: Request, answer: Answer, ahead: float) -> ConnectError:
    """The refusal, and how wrong this machine's clock is; the trouble may come from that."""
    try:
        content(request, answer)
    except AuthError as exc:
        side = "behind" if ahead > 0 else "ahead of"
        return AuthError(
            f"{exc}. This computer's clock is {_long(abs(ahead))} {side} the server's: set it, and "
            "try again",
            status=exc.status,
        )
    raise AssertionError("a refusal was read as a success")


def _long(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _token(request: Request, answer: Answer, asked: float) -> SessionToken:
    """The token in an answer.

    Args:
        request: what was asked.
        answer: what came back.
        asked: when, on the clock of ``time.monotonic``: a token lives from then at the latest.
    """
    data = content(request, answer)
    text, expires = data.get("token"), read_time(data.get("expirationTime"))
    if not isinstance(text, str) or not re.fullmatch(r"[!-~]+", text):
        raise ConnectError(
            f"the server's answer to {request.what} holds no token; check that the URL is right, "
            "and that this package is up to date"
        )
    if expires is None:
        raise ConnectError(
            "the server made a token, but when it expires cannot be read (expirationTime); "
            "check that this package is up to date"
        )
    # By the server's own clock, so that it does not matter if ours is wrong.
    date = date_of(answer) or _now()
    life = (expires - date).total_seconds()
    if life <= 0:
        raise ConnectError(
            f"the server made a token that has expired already, at {expires:%Y-%m-%d %H:%M:%S} "
            f"UTC; by its clock it is {date:%Y-%m-%d %H:%M:%S} UTC now. Try again in a while"
        )
    source = f"a session token made with {request.source}"
    return SessionToken(value=text, expires=expires, until=asked + life, source=source)
