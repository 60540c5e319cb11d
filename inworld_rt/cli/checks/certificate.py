"""Who made a certificate: the little of DER that it takes. Pure.

Python tells it only of certificates that are accepted; here it matters of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["issuer_of"]

_ORGANISATION, _NAME = b"\x55\x04\x0a", b"\x55\x04\x03"  # 2.5.4.10 and 2.5.4.3
_VERSION = 0xA0
_UTF16 = 0x1E  # BMPString


class _Part(NamedTuple):
    """A value of DER: what kind it is, and what it holds."""

    tag: int
    inside: bytes


def issuer_of(certificate: bytes) -> str:
    """Who vouches for it.

    Args:
        certificate: in DER.

    Returns:
        The issuer's organisation and name, the one in the other only once; empty where it cannot be
        read.
    """
    try:
        (whole,) = _parts(certificate)
        signed = next(_parts(whole.inside))
        fields = [part for part in _parts(signed.inside) if part.tag != _VERSION]
        names = dict(_names(fields[2].inside))  # behind the number and the algorithm
    except (IndexError, ValueError, StopIteration):
        return ""
    said = [names[kind] for kind in (_ORGANISATION, _NAME) if names.get(kind)]
    if len(said) == 2 and said[0].lower() in said[1].lower():
        said = said[1:]
    return ", ".join(said)


def _names(issuer: bytes) -> Iterator[tuple[bytes, str]]:
    """Kinds and values of a distinguished name."""
    for group in _parts(issuer):
        for pair in _parts(group.inside):
            kind, value = _parts(pair.inside)
            coding = "utf-16-be" if value.tag == _UTF16 else "utf-8"
            yield kind.inside, value.inside.decode(coding, "replace")


def _parts(data: bytes) -> Iterator[_Part]:
    """The values in a row."""
    while data:
        size, start = data[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        if start + size > len(data):
            raise ValueError("it ends too early")
        yield _Part(data[0], data[start : start + size])
        data = data[start + size :]
