"""What browser tests do with an open notebook and read from its page."""

from __future__ import annotations

import io
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Error, Locator, Page, TimeoutError

from tests.browser.lab import WINDOW, python

NOTEBOOK = "jupyterapp.shell.currentWidget.content"

_FAINT = """(root) => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (...colours) => {  // of colours laid over each other
        for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
        const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => (e ? [...behind(e.parentElement), getComputedStyle(e).backgroundColor] : ["#fff"]);
    const between = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    const found = {};
    for (const e of document.querySelectorAll(`${root} *`)) {
        const words = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        const line = e.tagName === "polyline";
        if (!(words || line) || e.tagName === "OPTION" || e.ariaHidden === "true" || !e.checkVisibility()) continue;
        const style = getComputedStyle(e);
        const ratio = between(light(...behind(e), line ? style.stroke : style.color), light(...behind(e)));
        const name = `${e.tagName}.${e.getAttribute("class")} ${e.textContent.trim().slice(0, 20)}`;
        found[name] = line ? 1.5 * ratio : ratio;  // lines need 3 : 1
    }
    return found;
}"""


# What reading raises from a page that is not drawn yet: no such element, no number in it, None, an error of the page.
_NOT_YET = (LookupError, ValueError, TypeError, AttributeError, Error)


def eventually(read: Callable[[], Any], expected: Any, seconds: float = 60) -> None:
    """Read until what is expected comes, or time is up.

    What cannot be read is not there yet; at the end the error is raised.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if read() == expected:
                return
        except TimeoutError:  # that reading has waited for long
            raise
        except _NOT_YET:
            pass  # the last reading raises it again
        time.sleep(0.03)
    assert read() == expected


def settled(page: Page) -> None:
    """Wait until Python has dealt with all that the widgets in the page have sent it."""
    page.wait_for_function(
        """() => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            return [...kernel._futures.values()].every(({ msg }) => msg.header.msg_type !== "comm_msg");
        }"""
    )


def let_go(page: Page) -> None:
    """Let go of what a test that failed may have left held, and of the focus."""
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(0, 0)
    page.mouse.up()
    for key in ("Shift", "Space"):
        page.keyboard.up(key)


@contextmanager
def busy_kernel(page: Page, folder: Path) -> Iterator[None]:
    """Keep the kernel busy for as long as something is looked at, however long that takes. It waits for a file."""
    begun, end = folder / "begun", folder / "end"
    code = f"import time; from pathlib import Path\nPath({str(begun)!r}).touch()\n"
    code += f"while not Path({str(end)!r}).exists(): time.sleep(0.05)"
    page.evaluate(
        """(code) => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            window.busy = true;
            kernel.requestExecute({ code, store_history: false }).done.then(() => (busy = false));
        }""",
        code,
    )
    try:
        eventually(begun.exists, True)
        yield
        assert page.evaluate("busy")
    finally:
        end.touch()
        page.wait_for_function("!busy")


def type_at_once(field: Locator, *typed: str) -> None:
    """Let a field hold one text after the other, without a pause in which the page could take the first."""
    field.evaluate(
        """(field, typed) => {
            for (const text of typed) {
                field.value = text;
                field.dispatchEvent(new InputEvent("input", { inputType: "insertText", bubbles: true }));
            }
        }""",
        list(typed),
    )


@contextmanager
def no_errors(page: Page) -> Iterator[None]:
    """Fail at the end if a widget's code has thrown."""
    errors = []

    def remember(error: Any) -> None:
        if "blob:" in (error.stack or ""):  # anywidget loads the module from a blob; the rest is JupyterLab's own
            errors.append(error.stack)

    page.on("pageerror", remember)
    yield
    page.remove_listener("pageerror", remember)
    assert not errors


def explorer_fixtures(
    root: str,
    makes: str,
    reset: str,
    begins: dict[str, str],
    end: str = "",
    settles: Callable[[Page], None] = lambda page: None,
    **media: str,
) -> tuple:
    """Return two fixtures for the tests of an explorer: its notebook, and the same page for each test anew.

    Args:
        root: The CSS selector of the widget.
        makes: Code of the first cell, which makes ``explorer``. The second cell shows it.
        reset: Code that makes the explorer what it was at the beginning.
        begins: What the page then shows, its texts and values by their CSS selectors.
        end: Code that ends what a test has begun.
        settles: Puts back what Python knows nothing of.
        **media: What the page must know of the reader's wishes, such as ``reduced_motion="reduce"``.
    """

    @pytest.fixture(scope="module")
    def notebook(open_widget: Callable) -> Iterator[Page]:
        with open_widget([makes, "explorer"], root, **media) as page:
            yield page

    @pytest.fixture
    def page(notebook: Page) -> Iterator[Page]:
        let_go(notebook)
        settles(notebook)
        settled(notebook)
        python(notebook, reset)
        eventually(lambda: {css: _shown(notebook.locator(css).first) for css in begins}, begins)
        with no_errors(notebook):
            yield notebook
            python(notebook, end)

    return notebook, page


def _shown(element: Locator) -> str:
    return element.evaluate("element => element.value || element.innerText")


# ---- pictures and values


def pixels(canvas: Locator, mode: str = "RGBA") -> np.ndarray:
    """Return what stands on a canvas, (H, W, channels)."""
    return _decoded(canvas.evaluate("canvas => canvas.toDataURL()"), mode)


def pixels_of_image(image: Locator) -> np.ndarray:
    """Return what an <img> shows, (H, W, 3)."""
    url = image.evaluate(
        """async (image) => {
            await image.decode();
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL();
        }"""
    )
    return _decoded(url, "RGB").astype(int)


def _decoded(url: str, mode: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(url.split(",")[1]))).convert(mode))


