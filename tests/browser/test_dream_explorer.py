"""DreamExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import re
import time

import numpy as np
import pytest
from PIL import Image

from tests.browser.lab import python
from tests.browser.reading import (
    another_cell,
    busy_kernel,
    check_keys_stay,
    check_text_stands_out,
    chosen,
    command,
    eventually,
    explorer_fixtures,
    pixels as canvas_pixels,
    received,
    run_cell,
    settled,
    too_wide,
    window_of,
)

ROOT = ".ck-dream-explorer"

EXPLORER = """\
from coursekit import DreamExplorer, channel, class_score, maximize, squeezenet
model = squeezenet()
explorer = DreamExplorer(model, "fire6-squeeze1x1", 13)"""
# So many steps that a run is still on when a test has looked at it.
RESET = """
explorer.stop()
explorer._size = None
explorer.label, explorer.layer, explorer.channel = None, "fire6-squeeze1x1", 13
explorer.a, explorer.b = {}, {"parametrization": "pixels", "shift": 0, "scale": 0, "rotate": 0}
explorer.compare, explorer.steps = True, 4000
"""
BEGINS = {".ck-steps": "4000", ".ck-start": "Start"}

notebook, page = explorer_fixtures(ROOT, EXPLORER, RESET, BEGINS, end="explorer.stop()")


def pixels(page, panel="a", view=0):
    """Return what stands on a panel's canvas, (H, W, 3)."""
    return canvas_pixels(page.locator(f'[data-panel="{panel}"] canvas').nth(view), "RGB")


def step(page):
    """Return the step that the page says it shows; 0 while it gets ready."""
    found = re.match(r"step (\d+) of", page.locator(".ck-step").first.inner_text())
    return int(found[1]) if found else 0


def title(page):
    return page.locator(".ck-title").first.inner_text()


def running(page):
    return page.locator(".ck-start").first.inner_text() == "Stop"


def start(page, least=1):
    """Press Start, and wait until this run has made some steps."""
    page.locator(".ck-start").first.click()
    eventually(lambda: running(page), True)
    eventually(lambda: step(page) in range(least, 4000), True)


def at_the_end(page, last):
    """Wait until a run of so many steps is over, and seen."""
    settled(page)
    python(page, "explorer.wait()")
    eventually(lambda: (step(page), running(page)), (last, False))


def slider(page, name, panel="A"):
    return page.get_by_role("slider", name=f"{name}, {panel}", exact=True).first


# ---- a run


def test_begins_with_a_still_picture(notebook):
    eventually(lambda: step(notebook), 32)
    assert title(notebook) == "fire6-squeeze1x1, channel 13"
    assert not running(notebook)
    assert pixels(notebook).shape == (128, 128, 3)
    assert np.ptp(pixels(notebook)) > 150


def test_picture_grows(page):
    start(page)
    first, picture = step(page), pixels(page)
    eventually(lambda: step(page) > first + 20, True)
    assert np.abs(pixels(page).astype(int) - picture).mean() > 1
    assert int(page.locator(".ck-progress").get_attribute("value")) >= first + 20
    score = float(page.locator('[data-panel="a"] .ck-score').inner_text().removeprefix("score "))
    assert score > 20
    points = page.locator(".ck-curve-a").get_attribute("points").split()
    assert len(points) > first + 20


def test_runs_to_its_end(page):
    page.locator(".ck-steps").fill("40")
    page.keyboard.press("Tab")
    page.locator(".ck-start").click()
    eventually(lambda: page.get_by_role("status").first.inner_text(), "Done.")
    eventually(lambda: (step(page), running(page)), (40, False))
    assert chosen(page, "images.shape") == [2, 128, 128, 3]


def test_cells_run_meanwhile(page):
    start(page)
    before = step(page)
    assert run_cell(page, "print(sum(range(10)))") == "45"
    assert running(page)  # the cell did not wait for the last of the 4000 steps, nor end the run
    eventually(lambda: step(page) > before, True)


def test_a_busy_kernel_does_not_stop_the_picture(page, tmp_path):
    start(page)
    with busy_kernel(page, tmp_path):
        before = step(page)
        eventually(lambda: step(page) > before + 10, True)


