"""EmbeddingExplorer and UnitCard on a page of the book, from what they left in their outputs. In Chromium."""

import io

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from book.pages import about, saved
from coursekit import EmbeddingExplorer, UnitCard, digits, name_score, photos, progress, squeezenet
from coursekit.show.patches import in_light
from coursekit.widgets.page_state import PAGE, VARIABLE
from tests.book.live import BESIDE, part, write_page
from tests.browser.reading import eventually

pytestmark = pytest.mark.browser

MAP, CARD = ".ck-embedding-explorer", ".ck-unit-card"
STEPS = 3
PIXELS = """async (image) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    return [canvas.height, canvas.width, [...pen.getImageData(0, 0, canvas.width, canvas.height).data]];
}"""


@pytest.fixture(scope="module")
def explorer():
    images, labels = digits()
    images, labels = images[::50], labels[::50]
    predicted = labels.copy()
    predicted[[5, 50]] = 3
    points = images.reshape(100, -1)[:, [300, 400]].astype(np.float32)
    points += np.random.default_rng(0).normal(size=points.shape)
    return EmbeddingExplorer({5: points, 30: points[:, ::-1]}, images, labels, points, predicted, k=4)


@pytest.fixture(scope="module")
def card():
    images = photos(227)[0]
    return UnitCard(
        squeezenet(), "fire2-squeeze1x1", 5, images[:10], images[10:18], k=3, drawing=images[0], steps=STEPS
    )


