"""ChannelExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import itertools
import json
import re

import numpy as np
import pytest

from tests.browser.channels import ROOT, channel_fixtures, chosen, expected, pixels
from tests.browser.lab import python
from tests.browser.reading import (
    NOTEBOOK,
    another_cell,
    check_keys_stay,
    check_text_stands_out,
    command,
    eventually,
    run_cell,
    settled,
    too_wide,
    type_at_once,
    window_of,
)

notebook, page = channel_fixtures()


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
    settled(page)
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
    page.evaluate(
        """() => {
            window.names = [];
            const name = document.querySelector(".ck-name");
            new MutationObserver(() => names.push(name.textContent)).observe(name, { childList: true });
        }"""
    )
    type_at_once(field, "4", "46")
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
        field.focus()
        type_at_once(field, *(typed[:end] for end in range(1, len(typed) + 1)))
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
    eventually(page.locator(".ck-layer").input_value, "fire2-squeeze1x1")
    eventually(page.get_by_role("radio", name="own").is_checked, True)
    eventually(page.get_by_role("checkbox", name="ReLU").is_checked, True)
    eventually(lambda: str(chosen(page)), python(page, "print(explorer.channel)"))


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
            const draw = (window.drawsItself ??= CanvasRenderingContext2D.prototype.putImageData);
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
    assert before == 3  # the map, over the photo, the scale
    keys = itertools.cycle(["End", "Home"])
    eventually(lambda: drawings(next(keys)), 3)  # the views that are gone draw no more
    page.keyboard.press("End")
    np.testing.assert_array_equal(pixels(page, "map")[..., 0], expected(page)[47])


def test_page_loaded_again_finds_the_explorer(page):
    python(page, "explorer.channel = 46")
    command(page, "docmanager:save")
    page.reload()
    page.locator(ROOT).wait_for()
    eventually(lambda: chosen(page), 46)
    assert re.fullmatch(r"0 to 47", page.locator(".ck-count").inner_text())
    page.locator(".ck-grid").focus()
    page.keyboard.press("ArrowLeft")
    eventually(lambda: python(page, "print(explorer.channel)"), "45")
