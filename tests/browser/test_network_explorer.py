"""NetworkExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import json

import numpy as np
import pytest

from tests.browser.lab import python
from tests.browser.reading import (
    check_keys_stay,
    check_text_stands_out,
    chosen,
    eventually,
    explorer_fixtures,
    pixels,
    pixels_of_image,
    received,
    run_cell,
    too_wide,
    window_of,
)

ROOT = ".ck-network-explorer"
EXPLORER = """\
import numpy as np
from coursekit import NetworkExplorer, photo
from coursekit.networks.backend import keras
keras.utils.set_random_seed(3)
conv = lambda name, filters=6, size=3: keras.layers.Conv2D(filters, size, padding="same", name=name)
x = picture = keras.Input((48, 48, 3), name="picture")
x = keras.layers.Rescaling(1 / 127.5, -1, name="scale")(x)
for block in ("block1", "block2"):
    x = keras.layers.ReLU(name=block + "_relu")(conv(block + "_conv")(x))
    x = keras.layers.Concatenate(name=block + "_join")([conv(block + "_one", size=1)(x), conv(block + "_three")(x)])
    x = keras.layers.MaxPooling2D(name=block + "_pool")(x)
x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
model = keras.Model(picture, keras.layers.Dense(6, activation="softmax", name="classes")(x))
explorer = NetworkExplorer(model, photo("chelsea", 48))
start = explorer.state"""
RESET = "explorer.state = start"
END = "explorer.stop(); explorer._drawn.clear(); explorer._steps = 256"
BEGINS = {".ck-count": "No strokes.", ".ck-title": "block1_relu · ReLU · 48 × 48 × 6"}


def settles(page):
    """Put back the map, the tool and the folded text."""
    page.evaluate("document.querySelectorAll('.ck-network-explorer details').forEach((one) => (one.open = false))")
    use(page, "grey")
    page.locator(".ck-whole").click()
    page.mouse.move(0, 0)


notebook, page = explorer_fixtures(ROOT, EXPLORER, RESET, BEGINS, END, settles)


def box_at(page, layer):
    """Return where a layer's box is in the window, while the whole map is seen."""
    told = received(page, "[explorer._map['size'], [[b['x'], b['y']] for b in explorer._map['boxes']]]")
    (width, height), places = told
    x, y = places[received(page, f"explorer._home[{layer!r}]")]
    frame = page.locator(".ck-map").first.bounding_box()
    zoom = min(frame["width"] / width, frame["height"] / height, 1.4)
    middle = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    return middle[0] + (x - width / 2) * zoom, middle[1] + (y - height / 2) * zoom


def shown(page, css):
    return page.locator(css).first.inner_text()


def in_view(page):
    return received(page, "explorer._visible")


def point(page, css, row, column, size):
    """Return where a pixel of the photo, or a unit of the channel, is in the window."""
    page.locator(css).first.scroll_into_view_if_needed()
    box = page.locator(css).first.bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / size, box["y"] + (row + 0.5) * box["height"] / size


# ---- the map


def test_choose_a_layer_by_mouse_and_by_keys(page):
    page.mouse.click(*box_at(page, "block1_join"))
    eventually(lambda: chosen(page, "layer"), "block1_join")
    eventually(lambda: shown(page, ".ck-title"), "block1_join · Concatenate · 48 × 48 × 12")
    for key, layer in [("ArrowRight", "block1_pool"), ("ArrowRight", "block2_relu"), ("ArrowLeft", "block1_pool")]:
        page.keyboard.press(key)
        eventually(lambda: chosen(page, "layer"), layer)
    page.keyboard.press("End")  # a layer without maps is looked at, and not chosen
    eventually(lambda: "classes has no maps" in shown(page, ".ck-alert"), True)
    assert "classes (Dense); 6; fed by mean" in page.locator(".ck-map").first.get_attribute("aria-valuetext")
    page.keyboard.press("Home")
    eventually(lambda: chosen(page, "layer"), "picture")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    before = received(page, "int(explorer._strongest['picture'])")
    eventually(lambda: chosen(page, "channel"), min(before + 1, 2))


