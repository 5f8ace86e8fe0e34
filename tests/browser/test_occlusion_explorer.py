"""OcclusionExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import numpy as np
import pytest

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

ROOT = ".ck-occlusion-explorer"
EXPLORER = """\
import numpy as np
from coursekit import OcclusionExplorer, photo, squeezenet
model = squeezenet()
explorer = OcclusionExplorer(model, photo("chelsea", 227), "Egyptian cat", patch=40, stride=40, position=(90, 100))"""
RESET = """
explorer._stride = 40
explorer.target, explorer.patch, explorer.baseline, explorer.position = 285, 40, "mean", (90, 100)
explorer.wait()
"""
BEGINS = {".ck-where": "Rows 90 to 129, columns 100 to 139.", ".ck-status": "The map is done."}

notebook, page = explorer_fixtures(ROOT, EXPLORER, RESET, BEGINS)


def stage(page):
    return page.locator(".ck-stage").first


def done(page):
    return page.locator(".ck-status").first.inner_text() == "The map is done."


def place(page):
    """Return where the page draws the patch, in pixels of the photo: [row, column]."""
    outer, inner = (page.locator(css).first.bounding_box() for css in (".ck-stage", ".ck-patch"))
    factor = 227 / outer["width"]
    return [round((inner["y"] - outer["y"]) * factor), round((inner["x"] - outer["x"]) * factor)]


def point(page, row, column):
    """Return where a pixel of the photo is in the window."""
    box = stage(page).bounding_box()
    return box["x"] + column * box["width"] / 227, box["y"] + row * box["height"] / 227


def scores(page):
    return [float(text.replace("−", "-")) for text in page.locator(".ck-now").all_inner_texts()]


def expected_scores(page):
    return received(page, "[round(float(explorer.scores[i]), 1) for i in explorer._rows()]")


# ---- what is seen


def test_photo_map_and_patch(page):
    shown = canvas_pixels(page.locator("canvas.ck-photo").first, "RGB")
    np.testing.assert_array_equal(shown, received(page, "explorer.image.tolist()"))
    python(page, "from coursekit.show.class_activation import over_picture")
    python(page, "from coursekit.show.scale import scale_of")
    over = received(page, "over_picture(explorer._seen, explorer.map, scale_of(explorer.map, True)).tolist()")
    np.testing.assert_array_equal(canvas_pixels(page.locator("canvas.ck-map").first, "RGB"), over)
    cover = canvas_pixels(page.locator("canvas.ck-cover").first, "RGB")
    assert (cover == np.rint(received(page, "explorer.image.mean((0, 1)).tolist()"))).all()
    limit = received(page, "float(abs(explorer.map).max())")
    assert float(page.locator(".ck-high").first.inner_text()) == pytest.approx(limit, rel=0.06)


def test_the_cover_is_a_window_into_the_blurred_photo(page):
    python(page, "explorer.baseline = 'blur'; explorer.wait()")
    eventually(lambda: np.ptp(canvas_pixels(page.locator("canvas.ck-cover").first, "RGB")) > 20, True)
    outer, inner = (page.locator(css).first.bounding_box() for css in (".ck-stage", ".ck-cover"))
    for side in ("x", "y", "width", "height"):
        assert inner[side] == pytest.approx(outer[side], abs=1)


def test_scores(page):
    assert page.locator(".ck-named").all_inner_texts()[:2] == ["Egyptian cat", "tiger cat"]
    assert scores(page) == pytest.approx(expected_scores(page), abs=0.051)
    before = [float(text.replace("−", "-")) for text in page.locator(".ck-before").all_inner_texts()]
    assert before == pytest.approx(received(page, "[float(explorer._whole[i]) for i in explorer._rows()]"), abs=0.051)
    name = received(page, "explorer._classes[int(np.argmax(explorer._scores[1]))]")
    assert page.locator(".ck-winner").first.inner_text().startswith(name)


# ---- what is chosen


def test_drag_by_mouse(page):
    x, y = point(page, 100, 110)  # inside the patch: it keeps where it is held
    page.mouse.move(x, y)
    page.mouse.down()
    for row, column in ((110, 130), (130, 140), (140, 150)):
        page.mouse.move(*point(page, row, column))
    assert place(page) == pytest.approx([130, 140], abs=1)
    eventually(lambda: chosen(page, "position"), place(page))
    page.mouse.up()
    page.mouse.move(*point(page, 20, 20))  # not held any more
    assert place(page) == pytest.approx([130, 140], abs=1)
    eventually(lambda: scores(page) == pytest.approx(expected_scores(page), abs=0.051), True)
    page.mouse.click(*point(page, 60, 60))  # its middle comes to the pointer
    assert place(page) == pytest.approx([40, 40], abs=1)
    page.mouse.click(*point(page, 2, 225))
    assert place(page) == [0, 187]
    eventually(lambda: chosen(page, "position"), [0, 187])


def test_move_by_keys(page):
    stage(page).focus()
    for key, expected in [
        ("ArrowRight", [90, 105]),
        ("ArrowDown", [95, 105]),
        ("Shift+ArrowLeft", [95, 104]),
        ("Shift+ArrowUp", [94, 104]),
        ("ArrowUp", [89, 104]),
        ("ArrowLeft", [89, 99]),
        ("End", [89, 187]),
        ("PageDown", [187, 187]),
        ("ArrowRight", [187, 187]),
        ("Home", [187, 0]),
        ("PageUp", [0, 0]),
        ("ArrowUp", [0, 0]),
    ]:
        page.keyboard.press(key)
        eventually(lambda: (place(page), chosen(page, "position")), (expected, expected))
    assert stage(page).get_attribute("aria-valuenow") == "0"
    eventually(lambda: scores(page) == pytest.approx(expected_scores(page), abs=0.051), True)
    said = stage(page).get_attribute("aria-valuetext")
    assert said.startswith("Rows 0 to 39, columns 0 to 39. Score of Egyptian cat: ")
    assert f"{scores(page)[0]}, of the whole photo" in said.replace("−", "-")


def test_size_by_keys(page):
    size = page.get_by_label("Patch pixels")
    size.fill("100")
    page.keyboard.press("Enter")
    eventually(lambda: chosen(page, "patch"), 100)
    assert page.locator(".ck-patch").bounding_box()["width"] == pytest.approx(
        stage(page).bounding_box()["width"] * 100 / 227, abs=1
    )
    size.fill("228")
    page.keyboard.press("Enter")
    alert = page.locator(".ck-alert").first
    eventually(alert.inner_text, "A whole number from 1 to 227 is needed here, not 228.")
    size.fill("40")
    page.keyboard.press("Enter")
    eventually(lambda: (chosen(page, "patch"), alert.inner_text()), (40, ""))


def test_baseline_and_class(page):
    page.get_by_text("black", exact=True).click()
    eventually(lambda: chosen(page, "baseline"), "black")
    eventually(lambda: canvas_pixels(page.locator("canvas.ck-cover").first, "RGB").max(), 0)
    page.get_by_role("radio", name="black").press("ArrowLeft")
    eventually(lambda: chosen(page, "baseline"), "blur")
    page.locator(".ck-class").nth(1).click()
    eventually(lambda: chosen(page, "target"), 282)
    eventually(lambda: page.locator(".ck-class").nth(1).get_attribute("aria-pressed"), "true")
    eventually(page.locator(".ck-what").first.inner_text, "tiger cat")
    settled(page)
    python(page, "explorer.wait()")
    eventually(lambda: done(page), True)


def test_map_over_the_photo(page):
    slider = page.get_by_role("slider", name="Map over the photo, in percent")
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator("canvas.ck-map").first.evaluate("one => getComputedStyle(one).opacity") == "0"
    page.keyboard.press("End")
    assert page.locator("canvas.ck-map").first.evaluate("one => getComputedStyle(one).opacity") == "1"


def test_the_map_grows_while_the_patch_can_be_moved(page):
    python(page, "explorer._stride = 4")
    python(page, "explorer.baseline = 'grey'")
    eventually(lambda: 0 < page.locator(".ck-progress").first.evaluate("bar => bar.value") < 1, True)
    stage(page).focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "position"), [90, 105])
    eventually(lambda: scores(page) == pytest.approx(expected_scores(page), abs=0.051), True)
    assert received(page, "explorer._running")
    python(page, "explorer._stride = 40")


def test_cell_moves_the_page(page):
    run_cell(page, "explorer.position, explorer.patch, explorer.target = (10, 20), 60, 'goose'")
    eventually(lambda: place(page), [10, 20])
    eventually(page.get_by_label("Patch pixels").input_value, "60")
    eventually(lambda: page.locator(".ck-named").all_inner_texts()[5:], ["goose"])


def test_error_of_the_thread_is_shown(page):
    python(page, "explorer._stride = -1; explorer.baseline = 'grey'")
    eventually(lambda: "stride must be from 1 to 40, not -1" in page.locator(".ck-alert").first.inner_text(), True)
    python(page, "explorer._stride = 40; explorer.baseline = 'mean'; explorer.wait()")
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), "")


def test_a_second_view_shows_the_same(page):
    with another_cell(page, "explorer", ROOT) as second:
        expected = canvas_pixels(page.locator("canvas.ck-map").first)
        eventually(lambda: np.array_equal(canvas_pixels(second.locator("canvas.ck-map")), expected), True)
        eventually(lambda: second.locator(".ck-now").all_inner_texts(), page.locator(".ck-now").all_inner_texts()[:5])
        second.locator(".ck-stage").focus()
        page.keyboard.press("ArrowRight")
        eventually(lambda: place(page), [90, 105])


# ---- everybody can use it


def test_keys_stay_in_the_explorer(page):
    check_keys_stay(page, [".ck-stage", ".ck-opacity", ".ck-class", ".ck-baseline input"])


def test_names_and_roles(page):
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'group "A patch over a photo"',
        'spinbutton "Patch pixels"',
        'group "It shows"',
        'radio "mean colour" [checked]',
        'slider "Map over the photo, in percent"',
        'slider "Patch on the photo"',
        'progressbar "Map that is done"',
        'region "Scores under the patch"',
    ]:
        assert line in tree
    assert 'button "Egyptian cat: score ' in tree


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    check_text_stands_out(page, ROOT, theme, least=25)


@pytest.mark.parametrize("width", [640, 390])
def test_narrow_output_wraps(page, width):
    with window_of(page, width):
        eventually(lambda: too_wide(page, ROOT, ".ck-named, .ck-patch, .ck-stage"), [])
        assert stage(page).bounding_box()["width"] >= 200
