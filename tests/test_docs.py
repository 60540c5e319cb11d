"""The documentation: it builds without a warning, its links lead somewhere, its programs run."""

from __future__ import annotations

import html.parser
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from support import blocks, commands
from support.blocks import place, quick_service
from test_package import PUBLIC_MODULES

from inworld_rt import Client

__all__ = ["place", "quick_service"]  # fixtures

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)
# Without coverage's hooks, which would measure the tools.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
STRICTLY = ("-W", "--keep-going", "-n", "-q", "-j", "auto")  # as `make docs`
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))

# --- what is written ------------------------------------------------------------------------------


@each_page
def test_blocks_say_their_language(page: Path) -> None:
    """A block that hides in a paragraph would run nowhere."""
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^(?! *\.\. ).*::$", text, re.M) == []
    assert [block.line for block in blocks.read(page) if not block.language] == []
    assert len(re.findall(r"\.\. needs:", text)) == sum(bool(b.needs) for b in blocks.read(page))


@each_page
def test_pages_speak_of_nobodys_machine(page: Path) -> None:
    """No path of the machine it was written on, and no host of a package registry."""
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"/work/|/var/tmp/|/root/|pypi\.\w+|pythonhosted|piwheels", text) == []


# --- what is run ----------------------------------------------------------------------------------


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if blocks.of(page, language)]


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("python"), ids=lambda page: str(page.relative_to(DOCS)))
def test_programs_run(page: Path, place: Path) -> None:
    """Each program of a page, from its top to its bottom, against the simulator."""
    blocks.run_page(page)


@pytest.mark.slow
def test_tests_pass(place: Path) -> None:
    """What a page shows as a test is one, for a pytest that knows nothing of us but our plug-in."""
    for name in ("whale", "bug"):  # recordings that they play again
        with Client(recording=name) as client:
            client.ask("What is a whale?")
    for page in PAGES:
        blocks.write_tests(page, place)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", place],
        env=ENVIRONMENT,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", pages_with("console"), ids=lambda page: str(page.relative_to(DOCS))
)
def test_commands_are_right(page: Path, place: Path) -> None:
    """Each typed line is run, or checked as far as a machine without its system allows."""
    wrong = []
    for number, line in commands.typed(blocks.read(page)):
        try:
            commands.check(line, place)
        except (Exception, SystemExit) as error:
            wrong.append(f"line {number}: {line}: {error!r}")
    assert not wrong, "\n".join(wrong)


# --- what is built --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_it_is_built_whole(tmp_path: Path) -> None:
    """One build for three promises, since it takes long: no warning, as ``make docs`` wants it; no
    link that leads nowhere; no public name that the reference does not tell of."""
    pytest.importorskip("furo", reason="the documentation needs the extra `docs`")
    if shutil.which("dot") is None:
        pytest.skip("the pictures need Graphviz: sudo apt install graphviz")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *STRICTLY, DOCS, tmp_path],
        env=ENVIRONMENT,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    pages = {path: Html(path.read_text(encoding="utf-8")) for path in tmp_path.rglob("*.html")}
    assert len(pages) > len(PAGES)
    check_links(tmp_path, pages)
    check_names(
        {a for path in pages if path.parent.name == "reference" for a in pages[path].anchors}
    )


class Html(html.parser.HTMLParser):
    """One built page: where it leads, and where one can get to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "data") and value is not None:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def check_links(folder: Path, pages: dict[Path, Html]) -> None:
    """Within: the page and the place in it exist. Without: an encrypted, well-formed address."""
    wrong = [
        f"{path.relative_to(folder)}: {link}"
        for path, page in pages.items()
        for link in page.links
        if not (_outside(link) if urlsplit(link).scheme else _inside(path, link, pages))
    ]
    assert not wrong, "\n".join(wrong)


def _outside(link: str) -> bool:
    return (
        re.fullmatch(r"https://(?:[a-z0-9-]+\.)+[a-z]+(?::\d+)?(?:/[^\s<>\[\]\"]*)?", link)
        is not None
    )


def _inside(path: Path, link: str, pages: dict[Path, Html]) -> bool:
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return False
    return (
        not parts.fragment
        or target not in pages
        or unquote(parts.fragment) in pages[target].anchors
    )


def check_names(told: set[str]) -> None:
    """Told by any of its names: that of the front door, or that of the room where it is made."""
    things = {id(thing) for thing in map(named, told) if thing is not None}
    missing = {
        f"{module}.{name}"
        for module in PUBLIC_MODULES
        for name in importlib.import_module(module).__all__
        if f"{module}.{name}" not in told
        and id(getattr(importlib.import_module(module), name)) not in things
    }
    for owner in ("Client", "Response", "VoiceChat"):
        kind = getattr(importlib.import_module("inworld_rt"), owner)
        public = {name for name in dir(kind) if not name.startswith("_")} - FOR_THE_HOUSE
        missing |= {f"inworld_rt.{owner}.{name}" for name in public} - told
    assert not missing, sorted(missing)


def named(name: str) -> object:
    """The class, function or module of a full name; ``None`` for what is none."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), last, None)
    except (ImportError, ValueError):  # the name of a method, or no name
        return None


# Called by the client, not by users, as their docstrings say.
FOR_THE_HOUSE = {"asked_at", "asked_now", "captioned", "ends", "restarts", "says", "sounds"}
