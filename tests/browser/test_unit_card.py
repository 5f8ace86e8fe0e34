"""UnitCard in Chromium, inside JupyterLab, with real keys and a real mouse."""

import numpy as np
import pytest

from tests.browser.lab import WINDOW, python
from tests.browser.reading import (
    another_cell,
    check_keys_stay,
    check_text_stands_out,
    command,
    eventually,
    let_go,
    no_errors,
    pixels_of_image as pixels,
    received,
    settled,
    too_wide,
    window_of,
)

ROOT = ".ck-unit-card"

CARD = """\
import numpy as np
from coursekit import UnitCard, photos, squeezenet
images, _ = photos(227)
network = squeezenet()
drawing = np.full((64, 64, 3), (0, 114, 178), np.uint8)
card = UnitCard(network, "fire6-squeeze1x1", 13, images[:12], images[12:], drawing=drawing, steps=4)"""
RESET = """
card._notes, card._tests = {}, card._tests.__class__()
card.channel = 13
"""


@pytest.fixture(scope="module")
def notebook(open_widget):
    with open_widget([CARD, "card"], ROOT) as page:
        yield page


@pytest.fixture
def page(notebook):
    """The notebook's page, the card as it was at the beginning."""
    let_go(notebook)
    settled(notebook)
    python(notebook, "card.channel = 20")  # a change of channel ends a test that a view is in
    eventually(lambda: shown(notebook), 20)
    python(notebook, RESET)
    eventually(lambda: shown(notebook), 13)
    eventually(lambda: notebook.locator(".ck-name").input_value(), "")
    with no_errors(notebook):
        yield notebook


def shown(page):
    """Return the channel whose pictures are in the page, or None while they are on their way."""
    busy = page.locator(ROOT).get_attribute("aria-busy") == "true"
    return None if busy else int(page.locator(".ck-number").input_value())


def values(page):
    """Return the numbers under the strongest patches."""
    return [float(text) for text in page.locator(".ck-patches li span").all_inner_texts()]


def asked(page):
    """Return which held-out picture the test asks about, by its pixels."""
    means = received(page, "card._others.mean((1, 2)).tolist()")
    seen = pixels(page.locator(".ck-test img")).mean((0, 1))
    return int(np.abs(np.array(means) - seen).sum(axis=1).argmin())


def begin(page, name="round things"):
    page.locator(".ck-name").click()
    page.keyboard.type(name)
    page.locator(".ck-begin").click()


# ---- what is on the card


def test_patches_photos_and_drawing(page):
    expected = received(page, "card.patches.values[0].tolist()")
    assert values(page) == pytest.approx(expected, rel=1e-3)
    crops = page.locator(".ck-patches img").all()
    boxes = received(page, "card.patches.boxes[0].tolist()")
    for crop, (top, left, bottom, right) in zip(crops, boxes, strict=True):
        assert pixels(crop).shape == (bottom - top, right - left, 3)
    means = received(page, "[crop.mean((0, 1)).tolist() for crop in card.patches.crops[0]]")
    np.testing.assert_allclose([pixels(crop).mean((0, 1)) for crop in crops], means, atol=2)
    # All to one scale: a crop that the border clipped is narrower.
    widths = [crop.bounding_box()["width"] for crop in crops]
    frame = page.locator(".ck-patches .ck-frame").first.bounding_box()["width"]
    np.testing.assert_allclose(widths, [frame * (right - left) / 79 for _, left, _, right in boxes], atol=1)
    assert page.locator(".ck-photos img").count() == 9
    photo, inside = pixels(page.locator(".ck-photos img").first), received(page, "card.masks[0].tolist()")
    assert photo[np.array(inside)].mean() > 1.5 * photo[~np.array(inside)].mean()
    assert (pixels(page.locator(".ck-drawn img")) == (0, 114, 178)).all()
    assert not page.locator(".ck-kernel").is_visible()
    assert page.locator(".ck-layer").inner_text() == "fire6-squeeze1x1"


