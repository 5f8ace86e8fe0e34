"""DecisionExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import re

import numpy as np
import pytest
from matplotlib.colors import Normalize

from coursekit.show.saliency import RED_BLUE
from tests.browser.lab import python
from tests.browser.reading import (
    another_cell,
    check_keys_stay,
    check_text_stands_out,
    chosen,
    eventually,
    explorer_fixtures,
    pixels as canvas_pixels,
    received,
    run_cell,
    settled,
    too_wide,
    window_of,
)

ROOT = ".ck-decision-explorer"
METHODS = ["gradient", "smoothgrad", "guided_backprop", "deconvnet", "grad_cam"]

EXPLORER = """\
import numpy as np
from coursekit import DecisionExplorer, photo, squeezenet
model = squeezenet()
explorer = DecisionExplorer(model, photo("chelsea", 227), "Egyptian cat", samples=2)"""
RESET = """
explorer._samples = 2
explorer.target, explorer.against, explorer.layer, explorer.randomized = 285, None, None, 0
explorer.probability = explorer.absolute = explorer.own_scale = explorer.without_relu = False
explorer.wait()
"""
BEGINS = {".ck-target": "Egyptian cat", ".ck-status": "Done."}

notebook, page = explorer_fixtures(ROOT, EXPLORER, RESET, BEGINS)


def done(page):
    return page.locator(".ck-status").first.inner_text() == "Done."


def row(page, method, number=0):
    return page.locator(f'[data-method="{method}"] .ck-row').nth(number)


def text(page, method, part, number=0):
    return row(page, method, number).locator(f".ck-{part}").inner_text()


def wait(page):
    settled(page)
    python(page, "explorer.wait()")
    eventually(lambda: done(page) and page.locator(".ck-pending").count() == 0, True)


def check_drawn(page, method, number=0):
    """Compare a canvas with the values in the kernel, in matplotlib's colours."""
    name = "maps_against" if number else "maps"
    values = np.float32(received(page, f"explorer.{name}[{method!r}].tolist()"))
    limit = received(page, f"float(explorer._shown[{method!r}]['norms'][{number}].vmax)")
    expected = RED_BLUE(Normalize(-limit, limit)(values), bytes=True)[..., :3]
    found = canvas_pixels(row(page, method, number).locator("canvas"), "RGB")
    assert found.shape == expected.shape
    assert np.ptp(found) > 100
    assert (found != expected).any(-1).mean() < 0.002  # on the edge between two colours float32 may fall either way


# ---- what is seen


def test_maps_are_drawn_from_their_values(page):
    for method in METHODS:
        check_drawn(page, method)
        low, high = text(page, method, "range").replace("−", "-").split(" to ")
        values = received(page, f"[float(f(explorer.maps[{method!r}])) for f in (np.min, np.max)]")
        assert [float(low), float(high)] == pytest.approx(values, rel=0.06, abs=1e-9)
        assert row(page, method, 1).is_hidden()


def test_top_classes(page):
    names = page.locator(".ck-named").all_inner_texts()
    assert names[:3] == ["Egyptian cat", "tiger cat", "tabby, tabby cat"]
    *shares, last = page.locator(".ck-much").all_inner_texts()
    expected = received(page, "[p for _, p in explorer._top]")
    np.testing.assert_allclose([float(one) for one in shares], expected[:4], atol=6e-4)
    assert (last, expected[4] < 0.0005) == ("< 0.001", True)
    page.locator(".ck-class").nth(1).click()
    eventually(lambda: chosen(page, "target"), 282)
    eventually(lambda: page.locator(".ck-class").nth(1).get_attribute("aria-pressed"), "true")
    wait(page)
    assert text(page, "gradient", "of") == "tiger cat"


# ---- what is chosen


def test_class_by_keys(page):
    field = page.locator(".ck-target")
    assert page.locator(f"{ROOT} datalist option").count() == 1000
    before = canvas_pixels(row(page, "gradient").locator("canvas"))
    field.select_text()
    page.keyboard.type("teapott")
    page.keyboard.press("Enter")
    eventually(lambda: "There is no class teapott." in page.locator(".ck-alert").first.inner_text(), True)
    page.keyboard.press("Backspace")
    eventually(lambda: chosen(page, "target"), 849)
    wait(page)
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), "")
    assert text(page, "gradient", "of") == "teapot"
    assert (canvas_pixels(row(page, "gradient").locator("canvas")) != before).any()
    check_drawn(page, "gradient")


