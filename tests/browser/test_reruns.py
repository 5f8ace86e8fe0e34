"""What a cell that is run again leaves in the page."""

from tests.browser.lab import wait_until_idle
from tests.browser.reading import eventually

CELLS = [
    """\
from coursekit import DreamExplorer
from coursekit.networks.backend import keras
network = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Conv2D(400, 3, name="conv")])""",
    "DreamExplorer(network)",
]


def test_nodes_of_an_earlier_run_go(open_widget):
    with open_widget(CELLS, ".ck-dream-explorer") as page:
        memory = page.context.new_cdp_session(page)
        counts = []

        def nodes():
            for _ in range(2):
                memory.send("HeapProfiler.collectGarbage")
            return memory.send("Memory.getDOMCounters")["nodes"]

        for _ in range(4):
            page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
            page.evaluate("document.querySelector('.ck-dream-explorer').dataset.old = true")
            page.evaluate("async () => { await jupyterapp.commands.execute('notebook:run-cell') }")
            wait_until_idle(page)
            page.locator(".ck-dream-explorer:not([data-old])").wait_for()
            counts.append(nodes())
        in_one = page.evaluate(
            """() => {
                const walk = document.createTreeWalker(document.querySelector(".ck-dream-explorer"));
                let count = 1;
                while (walk.nextNode()) count++;
                return count;
            }"""
        )
        assert in_one > 200
        eventually(lambda: nodes() < counts[1] + 0.2 * in_one, True)  # two runs; the page may be busy with them yet
