"""From inside a widget back to the cell, and what a widget says when the Python behind it is gone."""

import pytest

from tests.browser.lab import NETWORK_AND_CARDS, WIDGETS, python, wait_until_idle
from tests.browser.reading import NOTEBOOK, active_cell, command, eventually

AFTER = "print('below')"  # so that there is a cell to go on to
INSIDE = [  # of each widget, something that has the focus: its cell, a selector
    (1, ".ck-channel-explorer .ck-grid"),
    (1, ".ck-channel-explorer .ck-channel"),
    (2, ".ck-dream-explorer .ck-steps"),
    (2, ".ck-dream-explorer .ck-start"),
    (3, ".ck-embedding-explorer .ck-plane"),
    (4, ".ck-unit-card .ck-name"),
    (5, ".ck-question input[type=radio]"),
    (5, ".ck-question .ck-words"),
    (6, ".ck-occlusion-explorer .ck-stage"),
    (7, ".ck-decision-explorer .ck-target"),
    (8, ".ck-fooling-explorer .ck-target"),
    (9, ".ck-style-explorer .ck-strength"),
    (10, ".ck-network-explorer .ck-map"),
]


@pytest.fixture(scope="module")
def page(open_widget):
    with open_widget([NETWORK_AND_CARDS, *WIDGETS, AFTER], ".ck", name="leaving") as page:
        page.wait_for_function(f"document.querySelectorAll('.ck').length === {len(WIDGETS)}")
        yield page


def focus(page, selector):
    page.locator(selector).first.focus()
    eventually(lambda: page.evaluate(f"document.querySelector({selector!r}) === document.activeElement"), True)


def mode(page):
    return page.evaluate(f"{NOTEBOOK}.mode")


@pytest.mark.parametrize(("cell", "inside"), INSIDE)
def test_escape_leads_back_to_the_cell(page, cell, inside):
    focus(page, inside)
    page.keyboard.press("Escape")
    if inside.endswith("plane"):  # the first one takes the choice back
        page.keyboard.press("Escape")
        python(page, "pass")
    eventually(lambda: page.evaluate("!!document.activeElement.closest('.ck')"), False)
    eventually(lambda: (active_cell(page), mode(page)), (cell, "command"))
    page.keyboard.press("ArrowDown")  # the notebook hears the keys again
    eventually(lambda: active_cell(page), cell + 1)


@pytest.mark.parametrize(("cell", "inside"), INSIDE)
def test_shift_enter_goes_on_to_the_next_cell(page, cell, inside):
    if cell == 5:  # a cell that is run makes its widget anew: the last one has time for it
        wait_until_idle(page)
    page.evaluate(f"{NOTEBOOK}.widgets[{cell}].model.sharedModel.setSource('ran = ' + {cell})")
    page.evaluate("globalThis.ran = {}")
    python(page, "ran = None")
    focus(page, inside)
    page.keyboard.press("Shift+Enter")
    try:
        eventually(lambda: python(page, "print(ran)"), str(cell))
        eventually(lambda: active_cell(page), cell + 1)
    finally:
        source = WIDGETS[cell - 1]
        page.evaluate(
            f"([cell, source]) => {NOTEBOOK}.widgets[cell].model.sharedModel.setSource(source)", [cell, source]
        )
        page.evaluate(f"{NOTEBOOK}.activeCellIndex = {cell}")
        command(page, "notebook:run-cell")
        page.locator(inside).first.wait_for()


def test_restarted(page):
    """The kernel of this notebook is everybody's, so the page is told what a kernel that restarts tells it."""
    explorer = page.locator(".ck-channel-explorer")
    explorer.locator(".ck-grid").focus()
    page.evaluate(
        "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.statusChanged.emit('restarting')"
    )
    said = (
        "The Python behind this is gone: run the cells above again (menu Run, Run All Above Selected Cell), then this "
        "cell (Shift+Enter), and it comes back."
    )
    eventually(lambda: page.locator(".ck-gone").all_text_contents(), [said] * len(WIDGETS))
    eventually(lambda: page.evaluate("document.activeElement.textContent"), said)
    for root in page.locator(".ck").all():
        assert root.evaluate("root => [...root.children].every((one) => one.inert || one.matches('.ck-gone'))")
    eventually(page.locator(".ck-dream-explorer .ck-start").inner_text, "Start")
    command(page, "notebook:run-all-cells")
    wait_until_idle(page)
    eventually(lambda: page.locator(".ck-gone").all_text_contents(), [""] * len(WIDGETS), 60)
    page.locator(".ck-channel-explorer .ck-grid").focus()
    page.keyboard.press("Home")
    eventually(page.locator(".ck-channel-explorer .ck-name").inner_text, "Channel 0")
