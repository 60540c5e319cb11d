"""What a recording shows: one page to look at and listen to, or one picture.

::

    from inworld_rt import report

    report.write("recordings/monday")          # recordings/monday/report.html

Read from the top::

    page      `write`: a page of HTML that needs nothing but a browser, and no network
    picture   `write_png`: the same as a picture

The parts::

    timeline  a recording as what is drawn of it
    model     which is plain data
    turns     who said what, and how long the answers took
    calls     which tools were called
    marks     what else happened: speech, waits, breaks, faults
    summary   medians, and what was slow
    cards     the turns on the page
    signs     small pieces of it
    sound     how loud it is when, and a copy to go with the page
    look      colours, shapes and patterns
    figures   the diagrams of the page
    files     from and to the disk
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.report.page import write as write
    from inworld_rt.report.picture import write_png as write_png

_HOMES: dict[str, tuple[str, ...]] = {"page": ("write",), "picture": ("write_png",)}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
