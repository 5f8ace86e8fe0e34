"""ChannelExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import io
import json
import re
import zlib
from base64 import b64decode, b64encode

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.browser.lab import python
from tests.browser.reading import (
    NOTEBOOK,
    another_cell,
    check_keys_stay,
    check_text_stands_out,
    command,
    eventually,
    no_errors,
    pixels as canvas_pixels,
    run_cell,
    too_wide,
    window_of,
)

ROOT = ".ck-channel-explorer"

FACE = """\
from skimage import data
from coursekit import ChannelExplorer, activations, receptive_field, resize, squeezenet
face = resize(data.astronaut()[20:240, 120:340], 227)
explorer = ChannelExplorer(squeezenet(), face, layer="fire6-squeeze1x1")"""
# What the page must show, from the activations themselves. Half of the page's formula: floor(x + 0.5).
EXPECTED = """
import base64, json, zlib
import numpy as np

def expect(layer, low=None, high=None, relu=False):
    values = activations(explorer._network, explorer.image, layer).astype(np.float64)
    values = np.maximum(values, 0) if relu else values
    low = min(values.min(), 0.0) if low is None else low
    high = values.max() if high is None else high
    levels = np.floor((values - low) * (255 / (high - low)) + 0.5).astype(int)
    send(np.moveaxis(levels, -1, 0))

def send(array):
    print(json.dumps(array.shape), base64.b64encode(zlib.compress(array.astype(np.uint8).tobytes())).decode())
"""
RESET = """
explorer.image = face
explorer.layer = "fire6-squeeze1x1"
explorer.channel = 13
explorer.scale, explorer.relu, explorer.sort = "shared", False, False
"""


@pytest.fixture(scope="module")
def notebook(open_widget):
    with open_widget([FACE, "explorer"], ROOT) as page:
        python(page, EXPECTED)
        yield page


@pytest.fixture
def page(notebook):
    """The notebook's page, the explorer as it was at the beginning."""
    # What the test before chose in the page has reached Python: else it would come after the new beginning.
    eventually(lambda: python(notebook, "print(explorer.channel)") == str(chosen(notebook)), True)
    python(notebook, RESET)
    notebook.locator(".ck-opacity input").first.fill("0")
    notebook.mouse.move(0, 0)
    eventually(lambda: chosen(notebook), 13)
    with no_errors(notebook):
        yield notebook


def chosen(page):
    """Return the channel that the page says is chosen."""
    return int(page.locator(".ck-name").first.inner_text().removeprefix("Channel "))


def pixels(page, name, view=0):
    """Return what stands on a canvas, (H, W, 4)."""
    return canvas_pixels(page.locator(f"canvas.ck-{name}").nth(view))


def expected(page, layer="fire6-squeeze1x1", **scale):
    """Return the levels from 0 to 255 that the page must draw, (C, H, W)."""
    return received(page, f"expect({layer!r}, **{scale})")


def received(page, code):
    """Return an array of bytes that the kernel sends, packed: the server holds back megabytes of printed text."""
    shape, content = python(page, code).rsplit(" ", 1)
    return np.frombuffer(zlib.decompress(b64decode(content)), np.uint8).reshape(json.loads(shape)).astype(int)


