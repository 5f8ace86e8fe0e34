"""One browser and one server for the tests of the book's live parts."""

from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import BrowserContext

from tests.book.live import BESIDE, served
from tests.browser.lab import chromium_browser


class Site(NamedTuple):
    """A served folder, its address, and a browser window."""

    folder: Path
    address: str
    context: BrowserContext


@pytest.fixture(scope="package")
def site(chromium, tmp_path_factory):
    from book.live_files import write_live_files  # loads TensorFlow

    folder = tmp_path_factory.mktemp("site")
    write_live_files(folder / BESIDE / "live")
    with (
        chromium_browser(chromium) as browser,
        served(folder) as address,
        browser.new_context(viewport={"width": 1200, "height": 900}) as context,
    ):
        context.set_default_timeout(120_000)  # where many tests share few cores
        yield Site(folder, address, context)
