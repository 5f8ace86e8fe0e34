"""JupyterLab as `coursekit lab` sets it up: the start page, and the names of the lessons."""

import os
from unittest import mock

import pytest

from coursekit.cli import lab
from coursekit.exercises.notebooks import lessons_folder
from coursekit.learner.start_page import write_start_page
from tests.browser.lab import WINDOW, jupyter_lab, page_address
from tests.browser.reading import eventually

LESSONS = sorted(file.name for file in lessons_folder().glob("*.ipynb"))


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A learner's folder in the file browser."""
    folder = tmp_path_factory.mktemp("learner")
    lab.deliver(lessons_folder(), folder)
    write_start_page(folder)
    with (
        mock.patch.dict(os.environ, {"JUPYTER_CONFIG_PATH": lab.settings_path()}),
        jupyter_lab(folder) as address,
        browser.new_context(viewport=WINDOW) as context,
    ):
        page = context.new_page()
        page.set_default_timeout(240_000)
        page.goto(page_address(address, "lab"))
        page.locator(".jp-DirListing-item", has_text="start.md").wait_for()
        yield page


def test_names_of_the_lessons_have_the_row_to_themselves(page):
    texts = page.locator(".jp-DirListing-itemText")

    def read():
        return dict(texts.evaluate_all("all => all.map((one) => [one.textContent, one.clientWidth / one.scrollWidth])"))

    eventually(lambda: set(read()) >= set(LESSONS), True)
    shown = read()
    assert min(shown[name] for name in LESSONS) > 0.75  # 250 px is the browser's width; no setting has another
    assert page.locator(".jp-DirListing-itemModified:visible").count() == 0


def test_start_page_opens_as_a_page_whose_links_open_lessons(page):
    page.locator(".jp-DirListing-item", has_text="start.md").dblclick()
    rows = page.locator(".jp-MarkdownViewer table tbody tr")
    rows.first.wait_for()
    eventually(rows.count, len(LESSONS))
    assert page.locator(".jp-FileEditor").count() == 0
    rows.nth(1).locator("a").click()
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").wait_for()
    assert page.evaluate("jupyterapp.shell.currentWidget.context.path") == LESSONS[1]


def test_last_line_of_a_lesson_leads_to_the_next(page):
    page.evaluate("async path => { await jupyterapp.commands.execute('docmanager:open', { path }) }", LESSONS[0])
    link = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-MarkdownOutput a", has_text="What does a filter")
    link.last.wait_for(state="attached")
    link.last.evaluate("link => link.click()")
    page.wait_for_function("path => jupyterapp.shell.currentWidget.context?.path === path", arg=LESSONS[1])
