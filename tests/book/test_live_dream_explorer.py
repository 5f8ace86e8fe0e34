"""DreamExplorer on a page of the book: gradient ascent in a worker, step by step as Python's. In Chromium."""

import json

import numpy as np
import pytest
import tensorflow as tf

from coursekit import DreamExplorer, channel, class_score, squeezenet
from coursekit.networks.gradients import gradient, permeable
from coursekit.pictures.fitting import photos_for
from coursekit.techniques.objectives import linear_aim
from coursekit.techniques.optimization import Ascent, ascend
from coursekit.techniques.regularizers import view
from coursekit.techniques.spread import spread
from tests.book.live import BESIDE, opened, part, write_numbers, write_page
from tests.browser.reading import eventually, pixels

pytestmark = pytest.mark.browser

ROOT = ".ck-dream-explorer"
PLAIN = {"parametrization": "pixels", "shift": 0, "scale": 0, "rotate": 0}
STILL = {"shift": 0, "scale": 0, "rotate": 0}
ZEBRA = {"layer": "fire6-squeeze1x1", "channel": 13, "label": None, "a": {"seed": 3}, "b": PLAIN, "compare": True}
ZEBRA |= {"steps": 6, "network": "squeezenet", "size": None}

HELP = """<script type="module">
  import { Ascent, randomView, view, viewBack } from "./live/ascent.js";
  import { loadNetwork, makeNetwork } from "./live/network.js";
  const numbers = async (name) => new Float32Array(await (await fetch(name, { cache: "no-store" })).arrayBuffer());
  const parts = loadNetwork((name) => fetch(`live/${name}`));
  const networks = new Map();
  const network = async (size) => {
    if (!networks.has(size)) networks.set(size, await makeNetwork(await parts, size));
    return networks.get(size);
  };
  Object.assign(window, { Ascent, randomView, view, viewBack, network, numbers });
</script>"""


@pytest.fixture(scope="module")
def model():
    return squeezenet()


@pytest.fixture(scope="module")
def page(site):
    with opened(site, "ascent.html", HELP, "Ascent") as page:
        yield page


PENALTIES = {"l2": 5, "total_variation": 20, "blur": 50}


@pytest.mark.parametrize(
    ("aim", "settings"), [(("fire6-squeeze1x1", 13), STILL | PENALTIES), (("conv10", 340), PLAIN | PENALTIES)]
)
def test_steps_equal_pythons(page, model, aim, settings):
    how = Ascent(**settings)
    given = {**{name: getattr(how, name) for name in ("parametrization", *settings)}, "start": "noise", "seed": 0}
    first, steps, second = page.evaluate(
        """async ([layer, channel, settings]) => {
            const ascent = new Ascent({ network: await network(64), layer, channel, unit: 20 }, settings);
            const first = [...ascent.picture()];
            const steps = [ascent.advance()];
            const second = [...ascent.picture()];
            return [first, [...steps, ascent.advance(), ascent.advance()], second];
        }""",
        [*aim, given],
    )
    first, second = (np.float32(one).reshape(64, 64, 3) for one in (first, second))
    assert 100 < first.mean() < 155
    assert 0.3 < first.std() < 30
    stages = list(ascend(linear_aim([channel(model, *aim) / 20]), how, 3, size=64, start=[first]))
    for name in ("score", "penalty"):
        found, expected = [step[name] for step in steps], [float(getattr(stage, name)[0]) for stage in stages[1:]]
        assert found[0] == pytest.approx(expected[0], rel=1e-4, abs=1e-5), name
        assert found == pytest.approx(expected, rel=0.05, abs=0.03), name
    assert all(step["finite"] for step in steps)
    # Adam's first step is the sign of a slope, which rounding turns where it is nearly 0.
    assert np.corrcoef((second - first).ravel(), (stages[1].images()[0] - first).ravel())[0, 1] > 0.999


