"""ChannelExplorer on a page of the book, without Python, by real keys and mouse. In Chromium."""

from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from coursekit import ChannelExplorer, activations, photo, receptive_field, resize, squeezenet
from tests.book.live import FACE, part, write_page
from tests.browser.reading import as_file, drop, eventually, pixels

pytestmark = pytest.mark.browser

ROOT_FOLDER = Path(__file__).parents[2]
ROOT = ".ck-channel-explorer"
ELSEWHERE = "This is a still picture. It is alive in JupyterLab."
PICTURE = resize(photo("astronaut")[20:240, 120:340], 227)
OTHER = {**FACE, "layer": "conv1", "channel": 21, "scale": "signed", "photo": "chelsea"}


@pytest.fixture(scope="module")
def model():
    return squeezenet()


@pytest.fixture
def page(site):
    """A page with an explorer in view, one far below, and a part of a kind that does not live here."""
    page = site.context.new_page()
    errors, asked = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.asked = asked
    far = '<div class="far"></div>'
    still = part("OcclusionExplorer", {"target": 3}, '<p id="still">The still picture</p>')
    unknown = part("ChannelExplorer", {**FACE, "photo": None}, '<p id="unknown">The still picture</p>')
    parts = [part("ChannelExplorer", FACE), still, unknown, far, part("ChannelExplorer", OTHER)]
    page.goto(site.address + write_page(site.folder, "explorers.html", *parts))
    page.locator(ROOT).first.wait_for()
    yield page
    page.close()
    assert not errors
    assert {url.split("/book/")[0] + "/" for url in asked if not url.startswith(("data:", "blob:"))} == {site.address}


def number(said, word):
    """Return the number that stands behind a word."""
    return float(said.split(word)[1].split(",")[0])


def expected(values, channel, low=None, relu=False):
    """Return the levels 0 to 255 of a channel on the scale of its layer, (H, W): half of the page's formula."""
    values = np.maximum(values, 0) if relu else values
    low = min(float(values.min()), 0.0) if low is None else low
    levels = (values[..., channel].astype(np.float64) - low) * (255 / (float(values.max()) - low)) + 0.5
    return np.floor(levels)


def close(found, levels):
    """Say whether levels are the same; float32 sums in another order may round one of ten thousand the other way."""
    away = np.abs(found.astype(int) - levels)
    return found.shape == levels.shape and away.max() <= 1 and (away > 0).mean() < 1e-3


def test_values_equal_pythons(page, model):
    explorer = ChannelExplorer(model, PICTURE, layer="fire6-squeeze1x1", channel=13)
    options = page.locator(".ck-layer option").evaluate_all("all => all.map((one) => one.textContent)")
    assert options == [f"{name} · {h} × {w} × {c}" for name, h, w, c in explorer._layers]
    np.testing.assert_array_equal(pixels(page.locator("canvas.ck-photo").first)[..., :3], PICTURE)
    for layer, channel in [("fire6-squeeze1x1", 13), ("conv1", 21), ("relu_conv10", 669)]:
        page.get_by_label("Layer").first.select_option(layer)
        values = activations(model, PICTURE.astype(np.float32), layer)
        eventually(page.locator(".ck-count").first.inner_text, f"0 to {values.shape[2] - 1}")
        page.locator(".ck-channel").first.fill(str(channel))
        page.keyboard.press("Enter")
        eventually(lambda channel=channel: page.locator(".ck-name").first.inner_text(), f"Channel {channel}")
        assert close(pixels(page.locator("canvas.ck-map").first)[..., 0], expected(values, channel)), layer
        said = page.locator(".ck-stats").first.inner_text()
        one = values[..., channel]
        for word, value in [("largest", one.max()), ("smallest", one.min()), ("mean", one.mean())]:
            assert number(said, word) == pytest.approx(float(value), rel=2e-4, abs=1e-4), (layer, word)
        assert f"{100 * (one == 0).mean():.0f}% zeros" in said
        struck = page.locator(".ck-legend").first.inner_text()
        explorer.layer = layer
        near_zero = int(np.frombuffer(explorer._maps["numbers"], np.float32).reshape(2, 5, -1)[0, 4].sum())
        assert (f"{near_zero} channel" if near_zero else "No channels") in struck


