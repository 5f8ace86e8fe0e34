"""How fast the built book answers (``make book`` first), in Chromium and in Firefox where they are installed.

Ready: from the moment when an explorer of lesson 01 comes into view until it is alive, the network fetched from this
machine for the first time. Photo: from the drop of a JPEG until its channels are drawn, the frame after that
included. Layer: from choosing another one until the frame that shows it. Medians of five, but for "ready": that is one.
"""

import base64
import io
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import websocket
from PIL import Image
from skimage import data

from book.check import ROOT, served
from coursekit.cli.doctor import find_chromium
from tests.browser.lab import chromium_browser

LESSON = "01_intermediate_activations.html"
READY = """async () => {
    const part = document.querySelector(".ck-live[data-kind=ChannelExplorer]");
    const alive = new Promise((done) => part.addEventListener("ck-live", done, { once: true }));
    const began = performance.now();
    part.scrollIntoView();
    if (!part.dataset.live) await alive;
    return part.dataset.live === "yes" ? performance.now() - began : null;
}"""
PHOTO = """async ([name, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
    const root = document.querySelector(".ck-channel-explorer");
    const status = root.querySelector(".ck-status");
    const began = performance.now();
    const done = new Promise((drawn) => new MutationObserver((_, watcher) => {
        if (status.textContent !== `${name} is the picture now.`) return;
        watcher.disconnect();
        requestAnimationFrame(() => setTimeout(() => drawn(performance.now() - began)));
    }).observe(status, { childList: true, subtree: true, characterData: true }));
    const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer });
    root.querySelector(".ck-photo").dispatchEvent(drop);
    return await done;
}"""
LAYER = """async ([name]) => {
    const list = document.querySelector(".ck-channel-explorer .ck-layer");
    const began = performance.now();
    list.value = [...list.options].find((one) => one.textContent.startsWith(`${name} `)).value;
    list.dispatchEvent(new Event("change", { bubbles: true }));
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    return performance.now() - began;
}"""
LAYERS = ("conv1", "fire4-squeeze1x1", "relu_conv10", "conv1", "fire9-squeeze1x1")
PAUSE = "() => new Promise((done) => setTimeout(done, 1000))"  # the other layers are computed meanwhile


class Firefox:
    """A page in Firefox, driven by WebDriver BiDi, which it speaks without another program."""

    def __init__(self, address: str):
        self._socket = websocket.create_connection(f"{address}/session", suppress_origin=True, timeout=300)
        self._number = itertools.count(1)
        self._ask("session.new", capabilities={})
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def _ask(self, method: str, **params: Any) -> dict:
        number = next(self._number)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv())).get("id") != number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['message']}")
        return answer["result"]

    def goto(self, address: str) -> None:
        """Open a page, and wait until it is loaded."""
        self._ask("browsingContext.setViewport", context=self._context, viewport={"width": 1280, "height": 900})
        self._ask("browsingContext.navigate", context=self._context, url=address, wait="complete")

    def evaluate(self, function: str, given: Any = None) -> Any:
        """Call a function of the page, which may give a promise."""
        call = f"(async () => JSON.stringify(await ({function})({json.dumps(given)})))()"
        target = {"context": self._context}
        answer = self._ask("script.evaluate", expression=call, target=target, awaitPromise=True)
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"].get("value", "null"))


@contextmanager
def firefox(program: str) -> Iterator[Firefox]:
    """Start Firefox with a profile of its own."""
    with tempfile.TemporaryDirectory() as profile:
        command = [program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as process:
            try:
                said = []
                while not said or "WebDriver BiDi listening on" not in said[-1]:
                    said.append(process.stderr.readline())
                    if not said[-1]:
                        raise RuntimeError(f"Firefox ended: {''.join(said)}")
                threading.Thread(target=process.stderr.read, daemon=True).start()  # so that it never waits to be read
                yield Firefox(said[-1].split()[-1])
            finally:
                process.terminate()


def photo(height: int, width: int) -> str:
    """Return a JPEG of such a size, as text."""
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((width, height)).save(file, "JPEG", quality=90)
    return base64.b64encode(file.getvalue()).decode()


def measure(page: Any, address: str) -> None:
    """Print what one browser takes."""
    page.goto(address + LESSON)
    ready = page.evaluate(READY)
    if ready is None:
        raise RuntimeError("The explorer stayed a still picture.")
    print(f"  ready: {ready:.0f} ms")
    for height, width in [(512, 512), (3000, 4000)]:
        taken, text = [], photo(height, width)
        for i in range(5):
            page.evaluate(PAUSE)
            taken.append(page.evaluate(PHOTO, [f"{i}.jpg", text]))
        print(f"  photo of {height} by {width}: {statistics.median(taken):.0f} ms")
    page.evaluate(PAUSE)
    taken = [page.evaluate(LAYER, [name]) for name in LAYERS]
    print(f"  layer: {statistics.median(taken):.0f} ms")


def main() -> int:
    """Measure each browser that is there, and say which is not."""
    site = ROOT / "site"
    if not (site / LESSON).is_file():
        print("There is no book in site/: run make book first.", file=sys.stderr)
        return 1
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    chromium = find_chromium()
    fox = next(filter(None, map(shutil.which, ("firefox", "firefox-esr"))), None)
    with served(site) as address:
        print(f"Chromium{'' if chromium else ' is not installed: not measured'}", flush=True)
        if chromium:
            with chromium_browser(chromium) as browser:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.set_default_timeout(300_000)
                measure(page, address)
        print(f"Firefox{'' if fox else ' is not installed: not measured'}", flush=True)
        if fox:
            with firefox(fox) as page:
                measure(page, address)
    return 0


if __name__ == "__main__":
    sys.exit(main())