@pytest.fixture
def page(site, explorer, card, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.delenv(progress.FILE_VARIABLE, raising=False)
    explorer.chosen, card.channel = None, 5  # as they were made, whatever the test before has chosen
    parts = []
    for widget in (explorer, card):
        data, metadata = DisplayFormatter().format(widget)
        said = about({"metadata": metadata})
        name = saved(data[PAGE], site.folder / BESIDE / "live" / "saved")
        parts.append(part(said["kind"], {**said["arguments"], "saved": name}))
    page = site.context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(site.address + write_page(site.folder, "saved.html", *parts))
    page.locator(MAP).wait_for()
    page.locator(CARD).wait_for()
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    assert not errors


def picture(image):
    height, width, values = image.evaluate(PIXELS)
    return np.array(values).reshape(height, width, 4)[..., :3]


def test_map_of_pictures(page, explorer):
    plane, name = page.locator(f"{MAP} .ck-plane"), page.locator(f"{MAP} .ck-name")
    plane.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    eventually(lambda: name.inner_text().startswith("Picture "), True)
    explorer.chosen = int(name.inner_text().split()[1])
    for space in ("pixels", "features"):
        wanted = explorer._neighbors[space]
        labels = page.locator(f"{MAP} .ck-{space} button").evaluate_all("all => all.map((one) => one.ariaLabel)")
        for rank, (label, i, distance) in enumerate(
            zip(labels, wanted["indices"], wanted["distances"], strict=True), 1
        ):
            assert label.startswith(f"{rank}. picture {i}, class {explorer._labels[i]}")
            assert float(label.split("distance ")[1]) == pytest.approx(distance, rel=1e-3)
        assert (
            page.locator(f"{MAP} .ck-{space} .ck-same").inner_text().startswith(f"{wanted['same']} of 4 are of class")
        )
    page.locator(f"{MAP} .ck-features button").first.click()
    eventually(lambda: name.inner_text(), f"Picture {explorer._neighbors['features']['indices'][0]}")
    plane.focus()
    page.keyboard.press("Escape")
    eventually(lambda: name.inner_text(), "No picture is chosen")
    page.locator(f"{MAP} input[value=error]").check()
    legend = " ".join(page.locator(f"{MAP} .ck-legend").inner_text().split())
    assert legend == "● 98 right ● 2 wrong, drawn as what the network said"
    page.locator(f"{MAP} .ck-step").fill("1")
    assert plane.get_attribute("aria-label") == "Map of 100 pictures (perplexity 30)"


def choose(page, channel):
    page.locator(f"{CARD} .ck-number").fill(str(channel))
    page.keyboard.press("Enter")
    eventually(lambda: page.locator(CARD).get_attribute("aria-busy"), "false")


def test_another_channel_of_a_card(page, card):
    choose(page, 9)
    card.channel = 9
    found, masks = card.patches, card.masks
    said = page.locator(f"{CARD} .ck-patches img").evaluate_all("all => all.map((one) => one.alt)")
    for rank, alt in enumerate(said):
        top, left, bottom, right = found.boxes[0, rank]
        where = f"picture {found.pictures[0, rank]}, rows {top} to {bottom - 1}, columns {left} to {right - 1}"
        assert alt == f"Patch {rank + 1}: {where}, answer {float(f'{found.values[0, rank]:.4g}'):g}"
    with Image.open(io.BytesIO(card._page_state()["pictures"]["file"])) as sheet:
        whole = np.asarray(sheet.convert("RGB"))
    columns = 5  # of 18 pictures
    for rank, mask in enumerate(masks):
        i = found.pictures[0, rank]
        y, x = i // columns * 227, i % columns * 227
        lit = picture(page.locator(f"{CARD} .ck-photos img").nth(rank))
        expected = in_light(whole[y : y + 227, x : x + 227], mask).astype(int)
        assert (np.abs(lit - expected).max(axis=-1) > 8).mean() < 2e-3, rank
    crop = picture(page.locator(f"{CARD} .ck-patches img").first)
    top, left, bottom, right = found.boxes[0, 0]
    assert crop.shape[:2] == (bottom - top, right - left)
    eventually(lambda: page.locator(f"{CARD} .ck-far").inner_text(), "By gradient ascent from noise.")
    drawn = picture(page.locator(f"{CARD} .ck-drawn img"))
    assert drawn.shape == (128, 128, 3)
    assert drawn.std() > 5
    choose(page, 5)  # what was drawn before comes back
    eventually(
        lambda: page.locator(f"{CARD} .ck-drawn img").get_attribute("alt"), "What the network draws for channel 5"
    )
    assert picture(page.locator(f"{CARD} .ck-drawn img")).shape[0] == 227


def test_what_is_drawn_is_the_channel_that_was_chosen_last(page, card):
    """To and fro faster than a channel's pictures are cut."""
    page.evaluate("""() => {
        window.asked = [];
        const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (message) {
            if (message.choice) window.asked.push(message.choice.channel);
            post.call(this, message);
        };
        const field = document.querySelector(".ck-unit-card .ck-number");
        for (const channel of [9, 10, 9]) {
            field.value = channel;
            field.dispatchEvent(new Event("input", { bubbles: true }));
        }
    }""")
    eventually(lambda: page.evaluate("asked.length > 0"), True)
    page.wait_for_timeout(600)  # longer than the card waits before it draws
    choose(page, 12)
    eventually(
        lambda: page.locator(f"{CARD} .ck-drawn img").get_attribute("alt"), "What the network draws for channel 12"
    )
    assert page.evaluate("asked") == [9, 12]


def test_name_on_a_card(page, card):
    field = page.locator(f"{CARD} .ck-name")
    field.fill("sky")
    field.press("Enter")
    says = [True, False, False, True, False, True, False, True]
    question = page.locator(f"{CARD} .ck-question")
    for count, yes in enumerate(says, 1):
        eventually(lambda count=count: question.inner_text(), f"Picture {count} of 8: does it show “sky”?")
        page.keyboard.press("y" if yes else "n")
    order = card._held_out["order"]
    expected = name_score(card.answers[order], says)
    eventually(lambda: page.locator(f"{CARD} .ck-verdict").inner_text(), f"“sky”: {expected}")
    strongest = card.answers.argsort()[::-1].tolist()
    shown = page.locator(f"{CARD} .ck-report img").evaluate_all("all => all.map((one) => one.alt.split(',')[0])")
    assert shown == [f"Held-out picture {i}" for i in strongest]
    page.reload()
    eventually(lambda: page.locator(f"{CARD} .ck-verdict").inner_text(), f"“sky”: {expected}")  # kept in the browser
    assert field.input_value() == "sky"
