"""A browser for each module of tests. It ends with the module: while it runs, it keeps the thread's event loop busy."""

import pytest

from tests.browser.lab import chromium_browser


@pytest.fixture(scope="module")
def browser(chromium):
    with chromium_browser(chromium) as started:
        yield started