def test_two_classes_by_keys(page):
    field = page.locator(".ck-against")
    field.focus()
    page.keyboard.type("goose")
    eventually(lambda: chosen(page, "against"), 99)
    wait(page)
    correlations = received(page, "explorer.correlations")
    for method in METHODS:
        for number in (0, 1):
            check_drawn(page, method, number)
        assert text(page, method, "high", 0) == text(page, method, "high", 1)
        said = page.locator(f'[data-method="{method}"] .ck-correlation').inner_text()
        assert said == f"correlation of both {correlations[method]:.2f}".replace("-", "−")
    assert correlations["guided_backprop"] > 0.95 > 0.5 > correlations["gradient"]
    page.get_by_label("A scale of its own for each map").press("Space")
    eventually(lambda: chosen(page, "own_scale"), True)
    wait(page)
    eventually(lambda: text(page, "gradient", "high", 0) != text(page, "gradient", "high", 1), True)
    check_drawn(page, "gradient", 1)
    field.select_text()
    page.keyboard.press("Delete")
    eventually(lambda: chosen(page, "against"), None)
    wait(page)
    assert row(page, "gradient", 1).is_hidden()


def test_slider_by_keys(page):
    slider = page.get_by_role("slider", name="Randomized layers")
    assert slider.get_attribute("aria-valuetext") == "0 of 26, none: the trained network"
    slider.focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "randomized"), 1)
    assert page.locator(".ck-count").inner_text() == "1 of 26, from the top, down to conv10"
    wait(page)
    ranks = received(page, "explorer.rank_correlations")
    for method in METHODS:
        check_drawn(page, method)
        said = f"rank correlation with trained {ranks[method]:.2f}".replace("-", "−")
        assert text(page, method, "trained") == said
        assert said in row(page, method).locator("canvas").get_attribute("aria-label")
    assert abs(ranks["gradient"]) < 0.5 < 0.95 < ranks["guided_backprop"]
    page.keyboard.press("Home")
    eventually(lambda: chosen(page, "randomized"), 0)
    wait(page)
    assert text(page, "gradient", "trained") == ""


def test_mistakes_by_mouse(page):
    before = {method: text(page, method, "range") for method in METHODS}
    page.get_by_label("SmoothGrad: absolute value before the mean").click()
    page.get_by_label("Grad-CAM without its ReLU").click()
    eventually(lambda: (chosen(page, "absolute"), chosen(page, "without_relu")), (True, True))
    wait(page)
    assert "−" in before["smoothgrad"]
    assert "−" not in text(page, "smoothgrad", "range")
    assert text(page, "gradient", "range") == before["gradient"]
    page.get_by_label("Probability instead of score").click()
    eventually(lambda: chosen(page, "probability"), True)
    wait(page)
    assert text(page, "gradient", "range") != before["gradient"]
    for box in page.get_by_role("checkbox").all():
        why = page.locator(f"#{box.get_attribute('aria-describedby')}")
        assert why.inner_text().startswith("Wrong because")


def test_layer(page):
    page.get_by_label("Grad-CAM at").select_option("fire5-concat")
    eventually(lambda: chosen(page, "layer"), "fire5-concat")
    wait(page)
    check_drawn(page, "grad_cam")


def test_cell_moves_the_page(page):
    run_cell(page, "explorer.target, explorer.against = 'goose', 'tabby'; explorer.absolute = True")
    eventually(lambda: page.locator(".ck-target").input_value(), "goose")
    eventually(page.locator(".ck-against").input_value, "tabby, tabby cat")
    eventually(page.get_by_label("SmoothGrad: absolute value before the mean").is_checked, True)