def test_channel_by_number(page):
    page.locator(".ck-number").select_text()
    page.keyboard.type("46")
    eventually(lambda: python(page, "print(card.channel)"), "46")
    eventually(lambda: shown(page), 46)
    assert values(page) == pytest.approx(received(page, "card.patches.values[0].tolist()"), rel=1e-3)
    page.keyboard.type("0")
    said = "There is no channel 460: there are 48, counted from 0 to 47."
    eventually(lambda: page.locator(".ck-alert").first.inner_text(), said)
    page.keyboard.press("Tab")
    assert page.locator(".ck-number").input_value() == "46"


def test_channel_by_arrow_keys(page):
    page.locator(".ck-walk").focus()
    for key, channel in [("ArrowRight", 14), ("ArrowRight", 15), ("ArrowLeft", 14), ("End", 47), ("Home", 0)]:
        page.keyboard.press(key)
        eventually(lambda: shown(page), channel)
    page.locator(".ck-number").focus()
    page.keyboard.press("ArrowUp")
    eventually(lambda: shown(page), 1)
    assert values(page) == pytest.approx(received(page, "card.patches.values[0].tolist()"), rel=1e-3)


def test_cell_moves_the_page(page):
    python(page, "card.channel = 21; card.name = 'lips'")
    eventually(lambda: shown(page), 21)
    eventually(lambda: page.locator(".ck-name").input_value(), "lips")


def test_another_channel_is_drawn(page):
    python(page, "card.channel = 30")
    eventually(lambda: page.locator(".ck-far").inner_text(), "By gradient ascent from noise.", 60)
    eventually(lambda: page.locator(".ck-drawn img").get_attribute("alt"), "What the network draws for channel 30")
    expected = np.array(received(page, "card.drawing.tolist()"))
    assert abs(pixels(page.locator(".ck-drawn img")) - np.clip(expected, 0, 255)).mean() < 6  # JPEG
    python(page, "card.channel = 13")
    eventually(lambda: page.locator(".ck-drawn img").get_attribute("alt"), "What the network draws for channel 13")
    assert (pixels(page.locator(".ck-drawn img")) == (0, 114, 178)).all()


# ---- the name and its test


def test_name_is_tested_by_keys(page):
    begin(page)
    order = received(page, "card._held_out['order']")
    says = {}
    for turn, index in enumerate(order):
        assert page.locator(".ck-question").inner_text() == f"Picture {turn + 1} of 8: does it show “round things”?"
        assert asked(page) == index
        assert not page.locator(".ck-report").is_visible()
        assert not any(char.isdigit() for char in page.locator(".ck-test img").get_attribute("alt")[20:-4])
        says[index] = index % 3 != 0
        page.keyboard.press("y" if says[index] else "n")
    page.locator(".ck-report").wait_for()
    assert not page.locator(".ck-test").is_visible()
    eventually(lambda: received(page, "list(card.says.items())"), sorted(list(said) for said in says.items()))
    assert python(page, "print(card.name)") == "round things"
    assert page.locator(".ck-verdict").inner_text() == "“round things”: " + python(page, "print(card.score)")
    answers = np.array(received(page, "card.answers.tolist()"))
    items = page.locator(".ck-report li").all_inner_texts()
    by_answer = np.argsort(-answers)
    assert [float(item.split()[0]) for item in items] == pytest.approx(answers[by_answer].tolist(), rel=1e-3)
    assert ["✓" in item for item in items] == [says[index] for index in by_answer.tolist()]
    means = received(page, "card._others.mean((1, 2)).tolist()")
    thumbs = [pixels(image).mean((0, 1)) for image in page.locator(".ck-report img").all()]
    np.testing.assert_allclose(thumbs, np.array(means)[by_answer], atol=2)
    eventually(lambda: page.evaluate("document.activeElement.className"), "ck-report")


