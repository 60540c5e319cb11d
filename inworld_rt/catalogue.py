"""What there is to choose from: the service's voices and language models (protocol: neighbouring
HTTP endpoints).

::

    for voice in voices(language="en"):
        print(voice.voice_id, voice.description)
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from attrs import field, frozen

from inworld_rt.arguments import seconds
from inworld_rt.auth.credentials import Credentials, find_credentials
from inworld_rt.codec import Shape, read, shape, wire
from inworld_rt.errors import ConfigError, ConnectError
from inworld_rt.rest import Request, base_url, content, exchange
from inworld_rt.workers import Deadline

__all__ = ["Model", "Voice", "models", "voices"]

_PAGE = 2000  # voices; the most that the service gives at once
_LEAST = 0.001  # seconds that the last request gets, so that it fails for lack of time

S = TypeVar("S", bound=Shape)


@shape
class Voice(Shape):
    """A voice; what the service does not tell is an empty string."""

    voice_id: str = field(default="", metadata=wire("voiceId"))
    """What ``Client(voice=...)`` takes."""
    display_name: str = field(default="", metadata=wire("displayName"))
    """What to call it."""
    language: str = field(default="", metadata=wire("langCode"))
    """Which one it speaks, and of which country, for example ``EN_US``."""
    gender: str = ""
    """``female``, ``male``, …"""
    description: str = ""
    """What it sounds like."""
    source: str = ""
    """``SYSTEM`` for the service's own; others are somebody's."""
    name: str = ""
    """Its full name within the service."""

    def speaks(self, language: str) -> bool:
        """Whether it speaks a language.

        Args:
            language: such as ``"en"``, or with the country, such as ``"en-US"``; the case does not
                matter.
        """
        mine, wanted = _plain(self.language), _plain(language)
        return mine == wanted or mine.startswith(f"{wanted}-")


@shape
class Model(Shape):
    """A language model; what the service does not tell is an empty string."""

    model: str = ""
    """Its name."""
    provider: str = ""
    """Who runs it."""
    creator: str = field(default="", metadata=wire("modelCreator"))
    """Who made it."""
    supported: bool = field(default=True, metadata=wire("isSupported"))
    """Whether the service takes it."""

    @property
    def id(self) -> str:
        """What ``Client(model=...)`` takes: ``provider/model``."""
        if not self.provider or self.model.startswith(f"{self.provider}/"):
            return self.model
        return f"{self.provider}/{self.model}"


def voices(
    *,
    credentials: Credentials | str | None = None,
    url: str | None = None,
    language: str | None = None,
    timeout: float = 10.0,
    ssl_context: ssl.SSLContext | None = None,
) -> list[Voice]:
    """List the voices. Blocks until all pages of the list are there.

    Args:
        credentials: an API key or token; default: the environment's ``INWORLD_API_KEY``.
        url: a session's address, whose host is asked; default: ``INWORLD_REALTIME_URL``, or the
            service.
        language: only those that speak it, see :meth:`Voice.speaks`.
        timeout: seconds for all of it.
        ssl_context: for certificates of your own; default: the system's.

    Returns:
        The voices, in the service's order.

    Raises:
        ConfigError: an argument is wrong; nothing was sent.
        AuthError: the credentials are refused.
        ConnectError: no answer, or one that cannot be read.
    """
    if language is not None and not _plain(language):
        raise ConfigError(f"language: expected such as 'en' or 'en-US', got {language!r:.40}")
    shelf = _Shelf.of(credentials, url, timeout, ssl_context)
    found: list[Voice] = []
    token, seen = "", {""}
    while True:
        query = {"pageSize": str(_PAGE)} | ({"pageToken": token} if token else {})
        page = shelf.look("the request for the voices", f"/voices/v1/voices?{urlencode(query)}")
        found += _entries(Voice, page, "voices")
        token = page.get("nextPageToken") or ""
        if not token:
            break
        if not isinstance(token, str) or token in seen:
            raise ConnectError(
                "the server's list of voices has no end: a page names no new one as the next; try "
                "again in a while"
            )
        seen.add(token)
    return [voice for voice in found if language is None or voice.speaks(language)]


def models(
    *,
    credentials: Credentials | str | None = None,
    url: str | None = None,
    timeout: float = 10.0,
    ssl_context: ssl.SSLContext | None = None,
) -> list[Model]:
    """List the language models. Blocks until the list is there.

    Args:
        credentials: see :func:`voices`.
        url: see :func:`voices`.
        timeout: see :func:`voices`.
        ssl_context: see :func:`voices`.

    Returns:
        The models, in the service's order; also those that it does not support.

    Raises:
        ConfigError, AuthError, ConnectError: see :func:`voices`.
    """
    shelf = _Shelf.of(credentials, url, timeout, ssl_context)
    what = "the request for the models"
    try:
        return _entries(Model, shelf.look(what, "/llm/v1alpha/models"), "models")
    except ConnectError as exc:
        if exc.status != 404:
            raise
    # A list in OpenAI's form, of ids alone; servers that only look like Inworld's have this one.
    return _entries(Model, shelf.look(what, "/v1/models"), "data", _from_id)


@frozen
class _Shelf:
    """Where the lists are, and how long may be looked."""

    base: str
    credentials: Credentials
    deadline: Deadline
    context: ssl.SSLContext | None

    @classmethod
    def of(
        cls,
        credentials: Credentials | str | None,
        url: str | None,
        timeout: float,
        context: ssl.SSLContext | None,
    ) -> _Shelf:
        deadline = Deadline(seconds("timeout", timeout))
        return cls(base_url(url), find_credentials(credentials), deadline, context)

    def look(self, what: str, path: str) -> dict[str, Any]:
        """The JSON object at a path."""
        # The header first: it may be what makes the source known.
        header = self.credentials.header()
        request = Request("GET", self.base + path, header, self.credentials.source, what)
        left = max(_LEAST, self.deadline.left() or 0.0)
        return content(request, exchange(request, timeout=left, ssl_context=self.context))


def _entries(
    cls: type[S],
    page: dict[str, Any],
    name: str,
    make: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> list[S]:
    """The entries of a list; what is no entry is passed over."""
    entries = page.get(name, None if page else [])  # some servers leave out what is empty
    if not isinstance(entries, list):
        raise ConnectError(
            f"the server's answer has no list of {name}; check that the URL is right, and that "
            "this package is up to date"
        )
    return [read(cls, make(entry)) for entry in entries if isinstance(entry, dict)]


def _from_id(entry: dict[str, Any]) -> dict[str, Any]:
    """A model of OpenAI's list, in the form of Inworld's."""
    name = entry.get("id")
    provider, slash, _ = name.partition("/") if isinstance(name, str) else ("", "", "")
    return {"model": name, "provider": provider if slash else ""}


def _plain(language: object) -> str:
    return language.lower().replace("_", "-") if isinstance(language, str) else ""
