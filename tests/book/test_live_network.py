"""The network in the page against Keras, in Chromium: all layers, gradients, fields, and pictures in its size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from coursekit import activations, photo, receptive_field, resize, squeezenet, strongest_channel
from coursekit.networks.graph import steps
from tests.book.live import opened, write_numbers

pytestmark = pytest.mark.browser

WORST = 1e-5  # of a layer's largest error over its largest value, in float32
NOISE = np.random.default_rng(0).uniform(0, 255, (227, 227, 3)).astype(np.float32)

HELP = """<script type="module">
  import { loadNetwork, makeNetwork } from "./live/network.js";
  import { receptiveFields } from "./live/fields.js";
  import { resize } from "./live/picture.js";
  const bytes = async (name) => (await fetch(name, { cache: "no-store" })).arrayBuffer();
  const numbers = async (name) => new Float32Array(await bytes(name));
  const networks = new Map();
  const network = async (size) => {
    const parts = await loadNetwork((name) => fetch(`live/${name}`));
    if (!networks.has(size)) networks.set(size, await makeNetwork(parts, size));
    return networks.get(size);
  };
  const worst = (found, expected) => {
    let [most, error] = [0, found.length === expected.length ? 0 : Infinity];
    for (let i = 0; i < found.length; i++) {
      most = Math.max(most, Math.abs(expected[i]));
      error = Math.max(error, Math.abs(found[i] - expected[i]));
      if (Number.isNaN(found[i])) error = Infinity;
    }
    return most ? error / most : error;
  };
  const length = (all) => Math.sqrt(all.reduce((sum, one) => sum + one * one, 0));
  const apart = (found, expected) => length(found.map((one, i) => one - expected[i])) / length(expected);
  Object.assign(window, { bytes, numbers, network, worst, apart, receptiveFields, resize });
