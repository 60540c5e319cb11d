"""The API key and the token, as users have them."""

from __future__ import annotations

import abc
import base64
import json
import os
import re
import time
from typing import Any, NoReturn, TypeVar

from attrs import field, frozen

from inworld_rt.auth.hidden import Hidden, hide
from inworld_rt.errors import ConfigError

__all__ = ["API_KEY_VARIABLE", "ApiKey", "Credentials", "Token", "find_credentials"]

API_KEY_VARIABLE = "INWORLD_API_KEY"
_ARGUMENT = "the credentials argument"
_GET_ONE = "make one at https://platform.inworld.ai/api-keys and copy its Base64 form"

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SCHEME = re.compile(r"(basic|bearer)(\s|$)", re.IGNORECASE)

_STANDARD = str.maketrans("-_", "+/")  # from the URL-safe alphabet

_Self = TypeVar("_Self", bound="Credentials")


class Credentials(abc.ABC):
    """Something that can fill the ``Authorization`` header.

    Subclass it to bring your own: :meth:`header` is called once per connection attempt. (A token
    that is renewed in time is there already: :class:`~inworld_rt.auth.RenewingToken`.)
    """

    __slots__ = ()

    @property
    @abc.abstractmethod
    def source(self) -> str:
        """Where the credential came from, for messages; never the credential itself."""

    @abc.abstractmethod
    def header(self) -> str:
        """The value of the ``Authorization`` header. This is the secret: never log it."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} from {self.source}>"

    def __str__(self) -> str:
        return repr(self)

    def __copy__(self: _Self) -> _Self:
        return self  # immutable; and the copy protocol would otherwise go through pickling

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} is a secret and is not pickled; "
            "let the other process read its own environment"
        )


@frozen(repr=False)
class ApiKey(Credentials):
    """A portal API key, sent verbatim: it is already Base64 (protocol: authentication).

    Args:
        value: the key's Base64 form, standard or URL-safe alphabet.
        source: where it came from, for messages.

    Raises:
        ConfigError: the value cannot be an API key; the message says why, without the value.
    """

    _value: Hidden = field(converter=hide)
    source: str = field(default=_ARGUMENT)

    def __attrs_post_init__(self) -> None:
        value = self._value.reveal()
        _check_shape(value, self.source)
        digits = value.rstrip("=")
        padded = len(digits) != len(value)
        complete = len(value) % 4 == 0 if padded else len(digits) % 4 != 1
        if not _BASE64.fullmatch(value) or not complete:
            raise ConfigError(
                f"{self.source} does not hold a Base64 API key (perhaps it was cut off while "
                f"copying, or it is the key's name or secret part alone); {_GET_ONE}"
            )

    def header(self) -> str:
        """``Basic`` and the key."""
        return f"Basic {self._value.reveal()}"

    def parts(self) -> tuple[str, str]:
        """The key's id and its secret, for signing (protocol: authentication, scheme B).

        The second is the secret: never log it.

        Raises:
            ConfigError: it is not made of these two.
        """
        digits = self._value.reveal().translate(_STANDARD).rstrip("=")
        try:
            text = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True).decode()
        except ValueError:
            text = ""
        key_id, _, secret = text.partition(":")
        # The id stands between commas in a header.
        if not re.fullmatch(r"[!-+.-~\-]+", key_id) or not secret or ":" in secret:
            raise ConfigError(
                f"the API key from {self.source} cannot sign a request: decoded from Base64, it is "
                f"not an id and a secret with a colon between; {_GET_ONE}"
            ) from None
        return key_id, secret


@frozen(repr=False)
class Token(Credentials):
    """A session token or JWT for devices that must not hold an API key.

    Args:
        value: three Base64url parts joined by dots.
        source: where it came from, for messages.

    Raises:
        ConfigError: the value cannot be a JWT; the message says why, without the value.
    """

    _value: Hidden = field(converter=hide)
    _origin: str = field(default=_ARGUMENT, alias="source")

    def __attrs_post_init__(self) -> None:
        value = self._value.reveal()
        _check_shape(value, self._origin)
        if not _JWT.fullmatch(value):
            raise ConfigError(
                f"{self._origin} does not hold a JWT (three Base64url parts joined by dots); "
                "for a portal API key use ApiKey"
            )

    @property
    def source(self) -> str:
        """Where it came from, and until when it says to be valid.

        Whether that is past is not decided here: this machine's clock may be wrong.
        """
        until = _expiry(self._value.reveal())
        return f"{self._origin} (valid until {until})" if until else self._origin

    def header(self) -> str:
        """``Bearer`` and the token."""
        return f"Bearer {self._value.reveal()}"


def find_credentials(value: Credentials | str | None = None) -> Credentials:
    """Turn what the user gave, or the environment, into credentials.

    Args:
        value: credentials, used as they are; a string, taken as a JWT when it looks like one and
            as an API key otherwise; or ``None`` for the environment variable ``INWORLD_API_KEY``
            (which may hold either as well).

    Returns:
        Credentials that name their source.

    Raises:
        ConfigError: nothing was given, or it cannot be a credential. The message never shows it.
    """
    if isinstance(value, Credentials):
        return value
    if value is not None:
        return _from_text(value, _ARGUMENT)
    found = os.environ.get(API_KEY_VARIABLE)
    if found is None:
        raise ConfigError(
            f"no API key: set the environment variable {API_KEY_VARIABLE}, or pass credentials=; "
            f"{_GET_ONE}. To try without an account, use the simulator: inworld-rt demo"
        )
    return _from_text(found, f"the environment variable {API_KEY_VARIABLE}")


def _from_text(value: Any, source: str) -> Credentials:
    # Anything but a string is refused by ApiKey.
    if isinstance(value, str) and _JWT.fullmatch(value):
        return Token(value, source)
    return ApiKey(value, source)


def _expiry(token: str) -> str:
    """The time in a JWT's claim ``exp``, in words; nothing where there is none."""
    part = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(float(claims["exp"])))
    except (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError):
        return ""


def _check_shape(value: object, source: str) -> None:
    """Refuse what no credential looks like, each slip with its own advice."""
    if not isinstance(value, str):
        raise ConfigError(f"{source} must be a string, not {type(value).__name__}")
    if not value.strip():
        raise ConfigError(f"{source} is empty; {_GET_ONE}")
    if value != value.strip():
        raise ConfigError(f"{source} has spaces or a line break at its start or end; remove them")
    if match := _SCHEME.match(value):
        # The word is one of two known ones, not part of the secret.
        word = match.group(1).capitalize()
        raise ConfigError(f'{source} starts with the word "{word}"; leave that word out')
    if any(char.isspace() for char in value):
        raise ConfigError(f"{source} has a space or a line break inside; copy it again in one line")
