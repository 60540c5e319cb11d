"""How the documentation is built: ``make docs``, with every warning an error, and no network."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "ext"), str(HERE.parent)]

from inworld_rt._version import __version__  # noqa: E402 - it is found only now

project = "inworld_rt"
author = "the inworld_rt developers"
copyright = author
release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.graphviz",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "commands",
    "docstrings",
    "hints",
    "names",
    "rooms",
]
exclude_patterns = ["_build", "ext"]
default_role = "code"
smartquotes_action = "D"  # dashes; quotes stay as they are to be typed

html_theme = "furo"
html_title = f"inworld_rt {release}"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"

graphviz_output_format = "svg"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are told in their class, not as entries of their own
add_module_names = False
toc_object_entries = False  # the reference has headings

nitpicky = True
nitpick_ignore_regex = [
    # The limits in a type: Annotated[float, Between(0.25, 1.5)]; Literal["inf"].
    ("py:class", r"Between|inf|[\d.]+"),
    # Stand for several types, and are told in words: aliases, and a TypeVar.
    ("py:class", r"Setting|Recorded|ReplySource|Ears|inworld_rt\.\w+\.S"),
    # Arguments of classes that users do not make themselves.
    ("py:class", r"inworld_rt\.(transport\.Transport|tools\.schema\.Schema|playback\.Playback)"),
    # The base of what must not be printed.
    ("py:class", r"inworld_rt\.auth\.hidden\.Hidden"),
]

_FONT = "Helvetica,Arial,sans-serif"
graphviz_dot_args = [
    *("-Gbgcolor=white", "-Gpad=0.2", "-Granksep=0.35", "-Gnodesep=0.3", f"-Gfontname={_FONT}"),
    *(f"-Nfontname={_FONT}", "-Nfontsize=11", "-Nshape=box", "-Nstyle=rounded,filled"),
    *("-Nfillcolor=#eef3fb", "-Ncolor=#4a6fa5", "-Nmargin=0.14,0.07"),
    *(f"-Efontname={_FONT}", "-Efontsize=10", "-Ecolor=#555555", "-Efontcolor=#333333"),
]
