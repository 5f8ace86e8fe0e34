"""Checks the built book: ``python -m book.check``. It needs Chromium or Chrome.

No link inside is broken, and the lessons' pages say what the notebooks say. Every page is opened below a subfolder:
nothing may be asked of another host, no script may fail, axe-core may find nothing, nothing may stick out at the width
of a phone, and some pages are gone through by keys alone. Pages and site have a largest size.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import axe_playwright_python
from playwright.sync_api import Page, sync_playwright

from book.keyboard import bring_to_life, keyboard_faults
from book.same_text import explorers_that_are_still, questions_that_are_still, text_faults
from coursekit.cli.doctor import find_chromium
from coursekit.exercises.catalogue import LESSONS
from coursekit.exercises.notebooks import lesson_file

ROOT = Path(__file__).resolve().parents[1]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
MOST_OF_A_PAGE = 1_500_000  # bytes, with all that it loads but for the network
MOST_OF_ALL = 40_000_000
NETWORK = ("weights", "network.wasm", "network.json", "classes.json", "spreads.json")  # what comes with the network
BELOW = "course"  # the subfolder that the book is served from
WIDTHS = (1280, 390)
BY_KEYS = ("index", "01_", "04_", "instructors")  # pages that are gone through by keys, too


class Links(HTMLParser):
    """What a page links to and loads, and the places in it that others can link to."""

    def __init__(self, path: Path):
        super().__init__()
        self.found: list[tuple[str, dict]] = []  # (element, its attributes), of those with href or src
        self.places: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list) -> None:
        """Note one element."""
        named = dict(attrs)
        self.places |= {named.get("id"), named.get("name")}
        if named.get("href") or named.get("src"):
            self.found.append((tag, named))

    def loaded(self) -> Iterator[str]:
        """Give what the page names to be loaded at once."""
        for tag, named in self.found:
            if tag in ("img", "script") or (tag == "link" and named.get("rel") in ("stylesheet", "icon")):
                yield named.get("src") or named.get("href")


def broken_links(site: Path, pages: dict[Path, Links]) -> list[str]:
    """Return a line for each link, picture, script or style that leads nowhere inside the site."""
    faults = []
    for path, links in pages.items():
        for tag, named in links.found:
            written = named.get("href") or named.get("src")
            link = urlsplit(written)
            if link.scheme or link.netloc:
                if tag != "a" and link.scheme != "data" and named.get("rel") != "canonical":
                    faults.append(f"{path.name}: <{tag}> takes {written} from another host")
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            if not target.is_file() or not target.is_relative_to(site):
                faults.append(f"{path.name}: {written} is not there")
            elif link.fragment and target in pages and unquote(link.fragment) not in pages[target].places:
                faults.append(f"{path.name}: {written}: there is no such place in that page")
    return faults


def files_of(path: Path, links: Links) -> set[Path]:
    """Return the page and every file that its HTML names to be loaded."""
    named = [urlsplit(name) for name in links.loaded()]
    return {path, *((path.parent / unquote(link.path)).resolve() for link in named if not link.scheme)}


def too_large(site: Path, pages: dict[Path, Links], loaded: dict[str, set[Path]]) -> list[str]:
    """Return a line for each page that is too large with what it loads, and one if the site is."""
    faults = []
    for path in sorted(site.glob("[0-9][0-9]_*.html")):
        files = files_of(path, pages[path]) | loaded.get(path.name, set())
        size = sum(file.stat().st_size for file in files if file.is_file() and not file.name.startswith(NETWORK))
        print(f"  {path.name}: {size / 1e6:.2f} MB")
        if size > MOST_OF_A_PAGE:
            faults.append(f"{path.name} has {size / 1e6:.2f} MB; at most {MOST_OF_A_PAGE / 1e6} MB are wanted")
    whole = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    print(f"  all: {whole / 1e6:.1f} MB")
    if whole > MOST_OF_ALL:
        faults.append(f"the site has {whole / 1e6:.1f} MB; at most {MOST_OF_ALL / 1e6:.0f} MB are wanted")
    return faults


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of what went well."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve the site from a subfolder of a host on this machine; gives the address of that folder."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, BELOW).symlink_to(site.resolve(), target_is_directory=True)
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{BELOW}/"
        finally:
            server.shutdown()


def faults_of(page: Page, address: str, name: str, loaded: set[Path], site: Path) -> list[str]:
    """Open one page, let all its live parts come into view, and return a line for each fault."""
    faults: list[str] = []

    def look_at(request: object) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            faults.append(f"asks {request.url}")
        elif request.url.startswith(address):
            loaded.add(site / unquote(urlsplit(request.url[len(address) :]).path))

    listeners = {
        "request": look_at,
        "requestfailed": lambda request: faults.append(f"{request.url} failed"),
        "response": lambda answer: faults.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None,
        "pageerror": lambda error: faults.append(f"a script fails: {error}"),
        "console": lambda said: faults.append(f"the console says: {said.text}") if said.type == "error" else None,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(address + name)
    bring_to_life(page)
    faults += axe_faults(page, name)
    for width in WIDTHS[1:]:
        page.set_viewport_size({"width": width, "height": 844})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            faults.append(f"is {wide} pixels wide where there are {width}")
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return [f"{name}: {fault}" for fault in faults]


def axe_faults(page: Page, name: str) -> list[str]:
    """Return what axe-core finds in an open page.

    Contrast takes it four times as long as all else together. Of code, and of what the theme draws, it is looked at in
    one lesson and on the front page; everywhere else of what the lesson itself shows.
    """
    page.evaluate(AXE)
    rest = {"rules": {"color-contrast": {"enabled": False}}}
    contrast = {"runOnly": ["color-contrast"]}
    runs = [("document", rest), ("document", contrast)]
    if not name.startswith(("index", "01_")):
        outputs = "{ include: ['.cell_output'], exclude: ['.highlight'] }"
        runs = [("document", rest), (outputs, contrast)] if page.locator(".cell_output").count() else runs[:1]
    faults = []
    for where, how in runs:
        found = page.evaluate(
            f"(how) => axe.run({where}, how).then(({{ violations }}) => violations.flatMap(({{ id, nodes }}) =>"
            " nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`)))",
            how | {"resultTypes": ["violations"]},
        )
        faults += [f"axe-core: {' '.join(fault.split())}" for fault in found]
    return faults


def main() -> int:
    """Check the book, print what is wrong, and return 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "site")
    parser.add_argument("--only", default="*.html", help="names of the pages to open, such as '01*'")
    options = parser.parse_args()
    site = options.site.resolve()
    if not (site / "index.html").is_file():
        print(f"There is no book in {site}: run make book first.", file=sys.stderr)
        return 1
    browser = find_chromium()
    if browser is None:
        print("A browser is needed: install Chromium or Chrome.", file=sys.stderr)
        return 1
    pages = {path: Links(path) for path in sorted(site.rglob("*.html"))}
    faults = broken_links(site, pages)
    for number in LESSONS:
        notebook = lesson_file(number)
        lesson_page = site / f"{notebook.stem}.html"
        faults += text_faults(lesson_page, notebook)
        for id in questions_that_are_still(lesson_page):
            faults.append(f"{lesson_page.name}: {id} cannot be answered there. Run the lesson again: make notebooks")
        for kind in explorers_that_are_still(lesson_page):  # no fault: of a large network there is too much to keep
            print(f"  {lesson_page.name}: {kind} is a still picture. What it shows was not kept, or is too large.")
    loaded: dict[str, set[Path]] = {}
    with served(site) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page()
        for path in sorted(site.glob(options.only)):
            started = time.perf_counter()
            faults += faults_of(page, address, path.name, loaded.setdefault(path.name, set()), site)
            if path.name.startswith(BY_KEYS):
                for width in WIDTHS:
                    found = keyboard_faults(page, address + path.name, width)
                    faults += [f"{path.name}, {width} pixels wide: {fault}" for fault in found]
            print(f"  {path.name}: {time.perf_counter() - started:.1f} s", flush=True)
        chromium.close()
    faults += too_large(site, pages, loaded)
    print(*faults, sep="\n")
    print(f"{len(loaded)} pages: {len(faults)} faults." if faults else f"{len(loaded)} pages, nothing wrong.")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
