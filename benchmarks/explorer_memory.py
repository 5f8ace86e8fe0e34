"""What NetworkExplorer holds in memory over 1,000 strokes on SqueezeNet, or as many as are named: flat is the aim.

The kernel's side paints as if the page asked for it. What it sends of forty of the strokes is then played to the page's
own side, in Chromium without JupyterLab, as often.
"""

import gc
import json
import sys
from base64 import b64encode

import psutil

from coursekit import NetworkExplorer, photos, squeezenet
from coursekit.cli.doctor import find_chromium
from tests.browser.lab import WINDOW, chromium_browser

DIFFERENT = 40
BEGIN = """async ([source, css, state, told]) => {
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
    const { default: made } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const listeners = {};
    const model = {
        get: (name) => state[name], set: (name, value) => (state[name] = value), save_changes() {}, send() {},
        on: (event, act) => (listeners[event] ??= []).push(act), off() {},
    };
    const el = document.body.appendChild(document.createElement("div"));
    made.render({ model, el });
    const view = (text) => new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
    const tell = ([content, buffers]) =>
        listeners["msg:custom"].forEach((act) => act(structuredClone(content), buffers.map(view)));
    tell(told[0]);
    let number = 0;
    window.play = async (count) => {
        for (let i = 0; i < count; i++) {
            tell(told[1 + (number++ % (told.length - 1))]);
            if (number % 5 === 0) await new Promise((done) => setTimeout(done));
        }
        return el.querySelector(".ck-count").textContent;
    };
}"""


def main() -> None:
    """Paint, and print what is held after each tenth of the strokes."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium or Chrome was found.")
    count = int(sys.argv[1]) if sys.argv[1:] else 1000
    explorer = NetworkExplorer(squeezenet(), photos()[0][15])
    told = []

    def keep(content, buffers=()):
        if content["kind"] == "now" and len(told) <= DIFFERENT:
            told.append([content, [b64encode(part).decode() for part in buffers]])

    explorer.send = keep
    explorer._receive(None, {"kind": "look", "boxes": list(range(100)), "side": 64, "all": True}, [])
    explorer._receive(None, {"kind": "prepare"}, [])
    for number in range(count + 1):
        if number % (count // 10) == 0:
            gc.collect()
            print(f"kernel, {number:5} strokes: {psutil.Process().memory_info().rss / 2**20:7.1f} MB", flush=True)
        place = [5 * (number % DIFFERENT) + 5, 4 * (number % DIFFERENT) + 5]
        paint = {"kind": "paint", "tool": "grey", "size": 40, "points": [place], "begins": True}
        explorer._receive(None, paint, [])
    names = ("layer", "channel", "place", "point", "scale", "elsewhere", "_map", "_classes")
    state = json.loads(json.dumps({name: getattr(explorer, name) for name in names}))
    with chromium_browser(chromium) as browser:
        page = browser.new_page(viewport=WINDOW)
        page.evaluate(BEGIN, [str(explorer._esm), str(explorer._css), state, told])
        protocol = page.context.new_cdp_session(page)
        for number in range(0, count + 1, count // 10):
            if number:
                assert "stroke" in page.evaluate("(count) => play(count)", count // 10)
            for _ in range(3):
                protocol.send("HeapProfiler.collectGarbage")
            held = protocol.send("Runtime.getHeapUsage")
            megabytes = (held["usedSize"] + held.get("backingStorageSize", 0)) / 2**20
            print(f"page,   {number:5} strokes: {megabytes:7.2f} MB", flush=True)


if __name__ == "__main__":
    main()