def tiles(page, count, columns, gap=3):
    """Return the small pictures of the grid in its order, as large as they are on the screen, (C, height, width)."""
    sheet = pixels(page, "sheet")
    rows = -(-count // columns)
    height, width = (sheet.shape[0] - gap) // rows - gap, (sheet.shape[1] - gap) // columns - gap
    corners = [(gap + i // columns * (height + gap), gap + i % columns * (width + gap)) for i in range(count)]
    return np.stack([sheet[y : y + height, x : x + width, 0] for y, x in corners])


def grid_of_fire6(page):
    """Return the pixels of the grid for 48 channels of 14 x 14, drawn larger by a whole number: (48, 14, 14)."""
    shown = tiles(page, 48, 8)
    times, rest = divmod(shown.shape[1], 14)
    assert times >= 2
    assert rest == 0
    cells = shown[:, ::times, ::times]
    np.testing.assert_array_equal(cells.repeat(times, 1).repeat(times, 2), shown)
    return cells


def click_channel(page, position, columns=8, rows=6):
    box = page.locator(".ck-grid").first.bounding_box()
    x = box["x"] + box["width"] * (position % columns + 0.5) / columns
    y = box["y"] + box["height"] * (position // columns + 0.5) / rows
    page.mouse.click(x, y)


# ---- a channel, chosen three ways


def test_begins_with_the_eyes(page):
    levels = expected(page)
    shown = pixels(page, "map")
    for colour in range(3):
        np.testing.assert_array_equal(shown[..., colour], levels[13])
    np.testing.assert_array_equal(grid_of_fire6(page), levels)
    assert page.locator(".ck-channel").input_value() == "13"


def test_mouse(page):
    before = pixels(page, "map")
    click_channel(page, 46)
    after = pixels(page, "map")
    assert (before != after).any()
    np.testing.assert_array_equal(after[..., 0], expected(page)[46])
    assert run_cell(page, "print(explorer.channel)") == "46"
    # Clicking gave the grid the focus: the arrow keys go on from there.
    click_channel(page, 20)
    page.keyboard.press("ArrowRight")
    assert chosen(page) == 21


def test_arrow_keys(page):
    levels = expected(page)
    page.locator(".ck-grid").focus()
    walk = [("ArrowRight", 14), ("ArrowDown", 22), ("ArrowLeft", 21), ("ArrowUp", 13), ("PageDown", 29)]
    walk += [("PageUp", 13), ("End", 47), ("ArrowRight", 47), ("ArrowDown", 47), ("Home", 0), ("ArrowUp", 0)]
    for key, channel in [*walk, ("ArrowRight", 1)]:
        page.keyboard.press(key)
        assert chosen(page) == channel, key
        np.testing.assert_array_equal(pixels(page, "map")[..., 0], levels[channel])
    eventually(lambda: python(page, "print(explorer.channel)"), "1")


def test_typed_number(page):
    field = page.locator(".ck-channel")
    field.select_text()
    page.evaluate(
        """() => {
            window.names = [];
            const name = document.querySelector(".ck-name");
            new MutationObserver(() => names.push(name.textContent)).observe(name, { childList: true });
        }"""
    )
    page.keyboard.type("46")
    eventually(lambda: chosen(page), 46)
    assert page.evaluate("names") == ["Channel 46"]  # not 4 first
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], expected(page)[46])
    eventually(lambda: python(page, "print(explorer.channel)"), "46")
    field.select_text()
    page.keyboard.type("7")
    page.keyboard.press("Enter")  # at once
    assert chosen(page) == 7
    alert = page.locator(".ck-alert")
    for typed, said in [
        ("460", "There is no channel 460: there are 48, counted from 0 to 47."),
        ("7.5", "There is no channel 7.5: there are 48, counted from 0 to 47."),
    ]:
        field.select_text()
        page.keyboard.type(typed)
        eventually(alert.inner_text, said)
        assert chosen(page) == 7
        page.keyboard.press("Tab")
        assert field.input_value() == "7"
        eventually(alert.inner_text, "")


def test_the_wheel_moves_the_page_and_not_the_number(page):
    field = page.locator(".ck-channel")
    field.focus()
    box = field.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    for turn in (1, 1, -1):
        page.mouse.wheel(0, 40 * turn)
        page.wait_for_timeout(200)
        assert (field.input_value(), chosen(page)) == ("13", 13)
    page.keyboard.press("ArrowUp")
    assert chosen(page) == 14


def test_cell_moves_the_page(page):
    run_cell(page, "explorer.channel = 21")
    eventually(lambda: chosen(page), 21)
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], expected(page)[21])
    run_cell(page, "explorer.layer = 'fire2-squeeze1x1'; explorer.scale = 'own'; explorer.relu = True")
    eventually(lambda: pixels(page, "map").shape, (56, 56, 4))
    assert page.locator(".ck-layer").input_value() == "fire2-squeeze1x1"
    assert page.get_by_role("radio", name="own").is_checked()
    assert page.get_by_role("checkbox", name="ReLU").is_checked()
    assert str(chosen(page)) == python(page, "print(explorer.channel)")