def test_larger_smaller_and_moved(page):
    everything = received(page, "list(range(len(explorer._layout.boxes)))")
    page.locator(".ck-map").first.focus()
    eventually(lambda: in_view(page), everything)
    for _ in range(6):
        page.keyboard.press("+")
    eventually(lambda: len(in_view(page)) < len(everything), True)
    assert page.locator(".ck-mini").first.is_visible()
    near = in_view(page)
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    eventually(lambda: in_view(page) != near, True)
    moved = in_view(page)
    frame = page.locator(".ck-map").first.bounding_box()
    page.mouse.move(frame["x"] + 60, frame["y"] + 60)
    page.mouse.down()
    page.mouse.move(frame["x"] + 700, frame["y"] + 60, steps=5)
    page.mouse.up()
    eventually(lambda: in_view(page) != moved, True)
    assert chosen(page, "layer") == "block1_relu"  # a drag chooses nothing
    page.keyboard.press("0")
    eventually(lambda: in_view(page), everything)
    assert not page.locator(".ck-mini").first.is_visible()
    page.mouse.wheel(0, -600)
    eventually(lambda: len(in_view(page)) < len(everything), True)
    page.keyboard.press("0")


def test_find_a_layer(page):
    field = page.get_by_label("Find a layer")
    field.fill("2_three")
    field.press("Enter")
    eventually(lambda: chosen(page, "layer"), "block2_three")
    field.fill("block2_conv")  # behind its activation another layer is shown: the one that was named is chosen
    field.press("Enter")
    eventually(lambda: chosen(page, "layer"), "block2_conv")
    field.fill("nothing")
    field.press("Enter")
    eventually(lambda: shown(page, ".ck-alert"), "No layer's name contains nothing.")
    page.locator(".ck-whole").click()


def test_a_thumbnail_is_the_strongest_channel(page):
    page.mouse.move(0, 0)
    python(page, "explorer.layer = 'block2_pool'")
    x, y = box_at(page, "block1_join")
    frame = page.locator(".ck-map").first.bounding_box()
    expected = received(page, "int(explorer._thumbnail('block1_join', 64)[24:29, 24:29].mean())")

    def read():
        sheet = pixels(page.locator("canvas.ck-sheet").first, "L")
        dots = sheet.shape[1] / frame["width"]
        row, column = round((y - frame["y"] - 7) * dots), round((x - frame["x"]) * dots)
        return abs(int(sheet[row - 2 : row + 3, column - 2 : column + 3].mean()) - expected) < 25

    eventually(read, True)


# ---- paint and watch


def photo_is_that_of_python(page):
    expected = received(page, "np.rint(explorer.image).astype(int).tolist()")
    return np.array_equal(pixels(page.locator("canvas.ck-photo").first, "RGB"), expected)


def test_paint_by_mouse(page):
    page.mouse.move(*point(page, ".ck-stage", 10, 10, 48))
    page.mouse.down()
    page.mouse.move(*point(page, ".ck-stage", 20, 30, 48), steps=5)
    page.mouse.up()
    eventually(lambda: shown(page, ".ck-count"), "1 stroke.")
    eventually(lambda: chosen(page, "strokes")[0][2][-1], [20, 30])
    eventually(lambda: photo_is_that_of_python(page), True)
    assert chosen(page, "strokes")[0][:2] == ["grey", 8]
    assert chosen(page, "strokes")[0][2][0] == [10, 10]
    image = "explorer.image[None].astype('float32')"
    now = received(page, f"sorted(model({image}).numpy()[0].tolist())")

    def told():
        return sorted(map(float, page.locator(".ck-now").all_inner_texts()))

    eventually(lambda: told()[-5:] == pytest.approx(now[-len(told()) :][-5:], abs=6e-4), True)
    page.get_by_role("button", name="Undo").click()
    eventually(lambda: shown(page, ".ck-count"), "No strokes.")
    eventually(lambda: photo_is_that_of_python(page), True)


def test_paint_by_keys(page):
    page.locator(".ck-tools input").nth(1).check()  # blur
    page.locator(".ck-stage").first.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.down("Space")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.up("Space")
    page.keyboard.press("ArrowDown")  # the brush is off the photo
    eventually(lambda: chosen(page, "strokes"), [["blur", 8, [[22, 24], [22, 26], [22, 28], [22, 30]]]])
    page.keyboard.press("c")
    eventually(lambda: chosen(page, "elsewhere"), True)
    eventually(lambda: page.locator(".ck-elsewhere").get_attribute("aria-pressed"), "true")
    eventually(lambda: photo_is_that_of_python(page), True)
    page.keyboard.press("c")
    eventually(lambda: chosen(page, "elsewhere"), False)
    page.keyboard.press("z")
    eventually(lambda: chosen(page, "strokes"), [])
    page.locator(".ck-tools input").nth(0).check()


