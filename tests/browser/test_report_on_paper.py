"""The report printed: all that the screen shows is there, on white, and no figure is taller than a page."""

import numpy as np
import pytest

from coursekit import write_report
from coursekit.report import writing
from tests.report.folders import small_network

A4 = {"width": 703, "height": 1032}  # CSS pixels between margins of 12 mm
SEEN = """() => [...document.querySelectorAll("header, main, footer")].flatMap(part => [...part.querySelectorAll("*")])
    .filter(one => one.checkVisibility({visibilityProperty: true, opacityProperty: true})).length"""
CUT = """() => [...document.querySelectorAll("div, figure, table")].filter(one => {
    const style = getComputedStyle(one), hides = style.overflowX != "visible" || style.overflowY != "visible"
    return hides && (one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1)
}).map(one => one.getAttribute("aria-label") || one.tagName)"""
FIGURES = """() => [...document.querySelectorAll("img")].map(one => {
    const box = one.getBoundingClientRect()
    return [box.width, box.height, one.naturalWidth / one.naturalHeight]
})"""
WIDEST = "() => document.documentElement.scrollWidth"
COLOURS = """() => { const style = getComputedStyle(document.documentElement)
    return [style.backgroundColor, style.color] }"""


@pytest.fixture
def report(browser, tmp_path, monkeypatch):
    keys = ("architecture", "answers", "channels", "patches")
    monkeypatch.setattr(writing, "PARTS", [part for part in writing.PARTS if part[0] in keys])
    images = np.random.default_rng(0).integers(0, 256, (12, 12, 12, 3)).astype(np.uint8)
    path = write_report(small_network(), images, tmp_path / "report.html", [0, 1, 2] * 4)
    page = browser.new_page(viewport=A4, color_scheme="dark")
    page.goto(path.as_uri())
    yield page
    page.close()


def test_all_is_on_paper(report):
    on_screen, dark = report.evaluate(SEEN), report.evaluate(COLOURS)
    assert on_screen > 100
    assert report.evaluate(CUT)  # the list of layers scrolls on a screen
    report.emulate_media(media="print", color_scheme="dark")
    assert report.evaluate(SEEN) == on_screen
    assert report.evaluate(CUT) == []
    assert report.evaluate(COLOURS) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"] != dark
    assert report.evaluate(WIDEST) <= A4["width"]
    figures = report.evaluate(FIGURES)
    assert len(figures) >= 5
    for width, height, ratio in figures:
        assert height < 0.75 * A4["height"]  # its heading and a line stand above it
        assert width / height == pytest.approx(ratio, rel=0.02)
