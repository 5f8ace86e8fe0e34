"""One browser and one JupyterLab for the browser tests of a worker, and one kernel for the notebooks of all widgets.

They end with the last browser test: while it runs, the browser keeps the thread's event loop busy, which others need.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.lab import (
    WINDOW,
    chromium_browser,
    close_notebook,
    give_kernel,
    jupyter_lab,
    open_another,
    open_notebook,
    python,
    run_all,
    start_kernel,
    write_notebook,
)

pytest.register_assert_rewrite("tests.browser.reading")  # so that a failure there says what was found


EMPTY = "import ipywidgets; ipywidgets.Widget.close_all(); get_ipython().run_line_magic('reset', '-f')"


class Lab(NamedTuple):
    """A JupyterLab server, its folder, and a browser window's memory of its files."""

    folder: Path
    address: str
    context: BrowserContext


@pytest.fixture(scope="package")
def browser(chromium):
    with chromium_browser(chromium) as started:
        yield started


@pytest.fixture(scope="package")
def lab(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with jupyter_lab(folder) as address, browser.new_context(viewport=WINDOW) as context:
        yield Lab(folder, address, context)


@pytest.fixture(scope="package")
def kernel(lab):
    """A kernel that one notebook after the other uses: TensorFlow is loaded once."""
    return start_kernel(lab.address)


@pytest.fixture(scope="package")
def open_widget(lab, kernel) -> Callable:
    """Opens a notebook of such cells, runs them, and waits for the widget; all goes at the end.

    One notebook after the other is opened in the same page, as JupyterLab's scripts take seconds to load.
    """
    free = []

    @contextmanager
    def opened(cells: list[str], root: str, name: str | None = None, **media: str) -> Iterator[Page]:
        name = f"{name or root.strip('.')}.ipynb"
        write_notebook(lab.folder / name, cells)
        give_kernel(lab.address, name, kernel)
        page = open_another(free.pop(), name) if free else open_notebook(lab.context, lab.address, name)
        try:
            page.emulate_media(**media)
            run_all(page)
            page.locator(root).first.wait_for()
            yield page
            python(page, EMPTY)
            page.emulate_media(**dict.fromkeys(media, "null"))
            close_notebook(page)
        except BaseException:  # nobody else gets a page, nor widgets, in a state that no one knows
            try:
                python(page, EMPTY)
            finally:
                page.close()
            raise
        free.append(page)

    return opened
