"""StyleExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import re

import numpy as np
import pytest

from tests.browser.lab import python
from tests.browser.reading import (
    another_cell,
    as_file,
    check_keys_stay,
    check_text_stands_out,
    chosen,
    drop,
    eventually,
    explorer_fixtures,
    pixels as canvas_pixels,
    received,
    run_cell,
    settled,
    too_wide,
    window_of,
)

ROOT = ".ck-style-explorer"

EXPLORER = """\
import numpy as np
from coursekit import StyleExplorer, painting, photo, show, squeezenet, with_average_pooling
from coursekit.networks.stylizing import style_network
model = with_average_pooling(squeezenet())
contents = {"cat": photo("chelsea", (64, 96)), "coffee": photo("coffee", (72, 96))}
styles = {"mosaic": painting("mosaic", 96), "brick": photo("brick", 80)}
layers = ["relu_conv1", "fire2-concat"]
explorer = StyleExplorer(model, contents, styles, stylizers={"mosaic": style_network(1)}, layers=layers,
                         content_layer="fire3-concat", steps=30, size=96)
explorer.start()"""
RESET = """
explorer._steps = 30
explorer.stop()
explorer.content, explorer.style, explorer.strength, explorer.keep_colour = 0, 0, 1.0, False
explorer.weights = {"relu_conv1": 1.0, "fire2-concat": 1.0}
explorer.start()
explorer.wait()
"""
BEGINS = {".ck-content": "0", ".ck-style": "0", ".ck-start": "Start", ".ck-step": "step 30 of 30"}

notebook, page = explorer_fixtures(ROOT, EXPLORER, RESET, BEGINS, end="explorer.stop()")


def text(page, part):
    return page.locator(f"{ROOT} .ck-{part}").first.inner_text()


def wait(page):
    settled(page)
    python(page, "explorer.wait()")
    eventually(lambda: text(page, "start"), "Start")


def begin_a_long_run(page):
    python(page, "explorer._steps = 4000; explorer.start()")
    eventually(lambda: text(page, "start"), "Stop")


def pixels(page, name):
    return canvas_pixels(page.locator(f"{ROOT} canvas.ck-{name}").first, "RGB")


def check_drawn(page):
    """Compare the canvases with the arrays in the kernel."""
    expected = {
        "photo": "explorer._picture('content', explorer.content)",
        "painting": "explorer._picture('style', explorer.style)",
        "made": "np.rint(explorer.image.clip(0, 255)).astype(int)",
    }
    if python(page, "print(explorer.stylized is None)") == "False":
        expected["fast"] = "np.rint(explorer.stylized.clip(0, 255)).astype(int)"
    for name, code in expected.items():
        np.testing.assert_array_equal(pixels(page, name), received(page, f"{code}.tolist()"))


def in_words(losses):
    return "Content loss {}, style loss {}".format(*(np.format_float_positional(float(f"{x:.3g}")) for x in losses))


# ---- what is seen


def test_content_style_and_both_answers(page):
    check_drawn(page)
    assert pixels(page, "made").shape == pixels(page, "fast").shape == (64, 96, 3)
    path = received(page, "explorer.path.tolist()")
    assert text(page, "says-photo") == "cat"
    assert text(page, "says-made") == f"30 passes forward and back. {in_words(path[-1][1:])}."
    fast = received(page, "list(explorer._shown['fast_losses'])")
    assert text(page, "says-fast") == f"1 pass forward. {in_words(fast)}. The sliders do not change it."


def test_losses_as_curves(page):
    path = np.array(received(page, "explorer.path.tolist()"))
    for column, name in ((1, "content"), (2, "style")):
        points = page.locator(f".ck-curve-{name}").first.get_attribute("points").split()
        found = np.array([one.split(",") for one in points], float)
        np.testing.assert_allclose(found[:, 0], 100 * path[:, 0] / 30)
        np.testing.assert_allclose(found[:, 1], 100 * (1 - path[:, column] / path[:, 1:].max()), atol=0.006)


def test_it_converges_before_the_eyes(page):
    begin_a_long_run(page)
    first = pixels(page, "made")
    eventually(lambda: received(page, "explorer.path[-1, 0]") >= 5, True)
    eventually(lambda: np.abs(pixels(page, "made").astype(int) - first).mean() > 1, True)
    assert page.locator(ROOT).first.get_attribute("aria-busy") == "true"
    assert re.fullmatch(r"step \d+ of 4000", text(page, "step"))


# ---- what is chosen


def test_content_and_style_by_keys(page):
    page.locator(f"{ROOT} select.ck-content").focus()
    page.keyboard.press("ArrowDown")
    eventually(lambda: chosen(page, "content"), 1)
    page.locator(f"{ROOT} select.ck-style").focus()
    page.keyboard.press("b")  # brick
    eventually(lambda: chosen(page, "style"), 1)
    wait(page)
    eventually(lambda: text(page, "says-fast"), "No network was trained for this style.")
    check_drawn(page)
    assert pixels(page, "photo").shape == (72, 96, 3)
    assert page.locator(f"{ROOT} canvas.ck-fast").is_visible() is False


def test_weights_by_keys(page):
    slider = page.get_by_role("slider", name="fire2-concat")
    slider.focus()
    page.keyboard.press("Home")
    eventually(lambda: chosen(page, "weights"), {"relu_conv1": 1, "fire2-concat": 0})
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "weights"), {"relu_conv1": 1, "fire2-concat": 0.2})
    assert slider.get_attribute("aria-valuetext") == "0.2"
    wait(page)
    check_drawn(page)


def test_strength_by_mouse_and_keys(page):
    slider = page.get_by_role("slider", name="Weight of the style")
    assert slider.get_attribute("aria-valuetext") == "1"
    slider.focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "strength"), 2)
    page.keyboard.press("Home")
    eventually(lambda: chosen(page, "strength"), 0)
    wait(page)
    without = np.abs(pixels(page, "made").astype(int) - pixels(page, "photo")).mean()
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    eventually(lambda: chosen(page, "strength"), 100)
    wait(page)
    check_drawn(page)
    assert np.abs(pixels(page, "made").astype(int) - pixels(page, "photo")).mean() > 2 * without


def test_keep_the_colours(page):
    before = pixels(page, "made")
    page.get_by_role("checkbox", name="keep the colours").click()
    eventually(lambda: python(page, "print(explorer.keep_colour)"), "True")
    wait(page)
    check_drawn(page)
    assert np.abs(pixels(page, "made").astype(int) - before).mean() > 1


def test_stop_and_start(page):
    begin_a_long_run(page)
    page.locator(f"{ROOT} .ck-start").click()
    eventually(lambda: (text(page, "start"), text(page, "status")), ("Start", "Stopped."))
    eventually(lambda: python(page, "print(explorer._thread.is_alive())"), "False")
    check_drawn(page)  # the picture as far as it came
    page.locator(f"{ROOT} select.ck-content").select_option("1")
    wait(page)
    eventually(lambda: text(page, "step"), "step 0 of 4000")  # the fast network answers, and nothing else begins
    check_drawn(page)
    page.locator(f"{ROOT} .ck-start").press("Enter")
    eventually(lambda: received(page, "explorer.path[-1, 0]") > 0, True)
    assert text(page, "start") == "Stop"


def test_a_new_choice_cancels(page):
    begin_a_long_run(page)
    threads = "sum(one.name == 'StyleExplorer' for one in threading.enumerate())"
    for option in ("1", "0", "1"):
        page.locator(f"{ROOT} select.ck-content").select_option(option)
    eventually(lambda: received(page, "(explorer._shown['content'], explorer._running)"), [1, True])
    python(page, "import threading")
    eventually(lambda: received(page, threads), 1)


def test_cell_moves_the_page(page):
    run_cell(page, "explorer.style, explorer.strength, explorer.weights = 'brick', 20, {'relu_conv1': 0.5}")
    eventually(lambda: page.locator(f"{ROOT} select.ck-style").first.input_value(), "1")
    strength, *weights = (
        page.get_by_role("slider", name=name) for name in ("Weight of the style", "relu_conv1", "fire2-concat")
    )
    eventually(lambda: strength.get_attribute("aria-valuetext"), "20")
    eventually(lambda: [slider.input_value() for slider in weights], ["0.5", "0"])


def test_error_of_the_thread_is_shown(page):
    python(page, "explorer._steps = 'many'; explorer.strength = 3")
    eventually(lambda: text(page, "alert") != "", True)
    python(page, "explorer._steps = 30; explorer.strength = 1")
    eventually(lambda: text(page, "alert"), "")


# ---- own pictures


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (50, 60, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("onto", "role", "part"), [("canvas.ck-made", "content", "photo"), ("canvas.ck-painting", "style", "painting")]
)
def test_dropped_picture(page, onto, role, part):
    name = f"{role}.png"
    drop(page, name, as_file(picture(4)), f"{ROOT} {onto}")
    eventually(lambda: text(page, f"says-{part}"), name)
    wait(page)
    select = page.locator(f"{ROOT} select.ck-{role}")
    assert select.evaluate("one => one.selectedOptions[0].text") == name
    np.testing.assert_array_equal(pixels(page, part), picture(4))
    check_drawn(page)


def test_chosen_file(page, tmp_path):
    (tmp_path / "mine.png").write_bytes(as_file(picture(6)))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Your style").press("Enter")
    chooser.value.set_files(tmp_path / "mine.png")
    eventually(lambda: text(page, "says-painting"), "mine.png")
    wait(page)
    check_drawn(page)


def test_dropped_text(page):
    drop(page, "notes.jpg", b"Dear diary,\n", f"{ROOT} canvas.ck-made")
    eventually(lambda: text(page, "alert"), "notes.jpg holds text, not a picture, whatever its name ends in.")
    assert (chosen(page, "content"), page.locator(ROOT).get_attribute("aria-busy")) == (0, "false")
    check_drawn(page)


# ---- everybody can use it


def test_a_second_view_shows_the_same(page):
    with another_cell(page, "explorer", ROOT) as second:
        for name in ("photo", "painting", "made", "fast"):
            canvas = second.locator(f"canvas.ck-{name}")
            expected = pixels(page, name)
            eventually(
                lambda canvas=canvas, expected=expected: np.array_equal(canvas_pixels(canvas, "RGB"), expected), True
            )
        second.get_by_role("slider", name="relu_conv1").focus()
        page.keyboard.press("Home")
        eventually(lambda: page.get_by_role("slider", name="relu_conv1").first.input_value(), "0")


def test_keys_stay_in_the_explorer(page):
    check_keys_stay(page, [".ck-strength", ".ck-weight", ".ck-start", "select.ck-style"])


def test_names_and_roles(page):
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'group "Content in the style of another picture"',
        'combobox "Content"',
        'combobox "Style"',
        'button "Your photo…"',
        'checkbox "keep the colours of the content"',
        'slider "Weight of the style"',
        'slider "fire2-concat"',
        'progressbar "Steps"',
        'img "Content: cat"',
        'img "Style: mosaic"',
    ]:
        assert line in tree
    assert re.search(r'img "Step by step: step 30 of 30, Content loss [\d.]+, style loss [\d.]+"', tree)
    assert re.search(r'img "At once: one pass, Content loss [\d.]+, style loss [\d.]+"', tree)
    assert re.search(r'img "Losses up to step 30: content 0 to [\d.]+, style [\d.]+ to [\d.]+\."', tree)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    check_text_stands_out(page, ROOT, theme, least=18)


@pytest.mark.parametrize("width", [640, 390])
def test_narrow_output_wraps(page, width):
    with window_of(page, width):
        eventually(lambda: too_wide(page, ROOT, "select"), [])
        for name in ("photo", "painting", "made", "fast"):
            assert page.locator(f"{ROOT} canvas.ck-{name}").first.bounding_box()["width"] >= 100