def test_a_cell_paints_and_the_page_follows(page):
    run_cell(page, "explorer.layer, explorer.channel = 'block2_three', 4; explorer.paint('grey', 20, [(24, 24)])")
    eventually(lambda: shown(page, ".ck-count"), "1 stroke.")
    values = received(page, "explorer.activation[..., 4].tolist()")
    low, high = received(page, "[float(edge[4]) for edge in explorer._ranges['block2_three']]")
    expected = np.clip((np.array(values) - low) * 255 / (high - low), 0, 255)
    canvas = page.locator("canvas.ck-values").first
    eventually(lambda: bool(np.abs(pixels(canvas, "L").astype(float) - expected).max() <= 1), True)


def use(page, tool):
    page.locator(".ck-tools").get_by_label(tool, exact=True).check()


def test_clone_by_mouse_and_by_keys(page):
    use(page, "clone")
    page.mouse.click(*point(page, ".ck-stage", 5, 6, 48))  # what is copied
    eventually(lambda: page.locator(".ck-source").is_visible(), True)
    page.mouse.move(*point(page, ".ck-stage", 30, 20, 48))
    page.mouse.down()
    page.mouse.move(*point(page, ".ck-stage", 30, 24, 48), steps=3)
    page.mouse.up()
    eventually(lambda: [stroke[2][-1] for stroke in chosen(page, "strokes")], [[30, 24]])
    tool, size, points, source = chosen(page, "strokes")[0]
    assert (tool, size, points[0], source) == ("clone", 8, [30, 20], [5, 6])
    assert chosen(page, "image[30, 20:25].tolist()") == chosen(page, "first_image[5, 6:11].tolist()")
    eventually(lambda: photo_is_that_of_python(page), True)
    stage = page.locator(".ck-stage").first
    stage.focus()
    for key in ["z", "Home", "PageUp", "ArrowDown", "ArrowDown", "s", "End", "Space"]:
        page.keyboard.press(key)
    eventually(lambda: chosen(page, "strokes"), [["clone", 8, [[4, 47]], [4, 0]]])
    eventually(lambda: photo_is_that_of_python(page), True)
    page.mouse.move(*point(page, ".ck-stage", 40, 40, 48))
    page.keyboard.down("Shift")
    page.mouse.down()  # takes another place, and paints nothing
    page.mouse.up()
    page.keyboard.up("Shift")
    page.mouse.click(*point(page, ".ck-stage", 20, 20, 48))
    eventually(lambda: chosen(page, "strokes")[1:], [["clone", 8, [[20, 20]], [40, 40]]])
    use(page, "grey")
    assert not page.locator(".ck-source").is_visible()


# ---- a webcam


@pytest.fixture
def cameras(page):
    """Gives the states of the webcam's tracks that the page has opened, one after the other."""
    page.evaluate("""() => {
        const media = navigator.mediaDevices;
        window.tracks = [];
        media.getUserMedia = async (wanted) => {
            const stream = await MediaDevices.prototype.getUserMedia.call(media, wanted);
            tracks.push(...stream.getTracks());
            return stream;
        };
    }""")
    yield lambda: page.evaluate("tracks.map((track) => `${track.kind} ${track.readyState}`)")
    page.evaluate("tracks.forEach((track) => track.stop()); delete navigator.mediaDevices.getUserMedia;")
    page.context.clear_permissions()


def test_a_webcam_that_is_not_allowed(page, cameras):
    button = page.get_by_role("button", name="Picture from the webcam")
    assert "to your own kernel" in button.get_attribute("title")
    button.press("Enter")
    eventually(lambda: shown(page, ".ck-alert")[:55], "The browser does not let this page use the webcam. Allo")
    assert cameras() == []
    assert received(page, "explorer.first_image is explorer._first_given") is True


