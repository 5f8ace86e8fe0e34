"""All widgets in one notebook: each looks as it does alone."""

from pathlib import Path

import pytest

from coursekit import widgets

CELLS = [
    """\
import numpy as np
from coursekit import ChannelExplorer, DecisionExplorer, DreamExplorer, EmbeddingExplorer, UnitCard
from coursekit.networks.backend import keras
from coursekit.widgets import QuestionCards
classes, predicted = np.arange(12) % 3, np.arange(12) % 2
network = keras.Sequential([keras.Input((24, 24, 3)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.ReLU()])
ends = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
classifier = keras.Sequential([keras.Input((24, 24, 3)), *network.layers, *ends])
pictures = np.random.default_rng(0).integers(0, 256, (12, 24, 24, 3)).astype(np.uint8)
card = {"button": "Commit", "skip": "Skip", "choices": [], "answer": None, "done": False, "mark": ""}
card |= {"head": "Not yet.", "says": "Look again.", "asks": "What is it?", "low": 0, "high": 9, "unit": "things"}
kinds = {"choice": {"choices": ["a", "b"]}, "number": {}, "words": {"most": 80}}
cards = [{**card, **kind, "kind": name, "id": name} for name, kind in kinds.items()]""",
    "ChannelExplorer(network, pictures[0])",
    "DecisionExplorer(classifier, pictures[0], 0, 1)",
    "DreamExplorer(network)",
    "EmbeddingExplorer(pictures[:, 0, 0, :2] / 1.0, pictures, classes, predicted=predicted, chosen=3)",
    "UnitCard(network, 'conv', 0, pictures[:8], pictures[8:], k=3)",
    "QuestionCards('Some questions', lambda: {'cards': cards, 'score': '1 of 3'}, print)",
]
COUNT = len(CELLS) - 1


@pytest.fixture(scope="module")
def page(open_widget):
    with open_widget(CELLS, ".ck") as page:
        page.wait_for_function(f"document.querySelectorAll('.ck').length === {COUNT}")
        yield page


def test_no_widget_changes_how_another_looks(page):
    # anywidget puts all style sheets into the page's head. A widget is alone when the others' are switched off.
    seen, differences = page.evaluate(
        """() => {
            const sheets = [...document.querySelectorAll("style")].filter((one) => one.textContent.includes(".ck.ck-"));
            const read = (root) => [root, ...root.querySelectorAll("*:not(option)")].flatMap((e) => {
                const style = getComputedStyle(e);
                return [...style].map((name) => [`${e.className} ${name}`, style.getPropertyValue(name)]);
            });
            const parent = sheets[0].parentElement;
            const differences = [];
            const seen = {};
            for (const root of document.querySelectorAll(".ck")) {
                const name = root.classList[1];
                for (const one of sheets) one.disabled = !one.textContent.includes(`.ck.${name} {`);
                const alone = read(root);
                seen[name] = [sheets.filter((one) => !one.disabled).length, alone.length];
                for (const one of sheets) one.disabled = false;
                for (const order of [[...sheets], [...sheets].reverse()]) {
                    parent.append(...order);
                    const together = read(root);
                    alone.forEach(([what, value], i) => {
                        if (together[i][1] !== value) differences.push([name, what, value, together[i][1]]);
                    });
                }
            }
            return [seen, differences];
        }"""
    )
    assert differences[:20] == []
    styles = {file.stem.replace("_", "-") for file in Path(widgets.__file__).parent.glob("*.css")} - {"page"}
    assert set(seen) == {f"ck-{name}" for name in styles}
    for sheets, values in seen.values():
        assert sheets == 1
        assert values > 5000