def test_stop_does_not_wait_for_a_busy_kernel(page, tmp_path):
    start(page)
    with busy_kernel(page, tmp_path):
        page.locator(".ck-start").click()
        eventually(lambda: running(page), False)


def test_stop_keeps_the_picture(page):
    start(page, least=10)
    page.locator(".ck-start").click()
    eventually(lambda: page.get_by_role("status").first.inner_text(), "Stopped.")
    kept = [pixels(page, panel) for panel in "ab"]
    at = step(page)
    time.sleep(0.5)
    assert step(page) == at
    for panel, before in zip("ab", kept, strict=True):
        np.testing.assert_array_equal(pixels(page, panel), before)
    # The kernel holds the same pictures, and the code makes them again.
    printed = python(
        page,
        "import numpy as np; exec(explorer.code); now = np.stack([a, b]);"
        "print(np.array_equal(now, explorer.images), np.rint(explorer.images).astype(int).sum())",
    )
    assert printed == f"True {sum(int(picture.astype(int).sum()) for picture in kept)}"
    page.get_by_text("As code").first.click()
    assert page.locator(".ck-code").inner_text() == chosen(page, "code")


# ---- a new choice


def test_arrow_key_cancels_the_run(page):
    page.evaluate(
        """() => {
            window.said = [];
            const [name, step] = ["title", "step"].map((one) => document.querySelector(".ck-" + one));
            const watcher = new MutationObserver(() => said.push([name.textContent, step.textContent]));
            for (const one of [name, step]) watcher.observe(one, { childList: true });
        }"""
    )
    start(page, least=5)
    old = pixels(page)
    page.evaluate("window.said.length = 0")
    page.locator(".ck-channel").first.focus()
    page.keyboard.press("ArrowUp")
    eventually(lambda: (title(page), step(page) > 20), ("fire6-squeeze1x1, channel 14", True))
    assert chosen(page, "channel") == 14
    said = [tuple(pair) for pair in page.evaluate("said")]
    fresh = said.index(("fire6-squeeze1x1, channel 14", "step 1 of 4000"))
    assert {name for name, _ in said[fresh:]} == {"fire6-squeeze1x1, channel 14"}  # the old run never came back
    steps = [int(text.split()[1]) for _, text in said[fresh:]]
    assert steps == sorted(steps)
    assert np.abs(pixels(page).astype(int) - old).mean() > 10
    assert running(page)


def test_channel_by_slider_and_by_number(page):
    page.locator(".ck-walk").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "channel"), 15)
    page.locator(".ck-channel").select_text()
    page.keyboard.type("46")
    eventually(lambda: chosen(page, "channel"), 46)
    page.keyboard.type("0")
    said = "A whole number from 0 to 47 is needed here, not 460."
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), said)
    page.keyboard.press("Tab")
    assert page.locator(".ck-channel").input_value() == "46"
    assert not running(page)  # nothing starts before Start
    assert title(page) != "fire6-squeeze1x1, channel 46"  # and the picture keeps its own name


def test_layer(page):
    page.locator(".ck-walk").fill("40")
    page.get_by_label("Layer").select_option("fire2-squeeze1x1")
    eventually(lambda: (chosen(page, "layer"), chosen(page, "channel")), ("fire2-squeeze1x1", 0))
    eventually(page.locator(".ck-count").inner_text, "0 to 15")
    start(page)
    assert title(page) == "fire2-squeeze1x1, channel 0"


