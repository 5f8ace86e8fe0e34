"""The photo in the ChannelExplorer: what a place of a channel sees of it, and another photo. In Chromium."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.browser.channels import ROOT, channel_fixtures, expected, pixels, received
from tests.browser.lab import python
from tests.browser.reading import as_file, drop, eventually

notebook, page = channel_fixtures()


# ---- one place


@pytest.mark.parametrize("pane", [".ck-large", ".ck-both"])
def test_value_under_the_pointer(page, pane):
    box = page.locator(pane).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 5.5 / 14, box["y"] + box["height"] * 4.5 / 14)
    value = float(python(page, "print(explorer.activation[4, 5, 13])"))
    assert float(page.locator(".ck-value").inner_text()) == pytest.approx(value, rel=1e-4)
    assert "row 4, column 5; in the photo rows 65 to 80, columns 81 to 96" in page.locator(".ck-where").inner_text()
    marked = [spot.evaluate("spot => [spot.style.top, spot.style.left]") for spot in page.locator(".ck-spot").all()]
    assert marked == [[f"{100 * 4 / 14:.4f}%", f"{100 * 5 / 14:.4f}%"]] * 2
    assert all(spot.is_visible() for spot in page.locator(".ck-spot").all())
    page.mouse.move(0, 0)
    assert not page.locator(".ck-spot").first.is_visible()


def frame(page):
    """Return the place of the receptive field's frame in pixels of the photo: [top, left, bottom, right]."""
    assert page.locator(".ck-sees").is_visible()
    return page.locator(".ck-sees").evaluate(
        """frame => {
            const [box, photo] = [frame.getBoundingClientRect(), frame.parentElement.getBoundingClientRect()];
            const [x, y] = [227 / photo.width, 227 / photo.height];
            return [(box.top - photo.top) * y, (box.left - photo.left) * x,
                    (box.bottom - photo.top) * y, (box.right - photo.left) * x];
        }"""
    )


def point_at(page, pane, row, column, rows=14):
    box = page.locator(pane).bounding_box()
    page.mouse.move(box["x"] + box["width"] * (column + 0.5) / rows, box["y"] + box["height"] * (row + 0.5) / rows)


@pytest.mark.parametrize("pane", [".ck-large", ".ck-both"])
def test_frame_of_what_the_unit_under_the_pointer_sees(page, pane):
    assert not page.locator(".ck-sees").is_visible()
    for row, column, box in [(4, 5, [40, 56, 119, 135]), (0, 13, [0, 184, 55, 227])]:
        point_at(page, pane, row, column)
        assert frame(page) == pytest.approx(box, abs=0.2)
        assert str(tuple(box)) == python(
            page, f"print(receptive_field(squeezenet(), explorer.layer).box({row}, {column}))"
        )
    seen = page.locator(".ck-seen").inner_text()
    assert seen == "This unit sees 55 × 43 pixels: rows 0 to 54, columns 184 to 226 (frame)."
    page.mouse.move(0, 0)
    assert not page.locator(".ck-sees").is_visible()
    assert page.locator(".ck-seen").inner_text() == ""


def test_frame_in_another_layer(page):
    page.get_by_label("Layer").select_option("conv1")
    eventually(lambda: pixels(page, "map").shape, (113, 113, 4))
    point_at(page, ".ck-both", 60, 20, 113)
    assert frame(page) == pytest.approx([120, 40, 123, 43], abs=0.2)
    page.get_by_label("Layer").select_option("relu_conv10")
    eventually(lambda: page.locator(".ck-channel").get_attribute("max"), "999")
    point_at(page, ".ck-both", 6, 7)
    assert frame(page) == pytest.approx([8, 24, 215, 227], abs=0.2)
    assert "207 × 203 pixels" in page.locator(".ck-seen").inner_text()


def test_frame_by_keyboard(page):
    large = page.locator(".ck-large")
    large.focus()
    assert frame(page) == pytest.approx([40, 56, 119, 135], abs=0.2)
    page.keyboard.press("ArrowDown")
    assert frame(page) == pytest.approx([56, 56, 135, 135], abs=0.2)
    seen = "This unit sees 79 × 79 pixels: rows 56 to 134, columns 56 to 134 (frame)."
    assert large.evaluate("e => e.ariaDescription") == seen
    page.locator(".ck-grid").focus()
    assert not page.locator(".ck-sees").is_visible()


def test_value_by_keyboard(page):
    large = page.locator(".ck-large")
    large.focus()
    assert large.get_attribute("aria-valuetext") == "row 4, column 5: 1615.1"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    value = float(python(page, "print(explorer.activation[5, 6, 13])"))
    place, number = large.get_attribute("aria-valuetext").split(": ")
    assert (place, float(number)) == ("row 5, column 6", pytest.approx(value, rel=1e-4))


def test_channel_over_the_photo(page):
    photo = pixels(page, "photo")
    np.testing.assert_array_equal(photo[..., :3], received(page, "send(explorer.image)"))
    shade = pixels(page, "over")
    np.testing.assert_array_equal(shade[..., 3], 255 - expected(page)[13])
    page.locator(".ck-opacity input").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.locator(".ck-over").evaluate("canvas => canvas.style.opacity") == "0.05"


# ---- another photo


def test_dropped_photo(page):
    drop(page, "cat.png", as_file(data.chelsea()), ".ck-photo")
    eventually(lambda: page.get_by_role("status").last.inner_text(), "cat.png is the picture now.")
    python(page, "np.testing.assert_array_equal(explorer.image, resize(data.chelsea(), 227))")
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], expected(page)[13])
    np.testing.assert_array_equal(pixels(page, "photo")[..., :3], received(page, "send(explorer.image)"))
    eventually(lambda: page.locator(ROOT).get_attribute("aria-busy"), "false")
    page.get_by_role("button", name="Back to the first photo").click()
    eventually(lambda: page.get_by_role("status").last.inner_text(), "The first photo is the picture again.")
    python(page, "np.testing.assert_array_equal(explorer.image, face)")
    np.testing.assert_array_equal(pixels(page, "photo")[..., :3], received(page, "send(face)"))
    assert not page.locator(".ck-first").is_visible()


def test_dropped_text(page):
    before = pixels(page, "map"), pixels(page, "photo")
    drop(page, "notes.jpg", b"Dear diary,\n", ".ck-photo")
    eventually(
        lambda: page.locator(".ck-alert").inner_text(),
        "notes.jpg holds text, not a picture, whatever its name ends in.",
    )
    for now, then in zip((pixels(page, "map"), pixels(page, "photo")), before, strict=True):
        np.testing.assert_array_equal(now, then)
    python(page, "np.testing.assert_array_equal(explorer.image, face)")


def test_chosen_file_larger_than_a_message(page, tmp_path):
    large = tmp_path / "large.bmp"  # 12 MB: more than the server takes at once
    Image.fromarray(np.tile(data.coffee(), (5, 4, 1))[:2000, :2000]).save(large)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Another photo").press("Enter")
    chooser.value.set_files(large)
    eventually(lambda: page.get_by_role("status").last.inner_text(), "large.bmp is the picture now.")
    python(page, "from coursekit.pictures import read_picture")
    python(page, f"np.testing.assert_array_equal(explorer.image, resize(read_picture({str(large)!r}), 227))")


def test_file_too_large(page):
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(51 * 2 ** 20)], "huge.tif"));
            document.querySelector(".ck-map").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }"""
    )
    said = "huge.tif has 51 MB; a picture may have 50 MB at most."
    eventually(lambda: page.locator(".ck-alert").inner_text()[: len(said)], said)