def test_pictures_of_the_webcam(page, cameras):
    page.context.grant_permissions(["camera"])
    page.get_by_role("button", name="Picture from the webcam").click()
    eventually(lambda: page.locator(".ck-first").is_visible(), True)
    assert cameras() == ["video ended"]
    # Chromium's camera is plain green, with bright squares in its corners: they are outside of the middle square.
    picture = np.array(received(page, "explorer.first_image.tolist()"))
    assert picture.shape == (48, 48, 3)
    edges = np.concatenate([picture[-8:, :8], picture[-8:, -8:]])
    assert np.abs(edges - [0, 136, 0]).max() < 16
    eventually(lambda: photo_is_that_of_python(page), True)

    page.locator(".ck-live").press("Enter")
    seen = set()

    def different():
        seen.add(received(page, "float(explorer.first_image.sum())"))
        return len(seen) > 3

    eventually(different, True)
    assert cameras() == ["video ended", "video live"]
    assert page.locator(".ck-shoot").is_disabled()
    page.get_by_role("button", name="Stop the webcam").click()
    eventually(cameras, ["video ended", "video ended"])
    assert page.locator(".ck-live").inner_text() == "Webcam, live"
    page.locator(".ck-first").click()
    eventually(lambda: page.locator(".ck-first").is_visible(), False)
    eventually(lambda: photo_is_that_of_python(page), True)


# ---- a channel, and where its numbers come from


def test_ask_what_fires_at_a_pixel_by_mouse_and_by_keys(page):
    def firing():
        return page.locator(".ck-fires strong").all_inner_texts()

    def expected():
        return list(map(str, received(page, "explorer.channels_here[1].tolist()[:12]")))

    assert not page.locator(".ck-here").is_visible()
    use(page, "ask")
    page.mouse.click(*point(page, ".ck-stage", 12, 30, 48))
    eventually(lambda: chosen(page, "point"), [12, 30])
    eventually(firing, expected())
    assert "Row 12, column 30 of the photo is looked at by the unit at row 12, column 30" in shown(page, ".ck-asks")
    values = received(page, "explorer.channels_here[2].tolist()")

    def told():
        return [float(text.replace("−", "-")) for text in page.locator(".ck-fires span").all_inner_texts()]

    eventually(lambda: told() == pytest.approx(values, rel=0.006, abs=1e-9), True)
    assert page.locator(".ck-asked").is_visible()
    assert chosen(page, "strokes") == []
    second = received(page, "int(explorer.channels_here[1][1])")
    page.locator(".ck-fires").nth(1).click()
    eventually(lambda: (chosen(page, "channel"), chosen(page, "place")), (second, [12, 30]))
    eventually(lambda: page.locator(".ck-fires").nth(1).get_attribute("aria-pressed"), "true")
    page.locator(".ck-stage").first.focus()
    for key in ["Home", "PageDown", "Space"]:
        page.keyboard.press(key)
    eventually(lambda: chosen(page, "point"), [47, 0])
    run_cell(page, "explorer.layer = 'block2_three'; explorer.paint('grey', 9, [(44, 3)])")
    eventually(lambda: "at row 23, column 0 of block2_three" in shown(page, ".ck-asks"), True)
    eventually(firing, expected())
    page.locator(".ck-unask").click()
    eventually(lambda: chosen(page, "point"), None)
    eventually(lambda: page.locator(".ck-here").is_visible(), False)
    use(page, "grey")


def test_a_unit_what_it_sees_and_where_its_number_comes_from(page):
    python(page, "explorer.layer, explorer.channel = 'block2_three', 4")
    eventually(lambda: shown(page, ".ck-name").startswith("Channel 4"), True)
    page.mouse.move(*point(page, ".ck-large", 5, 7, 24))
    eventually(lambda: "at row 5, column 7. It sees 14 × 14 pixels" in shown(page, ".ck-where"), True)
    assert page.locator(".ck-sees").first.is_visible()
    page.mouse.click(*point(page, ".ck-large", 5, 7, 24))
    eventually(lambda: chosen(page, "place"), [5, 7])
    says = received(page, "explorer.arithmetic.says").replace("-", "−")
    eventually(lambda: says in shown(page, ".ck-of"), True)
    assert len(page.locator(".ck-cells").all()) == 3
    page.locator(".ck-large").first.focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: chosen(page, "place"), [5, 8])
    below = received(page, "[explorer.arithmetic.largest.layer, *explorer.arithmetic.largest.place]")
    page.locator(".ck-down").click()
    where = "[explorer.layer, *explorer.place, explorer.channel]"
    eventually(lambda: received(page, where), below)
    eventually(lambda: shown(page, ".ck-of").startswith(f"{below[0]}, row {below[1]}, column {below[2]}"), True)
    page.locator(".ck-up").click()
    eventually(lambda: received(page, where), ["block2_three", 5, 8, 4])


