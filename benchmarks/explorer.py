"""How fast ChannelExplorer and OcclusionExplorer answer, in Chromium inside JupyterLab.

Key press to changed picture: from the key's own time stamp to the first moment after the frame in which the chosen
channel was drawn. Change of layer: from choosing it in the list to the frame that shows it, through Python and back.
Patch: from the key that moves it to the frame with the scores under it, through the network and back.
"""

import sys
import tempfile
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
        write_notebook(Path(folder, "explorer.ipynb"), [SQUEEZENET, LARGE, COVERED])
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
    stage = page.locator(".ck-stage")
    stage.scroll_into_view_if_needed()
    stage.focus()
    page.evaluate("times.length = 0")
    for number, key in enumerate(["ArrowRight"] * 20 + ["ArrowDown"] * 20, 1):
        page.keyboard.press(key)
        page.wait_for_function("(number) => times.length === number", arg=number)
        page.wait_for_timeout(37)
    return page.evaluate("times")


def changes(page, view: int, layers: list[str]) -> list[float]:
    return [page.evaluate("([view, layer]) => changeLayer(view, layer)", [view, layer]) for layer in layers]


def report(what: str, times: list[float], aim: int) -> None:
    median, late = np.percentile(times, [50, 95])
    print(f"{what:28} median {median:6.1f} ms, 95th percentile {late:6.1f} ms (aim: median {aim} ms)")


if __name__ == "__main__":
    main()