def test_name_is_tested_by_mouse_and_back(page):
    begin(page, "fur")
    order = received(page, "card._held_out['order']")
    page.get_by_role("button", name="Shows it").click()
    page.get_by_role("button", name="Does not").click()
    page.get_by_role("button", name="Back").click()
    assert page.locator(".ck-question").inner_text().startswith("Picture 2 of 8")
    page.get_by_role("button", name="Shows it").click()
    page.get_by_role("button", name="Does not").click()
    page.get_by_role("button", name="Score it now").click()
    page.locator(".ck-report").wait_for()
    expected = sorted([[order[0], True], [order[1], True], [order[2], False]])
    eventually(lambda: received(page, "list(card.says.items())"), expected)
    assert "That is too few pictures to tell" in page.locator(".ck-verdict").inner_text()
    page.get_by_role("button", name="Test again").click()
    assert page.locator(".ck-question").inner_text().startswith("Picture 1 of 8")
    assert not page.locator(".ck-report").is_visible()
    page.keyboard.press("y")
    page.get_by_role("button", name="Score it now").click()
    verdict = page.locator(".ck-verdict")
    eventually(lambda: "All 1 answers are yes" in verdict.inner_text(), True)
    assert "had been shown before this test" in verdict.inner_text()


def test_without_a_name_there_is_no_test(page):
    button = page.locator(".ck-begin")
    button.click()
    alert = page.locator(".ck-unnamed")
    eventually(alert.inner_text, "Give the channel a name first: it is the name that is tested.")
    assert page.evaluate("document.activeElement.className") == "ck-name"
    page.keyboard.type("yarn")  # y and n are letters here
    assert alert.inner_text() == ""
    box = button.bounding_box()  # the first click counts: the button does not move under it
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] - 3)
    page.mouse.down()
    page.mouse.up()
    assert page.locator(".ck-question").inner_text() == "Picture 1 of 8: does it show “yarn”?"
    page.keyboard.press("n")
    eventually(lambda: received(page, "list(card.says.values())"), [False])


def test_enter_begins_the_test_and_its_buttons_are_in_sight(page):
    page.set_viewport_size({"width": 1280, "height": 720})
    try:
        page.locator(".ck-name").click()
        page.keyboard.type("wheels")
        page.keyboard.press("Enter")
        assert page.locator(".ck-question").inner_text() == "Picture 1 of 8: does it show “wheels”?"

        def out_of_sight():
            outer = page.locator(".jp-WindowedPanel-outer").first.bounding_box()
            parts = {
                part: page.locator(part).bounding_box() for part in (".ck-test img", ".ck-yes", ".ck-no", ".ck-finish")
            }
            top, bottom = outer["y"], outer["y"] + outer["height"]
            return {part: b for part, b in parts.items() if b["y"] < top or b["y"] + b["height"] > bottom}

        eventually(out_of_sight, {})
    finally:
        page.set_viewport_size(WINDOW)


def test_a_card_made_again_has_its_name_and_score(page):
    begin(page, "fur")
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.locator(".ck-finish").click()
    page.locator(".ck-report").wait_for()
    verdict = page.locator(".ck-verdict").inner_text()
    assert verdict
    make = CARD.splitlines()[-1].replace("card = ", "again = ")
    with another_cell(page, f"{make}\nagain", ROOT) as second:
        eventually(second.locator(".ck-name").input_value, "fur")
        eventually(second.locator(".ck-verdict").inner_text, verdict)


def test_a_new_name_is_a_new_test(page):
    begin(page, "fur")
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.locator(".ck-name").fill("wheels")
    page.keyboard.press("Tab")
    eventually(page.locator(".ck-test").is_visible, False)
    eventually(page.locator(".ck-begin").inner_text, "Test the name on 8 other pictures")
    eventually(lambda: python(page, "print(card.name, card.says)"), "wheels {}")


def test_each_channel_keeps_its_name_and_test(page):
    begin(page, "fur")
    page.keyboard.press("y")
    page.locator(".ck-walk").focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: shown(page), 14)
    eventually(page.locator(".ck-name").input_value, "")
    eventually(page.locator(".ck-test").is_visible, False)
    page.keyboard.press("ArrowLeft")
    eventually(lambda: shown(page), 13)
    eventually(page.locator(".ck-name").input_value, "fur")
    page.get_by_role("button", name="Go on with the test: 1 of 8 done").click()
    assert page.locator(".ck-question").inner_text().startswith("Picture 2 of 8")


