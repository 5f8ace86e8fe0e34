"""How fast ChannelExplorer, OcclusionExplorer and NetworkExplorer answer, in Chromium inside JupyterLab.

Key press to changed picture: from the key's own time stamp to the first moment after the frame in which the chosen
channel was drawn. Change of layer: from choosing it in the list to the frame that shows it, through Python and back.
Patch: from the key that moves it to the frame with the scores under it, through the network and back.
Stroke: from the pointer that paints to the frame with the painted photo, its thumbnails and its scores.
Opening: from running the cell to the first picture of it, of a network of 500 layers; and how often its map is
drawn in a second while it is moved.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from coursekit.cli.doctor import find_chromium
from tests.browser.lab import chromium_browser, jupyter_lab, open_notebook, python, run_all, write_notebook

SQUEEZENET = """\
from skimage import data
from coursekit import ChannelExplorer, squeezenet
ChannelExplorer(squeezenet(), data.astronaut()[20:240, 120:340], "fire6-squeeze1x1")"""
LARGE = """\
from coursekit.networks.backend import keras
conv = keras.layers.Conv2D
network = keras.Sequential([keras.Input((224, 224, 3)), conv(64, 3, padding="same", name="one"),
    conv(64, 3, padding="same", name="two")])
ChannelExplorer(network, data.astronaut(), "one")"""

COVERED = """\
from coursekit import OcclusionExplorer, photos
explorer = OcclusionExplorer(squeezenet(), photos()[0][15], stride=32)
explorer"""

PAINTED = """\
from coursekit import NetworkExplorer
painted = NetworkExplorer(squeezenet(), photos()[0][15])
painted"""
DEEP = """\
import time
layers = keras.layers
x = first = keras.Input((64, 64, 3))
for block in range(100):
    y = layers.ReLU(name=f"block{block}_relu")(layers.Conv2D(8, 3, padding="same", name=f"block{block}_conv")(x))
    y = layers.Conv2D(8, 1, name=f"block{block}_one")(y)
    y = layers.BatchNormalization(name=f"block{block}_norm")(y)
    x = layers.Add(name=f"block{block}_add")([x, y]) if block else y
