"""A real JupyterLab server with a folder of its own, and the page in Chromium that looks at it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "browser-test"
WINDOW = {"width": 1280, "height": 1000}

# A cell with what it takes to make each widget, and a cell for each.
NETWORK_AND_CARDS = """\
import numpy as np
from coursekit import ChannelExplorer, DecisionExplorer, DreamExplorer, EmbeddingExplorer, FoolingExplorer, UnitCard
from coursekit.networks.backend import keras
from coursekit.widgets import NetworkExplorer, OcclusionExplorer, QuestionCards, StyleExplorer
classes, predicted = np.arange(12) % 3, np.arange(12) % 2
network = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.ReLU()])
ends = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
classifier = keras.Sequential([keras.Input((24, 24, 3)), *network.layers, *ends])
pictures = np.random.default_rng(0).integers(0, 256, (12, 24, 24, 3)).astype(np.uint8)
card = {"button": "Commit", "skip": "Skip", "choices": [], "answer": None, "done": False, "mark": ""}
card |= {"head": "Not yet.", "says": "Look again.", "asks": "What is it?", "low": 0, "high": 9, "unit": "things"}
kinds = {"choice": {"choices": ["a", "b"]}, "number": {}, "words": {"most": 80}}
cards = [{**card, **kind, "kind": name, "id": name} for name, kind in kinds.items()]"""
WIDGETS = [
    "ChannelExplorer(network, pictures[0], channel=1)",
    "DreamExplorer(network)",
    "EmbeddingExplorer(pictures[:, 0, 0, :2] / 1.0, pictures, classes, predicted=predicted, chosen=3)",
    "UnitCard(network, 'conv', 0, pictures[:8], pictures[8:], k=3)",
    "QuestionCards('Some questions', lambda: {'cards': cards, 'score': '1 of 3'}, print)",
    "OcclusionExplorer(classifier, pictures[0], 0, patch=7, position=(3, 12))",
    "DecisionExplorer(classifier, pictures[0], 0, 1)",
    "FoolingExplorer(classifier, pictures, 1, tried=['png', 'jpeg'])",
    "StyleExplorer(network, {'grain': pictures[0]}, ['strokes'], layers=['conv'], content_layer='conv', steps=60)",
    "NetworkExplorer(classifier, pictures[0])",
]


@contextmanager
def jupyter_lab(folder: Path, theme: str = "JupyterLab Light") -> Iterator[str]:
    """Serve ``folder`` with JupyterLab and give its address; settings and workspaces live beside it and go with it."""
    settings = folder / ".lab" / "settings"
    apputils = settings / "@jupyterlab" / "apputils-extension"
    apputils.mkdir(parents=True, exist_ok=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    (apputils / "notification.jupyterlab-settings").write_text(json.dumps(news))
    (apputils / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
    command += ["--KernelManager.shutdown_wait_time=0.5"]  # TensorFlow's kernel would take ten seconds to say goodbye
    places = {
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".lab" / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".lab" / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    log = (folder / ".lab" / "server.log").open("w")
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, **places}, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=1).close()
                break
            except (OSError, http.client.HTTPException):  # refused, reset, or too slow
                if server.poll() is not None:
                    break
                time.sleep(0.1)
        else:
            server.kill()
        if server.poll() is not None:
            raise RuntimeError("JupyterLab did not start:\n" + (folder / ".lab" / "server.log").read_text())
        yield address
    finally:
        server.terminate()  # shuts its kernels down
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


@contextmanager
def chromium_browser(path: str) -> Iterator[Browser]:
    """Start the Chromium at ``path`` without a window."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        arguments += ["--use-fake-device-for-media-stream"]  # a webcam, for who is allowed to use it
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook of code cells for the kernel that runs this."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def page_address(address: str, place: str) -> str:
    """Return the address of ``place`` in JupyterLab, as "lab" or "doc/tree/today.ipynb", in a workspace of its own.

    Where another page has the same workspace, JupyterLab loads this one anew in another, maybe amid a test.
    """
    mode, *path = place.split("/", 1)
    return "/".join([address, mode, "workspaces", uuid.uuid4().hex, *path]) + f"?token={TOKEN}"


def open_notebook(browser: Browser | BrowserContext, address: str, name: str) -> Page:
    """Open a notebook in JupyterLab in simple mode, without side bars, and wait for its kernel."""
    page = browser.new_page() if isinstance(browser, BrowserContext) else browser.new_page(viewport=WINDOW)
    page.set_default_timeout(240_000)  # where many tests share few cores
    try:
        page.goto(page_address(address, f"doc/tree/{name}"))
        page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.sessionContext?.session?.kernel")
        wait_until_idle(page)
    except BaseException:
        page.close()
        raise
    return page


def close_notebook(page: Page) -> None:
    """Close the open notebook without saving it, and leave the page and the kernel."""
    page.evaluate("jupyterapp.shell.currentWidget.dispose()")


def open_another(page: Page, name: str) -> Page:
    """Open a notebook in a page whose own was closed."""
    page.evaluate("async (path) => { await jupyterapp.commands.execute('docmanager:open', { path }) }", name)
    page.wait_for_function(
        "(path) => { const open = jupyterapp.shell.currentWidget?.context; "
        "return open?.path === path && open.sessionContext.session?.kernel }",
        arg=name,
    )
    wait_until_idle(page)
    return page


def start_kernel(address: str) -> str:
    """Start a kernel that belongs to no notebook yet, and return its id."""
    return _post(f"{address}/api/kernels", {"name": "python3"})["id"]


def give_kernel(address: str, name: str, kernel: str) -> None:
    """Let a notebook that is not open yet use a kernel that is there."""
    session = {"path": name, "name": name, "type": "notebook", "kernel": {"id": kernel}}
    _post(f"{address}/api/sessions", session)


def _post(url: str, content: dict) -> dict:
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(content).encode(), headers)
    with urllib.request.urlopen(request, timeout=240) as answer:
        return json.load(answer)


def wait_until_idle(page: Page) -> None:
    """Wait until the kernel of the open notebook has nothing to do."""
    page.wait_for_function(
        "jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel?.status === 'idle'", timeout=240_000
    )


def run_all(page: Page) -> None:
    """Run all cells of the open notebook, to the end."""
    page.evaluate("async () => { await jupyterapp.commands.execute('notebook:run-all-cells') }")
    wait_until_idle(page)


def python(page: Page, code: str) -> str:
    """Run code in the kernel of the open notebook, past its cells, and return what it printed."""
    return page.evaluate(
        """async (code) => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let printed = "";
            future.onIOPub = ({ header, content }) => {
                if (header.msg_type === "stream") printed += content.text;
            };
            const reply = await future.done;
            if (reply.content.status !== "ok") throw new Error(reply.content.ename + ": " + reply.content.evalue);
            return printed;
        }""",
        code,
    ).strip()
