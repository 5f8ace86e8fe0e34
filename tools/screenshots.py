"""Make the pictures of NetworkExplorer in docs/ anew, in Chromium inside JupyterLab.

``.venv/bin/python tools/screenshots.py [name ...]``. Look at them before they are committed.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from coursekit.cli.doctor import find_chromium
from tests.browser.lab import chromium_browser, jupyter_lab, open_notebook, python, run_all, write_notebook
from tests.browser.reading import eventually, set_theme, settled

DOCS = Path(__file__).resolve().parents[1] / "docs"
ROOT = ".ck-network-explorer"
CELL = """\
from coursekit import NetworkExplorer, photo, squeezenet
explorer = NetworkExplorer(squeezenet(), photo("chelsea"), "fire6-squeeze1x1", 14)
start = explorer.state
explorer"""
WIDE, NARROW, HEIGHT = 1280, 390, 2600  # pixels of the window, in which all of the explorer is seen at once
PHOTO_BOTTOM = 548  # pixels from the top of the explorer's main part
EYE = 'explorer.paint("grey", 60, [(87, 88)])'


@contextmanager
def explorer_in_jupyterlab() -> Iterator[Page]:
    """Open a notebook with an explorer of SqueezeNet."""
    chromium = find_chromium() or sys.exit("No Chromium or Chrome was found.")
    with tempfile.TemporaryDirectory() as folder, chromium_browser(chromium) as browser:
        write_notebook(Path(folder, "explorer.ipynb"), [CELL])
        with jupyter_lab(Path(folder)) as address:
            page = open_notebook(browser, address, "explorer.ipynb")
            page.set_viewport_size({"width": WIDE, "height": HEIGHT})
            run_all(page)
            page.locator(ROOT).wait_for()
            yield page


def begin(page: Page, code: str, shows: str = "") -> None:
    """Bring the explorer to what it was at first, run code, and wait until the page shows a text."""
    page.locator(f"{ROOT} .ck-tools").get_by_label("grey", exact=True).check()
    python(page, f"explorer.state = start\n{code}")
    if shows:
        eventually(lambda: shows in page.locator(ROOT).inner_text(), True, 240)
    settled(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)  # what moves comes to rest


def shot(page: Page, *parts: str) -> Image.Image:
    """Take a picture of the page from the top of the first of the parts to the bottom of the last."""
    boxes = [page.locator(f"{ROOT} {part}").first.bounding_box() for part in parts]
    left, top = (min(box[side] for box in boxes) - 6 for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + 6
    bottom = max(box["y"] + box["height"] for box in boxes) + 6
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")


def beside(one: Image.Image, other: Image.Image) -> Image.Image:
    """Put two pictures side by side."""
    both = Image.new("RGB", (one.width + other.width, max(one.height, other.height)), "white")
    both.paste(one, (0, 0))
    both.paste(other, (one.width, 0))
    return both


def whole(page: Page) -> Image.Image:
    """All of it, with a number chosen and where it comes from."""
    begin(page, "explorer.place = (5, 8)", "Where this number comes from")
    return shot(page, ".ck-controls", ".ck-main")


def elsewhere(page: Page) -> Image.Image:
    """A stroke over an eye, and the same stroke elsewhere."""
    seen = ".ck-place .ck-toolbar", ".ck-classes"
    begin(page, EYE, "1 stroke.")
    here = shot(page, *seen)
    begin(page, f"{EYE}\nexplorer.elsewhere = True", "1 stroke.")
    return beside(here, shot(page, *seen))


def number(page: Page) -> Image.Image:
    """A number of the first layer, its patch and its kernel."""
    begin(page, 'explorer.layer, explorer.channel = "conv1", 33\nexplorer.place = (40, 47)', "comes from")
    return shot(page, ".ck-name", ".ck-sum")


def asked(page: Page) -> Image.Image:
    """A clone, and which channels fire at a pixel."""
    clone = 'explorer.paint("clone", 36, [(50, 84), (50, 150)], (150, 60))'
    begin(page, clone, "1 stroke.")
    page.locator(f"{ROOT} .ck-tools").get_by_label("ask", exact=True).check()
    python(page, "explorer.point = (90, 160)")
    eventually(lambda: "What fires here" in page.locator(ROOT).inner_text(), True, 240)
    settled(page)
    seen = shot(page, ".ck-main")
    return seen.crop((0, 0, seen.width, PHOTO_BOTTOM))


def card(page: Page) -> Image.Image:
    """The channels, one of them large, what excites it and what the network draws for it."""
    begin(page, "explorer.draw()\nexplorer.wait()", "Drawn by gradient ascent")
    page.locator(f"{ROOT} .ck-search").click()
    eventually(lambda: page.locator(f"{ROOT} .ck-found img").count(), 6)
    page.mouse.move(0, 0)
    return beside(shot(page, ".ck-layer-part .ck-toolbar", ".ck-readout"), shot(page, ".ck-known"))


def narrow(page: Page) -> Image.Image:
    """The map and the photo in a narrow window, dark."""
    page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    set_theme(page, "JupyterLab Dark")
    begin(page, 'explorer.paint("blur", 60, [(87, 88)])', "1 stroke.")
    taken = shot(page, ".ck-controls", ".ck-classes")
    set_theme(page, "JupyterLab Light")
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    return taken


PICTURES: dict[str, Callable[[Page], Image.Image]] = {
    "network_explorer": whole,
    "network_explorer_elsewhere": elsewhere,
    "network_explorer_number": number,
    "network_explorer_ask": asked,
    "network_explorer_card": card,
    "network_explorer_dark": narrow,
}


def main() -> None:
    """Make the pictures whose names are given, or all."""
    with explorer_in_jupyterlab() as page:
        for name in sys.argv[1:] or PICTURES:
            file = DOCS / f"{name}.webp"
            PICTURES[name](page).save(file, quality=82, method=6)
            print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