def test_class_by_name(page):
    page.get_by_text("class", exact=True).click()
    field = page.locator(".ck-class")
    assert field.is_visible()
    assert not page.get_by_label("Layer").is_visible()
    assert page.locator("datalist option").count() == 1000
    field.select_text()
    page.keyboard.type("lemonn")
    page.keyboard.press("Enter")
    eventually(lambda: "There is no class lemonn." in page.locator(".ck-alert").first.inner_text(), True)
    page.keyboard.press("Backspace")
    eventually(lambda: chosen(page, "label"), 951)
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), "")
    field.select_text()
    page.keyboard.type("tabby")  # one of its names
    eventually(lambda: chosen(page, "label"), 281)
    page.keyboard.press("Tab")
    assert field.input_value() == "tabby, tabby cat"
    page.get_by_role("checkbox", name="compare with B").uncheck()
    start(page)
    assert title(page) == "tabby, tabby cat"
    assert pixels(page).shape == (227, 227, 3)
    page.get_by_text("channel", exact=True).first.click()
    eventually(lambda: chosen(page, "label"), None)
    page.get_by_text("class", exact=True).click()
    eventually(lambda: chosen(page, "label"), 281)


def test_cell_moves_the_page(page):
    run_cell(page, "explorer.layer, explorer.channel = 'conv1', 21; explorer.a = {'l2': 20, 'start': 'grey'}")
    eventually(lambda: page.locator(".ck-channel").input_value(), "21")
    eventually(page.locator(".ck-layer").input_value, "conv1")
    eventually(lambda: slider(page, "L2").get_attribute("aria-valuetext"), "20")
    eventually(page.get_by_role("combobox", name="Start, A").input_value, "grey")
    run_cell(page, "explorer.label = 'lemon'")
    eventually(lambda: page.locator(".ck-class").input_value(), "lemon")


# ---- two settings


def test_settings_by_keys(page):
    slider(page, "L2").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    slider(page, "Shift", "B").focus()
    page.keyboard.press("ArrowRight")
    slider(page, "Rotate").focus()
    page.keyboard.press("Home")
    page.get_by_role("combobox", name="Start, B").select_option("black")
    page.get_by_role("spinbutton", name="Seed, B").fill("7")
    settled(page)
    eventually(lambda: chosen(page, "b['seed']"), 7)
    assert received(page, "[explorer.a, explorer.b]") == [
        {"parametrization": "fourier", "start": "noise", "seed": 0, "l2": 20, "total_variation": 0, "blur": 0}
        | {"shift": 12, "scale": 0.1, "rotate": 0},
        {"parametrization": "pixels", "start": "black", "seed": 7, "l2": 0, "total_variation": 0, "blur": 0}
        | {"shift": 2, "scale": 0, "rotate": 0},
    ]
    assert slider(page, "L2").evaluate("slider => slider.nextElementSibling.textContent") == "20"


def test_settings_side_by_side(page):
    start(page, least=40)
    a, b = pixels(page, "a").astype(int), pixels(page, "b").astype(int)
    grain = [np.abs(np.diff(picture, axis=1)).mean() for picture in (a, b)]
    assert grain[1] > 1.5 * grain[0]  # waves beside pixels that nothing keeps from being noise
    python(page, "explorer.steps = 25")  # each choice begins anew, and this is the end
    page.get_by_role("button", name="Copy A’s settings to B").click()
    eventually(lambda: chosen(page, "a == explorer.b"), True)
    at_the_end(page, 25)
    np.testing.assert_array_equal(pixels(page, "a"), pixels(page, "b"))
    # One setting changed, with the same start: that is what makes the difference.
    slider(page, "L2", "B").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "b['l2']") > chosen(page, "a['l2']"), True)
    at_the_end(page, 25)
    spread = [pixels(page, panel).std() for panel in "ab"]
    assert spread[1] < spread[0]


def test_a_new_setting_cancels_the_run(page):
    start(page, least=30)
    slider(page, "Blur").focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: "blur=1" in python(page, "print(explorer.code)"), True)
    eventually(lambda: "blur=1" in page.locator(".ck-code").text_content(), True)
    assert running(page)


def test_one_setting_alone(page):
    page.get_by_role("checkbox", name="compare with B").uncheck()
    assert not page.locator('[data-panel="b"]').is_visible()
    start(page)
    assert chosen(page, "images.shape") == [1, 128, 128, 3]
    assert page.locator(".ck-curve-b").get_attribute("points") == ""


