"""The sounds of a word and the shapes of the mouth, guessed from its letters.

A small table of our own: good enough to move a mouth, and nobody's pronunciation (protocol:
assistant audio; the service's own symbols are not told).
"""

from __future__ import annotations

__all__ = ["phones"]

_GROUPS = {
    "igh": ("aɪ", "aei"),
    "tch": ("tʃ", "chjsh"),
    "ch": ("tʃ", "chjsh"),
    "sh": ("ʃ", "chjsh"),
    "th": ("θ", "th"),
    "ph": ("f", "fv"),
    "wh": ("w", "qw"),
    "qu": ("kw", "qw"),
    "ck": ("k", "cdgknstxyz"),
    "ng": ("ŋ", "cdgknstxyz"),
    "ee": ("iː", "ee"),
    "ea": ("iː", "ee"),
    "ie": ("iː", "ee"),
    "oo": ("uː", "u"),
    "ou": ("aʊ", "u"),
    "ow": ("oʊ", "o"),
    "oa": ("oʊ", "o"),
    "oi": ("ɔɪ", "o"),
    "ai": ("eɪ", "aei"),
    "ay": ("eɪ", "aei"),
}
_LETTERS = {
    "a": ("æ", "aei"),
    "e": ("ɛ", "ee"),
    "i": ("ɪ", "ee"),
    "o": ("ɒ", "o"),
    "u": ("ʌ", "u"),
    "b": ("b", "bmp"),
    "m": ("m", "bmp"),
    "p": ("p", "bmp"),
    "f": ("f", "fv"),
    "v": ("v", "fv"),
    "w": ("w", "qw"),
    "q": ("k", "qw"),
    "r": ("ɹ", "r"),
    "l": ("l", "l"),
    "j": ("dʒ", "chjsh"),
    "c": ("k", "cdgknstxyz"),
    "y": ("j", "cdgknstxyz"),
    "h": ("h", "aei"),
    **{letter: (letter, "cdgknstxyz") for letter in "dgknstxz"},
}
_UNKNOWN = ("ə", "aei")
"""For digits and the letters of other alphabets."""


def phones(word: str) -> list[tuple[str, str]]:
    """The sounds of a word.

    Args:
        word: with or without punctuation.

    Returns:
        Pairs of a sound and the shape of the mouth for it; none for a word without letters.
    """
    text = "".join(filter(str.isalnum, word.lower()))
    if len(text) > 2 and text.endswith("e") and text[-2] not in "aeiou":
        text = text[:-1]  # the silent e of "time"
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        size = next((n for n in (3, 2) if text[at : at + n] in _GROUPS), 1)
        part = text[at : at + size]
        found.append(_GROUPS[part] if size > 1 else _LETTERS.get(part, _UNKNOWN))
        at += size
    return found