# ---- the layer and how it is drawn


def quarters(several):
    middle, centre = several.shape[1] // 2, several.shape[2] // 2
    halves = several[:, :middle], several[:, -middle:]
    return np.stack([part.mean((1, 2)) for half in halves for part in (half[..., :centre], half[..., -centre:])])


def test_layer(page):
    page.get_by_label("Layer").select_option("conv1")
    eventually(lambda: pixels(page, "map").shape, (113, 113, 4))
    levels = expected(page, "conv1")
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], levels[13])
    # Drawn smaller, and smoothed: the brightness stays. Quarters, because a channel has more than one.
    np.testing.assert_allclose(quarters(tiles(page, 64, 8)), quarters(levels), atol=3)
    assert python(page, "print(explorer.layer, explorer.channel)") == "conv1 13"
    page.get_by_label("Layer").select_option("relu_conv10")
    eventually(lambda: page.locator(".ck-channel").get_attribute("max"), "999")
    levels = expected(page, "relu_conv10")
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], levels[13])
    np.testing.assert_allclose(tiles(page, 1000, 40, gap=1).mean((1, 2)), levels.mean((1, 2)), atol=3)


def test_scale_of_its_own(page):
    page.get_by_text("own", exact=True).click()
    low, high = json.loads(
        python(page, "a = explorer.activation; print([a[..., 13].min().item(), a[..., 13].max().item()])")
    )
    levels = expected(page, low=low, high=high)[13]
    assert (levels.min(), levels.max()) == (0, 255)
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], levels)
    grid = grid_of_fire6(page)
    np.testing.assert_array_equal(grid[13], levels)
    assert grid.max((1, 2)).tolist() == [255] * 48
    assert grid.min((1, 2)).tolist() == [0] * 48
    assert "can't be compared" in page.locator(".ck-legend").inner_text()
    eventually(lambda: python(page, "print(explorer.scale)"), "own")


def test_signed_scale(page):
    page.get_by_text("signed", exact=True).click()
    values = np.array(json.loads(python(page, "print(json.dumps(explorer.activation[..., 13].tolist()))")))
    shown = pixels(page, "map")[..., :3].astype(int)
    red_minus_blue = shown[..., 0] - shown[..., 2]
    most = float(python(page, "print(abs(explorer.activation).max())"))
    clear = abs(values) > 0.02 * most
    assert clear.sum() > 100
    np.testing.assert_array_equal(np.sign(red_minus_blue[clear]), np.sign(values[clear]))
    np.testing.assert_array_equal(shown[abs(values) < most / 255 / 2], 247)  # the white of zero
    low, zero, high = page.locator(".ck-ticks span").all_inner_texts()
    assert (float(high), float(low), zero) == (pytest.approx(most, rel=1e-4), -float(high), "0")


def test_relu(page):
    before = pixels(page, "map")[..., 0]
    page.get_by_role("checkbox", name="ReLU").check()
    after = pixels(page, "map")[..., 0]
    np.testing.assert_array_equal(after, expected(page, relu=True)[13])
    assert (before[after == 0] > 0).any()
    assert page.locator(".ck-stats").inner_text().startswith("largest 1615.1, smallest 0, ")
    eventually(lambda: python(page, "print(explorer.relu)"), "True")


def test_strongest_first(page):
    page.get_by_label("strongest first").check()
    order = json.loads(python(page, "print(np.argsort(-explorer.activation.max((0, 1)), kind='stable').tolist())"))
    np.testing.assert_array_equal(grid_of_fire6(page), expected(page)[order])
    assert order[0] == 13
    assert chosen(page) == 13
    page.locator(".ck-grid").focus()
    page.keyboard.press("ArrowRight")  # the next in sight, by its number in the network
    assert chosen(page) == order[1]
    page.keyboard.press("ArrowDown")
    assert chosen(page) == order[9]
    click_channel(page, 47)
    assert chosen(page) == order[47]
    eventually(lambda: python(page, "print(explorer.channel, explorer.sort)"), f"{order[47]} True")


