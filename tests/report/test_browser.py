"""The page in a real browser: it is opened once; looked at wide, narrow and printed; played."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("plotly", reason="the report's page needs plotly")
pytest.importorskip("numpy", reason="the report needs numpy, which matplotlib brings")
pytest.importorskip("selenium", reason="to look at the page, selenium is needed")

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from inworld_rt import report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 20.0  # seconds; a bound against hanging
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # root has none
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--force-prefers-reduced-motion",  # a page that still scrolls cannot be clicked
    "--hide-scrollbars",
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Browser:
    """A browser with the page open."""

    def __init__(self, driver: webdriver.Chrome, shots: Path) -> None:
        self.driver, self.shots = driver, shots
        self.asked: list[str] = []

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, script: str) -> Any:
        """Wait for what a script gives to be true."""
        wait = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05)
        return wait.until(lambda _: self.run(f"return {script}"))

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        self.run("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def range(self) -> tuple[float, float]:
        """What the time line shows, in seconds."""
        script = "const a = overview._fullLayout.xaxis; return a.range.map(v => a.r2l(v) / 1000)"
        start, end = self.run(script.replace("overview", "document.all.overview"))
        return start, end

    def size(self, width: int, height: int = 900) -> None:
        how = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", how)
        self.until(f"document.all.overview.getBoundingClientRect().width < {width}")
        self.until(
            "Math.abs(document.querySelector('#overview .main-svg').getBoundingClientRect().width"
            " - document.all.overview.getBoundingClientRect().width) < 2"
        )

    def shoot(self, name: str) -> bytes:
        """A picture of the whole page, kept where pytest keeps its files."""
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        how = {"captureBeyondViewport": True, "clip": clip}
        png = base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", how)["data"])
        (self.shots / name).write_bytes(png)
        return png

    def requests(self) -> list[str]:
        """All that was asked for so far."""
        for line in self.driver.get_log("performance"):
            message = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
        return self.asked


@pytest.fixture(scope="module")
def browser(eventful, tmp_path_factory) -> Iterator[Browser]:
    """Chromium with the page of a conversation in which everything happened."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    service = shutil.which("chromedriver")
    if program is None or service is None:
        missing = "a browser (chromium)" if program is None else "chromedriver"
        pytest.skip(f"to look at the page, {missing} is needed: apt install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    path = report.write(eventful.save(tmp_path_factory.mktemp("page") / "monday"))
    driver = webdriver.Chrome(options=options, service=Service(service))
    try:
        driver.get(path.as_uri())
        yield Browser(driver, path.parent)
    finally:
        driver.quit()


@pytest.fixture(autouse=True)
def page(browser: Browser) -> Iterator[Browser]:
    """The page, wide and quiet; afterwards nothing must be in its console."""
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.size(1200)
    browser.run("document.all.sound.pause(); document.all.sound.currentTime = 0")
    browser.click("[data-move=all]")
    browser.until("!document.all.sound.seeking")
    yield browser
    assert [line for line in browser.driver.get_log("browser") if line["level"] != "DEBUG"] == []


def middle(page: Browser, turn: int) -> float:
    return float(page.find(f"#turn-{turn}").get_attribute("data-start"))


def test_it_asks_no_network(page):
    page.click("#play")
    page.until("document.all.sound.currentTime > 0.1")
    asked = page.requests()
    assert asked[0].startswith("file:///") and asked[0].endswith("/report.html")
    assert [url[:40] for url in asked[1:] if not url.startswith(("data:", "blob:"))] == []


def test_what_was_said_is_harmless(page):
    assert "<script>alert(1)</script> & <b>bold</b>" in page.find("#turn-4").text
    assert page.run("return document.scripts.length") == 3
    assert (
        page.run("return document.querySelectorAll('.said script, .said b:not(.who)').length") == 0
    )


def test_play_plays_and_the_cursor_moves(page):
    left = "document.querySelector('.cursor').style.left"
    before = page.run(f"return parseFloat({left})")
    page.click("#play")
    page.until("document.all.sound.currentTime > 0.4")
    assert page.find("#play").text == "Pause"
    page.until(f"parseFloat({left}) > {before} + 3")
    page.click("#play")
    page.until("document.all.sound.paused")
    assert page.find("#play").text == "Play"
    assert page.find("#clock").text.endswith("/ 0:57")


@pytest.mark.parametrize("what", [".hear", "h3"], ids=["its button", "the turn itself"])
def test_a_click_on_a_turn_lets_it_be_heard(what, page):
    start = middle(page, 3)
    page.click(f"#turn-3 {what}")
    page.until(f"document.all.sound.currentTime > {start}")
    assert page.run("return document.all.sound.currentTime") < start + 5
    assert not page.run("return document.all.sound.paused")
    page.until("document.querySelector('#turn-3').getAttribute('aria-current') === 'true'")
    assert page.run("return document.querySelectorAll('.now').length") == 1


def test_a_turn_stops_at_its_end(page):
    page.click("#turn-7 .hear")
    page.until(f"!document.all.sound.paused && document.all.sound.currentTime > {middle(page, 7)}")
    end = float(page.find("#turn-7").get_attribute("data-end"))
    page.run(f"document.all.sound.currentTime = {end - 0.3}")
    page.until("document.all.sound.paused")
    assert end - 0.05 <= page.run("return document.all.sound.currentTime") < end + 1


def test_all_can_be_done_with_keys(page):
    page.run("document.querySelector('#turn-2 .hear').focus()")
    keys = ActionChains(page.driver)
    keys.send_keys(Keys.ARROW_DOWN).perform()
    assert page.run("return document.activeElement.getAttribute('aria-label')") == "Play turn 3"
    keys.send_keys(Keys.ENTER).perform()
    page.until(f"document.all.sound.currentTime > {middle(page, 3)}")
    page.run("document.activeElement.blur()")
    keys.send_keys(Keys.SPACE).perform()
    page.until("document.all.sound.paused")
    outside = "button, a, input, summary"
    names = [one.accessible_name for one in page.driver.find_elements(By.CSS_SELECTOR, outside)]
    assert all(names) and len(names) > 20


def test_a_turn_is_shown_on_the_time_line(page):
    assert page.range() == pytest.approx((0.0, 57.0))
    page.click("#turn-3 .zoom")
    page.until("document.all.overview._fullLayout.xaxis._length")
    start, end = page.range()
    turn = page.find("#turn-3")
    assert start < float(turn.get_attribute("data-start")) < start + 2
    assert end - 2 < float(turn.get_attribute("data-end")) < end
    for move, factor in (("in", 0.5), ("out", 1.0)):
        page.click(f"[data-move={move}]")
        assert page.range()[1] - page.range()[0] == pytest.approx((end - start) * factor)
    page.click("[data-move=later]")
    assert page.range()[0] > start
    page.click("[data-move=all]")
    assert page.range() == pytest.approx((0.0, 57.0))


def test_a_mouse_zooms_and_seeks(page):
    page.run("document.all.overview.scrollIntoView({block: 'center'})")
    area = page.find("#overview .nsewdrag")
    width = area.rect["width"]
    mouse = ActionChains(page.driver, duration=50)
    mouse.move_to_element(area).move_by_offset(-int(width / 4), 0).click_and_hold()
    mouse.move_by_offset(int(width / 4), 0).release().perform()
    page.until("document.all.overview._fullLayout.xaxis.range[0] !== undefined")
    start, end = page.range()
    assert (start, end) == pytest.approx((57 / 4, 57 / 2), abs=0.5)
    slowly = ActionChains(page.driver, duration=50).pause(0.5)  # or it is a double click
    slowly.move_to_element(area).click().perform()
    page.until("document.all.sound.currentTime > 1")
    there = page.run("return document.all.sound.currentTime")
    assert there == pytest.approx((start + end) / 2, abs=0.3)


def test_numbers_of_turns_never_overlap(page):
    script = """return [...document.querySelectorAll('#overview .scatterlayer text')]
        .filter(one => one.textContent).map(one => [one.getBoundingClientRect().left,
        one.getBoundingClientRect().right])"""
    for width, least in ((1200, 7), (375, 4)):
        page.size(width)
        places = sorted(page.run(script))
        assert len(places) >= least
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(places))


