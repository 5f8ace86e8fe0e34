"""EmbeddingExplorer in Chromium, inside JupyterLab, with real keys and a real mouse."""

import numpy as np
import pytest

from coursekit import digits, nearest_neighbors, pca
from coursekit.show.embeddings import TEN_COLOURS
from tests.browser.lab import python
from tests.browser.reading import (
    another_cell,
    check_keys_stay,
    check_text_stands_out,
    eventually,
    explorer_fixtures,
    pixels as canvas_pixels,
    window_of,
)

ROOT = ".ck-embedding-explorer"

EXPLORER = """\
import numpy as np
from coursekit import EmbeddingExplorer, digits, feature_vectors, pca
pictures, labels = digits()
pictures, labels = pictures[::12], labels[::12]
vectors = feature_vectors(pictures)
predicted = np.where(np.arange(len(labels)) % 40 == 7, (labels + 3) % 10, labels)
both = pca(vectors, 20)
maps = {5: both[:, :2], 30: both[:, 2:4], "PCA": both[:, :2]}
explorer = EmbeddingExplorer(maps, pictures, labels, both, predicted)"""
MANY = """\
several = np.concatenate([pictures] * 12)[:5000]
many = EmbeddingExplorer(np.random.default_rng(0).normal(size=(5000, 2)), several, np.arange(5000) % 10)
many"""
RESET = "explorer.chosen, explorer.shown, explorer.color = None, 5, 'class'"
BEGINS = {".ck-name": "No picture is chosen", ".ck-which": "5"}

notebook, page = explorer_fixtures(ROOT, EXPLORER, RESET, BEGINS, reduced_motion="reduce")


@pytest.fixture(scope="module")
def some():
    """What the notebook computes, computed here."""
    pictures, labels = digits()
    pictures, labels = pictures[::12], labels[::12]
    vectors = pictures.reshape(len(pictures), -1).astype(np.float32)
    both = pca(vectors, 20)
    wrong = np.flatnonzero(np.arange(len(labels)) % 40 == 7)
    return {"pictures": pictures, "labels": labels, "pixels": vectors, "features": both, "wrong": wrong}


def places(page, some, columns=slice(0, 2)):
    """Return where the points must stand on the canvas, in CSS pixels."""
    side = page.locator(".ck-plane").first.bounding_box()["width"]
    points = some["features"][:, columns]
    low, high = points.min(0), points.max(0)
    scale = (side - 28) / (high - low).max()
    return side / 2 + scale * (points - (low + high) / 2) * [1, -1]


def alone(found):
    """Return the points from the loneliest on, and not at the edge."""
    apart = np.linalg.norm(found[:, np.newaxis] - found, axis=-1)
    np.fill_diagonal(apart, np.inf)
    return np.argsort(-apart.min(1))


def pixels(page, name, view=0):
    """Return what stands on a canvas, (H, W, 4)."""
    return canvas_pixels(page.locator(f"canvas.ck-{name}").nth(view))


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def has_colour(image, place, colour, radius=6):
    """Say whether a pixel near a place has a colour, or nearly."""
    x, y = np.rint(place).astype(int)
    region = image[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1, :3].astype(int)
    return (np.abs(region - rgb(colour)).max(-1) < 12).any()


def move_to(page, place, click=False):
    box = page.locator(".ck-plane").first.bounding_box()
    (page.mouse.click if click else page.mouse.move)(box["x"] + place[0], box["y"] + place[1])


def said(page):
    return page.locator(".ck-plane").first.get_attribute("aria-valuetext")


def nearest_towards(found, start, direction, far=0.0):
    """Return the point that an arrow key must lead to."""
    along = (found - found[start]) @ direction
    across = np.abs((found - found[start]) @ [-direction[1], direction[0]])
    distance = np.hypot(along, across)
    distance[(along <= 0) | (across > along) | (distance < far)] = np.inf
    return int(distance.argmin())


# ---- the map