def test_keys_and_mouse(page, model):
    grid = page.locator(".ck-grid").first
    values = activations(model, PICTURE.astype(np.float32), "fire6-squeeze1x1")
    grid.focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: page.locator(".ck-name").first.inner_text(), "Channel 14")
    assert close(pixels(page.locator("canvas.ck-map").first)[..., 0], expected(values, 14))
    page.locator(".ck-relu").first.check()
    assert close(pixels(page.locator("canvas.ck-map").first)[..., 0], expected(values, 14, relu=True))
    page.locator(".ck-large").first.hover(position={"x": 3, "y": 3})
    assert float(page.locator(".ck-value").first.inner_text()) == pytest.approx(max(values[0, 0, 14], 0), rel=1e-4)
    top, left, bottom, right = receptive_field(model, "fire6-squeeze1x1").box(0, 0)
    size, place = f"{bottom - top} × {right - left} pixels", f"rows 0 to {bottom - 1}, columns 0 to {right - 1}"
    assert page.locator(".ck-seen").first.inner_text() == f"This unit sees {size}: {place} (frame)."
    page.locator(".ck-scale input[value=own]").first.check()
    assert "Each channel has its own scale" in page.locator(".ck-legend").first.inner_text()
    page.get_by_label("Layer").first.select_option("conv1")  # which has a channel 14 too
    eventually(lambda: page.locator(".ck-count").first.inner_text(), "0 to 63")
    page.locator(".ck-channel").first.fill("60")
    page.keyboard.press("Enter")
    page.get_by_label("Layer").first.select_option("fire6-squeeze1x1")  # which has none 60: the strongest
    eventually(lambda: page.locator(".ck-name").first.inner_text(), "Channel 13")


def test_dropped_photo(page, model):
    cat = data.chelsea()
    drop(page, "cat.png", as_file(cat), ".ck-photo")
    eventually(lambda: page.locator(".ck-status").first.inner_text(), "cat.png is the picture now.")
    np.testing.assert_array_equal(pixels(page.locator("canvas.ck-photo").first)[..., :3], resize(cat, 227))
    values = activations(model, resize(cat, 227).astype(np.float32), "fire6-squeeze1x1")
    assert close(pixels(page.locator("canvas.ck-map").first)[..., 0], expected(values, 13))
    page.locator(ROOT).first.get_by_role("button", name="Back to the first photo").press("Enter")
    eventually(lambda: page.locator(".ck-status").first.inner_text(), "The first photo is the picture again.")
    np.testing.assert_array_equal(pixels(page.locator("canvas.ck-photo").first)[..., :3], PICTURE)
    assert (
        page.locator(".ck-live-note").first.inner_text().startswith("A photo that you choose here stays in this page.")
    )


def test_what_is_no_picture(page):
    before = pixels(page.locator("canvas.ck-map").first)
    drop(page, "notes.jpg", b"Dear diary,\n", ".ck-photo")
    eventually(
        lambda: page.locator(".ck-alert").first.inner_text(),
        "notes.jpg is no picture that this browser can read. Save it as PNG or JPEG in an image program.",
    )
    np.testing.assert_array_equal(pixels(page.locator("canvas.ck-map").first), before)
    eventually(lambda: page.locator(ROOT).first.get_attribute("aria-busy"), "false")


def test_two_explorers_on_a_page(page, model):
    assert page.locator(ROOT).count() == 1  # the other is far, and not made yet
    assert not any("chelsea" in url for url in page.asked)
    page.locator(".ck-live").last.scroll_into_view_if_needed()
    page.locator(ROOT).nth(1).wait_for()
    second = activations(model, photo("chelsea", 227).astype(np.float32), "conv1")[..., 21].astype(float)
    eventually(lambda: page.locator(".ck-name").nth(1).inner_text(), "Channel 21")
    first = activations(model, PICTURE.astype(np.float32), "conv1")
    page.get_by_label("Layer").first.select_option("conv1")  # computed before the second one was made
    eventually(lambda: page.locator(".ck-count").first.inner_text(), "0 to 63")
    page.locator(".ck-channel").first.fill("21")
    page.keyboard.press("Enter")
    eventually(lambda: page.locator(".ck-name").first.inner_text(), "Channel 21")
    assert close(pixels(page.locator("canvas.ck-map").first)[..., 0], expected(first, 21))
    said = page.locator(".ck-stats").nth(1).inner_text()
    assert number(said, "largest") == pytest.approx(second.max(), rel=1e-4)
    assert sum(url.endswith("weights.f32.bin") for url in page.asked) == 1


def test_what_does_not_live_keeps_its_still_picture(page):
    for still in ("#still", "#unknown"):
        here = page.locator(f".ck-live:has({still})")
        eventually(lambda here=here: here.get_attribute("data-live"), "no")
        eventually(here.locator("p").all_inner_texts, ["The still picture", ELSEWHERE])


def test_without_the_weights_the_still_picture_stays(site):
    with site.context.new_page() as page:
        page.route("**/weights.f32.bin", lambda route: route.abort())
        page.goto(site.address + write_page(site.folder, "broken.html", part("ChannelExplorer", FACE)))
        here = page.locator(".ck-live")
        eventually(lambda: here.get_attribute("data-live"), "no")
        eventually(here.locator("p").all_inner_texts, ["It could not be loaded. Try again", "The still picture"])