def test_a_phone_needs_no_scrolling_sideways(page):
    page.size(375)
    assert page.run("return document.documentElement.scrollWidth") <= 375
    beyond = """return [...document.querySelectorAll('body *:not(.hidden)')].filter(one =>
        !one.closest('svg, .chart') && one.getBoundingClientRect().right > 375.5)
        .map(one => one.outerHTML.slice(0, 80))"""
    assert page.run(beyond) == []
    small = """return [...document.querySelectorAll('button')].filter(one =>
        one.getBoundingClientRect().height < 36).length"""
    assert page.run(small) == 0
    page.shoot("phone.png")


def test_wide(page):
    assert page.run("return document.documentElement.scrollWidth") <= 1200
    assert len(page.shoot("wide.png")) > 50_000


def test_print_has_all_turns_and_no_controls(page):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = "return getComputedStyle(document.querySelector(arguments[0])).display"
    for selector in (".player", ".tools", ".do", ".cursor"):
        assert page.run(hidden, selector) == "none"
    for turn in range(1, 8):
        assert page.find(f"#turn-{turn}").is_displayed()
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    how = {"preferCSSPageSize": True, "printBackground": False}
    pdf = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", how)["data"])
    (page.shots / "print.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF")
    # On paper the diagrams were narrower; now they are as wide as before.
    page.until("document.querySelector('#overview .main-svg').getBoundingClientRect().width > 900")


def test_pages_with_less_on_them_have_no_faults(browser, story: Callable[..., Any], tmp_path):
    """Opened in a tab of their own, so that the other tests keep theirs."""
    text_only, empty = story(), story()
    text_only.begin()
    text_only.answer(text_only.typed(1.0, "Hello."), "Good day.", heard=None, seconds=0)
    first = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    try:
        for name, told in (("empty", empty), ("text", text_only)):
            path = report.write(told.save(tmp_path / name, sound=False))
            browser.driver.get(path.as_uri())
            browser.until("document.querySelector('#overview .main-svg') !== null")
            assert browser.driver.find_elements(By.CSS_SELECTOR, "#play, .hear") == []
        browser.click("#turn-1 .zoom")
        browser.click("[data-move=in]")
        start, end = browser.range()
        assert end - start < 1
    finally:
        browser.driver.close()
        browser.driver.switch_to.window(first)