def test_save_as_png(page):
    start(page, least=3)
    page.locator(".ck-start").click()
    eventually(lambda: running(page), False)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save PNG").nth(1).click()
    assert waiting.value.suggested_filename == f"fire6-squeeze1x1-channel-13-b-step-{step(page)}.png"
    saved = np.asarray(Image.open(waiting.value.path()).convert("RGB"))
    np.testing.assert_array_equal(saved, pixels(page, "b"))


def test_error_of_the_thread_is_shown(page):
    python(page, "explorer._size = 3")  # too small for the layer's kernels
    page.locator(".ck-start").click()
    eventually(lambda: "3 x 3" in page.locator(".ck-alert").first.inner_text(), True)
    assert not running(page)
    python(page, "explorer._size = None")
    start(page)
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), "")


def test_steps_that_cannot_be_taken_are_said(page):
    python(
        page,
        "from coursekit.networks.backend import keras\n"
        "root = keras.layers.Lambda(lambda x: keras.ops.sqrt(x - 127.5), output_shape=(8, 8, 3), name='root')\n"
        "broken = DreamExplorer(keras.Sequential([keras.Input((8, 8, 3)), root]), steps=5)",
    )
    with another_cell(page, "broken", ROOT) as second:
        second.locator(".ck-start").click()
        said = "A: at 5 of 5 steps, first at step 1, the score or its gradient was no finite number"
        eventually(lambda: second.locator(".ck-stuck").inner_text()[: len(said)], said)
        assert second.locator(".ck-stuck").get_attribute("role") == "status"
        assert second.locator(".ck-curve-a").get_attribute("points").strip() == ""
        assert page.locator(".ck-stuck").first.inner_text() == ""


# ---- everybody can use it


def test_keys_stay_in_the_explorer(page):
    check_keys_stay(page, [".ck-walk", ".ck-compare", ".ck-start", '[data-key="l2"]', ".ck-save"])


def test_names_and_roles(page):
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'group "Draw a"',
        'radio "channel" [checked]',
        'radio "class"',
        'combobox "Layer"',
        'spinbutton "Channel"',
        'slider "Channel"',
        'spinbutton "Steps"',
        'checkbox "compare with B" [checked]',
        'button "Start"',
        'progressbar "Steps"',
        'region "A"',
        'region "B"',
        'combobox "Varied, A"',
        'slider "Total variation, B"',
        'button "Copy A’s settings to B"',
        'button "Save PNG"',
    ]:
        assert line in tree
    assert re.search(r'img "A: what the network draws for .+, step \d+, score [-\d.]+"', tree)
    assert re.search(r'img "Score at each step, up to step \d+: A [-\d.]+, B [-\d.]+\. The strongest photo has', tree)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    check_text_stands_out(page, ROOT, theme, least=20)


@pytest.mark.parametrize(("width", "stacked"), [(640, False), (400, True)])
def test_narrow_output_wraps(page, width, stacked):
    a, b = page.locator('[data-panel="a"]'), page.locator('[data-panel="b"]')
    with window_of(page, width):
        eventually(lambda: b.bounding_box()["y"] > a.bounding_box()["y"] + 100, stacked)
        eventually(lambda: too_wide(page, ROOT, ".ck-code"), [])


# ---- several views


def test_page_loaded_again_finds_the_picture(page):
    start(page, least=5)
    page.locator(".ck-start").click()
    eventually(lambda: running(page), False)
    before, at = pixels(page), step(page)
    command(page, "docmanager:save")
    page.reload()
    page.locator(ROOT).wait_for()
    eventually(lambda: step(page), at)
    np.testing.assert_array_equal(pixels(page), before)
    start(page)
    python(page, "explorer.stop()")
    eventually(lambda: running(page), False)


def test_two_views_stay_in_step(page):
    with another_cell(page, "explorer", ROOT):
        start(page, least=3)
        page.locator(".ck-start").nth(1).click()
        eventually(lambda: running(page), False)
        for panel in "ab":
            np.testing.assert_array_equal(pixels(page, panel, 0), pixels(page, panel, 1))
        slider(page, "Blur").focus()
        page.keyboard.press("End")
        second = page.get_by_role("slider", name="Blur, A").nth(1)
        eventually(lambda: second.get_attribute("aria-valuetext"), "1000")