def test_what_excites_the_channel(page):
    python(page, "explorer.layer, explorer.channel = 'block2_three', 4")
    eventually(lambda: shown(page, ".ck-name").startswith("Channel 4"), True)
    page.locator(".ck-search").press("Enter")
    eventually(lambda: page.locator(".ck-found img").count(), 6)
    python(page, "from coursekit import photos, top_patches")
    found = "top_patches(model, 'block2_three', photos(48)[0], 6, channels=4)"
    pictures, values = received(page, f"[(found := {found}).pictures[0].tolist(), found.values[0].tolist()]")
    said = [image.get_attribute("alt") for image in page.locator(".ck-found img").all()]
    assert [int(one.split()[3].rstrip(",")) for one in said] == pictures
    told = [float(one.split("answer ")[1]) for one in said]
    assert told == pytest.approx(values, rel=1e-3)
    page.locator(".ck-grid").first.focus()
    page.keyboard.press("ArrowLeft")  # of another channel they are not
    eventually(lambda: page.locator(".ck-found img").count(), 0)
    eventually(lambda: chosen(page, "channel"), 3)


def test_what_the_network_draws_for_the_channel(page):
    python(page, "explorer.layer, explorer.channel, explorer._steps = 'block2_three', 4, 12")
    eventually(lambda: shown(page, ".ck-name").startswith("Channel 4"), True)
    button, image = page.locator(".ck-draw"), page.locator(".ck-drawn img")
    button.press("Enter")
    eventually(lambda: page.locator(".ck-far").inner_text(), "Drawn by gradient ascent from noise.")
    assert image.get_attribute("alt") == "What the network draws for channel 4 of block2_three"
    expected = np.array(received(page, "explorer.drawing.tolist()"))
    assert abs(pixels_of_image(image) - np.clip(expected, 0, 255)).mean() < 6  # JPEG
    assert not button.is_visible()
    assert page.locator(".ck-search").evaluate("button => button === document.activeElement")

    python(page, "explorer.channel, explorer._steps = 3, 10**6")
    eventually(lambda: page.locator(".ck-drawn").is_visible(), False)
    button.click()
    eventually(lambda: button.inner_text(), "Stop drawing")
    eventually(lambda: page.locator(".ck-far").inner_text()[:5], "Step ")
    assert page.locator(".ck-steps").is_visible()
    button.click()
    eventually(lambda: button.inner_text(), "What would the network draw for it?")
    eventually(lambda: received(page, "explorer._running"), False)
    assert image.is_visible()
    assert not page.locator(".ck-steps").is_visible()
    python(page, "explorer.channel = 4")
    eventually(lambda: image.get_attribute("alt"), "What the network draws for channel 4 of block2_three")


# ---- all of it as text, and for everybody


def test_the_state_is_a_text(page):
    python(page, "explorer.paint('blur', 9, [(3, 3)])")
    page.locator("summary").first.click()
    eventually(lambda: page.locator(".ck-text").input_value(), received(page, "explorer.state"))
    wanted = {**json.loads(received(page, "start")), "layer": "block1_three", "channel": 2}
    page.locator(".ck-text").fill(json.dumps(wanted))
    page.locator(".ck-use").click()
    eventually(lambda: (chosen(page, "layer"), chosen(page, "channel")), ("block1_three", 2))
    page.locator(".ck-text").fill("nothing")
    page.locator(".ck-use").click()
    eventually(lambda: "This is no state of this explorer" in shown(page, ".ck-alert"), True)
    page.locator("summary").first.click()


def test_keys_stay_in_the_explorer(page):
    check_keys_stay(page, [".ck-map", ".ck-stage", ".ck-grid", ".ck-large", ".ck-find", ".ck-tools input", "summary"])


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    check_text_stands_out(page, ROOT, theme, least=25)


def test_narrow_output_wraps(page):
    python(page, "explorer.place = (5, 7)")
    with window_of(page, 390):
        scrolled = ".ck-class, .ck-stage, .ck-map, .ck-scroll, .ck-pointed, .ck-terms, .ck-text"
        eventually(lambda: too_wide(page, ROOT, scrolled), [])
        assert page.locator(".ck-stage").first.bounding_box()["width"] >= 200
