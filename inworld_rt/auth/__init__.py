"""Credentials: what an ``Authorization`` header says, who told us, and how to get one for others.

Secrets here cannot print themselves: ``repr()``, ``str()``, f-strings and every error message show
only where a credential came from. They are not pickled, so they reach no cache or crash file by
accident.

===============  ======================================================================
``credentials``  the API key and the token, as users have them
``minting``      session tokens made with an API key, for devices that must not hold it
``minted``       such a token, and how long it lives
``renewing``     a token that is minted anew before it expires
``signing``      the hash chains of the requests for tokens
``hidden``       text that does not show itself
===============  ======================================================================

Names are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.auth.credentials import API_KEY_VARIABLE as API_KEY_VARIABLE
    from inworld_rt.auth.credentials import ApiKey as ApiKey
    from inworld_rt.auth.credentials import Credentials as Credentials
    from inworld_rt.auth.credentials import Token as Token
    from inworld_rt.auth.credentials import find_credentials as find_credentials
    from inworld_rt.auth.minted import SessionToken as SessionToken
    from inworld_rt.auth.minting import mint_jwt as mint_jwt
    from inworld_rt.auth.minting import mint_token as mint_token
    from inworld_rt.auth.renewing import RenewingToken as RenewingToken

_HOMES: dict[str, tuple[str, ...]] = {
    "credentials": ("API_KEY_VARIABLE", "ApiKey", "Credentials", "Token", "find_credentials"),
    "minted": ("SessionToken",),
    "minting": ("mint_jwt", "mint_token"),
    "renewing": ("RenewingToken",),
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