def test_no_answer_is_in_the_page_before_the_end(page):
    begin(page, "fur")
    for key in "ynynyny":
        page.keyboard.press(key)
    answers = received(page, "[f'{answer:.4g}' for answer in card.answers.tolist()]")
    written = page.evaluate("document.querySelector('.ck-unit-card').outerHTML")
    assert [answer for answer in answers if answer in written] == []
    page.keyboard.press("n")
    page.locator(".ck-report").wait_for()
    written = page.evaluate("document.querySelector('.ck-unit-card').outerHTML")
    assert [answer for answer in answers if answer in written] == answers


# ---- the first layer


def test_kernel_of_the_first_layer(page):
    code = "first = UnitCard(network, 'conv1', 21, images[:4], drawing=drawing, k=4); first"
    with another_cell(page, code, ROOT) as second:
        seen = pixels(second.locator(".ck-kernel img"))
        expected = np.array(received(page, "first._kernels[21].tolist()"))
        np.testing.assert_allclose(seen, expected, atol=0.51)
        assert np.ptp(seen) > 50
        eventually(second.locator(".ck-patches img").count, 4)
        assert not second.locator(".ck-begin").is_visible()  # no held-out pictures
        second.locator(".ck-number").fill("5")
        eventually(lambda: second.get_attribute("aria-busy"), "false")
        assert page.locator(".ck-number").first.input_value() == "13"  # the two do not meet


# ---- for everyone


def test_tab_goes_through_everything(page):
    begin(page, "fur")
    page.keyboard.press("y")
    page.locator(".ck-number").focus()
    names = []
    for _ in range(8):
        names.append(page.evaluate("document.activeElement.className"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "2px"
        page.keyboard.press("Tab")
    assert names == [f"ck-{name}" for name in ["number", "walk", "name", "test", "yes", "no", "back", "finish"]]


def test_names_and_roles(page):
    begin(page, "fur")
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'spinbutton "Channel"',
        'slider "Channel"',
        'textbox "What does it detect?"',
        'img "What the network draws for channel 13"',
        'group "Picture 1 of 8: does it show “fur”?"',
        'img "Held-out picture 1 of 8"',
        'button "Shows it y"',
        'button "Does not n"',
    ]:
        assert line in tree
    assert 'img "Patch 1: picture 7, rows ' in tree
    pictures = page.locator(".ck-unit-card img:visible").all()
    assert len(pictures) == 20
    assert all(picture.get_attribute("alt") for picture in pictures)
    assert page.get_by_role("status").last.text_content() == "Picture 1 of 8: does it show “fur”?"


def test_keys_stay_in_the_card(page):
    begin(page, "fur")
    check_keys_stay(page, [".ck-test", ".ck-yes", ".ck-walk", ".ck-number"])
    eventually(lambda: python(page, "print(card.channel)"), "13")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    begin(page, "fur")
    page.keyboard.press("y")
    page.locator(".ck-finish").click()
    page.locator(".ck-report").wait_for()
    check_text_stands_out(page, ROOT, theme)


def test_narrow_output_wraps(page):
    begin(page, "fur")
    with window_of(page, 480):
        patches, photos = page.locator(".ck-patches"), page.locator(".ck-photos")
        eventually(lambda: photos.bounding_box()["y"] > patches.bounding_box()["y"] + 100, True)
        eventually(lambda: too_wide(page, ROOT), [])


def test_page_loaded_again_finds_the_card(page):
    begin(page, "fur")
    page.keyboard.press("y")
    eventually(lambda: received(page, "len(card.says)"), 1)
    command(page, "docmanager:save")
    page.reload()
    page.locator(ROOT).wait_for()
    eventually(page.locator(".ck-name").input_value, "fur")
    page.get_by_role("button", name="Go on with the test: 1 of 8 done").click()
    page.keyboard.press("n")
    eventually(lambda: received(page, "list(card.says.values())"), [True, False])
    eventually(lambda: bool((pixels(page.locator(".ck-drawn img")) == (0, 114, 178)).all()), True)