@pytest.mark.parametrize("how", [[1, 0, 7, 0, 1, 2], [0.96, -0.2, 6.5, 0.2, 0.96, -3.25]])
def test_views_equal_pythons(site, page, how):
    rng = np.random.default_rng(1)
    canvas, side = 40, 24
    picture = rng.uniform(0, 255, (canvas, canvas, 3)).astype(np.float32)
    slope = rng.normal(size=(side, side, 3)).astype(np.float32)
    seen = view(tf.constant(picture[None]), tf.constant([*how, 0, 0], tf.float32), (side, side))[0].numpy()
    write_numbers(site.folder, "picture.f32", picture)
    write_numbers(site.folder, "slope.f32", slope)
    found, back = page.evaluate(
        """async (how) => [[...view(await numbers("picture.f32"), how, 40, 24)],
                           [...viewBack(await numbers("slope.f32"), how, 40, 24)]]""",
        how,
    )
    np.testing.assert_allclose(np.reshape(found, seen.shape), seen, rtol=1e-4, atol=2e-3)
    # The reverse, from its definition: <view(x), s> = <x, reverse(s)>.
    assert np.dot(back, picture.ravel()) == pytest.approx(np.dot(np.float64(found), slope.ravel()), rel=1e-6, abs=1e-3)


def test_random_views_stay_on_the_canvas_and_differ(page):
    views = page.evaluate(
        """() => {
            let state = 0;
            const random = () => (state = (state + 0.37) % 1);
            return Array.from({ length: 200 }, () => randomView(random, 152, 128, 0.1, 8));
        }"""
    )
    turn = np.array(views)[:, [0, 1, 3, 4]].reshape(-1, 2, 2)
    factor = np.sqrt(np.linalg.det(turn))
    assert 1 / 1.1 - 1e-9 <= factor.min() < 0.93
    assert 1.07 < factor.max() <= 1.1 + 1e-9
    angle = np.degrees(np.arctan2(turn[:, 1, 0], turn[:, 0, 0]))
    assert -8 <= angle.min() < -6
    assert 6 < angle.max() <= 8
    middle = turn @ [63.5, 63.5] + np.array(views)[:, [2, 5]]  # where the view's middle lies on the canvas
    assert middle.min() >= 63.5 - 1e-6
    assert middle.max() <= 63.5 + 24 + 1e-6


def test_a_silent_channel_is_woken_as_in_python(site, page, model):
    picture = np.random.default_rng(5).uniform(0, 40, (227, 227, 3)).astype(np.float32)
    layer = "fire9-relu_squeeze1x1"
    mean = lambda maps: tf.reduce_mean(maps[0][..., index], (1, 2))  # noqa: E731
    silent = tf.keras.Model(model.input, model.get_layer(layer).output)(picture[None])[0].numpy().max(axis=(0, 1)) == 0
    index = int(np.flatnonzero(silent)[0])
    _, _, (expected,) = gradient(model, [tf.constant(picture[None])], ((layer, False),), mean, relu=permeable)
    expected = expected[0].numpy()
    write_numbers(site.folder, "picture.f32", picture)
    write_numbers(site.folder, "gradient.f32", expected)
    assert np.abs(expected).max() > 0
    asleep, error = page.evaluate(
        """async ([layer, index]) => {
            const [picture, expected] = [await numbers("picture.f32"), await numbers("gradient.f32")];
            const net = await network(227);
            const slope = (values, count) => {
                const area = values.length / count;
                return new Float32Array(values.length).fill(1 / area, index * area, (index + 1) * area);
            };
            const length = (all) => Math.sqrt(all.reduce((sum, one) => sum + one * one, 0));
            const found = net.gradient(picture, layer, slope, true).gradient;
            return [length(net.gradient(picture, layer, slope).gradient),
                    length(found.map((one, i) => one - expected[i])) / length(expected)];
        }""",
        [layer, index],
    )
    assert asleep == 0
    assert error < 1e-2  # rounding opens or closes single units