deep = keras.Model(first, x)"""
OPENED = """\
begun = time.perf_counter()
opened = NetworkExplorer(deep, photos()[0][15])
made = time.perf_counter() - begun
opened"""

# A message to oneself, sent in an animation frame, comes after that frame is painted.
WATCH = """() => {
    window.afterPaint = () => new Promise((done) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => done(performance.now());
        channel.port2.postMessage(0);
    }));
    window.pixels = (root) => {
        const map = root.querySelector("canvas.ck-map");
        return map.getContext("2d").getImageData(0, 0, map.width, map.height).data.join();
    };
    window.times = [];
    document.addEventListener("pointerdown", async (event) => {
        const root = event.target.closest(".ck-network-explorer");
        if (!root?.querySelector(".ck-stage").contains(event.target)) return;
        const seen = () => root.querySelector(".ck-count").textContent;
        const before = seen();
        for (;;) {
            const painted = await afterPaint();
            if (seen() !== before) return times.push(painted - event.timeStamp);
        }
    }, true);
    window.frames = async () => {
        const map = document.querySelectorAll(".ck-network-explorer")[1].querySelector(".ck-map");
        const start = performance.now();
        for (let count = 0; count < 60; count++) {
            const key = count % 2 ? "ArrowLeft" : "ArrowRight";
            map.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: true, bubbles: true }));
            await afterPaint();
        }
        return (1000 * 60) / (performance.now() - start);
    };
    document.addEventListener("keydown", async (event) => {
        const patch = event.target.closest(".ck-occlusion-explorer");
        if (patch) {
            const scores = () => [...patch.querySelectorAll(".ck-class")].map((one) => one.ariaLabel).join();
            const before = scores();
            for (;;) {
                const painted = await afterPaint();
                if (scores() !== before) return times.push(painted - event.timeStamp);
            }
        }
        const root = event.target.closest(".ck-channel-explorer");
        if (!root) return;
        times.push((await afterPaint()) - event.timeStamp);
        const shown = pixels(root);
        if (shown === window.shown) throw new Error("The picture did not change.");
        window.shown = shown;
    }, true);
    window.changeLayer = async (view, layer) => {
        const root = document.querySelectorAll(".ck-channel-explorer")[view];
        const start = performance.now();
        const list = root.querySelector(".ck-layer");
        list.value = layer;
        list.dispatchEvent(new Event("change"));
        for (;;) {
            const painted = await afterPaint();
            if (root.querySelector(".ck-grid").ariaLabel === `Channels of ${layer}`) return painted - start;
        }
    };
}"""


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium or Chrome was found.")
    with tempfile.TemporaryDirectory() as folder, chromium_browser(chromium) as browser:
        write_notebook(Path(folder, "explorer.ipynb"), [SQUEEZENET, LARGE, COVERED, PAINTED, DEEP, ""])
        with jupyter_lab(Path(folder)) as address:
            page = open_notebook(browser, address, "explorer.ipynb")
            run_all(page)
            page.locator(".ck-channel-explorer").nth(1).wait_for()
            page.evaluate(WATCH)
            for view, layer, what in [
                (0, "fire6-squeeze1x1", "48 of 14 x 14"),
                (0, "conv1", "64 of 113 x 113"),
                (0, "relu_conv10", "1000 of 14 x 14"),
                (1, "two", "64 of 224 x 224"),
            ]:
                page.evaluate("([view, layer]) => changeLayer(view, layer)", [view, layer])
                report(f"key press, {what}", keys(page, view), 16)
            layers = ["conv1", "fire6-squeeze1x1", "pool1", "relu_conv10", "fire2-expand3x3", "fire9-concat"]
            report("layer of SqueezeNet", changes(page, 0, layers * 5), 200)
            report("layer, 64 of 224 x 224", changes(page, 1, ["one", "two"] * 5), 200)
            python(page, "explorer.wait()")
            report("patch, scores of SqueezeNet", moves(page), 50)
            report("stroke, all of SqueezeNet", strokes(page), 100)
            report("opening 500 layers", [opening(page)], 3000)
            print(f"map of 500 layers, moved: {page.evaluate('frames()'):.0f} frames a second (aim: 30)")


def keys(page, view: int) -> list[float]:
    grid = page.locator(".ck-grid").nth(view)
    grid.scroll_into_view_if_needed()
    grid.focus()
    page.evaluate("times.length = 0")
    for key in ["ArrowRight"] * 30 + ["ArrowLeft"] * 30:
        page.keyboard.press(key)
        page.wait_for_timeout(37)  # out of step with the screen's 16.7 ms
    times = page.evaluate("times")
    assert len(times) == 60
    return times


def moves(page) -> list[float]:
    stage = page.locator(".ck-occlusion-explorer .ck-stage")
    stage.scroll_into_view_if_needed()
    stage.focus()
    page.evaluate("times.length = 0")
    for number, key in enumerate(["ArrowRight"] * 20 + ["ArrowDown"] * 20, 1):
        page.keyboard.press(key)
        page.wait_for_function("(number) => times.length === number", arg=number)
        page.wait_for_timeout(37)
    return page.evaluate("times")


def strokes(page) -> list[float]:
    stage = page.locator(".ck-network-explorer .ck-stage").first
    stage.scroll_into_view_if_needed()
    page.evaluate("times.length = 0")
    box = stage.bounding_box()
    for number in range(1, 41):
        page.mouse.click(box["x"] + 5 * number, box["y"] + 4 * number)
        page.wait_for_function("(number) => times.length === number", arg=number)
        page.wait_for_timeout(37)
    return page.evaluate("times")


def opening(page) -> float:
    start = time.perf_counter()
    page.evaluate(
        """async (source) => {
            const notebook = jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = notebook.widgets.length - 1;
            notebook.activeCell.model.sharedModel.setSource(source);
            await jupyterapp.commands.execute("notebook:run-cell");
        }""",
        OPENED,
    )
    page.wait_for_function(
        "document.querySelectorAll('.ck-network-explorer').length === 2 && "
        "document.querySelectorAll('.ck-network-explorer')[1].querySelector('.ck-count').textContent !== ''"
    )
    seconds = time.perf_counter() - start
    print(f"   of which Python takes {1000 * float(python(page, 'print(made)')):.0f} ms to make it")
    return 1000 * seconds


def changes(page, view: int, layers: list[str]) -> list[float]:
    return [page.evaluate("([view, layer]) => changeLayer(view, layer)", [view, layer]) for layer in layers]


def report(what: str, times: list[float], aim: int) -> None:
    median, late = np.percentile(times, [50, 95])
    print(f"{what:28} median {median:6.1f} ms, 95th percentile {late:6.1f} ms (aim: median {aim} ms)")


if __name__ == "__main__":
    main()