def test_near_zero_channels_are_struck_out(page):
    page.get_by_label("Layer").select_option("fire9-relu_expand3x3")
    eventually(lambda: page.locator(".ck-channel").get_attribute("max"), "255")
    dead = json.loads(
        python(page, "import coursekit; print(coursekit.near_zero_channels(explorer.activation).tolist())")
    )
    assert f"{len(dead)} channels are near zero everywhere" in page.locator(".ck-legend").inner_text()
    sheet = pixels(page, "sheet").astype(int)
    orange = (sheet[..., 0] - sheet[..., 2] > 60).astype(int)
    side = sheet.shape[0] / 16
    centres = [(int((i // 16 + 0.5) * side), int((i % 16 + 0.5) * side)) for i in range(256)]
    assert [i for i, (y, x) in enumerate(centres) if orange[y - 3 : y + 4, x - 3 : x + 4].any()] == dead
    assert 0 < len(dead) < 256


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


def drop(page, name, content):
    page.evaluate(
        """([name, content]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], name));
            for (const type of ["dragenter", "dragover", "drop"])
                document.querySelector(".ck-photo").dispatchEvent(
                    new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [name, content],
    )


def encoded(picture, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind)
    return b64encode(file.getvalue()).decode()


def test_dropped_photo(page):
    drop(page, "cat.png", encoded(data.chelsea()))
    eventually(lambda: page.get_by_role("status").last.inner_text(), "cat.png is the picture now.")
    python(page, "np.testing.assert_array_equal(explorer.image, resize(data.chelsea(), 227))")
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], expected(page)[13])
    np.testing.assert_array_equal(pixels(page, "photo")[..., :3], received(page, "send(explorer.image)"))
    assert page.locator(ROOT).get_attribute("aria-busy") == "false"
    page.get_by_role("button", name="Back to the first photo").click()
    eventually(lambda: page.get_by_role("status").last.inner_text(), "The first photo is the picture again.")
    python(page, "np.testing.assert_array_equal(explorer.image, face)")
    np.testing.assert_array_equal(pixels(page, "photo")[..., :3], received(page, "send(face)"))
    assert not page.locator(".ck-first").is_visible()


def test_dropped_text(page):
    before = pixels(page, "map"), pixels(page, "photo")
    drop(page, "notes.jpg", "RGVhciBkaWFyeSwK")
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
    eventually(lambda: page.get_by_role("status").last.inner_text(), "large.bmp is the picture now.", 20)
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
    assert page.locator(".ck-alert").inner_text().startswith("huge.tif has 51 MB; a picture may have 50 MB at most.")


# ---- for everyone


def test_tab_goes_through_everything(page):
    page.get_by_label("Layer").focus()
    names = []
    for _ in range(9):
        names.append(
            page.evaluate("document.activeElement.className.split(' ').at(-1) || document.activeElement.value")
        )
        outline = page.evaluate(
            "(e => getComputedStyle(e.matches('[type=radio]') ? e.parentElement : e).outlineWidth)"
            "(document.activeElement)"
        )
        assert outline == "2px"
        page.keyboard.press("Tab")
    assert names == [
        "ck-layer",
        "ck-channel",
        "shared",
        "ck-relu",
        "ck-sort",
        "ck-grid",
        "ck-large",
        "0",
        "ck-open",
    ]


def test_names_and_roles(page):
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'combobox "Layer"',
        'spinbutton "Channel 0 to 47"',
        'group "Scale"',
        'radio "shared" [checked]',
        'radio "own"',
        'radio "signed"',
        'checkbox "ReLU"',
        'checkbox "strongest first"',
        'slider "Channels of fire6-squeeze1x1"',
        'slider "Values of channel 13"',
        'img "The photo, 227 by 227 pixels"',
        'slider "Channel over the photo, in percent"',
        'button "Another photo…"',
    ]:
        assert line in tree
    grid = page.locator(".ck-grid")
    assert [grid.get_attribute(f"aria-value{name}") for name in ("min", "max", "now")] == ["0", "47", "13"]
    assert grid.get_attribute("aria-valuetext") == "channel 13 of 48, largest value 1615.1, 0% zeros"
    pictures = page.locator(".ck-channel-explorer canvas").all()
    assert len(pictures) == 5
    for picture in pictures:
        assert picture.get_attribute("aria-hidden") == "true" or picture.get_attribute("aria-label")


def test_keys_stay_in_the_explorer(page):
    check_keys_stay(page, [".ck-grid", ".ck-large", ".ck-sort", ".ck-open"])


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    check_text_stands_out(page, ROOT, theme)


def test_long_names_of_layers_fit_a_narrow_output(page):
    with window_of(page, 400):
        room = page.locator(ROOT).bounding_box()
        assert room["width"] < 331
        for control in page.locator(f"{ROOT} .ck-controls > *").all():
            box = control.bounding_box()
            assert box["x"] + box["width"] <= room["x"] + room["width"] + 1


def test_narrow_output_wraps(page):
    with window_of(page, 560):
        one, grid = page.locator(".ck-one"), page.locator(".ck-grid")
        eventually(lambda: one.bounding_box()["y"] > grid.bounding_box()["y"] + 100, True)
        assert too_wide(page, ROOT, "label") == []


# ---- several views


def test_two_views_stay_in_step(page):
    with another_cell(page, "explorer", ROOT):
        page.locator(".ck-grid").nth(1).focus()
        page.keyboard.press("Home")
        levels = expected(page)
        for view in (0, 1):
            np.testing.assert_array_equal(pixels(page, "map", view)[..., 0], levels[0])
        page.locator(".ck-relu").first.check()
        assert page.locator(".ck-relu").nth(1).is_checked()
        page.locator(".ck-layer").nth(1).select_option("pool5")
        for view in (0, 1):
            eventually(lambda view=view: page.locator(".ck-channel").nth(view).get_attribute("max"), "255")
    python(page, "explorer.layer, explorer.channel = 'conv1', 7")  # the view that is gone must not answer
    eventually(lambda: (chosen(page), pixels(page, "map").shape), (7, (113, 113, 4)))


def test_two_explorers_do_not_meet(page):
    with another_cell(page, "ChannelExplorer(explorer._network, face, 'fire6-squeeze1x1', 46)", ROOT):
        page.locator(".ck-scale").nth(1).get_by_text("own").click()
        scales = [page.locator(".ck-scale :checked").nth(view).input_value() for view in (0, 1)]
        assert scales == ["shared", "own"]
        page.locator(".ck-grid").first.focus()
        page.keyboard.press("Home")
        assert [name.inner_text() for name in page.locator(".ck-name").all()] == ["Channel 0", "Channel 46"]


def test_running_the_cell_again(page):
    page.evaluate(
        """() => {
            window.drawings = 0;
            const draw = CanvasRenderingContext2D.prototype.putImageData;
            CanvasRenderingContext2D.prototype.putImageData = function (...all) { drawings++; draw.apply(this, all); };
        }"""
    )

    def drawings(key):
        page.locator(".ck-grid").focus()
        page.evaluate("drawings = 0")
        page.keyboard.press(key)
        return page.evaluate("drawings")

    before = drawings("ArrowRight")
    page.evaluate(f"{NOTEBOOK}.activeCellIndex = 1")
    for _ in range(3):
        command(page, "notebook:run-cell")
    eventually(lambda: page.locator(ROOT).count(), 1)
    page.locator(ROOT).wait_for()
    assert drawings("End") == before == 3  # the views that are gone draw no more: the map, over the photo, the scale
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], expected(page)[47])


def test_page_loaded_again_finds_the_explorer(page):
    python(page, "explorer.channel = 46")
    command(page, "docmanager:save")
    page.reload()
    page.locator(ROOT).wait_for()
    assert chosen(page) == 46
    assert re.fullmatch(r"0 to 47", page.locator(".ck-count").inner_text())
    page.locator(".ck-grid").focus()
    page.keyboard.press("ArrowLeft")
    eventually(lambda: python(page, "print(explorer.channel)"), "45")
