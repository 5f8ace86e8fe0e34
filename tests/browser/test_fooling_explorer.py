"""FoolingExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import re

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

ROOT = ".ck-fooling-explorer"
KOALA = "koala, koala bear, kangaroo bear, native bear, Phascolarctos cinereus"
TRIALS = ["png", "jpeg", "blur", "shift1", "shift4", "shift8"]

EXPLORER = """\
import numpy as np
from coursekit import FoolingExplorer, photos, show, squeezenet
model = squeezenet()
explorer = FoolingExplorer(model, photos()[0][[15, 8, 0]], "koala")"""
RESET = """
explorer._steps = 10
explorer.photo, explorer.target, explorer.budget, explorer.tried = 0, 105, 2, []
explorer.wait()
"""
BEGINS = {".ck-target": KOALA, ".ck-status": "The network is fooled."}

notebook, page = explorer_fixtures(ROOT, EXPLORER, RESET, BEGINS)


def status(page):
    return page.locator(f"{ROOT} .ck-status").first.inner_text()


def wait(page):
    settled(page)
    python(page, "explorer.wait()")
    eventually(lambda: page.locator(ROOT).first.get_attribute("aria-busy"), "false")


def cells(page, trial):
    return [page.locator(f'[data-trial="{trial}"] .ck-{part}').first.inner_text() for part in ("lie", "clean")]


def check_drawn(page):
    """Compare the three canvases with the arrays in the kernel."""
    expected = {
        "photo": "explorer.image",
        "changed": "explorer.fooled",
        "change": "show.magnified(explorer.image, explorer.fooled)",
    }
    for name, code in expected.items():
        found = canvas_pixels(page.locator(f"{ROOT} canvas.ck-{name}").first, "RGB")
        np.testing.assert_array_equal(found, received(page, f"{code}.tolist()"))


# ---- what is seen


def test_photo_changed_photo_and_change(page):
    check_drawn(page)
    photo, changed, change = (
        canvas_pixels(page.locator(f"canvas.ck-{one}").first, "RGB") for one in ("photo", "changed", "change")
    )
    assert np.abs(photo.astype(int) - changed).max() == 2
    assert set(np.unique(change)) <= {96, 112, 128, 144, 160}  # grey, one and two levels, 16 times as large
    assert re.fullmatch(r"goose [01]\.\d{3}", page.locator(".ck-says-photo").first.inner_text())
    assert re.fullmatch(r"koala [01]\.\d{3}", page.locator(".ck-says-changed").first.inner_text())
    assert "16 times as large" in page.locator("figcaption").nth(2).inner_text()


def test_scores_move_with_every_step(page):
    path = np.float32(received(page, "explorer.path.tolist()"))
    for number, name in enumerate(("source", "target")):
        points = page.locator(f".ck-curve-{name}").first.get_attribute("points").split()
        found = np.array([one.split(",") for one in points], float)
        np.testing.assert_allclose(found[:, 0], np.linspace(0, 100, 11))
        np.testing.assert_allclose(found[:, 1], 100 * (1 - path[:, number]), atol=0.006)
    assert page.locator(".ck-step").first.inner_text() == "step 10 of 10"
    last = page.locator(".ck-aim").first.inner_text()
    assert last == f"koala {path[-1, 1]:.3f}"


# ---- what is chosen


def test_class_by_keys(page):
    field = page.locator(".ck-target").first
    assert page.locator(f"{ROOT} datalist option").count() == 1000
    field.select_text()
    page.keyboard.type("espressoo")
    page.keyboard.press("Enter")
    eventually(lambda: "There is no class espressoo." in page.locator(".ck-alert").first.inner_text(), True)
    page.keyboard.press("Backspace")
    eventually(lambda: chosen(page, "target"), 967)
    wait(page)
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), "")
    assert page.locator(".ck-says-changed").first.inner_text().startswith("espresso ")
    check_drawn(page)


def test_photo_by_keys(page):
    page.locator(".ck-which").first.focus()
    page.keyboard.press("ArrowDown")
    eventually(lambda: chosen(page, "photo"), 1)
    wait(page)
    assert page.locator(".ck-says-photo").first.inner_text().startswith("yurt ")
    check_drawn(page)


def test_budget_by_keys(page):
    slider = page.get_by_role("slider", name="Budget")
    assert slider.get_attribute("aria-valuetext") == "2 grey levels"
    slider.focus()
    page.keyboard.press("Home")
    eventually(lambda: chosen(page, "budget"), 0)
    wait(page)
    assert status(page) == "The network is not fooled."
    assert np.ptp(canvas_pixels(page.locator("canvas.ck-change").first, "RGB")) == 0
    page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "budget"), 1)
    assert page.locator(".ck-levels").first.inner_text() == "1 grey level"
    page.keyboard.press("End")
    eventually(lambda: chosen(page, "budget"), 8)
    wait(page)
    check_drawn(page)


def test_trials_by_mouse_and_keys(page):
    assert cells(page, "png") == ["", ""]
    page.get_by_role("button", name="saved as PNG").click()
    eventually(lambda: chosen(page, "tried"), ["png"])
    wait(page)
    lie, clean = cells(page, "png")
    assert re.fullmatch(r"✓ koala [01]\.\d{3}", lie)
    assert re.fullmatch(r"✓ goose [01]\.\d{3}", clean)
    for name in (
        "saved as JPEG, quality 75",
        "blurred, sigma 1",
        "shifted by 1 pixel",
        "shifted by 4 pixels",
        "shifted by 8 pixels",
    ):
        page.get_by_role("button", name=name).press("Enter")
    eventually(lambda: chosen(page, "tried"), TRIALS)
    wait(page)
    answers = received(page, "explorer.answers")
    names = received(page, "explorer._short")
    eventually(lambda: cells(page, "shift8")[1] != "", True)
    for trial, pair in answers.items():
        for (index, probability), same, text in zip(pair, (105, 99), cells(page, trial), strict=True):
            assert text == f"{'✓' if index == same else '✗'} {names[index]} {probability:.3f}"
    assert cells(page, "jpeg")[0].startswith("✗")
    still = sum(pair[0][0] == 105 for pair in answers.values())
    eventually(lambda: status(page), f"It still lies after {still} of 6 trials.")
    button = page.get_by_role("button", name="blurred, sigma 1")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    eventually(lambda: cells(page, "blur"), ["", ""])
    eventually(lambda: "blur" in chosen(page, "tried"), False)


def test_trials_stay_for_the_next_photo(page):
    python(page, "explorer.tried = ['png']")
    page.locator(".ck-which").first.select_option("2")
    eventually(lambda: chosen(page, "photo"), 2)
    wait(page)
    eventually(lambda: [text.split(" ")[1] for text in cells(page, "png")], ["koala", "Staffordshire"])


def test_cell_moves_the_page(page):
    run_cell(page, "explorer.photo, explorer.target, explorer.budget = 1, 'goose', 4; explorer.tried = ['jpeg']")
    eventually(lambda: page.locator(".ck-target").first.input_value(), "goose")
    eventually(page.locator(".ck-which").first.input_value, "1")
    eventually(page.locator(".ck-levels").first.inner_text, "4 grey levels")
    eventually(lambda: cells(page, "jpeg")[1] != "", True)


def test_error_of_the_thread_is_shown(page):
    python(page, "explorer._steps = 'many'; explorer.target = 7")
    eventually(lambda: page.locator(".ck-alert").first.inner_text() != "", True)
    python(page, "explorer._steps = 10; explorer.target = 105")
    wait(page)
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), "")


def test_a_second_view_shows_the_same(page):
    python(page, "explorer.tried = ['png']")
    wait(page)
    with another_cell(page, "explorer", ROOT) as second:
        for name in ("photo", "changed", "change"):
            expected = canvas_pixels(page.locator(f"canvas.ck-{name}").first)
            canvas = second.locator(f"canvas.ck-{name}")
            eventually(lambda canvas=canvas, expected=expected: np.array_equal(canvas_pixels(canvas), expected), True)
        eventually(lambda: second.locator('[data-trial="png"] .ck-lie').inner_text(), cells(page, "png")[0])
        second.get_by_role("button", name="saved as JPEG").click()
        eventually(lambda: cells(page, "jpeg")[1] != "", True)


# ---- everybody can use it


def test_keys_stay_in_the_explorer(page):
    check_keys_stay(page, [".ck-budget", ".ck-which", ".ck-try"])


def test_names_and_roles(page):
    python(page, "explorer.tried = ['png']")
    wait(page)
    eventually(lambda: cells(page, "png")[1] != "", True)
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'group "A picture that lies"',
        'combobox "Photo"',
        'combobox "Lead it to"',
        'slider "Budget',
        'progressbar "Steps"',
        'table "Does it still lie?"',
        'button "saved as PNG" [pressed]',
        'columnheader "the unchanged photo"',
    ]:
        assert line in tree
    assert re.search(r'img "The photo. The network says goose [01]\.\d+\."', tree)
    assert re.search(r'img "The photo, changed by at most 2 grey levels. The network says koala [01]\.\d+\."', tree)
    assert re.search(
        r'img "Probability at each step, up to step 10: goose [01]\.\d+ to .+, koala .+ to [01]\.\d+\."', tree
    )


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    python(page, "explorer.tried = ['png', 'jpeg']")
    wait(page)
    check_text_stands_out(page, ROOT, theme, least=20)


@pytest.mark.parametrize("width", [640, 390])
def test_narrow_output_wraps(page, width):
    python(page, f"explorer.tried = {TRIALS}")
    wait(page)
    with window_of(page, width):
        eventually(lambda: too_wide(page, ROOT, ".ck-which, .ck-target"), [])
        for name in ("photo", "changed", "change"):
            assert page.locator(f"canvas.ck-{name}").first.bounding_box()["width"] >= 100
