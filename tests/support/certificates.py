"""A certificate authority for the loopback, made once per process."""

from __future__ import annotations

import datetime
import functools
import ssl

import trustme

__all__ = ["client_context", "expired_server_context", "server_context"]


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def server_context(*hosts: str) -> ssl.SSLContext:
    """A server's TLS context with a certificate for these names and addresses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert(*(hosts or ("localhost", "127.0.0.1"))).configure_cert(context)
    return context


@functools.cache
def expired_server_context() -> ssl.SSLContext:
    """The same with a certificate for localhost that ended a year ago."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ended = datetime.datetime.now() - datetime.timedelta(days=365)
    _authority().issue_cert("localhost", not_after=ended).configure_cert(context)
    return context


@functools.cache
def client_context() -> ssl.SSLContext:
    """A client's TLS context that trusts our authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _authority().configure_trust(context)
    return context
