"""Numbers in English words: read from what somebody said, and written to be spoken."""

from __future__ import annotations

import re

__all__ = ["in_words", "numbers_in", "value_of"]

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {
    **{word: n for n, word in enumerate(_SMALL)},
    **{word: 10 * n for n, word in enumerate(_TENS) if n > 1},
}
_HOMOPHONES = {"to": 2, "too": 2, "for": 4, "fore": 4, "won": 1, "ate": 8, "tree": 3, "sex": 6}
_FIGURES = re.compile(r"-?\d+(?:\.\d+)?")


def value_of(words: list[str], *, misheard: bool = False) -> float | None:
    """The number that some words name, all of them together.

    Args:
        words: lower-case words, for example ``["twenty", "one"]`` or ``["3.5"]``.
        misheard: take "to" for two and the like, where a number is known to stand.

    Returns:
        The number; None if they name none.
    """
    total = 0.0
    current: float | None = None
    thousands = False
    for word in words:
        if _FIGURES.fullmatch(word):
            step: float | None = float(word)
        else:
            step = _VALUES.get(word, _HOMOPHONES.get(word) if misheard else None)
        if step is not None:
            if current is not None and not _goes_on(current, step):
                return None
            current = (current or 0.0) + step
        elif word == "hundred":
            current = (1.0 if current is None else current) * 100
        elif word == "thousand":
            total += (1.0 if current is None else current) * 1000
            current = None
            thousands = True
        elif word != "and" or (current is None and not thousands):
            return None
    return None if current is None and not thousands else total + (current or 0.0)


def _goes_on(number: float, step: float) -> bool:
    """Whether the next word belongs to the number: "twenty" and "one" do, "one" and "two" not."""
    if number >= 100:
        return (number % 100 == 0 and step < 100) or _goes_on(number % 100, step)
    return number >= 20 and number % 10 == 0 and 0 < step < 10


def numbers_in(words: list[str]) -> list[float]:
    """All numbers in a sentence, in order; neighbours that belong together are one.

    Args:
        words: lower-case words.

    Returns:
        For example ``[3.0, 21.0]`` for "from three to twenty one".
    """
    found = []
    begin = 0
    while begin < len(words):
        for end in range(min(len(words), begin + 6), begin, -1):
            value = value_of(words[begin:end])
            if value is not None and words[end - 1] != "and":
                found.append(value)
                begin = end
                break
        else:
            begin += 1
    return found


def in_words(number: int) -> str:
    """Write a whole number to be spoken.

    Args:
        number: any; from 1000 on it stays in figures, which voices read well enough.

    Returns:
        For example ``"forty-two"``.
    """
    if number < 0:
        return f"minus {in_words(-number)}"
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (f"-{_SMALL[rest]}" if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_SMALL[hundreds]} hundred" + (f" and {in_words(rest)}" if rest else "")
    return str(number)