def test_every_class_has_its_colour_where_its_points_are(page, some):
    found, image = places(page, some), pixels(page, "points")
    for i in alone(found)[:80]:
        assert has_colour(image, found[i], TEN_COLOURS[some["labels"][i]]), i
    empty = np.abs(np.stack(np.meshgrid(*[np.arange(10, 590, 10)] * 2), -1).reshape(-1, 1, 2) - found).max(-1).min(1)
    corner = np.stack(np.meshgrid(*[np.arange(10, 590, 10)] * 2), -1).reshape(-1, 2)[empty.argmax()]
    assert (image[corner[1], corner[0]] == 255).all()


def test_errors_stand_out(page, some):
    page.get_by_role("radio", name="error").focus()
    page.keyboard.press("Space")
    found, image = places(page, some), pixels(page, "points")
    assert [i for i in some["wrong"] if not has_colour(image, found[i], "#c04000")] == []
    right = [i for i in alone(found) if np.abs(found[some["wrong"]] - found[i]).max(1).min() > 25][:30]
    assert all(has_colour(image, found[i], "#b5b5b5") for i in right)
    assert not any(has_colour(image, found[i], "#c04000") for i in right)
    count = len(some["labels"])
    legend = page.locator(".ck-legend").inner_text()
    assert f"{count - len(some['wrong'])} right" in legend
    assert f"{len(some['wrong'])} wrong, drawn as what the network said" in legend
    eventually(lambda: python(page, "print(explorer.color)"), "error")


# ---- the picture under the pointer


def test_pointer_shows_the_picture(page, some):
    found = places(page, some)
    for i in alone(found)[:12]:
        move_to(page, found[i])
        assert said(page).startswith(f"picture {i}, class {some['labels'][i]}")
        side = page.locator(".ck-plane").bounding_box()["width"]
        x, y = found[i]
        left = x - 100 if x + 100 > side else x + 16
        top = np.clip(y - 42, 3, side - 87)
        over = pixels(page, "over")[..., 0].astype(float)
        rows, columns = (np.floor(start + 3 * np.arange(28) + 1.5).astype(int) for start in (top, left))
        shown = over[np.ix_(rows, columns)]
        assert np.corrcoef(shown.ravel(), some["pictures"][i].ravel())[0, 1] > 0.98
    page.mouse.move(0, 0)
    assert not pixels(page, "over").any()
    assert said(page) == "no picture"


def test_far_from_all_points_there_is_no_picture(page, some):
    found = places(page, some)
    corner = (4, 4)
    assert np.linalg.norm(found - corner, axis=1).min() > 30
    move_to(page, corner)
    assert said(page) == "no picture"


def test_five_thousand_points_follow_the_pointer(page):
    with another_cell(page, MANY, ROOT) as second:
        times = second.locator(".ck-plane").evaluate(
            """async (plane) => {
                const box = plane.getBoundingClientRect();
                const times = [];
                for (let i = 0; i < 200; i++) {
                    const [clientX, clientY] = [box.left + box.width * (0.2 + 0.003 * i), box.top + box.height / 2];
                    const begun = performance.now();
                    plane.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY }));
                    times.push(performance.now() - begun);
                    if (i % 20 === 0) await new Promise(requestAnimationFrame);
                }
                return times;
            }"""
        )
    # Milliseconds; 60 pictures a second leave 16. All do the same: the quick ones are those that nothing interrupted.
    assert np.quantile(times, 0.25) < 4


# ---- the chosen picture and its neighbours