</script>"""


@pytest.fixture(scope="module")
def model():
    return squeezenet()


@pytest.fixture(scope="module")
def page(site):
    with opened(site, "network.html", HELP, "receptiveFields") as page:
        yield page


PICTURES = {
    "face": resize(photo("astronaut")[20:240, 120:340], 227),
    "chelsea": photo("chelsea", 227),
    "noise": NOISE,
}


@pytest.mark.parametrize("name", PICTURES)
def test_all_layers_equal_keras(site, page, model, name):
    answers = activations(model, PICTURES[name].astype(np.float32))
    write_numbers(site.folder, "picture.f32", PICTURES[name])
    write_numbers(site.folder, "layers.f32", np.concatenate([np.moveaxis(a, -1, 0).ravel() for a in answers.values()]))
    errors = page.evaluate(
        """async () => {
            const [picture, expected] = [await numbers("picture.f32"), await numbers("layers.f32")];
            const net = await network(227);
            let at = 0;
            const errors = [...net.activations(picture)].map(([name, { values }]) =>
                [name, worst(values, expected.subarray(at, (at += values.length)))]);
            return [errors, at === expected.length];
        }"""
    )
    assert [layer for layer, _ in errors[0]] == list(answers)
    assert errors[1]
    assert max(error for _, error in errors[0]) <= WORST, max(errors[0], key=lambda one: one[1])


@pytest.mark.parametrize("size", [227, 128])
def test_gradients_to_the_picture_equal_keras(site, page, model, size):
    layers = ["fire6-squeeze1x1", "pool5", "fire9-concat", "conv10", "pool10", "prob"]
    sized = keras.models.clone_model(model, input_tensors=keras.Input((size, size, 3)))
    sized.set_weights(model.get_weights())
    outputs = keras.Model(sized.input, [sized.get_layer(layer).output for layer in layers])
    picture = resize(PICTURES["chelsea"], size).astype(np.float32)
    write_numbers(site.folder, "picture.f32", picture)
    with tf.GradientTape(persistent=True) as tape:
        x = tf.constant(picture[None])
        tape.watch(x)
        answers = outputs(x, training=False)
        channels = [strongest_channel(np.reshape(a, (-1, 1, a.shape[-1]))) for a in answers]
        scores = [tf.reduce_mean(a[..., c]) for a, c in zip(answers, channels, strict=True)]
    for layer, channel, score in zip(layers, channels, scores, strict=True):
        write_numbers(site.folder, "gradient.f32", tape.gradient(score, x)[0])
        error, score_in_page = page.evaluate(
            """async ([size, layer, channel]) => {
                const net = await network(size);
                const [picture, expected] = [await numbers("picture.f32"), await numbers("gradient.f32")];
                const [, H, W] = net.layers.find((one) => one.name === layer).shape;
                const mine = [channel * H * W, (channel + 1) * H * W];
                const slope = (values) => new Float32Array(values.length).fill(1 / (H * W), ...mine);
                const { values, gradient } = net.gradient(picture, layer, slope);
                return [apart(gradient, expected), values.subarray(...mine).reduce((a, b) => a + b) / (H * W)];
            }""",
            [size, layer, channel],
        )
        assert error <= 2e-3, (
            layer
        )  # 1e-6 as a rule; but where rounding opens or closes a unit, its gradient comes or goes
        assert score_in_page == pytest.approx(float(score), rel=1e-4), layer


def test_two_explorers_do_not_mix(site, page):
    write_numbers(site.folder, "picture.f32", PICTURES["face"])
    write_numbers(site.folder, "other.f32", PICTURES["chelsea"])
    before, after, other = page.evaluate(
        """async () => {
            const [net, picture, next] = [await network(227), await numbers("picture.f32"), await numbers("other.f32")];
            const mine = net.activations(picture);
            const sum = (answers) => [...answers.values()].map(({ values }) => values.reduce((a, b) => a + b));
            const before = sum(mine);
            const other = sum(net.activations(next));
            net.gradient(next, "conv10", (values) => values.fill(1));
            return [before, sum(mine), other];
        }"""
    )
    assert before == after
    assert all(a != b for a, b in zip(before, other, strict=True) if a != pytest.approx(1, abs=1e-5))  # but for "prob"


def test_what_units_see(site, page, model):
    fields = {step.name: receptive_field(model, step.name) for step in steps(model) if len(step.shape) == 3}
    assert {field.kind for field in fields.values()} == {"exact"}
    boxes = np.concatenate([field.boxes().ravel() for field in fields.values()])
    write_numbers(site.folder, "boxes.f32", boxes)
    names, other = page.evaluate(
        """async () => {
            const [found, expected] = [receptiveFields(await network(227)), await numbers("boxes.f32")];
            let [at, other] = [0, 0];
            for (const boxes of found.values()) for (const one of boxes) if (one !== expected[at++]) other++;
            return [[...found.keys()], other + Math.abs(expected.length - at)];
        }"""
    )
    assert names == list(fields)
    assert other == 0


SIZES = [
    *[((451, 300), (227, 227)), ((300, 451), (227, 227)), ((40, 61), (227, 227)), ((227, 227), (227, 227))],
    *[((231, 229), (227, 227)), ((232, 229), (227, 227)), ((227, 512), (227, 227)), ((512, 227), (227, 227))],
    *[((1, 1), (9, 5)), ((700, 3), (2, 8)), ((64, 90), (63, 91)), ((300, 150), (227, 100)), ((340, 150), (227, 100))],
]


def test_pictures_in_another_size_are_pillows(site, page):
    random = np.random.default_rng(3)
    for of, to in SIZES:
        picture = random.integers(0, 256, (*of, 3), np.uint8)
        rgba = np.concatenate([picture, np.full((*of, 1), 255, np.uint8)], axis=2)
        write_numbers(site.folder, "picture.f32", rgba)
        write_numbers(site.folder, "resized.f32", resize(picture, to))
        other = page.evaluate(
            """async ([of, to]) => {
                const [picture, expected] = [await numbers("picture.f32"), await numbers("resized.f32")];
                const found = resize(Uint8ClampedArray.from(picture), ...of, ...to);
                return expected.filter((one, i) => one !== found[i]).length + Math.abs(expected.length - found.length);
            }""",
            [of, to],
        )
        assert other == 0, (of, to)