def drop_together(page, *files, click=None):
    """Drop files on the explorer, one after the other without a pause: (name, content, padding in MB).

    What is padded takes longer to be read. Content None is a file that is gone when it is read. Then a button is
    clicked, if one is named.
    """
    page.evaluate(
        """([files, button]) => {
            const read = Blob.prototype.arrayBuffer;
            window.reading = 0;
            Blob.prototype.arrayBuffer = function () {
                window.reading += 1;
                return read.call(this).finally(() => (window.reading -= 1));
            };
            for (const [name, content, padding] of files) {
                const bytes = content && Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                const file = bytes ? new File([bytes, new Uint8Array(padding * 2 ** 20)], name) : window.gone;
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(file);
                document.querySelector(".ck-photo").dispatchEvent(
                    new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
            }
            Blob.prototype.arrayBuffer = read;
            if (button) document.querySelector(button).click();
        }""",
        [files, click],
    )
    page.wait_for_function("window.reading === 0")
    page.wait_for_timeout(500)  # in which one that was overtaken would be sent, decoded and drawn


def test_the_photo_that_was_dropped_last_wins(page, tmp_path):
    cat, coffee = [b64encode(as_file(one)).decode() for one in (data.chelsea(), data.coffee())]
    status, photo = page.locator(".ck-status").first, page.locator("canvas.ck-photo").first
    (tmp_path / "gone.png").write_bytes(as_file(data.chelsea()))
    page.evaluate("document.body.prepend(Object.assign(document.createElement('input'), { type: 'file', id: 'gone' }))")
    page.locator("#gone").set_input_files(tmp_path / "gone.png")
    page.evaluate("window.gone = document.querySelector('#gone').files[0]")
    (tmp_path / "gone.png").unlink()

    drop_together(page, ["cat.png", cat, 45], ["coffee.png", coffee, 0])
    eventually(status.inner_text, "coffee.png is the picture now.")
    np.testing.assert_array_equal(pixels(photo)[..., :3], resize(data.coffee(), 227))
    drop_together(page, ["gone.png", None, 0], ["cat.png", cat, 0])
    eventually(status.inner_text, "cat.png is the picture now.")
    assert page.locator(".ck-alert").first.inner_text() == ""
    drop_together(page, ["coffee.png", coffee, 45], ["gone.png", None, 0])
    eventually(lambda: "gone.png could not be read" in page.locator(".ck-alert").first.inner_text(), True)
    np.testing.assert_array_equal(pixels(photo)[..., :3], resize(data.chelsea(), 227))
    eventually(lambda: page.locator(ROOT).first.get_attribute("aria-busy"), "false")
    drop_together(page, ["coffee.png", coffee, 45], click=".ck-first")
    eventually(lambda: "first photo" in status.inner_text(), True)
    np.testing.assert_array_equal(pixels(photo)[..., :3], PICTURE)


def test_files_for_two_places_do_not_displace_each_other(site):
    """As in StyleExplorer, which takes a photo and a painting."""
    shared = (ROOT_FOLDER / "coursekit" / "widgets" / "page.js").read_text(encoding="utf-8")
    with site.context.new_page() as page:
        page.goto(site.address + write_page(site.folder, "two_files.html", f"<script>{shared}</script>"))
        sent = page.evaluate(
            """async () => {
                const sent = [];
                const view = { root: document.body, send: ({ name, role }) => sent.push([name, role]), say: () => {} };
                const sendFile = page.pictureFiles(view, { busy: () => {} });
                const file = (name) => new File(["x"], name);
                await Promise.all([
                    sendFile(file("cat.png"), { role: "content" }),
                    sendFile(file("waves.png"), { role: "style" }),
                    sendFile(file("dots.png"), { role: "style" }),
                ]);
                return sent;
            }"""
        )
    assert sorted(sent) == [["cat.png", "content"], ["dots.png", "style"]]


def test_a_drop_without_a_file_is_explained(page):
    page.evaluate(
        """() => {
            const event = new DragEvent("drop", { bubbles: true, cancelable: true });
            Object.defineProperty(event, "dataTransfer", { value: { types: ["Files"], files: [] } });
            document.querySelector(".ck-photo").dispatchEvent(event);
        }"""
    )
    said = "That is no file. Save the picture first, then drop it here."
    eventually(page.locator(".ck-alert").first.inner_text, said)


def test_no_words_of_jupyterlab(page):
    page.clock.install()  # what would be said after ten seconds
    page.evaluate("() => { globalThis.createImageBitmap = () => new Promise(() => {}); }")  # takes for ever
    drop(page, "cat.png", as_file(data.chelsea()), ".ck-photo")
    eventually(lambda: page.locator(ROOT).first.get_attribute("aria-busy"), "true")
    page.clock.run_for(11_000)
    said = page.locator(".ck-status").first.inner_text()
    assert said == "Computing all layers for cat.png … This device is slow, or the page has stopped: load it again."
    assert not any(word in page.locator("body").inner_text() for word in ("Python", "run this cell"))
