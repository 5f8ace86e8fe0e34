"""The page of ``analyze`` in Chromium."""

import pytest

from tests.browser.reading import eventually, let_go

CELLS = ["from coursekit import analyze, squeezenet\nanalyze(squeezenet())", *["print('\\n' * 30)"] * 3]


@pytest.fixture(scope="module")
def page(open_widget):
    with open_widget(CELLS, "[aria-label='Layers']", name="analyze") as page:
        yield page


def test_the_wheel_is_not_caught(page):
    graph, table = page.locator("[role=region][tabindex='0']").all()[:2]
    outer = page.locator(".jp-WindowedPanel-outer").first
    let_go(page)
    graph.evaluate("box => box.scrollTo(0, 0)")
    outer.evaluate("outer => outer.scrollTo(0, 0)")
    graph.hover(position={"x": 30, "y": 30})
    before = outer.evaluate("outer => outer.scrollTop")
    page.mouse.wheel(0, 60)
    eventually(lambda: outer.evaluate("outer => outer.scrollTop"), before + 60)
    assert graph.evaluate("box => box.scrollTop") == 0
    graph.click(position={"x": 30, "y": 60})  # now it scrolls itself
    page.mouse.wheel(0, 60)
    eventually(lambda: graph.evaluate("box => box.scrollTop"), 60)
    assert outer.evaluate("outer => outer.scrollTop") == before + 60
    assert table.evaluate("box => box.scrollTop") == 0