def check_neighbours(page, some, i):
    """Compare all that the page shows of a chosen picture with what is computed here."""
    label = some["labels"][i]
    eventually(lambda: page.locator(".ck-name").inner_text(), f"Picture {i}")
    for space in ("pixels", "features"):
        indices, distances = nearest_neighbors(some[space], some[space][i], 8, exclude=i)
        buttons = page.locator(f".ck-{space} button")
        first = f"1. picture {indices[0]}, class {some['labels'][indices[0]]}"
        eventually(lambda b=buttons, f=first: b.first.get_attribute("aria-label").startswith(f), True)
        assert buttons.count() == 8
        for button, neighbor, distance in zip(buttons.all(), indices, distances, strict=True):
            shown = canvas_pixels(button.locator("canvas"))
            np.testing.assert_array_equal(shown[..., :3], some["pictures"][neighbor].repeat(3, 2))
            words = button.get_attribute("aria-label")
            assert f"picture {neighbor}, class {some['labels'][neighbor]}" in words
            assert float(words.rpartition(" ")[2]) == pytest.approx(distance, rel=1e-3)
        same = (some["labels"][indices] == label).sum()
        assert page.locator(f".ck-{space} .ck-same").inner_text() == f"{same} of 8 are of class {label}."
    np.testing.assert_array_equal(pixels(page, "picture")[..., :3], some["pictures"][i].repeat(3, 2))


def test_click_shows_the_neighbours(page, some):
    found = places(page, some)
    for i in alone(found):  # the first one that has a neighbour by features which no other mark covers
        by_pixels, by_features = (
            nearest_neighbors(some[space], some[space][i], 8, exclude=i)[0] for space in ("pixels", "features")
        )
        visible = [n for n in by_features if np.abs(found[[*by_pixels, i]] - found[n]).max(1).min() > 24]
        if visible:
            break
    assert page.locator(".ck-row").first.is_hidden()
    move_to(page, found[i], click=True)
    check_neighbours(page, some, i)
    assert python(page, "print(explorer.chosen)") == str(i)
    eventually(lambda: page.locator(ROOT).get_attribute("aria-busy"), "false")
    page.mouse.move(0, 0)
    over = pixels(page, "over")
    assert all(has_colour(over, found[neighbor], "#d55e00", 12) for neighbor in by_pixels)
    assert all(has_colour(over, found[neighbor], "#0072b2", 12) for neighbor in visible)


def test_a_cell_chooses(page, some):
    python(page, "explorer.chosen = 123")
    check_neighbours(page, some, 123)


def test_a_neighbour_is_chosen_with_keys(page, some):
    python(page, "explorer.chosen = 123")
    check_neighbours(page, some, 123)
    second = page.locator(".ck-features button").nth(1)
    second.focus()
    i = nearest_neighbors(some["features"], some["features"][123], 8, exclude=123)[0][1]
    assert said(page).startswith(f"picture {i},")  # it is marked on the map
    page.keyboard.press("Enter")
    check_neighbours(page, some, int(i))
    assert page.evaluate("document.activeElement.closest('.ck-features') !== null")


# ---- keys


def test_arrow_keys_go_to_the_nearest_point(page, some):
    found = places(page, some)
    side = page.locator(".ck-plane").bounding_box()["width"]
    at = 200
    python(page, f"explorer.chosen = {at}")
    eventually(lambda: page.locator(".ck-name").inner_text(), f"Picture {at}")
    page.locator(".ck-plane").focus()
    directions = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}
    walk = ["ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowLeft"]
    for key in walk:
        page.keyboard.press(key)
        at = nearest_towards(found, at, directions[key])
        assert said(page).startswith(f"picture {at},"), key
    page.keyboard.press("Shift+ArrowRight")
    far = nearest_towards(found, at, (1, 0), side / 10)
    assert said(page).startswith(f"picture {far},")
    assert far != nearest_towards(found, at, (1, 0))
    page.keyboard.press("Enter")
    check_neighbours(page, some, far)
    page.keyboard.press("Escape")
    eventually(lambda: python(page, "print(explorer.chosen)"), "None")
    assert page.locator(".ck-row").first.is_hidden()


def test_keys_stay_in_the_explorer(page):
    python(page, "explorer.chosen = 3")
    page.locator(".ck-pixels button").first.wait_for()
    check_keys_stay(page, [".ck-plane", ".ck-pixels button", ".ck-step"])