def test_spreads_equal_pythons(site, model):
    spreads = json.loads((site.folder / BESIDE / "live" / "spreads.json").read_text())
    explorer = DreamExplorer(model)
    assert {layer: len(one["units"]) for layer, one in spreads.items()} == dict(explorer._channels)
    for objective, layer, index in [
        (channel(model, "fire6-squeeze1x1", 13), "fire6-squeeze1x1", 13),
        (class_score(model, "zebra"), "conv10", 340),
    ]:
        unit, strongest = spread(objective, photos_for((227, 227, 3)))
        assert spreads[layer]["units"][index] == pytest.approx(unit, rel=0.006)
        assert spreads[layer]["strongest"][index] == pytest.approx(strongest, rel=0.007, abs=1e-3)


def test_explorer_by_keys_and_mouse(site):
    with site.context.new_page() as page:
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(site.address + write_page(site.folder, "dream.html", part("DreamExplorer", ZEBRA)))
        explorer = page.locator(ROOT)
        explorer.wait_for()
        start = explorer.locator(".ck-start")
        start.press("Enter")
        eventually(lambda: explorer.locator(".ck-step").inner_text(), "step 6 of 6", 300)
        assert explorer.locator(".ck-title").inner_text() == "fire6-squeeze1x1, channel 13"
        knobs = explorer.locator(".ck-panel[data-panel=a] .ck-value").all_inner_texts()
        assert knobs == ["0", "0", "0", "12 px", "0.1", "8°"]
        drawn = [pixels(canvas) for canvas in explorer.locator(".ck-stack canvas").all()]
        assert [one.shape for one in drawn] == [(128, 128, 4)] * 2
        assert all(one[..., :3].std() > 3 for one in drawn)
        explorer.locator(".ck-details summary").click()
        code = explorer.locator(".ck-code").inner_text()
        objective, first, second = code.split("\n")
        assert objective.startswith("objective = channel(model, 'fire6-squeeze1x1', 13) / ")
        assert first == "a = maximize(objective, steps=6, size=128, seed=3).images[0]"
        assert "parametrization='pixels', shift=0, scale=0, rotate=0" in second
        eventually(lambda: explorer.locator(".ck-status").inner_text(), "Done.")

        explorer.locator(".ck-compare").uncheck()  # a new choice begins anew
        explorer.get_by_label("class", exact=True).check()
        explorer.locator(".ck-class").fill("zebra")
        eventually(lambda: explorer.locator(".ck-title").inner_text(), "zebra", 300)
        code = explorer.locator(".ck-code")
        eventually(lambda: code.inner_text().split(" / ")[0], "objective = class_score(model, 'zebra')", 300)
        eventually(lambda: pixels(explorer.locator(".ck-stack canvas").first).shape, (227, 227, 4))
        steps = explorer.locator(".ck-steps")
        steps.fill("4000")
        steps.press("Enter")
        eventually(lambda: start.inner_text(), "Stop")
        start.click()
        eventually(lambda: explorer.locator(".ck-status").inner_text(), "Stopped.")
        assert "Python draws" in page.locator(".ck-live-note").inner_text()
        start.press("Enter")
        start.press("Enter")  # before the first step
        eventually(lambda: explorer.locator(".ck-status").inner_text(), "Stopped.")
        eventually(lambda: "getting ready" in explorer.locator(".ck-step").inner_text(), False)
        knob = explorer.get_by_label("Blur, A")
        knob.focus()
        assert "blur would take away" in explorer.locator(".ck-panel[data-panel=a] .ck-hint").inner_text()
        assert "blur would take away" in knob.get_attribute("aria-description")
    assert not errors


def test_without_the_network_start_can_be_pressed_again(site):
    with site.context.browser.new_context() as context, context.new_page() as page:
        context.route("**/weights.f32.bin", lambda route: route.abort())
        page.goto(site.address + write_page(site.folder, "dreamless.html", part("DreamExplorer", ZEBRA)))
        explorer = page.locator(ROOT)
        explorer.locator(".ck-start").press("Enter")
        said = "The network could not be loaded. Press Start to try again."
        eventually(explorer.locator(".ck-alert:not(.ck-stuck)").inner_text, said)
        context.unroute("**/weights.f32.bin")
        explorer.locator(".ck-start").press("Enter")
        eventually(explorer.locator(".ck-step").inner_text, "step 6 of 6", 300)
        assert explorer.locator(".ck-alert:not(.ck-stuck)").inner_text() == ""