def test_nothing_and_no_numbers(page):
    python(
        page,
        "from coursekit.networks.backend import keras\n"
        "root = keras.layers.Lambda(lambda x: keras.ops.sqrt(x - 60), output_shape=(8, 8, 3))\n"
        "net = [root, keras.layers.Flatten(), keras.layers.Dense(2, kernel_initializer='zeros')]\n"
        "net[2].kernel_initializer = lambda shape, dtype=None: keras.ops.ones(shape) * [0.0, 1.0]\n"
        "picture = np.random.default_rng(0).uniform(0, 255, (8, 8, 3))\n"
        "broken = DecisionExplorer(keras.Sequential([keras.Input((8, 8, 3)), *net]), picture, 1, samples=2)\n"
        "broken.wait()\n"
        "net = [keras.layers.Flatten(), keras.layers.Dense(2, kernel_initializer='zeros')]\n"
        "silent = DecisionExplorer(keras.Sequential([keras.Input((8, 8, 3)), *net]), picture, 0, samples=2)",
    )
    with another_cell(page, "broken", ROOT) as second:
        shown = second.locator('[data-method="gradient"]')
        eventually(lambda: shown.locator(".ck-range").first.inner_text()[:6], "NaN at")
        grey = {tuple(pixel) for pixel in canvas_pixels(shown.locator("canvas").first, "RGB").reshape(-1, 3)}
        assert {(110, 110, 110), (190, 190, 190)} <= grey
        assert second.locator(".ck-much").first.inner_text() == "NaN"
        assert second.get_by_label("Probability instead of score").is_disabled()
    with another_cell(page, "silent", ROOT) as second:
        shown = second.locator('[data-method="gradient"]')
        eventually(lambda: shown.locator(".ck-range").first.inner_text(), "nothing: zero everywhere")
        assert np.ptp(canvas_pixels(shown.locator("canvas").first, "RGB")) == 0
        assert shown.locator(".ck-scale").first.is_hidden()
        assert second.locator(".ck-where").is_hidden()  # no layer has maps
        assert second.locator(".ck-map").count() == 4


def test_error_of_the_thread_is_shown(page):
    python(page, "explorer._samples = 'many'; explorer.absolute = True")
    eventually(lambda: "samples must be a whole number" in page.locator(".ck-alert").first.inner_text(), True)
    python(page, "explorer._samples = 2; explorer.absolute = False")
    wait(page)
    assert page.locator(".ck-alert").first.inner_text() == ""


def test_a_second_view_shows_the_same(page):
    with another_cell(page, "explorer", ROOT) as second:
        for method in METHODS:
            canvas = second.locator(f'[data-method="{method}"] canvas').first
            expected = canvas_pixels(page.locator(f'[data-method="{method}"] canvas').first)
            eventually(lambda canvas=canvas, expected=expected: np.array_equal(canvas_pixels(canvas), expected), True)
        second.get_by_label("Probability instead of score").click()
        eventually(lambda: page.get_by_label("Probability instead of score").first.is_checked(), True)
        eventually(lambda: "raises the probability of the class" in page.locator(".ck-note").first.inner_text(), True)


# ---- everybody can use it


def test_keys_stay_in_the_explorer(page):
    check_keys_stay(page, [".ck-depth", ".ck-layer", '[data-key="absolute"]', ".ck-class"])


def test_names_and_roles(page):
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'group "Maps of a decision"',
        'combobox "Class"',
        'combobox "Compare with"',
        'combobox "Grad-CAM at"',
        'slider "Randomized layers"',
        'progressbar "Maps that are done"',
        'region "What the network says"',
        'group "Maps"',
        'group "Usual mistakes"',
        'checkbox "Probability instead of score"',
    ]:
        assert line in tree
    assert re.search(r'img "The picture. Most probable classes: Egyptian cat 0\.\d+; tiger cat', tree)
    for name in ("Gradient", "SmoothGrad", "Guided backprop", "Deconvnet"):
        assert re.search(rf'img "{name}, Egyptian cat: values −[\d.e−]+ to [\d.e−]+, \d+% positive, the reddest', tree)
    assert re.search(r'img "Grad-CAM, Egyptian cat: values [\d.]+ to [\d.]+, \d+% positive, the reddest', tree)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    python(page, "explorer.against = 'goose'")
    wait(page)
    check_text_stands_out(page, ROOT, theme, least=30)


@pytest.mark.parametrize("width", [640, 390])
def test_narrow_output_wraps(page, width):
    with window_of(page, width):
        eventually(lambda: too_wide(page, ROOT, ".ck-of, .ck-range, .ck-target, .ck-against"), [])
        for method in METHODS:
            assert row(page, method).locator("canvas").bounding_box()["width"] >= 100
