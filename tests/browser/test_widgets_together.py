"""All widgets in one notebook: each looks as it does alone."""

from pathlib import Path

import pytest

from coursekit import widgets
from tests.browser.lab import NETWORK_AND_CARDS, WIDGETS

COUNT = len(WIDGETS)


@pytest.fixture(scope="module")
def page(open_widget):
    with open_widget([NETWORK_AND_CARDS, *WIDGETS], ".ck") as page:
        page.wait_for_function(f"document.querySelectorAll('.ck').length === {COUNT}")
        yield page


def test_no_widget_changes_how_another_looks(page):
    # anywidget puts all style sheets into the page's head. A widget is alone when the others' are switched off.
    seen, differences = page.evaluate(
        """() => {
            const sheets = [...document.querySelectorAll("style")].filter((one) => one.textContent.includes(".ck.ck-"));
            const roots = [...document.querySelectorAll(".ck")];
            const names = [...getComputedStyle(roots[0])];
            const read = (root) => [root, ...root.querySelectorAll("*:not(option)")].map((e) => {
                const style = getComputedStyle(e);
                return { what: e.className, values: names.map((name) => style.getPropertyValue(name)) };
            });
            const parent = sheets[0].parentElement;
            const differences = [];
            const seen = {};
            const alone = roots.map((root) => {
                const name = root.classList[1];
                for (const one of sheets) one.disabled = !one.textContent.includes(`.ck.${name} {`);
                const found = read(root);
                seen[name] = [sheets.filter((one) => !one.disabled).length, found.length * names.length];
                return found;
            });
            for (const one of sheets) one.disabled = false;
            for (const order of [[...sheets], [...sheets].reverse()]) {
                parent.append(...order);
                roots.forEach((root, n) => read(root).forEach(({ what, values }, i) => {
                    values.forEach((value, k) => {
                        const before = alone[n][i].values[k];
                        if (value !== before) differences.push([root.classList[1], what, names[k], before, value]);
                    });
                }));
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
