"""A notebook that was saved with its widgets, opened again when the Python behind them is gone."""

import json

import nbformat
import pytest

from tests.browser.lab import NETWORK_AND_CARDS, WIDGETS, open_notebook, page_address, run_all, wait_until_idle
from tests.browser.reading import NOTEBOOK, command, eventually

BAR = """\
import os, time
from coursekit import progress_bar
off = os.environ.pop("TQDM_DISABLE", "")
for _ in progress_bar(range(15), desc="Counting", unit="step"):
    time.sleep(0.1)
os.environ["TQDM_DISABLE"] = off"""
STANDS_IN = {  # what the page must show in place of each widget, and how many pictures
    "ChannelExplorer": ("conv, channel 1", 2),
    "DreamExplorer": ("steps of gradient ascent", 1),
    "EmbeddingExplorer": ("The chosen picture 3", 2),
    "UnitCard": ("conv, channel 0", 3),
    "QuestionCards": ("What is it?", 0),
    "OcclusionExplorer": ("under a patch 7 x 7, mean, at row 3", 1),
    "DecisionExplorer": ("class 0 against class 1", 1),
    "FoolingExplorer": ("led to class 1 within 2 grey levels", 1),
    "StyleExplorer": ("grain in the style of strokes, after 40 steps", 1),
    "NetworkExplorer": ("layers in", 1),
}


@pytest.fixture(scope="module")
def saved(lab, open_widget):
    """The file of a notebook with every widget and a progress bar, saved while they were alive."""
    with open_widget([NETWORK_AND_CARDS, *WIDGETS, BAR], ".ck", name="yesterday") as page:
        page.wait_for_function(f"document.querySelectorAll('.ck').length === {len(WIDGETS)}")
        command(page, "docmanager:save")
    return nbformat.read(lab.folder / "yesterday.ipynb", 4)


def alternatives(page):
    """Return the text alternatives of the pictures below each cell, and its text."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")].map((cell) => {
            const area = cell.querySelector(".jp-OutputArea");
            return [[...area.querySelectorAll("img")].map((img) => img.alt), area.innerText];
        })"""
    )


@pytest.mark.parametrize("kernel_starts", [True, False])
def test_the_still_picture_is_shown(lab, saved, kernel_starts):
    nbformat.write(saved, lab.folder / "today.ipynb")
    page = open_notebook(lab.context, lab.address, "today.ipynb") if kernel_starts else lab.context.new_page()
    shown = dict.fromkeys(STANDS_IN)
    try:
        if not kernel_starts:
            page.set_default_timeout(240_000)
            page.goto(page_address(lab.address, "lab"))
            page.wait_for_function("window.jupyterapp?.shell")
            preference = {"path": "today.ipynb", "kernelPreference": {"shouldStart": False, "canStart": False}}
            page.evaluate(
                "async how => { await jupyterapp.restored; await jupyterapp.commands.execute('docmanager:open', how) }",
                preference,
            )
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()  # the others come bit by bit
        for index, (name, (words, count)) in enumerate(STANDS_IN.items(), 1):
            page.evaluate(f"async () => {{ await {NOTEBOOK}.scrollToItem({index}) }}")
            eventually(lambda i=index: len(alternatives(page)[i][0]), count)
            eventually(lambda i=index, words=words: words in str(alternatives(page)[i]), True)
            shown[name] = alternatives(page)[index]
        assert "Error displaying widget" not in json.dumps(shown)
        assert "Loading widget" not in json.dumps(shown)
        page.evaluate(f"async () => {{ await {NOTEBOOK}.scrollToItem({len(WIDGETS) + 1}) }}")
        eventually(lambda: alternatives(page)[-1], [[], ""])  # the bar is done, and gone
        assert page.evaluate(f"{NOTEBOOK}.model.dirty") is False
        if kernel_starts:  # and comes back alive
            run_all(page)
            wait_until_idle(page)
            page.wait_for_function(f"document.querySelectorAll('.ck').length === {len(WIDGETS)}")
            eventually(lambda: page.locator(".jp-OutputArea img[alt*='conv, channel']").count(), 0)
    finally:
        page.evaluate("async () => { await window.jupyterapp?.shell.currentWidget?.context.sessionContext.shutdown() }")
        page.close()


def test_the_saved_bar_is_no_widget(saved):
    [output] = saved.cells[-1].outputs
    assert output.data == {"text/html": "", "text/plain": ""}


def test_every_widget_s_output_says_what_it_is(saved):
    # JupyterLab keeps an output's metadata: the web book reads them from the file.
    kinds = [cell.outputs[-1].metadata["coursekit"]["kind"] for cell in saved.cells[1 : 1 + len(WIDGETS)]]
    assert kinds == list(STANDS_IN)
