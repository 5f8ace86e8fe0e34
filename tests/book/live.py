"""The book's live parts on a page of their own, served from a subfolder: what the tests in Chromium look at."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from book.questions import questions
from coursekit.exercises.catalogue import lesson

BESIDE = "book/"  # the subfolder
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Live</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="live/live.css">
<style>body {{ margin: 20px; font-family: sans-serif }} .far {{ height: 2500px }}</style>
{}<script type="module" src="live/live.js"></script></html>"""
FACE = {"layer": "fire6-squeeze1x1", "channel": 13, "scale": "shared", "relu": False, "sort": False}
FACE |= {"network": "squeezenet", "photo": "face"}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder, and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def part(kind: str, arguments: dict, still: str = "<p>The still picture</p>") -> str:
    """Return a live part as it stands in a page."""
    return f'<div class="ck-live" data-kind="{kind}" data-arguments="{escape(json.dumps(arguments))}">{still}</div>'


def write_page(folder: Path, name: str, *content: str) -> str:
    """Write a page beside the live files; return its path in the served folder."""
    (folder / BESIDE / name).write_text(PAGE.format("\n".join(content)), encoding="utf-8")
    return BESIDE + name


@contextmanager
def opened(site: Any, name: str, content: str, ready: str) -> Iterator[Page]:
    """Open a page of its own beside the live files, and give it once it has the global name ``ready``."""
    with site.context.new_page() as page:
        page.goto(site.address + write_page(site.folder, name, content))
        page.wait_for_function("name => name in window", arg=ready)
        yield page


def write_numbers(folder: Path, name: str, array: np.ndarray) -> None:
    """Write float32 numbers for a page to fetch from beside itself."""
    (folder / BESIDE / name).write_bytes(np.ascontiguousarray(array, "<f4").tobytes())


def write_questions(folder: Path, *numbers: str) -> None:
    """Write what lessons ask, as the build does, for a page to fetch."""
    for number in numbers:
        text = json.dumps(questions(lesson(number)))
        (folder / BESIDE / "live" / f"questions_{number}.json").write_text(text, encoding="utf-8")
