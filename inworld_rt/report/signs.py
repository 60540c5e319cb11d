"""Small pieces of a page: text, signs, and samples of what is in a diagram. Pure."""

from __future__ import annotations

import html

from inworld_rt.report.look import INK, KNOWN, Look

__all__ = ["PLAY", "sign", "swatch", "text"]

PLAY = '<svg viewBox="0 0 12 12" aria-hidden="true"><path d="M1 0 11 6 1 12Z"/></svg>'
"""The triangle on a button."""


def text(words: str) -> str:
    """Words of anybody as text of a page, whatever is in them."""
    return html.escape(words)


def sign(bad: bool) -> str:
    """An exclamation mark in a triangle, or a tick."""
    if bad:
        return (
            '<svg viewBox="0 0 16 16" width="15" height="15" role="img" aria-label="Look at this:">'
            '<path d="M8 1 15.5 14.5H.5Z" fill="#d55e00"/>'
            '<path d="M8 5.5V10M8 11.6V13.2" stroke="#fff" stroke-width="1.6"/></svg>'
        )
    return (
        '<svg viewBox="0 0 16 16" width="15" height="15" role="img" aria-label="Fine:">'
        '<path d="M2 9 6 13 14 3.5" fill="none" stroke="#00785a" stroke-width="2.2"/></svg>'
    )


_SHAPES = {
    "diamond": '<path d="M12 0 18 6 12 12 6 6Z"/>',
    "circle": '<circle cx="12" cy="6" r="5"/>',
    "x": '<path d="M7 3 9 1 12 4 15 1 17 3 14 6 17 9 15 11 12 8 9 11 7 9 10 6Z"/>',
    "triangle-down": '<path d="M6 1H18L12 11Z"/>',
    "square": '<path d="M7 1H17V11H7Z"/>',
}
_HATCH = {"/": "M0 6 6 0", "x": "M0 6 6 0M0 0 6 6", ".": "M2 3H4"}


def swatch(look: Look) -> str:
    """A sample of a colour with its shape or pattern."""
    if look.symbol:
        paint = f'fill="{look.color}"'
        if look is KNOWN:
            paint = f'fill="#fff" stroke="{INK}" stroke-width="1.5"'
        inner = f"<g {paint}>{_SHAPES[look.symbol]}</g>"
    elif look.pattern:
        name = f"hatch-{look.color[1:]}"
        inner = (
            f'<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
            f'<path d="{_HATCH[look.pattern]}" stroke="{look.color}" stroke-width="1.8"/></pattern>'
            f'<rect x=".5" y=".5" width="23" height="11" fill="url(#{name})" '
            f'stroke="{look.color}"/>'
        )
    else:
        inner = f'<rect width="24" height="12" fill="{look.color}"/>'
    return f'<svg viewBox="0 0 24 12" aria-hidden="true">{inner}</svg>'
