"""axe-core looks at every widget: in the light and the dark theme, and where the reader's own colours are forced."""

from pathlib import Path

import axe_playwright_python
import pytest

from coursekit import write_report
from tests.browser.lab import NETWORK_AND_CARDS, WIDGETS
from tests.browser.reading import eventually, set_theme
from tests.report.folders import small_network, write_pictures

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
KINDS = ["channel-explorer", "dream-explorer", "embedding-explorer", "unit-card", "question", "occlusion-explorer"]
KINDS += ["decision-explorer", "fooling-explorer", "style-explorer", "network-explorer"]


@pytest.fixture(scope="module")
def page(open_widget):
    with open_widget([NETWORK_AND_CARDS, *WIDGETS], ".ck", name="accessible") as page:
        page.wait_for_function(f"document.querySelectorAll('.ck').length === {len(WIDGETS)}")
        page.evaluate(AXE)
        page.locator(".ck-unit-card .ck-name").fill("grain")
        page.locator(".ck-unit-card .ck-begin").click()
        page.locator(".ck-unit-card .ck-test").wait_for()
        yield page


def found(page, kind):
    """Return what axe finds wrong: rule, element, and why."""
    return found_in(page, f".ck-{kind}")


def found_in(page, root):
    return page.evaluate(
        """async (root) => {
            const options = { rules: { "target-size": { enabled: true } } };
            const { violations, passes } = await axe.run(root, options);
            if (!passes.some(({ id }) => id === "target-size")) return ["target-size was not looked at"];
            return violations.flatMap(({ id, nodes }) =>
                nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`));
        }""",
        root,
    )


@pytest.mark.parametrize("look", ["JupyterLab Light", "JupyterLab Dark", "forced colours"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wrong(page, kind, look):
    try:
        if look == "forced colours":
            page.emulate_media(forced_colors="active")
        else:
            set_theme(page, look)
        eventually(lambda: found(page, kind), [])
    finally:
        page.emulate_media(forced_colors="none")
        set_theme(page, "JupyterLab Light")


def test_chosen_things_stand_out_in_forced_colours(page):
    page.emulate_media(forced_colors="active")
    try:
        styles = page.evaluate(
            """() => {
                const look = (css, ...names) => {
                    const style = getComputedStyle(document.querySelector(css));
                    return names.map((name) => style[name]);
                };
                return {
                    chosen: look(".ck-chosen", "boxShadow"),
                    on: look(".ck-scale label:has(:checked)", "backgroundColor"),
                    off: look(".ck-scale label:has(:not(:checked))", "backgroundColor"),
                    a: look("[data-panel=a] .ck-chip", "borderTopStyle"),
                    b: look("[data-panel=b] .ck-chip", "borderTopStyle"),
                };
            }"""
        )
    finally:
        page.emulate_media(forced_colors="none")
    assert styles["chosen"] != ["none"]
    assert styles["on"] != styles["off"]
    assert (styles["a"], styles["b"]) == (["solid"], ["dashed"])


def test_explorers_have_names(page):
    names = page.locator(".ck").evaluate_all("roots => roots.map((root) => [root.role, root.ariaLabel])")
    assert names == [
        ["group", "Channels of a network"],
        ["group", "What a network draws"],
        ["group", "A map of pictures"],
        ["group", "Card of a unit"],
        ["group", "Some questions"],
        ["group", "A patch over a photo"],
        ["group", "Maps of a decision"],
        ["group", "A picture that lies"],
        ["group", "Content in the style of another picture"],
        ["group", "A network as a map"],
    ]


def test_all_that_is_clicked_is_large_enough(page):
    """24 by 24 pixels. axe's rule leaves out what has a label around it, such as sliders."""
    small = page.evaluate(
        """() => [...document.querySelectorAll(".ck :is(button, select, summary, input, [tabindex='0'])")]
            .map((one) => (one.matches("[type=radio], [type=checkbox]") ? one.closest("label") : one))
            .filter((one) => one.checkVisibility() && one.type !== "file")
            .map((one) => [one.closest(".ck").className, one.className || one.ariaLabel, one.getBoundingClientRect()])
            .filter(([, , { width, height }]) => Math.min(width, height) < 24)
            .map(([root, name, { width, height }]) => [root, name, width, height])"""
    )
    assert small == []


def test_a_report(browser, tmp_path):
    """The page of ``coursekit report``: wide and narrow, light and dark; nothing is wider than the window."""
    (tmp_path / "pictures").mkdir()
    write_pictures(tmp_path / "pictures")
    path = write_report(small_network(), tmp_path / "pictures", tmp_path / "report.html", "by-folder")
    for width, scheme in ((1280, "light"), (390, "light"), (390, "dark")):
        with browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
            asked, errors = [], []
            page.on("request", lambda request, asked=asked: asked.append(request.url[:40]))
            page.on("console", lambda message, errors=errors: errors.append(message.text))
            page.goto(path.as_uri())
            assert page.locator("main figure img").count() > 8
            page.evaluate(AXE)
            assert found_in(page, "html") == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
            assert errors == []