# ---- several maps


def test_slider_goes_through_the_maps(page, some):
    before = pixels(page, "points")
    page.get_by_role("slider", name="Perplexity", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".ck-which").inner_text() == "30"
    found, image = places(page, some, slice(2, 4)), pixels(page, "points")  # at once: less motion is asked for
    assert (image != before).any()
    for i in alone(found)[:60]:
        assert has_colour(image, found[i], TEN_COLOURS[some["labels"][i]]), i
    eventually(lambda: python(page, "print(explorer.shown)"), "30")
    page.keyboard.press("ArrowRight")
    assert page.locator(".ck-which").inner_text() == "PCA"
    assert page.locator(".ck-word").inner_text() == "Map"
    np.testing.assert_array_equal(pixels(page, "points"), before)


def test_points_wander_unless_less_motion_is_asked_for(page):
    begin = pixels(page, "points")
    python(page, "explorer.shown = 30")
    eventually(lambda: page.locator(".ck-which").inner_text(), "30")
    end = pixels(page, "points")
    python(page, "explorer.shown = 5")
    eventually(lambda: page.locator(".ck-which").inner_text(), "5")
    page.emulate_media(reduced_motion="no-preference")
    try:
        page.locator(".ck-step").focus()
        drawn = page.evaluate(
            """() => {
                const canvas = document.querySelector(".ck-points");
                const step = document.querySelector(".ck-step");
                const [drawn, frames, itself] = [[], [], window.requestAnimationFrame];
                window.requestAnimationFrame = (draw) => frames.push(draw); // 20 a second, however busy the machine
                try {
                    step.value = 1;
                    step.dispatchEvent(new Event("input"));
                    for (let now = 0; frames.length; now += 50) {
                        for (const draw of frames.splice(0)) draw(now);
                        const url = canvas.toDataURL();
                        if (url !== drawn.at(-1)) drawn.push(url);
                    }
                } finally {
                    window.requestAnimationFrame = itself;
                }
                return drawn;
            }"""
        )
    finally:
        page.emulate_media(reduced_motion="reduce")
    assert len(drawn) > 10
    np.testing.assert_array_equal(pixels(page, "points"), end)
    assert (begin != end).any()


# ---- for everyone


def test_names_and_roles(page):
    python(page, "explorer.chosen = 7")
    page.locator(".ck-pixels button").first.wait_for()
    tree = page.locator(ROOT).aria_snapshot()
    for line in [
        'slider "Perplexity"',
        'group "Colour by"',
        'radio "class" [checked]',
        'radio "error"',
        'slider "Map of 417 pictures (perplexity 5)"',
        'img "picture 7, class 0, taken for 3"',
        'heading "□ Nearest by pixels"',
        'heading "○ Nearest by features"',
        'button "1. picture',
    ]:
        assert line in tree, tree
    assert "Nearest by features:" in page.get_by_role("status").last.inner_text()
    for canvas in page.locator(".ck-embedding-explorer canvas").all():
        assert canvas.get_attribute("aria-hidden") == "true" or canvas.get_attribute("aria-label")
    for one in page.locator(".ck-embedding-explorer :is(input, button, [tabindex]:not(.ck-gone))").all():
        assert one.get_attribute("data-lm-suppress-shortcuts") == "true"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out(page, theme):
    python(page, "explorer.chosen = 7")
    page.locator(".ck-pixels button").first.wait_for()
    check_text_stands_out(page, ROOT, theme)


def test_narrow_output_wraps(page):
    below = "document.querySelector('.ck-right').getBoundingClientRect().top"
    below += " > document.querySelector('.ck-plane').getBoundingClientRect().bottom"
    with window_of(page, 560):
        page.wait_for_function(below)
        box = page.locator(".ck-plane").bounding_box()
        assert box["x"] + box["width"] <= 560
        eventually(lambda: pixels(page, "points").shape[0], round(box["width"]))
    page.wait_for_function(f"!({below})")