def received(page: Page, code: str) -> Any:
    """Return the value of an expression in the kernel, by way of JSON."""
    return json.loads(python(page, f"import json; print(json.dumps({code}))"))


def chosen(page: Page, name: str) -> Any:
    """Return what the kernel says of ``explorer``: the value of an attribute, or more such code."""
    return received(page, f"explorer.{name}")


# ---- files


def as_file(picture: np.ndarray) -> bytes:
    """Return the content of a PNG file of a picture."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def drop(page: Page, name: str, content: bytes, onto: str) -> None:
    """Drop a file on an element."""
    page.evaluate(
        """([name, content, onto]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], name));
            for (const type of ["dragenter", "dragover", "drop"])
                document.querySelector(onto).dispatchEvent(
                    new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [name, b64encode(content).decode(), onto],
    )


# ---- cells


def count_cells(page: Page) -> int:
    return page.evaluate(f"{NOTEBOOK}.widgets.length")


def active_cell(page: Page) -> int:
    return page.evaluate(f"{NOTEBOOK}.activeCellIndex")


def command(page: Page, *names: str) -> None:
    """Run JupyterLab's commands, one after the other."""
    for name in names:
        page.evaluate("async (name) => { await jupyterapp.commands.execute(name) }", name)


def run_cell(page: Page, code: str) -> str:
    """Write a new cell at the end as a reader does, run it, and return the text below it; then remove it."""
    page.evaluate(f"{NOTEBOOK}.activeCellIndex = {NOTEBOOK}.widgets.length - 1")
    command(page, "notebook:insert-cell-below", "notebook:enter-edit-mode")
    try:
        page.wait_for_function(f"{NOTEBOOK}.activeCell.editor?.hasFocus()")
        page.keyboard.insert_text(code)
        eventually(lambda: page.evaluate(f"{NOTEBOOK}.activeCell.model.sharedModel.getSource()"), code)
        command(page, "notebook:run-cell")
        text = page.evaluate(f"{NOTEBOOK}.activeCell.model.outputs.toJSON().map(o => o.text || '').join('')")
    finally:
        command(page, "notebook:delete-cell")
    return text.strip()


@contextmanager
def another_cell(page: Page, code: str, root: str) -> Iterator[Locator]:
    """Run code in a new cell below the widget's, give the second widget of that kind, and remove the cell again."""
    page.evaluate(f"{NOTEBOOK}.activeCellIndex = 1")
    command(page, "notebook:insert-cell-below")
    page.evaluate(f"(code) => {NOTEBOOK}.activeCell.model.sharedModel.setSource(code)", code)
    try:
        command(page, "notebook:run-cell")
        page.locator(root).nth(1).wait_for()
        yield page.locator(root).nth(1)
    finally:
        page.evaluate(f"{NOTEBOOK}.activeCellIndex = 2")
        command(page, "notebook:delete-cell")
        eventually(lambda: page.locator(root).count(), 1)


# ---- claims that are made for every widget


def check_keys_stay(page: Page, elements: Sequence[str]) -> None:
    """Press keys that are commands on cells elsewhere."""
    before = count_cells(page), active_cell(page)
    for element in elements:
        page.locator(element).first.focus()
        for key in ("a", "b", "d", "d", "x", "m", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
    assert (count_cells(page), active_cell(page)) == before


def check_text_stands_out(page: Page, root: str, theme: str, least: int = 12) -> None:
    """Compare all words with what is behind them, in a theme."""
    try:
        set_theme(page, theme)
        assert len(page.evaluate(_FAINT, root)) > least
        eventually(lambda: {name: r for name, r in page.evaluate(_FAINT, root).items() if r < 4.5}, {})
    finally:
        set_theme(page, "JupyterLab Light")


def set_theme(page: Page, theme: str) -> None:
    """Change JupyterLab's theme, and wait until it is there: for a moment there is none."""
    page.evaluate("async (theme) => { await jupyterapp.commands.execute('apputils:change-theme', { theme }) }", theme)
    page.wait_for_function(
        """(theme) => {
            if (document.body.dataset.jpThemeName !== theme) return false;
            const paper = getComputedStyle(document.querySelector(".jp-Notebook")).backgroundColor;
            const [red] = paper.match(/[\\d.]+/g).map(Number);
            return theme.includes("Dark") ? red < 80 : red > 200;
        }""",
        arg=theme,
    )


def set_width(page: Page, width: int) -> None:
    """Make the window that wide, and wait until all that is in it has its place."""
    page.set_viewport_size({"width": width, "height": WINDOW["height"]})
    page.wait_for_function(
        """(width) => {
            const outputs = [...document.querySelectorAll(".jp-OutputArea-output, .jp-OutputArea-output *")];
            const places = JSON.stringify(outputs.map((one) => one.getBoundingClientRect()));
            const still = places === window.ckPlaces;
            window.ckPlaces = places;
            const { right } = jupyterapp.shell.currentWidget.node.getBoundingClientRect();
            return still && right <= width && right > 0.8 * width;
        }""",
        arg=width,
        polling=100,
    )


@contextmanager
def window_of(page: Page, width: int) -> Iterator[None]:
    """Make the window narrower for a while."""
    set_width(page, width)
    try:
        yield
    finally:
        set_width(page, WINDOW["width"])


def too_wide(page: Page, root: str, but: str = "[none]") -> list[str]:
    """Return the classes of the elements whose content runs out of them."""
    return page.evaluate(
        """([root, but]) => [...document.querySelectorAll(`${root}, ${root} *`)]
            .filter((e) => e.scrollWidth > e.clientWidth + 8 && getComputedStyle(e).display !== "inline" &&
                e.clientWidth > 0 && !e.closest(but))
            .map((e) => e.getAttribute("class"))""",
        [root, but],
    )
